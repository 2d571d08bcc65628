// Memory-bound elementwise kernels: each reads and writes its arrays once, which is what makes the vanilla
// pass slow.
#include "engine/cuda/device_memory.h"
#include "engine/cuda/row_reduction.cuh"
#include "engine/cuda/vanilla_kernels.h"

#include <algorithm>

namespace mmfree::cuda
{

namespace
{

using bf16 = __nv_bfloat16;

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kRowThreads)
    rowScalesKernel(const float* y, std::int64_t width, float* scales)
{
    __shared__ float scratch[kRowWarps];
    const float* row = y + std::int64_t(blockIdx.x) * width;
    float largest = 0.0f;
    for (std::int64_t col = threadIdx.x; col < width; col += kRowThreads)
        largest = fmaxf(largest, fabsf(row[col]));
    largest = rowMax(largest, scratch);
    if (threadIdx.x == 0)
        scales[blockIdx.x] = 127.0f / fmaxf(largest, 1e-5f);
}

// Index arithmetic of a grid over [tokens, width]: blockIdx.x walks the columns, blockIdx.y the tokens.
__device__ __forceinline__ std::int64_t columnOf()
{
    return std::int64_t(blockIdx.x) * kThreads + threadIdx.x;
}

__global__ void quantizeRowsKernel(const float* y, const float* scales, std::int64_t tokens,
                                   std::int64_t width, std::int64_t stride, bf16* out)
{
    const std::int64_t col = columnOf();
    if (col >= width)
        return;
    for (std::int64_t row = blockIdx.y; row < tokens; row += gridDim.y) {
        const float scale = scales[row];
        const int code = min(max(quantize(y[row * width + col] * scale), -128), 127);
        out[row * stride + col] = __float2bfloat16_rn(static_cast<float>(code) / scale);
    }
}

__device__ __forceinline__ float swishDerivative(float x)
{
    const float s = sigmoid(x);
    return s * (1.0f + x * (1.0f - s));
}

__global__ void swishGateKernel(const float* normed, const float* hidden, std::int64_t count, float* out)
{
    for (std::int64_t i = columnOf(); i < count; i += std::int64_t(gridDim.x) * kThreads)
        out[i] = normed[i] * silu(hidden[i]);
}

__global__ void swishGateBackwardKernel(const float* normed, const float* hidden, const float* dOut,
                                        std::int64_t tokens, std::int64_t width, std::int64_t stride,
                                        bf16* dNormed, float* dHidden)
{
    const std::int64_t col = columnOf();
    if (col >= width)
        return;
    for (std::int64_t row = blockIdx.y; row < tokens; row += gridDim.y) {
        const std::int64_t i = row * width + col;
        dNormed[row * stride + col] = __float2bfloat16_rn(dOut[i] * silu(hidden[i]));
        dHidden[i] = dOut[i] * normed[i] * swishDerivative(hidden[i]);
    }
}

__global__ void swiGluBackwardKernel(const float* gateUp, const float* dOut, std::int64_t tokens,
                                     std::int64_t width, std::int64_t stride, bf16* dGateUp)
{
    const std::int64_t col = columnOf();
    if (col >= width)
        return;
    for (std::int64_t row = blockIdx.y; row < tokens; row += gridDim.y) {
        const float g = gateUp[row * 2 * width + col], u = gateUp[row * 2 * width + width + col];
        const float gradient = dOut[row * width + col];
        dGateUp[row * stride + col] = __float2bfloat16_rn(gradient * u * swishDerivative(g));
        dGateUp[row * stride + width + col] = __float2bfloat16_rn(gradient * silu(g));
    }
}

__global__ void floatToHalfKernel(const float* x, std::int64_t tokens, std::int64_t width,
                                  std::int64_t stride, bf16* out)
{
    const std::int64_t col = columnOf();
    if (col >= width)
        return;
    for (std::int64_t row = blockIdx.y; row < tokens; row += gridDim.y)
        out[row * stride + col] = __float2bfloat16_rn(x[row * width + col]);
}

dim3 gridOver(std::int64_t tokens, std::int64_t width)
{
    return dim3(static_cast<unsigned>(ceilDivide(width, kThreads)),
                static_cast<unsigned>(std::min<std::int64_t>(tokens, 65535)));
}

} // namespace

void launchRowScales(const float* y, std::int64_t tokens, std::int64_t width, float* scales,
                     cudaStream_t stream)
{
    rowScalesKernel<<<static_cast<unsigned>(tokens), kRowThreads, 0, stream>>>(y, width, scales);
    checkCuda(cudaGetLastError());
}

void launchQuantizeRows(const float* y, const float* scales, std::int64_t tokens, std::int64_t width,
                        bf16* out, cudaStream_t stream)
{
    quantizeRowsKernel<<<gridOver(tokens, width), kThreads, 0, stream>>>(y, scales, tokens, width,
                                                                         paddedWidth(width), out);
    checkCuda(cudaGetLastError());
}

void launchSwishGate(const float* normed, const float* hidden, std::int64_t count, float* out,
                     cudaStream_t stream)
{
    const auto blocks = static_cast<unsigned>(std::min<std::int64_t>(ceilDivide(count, kThreads), 1 << 20));
    swishGateKernel<<<blocks, kThreads, 0, stream>>>(normed, hidden, count, out);
    checkCuda(cudaGetLastError());
}

void launchSwishGateBackward(const float* normed, const float* hidden, const float* dOut, std::int64_t tokens,
                             std::int64_t width, bf16* dNormed, float* dHidden, cudaStream_t stream)
{
    swishGateBackwardKernel<<<gridOver(tokens, width), kThreads, 0, stream>>>(
        normed, hidden, dOut, tokens, width, paddedWidth(width), dNormed, dHidden);
    checkCuda(cudaGetLastError());
}

void launchSwiGluBackward(const float* gateUp, const float* dOut, std::int64_t tokens, std::int64_t width,
                          bf16* dGateUp, cudaStream_t stream)
{
    swiGluBackwardKernel<<<gridOver(tokens, width), kThreads, 0, stream>>>(gateUp, dOut, tokens, width,
                                                                           paddedWidth(2 * width), dGateUp);
    checkCuda(cudaGetLastError());
}

void launchFloatToHalf(const float* x, std::int64_t tokens, std::int64_t width, bf16* out,
                       cudaStream_t stream)
{
    floatToHalfKernel<<<gridOver(tokens, width), kThreads, 0, stream>>>(x, tokens, width, paddedWidth(width),
                                                                        out);
    checkCuda(cudaGetLastError());
}

} // namespace mmfree::cuda
