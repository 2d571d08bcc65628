// Mouse, wheel, gestures and keys of HeatmapView.
#include "widgets/views/heatmap/heatmap_view.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <QNativeGestureEvent>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr double kKeyZoom = 1.25;
constexpr int kDragDistance = 4; // pixels before a press becomes a drag

} // namespace

bool HeatmapView::event(QEvent* event)
{
    if (event->type() == QEvent::NativeGesture) {
        const auto* gesture = static_cast<QNativeGestureEvent*>(event);
        if (gesture->gestureType() == Qt::ZoomNativeGesture) {
            zoom(1.0 + gesture->value(), gesture->position());
            return true;
        }
    }
    return QWidget::event(event);
}

void HeatmapView::resizeEvent(QResizeEvent*)
{
    m_pictureValid = false;
    if (m_fitted)
        fit();
    else
        setTransform(m_transform);
}

void HeatmapView::changeEvent(QEvent* event)
{
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::StyleChange ||
        event->type() == QEvent::FontChange) {
        m_tiles.setPalette(heatmapPalette());
        invalidate();
    }
    QWidget::changeEvent(event);
}

void HeatmapView::mousePressEvent(QMouseEvent* event)
{
    if (event->button() != Qt::LeftButton || !m_data)
        return;
    m_pressed = m_last = event->position();
    m_moved = false;
    if (minimapRect().contains(event->position())) {
        m_drag = Drag::Minimap;
        centerOnMinimap(event->position());
        return;
    }
    const HeatmapCell cell = cellAt(event->position());
    if (event->modifiers() & Qt::ShiftModifier) {
        m_drag = Drag::Select;
        if (!m_anchor.isValid() || m_selection.isEmpty())
            m_anchor = m_cursor.isValid() && m_selection.isEmpty() && !cell.isValid() ? m_cursor : cell;
        if (cell.isValid() && m_anchor.isValid())
            selectBetween(m_anchor, cell);
        return;
    }
    m_drag = Drag::Pan;
}

void HeatmapView::mouseMoveEvent(QMouseEvent* event)
{
    if (!m_data)
        return;
    const QPointF position = event->position();
    if (m_drag != Drag::None && (position - m_pressed).manhattanLength() > kDragDistance)
        m_moved = true;
    if (m_drag == Drag::Minimap) {
        centerOnMinimap(position);
    } else if (m_drag == Drag::Pan && m_moved) {
        HeatmapTransform next = m_transform;
        next.originX -= (position.x() - m_last.x()) / next.scaleX;
        next.originY -= (position.y() - m_last.y()) / next.scaleY;
        setTransform(next);
        setCursor(Qt::ClosedHandCursor);
    } else if (m_drag == Drag::Select && m_anchor.isValid()) {
        const QRectF plot = plotRect().adjusted(0, 0, -1, -1);
        const HeatmapCell cell = cellAt({std::clamp(position.x(), plot.left(), plot.right()),
                                         std::clamp(position.y(), plot.top(), plot.bottom())});
        if (cell.isValid())
            selectBetween(m_anchor, cell);
    }
    m_last = position;
    // Ctrl holds the readout where it is.
    const HeatmapCell cell = minimapRect().contains(position) ? HeatmapCell{} : cellAt(position);
    if (cell != m_hover && !(event->modifiers() & Qt::ControlModifier)) {
        m_hover = cell;
        update();
        emit hovered(cell.row, cell.col);
    }
}

void HeatmapView::mouseReleaseEvent(QMouseEvent* event)
{
    if (event->button() != Qt::LeftButton || !m_data)
        return;
    const Drag drag = m_drag;
    m_drag = Drag::None;
    unsetCursor();
    update();
    if (drag != Drag::Pan || m_moved)
        return;
    const QPointF position = event->position();
    const QRectF plot = plotRect();
    const HeatmapCell cell = cellAt(position);
    if (cell.isValid()) {
        m_anchor = cell;
        setSelection({});
        setCursorCell(cell);
        emit cellClicked(cell.row, cell.col);
    } else if (position.x() < plot.left()) {
        const HeatmapCell row = cellAt({plot.left() + 0.5, position.y()});
        if (row.isValid())
            emit rowActivated(row.row);
    } else if (position.y() < plot.top() || position.y() > plot.bottom()) {
        const HeatmapCell col = cellAt({position.x(), plot.top() + 0.5});
        if (col.isValid())
            emit columnActivated(col.col);
    }
}

void HeatmapView::mouseDoubleClickEvent(QMouseEvent* event)
{
    const HeatmapCell cell = cellAt(event->position());
    if (cell.isValid())
        emit cellActivated(cell.row, cell.col);
}

