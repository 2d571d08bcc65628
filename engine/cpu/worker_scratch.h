// Workspaces for the bodies of one parallel loop: reserve() before the loop, take() once in each body.
#pragma once

#include "engine/core/aligned_buffer.h"

#include <atomic>
#include <cassert>
#include <cstddef>
#include <vector>

namespace mmfree::cpu
{

class WorkerScratch
{
public:
    explicit WorkerScratch(int workers)
        : m_buffers(static_cast<std::size_t>(workers))
    {
    }
    // Every body of the next loop gets at least `bytes`. Grows, never shrinks.
    void reserve(std::size_t bytes)
    {
        m_next.store(0, std::memory_order_relaxed);
        for (AlignedBuffer<std::byte>& buffer : m_buffers) {
            if (buffer.size() < bytes)
                buffer = AlignedBuffer<std::byte>(bytes);
        }
    }
    template <class T>
    [[nodiscard]] T* take()
    {
        const std::size_t index = m_next.fetch_add(1, std::memory_order_relaxed);
        assert(index < m_buffers.size());
        return reinterpret_cast<T*>(m_buffers[index].data());
    }

private:
    std::vector<AlignedBuffer<std::byte>> m_buffers; // one per worker
    std::atomic<std::size_t> m_next{0};
};

} // namespace mmfree::cpu
