#include "widgets/pages/devices_page.h"

#include "widgets/pages/page_context.h"
#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/planner/planner_view.h"
#include "widgets/views/plot/plot_view.h"
#include "widgets/views/text_format.h"
#include "widgets/views/view_parts.h"
#include "widgets/workers/inference_service.h"

#include <QComboBox>
#include <QFontDatabase>
#include <QHeaderView>
#include <QLabel>
#include <QLocale>
#include <QPlainTextEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QStackedWidget>
#include <QTabBar>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

constexpr int kBackendRole = Qt::UserRole + 1;
constexpr int kDeviceRole = Qt::UserRole + 2;
constexpr int kListWidth = 296;
constexpr int kDetailsWidth = 880;
constexpr const char* kShapes[] = {"370M", "1.3B", "2.7B"};

} // namespace

DevicesPage::DevicesPage(const PageContext& context, QWidget* parent)
    : Page(parent)
    , m_service(context.service)
    , m_backends(context.backends)
    , m_tabs(new QTabBar)
    , m_stack(new QStackedWidget)
{
    startRunner(context.backends);
    m_tabs->addTab(tr("On this machine"));
    m_tabs->addTab(tr("FPGA planner"));
    m_tabs->setObjectName(QStringLiteral("devicesTabs"));
    m_tabs->setAccessibleName(tr("Parts of the page"));
    auto* header = new QWidget;
    header->setObjectName(QStringLiteral("pageHeader"));
    header->setAttribute(Qt::WA_StyledBackground);
    auto* headerLayout = new QHBoxLayout(header);
    headerLayout->setContentsMargins(2 * kGrid, 0, 2 * kGrid, 0);
    headerLayout->addWidget(m_tabs);
    headerLayout->addStretch(1);

    auto* devices = new QWidget;
    auto* split = new QHBoxLayout(devices);
    split->setContentsMargins(0, 0, 0, 0);
    split->setSpacing(0);
    split->addWidget(buildList());
    m_details = buildDetails();
    split->addWidget(m_details, 1);
    m_planner = new PlannerView;
    m_stack->addWidget(devices);
    m_stack->addWidget(m_planner);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(header);
    layout->addWidget(m_stack, 1);
    connect(m_tabs, &QTabBar::currentChanged, m_stack, &QStackedWidget::setCurrentIndex);
    connect(m_service, &InferenceService::modelOpened, this, &DevicesPage::showModel);
    showModel();
    showDevice();
}

DevicesPage::~DevicesPage()
{
    m_stop.request_stop();
    m_thread.quit();
    m_thread.wait();
}

void DevicesPage::startRunner(const std::vector<std::shared_ptr<const Backend>>& backends)
{
    qRegisterMetaType<DeviceRunRequest>();
    qRegisterMetaType<DeviceRunResult>();
    m_runner = new DeviceRunner(backends);
    m_runner->moveToThread(&m_thread);
    m_thread.setObjectName(QStringLiteral("devices"));
    connect(&m_thread, &QThread::finished, m_runner, &QObject::deleteLater);
    connect(this, &DevicesPage::listRequested, m_runner, &DeviceRunner::listDevices);
    connect(this, &DevicesPage::runRequested, m_runner, &DeviceRunner::run);
    connect(m_runner, &DeviceRunner::devicesListed, this, &DevicesPage::showDevices);
    connect(m_runner, &DeviceRunner::progressed, this, [this](JobId job, const QString& stage, double share) {
        if (job != m_job)
            return;
        m_stage->setText(stage + QChar(0x2026));
        m_progress->setRange(0, share < 0.0 ? 0 : 100);
        m_progress->setValue(static_cast<int>(100.0 * share));
    });
    connect(m_runner, &DeviceRunner::finished, this, [this](JobId job, const DeviceRunResult& result) {
        if (job != m_job)
            return;
        endRun();
        showResult(result);
    });
    connect(m_runner, &DeviceRunner::failed, this, [this](JobId job, const ErrorInfo& error) {
        if (job != m_job)
            return;
        endRun();
        showFailure(error);
    });
    connect(m_runner, &DeviceRunner::cancelled, this, [this](JobId job) {
        if (job == m_job)
            endRun();
    });
    m_thread.start();
}

