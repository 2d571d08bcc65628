// Runs independent questions on several workers, each with what it needs of its own (an executor). The
// results do not depend on how many workers there are. Internal to engine/analysis.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace mmfree
{

// Calls work(worker, index) for every index below `count`, at most once each, on `workers` threads. A stop
// request ends it between questions; the first error is thrown here. `progress` gets the share done, 0 .. 1,
// under a lock.
inline void askAll(std::size_t workers, std::size_t count, const std::stop_token& stop,
                   const std::function<void(std::size_t, std::size_t)>& work,
                   const std::function<void(double)>& progress)
{
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::exception_ptr error;
    std::size_t done = 0;
    const auto run = [&](std::size_t worker) {
        for (std::size_t index = next++; index < count && !stop.stop_requested(); index = next++) {
            try {
                work(worker, index);
            } catch (...) {
                const std::lock_guard lock(mutex);
                if (!error)
                    error = std::current_exception();
                next = count;
                return;
            }
            const std::lock_guard lock(mutex);
            ++done;
            if (progress)
                progress(static_cast<double>(done) / static_cast<double>(count));
        }
    };
    {
        std::vector<std::jthread> threads;
        for (std::size_t worker = 1; worker < workers; ++worker)
            threads.emplace_back(run, worker);
        run(0);
    }
    if (error)
        std::rethrow_exception(error);
}

} // namespace mmfree
