// Backends and the dense baseline side by side: contenders and workload on the left, the race above, results
// below. Wires the views of widgets/compare to the service that runs comparisons and to the kept ones.
#pragma once

#include "widgets/compare/comparison_service.h"
#include "widgets/pages/page.h"

class QLabel;
class QSplitter;
class QTabWidget;
class QTableView;
class QToolButton;
class QTreeWidget;

namespace mmfree::gui
{

class ComparisonStore;
class DistributionPanel;
class HistoryPanel;
class InferenceService;
class LiveRace;
class MessageBar;
class ParityPanel;
class ResultsModel;
class RooflinePanel;
class SetupPanel;
class SizePanel;
struct PageContext;

class ComparePage : public Page
{
    Q_OBJECT
public:
    explicit ComparePage(const PageContext& context, QWidget* parent = nullptr);
    ~ComparePage() override;

    [[nodiscard]] QString id() const override { return QStringLiteral("compare"); }
    [[nodiscard]] QString title() const override { return tr("Compare"); }
    [[nodiscard]] QString iconName() const override { return QStringLiteral("compare"); }
    [[nodiscard]] QList<QWidget*> panes() const override;
    [[nodiscard]] QStringList menuActions() const override;
    [[nodiscard]] QByteArray saveLayout() const override;
    void restoreLayout(const QByteArray& layout) override;
    bool showView(
        const QString& name) override; // results, distribution, roofline, parity, environment, history, sizes
    [[nodiscard]] bool isSettled() const override;

    [[nodiscard]] ComparisonService& service() const { return *m_service; }
    [[nodiscard]] SetupPanel& setupPanel() const { return *m_setup; }
    [[nodiscard]] LiveRace& race() const { return *m_race; }
    [[nodiscard]] ResultsModel& results() const { return *m_results; }
    [[nodiscard]] HistoryPanel& history() const { return *m_history; }
    [[nodiscard]] std::shared_ptr<const CompareRun> run() const { return m_run; } // shown; null: none
    void exportTo(const QString& file); // by its ending; errors go to the message bar

public slots:
    void start();
    void stop();

private:
    QWidget* buildResults();
    QWidget* buildTable();
    void addActions(const PageContext& context);
    void connectService();
    void usualContenders();
    void showRun(const std::shared_ptr<const CompareRun>& run);
    void showEnvironment();
    void take(const std::vector<LiveEvent>& events);
    void finish(const std::shared_ptr<const CompareRun>& run);
    void openKept(qint64 id);
    void askExport();
    void copyTable();
    void complain(const ErrorInfo& error);

    InferenceService* m_inference;
    MessageBar* m_messages;
    QString m_bundledModel;
    ComparisonService* m_service;
    std::unique_ptr<ComparisonStore> m_store;
    std::shared_ptr<const CompareRun> m_run;

    SetupPanel* m_setup;
    LiveRace* m_race;
    QSplitter* m_split;
    QTabWidget* m_tabs;
    ResultsModel* m_results;
    QTableView* m_table = nullptr;
    QLabel *m_title = nullptr, *m_warnings = nullptr, *m_method = nullptr;
    QToolButton *m_ratios = nullptr, *m_export = nullptr;
    DistributionPanel* m_distribution;
    RooflinePanel* m_roofline;
    ParityPanel* m_parity;
    QTreeWidget* m_environment;
    HistoryPanel* m_history = nullptr;
    SizePanel* m_sizes;
};

} // namespace mmfree::gui
