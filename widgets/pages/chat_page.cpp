#include "widgets/pages/chat_page.h"

#include "widgets/actions/action_registry.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/chat/fact_checker.h"
#include "widgets/chat/second_chat.h"
#include "widgets/models/conversation_list_model.h"
#include "widgets/pages/page_context.h"
#include "widgets/store/conversation_store.h"
#include "widgets/theme/theme.h"
#include "widgets/views/compare_column.h"
#include "widgets/views/composer.h"
#include "widgets/views/conversation_panel.h"
#include "widgets/views/empty_state.h"
#include "widgets/views/message_bar.h"
#include "widgets/views/sampling_panel.h"
#include "widgets/views/sentence_announcer.h"
#include "widgets/views/stats_panel.h"
#include "widgets/views/template_panel.h"
#include "widgets/views/text_format.h"
#include "widgets/views/token_details.h"
#include "widgets/views/transcript_view.h"
#include "widgets/workers/inference_service.h"

#include <QDir>
#include <QHBoxLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QSplitter>
#include <QTabBar>
#include <QTabWidget>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace mmfree::gui
{

namespace
{

constexpr int kListWidth = 248;
constexpr int kInspectorWidth = 304;
constexpr int kUndoMilliseconds = 10'000;

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
    , m_context(std::make_unique<const PageContext>(context))
    , m_service(context.service)
    , m_controller(context.chat)
    , m_messages(context.messages)
    , m_selection(context.selection)
    , m_list(new ConversationPanel(context.chat->conversations()))
    , m_transcript(new TranscriptView)
    , m_composer(new Composer)
    , m_empty(new EmptyState)
    , m_announcer(new SentenceAnnouncer(this))
    , m_hint(new QWidget)
    , m_hintText(new QLabel)
    , m_title(new QLabel)
    , m_inspector(new QTabWidget)
    , m_inspectorPanel(new QWidget)
    , m_sampling(new SamplingPanel)
    , m_template(new TemplatePanel)
    , m_tokenPanel(new TokenDetails(TokenDetails::Kind::Panel))
    , m_stats(new StatsPanel)
    , m_splitter(new QSplitter(this))
    , m_popover(new TokenDetails(TokenDetails::Kind::Popover, this))
    , m_facts(new FactChecker(context.resourceFolder.isEmpty()
                                  ? QString()
                                  : QDir(context.resourceFolder).filePath(QStringLiteral("demo/facts.tsv")),
                              context.bundledModel, this))
    , m_tokenTimer(new QTimer(this))
{
    m_popover->hide();
    addActions(context.actions);
    buildLayout();
    connectController();
    connectViews();
    connectSettings();
    connectTokens();
    updateModel();
    updateSettings();
    showConversation();
}

ChatPage::~ChatPage() = default;

void ChatPage::buildLayout()
{
    buildInspector();
    m_list->setMinimumWidth(184);
    QList<QAction*> forOne, forAll;
    for (const char* id : {"chat.rename", "chat.pin", "chat.moveToFolder", "chat.exportMarkdown",
                           "chat.exportHtml", "chat.exportPdf", "chat.exportJson", "chat.delete"})
        forOne << m_actions[QLatin1String(id)];
    for (const char* id : {"chat.import", "chat.exportAll", "chat.exportMarkdown", "chat.exportHtml",
                           "chat.exportPdf", "chat.exportJson"})
        forAll << m_actions[QLatin1String(id)];
    m_list->setActions(m_actions["chat.new"], forOne, forAll);
    m_splitter->setObjectName(QStringLiteral("chatSplitter"));
    m_splitter->setHandleWidth(1);
    m_splitter->setChildrenCollapsible(false);
    m_splitter->addWidget(m_list);
    m_splitter->addWidget(buildMiddle());
    m_splitter->addWidget(m_inspectorPanel);
    m_splitter->setStretchFactor(0, 0);
    m_splitter->setStretchFactor(1, 1);
    m_splitter->setStretchFactor(2, 0);
    m_splitter->setSizes({kListWidth, 700, kInspectorWidth});
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_splitter);
    m_popover->raise();
}

QWidget* ChatPage::buildMiddle()
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
    headerLayout->addWidget(headerButton(m_actions["view.chatList"], header));
    headerLayout->addWidget(m_title, 1);
    m_firstRate = new QLabel(header);
    m_firstRate->setObjectName(QStringLiteral("firstRate"));
    setTextRole(m_firstRate, TextRole::SmallMuted);
    headerLayout->addWidget(m_firstRate);
    headerLayout->addWidget(headerButton(m_actions["chat.tokens"], header));
    headerLayout->addWidget(headerButton(m_actions["view.inspector"], header));

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
    auto* layout = new QVBoxLayout(middle);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(header);
    buildCompare();
    auto* columns = new QSplitter;
    columns->setObjectName(QStringLiteral("chatColumns"));
    columns->setHandleWidth(1);
    columns->setChildrenCollapsible(false);
    columns->addWidget(m_transcript);
    columns->addWidget(m_column);
    columns->setStretchFactor(0, 1);
    columns->setStretchFactor(1, 1);
    columns->setSizes({1000, 1000});
    layout->addWidget(columns, 1);
    layout->addLayout(centred);
    return middle;
}

