#include "widgets/chat/chat_controller.h"

#include "widgets/models/conversation_list_model.h"
#include "widgets/store/conversation_store.h"
#include "widgets/workers/inference_service.h"

#include <algorithm>

namespace mmfree::gui
{

namespace
{

constexpr int kSaveMilliseconds = 250;

MessageStatus statusFor(StopReason reason)
{
    switch (reason) {
    case StopReason::Cancelled:
        return MessageStatus::Stopped;
    case StopReason::MaxTokens:
        return MessageStatus::LengthLimit;
    case StopReason::ContextFull:
        return MessageStatus::ContextFull;
    case StopReason::EndOfSequence:
    case StopReason::StopString:
        break;
    }
    return MessageStatus::Complete;
}

} // namespace

ChatController::ChatController(InferenceService* service, ConversationStore* store, QObject* parent)
    : QObject(parent)
    , m_service(service)
    , m_store(store)
    , m_list(new ConversationListModel(this))
    , m_optionsSource([] { return GenerateOptions(); })
{
    connect(service, &InferenceService::textArrived, this, &ChatController::onText);
    connect(service, &InferenceService::generationFinished, this, &ChatController::onFinished);
    connect(service, &InferenceService::generationFailed, this, &ChatController::onFailed);
    connect(service, &InferenceService::modelOpened, this, &ChatController::activityChanged);
    connect(service, &InferenceService::readingProgressed, this,
            [this](JobId job, qint64 done, qint64 total) {
                if (job == m_answer.job && isAnsweringHere())
                    emit readingProgressed(done, total);
            });
    connect(m_list, &ConversationListModel::renamed, this, [this](ConversationId id, const QString& title) {
        guarded([&] { m_store->rename(id, title); });
    });
    m_saveTimer.setInterval(kSaveMilliseconds);
    connect(&m_saveTimer, &QTimer::timeout, this, &ChatController::saveAnswer);
    search({});
}

ChatController::~ChatController()
{
    if (!isBusy())
        return;
    m_service->stopGenerating();
    m_answer.message.status = MessageStatus::Stopped;
    saveAnswer();
}

ChatController::Activity ChatController::activity() const
{
    if (isBusy())
        return m_answer.stopping  ? Activity::Stopping
               : m_answer.reading ? Activity::Reading
                                  : Activity::Writing;
    return m_service->model() ? Activity::Idle : Activity::NoModel;
}

bool ChatController::guarded(const std::function<void()>& storeWork)
{
    try {
        storeWork();
        return true;
    } catch (const StoreError& error) {
        emit problem(tr("The chat could not be saved"), QString::fromStdString(error.what()));
        return false;
    }
}

void ChatController::search(const QString& text)
{
    m_search = text;
    guarded([&] { m_list->setConversations(m_store->conversations(text.trimmed())); });
}

void ChatController::newConversation()
{
    m_current = 0;
    m_messages.clear();
    emit conversationOpened();
    emit activityChanged();
}

void ChatController::openConversation(ConversationId id)
{
    if (id == 0 || id == m_current)
        return;
    if (!guarded([&] {
            m_messages = m_store->shownMessages(id);
            m_current = id;
        }))
        return;
    if (isAnsweringHere())
        replaceShown(m_answer.message); // what arrived since it was last stored
    emit conversationOpened();
    emit activityChanged();
}

void ChatController::openLatest(ConversationId preferred)
{
    const int row = m_list->rowOf(preferred);
    if (row >= 0)
        openConversation(preferred);
    else
        newConversation();
}

void ChatController::deleteConversation(ConversationId id)
{
    const int row = m_list->rowOf(id);
    if (row < 0)
        return;
    const QString title = m_list->data(m_list->index(row), Qt::DisplayRole).toString();
    if (m_answer.job != 0 && m_answer.conversation == id)
        stop();
    if (!guarded([&] { m_store->setDeleted(id, true); }))
        return;
    m_list->remove(id);
    if (id == m_current) {
        const ConversationId next = m_list->idAt(std::min(row, m_list->rowCount() - 1));
        if (next != 0)
            openConversation(next);
        else
            newConversation();
    }
    emit conversationDeleted(id, title);
}

void ChatController::restoreConversation(ConversationId id)
{
    if (guarded([&] { m_store->setDeleted(id, false); })) {
        refreshSummary(id);
        openConversation(id);
    }
}

void ChatController::send(const QString& text)
{
    if (isBusy() || !m_service->model() || text.trimmed().isEmpty())
        return;
    Message message;
    const bool stored = guarded([&] {
        if (m_current == 0)
            m_current = m_store->createConversation(titleFromText(text));
        const MessageId parent = m_messages.empty() ? 0 : m_messages.back().id;
        message = m_store->addMessage(m_current, {parent, ChatRole::User, text, MessageStatus::Complete});
    });
    if (!stored)
        return;
    m_messages.push_back(message);
    emit messageAppended(message);
    refreshSummary(m_current);
    startAnswer(message.id);
}

void ChatController::editLastUserMessage(const QString& text)
{
    if (!canEdit() || text.trimmed().isEmpty())
        return;
    auto last = m_messages.size();
    while (m_messages[--last].role != ChatRole::User) {
    }
    const MessageId parent = m_messages[last].parent;
    Message message;
    if (!guarded([&] {
            message = m_store->addMessage(m_current, {parent, ChatRole::User, text, MessageStatus::Complete});
        }))
        return;
    m_messages.resize(last);
    m_messages.push_back(message);
    emit conversationOpened();
    refreshSummary(m_current);
    startAnswer(message.id);
}

void ChatController::regenerate()
{
    if (!canRegenerate())
        return;
    if (m_messages.back().role == ChatRole::Assistant) {
        m_messages.pop_back();
        emit conversationOpened();
    }
    startAnswer(m_messages.back().id);
}

void ChatController::continueAnswer()
{
    if (!canContinue())
        return;
    runAnswer(m_messages.back(), m_messages.back().text);
}

void ChatController::stop()
{
    if (!isBusy() || m_answer.stopping)
        return;
    m_answer.stopping = true;
    m_service->stopGenerating();
    emit activityChanged();
}

bool ChatController::canRegenerate() const
{
    return !isBusy() && m_service->model() && !m_messages.empty();
}

bool ChatController::canContinue() const
{
    return canRegenerate() && m_messages.back().role == ChatRole::Assistant &&
           !m_messages.back().text.isEmpty();
}

bool ChatController::canEdit() const
{
    return canRegenerate() && std::any_of(m_messages.begin(), m_messages.end(), [](const Message& message) {
               return message.role == ChatRole::User;
           });
}

std::vector<ChatTurn> ChatController::turnsBefore(MessageId message) const
{
    std::vector<ChatTurn> turns;
    for (const Message& earlier : m_messages) {
        if (earlier.id == message)
            break;
        turns.push_back({earlier.role, earlier.text.toStdString()});
    }
    return turns;
}

void ChatController::startAnswer(MessageId parent)
{
    Message message;
    if (!guarded([&] {
            message =
                m_store->addMessage(m_current, {parent, ChatRole::Assistant, {}, MessageStatus::Streaming});
        }))
        return;
    m_messages.push_back(message);
    emit messageAppended(message);
    runAnswer(message, {});
}

void ChatController::runAnswer(Message message, const QString& textBefore)
{
    std::vector<ChatTurn> turns = turnsBefore(message.id);
    QByteArray state;
    guarded([&] {
        // The state after the previous answer, or after this one when it is continued.
        state = m_store->storedState(message.id);
        for (std::size_t index = m_messages.size(); state.isEmpty() && index-- > 0;)
            state = m_store->storedState(m_messages[index].id);
    });
    if (!textBefore.isEmpty())
        turns.push_back({ChatRole::Assistant, textBefore.toStdString()});

    const GenerateOptions options = m_optionsSource();
    m_answer = {};
    m_answer.conversation = m_current;
    m_answer.before = message.stats.value_or(AnswerStats{});
    message.status = MessageStatus::Streaming;
    message.stats.reset();
    m_answer.message = message;
    m_answer.textBefore = textBefore;
    m_answer.seed = options.sampling.seed;
    m_answer.job = m_service->generate(std::move(turns), options, state);
    m_saveTimer.start();
    replaceShown(message);
    emit messageChanged(message);
    emit activityChanged();
}

void ChatController::onText(const GenerationProgress& progress)
{
    if (progress.job != m_answer.job)
        return;
    const bool first = m_answer.reading;
    m_answer.reading = false;
    m_answer.progress = progress;
    m_answer.message.text += progress.newText;
    if (isAnsweringHere()) {
        replaceShown(m_answer.message);
        emit textGrew(m_answer.message.id, m_answer.message.text);
    }
    if (first)
        emit activityChanged();
}

void ChatController::onFinished(JobId job, const GenerationOutcome& outcome)
{
    if (job != m_answer.job)
        return;
    const GenerationStats& measured = outcome.stats;
    AnswerStats stats;
    stats.promptTokens = measured.promptTokens;
    stats.generatedTokens = measured.generatedTokens + m_answer.before.generatedTokens;
    stats.timeToFirstTokenSeconds = measured.timeToFirstTokenSeconds;
    stats.prefillTokensPerSecond = measured.promptTokens > 0 ? measured.prefillTokensPerSecond() : 0.0;
    stats.decodeTokensPerSecond = measured.decodeTokensPerSecond();
    stats.decodeSeconds = measured.decodeSeconds;
    stats.sequenceTokens = outcome.sequenceTokens;
    stats.stateBytes = static_cast<qint64>(outcome.memory.stateBytes);
    stats.weightBytes = static_cast<qint64>(outcome.memory.weightBytes);
    if (const auto model = m_service->model()) {
        stats.model = model->name;
        stats.continuesText = model->continuesText();
    }
    stats.backend = outcome.backend;
    stats.seed = m_answer.seed;

    Message& message = m_answer.message;
    message.text = m_answer.textBefore + outcome.text;
    message.status = statusFor(outcome.reason);
    message.stats = stats;
    saveAnswer();
    guarded([&] { m_store->storeState(message.id, outcome.storedState); });
    const Answer done = std::exchange(m_answer, {});
    m_saveTimer.stop();
    if (done.conversation == m_current) {
        replaceShown(done.message);
        emit messageChanged(done.message);
    }
    emit activityChanged();
    emit answerFinished(done.message);
}

void ChatController::onFailed(JobId job, const ErrorInfo& error)
{
    if (job != m_answer.job)
        return;
    const Answer failed = std::exchange(m_answer, {});
    m_saveTimer.stop();
    Message message = failed.message;
    message.status = MessageStatus::Stopped;
    const bool nothing = message.text.isEmpty();
    guarded([&] {
        if (nothing)
            m_store->removeMessage(failed.conversation, message.id);
        else
            m_store->updateMessage(message);
    });
    if (failed.conversation == m_current) {
        if (nothing) {
            m_messages.pop_back();
            emit conversationOpened();
        } else {
            replaceShown(message);
            emit messageChanged(message);
        }
    }
    emit activityChanged();
    emit problem(errorTitle(error.code), error.message);
}

void ChatController::replaceShown(const Message& message)
{
    const auto found = std::find_if(m_messages.begin(), m_messages.end(),
                                    [&](const Message& other) { return other.id == message.id; });
    if (found != m_messages.end())
        *found = message;
}

void ChatController::saveAnswer()
{
    if (!guarded([&] { m_store->updateMessage(m_answer.message); }))
        m_saveTimer.stop();
}

void ChatController::refreshSummary(ConversationId id)
{
    guarded([&] {
        if (m_search.isEmpty() || m_list->rowOf(id) >= 0)
            m_list->upsert(m_store->conversation(id));
    });
}

} // namespace mmfree::gui
