#include "app/main_window.h"

#include "widgets/actions/action_registry.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/pages/chat_page.h"
#include "widgets/pages/models_page.h"
#include "widgets/pages/page_context.h"
#include "widgets/selection/selection_bus.h"
#include "widgets/store/conversation_store.h"
#include "widgets/theme/icon.h"
#include "widgets/views/activity_rail.h"
#include "widgets/views/message_bar.h"
#include "widgets/views/text_format.h"
#include "widgets/workers/inference_service.h"
#include "widgets/workers/inference_worker.h"
#include "widgets/workers/model_loader.h"

#include <QApplication>
#include <QDir>
#include <QDragEnterEvent>
#include <QFile>
#include <QLabel>
#include <QMimeData>
#include <QProgressBar>
#include <QPushButton>
#include <QStackedWidget>
#include <QStatusBar>
#include <QTimer>
#include <QVBoxLayout>

#include <unistd.h>

namespace mmfree::app
{

using namespace gui;

namespace
{

constexpr int kUndoMilliseconds = 10'000;
constexpr int kMemoryMilliseconds = 2'000;

// Resident memory of this process, from the kernel; 0 when it does not say.
qint64 residentBytes()
{
    QFile file(QStringLiteral("/proc/self/statm"));
    if (!file.open(QIODevice::ReadOnly))
        return 0;
    const QList<QByteArray> fields = file.readAll().split(' ');
    return fields.size() > 1 ? fields.at(1).toLongLong() * sysconf(_SC_PAGESIZE) : 0;
}

// A folder or file of a drag that could be a model; empty: none.
QString droppedModel(const QMimeData* data)
{
    for (const QUrl& url : data->urls()) {
        if (url.isLocalFile())
            return url.toLocalFile();
    }
    return {};
}

} // namespace

MainWindow::MainWindow(WindowSetup setup, QWidget* parent)
    : QMainWindow(parent)
    , m_setup(std::move(setup))
    , m_settingsFile(m_setup.dataFolder)
    , m_settings(m_settingsFile.load())
    , m_selection(new SelectionBus(this))
    , m_actions(new ActionRegistry(this))
{
    setWindowTitle(QStringLiteral("MatMul-Free Studio"));
    setWindowIcon(applicationIcon());
    setAcceptDrops(true);
    setMinimumSize(720, 480);
    resize(1200, 760);
    m_store = std::make_unique<ConversationStore>(
        QDir(m_setup.dataFolder).filePath(QStringLiteral("chats.sqlite")));
    startWorkers();
    m_chat = new ChatController(m_service, m_store.get(), this);
    buildPages();
    buildActions();
    buildMenus();
    buildStatusBar();
    connectService();

    if (!m_settings.geometry.isEmpty())
        restoreGeometry(m_settings.geometry);
    for (Page* page : std::as_const(m_pageList.inOrder))
        page->restoreLayout(m_settings.pageLayouts.value(page->id()));
    m_chat->setDefaultPreset(m_settings.preset);
    m_actions->action(QStringLiteral("view.chatList"))->setChecked(m_settings.showChatList);
    m_actions->action(QStringLiteral("view.inspector"))->setChecked(m_settings.showInspector);
    if (!showPage(m_settings.page))
        showPage(pageIds().first());
    m_chat->openLatest(m_settings.lastConversation);
    static_cast<Page*>(m_pages->currentWidget())->startWorking();
    if (!m_store->notice().isEmpty())
        m_messageBar->showMessage(MessageBar::Severity::Warning, tr("Your earlier chats could not be read"),
                                  m_store->notice());
}

MainWindow::~MainWindow()
{
    m_service->stopGenerating();
    m_service->cancelOpening();
    delete m_chat; // stores what an unfinished answer has
    m_chat = nullptr;
    for (QThread* thread : {&m_loaderThread, &m_inferenceThread}) {
        thread->quit();
        thread->wait();
    }
}

void MainWindow::startWorkers()
{
    m_loader = new ModelLoader(m_setup.openModel, m_setup.listBackends);
    m_worker = new InferenceWorker;
    m_loader->moveToThread(&m_loaderThread);
    m_worker->moveToThread(&m_inferenceThread);
    connect(&m_loaderThread, &QThread::finished, m_loader, &QObject::deleteLater);
    connect(&m_inferenceThread, &QThread::finished, m_worker, &QObject::deleteLater);
    m_loaderThread.setObjectName(QStringLiteral("model loader"));
    m_inferenceThread.setObjectName(QStringLiteral("inference"));
    m_service = new InferenceService(m_loader, m_worker, this);
    m_loaderThread.start();
    m_inferenceThread.start();
}

void MainWindow::buildPages()
{
    auto* central = new QWidget(this);
    m_messageBar = new MessageBar(central);
    m_rail = new ActivityRail(central);
    m_pages = new QStackedWidget(central);
    auto* right = new QVBoxLayout;
    right->setSpacing(0);
    right->addWidget(m_messageBar);
    right->addWidget(m_pages, 1);
    auto* layout = new QHBoxLayout(central);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_rail);
    layout->addLayout(right, 1);
    setCentralWidget(central);

