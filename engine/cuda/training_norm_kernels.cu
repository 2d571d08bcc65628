// Norms and quantisers of training. A row is read once into registers and everything that depends on it is
// made there: forward 4 bytes read and 1 written per value and BitLinear; backward 4 + 2 read (plus 4 for the
// accumulated gradient) and 2 + 4 + 2 written. Weight gradients are kept per group of threads in registers
// over all its rows. Forward and backward share the code, so that the backward pass quantises exactly as the
// forward pass did.
#include "engine/cuda/device_memory.h"
#include "engine/cuda/training_kernels.h"
#include "engine/cuda/training_row.cuh"
#include "engine/network/operators.h"

#include <algorithm>

namespace mmfree::cuda
{

namespace
{

__device__ __forceinline__ float inverseRms(float squares, std::int64_t width, float eps)
{
    return 1.0f / sqrtf(squares / static_cast<float>(width) + eps);
}

template <class R>
__device__ __forceinline__ void storeQuantized(const QuantizedView& out, std::int64_t row, float codeSum,
                                               const RowQuantizer& quantizer)
{
    if (threadIdx.x % R::kThreads == 0) {
        out.inverseScales[row] = quantizer.inverse;
        out.codeSums[row] = __float2int_rn(codeSum); // at most 127 * 16384: exact in f32
    }
}

// Four codes of one row and, added to `sum`, their sum.
__device__ __forceinline__ unsigned quantizeFour(const Vector& y, const RowQuantizer& quantizer, int& sum)
{
    const unsigned packed = packBytes(quantizer(y[0]), quantizer(y[1]), quantizer(y[2]), quantizer(y[3]));
    sum = __dp4a(static_cast<int>(packed), 0x01010101, sum);
    return packed;
}

__device__ __forceinline__ void dequantizeFour(const Vector& y, const RowQuantizer& quantizer, bf16* row,
                                               std::int64_t col, std::int64_t width)
{
    Vector value;
#pragma unroll
    for (int e = 0; e < 4; ++e)
        value[e] = static_cast<float>(quantizer(y[e])) * quantizer.inverse;
    storeFour(value, row, col, width);
}

template <class R>
__device__ __forceinline__ void storePartial(const float (&sums)[R::kValues], float* partial, int which,
                                             std::int64_t width)
{
    float* row = partial + (which * R::groups() + R::group()) * width;
#pragma unroll
    for (int v = 0; v < R::kVectors; ++v) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
            const std::int64_t col = R::column(v) + e;
            if (col < width)
                row[col] = sums[v * 4 + e];
        }
    }
}

