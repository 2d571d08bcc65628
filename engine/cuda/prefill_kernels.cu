// Quantisers: one thread block per token, two sweeps over its row (the second hits the cache). Scan: one warp
// lane per channel; a thread block holds 32 channels and cuts the sequence into 32 stretches that run at
// once: each first finds its product of forget gates and its state from zero, then repeats itself from the
// state that the stretches before it leave. 8 bytes read twice and 4 written per token and channel.
#include "engine/cuda/device_memory.h"
#include "engine/cuda/prefill_kernels.h"
#include "engine/cuda/row_reduction.cuh"
#include "engine/network/operators.h"

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

// Reads and writes of four columns at once need rows that start on 16 bytes: widths that are multiples of 4.
template <bool kAligned>
__device__ __forceinline__ float4 loadFour(const float* row, std::int64_t col, std::int64_t width)
{
    if constexpr (kAligned)
        return *reinterpret_cast<const float4*>(row + col);
    return make_float4(row[col], col + 1 < width ? row[col + 1] : 0.0f, col + 2 < width ? row[col + 2] : 0.0f,
                       col + 3 < width ? row[col + 3] : 0.0f);
}

__device__ __forceinline__ float4 multiply(const float4& a, const float4& b)
{
    return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w);
}
__device__ __forceinline__ float squaresOf(const float4& a)
{
    return a.x * a.x + a.y * a.y + a.z * a.z + a.w * a.w;
}
__device__ __forceinline__ float largestOf(const float4& a)
{
    return fmaxf(fmaxf(fabsf(a.x), fabsf(a.y)), fmaxf(fabsf(a.z), fabsf(a.w)));
}

// The factor of RMSNorm(RMSNorm(x)) on x times both weights; see decode_kernel.cu.
__device__ __forceinline__ float doubleNorm(const Moments& moments, std::int64_t width, bool outer, float eps)
{
    const float share = 1.0f / static_cast<float>(width);
    const float r = outer ? 1.0f / sqrtf(moments.squares * share + eps) : 1.0f;
    return r * (1.0f / sqrtf(r * r * (moments.normSquares * share) + kBitLinearEps));
}

// Quantises x(col) * product[col] * factor into one row of each output.
template <int kProducts, bool kAligned, class Value>
__device__ __forceinline__ void quantizeRow(const QuantizedView (&out)[3], const float* const (&product)[3],
                                            const Moments& moments, float factor, std::int64_t token,
                                            std::int64_t width, float* scratch, Value&& value)
{
    float scale[kProducts], limit[kProducts];
    int sum[kProducts] = {};
#pragma unroll
    for (int k = 0; k < kProducts; ++k) {
        limit[k] = fmaxf(moments.largest[k] * factor, 1e-5f);
        scale[k] = 127.0f / limit[k] * factor;
    }
    for (std::int64_t col = threadIdx.x * 4; col < out[0].stride; col += kRowThreads * 4) {
        const float4 x = col < width ? value(col) : float4{};
#pragma unroll
        for (int k = 0; k < kProducts; ++k) {
            unsigned packed = 0;
            if (col < width) {
                const float4 y = multiply(x, loadFour<kAligned>(product[k], col, width));
                packed = packBytes(quantize(y.x * scale[k]), quantize(y.y * scale[k]),
                                   quantize(y.z * scale[k]), quantize(y.w * scale[k]));
            }
            *reinterpret_cast<unsigned*>(out[k].values + token * out[k].stride + col) = packed;
            sum[k] = __dp4a(static_cast<int>(packed), 0x01010101, sum[k]);
        }
    }
#pragma unroll
    for (int k = 0; k < kProducts; ++k) {
        const int total = rowSumInt(sum[k], scratch);
        if (threadIdx.x == 0) {
            out[k].inverseScales[token] = limit[k] / 127.0f;
            out[k].codeSums[token] = total;
        }
    }
}

template <int kProducts, bool kAligned>
__global__ void __launch_bounds__(kRowThreads)
    normQuantizeKernel(const __grid_constant__ QuantizeArguments args)
{
    __shared__ __align__(16) float scratch[kRowWarps * 8];
    const std::int64_t token = blockIdx.x;
    const float* x = args.x + token * args.width;
    Moments own;
    for (std::int64_t col = threadIdx.x * 4; col < args.width; col += kRowThreads * 4) {
        const float4 value = loadFour<kAligned>(x, col, args.width);
        own.squares += squaresOf(value);
        if (args.outer)
            own.normSquares += squaresOf(multiply(value, loadFour<kAligned>(args.outer, col, args.width)));
#pragma unroll
        for (int k = 0; k < kProducts; ++k)
            own.largest[k] =
                fmaxf(own.largest[k],
                      largestOf(multiply(value, loadFour<kAligned>(args.product[k], col, args.width))));
    }
    if (!args.outer) // then the inner norm's input is x itself
        own.normSquares = own.squares;
    const Moments all = reduceMoments<kRowWarps, kProducts>(own, scratch);
    __syncthreads();
    quantizeRow<kProducts, kAligned>(
        args.out, args.product, all, doubleNorm(all, args.width, args.outer != nullptr, args.eps), token,
        args.width, scratch, [&](std::int64_t col) { return loadFour<kAligned>(x, col, args.width); });
}