    PageContext context;
    context.service = m_service;
    context.chat = m_chat;
    context.actions = m_actions;
    context.selection = m_selection;
    context.messages = m_messageBar;
    context.openModel = m_setup.openModel;
    context.backends = m_setup.backends;
    context.dataFolder = m_setup.dataFolder;
    context.resourceFolder = m_setup.resourceFolder;
    context.bundledModel = m_setup.bundledModel;
    context.programFile = QCoreApplication::applicationFilePath();
    context.openForChat = [this](const QString& path) { openModel(path); };
    context.showPage = [this](const QString& id) { showPage(id); };
    m_pageList = makePages(context);
    m_pageList.models->setRecentModels(m_settings.recentModels);
    connect(m_pageList.models, &ModelsPage::modelChosen, this, &MainWindow::openModel);
    connect(m_pageList.models, &ModelsPage::backendChosen, this, [this](const QString& backend) {
        if (!m_service->model())
            return;
        m_settings.backend = backend;
        openModel(m_service->model()->path);
    });
    for (Page* page : std::as_const(m_pageList.inOrder))
        m_pages->addWidget(page);
}

void MainWindow::buildStatusBar()
{
    QStatusBar* bar = statusBar();
    bar->setSizeGripEnabled(false);
    bar->setContentsMargins(kGrid, 0, kGrid, 0);
    const auto add = [bar](const QString& name) {
        auto* label = new QLabel(bar);
        setTextRole(label, TextRole::SmallMuted);
        label->setAccessibleName(name);
        label->setToolTip(name);
        label->setContentsMargins(0, 2, kGrid, 2);
        bar->addWidget(label);
        return label;
    };
    m_modelLabel = add(tr("Model"));
    m_backendLabel = add(tr("Backend"));
    m_stateLabel = add(tr("State of one conversation"));
    m_memoryLabel = add(tr("Memory of this program"));
    m_speedLabel = add(tr("Speed of the latest answer"));
    m_modelLabel->setObjectName(QStringLiteral("statusModel"));
    m_speedLabel->setObjectName(QStringLiteral("statusSpeed"));
    m_progress = new QProgressBar(bar);
    m_progress->setRange(0, 0);
    m_progress->setObjectName(QStringLiteral("openingProgress"));
    m_progress->setTextVisible(false);
    m_progress->setFixedWidth(120);
    m_progress->setAccessibleName(tr("Opening a model"));
    m_progress->hide();
    m_cancelOpening = new QPushButton(tr("Cancel"), bar);
    m_cancelOpening->setProperty("kind", "quiet");
    m_cancelOpening->setObjectName(QStringLiteral("cancelOpening"));
    m_cancelOpening->hide();
    bar->addPermanentWidget(m_progress);
    bar->addPermanentWidget(m_cancelOpening);
    connect(m_cancelOpening, &QPushButton::clicked, m_service, &InferenceService::cancelOpening);

    auto* timer = new QTimer(this);
    timer->setInterval(kMemoryMilliseconds);
    connect(timer, &QTimer::timeout, this, &MainWindow::updateStatus);
    timer->start();
    updateStatus();
}

