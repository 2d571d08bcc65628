#include "widgets/workers/answer_batcher.h"

namespace mmfree::gui
{

namespace
{

constexpr qint64 kBatchMilliseconds = 40;           // the window hears at most 25 times a second
constexpr std::size_t kCheckpointBytes = 32u << 20; // of one answer; beyond it they are taken more rarely

} // namespace

AnswerBatcher::AnswerBatcher(JobId job, Session& session, const ModelInfo& info,
                             std::function<void(const GenerationProgress&)> send)
    : m_send(std::move(send))
    , m_session(session)
    , m_info(info)
{
    m_progress.job = job;
    // A state that grows with the text (a KV cache) would cost more to keep than to compute again.
    if (info.config.architecture != Architecture::MatMulFree)
        m_checkpointEvery = 0;
    m_sinceStart.start();
    m_sinceBatch.start();
}

void AnswerBatcher::setPromptState(std::shared_ptr<const StateRecord> state)
{
    m_progress.promptState = std::move(state);
}

void AnswerBatcher::add(const GeneratedToken& token)
{
    if (m_progress.tokens == 0) {
        m_progress.timeToFirstTokenSeconds = static_cast<double>(m_sinceStart.nsecsElapsed()) * 1e-9;
        m_sinceFirst.start();
    }
    m_pending += token.text;
    ++m_progress.tokens;
    TracedToken traced;
    traced.id = token.id;
    traced.logProbability = token.logProbability;
    if (token.detail) {
        traced.entropyNats = token.detail->entropyNats;
        traced.rank = token.detail->rank;
        traced.alternatives = token.detail->alternatives;
        m_trace.tokens.push_back(std::move(traced));
    }
    if (m_checkpointEvery > 0 && ++m_sinceCheckpoint >= m_checkpointEvery)
        takeCheckpoint();
    if (m_progress.tokens == 1 || m_sinceBatch.elapsed() >= kBatchMilliseconds)
        flush();
}

void AnswerBatcher::takeCheckpoint()
{
    m_sinceCheckpoint = 0;
    SessionSnapshot snapshot = m_session.snapshot();
    m_checkpointBytes += snapshot.state.values.size() * sizeof(float);
    m_progress.checkpoints.push_back({snapshot.consumed, std::move(snapshot.state.values)});
    if (m_checkpointBytes > kCheckpointBytes) {
        m_checkpointBytes /= 2;
        m_checkpointEvery *= 2;
    }
}

void AnswerBatcher::flush()
{
    m_progress.newText = QString::fromStdString(m_pending);
    if (m_sinceFirst.isValid())
        m_progress.secondsSinceFirstToken = static_cast<double>(m_sinceFirst.nsecsElapsed()) * 1e-9;
    if (!m_trace.tokens.empty()) {
        if (m_info.tokenizer)
            namePieces(m_trace, *m_info.tokenizer);
        m_progress.tokenChunk = serializeTrace(m_trace);
        m_trace = {};
    }
    m_send(m_progress);
    m_pending.clear();
    m_progress.tokenChunk.clear();
    m_progress.promptState.reset();
    m_progress.checkpoints.clear();
    m_sinceBatch.restart();
}

} // namespace mmfree::gui
