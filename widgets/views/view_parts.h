// Small parts that pages are put together from: labels by text role and plain tables that are as high as
// their rows.
#pragma once

#include "widgets/theme/theme.h"

#include <QStringList>

#include <limits>

class QLabel;
class QTreeWidget;

namespace mmfree::gui
{

[[nodiscard]] QLabel* makeLabel(TextRole role, const QString& text = {}, bool wraps = false);

// Rows without a tree; columns keep their width until a page says otherwise.
[[nodiscard]] QTreeWidget* makeTable(const QStringList& columns, const QString& accessibleName);
// As high as its rows, but no more than `most` of them.
void fitRows(QTreeWidget* table, int most = std::numeric_limits<int>::max());

} // namespace mmfree::gui
