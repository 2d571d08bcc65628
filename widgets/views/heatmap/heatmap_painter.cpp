#include "widgets/views/heatmap/heatmap_painter.h"

#include "widgets/theme/theme.h"
#include "widgets/views/heatmap/heatmap_pyramid.h"

#include <QLocale>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr double kProfileWidth = 44.0, kProfileHeight = 32.0; // pixels
constexpr double kLegendHeight = 26.0;
constexpr double kTitleHeight = 24.0;
constexpr double kSignCell = 9.0;    // from this size on a cell carries its sign
constexpr double kNumberCell = 40.0; // and from this width its number
constexpr double kGridCell = 12.0;

// Rows or columns that can be seen.
struct Range {
    qint64 first = 0, last = -1;
};
Range visible(double origin, double scale, double pixels, qint64 count)
{
    return {std::clamp(static_cast<qint64>(std::floor(origin)), qint64{0}, count),
            std::clamp(static_cast<qint64>(std::ceil(origin + pixels / scale)), qint64{0}, count) - 1};
}

class Painting
{
public:
    Painting(QPainter& painter, const HeatmapScene& scene, TileAccess access)
        : m_painter(painter)
        , m_scene(scene)
        , m_frame(*scene.frame)
        , m_plot(scene.plot)
        , m_transform(scene.transform)
        , m_data(*scene.tiles->data())
        , m_colors(themeColors())
        , m_access(access)
        , m_rows(visible(m_transform.originY, m_transform.scaleY, m_plot.height(), m_data.rows()))
        , m_cols(visible(m_transform.originX, m_transform.scaleX, m_plot.width(), m_data.cols()))
        , m_small(scene.font)
    {
        m_small.setPointSizeF(8.0);
    }

    std::vector<TileKey> run()
    {
        m_painter.save();
        m_painter.setClipRect(m_plot);
        paintTiles();
        paintGrid();
        paintMarks();
        m_painter.restore();
        paintTitle();
        paintRowHeader();
        paintColHeader();
        paintRowProfile();
        paintColProfile();
        paintLegend();
        return std::move(m_missing);
    }

private:
    [[nodiscard]] double xOf(double col) const
    {
        return m_plot.left() + (col - m_transform.originX) * m_transform.scaleX;
    }
    [[nodiscard]] double yOf(double row) const
    {
        return m_plot.top() + (row - m_transform.originY) * m_transform.scaleY;
    }

    void paintTiles();
    void paintTile(const TileKey& key);
    bool paintStandIn(const TileKey& key, const QRectF& target);
    void paintGrid();
    void paintMarks();
    void paintSigns();
    void paintNumbers();
    void paintTitle();
    void paintRowHeader();
    void paintColHeader();
    void paintRowProfile();
    void paintColProfile();
    void paintLegend();
    [[nodiscard]] QString numberText(float value) const
    {
        return QLocale().toString(static_cast<double>(value), 'g', 3);
    }

    QPainter& m_painter;
    const HeatmapScene& m_scene;
    const HeatmapFrame& m_frame;
    const QRectF m_plot;
    const HeatmapTransform m_transform;
    const HeatmapData& m_data;
    const ThemeColors& m_colors;
    TileAccess m_access;
    Range m_rows, m_cols;
    QFont m_small;
    std::vector<TileKey> m_missing;
};

void Painting::paintTiles()
{
    const int level = heatmapLevel(m_transform, m_scene.tiles->topLevel());
    const qint64 cells = qint64{HeatmapTiles::kTile} << level;
    // Means need smoothing between two levels; cells must stay sharp.
    m_painter.setRenderHint(QPainter::SmoothPixmapTransform,
                            std::min(m_transform.scaleX, m_transform.scaleY) < 1.0);
    for (qint64 y = m_rows.first / cells; y <= m_rows.last / cells && m_rows.last >= 0; ++y) {
        for (qint64 x = m_cols.first / cells; x <= m_cols.last / cells && m_cols.last >= 0; ++x)
            paintTile({level, static_cast<int>(x), static_cast<int>(y)});
    }
    m_painter.setRenderHint(QPainter::SmoothPixmapTransform, false);
}

