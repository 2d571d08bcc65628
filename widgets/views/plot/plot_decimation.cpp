#include "widgets/views/plot/plot_decimation.h"

#include "widgets/views/plot/plot_scale.h"

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

// The extremes of the points that fall into one pixel column.
struct Column {
    QPointF smallest, largest;
    bool any = false, largestFirst = false;

    void add(const QPointF& point)
    {
        if (!any) {
            smallest = largest = point;
            any = true;
            return;
        }
        if (point.y() < smallest.y()) {
            smallest = point;
            largestFirst = true;
        } else if (point.y() > largest.y()) {
            largest = point;
            largestFirst = false;
        }
    }
    void flush(QList<QPointF>& out)
    {
        if (!any)
            return;
        out.append(largestFirst ? largest : smallest);
        if (smallest != largest)
            out.append(largestFirst ? smallest : largest);
        any = false;
    }
};

// First and one past the last element to draw: those inside the range and one beyond each side, so that
// lines run to the edge.
std::pair<std::size_t, std::size_t> shownElements(const std::vector<double>& x, PlotScale scale,
                                                  const PlotRange& range)
{
    const double from = fromScale(scale, range.from), to = fromScale(scale, range.to);
    auto first = std::lower_bound(x.begin(), x.end(), from);
    auto last = std::upper_bound(x.begin(), x.end(), to);
    if (first != x.begin())
        --first;
    if (last != x.end())
        ++last;
    return {static_cast<std::size_t>(first - x.begin()), static_cast<std::size_t>(last - x.begin())};
}

} // namespace

DrawnSeries decimated(const PlotSeries& series, PlotScale xScale, PlotScale yScale, const PlotRange& range,
                      int columns)
{
    DrawnSeries drawn;
    const auto [first, last] = shownElements(series.x, xScale, range);
    const bool band =
        !series.low.empty() && series.low.size() == series.y.size() && series.high.size() == series.y.size();
    const double perColumn = (range.to - range.from) / std::max(1, columns);
    Column line, lower, upper;
    double column = 0.0;
    const auto flush = [&] {
        line.flush(drawn.line);
        if (lower.any)
            drawn.lower.append(lower.smallest);
        if (upper.any)
            drawn.upper.append(upper.largest);
        lower.any = upper.any = false;
    };
    for (std::size_t i = first; i < std::min(last, series.y.size()); ++i) {
        const QPointF point(toScale(xScale, series.x[i]), toScale(yScale, series.y[i]));
        if (std::isnan(point.x()) || std::isnan(point.y()))
            continue;
        const double place = std::floor((point.x() - range.from) / perColumn);
        if (place != column)
            flush();
        column = place;
        line.add(point);
        if (!band)
            continue;
        const double low = toScale(yScale, series.low[i]), high = toScale(yScale, series.high[i]);
        if (!std::isnan(low) && !std::isnan(high)) {
            lower.add({point.x(), low});
            upper.add({point.x(), high});
        }
    }
    flush();
    return drawn;
}

} // namespace mmfree::gui
