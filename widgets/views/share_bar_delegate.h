// Draws a table cell as a bar: the share of a whole (0 to 1) of Qt::UserRole, with the cell's text beside it.
#pragma once

#include <QStyledItemDelegate>

namespace mmfree::gui
{

class ShareBarDelegate : public QStyledItemDelegate
{
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    static constexpr int kShareRole = Qt::UserRole + 40;
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
};

} // namespace mmfree::gui
