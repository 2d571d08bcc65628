#include "engine/server/http_server.h"

#include "engine/core/error.h"
#include "engine/server/http_connection.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace mmfree::server
{

namespace asio = boost::asio;
using asio::ip::tcp;

namespace
{

constexpr int kBeyondLimit = 64; // connections that are being told that there are too many
constexpr std::chrono::milliseconds kAcceptPause{100};

tcp::endpoint endpointFor(const std::string& host, std::uint16_t port)
{
    boost::system::error_code error;
    const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
    if (error)
        throw Error(ErrorCode::InvalidArgument,
                    "host is \"" + host + "\", needed: an IP address of this machine or localhost");
    return {address, port};
}

} // namespace

struct HttpServer::Implementation {
    asio::io_context io{1};
    tcp::acceptor acceptor{io};
    asio::steady_timer pause{io};
    ConnectionContext context;
    std::unordered_map<HttpConnection*, std::weak_ptr<HttpConnection>> connections; // of the thread
    std::uint16_t port = 0;
    mutable std::mutex mutex;
    std::condition_variable quiet;
    int connectionCount = 0, busyCount = 0; // guarded by mutex
    std::thread thread;

    void accept()
    {
        acceptor.async_accept([this](boost::system::error_code error, tcp::socket socket) {
            if (!acceptor.is_open())
                return;
            if (error) { // out of file descriptors, most likely
                pause.expires_after(kAcceptPause);
                pause.async_wait([this](boost::system::error_code) {
                    if (acceptor.is_open())
                        accept();
                });
                return;
            }
            admit(std::move(socket));
            accept();
        });
    }

    void admit(tcp::socket socket)
    {
        const auto most = static_cast<std::size_t>(context.limits.connections);
        if (connections.size() >= most + kBeyondLimit)
            return; // the socket closes
        const bool tooMany = connections.size() >= most;
        const auto connection = std::make_shared<HttpConnection>(std::move(socket), context);
        connections.emplace(connection.get(), connection);
        countConnections();
        if (tooMany)
            connection->refuseForLoad();
        else
            connection->start();
    }

    void countConnections()
    {
        const std::lock_guard lock(mutex);
        connectionCount = static_cast<int>(connections.size());
    }

    template <class Function>
    void forEachConnection(Function function)
    {
        std::vector<std::shared_ptr<HttpConnection>> all;
        for (const auto& [key, connection] : connections)
            all.push_back(connection.lock());
        for (const auto& connection : all) {
            if (connection)
                function(*connection);
        }
    }
};

HttpServer::HttpServer(const std::string& host, std::uint16_t port, HttpLimits limits, HttpHandlers handlers)
    : m_implementation(std::make_unique<Implementation>())
{
    Implementation& my = *m_implementation;
    my.context.limits = limits;
    my.context.handlers = std::move(handlers);
    my.context.closed = [&my](HttpConnection* connection) {
        my.connections.erase(connection);
        my.countConnections();
    };
    my.context.busyChanged = [&my](int change) {
        {
            const std::lock_guard lock(my.mutex);
            my.busyCount += change;
        }
        my.quiet.notify_all();
    };
    const tcp::endpoint endpoint = endpointFor(host, port);
    try {
        my.acceptor.open(endpoint.protocol());
        my.acceptor.set_option(tcp::acceptor::reuse_address(true));
        my.acceptor.bind(endpoint);
        my.acceptor.listen();
        my.port = my.acceptor.local_endpoint().port();
    } catch (const boost::system::system_error& error) {
        throw Error(ErrorCode::Io, "cannot listen on " + host + ":" + std::to_string(port) + ": " +
                                       error.code().message() + ", needed: a free port of this machine");
    }
    my.accept();
    my.thread = std::thread([&my] { my.io.run(); });
}

HttpServer::~HttpServer()
{
    stop();
}

std::uint16_t HttpServer::port() const
{
    return m_implementation->port;
}

int HttpServer::connections() const
{
    const std::lock_guard lock(m_implementation->mutex);
    return m_implementation->connectionCount;
}

int HttpServer::busy() const
{
    const std::lock_guard lock(m_implementation->mutex);
    return m_implementation->busyCount;
}

void HttpServer::stopListening()
{
    Implementation& my = *m_implementation;
    asio::post(my.io, [&my] {
        boost::system::error_code ignored;
        my.acceptor.close(ignored);
        my.pause.cancel();
        my.context.listening = false;
        my.forEachConnection([](HttpConnection& connection) { connection.closeIfIdle(); });
    });
}

bool HttpServer::waitUntilQuiet(std::chrono::milliseconds longest)
{
    Implementation& my = *m_implementation;
    std::unique_lock lock(my.mutex);
    return my.quiet.wait_for(lock, longest, [&my] { return my.busyCount == 0; });
}

void HttpServer::stop()
{
    Implementation& my = *m_implementation;
    if (!my.thread.joinable())
        return;
    stopListening();
    asio::post(my.io,
               [&my] { my.forEachConnection([](HttpConnection& connection) { connection.close(); }); });
    my.thread.join(); // no connection and no acceptor is left to keep it running
}

} // namespace mmfree::server
