// One run: its curves above; samples, ternary weights, adjustments and log below.
#pragma once

#include "widgets/training/run_reader.h"

#include <QWidget>

class QPlainTextEdit;
class QSplitter;
class QTabWidget;

namespace mmfree::gui
{

class AdjustPanel;
class RunCharts;
class SampleStrip;
class TernaryStrip;

class RunView : public QWidget
{
    Q_OBJECT
public:
    explicit RunView(QWidget* parent = nullptr);

    // The first is the run itself, the others lie over its curves. Borrowed until the next call.
    void show(const QList<const RunReader*>& readers);
    bool showTab(const QString& name); // "samples", "ternary", "adjust", "log"
    [[nodiscard]] RunCharts* charts() const { return m_charts; }
    [[nodiscard]] QWidget* tabs() const;

signals:
    void commandAsked(const mmfree::RunCommand& command);
    void stepActivated(qint64 step);
    void tensorActivated(const QString& tensor, qint64 step);
    void problem(const QString& title, const QString& detail);

private:
    void showLog(const RunReader* reader);

    QSplitter* m_splitter;
    RunCharts* m_charts;
    QTabWidget* m_tabs;
    SampleStrip* m_samples;
    TernaryStrip* m_ternary;
    AdjustPanel* m_adjust;
    QPlainTextEdit* m_log;
    std::size_t m_shownEvents = 0;
    qsizetype m_shownLines = 0;
    QString m_shownFolder;
};

} // namespace mmfree::gui