void ChatPage::buildInspector()
{
    m_inspectorPanel->setObjectName(QStringLiteral("inspectorPanel"));
    m_inspectorPanel->setAttribute(Qt::WA_StyledBackground);
    m_inspectorPanel->setMinimumWidth(264);
    m_inspector->setObjectName(QStringLiteral("inspector"));
    m_inspector->setAccessibleName(tr("Inspector"));
    m_inspector->setDocumentMode(true);
    m_inspector->setUsesScrollButtons(false);
    m_inspector->addTab(m_sampling, tr("Sampling"));
    m_inspector->addTab(m_template, tr("Template"));
    m_inspector->addTab(m_tokenPanel, tr("Token"));
    m_inspector->addTab(m_stats, tr("Stats"));
    auto* layout = new QVBoxLayout(m_inspectorPanel);
    layout->setContentsMargins(0, kGrid, 0, 0);
    layout->addWidget(m_inspector);
}

void ChatPage::connectController()
{
    connect(m_controller->conversations(), &QAbstractItemModel::dataChanged, this,
            [this] { updateActivity(); });
    connect(m_controller, &ChatController::conversationOpened, this, &ChatPage::showConversation);
    connect(m_controller, &ChatController::messageAppended, this, [this](const Message& message) {
        m_transcript->appendMessage(message);
        m_list->setCurrent(m_controller->currentConversation());
        if (message.role == ChatRole::Assistant)
            m_announcer->start();
    });
    connect(m_controller, &ChatController::messageChanged, this, [this](const Message& message) {
        m_transcript->updateMessage(message);
        updateStats();
    });
    connect(m_controller, &ChatController::textGrew, m_transcript, &TranscriptView::setStreamedText);
    connect(m_controller, &ChatController::textGrew, this,
            [this](qint64, const QString& text) { m_announcer->follow(text); });
    connect(m_controller, &ChatController::answerFinished, this,
            [this](const Message& message) { m_announcer->finish(message.text); });
    connect(m_controller, &ChatController::activityChanged, this, &ChatPage::updateActivity);
    connect(m_controller, &ChatController::readingProgressed, this, [this](qint64 done, qint64 total) {
        m_composer->setNote(tr("Reading %1 of %2 tokens").arg(countText(done), countText(total)));
    });
    connect(m_controller, &ChatController::conversationDeleted, this, &ChatPage::undoableDeletion);
    connect(m_controller, &ChatController::messageDeleted, this, [this](qint64 message, bool own) {
        m_messages->showAction(MessageBar::Severity::Information,
                               own ? tr("Your message and what followed were deleted")
                                   : tr("The answer and what followed were deleted"),
                               tr("Undo"), kUndoMilliseconds,
                               [this, message] { m_controller->restoreMessage(message); });
    });
    connect(m_service, &InferenceService::modelOpened, this, &ChatPage::updateModel);
    connect(m_facts, &FactChecker::ready, this, &ChatPage::updateVerdicts);
    connect(m_controller, &ChatController::answerFinished, this, &ChatPage::updateVerdicts);
}

