// What the two training networks share: the flat parameter arrays seen through the layout, and the chunked
// head that never holds all logits.
#pragma once

#include "engine/core/error.h"
#include "engine/network/inference_executor.h"
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

// Number of positions with a target, at least 1. Throws InvalidArgument for a batch of other sizes than it
// says, without targets, or with ids outside the vocabulary.
[[nodiscard]] inline std::int64_t checkTrainingBatch(const TokenBatch& batch, std::int64_t vocabulary)
{
    const auto size = static_cast<std::size_t>(batch.batch * batch.length);
    if (size == 0 || batch.inputs.size() != size || batch.targets.size() != size) {
        throw Error(ErrorCode::InvalidArgument,
                    "a training batch holds " + std::to_string(batch.inputs.size()) + " inputs and " +
                        std::to_string(batch.targets.size()) +
                        " targets, needed: batch x length = " + std::to_string(size) + " of each");
    }
    checkTokenIds(batch.inputs, vocabulary);
    std::int64_t targets = 0;
    for (const TokenId target : batch.targets) {
        if (target < 0)
            continue;
        checkTokenIds(std::span(&target, 1), vocabulary);
        ++targets;
    }
    if (targets == 0)
        throw Error(ErrorCode::InvalidArgument,
                    "a training batch has 0 positions with a target, needed: at least 1");
    return targets;
}

// A norm's parameter and gradient.
struct NormParameter {
    const float* value = nullptr;
    float* gradient = nullptr;
};

} // namespace mmfree
