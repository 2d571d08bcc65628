#include "widgets/pages/compare_page.h"

#include "engine/analysis/compare_report.h"
#include "engine/analysis/compare_setup.h"
#include "engine/core/error.h"
#include "widgets/actions/action_registry.h"
#include "widgets/compare/compare_export.h"
#include "widgets/compare/comparison_store.h"
#include "widgets/compare/distribution_panel.h"
#include "widgets/compare/history_panel.h"
#include "widgets/compare/live_race.h"
#include "widgets/compare/memory_stack_view.h"
#include "widgets/compare/parity_panel.h"
#include "widgets/compare/results_model.h"
#include "widgets/compare/roofline_panel.h"
#include "widgets/compare/setup_panel.h"
#include "widgets/compare/size_panel.h"
#include "widgets/pages/page_context.h"
#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/message_bar.h"
#include "widgets/views/plot/plot_view.h"
#include "widgets/workers/inference_service.h"

#include <QApplication>
#include <QClipboard>
#include <QDataStream>
#include <QFileDialog>
#include <QHeaderView>
#include <QLabel>
#include <QScrollArea>
#include <QSplitter>
#include <QTabWidget>
#include <QTableView>
#include <QToolButton>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

constexpr const char* kTabNames[] = {"results",     "distribution", "roofline", "parity",
                                     "environment", "history",      "sizes"};
constexpr int kSizesTab = 6;

CompareHost hostOf(const PageContext& context)
{
    return {.program = context.programFile.toStdString(),
            .arguments = {"compare", "--worker"},
            .backends = context.backends};
}

} // namespace

ComparePage::ComparePage(const PageContext& context, QWidget* parent)
    : Page(parent)
    , m_inference(context.service)
    , m_messages(context.messages)
    , m_bundledModel(context.bundledModel)
    , m_service(new ComparisonService(hostOf(context), this))
    , m_store(std::make_unique<ComparisonStore>(context.dataFolder + QStringLiteral("/comparisons.sqlite")))
    , m_setup(new SetupPanel)
    , m_race(new LiveRace)
    , m_split(new QSplitter(Qt::Vertical))
    , m_tabs(new QTabWidget)
    , m_results(new ResultsModel(this))
    , m_distribution(new DistributionPanel)
    , m_roofline(new RooflinePanel)
    , m_parity(new ParityPanel)
    , m_environment(new QTreeWidget)
    , m_sizes(new SizePanel)
{
    m_history = new HistoryPanel(*m_store, m_messages);
    m_split->addWidget(m_race);
    m_split->addWidget(buildResults());
    m_split->setStretchFactor(0, 1);
    m_split->setStretchFactor(1, 1);
    m_split->setSizes({340, 440});
    m_split->setChildrenCollapsible(false);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_setup);
    layout->addWidget(m_split, 1);
    addActions(context);
    connectService();
    if (!m_store->notice().isEmpty() && m_messages)
        m_messages->showMessage(MessageBar::Severity::Warning, tr("Kept comparisons"), m_store->notice());
    usualContenders();
    try {
        const auto kept = m_store->list();
        if (!kept.empty())
            openKept(kept.front().id);
    } catch (const Error& error) {
        complain({error.code(), QString::fromUtf8(error.what())});
    }
}

ComparePage::~ComparePage() = default;

