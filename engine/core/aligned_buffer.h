// Owning array on 64-byte boundaries; arrays of 2 MiB and more ask the kernel for huge pages. Used for
// weights, activations and training arrays. Not thread-safe; contents are zero after construction.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

namespace mmfree
{

// Zeroed memory; throws Error{OutOfMemory} naming `bytes`. Free with freeAligned.
[[nodiscard]] void* allocateAligned(std::size_t bytes);
void freeAligned(void* memory, std::size_t bytes) noexcept;

// Bytes of this process in blocks that were mapped, not taken from the C allocator, at this moment: what
// mallinfo2() does not see. Whole huge pages, as the kernel backs them.
[[nodiscard]] std::size_t mappedBufferBytes();

template <class T>
class AlignedBuffer
{
    static_assert(std::is_trivially_copyable_v<T>);

public:
    AlignedBuffer() = default;
    explicit AlignedBuffer(std::size_t count)
        : m_data(count ? static_cast<T*>(allocateAligned(count * sizeof(T))) : nullptr)
        , m_size(count)
    {
    }
    AlignedBuffer(AlignedBuffer&& other) noexcept
        : m_data(std::exchange(other.m_data, nullptr))
        , m_size(std::exchange(other.m_size, 0))
    {
    }
    AlignedBuffer& operator=(AlignedBuffer&& other) noexcept
    {
        std::swap(m_data, other.m_data);
        std::swap(m_size, other.m_size);
        return *this;
    }
    AlignedBuffer(const AlignedBuffer&) = delete;
    AlignedBuffer& operator=(const AlignedBuffer&) = delete;
    ~AlignedBuffer() { freeAligned(m_data, m_size * sizeof(T)); }

    [[nodiscard]] T* data() { return m_data; }
    [[nodiscard]] const T* data() const { return m_data; }
    [[nodiscard]] std::size_t size() const { return m_size; }
    [[nodiscard]] std::size_t bytes() const { return m_size * sizeof(T); }
    [[nodiscard]] bool empty() const { return m_size == 0; }
    [[nodiscard]] T& operator[](std::size_t i) { return m_data[i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const { return m_data[i]; }
    [[nodiscard]] std::span<T> span() { return {m_data, m_size}; }
    [[nodiscard]] std::span<const T> span() const { return {m_data, m_size}; }

private:
    T* m_data = nullptr;
    std::size_t m_size = 0;
};

} // namespace mmfree