void MainWindow::connectService()
{
    const auto showOpening = [this](bool opening) {
        m_progress->setRange(0, 0); // how long it takes shows with the first tensors
        m_progress->setVisible(opening);
        m_cancelOpening->setVisible(opening);
        updateStatus();
    };
    connect(m_service, &InferenceService::openingStarted, this, [showOpening] { showOpening(true); });
    connect(m_service, &InferenceService::openingProgressed, this, [this](double share) {
        m_progress->setRange(0, 100);
        m_progress->setValue(static_cast<int>(100.0 * share));
    });
    connect(m_service, &InferenceService::openingCancelled, this, [showOpening] { showOpening(false); });
    connect(m_service, &InferenceService::openingFailed, this,
            [this, showOpening](const QString& path, const ErrorInfo& error) {
                showOpening(false);
                m_settings.recentModels.removeAll(path);
                m_pageList.models->setRecentModels(m_settings.recentModels);
                // A remembered backend that has gone must not keep models from opening.
                if (error.code == ErrorCode::Unavailable && !m_settings.backend.isEmpty())
                    m_settings.backend.clear();
                m_messageBar->showMessage(
                    MessageBar::Severity::Error,
                    tr("%1 was not opened: %2").arg(QFileInfo(path).fileName(), errorTitle(error.code)),
                    error.message);
            });
    connect(m_service, &InferenceService::modelOpened, this, [this, showOpening] {
        showOpening(false);
        m_messageBar->clear();
        const auto model = m_service->model();
        if (model->path != m_setup.bundledModel)
            addRecentModel(m_settings, model->path);
        m_pageList.models->setRecentModels(m_settings.recentModels);
        setWindowTitle(tr("%1 \u2013 MatMul-Free Studio").arg(model->name));
        updateStatus();
    });
    connect(m_chat, &ChatController::problem, this, [this](const QString& title, const QString& detail) {
        m_messageBar->showMessage(MessageBar::Severity::Error, title, detail);
    });
    connect(m_chat, &ChatController::activityChanged, this, &MainWindow::updateStatus);
    connect(m_chat, &ChatController::textGrew, this, &MainWindow::updateStatus);
    connect(m_chat, &ChatController::answerFinished, this, &MainWindow::updateStatus);
    connect(m_pageList.chat, &ChatPage::undoableDeletion, this,
            [this](ConversationId id, const QString& title) {
                m_messageBar->showAction(MessageBar::Severity::Information,
                                         tr("\u201c%1\u201d was deleted").arg(title), tr("Undo"),
                                         kUndoMilliseconds, [this, id] { m_chat->restoreConversation(id); });
            });
    connect(m_pages, &QStackedWidget::currentChanged, this, [this] {
        auto* page = static_cast<Page*>(m_pages->currentWidget());
        m_actions->action(QStringLiteral("page.") + page->id())->setChecked(true);
    });
}

QStringList MainWindow::pageIds() const
{
    QStringList ids;
    for (const Page* page : m_pageList.inOrder)
        ids << page->id();
    return ids;
}

bool MainWindow::showPage(const QString& name)
{
    const QString id = name.section(QLatin1Char('/'), 0, 0);
    const QString view = name.section(QLatin1Char('/'), 1);
    const qsizetype index = pageIds().indexOf(id);
    if (index < 0)
        return false;
    Page* page = m_pageList.inOrder.at(index);
    m_pages->setCurrentWidget(page);
    m_actions->action(QStringLiteral("page.") + id)->setChecked(true);
    return view.isEmpty() || page->showView(view);
}

const Page& MainWindow::currentPage() const
{
    return *static_cast<Page*>(m_pages->currentWidget());
}

void MainWindow::openInitialModel(const QString& model)
{
    if (!model.isEmpty()) {
        openModel(model);
        return;
    }
    for (const QString& path : std::as_const(m_settings.recentModels)) {
        if (QFileInfo::exists(path)) {
            openModel(path);
            return;
        }
    }
    if (!m_setup.bundledModel.isEmpty())
        openModel(m_setup.bundledModel);
}

void MainWindow::openModel(const QString& path)
{
    m_service->openModel(QDir::cleanPath(QFileInfo(path).absoluteFilePath()), m_settings.backend);
}

void MainWindow::setTheme(ThemeChoice choice)
{
    m_settings.theme = choice;
    applyTheme(*static_cast<QApplication*>(QApplication::instance()), choice);
}

