// What PlotCanvas paints around the chart's series: grid, texts, legend, markers, crosshair.
#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_canvas.h"
#include "widgets/views/plot/plot_style.h"

#include <QPainter>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

QFont smallFont(const QFont& font)
{
    QFont small = font;
    small.setPointSizeF(8.5);
    return small;
}

QString axisText(const PlotAxis& axis)
{
    return axis.unit.isEmpty() ? axis.title : QStringLiteral("%1 (%2)").arg(axis.title, axis.unit);
}

} // namespace

QPointF PlotCanvas::pixelOf(double xCoordinate, double yCoordinate) const
{
    return {m_area.left() + (xCoordinate - m_x.from) / (m_x.to - m_x.from) * m_area.width(),
            m_area.bottom() - (yCoordinate - m_y.from) / (m_y.to - m_y.from) * m_area.height()};
}

void PlotCanvas::drawBackground(QPainter* painter, const QRectF& rect)
{
    painter->fillRect(rect, themeColors().surface);
    paintAxes(*painter);
    paintLegend(*painter);
}

void PlotCanvas::paintAxes(QPainter& painter)
{
    const ThemeColors& colors = themeColors();
    const QFont small = smallFont(font());
    const QFontMetricsF metrics(small);
    const QPen grid(colors.border, 1.0), text(colors.muted);
    painter.setRenderHint(QPainter::Antialiasing, false);
    painter.setFont(small);
    double taken = -1e9; // right end of the last text below the axis
    for (const PlotTick& tick :
         axisTicks(m_content.x, m_x, std::max(2, static_cast<int>(m_area.width() / 80.0)))) {
        const double x = std::round(pixelOf(tick.coordinate, 0.0).x());
        painter.setPen(grid);
        painter.drawLine(QPointF(x, m_area.top()), QPointF(x, m_area.bottom()));
        const double width = metrics.horizontalAdvance(tick.text);
        if (x - width / 2.0 < taken + kGrid)
            continue;
        taken = x + width / 2.0;
        painter.setPen(text);
        painter.drawText(QPointF(x - width / 2.0, m_area.bottom() + metrics.ascent() + kGrid / 2.0),
                         tick.text);
    }
    for (const PlotTick& tick :
         axisTicks(m_content.y, m_y, std::max(2, static_cast<int>(m_area.height() / 28.0)))) {
        const double y = std::round(pixelOf(0.0, tick.coordinate).y());
        painter.setPen(grid);
        painter.drawLine(QPointF(m_area.left(), y), QPointF(m_area.right(), y));
        const double width = metrics.horizontalAdvance(tick.text);
        painter.setPen(text);
        painter.drawText(QPointF(m_area.left() - kGrid - width, y + metrics.ascent() / 2.0 - 1.0), tick.text);
    }
    painter.setPen(text);
    // A title that does not fit stands without its unit; the table and exports keep it.
    const auto fitting = [&](const PlotAxis& axis, double length) {
        const QString full = axisText(axis);
        return metrics.horizontalAdvance(full) <= length
                   ? full
                   : metrics.elidedText(axis.unit.isEmpty() ? axis.title : axis.unit, Qt::ElideRight, length);
    };
    const QString xText = fitting(m_content.x, m_area.width()),
                  yText = fitting(m_content.y, m_area.height() + 2.0 * kGrid);
    painter.drawText(QPointF(m_area.center().x() - metrics.horizontalAdvance(xText) / 2.0,
                             m_area.bottom() + 2.0 * metrics.height() + kGrid / 2.0),
                     xText);
    painter.save();
    painter.translate(kGrid + metrics.ascent(), m_area.center().y() + metrics.horizontalAdvance(yText) / 2.0);
    painter.rotate(-90.0);
    painter.drawText(QPointF(0.0, 0.0), yText);
    painter.restore();
    painter.setPen(QPen(colors.control, 1.0));
    painter.drawLine(m_area.bottomLeft(), m_area.bottomRight());
    painter.setRenderHint(QPainter::Antialiasing, true);
}

