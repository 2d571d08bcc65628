#include "widgets/pages/training_page.h"

#include "engine/core/error.h"
#include "engine/model/parameters.h"
#include "engine/train/checkpoint.h"
#include "widgets/actions/action_registry.h"
#include "widgets/selection/selection_bus.h"
#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/training/run_charts.h"
#include "widgets/training/run_library.h"
#include "widgets/training/run_view.h"
#include "widgets/training/runs_panel.h"
#include "widgets/training/setup_view.h"
#include "widgets/training/training_setup.h"
#include "widgets/views/message_bar.h"
#include "widgets/views/plot/plot_view.h"
#include "widgets/views/text_format.h"

#include <QDataStream>
#include <QDir>
#include <QDragEnterEvent>
#include <QDropEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QMimeData>
#include <QPushButton>
#include <QSplitter>
#include <QStackedWidget>
#include <QUrl>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace fs = std::filesystem;

namespace
{

constexpr int kPollMilliseconds = 100;
constexpr int kStartMilliseconds = 20'000; // a child that says nothing for so long did not start
constexpr int kUndoMilliseconds = 10'000;

fs::path pathOf(const QString& folder)
{
    return fs::path(folder.toStdU16String());
}

qint64 latestStep(const QString& folder)
{
    try {
        const auto checkpoint = latestCheckpoint(pathOf(folder));
        return checkpoint ? std::stoll(checkpoint->filename().string().substr(5)) : -1;
    } catch (const std::exception&) {
        return -1; // what is wrong is said when the checkpoint is opened
    }
}

} // namespace

TrainingPage::TrainingPage(const PageContext& context, QWidget* parent)
    : Page(parent)
    , m_context(context)
    , m_setup(new TrainingSetup(context.dataFolder + QStringLiteral("/training-texts"),
                                context.resourceFolder.isEmpty()
                                    ? QString()
                                    : context.resourceFolder + QStringLiteral("/demo/texts"),
                                context.backends, this))
    , m_library(new RunLibrary(context.dataFolder + QStringLiteral("/runs"), context.programFile, this))
    , m_splitter(new QSplitter)
    , m_stack(new QStackedWidget)
    , m_exportJob(m_pool)
{
    addActions();
    m_setupView = new SetupView(m_setup, context.bundledModel);
    m_runView = new RunView;
    m_runs = new RunsPanel(m_library);
    m_controls = new ControlBar(m_actions);
    m_banner = buildBanner();
    m_stack->addWidget(m_setupView);
    m_stack->addWidget(m_runView);
    auto* left = new QWidget;
    auto* column = new QVBoxLayout(left);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_banner);
    column->addWidget(m_stack, 1);
    column->addWidget(m_controls);
    m_splitter->addWidget(left);
    m_splitter->addWidget(m_runs);
    m_splitter->setStretchFactor(0, 1);
    m_splitter->setSizes({840, 300});
    m_splitter->setChildrenCollapsible(false);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_splitter);
    setAcceptDrops(true);

    connect(m_setup, &TrainingSetup::changed, this, &TrainingPage::updateControls);
    connect(m_setupView, &SetupView::problem, this, &TrainingPage::report);
    connect(m_library, &RunLibrary::problem, this, &TrainingPage::report);
    connect(m_library, &RunLibrary::changed, this, &TrainingPage::updateBanner);
    connect(m_runView, &RunView::commandAsked, this, &TrainingPage::command);
    connect(m_runView, &RunView::problem, this, &TrainingPage::report);
    connect(m_runView, &RunView::stepActivated, this, [this](qint64 step) {
        Selection selection = m_context.selection->current();
        selection.run = m_current;
        selection.step = step;
        m_context.selection->publish(selection, this);
    });
    connect(m_runView, &RunView::tensorActivated, this, [this](const QString& tensor, qint64 step) {
        Selection selection = m_context.selection->current();
        selection.run = m_current;
        selection.tensor = tensor;
        selection.step = step;
        m_context.selection->publish(selection, this);
        chatWithWeights(m_current, QStringLiteral("explore"));
    });
    connect(m_runs, &RunsPanel::currentChanged, this, &TrainingPage::showRun);
    connect(m_runs, &RunsPanel::tickedChanged, this, [this] { m_runView->show(shownReaders()); });
    connect(m_runs, &RunsPanel::newRunAsked, this, [this] { showRun({}); });
    connect(m_runs, &RunsPanel::cloneAsked, this, [this](const QString& folder) {
        try {
            m_setup->takeFrom(readRunRecord(pathOf(folder)));
            showRun({});
        } catch (const std::exception& error) {
            report(tr("The settings were not read"), QString::fromUtf8(error.what()));
        }
    });
    connect(m_runs, &RunsPanel::removeAsked, this, &TrainingPage::removeRun);
    connect(m_runs, &RunsPanel::exportAsked, this, &TrainingPage::askExport);
    connect(m_runs, &RunsPanel::openAsked, this,
            [this](const QString& folder) { chatWithWeights(folder, QStringLiteral("chat")); });
    connect(&m_poll, &QTimer::timeout, this, &TrainingPage::poll);
    m_poll.start(kPollMilliseconds);
    m_startLimit.setSingleShot(true);
    connect(&m_startLimit, &QTimer::timeout, this, [this] {
        m_starting.clear();
        updateControls();
    });
    // A run that trains already is shown at once.
    for (const RunSummary& run : m_library->runs()) {
        if (isActive(run.status)) {
            showRun(run.folder);
            break;
        }
    }
    updateBanner();
    updateControls();
}