QWidget* ComparePage::buildTable()
{
    m_title = new QLabel(tr("No comparison yet"));
    setTextRole(m_title, TextRole::Title);
    m_title->setWordWrap(true);
    m_title->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_title->setObjectName(QStringLiteral("compareTitle"));
    m_warnings = new QLabel;
    m_warnings->setWordWrap(true);
    setTextRole(m_warnings, TextRole::Small);
    m_method = new QLabel;
    m_method->setWordWrap(true);
    setTextRole(m_method, TextRole::SmallMuted);
    m_table = new QTableView;
    m_table->setObjectName(QStringLiteral("resultsTable"));
    m_table->setAccessibleName(tr("Results"));
    m_table->setModel(m_results);
    m_table->setAlternatingRowColors(true);
    m_table->setShowGrid(false);
    m_table->setWordWrap(false);
    m_table->setTabKeyNavigation(false);
    m_table->setCornerButtonEnabled(false);
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_table->horizontalHeader()->setHighlightSections(false);
    m_table->verticalHeader()->setHighlightSections(false);
    m_table->verticalHeader()->setDefaultSectionSize(26);
    m_ratios = new QToolButton;
    m_ratios->setObjectName(QStringLiteral("showRatios"));
    m_ratios->setText(tr("Ratio to baseline"));
    m_ratios->setCheckable(true);
    connect(m_ratios, &QToolButton::toggled, m_results, &ResultsModel::setRatios);
    auto* copy = new QToolButton;
    copy->setText(tr("Copy as Markdown"));
    copy->setIcon(themedIcon(QStringLiteral("copy")));
    copy->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    connect(copy, &QToolButton::clicked, this, &ComparePage::copyTable);
    m_export = new QToolButton;
    m_export->setObjectName(QStringLiteral("exportComparison"));
    m_export->setText(tr("Export\u2026"));
    m_export->setToolTip(tr("Run file (JSON), CSV, Markdown, PNG, SVG or a one-page PDF report"));
    connect(m_export, &QToolButton::clicked, this, &ComparePage::askExport);
    auto* top = new QHBoxLayout;
    top->setSpacing(kGrid);
    top->addWidget(m_title, 1);
    top->addWidget(m_ratios, 0, Qt::AlignTop);
    top->addWidget(copy, 0, Qt::AlignTop);
    top->addWidget(m_export, 0, Qt::AlignTop);
    auto* box = new QWidget;
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(kGrid, kGrid, kGrid, kGrid);
    layout->setSpacing(kGrid / 2);
    layout->addLayout(top);
    layout->addWidget(m_warnings);
    layout->addWidget(m_table, 1);
    layout->addWidget(m_method);
    return box;
}

QWidget* ComparePage::buildResults()
{
    m_environment->setObjectName(QStringLiteral("environmentTable"));
    m_environment->setAccessibleName(tr("Environment"));
    m_environment->setHeaderLabels({tr("What"), tr("Value")});
    m_environment->setRootIsDecorated(false);
    m_environment->setAlternatingRowColors(true);
    m_environment->setWordWrap(true);
    m_tabs->setObjectName(QStringLiteral("resultTabs"));
    m_tabs->setDocumentMode(true);
    auto* environment = new QWidget;
    auto* environmentLayout = new QVBoxLayout(environment);
    environmentLayout->setContentsMargins(kGrid, kGrid, kGrid, kGrid);
    environmentLayout->addWidget(m_environment);
    m_tabs->addTab(buildTable(), tr("Results"));
    m_tabs->addTab(m_distribution, tr("Distribution"));
    m_tabs->addTab(m_roofline, tr("Roofline"));
    m_tabs->addTab(m_parity, tr("Parity"));
    m_tabs->addTab(environment, tr("Environment"));
    m_tabs->addTab(m_history, tr("History"));
    m_tabs->addTab(m_sizes, tr("By size"));
    m_tabs->setTabVisible(kSizesTab, false);
    return m_tabs;
}

void ComparePage::addActions(const PageContext& context)
{
    if (!context.actions)
        return;
    QAction* run = context.actions->add(
        {"compare.run", title(), tr("&Run comparison"), {}, {QKeySequence(Qt::Key_F5)}, {}, this});
    connect(run, &QAction::triggered, this, &ComparePage::start);
    QAction* end = context.actions->add(
        {"compare.stop", title(), tr("&Stop comparison"), "stop", {QKeySequence(Qt::Key_Escape)}, {}, this});
    connect(end, &QAction::triggered, this, &ComparePage::stop);
    QAction* save =
        context.actions->add({"compare.export", title(), tr("&Export results\u2026"), {}, {}, {}, this});
    connect(save, &QAction::triggered, this, &ComparePage::askExport);
    QAction* paper = context.actions->add(
        {"compare.paper", title(), tr("&Paper: memory and latency by size"), {}, {}, {}, this});
    connect(paper, &QAction::triggered, m_setup, &SetupPanel::usePaperPreset);
}

QStringList ComparePage::menuActions() const
{
    return {"compare.run", "compare.stop", "", "compare.paper", "", "compare.export"};
}