void Painting::paintTile(const TileKey& key)
{
    const qint64 cells = qint64{HeatmapTiles::kTile} << key.level;
    const qint64 firstRow = key.y * cells, firstCol = key.x * cells;
    const QRectF target(QPointF(xOf(static_cast<double>(firstCol)), yOf(static_cast<double>(firstRow))),
                        QPointF(xOf(static_cast<double>(std::min(firstCol + cells, m_data.cols()))),
                                yOf(static_cast<double>(std::min(firstRow + cells, m_data.rows())))));
    if (m_access == TileAccess::Painted) {
        m_painter.drawImage(target, m_scene.tiles->paintNow(key));
        return;
    }
    const QImage* image = m_scene.tiles->cached(key);
    if (!image) {
        m_missing.push_back(key);
        if (!paintStandIn(key, target))
            m_painter.fillRect(target, QColor(m_scene.palette->diverging(0.0f)));
        return;
    }
    // The last block of a level may reach past the matrix: stretch by cells, not by pixels.
    const double block = static_cast<double>(qint64{1} << key.level);
    const QRectF source(0.0, 0.0, target.width() / m_transform.scaleX / block,
                        target.height() / m_transform.scaleY / block);
    m_painter.drawImage(target, *image, source);
}

// A coarser tile that covers the same cells, while the right one is being painted.
bool Painting::paintStandIn(const TileKey& key, const QRectF& target)
{
    for (int level = key.level + 1; level <= m_scene.tiles->topLevel(); ++level) {
        const int shift = level - key.level;
        const QImage* image = m_scene.tiles->cached({level, key.x >> shift, key.y >> shift});
        if (!image)
            continue;
        const double share = 1.0 / static_cast<double>(1 << shift);
        const double left = (key.x - ((key.x >> shift) << shift)) * HeatmapTiles::kTile * share;
        const double top = (key.y - ((key.y >> shift) << shift)) * HeatmapTiles::kTile * share;
        const double block = static_cast<double>(qint64{1} << level);
        m_painter.drawImage(target, *image,
                            QRectF(left, top, target.width() / m_transform.scaleX / block,
                                   target.height() / m_transform.scaleY / block));
        return true;
    }
    return false;
}

void Painting::paintGrid()
{
    QColor line = m_colors.dark ? QColor(255, 255, 255, 22) : QColor(0, 0, 0, 22);
    m_painter.setPen(QPen(line, 1.0));
    std::vector<QLineF> lines;
    if (m_transform.scaleX >= kGridCell) {
        for (qint64 col = m_cols.first; col <= m_cols.last + 1; ++col)
            lines.emplace_back(xOf(static_cast<double>(col)), yOf(static_cast<double>(m_rows.first)),
                               xOf(static_cast<double>(col)), yOf(static_cast<double>(m_rows.last + 1)));
    }
    if (m_transform.scaleY >= kGridCell) {
        for (qint64 row = m_rows.first; row <= m_rows.last + 1; ++row)
            lines.emplace_back(xOf(static_cast<double>(m_cols.first)), yOf(static_cast<double>(row)),
                               xOf(static_cast<double>(m_cols.last + 1)), yOf(static_cast<double>(row)));
    }
    if (!lines.empty())
        m_painter.drawLines(lines.data(), static_cast<int>(lines.size()));
}

void Painting::paintMarks()
{
    const double cell = std::min(m_transform.scaleX, m_transform.scaleY);
    const bool numbers = m_data.kind() != HeatmapKind::Ternary && m_transform.scaleX >= kNumberCell &&
                         m_transform.scaleY >= 16.0;
    if (numbers)
        paintNumbers();
    else if (cell >= kSignCell && m_data.kind() != HeatmapKind::Sequential)
        paintSigns();
}

