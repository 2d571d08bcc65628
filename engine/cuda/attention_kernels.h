// Causal softmax attention on tensor cores, forward and backward, never holding the weights: what the dense
// Transformer uses to train and to read prompts. bf16 in and out, f32 inside. Host wrappers; asynchronous.
#pragma once

#include "engine/network/operators.h"

#include <cuda_bf16.h>
#include <cuda_runtime_api.h>

#include <cstdint>

namespace mmfree::cuda
{

inline constexpr std::int64_t kWidestHead = 128;

// Rows of one array of heads: head h of token t of sequence b starts at data + b * sequence + t * stride + h
// * headSize.
template <class T>
struct HeadRows {
    T* data = nullptr;
    std::int64_t stride = 0, sequence = 0;
};

// Queries `length` of each of `batch` sequences at positions first .. first + length - 1; keys and values of
// positions 0 .. first + length - 1. Query t sees keys 0 .. first + t.
struct AttentionArguments {
    HeadRows<const __nv_bfloat16> queries, keys, values;
    HeadRows<__nv_bfloat16> out;
    float* logSums =
        nullptr; // [batch, heads, length] log of the softmax's sum, for the backward pass; or null
    AttentionShape shape;
    std::int64_t batch = 1, length = 0, first = 0;
};
void launchAttention(const AttentionArguments& arguments, cudaStream_t stream);

// Gradients by queries, keys and values (=), first = 0. Heads that share keys are added in a fixed order.
struct AttentionGradientArguments {
    HeadRows<const __nv_bfloat16> queries, keys, values, out, dOut;
    HeadRows<__nv_bfloat16> dQueries, dKeys, dValues;
    const float* logSums = nullptr; // [batch, heads, length]
    float* alongOut = nullptr;      // [batch, heads, length] scratch: dOut . out of each row
    AttentionShape shape;
    std::int64_t batch = 1, length = 0;
};
void launchAttentionBackward(const AttentionGradientArguments& arguments, cudaStream_t stream);

} // namespace mmfree::cuda