void ComparePage::connectService()
{
    connect(m_setup, &SetupPanel::setupChanged, this, [this] { m_service->plan(m_setup->setup()); });
    connect(m_setup, &SetupPanel::runAsked, this, &ComparePage::start);
    connect(m_setup, &SetupPanel::stopAsked, this, &ComparePage::stop);
    connect(m_service, &ComparisonService::planned, this,
            [this](const std::vector<ContenderResult>& results) {
                if (!m_service->isRunning() && results.size() == m_setup->setup().contenders.size())
                    m_setup->showPlan(results);
            });
    connect(m_service, &ComparisonService::happened, this, &ComparePage::take);
    connect(m_service, &ComparisonService::finished, this, &ComparePage::finish);
    connect(m_service, &ComparisonService::failed, this, [this](const ErrorInfo& error) {
        m_setup->setRunning(false);
        m_setup->showProgress(0.0, -1.0, tr("Not run."));
        complain(error);
    });
    connect(m_history, &HistoryPanel::openAsked, this, [this](qint64 id) {
        openKept(id);
        m_tabs->setCurrentIndex(0);
    });
    if (m_inference) {
        const auto follow = [this] {
            const auto model = m_inference->model();
            m_setup->setModel(model ? model->path : m_bundledModel);
        };
        connect(m_inference, &InferenceService::modelOpened, this, follow);
        follow();
    }
}

// What most people want to see first: their model on every kind of device, and a dense one of the same shape.
void ComparePage::usualContenders()
{
    CompareSetup setup;
    Contender first;
    if (m_bundledModel.isEmpty())
        first.shape = "8,512,1408,8000";
    else
        first.model = m_bundledModel.toStdString();
    for (const char* backend : {"cpu", "cuda", "opencl"}) {
        Contender contender = first;
        contender.backend = backend;
        setup.contenders.push_back(contender);
    }
    try {
        setup.contenders.push_back(
            denseOpponent(first, openContender(first)->config(), DenseMatch::Parameters));
    } catch (const Error&) {
        // The first card shows what is wrong with the model; without it there is no size to match.
    }
    m_setup->setSetup(setup);
}

void ComparePage::start()
{
    if (m_service->isRunning())
        return;
    const CompareSetup setup = m_setup->setup();
    if (setup.contenders.empty())
        return;
    m_setup->setRunning(true);
    m_setup->showProgress(0.0, -1.0, tr("Planning"));
    m_race->begin(setup);
    m_service->start(setup);
}

void ComparePage::stop()
{
    if (!m_service->isRunning())
        return;
    m_setup->showProgress(0.0, -1.0, tr("Stopping\u2026"));
    m_service->stop();
}

void ComparePage::take(const std::vector<LiveEvent>& events)
{
    m_race->take(events);
    using Kind = CompareEvent::Kind;
    for (const LiveEvent& live : events) {
        if (live.event.kind == Kind::Planned)
            m_setup->showPlan(live.results);
        if (live.event.kind == Kind::Failed && m_messages)
            m_messages->showMessage(
                MessageBar::Severity::Warning,
                tr("Contender %1 ended").arg(QString::fromStdString(contenderLetter(live.event.contender))),
                live.event.text.empty() ? QString() : QString::fromStdString(live.event.text));
    }
    const CompareEvent& last = events.back().event;
    const QString who =
        QString::fromStdString(last.contender < 0 ? std::string() : contenderLetter(last.contender));
    const QString what =
        last.kind == Kind::Planned                                ? tr("Planning")
        : last.kind == Kind::Checking                             ? tr("Comparing layers, measuring limits")
        : last.kind == Kind::Loading || last.kind == Kind::Loaded ? tr("%1: loading").arg(who)
        : last.round < 0
            ? tr("%1: warm-up %2").arg(who).arg(last.warmUp + 1)
            : tr("%1: round %2 of %3").arg(who).arg(last.round + 1).arg(m_setup->setup().repeats);
    m_setup->showProgress(last.share, last.secondsLeft, what);
}

void ComparePage::finish(const std::shared_ptr<const CompareRun>& run)
{
    m_setup->setRunning(false);
    if (run->stopped && run->repeats.empty()) {
        m_setup->showProgress(0.0, -1.0, tr("Stopped before a round was complete."));
        return;
    }
    m_setup->showProgress(1.0, -1.0,
                          run->stopped ? tr("Stopped after %n complete round(s).", nullptr, run->rounds)
                                       : tr("Done."));
    showRun(run);
    m_setup->showPlan(run->contenders);
    try {
        m_store->add(*run);
    } catch (const Error& error) {
        complain({error.code(), QString::fromUtf8(error.what())});
    }
    m_history->refresh();
}

