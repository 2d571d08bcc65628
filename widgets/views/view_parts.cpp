#include "widgets/views/view_parts.h"

#include <QHeaderView>
#include <QLabel>
#include <QTreeWidget>

namespace mmfree::gui
{

QLabel* makeLabel(TextRole role, const QString& text, bool wraps)
{
    auto* label = new QLabel(text);
    setTextRole(label, role);
    label->setWordWrap(wraps);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    return label;
}

QTreeWidget* makeTable(const QStringList& columns, const QString& accessibleName)
{
    auto* table = new QTreeWidget;
    table->setColumnCount(static_cast<int>(columns.size()));
    table->setHeaderLabels(columns);
    table->setRootIsDecorated(false);
    table->setAlternatingRowColors(true);
    table->setUniformRowHeights(true);
    table->setAccessibleName(accessibleName);
    table->setTextElideMode(Qt::ElideMiddle);
    table->header()->setStretchLastSection(false);
    return table;
}

void fitRows(QTreeWidget* table, int most)
{
    const int row = table->topLevelItemCount() > 0 ? table->sizeHintForRow(0) : table->fontMetrics().height();
    const int rows = qBound(1, table->topLevelItemCount(), most);
    table->setFixedHeight(table->header()->sizeHint().height() + rows * row + kGrid);
}

} // namespace mmfree::gui
