#include "widgets/pages/chat_page.h"

#include "widgets/actions/action_registry.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/models/conversation_list_model.h"
#include "widgets/pages/page_context.h"
#include "widgets/theme/theme.h"
#include "widgets/views/composer.h"
#include "widgets/views/conversation_panel.h"
#include "widgets/views/empty_state.h"
#include "widgets/views/stats_panel.h"
#include "widgets/views/text_format.h"
#include "widgets/views/transcript_view.h"
#include "widgets/workers/inference_service.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QSplitter>
#include <QTabBar>
#include <QTabWidget>
#include <QToolButton>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

constexpr int kListWidth = 248;
constexpr int kInspectorWidth = 288;

QToolButton* headerButton(QAction* action, QWidget* parent)
{
    auto* button = new QToolButton(parent);
    button->setDefaultAction(action);
    button->setIconSize({18, 18});
    button->setAccessibleName(ActionRegistry::plainText(action));
    return button;
}

} // namespace

ChatPage::ChatPage(const PageContext& context, QWidget* parent)
    : Page(parent)
    , m_service(context.service)
    , m_controller(context.chat)
    , m_list(new ConversationPanel(context.chat->conversations()))
    , m_transcript(new TranscriptView)
    , m_composer(new Composer)
    , m_empty(new EmptyState)
    , m_hint(new QWidget)
    , m_hintText(new QLabel)
    , m_title(new QLabel)
    , m_inspector(new QTabWidget)
    , m_inspectorPanel(new QWidget)
    , m_sampling(new SamplingPanel)
    , m_stats(new StatsPanel)
    , m_splitter(new QSplitter(this))
{
    addActions(context.actions);
    buildLayout();
    connectController();
    updateModel();
    showConversation();
}

void ChatPage::addActions(ActionRegistry* actions)
{
    const QString chat = tr("Chat");
    const QString view = tr("View");
    m_new = actions->add({"chat.new", chat, tr("&New chat"), "plus", {QKeySequence(tr("Ctrl+N"))}, {}});
    m_find = actions->add(
        {"chat.find", chat, tr("&Search chats"), "search", {QKeySequence(tr("Ctrl+F"))}, {}, this});
    m_rename =
        actions->add({"chat.rename", chat, tr("Re&name chat"), {}, {QKeySequence(tr("F2"))}, {}, this});
    m_delete = actions->add(
        {"chat.delete", chat, tr("&Delete chat"), "trash", {QKeySequence(tr("Ctrl+Shift+D"))}, {}, this});
    m_stop = actions->add({"chat.stop",
                           chat,
                           tr("S&top"),
                           "stop",
                           {QKeySequence(tr("Esc"))},
                           tr("Stop the answer; what was written stays"),
                           this});
    m_regenerate = actions->add({"chat.regenerate",
                                 chat,
                                 tr("&Regenerate answer"),
                                 "regenerate",
                                 {QKeySequence(tr("Ctrl+R"))},
                                 {},
                                 this});
    m_continue = actions->add({"chat.continue",
                               chat,
                               tr("&Continue answer"),
                               "continue",
                               {QKeySequence(tr("Ctrl+Return")), QKeySequence(tr("Ctrl+Enter"))},
                               {},
                               this});
    m_edit = actions->add(
        {"chat.edit", chat, tr("&Edit last message"), "edit", {QKeySequence(tr("Ctrl+E"))}, {}, this});
    m_copy = actions->add(
        {"chat.copy", chat, tr("C&opy last answer"), "copy", {QKeySequence(tr("Ctrl+Shift+C"))}, {}, this});
    m_previous = actions->add(
        {"chat.previousMessage", chat, tr("&Previous message"), {}, {QKeySequence(tr("Ctrl+Up"))}, {}, this});
    m_next = actions->add(
        {"chat.nextMessage", chat, tr("Ne&xt message"), {}, {QKeySequence(tr("Ctrl+Down"))}, {}, this});
    m_showList = actions->add({"view.chatList",
                               view,
                               tr("Chat &list"),
                               "sidebar",
                               {QKeySequence(tr("Ctrl+B"))},
                               tr("Show or hide the list of chats")});
    m_showInspector = actions->add({"view.inspector",
                                    view,
                                    tr("&Inspector"),
                                    "inspector",
                                    {QKeySequence(tr("Ctrl+I"))},
                                    tr("Show or hide sampling and statistics")});
    for (QAction* toggle : {m_showList, m_showInspector}) {
        toggle->setCheckable(true);
        toggle->setChecked(true);
    }
    connect(m_new, &QAction::triggered, this, [this] {
        m_list->clearSearch();
        m_controller->newConversation();
        startWorking();
    });
    connect(m_find, &QAction::triggered, this, [this] {
        m_showList->setChecked(true);
        m_list->focusSearch();
    });
    connect(m_rename, &QAction::triggered, this, [this] {
        m_showList->setChecked(true);
        m_list->renameCurrent();
    });
    connect(m_delete, &QAction::triggered, this,
            [this] { m_controller->deleteConversation(m_controller->currentConversation()); });
    connect(m_stop, &QAction::triggered, this, &ChatPage::stopRunning);
    connect(m_regenerate, &QAction::triggered, m_controller, &ChatController::regenerate);
    connect(m_continue, &QAction::triggered, m_controller, &ChatController::continueAnswer);
    connect(m_edit, &QAction::triggered, this, &ChatPage::editLast);
    connect(m_copy, &QAction::triggered, this, &ChatPage::copyLastAnswer);
    connect(m_previous, &QAction::triggered, this, [this] { m_transcript->focusNeighbour(-1); });
    connect(m_next, &QAction::triggered, this, [this] { m_transcript->focusNeighbour(+1); });
    connect(m_showList, &QAction::toggled, m_list, &QWidget::setVisible);
    connect(m_showInspector, &QAction::toggled, m_inspectorPanel, &QWidget::setVisible);
}