void PlotCanvas::paintLegend(QPainter& painter)
{
    const ThemeColors& colors = themeColors();
    QFont titleFont = font();
    titleFont.setWeight(QFont::DemiBold);
    painter.setFont(titleFont);
    painter.setPen(colors.text);
    const QFontMetricsF titleMetrics(titleFont);
    painter.drawText(QPointF(kGrid, kGrid / 2.0 + titleMetrics.ascent()), m_content.title);
    const QFont small = smallFont(font());
    const QFontMetricsF metrics(small);
    painter.setFont(small);
    for (const LegendEntry& entry : m_legend) {
        if (entry.series >= m_content.series.size())
            continue; // content changed since the last refresh(), the next one lays out anew
        const int style = styleOf(entry.series);
        const double middle = entry.place.center().y();
        painter.setPen(seriesPen(style, colors.dark, 2.0));
        painter.drawLine(QPointF(entry.place.left(), middle), QPointF(entry.place.left() + 22.0, middle));
        painter.setPen(seriesColor(style, colors.dark));
        painter.drawText(QPointF(entry.place.left() + 26.0, middle + metrics.ascent() / 2.0 - 1.0),
                         seriesLetter(style));
        painter.setPen(colors.text);
        painter.drawText(QPointF(entry.place.left() + 38.0, middle + metrics.ascent() / 2.0 - 1.0),
                         m_content.series.at(entry.series).name);
    }
}

void PlotCanvas::drawForeground(QPainter* painter, const QRectF&)
{
    const ThemeColors& colors = themeColors();
    if (isEmpty()) {
        painter->setFont(font());
        painter->setPen(colors.muted);
        painter->drawText(m_area.adjusted(kGrid, 0, -kGrid, 0), Qt::AlignCenter | Qt::TextWordWrap,
                          m_content.emptyText.isEmpty() ? tr("Nothing to show yet") : m_content.emptyText);
    }
    paintMarkers(*painter);
    if (m_content.mode == PlotMode::Lines)
        paintLetters(*painter);
    if (m_pressed && m_brushEnd) {
        QColor fill = colors.accent;
        fill.setAlphaF(0.15F);
        painter->fillRect(QRectF(std::min(m_pressed->x(), *m_brushEnd), m_area.top(),
                                 std::abs(*m_brushEnd - m_pressed->x()), m_area.height()),
                          fill);
    }
    paintCrosshair(*painter);
    if (hasFocus()) {
        painter->setPen(QPen(colors.accent, 2.0));
        painter->setBrush(Qt::NoBrush);
        painter->drawRoundedRect(QRectF(viewport()->rect()).adjusted(1, 1, -1, -1), 6, 6);
    }
}

void PlotCanvas::paintMarkers(QPainter& painter)
{
    const ThemeColors& colors = themeColors();
    const QFont small = smallFont(font());
    const QFontMetricsF metrics(small);
    painter.setFont(small);
    double taken = -1e9;
    for (const PlotMarker& marker : m_content.markers) {
        const double coordinate = toScale(m_content.x.scale, marker.x);
        if (std::isnan(coordinate) || coordinate < m_x.from || coordinate > m_x.to)
            continue;
        const double x = std::round(pixelOf(coordinate, 0.0).x());
        painter.setPen(QPen(colors.warning, 1.0, Qt::DashDotLine));
        painter.drawLine(QPointF(x, m_area.top()), QPointF(x, m_area.bottom()));
        const double width = metrics.horizontalAdvance(marker.text);
        const double left = x + 3.0 + width > m_area.right() ? x - 3.0 - width : x + 3.0;
        if (left < taken + 4.0)
            continue;
        taken = left + width;
        painter.setPen(colors.warning);
        painter.drawText(QPointF(left, m_area.top() + metrics.ascent()), marker.text);
    }
}

// The letter of each series at the end of its line.
void PlotCanvas::paintLetters(QPainter& painter)
{
    if (m_legend.size() < 2)
        return;
    const bool dark = themeColors().dark;
    painter.setFont(smallFont(font()));
    for (const LegendEntry& entry : m_legend) {
        if (entry.series >= m_content.series.size())
            continue; // as in paintLegend()
        const PlotSeries& series = m_content.series.at(entry.series);
        const auto last = nearest(series, fromScale(m_content.x.scale, m_x.to));
        if (!last)
            continue;
        const double x = toScale(m_content.x.scale, series.x[*last]);
        const double y = toScale(m_content.y.scale, series.y[*last]);
        if (std::isnan(x) || x < m_x.from || x > m_x.to || std::isnan(y) || y < m_y.from || y > m_y.to)
            continue;
        painter.setPen(seriesColor(styleOf(entry.series), dark));
        painter.drawText(pixelOf(x, y) + QPointF(5.0, 4.0), seriesLetter(styleOf(entry.series)));
    }
}

