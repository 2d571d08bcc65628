// One operator a kernel, for the vanilla training pass that the fused one is compared with. f32 arrays are
// row-major without padding, bf16 arrays have rows of paddedWidth(width) values; asynchronous on `stream`.
#pragma once

#include "engine/cuda/training_kernels.h"

namespace mmfree::cuda
{

// scales[t] = 127 / max(max |y|, 1e-5)                              y [T, width]
void launchRowScales(const float* y, std::int64_t tokens, std::int64_t width, float* scales,
                     cudaStream_t stream);
// out = clamp(round(y s), -128, 127) / s
void launchQuantizeRows(const float* y, const float* scales, std::int64_t tokens, std::int64_t width,
                        __nv_bfloat16* out, cudaStream_t stream);
// out = normed * silu(hidden)
void launchSwishGate(const float* normed, const float* hidden, std::int64_t count, float* out,
                     cudaStream_t stream);
// dNormed (bf16, for the norm's backward pass) and dHidden = gradients of that for dOut
void launchSwishGateBackward(const float* normed, const float* hidden, const float* dOut, std::int64_t tokens,
                             std::int64_t width, __nv_bfloat16* dNormed, float* dHidden, cudaStream_t stream);
// dGateUp [T, 2 width] = gradients of silu(g) * u for dOut [T, width]
void launchSwiGluBackward(const float* gateUp, const float* dOut, std::int64_t tokens, std::int64_t width,
                          __nv_bfloat16* dGateUp, cudaStream_t stream);
// out = bf16(x)
void launchFloatToHalf(const float* x, std::int64_t tokens, std::int64_t width, __nv_bfloat16* out,
                       cudaStream_t stream);

} // namespace mmfree::cuda
