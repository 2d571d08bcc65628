// Sums and maxima over a thread block that works on one row, in a fixed order. For blocks of kRowThreads
// threads.
#pragma once

#include "engine/cuda/decode_device.cuh"

namespace mmfree::cuda
{

inline constexpr int kRowThreads = 256;
inline constexpr int kRowWarps = kRowThreads / 32;

// scratch: [kRowWarps] floats of shared memory. Every thread gets the result.
__device__ inline float rowSum(float value, float* scratch)
{
    value = warpSum(value);
    __syncthreads();
    if (threadIdx.x % 32 == 0)
        scratch[threadIdx.x / 32] = value;
    __syncthreads();
    float total = 0.0f;
    for (int warp = 0; warp < kRowWarps; ++warp)
        total += scratch[warp];
    return total;
}

// value >= 0
__device__ inline float rowMax(float value, float* scratch)
{
    value = warpMax(value);
    __syncthreads();
    if (threadIdx.x % 32 == 0)
        scratch[threadIdx.x / 32] = value;
    __syncthreads();
    float largest = 0.0f;
    for (int warp = 0; warp < kRowWarps; ++warp)
        largest = fmaxf(largest, scratch[warp]);
    return largest;
}

__device__ inline int rowSumInt(int value, float* scratch)
{
    value = __reduce_add_sync(0xFFFFFFFFu, value);
    __syncthreads();
    if (threadIdx.x % 32 == 0)
        scratch[threadIdx.x / 32] = __int_as_float(value);
    __syncthreads();
    int total = 0;
    for (int warp = 0; warp < kRowWarps; ++warp)
        total += __float_as_int(scratch[warp]);
    return total;
}

} // namespace mmfree::cuda