void MainWindow::setLanguage(LanguageChoice choice)
{
    m_settings.language = choice;
    applyLanguage(*static_cast<QApplication*>(QApplication::instance()), choice);
}

void MainWindow::changeEvent(QEvent* event)
{
    QMainWindow::changeEvent(event);
    if (event->type() == QEvent::LanguageChange && m_memoryLabel)
        updateStatus();
}

void MainWindow::updateStatus()
{
    const auto model = m_service->model();
    m_modelLabel->setText(m_service->isOpening() ? tr("Opening\u2026")
                          : model                ? model->name
                                                 : tr("No model"));
    for (QLabel* label : {m_backendLabel, m_stateLabel, m_speedLabel})
        label->setVisible(model != nullptr);
    const QString separator = QStringLiteral("\u203a  ");
    m_memoryLabel->setText(separator + tr("RAM %1").arg(bytesText(residentBytes())));
    if (!model)
        return;
    m_backendLabel->setText(separator + backendTitle(QString::fromStdString(model->executor.backend)));
    m_backendLabel->setToolTip(QString::fromStdString(model->executor.description));
    m_stateLabel->setText(separator +
                          tr("state %1").arg(bytesText(static_cast<qint64>(model->memory.stateBytes))));
    QString speed;
    if (m_chat && m_chat->isBusy()) {
        const GenerationProgress& progress = m_chat->progress();
        if (progress.tokens > 1 && progress.secondsSinceFirstToken > 0.0)
            speed = rateText(static_cast<double>(progress.tokens - 1) / progress.secondsSinceFirstToken);
        else
            speed = tr("reading");
    } else if (m_chat) {
        for (const Message& message : m_chat->messages()) {
            if (message.stats)
                speed = rateText(message.stats->decodeTokensPerSecond);
        }
    }
    m_speedLabel->setVisible(!speed.isEmpty());
    m_speedLabel->setText(separator + speed);
}

void MainWindow::cyclePane(int step)
{
    QList<QWidget*> panes = static_cast<Page*>(m_pages->currentWidget())->panes();
    panes.prepend(m_rail);
    panes.removeIf([](const QWidget* pane) { return !pane->isVisible(); });
    int current = 0;
    for (int index = 0; index < panes.size(); ++index) {
        if (panes.at(index) == focusWidget() || panes.at(index)->isAncestorOf(focusWidget()))
            current = index;
    }
    // The first widget of the next pane that takes the keyboard.
    for (int tried = 1; tried <= panes.size(); ++tried) {
        QWidget* pane = panes.at(((current + step * tried) % panes.size() + panes.size()) % panes.size());
        QList<QWidget*> candidates = pane->findChildren<QWidget*>();
        candidates.prepend(pane);
        for (QWidget* candidate : candidates) {
            if (candidate->isVisible() && candidate->isEnabled() &&
                (candidate->focusPolicy() & Qt::TabFocus)) {
                candidate->setFocus(Qt::TabFocusReason);
                return;
            }
        }
    }
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event)
{
    if (!droppedModel(event->mimeData()).isEmpty())
        event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event)
{
    const QString path = droppedModel(event->mimeData());
    if (path.isEmpty())
        return;
    event->acceptProposedAction();
    openModel(path);
}

void MainWindow::closeEvent(QCloseEvent* event)
{
    saveSettings();
    QMainWindow::closeEvent(event);
}

void MainWindow::saveSettings()
{
    if (!m_setup.rememberChanges)
        return;
    m_settings.geometry = saveGeometry();
    for (const Page* page : std::as_const(m_pageList.inOrder))
        m_settings.pageLayouts.insert(page->id(), page->saveLayout());
    m_settings.preset = m_chat->defaultPreset();
    m_settings.lastConversation = m_chat->currentConversation();
    m_settings.page = static_cast<Page*>(m_pages->currentWidget())->id();
    m_settings.showChatList = m_actions->action(QStringLiteral("view.chatList"))->isChecked();
    m_settings.showInspector = m_actions->action(QStringLiteral("view.inspector"))->isChecked();
    m_settingsFile.save(m_settings);
}

} // namespace mmfree::app