template <class R, int kProducts, bool kBackward>
__global__ void __launch_bounds__(R::kBlockThreads) normKernel(const __grid_constant__ NormArguments args)
{
    __shared__ float scratch[R::kScratch];
    const std::int64_t width = args.width, stride = paddedColumns(width);
    const bool aligned = width % 4 == 0;
    float dInner[kBackward ? kProducts : 1][R::kValues] = {}, dOuter[R::kValues] = {};
    float yScale[kProducts];
    if constexpr (kBackward) {
        for (int k = 0; k < kProducts; ++k)
            yScale[k] = *args.linear[k].scale;
    }
    for (std::int64_t row = R::group(); row < args.tokens; row += R::groups()) {
        Vector x[R::kVectors], gradient[R::kVectors];
        float squares[1] = {};
#pragma unroll
        for (int v = 0; v < R::kVectors; ++v) {
            loadFour(x[v], args.x + row * width, R::column(v), width, aligned);
            if (!kBackward && args.copy)
                storeFour(x[v], args.copy + row * width, R::column(v), width, aligned);
#pragma unroll
            for (int e = 0; e < 4; ++e)
                squares[0] += x[v][e] * x[v][e];
        }
        sumRow<R::kThreads>(squares, scratch);
        const float r = inverseRms(squares[0], width, args.eps);

        // a = x r outer is the inner norms' input; gradient = sum_k dY_k inner_k, by RMSNorm(a) without
        // weight
        float sums[2] = {}, largest[kProducts] = {};
#pragma unroll
        for (int v = 0; v < R::kVectors; ++v) {
            Vector outer, inner;
            loadWeights(outer, args.outer, R::column(v), width);
#pragma unroll
            for (int e = 0; e < 4; ++e) {
                outer[e] *= x[v][e] * r;
                sums[0] += outer[e] * outer[e];
                gradient[v][e] = 0.0f;
            }
#pragma unroll
            for (int k = 0; k < kProducts; ++k) {
                loadWeights(inner, args.inner[k], R::column(v), width);
                Vector dY;
                if constexpr (kBackward)
                    loadFour(dY, args.linear[k].dY + row * stride, R::column(v), width);
#pragma unroll
                for (int e = 0; e < 4; ++e) {
                    largest[k] = fmaxf(largest[k], fabsf(outer[e] * inner[e]));
                    if constexpr (kBackward)
                        gradient[v][e] += dY[e] * yScale[k] * inner[e];
                }
            }
            if constexpr (kBackward) {
#pragma unroll
                for (int e = 0; e < 4; ++e)
                    sums[1] += gradient[v][e] * outer[e];
            }
        }
        reduceRow<R::kThreads>(sums, largest, scratch);
        const float innerR = inverseRms(sums[0], width, kBitLinearEps);

#pragma unroll
        for (int k = 0; k < kProducts; ++k) {
            const RowQuantizer quantizer(largest[k] * innerR);
            int codeSum = 0;
#pragma unroll
            for (int v = 0; v < R::kVectors; ++v) {
                Vector outer, y;
                loadWeights(outer, args.outer, R::column(v), width);
                loadWeights(y, args.inner[k], R::column(v), width);
#pragma unroll
                for (int e = 0; e < 4; ++e)
                    y[e] *= x[v][e] * r * outer[e] * innerR;
                if constexpr (kBackward) {
                    dequantizeFour(y, quantizer, args.linear[k].input + row * stride, R::column(v), width);
                    Vector dY;
                    loadFour(dY, args.linear[k].dY + row * stride, R::column(v), width);
#pragma unroll
                    for (int e = 0; e < 4; ++e)
                        dInner[k][v * 4 + e] += x[v][e] * r * outer[e] * innerR * (dY[e] * yScale[k]);
                } else if (R::column(v) < width) {
                    const unsigned packed = quantizeFour(y, quantizer, codeSum);
                    *reinterpret_cast<unsigned*>(args.out[k].values + row * args.out[k].stride +
                                                 R::column(v)) = packed;
                }
            }
            if constexpr (!kBackward) {
                float total[1] = {static_cast<float>(codeSum)};
                sumRow<R::kThreads>(total, scratch);
                storeQuantized<R>(args.out[k], row, total[0], quantizer);
            }
        }
        if constexpr (kBackward) {
            const float along = innerR * innerR * innerR * sums[1] / static_cast<float>(width);
            float projected[1] = {};
#pragma unroll
            for (int v = 0; v < R::kVectors; ++v) {
                Vector outer;
                loadWeights(outer, args.outer, R::column(v), width);
#pragma unroll
                for (int e = 0; e < 4; ++e) {
                    const float dA = innerR * gradient[v][e] - along * (x[v][e] * r * outer[e]);
                    dOuter[v * 4 + e] += dA * x[v][e] * r;
                    gradient[v][e] = dA * outer[e];
                    projected[0] += gradient[v][e] * x[v][e];
                }
            }
            sumRow<R::kThreads>(projected, scratch);
            const float alongX = r * r * r * projected[0] / static_cast<float>(width);
#pragma unroll
            for (int v = 0; v < R::kVectors; ++v) {
                Vector dX = {};
                if (args.accumulate)
                    loadFour(dX, args.dX + row * width, R::column(v), width, aligned);
#pragma unroll
                for (int e = 0; e < 4; ++e)
                    dX[e] += r * gradient[v][e] - alongX * x[v][e];
                storeFour(dX, args.dX + row * width, R::column(v), width, aligned);
                storeFour(dX, args.dXHalf + row * stride, R::column(v), width);
            }
        }
    }
    if constexpr (kBackward) {
#pragma unroll
        for (int k = 0; k < kProducts; ++k)
            storePartial<R>(dInner[k], args.partial, k, width);
        storePartial<R>(dOuter, args.partial, kProducts, width);
    }
}

