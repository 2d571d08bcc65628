#include "app/cli/interrupt.h"

#include "engine/core/error.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

namespace mmfree::cli
{

namespace
{

constexpr std::array<int, 3> kSignals{SIGINT, SIGTERM, SIGHUP};

// A signal handler can reach only static storage and may only call write() and the like; a thread does the
// rest.
volatile std::sig_atomic_t g_wakeDescriptor = -1;

void onSignal(int signalNumber)
{
    // The next signal of this kind ends the process, whatever the work is doing.
    std::signal(signalNumber, SIG_DFL);
    const int savedError = errno;
    const char message = 's';
    [[maybe_unused]] const ssize_t written = write(g_wakeDescriptor, &message, 1);
    errno = savedError;
}

} // namespace

struct InterruptScope::Implementation {
    std::stop_source source;
    std::array<int, 2> pipe{-1, -1};
    std::array<struct sigaction, kSignals.size()> previous{};
    std::thread watcher;

    void watch()
    {
        char message = 0;
        while (true) {
            const ssize_t count = read(pipe[0], &message, 1);
            if (count < 0 && errno == EINTR)
                continue;
            if (count != 1 || message == 'q')
                return;
            source.request_stop();
        }
    }
};

InterruptScope::InterruptScope()
    : m_implementation(std::make_unique<Implementation>())
{
    if (pipe2(m_implementation->pipe.data(), O_CLOEXEC) != 0)
        throw Error(ErrorCode::Io, "cannot make a pipe for Ctrl+C: too many open files");
    g_wakeDescriptor = m_implementation->pipe[1];
    m_implementation->watcher = std::thread([this] { m_implementation->watch(); });
    struct sigaction action {
    };
    action.sa_handler = onSignal;
    action.sa_flags = SA_RESTART; // reads and writes in progress go on
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
        sigaction(kSignals[i], nullptr, &m_implementation->previous[i]);
        if (m_implementation->previous[i].sa_handler != SIG_IGN) // nohup and background jobs stay as they are
            sigaction(kSignals[i], &action, nullptr);
    }
}

InterruptScope::~InterruptScope()
{
    for (std::size_t i = 0; i < kSignals.size(); ++i)
        sigaction(kSignals[i], &m_implementation->previous[i], nullptr);
    const char message = 'q';
    [[maybe_unused]] const ssize_t written = write(m_implementation->pipe[1], &message, 1);
    m_implementation->watcher.join();
    g_wakeDescriptor = -1;
    close(m_implementation->pipe[0]);
    close(m_implementation->pipe[1]);
}

std::stop_token InterruptScope::token() const
{
    return m_implementation->source.get_token();
}
bool InterruptScope::interrupted() const
{
    return m_implementation->source.stop_requested();
}

} // namespace mmfree::cli
