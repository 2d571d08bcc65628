// All are bound by memory: norms read 4 bytes and write 2 (backward 4 + 2 + 4 and 4 + 2), SwiGLU reads 4 and
// writes 2 (backward 6 and 6), rotary positions read and write 2 per value.
#include "engine/cuda/dense_kernels.h"
#include "engine/cuda/device_memory.h"
#include "engine/cuda/training_row.cuh"

#include <algorithm>

namespace mmfree::cuda
{

namespace
{

template <class R, bool kBackward>
__global__ void __launch_bounds__(R::kBlockThreads)
    halfNormKernel(const __grid_constant__ HalfNormArguments args)
{
    __shared__ float scratch[R::kScratch];
    const std::int64_t width = args.width, stride = paddedColumns(width);
    const bool aligned = width % 4 == 0;
    float dWeight[R::kValues] = {};
    for (std::int64_t row = R::group(); row < args.tokens; row += R::groups()) {
        Vector x[R::kVectors], gradient[R::kVectors];
        float sums[2] = {};
#pragma unroll
        for (int v = 0; v < R::kVectors; ++v) {
            const std::int64_t col = R::column(v);
            loadFour(x[v], args.x + row * width, col, width, aligned);
            if constexpr (kBackward) {
                Vector weight;
                loadFour(gradient[v], args.dY + row * stride, col, width);
                loadWeights(weight, args.weight, col, width);
#pragma unroll
                for (int e = 0; e < 4; ++e)
                    sums[1] += gradient[v][e] * weight[e] * x[v][e];
            } else if (args.copy) {
                storeFour(x[v], args.copy + row * width, col, width, aligned);
            }
#pragma unroll
            for (int e = 0; e < 4; ++e)
                sums[0] += x[v][e] * x[v][e];
        }
        sumRow<R::kThreads>(sums, scratch);
        const float r = 1.0f / sqrtf(sums[0] / static_cast<float>(width) + args.eps);
        const float along = r * r * r * sums[1] / static_cast<float>(width);
#pragma unroll
        for (int v = 0; v < R::kVectors; ++v) {
            const std::int64_t col = R::column(v);
            Vector weight;
            loadWeights(weight, args.weight, col, width);
            if constexpr (kBackward) {
                Vector dX = {};
                if (args.accumulate)
                    loadFour(dX, args.dX + row * width, col, width, aligned);
#pragma unroll
                for (int e = 0; e < 4; ++e) {
                    dWeight[v * 4 + e] += gradient[v][e] * x[v][e] * r;
                    dX[e] += r * gradient[v][e] * weight[e] - along * x[v][e];
                }
                storeFour(dX, args.dX + row * width, col, width, aligned);
                storeFour(dX, args.dXHalf + row * stride, col, width);
            } else {
                Vector y;
#pragma unroll
                for (int e = 0; e < 4; ++e)
                    y[e] = x[v][e] * r * weight[e];
                storeFour(y, args.out + row * stride, col, width);
            }
        }
    }
    if constexpr (kBackward) {
        float* row = args.partial + R::group() * width;
#pragma unroll
        for (int v = 0; v < R::kVectors; ++v) {
#pragma unroll
            for (int e = 0; e < 4; ++e) {
                if (R::column(v) + e < width)
                    row[R::column(v) + e] = dWeight[v * 4 + e];
            }
        }
    }
}

template <bool kBackward>
void launchNorm(const HalfNormArguments& arguments, cudaStream_t stream)
{
    withRow(arguments.width, [&](auto row) {
        using R = decltype(row);
        const std::int64_t blocks =
            kBackward ? arguments.groups / R::kRowsPerBlock : ceilDivide(arguments.tokens, R::kRowsPerBlock);
        halfNormKernel<R, kBackward>
            <<<static_cast<unsigned>(blocks), R::kBlockThreads, 0, stream>>>(arguments);
    });
    checkCuda(cudaGetLastError());
}

__global__ void rotaryTableKernel(std::int64_t first, std::int64_t positions, std::int64_t half, double theta,
                                  float2* table)
{
    const std::int64_t index = std::int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (index >= positions * half)
        return;
    const double angle = static_cast<double>(first + index / half) *
                         pow(theta, -static_cast<double>(index % half) / static_cast<double>(half));
    double sine, cosine;
    sincos(angle, &sine, &cosine);
    table[index] = make_float2(static_cast<float>(cosine), static_cast<float>(sine));
}

__global__ void rotaryHalfKernel(bf16* x, std::int64_t length, std::int64_t stride, std::int64_t heads,
                                 std::int64_t half, const float2* table, float direction)
{
    const std::int64_t token = blockIdx.x;
    bf16* row = x + token * stride;
    const float2* angles = table + token % length * half;
    for (std::int64_t i = threadIdx.x; i < heads * half; i += blockDim.x) {
        const std::int64_t at = i / half * 2 * half + i % half;
        const float2 turn = angles[i % half];
        const float sine = turn.y * direction;
        const float a = __bfloat162float(row[at]), b = __bfloat162float(row[at + half]);
        row[at] = __float2bfloat16_rn(a * turn.x - b * sine);
        row[at + half] = __float2bfloat16_rn(b * turn.x + a * sine);
    }
}

// Four values of a row's g and u; widths that are no multiple of 4 have unaligned halves.
__device__ __forceinline__ void loadGate(Vector& out, const bf16* row, std::int64_t col, std::int64_t width,
                                         bool aligned)
{
    if (aligned) {
        loadFour(out, row, col, width);
        return;
    }
#pragma unroll
    for (int e = 0; e < 4; ++e)
        out[e] = col + e < width ? __bfloat162float(row[col + e]) : 0.0f;
}
__device__ __forceinline__ void storeGate(const Vector& value, bf16* row, std::int64_t col,
                                          std::int64_t width, bool aligned)
{
    if (aligned) {
        storeFour(value, row, col, width);
        return;
    }
#pragma unroll
    for (int e = 0; e < 4; ++e) {
        if (col + e < width)
            row[col + e] = __float2bfloat16_rn(value[e]);
    }
}

template <bool kBackward>
__global__ void __launch_bounds__(256)
    swiGluHalfKernel(const bf16* gateUp, const bf16* dOut, std::int64_t tokens, std::int64_t width,
                     bf16* dGateUp, bf16* out)
{
    const bool aligned = width % 4 == 0;
    const std::int64_t vectors = (width + 3) / 4, stride = paddedColumns(width),
                       wideStride = paddedColumns(2 * width);
    for (std::int64_t i = std::int64_t(blockIdx.x) * 256 + threadIdx.x; i < tokens * vectors;
         i += std::int64_t(gridDim.x) * 256) {
        const std::int64_t row = i / vectors, col = i % vectors * 4;
        Vector g, u, y;
        loadGate(g, gateUp + row * wideStride, col, width, aligned);
        loadGate(u, gateUp + row * wideStride + width, col, width, aligned);
#pragma unroll
        for (int e = 0; e < 4; ++e)
            y[e] = silu(g[e]) * u[e];
        storeFour(y, out + row * stride, col, width);
        if constexpr (kBackward) {
            Vector gradient, dGate, dUp;
            loadFour(gradient, dOut + row * stride, col, width);
#pragma unroll
            for (int e = 0; e < 4; ++e) {
                dGate[e] = gradient[e] * u[e] * siluDerivative(g[e]);
                dUp[e] = gradient[e] * silu(g[e]);
            }
            storeGate(dGate, dGateUp + row * wideStride, col, width, aligned);
            storeGate(dUp, dGateUp + row * wideStride + width, col, width, aligned);
        }
    }
}

__global__ void __launch_bounds__(256) halfCopiesKernel(const HalfCopy* copies)
{
    const HalfCopy copy = copies[blockIdx.y];
    const std::int64_t vectors = (copy.cols + 3) / 4, stride = paddedColumns(copy.cols);
    const bool aligned = copy.cols % 4 == 0;
    for (std::int64_t i = std::int64_t(blockIdx.x) * 256 + threadIdx.x; i < copy.rows * vectors;
         i += std::int64_t(gridDim.x) * 256) {
        const std::int64_t row = i / vectors, col = i % vectors * 4;
        Vector value;
        loadFour(value, copy.source + row * copy.cols, col, copy.cols, aligned);
        storeFour(value, copy.target + row * stride, col, copy.cols);
    }
}

unsigned elementBlocks(std::int64_t vectors)
{
    return static_cast<unsigned>(std::clamp<std::int64_t>(ceilDivide(vectors, 256), 1, 8192));
}

} // namespace

void launchHalfNorm(const HalfNormArguments& arguments, cudaStream_t stream)
{
    launchNorm<false>(arguments, stream);
}
void launchHalfNormBackward(const HalfNormArguments& arguments, cudaStream_t stream)
{
    launchNorm<true>(arguments, stream);
}

void launchRotaryTable(std::int64_t first, std::int64_t positions, std::int64_t headSize, float theta,
                       float2* table, cudaStream_t stream)
{
    const std::int64_t count = positions * headSize / 2;
    rotaryTableKernel<<<static_cast<unsigned>(ceilDivide(count, 256)), 256, 0, stream>>>(
        first, positions, headSize / 2, theta, table);
    checkCuda(cudaGetLastError());
}

void launchRotaryHalf(bf16* x, std::int64_t tokens, std::int64_t length, std::int64_t stride,
                      std::int64_t heads, std::int64_t headSize, const float2* table, bool inverse,
                      cudaStream_t stream)
{
    rotaryHalfKernel<<<static_cast<unsigned>(tokens), 256, 0, stream>>>(
        x, length, stride, heads, headSize / 2, table, inverse ? -1.0f : 1.0f);
    checkCuda(cudaGetLastError());
}

void launchSwiGluHalf(const bf16* gateUp, std::int64_t tokens, std::int64_t width, bf16* out,
                      cudaStream_t stream)
{
    swiGluHalfKernel<false><<<elementBlocks(tokens * ceilDivide(width, 4)), 256, 0, stream>>>(
        gateUp, nullptr, tokens, width, nullptr, out);
    checkCuda(cudaGetLastError());
}

void launchSwiGluHalfBackward(const bf16* gateUp, const bf16* dOut, std::int64_t tokens, std::int64_t width,
                              bf16* dGateUp, bf16* out, cudaStream_t stream)
{
    swiGluHalfKernel<true><<<elementBlocks(tokens * ceilDivide(width, 4)), 256, 0, stream>>>(
        gateUp, dOut, tokens, width, dGateUp, out);
    checkCuda(cudaGetLastError());
}

void launchHalfCopies(const HalfCopy* copies, int count, cudaStream_t stream)
{
    halfCopiesKernel<<<dim3(512, static_cast<unsigned>(count)), 256, 0, stream>>>(copies);
    checkCuda(cudaGetLastError());
}

} // namespace mmfree::cuda
