// Mouse, wheel and keys of PlotCanvas.
#include "widgets/views/plot/plot_canvas.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr double kWheelZoom = 0.85; // of the range, a notch
constexpr double kClickSlack = 4.0; // pixels a click may move

} // namespace

double PlotCanvas::xAt(double pixel) const
{
    const double share = std::clamp((pixel - m_area.left()) / m_area.width(), 0.0, 1.0);
    return fromScale(m_content.x.scale, m_x.from + share * (m_x.to - m_x.from));
}

void PlotCanvas::moveCrosshairByUser(std::optional<double> x)
{
    // The crosshair rests on data: on the nearest point of the series that has the closest one.
    if (x) {
        std::optional<double> best;
        for (const PlotSeries& series : m_content.series) {
            const auto place = nearest(series, *x);
            if (place && (!best || std::abs(series.x[*place] - *x) < std::abs(*best - *x)))
                best = series.x[*place];
        }
        x = best;
    }
    if (x == m_crosshair)
        return;
    setCrosshair(x);
    emit crosshairMovedByUser(x);
}

// Through the points of the longest series, so that no step of it is skipped.
void PlotCanvas::stepCrosshair(int points)
{
    const auto longest =
        std::max_element(m_content.series.begin(), m_content.series.end(),
                         [](const PlotSeries& a, const PlotSeries& b) { return a.x.size() < b.x.size(); });
    if (longest == m_content.series.end() || longest->x.empty())
        return;
    const auto at = nearest(*longest, m_crosshair.value_or(xRange().to));
    if (!at)
        return;
    const auto last = static_cast<std::ptrdiff_t>(longest->x.size()) - 1;
    const std::ptrdiff_t wanted = static_cast<std::ptrdiff_t>(*at) + (m_crosshair ? points : 0);
    const double x = longest->x[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(wanted, 0, last))];
    setCrosshair(x);
    setAccessibleDescription(crosshairText());
    emit crosshairMovedByUser(x);
}

void PlotCanvas::mousePressEvent(QMouseEvent* event)
{
    if (event->button() == Qt::LeftButton && m_area.contains(event->position()))
        m_pressed = event->position();
    else if (event->button() == Qt::MiddleButton)
        m_panned = event->position();
    event->accept();
}

void PlotCanvas::mouseMoveEvent(QMouseEvent* event)
{
    const QPointF at = event->position();
    if (event->buttons() & Qt::MiddleButton) {
        pan((m_panned.x() - at.x()) / m_area.width());
        m_panned = at;
    }
    if (m_pressed && std::abs(at.x() - m_pressed->x()) > kClickSlack)
        m_brushEnd = std::clamp(at.x(), m_area.left(), m_area.right());
    moveCrosshairByUser(m_area.contains(at) ? std::optional(xAt(at.x())) : std::nullopt);
    viewport()->update();
}

void PlotCanvas::mouseReleaseEvent(QMouseEvent* event)
{
    if (event->button() != Qt::LeftButton || !m_pressed)
        return;
    const QPointF pressed = *m_pressed;
    const std::optional<double> end = m_brushEnd;
    m_pressed.reset();
    m_brushEnd.reset();
    viewport()->update();
    if (!end) {
        if (m_crosshair && !isEmpty())
            emit pointActivated(*m_crosshair);
        return;
    }
    const PlotRange range{xAt(std::min(pressed.x(), *end)), xAt(std::max(pressed.x(), *end))};
    if (!(range.from < range.to))
        return;
    showXByUser(range);
    emit brushed(range);
}

void PlotCanvas::mouseDoubleClickEvent(QMouseEvent* event)
{
    if (event->button() == Qt::LeftButton)
        fit();
}

void PlotCanvas::wheelEvent(QWheelEvent* event)
{
    // With Shift some platforms turn the wheel sideways.
    const int delta = event->angleDelta().y() != 0 ? event->angleDelta().y() : event->angleDelta().x();
    if (!m_area.contains(event->position()) || delta == 0) {
        event->ignore();
        return;
    }
    const double factor = std::pow(kWheelZoom, delta / 120.0);
    if (event->modifiers() & Qt::ShiftModifier)
        zoom(Qt::Vertical, factor, (m_area.bottom() - event->position().y()) / m_area.height());
    else
        zoom(Qt::Horizontal, factor, (event->position().x() - m_area.left()) / m_area.width());
    event->accept();
}

void PlotCanvas::leaveEvent(QEvent* event)
{
    moveCrosshairByUser(std::nullopt);
    QChartView::leaveEvent(event);
}

void PlotCanvas::keyPressEvent(QKeyEvent* event)
{
    const bool control = event->modifiers() & Qt::ControlModifier;
    const Qt::Orientation axis = event->modifiers() & Qt::AltModifier ? Qt::Vertical : Qt::Horizontal;
    const double middle = 0.5;
    switch (event->key()) {
    case Qt::Key_Left:
    case Qt::Key_Right: {
        const int direction = event->key() == Qt::Key_Left ? -1 : 1;
        if (control)
            pan(0.2 * direction);
        else
            stepCrosshair(direction * (event->modifiers() & Qt::ShiftModifier ? 10 : 1));
        return;
    }
    case Qt::Key_Plus:
    case Qt::Key_Equal:
        zoom(axis, kWheelZoom, middle);
        return;
    case Qt::Key_Minus:
        zoom(axis, 1.0 / kWheelZoom, middle);
        return;
    case Qt::Key_0:
    case Qt::Key_Home:
        fit();
        return;
    case Qt::Key_T:
        emit tableAsked();
        return;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (m_crosshair)
            emit pointActivated(*m_crosshair);
        return;
    case Qt::Key_Escape:
        if (m_crosshair) {
            moveCrosshairByUser(std::nullopt);
            return;
        }
        break;
    default:
        break;
    }
    event->ignore(); // the page's keys go on
}

void PlotCanvas::focusInEvent(QFocusEvent* event)
{
    QChartView::focusInEvent(event);
    viewport()->update();
}

void PlotCanvas::focusOutEvent(QFocusEvent* event)
{
    QChartView::focusOutEvent(event);
    viewport()->update();
}

} // namespace mmfree::gui