// Plus and minus drawn as strokes in the ink of their cell: batched, a full screen of cells has tens of
// thousands.
void Painting::paintSigns()
{
    std::vector<QLineF> black, white;
    std::vector<float> values(static_cast<std::size_t>(m_cols.last - m_cols.first + 1));
    const double half = std::clamp(std::min(m_transform.scaleX, m_transform.scaleY) * 0.24, 2.0, 6.0);
    for (qint64 row = m_rows.first; row <= m_rows.last; ++row) {
        m_data.read(row, m_cols.first, values);
        const double y = yOf(static_cast<double>(row) + 0.5);
        for (std::size_t i = 0; i < values.size(); ++i) {
            const float value = values[i];
            const float signal = heatmapSignal(m_data.kind(), value).signal;
            if (signal == 0.0f || std::isnan(signal))
                continue;
            const QRgb color = m_scene.palette->cell(m_data.kind(), value, m_scene.tiles->range());
            auto& lines = HeatmapPalette::ink(color).lightness() > 128 ? white : black;
            const double x = xOf(static_cast<double>(m_cols.first) + static_cast<double>(i) + 0.5);
            lines.emplace_back(x - half, y, x + half, y);
            if (signal > 0.0f)
                lines.emplace_back(x, y - half, x, y + half);
        }
    }
    const double width = half > 4.0 ? 1.6 : 1.0;
    m_painter.setPen(QPen(QColor(0x10, 0x12, 0x15), width));
    m_painter.drawLines(black.data(), static_cast<int>(black.size()));
    m_painter.setPen(QPen(Qt::white, width));
    m_painter.drawLines(white.data(), static_cast<int>(white.size()));
}

void Painting::paintNumbers()
{
    m_painter.setFont(m_small);
    static const QString kSigns[3] = {QStringLiteral("\u2212"), QStringLiteral("0"), QStringLiteral("+")};
    std::vector<float> values(static_cast<std::size_t>(m_cols.last - m_cols.first + 1));
    for (qint64 row = m_rows.first; row <= m_rows.last; ++row) {
        m_data.read(row, m_cols.first, values);
        for (std::size_t i = 0; i < values.size(); ++i) {
            const double col = static_cast<double>(m_cols.first) + static_cast<double>(i);
            const QRectF cell(xOf(col), yOf(static_cast<double>(row)), m_transform.scaleX,
                              m_transform.scaleY);
            const int code = static_cast<int>(values[i]);
            const bool change = m_data.kind() == HeatmapKind::Transitions;
            const QString text = change ? kSigns[code / 3] + QStringLiteral("\u2192") + kSigns[code % 3]
                                        : numberText(values[i]);
            m_painter.setPen(
                HeatmapPalette::ink(m_scene.palette->cell(m_data.kind(), values[i], m_scene.tiles->range())));
            m_painter.drawText(cell, Qt::AlignCenter, text);
        }
    }
}

void Painting::paintTitle()
{
    if (m_frame.title.isEmpty())
        return;
    QFont bold = m_scene.font;
    bold.setWeight(QFont::DemiBold);
    m_painter.setFont(bold);
    m_painter.setPen(m_colors.text);
    const QRectF line(m_scene.bounds.left(), m_scene.bounds.top(), m_scene.bounds.width(),
                      kTitleHeight - 4.0);
    m_painter.drawText(line, Qt::AlignLeft | Qt::AlignVCenter,
                       QFontMetricsF(bold).elidedText(m_frame.title, Qt::ElideRight, line.width()));
}

// Distance between two labels: 1, 2, 5, 10, ... such that they stand `pixels` apart.
qint64 labelStep(double scale, double pixels)
{
    qint64 step = 1;
    for (int i = 0; static_cast<double>(step) * scale < pixels && i < 60; ++i)
        step = i % 3 == 1 ? step / 2 * 5 : step * 2;
    return step;
}

void Painting::paintRowHeader()
{
    if (m_frame.rowHeaderWidth == 0)
        return;
    m_painter.setFont(m_small);
    m_painter.setPen(m_colors.muted);
    const QFontMetricsF metrics(m_small);
    const double right = m_plot.left() - (m_frame.rowProfile.empty() ? 4.0 : kProfileWidth + 6.0);
    const qint64 step = labelStep(m_transform.scaleY, 18.0);
    for (qint64 row = (m_rows.first + step - 1) / step * step; row <= m_rows.last; row += step) {
        const double y = yOf(static_cast<double>(row) + 0.5);
        if (y < m_plot.top() + 5.0 || y > m_plot.bottom() - 5.0)
            continue;
        const QString label = m_frame.rowLabel ? m_frame.rowLabel(row) : QLocale().toString(row);
        const QRectF place(right - m_frame.rowHeaderWidth + 4.0, y - 8.0, m_frame.rowHeaderWidth - 4.0, 16.0);
        m_painter.drawText(place, Qt::AlignRight | Qt::AlignVCenter,
                           metrics.elidedText(label, Qt::ElideRight, place.width()));
    }
}

