// What the two training networks share: the flat parameter arrays seen through the layout, and the chunked
// head that never holds all logits.
#pragma once

#include "engine/core/error.h"
#include "engine/network/inference_executor.h"
#include "engine/network/operators.h"
#include "engine/runtime/backend.h"

#include <algorithm>
#include <string>
#include <vector>

namespace mmfree
{

inline constexpr std::int64_t kHeadChunk = 512; // tokens whose logits exist at the same time

// A norm's parameter and gradient.
struct NormParameter {
    const float* value = nullptr;
    float* gradient = nullptr;
};

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
    [[nodiscard]] NormParameter norm(const std::string& name) const { return {value(name), gradient(name)}; }
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

// Forward through all layers from m_saved[0].input: with `backward` every layer writes into the input its
// successor saves, without it all share one. forwardLayer(n, saved, output).
template <class O, class Saved, class ForwardLayer>
void forwardLayers(O& ops, const ModelConfig& config, std::int64_t tokens, bool backward,
                   std::vector<Saved>& saved, float* last, const ForwardLayer& forwardLayer)
{
    for (std::int64_t n = 0; n < config.layerCount; ++n) {
        const bool kept = backward && n + 1 < config.layerCount;
        forwardLayer(n, saved[backward ? n : 0], kept ? saved[n + 1].input.data() : last);
        if (!backward && n + 1 < config.layerCount)
            ops.copy(last, saved[0].input.data(), static_cast<std::size_t>(tokens * config.hiddenSize));
    }
}

// Workspaces of chunkedHead: x and dX [tokens, d]; normed and dNormed [tokens, d]; logits [kHeadChunk, V].
struct HeadArrays {
    const float* x = nullptr;
    float *normed = nullptr, *logits = nullptr, *dNormed = nullptr, *dX = nullptr;
};

// Final norm, head and cross entropy in chunks of tokens: the sum of the losses; with `backward`, dX =
// gradient of x. project(normed, count, logits); projectBackward(normed, dLogits, count, dNormed) writes
// dNormed.
template <class O, class Project, class ProjectBackward>
double chunkedHead(O& ops, const ModelConfig& config, const DeviceBatch& batch, bool backward,
                   const NormParameter& norm, const HeadArrays& at, const Project& project,
                   const ProjectBackward& projectBackward)
{
    const std::int64_t d = config.hiddenSize;
    const auto gradientScale = static_cast<float>(1.0 / static_cast<double>(batch.targetCount));
    if (backward)
        ops.setZero(at.dX, static_cast<std::size_t>(batch.tokens() * d));
    double loss = 0.0;
    for (std::int64_t row = 0; row < batch.tokens(); row += kHeadChunk) {
        const std::int64_t count = std::min(kHeadChunk, batch.tokens() - row);
        const float* x = at.x + row * d;
        ops.rmsNorm(x, norm.value, config.rmsNormEps, count, d, at.normed);
        project(at.normed, count, at.logits);
        loss += ops.crossEntropy(at.logits, batch.targets + row, count, config.vocabularySize, gradientScale,
                                 backward ? at.logits : nullptr);
        if (!backward)
            continue;
        projectBackward(at.normed, at.logits, count, at.dNormed);
        ops.rmsNormBackward(x, norm.value, config.rmsNormEps, at.dNormed, count, d, at.dX + row * d,
                            norm.gradient);
    }
    return loss;
}

} // namespace mmfree
