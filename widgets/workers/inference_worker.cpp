#include "widgets/workers/inference_worker.h"

#include "widgets/workers/answer_batcher.h"
#include "widgets/workers/prompt_plan.h"

#include <algorithm>
#include <functional>

namespace mmfree::gui
{

namespace
{

constexpr std::size_t kKeptStateBytes = 256u << 20; // states of earlier messages held in memory
constexpr std::size_t kStoredStateBytes = 4u << 20; // a larger state is read again instead of stored

std::size_t bytesOf(const SessionSnapshot& snapshot)
{
    return snapshot.state.values.size() * sizeof(float) + snapshot.tokens.size() * sizeof(TokenId);
}

// The token that ended the answer is not part of its text; what follows is the template's business. False:
// the sequence holds more that is not in the text (a stop string of several tokens), so it must be read
// again.
bool dropEndToken(const GenerationResult& result, const std::vector<std::string>& stopStrings,
                  const Tokenizer& tokenizer, SessionSnapshot& after)
{
    if (result.reason != StopReason::EndOfSequence && result.reason != StopReason::StopString)
        return true;
    if (static_cast<std::int64_t>(after.tokens.size()) != after.consumed + 1)
        return false;
    const std::string last = tokenizer.bytesOf(after.tokens.back());
    const bool wholeStop = std::find(stopStrings.begin(), stopStrings.end(), last) != stopStrings.end();
    if (!last.empty() && !wholeStop)
        return false;
    after.tokens.pop_back();
    return true;
}

} // namespace

InferenceWorker::InferenceWorker(QObject* parent)
    : QObject(parent)
{
}

InferenceWorker::~InferenceWorker() = default;

void InferenceWorker::installModel(const LoadedModel& model)
{
    m_kept.clear();
    m_session.reset();
    m_info = model.info;
    m_installError.reset();
    try {
        if (model.executor)
            m_session = std::make_unique<Session>(model.executor, model.info->tokenizer);
    } catch (...) { // its state may not fit the device any more: said when somebody writes
        m_installError = currentError();
    }
}

void InferenceWorker::generate(const GenerateRequest& request)
{
    try {
        emit generationFinished(request.job, run(request));
    } catch (...) {
        if (m_session)
            m_session->reset();
        emit generationFailed(request.job, currentError());
    }
}

GenerationOutcome InferenceWorker::run(const GenerateRequest& request)
{
    if (m_installError)
        throw Error(m_installError->code, m_installError->message.toStdString());
    if (!m_session)
        throw Error(ErrorCode::Unavailable, "no model is open, needed: an open model");
    if (!m_info->tokenizer)
        throw Error(ErrorCode::InvalidText,
                    m_info->name.toStdString() +
                        ": the model has no tokenizer.model, needed: one to chat with text");

    const AnswerTask& task = request.task;
    const std::uint64_t key = preparePrompt(task);
    const std::int64_t alreadyRead = m_session->consumed();
    const auto promptTokens = static_cast<std::int64_t>(m_session->tokens().size()) - alreadyRead;
    if (m_session->tokens().empty())
        throw Error(ErrorCode::InvalidText, "the message is empty, needed: some text for the model to read");
    AnswerBatcher batcher(request.job, *m_session, *m_info,
                          [this](const GenerationProgress& progress) { emit textArrived(progress); });
    QElapsedTimer reading;
    reading.start();
    // Leaves the last token pending, so that the state can be continued: logits are not part of a snapshot.
    m_session->prefill(request.stop, [this, &request](std::int64_t done, std::int64_t total) {
        emit readingProgressed(request.job, done, total);
    });
    const double readingSeconds = static_cast<double>(reading.nsecsElapsed()) * 1e-9;
    SessionSnapshot before = m_session->snapshot();
    batcher.setPromptState(storable(key, before));
    keep(key, std::move(before)); // regenerating starts here again

    GenerateOptions options = task.options;
    for (const std::string& stop :
         (task.chatTemplate ? *task.chatTemplate : m_info->chatTemplate).stopStrings)
        options.stopStrings.push_back(stop);
    const GenerationResult result =
        m_session->generate(options, request.stop, [&](const GeneratedToken& token) { batcher.add(token); });
    batcher.flush();

    GenerationOutcome outcome;
    outcome.text = QString::fromStdString(result.text);
    outcome.reason = result.reason;
    outcome.stats = result.stats;
    outcome.stats.promptTokens = promptTokens;
    outcome.stats.prefillSeconds += readingSeconds;
    outcome.stats.timeToFirstTokenSeconds += readingSeconds;
    outcome.backend = QString::fromStdString(m_session->executor().info().backend);
    outcome.device = QString::fromStdString(m_session->executor().info().description);
    outcome.memory = m_session->memoryUse();
    outcome.sequenceTokens = static_cast<qint64>(m_session->tokens().size());
    SessionSnapshot after = m_session->snapshot();
    if (dropEndToken(result, options.stopStrings, *m_info->tokenizer, after)) {
        const std::uint64_t keyAfter = extendKey(key, result.text);
        outcome.answerState = storable(keyAfter, after);
        keep(keyAfter, std::move(after));
    }
    return outcome;
}

std::shared_ptr<const StateRecord> InferenceWorker::storable(std::uint64_t key,
                                                             const SessionSnapshot& snapshot) const
{
    if (snapshot.state.values.size() * sizeof(float) > kStoredStateBytes)
        return nullptr;
    return std::make_shared<const StateRecord>(StateRecord{m_info->fingerprint, key, snapshot});
}

std::uint64_t InferenceWorker::preparePrompt(const AnswerTask& task)
{
    const PromptPlan plan =
        planPrompt(task.chatTemplate ? *task.chatTemplate : m_info->chatTemplate, task.turns);
    if (!task.exactTokens.empty()) {
        prepareExactTokens(task);
        return plan.pieces.empty() ? kEmptyPromptKey : plan.pieces.back().keyAfter;
    }
    std::size_t nextPiece = 0;
    std::uint64_t key = restoreLongestPrefix(plan, task.state, nextPiece);
    for (; nextPiece < plan.pieces.size(); ++nextPiece) {
        const PromptPiece& piece = plan.pieces[nextPiece];
        m_session->appendText(piece.text, piece.parseSpecial);
        key = piece.keyAfter;
    }
    return key;
}

void InferenceWorker::prepareExactTokens(const AnswerTask& task)
{
    const std::vector<TokenId>& tokens = task.exactTokens;
    std::size_t shared = 0;
    m_session->reset();
    if (task.state && task.state->fingerprint == m_info->fingerprint) {
        const std::vector<TokenId>& known = task.state->snapshot.tokens;
        if (known.size() <= tokens.size() && std::equal(known.begin(), known.end(), tokens.begin()) &&
            task.state->snapshot.consumed < static_cast<std::int64_t>(tokens.size())) {
            m_session->restore(task.state->snapshot);
            shared = known.size();
        }
    }
    m_session->append(std::span(tokens).subspan(shared));
}

std::uint64_t InferenceWorker::restoreLongestPrefix(const PromptPlan& plan,
                                                    const std::shared_ptr<const StateRecord>& stored,
                                                    std::size_t& nextPiece)
{
    if (stored && stored->fingerprint == m_info->fingerprint && !kept(stored->key))
        keep(stored->key, stored->snapshot);
    for (std::size_t count = plan.pieces.size(); count > 0; --count) {
        const std::uint64_t key = plan.pieces[count - 1].keyAfter;
        const SessionSnapshot* snapshot = kept(key);
        const bool allRead =
            snapshot && snapshot->consumed == static_cast<std::int64_t>(snapshot->tokens.size());
        if (snapshot && (count < plan.pieces.size() || !allRead)) {
            m_session->restore(*snapshot);
            nextPiece = count;
            return key;
        }
    }
    m_session->reset();
    nextPiece = 0;
    return kEmptyPromptKey;
}

void InferenceWorker::keep(std::uint64_t key, SessionSnapshot snapshot)
{
    m_kept.remove_if([key](const KeptState& state) { return state.key == key; });
    m_kept.push_front({key, std::move(snapshot)});
    std::size_t total = 0;
    for (auto state = m_kept.begin(); state != m_kept.end();) {
        total += bytesOf(state->snapshot);
        state = total > kKeptStateBytes && state != m_kept.begin() ? m_kept.erase(state) : std::next(state);
    }
}

const SessionSnapshot* InferenceWorker::kept(std::uint64_t key)
{
    for (auto state = m_kept.begin(); state != m_kept.end(); ++state) {
        if (state->key == key) {
            m_kept.splice(m_kept.begin(), m_kept, state);
            return &m_kept.front().snapshot;
        }
    }
    return nullptr;
}

} // namespace mmfree::gui
