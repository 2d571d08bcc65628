// Another program of ours run as a child, spoken to over one socket with framed messages. Used where work
// needs a process of its own: true memory numbers, a crash that takes nothing along, an end that comes at
// once. The socket is the child's standard input; its standard output goes to standard error, so that a
// library that prints cannot disturb the frames.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

namespace mmfree
{

struct Message {
    std::string text;               // JSON, by agreement of both ends
    std::vector<std::byte> payload; // binary data that belongs to it
};

// One end of the connection. Sending and receiving may happen on two threads; neither from two at once.
class MessageChannel
{
public:
    explicit MessageChannel(int descriptor) // borrowed
        : m_descriptor(descriptor)
    {
    }
    // Throws Io when the other end is gone.
    void send(const Message& message);
    // Waits for a whole message. False at the other end's orderly end, and when `stop` was requested, which
    // is looked at every 20 ms. Throws Io for a broken connection and InvalidFile for a frame that is none.
    [[nodiscard]] bool receive(Message& message, const std::stop_token& stop = {});

private:
    [[nodiscard]] bool readExactly(void* target, std::size_t bytes, bool mayEnd, const std::stop_token& stop);
    int m_descriptor;
};

class ChildProcess
{
public:
    // Throws Io naming the program when it cannot be started.
    ChildProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments);
    ~ChildProcess(); // ends the child if it still runs
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    [[nodiscard]] MessageChannel& channel() { return m_channel; }
    [[nodiscard]] std::int64_t id() const { return m_id; }
    void kill() noexcept;
    // Waits for the end and says how it came: "exit code 3", "signal 9 (Killed)". Kills first when `force`.
    [[nodiscard]] std::string finish(bool force) noexcept;

private:
    int m_descriptor = -1;
    std::int64_t m_id = -1;
    MessageChannel m_channel{-1};
};

} // namespace mmfree