void ChatPage::buildLayout()
{
    auto* header = new QWidget;
    header->setObjectName(QStringLiteral("pageHeader"));
    header->setAttribute(Qt::WA_StyledBackground);
    setTextRole(m_title, TextRole::Title);
    m_title->setTextFormat(Qt::PlainText);
    m_title->setMinimumWidth(40);
    m_title->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    auto* headerLayout = new QHBoxLayout(header);
    header->setFixedHeight(6 * kGrid);
    headerLayout->setContentsMargins(kGrid, 0, kGrid, 0);
    headerLayout->setSpacing(kGrid);
    headerLayout->addWidget(headerButton(m_showList, header));
    headerLayout->addWidget(m_title, 1);
    headerLayout->addWidget(headerButton(m_showInspector, header));

    m_hint->setObjectName(QStringLiteral("hintBar"));
    m_hint->setAttribute(Qt::WA_StyledBackground);
    m_hintText->setWordWrap(true);
    setTextRole(m_hintText, TextRole::Small);
    auto* hintLayout = new QHBoxLayout(m_hint);
    hintLayout->setContentsMargins(kGrid + kGrid / 2, kGrid - 2, kGrid + kGrid / 2, kGrid - 2);
    hintLayout->addWidget(m_hintText);

    auto* bottom = new QWidget;
    bottom->setMaximumWidth(kReadingWidth + 4 * kGrid);
    auto* bottomLayout = new QVBoxLayout(bottom);
    bottomLayout->setContentsMargins(0, 0, 0, 0);
    bottomLayout->setSpacing(kGrid);
    bottomLayout->addWidget(m_hint);
    bottomLayout->addWidget(m_composer);
    auto* centred = new QHBoxLayout;
    centred->setContentsMargins(2 * kGrid, kGrid, 2 * kGrid, 2 * kGrid);
    centred->addStretch(1);
    centred->addWidget(bottom, 1000);
    centred->addStretch(1);

    m_transcript->setEmptyState(m_empty);
    auto* middle = new QWidget;
    middle->setMinimumWidth(320);
    auto* middleLayout = new QVBoxLayout(middle);
    middleLayout->setContentsMargins(0, 0, 0, 0);
    middleLayout->setSpacing(0);
    middleLayout->addWidget(header);
    middleLayout->addWidget(m_transcript, 1);
    middleLayout->addLayout(centred);

    m_inspectorPanel->setObjectName(QStringLiteral("inspectorPanel"));
    m_inspectorPanel->setAttribute(Qt::WA_StyledBackground);
    m_inspectorPanel->setMinimumWidth(240);
    m_inspector->setObjectName(QStringLiteral("inspector"));
    m_inspector->setAccessibleName(tr("Inspector"));
    m_inspector->setDocumentMode(true);
    m_inspector->addTab(m_sampling, tr("Sampling"));
    m_inspector->addTab(m_stats, tr("Stats"));
    auto* inspectorLayout = new QVBoxLayout(m_inspectorPanel);
    inspectorLayout->setContentsMargins(0, kGrid, 0, 0);
    inspectorLayout->addWidget(m_inspector);

    m_list->setMinimumWidth(184);
    m_list->setActions(m_new, m_rename, m_delete);
    m_splitter->setObjectName(QStringLiteral("chatSplitter"));
    m_splitter->setHandleWidth(1);
    m_splitter->setChildrenCollapsible(false);
    m_splitter->addWidget(m_list);
    m_splitter->addWidget(middle);
    m_splitter->addWidget(m_inspectorPanel);
    m_splitter->setStretchFactor(0, 0);
    m_splitter->setStretchFactor(1, 1);
    m_splitter->setStretchFactor(2, 0);
    m_splitter->setSizes({kListWidth, 700, kInspectorWidth});
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_splitter);
}