TrainingPage::~TrainingPage()
{
    if (!m_controls->keepsRunning())
        m_library->stopAll();
}

void TrainingPage::addActions()
{
    const QString category = tr("Train");
    ActionRegistry* actions = m_context.actions;
    const auto add = [&](const char* id, const QString& text, const char* icon, const QKeySequence& key,
                         const QString& hint, auto act) {
        QAction* action =
            actions->add({QLatin1String(id), category, text, QLatin1String(icon), {key}, hint, this});
        connect(action, &QAction::triggered, this, act);
        return action;
    };
    m_actions.start = add("train.start", tr("&Start"), "play", QKeySequence(tr("F5")),
                          tr("Start the run, or go on where it stands"), [this] { startOrGoOn(); });
    m_actions.pause =
        add("train.pause", tr("&Pause"), "pause", QKeySequence(tr("F8")), tr("Wait with everything loaded"),
            [this] { command({.kind = RunCommandKind::Pause}); });
    m_actions.step = add("train.step", tr("One s&tep"), "step", QKeySequence(tr("F7")),
                         tr("Make one step, then wait"), [this] { command({.kind = RunCommandKind::Step}); });
    m_actions.stop =
        add("train.stop", tr("St&op"), "stop", QKeySequence(tr("Shift+F5")), tr("Save a checkpoint and end"),
            [this] { command({.kind = RunCommandKind::Stop}); });
    m_actions.checkpoint =
        add("train.checkpoint", tr("Sa&ve now"), "file", QKeySequence(tr("Ctrl+S")),
            tr("Write a checkpoint now"), [this] { command({.kind = RunCommandKind::Checkpoint}); });
    m_actions.sample =
        add("train.sample", tr("Sample &now"), "edit", QKeySequence(tr("Ctrl+G")),
            tr("Write sample texts now"), [this] { command({.kind = RunCommandKind::Sample}); });
    m_actions.chat = add("train.chat", tr("&Chat with it"), "chat", QKeySequence(tr("Ctrl+Shift+C")),
                         tr("Chat with the weights as they are now"),
                         [this] { chatWithWeights(m_current, QStringLiteral("chat")); });
    m_actions.explore = add("train.explore", tr("&Look inside"), "search", QKeySequence(tr("Ctrl+Shift+E")),
                            tr("Open the weights as they are now in the explorer"),
                            [this] { chatWithWeights(m_current, QStringLiteral("explore")); });
}

QStringList TrainingPage::menuActions() const
{
    return {"train.start",      "train.pause",  "train.step", "train.stop", "",
            "train.checkpoint", "train.sample", "",           "train.chat", "train.explore"};
}