void Painting::paintColHeader()
{
    if (m_frame.colHeaderHeight == 0)
        return;
    m_painter.setFont(m_small);
    m_painter.setPen(m_colors.muted);
    const QFontMetricsF metrics(m_small);
    const bool tall = m_frame.colHeaderHeight > 40; // names from below to above
    const qint64 step = labelStep(m_transform.scaleX, tall ? 14.0 : m_frame.colLabel ? 30.0 : 44.0);
    for (qint64 col = (m_cols.first + step - 1) / step * step; col <= m_cols.last; col += step) {
        const double x = xOf(static_cast<double>(col) + 0.5);
        if (x < m_plot.left() || x > m_plot.right())
            continue;
        const QString label = m_frame.colLabel ? m_frame.colLabel(col) : QLocale().toString(col);
        if (!tall) {
            const double room = std::max(m_transform.scaleX * static_cast<double>(step) - 4.0, 24.0);
            m_painter.drawText(QRectF(x - room / 2.0, m_plot.top() - 19.0, room, 16.0), Qt::AlignCenter,
                               metrics.elidedText(label, Qt::ElideRight, room));
            continue;
        }
        m_painter.save();
        m_painter.translate(x, m_plot.top() - 5.0);
        m_painter.rotate(-90.0);
        const double room = m_frame.colHeaderHeight - 8.0;
        m_painter.drawText(QRectF(0.0, -8.0, room, 16.0), Qt::AlignLeft | Qt::AlignVCenter,
                           metrics.elidedText(label, Qt::ElideRight, room));
        m_painter.restore();
    }
}

// Bars of all rows that fall onto one pixel are drawn as their mean.
void Painting::paintRowProfile()
{
    if (m_frame.rowProfile.empty() || m_rows.last < m_rows.first)
        return;
    const QRectF area(m_plot.left() - kProfileWidth - 2.0, m_plot.top(), kProfileWidth, m_plot.height());
    float largest = 1e-9f;
    for (const float value : m_frame.rowProfile)
        largest = std::max(largest, std::fabs(value));
    const double middle = area.center().x();
    const qint64 step = std::max<qint64>(1, static_cast<qint64>(1.0 / m_transform.scaleY));
    for (qint64 row = m_rows.first / step * step; row <= m_rows.last; row += step) {
        const qint64 end = std::min(row + step, m_data.rows());
        double sum = 0.0;
        for (qint64 r = row; r < end; ++r)
            sum += m_frame.rowProfile[static_cast<std::size_t>(r)];
        const double share = sum / static_cast<double>(end - row) / largest;
        const double length = share * kProfileWidth / 2.0;
        QRectF bar(std::min(middle, middle + length), yOf(static_cast<double>(row)), std::fabs(length),
                   std::max(1.0, static_cast<double>(end - row) * m_transform.scaleY - 0.5));
        m_painter.fillRect(bar.intersected(area),
                           QColor(m_scene.palette->diverging(share < 0.0 ? -0.8f : 0.8f)));
    }
    m_painter.setPen(QPen(m_colors.border, 1.0));
    m_painter.drawLine(QPointF(middle, area.top()), QPointF(middle, area.bottom()));
}

void Painting::paintColProfile()
{
    if (m_frame.colProfile.empty() || m_cols.last < m_cols.first)
        return;
    const QRectF area(m_plot.left(), m_plot.bottom() + 4.0, m_plot.width(), kProfileHeight - 6.0);
    float largest = 1e-9f;
    for (const float value : m_frame.colProfile)
        largest = std::max(largest, value);
    const qint64 step = std::max<qint64>(1, static_cast<qint64>(1.0 / m_transform.scaleX));
    for (qint64 col = m_cols.first / step * step; col <= m_cols.last; col += step) {
        const qint64 end = std::min(col + step, m_data.cols());
        double sum = 0.0;
        for (qint64 c = col; c < end; ++c)
            sum += m_frame.colProfile[static_cast<std::size_t>(c)];
        const double height = sum / static_cast<double>(end - col) / largest * area.height();
        QRectF bar(xOf(static_cast<double>(col)), area.bottom() - height,
                   std::max(1.0, static_cast<double>(end - col) * m_transform.scaleX - 0.5), height);
        m_painter.fillRect(bar.intersected(area), m_colors.control);
    }
    m_painter.setPen(QPen(m_colors.border, 1.0));
    m_painter.drawLine(area.bottomLeft(), area.bottomRight());
}