void ChatPage::connectController()
{
    connect(m_list, &ConversationPanel::removeRequested, m_delete, &QAction::trigger);
    connect(m_list, &ConversationPanel::conversationChosen, m_controller, &ChatController::openConversation);
    connect(m_list, &ConversationPanel::searchChanged, m_controller, [this](const QString& text) {
        m_controller->search(text);
        m_list->setCurrent(m_controller->currentConversation());
    });
    connect(m_controller->conversations(), &QAbstractItemModel::dataChanged, this,
            [this] { updateActivity(); });
    connect(m_controller, &ChatController::conversationOpened, this, &ChatPage::showConversation);
    connect(m_controller, &ChatController::messageAppended, this, [this](const Message& message) {
        m_transcript->appendMessage(message);
        m_list->setCurrent(m_controller->currentConversation());
    });
    connect(m_controller, &ChatController::messageChanged, this, [this](const Message& message) {
        m_transcript->updateMessage(message);
        updateStats();
    });
    connect(m_controller, &ChatController::textGrew, m_transcript, &TranscriptView::setStreamedText);
    connect(m_controller, &ChatController::activityChanged, this, &ChatPage::updateActivity);
    connect(m_controller, &ChatController::readingProgressed, this, [this](qint64 done, qint64 total) {
        m_composer->setNote(tr("Reading %1 of %2 tokens").arg(countText(done), countText(total)));
    });
    connect(m_controller, &ChatController::conversationDeleted, this, &ChatPage::undoableDeletion);
    connect(m_service, &InferenceService::modelOpened, this, &ChatPage::updateModel);

    connect(m_composer, &Composer::sendRequested, this, [this](const QString& text) {
        const bool editing = m_composer->isEditing();
        if (editing)
            m_composer->endEdit();
        else
            m_composer->setText({});
        if (editing)
            m_controller->editLastUserMessage(text);
        else
            m_controller->send(text);
    });
    connect(m_composer, &Composer::stopRequested, m_controller, &ChatController::stop);
    connect(m_transcript, &TranscriptView::copyRequested, this, &ChatPage::copyText);
    connect(m_transcript, &TranscriptView::editRequested, this, &ChatPage::editLast);
    connect(m_transcript, &TranscriptView::regenerateRequested, m_controller, &ChatController::regenerate);
    connect(m_transcript, &TranscriptView::continueRequested, m_controller, &ChatController::continueAnswer);
    connect(m_empty, &EmptyState::suggestionChosen, m_controller, &ChatController::send);

    m_controller->setOptionsSource([this] {
        if (!m_sampling->settings().seedLocked)
            m_sampling->rollSeed();
        GenerateOptions options;
        options.sampling = m_sampling->settings().options;
        options.maxTokens = m_sampling->settings().maxTokens;
        return options;
    });
}

QList<QWidget*> ChatPage::panes() const
{
    return {m_list, m_transcript, m_composer, m_inspectorPanel};
}
void ChatPage::stopRunning()
{
    m_controller->stop();
}
void ChatPage::setSampling(const SamplingSettings& settings)
{
    m_sampling->setSettings(settings);
}
const SamplingSettings& ChatPage::sampling() const
{
    return m_sampling->settings();
}
QStringList ChatPage::menuActions() const
{
    return {"chat.stop",
            "chat.regenerate",
            "chat.continue",
            "",
            "chat.edit",
            "chat.copy",
            "",
            "chat.find",
            "chat.rename",
            "chat.delete",
            "",
            "chat.previousMessage",
            "chat.nextMessage"};
}

QByteArray ChatPage::saveLayout() const
{
    return m_splitter->saveState();
}

void ChatPage::restoreLayout(const QByteArray& layout)
{
    if (!layout.isEmpty())
        m_splitter->restoreState(layout);
}

void ChatPage::setOpenActions(const QList<QAction*>& actions)
{
    m_openActions = actions;
    updateEmptyState();
}

void ChatPage::startWorking()
{
    m_composer->editor()->setFocus(Qt::OtherFocusReason);
}
void ChatPage::sendPrompt(const QString& text)
{
    m_controller->send(text);
}

