#include "widgets/views/plot/plot_canvas.h"

#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_decimation.h"
#include "widgets/views/plot/plot_style.h"

#include <QtCharts/QAreaSeries>
#include <QtCharts/QLineSeries>
#include <QtCharts/QValueAxis>

#include <QGraphicsLayout>
#include <QResizeEvent>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr double kMarginShare = 0.05; // of a fitted y range, above and below

QLineSeries* newLine(QChart* chart, QValueAxis* x, QValueAxis* y)
{
    auto* line = new QLineSeries;
    chart->addSeries(line);
    line->attachAxis(x);
    line->attachAxis(y);
    return line;
}

QValueAxis* hiddenAxis(QChart* chart, Qt::Alignment side)
{
    auto* axis = new QValueAxis(chart);
    axis->setVisible(false);
    chart->addAxis(axis, side);
    return axis;
}

void widen(std::optional<PlotRange>& extent, double coordinate)
{
    if (std::isnan(coordinate))
        return;
    if (!extent)
        extent = PlotRange{coordinate, coordinate};
    extent->from = std::min(extent->from, coordinate);
    extent->to = std::max(extent->to, coordinate);
}

} // namespace

PlotCanvas::PlotCanvas(const PlotContent& content, QWidget* parent)
    : QChartView(new QChart, parent)
    , m_content(content)
    , m_xAxis(hiddenAxis(chart(), Qt::AlignBottom))
    , m_yAxis(hiddenAxis(chart(), Qt::AlignLeft))
{
    chart()->legend()->hide();
    chart()->setMargins({});
    chart()->layout()->setContentsMargins(0, 0, 0, 0);
    chart()->setBackgroundVisible(false);
    chart()->setAnimationOptions(QChart::NoAnimation);
    setRenderHint(QPainter::Antialiasing);
    setViewportUpdateMode(QGraphicsView::FullViewportUpdate);
    setFrameShape(QFrame::NoFrame);
    setStyleSheet(QStringLiteral("background: transparent; border: none;"));
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    viewport()->setMouseTracking(true);
    setMinimumSize(20 * kGrid, 14 * kGrid);
}

int PlotCanvas::styleOf(int index) const
{
    const int style = m_content.series.at(index).style;
    return style < 0 ? index : style;
}

bool PlotCanvas::isEmpty() const
{
    return std::all_of(m_content.series.begin(), m_content.series.end(),
                       [](const PlotSeries& series) { return series.x.empty(); });
}

double PlotCanvas::barWidth() const
{
    for (const PlotSeries& series : m_content.series) {
        if (series.x.size() > 1)
            return series.x[1] - series.x[0];
    }
    return 1.0;
}

PlotRange PlotCanvas::fittedX() const
{
    std::optional<PlotRange> extent;
    for (const PlotSeries& series : m_content.series) {
        if (const auto own = coordinateExtent(m_content.x.scale, series.x)) {
            widen(extent, own->from);
            widen(extent, own->to);
        }
    }
    if (!extent)
        return {0.0, 1.0};
    if (m_content.mode == PlotMode::Bars) {
        const double width = barWidth();
        return m_content.x.labels.isEmpty() ? PlotRange{extent->from, extent->to + width}
                                            : PlotRange{extent->from - width / 2, extent->to + width / 2};
    }
    return extent->to > extent->from ? *extent : paddedRange(*extent, 0.0);
}

// Fits what is shown of x, bands included.
PlotRange PlotCanvas::fittedY() const
{
    const PlotScale scale = m_content.y.scale;
    std::optional<PlotRange> extent;
    for (const PlotSeries& series : m_content.series) {
        const bool band = series.low.size() == series.y.size() && series.high.size() == series.y.size();
        const double from = fromScale(m_content.x.scale, m_x.from), to = fromScale(m_content.x.scale, m_x.to);
        const auto begin = std::lower_bound(series.x.begin(), series.x.end(), from) - series.x.begin();
        const auto end = std::upper_bound(series.x.begin(), series.x.end(), to) - series.x.begin();
        for (auto i = static_cast<std::size_t>(begin);
             i < std::min(static_cast<std::size_t>(end), series.y.size()); ++i) {
            widen(extent, toScale(scale, series.y[i]));
            if (band) {
                widen(extent, toScale(scale, series.low[i]));
                widen(extent, toScale(scale, series.high[i]));
            }
        }
    }
    if (!extent)
        return scale == PlotScale::Logarithmic ? PlotRange{-1.0, 1.0} : PlotRange{0.0, 1.0};
    PlotRange range = paddedRange(*extent, kMarginShare);
    if (scale == PlotScale::Linear && (m_content.y.fromZero || m_content.mode == PlotMode::Bars)) {
        range.from = extent->from < 0.0 ? range.from : 0.0;
        range.to = range.to > 0.0 ? range.to : 1.0;
    }
    return range;
}

