#include "engine/server/http_connection.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include <sys/socket.h>

namespace mmfree::server
{

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace
{

constexpr std::size_t kWriteBytes = 64u << 10; // sent under one time limit
constexpr std::size_t kMostDiscarded = 8u << 20;
constexpr std::chrono::seconds kLingerTime{2};

std::string reasonOf(int status)
{
    const auto reason = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)));
    return {reason.data(), reason.size()};
}

std::string toString(beast::string_view text)
{
    return {text.data(), text.size()};
}

std::string chunkOf(const std::string& part)
{
    std::array<char, 24> length{};
    std::snprintf(length.data(), length.size(), "%zx\r\n", part.size());
    return length.data() + part + "\r\n";
}

} // namespace

HttpConnection::HttpConnection(tcp::socket socket, ConnectionContext& context)
    : m_stream(std::move(socket))
    , m_context(context)
    , m_buffer(context.limits.headerBytes + kWriteBytes)
{
}

HttpConnection::~HttpConnection() = default;

void HttpConnection::start()
{
    ErrorCode ignored;
    m_stream.socket().set_option(tcp::no_delay(true), ignored);
    // What the system takes from us counts as read; without a bound it takes megabytes for a client that is
    // stuck.
    m_stream.socket().set_option(tcp::socket::send_buffer_size(kWriteBytes), ignored);
    readHeader();
}

void HttpConnection::refuseForLoad()
{
    m_refusing = true;
    HttpResponse response;
    response.status = 503;
    response.headers.emplace_back("Retry-After", "1");
    response.body = m_context.handlers.errorBody(503, "the server has as many connections as it allows");
    refuse(std::move(response));
}

void HttpConnection::readHeader()
{
    if (!m_context.listening) {
        close();
        return;
    }
    m_parser.emplace();
    m_parser->header_limit(static_cast<std::uint32_t>(m_context.limits.headerBytes));
    m_parser->body_limit(m_context.limits.bodyBytes);
    m_stream.expires_after(m_context.limits.headerTime);
    http::async_read_header(
        m_stream, m_buffer, *m_parser,
        [self = shared_from_this()](ErrorCode error, std::size_t) { self->onHeader(error); });
}

void HttpConnection::onHeader(ErrorCode error)
{
    if (m_closed)
        return;
    if (error) {
        failReading(error);
        return;
    }
    const HttpRequest request = takeRequest();
    m_headOnly = request.method == "HEAD";
    if (std::optional<HttpResponse> refusal = m_context.handlers.refuse(request)) {
        refuse(std::move(*refusal));
        return;
    }
    if (!beast::iequals(m_parser->get()[http::field::expect], "100-continue")) {
        readBody();
        return;
    }
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    m_stream.expires_after(m_context.limits.unreadTime);
    asio::async_write(m_stream, asio::buffer(kContinue),
                      [self = shared_from_this()](ErrorCode problem, std::size_t) {
                          if (problem)
                              self->close();
                          else
                              self->readBody();
                      });
}

void HttpConnection::readBody()
{
    m_stream.expires_after(m_context.limits.bodyTime);
    http::async_read(m_stream, m_buffer, *m_parser,
                     [self = shared_from_this()](ErrorCode error, std::size_t) { self->onRequest(error); });
}

// Fields of the headers; the body too once it is there.
HttpRequest HttpConnection::takeRequest()
{
    const auto& message = m_parser->get();
    HttpRequest request;
    request.method = toString(message.method_string());
    const std::string target = toString(message.target());
    request.path = target.substr(0, target.find('?'));
    request.host = toString(message[http::field::host]);
    request.origin = toString(message[http::field::origin]);
    request.authorization = toString(message[http::field::authorization]);
    request.contentType = toString(message[http::field::content_type]);
    return request;
}

