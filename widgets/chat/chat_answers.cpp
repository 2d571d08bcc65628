// The controller's other half: asking, and what comes back while an answer is written.
#include "widgets/chat/chat_controller.h"

#include "widgets/chat/answer_stats.h"
#include "widgets/chat/reproduce.h"
#include "widgets/models/conversation_list_model.h"
#include "widgets/store/conversation_store.h"
#include "widgets/workers/inference_service.h"
#include "widgets/workers/prompt_plan.h"

#include <QRandomGenerator>

#include <algorithm>

namespace mmfree::gui
{

namespace
{

// Complete characters of the first `count` tokens of an answer behind `prompt`.
QString textOf(const TokenTrace& trace, std::size_t count, const Tokenizer& tokenizer,
               const std::vector<TokenId>& prompt)
{
    const bool atStart =
        std::all_of(prompt.begin(), prompt.end(), [&](TokenId id) { return tokenizer.isControl(id); });
    IncrementalDecoder decoder(tokenizer, atStart);
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
        text += decoder.push(trace.tokens[i].id);
    return QString::fromStdString(text);
}

} // namespace

void ChatController::send(const QString& text)
{
    if (isBusy() || !m_service->model() || text.trimmed().isEmpty())
        return;
    Message message;
    const bool stored = guarded([&] {
        const bool first = m_current == 0;
        if (first) {
            saveDraft();
            m_store->setDraft(0, {});
            m_store->setSettings(0, {});
            m_current = m_store->createConversation(titleFromText(text));
            m_store->setSettings(m_current, chatSettingsToJson(m_settings));
        }
        const MessageId parent = m_messages.empty() ? 0 : m_messages.back().id;
        message = m_store->addMessage(m_current, {parent, ChatRole::User, text, MessageStatus::Complete});
        m_store->setDraft(m_current, {});
        m_draft.clear();
        m_draftChanged = false;
    });
    if (!stored)
        return;
    m_messages.push_back(message);
    emit messageAppended(message);
    refreshSummary(m_current);
    startAnswer(message.id);
}

void ChatController::editMessage(MessageId id, const QString& text)
{
    const std::size_t index = indexOf(id);
    if (!canEdit() || index == m_messages.size() || text.trimmed().isEmpty())
        return;
    const Message old = m_messages[index];
    if (old.text == text && old.role == ChatRole::Assistant)
        return;
    Message message;
    if (!guarded([&] {
            message = m_store->addMessage(m_current, {old.parent, old.role, text, MessageStatus::Complete});
        }))
        return;
    m_messages.resize(index);
    m_messages.push_back(message);
    emit conversationOpened();
    refreshSummary(m_current);
    if (old.role == ChatRole::User)
        startAnswer(message.id);
    else
        emit activityChanged();
}

void ChatController::regenerate(MessageId id)
{
    if (!canRegenerate())
        return;
    const std::size_t index = id == 0 ? m_messages.size() - 1 : indexOf(id);
    if (index == m_messages.size())
        return;
    const bool answer = m_messages[index].role == ChatRole::Assistant;
    const std::size_t kept = answer ? index : index + 1;
    const MessageId parent = answer ? m_messages[index].parent : m_messages[index].id;
    if (kept < m_messages.size()) {
        m_messages.resize(kept);
        emit conversationOpened();
    }
    startAnswer(parent);
}

void ChatController::continueAnswer()
{
    if (!canContinue())
        return;
    const Message last = m_messages.back();
    std::optional<ExactStart> exact;
    const auto model = m_service->model();
    guarded([&] {
        // What was read and written is known token by token, up to the token that ended the text.
        const TokenTrace trace = m_store->tokens(last.id);
        const std::optional<StateRecord> prompt = m_store->state(last.id, StatePoint::Prompt);
        std::size_t count = trace.tokens.size();
        const std::size_t least = count > 8 ? count - 8 : 0;
        const bool known = prompt && model->tokenizer && prompt->fingerprint == model->fingerprint;
        while (known && count > least &&
               textOf(trace, count, *model->tokenizer, prompt->snapshot.tokens) != last.text)
            --count;
        if (known && count > 0 &&
            textOf(trace, count, *model->tokenizer, prompt->snapshot.tokens) == last.text) {
            exact = exactStart(last.id, count);
            if (exact && count < trace.tokens.size()) {
                m_store->forgetTokens(last.id);
                m_store->appendTokens(last.id, serializeTrace(trace.first(count)));
            }
        }
        if (!exact) {
            // Its tokens would not be those of the text any more.
            m_store->forgetTokens(last.id);
        }
    });
    runAnswer(last, last.text, exact);
}

void ChatController::continueFrom(MessageId id, std::size_t token, TokenId alternative, bool writeOn)
{
    const std::size_t index = indexOf(id);
    const auto model = m_service->model();
    if (!canRegenerate() || index == m_messages.size() || !model->tokenizer)
        return;
    const Message old = m_messages[index];
    TokenTrace trace = tokens(id);
    if (old.role != ChatRole::Assistant || token >= trace.tokens.size())
        return;
    Message message;
    std::optional<ExactStart> exact;
    const bool stored = guarded([&] {
        exact = exactStart(id, token);
        if (!exact)
            throw StoreError(tr("This answer was written by another model, or its state was not kept."));
        const std::optional<StateRecord> prompt = m_store->state(id, StatePoint::Prompt);
        TracedToken forced = trace.tokens[token];
        forced.id = alternative;
        forced.forced = true;
        forced.logProbability = -std::numeric_limits<double>::infinity();
        for (std::size_t place = 0; place < forced.alternatives.size(); ++place) {
            if (forced.alternatives[place].id != alternative)
                continue;
            forced.logProbability = static_cast<double>(forced.alternatives[place].logProbability);
            forced.rank = static_cast<qint64>(place);
        }
        trace = trace.first(token);
        trace.tokens.push_back(forced);
        namePieces(trace, *model->tokenizer);
        exact->tokens.push_back(alternative);
        ++exact->continued;
        const QString text = textOf(trace, trace.tokens.size(), *model->tokenizer, prompt->snapshot.tokens);
        message =
            m_store->addMessage(m_current, {old.parent, ChatRole::Assistant, text,
                                            writeOn ? MessageStatus::Streaming : MessageStatus::Stopped});
        m_store->storeState(message.id, StatePoint::Prompt, *prompt);
        m_store->appendTokens(message.id, serializeTrace(trace));
    });
    if (!stored)
        return;
    m_messages.resize(index);
    m_messages.push_back(message);
    emit conversationOpened();
    refreshSummary(m_current);
    if (writeOn)
        runAnswer(message, message.text, exact);
    else
        emit activityChanged();
}

std::optional<ChatController::ExactStart> ChatController::exactStart(MessageId message, std::size_t count)
{
    const auto model = m_service->model();
    const std::optional<StateRecord> prompt = m_store->state(message, StatePoint::Prompt);
    const TokenTrace trace = tokens(message);
    if (!model || !prompt || prompt->fingerprint != model->fingerprint || count > trace.tokens.size())
        return std::nullopt;
    ExactStart start;
    start.tokens = prompt->snapshot.tokens;
    for (std::size_t i = 0; i < count; ++i)
        start.tokens.push_back(trace.tokens[i].id);
    start.continued = static_cast<std::int64_t>(count);
    StateRecord nearest = *prompt;
    // The newest token stays to be read: its logits are what the next one is drawn from.
    const auto checkpoint =
        m_store->checkpointBefore(message, static_cast<std::int64_t>(start.tokens.size()) - 1);
    if (checkpoint && checkpoint->position > prompt->snapshot.consumed) {
        nearest.snapshot.state = {checkpoint->position, checkpoint->values};
        nearest.snapshot.consumed = checkpoint->position;
        nearest.snapshot.tokens.assign(
            start.tokens.begin(), start.tokens.begin() + static_cast<std::ptrdiff_t>(checkpoint->position));
    }
    start.state = std::make_shared<const StateRecord>(std::move(nearest));
    return start;
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
    return canRegenerate();
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

void ChatController::runAnswer(Message message, const QString& textBefore,
                               const std::optional<ExactStart>& exact)
{
    EffectiveSettings effective = effectiveSettings(layers());
    if (!effective.seedLocked)
        effective.options.sampling.seed = QRandomGenerator::global()->generate();
    AnswerTask task;
    task.turns = turnsBefore(message.id);
    task.options = effective.options;
    task.chatTemplate = effective.chatTemplate;
    // A text model reads a system prompt as the beginning of the text.
    if (effective.chatTemplate.name == "plain" && !effective.chatTemplate.systemPrompt.empty())
        task.turns.insert(task.turns.begin(),
                          ChatTurn{ChatRole::System, effective.chatTemplate.systemPrompt});
    if (!textBefore.isEmpty())
        task.turns.push_back({ChatRole::Assistant, textBefore.toStdString()});
    if (exact) {
        task.exactTokens = exact->tokens;
        task.options.continuedTokens = exact->continued;
        task.state = exact->state;
    } else {
        guarded([&] {
            std::optional<StateRecord> state = promptStateOfSibling(message.id, task);
            if (!state)
                state = m_store->newestState(message.id, m_service->model()->fingerprint);
            if (state)
                task.state = std::make_shared<const StateRecord>(std::move(*state));
        });
    }

    m_answer = {};
    m_answer.conversation = m_current;
    m_answer.before = message.stats;
    message.status = MessageStatus::Streaming;
    message.stats.reset();
    m_answer.message = message;
    m_answer.textBefore = textBefore;
    m_answer.hasPromptState = exact.has_value();
    m_answer.settings.sampling = effective.options.sampling;
    m_answer.settings.seed = effective.options.sampling.seed;
    m_answer.settings.maxTokens = effective.options.maxTokens;
    for (const std::string& stop : effective.chatTemplate.stopStrings)
        m_answer.settings.stopStrings << QString::fromStdString(stop);
    m_answer.task = task;
    m_answer.task.state.reset(); // of the first model
    m_answer.task.exactTokens.clear();
    m_answer.task.options.continuedTokens = 0;
    m_answer.job = m_service->generate(std::move(task));
    m_saveTimer.start();
    replaceShown(message);
    emit messageChanged(message);
    emit activityChanged();
}

// Another version of the answer began where this one begins, unless a setting changed what is read.
std::optional<StateRecord> ChatController::promptStateOfSibling(MessageId message, const AnswerTask& task)
{
    const PromptPlan plan = planPrompt(*task.chatTemplate, task.turns);
    if (plan.pieces.empty() || plan.continuesAnswer)
        return std::nullopt;
    const QString fingerprint = m_service->model()->fingerprint;
    for (const MessageId sibling : m_store->siblings(message)) {
        std::optional<StateRecord> state = m_store->state(sibling, StatePoint::Prompt);
        if (state && state->fingerprint == fingerprint && state->key == plan.pieces.back().keyAfter)
            return state;
    }
    return std::nullopt;
}

void ChatController::onText(const GenerationProgress& progress)
{
    if (progress.job != m_answer.job)
        return;
    const bool first = m_answer.reading;
    m_answer.reading = false;
    m_answer.progress = progress;
    m_answer.message.text += progress.newText;
    if (!progress.tokenChunk.isEmpty())
        m_answer.unsavedTokens.push_back(progress.tokenChunk);
    m_answer.unsavedCheckpoints.insert(m_answer.unsavedCheckpoints.end(), progress.checkpoints.begin(),
                                       progress.checkpoints.end());
    if (progress.promptState && m_answer.hasPromptState)
        m_answer.unsavedCheckpoints.push_back(
            {progress.promptState->snapshot.consumed, progress.promptState->snapshot.state.values});
    else if (progress.promptState)
        guarded([&] { m_store->storeState(m_answer.message.id, StatePoint::Prompt, *progress.promptState); });
    if (isAnsweringHere()) {
        replaceShown(m_answer.message);
        emit textGrew(m_answer.message.id, m_answer.message.text);
        if (!progress.tokenChunk.isEmpty())
            emit tokensGrew(m_answer.message.id);
    }
    if (first)
        emit activityChanged();
}

void ChatController::onFinished(JobId job, const GenerationOutcome& outcome)
{
    if (job != m_answer.job)
        return;
    const auto model = m_service->model();
    AnswerStats stats = answerStats(m_answer.settings, outcome, model ? *model : ModelInfo());
    if (m_answer.before)
        stats.generatedTokens += m_answer.before->generatedTokens;

    Message& message = m_answer.message;
    message.text = m_answer.textBefore + outcome.text;
    message.status = statusFor(outcome.reason);
    message.stats = stats;
    saveAnswer();
    guarded([&] {
        if (outcome.answerState)
            m_store->storeState(message.id, StatePoint::Answer, *outcome.answerState);
    });
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
    saveAnswer();
    const Answer failed = std::exchange(m_answer, {});
    m_saveTimer.stop();
    Message message = failed.message;
    message.status = MessageStatus::Stopped;
    const bool nothing = message.text.isEmpty();
    guarded([&] {
        if (nothing) {
            m_store->removeMessage(failed.conversation, message.id);
            m_store->showLeaf(failed.conversation, m_store->newestLeafBelow(message.parent));
        } else {
            m_store->updateMessage(message);
        }
    });
    if (failed.conversation == m_current) {
        if (nothing) {
            reload();
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
    const std::size_t index = indexOf(message.id);
    if (index < m_messages.size())
        m_messages[index] = message;
}

void ChatController::saveAnswer()
{
    const bool saved = guarded([&] {
        m_store->updateMessage(m_answer.message);
        for (const QByteArray& chunk : m_answer.unsavedTokens)
            m_store->appendTokens(m_answer.message.id, chunk);
        m_store->storeCheckpoints(m_answer.message.id, m_answer.unsavedCheckpoints);
    });
    m_answer.unsavedTokens.clear();
    m_answer.unsavedCheckpoints.clear();
    if (!saved)
        m_saveTimer.stop();
}

Message ChatController::addSecondAnswer()
{
    Message second;
    guarded([&] {
        second =
            m_store->addMessage(m_answer.conversation,
                                {m_answer.message.parent, ChatRole::Assistant, {}, MessageStatus::Streaming});
        m_store->showLeaf(m_answer.conversation, m_answer.message.id);
    });
    if (second.id == 0)
        return second;
    m_answer.message.siblings = second.siblings;
    if (isAnsweringHere()) {
        replaceShown(m_answer.message);
        emit messageChanged(m_answer.message);
    }
    return second;
}

void ChatController::storeSecondAnswer(const Message& answer)
{
    guarded([&] { m_store->updateMessage(answer); });
}

void ChatController::storeSecondTokens(MessageId answer, const QByteArray& chunk)
{
    guarded([&] { m_store->appendTokens(answer, chunk); });
}

TokenTrace ChatController::tokens(MessageId message)
{
    TokenTrace trace;
    guarded([&] { trace = m_store->tokens(message); });
    if (isBusy() && m_answer.message.id == message) {
        for (const QByteArray& chunk : m_answer.unsavedTokens) {
            if (const auto parsed = parseTrace(chunk))
                trace.append(*parsed);
        }
    }
    return trace;
}

QString ChatController::reproduceCommand(MessageId id, QString* reason)
{
    const auto fail = [reason](const QString& why) {
        if (reason)
            *reason = why;
        return QString();
    };
    const Message* shown = message(id);
    if (!shown || !shown->stats || shown->stats->modelPath.isEmpty())
        return fail(tr("Only an answer that a model wrote to its end can be reproduced."));
    const AnswerStats& stats = *shown->stats;
    std::optional<StateRecord> prompt;
    TokenTrace trace;
    if (!guarded([&] {
            prompt = m_store->state(id, StatePoint::Prompt);
            trace = m_store->tokens(id);
        }))
        return fail(tr("The chat file could not be read."));
    if (!prompt)
        return fail(tr("What the model read for this answer was not kept."));
    std::vector<TokenId> ids = prompt->snapshot.tokens;
    const auto written = static_cast<qint64>(trace.tokens.size());
    if (written > 0) {
        for (qint64 i = 0; i < written - stats.runTokens; ++i)
            ids.push_back(trace.tokens[static_cast<std::size_t>(i)].id);
    } else if (stats.runTokens != stats.generatedTokens) {
        return fail(tr("The answer was continued and its tokens were not kept."));
    }
    const auto model = m_service->model();
    const bool sameModel = model && model->path == stats.modelPath && model->tokenizer;
    return reproduceCommandLine(stats, ids, sameModel ? model->tokenizer.get() : nullptr);
}

} // namespace mmfree::gui
