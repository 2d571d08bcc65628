// Every comparison that was kept: find, tag, pin, open again, compare two, see a speed over time, bring in
// run files of other machines. Deleting can be undone.
#pragma once

#include "widgets/compare/comparison_store.h"

#include <QWidget>

#include <functional>
#include <memory>

class QLineEdit;
class QPushButton;
class QStackedWidget;
class QTreeWidget;

namespace mmfree::gui
{

class MessageBar;
class PlotView;

class HistoryPanel : public QWidget
{
    Q_OBJECT
public:
    // `messages` may be null (tests).
    HistoryPanel(ComparisonStore& store, MessageBar* messages, QWidget* parent = nullptr);

    void refresh();
    void importFile(const QString& path); // a run file; errors go to the message bar
    [[nodiscard]] QTreeWidget& list() const { return *m_list; }
    [[nodiscard]] QTreeWidget& difference() const { return *m_difference; }
    [[nodiscard]] PlotView& overTime() const { return *m_overTime; }

signals:
    void openAsked(qint64 id);

private:
    QList<qint64> chosen() const;
    void showChosen(); // difference of two, or the speed of all chosen over time
    void showDifference(qint64 a, qint64 b);
    void showOverTime(const QList<qint64>& ids);
    void removeChosen();
    void editTags();
    void pinChosen();
    void chooseImport();
    bool guarded(const std::function<void()>& work); // errors of the store go to the message bar

    ComparisonStore& m_store;
    MessageBar* m_messages;
    QLineEdit* m_filter;
    QTreeWidget *m_list, *m_difference;
    QPushButton *m_open, *m_pin, *m_tag, *m_remove;
    QStackedWidget* m_below;
    PlotView* m_overTime;
};

} // namespace mmfree::gui
