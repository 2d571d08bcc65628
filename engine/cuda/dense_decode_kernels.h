// One token through the dense Transformer: matrix-vector products over bf16 weights with the norm before them
// fused in, and attention over the cache cut into parts that run at once. Position and token are read from
// device memory, so that a captured graph serves every token. Host wrappers; asynchronous on `stream`.
#pragma once

#include "engine/cuda/dense_kernels.h"
#include "engine/network/operators.h"

namespace mmfree::cuda
{

// What a graph's kernels read: written before every launch.
struct DecodeStep {
    std::int32_t token = 0;
    std::int32_t position = 0;
};

// x = table[step->token], [width] f32
void launchDecodeEmbed(const DecodeStep* step, const __nv_bfloat16* table, std::int64_t width, float* x,
                       cudaStream_t stream);

// y = weights times RMSNorm(x; norm) (norm null: x itself).
struct MatVecArguments {
    const float* x = nullptr;    // [cols]
    const float* norm = nullptr; // [cols] or null
    float eps = 1e-6f;
    const __nv_bfloat16* weights = nullptr; // [rows, cols padded]
    std::int64_t rows = 0, cols = 0;
    float* out = nullptr; // [rows]; SwiGlu: [rows / 2]
};
enum class MatVecMode {
    Store,  // out  = y
    Add,    // out += y
    SwiGlu, // out  = silu(first half of y) * second half
};
void launchMatVec(const MatVecArguments& arguments, MatVecMode mode, int multiprocessors,
                  cudaStream_t stream);

// Attention of one new token; its rotated key and its value are written into the cache first.
inline constexpr int kAttentionParts = 32;
struct DecodeAttentionArguments {
    const DecodeStep* step = nullptr;
    const float* queryKeyValue = nullptr;             // [d + 2 key/value width] before rotation
    __nv_bfloat16 *keys = nullptr, *values = nullptr; // [capacity, stride]
    std::int64_t stride = 0;
    const float2* rotary = nullptr; // [capacity, headSize / 2]
    AttentionShape shape;
    float* partial = nullptr; // [heads, kAttentionParts, headSize + 2]
    float* out = nullptr;     // [d]
};
void launchDecodeAttention(const DecodeAttentionArguments& arguments, cudaStream_t stream);

// Softmax rows of `length` queries at positions 0 ..: weights [length, heads, length], zeros after the
// diagonal. For probes: clear, not fast. queries, keys: rows of `stride`.
void launchAttentionWeights(const __nv_bfloat16* queries, const __nv_bfloat16* keys, std::int64_t queryStride,
                            std::int64_t keyStride, std::int64_t length, const AttentionShape& shape,
                            float* weights, cudaStream_t stream);
// out [tokens, width] = values of rows of `stride`
void launchHalfToFloat(const __nv_bfloat16* x, std::int64_t tokens, std::int64_t width, std::int64_t stride,
                       float* out, cudaStream_t stream);
// out [rows, cols padded] bf16 from a matrix in any float type.
void launchToHalf(const void* source, DType type, std::int64_t rows, std::int64_t cols, __nv_bfloat16* out,
                  cudaStream_t stream);
// out [tokens, width] f32 = table[tokens], rows of the table padded.
void launchEmbedHalf(const TokenId* tokens, std::int64_t count, const __nv_bfloat16* table,
                     std::int64_t width, float* out, cudaStream_t stream);

} // namespace mmfree::cuda
