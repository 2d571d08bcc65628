// Random operands for the tests of the CPU backend, and arrays with guards around them.
#pragma once

#include "engine/core/random.h"
#include "engine/model/ternary_tensor.h"

#include <cstdint>
#include <vector>

namespace mmfree::test
{

inline std::vector<float> randomFloats(std::int64_t count, std::uint64_t seed, double deviation = 1.0)
{
    Random random(seed);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values)
        value = static_cast<float>(deviation * random.normal());
    return values;
}

inline TernaryTensor randomTernary(std::int64_t rows, std::int64_t cols, std::uint64_t seed, float scale)
{
    TernaryTensor tensor;
    tensor.rows = rows;
    tensor.cols = cols;
    tensor.scale = scale;
    tensor.storage = AlignedBuffer<std::uint8_t>(static_cast<std::size_t>(rows * tensor.rowBytes()));
    Random random(seed);
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t byte = 0; byte < tensor.rowBytes(); ++byte) {
            unsigned codes = 0;
            for (std::int64_t k = 0; k < 4; ++k) {
                const bool padding = 4 * byte + k >= cols;
                codes |= static_cast<unsigned>(padding ? 1 : random.below(3)) << (2 * k);
            }
            tensor.storage[row * tensor.rowBytes() + byte] = static_cast<std::uint8_t>(codes);
        }
    }
    tensor.codes = tensor.storage.span();
    return tensor;
}

// An array whose neighbours must not change.
class GuardedFloats
{
public:
    explicit GuardedFloats(std::int64_t count, float initial = 0.0f)
        : m_values(static_cast<std::size_t>(count) + 2 * kGuard, kMark)
    {
        for (std::int64_t i = 0; i < count; ++i)
            data()[i] = initial;
    }
    [[nodiscard]] float* data() { return m_values.data() + kGuard; }
    [[nodiscard]] std::vector<float> values() const
    {
        return {m_values.begin() + kGuard, m_values.end() - kGuard};
    }
    [[nodiscard]] bool intact() const
    {
        for (std::size_t i = 0; i < kGuard; ++i) {
            if (m_values[i] != kMark || m_values[m_values.size() - 1 - i] != kMark)
                return false;
        }
        return true;
    }

private:
    static constexpr std::size_t kGuard = 64;
    static constexpr float kMark = -12345.678f;
    std::vector<float> m_values;
};

} // namespace mmfree::test