void HttpConnection::onRequest(ErrorCode error)
{
    if (m_closed)
        return;
    if (error) {
        failReading(error);
        return;
    }
    HttpRequest request = takeRequest();
    request.body = std::move(m_parser->get().body());
    m_keepAlive = m_parser->get().keep_alive();
    m_chunked = m_parser->get().version() >= 11;
    m_parser.reset();
    m_stream.expires_never();
    m_complete = false;
    m_gone = nullptr;
    m_drained = nullptr;
    setBusy(true);
    watchForEnd();
    m_context.handlers.handle(std::move(request), shared_from_this());
}

void HttpConnection::failReading(ErrorCode error)
{
    // Time-outs, ends and resets are the client's way to go; only what is wrong with a request gets an
    // answer.
    static const auto& httpErrors = http::make_error_code(http::error::end_of_stream).category();
    const bool gone = error.category() != httpErrors || error == http::error::end_of_stream ||
                      error == http::error::partial_message;
    if (gone) {
        close();
        return;
    }
    HttpResponse response;
    std::string message = "the request is not HTTP/1.1: " + error.message();
    response.status = 400;
    if (error == http::error::body_limit) {
        response.status = 413;
        message =
            "the body is too large, needed: at most " + std::to_string(m_context.limits.bodyBytes) + " bytes";
    } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
        response.status = 431;
        message = "the headers are too large, needed: at most " +
                  std::to_string(m_context.limits.headerBytes) + " bytes";
    }
    response.body = m_context.handlers.errorBody(response.status, message);
    refuse(std::move(response));
}