template <bool kAligned>
__global__ void __launch_bounds__(kRowThreads)
    gateNormQuantizeKernel(const float* gate, const float* gateWeight, const float* hidden,
                           const __grid_constant__ QuantizeArguments args)
{
    __shared__ __align__(16) float scratch[kRowWarps * 8];
    const std::int64_t token = blockIdx.x, width = args.width;
    const float* g = gate + token * width;
    const float* h = hidden + token * width;
    const auto gated = [&](const float4& value, std::int64_t col) {
        const float4 state = loadFour<kAligned>(h, col, width);
        return multiply(multiply(value, loadFour<kAligned>(gateWeight, col, width)),
                        make_float4(silu(state.x), silu(state.y), silu(state.z), silu(state.w)));
    };
    Moments own;
    for (std::int64_t col = threadIdx.x * 4; col < width; col += kRowThreads * 4) {
        const float4 value = loadFour<kAligned>(g, col, width);
        const float4 y = gated(value, col);
        own.squares += squaresOf(value);
        own.normSquares += squaresOf(y);
        own.largest[0] =
            fmaxf(own.largest[0], largestOf(multiply(y, loadFour<kAligned>(args.product[0], col, width))));
    }
    const Moments all = reduceMoments<kRowWarps, 1>(own, scratch);
    __syncthreads();
    quantizeRow<1, kAligned>(args.out, args.product, all, doubleNorm(all, width, true, args.eps), token,
                             width, scratch,
                             [&](std::int64_t col) { return gated(loadFour<kAligned>(g, col, width), col); });
}

constexpr int kScanStretches = 32;

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

    // A batch of inputs is loaded before its first use: the recurrence would otherwise wait for memory at
    // every step.
    constexpr int kBatch = 8;
    const auto forEachStep = [&](auto&& body) {
        for (std::int64_t t = first; t < last; t += kBatch) {
            float forgetPre[kBatch], candidatePre[kBatch];
#pragma unroll
            for (int i = 0; i < kBatch; ++i) {
                const std::int64_t index = base + (t + i < last ? t + i : t) * args.width;
                forgetPre[i] = args.forgetPre[index];
                candidatePre[i] = args.candidatePre[index];
            }
#pragma unroll
            for (int i = 0; i < kBatch; ++i) {
                if (t + i < last)
                    body(base + (t + i) * args.width, gates(forgetPre[i], candidatePre[i], lower));
            }
        }
    };
    float keep = 1.0f, state = 0.0f;
    if (active) {
        forEachStep([&](std::int64_t, const GatePair& pair) {
            keep *= pair.forget;
            state = pair.forget * state + pair.candidate;
        });
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
    forEachStep([&](std::int64_t index, const GatePair& pair) {
        state = pair.forget * state + pair.candidate;
        args.hidden[index] = state;
        if (args.forget)
            args.forget[index] = pair.forget;
        if (args.candidate)
            args.candidate[index] = pair.candidate;
    });
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
    const bool aligned = arguments.width % 4 == 0;
    if (arguments.count == 3 && aligned)
        normQuantizeKernel<3, true><<<blocks, kRowThreads, 0, stream>>>(arguments);
    else if (arguments.count == 3)
        normQuantizeKernel<3, false><<<blocks, kRowThreads, 0, stream>>>(arguments);
    else if (aligned)
        normQuantizeKernel<1, true><<<blocks, kRowThreads, 0, stream>>>(arguments);
    else
        normQuantizeKernel<1, false><<<blocks, kRowThreads, 0, stream>>>(arguments);
    checkCuda(cudaGetLastError());
}

void launchGateNormQuantize(const float* gate, const float* gateWeight, const float* hidden,
                            const float* inner, const QuantizedView& out, std::int64_t tokens,
                            std::int64_t width, float eps, cudaStream_t stream)
{
    QuantizeArguments arguments;
    arguments.product[0] = inner;
    arguments.out[0] = out;
    arguments.tokens = tokens;
    arguments.width = width;
    arguments.eps = eps;
    const unsigned blocks = static_cast<unsigned>(tokens);
    if (width % 4 == 0)
        gateNormQuantizeKernel<true><<<blocks, kRowThreads, 0, stream>>>(gate, gateWeight, hidden, arguments);
    else
        gateNormQuantizeKernel<false>
            <<<blocks, kRowThreads, 0, stream>>>(gate, gateWeight, hidden, arguments);
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
