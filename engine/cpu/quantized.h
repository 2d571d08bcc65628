// Per-token int8 activations in field order (kernel_table.h), with what the products need beside them.
#pragma once

#include "engine/core/aligned_buffer.h"

#include <cstdint>

namespace mmfree::cpu
{

struct Quantized {
    // Room for `tokens` rows (rounded up to whole tiles of 32) of up to `width` columns.
    Quantized(std::int64_t tokens, std::int64_t width);

    // Bytes between rows of `width` columns: past the last column at least 64 zero bytes follow, and the
    // distance is an odd multiple of 64 so that rows do not fall on the same cache sets.
    [[nodiscard]] static std::int64_t strideOf(std::int64_t width);

    std::int64_t capacity = 0, largestWidth = 0;
    std::int64_t width = 0, stride = 0; // of what is stored now
    AlignedBuffer<std::int8_t> values;  // [capacity, stride]
    AlignedBuffer<float> scales;        // [capacity] s: value = q / s
    AlignedBuffer<std::int32_t> sums;   // [capacity] sum of a row
    AlignedBuffer<float> factors;       // [capacity] workspace of a product: weight scale / s
    AlignedBuffer<std::int8_t> tiles;   // workspace of a blocked product, made when first needed
};

} // namespace mmfree::cpu
