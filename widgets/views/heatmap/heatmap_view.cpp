#include "widgets/views/heatmap/heatmap_view.h"

#include "widgets/theme/theme.h"

#include <QAccessible>
#include <QClipboard>
#include <QEvent>
#include <QGuiApplication>
#include <QLocale>
#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr double kLargestCell = 96.0; // pixels
constexpr qint64 kCopyLimit = qint64{4} << 20;

} // namespace

HeatmapView::HeatmapView(QWidget* parent)
    : QWidget(parent)
{
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setAttribute(Qt::WA_OpaquePaintEvent);
    setAccessibleName(tr("Heatmap"));
    connect(&m_tiles, &HeatmapTiles::tilesPainted, this, &HeatmapView::invalidate);
    connect(&m_tiles, &HeatmapTiles::overviewReady, this, &HeatmapView::invalidate);
}

HeatmapView::~HeatmapView() = default;

void HeatmapView::setData(std::shared_ptr<const HeatmapData> data)
{
    const bool sameSize = m_data && data && m_data->rows() == data->rows() && m_data->cols() == data->cols();
    m_data = std::move(data);
    m_tiles.setPalette(heatmapPalette());
    m_tiles.setData(m_data);
    if (!sameSize) {
        m_cursor = m_hover = m_anchor = {};
        if (!m_selection.isEmpty()) {
            m_selection = {};
            emit selectionChanged();
        }
        m_frame.rowProfile.clear();
        m_frame.colProfile.clear();
        fit();
    }
    invalidate();
}

void HeatmapView::setRange(HeatmapRange range)
{
    m_tiles.setRange(range);
    invalidate();
}

void HeatmapView::setFrame(HeatmapFrame frame)
{
    const bool usable = m_data != nullptr;
    if (!usable || static_cast<qint64>(frame.rowProfile.size()) != m_data->rows())
        frame.rowProfile.clear();
    if (!usable || static_cast<qint64>(frame.colProfile.size()) != m_data->cols())
        frame.colProfile.clear();
    m_frame = std::move(frame);
    if (m_fitted)
        fit();
    else
        setTransform(m_transform);
    invalidate();
}

void HeatmapView::setSquareCells(bool square)
{
    m_square = square;
    fit();
}

void HeatmapView::setReadout(std::function<QString(qint64, qint64)> readout)
{
    m_readout = std::move(readout);
    update();
}

QString HeatmapView::readout(const HeatmapCell& cell) const
{
    if (!m_data || !cell.isValid())
        return {};
    if (m_readout)
        return m_readout(cell.row, cell.col);
    const QLocale locale;
    const float value = m_data->at(cell.row, cell.col);
    const QString row = m_frame.rowLabel ? m_frame.rowLabel(cell.row) : locale.toString(cell.row);
    const QString col = m_frame.colLabel ? m_frame.colLabel(cell.col) : locale.toString(cell.col);
    if (m_data->kind() == HeatmapKind::Ternary)
        return tr("cell (%1, %2): %3")
            .arg(row, col,
                 value < 0.0f   ? QStringLiteral("\u2212"
                                                   "1")
                 : value > 0.0f ? QStringLiteral("+1")
                                : QStringLiteral("0"));
    return tr("cell (%1, %2): %3").arg(row, col, locale.toString(static_cast<double>(value), 'g', 5));
}

void HeatmapView::setEmptyText(const QString& text)
{
    m_emptyText = text;
    invalidate();
}

void HeatmapView::setMarkedColumn(qint64 col)
{
    m_markedCol = col;
    update();
}

void HeatmapView::setMarkedRow(qint64 row)
{
    m_markedRow = row;
    update();
}

QRectF HeatmapView::plotRect() const
{
    return heatmapPlotRect(QRectF(rect()), m_frame);
}

HeatmapTransform HeatmapView::fitted() const
{
    const QRectF plot = plotRect();
    if (!m_data || m_data->rows() == 0 || m_data->cols() == 0 || plot.width() < 1.0 || plot.height() < 1.0)
        return {};
    HeatmapTransform result;
    result.scaleX = std::min(plot.width() / static_cast<double>(m_data->cols()), kLargestCell);
    result.scaleY = std::min(plot.height() / static_cast<double>(m_data->rows()), kLargestCell);
    if (m_square)
        result.scaleX = result.scaleY = std::min(result.scaleX, result.scaleY);
    return result;
}