void Painting::paintLegend()
{
    if (!m_frame.legend)
        return;
    const HeatmapRange range = m_scene.tiles->range();
    const int level = heatmapLevel(m_transform, m_scene.tiles->topLevel());
    const double top = m_scene.bounds.bottom() - kLegendHeight + 6.0;
    m_painter.setFont(m_small);
    const QFontMetricsF metrics(m_small);
    double x = m_plot.left();
    const auto text = [&](const QString& words, const QColor& color) {
        m_painter.setPen(color);
        m_painter.drawText(QPointF(x, top + 11.0), words);
        x += metrics.horizontalAdvance(words) + 6.0;
    };
    if (!m_frame.legendTitle.isEmpty())
        text(m_frame.legendTitle + QStringLiteral("  "), m_colors.text);
    if (m_data.kind() == HeatmapKind::Transitions) {
        static const QString kSigns[3] = {QStringLiteral("\u2212"), QStringLiteral("0"), QStringLiteral("+")};
        for (int code = 0; code < 9; ++code) {
            m_painter.setPen(QPen(m_colors.border, 1.0));
            m_painter.setBrush(QColor(m_scene.palette->transition(code)));
            m_painter.drawRect(QRectF(x, top + 2.0, 10.0, 10.0));
            x += 14.0;
            text(kSigns[code / 3] + QStringLiteral("\u2192") + kSigns[code % 3], m_colors.muted);
        }
        m_painter.setBrush(Qt::NoBrush);
        return;
    }
    const bool means = m_data.kind() == HeatmapKind::Ternary && level > 0;
    const double limit = means ? 1.0 / m_scene.tiles->gain(level) : range.high;
    const bool diverging = m_data.kind() != HeatmapKind::Sequential;
    text(numberText(static_cast<float>(diverging ? -limit : range.low)).replace('-', QChar(0x2212)),
         m_colors.muted);
    // As long as there is room for it and the number behind it.
    const int barLength = std::clamp(static_cast<int>(m_scene.bounds.right() - x) - 48, 32, 120);
    for (int i = 0; i < barLength; ++i) {
        const float t = static_cast<float>(i) / (barLength - 1);
        const QRgb color =
            !diverging ? m_scene.palette->sequential(t)
            : means    ? m_scene.palette->mixed(HeatmapKind::Ternary, 2.0f * t - 1.0f, 0.6f, range, 1.0f)
                       : m_scene.palette->diverging(2.0f * t - 1.0f);
        m_painter.fillRect(QRectF(x + i, top + 2.0, 1.0, 10.0), QColor(color));
    }
    m_painter.setPen(QPen(m_colors.border, 1.0));
    m_painter.setBrush(Qt::NoBrush);
    m_painter.drawRect(QRectF(x - 0.5, top + 1.5, barLength + 1.0, 11.0));
    x += barLength + 6.0;
    text((diverging ? QStringLiteral("+") : QString()) + numberText(static_cast<float>(limit)),
         m_colors.muted);
}

} // namespace

QRectF heatmapPlotRect(const QRectF& bounds, const HeatmapFrame& frame)
{
    const double left = frame.rowHeaderWidth + (frame.rowProfile.empty() ? 0.0 : kProfileWidth + 2.0);
    const double top = frame.colHeaderHeight + (frame.title.isEmpty() ? 0.0 : kTitleHeight);
    const double bottom =
        (frame.colProfile.empty() ? 0.0 : kProfileHeight) + (frame.legend ? kLegendHeight : 0.0);
    return bounds.adjusted(left, top, -1.0, -bottom - 1.0);
}

int heatmapLevel(const HeatmapTransform& transform, int topLevel)
{
    const double scale = std::max(transform.scaleX, transform.scaleY);
    if (scale >= 1.0)
        return 0;
    return std::min(static_cast<int>(std::floor(std::log2(1.0 / scale) + 1e-9)), topLevel);
}

std::vector<TileKey> paintHeatmap(QPainter& painter, const HeatmapScene& scene, TileAccess access)
{
    if (!scene.tiles->data() || scene.plot.width() < 1.0 || scene.plot.height() < 1.0)
        return {};
    return Painting(painter, scene, access).run();
}

} // namespace mmfree::gui