void PlotCanvas::updateRanges()
{
    m_x = fittedX();
    if (m_xShown) {
        const double from = toScale(m_content.x.scale, m_xShown->from);
        const double to = toScale(m_content.x.scale, m_xShown->to);
        if (from < to)
            m_x = {from, to};
    }
    m_y = m_yShown ? *m_yShown : fittedY();
    m_xAxis->setRange(m_x.from, m_x.to);
    m_yAxis->setRange(m_y.from, m_y.to);
}

void PlotCanvas::updateLayout()
{
    layOutLegend();
    QFont small = font();
    small.setPointSizeF(8.5);
    const QFontMetricsF metrics(small);
    double widest = 3.0 * kGrid;
    for (const PlotTick& tick : axisTicks(m_content.y, m_y, std::max(2, height() / 28)))
        widest = std::max(widest, metrics.horizontalAdvance(tick.text));
    const double left = kGrid + metrics.height() + kGrid / 2.0 + widest + kGrid;
    const double top = m_legend.isEmpty() ? 4.0 * kGrid : m_legend.last().place.bottom() + kGrid;
    const double bottom = 2.0 * metrics.height() + 2.0 * kGrid;
    const QRectF area(left, top, std::max(16.0, width() - left - 3.0 * kGrid),
                      std::max(16.0, height() - top - bottom));
    if (area == m_area)
        return;
    m_area = area;
    chart()->setPlotArea(area);
}

// Title first; chips behind it, or in lines below where they do not fit.
void PlotCanvas::layOutLegend()
{
    QFont titleFont = font();
    titleFont.setWeight(QFont::DemiBold);
    QFont small = font();
    small.setPointSizeF(8.5);
    const QFontMetricsF metrics(small);
    const double line = metrics.height() + kGrid / 2.0;
    double x = kGrid + QFontMetricsF(titleFont).horizontalAdvance(m_content.title) + 2.0 * kGrid;
    double y = kGrid / 2.0;
    m_legend.clear();
    for (int index = 0; index < m_content.series.size(); ++index) {
        const PlotSeries& series = m_content.series.at(index);
        if (series.faint || (m_content.series.size() == 1 && series.name.isEmpty()))
            continue;
        const double width = 44.0 + metrics.horizontalAdvance(series.name);
        if (x + width > this->width() - kGrid && x > kGrid) {
            x = kGrid;
            y += line;
        }
        m_legend.append({index, QRectF(x, y, width, line)});
        x += width + kGrid;
    }
}

void PlotCanvas::matchSeriesCount()
{
    while (m_drawn.size() > static_cast<std::size_t>(m_content.series.size())) {
        Drawn& drawn = m_drawn.back();
        if (drawn.band) {
            chart()->removeSeries(drawn.band);
            delete drawn.band;
            delete drawn.lower;
            delete drawn.upper;
        }
        chart()->removeSeries(drawn.line);
        delete drawn.line;
        m_drawn.pop_back();
    }
    while (m_drawn.size() < static_cast<std::size_t>(m_content.series.size())) {
        Drawn drawn;
        drawn.lower = new QLineSeries(this);
        drawn.upper = new QLineSeries(this);
        drawn.band = new QAreaSeries(drawn.upper, drawn.lower);
        chart()->addSeries(drawn.band);
        drawn.band->attachAxis(m_xAxis);
        drawn.band->attachAxis(m_yAxis);
        drawn.line = newLine(chart(), m_xAxis, m_yAxis);
        m_drawn.push_back(drawn);
    }
}

void PlotCanvas::drawSeries(int index)
{
    const PlotSeries& series = m_content.series.at(index);
    const Drawn& drawn = m_drawn.at(static_cast<std::size_t>(index));
    const bool dark = themeColors().dark;
    QPen pen = seriesPen(styleOf(index), dark, series.width);
    QColor fill = pen.color();
    fill.setAlphaF(dark ? 0.28F : 0.20F);
    if (series.faint) {
        QColor pale = pen.color();
        pale.setAlphaF(dark ? 0.45F : 0.40F);
        pen = QPen(pale, 1.0);
    }
    DrawnSeries points =
        decimated(series, m_content.x.scale, m_content.y.scale, m_x, static_cast<int>(m_area.width()));
    drawn.line->setPen(pen);
    drawn.line->setPointsVisible(points.line.size() == 1);
    drawn.line->replace(points.line);
    drawn.band->setVisible(!points.lower.isEmpty());
    drawn.band->setPen(Qt::NoPen);
    drawn.band->setBrush(fill);
    drawn.lower->replace(points.lower);
    drawn.upper->replace(points.upper);
}

