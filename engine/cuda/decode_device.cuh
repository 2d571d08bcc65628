// Device building blocks of the decode kernel: exchange between blocks without barriers, the stream of packed
// weights into shared memory, reductions over a thread block. Included by decode_kernel.cu only.
#pragma once

#include "engine/cuda/packed_layout.h"

#include <cstdint>
#include <cuda_runtime.h>

namespace mmfree::cuda
{

// ---- exchange: a value is its own flag. The lowest mantissa bit of every exchanged float tells odd from
// even uses of its slot, so a reader polls the value itself until the bit turns: one trip through the L2
// instead of the store, fence, counter, poll and load of a barrier, and nothing to clear. A slot is used
// again four exchanges later, which its owner reaches only after every block has answered exchanges that
// depend on the first use. The cost is half a unit in the last place of what other blocks see. ----

__device__ __forceinline__ void publish(float* address, float value, unsigned tag)
{
    const unsigned bits = (__float_as_uint(value) & ~1u) | tag;
    asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" ::"l"(address), "r"(bits) : "memory");
}

__device__ __forceinline__ uint4 peek(const float* address)
{
    uint4 word;
    asm volatile("ld.relaxed.gpu.global.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(word.x), "=r"(word.y), "=r"(word.z), "=r"(word.w)
                 : "l"(address)
                 : "memory");
    return word;
}

__device__ __forceinline__ bool arrived(const uint4& word, unsigned tag)
{
    const unsigned differ = (word.x ^ tag) | (word.y ^ tag) | (word.z ^ tag) | (word.w ^ tag);
    return (differ & 1u) == 0;
}

// Without the tags: what a value means must not depend on how often its slot was used before.
__device__ __forceinline__ float4 asFloats(const uint4& word)
{
    return make_float4(__uint_as_float(word.x & ~1u), __uint_as_float(word.y & ~1u),
                       __uint_as_float(word.z & ~1u), __uint_as_float(word.w & ~1u));
}

// Polls until every lane's four floats at its `address` have arrived (lanes with wanted == false are not
// waited for). The whole warp polls together and stays converged. Gives up after some seconds (or when
// another block has), so that a lost block can never hang the device; the host then reports the failure.
__device__ __forceinline__ float4 await(const float* address, uint4 word, unsigned tag, bool wanted,
                                        unsigned* failure)
{
    unsigned attempt = 0;
    while (!__all_sync(0xFFFFFFFFu, arrived(word, tag) || !wanted)) {
        word = peek(address);
        if (++attempt % 4096 == 0) {
            if (*reinterpret_cast<volatile unsigned*>(failure) != 0 || attempt > (1u << 22)) {
                *reinterpret_cast<volatile unsigned*>(failure) = 1;
                break;
            }
        }
    }
    return asFloats(word);
}

// ---- asynchronous copies of packed weights ----

__device__ __forceinline__ unsigned sharedAddress(const void* pointer)
{
    return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}
__device__ __forceinline__ void copyAsync16(unsigned shared, const void* global)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared), "l"(global) : "memory");
}
__device__ __forceinline__ uint4 loadShared16(unsigned address)
{
    uint4 word;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(word.x), "=r"(word.y), "=r"(word.z), "=r"(word.w)
                 : "r"(address)
                 : "memory");
    return word;
}
__device__ __forceinline__ void copyAsyncCommit()
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}
template <int kPending>
__device__ __forceinline__ void copyAsyncWait()
{
    asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

// acc + sum of four (unsigned code byte) * (signed activation byte)
__device__ __forceinline__ int dotCodes(unsigned codes, unsigned activations, int sum)
{
    int out;
    asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(out) : "r"(codes), "r"(activations), "r"(sum));
    return out;
}

// Blocks of one warp in one phase: a contiguous stretch of the layer's packed weights.
struct WarpRange {
    unsigned firstBlock; // within the layer (head: within the head)
    int count;
    int group,
        step; // of the first: which quad (times matrices) of this thread block's, which 512 columns of it
};

// Keeps kDepth blocks of the warp's own weights in flight, across phases and layers. Every lane copies
// exactly the 16 bytes it will read itself, so no synchronisation between lanes is needed.
template <int kDepth>
class WeightStream
{
public:
    // weights: at this lane. ring: [kDepth, 32] 16-byte words, at this lane.
    __device__ WeightStream(const uint4* weights, const uint4* ring, const WarpRange* ranges,
                            std::int64_t layerBlocks, int layerPhases, bool head)
        : m_weights(weights)
        , m_ranges(ranges)
        , m_layerBlocks(layerBlocks)
        , m_layerPhases(layerPhases)
        , m_phases(layerPhases + (head ? 1 : 0))
        , m_slot(sharedAddress(ring))
        , m_end(m_slot + kDepth * kBlockBytes)
    {
        enterPhase();
        for (int i = 0; i < kDepth; ++i)
            fetch();
    }

