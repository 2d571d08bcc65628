#include "engine/server/answer_sender.h"

#include <iterator>

namespace mmfree::server
{

AnswerSender::AnswerSender(std::shared_ptr<Exchange> exchange, AnswerFormat format, const ApiRequest& request,
                           Headers headers, std::function<void(int, const Usage&)> done)
    : m_exchange(std::move(exchange))
    , m_format(std::move(format))
    , m_chat(request.chat)
    , m_stream(request.streaming.stream)
    , m_includeUsage(request.streaming.includeUsage)
    , m_headers(std::move(headers))
    , m_done(std::move(done))
{
    const std::size_t prompts = request.chat ? 1 : request.prompts.size();
    const std::size_t choices = prompts * static_cast<std::size_t>(request.choices);
    m_begun.resize(choices);
    m_deltas.resize(choices);
    m_reasons.resize(choices);
}

bool AnswerSender::wantsMore() const
{
    return !m_stream || !m_exchange->congested();
}

void AnswerSender::send(std::string event)
{
    if (m_started) {
        m_exchange->write(std::move(event));
        return;
    }
    m_started = true;
    m_exchange->beginStream({200, "text/event-stream; charset=utf-8", m_headers, std::move(event)});
}

void AnswerSender::onDelta(int choice, Delta delta)
{
    const auto index = static_cast<std::size_t>(choice);
    if (m_stream) {
        std::string events;
        if (m_chat && !m_begun[index])
            events = m_format.roleEvent(choice);
        m_begun[index] = true;
        send(events + m_format.deltaEvent(choice, delta));
        return;
    }
    Delta& whole = m_deltas[index];
    whole.text += delta.text;
    whole.tokens.insert(whole.tokens.end(), std::make_move_iterator(delta.tokens.begin()),
                        std::make_move_iterator(delta.tokens.end()));
}

void AnswerSender::onChoiceFinished(int choice, const char* reason)
{
    const auto index = static_cast<std::size_t>(choice);
    m_reasons[index] = reason;
    if (!m_stream)
        return;
    std::string events;
    if (m_chat && !m_begun[index]) // an answer without any text
        events = m_format.roleEvent(choice);
    m_begun[index] = true;
    send(events + m_format.finishEvent(choice, reason));
}

void AnswerSender::onFinished(const Usage& usage)
{
    if (m_stream) {
        send((m_includeUsage ? m_format.usageEvent(usage) : std::string()) + "data: [DONE]\n\n");
        m_exchange->finishStream();
    } else {
        m_exchange->respond({200, "application/json", m_headers, m_format.whole(m_deltas, m_reasons, usage)});
    }
    m_done(200, usage);
}

void AnswerSender::onFailed(const ApiError& error)
{
    if (m_started) { // the status is out already
        m_exchange->write("data: " + error.toJson() + "\n\n");
        m_exchange->finishStream();
    } else {
        m_exchange->respond({error.httpStatus(), "application/json", m_headers, error.toJson()});
    }
    m_done(error.httpStatus(), {});
}

} // namespace mmfree::server