HeatmapTransform HeatmapView::clamped(HeatmapTransform transform) const
{
    if (!m_data)
        return transform;
    const HeatmapTransform smallest = fitted();
    const auto limit = [](double scale, double low) {
        return std::clamp(scale, low, std::max(low, kLargestCell));
    };
    transform.scaleX = limit(transform.scaleX, std::min(smallest.scaleX, 1.0));
    transform.scaleY = limit(transform.scaleY, std::min(smallest.scaleY, 1.0));
    const QRectF plot = plotRect();
    const double spareX = static_cast<double>(m_data->cols()) - plot.width() / transform.scaleX;
    const double spareY = static_cast<double>(m_data->rows()) - plot.height() / transform.scaleY;
    transform.originX = std::clamp(transform.originX, 0.0, std::max(spareX, 0.0));
    transform.originY = std::clamp(transform.originY, 0.0, std::max(spareY, 0.0));
    return transform;
}

void HeatmapView::setTransform(const HeatmapTransform& transform)
{
    const HeatmapTransform next = clamped(transform);
    if (next == m_transform)
        return;
    m_transform = next;
    m_fitted = next == fitted();
    invalidate();
    emit transformChanged();
}

void HeatmapView::fit()
{
    m_fitted = true;
    const HeatmapTransform next = fitted();
    if (next == m_transform)
        return;
    m_transform = next;
    invalidate();
    emit transformChanged();
}

void HeatmapView::zoomToCells()
{
    HeatmapTransform next = m_transform;
    const QRectF plot = plotRect();
    const double centerX = next.originX + plot.width() / next.scaleX / 2.0;
    const double centerY = next.originY + plot.height() / next.scaleY / 2.0;
    next.scaleX = next.scaleY = 1.0;
    next.originX = centerX - plot.width() / 2.0;
    next.originY = centerY - plot.height() / 2.0;
    setTransform(next);
}

void HeatmapView::zoom(double factor, const QPointF& around)
{
    const QRectF plot = plotRect();
    HeatmapTransform next = m_transform;
    const double col = next.originX + (around.x() - plot.left()) / next.scaleX;
    const double row = next.originY + (around.y() - plot.top()) / next.scaleY;
    next.scaleX *= factor;
    next.scaleY *= factor;
    const HeatmapTransform scaled = clamped(next);
    next.scaleX = scaled.scaleX;
    next.scaleY = scaled.scaleY;
    next.originX = col - (around.x() - plot.left()) / next.scaleX;
    next.originY = row - (around.y() - plot.top()) / next.scaleY;
    setTransform(next);
}

void HeatmapView::showCell(const HeatmapCell& cell)
{
    const QRectF plot = plotRect();
    HeatmapTransform next = m_transform;
    const auto follow = [](double& origin, double scale, double pixels, qint64 index) {
        const double place = static_cast<double>(index), span = pixels / scale;
        if (place < origin)
            origin = place;
        else if (place + 1.0 > origin + span)
            origin = place + 1.0 - span;
    };
    follow(next.originX, next.scaleX, plot.width(), cell.col);
    follow(next.originY, next.scaleY, plot.height(), cell.row);
    setTransform(next);
}

HeatmapCell HeatmapView::cellAt(const QPointF& position) const
{
    const QRectF plot = plotRect();
    if (!m_data || !plot.contains(position))
        return {};
    const double col = m_transform.originX + (position.x() - plot.left()) / m_transform.scaleX;
    const double row = m_transform.originY + (position.y() - plot.top()) / m_transform.scaleY;
    const HeatmapCell cell{static_cast<qint64>(row), static_cast<qint64>(col)};
    return cell.row < m_data->rows() && cell.col < m_data->cols() ? cell : HeatmapCell{};
}

QRectF HeatmapView::rectOf(const HeatmapCell& cell) const
{
    const QRectF plot = plotRect();
    return {plot.left() + (static_cast<double>(cell.col) - m_transform.originX) * m_transform.scaleX,
            plot.top() + (static_cast<double>(cell.row) - m_transform.originY) * m_transform.scaleY,
            m_transform.scaleX, m_transform.scaleY};
}