std::optional<std::size_t> PlotCanvas::nearest(const PlotSeries& series, double x) const
{
    if (series.x.empty() || series.x.size() != series.y.size())
        return std::nullopt;
    auto found = std::lower_bound(series.x.begin(), series.x.end(), x);
    if (found == series.x.end() || (found != series.x.begin() && x - *(found - 1) <= *found - x))
        --found;
    return static_cast<std::size_t>(found - series.x.begin());
}

// First line: the place on x; then one line a series, starting with its letter.
QStringList PlotCanvas::crosshairLines() const
{
    QStringList lines;
    if (!m_crosshair)
        return lines;
    for (int index = 0; index < m_content.series.size(); ++index) {
        const PlotSeries& series = m_content.series.at(index);
        const auto place = nearest(series, *m_crosshair);
        if (!place)
            continue;
        if (lines.isEmpty()) {
            QString text = plotNumber(*m_crosshair);
            for (const auto& [value, label] : m_content.x.labels) {
                if (value == series.x[*place])
                    text = label;
            }
            lines << tr("%1 %2").arg(m_content.x.title, text);
        }
        QString value = plotNumber(series.y[*place]);
        if (series.low.size() == series.y.size() && series.high.size() == series.y.size())
            value = tr("%1 (%2 to %3)")
                        .arg(value, plotNumber(series.low[*place]), plotNumber(series.high[*place]));
        lines << QStringLiteral("%1  %2  %3").arg(seriesLetter(styleOf(index)), series.name, value);
    }
    for (const PlotMarker& marker : m_content.markers) {
        const double away = pixelOf(toScale(m_content.x.scale, marker.x), 0.0).x() -
                            pixelOf(toScale(m_content.x.scale, *m_crosshair), 0.0).x();
        if (!lines.isEmpty() && std::abs(away) <= 4.0)
            lines << (marker.detail.isEmpty() ? marker.text : marker.detail);
    }
    return lines;
}

QString PlotCanvas::crosshairText() const
{
    QStringList lines = crosshairLines();
    if (lines.isEmpty())
        return {};
    const QString place = lines.takeFirst();
    for (QString& line : lines)
        line = line.simplified();
    return tr("%1: %2").arg(place, lines.join(QStringLiteral(", ")));
}

void PlotCanvas::paintCrosshair(QPainter& painter)
{
    const QStringList lines = crosshairLines();
    const double coordinate = m_crosshair ? toScale(m_content.x.scale, *m_crosshair) : NAN;
    if (lines.isEmpty() || std::isnan(coordinate) || coordinate < m_x.from || coordinate > m_x.to)
        return;
    const ThemeColors& colors = themeColors();
    const double x = pixelOf(coordinate, 0.0).x();
    painter.setPen(QPen(colors.muted, 1.0));
    painter.drawLine(QPointF(x, m_area.top()), QPointF(x, m_area.bottom()));
    for (int index = 0; index < m_content.series.size() && m_content.mode == PlotMode::Lines; ++index) {
        const PlotSeries& series = m_content.series.at(index);
        const auto place = nearest(series, *m_crosshair);
        const double y = place ? toScale(m_content.y.scale, series.y[*place]) : NAN;
        if (std::isnan(y) || y < m_y.from || y > m_y.to)
            continue;
        painter.setPen(QPen(colors.surface, 1.0));
        painter.setBrush(seriesColor(styleOf(index), colors.dark));
        painter.drawEllipse(pixelOf(toScale(m_content.x.scale, series.x[*place]), y), 3.5, 3.5);
    }
    const QFont small = smallFont(font());
    const QFontMetricsF metrics(small);
    double width = 0.0;
    for (const QString& line : lines)
        width = std::max(width, metrics.horizontalAdvance(line));
    QRectF box(x + kGrid, m_area.top() + kGrid, width + 2.0 * kGrid,
               static_cast<double>(lines.size()) * metrics.height() + kGrid);
    if (box.right() > m_area.right())
        box.moveRight(x - kGrid);
    if (box.left() < 0.0)
        box.moveLeft(2.0);
    painter.setPen(QPen(colors.border, 1.0));
    QColor fill = colors.raised;
    fill.setAlphaF(0.95F);
    painter.setBrush(fill);
    painter.drawRoundedRect(box, 4, 4);
    painter.setFont(small);
    painter.setPen(colors.text);
    double y = box.top() + kGrid / 2.0 + metrics.ascent();
    for (const QString& line : lines) {
        painter.drawText(QPointF(box.left() + kGrid, y), line);
        y += metrics.height();
    }
}

} // namespace mmfree::gui
