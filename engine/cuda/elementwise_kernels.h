// Unfused operators on f32 rows: what the fused kernels are tested against, and what probes and training use.
// Host wrappers; launches are asynchronous on `stream`. T = tokens, arrays row-major.
#pragma once

#include "engine/cuda/prefill_kernels.h"

namespace mmfree::cuda
{

// out = x / sqrt(mean(x^2) + eps) * weight                                    [T, width] =
void launchRmsNorm(const float* x, const float* weight, float eps, std::int64_t tokens, std::int64_t width,
                   float* out, cudaStream_t stream);
// out = RMSNorm(gate; weight) * silu(hidden)                                  [T, width] =
void launchNormAndGate(const float* gate, const float* weight, float eps, const float* hidden,
                       std::int64_t tokens, std::int64_t width, float* out, cudaStream_t stream);
// out[t, j] = silu(gate[t * stride + j]) * up[t * stride + j]                 [T, width] =
void launchSwiGlu(const float* gate, const float* up, std::int64_t stride, std::int64_t tokens,
                  std::int64_t width, float* out, cudaStream_t stream);
// q as floats                                                                 [T, width] =
void launchReadQuantized(const QuantizedView& quantized, std::int64_t tokens, std::int64_t width, float* out,
                         cudaStream_t stream);

} // namespace mmfree::cuda