void HeatmapView::setCursorCell(const HeatmapCell& cell)
{
    if (!m_data || cell == m_cursor)
        return;
    m_cursor = cell;
    if (cell.isValid()) {
        m_cursor.row = std::clamp(cell.row, qint64{0}, m_data->rows() - 1);
        m_cursor.col = std::clamp(cell.col, qint64{0}, m_data->cols() - 1);
        showCell(m_cursor);
        setAccessibleDescription(readout(m_cursor));
        QAccessibleEvent changed(this, QAccessible::DescriptionChanged);
        QAccessible::updateAccessibility(&changed);
        emit cursorMoved(m_cursor.row, m_cursor.col);
    }
    update();
}

void HeatmapView::setSelection(const HeatmapSelection& selection)
{
    if (selection == m_selection)
        return;
    m_selection = selection;
    update();
    emit selectionChanged();
}

void HeatmapView::selectBetween(const HeatmapCell& from, const HeatmapCell& to)
{
    setSelection({std::min(from.row, to.row), std::min(from.col, to.col), std::abs(from.row - to.row) + 1,
                  std::abs(from.col - to.col) + 1});
}

QString HeatmapView::selectionAsTsv() const
{
    if (!m_data)
        return {};
    HeatmapSelection area = m_selection;
    if (area.isEmpty() && m_cursor.isValid())
        area = {m_cursor.row, m_cursor.col, 1, 1};
    if (area.isEmpty() || area.rows * area.cols > kCopyLimit)
        return {};
    QString text;
    std::vector<float> values(static_cast<std::size_t>(area.cols));
    for (qint64 row = area.row; row < area.row + area.rows; ++row) {
        m_data->read(row, area.col, values);
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (i > 0)
                text += QLatin1Char('\t');
            text += QString::number(static_cast<double>(values[i]), 'g', 9); // reads back as the same f32
        }
        text += QLatin1Char('\n');
    }
    return text;
}

void HeatmapView::copySelection()
{
    const qint64 cells = m_selection.rows * m_selection.cols;
    if (cells > kCopyLimit) {
        emit problem(tr("%1 cells are selected; at most %2 can be copied. Export the matrix instead.")
                         .arg(QLocale().toString(cells), QLocale().toString(kCopyLimit)));
        return;
    }
    const QString text = selectionAsTsv();
    if (!text.isEmpty())
        QGuiApplication::clipboard()->setText(text);
}

void HeatmapView::invalidate()
{
    m_pictureValid = false;
    update();
}

bool HeatmapView::isSettled() const
{
    return !m_data || (m_pictureValid && m_missing.empty() && m_tiles.isSettled());
}

void HeatmapView::composeFrame()
{
    const double ratio = devicePixelRatioF();
    const QSize pixels = (QSizeF(size()) * ratio).toSize();
    if (m_picture.size() != pixels) {
        m_picture = QImage(pixels, QImage::Format_RGB32);
        m_picture.setDevicePixelRatio(ratio);
    }
    m_picture.fill(themeColors().surface);
    QPainter painter(&m_picture);
    ++m_framesPainted;
    m_pictureValid = true;
    if (!m_data) {
        painter.setPen(themeColors().muted);
        painter.setFont(font());
        painter.drawText(QRectF(rect()).adjusted(16, 16, -16, -16), Qt::AlignCenter | Qt::TextWordWrap,
                         m_emptyText);
        m_missing.clear();
        return;
    }
    const HeatmapScene scene{&m_tiles,   &heatmapPalette(), &m_frame, m_transform,
                             plotRect(), QRectF(rect()),    font()};
    m_missing = paintHeatmap(painter, scene, TileAccess::Cached);
    if (!m_missing.empty()) {
        m_tiles.request(m_missing);
        if (m_tiles.cached(m_missing.front())) // a small matrix: painted at once
            m_missing = paintHeatmap(painter, scene, TileAccess::Cached);
    } else {
        m_tiles.request({});
    }
    if (m_tiles.overviewProgress() < 1.0) {
        painter.setPen(themeColors().muted);
        painter.setFont(font());
        painter.drawText(plotRect(), Qt::AlignCenter,
                         tr("Summing up the matrix: %1 %").arg(qRound(m_tiles.overviewProgress() * 100.0)));
    }
    if (m_missing.empty() && m_tiles.isSettled())
        QMetaObject::invokeMethod(this, &HeatmapView::settled, Qt::QueuedConnection);
}

