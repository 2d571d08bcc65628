// Ctrl+Shift+P: type a few letters, Enter runs the action. Reads the action registry.
#pragma once

#include <QDialog>

class QLineEdit;
class QListView;
class QSortFilterProxyModel;
class QStandardItemModel;

namespace mmfree::gui
{

class ActionRegistry;

class CommandPalette : public QDialog
{
    Q_OBJECT
public:
    CommandPalette(const ActionRegistry& registry, QWidget* parent);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void showEvent(QShowEvent* event) override;

private:
    void filter(const QString& text);
    void runSelected();

    QLineEdit* m_search;
    QListView* m_list;
    QStandardItemModel* m_items;
    QSortFilterProxyModel* m_filtered;
};

} // namespace mmfree::gui
