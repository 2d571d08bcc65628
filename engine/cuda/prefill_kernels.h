// Kernels over many tokens at once, used to read prompts and by the operators: quantisers, the ternary
// product on tensor cores, gates with scan. Host wrappers; every launch is asynchronous on `stream`. T =
// tokens, all float arrays f32 row-major.
#pragma once

#include "engine/core/types.h"
#include "engine/cuda/packed_layout.h"

#include <cuda_runtime_api.h>

#include <cstdint>
#include <span>

namespace mmfree::cuda
{

// int8 activations of T tokens: value = q / s. Rows are padded with zeros to `stride`, a multiple of 512.
struct QuantizedView {
    std::int8_t* values = nullptr;    // [T, stride]
    float* inverseScales = nullptr;   // [T] 1 / s
    std::int32_t* codeSums = nullptr; // [T] sum of q over the row: at most 2^7 * 2^24, exact in i32
    std::int64_t stride = 0;
};

// out[t] = table[tokens[t]], [T, width]; `type` is the table's.
void launchEmbed(const TokenId* tokens, std::int64_t count, const void* table, DType type, std::int64_t width,
                 float* out, cudaStream_t stream);

// For each of `count` (1 or 3) inner norms: q_i = quantise(RMSNorm(RMSNorm(x; outer); inner_i)), given
// product_i = outer * inner_i; outer null: only the inner norm, product_i is its weight. x [T, width].
struct QuantizeArguments {
    const float* x = nullptr;
    const float* outer = nullptr;
    const float* product[3] = {};
    QuantizedView out[3];
    int count = 1;
    std::int64_t tokens = 0, width = 0;
    float eps = 1e-6f; // of the outer norms; BitLinear has its own, kBitLinearEps
};
void launchNormQuantize(const QuantizeArguments& arguments, cudaStream_t stream);

// q = quantise(RMSNorm(RMSNorm(gate; gateWeight) * silu(hidden); inner)); gate, hidden [T, width].
void launchGateNormQuantize(const float* gate, const float* gateWeight, const float* hidden,
                            const float* inner, const QuantizedView& out, std::int64_t tokens,
                            std::int64_t width, float eps, cudaStream_t stream);

// f = lower + (1 - lower) sigmoid(forgetPre), c = silu(candidatePre) (1 - f), h_t = f_t h_{t-1} + c_t for
// each of `batch` sequences of `length` tokens. lower null: 0. state [batch, width] in and out; hidden [batch
// * length, width]; forget and candidate are written when not null.
struct ScanArguments {
    const float* forgetPre = nullptr;
    const float* candidatePre = nullptr;
    const float* lower = nullptr;
    float* state = nullptr;
    float* hidden = nullptr;
    float* forget = nullptr;
    float* candidate = nullptr;
    std::int64_t batch = 1, length = 0, width = 0;
};
void launchGatesAndScan(const ScanArguments& arguments, cudaStream_t stream);

enum class GemmOutput {
    Store,  // out[t, row]  = product
    Add,    // out[t, row] += product
    SwiGlu, // two interleaved matrices: out[t, row] = silu(product of the first) * product of the second
};

// out[t, row] from sum_col ternary[row, col] * q[t, col], exact in i32, times *scale / s[t]. out [T,
// shape.rows].
struct TernaryGemmArguments {
    const void* packed = nullptr; // shape.bytes()
    PackedShape shape;
    int which = 0; // matrix of the interleaved ones; ignored for SwiGlu
    QuantizedView input;
    const float* scale = nullptr; // device
    std::int64_t tokens = 0;
    float* out = nullptr;
    GemmOutput mode = GemmOutput::Store;
};
void launchTernaryGemm(const TernaryGemmArguments& arguments, cudaStream_t stream);
// Up to three products of equal shape, tokens and mode at once: their tiles fill the device better together.
void launchTernaryGemms(std::span<const TernaryGemmArguments> products, cudaStream_t stream);

} // namespace mmfree::cuda
