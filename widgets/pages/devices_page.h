// Every backend, platform and device of this machine with the reason when it cannot be used; how fast the
// chosen one decodes, where the time goes kernel by kernel, what its compiler said; and projections for FPGA
// boards that are not here.
#pragma once

#include "widgets/pages/page.h"
#include "widgets/workers/device_runner.h"

#include <QThread>

class QComboBox;
class QFormLayout;
class QLabel;
class QPlainTextEdit;
class QProgressBar;
class QPushButton;
class QStackedWidget;
class QTabBar;
class QTreeWidget;
class QTreeWidgetItem;

namespace mmfree::gui
{

class InferenceService;
class PlannerView;
class PlotView;
struct PageContext;

class DevicesPage : public Page
{
    Q_OBJECT
public:
    explicit DevicesPage(const PageContext& context, QWidget* parent = nullptr);
    ~DevicesPage() override;

    [[nodiscard]] QString id() const override { return QStringLiteral("devices"); }
    [[nodiscard]] QString title() const override { return tr("Devices"); }
    [[nodiscard]] QString iconName() const override { return QStringLiteral("chip"); }
    [[nodiscard]] QList<QWidget*> panes() const override;
    bool showView(const QString& name) override; // "devices", "planner"
    [[nodiscard]] bool isSettled() const override { return m_listed && m_job == 0; }

    [[nodiscard]] PlannerView& planner() const { return *m_planner; }
    [[nodiscard]] PlotView& kernelPlot() const { return *m_kernels; }

signals:
    void listRequested();
    void runRequested(const mmfree::gui::DeviceRunRequest& request);

protected:
    void showEvent(QShowEvent* event) override;

private:
    struct Place { // of a row in the list
        int backend = -1, device = -1;
    };
    void startRunner(const std::vector<std::shared_ptr<const Backend>>& backends);
    QWidget* buildList();
    QWidget* buildDetails();
    QWidget* buildMeasuring();
    QWidget* buildResults();
    void showDevices(const std::vector<BackendSummary>& backends);
    void showDevice();
    void showModel();
    void measure();
    void endRun();
    void showResult(const DeviceRunResult& result);
    void showKernels(const DeviceRunResult& result);
    void showFailure(const ErrorInfo& error);
    void clearResult();
    [[nodiscard]] Place chosen() const;

    InferenceService* m_service;
    std::vector<std::shared_ptr<const Backend>> m_backends;
    std::vector<BackendSummary> m_devices;
    QThread m_thread;
    DeviceRunner* m_runner = nullptr;
    std::stop_source m_stop;
    JobId m_job = 0, m_nextJob = 1;
    bool m_asked = false, m_listed = false;

    QTabBar* m_tabs;
    QStackedWidget* m_stack;
    QTreeWidget* m_list = nullptr;
    QWidget* m_details = nullptr;
    QLabel *m_name = nullptr, *m_about = nullptr, *m_reason = nullptr;
    QComboBox* m_model = nullptr;
    QPushButton *m_measure = nullptr, *m_cancel = nullptr;
    QProgressBar* m_progress = nullptr;
    QLabel *m_stage = nullptr, *m_rate = nullptr, *m_result = nullptr, *m_noKernels = nullptr;
    QLabel* m_logTitle = nullptr;
    PlotView* m_kernels = nullptr;
    QPlainTextEdit* m_log = nullptr;
    PlannerView* m_planner = nullptr;
};

} // namespace mmfree::gui
