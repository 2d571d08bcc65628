// Probes: which inner quantities a caller wants from a forward pass, declared before the call, and the
// result.
#pragma once

#include "engine/core/types.h"

#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace mmfree
{

// One row of `width` floats per token. Names follow model.md / arXiv:2406.02528 section 3.
enum class Quantity {
    BlockInput,       // x entering the layer                                  [d]
    QuantizedInput,   // int8 input q of the mixer's f projection, as floats   [d]   (MatMulFree)
    ForgetGate,       // f_t after the lower bound                             [d]   (MatMulFree)
    Candidate,        // c_t = silu(i) * (1 - f)                               [d]   (MatMulFree)
    HiddenState,      // h_t of the MLGRU                                      [d]   (MatMulFree)
    OutputGate,       // RMSNorm(g)                                            [d]   (MatMulFree)
    MixerOutput,      // what enters o_proj: gated state, or attention output  [d]
    MixerResidual,    // x after the token mixer's residual                    [d]
    GluActivation,    // silu(gate) * up                                       [I]
    BlockOutput,      // x leaving the layer                                   [d]
    AttentionWeights, // softmax rows, heads x positions so far              [heads * context]   (Transformer)
    FinalNorm,        // after the last RMSNorm; layer = layerCount            [d]
};
inline constexpr int kQuantityCount = 12;

struct ProbeRequest {
    // Pairs (layer, quantity). Empty: nothing is captured and the pass runs at full speed.
    std::vector<std::pair<std::int64_t, Quantity>> points;
    [[nodiscard]] bool empty() const { return points.empty(); }
    [[nodiscard]] bool wants(std::int64_t layer, Quantity quantity) const;
    [[nodiscard]] static ProbeRequest everyLayer(std::int64_t layerCount,
                                                 const std::vector<Quantity>& quantities);
};

struct TracedQuantity {
    std::int64_t tokens = 0, width = 0;
    std::vector<float> values; // [tokens, width] row-major
};

struct ActivationTrace {
    std::map<std::pair<std::int64_t, Quantity>, TracedQuantity> entries;
};

} // namespace mmfree
