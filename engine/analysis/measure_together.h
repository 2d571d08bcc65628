// Threads that work at the same time, and how much they did a second. For the machine's limits: bandwidth and
// arithmetic.
#pragma once

#include <algorithm>
#include <barrier>
#include <chrono>
#include <thread>
#include <vector>

namespace mmfree
{

// `work(thread)` returns what it did (bytes, operations). The time is from the first thread's start to the
// last one's end, taken by the threads themselves: on a busy machine whoever waits for them is told late.
template <class Work>
[[nodiscard]] double measureTogether(int threads, const Work& work)
{
    using Clock = std::chrono::steady_clock;
    struct Part {
        Clock::time_point start, end;
        double done = 0.0;
    };
    std::vector<Part> parts(static_cast<std::size_t>(threads));
    std::barrier ready(threads);
    std::vector<std::jthread> workers;
    for (int thread = 0; thread < threads; ++thread) {
        workers.emplace_back([&, thread] {
            Part& part = parts[static_cast<std::size_t>(thread)];
            ready.arrive_and_wait();
            part.start = Clock::now();
            part.done = work(thread);
            part.end = Clock::now();
        });
    }
    workers.clear(); // joins
    Clock::time_point start = parts.front().start, end = parts.front().end;
    double done = 0.0;
    for (const Part& part : parts) {
        start = std::min(start, part.start);
        end = std::max(end, part.end);
        done += part.done;
    }
    return done / std::chrono::duration<double>(end - start).count();
}

} // namespace mmfree
