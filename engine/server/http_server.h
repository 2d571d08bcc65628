// HTTP/1.1 over TCP for a handful of local clients: one thread, every connection with limits on the size of
// headers and bodies, on the time a request may take to arrive and on the time a client may leave an answer
// unread. Knows nothing of models. Boost.Beast reads the requests; it stays behind this interface.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mmfree::server
{

struct HttpLimits {
    std::size_t headerBytes = 16u << 10;
    std::size_t bodyBytes = 1u << 20;
    int connections = 128;                // further ones are answered with 503
    std::chrono::seconds headerTime{30};  // from connection or previous answer to the end of the headers
    std::chrono::seconds bodyTime{60};    // from the end of the headers to the end of the body
    std::chrono::seconds unreadTime{30};  // for a client to read 64 KiB of an answer
    std::size_t unreadBytes = 256u << 10; // from here on an answer waits for its client
};

struct HttpRequest {
    std::string method, path; // path without query
    std::string host, origin, authorization, contentType;
    std::string body;
};

struct HttpResponse {
    int status = 200;
    std::string contentType = "application/json";
    std::vector<std::pair<std::string, std::string>> headers; // further ones
    std::string body;
};

// One request being answered. All but the two callbacks may be called from any thread.
class Exchange
{
public:
    virtual ~Exchange() = default;
    virtual void respond(HttpResponse response) = 0; // the whole answer
    // Or an answer in parts; `head.body` is its first one.
    virtual void beginStream(HttpResponse head) = 0;
    virtual void write(std::string part) = 0;
    virtual void finishStream() = 0;
    // Too much is unread; wait for the callback.
    [[nodiscard]] virtual bool congested() const = 0;

    // Before the request handler returns: what to call (on the server's thread) when the client has gone
    // before the answer was complete, and when congested() has become false.
    virtual void whenGone(std::function<void()> callback) = 0;
    virtual void whenDrained(std::function<void()> callback) = 0;
};

// Both run on the server's thread and must not block.
struct HttpHandlers {
    // After the headers, before the body is accepted: an answer that refuses the request.
    std::function<std::optional<HttpResponse>(const HttpRequest&)> refuse;
    std::function<void(HttpRequest, std::shared_ptr<Exchange>)> handle;
    std::function<std::string(int status, const std::string& message)> errorBody; // of malformed requests
};

class HttpServer
{
public:
    // Listens at once. `port` 0: any free one. Throws Io naming address and port when that is not possible.
    HttpServer(const std::string& host, std::uint16_t port, HttpLimits limits, HttpHandlers handlers);
    ~HttpServer(); // stops

    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] int connections() const;
    [[nodiscard]] int busy() const; // requests being answered
    void stopListening();           // open connections end with their present answer
    // Waits until nothing is being answered or `longest` has passed; false: something is still unfinished.
    [[nodiscard]] bool waitUntilQuiet(std::chrono::milliseconds longest);
    void stop(); // closes everything; returns when the thread has ended

private:
    struct Implementation;
    std::unique_ptr<Implementation> m_implementation;
};

} // namespace mmfree::server
