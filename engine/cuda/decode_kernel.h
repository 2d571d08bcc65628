// One token through the whole MatMul-free model in one persistent kernel. Host side view: the argument block,
// the memory a launch needs, and the launch. What the kernel does and why is told in decode_kernel.cu.
#pragma once

#include "engine/core/types.h"
#include "engine/cuda/packed_layout.h"

#include <cuda_runtime_api.h>

#include <cstdint>

namespace mmfree::cuda
{

// f32 vectors of one layer, one behind another, each padded with zeros to a multiple of 4 ("d4", "i4"
// floats). A product is the weight of a norm times that of the BitLinear's own norm behind it, exact enough
// in f32 and half the reading.
enum class LayerVector {
    AttentionNorm,
    ForgetProduct,
    CandidateProduct,
    GateProduct,
    OutputGateNorm,
    OutputNorm,
    LowerBound,
    ChannelNorm,
    GluProduct,
    DownNorm
};
inline constexpr int kHiddenVectors = 9; // all but DownNorm have d4 floats
enum class LayerScale { Forget, Candidate, Gate, Output, Glu, Down };
inline constexpr int kLayerScales = 6;

// Phases of a layer; each ends with an exchange of one vector between all blocks.
enum class Phase { Mixer, MixerOutput, Glu, GluOutput, Head };
inline constexpr int kLayerPhases = 4;

struct DecodeShape {
    int hidden = 0, intermediate = 0, vocabulary = 0, layers = 0;
    float eps = 1e-6f; // of the outer norms; BitLinear has its own, kBitLinearEps

    [[nodiscard]] std::int64_t hidden4() const { return ceilDivide(hidden, 4) * 4; }
    [[nodiscard]] std::int64_t intermediate4() const { return ceilDivide(intermediate, 4) * 4; }
    [[nodiscard]] std::int64_t layerVectorFloats() const
    {
        return kHiddenVectors * hidden4() + intermediate4();
    }
    [[nodiscard]] PackedShape packed(Phase phase) const;
    [[nodiscard]] std::int64_t layerBlocks() const; // 512-byte blocks of one layer, phases in order
    [[nodiscard]] std::int64_t
    phaseFirstBlock(Phase phase) const; // within a layer; Head: within its own matrix, 0
    // Exchanged vectors, one per phase, and the records of their statistics for `blocks` thread blocks.
    [[nodiscard]] std::int64_t exchangeFloats(int blocks) const;
    [[nodiscard]] int records(Phase phase,
                              int blocks) const; // per thread block: one per warp with owned channels
};

struct DecodeArguments {
    const uint4* weights = nullptr; // [layers, layerBlocks] blocks, then the head's
    const float* vectors =
        nullptr; // [layers, layerVectorFloats], then final norm, head product, zeros [2], each d4
    const float* scales = nullptr;   // [layers, 6], then the head's
    const void* embedding = nullptr; // [V, d] in embeddingType
    DType embeddingType = DType::F32;
    TokenId token = 0;
    float* state = nullptr;    // [layers, d] in and out
    float* exchange = nullptr; // exchangeFloats(), zero before the first launch
    // Tags of the first layer's exchanges, 1 at first. Every launch uses each exchange once a layer, and the
    // residual between layers once more for the embedding: an odd number of uses turns the tag for the next
    // launch.
    unsigned firstTag = 1, firstResidualTag = 1;
    float* logits = nullptr;     // [V] device or mapped host memory; null: the head is left out
    unsigned* failure = nullptr; // device word, 0; becomes 1 when a block waited in vain
};

// How a launch of this shape uses the device; depends only on shape and device.
struct DecodePlan {
    int blocks = 0;  // one per multiprocessor
    int threads = 0; // of a block
    const void* kernel = nullptr;
    std::size_t sharedBytes = 0;
};

// Throws Unavailable when the device cannot run the kernel on this shape (shared memory, cooperative launch).
[[nodiscard]] DecodePlan planDecode(const DecodeShape& shape, int device);
void launchDecode(const DecodePlan& plan, const DecodeShape& shape, const DecodeArguments& arguments,
                  cudaStream_t stream);

} // namespace mmfree::cuda