QWidget* TrainingPage::buildBanner()
{
    auto* banner = new QFrame;
    banner->setObjectName(QStringLiteral("messageBar"));
    banner->setProperty("severity", QStringLiteral("warning"));
    m_bannerText = new QLabel;
    m_bannerText->setWordWrap(true);
    m_bannerText->setAccessibleName(tr("A run was interrupted"));
    auto* resume = new QPushButton(tr("&Resume"));
    auto* open = new QPushButton(tr("O&pen"));
    auto* discard = new QPushButton(tr("Discar&d"));
    resume->setObjectName(QStringLiteral("bannerResume"));
    open->setObjectName(QStringLiteral("bannerOpen"));
    discard->setObjectName(QStringLiteral("bannerDiscard"));
    resume->setToolTip(tr("Goes on from the newest checkpoint"));
    open->setToolTip(tr("Only shows the run"));
    discard->setToolTip(tr("Leaves out the steps after the newest checkpoint and counts the run as stopped"));
    auto* layout = new QHBoxLayout(banner);
    layout->setContentsMargins(2 * kGrid, kGrid, 2 * kGrid, kGrid);
    layout->addWidget(m_bannerText, 1);
    for (QPushButton* button : {resume, open, discard})
        layout->addWidget(button);
    connect(resume, &QPushButton::clicked, this, [this] {
        const QString folder = m_bannerRun;
        m_bannerClosed << folder;
        showRun(folder);
        startOrGoOn();
        updateBanner();
    });
    connect(open, &QPushButton::clicked, this, [this] {
        m_bannerClosed << m_bannerRun;
        showRun(m_bannerRun);
        updateBanner();
    });
    connect(discard, &QPushButton::clicked, this, [this] {
        m_bannerClosed << m_bannerRun;
        m_library->discardTail(m_bannerRun);
        updateBanner();
    });
    return banner;
}

void TrainingPage::updateBanner()
{
    m_bannerRun.clear();
    for (const RunSummary& run : m_library->runs()) {
        if (run.status != RunStatus::Interrupted || m_bannerClosed.contains(run.folder) ||
            run.folder == m_starting)
            continue;
        m_bannerRun = run.folder;
        const qint64 kept = latestStep(run.folder);
        m_bannerText->setText(kept >= 0 ? tr("\u201c%1\u201d ended at step %2 without a word (power cut?). "
                                             "Its newest checkpoint is of step %3.")
                                              .arg(run.name, countText(run.step), countText(kept))
                                        : tr("\u201c%1\u201d ended at step %2 without a word (power cut?), "
                                             "before its first checkpoint.")
                                              .arg(run.name, countText(run.step)));
        break;
    }
    m_banner->setVisible(!m_bannerRun.isEmpty());
}

QList<QWidget*> TrainingPage::panes() const
{
    return {m_stack, m_controls, m_runs};
}

RunReader* TrainingPage::reader(const QString& folder)
{
    auto& entry = m_readers[folder];
    if (!entry)
        entry = std::make_unique<RunReader>(folder);
    return entry.get();
}

QList<const RunReader*> TrainingPage::shownReaders()
{
    QList<const RunReader*> readers;
    if (!m_current.isEmpty())
        readers << reader(m_current);
    for (const QString& folder : m_runs->ticked()) {
        if (folder != m_current && m_library->find(folder))
            readers << reader(folder);
    }
    return readers;
}

void TrainingPage::showRun(const QString& folder)
{
    m_current = folder;
    m_stack->setCurrentWidget(folder.isEmpty() ? static_cast<QWidget*>(m_setupView) : m_runView);
    m_runs->setCurrent(folder);
    if (!folder.isEmpty()) {
        reader(folder)->poll();
        m_runView->show(shownReaders());
        Selection selection = m_context.selection->current();
        selection.run = folder;
        m_context.selection->publish(selection, this);
    }
    updateControls();
}

void TrainingPage::poll()
{
    if (m_pendingWeights)
        openPendingWeights();
    if (!isVisible() || m_current.isEmpty())
        return;
    bool changed = false;
    for (const RunReader* shown : shownReaders())
        changed = reader(shown->folder())->poll() || changed;
    if (!m_starting.isEmpty() && hasStarted(m_starting)) {
        m_starting.clear();
        m_startLimit.stop();
        changed = true;
    }
    if (!changed)
        return;
    m_runView->show(shownReaders());
    updateControls();
}