// Bars are the area under a curve of steps; several series stand beside each other within a place.
void PlotCanvas::drawBars(int index)
{
    const PlotSeries& series = m_content.series.at(index);
    const Drawn& drawn = m_drawn.at(static_cast<std::size_t>(index));
    const bool dark = themeColors().dark, named = !m_content.x.labels.isEmpty();
    const double slot = barWidth(), count = static_cast<double>(m_content.series.size());
    const double gap = named ? 0.2 * slot : 0.0, width = (slot - gap) / count;
    const double offset = (named ? -slot / 2.0 : 0.0) + gap / 2.0 + width * index;
    const double inset = width * 0.04;
    const double base = m_content.y.scale == PlotScale::Logarithmic ? m_y.from : 0.0;
    QList<QPointF> upper, lower;
    for (std::size_t i = 0; i < std::min(series.x.size(), series.y.size()); ++i) {
        const double value = toScale(m_content.y.scale, series.y[i]);
        const double from = series.x[i] + offset + inset, to = series.x[i] + offset + width - inset;
        const double top = std::isnan(value) ? base : value;
        upper << QPointF(from, base) << QPointF(from, top) << QPointF(to, top) << QPointF(to, base);
        lower << QPointF(from, base) << QPointF(to, base);
    }
    const QColor color = seriesColor(styleOf(index), dark);
    QColor fill = color;
    fill.setAlphaF(0.75F);
    drawn.line->replace(QList<QPointF>());
    drawn.band->setVisible(!upper.isEmpty());
    drawn.band->setPen(QPen(color, 1.0));
    drawn.band->setBrush(fill);
    drawn.upper->replace(upper);
    drawn.lower->replace(lower);
}

void PlotCanvas::refresh()
{
    matchSeriesCount();
    updateRanges();
    updateLayout();
    for (int index = 0; index < m_content.series.size(); ++index) {
        if (m_content.mode == PlotMode::Bars)
            drawBars(index);
        else
            drawSeries(index);
    }
    viewport()->update();
}

qsizetype PlotCanvas::drawnPoints() const
{
    qsizetype count = 0;
    for (const Drawn& drawn : m_drawn)
        count += drawn.line->count() + drawn.upper->count() + drawn.lower->count();
    return count;
}

PlotRange PlotCanvas::xRange() const
{
    return {fromScale(m_content.x.scale, m_x.from), fromScale(m_content.x.scale, m_x.to)};
}

PlotRange PlotCanvas::yRange() const
{
    return {fromScale(m_content.y.scale, m_y.from), fromScale(m_content.y.scale, m_y.to)};
}

void PlotCanvas::setShownX(std::optional<PlotRange> range)
{
    if (range == m_xShown)
        return;
    m_xShown = range;
    refresh();
}

void PlotCanvas::setCrosshair(std::optional<double> x)
{
    if (x == m_crosshair)
        return;
    m_crosshair = x;
    viewport()->update();
}

void PlotCanvas::fit()
{
    m_yShown.reset();
    showXByUser(std::nullopt);
}

void PlotCanvas::showXByUser(std::optional<PlotRange> range)
{
    m_xShown = range;
    refresh();
    emit xShownByUser(range);
}

void PlotCanvas::zoom(Qt::Orientation axis, double factor, double place)
{
    const PlotRange& now = axis == Qt::Horizontal ? m_x : m_y;
    const double fixed = now.from + (now.to - now.from) * place, size = (now.to - now.from) * factor;
    const double smallest = 1e-9 * std::max({std::abs(now.from), std::abs(now.to), 1e-9});
    if (!(size > smallest) || !std::isfinite(size))
        return;
    PlotRange range{fixed - size * place, fixed + size * (1.0 - place)};
    if (axis == Qt::Vertical) {
        m_yShown = range;
        refresh();
        return;
    }
    const PlotRange all = fittedX();
    range = {std::max(range.from, all.from), std::min(range.to, all.to)};
    if (range == all)
        showXByUser(std::nullopt);
    else
        showXByUser(
            PlotRange{fromScale(m_content.x.scale, range.from), fromScale(m_content.x.scale, range.to)});
}

void PlotCanvas::pan(double share)
{
    const PlotRange all = fittedX();
    const double size = m_x.to - m_x.from;
    const double shift =
        std::clamp(share * size, all.from - m_x.from, std::max(all.from - m_x.from, all.to - m_x.to));
    if (!m_xShown || shift == 0.0)
        return;
    showXByUser(PlotRange{fromScale(m_content.x.scale, m_x.from + shift),
                          fromScale(m_content.x.scale, m_x.to + shift)});
}

void PlotCanvas::resizeEvent(QResizeEvent* event)
{
    QChartView::resizeEvent(event);
    refresh();
}

} // namespace mmfree::gui
