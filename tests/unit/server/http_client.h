// A client that may misbehave: raw bytes over a socket of this machine, with a time limit on every wait.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mmfree::test
{

struct HttpAnswer {
    int status = 0;                             // 0: none came
    std::map<std::string, std::string> headers; // names in lower case
    std::string body;                           // chunks joined
    bool complete = false;                      // as long as the headers said, or to the last chunk
};

class HttpClient
{
public:
    explicit HttpClient(std::uint16_t port, int receiveBufferBytes = 0); // 0: the system's
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    [[nodiscard]] bool connected() const { return m_socket >= 0; }
    bool send(const std::string& bytes); // false: the server has closed
    // Until `text` has come; false: the end or the time limit came first. What came stays for answer().
    bool waitFor(const std::string& text);
    [[nodiscard]] bool waitForClose(); // reads on until the server closes
    [[nodiscard]] HttpAnswer answer(); // the next one
    void finishSending();              // half-close
    void reset();                      // closes at once, as a crashed client does
    [[nodiscard]] const std::string& received() const { return m_received; }

private:
    bool readMore();
    int m_socket = -1;
    std::string m_received;
};

[[nodiscard]] std::string request(const std::string& method, const std::string& path,
                                  const std::string& body = {}, const std::string& moreHeaders = {});
// One connection, one answer.
[[nodiscard]] HttpAnswer ask(std::uint16_t port, const std::string& path, const std::string& jsonBody);
[[nodiscard]] HttpAnswer get(std::uint16_t port, const std::string& path);
// The payloads of "data: ..." events.
[[nodiscard]] std::vector<std::string> eventsOf(const std::string& body);

} // namespace mmfree::test
