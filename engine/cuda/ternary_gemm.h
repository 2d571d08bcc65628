// What the two kernels of the ternary product share: their arguments and how a thread stores its results.
// Included by ternary_gemm.cu and ternary_gemm_sm90.cu only; callers use launchTernaryGemm() of
// prefill_kernels.h.
#pragma once

#include "engine/cuda/decode_device.cuh"
#include "engine/cuda/prefill_kernels.h"

namespace mmfree::cuda
{

struct GemmGeometry {
    const unsigned char* packed;
    std::int64_t virtualQuads; // quads of output rows; for SwiGlu gate and up quads alternate
    int steps, matrices, which;
    const std::int8_t* values; // [tokens, stride]
    std::int64_t stride;
    const float* inverseScales;
    const std::int32_t* codeSums;
    const float* scale;
    std::int64_t tokens, rows;
    float* out; // [tokens, rows]
};

// Products that run in one launch, of equal shape.
inline constexpr int kMaxBatch = 3;
struct GemmBatch {
    GemmGeometry products[kMaxBatch];
    int count;
};

// Same contract as launchTernaryGemm(); for compute capability 9.0 only.
void launchTernaryGemmSm90(const GemmBatch& batch, GemmOutput mode, cudaStream_t stream);

// Stores one thread's two rows of a 16-row tile whose first quad is `quad`: rows group and group + 8, or gate
// and up. Adding goes through the L2 without waiting for the old value; each element has one adder, so the
// sum is exact in order.
template <GemmOutput kMode>
__device__ __forceinline__ void storePair(const GemmGeometry& g, float* out, std::int64_t quad, int group,
                                          float low, float high)
{
    if constexpr (kMode == GemmOutput::SwiGlu) {
        const std::int64_t row = quad * 2 + group;
        if (row < g.rows)
            out[row] = silu(low) * high;
    } else {
        const std::int64_t row = quad * 4 + group;
        if (row < g.rows) {
            if constexpr (kMode == GemmOutput::Add)
                atomicAdd(out + row, low);
            else
                out[row] = low;
        }
        if (row + 8 < g.rows) {
            if constexpr (kMode == GemmOutput::Add)
                atomicAdd(out + row + 8, high);
            else
                out[row + 8] = high;
        }
    }
}

// A tile's factor (weight scale / activation scale) and code sum per token, in shared memory: read between
// stores, global memory would be waited for each time. kTokens <= the block's threads. The caller
// synchronises.
template <int kTokens>
struct TokenFactors {
    float factor[kTokens];
    int codeSum[kTokens];

    __device__ void load(const GemmGeometry& g, std::int64_t firstToken)
    {
        const std::int64_t token = firstToken + threadIdx.x;
        if (threadIdx.x < kTokens && token < g.tokens) {
            factor[threadIdx.x] = *g.scale * g.inverseScales[token];
            codeSum[threadIdx.x] = g.codeSums[token];
        }
    }
};

} // namespace mmfree::cuda