void HeatmapView::paintTo(QPainter& painter, const QRectF& bounds) const
{
    if (!m_data)
        return;
    painter.fillRect(bounds, themeColors().surface);
    HeatmapScene scene{const_cast<HeatmapTiles*>(&m_tiles),
                       &heatmapPalette(),
                       &m_frame,
                       m_transform,
                       heatmapPlotRect(bounds, m_frame),
                       bounds,
                       font()};
    // The same cells as on the screen, however large the paper is.
    const double factorX = scene.plot.width() / std::max(plotRect().width(), 1.0);
    const double factorY = scene.plot.height() / std::max(plotRect().height(), 1.0);
    scene.transform.scaleX *= m_square ? std::min(factorX, factorY) : factorX;
    scene.transform.scaleY *= m_square ? std::min(factorX, factorY) : factorY;
    paintHeatmap(painter, scene, TileAccess::Painted);
}

void HeatmapView::paintEvent(QPaintEvent*)
{
    if (!m_pictureValid)
        composeFrame();
    QPainter painter(this);
    painter.drawImage(QPoint(0, 0), m_picture);
    if (m_data)
        paintOverlay(painter);
}

void HeatmapView::paintOverlay(QPainter& painter)
{
    const ThemeColors& colors = themeColors();
    const QRectF plot = plotRect();
    painter.save();
    painter.setClipRect(plot);
    QColor line = colors.text;
    line.setAlphaF(0.35F);
    painter.setPen(QPen(line, 1.0));
    if (m_hover.isValid()) { // crosshair
        const QPointF center = rectOf(m_hover).center();
        painter.drawLine(QPointF(plot.left(), center.y()), QPointF(plot.right(), center.y()));
        painter.drawLine(QPointF(center.x(), plot.top()), QPointF(center.x(), plot.bottom()));
    }
    painter.setPen(QPen(colors.accent, 1.5));
    const auto marked = [&](const HeatmapCell& cell, bool column) {
        const QRectF place = rectOf(cell);
        const QRectF all = rectOf({0, 0}).united(rectOf({m_data->rows() - 1, m_data->cols() - 1}));
        const QRectF band = column ? QRectF(place.left(), plot.top(), place.width(), plot.height())
                                   : QRectF(plot.left(), place.top(), plot.width(), place.height());
        painter.drawRect(band.intersected(all).adjusted(0.5, 0.5, -0.5, -0.5));
    };
    if (m_markedCol >= 0)
        marked({0, m_markedCol}, true);
    if (m_markedRow >= 0)
        marked({m_markedRow, 0}, false);
    if (!m_selection.isEmpty()) {
        const QRectF area = rectOf({m_selection.row, m_selection.col})
                                .united(rectOf({m_selection.row + m_selection.rows - 1,
                                                m_selection.col + m_selection.cols - 1}));
        QColor soft = colors.accent;
        soft.setAlphaF(0.16F);
        painter.fillRect(area, soft);
        painter.setPen(QPen(colors.accent, 2.0));
        painter.drawRect(area);
    }
    if (m_cursor.isValid()) { // two rings, seen on any colour
        const QRectF place = rectOf(m_cursor);
        const QRectF ring = place.width() < 6.0 || place.height() < 6.0
                                ? QRectF(place.center() - QPointF(5.0, 5.0), QSizeF(10.0, 10.0))
                                : place;
        painter.setPen(QPen(colors.dark ? QColor(0, 0, 0) : QColor(255, 255, 255), 3.5));
        painter.drawRect(ring);
        painter.setPen(QPen(colors.accent, 2.0));
        painter.drawRect(ring);
    }
    paintMinimap(painter);
    painter.restore();
    if (m_hover.isValid() && m_drag == Drag::None)
        paintReadout(painter, m_hover);
    else if (hasFocus() && m_cursor.isValid() && m_drag == Drag::None)
        paintReadout(painter, m_cursor);
    if (hasFocus()) {
        painter.setPen(QPen(colors.accent, 2.0));
        painter.drawRect(plot.adjusted(0, 0, -1, -1));
    }
}

