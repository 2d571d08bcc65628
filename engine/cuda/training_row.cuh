// How training kernels hold one token's row: kThreads threads with 4 * kVectors of its values each in
// registers, few enough that several blocks share a multiprocessor and hide each other's waits. Rows up to
// 256 wide belong to one warp (eight rows a block, no barriers), wider ones to a whole block. Included by the
// training kernels only.
#pragma once

#include "engine/cuda/decode_device.cuh"

#include <cuda_bf16.h>

namespace mmfree::cuda
{

using bf16 = __nv_bfloat16;

inline constexpr std::int64_t kWidestRow = 1024 * 16;

template <int kThreads_, int kVectors_>
struct Row {
    static constexpr int kThreads = kThreads_;
    static constexpr int kVectors = kVectors_;
    static constexpr int kValues = 4 * kVectors;
    static constexpr int kRowsPerBlock = kThreads == 32 ? 8 : 1;
    static constexpr int kBlockThreads = kThreads * kRowsPerBlock;
    static constexpr int kScratch = kThreads / 32 * 8; // floats of shared memory for reductions

    [[nodiscard]] static __device__ std::int64_t group()
    {
        return std::int64_t(blockIdx.x) * kRowsPerBlock + threadIdx.x / kThreads;
    }
    [[nodiscard]] static __device__ std::int64_t groups() { return std::int64_t(gridDim.x) * kRowsPerBlock; }
    // Column of the first value of vector v.
    [[nodiscard]] static __device__ std::int64_t column(int v)
    {
        return (v * kThreads + static_cast<int>(threadIdx.x) % kThreads) * 4;
    }
};

// Calls with the Row that rows of this width take.
template <class F>
void withRow(std::int64_t width, F&& call)
{
    if (width <= 256)
        call(Row<32, 2>());
    else if (width <= 512)
        call(Row<64, 2>());
    else if (width <= 1024)
        call(Row<128, 2>());
    else if (width <= 2048)
        call(Row<256, 2>());
    else if (width <= 4096)
        call(Row<512, 2>());
    else if (width <= 8192)
        call(Row<1024, 2>());
    else
        call(Row<1024, 4>());
}

// paddedWidth() of training_kernels.h, for device code.
[[nodiscard]] __device__ __forceinline__ std::int64_t paddedColumns(std::int64_t width)
{
    return (width + 7) / 8 * 8;
}

using Vector = float[4];

// Four values from `col` on; columns from width on give 0.
__device__ __forceinline__ void loadFour(Vector& out, const float* row, std::int64_t col, std::int64_t width,
                                         bool aligned)
{
    if (aligned && col < width) {
        const float4 value = *reinterpret_cast<const float4*>(row + col);
        out[0] = value.x, out[1] = value.y, out[2] = value.z, out[3] = value.w;
        return;
    }
#pragma unroll
    for (int e = 0; e < 4; ++e)
        out[e] = !aligned && col + e < width ? row[col + e] : 0.0f;
}
__device__ __forceinline__ void storeFour(const Vector& value, float* row, std::int64_t col,
                                          std::int64_t width, bool aligned)
{
    if (aligned) {
        if (col < width)
            *reinterpret_cast<float4*>(row + col) = make_float4(value[0], value[1], value[2], value[3]);
        return;
    }
#pragma unroll
    for (int e = 0; e < 4; ++e) {
        if (col + e < width)
            row[col + e] = value[e];
    }
}
// Rows of bf16 are padded to multiples of eight values, so four always lie within the row.
__device__ __forceinline__ void loadFour(Vector& out, const bf16* row, std::int64_t col, std::int64_t width)
{
    uint2 word{};
    if (col < width)
        word = *reinterpret_cast<const uint2*>(row + col);
    out[0] = __uint_as_float(word.x << 16);
    out[1] = col + 1 < width ? __uint_as_float(word.x & 0xFFFF0000u) : 0.0f;
    out[2] = col + 2 < width ? __uint_as_float(word.y << 16) : 0.0f;
    out[3] = col + 3 < width ? __uint_as_float(word.y & 0xFFFF0000u) : 0.0f;
}
__device__ __forceinline__ void storeFour(const Vector& value, bf16* row, std::int64_t col,
                                          std::int64_t width)
{
    if (col >= width)
        return;
    const __nv_bfloat162 low = __floats2bfloat162_rn(value[0], value[1]);
    const __nv_bfloat162 high = __floats2bfloat162_rn(value[2], value[3]);
    uint2 word;
    word.x = *reinterpret_cast<const unsigned*>(&low);
    word.y = *reinterpret_cast<const unsigned*>(&high);
    *reinterpret_cast<uint2*>(row + col) = word;
}
// Norm weights: their slots are padded to multiples of 16 values, so reading four is always allowed.
__device__ __forceinline__ void loadWeights(Vector& out, const float* weights, std::int64_t col,
                                            std::int64_t width)
{
    loadFour(out, weights, col, width, true);
}

// Sums and maxima (of non-negative values) over the row's threads, in a fixed order; every thread gets them.
// scratch: [Row::kScratch] floats of the block.
template <int kThreads, int kSums, int kMaxima>
__device__ __forceinline__ void reduceRow(float (&sums)[kSums], float (&maxima)[kMaxima], float* scratch)
{
#pragma unroll
    for (float& sum : sums)
        sum = warpSum(sum);
#pragma unroll
    for (float& largest : maxima)
        largest = warpMax(largest);
    if constexpr (kThreads > 32) {
        constexpr int kValues = kSums + kMaxima;
        static_assert(kValues <= 8);
        const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
        __syncthreads();
        if (lane == 0) {
#pragma unroll
            for (int i = 0; i < kSums; ++i)
                scratch[warp * kValues + i] = sums[i];
#pragma unroll
            for (int i = 0; i < kMaxima; ++i)
                scratch[warp * kValues + kSums + i] = maxima[i];
        }
        __syncthreads();
        constexpr int kWarps = kThreads / 32;
#pragma unroll
        for (int i = 0; i < kSums; ++i) {
            float sum = 0.0f;
            for (int w = 0; w < kWarps; ++w)
                sum += scratch[w * kValues + i];
            sums[i] = sum;
        }
#pragma unroll
        for (int i = 0; i < kMaxima; ++i) {
            float largest = 0.0f;
            for (int w = 0; w < kWarps; ++w)
                largest = fmaxf(largest, scratch[w * kValues + kSums + i]);
            maxima[i] = largest;
        }
    }
}
template <int kThreads, int kSums>
__device__ __forceinline__ void sumRow(float (&sums)[kSums], float* scratch)
{
    float none[1] = {};
    reduceRow<kThreads>(sums, none, scratch);
}

__device__ __forceinline__ float siluDerivative(float x)
{
    const float s = sigmoid(x);
    return s * (1.0f + x * (1.0f - s));
}

// BitLinear's activation quantiser for one row whose largest normed magnitude is `largest`.
struct RowQuantizer {
    float scale, inverse;
    __device__ explicit RowQuantizer(float largest)
    {
        const float limit = fmaxf(largest, 1e-5f);
        scale = 127.0f / limit;
        inverse = limit / 127.0f;
    }
    [[nodiscard]] __device__ int operator()(float value) const { return quantize(value * scale); }
};

} // namespace mmfree::cuda
