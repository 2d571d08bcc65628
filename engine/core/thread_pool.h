// Fork-join pool for compute loops. Workers spin for some microseconds after a job, then sleep, so that a
// decode step pays microseconds per fork while an idle program uses no processor. One pool belongs to one
// calling thread at a time; it is passed in, never global.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace mmfree
{

class ThreadPool
{
public:
    // `threads` counts the caller too; 0 means one per available core (respecting CPU affinity).
    explicit ThreadPool(int threads = 0);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    [[nodiscard]] int threadCount() const { return m_threads; }

    // Calls body(begin, end) over a fixed partition of [0, count) into at most threadCount() contiguous
    // ranges whose bounds are multiples of `grain` (except the end). Blocks until all are done. `body` must
    // not throw. Results must not depend on the partition: reduce over fixed blocks, never over "this
    // thread's range".
    template <class Body>
    void parallelFor(std::int64_t count, std::int64_t grain, Body&& body)
    {
        using Plain = std::remove_reference_t<Body>;
        run(
            count, grain,
            [](void* context, std::int64_t begin, std::int64_t end) {
                (*static_cast<Plain*>(context))(begin, end);
            },
            const_cast<void*>(static_cast<const void*>(&body)));
    }

private:
    using RangeFunction = void (*)(void* context, std::int64_t begin, std::int64_t end);
    void run(std::int64_t count, std::int64_t grain, RangeFunction function, void* context);

    struct Shared;
    int m_threads = 1;
    std::unique_ptr<Shared> m_shared;
};

// Cores this process may run on.
[[nodiscard]] int availableCores();

} // namespace mmfree
