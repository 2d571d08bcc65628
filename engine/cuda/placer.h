// Cuts one device allocation into arrays: run once over the arrays with base null to count the bytes, then
// again over the allocation. One allocation means one clear answer when the device has too little memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mmfree::cuda
{

class Placer
{
public:
    explicit Placer(std::byte* base)
        : m_base(base)
    {
    }
    template <class T>
    void operator()(T*& pointer, std::int64_t count)
    {
        constexpr std::size_t kAlignment = 256;
        pointer = m_base ? reinterpret_cast<T*>(m_base + m_offset) : nullptr;
        const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
        m_offset += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    }
    [[nodiscard]] std::size_t bytes() const { return m_offset; }

private:
    std::byte* m_base;
    std::size_t m_offset = 0;
};

} // namespace mmfree::cuda