QWidget* DevicesPage::buildList()
{
    auto* panel = new QWidget;
    panel->setObjectName(QStringLiteral("sidePanel"));
    panel->setAttribute(Qt::WA_StyledBackground);
    panel->setFixedWidth(kListWidth);
    m_list = new QTreeWidget;
    m_list->setObjectName(QStringLiteral("deviceList"));
    m_list->setAccessibleName(tr("Backends and their devices"));
    m_list->setHeaderHidden(true);
    m_list->setIndentation(0);
    m_list->setRootIsDecorated(false);
    m_list->setTextElideMode(Qt::ElideMiddle);
    m_list->setUniformRowHeights(true);
    connect(m_list, &QTreeWidget::currentItemChanged, this, &DevicesPage::showDevice);
    auto* again = new QPushButton(themedIcon(QStringLiteral("regenerate"), QPalette::ButtonText),
                                  tr("Look for devices again"));
    again->setProperty("kind", "quiet");
    connect(again, &QPushButton::clicked, this, [this] {
        m_listed = false;
        emit listRequested();
    });
    auto* layout = new QVBoxLayout(panel);
    layout->setContentsMargins(kGrid + kGrid / 2, kGrid + kGrid / 2, kGrid + kGrid / 2, kGrid);
    layout->setSpacing(kGrid);
    layout->addWidget(m_list, 1);
    layout->addWidget(again);
    return panel;
}

QWidget* DevicesPage::buildDetails()
{
    auto* content = new QWidget;
    content->setObjectName(QStringLiteral("scrollContent"));
    content->setMaximumWidth(kDetailsWidth);
    m_name = makeLabel(TextRole::Display, {}, true);
    m_name->setObjectName(QStringLiteral("deviceName"));
    m_about = makeLabel(TextRole::Muted, {}, true);
    m_reason = makeLabel(TextRole::Body, {}, true);
    m_reason->setObjectName(QStringLiteral("deviceReason"));
    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins(3 * kGrid, 3 * kGrid, 3 * kGrid, 3 * kGrid);
    layout->setSpacing(kGrid);
    layout->addWidget(m_name);
    layout->addWidget(m_about);
    layout->addWidget(m_reason);
    layout->addSpacing(kGrid);
    layout->addWidget(buildMeasuring());
    layout->addWidget(buildResults(), 1);
    auto* area = new QScrollArea;
    area->setWidgetResizable(true);
    area->setFocusPolicy(Qt::NoFocus);
    area->setWidget(content);
    return area;
}

QWidget* DevicesPage::buildMeasuring()
{
    auto* card = new QFrame;
    card->setObjectName(QStringLiteral("card"));
    m_model = new QComboBox;
    m_model->setObjectName(QStringLiteral("deviceModel"));
    m_model->setAccessibleName(tr("Model to measure with"));
    m_model->setMinimumWidth(240);
    m_measure = new QPushButton(tr("Measure decoding"));
    m_measure->setObjectName(QStringLiteral("deviceMeasure"));
    m_measure->setProperty("kind", "primary");
    m_cancel = new QPushButton(tr("Cancel"));
    m_cancel->setObjectName(QStringLiteral("deviceCancel"));
    m_progress = new QProgressBar;
    m_progress->setTextVisible(false);
    m_progress->setAccessibleName(tr("Progress of the measurement"));
    m_stage = makeLabel(TextRole::SmallMuted);
    connect(m_measure, &QPushButton::clicked, this, &DevicesPage::measure);
    connect(m_cancel, &QPushButton::clicked, this, [this] { m_stop.request_stop(); });
    auto* row = new QHBoxLayout;
    row->setSpacing(kGrid);
    row->addWidget(m_model);
    row->addWidget(m_measure);
    row->addWidget(m_cancel);
    row->addWidget(m_progress, 1);
    row->addWidget(m_stage);
    row->addStretch(1);
    auto* layout = new QVBoxLayout(card);
    layout->setContentsMargins(2 * kGrid, kGrid + kGrid / 2, 2 * kGrid, 2 * kGrid);
    layout->setSpacing(kGrid);
    layout->addWidget(makeLabel(TextRole::Section, tr("How fast it decodes")));
    layout->addLayout(row);
    m_rate = makeLabel(TextRole::Display);
    m_rate->setObjectName(QStringLiteral("deviceRate"));
    m_result = makeLabel(TextRole::Muted, {}, true);
    m_result->setObjectName(QStringLiteral("deviceResult"));
    layout->addWidget(m_rate);
    layout->addWidget(m_result);
    return card;
}