void ChatPage::connectViews()
{
    connect(m_list, &ConversationPanel::removeRequested, m_actions["chat.delete"], &QAction::trigger);
    connect(m_list, &ConversationPanel::conversationChosen, m_controller, &ChatController::openConversation);
    connect(m_list, &ConversationPanel::folderChosen, m_controller, &ChatController::setFolder);
    connect(m_list, &ConversationPanel::folderRenamed, m_controller, &ChatController::renameFolder);
    connect(m_list, &ConversationPanel::searchChanged, m_controller, [this](const QString& text) {
        m_controller->search(text);
        m_list->setCurrent(m_controller->currentConversation());
    });
    connect(m_composer, &Composer::sendRequested, this, &ChatPage::send);
    connect(m_composer, &Composer::stopRequested, this, &ChatPage::stopRunning);
    connect(m_composer, &Composer::editCancelled, this, &ChatPage::endEdit);
    connect(m_composer->editor(), &QPlainTextEdit::textChanged, this, [this] {
        if (m_editing == 0 && !m_composer->isEditing())
            m_controller->setDraft(m_composer->text());
    });
    connect(m_transcript, &TranscriptView::copyRequested, this, &ChatPage::copyText);
    connect(m_transcript, &TranscriptView::editRequested, this, &ChatPage::beginEdit);
    connect(m_transcript, &TranscriptView::regenerateRequested, m_controller, &ChatController::regenerate);
    connect(m_transcript, &TranscriptView::continueRequested, m_controller, &ChatController::continueAnswer);
    connect(m_transcript, &TranscriptView::siblingRequested, m_controller, &ChatController::showSibling);
    connect(m_transcript, &TranscriptView::deleteRequested, m_controller, &ChatController::deleteMessage);
    connect(m_transcript, &TranscriptView::reproduceRequested, this, &ChatPage::copyReproduce);
    connect(m_empty, &EmptyState::suggestionChosen, m_controller, &ChatController::send);
    connect(m_stats, &StatsPanel::reproduceRequested, this, &ChatPage::copyReproduce);
    connect(m_stats, &StatsPanel::stepChosen, this, [this](qint64 message, int token) {
        showTokens(message, true);
        pickToken(message, token);
        refreshTokens(message);
        m_inspector->setCurrentWidget(m_tokenPanel);
        updateTokenPanel();
    });
}

void ChatPage::connectSettings()
{
    connect(m_controller, &ChatController::settingsChanged, this, &ChatPage::updateSettings);
    connect(m_sampling, &SamplingPanel::valueChanged, m_controller, &ChatController::setChatValue);
    connect(m_sampling, &SamplingPanel::presetChosen, m_controller, &ChatController::choosePreset);
    connect(m_sampling, &SamplingPanel::savePresetRequested, m_controller, &ChatController::savePreset);
    connect(m_sampling, &SamplingPanel::deletePresetRequested, m_controller, &ChatController::deletePreset);
    connect(m_sampling, &SamplingPanel::resetRequested, m_controller, &ChatController::resetChatValues);
    connect(m_template, &TemplatePanel::templateChanged, this, [this](const QString& json) {
        m_controller->setChatValue(QStringLiteral("chatTemplate"), json);
    });
    connect(m_template, &TemplatePanel::resetRequested, this, [this] {
        m_controller->setChatValue(QStringLiteral("chatTemplate"), QJsonValue(QJsonValue::Undefined));
    });
    connect(m_inspector, &QTabWidget::currentChanged, this, [this] { updateTokenPanel(); });
}

void ChatPage::updateSettings()
{
    const SettingLayers layers = m_controller->layers();
    m_sampling->setPresets(m_controller->presetNames(), layers.presetName);
    m_sampling->setLayers(layers);
    m_template->setLayers(layers);
    m_tokenPanel->setOptions(effectiveSettings(layers).options.sampling);
}

QList<QWidget*> ChatPage::panes() const
{
    return {m_list, m_transcript, m_composer, m_inspectorPanel};
}

void ChatPage::stopRunning()
{
    m_controller->stop();
    if (m_second)
        m_second->stop();
}

QByteArray ChatPage::saveLayout() const
{
    QByteArray layout = m_splitter->saveState();
    layout.prepend(static_cast<char>('0' + static_cast<int>(m_measure)));
    return layout;
}

void ChatPage::restoreLayout(const QByteArray& layout)
{
    if (layout.isEmpty())
        return;
    const int measure = layout.at(0) - '0';
    if (measure >= 0 && measure < kTokenMeasureCount)
        setMeasure(static_cast<TokenMeasure>(measure));
    if (m_splitter->count() == 3)
        m_splitter->restoreState(layout.mid(1));
}