void ComparePage::showRun(const std::shared_ptr<const CompareRun>& run)
{
    m_run = run;
    m_results->setRun(run);
    m_race->showRun(run);
    m_distribution->showRun(run);
    m_roofline->showRun(run);
    m_parity->showRun(run);
    m_tabs->setTabVisible(kSizesTab, SizePanel::isFor(*run));
    m_sizes->showRun(run);
    m_title->setText(QString::fromStdString(titleOf(*run)));
    QStringList warnings;
    for (const std::string& warning : warningsOf(*run))
        warnings << QStringLiteral("\u26a0 ") + QString::fromStdString(warning);
    m_warnings->setText(warnings.mid(0, 2).join(QLatin1Char('\n')) +
                        (warnings.size() > 2
                             ? tr("\n\u2026 %n more", nullptr, static_cast<int>(warnings.size()) - 2)
                             : QString()));
    m_warnings->setToolTip(warnings.join(QLatin1Char('\n')));
    m_warnings->setVisible(!warnings.isEmpty());
    m_method->setText(QString::fromStdString(methodText(run->setup)));
    showEnvironment();
}

void ComparePage::showEnvironment()
{
    m_environment->clear();
    const auto add = [this](const QString& name, const QString& value) {
        auto* item = new QTreeWidgetItem({name, value});
        item->setToolTip(1, value);
        m_environment->addTopLevelItem(item);
    };
    for (const auto& [name, value] : environmentRows(*m_run))
        add(QString::fromStdString(name), QString::fromStdString(value));
    for (std::size_t i = 0; i < m_run->contenders.size(); ++i)
        add(tr("Memory plan of %1").arg(QString::fromStdString(contenderLetter(static_cast<int>(i)))),
            QString::fromStdString(m_run->contenders[i].arithmetic));
    for (const std::string& warning : warningsOf(*m_run))
        add(tr("Note"), QString::fromStdString(warning));
    add(tr("Method"), QString::fromStdString(methodText(m_run->setup)));
    m_environment->resizeColumnToContents(0);
}

void ComparePage::openKept(qint64 id)
{
    try {
        showRun(std::make_shared<const CompareRun>(m_store->load(id)));
    } catch (const Error& error) {
        complain({error.code(), QString::fromUtf8(error.what())});
    }
}

void ComparePage::askExport()
{
    if (!m_run) {
        if (m_messages)
            m_messages->showMessage(MessageBar::Severity::Information, tr("Nothing to export"),
                                    tr("Run a comparison first."), 6000);
        return;
    }
    const QString file =
        QFileDialog::getSaveFileName(this, tr("Export results"), QStringLiteral("comparison.pdf"),
                                     tr("Report (*.pdf);;Run file (*.json);;Table of rounds "
                                        "(*.csv);;Markdown (*.md);;Picture (*.png);;Drawing (*.svg)"));
    if (!file.isEmpty())
        exportTo(file);
}

void ComparePage::exportTo(const QString& file)
{
    if (!m_run)
        return;
    try {
        QList<PlotView*> plots = m_race->plots();
        plots << &m_roofline->plot();
        if (SizePanel::isFor(*m_run))
            plots << &m_sizes->memoryPlot() << &m_sizes->latencyPlot();
        exportComparison({m_run.get(), &m_race->memoryBars(), plots}, file);
        if (m_messages)
            m_messages->showMessage(MessageBar::Severity::Information, tr("Exported"), file, 6000);
    } catch (...) {
        complain(currentError());
    }
}

void ComparePage::copyTable()
{
    if (m_run)
        QApplication::clipboard()->setText(QString::fromStdString(compareMarkdown(*m_run)));
}

void ComparePage::complain(const ErrorInfo& error)
{
    if (m_messages)
        m_messages->showMessage(MessageBar::Severity::Error, errorTitle(error.code), error.message);
}

QList<QWidget*> ComparePage::panes() const
{
    return {m_setup, m_race, m_tabs};
}

bool ComparePage::isSettled() const
{
    return !m_service->isRunning() && !m_service->isPlanning();
}

bool ComparePage::showView(const QString& name)
{
    for (int tab = 0; tab < m_tabs->count(); ++tab) {
        if (name == QLatin1String(kTabNames[tab]) && m_tabs->isTabVisible(tab)) {
            m_tabs->setCurrentIndex(tab);
            return true;
        }
    }
    return false;
}

QByteArray ComparePage::saveLayout() const
{
    QByteArray layout;
    QDataStream out(&layout, QIODevice::WriteOnly);
    out << m_split->saveState() << m_tabs->currentIndex();
    return layout;
}

void ComparePage::restoreLayout(const QByteArray& layout)
{
    QDataStream in(layout);
    QByteArray split;
    int tab = 0;
    in >> split >> tab;
    if (in.status() != QDataStream::Ok)
        return;
    m_split->restoreState(split);
    if (tab >= 0 && tab < m_tabs->count() && m_tabs->isTabVisible(tab))
        m_tabs->setCurrentIndex(tab);
}

} // namespace mmfree::gui