QWidget* DevicesPage::buildResults()
{
    auto* box = new QWidget;
    m_kernels = new PlotView(tr("Time in each kernel, last run"));
    m_kernels->setObjectName(QStringLiteral("kernelPlot"));
    m_kernels->setMode(PlotMode::Bars);
    m_kernels->setMinimumHeight(280);
    m_kernels->setYAxis(
        {.title = tr("Time"), .unit = tr("microseconds a token"), .labels = {}, .fromZero = true});
    m_noKernels = makeLabel(TextRole::SmallMuted, {}, true);
    m_logTitle = makeLabel(TextRole::Section, tr("Build log of the kernels"));
    m_log = new QPlainTextEdit;
    m_log->setObjectName(QStringLiteral("buildLog"));
    m_log->setAccessibleName(tr("Build log of the kernels"));
    m_log->setReadOnly(true);
    m_log->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    m_log->setMinimumHeight(96);
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, kGrid, 0, 0);
    layout->setSpacing(kGrid);
    layout->addWidget(m_kernels, 3);
    layout->addWidget(m_noKernels);
    layout->addWidget(m_logTitle);
    layout->addWidget(m_log, 1);
    layout->addStretch(0);
    return box;
}

QList<QWidget*> DevicesPage::panes() const
{
    if (m_stack->currentIndex() == 1)
        return {m_tabs, m_planner->controls(), m_planner->results()};
    return {m_tabs, m_list->parentWidget(), m_details};
}

bool DevicesPage::showView(const QString& name)
{
    const int index = name == QLatin1String("devices") ? 0 : name == QLatin1String("planner") ? 1 : -1;
    if (index >= 0)
        m_tabs->setCurrentIndex(index);
    return index >= 0;
}

void DevicesPage::showEvent(QShowEvent* event)
{
    Page::showEvent(event);
    if (m_asked)
        return;
    m_asked = true; // drivers are only woken by somebody who looks
    emit listRequested();
}

void DevicesPage::showDevices(const std::vector<BackendSummary>& backends)
{
    m_listed = true;
    m_devices = backends;
    const Place before = chosen();
    m_list->clear();
    QTreeWidgetItem* first = nullptr;
    for (int b = 0; b < static_cast<int>(backends.size()); ++b) {
        const BackendSummary& backend = backends[static_cast<std::size_t>(b)];
        auto* group = new QTreeWidgetItem(m_list, {backendTitle(backend.name)});
        group->setFlags(Qt::ItemIsEnabled);
        QFont bold = m_list->font();
        bold.setWeight(QFont::DemiBold);
        group->setFont(0, bold);
        for (int d = 0; d < static_cast<int>(backend.devices.size()); ++d) {
            const DeviceInfo& device = backend.devices[static_cast<std::size_t>(d)];
            auto* item = new QTreeWidgetItem(group, {QString::fromStdString(device.name)});
            item->setIcon(0, themedIcon(device.usable ? QStringLiteral("check") : QStringLiteral("minus"),
                                        QPalette::PlaceholderText));
            item->setToolTip(0, device.usable ? tr("Ready") : QString::fromStdString(device.reason));
            item->setData(0, Qt::AccessibleTextRole, tr("%1, %2").arg(item->text(0), item->toolTip(0)));
            item->setData(0, kBackendRole, b);
            item->setData(0, kDeviceRole, d);
            if (!first || (before.backend == b && before.device == d))
                first = item;
        }
    }
    m_list->expandAll();
    m_list->setCurrentItem(first);
    showDevice();
}

DevicesPage::Place DevicesPage::chosen() const
{
    const QTreeWidgetItem* item = m_list->currentItem();
    if (!item || !item->data(0, kDeviceRole).isValid())
        return {};
    return {item->data(0, kBackendRole).toInt(), item->data(0, kDeviceRole).toInt()};
}

void DevicesPage::showDevice()
{
    const Place place = chosen();
    const bool any = place.device >= 0;
    m_name->setVisible(any);
    m_about->setVisible(any);
    if (!any) {
        m_reason->setText(m_listed ? tr("Choose a device.") : tr("Looking for devices\u2026"));
        m_reason->setVisible(true);
        m_measure->setEnabled(false);
        return;
    }
    const BackendSummary& backend = m_devices[static_cast<std::size_t>(place.backend)];
    const DeviceInfo& device = backend.devices[static_cast<std::size_t>(place.device)];
    QStringList about{tr("%1 backend, device %2").arg(backendTitle(backend.name)).arg(place.device)};
    if (device.memoryBytes > 0)
        about << tr("Memory: %1").arg(bytesText(static_cast<qint64>(device.memoryBytes)));
    for (const std::string& detail : device.details)
        about << QString::fromStdString(detail);
    m_name->setText(QString::fromStdString(device.name));
    m_about->setText(about.join(QLatin1Char('\n')));
    m_reason->setText(tr("Cannot be used here: %1").arg(QString::fromStdString(device.reason)));
    m_reason->setVisible(!device.usable);
    m_measure->setEnabled(device.usable && m_job == 0);
    if (m_job == 0)
        clearResult();
}