bool ChatPage::showView(const QString& name)
{
    const QHash<QString, QWidget*> tabs{
        {"sampling", m_sampling}, {"template", m_template}, {"token", m_tokenPanel}, {"stats", m_stats}};
    if (name == QLatin1String("tokens")) {
        m_allTokens = true;
        for (const Message& message : m_controller->messages()) {
            if (message.role == ChatRole::Assistant)
                showTokens(message.id, true);
        }
        return true;
    }
    if (!tabs.contains(name))
        return false;
    m_inspector->setCurrentWidget(tabs.value(name));
    return true;
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

void ChatPage::send(const QString& text)
{
    if (!m_composer->isEditing()) {
        m_composer->setText({});
        m_controller->send(text);
        return;
    }
    const qint64 message = m_editing;
    endEdit();
    m_controller->editMessage(message, text);
}

void ChatPage::beginEdit(qint64 id)
{
    const Message* message = m_controller->message(id);
    if (!message || !m_controller->canEdit())
        return;
    m_editing = id;
    m_composer->beginEdit(message->text,
                          message->role == ChatRole::User
                              ? tr("Editing your message \u00b7 Esc to cancel")
                              : tr("Editing the answer \u00b7 Enter keeps it \u00b7 Esc to cancel"));
}

void ChatPage::endEdit()
{
    if (m_composer->isEditing())
        m_composer->endEdit();
    m_editing = 0;
    m_composer->setText(m_controller->draft());
}

void ChatPage::editLast()
{
    beginEdit(lastMessage(true));
}

qint64 ChatPage::lastMessage(bool own) const
{
    const std::vector<Message>& all = m_controller->messages();
    const auto found = std::find_if(all.rbegin(), all.rend(), [own](const Message& message) {
        return (message.role == ChatRole::User) == own;
    });
    return found == all.rend() ? 0 : found->id;
}

qint64 ChatPage::pointedMessage() const
{
    if (const qint64 focused = m_transcript->focusedMessage())
        return focused;
    const std::vector<Message>& all = m_controller->messages();
    const auto found =
        std::find_if(all.rbegin(), all.rend(), [](const Message& message) { return message.siblings > 1; });
    return found == all.rend() ? 0 : found->id;
}

void ChatPage::showConversation()
{
    if (m_composer->isEditing())
        m_composer->endEdit();
    m_editing = 0;
    hidePopover();
    m_composer->setText(m_controller->draft());
    m_transcript->setMessages(m_controller->messages());
    m_list->setCurrent(m_controller->currentConversation());
    if (m_second && !m_second->isBusy())
        m_column->clear();
    std::vector<ChatTurn> turns;
    for (const Message& message : m_controller->messages())
        turns.push_back({message.role, message.text.toStdString()});
    m_template->setTurns(std::move(turns));
    updateActivity();
    updateStats();
    updateTokenPanel();
    updateVerdicts();
}

void ChatPage::updateModel()
{
    const auto model = m_service->model();
    m_composer->setTokenizer(model ? model->tokenizer : nullptr);
    m_template->setTokenizer(model ? model->tokenizer : nullptr);
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

    const std::vector<Message>& messages = m_controller->messages();
    const bool any = !messages.empty();
    const bool branches = std::any_of(messages.begin(), messages.end(),
                                      [](const Message& message) { return message.siblings > 1; });
    const bool stored = m_controller->currentConversation() != 0;
    m_transcript->setBusy(m_controller->isBusy() || !usable);
    m_tokenPanel->setCanBranch(usable && m_controller->canRegenerate());
    const auto enable = [this](std::initializer_list<const char*> ids, bool on) {
        for (const char* id : ids)
            m_actions[QLatin1String(id)]->setEnabled(on);
    };
    const bool secondBusy = m_second && m_second->isBusy();
    m_firstRate->setVisible(m_second != nullptr);
    enable({"chat.askBoth"}, usable && !m_controller->isBusy() && !secondBusy);
    enable({"chat.stop"}, m_controller->isBusy() || secondBusy);
    enable({"chat.regenerate"}, usable && m_controller->canRegenerate());
    enable({"chat.continue"}, usable && m_controller->canContinue());
    enable({"chat.edit"}, usable && m_controller->canEdit());
    enable({"chat.copy", "chat.reproduce", "chat.tokens", "chat.previousMessage", "chat.nextMessage"}, any);
    enable({"chat.previousSibling", "chat.nextSibling"}, branches && !here);
    enable({"chat.deleteMessage"}, any && !here);
    enable({"chat.rename", "chat.delete", "chat.pin", "chat.moveToFolder", "chat.exportMarkdown",
            "chat.exportHtml", "chat.exportPdf", "chat.exportJson"},
           stored);
    const ConversationListModel* list = m_controller->conversations();
    const int row = stored ? list->rowOf(m_controller->currentConversation()) : -1;
    if (row >= 0)
        m_title->setText(list->index(row).data().toString());
    else if (!stored)
        m_title->setText(tr("New chat"));
}

void ChatPage::updateVerdicts()
{
    for (MessageView* view : m_transcript->views())
        showVerdict(view);
}

void ChatPage::showVerdict(MessageView* view)
{
    const Message& answer = view->message();
    const Message* question = m_controller->message(answer.parent);
    const Verdict verdict = question ? m_facts->verdictOn(question->text, answer) : Verdict();
    view->setVerdict(verdict.text, verdict.icon);
}

void ChatPage::updateStats()
{
    std::optional<Message> latest;
    for (const Message& message : m_controller->messages()) {
        if (message.stats)
            latest = message;
    }
    m_stats->setMessage(latest);
    if (latest)
        m_sampling->setLatestSeed(latest->stats->seed);
}

} // namespace mmfree::gui
