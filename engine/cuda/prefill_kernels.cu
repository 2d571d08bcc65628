// Quantisers: one thread block per token, two sweeps over its row (the second hits the cache). Scan: one warp
// lane per channel; a thread block holds 32 channels and cuts the sequence into 16 stretches that run at
// once: each first finds its product of forget gates and its state from zero, then repeats itself from the
// state that the stretches before it leave. 8 bytes read twice and 4 written per token and channel.
#include "engine/cuda/device_memory.h"
#include "engine/cuda/prefill_kernels.h"
#include "engine/cuda/row_reduction.cuh"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>

namespace mmfree::cuda
{

namespace
{

template <class T>
__device__ float toFloat(T value)
{
    return static_cast<float>(value);
}

template <class T>
__global__ void embedKernel(const TokenId* tokens, const T* table, std::int64_t width, float* out)
{
    const T* row = table + static_cast<std::int64_t>(tokens[blockIdx.x]) * width;
    for (std::int64_t col = threadIdx.x; col < width; col += blockDim.x)
        out[blockIdx.x * width + col] = toFloat(row[col]);
}

// Quantises y(col) * factor * inner[col] into one row of `out`; largest = max |y * inner|.
template <class Value>
__device__ void quantizeRow(const QuantizedView& out, std::int64_t token, std::int64_t width, float factor,
                            float largest, const float* inner, float* scratch, Value&& value)
{
    const float limit = fmaxf(largest * factor, 1e-5f);
    const float scale = 127.0f / limit;
    std::int8_t* row = out.values + token * out.stride;
    int sum = 0;
    for (std::int64_t base = threadIdx.x * 4; base < out.stride; base += kRowThreads * 4) {
        int code[4];
#pragma unroll
        for (int k = 0; k < 4; ++k) {
            const std::int64_t col = base + k;
            code[k] = col < width ? quantize(value(col) * factor * inner[col] * scale) : 0;
            sum += code[k];
        }
        *reinterpret_cast<unsigned*>(row + base) = packBytes(code[0], code[1], code[2], code[3]);
    }
    const int total = rowSumInt(sum, scratch);
    if (threadIdx.x == 0) {
        out.inverseScales[token] = limit / 127.0f;
        out.codeSums[token] = total;
    }
}

template <int kInner>
__global__ void __launch_bounds__(kRowThreads)
    normQuantizeKernel(const __grid_constant__ QuantizeArguments args)
{
    __shared__ float scratch[kRowWarps];
    const std::int64_t token = blockIdx.x;
    const float* x = args.x + token * args.width;
    float squares = 0.0f, innerSquares = 0.0f, largest[kInner] = {};
    for (std::int64_t col = threadIdx.x; col < args.width; col += kRowThreads) {
        const float value = x[col];
        const float y = args.outer ? value * args.outer[col] : value;
        squares += value * value;
        innerSquares += y * y;
#pragma unroll
        for (int i = 0; i < kInner; ++i)
            largest[i] = fmaxf(largest[i], fabsf(value * args.product[i][col]));
    }
    const float count = static_cast<float>(args.width);
    float r = 1.0f;
    if (args.outer)
        r = 1.0f / sqrtf(rowSum(squares, scratch) / count + args.eps);
    const float factor = r * (1.0f / sqrtf(r * r * (rowSum(innerSquares, scratch) / count) + args.eps));
#pragma unroll
    for (int i = 0; i < kInner; ++i) {
        const float all = rowMax(largest[i], scratch);
        quantizeRow(args.out[i], token, args.width, factor, all, args.product[i], scratch,
                    [&](std::int64_t col) { return x[col]; });
    }
}

__global__ void __launch_bounds__(kRowThreads)
    gateNormQuantizeKernel(const float* gate, const float* gateWeight, const float* hidden,
                           const float* inner, QuantizedView out, std::int64_t width, float eps)
{
    __shared__ float scratch[kRowWarps];
    const std::int64_t token = blockIdx.x;
    const float* g = gate + token * width;
    const float* h = hidden + token * width;
    const auto product = [&](std::int64_t col) { return g[col] * gateWeight[col] * silu(h[col]); };
    float squares = 0.0f, innerSquares = 0.0f, largest = 0.0f;
    for (std::int64_t col = threadIdx.x; col < width; col += kRowThreads) {
        const float y = product(col);
        squares += g[col] * g[col];
        innerSquares += y * y;
        largest = fmaxf(largest, fabsf(y * inner[col]));
    }
    const float count = static_cast<float>(width);
    const float r = 1.0f / sqrtf(rowSum(squares, scratch) / count + eps);
    const float factor = r * (1.0f / sqrtf(r * r * (rowSum(innerSquares, scratch) / count) + eps));
    quantizeRow(out, token, width, factor, rowMax(largest, scratch), inner, scratch, product);
}

constexpr int kScanStretches = 16;

struct GatePair {
    float forget, candidate;
};

__device__ __forceinline__ GatePair gates(float forgetPre, float candidatePre, float lower)
{
    const float forget = lower + (1.0f - lower) * sigmoid(forgetPre);
    return {forget, silu(candidatePre) * (1.0f - forget)};
}

__global__ void __launch_bounds__(32 * kScanStretches)
    gatesAndScanKernel(const __grid_constant__ ScanArguments args)
{
    __shared__ float product[kScanStretches][32], local[kScanStretches][32];
    const int lane = threadIdx.x % 32, stretch = threadIdx.x / 32;
    const std::int64_t channel = blockIdx.x * 32 + lane;
    const bool active = channel < args.width;
    const std::int64_t first = args.length * stretch / kScanStretches;
    const std::int64_t last = args.length * (stretch + 1) / kScanStretches;
    const std::int64_t base = static_cast<std::int64_t>(blockIdx.y) * args.length * args.width + channel;
    const float lower = active && args.lower ? args.lower[channel] : 0.0f;

    float keep = 1.0f, state = 0.0f;
    if (active) {
#pragma unroll 8
        for (std::int64_t t = first; t < last; ++t) {
            const GatePair pair =
                gates(args.forgetPre[base + t * args.width], args.candidatePre[base + t * args.width], lower);
            keep *= pair.forget;
            state = pair.forget * state + pair.candidate;
        }
    }
    product[stretch][lane] = keep;
    local[stretch][lane] = state;
    // Every stretch reads the carried state before the barrier; the last one replaces it after.
    float* carried = args.state + static_cast<std::int64_t>(blockIdx.y) * args.width + channel;
    const float initial = active ? *carried : 0.0f;
    __syncthreads();
    if (!active)
        return;
    state = initial;
    for (int before = 0; before < stretch; ++before)
        state = product[before][lane] * state + local[before][lane];
#pragma unroll 8
    for (std::int64_t t = first; t < last; ++t) {
        const std::int64_t index = base + t * args.width;
        const GatePair pair = gates(args.forgetPre[index], args.candidatePre[index], lower);
        state = pair.forget * state + pair.candidate;
        args.hidden[index] = state;
        if (args.forget)
            args.forget[index] = pair.forget;
        if (args.candidate)
            args.candidate[index] = pair.candidate;
    }
    if (stretch == kScanStretches - 1)
        *carried = state;
}

} // namespace

void launchEmbed(const TokenId* tokens, std::int64_t count, const void* table, DType type, std::int64_t width,
                 float* out, cudaStream_t stream)
{
    const unsigned blocks = static_cast<unsigned>(count);
    switch (type) {
    case DType::F16:
        embedKernel<<<blocks, 256, 0, stream>>>(tokens, static_cast<const __half*>(table), width, out);
        break;
    case DType::BF16:
        embedKernel<<<blocks, 256, 0, stream>>>(tokens, static_cast<const __nv_bfloat16*>(table), width, out);
        break;
    default:
        embedKernel<<<blocks, 256, 0, stream>>>(tokens, static_cast<const float*>(table), width, out);
        break;
    }
    checkCuda(cudaGetLastError());
}

void launchNormQuantize(const QuantizeArguments& arguments, cudaStream_t stream)
{
    const unsigned blocks = static_cast<unsigned>(arguments.tokens);
    if (arguments.count == 3)
        normQuantizeKernel<3><<<blocks, kRowThreads, 0, stream>>>(arguments);
    else
        normQuantizeKernel<1><<<blocks, kRowThreads, 0, stream>>>(arguments);
    checkCuda(cudaGetLastError());
}

void launchGateNormQuantize(const float* gate, const float* gateWeight, const float* hidden,
                            const float* inner, const QuantizedView& out, std::int64_t tokens,
                            std::int64_t width, float eps, cudaStream_t stream)
{
    gateNormQuantizeKernel<<<static_cast<unsigned>(tokens), kRowThreads, 0, stream>>>(
        gate, gateWeight, hidden, inner, out, width, eps);
    checkCuda(cudaGetLastError());
}

void launchGatesAndScan(const ScanArguments& arguments, cudaStream_t stream)
{
    const dim3 grid(static_cast<unsigned>(ceilDivide(arguments.width, 32)),
                    static_cast<unsigned>(arguments.batch));
    gatesAndScanKernel<<<grid, 32 * kScanStretches, 0, stream>>>(arguments);
    checkCuda(cudaGetLastError());
}

} // namespace mmfree::cuda