    // Next block's 16 bytes of this lane.
    __device__ __forceinline__ uint4 take()
    {
        copyAsyncWait<kDepth - 1>();
        return loadShared16(m_slot);
    }
    // Call after the value taken has been used: refills its slot.
    __device__ __forceinline__ void fetch()
    {
        if (m_left == 0)
            advance();
        if (m_left > 0)
            copyAsync16(m_slot, m_next);
        m_next += 32;
        --m_left;
        copyAsyncCommit();
        m_slot += kBlockBytes;
        if (m_slot == m_end)
            m_slot -= kDepth * kBlockBytes;
    }

private:
    // To the next phase with blocks for this warp; past the last, m_left stays below 1.
    __device__ void advance()
    {
        while (m_left == 0 && m_phase + 1 < m_phases) {
            ++m_phase;
            enterPhase();
        }
    }
    __device__ void enterPhase()
    {
        const WarpRange& range = m_ranges[m_phase == m_layerPhases ? 4 : m_phase & 3];
        m_next = m_weights + ((m_phase >> 2) * m_layerBlocks + range.firstBlock) * 32;
        m_left = range.count;
    }

    const uint4* m_weights;
    const WarpRange* m_ranges;
    std::int64_t m_layerBlocks;
    int m_layerPhases, m_phases;
    int m_phase = 0, m_left = 0;
    unsigned m_slot, m_end;
    const uint4* m_next = nullptr;
};

// ---- reductions over the thread block, in a fixed order ----

// What norms and quantisers need to know of a whole vector.
struct Moments {
    float squares = 0.0f;                  // sum of x^2
    float normSquares = 0.0f;              // sum of (x w)^2, w the outer norm's weight
    float largest[3] = {0.0f, 0.0f, 0.0f}; // max |x w v_k|, v_k the inner norms' weights
};

__device__ __forceinline__ float warpSum(float value)
{
#pragma unroll
    for (int offset = 16; offset > 0; offset >>= 1)
        value += __shfl_xor_sync(0xFFFFFFFFu, value, offset);
    return value;
}

// Approximations good to a unit or two in the last place, without the branches for denormals.
__device__ __forceinline__ float reciprocal(float x)
{
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
__device__ __forceinline__ float inverseRoot(float x)
{
    float y;
    asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// Largest of non-negative floats: their bit patterns order like integers.
__device__ __forceinline__ float warpMax(float value)
{
    return __uint_as_float(__reduce_max_sync(0xFFFFFFFFu, __float_as_uint(value)));
}

template <int kProducts>
__device__ __forceinline__ void warpMoments(Moments& own)
{
    own.squares = warpSum(own.squares);
    own.normSquares = warpSum(own.normSquares);
#pragma unroll
    for (int k = 0; k < kProducts; ++k)
        own.largest[k] = warpMax(own.largest[k]);
}

// scratch: [kWarps][8] floats. Contains one __syncthreads.
template <int kWarps, int kProducts>
__device__ __forceinline__ Moments reduceMoments(Moments own, float* scratch)
{
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    warpMoments<kProducts>(own);
    if (lane == 0) {
        reinterpret_cast<float4*>(scratch)[warp * 2] =
            make_float4(own.squares, own.normSquares, own.largest[0], own.largest[1]);
        if constexpr (kProducts > 1)
            scratch[warp * 8 + 4] = own.largest[2];
    }
    __syncthreads();
    const float4 line = reinterpret_cast<const float4*>(scratch)[lane % kWarps * 2];
    Moments total;
    total.squares = line.x;
    total.normSquares = line.y;
#pragma unroll
    for (int offset = kWarps / 2; offset > 0; offset >>= 1) {
        total.squares += __shfl_xor_sync(0xFFFFFFFFu, total.squares, offset);
        total.normSquares += __shfl_xor_sync(0xFFFFFFFFu, total.normSquares, offset);
    }
    total.largest[0] = warpMax(line.z);
    if constexpr (kProducts > 1) {
        total.largest[1] = warpMax(line.w);
        total.largest[2] = warpMax(scratch[lane % kWarps * 8 + 4]);
    }
    return total;
}

__device__ __forceinline__ float sigmoid(float x)
{
    return reciprocal(1.0f + expf(-x));
}
// expf(88.8) is infinite and its reciprocal 0: silu's limit.
__device__ __forceinline__ float silu(float x)
{
    return x * sigmoid(x);
}

// Round half away from zero. No clamp: |value| <= 127 (1 + 2^-20) by the choice of the scale, so it stays in
// int8.
__device__ __forceinline__ int quantize(float value)
{
    return __float2int_rz(value + copysignf(0.5f, value));
}

__device__ __forceinline__ unsigned packBytes(int a, int b, int c, int d)
{
    return (a & 0xFF) | ((b & 0xFF) << 8) | ((c & 0xFF) << 16) | (static_cast<unsigned>(d) << 24);
}

} // namespace mmfree::cuda