void DevicesPage::showModel()
{
    m_model->clear();
    const auto model = m_service->model();
    if (model)
        m_model->addItem(tr("%1 (open)").arg(model->name), model->path);
    for (const char* shape : kShapes)
        m_model->addItem(tr("%1, random weights").arg(QLatin1String(shape)));
    m_planner->setOpenModel(model ? model->name : QString(), model ? model->config : ModelConfig());
    endRun();
}

void DevicesPage::clearResult()
{
    for (QWidget* widget :
         std::initializer_list<QWidget*>{m_rate, m_result, m_kernels, m_noKernels, m_logTitle, m_log})
        widget->hide();
}

void DevicesPage::measure()
{
    const Place place = chosen();
    if (place.device < 0 || m_job != 0)
        return;
    clearResult();
    DeviceRunRequest request;
    request.job = m_job = m_nextJob++;
    request.backend = m_backends.at(static_cast<std::size_t>(place.backend));
    request.device = place.device;
    request.modelPath = m_model->currentData().toString();
    if (request.modelPath.isEmpty())
        request.shape = namedShape(
            kShapes[m_model->currentIndex() - (m_model->count() - static_cast<int>(std::size(kShapes)))]);
    m_stop = std::stop_source();
    request.stop = m_stop.get_token();
    m_measure->setEnabled(false);
    m_progress->setRange(0, 0);
    for (QWidget* widget : std::initializer_list<QWidget*>{m_cancel, m_progress, m_stage})
        widget->show();
    emit runRequested(request);
}

// Also when a model was opened: what runs then belongs to a list that is gone.
void DevicesPage::endRun()
{
    if (m_job != 0)
        m_stop.request_stop();
    m_job = 0;
    for (QWidget* widget : std::initializer_list<QWidget*>{m_cancel, m_progress, m_stage})
        widget->hide();
    showDevice();
}

void DevicesPage::showResult(const DeviceRunResult& result)
{
    m_rate->setText(rateText(result.tokensPerSecond));
    m_result->setText(
        tr("%1, %2 tokens one after another \u00b7 opened in %3 \u00b7 weights %4 \u00b7 state %5\n%6")
            .arg(result.model, countText(result.tokens), secondsText(result.openSeconds),
                 bytesText(static_cast<qint64>(result.memory.weightBytes)),
                 bytesText(static_cast<qint64>(result.memory.stateBytes)), result.description));
    m_rate->show();
    m_result->show();
    showKernels(result);
}

void DevicesPage::showKernels(const DeviceRunResult& result)
{
    m_noKernels->show();
    if (!result.hasKernels) {
        m_noKernels->setText(tr("This backend gives no times of single kernels and has no build log."));
        return;
    }
    PlotSeries series;
    series.name = tr("Time a token");
    PlotAxis axis;
    axis.title = tr("Kernel");
    double sum = 0.0;
    for (std::size_t n = 0; n < result.kernels.size(); ++n) {
        const double microseconds =
            1e6 * result.kernels[n].seconds / static_cast<double>(result.profiledTokens);
        sum += microseconds;
        series.x.push_back(static_cast<double>(n));
        series.y.push_back(microseconds);
        axis.labels.append({static_cast<double>(n), QString::fromStdString(result.kernels[n].kernel)});
    }
    m_kernels->setXAxis(axis);
    m_kernels->setSeries({series});
    m_noKernels->setText(
        tr("%1 microseconds a token in all, by the device's own clock, over %2 tokens. With this clock every "
           "kernel is waited for, so a token takes longer than in the speed above.")
            .arg(QLocale().toString(sum, 'f', 0), countText(result.profiledTokens)));
    m_log->setPlainText(tr("Program: %1").arg(QString::fromStdString(result.program.origin)) +
                        QLatin1Char('\n') +
                        (result.program.log.empty() ? tr("The compiler had nothing to say.")
                                                    : QString::fromStdString(result.program.log)));
    for (QWidget* widget : std::initializer_list<QWidget*>{m_kernels, m_logTitle, m_log})
        widget->show();
}

void DevicesPage::showFailure(const ErrorInfo& error)
{
    // The first line says what happened; a compiler's log may follow.
    const qsizetype end = error.message.indexOf(QLatin1Char('\n'));
    m_result->setText(tr("Not measured: %1 %2").arg(errorTitle(error.code), error.message.left(end)));
    m_result->show();
    if (end < 0)
        return;
    m_log->setPlainText(error.message.mid(end + 1));
    m_logTitle->show();
    m_log->show();
}

} // namespace mmfree::gui