template <class R, bool kBackward>
__global__ void __launch_bounds__(R::kBlockThreads) gateKernel(const __grid_constant__ GateArguments args)
{
    __shared__ float scratch[R::kScratch];
    const std::int64_t width = args.width, stride = paddedColumns(width);
    const bool aligned = width % 4 == 0;
    float dInner[R::kValues] = {}, dNorm[R::kValues] = {};
    const float yScale = kBackward ? *args.linear.scale : 0.0f;
    for (std::int64_t row = R::group(); row < args.tokens; row += R::groups()) {
        Vector g[R::kVectors], h[R::kVectors];
        float squares[1] = {};
#pragma unroll
        for (int v = 0; v < R::kVectors; ++v) {
            loadFour(g[v], args.gate + row * width, R::column(v), width, aligned);
            loadFour(h[v], args.hidden + row * width, R::column(v), width, aligned);
#pragma unroll
            for (int e = 0; e < 4; ++e)
                squares[0] += g[v][e] * g[v][e];
        }
        sumRow<R::kThreads>(squares, scratch);
        const float r = inverseRms(squares[0], width, args.eps);
        float sums[2] = {}, largest[1] = {};
#pragma unroll
        for (int v = 0; v < R::kVectors; ++v) {
            Vector norm, inner, dY = {};
            loadWeights(norm, args.gateNorm, R::column(v), width);
            loadWeights(inner, args.inner, R::column(v), width);
            if constexpr (kBackward)
                loadFour(dY, args.linear.dY + row * stride, R::column(v), width);
#pragma unroll
            for (int e = 0; e < 4; ++e) {
                const float z = g[v][e] * r * norm[e] * silu(h[v][e]);
                sums[0] += z * z;
                largest[0] = fmaxf(largest[0], fabsf(z * inner[e]));
                sums[1] += dY[e] * yScale * inner[e] * z;
            }
        }
        reduceRow<R::kThreads>(sums, largest, scratch);
        const float innerR = inverseRms(sums[0], width, kBitLinearEps);
        const RowQuantizer quantizer(largest[0] * innerR);
        const float along = innerR * innerR * innerR * sums[1] / static_cast<float>(width);
        float last[1] = {}; // forward: sum of codes; backward: projection on g
        int codeSum = 0;
        Vector gradient[R::kVectors];
#pragma unroll
        for (int v = 0; v < R::kVectors; ++v) {
            const std::int64_t col = R::column(v);
            Vector norm, inner, y, dHidden;
            loadWeights(norm, args.gateNorm, col, width);
            loadWeights(inner, args.inner, col, width);
#pragma unroll
            for (int e = 0; e < 4; ++e)
                y[e] = g[v][e] * r * norm[e] * silu(h[v][e]) * innerR * inner[e];
            if constexpr (kBackward) {
                dequantizeFour(y, quantizer, args.linear.input + row * stride, col, width);
                Vector dY;
                loadFour(dY, args.linear.dY + row * stride, col, width);
#pragma unroll
                for (int e = 0; e < 4; ++e) {
                    const float swish = silu(h[v][e]);
                    const float normed = g[v][e] * r * norm[e], z = normed * swish;
                    const float scaled = dY[e] * yScale;
                    dInner[v * 4 + e] += z * innerR * scaled;
                    const float dZ = innerR * scaled * inner[e] - along * z;
                    dHidden[e] = dZ * normed * siluDerivative(h[v][e]);
                    const float dNormed = dZ * swish;
                    dNorm[v * 4 + e] += dNormed * g[v][e] * r;
                    gradient[v][e] = dNormed * norm[e];
                    last[0] += gradient[v][e] * g[v][e];
                }
                storeFour(dHidden, args.dHidden + row * width, col, width, aligned);
            } else if (col < width) {
                *reinterpret_cast<unsigned*>(args.out.values + row * args.out.stride + col) =
                    quantizeFour(y, quantizer, codeSum);
            }
        }
        if constexpr (!kBackward)
            last[0] = static_cast<float>(codeSum);
        sumRow<R::kThreads>(last, scratch);
        if constexpr (kBackward) {
            const float alongG = r * r * r * last[0] / static_cast<float>(width);
#pragma unroll
            for (int v = 0; v < R::kVectors; ++v) {
#pragma unroll
                for (int e = 0; e < 4; ++e)
                    gradient[v][e] = r * gradient[v][e] - alongG * g[v][e];
                storeFour(gradient[v], args.dGate + row * stride, R::column(v), width);
            }
        } else {
            storeQuantized<R>(args.out, row, last[0], quantizer);
        }
    }
    if constexpr (kBackward) {
        storePartial<R>(dInner, args.partial, 0, width);
        storePartial<R>(dNorm, args.partial, 1, width);
    }
}

