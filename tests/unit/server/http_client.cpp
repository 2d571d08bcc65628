#include "tests/unit/server/http_client.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace mmfree::test
{

namespace
{

constexpr int kTimeLimitSeconds = 60;

// The body of a chunked answer that starts at `at`; npos as the end: not complete.
std::size_t joinChunks(const std::string& bytes, std::size_t at, std::string& body)
{
    while (true) {
        const std::size_t lineEnd = bytes.find("\r\n", at);
        if (lineEnd == std::string::npos)
            return std::string::npos;
        const std::size_t size = std::strtoul(bytes.c_str() + at, nullptr, 16);
        const std::size_t begin = lineEnd + 2;
        if (bytes.size() < begin + size + 2)
            return std::string::npos;
        body.append(bytes, begin, size);
        at = begin + size + 2;
        if (size == 0)
            return at;
    }
}

} // namespace

HttpClient::HttpClient(std::uint16_t port, int receiveBufferBytes)
    : m_socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    if (receiveBufferBytes > 0)
        setsockopt(m_socket, SOL_SOCKET, SO_RCVBUF, &receiveBufferBytes, sizeof receiveBufferBytes);
    const timeval limit{kTimeLimitSeconds, 0};
    setsockopt(m_socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(m_socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(m_socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ::close(m_socket);
        m_socket = -1;
    }
}

HttpClient::~HttpClient()
{
    if (m_socket >= 0)
        ::close(m_socket);
}

bool HttpClient::send(const std::string& bytes)
{
    for (std::size_t sent = 0; sent < bytes.size();) {
        const ssize_t count = ::send(m_socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (count <= 0)
            return false;
        sent += static_cast<std::size_t>(count);
    }
    return true;
}

bool HttpClient::readMore()
{
    std::array<char, 16384> buffer{};
    const ssize_t count = ::recv(m_socket, buffer.data(), buffer.size(), 0);
    if (count <= 0)
        return false;
    m_received.append(buffer.data(), static_cast<std::size_t>(count));
    return true;
}

bool HttpClient::waitFor(const std::string& text)
{
    while (m_received.find(text) == std::string::npos) {
        if (!readMore())
            return false;
    }
    return true;
}

bool HttpClient::waitForClose()
{
    errno = 0;
    while (readMore())
        m_received.clear();
    return errno != EAGAIN;
}

HttpAnswer HttpClient::answer()
{
    HttpAnswer result;
    if (!waitFor("\r\n\r\n"))
        return result;
    const std::size_t headEnd = m_received.find("\r\n\r\n") + 4;
    result.status = std::atoi(m_received.c_str() + std::string("HTTP/1.1 ").size());
    for (std::size_t at = m_received.find("\r\n") + 2; at < headEnd - 2;) {
        const std::size_t lineEnd = m_received.find("\r\n", at);
        std::string name = m_received.substr(at, m_received.find(':', at) - at);
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return std::tolower(c); });
        const std::size_t value = at + name.size() + 2;
        result.headers[name] = m_received.substr(value, lineEnd - value);
        at = lineEnd + 2;
    }
    std::size_t end = std::string::npos;
    if (result.status < 200 || result.status == 204) {
        end = headEnd;
    } else if (result.headers.contains("transfer-encoding")) {
        while ((end = joinChunks(m_received, headEnd, result.body)) == std::string::npos) {
            result.body.clear();
            if (!readMore()) {
                (void)joinChunks(m_received, headEnd, result.body);
                break;
            }
        }
    } else if (result.headers.contains("content-length")) {
        const std::size_t length = std::strtoul(result.headers["content-length"].c_str(), nullptr, 10);
        while (m_received.size() < headEnd + length && readMore()) {
        }
        result.body = m_received.substr(headEnd, length);
        if (result.body.size() == length)
            end = headEnd + length;
    } else {
        while (readMore()) {
        }
        result.body = m_received.substr(headEnd);
        end = m_received.size();
    }
    result.complete = end != std::string::npos;
    m_received.erase(0, end);
    return result;
}

void HttpClient::finishSending()
{
    ::shutdown(m_socket, SHUT_WR);
}

void HttpClient::reset()
{
    const linger now{1, 0};
    setsockopt(m_socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(m_socket);
    m_socket = -1;
}

std::string request(const std::string& method, const std::string& path, const std::string& body,
                    const std::string& moreHeaders)
{
    std::string text = method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" + moreHeaders;
    if (!body.empty())
        text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + body;
}

HttpAnswer ask(std::uint16_t port, const std::string& path, const std::string& jsonBody)
{
    HttpClient client(port);
    client.send(request("POST", path, jsonBody));
    return client.answer();
}

HttpAnswer get(std::uint16_t port, const std::string& path)
{
    HttpClient client(port);
    client.send(request("GET", path));
    return client.answer();
}

std::vector<std::string> eventsOf(const std::string& body)
{
    std::vector<std::string> events;
    for (std::size_t at = body.find("data: "); at != std::string::npos; at = body.find("data: ", at)) {
        const std::size_t begin = at + 6;
        at = body.find("\n\n", begin);
        if (at == std::string::npos)
            break;
        events.push_back(body.substr(begin, at - begin));
    }
    return events;
}

} // namespace mmfree::test
