// The neutral packed form of a ternary weight matrix, as files hold it and as backends read it before they
// repack it into their own layouts. Weight value = code - 1; real weight = (code - 1) * scale.
#pragma once

#include "engine/core/aligned_buffer.h"
#include "engine/core/types.h"

#include <cstdint>
#include <span>

namespace mmfree
{

// 2 bits a weight: weight k of a row sits in byte k / 4, bits 2 * (k % 4) .. +1; code 3 never occurs; every
// row starts on a byte boundary and its padding codes are 1 (weight 0).
struct TernaryTensor {
    std::int64_t rows = 0;               // outputs
    std::int64_t cols = 0;               // inputs
    float scale = 0.0f;                  // m = max(mean|W|, 1e-5), per tensor
    std::span<const std::uint8_t> codes; // [rows, rowBytes()]; borrowed, or the span of `storage`
    AlignedBuffer<std::uint8_t> storage; // empty when `codes` points into a mapped file

    [[nodiscard]] std::int64_t rowBytes() const { return (cols + 3) / 4; }
    [[nodiscard]] int at(std::int64_t row, std::int64_t col) const // -1, 0 or +1
    {
        return ((codes[static_cast<std::size_t>(row * rowBytes() + col / 4)] >> (2 * (col % 4))) & 3) - 1;
    }
    void unpackRow(std::int64_t row, std::span<std::int8_t> out) const; // out: [cols]
};

// BitLinear's weight quantiser on a latent [rows, cols] matrix of any float dtype, streaming, without an f32
// copy of the whole: m = max(mean|W|, 1e-5), t = clamp(round_half_even(W / m), -1, 1), arXiv:2406.02528 Eq.
// 3-4 as the public code computes it. Throws NumericFailure when W holds NaN or infinity, naming `name` and
// the position.
[[nodiscard]] TernaryTensor quantizeTernary(const TensorView& latent, const std::string& name);

// Same on f32 values already in memory: writes one code per weight, -1/0/+1, to `out`; returns the scale m.
float quantizeTernary(std::span<const float> latent, std::span<std::int8_t> out);

// Five weights a byte (base 3, first weight least significant, rows padded with 0): 1.6 bits a weight.
[[nodiscard]] std::int64_t base3RowBytes(std::int64_t cols);
void packBase3Row(std::span<const std::int8_t> weights, std::span<std::uint8_t> out);
void unpackBase3Row(std::span<const std::uint8_t> bytes,
                    std::span<std::int8_t> weights); // throws InvalidFile (byte > 242)

} // namespace mmfree
