// The JSON that clients of the OpenAI interface read: whole answers and the chunks of streamed ones, with
// log-probabilities in the form of each endpoint.
#pragma once

#include "engine/server/answer_writer.h"
#include "engine/server/scheduler.h"

#include "engine/text/tokenizer.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mmfree::server
{

struct AnswerIdentity {
    std::string id; // "chatcmpl-..." or "cmpl-..."
    std::string model;
    std::string fingerprint;  // names program and backend; empty: left out
    std::int64_t created = 0; // seconds since 1970
};

class AnswerFormat
{
public:
    AnswerFormat(AnswerIdentity identity, bool chat, bool logprobs, bool chunkUsage,
                 std::shared_ptr<const Tokenizer> tokenizer);

    // One event of a stream, "data: {...}\n\n".
    [[nodiscard]] std::string roleEvent(int choice) const; // chat: before the first text
    [[nodiscard]] std::string deltaEvent(int choice, const Delta& delta) const;
    [[nodiscard]] std::string finishEvent(int choice, const char* reason) const;
    [[nodiscard]] std::string usageEvent(const Usage& usage) const;

    // `deltas[i]`: everything of choice i.
    [[nodiscard]] std::string whole(const std::vector<Delta>& deltas, const std::vector<std::string>& reasons,
                                    const Usage& usage) const;

private:
    AnswerIdentity m_identity;
    bool m_chat, m_logprobs, m_chunkUsage;
    std::shared_ptr<const Tokenizer> m_tokenizer;
};

} // namespace mmfree::server