// A small card above the cell, moved inside the widget.
void HeatmapView::paintReadout(QPainter& painter, const HeatmapCell& cell)
{
    const QString text = readout(cell);
    if (text.isEmpty())
        return;
    const ThemeColors& colors = themeColors();
    QFont small = font();
    small.setPointSizeF(9.0);
    const QFontMetricsF metrics(small);
    const QRectF needed = metrics.boundingRect(QRectF(0, 0, std::max(200.0, width() * 0.6), 400),
                                               Qt::TextWordWrap | Qt::AlignLeft, text);
    QRectF card(0, 0, needed.width() + 16.0, needed.height() + 10.0);
    const QRectF place = rectOf(cell);
    card.moveCenter({place.center().x(), 0.0});
    card.moveBottom(std::max(place.top(), plotRect().top()) - 6.0);
    if (card.top() < 2.0)
        card.moveTop(std::min(place.bottom() + 8.0, height() - card.height() - 2.0));
    card.moveLeft(std::clamp(card.left(), 2.0, std::max(2.0, width() - card.width() - 2.0)));
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(colors.control, 1.0));
    painter.setBrush(colors.raised);
    painter.drawRoundedRect(card, 6.0, 6.0);
    painter.setBrush(Qt::NoBrush);
    painter.setRenderHint(QPainter::Antialiasing, false);
    painter.setPen(colors.text);
    painter.setFont(small);
    painter.drawText(card.adjusted(8, 5, -8, -5), Qt::TextWordWrap | Qt::AlignLeft | Qt::AlignVCenter, text);
}

QRectF HeatmapView::minimapRect() const
{
    const QRectF plot = plotRect();
    if (!m_data || m_fitted || plot.width() < 320.0 || plot.height() < 200.0)
        return {};
    const double cols = static_cast<double>(m_data->cols()), rows = static_cast<double>(m_data->rows());
    if (plot.width() / m_transform.scaleX >= cols && plot.height() / m_transform.scaleY >= rows)
        return {};
    const double side = 132.0;
    const double width = std::clamp(side * std::min(1.0, cols / rows), 24.0, side);
    const double height = std::clamp(side * std::min(1.0, rows / cols), 24.0, side);
    return {plot.right() - width - 12.0, plot.bottom() - height - 12.0, width, height};
}

void HeatmapView::paintMinimap(QPainter& painter)
{
    const QRectF map = minimapRect();
    if (map.isEmpty())
        return;
    const ThemeColors& colors = themeColors();
    const int level = m_tiles.topLevel();
    painter.fillRect(map.adjusted(-4, -4, 4, 4), colors.surface);
    if (m_tiles.overviewProgress() >= 1.0) {
        if (!m_tiles.cached({level, 0, 0}))
            m_tiles.request({{level, 0, 0}});
        if (const QImage* image = m_tiles.cached({level, 0, 0})) {
            painter.setRenderHint(QPainter::SmoothPixmapTransform);
            painter.drawImage(map, *image);
        }
    }
    painter.setPen(QPen(colors.control, 1.0));
    painter.drawRect(map.adjusted(-4, -4, 4, 4));
    const double x = map.width() / static_cast<double>(m_data->cols());
    const double y = map.height() / static_cast<double>(m_data->rows());
    const QRectF plot = plotRect();
    QRectF window(map.left() + m_transform.originX * x, map.top() + m_transform.originY * y,
                  plot.width() / m_transform.scaleX * x, plot.height() / m_transform.scaleY * y);
    window = window.intersected(map);
    if (window.width() < 6.0 || window.height() < 6.0)
        window.adjust(-3, -3, 3, 3);
    painter.setPen(QPen(colors.accent, 2.0));
    painter.drawRect(window);
}

void HeatmapView::centerOnMinimap(const QPointF& position)
{
    const QRectF map = minimapRect(), plot = plotRect();
    if (map.isEmpty())
        return;
    HeatmapTransform next = m_transform;
    next.originX = (position.x() - map.left()) / map.width() * static_cast<double>(m_data->cols()) -
                   plot.width() / next.scaleX / 2.0;
    next.originY = (position.y() - map.top()) / map.height() * static_cast<double>(m_data->rows()) -
                   plot.height() / next.scaleY / 2.0;
    setTransform(next);
}

} // namespace mmfree::gui
