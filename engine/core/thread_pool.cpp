// Fork-join over mailboxes: each worker has one counter on its own cache line; the caller raises the counters
// of the workers that take part, does its own share and waits until the others have counted down. Waiting is
// a bounded spin (only when every thread can have a core), then a futex sleep through std::atomic::wait.
#include "engine/core/thread_pool.h"

#include "engine/core/error.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <sched.h>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace mmfree
{

namespace
{

constexpr std::size_t kCacheLine = 64;
constexpr int kMaxThreads = 1024;
constexpr std::chrono::microseconds kSpinTime{40}; // a decode step has gaps of 1-20 us between forks

// Set while this thread executes a body: nested calls run inline.
thread_local bool insideBody = false;

inline void pauseProcessor()
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield" ::: "memory");
#endif
}

// Returns once `value` differs from `old`, or after the spin time.
template <class T>
void spinWhileEqual(const std::atomic<T>& value, T old)
{
    const auto deadline = std::chrono::steady_clock::now() + kSpinTime;
    do {
        for (int i = 0; i < 32; ++i) {
            if (value.load(std::memory_order_acquire) != old)
                return;
            pauseProcessor();
        }
    } while (std::chrono::steady_clock::now() < deadline);
}

} // namespace

struct ThreadPool::Shared {
    struct alignas(kCacheLine) Mailbox {
        std::atomic<std::uint32_t> ticket{0}; // raised once per job for this worker, and to stop
    };

    // The job: written by the caller before it raises tickets, read by workers that hold one.
    RangeFunction function = nullptr;
    void* context = nullptr;
    std::int64_t count = 0, grain = 1, blocks = 0;
    int parts = 0;
    bool stop = false;

    alignas(kCacheLine) std::atomic<std::int32_t> unfinished{0}; // workers still in the job
    bool spin = false;
    std::vector<Mailbox> mailboxes; // one per worker
    std::vector<std::thread> workers;

    explicit Shared(int workerCount)
        : mailboxes(static_cast<std::size_t>(workerCount))
    {
    }

    ~Shared()
    {
        stop = true;
        for (std::size_t i = 0; i < workers.size(); ++i)
            post(i);
        for (std::thread& worker : workers)
            worker.join();
    }

    void post(std::size_t worker)
    {
        mailboxes[worker].ticket.fetch_add(1, std::memory_order_release);
        mailboxes[worker].ticket.notify_one();
    }

    void runPart(int part) const
    {
        const std::int64_t begin = blocks * part / parts * grain;
        const std::int64_t end = std::min(count, blocks * (part + 1) / parts * grain);
        insideBody = true;
        function(context, begin, end);
        insideBody = false;
    }

    void workerLoop(std::size_t index)
    {
        std::atomic<std::uint32_t>& ticket = mailboxes[index].ticket;
        for (std::uint32_t seen = 0;; ++seen) {
            if (spin)
                spinWhileEqual(ticket, seen);
            ticket.wait(seen, std::memory_order_acquire);
            if (stop)
                return;
            runPart(static_cast<int>(index) + 1);
            if (unfinished.fetch_sub(1, std::memory_order_acq_rel) == 1)
                unfinished.notify_one();
        }
    }
};

ThreadPool::ThreadPool(int threads)
{
    if (threads < 0 || threads > kMaxThreads) {
        throw Error(ErrorCode::InvalidArgument, "threads is " + std::to_string(threads) +
                                                    ", needed: 0 (all cores) to " +
                                                    std::to_string(kMaxThreads));
    }
    const int cores = availableCores();
    m_threads = threads ? threads : std::min(cores, kMaxThreads);
    m_shared = std::make_unique<Shared>(m_threads - 1);
    m_shared->spin = m_threads <= cores;
    try {
        for (int i = 0; i < m_threads - 1; ++i)
            m_shared->workers.emplace_back(&Shared::workerLoop, m_shared.get(), static_cast<std::size_t>(i));
    } catch (const std::system_error& error) {
        throw Error(ErrorCode::Unavailable,
                    "cannot start " + std::to_string(m_threads) + " threads: " + error.what());
    }
}

ThreadPool::~ThreadPool() = default;

void ThreadPool::run(std::int64_t count, std::int64_t grain, RangeFunction function, void* context)
{
    assert(grain > 0);
    if (count <= 0)
        return;
    const std::int64_t blocks = (count - 1) / grain + 1;
    const int parts = static_cast<int>(std::min<std::int64_t>(m_threads, blocks));
    if (parts == 1 || insideBody) {
        function(context, 0, count);
        return;
    }
    Shared& shared = *m_shared;
    shared.function = function;
    shared.context = context;
    shared.count = count;
    shared.grain = grain;
    shared.blocks = blocks;
    shared.parts = parts;
    shared.unfinished.store(parts - 1, std::memory_order_relaxed);
    for (int worker = 0; worker < parts - 1; ++worker)
        shared.post(static_cast<std::size_t>(worker));
    shared.runPart(0);
    for (;;) {
        const std::int32_t left = shared.unfinished.load(std::memory_order_acquire);
        if (left == 0)
            return;
        if (shared.spin)
            spinWhileEqual(shared.unfinished, left);
        shared.unfinished.wait(left, std::memory_order_acquire);
    }
}

int availableCores()
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        return std::max(1, CPU_COUNT(&set));
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

} // namespace mmfree