// While an answer is on its way nothing is read from the client, so its end is seen by looking at the socket.
void HttpConnection::watchForEnd()
{
    if (m_buffer.size() > 0)
        return; // it sent another request already: then only a failing write tells
    m_stream.socket().async_wait(tcp::socket::wait_read, [self = shared_from_this()](ErrorCode error) {
        if (error || !self->m_busy || self->m_closed)
            return;
        char byte = 0;
        const ssize_t count =
            ::recv(self->m_stream.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
            self->close();
        else if (count < 0)
            self->watchForEnd();
    });
}

void HttpConnection::respond(HttpResponse response)
{
    m_unsentBytes += response.body.size();
    asio::post(m_stream.get_executor(), [self = shared_from_this(), answer = std::move(response)]() mutable {
        self->m_unsentBytes -= answer.body.size();
        if (self->m_closed || !self->m_busy)
            return;
        self->m_complete = true;
        self->sendHead(answer, false);
    });
}

void HttpConnection::beginStream(HttpResponse head)
{
    m_unsentBytes += head.body.size();
    asio::post(m_stream.get_executor(), [self = shared_from_this(), answer = std::move(head)]() mutable {
        self->m_unsentBytes -= answer.body.size();
        if (self->m_closed || !self->m_busy)
            return;
        if (!self->m_chunked)
            self->m_keepAlive = false; // the end of the connection is the end of the answer
        self->sendHead(answer, true);
    });
}

void HttpConnection::write(std::string part)
{
    if (part.empty())
        return;
    m_unsentBytes += part.size();
    asio::post(m_stream.get_executor(), [self = shared_from_this(), bytes = std::move(part)]() mutable {
        self->m_unsentBytes -= bytes.size();
        if (!self->m_closed && self->m_busy)
            self->queue(self->m_chunked ? chunkOf(bytes) : std::move(bytes));
    });
}

void HttpConnection::finishStream()
{
    asio::post(m_stream.get_executor(), [self = shared_from_this()] {
        if (self->m_closed || !self->m_busy)
            return;
        self->m_complete = true;
        if (self->m_chunked)
            self->queue("0\r\n\r\n");
        else if (!self->m_sending)
            self->answerDone();
    });
}

bool HttpConnection::congested() const
{
    return m_unsentBytes >= m_context.limits.unreadBytes;
}

void HttpConnection::sendHead(HttpResponse& response, bool streamed)
{
    m_keepAlive = m_keepAlive && m_context.listening;
    std::string head =
        "HTTP/1.1 " + std::to_string(response.status) + " " + reasonOf(response.status) + "\r\n";
    head += "Server: mmfree\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
    if (!response.contentType.empty())
        head += "Content-Type: " + response.contentType + "\r\n";
    for (const auto& [name, value] : response.headers)
        head.append(name).append(": ").append(value).append("\r\n");
    head += m_keepAlive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
    if (!streamed)
        head += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
    else if (m_chunked)
        head += "Transfer-Encoding: chunked\r\n";
    head += "\r\n";
    if (streamed && !response.body.empty())
        head += m_chunked ? chunkOf(response.body) : response.body;
    else if (!streamed && !m_headOnly)
        head += response.body;
    queue(std::move(head));
}

void HttpConnection::queue(std::string bytes)
{
    m_unsentBytes += bytes.size();
    m_unsent.push_back(std::move(bytes));
    sendNext();
}

void HttpConnection::sendNext()
{
    if (m_sending || m_closed || m_unsent.empty())
        return;
    m_sending = true;
    const std::string& front = m_unsent.front();
    const std::size_t count = std::min(front.size() - m_sentOfFront, kWriteBytes);
    m_stream.expires_after(m_context.limits.unreadTime);
    asio::async_write(
        m_stream, asio::buffer(front.data() + m_sentOfFront, count),
        [self = shared_from_this()](ErrorCode error, std::size_t bytes) { self->onSent(error, bytes); });
}

void HttpConnection::onSent(ErrorCode error, std::size_t bytes)
{
    m_sending = false;
    if (m_closed)
        return;
    if (error) {
        close();
        return;
    }
    m_stream.expires_never();
    const bool wasCongested = congested();
    m_unsentBytes -= bytes;
    m_sentOfFront += bytes;
    if (m_sentOfFront == m_unsent.front().size()) {
        m_unsent.pop_front();
        m_sentOfFront = 0;
    }
    if (wasCongested && !congested() && m_drained)
        m_drained();
    if (!m_unsent.empty())
        sendNext();
    else if (m_complete)
        answerDone();
}

void HttpConnection::answerDone()
{
    setBusy(false);
    m_gone = nullptr;
    m_drained = nullptr;
    if (m_refusing || !m_keepAlive) {
        lingerAndClose();
        return;
    }
    // The watch of the socket must not outlive the answer: the next request would look like an event to it.
    ErrorCode ignored;
    m_stream.socket().cancel(ignored);
    readHeader();
}

void HttpConnection::refuse(HttpResponse response)
{
    m_refusing = true;
    m_keepAlive = false;
    m_complete = true;
    m_parser.reset();
    sendHead(response, false);
}

// Closing with unread bytes of the client resets the connection, and it may never see the answer. So read on,
// for a short while.
void HttpConnection::lingerAndClose()
{
    ErrorCode ignored;
    m_stream.socket().cancel(ignored);
    m_stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    m_buffer.consume(m_buffer.size());
    m_stream.expires_after(kLingerTime);
    discard();
}

void HttpConnection::discard()
{
    m_stream.async_read_some(m_buffer.prepare(kWriteBytes / 2),
                             [self = shared_from_this()](ErrorCode error, std::size_t bytes) {
                                 self->m_discarded += bytes;
                                 if (error || self->m_discarded > kMostDiscarded)
                                     self->close();
                                 else if (!self->m_closed)
                                     self->discard();
                             });
}

void HttpConnection::setBusy(bool busy)
{
    if (m_busy != busy)
        m_context.busyChanged(busy ? 1 : -1);
    m_busy = busy;
}

void HttpConnection::closeIfIdle()
{
    if (!m_busy && !m_refusing)
        close();
}

void HttpConnection::close()
{
    if (m_closed)
        return;
    m_closed = true;
    const auto self = shared_from_this();
    const std::function<void()> gone = std::exchange(m_gone, nullptr);
    m_drained = nullptr;
    ErrorCode ignored;
    m_stream.socket().close(ignored);
    m_stream.cancel();
    if (gone)
        gone();
    setBusy(false);
    m_context.closed(this);
}

} // namespace mmfree::server
