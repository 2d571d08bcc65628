#include "engine/core/child_process.h"

#include "engine/core/error.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace mmfree
{

namespace
{

constexpr std::uint64_t kLargestText = 1u << 28, kLargestPayload = std::uint64_t{1} << 34;

[[noreturn]] void throwIo(const std::string& what)
{
    throw Error(ErrorCode::Io, what + ": " + std::strerror(errno));
}

void sendAll(int descriptor, const void* data, std::size_t bytes)
{
    const char* at = static_cast<const char*>(data);
    while (bytes > 0) {
        const ssize_t sent = ::send(descriptor, at, bytes, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            throwIo("the other process does not take messages any more");
        at += sent;
        bytes -= static_cast<std::size_t>(sent);
    }
}

} // namespace

void MessageChannel::send(const Message& message)
{
    const std::array<std::uint64_t, 2> sizes{message.text.size(), message.payload.size()};
    std::string head(reinterpret_cast<const char*>(sizes.data()), sizeof(sizes));
    head += message.text;
    sendAll(m_descriptor, head.data(), head.size());
    sendAll(m_descriptor, message.payload.data(), message.payload.size());
}

bool MessageChannel::readExactly(void* target, std::size_t bytes, bool mayEnd, const std::stop_token& stop)
{
    char* at = static_cast<char*>(target);
    const std::size_t wanted = bytes;
    while (bytes > 0) {
        if (stop.stop_requested())
            return false;
        if (stop.stop_possible()) {
            pollfd waiting{.fd = m_descriptor, .events = POLLIN, .revents = 0};
            if (poll(&waiting, 1, 20) == 0)
                continue;
        }
        const ssize_t got = ::read(m_descriptor, at, bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            throwIo("the other process cannot be heard any more");
        if (got == 0 && mayEnd && bytes == wanted)
            return false;
        if (got == 0)
            throw Error(ErrorCode::Io, "the other process ended in the middle of a message");
        at += got;
        bytes -= static_cast<std::size_t>(got);
    }
    return true;
}

bool MessageChannel::receive(Message& message, const std::stop_token& stop)
{
    std::array<std::uint64_t, 2> sizes{};
    if (!readExactly(sizes.data(), sizeof(sizes), true, stop))
        return false;
    if (sizes[0] > kLargestText || sizes[1] > kLargestPayload) {
        throw Error(ErrorCode::InvalidFile,
                    "a message of " + std::to_string(sizes[0]) + " and " + std::to_string(sizes[1]) +
                        " bytes arrived, needed: at most " + std::to_string(kLargestText) + " and " +
                        std::to_string(kLargestPayload));
    }
    message.text.resize(sizes[0]);
    message.payload.resize(sizes[1]);
    return readExactly(message.text.data(), sizes[0], false, stop) &&
           readExactly(message.payload.data(), sizes[1], false, stop);
}

ChildProcess::ChildProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments)
{
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throwIo("no connection to " + program.string() + " could be made");
    std::vector<std::string> words{program.string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& word : words)
        pointers.push_back(word.data());
    pointers.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // A group of its own: Ctrl+C reaches the parent, which ends the child.
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    pid_t id = -1;
    const int failure = posix_spawn(&id, words[0].c_str(), &actions, &attributes, pointers.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (failure != 0) {
        close(ends[0]);
        errno = failure;
        throwIo(program.string() + " could not be started");
    }
    m_descriptor = ends[0];
    m_id = id;
    m_channel = MessageChannel(m_descriptor);
}

ChildProcess::~ChildProcess()
{
    if (m_id > 0)
        (void)finish(true);
}

void ChildProcess::kill() noexcept
{
    if (m_id > 0)
        ::kill(static_cast<pid_t>(m_id), SIGKILL);
}

std::string ChildProcess::finish(bool force) noexcept
{
    if (m_id <= 0)
        return {};
    if (force)
        kill();
    close(m_descriptor); // a child that waits for its next message sees the end
    int status = 0;
    pid_t waited = -1;
    do {
        waited = waitpid(static_cast<pid_t>(m_id), &status, 0);
    } while (waited < 0 && errno == EINTR);
    m_id = -1;
    if (waited < 0)
        return "unknown end";
    if (WIFSIGNALED(status))
        return "signal " + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) + ")";
    return "exit code " + std::to_string(WEXITSTATUS(status));
}

} // namespace mmfree
