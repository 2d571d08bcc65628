// The training page: sets runs up, starts and commands them, and shows them while they run. Each run is a
// process of its own; this page reads its directory ten times a second and sends it commands.
#pragma once

#include "widgets/pages/page.h"
#include "widgets/pages/page_context.h"
#include "widgets/training/background_job.h"
#include "widgets/training/control_bar.h"
#include "widgets/training/setup_work.h"

#include <QDateTime>
#include <QTimer>

#include <map>
#include <memory>
#include <optional>

class QLabel;
class QPushButton;
class QSplitter;
class QStackedWidget;

namespace mmfree::gui
{

class RunLibrary;
class RunReader;
class RunsPanel;
class RunView;
class SetupView;
class TrainingSetup;

class TrainingPage : public Page
{
    Q_OBJECT
public:
    explicit TrainingPage(const PageContext& context, QWidget* parent = nullptr);
    ~TrainingPage() override;

    [[nodiscard]] QString id() const override { return QStringLiteral("train"); }
    [[nodiscard]] QString title() const override { return tr("Train"); }
    [[nodiscard]] QString iconName() const override { return QStringLiteral("train"); }
    [[nodiscard]] QList<QWidget*> panes() const override;
    [[nodiscard]] QStringList menuActions() const override;
    [[nodiscard]] QByteArray saveLayout() const override;
    void restoreLayout(const QByteArray& layout) override;
    bool showView(const QString& name) override;
    [[nodiscard]] bool isSettled() const override;

    [[nodiscard]] TrainingSetup& setup() { return *m_setup; }
    [[nodiscard]] RunLibrary& library() { return *m_library; }
    [[nodiscard]] QString currentRun() const { return m_current; }
    void showRun(const QString& folder); // empty: the set-up
    // Writes the newest checkpoint of a run; the result is told in the message bar.
    void exportModel(const QString& folder, const QString& target, bool packed);

protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

private:
    void addActions();
    QWidget* buildBanner();
    void startOrGoOn();
    void startNew();
    void command(const RunCommand& command);
    void poll();
    void updateControls();
    void updateBanner();
    void chatWithWeights(const QString& folder, const QString& page);
    void openPendingWeights();
    void removeRun(const QString& folder);
    void askExport(const QString& folder, bool packed);
    void report(const QString& title, const QString& detail);
    [[nodiscard]] bool hasStarted(const QString& folder);
    [[nodiscard]] RunReader* reader(const QString& folder);
    [[nodiscard]] QList<const RunReader*> shownReaders();

    PageContext m_context;
    TrainingSetup* m_setup;
    RunLibrary* m_library;
    RunActions m_actions;
    QSplitter* m_splitter;
    QStackedWidget* m_stack;
    SetupView* m_setupView;
    RunView* m_runView;
    RunsPanel* m_runs;
    ControlBar* m_controls;
    QWidget* m_banner;
    QLabel* m_bannerText;
    QString m_bannerRun;
    QStringList m_bannerClosed; // runs whose banner was answered
    std::map<QString, std::unique_ptr<RunReader>> m_readers;
    QString m_current;     // folder; empty: the set-up is shown
    QString m_starting;    // folder of a run that was started and has not said anything yet
    QDateTime m_startedAt; // when it was
    QTimer m_poll, m_startLimit;
    struct PendingWeights {
        QString folder, page;
        qint64 step = 0;
    };
    std::optional<PendingWeights> m_pendingWeights;
    JobPool m_pool;
    BackgroundJob<QString> m_exportJob;
};

} // namespace mmfree::gui
