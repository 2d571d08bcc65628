// One thread block per row for norms (two sweeps, the second from cache), one thread per value otherwise.
#include "engine/cuda/device_memory.h"
#include "engine/cuda/elementwise_kernels.h"
#include "engine/cuda/row_reduction.cuh"

namespace mmfree::cuda
{

namespace
{

__device__ float inverseRms(const float* row, std::int64_t width, float eps, float* scratch)
{
    float squares = 0.0f;
    for (std::int64_t col = threadIdx.x; col < width; col += kRowThreads)
        squares += row[col] * row[col];
    return 1.0f / sqrtf(rowSum(squares, scratch) / static_cast<float>(width) + eps);
}

__global__ void __launch_bounds__(kRowThreads)
    rmsNormKernel(const float* x, const float* weight, float eps, std::int64_t width, float* out)
{
    __shared__ float scratch[kRowWarps];
    const float* row = x + blockIdx.x * width;
    const float factor = inverseRms(row, width, eps, scratch);
    for (std::int64_t col = threadIdx.x; col < width; col += kRowThreads)
        out[blockIdx.x * width + col] = row[col] * factor * weight[col];
}

__global__ void __launch_bounds__(kRowThreads)
    normAndGateKernel(const float* gate, const float* weight, float eps, const float* hidden,
                      std::int64_t width, float* out)
{
    __shared__ float scratch[kRowWarps];
    const std::int64_t first = blockIdx.x * width;
    const float factor = inverseRms(gate + first, width, eps, scratch);
    for (std::int64_t col = threadIdx.x; col < width; col += kRowThreads)
        out[first + col] = gate[first + col] * factor * weight[col] * silu(hidden[first + col]);
}

__global__ void swiGluKernel(const float* gate, const float* up, std::int64_t stride, std::int64_t width,
                             float* out)
{
    const std::int64_t col = blockIdx.x * std::int64_t(blockDim.x) + threadIdx.x;
    if (col < width)
        out[blockIdx.y * width + col] = silu(gate[blockIdx.y * stride + col]) * up[blockIdx.y * stride + col];
}

__global__ void readQuantizedKernel(QuantizedView quantized, std::int64_t width, float* out)
{
    const std::int64_t col = blockIdx.x * std::int64_t(blockDim.x) + threadIdx.x;
    if (col < width)
        out[blockIdx.y * width + col] = quantized.values[blockIdx.y * quantized.stride + col];
}

constexpr std::int64_t kMaxGridY = 65535;

dim3 gridFor(std::int64_t width, std::int64_t rows)
{
    return {static_cast<unsigned>(ceilDivide(width, 256)), static_cast<unsigned>(rows)};
}

} // namespace

void launchRmsNorm(const float* x, const float* weight, float eps, std::int64_t tokens, std::int64_t width,
                   float* out, cudaStream_t stream)
{
    rmsNormKernel<<<static_cast<unsigned>(tokens), kRowThreads, 0, stream>>>(x, weight, eps, width, out);
    checkCuda(cudaGetLastError());
}

void launchNormAndGate(const float* gate, const float* weight, float eps, const float* hidden,
                       std::int64_t tokens, std::int64_t width, float* out, cudaStream_t stream)
{
    normAndGateKernel<<<static_cast<unsigned>(tokens), kRowThreads, 0, stream>>>(gate, weight, eps, hidden,
                                                                                 width, out);
    checkCuda(cudaGetLastError());
}

void launchSwiGlu(const float* gate, const float* up, std::int64_t stride, std::int64_t tokens,
                  std::int64_t width, float* out, cudaStream_t stream)
{
    for (std::int64_t row = 0; row < tokens; row += kMaxGridY) {
        swiGluKernel<<<gridFor(width, std::min(kMaxGridY, tokens - row)), 256, 0, stream>>>(
            gate + row * stride, up + row * stride, stride, width, out + row * width);
        checkCuda(cudaGetLastError());
    }
}

void launchReadQuantized(const QuantizedView& quantized, std::int64_t tokens, std::int64_t width, float* out,
                         cudaStream_t stream)
{
    for (std::int64_t row = 0; row < tokens; row += kMaxGridY) {
        QuantizedView part = quantized;
        part.values += row * quantized.stride;
        readQuantizedKernel<<<gridFor(width, std::min(kMaxGridY, tokens - row)), 256, 0, stream>>>(
            part, width, out + row * width);
        checkCuda(cudaGetLastError());
    }
}

} // namespace mmfree::cuda
