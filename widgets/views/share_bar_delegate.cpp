#include "widgets/views/share_bar_delegate.h"

#include "widgets/theme/theme.h"

#include <QApplication>
#include <QPainter>

namespace mmfree::gui
{

void ShareBarDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                             const QModelIndex& index) const
{
    QStyleOptionViewItem empty = option;
    initStyleOption(&empty, index);
    const QString text = std::exchange(empty.text, QString());
    QApplication::style()->drawControl(QStyle::CE_ItemViewItem, &empty, painter, option.widget);
    const ThemeColors& colors = themeColors();
    const int textWidth = option.fontMetrics.horizontalAdvance(QStringLiteral("100.0 %"));
    const QRect cell = option.rect.adjusted(kGrid / 2, 0, -kGrid, 0);
    QRect track = cell.adjusted(0, 0, -textWidth - kGrid, 0);
    track.setHeight(kGrid);
    track.moveCenter(QPoint(track.center().x(), cell.center().y()));
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(Qt::NoPen);
    painter->setBrush(colors.border);
    painter->drawRoundedRect(track, 2, 2);
    const double share = qBound(0.0, index.data(kShareRole).toDouble(), 1.0);
    track.setWidth(static_cast<int>(track.width() * share));
    painter->setBrush(colors.accent);
    if (track.width() > 0)
        painter->drawRoundedRect(track, 2, 2);
    painter->setPen(colors.text);
    painter->drawText(cell, Qt::AlignRight | Qt::AlignVCenter, text);
    painter->restore();
}

} // namespace mmfree::gui
