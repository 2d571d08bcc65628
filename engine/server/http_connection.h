// One client's connection: reads requests, hands them to the handlers, writes answers. Lives on the server's
// thread; only the functions of Exchange may be called from others. Internal to engine/server.
#pragma once

#include "engine/server/http_server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <atomic>
#include <deque>

namespace mmfree::server
{

class HttpConnection;

// What connections share. Outlives them.
struct ConnectionContext {
    HttpLimits limits;
    HttpHandlers handlers;
    std::function<void(HttpConnection*)> closed; // forget this connection
    std::function<void(int change)> busyChanged;
    bool listening = true; // false: no further request on open connections
};

class HttpConnection final : public Exchange, public std::enable_shared_from_this<HttpConnection>
{
public:
    HttpConnection(boost::asio::ip::tcp::socket socket, ConnectionContext& context);
    ~HttpConnection() override;

    void start();
    void refuseForLoad(); // answers 503 and closes
    void closeIfIdle();
    void close();

    void respond(HttpResponse response) override;
    void beginStream(HttpResponse head) override;
    void write(std::string part) override;
    void finishStream() override;
    [[nodiscard]] bool congested() const override;
    void whenGone(std::function<void()> callback) override { m_gone = std::move(callback); }
    void whenDrained(std::function<void()> callback) override { m_drained = std::move(callback); }

private:
    using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
    using ErrorCode = boost::beast::error_code;

    void readHeader();
    void onHeader(ErrorCode error);
    void readBody();
    void onRequest(ErrorCode error);
    void failReading(ErrorCode error);
    [[nodiscard]] HttpRequest takeRequest();
    void watchForEnd();
    void queue(std::string bytes);
    void sendHead(HttpResponse& response, bool streamed);
    void sendNext();
    void onSent(ErrorCode error, std::size_t bytes);
    void answerDone();
    void refuse(HttpResponse response); // then closes, whatever the client still sends
    void lingerAndClose();
    void discard();
    void setBusy(bool busy);

    boost::beast::tcp_stream m_stream;
    ConnectionContext& m_context;
    boost::beast::flat_buffer m_buffer;
    std::optional<Parser> m_parser;
    std::function<void()> m_gone, m_drained;
    std::deque<std::string> m_unsent;
    std::size_t m_sentOfFront = 0;
    std::atomic<std::size_t> m_unsentBytes = 0; // counted when a part is handed over, whatever the thread
    std::size_t m_discarded = 0;
    bool m_sending = false;
    bool m_busy = false;     // a request is being answered
    bool m_complete = false; // all of the answer is in m_unsent
    bool m_keepAlive = false;
    bool m_chunked = false;
    bool m_headOnly = false;
    bool m_refusing = false;
    bool m_closed = false;
};

} // namespace mmfree::server