// The process holds the run's lock, or has already said how it ended.
bool TrainingPage::hasStarted(const QString& folder)
{
    return reader(folder)->isAlive() ||
           QFileInfo(folder + QStringLiteral("/state.json")).lastModified() > m_startedAt;
}

void TrainingPage::updateControls()
{
    const bool settingUp = m_current.isEmpty();
    m_controls->show(settingUp ? nullptr : reader(m_current), settingUp, m_setup->isReady(),
                     !m_starting.isEmpty() && (settingUp || m_starting == m_current));
}

void TrainingPage::startOrGoOn()
{
    if (m_current.isEmpty()) {
        startNew();
        return;
    }
    const RunReader* run = reader(m_current);
    if (isActive(run->state().status)) {
        command({.kind = RunCommandKind::Resume});
        return;
    }
    if (m_library->start(m_current)) {
        m_starting = m_current;
        m_startedAt = QDateTime::currentDateTime();
        m_startLimit.start(kStartMilliseconds);
        updateControls();
    }
}

void TrainingPage::startNew()
{
    if (!m_setup->isReady())
        return;
    RunRecord record = m_setup->record();
    if (record.name.empty())
        record.name = tr("Run").toStdString();
    try {
        const ParameterLayout layout(*record.model);
        requireDiskSpace(pathOf(m_context.dataFolder), 4 * checkpointBytes(layout, {}),
                         "the run's checkpoints");
    } catch (const std::exception& error) {
        report(tr("There is not enough space for this run"), QString::fromUtf8(error.what()));
        return;
    }
    const QString folder = m_library->create(record, m_setup->tokenizerModel());
    if (folder.isEmpty() || !m_library->start(folder))
        return;
    m_starting = folder;
    m_startedAt = QDateTime::currentDateTime();
    m_startLimit.start(kStartMilliseconds);
    showRun(folder);
}

void TrainingPage::command(const RunCommand& command)
{
    if (!m_current.isEmpty())
        m_library->send(m_current, command);
}

// The weights as they are now: of the newest checkpoint, which a run that trains is asked to write first.
void TrainingPage::chatWithWeights(const QString& folder, const QString& page)
{
    RunReader* run = reader(folder);
    run->poll();
    const qint64 step = run->metrics().empty() ? 0 : run->metrics().back().step;
    m_pendingWeights = PendingWeights{folder, page, latestStep(folder)};
    if (isActive(run->state().status) && latestStep(folder) < step) {
        if (!m_library->send(folder, {.kind = RunCommandKind::Checkpoint})) {
            m_pendingWeights.reset();
            return;
        }
        m_pendingWeights->step = step;
    }
    openPendingWeights();
}

void TrainingPage::openPendingWeights()
{
    const PendingWeights wanted = *m_pendingWeights;
    const qint64 there = latestStep(wanted.folder);
    const bool waits = there < wanted.step && isRunAlive(pathOf(wanted.folder));
    if (waits)
        return;
    m_pendingWeights.reset();
    try {
        const auto checkpoint = latestCheckpoint(pathOf(wanted.folder));
        if (!checkpoint)
            throw Error(ErrorCode::Unavailable, wanted.folder.toStdString() + " has no checkpoint yet");
        const QString path = QString::fromStdString(checkpoint->string());
        Selection selection = m_context.selection->current();
        selection.run = wanted.folder;
        selection.checkpoint = path;
        selection.step = there;
        m_context.selection->publish(selection, this);
        m_context.openForChat(path);
        m_context.showPage(wanted.page);
    } catch (const std::exception& error) {
        report(tr("The weights could not be opened"), QString::fromUtf8(error.what()));
    }
}

void TrainingPage::removeRun(const QString& folder)
{
    const RunSummary* run = m_library->find(folder);
    const QString name = run ? run->name : folder;
    if (!m_library->remove(folder))
        return;
    m_readers.erase(folder);
    if (folder == m_current)
        showRun({});
    m_context.messages->showAction(MessageBar::Severity::Information,
                                   tr("\u201c%1\u201d was deleted").arg(name), tr("Undo"), kUndoMilliseconds,
                                   [this, folder] { m_library->restore(folder); });
}

