#include "widgets/views/sparkline.h"

#include "widgets/theme/theme.h"
#include "widgets/views/text_format.h"

#include <QKeyEvent>
#include <QLocale>
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>
#include <QToolTip>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr int kTextHeight = 16; // under the line

} // namespace

Sparkline::Sparkline(QWidget* parent)
    : QWidget(parent)
{
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setMinimumHeight(72);
    setAccessibleName(tr("Time of each step"));
}

void Sparkline::setValues(std::vector<float> milliseconds)
{
    m_values = std::move(milliseconds);
    m_current = -1;
    if (!m_values.empty()) {
        const float most = *std::max_element(m_values.begin(), m_values.end());
        setAccessibleDescription(tr("%1 steps, the slowest took %2")
                                     .arg(countText(static_cast<qint64>(m_values.size())),
                                          secondsText(static_cast<double>(most) * 1e-3)));
    }
    update();
}

int Sparkline::stepAt(double x) const
{
    const auto count = static_cast<int>(m_values.size());
    if (count == 0 || width() <= 1)
        return -1;
    const double perPixel = static_cast<double>(count) / width();
    const int first = std::clamp(static_cast<int>(std::floor(x * perPixel)), 0, count - 1);
    const int last = std::clamp(static_cast<int>(std::floor((x + 1.0) * perPixel)), first + 1, count);
    return static_cast<int>(std::max_element(m_values.begin() + first, m_values.begin() + last) -
                            m_values.begin());
}

void Sparkline::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const ThemeColors& colors = themeColors();
    const QRectF area(1, 2, width() - 2, height() - kTextHeight - 4);
    painter.setPen(colors.border);
    painter.drawLine(area.bottomLeft(), area.bottomRight());
    if (m_values.size() < 2) {
        painter.setPen(colors.muted);
        painter.drawText(area, Qt::AlignCenter, tr("fewer than two steps"));
        return;
    }
    const float most = std::max(*std::max_element(m_values.begin(), m_values.end()), 1e-6f);
    const auto yOf = [&](float value) {
        return area.bottom() - static_cast<double>(value / most) * (area.height() - 2.0);
    };
    const auto count = static_cast<double>(m_values.size());
    QPainterPath path;
    if (count <= area.width()) {
        for (std::size_t i = 0; i < m_values.size(); ++i) {
            const QPointF at(area.left() + area.width() * (static_cast<double>(i) + 0.5) / count,
                             yOf(m_values[i]));
            i == 0 ? path.moveTo(at) : path.lineTo(at);
        }
    } else {
        for (int x = 0; x < static_cast<int>(area.width()); ++x) {
            const QPointF at(area.left() + x, yOf(m_values[static_cast<std::size_t>(stepAt(x))]));
            x == 0 ? path.moveTo(at) : path.lineTo(at);
        }
    }
    painter.setPen(QPen(colors.accent, 1.5));
    painter.drawPath(path);
    if (m_current >= 0) {
        const double x = area.left() + area.width() * (m_current + 0.5) / count;
        painter.setPen(QPen(colors.text, 1.0, Qt::DashLine));
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()));
    }
    QFont small = font();
    small.setPointSizeF(8.0);
    painter.setFont(small);
    painter.setPen(colors.muted);
    const QRectF text(0, height() - kTextHeight, width(), kTextHeight);
    const QString left =
        m_current >= 0
            ? tr("step %1: %2")
                  .arg(countText(m_current + 1),
                       secondsText(static_cast<double>(m_values[static_cast<std::size_t>(m_current)]) * 1e-3))
            : tr("%1 steps").arg(countText(static_cast<qint64>(m_values.size())));
    painter.drawText(text, Qt::AlignLeft | Qt::AlignVCenter, left);
    painter.drawText(text, Qt::AlignRight | Qt::AlignVCenter,
                     tr("top %1").arg(secondsText(static_cast<double>(most) * 1e-3)));
    if (hasFocus()) {
        painter.setPen(QPen(colors.accent, 2.0));
        painter.drawRoundedRect(rect().adjusted(1, 1, -1, -1), 4, 4);
    }
}

void Sparkline::setCurrent(int step)
{
    m_current = step;
    update();
}

void Sparkline::mouseMoveEvent(QMouseEvent* event)
{
    setCurrent(stepAt(event->position().x()));
}

void Sparkline::mousePressEvent(QMouseEvent* event)
{
    setCurrent(stepAt(event->position().x()));
    if (m_current >= 0)
        emit stepChosen(m_current);
}

void Sparkline::leaveEvent(QEvent*)
{
    if (!hasFocus())
        setCurrent(-1);
}

void Sparkline::keyPressEvent(QKeyEvent* event)
{
    const auto last = static_cast<int>(m_values.size()) - 1;
    if (last < 0)
        return;
    switch (event->key()) {
    case Qt::Key_Left:
        setCurrent(std::max(0, m_current - 1));
        return;
    case Qt::Key_Right:
        setCurrent(std::min(last, m_current + 1));
        return;
    case Qt::Key_Home:
        setCurrent(0);
        return;
    case Qt::Key_End:
        setCurrent(last);
        return;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (m_current >= 0)
            emit stepChosen(m_current);
        return;
    default:
        QWidget::keyPressEvent(event);
    }
}

} // namespace mmfree::gui
