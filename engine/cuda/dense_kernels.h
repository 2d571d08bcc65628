// Kernels of the dense Transformer between its matrix products: norms, rotary positions, SwiGLU, bf16 copies
// of weights. Host wrappers; asynchronous on `stream`. f32 arrays are row-major without padding, bf16 arrays
// have rows of paddedWidth(width) values.
#pragma once

#include "engine/cuda/training_kernels.h"

namespace mmfree::cuda
{

// out = bf16(RMSNorm(x; weight)); copy = x when not null. x [T, width].
struct HalfNormArguments {
    const float* x = nullptr;
    const float* weight = nullptr;
    float eps = 1e-6f;
    std::int64_t tokens = 0, width = 0;
    int groups = 0; // rowGroups()
    __nv_bfloat16* out = nullptr;
    float* copy = nullptr;
    // Backward
    const __nv_bfloat16* dY = nullptr;
    float* dX = nullptr;             // += (= when !accumulate)
    __nv_bfloat16* dXHalf = nullptr; // = dX
    bool accumulate = true;
    float* partial = nullptr; // [1, groups, width]
};
void launchHalfNorm(const HalfNormArguments& arguments, cudaStream_t stream);
void launchHalfNormBackward(const HalfNormArguments& arguments, cudaStream_t stream);

// cos and sin of position * theta^(-2 i / headSize): table [positions, headSize / 2] pairs, for positions
// first .. first + positions - 1.
void launchRotaryTable(std::int64_t first, std::int64_t positions, std::int64_t headSize, float theta,
                       float2* table, cudaStream_t stream);
// Turns the first `heads` heads of every row of x [T, stride] by the angles of row t % length of the table,
// in place; backwards when `inverse`.
void launchRotaryHalf(__nv_bfloat16* x, std::int64_t tokens, std::int64_t length, std::int64_t stride,
                      std::int64_t heads, std::int64_t headSize, const float2* table, bool inverse,
                      cudaStream_t stream);

// out = silu(g) * u; gateUp [T, 2 width]: g first, then u.
void launchSwiGluHalf(const __nv_bfloat16* gateUp, std::int64_t tokens, std::int64_t width,
                      __nv_bfloat16* out, cudaStream_t stream);
// dGateUp = gradients for dOut, and out = silu(g) * u again.
void launchSwiGluHalfBackward(const __nv_bfloat16* gateUp, const __nv_bfloat16* dOut, std::int64_t tokens,
                              std::int64_t width, __nv_bfloat16* dGateUp, __nv_bfloat16* out,
                              cudaStream_t stream);

// bf16 copies of f32 matrices.
struct HalfCopy {
    const float* source = nullptr;   // [rows, cols]
    __nv_bfloat16* target = nullptr; // [rows, cols padded]
    std::int64_t rows = 0, cols = 0;
};
void launchHalfCopies(const HalfCopy* copies, int count, cudaStream_t stream); // copies: device array

} // namespace mmfree::cuda