template <class R, bool kBackward>
__global__ void __launch_bounds__(R::kBlockThreads) gluKernel(const __grid_constant__ GluArguments args)
{
    __shared__ float scratch[R::kScratch];
    const std::int64_t width = args.width, stride = paddedColumns(width),
                       outStride = paddedColumns(2 * width);
    const bool aligned = width % 4 == 0;
    float dInner[R::kValues] = {};
    const float yScale = kBackward ? *args.linear.scale : 0.0f;
    for (std::int64_t row = R::group(); row < args.tokens; row += R::groups()) {
        Vector g[R::kVectors], u[R::kVectors];
        float sums[2] = {}, largest[1] = {};
#pragma unroll
        for (int v = 0; v < R::kVectors; ++v) {
            Vector inner, dY = {};
            loadFour(g[v], args.gateUp + row * 2 * width, R::column(v), width, aligned);
            loadFour(u[v], args.gateUp + row * 2 * width + width, R::column(v), width, aligned);
            loadWeights(inner, args.inner, R::column(v), width);
            if constexpr (kBackward)
                loadFour(dY, args.linear.dY + row * stride, R::column(v), width);
#pragma unroll
            for (int e = 0; e < 4; ++e) {
                const float z = silu(g[v][e]) * u[v][e];
                sums[0] += z * z;
                largest[0] = fmaxf(largest[0], fabsf(z * inner[e]));
                sums[1] += dY[e] * yScale * inner[e] * z;
            }
        }
        reduceRow<R::kThreads>(sums, largest, scratch);
        const float innerR = inverseRms(sums[0], width, kBitLinearEps);
        const RowQuantizer quantizer(largest[0] * innerR);
        const float along = innerR * innerR * innerR * sums[1] / static_cast<float>(width);
        int codeSum = 0;
#pragma unroll
        for (int v = 0; v < R::kVectors; ++v) {
            const std::int64_t col = R::column(v);
            Vector inner, y;
            loadWeights(inner, args.inner, col, width);
#pragma unroll
            for (int e = 0; e < 4; ++e)
                y[e] = silu(g[v][e]) * u[v][e] * innerR * inner[e];
            if constexpr (kBackward) {
                dequantizeFour(y, quantizer, args.linear.input + row * stride, col, width);
                Vector dY, dGate, dUp;
                loadFour(dY, args.linear.dY + row * stride, col, width);
#pragma unroll
                for (int e = 0; e < 4; ++e) {
                    const float swish = silu(g[v][e]), z = swish * u[v][e];
                    const float scaled = dY[e] * yScale;
                    dInner[v * 4 + e] += z * innerR * scaled;
                    const float dZ = innerR * scaled * inner[e] - along * z;
                    dGate[e] = dZ * u[v][e] * siluDerivative(g[v][e]);
                    dUp[e] = dZ * swish;
                }
                bf16* out = args.dGateUp + row * outStride;
                if (aligned) {
                    storeFour(dGate, out, col, width);
                    storeFour(dUp, out + width, col, width);
                } else {
#pragma unroll
                    for (int e = 0; e < 4; ++e) {
                        if (col + e < width) {
                            out[col + e] = __float2bfloat16_rn(dGate[e]);
                            out[width + col + e] = __float2bfloat16_rn(dUp[e]);
                        }
                    }
                }
            } else if (col < width) {
                *reinterpret_cast<unsigned*>(args.out.values + row * args.out.stride + col) =
                    quantizeFour(y, quantizer, codeSum);
            }
        }
        if constexpr (!kBackward) {
            float total[1] = {static_cast<float>(codeSum)};
            sumRow<R::kThreads>(total, scratch);
            storeQuantized<R>(args.out, row, total[0], quantizer);
        }
    }
    if constexpr (kBackward)
        storePartial<R>(dInner, args.partial, 0, width);
}