void ChatPage::showConversation()
{
    if (m_composer->isEditing())
        m_composer->endEdit();
    m_transcript->setMessages(m_controller->messages());
    m_list->setCurrent(m_controller->currentConversation());
    updateActivity();
    updateStats();
}

void ChatPage::updateModel()
{
    const auto model = m_service->model();
    m_composer->setTokenizer(model ? model->tokenizer : nullptr);
    m_transcript->setContinuesText(model && model->continuesText());
    const bool continues = model && model->continuesText();
    m_hint->setVisible(continues);
    m_hintText->setText(
        tr("This model continues text: it writes on from what you wrote, it was not trained to answer."));
    m_composer->setPlaceholder(!model      ? tr("Open a model to start writing")
                               : continues ? tr("Write the beginning of a text")
                                           : tr("Write a message"));
    updateEmptyState();
    updateActivity();
}

void ChatPage::updateEmptyState()
{
    const auto model = m_service->model();
    if (!model) {
        m_empty->setTexts(tr("No model is open"),
                          tr("Open a model folder or a packed model file, or drop one on this window."));
        m_empty->setActions(m_openActions);
        m_empty->setSuggestions({});
        return;
    }
    m_empty->setActions({});
    if (!model->tokenizer) {
        m_empty->setTexts(model->name,
                          tr("This model brings no tokenizer, so it cannot read or write text."));
        m_empty->setSuggestions({});
    } else if (model->continuesText()) {
        m_empty->setTexts(model->name, tr("Begin a text and the model writes on."));
        m_empty->setSuggestions({tr("It was a cold morning when"), tr("The door opened and")});
    } else {
        m_empty->setTexts(model->name, tr("Ask something, or start with one of these."));
        m_empty->setSuggestions({tr("Who are you?"), tr("What can you do?")});
    }
}

QString ChatPage::stateNote() const
{
    const auto model = m_service->model();
    if (!model)
        return {};
    const auto bytes = static_cast<qint64>(model->memory.stateBytes);
    return model->config.isTernary() ? tr("state %1, whatever the length").arg(bytesText(bytes)) : QString();
}

void ChatPage::updateActivity()
{
    using Activity = ChatController::Activity;
    const Activity activity = m_controller->activity();
    const bool here = m_controller->isAnsweringHere();
    const bool usable = m_service->model() && m_service->model()->tokenizer;
    Composer::Mode mode = usable ? Composer::Mode::Ready : Composer::Mode::Disabled;
    if (m_controller->isBusy())
        mode = activity == Activity::Stopping ? Composer::Mode::Stopping : Composer::Mode::Answering;
    m_composer->setMode(mode);
    if (m_controller->isBusy() && !here)
        m_composer->setNote(tr("An answer is being written in another chat"));
    else if (activity != Activity::Stopping && activity != Activity::Reading)
        m_composer->setNote(stateNote());

    m_transcript->setBusy(m_controller->isBusy() || !usable);
    m_stop->setEnabled(m_controller->isBusy());
    m_regenerate->setEnabled(usable && m_controller->canRegenerate());
    m_continue->setEnabled(usable && m_controller->canContinue());
    m_edit->setEnabled(usable && m_controller->canEdit());
    m_copy->setEnabled(!m_controller->messages().empty());
    const bool stored = m_controller->currentConversation() != 0;
    m_rename->setEnabled(stored);
    m_delete->setEnabled(stored);
    const ConversationListModel* list = m_controller->conversations();
    const int row = stored ? list->rowOf(m_controller->currentConversation()) : -1;
    if (row >= 0)
        m_title->setText(list->index(row).data().toString());
    else if (!stored)
        m_title->setText(tr("New chat"));
}

void ChatPage::updateStats()
{
    std::optional<AnswerStats> latest;
    for (const Message& message : m_controller->messages()) {
        if (message.stats)
            latest = message.stats;
    }
    m_stats->setStats(latest);
}

void ChatPage::copyLastAnswer()
{
    const std::vector<Message>& messages = m_controller->messages();
    for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
        if (message->role == ChatRole::Assistant) {
            copyText(message->text);
            return;
        }
    }
}

void ChatPage::copyText(const QString& text)
{
    QGuiApplication::clipboard()->setText(text);
}

void ChatPage::editLast()
{
    const std::vector<Message>& messages = m_controller->messages();
    for (auto message = messages.rbegin(); m_controller->canEdit() && message != messages.rend(); ++message) {
        if (message->role == ChatRole::User) {
            m_composer->beginEdit(message->text);
            return;
        }
    }
}

} // namespace mmfree::gui
