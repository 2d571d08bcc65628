// Carries a job's results to its client: as one JSON answer or as a stream of events. Internal to
// engine/server.
#pragma once

#include "engine/server/answer_format.h"
#include "engine/server/http_server.h"
#include "engine/server/scheduler.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace mmfree::server
{

class AnswerSender final : public GenerationListener
{
public:
    using Headers = std::vector<std::pair<std::string, std::string>>;
    // `done(status, usage)`: when the last byte was handed over.
    AnswerSender(std::shared_ptr<Exchange> exchange, AnswerFormat format, const ApiRequest& request,
                 Headers headers, std::function<void(int, const Usage&)> done);

    [[nodiscard]] bool wantsMore() const override;
    void onDelta(int choice, Delta delta) override;
    void onChoiceFinished(int choice, const char* reason) override;
    void onFinished(const Usage& usage) override;
    void onFailed(const ApiError& error) override;

private:
    void send(std::string event);

    std::shared_ptr<Exchange> m_exchange;
    AnswerFormat m_format;
    const bool m_chat, m_stream, m_includeUsage;
    Headers m_headers;
    std::function<void(int, const Usage&)> m_done;
    bool m_started = false;      // of a stream
    std::vector<bool> m_begun;   // choices whose first event was sent
    std::vector<Delta> m_deltas; // everything so far, when not streamed
    std::vector<std::string> m_reasons;
};

} // namespace mmfree::server
