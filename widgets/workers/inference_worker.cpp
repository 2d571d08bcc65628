#include "widgets/workers/inference_worker.h"

#include "widgets/workers/prompt_plan.h"

#include <algorithm>
#include <functional>

namespace mmfree::gui
{

namespace
{

constexpr std::size_t kKeptStateBytes = 256u << 20; // states of earlier messages held in memory
constexpr qsizetype kStoredStateBytes = 4 << 20;    // a larger state is read again instead of stored
constexpr qint64 kBatchMilliseconds = 40;           // text reaches the window at most 25 times a second

std::size_t bytesOf(const SessionSnapshot& snapshot)
{
    return snapshot.state.values.size() * sizeof(float) + snapshot.tokens.size() * sizeof(TokenId);
}

// Collects tokens into batches and sends them on.
class TextBatcher
{
public:
    TextBatcher(JobId job, std::function<void(const GenerationProgress&)> send)
        : m_send(std::move(send))
    {
        m_progress.job = job;
        m_sinceStart.start();
        m_sinceBatch.start();
    }

    void add(const GeneratedToken& token)
    {
        if (m_progress.tokens == 0) {
            m_progress.timeToFirstTokenSeconds = static_cast<double>(m_sinceStart.nsecsElapsed()) * 1e-9;
            m_sinceFirst.start();
        }
        m_pending += token.text;
        ++m_progress.tokens;
        if (m_progress.tokens == 1 || m_sinceBatch.elapsed() >= kBatchMilliseconds)
            flush();
    }

    void flush()
    {
        m_progress.newText = QString::fromStdString(m_pending);
        if (m_sinceFirst.isValid())
            m_progress.secondsSinceFirstToken = static_cast<double>(m_sinceFirst.nsecsElapsed()) * 1e-9;
        m_send(m_progress);
        m_pending.clear();
        m_sinceBatch.restart();
    }

private:
    std::function<void(const GenerationProgress&)> m_send;
    GenerationProgress m_progress;
    std::string m_pending;
    QElapsedTimer m_sinceStart, m_sinceFirst, m_sinceBatch;
};

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

    const PromptPlan plan = planPrompt(m_info->chatTemplate, request.turns);
    std::size_t nextPiece = 0;
    std::uint64_t key = restoreLongestPrefix(plan, request.storedState, nextPiece);
    TextBatcher batcher(request.job,
                        [this](const GenerationProgress& progress) { emit textArrived(progress); });
    for (; nextPiece < plan.pieces.size(); ++nextPiece) {
        const PromptPiece& piece = plan.pieces[nextPiece];
        m_session->appendText(piece.text, piece.parseSpecial);
        key = piece.keyAfter;
    }
    const std::int64_t alreadyRead = m_session->snapshot().consumed;
    const auto promptTokens = static_cast<std::int64_t>(m_session->tokens().size()) - alreadyRead;
    if (m_session->tokens().empty())
        throw Error(ErrorCode::InvalidText, "the message is empty, needed: some text for the model to read");
    QElapsedTimer reading;
    reading.start();
    // Leaves the last token pending, so that the state can be continued: logits are not part of a snapshot.
    m_session->prefill(request.stop, [this, &request](std::int64_t done, std::int64_t total) {
        emit readingProgressed(request.job, done, total);
    });
    const double readingSeconds = static_cast<double>(reading.nsecsElapsed()) * 1e-9;
    keep(key, m_session->snapshot()); // regenerating starts here again

    GenerateOptions options = request.options;
    for (const std::string& stop : m_info->chatTemplate.stopStrings)
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
    outcome.memory = m_session->memoryUse();
    outcome.sequenceTokens = static_cast<qint64>(m_session->tokens().size());
    SessionSnapshot after = m_session->snapshot();
    if (dropEndToken(result, options.stopStrings, *m_info->tokenizer, after)) {
        const std::uint64_t keyAfter = extendKey(key, result.text);
        outcome.storedState = serializeState({m_info->fingerprint, keyAfter, after});
        if (outcome.storedState.size() > kStoredStateBytes)
            outcome.storedState.clear();
        keep(keyAfter, std::move(after));
    }
    return outcome;
}

std::uint64_t InferenceWorker::restoreLongestPrefix(const PromptPlan& plan, const QByteArray& stored,
                                                    std::size_t& nextPiece)
{
    if (std::optional<StoredState> state = parseState(stored)) {
        const bool fits = state->fingerprint == m_info->fingerprint;
        if (fits && !kept(state->key))
            keep(state->key, std::move(state->snapshot));
    }
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
