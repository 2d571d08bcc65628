// All runs as a table: chosen one, ticks for laying curves over each other, and what differs between the
// settings of the ticked ones.
#pragma once

#include "widgets/training/run_library.h"

#include <QAbstractTableModel>
#include <QSet>
#include <QWidget>

class QLabel;
class QMenu;
class QTableView;
class QTableWidget;
class QSortFilterProxyModel;

namespace mmfree::gui
{

class RunTableModel : public QAbstractTableModel
{
    Q_OBJECT
public:
    enum Column { Name, Status, Best, Speed, Changed, Backend, Tags, ColumnCount };
    static constexpr int kFolderRole = Qt::UserRole + 1;
    static constexpr int kSortRole = Qt::UserRole + 2;

    explicit RunTableModel(RunLibrary* library, QObject* parent = nullptr);

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;
    [[nodiscard]] Qt::ItemFlags flags(const QModelIndex& index) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    [[nodiscard]] QStringList ticked() const { return {m_ticked.begin(), m_ticked.end()}; }

signals:
    void tickedChanged();

private:
    void reload();

    RunLibrary* m_library;
    QList<RunSummary> m_runs;
    QSet<QString> m_ticked;
};

class RunsPanel : public QWidget
{
    Q_OBJECT
public:
    explicit RunsPanel(RunLibrary* library, QWidget* parent = nullptr);

    [[nodiscard]] QString current() const; // folder; empty: none
    void setCurrent(const QString& folder);
    [[nodiscard]] QStringList ticked() const;

signals:
    void currentChanged(const QString& folder);
    void tickedChanged();
    void newRunAsked();
    void cloneAsked(const QString& folder);
    void removeAsked(const QString& folder);
    void exportAsked(const QString& folder, bool packed);
    void openAsked(const QString& folder); // chat with its newest checkpoint

private:
    void showMenu(const QPoint& position);
    void rename(const QString& folder);
    void showDifferences();

    RunLibrary* m_library;
    RunTableModel* m_model;
    QSortFilterProxyModel* m_sorted;
    QTableView* m_table;
    QLabel* m_differencesTitle;
    QTableWidget* m_differences;
    QString m_current;
};

} // namespace mmfree::gui
