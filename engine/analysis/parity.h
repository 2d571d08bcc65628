// How far one backend's numbers are from another's, layer by layer and token by token.
#pragma once

#include "engine/analysis/compare_types.h"

#include <span>
#include <vector>

namespace mmfree
{

// What a model computed for some tokens: outputs of its layers [layers, tokens, width] and logits
// [tokens, vocabulary].
struct LayerTrace {
    std::int64_t layers = 0, tokens = 0, width = 0, vocabulary = 0;
    std::vector<float> values, logits;
};

// Relative errors above this count as a difference: rounding flips of int8 activations stay below.
inline constexpr double kParityTolerance = 1e-2;

// Error of a row: |x - y| / |y| (L2); 0 when both are zero. Both traces have the same sizes, else the result
// says why nothing was compared. Values that are not finite count as an infinite error.
[[nodiscard]] ParityResult compareTraces(const LayerTrace& trace, const LayerTrace& baseline,
                                         double tolerance = kParityTolerance);

} // namespace mmfree
