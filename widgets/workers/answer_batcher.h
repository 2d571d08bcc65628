// Collects the tokens of a running answer into batches for the window: text, token chunks, checkpoints. Used
// by the inference worker on its thread.
#pragma once

#include "widgets/models/token_trace.h"
#include "widgets/workers/inference_types.h"

#include <QElapsedTimer>

#include <functional>

namespace mmfree::gui
{

class AnswerBatcher
{
public:
    // `session` is the one that writes; it and `info` outlive this.
    AnswerBatcher(JobId job, Session& session, const ModelInfo& info,
                  std::function<void(const GenerationProgress&)> send);

    void setPromptState(std::shared_ptr<const StateRecord> state); // goes out with the first batch
    void add(const GeneratedToken& token);
    void flush();

private:
    void takeCheckpoint();

    std::function<void(const GenerationProgress&)> m_send;
    Session& m_session;
    const ModelInfo& m_info;
    GenerationProgress m_progress;
    std::string m_pending;
    TokenTrace m_trace;
    std::int64_t m_checkpointEvery = kCheckpointTokens; // 0: none are taken
    std::int64_t m_sinceCheckpoint = 0;
    std::size_t m_checkpointBytes = 0;
    QElapsedTimer m_sinceStart, m_sinceFirst, m_sinceBatch;
};

} // namespace mmfree::gui