// 32 x 32 threads: a column of threads adds every 32nd group of one column of values.
__global__ void __launch_bounds__(1024)
    sumPartialsKernel(const float* partial, int groups, std::int64_t width, NormGradients out)
{
    __shared__ float sums[32][33];
    const int lane = threadIdx.x % 32, part = threadIdx.x / 32;
    const std::int64_t col = std::int64_t(blockIdx.x) * 32 + lane;
    float sum = 0.0f;
    if (col < width) {
        const float* column = partial + std::int64_t(blockIdx.y) * groups * width + col;
        for (int group = part; group < groups; group += 32)
            sum += column[group * width];
    }
    sums[part][lane] = sum;
    __syncthreads();
    if (part == 0 && col < width) {
        float total = 0.0f;
        for (int i = 0; i < 32; ++i)
            total += sums[i][lane];
        out.gradients[blockIdx.y][col] += total;
    }
}

// Backward kernels keep sums over many rows; forward ones need nothing of a row after it.
template <class R, bool kBackward>
unsigned blocks(int groups, std::int64_t tokens)
{
    return static_cast<unsigned>(kBackward ? groups / R::kRowsPerBlock
                                           : ceilDivide(tokens, R::kRowsPerBlock));
}

template <bool kBackward>
void launchNorm(const NormArguments& arguments, cudaStream_t stream)
{
    withRow(arguments.width, [&](auto row) {
        using R = decltype(row);
        const unsigned grid = blocks<R, kBackward>(arguments.groups, arguments.tokens);
        if (arguments.count == 3)
            normKernel<R, 3, kBackward><<<grid, R::kBlockThreads, 0, stream>>>(arguments);
        else
            normKernel<R, 1, kBackward><<<grid, R::kBlockThreads, 0, stream>>>(arguments);
    });
    checkCuda(cudaGetLastError());
}

template <bool kBackward>
void launchGate(const GateArguments& arguments, cudaStream_t stream)
{
    withRow(arguments.width, [&](auto row) {
        using R = decltype(row);
        gateKernel<R, kBackward>
            <<<blocks<R, kBackward>(arguments.groups, arguments.tokens), R::kBlockThreads, 0, stream>>>(
                arguments);
    });
    checkCuda(cudaGetLastError());
}

template <bool kBackward>
void launchGlu(const GluArguments& arguments, cudaStream_t stream)
{
    withRow(arguments.width, [&](auto row) {
        using R = decltype(row);
        gluKernel<R, kBackward>
            <<<blocks<R, kBackward>(arguments.groups, arguments.tokens), R::kBlockThreads, 0, stream>>>(
                arguments);
    });
    checkCuda(cudaGetLastError());
}

} // namespace

static_assert(kWidestTrainingRow == kWidestRow);

std::int64_t rowGroups(std::int64_t width, std::int64_t tokens, int multiprocessors)
{
    std::int64_t groups = 0;
    withRow(width, [&](auto row) {
        using R = decltype(row);
        const std::int64_t fullBlocks = std::max(1, 1024 / R::kBlockThreads) * std::int64_t(multiprocessors);
        groups = std::min(fullBlocks, ceilDivide(tokens, R::kRowsPerBlock)) * R::kRowsPerBlock;
    });
    return groups;
}

void launchNormForward(const NormArguments& arguments, cudaStream_t stream)
{
    launchNorm<false>(arguments, stream);
}
void launchNormBackward(const NormArguments& arguments, cudaStream_t stream)
{
    launchNorm<true>(arguments, stream);
}
void launchGateForward(const GateArguments& arguments, cudaStream_t stream)
{
    launchGate<false>(arguments, stream);
}
void launchGateBackward(const GateArguments& arguments, cudaStream_t stream)
{
    launchGate<true>(arguments, stream);
}
void launchGluForward(const GluArguments& arguments, cudaStream_t stream)
{
    launchGlu<false>(arguments, stream);
}
void launchGluBackward(const GluArguments& arguments, cudaStream_t stream)
{
    launchGlu<true>(arguments, stream);
}

void launchSumPartials(const float* partial, int groups, std::int64_t width, const NormGradients& out,
                       cudaStream_t stream)
{
    const dim3 grid(static_cast<unsigned>(ceilDivide(width, 32)), static_cast<unsigned>(out.count));
    sumPartialsKernel<<<grid, 1024, 0, stream>>>(partial, groups, width, out);
    checkCuda(cudaGetLastError());
}

} // namespace mmfree::cuda
