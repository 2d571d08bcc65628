// Counter-based random streams (SplitMix64 finaliser over key and counter): the n-th number of stream (seed,
// stream) is the same on every machine, thread count and order of calls. Copyable; its whole state is three
// integers.
#pragma once

#include <cmath>
#include <cstdint>

namespace mmfree
{

class Random
{
public:
    explicit Random(std::uint64_t seed, std::uint64_t stream = 0, std::uint64_t position = 0)
        : m_key(mix(seed + 0x9E3779B97F4A7C15ull * (stream + 1)))
        , m_position(position)
    {
    }

    [[nodiscard]] std::uint64_t bits() { return mix(m_key ^ mix(m_position++ + 0xD1B54A32D192ED03ull)); }
    [[nodiscard]] double uniform() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; } // [0, 1)
    [[nodiscard]] std::uint64_t below(std::uint64_t bound)                                   // [0, bound)
    {
        return static_cast<std::uint64_t>((static_cast<unsigned __int128>(bits()) * bound) >> 64);
    }
    [[nodiscard]] double normal() // mean 0, variance 1 (Box-Muller, two numbers per value)
    {
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        return radius * std::cos(6.283185307179586 * uniform());
    }
    [[nodiscard]] std::uint64_t position() const { return m_position; }

private:
    static std::uint64_t mix(std::uint64_t value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ull;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EBull;
        return value ^ (value >> 31);
    }
    std::uint64_t m_key;
    std::uint64_t m_position;
};

} // namespace mmfree
