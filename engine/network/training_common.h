// What the two training networks share: the flat parameter arrays seen through the layout, and the chunked
// head that never holds all logits.
#pragma once

#include "engine/network/operators.h"
#include "engine/runtime/backend.h"

#include <algorithm>
#include <string>

namespace mmfree
{

inline constexpr std::int64_t kHeadChunk = 512; // tokens whose logits exist at the same time

// Parameters and their gradients in the operators' memory, both in ParameterLayout order.
struct ParameterArrays {
    const ParameterLayout* layout = nullptr;
    const float* values = nullptr;
    float* gradients = nullptr;

    [[nodiscard]] const float* value(const std::string& name) const
    {
        return values + layout->slot(name).offset;
    }
    [[nodiscard]] float* gradient(const std::string& name) const
    {
        return gradients + layout->slot(name).offset;
    }
};

// One micro-batch in the operators' memory.
struct DeviceBatch {
    const TokenId* inputs = nullptr;  // [tokens()]
    const TokenId* targets = nullptr; // [tokens()], -1: no loss
    std::int64_t batch = 0, length = 0;
    std::int64_t targetCount = 0; // targets >= 0, at least 1
    [[nodiscard]] std::int64_t tokens() const { return batch * length; }
};

// A norm's parameter and gradient.
struct NormParameter {
    const float* value = nullptr;
    float* gradient = nullptr;
};

} // namespace mmfree