void TrainingPage::askExport(const QString& folder, bool packed)
{
    const RunSummary* run = m_library->find(folder);
    const QString name = QDir::home().filePath(QFileInfo(folder).fileName() +
                                               (packed ? QStringLiteral(".safetensors") : QString()));
    const QString target =
        packed ? QFileDialog::getSaveFileName(this, tr("Export the packed model"), name,
                                              tr("Models (*.safetensors)"))
               : QFileDialog::getSaveFileName(this, tr("Export as a Hugging Face folder"), name);
    if (run && !target.isEmpty())
        exportModel(folder, target, packed);
}

void TrainingPage::exportModel(const QString& folder, const QString& target, bool packed)
{
    m_exportJob.start(
        [folder, target, packed](std::stop_token) {
            try {
                const auto checkpoint = latestCheckpoint(pathOf(folder));
                if (!checkpoint)
                    throw Error(ErrorCode::Unavailable, folder.toStdString() + " has no checkpoint yet");
                verifyCheckpoint(*checkpoint);
                const auto source = openModel(*checkpoint);
                if (packed) {
                    (void)writePackedModel(*source, pathOf(target), TernaryPacking::TwoBit, source->text());
                } else {
                    const ParameterLayout layout(source->config());
                    AlignedBuffer<float> values(static_cast<std::size_t>(layout.size()));
                    loadParameters(layout, *source, values.span());
                    writeModelFolder(layout, values.span(), source->text(), pathOf(target));
                }
            } catch (const std::exception& error) {
                return QString::fromUtf8(error.what());
            }
            return QString();
        },
        [this, target](const QString& problem) {
            if (!problem.isEmpty())
                report(tr("The model was not exported"), problem);
            else
                m_context.messages->showMessage(MessageBar::Severity::Information,
                                                tr("The model was exported"), target, kUndoMilliseconds);
        });
}

void TrainingPage::report(const QString& title, const QString& detail)
{
    m_context.messages->showMessage(MessageBar::Severity::Error, title, detail);
}

bool TrainingPage::showView(const QString& name)
{
    static const QStringList kParts{"data", "tokenizer", "model", "run"};
    if (const qsizetype part = kParts.indexOf(name); part >= 0) {
        showRun({});
        m_setupView->showPart(kSetupParts.at(static_cast<std::size_t>(part)));
        return true;
    }
    if (name != QLatin1String("charts") && !m_runView->showTab(name))
        return false;
    if (m_current.isEmpty() && !m_library->runs().isEmpty())
        showRun(m_library->runs().first().folder);
    return true;
}

bool TrainingPage::isSettled() const
{
    if (m_current.isEmpty())
        return !m_setup->isWorking();
    const auto found = m_readers.find(m_current);
    return m_starting.isEmpty() && found != m_readers.end() && found->second->isCaughtUp();
}

QByteArray TrainingPage::saveLayout() const
{
    QByteArray bytes;
    QDataStream stream(&bytes, QIODevice::WriteOnly);
    stream << m_splitter->saveState() << m_controls->keepsRunning();
    return bytes;
}

void TrainingPage::restoreLayout(const QByteArray& layout)
{
    QDataStream stream(layout);
    QByteArray splitter;
    bool keep = true;
    stream >> splitter >> keep;
    if (stream.status() != QDataStream::Ok)
        return;
    m_splitter->restoreState(splitter);
    m_controls->setKeepsRunning(keep);
}

void TrainingPage::dragEnterEvent(QDragEnterEvent* event)
{
    if (event->mimeData()->hasUrls())
        event->acceptProposedAction();
}

// Text dropped anywhere on the page is data for a new run.
void TrainingPage::dropEvent(QDropEvent* event)
{
    QStringList paths;
    for (const QUrl& url : event->mimeData()->urls()) {
        if (url.isLocalFile())
            paths << url.toLocalFile();
    }
    if (paths.isEmpty())
        return;
    event->acceptProposedAction();
    m_setup->addFiles(paths);
    showView(QStringLiteral("data"));
}

} // namespace mmfree::gui
