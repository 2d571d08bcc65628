#include "widgets/training/setup_header.h"

#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"

#include <QPainter>

namespace mmfree::gui
{

SetupHeader::SetupHeader(int number, const QString& title, QWidget* parent)
    : QAbstractButton(parent)
    , m_number(number)
    , m_title(title)
{
    setCheckable(true);
    setText(title);
    setFocusPolicy(Qt::StrongFocus);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setMinimumWidth(14 * kGrid);
    setCursor(Qt::PointingHandCursor);
}

QSize SetupHeader::sizeHint() const
{
    return {24 * kGrid, 8 * kGrid};
}

void SetupHeader::setStatus(const PartStatus& status)
{
    static const char* const kKinds[] = {QT_TR_NOOP("empty"), QT_TR_NOOP("working"), QT_TR_NOOP("problem"),
                                         QT_TR_NOOP("ready")};
    m_status = status;
    setAccessibleName(tr("%1. %2: %3").arg(m_number).arg(m_title, tr(kKinds[static_cast<int>(status.kind)])));
    setAccessibleDescription(status.line);
    setToolTip(status.line);
    update();
}

void SetupHeader::enterEvent(QEnterEvent* event)
{
    QAbstractButton::enterEvent(event);
    update();
}

void SetupHeader::leaveEvent(QEvent* event)
{
    QAbstractButton::leaveEvent(event);
    update();
}

void SetupHeader::paintEvent(QPaintEvent*)
{
    using Kind = PartStatus::Kind;
    const ThemeColors& colors = themeColors();
    const QColor good = colors.dark ? QColor(0x6f, 0xd0, 0x8c) : QColor(0x1b, 0x7a, 0x3d);
    const QColor sign = m_status.kind == Kind::Ready     ? good
                        : m_status.kind == Kind::Problem ? colors.danger
                                                         : colors.control;
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QRectF frame = QRectF(rect()).adjusted(1, 1, -1, -1);
    painter.setPen(QPen(hasFocus() || isChecked() ? colors.accent : colors.border, hasFocus() ? 2.0 : 1.0));
    painter.setBrush(isChecked() ? colors.accentSoft : underMouse() ? colors.raised : colors.surface);
    painter.drawRoundedRect(frame, kRadius, kRadius);
    painter.setPen(Qt::NoPen);
    painter.setBrush(sign);
    const QRectF circle(1.5 * kGrid, 1.5 * kGrid, 2.5 * kGrid, 2.5 * kGrid);
    painter.drawEllipse(circle);
    const QColor inside = colors.dark ? QColor(0x16, 0x19, 0x1d) : QColor(Qt::white);
    if (m_status.kind == Kind::Ready) {
        painter.setPen(QPen(inside, 2.0, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
        painter.drawPolyline(
            QPolygonF({circle.center() + QPointF(-4.5, 0.5), circle.center() + QPointF(-1.5, 3.5),
                       circle.center() + QPointF(4.5, -3.0)}));
    } else {
        QFont bold = font();
        bold.setWeight(QFont::DemiBold);
        painter.setFont(bold);
        painter.setPen(inside);
        painter.drawText(circle, Qt::AlignCenter,
                         m_status.kind == Kind::Problem   ? QStringLiteral("!")
                         : m_status.kind == Kind::Working ? QStringLiteral("\u2026")
                                                          : QString::number(m_number));
    }
    const double left = circle.right() + kGrid, width = frame.right() - kGrid - left;
    QFont title = font();
    title.setWeight(QFont::DemiBold);
    painter.setFont(title);
    painter.setPen(colors.text);
    painter.drawText(QRectF(left, circle.top(), width, circle.height()), Qt::AlignLeft | Qt::AlignVCenter,
                     m_title);
    QFont small = font();
    small.setPointSizeF(9.0);
    painter.setFont(small);
    painter.setPen(m_status.kind == Kind::Problem ? colors.danger : colors.muted);
    const QRectF line(circle.left(), circle.bottom() + kGrid / 2.0, frame.right() - kGrid - circle.left(),
                      2.5 * kGrid);
    painter.drawText(line, Qt::AlignLeft | Qt::AlignVCenter,
                     QFontMetricsF(small).elidedText(m_status.line, Qt::ElideRight, line.width()));
}

} // namespace mmfree::gui