void HeatmapView::leaveEvent(QEvent*)
{
    if (!m_hover.isValid())
        return;
    m_hover = {};
    update();
    emit hovered(-1, -1);
}

void HeatmapView::wheelEvent(QWheelEvent* event)
{
    if (!m_data) {
        event->ignore();
        return;
    }
    if (event->modifiers() & Qt::ControlModifier) {
        zoom(std::pow(2.0, event->angleDelta().y() / 240.0), event->position());
    } else {
        const QPointF pixels =
            event->pixelDelta().isNull() ? QPointF(event->angleDelta()) * 0.5 : QPointF(event->pixelDelta());
        const bool sideways = event->modifiers() & Qt::ShiftModifier;
        HeatmapTransform next = m_transform;
        next.originX -= (sideways ? pixels.y() : pixels.x()) / next.scaleX;
        next.originY -= (sideways ? 0.0 : pixels.y()) / next.scaleY;
        setTransform(next);
    }
    event->accept();
}

void HeatmapView::moveCursor(qint64 rows, qint64 cols, bool extend)
{
    HeatmapCell cell = m_cursor;
    if (!cell.isValid())
        cell = {static_cast<qint64>(m_transform.originY), static_cast<qint64>(m_transform.originX)};
    else
        cell = {std::clamp(cell.row + rows, qint64{0}, m_data->rows() - 1),
                std::clamp(cell.col + cols, qint64{0}, m_data->cols() - 1)};
    if (extend) {
        if (m_selection.isEmpty() || !m_anchor.isValid())
            m_anchor = m_cursor.isValid() ? m_cursor : cell;
        setCursorCell(cell);
        selectBetween(m_anchor, cell);
    } else {
        m_anchor = cell;
        setSelection({});
        setCursorCell(cell);
    }
}

bool HeatmapView::handleZoomKey(int key)
{
    const QPointF center = m_cursor.isValid() && plotRect().contains(rectOf(m_cursor).center())
                               ? rectOf(m_cursor).center()
                               : plotRect().center();
    switch (key) {
    case Qt::Key_0:
        fit();
        return true;
    case Qt::Key_1:
        zoomToCells();
        return true;
    case Qt::Key_Plus:
    case Qt::Key_Equal:
        zoom(kKeyZoom, center);
        return true;
    case Qt::Key_Minus:
        zoom(1.0 / kKeyZoom, center);
        return true;
    default:
        return false;
    }
}

bool HeatmapView::handleMoveKey(QKeyEvent* event)
{
    const bool extend = event->modifiers() & Qt::ShiftModifier;
    const bool far = event->modifiers() & Qt::ControlModifier;
    const QRectF plot = plotRect();
    const auto page = std::max<qint64>(1, static_cast<qint64>(plot.height() / m_transform.scaleY) - 1);
    const qint64 step = far ? 16 : 1;
    switch (event->key()) {
    case Qt::Key_Left:
        moveCursor(0, -step, extend);
        return true;
    case Qt::Key_Right:
        moveCursor(0, step, extend);
        return true;
    case Qt::Key_Up:
        moveCursor(-step, 0, extend);
        return true;
    case Qt::Key_Down:
        moveCursor(step, 0, extend);
        return true;
    case Qt::Key_PageUp:
        moveCursor(-page, 0, extend);
        return true;
    case Qt::Key_PageDown:
        moveCursor(page, 0, extend);
        return true;
    case Qt::Key_Home:
        moveCursor(far ? -m_data->rows() : 0, -m_data->cols(), extend);
        return true;
    case Qt::Key_End:
        moveCursor(far ? m_data->rows() : 0, m_data->cols(), extend);
        return true;
    default:
        return false;
    }
}

void HeatmapView::keyPressEvent(QKeyEvent* event)
{
    if (!m_data) {
        QWidget::keyPressEvent(event);
        return;
    }
    if (event->matches(QKeySequence::Copy)) {
        copySelection();
        return;
    }
    if (event->key() == Qt::Key_Escape && !m_selection.isEmpty()) {
        setSelection({});
        return;
    }
    if ((event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) && m_cursor.isValid()) {
        emit cellActivated(m_cursor.row, m_cursor.col);
        return;
    }
    const bool plain = !(event->modifiers() & (Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier));
    if (plain && handleZoomKey(event->key()))
        return;
    if (!(event->modifiers() & Qt::AltModifier) && handleMoveKey(event))
        return;
    QWidget::keyPressEvent(event);
}

} // namespace mmfree::gui
