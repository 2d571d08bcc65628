// Matrix-vector products: a warp takes two rows (or a gate and an up row) at a time and keeps several 16-byte
// loads of weights in flight; x lies in shared memory, normed by every block for itself. 2 bytes read per
// weight: bound by memory bandwidth, or by the launch for small shapes. Attention: 4 bytes per cached
// channel.
#include "engine/cuda/decode_device.cuh"
#include "engine/cuda/dense_decode_kernels.h"
#include "engine/cuda/device_memory.h"

#include <cuda_fp16.h>

#include <algorithm>

namespace mmfree::cuda
{

namespace
{

using bf16 = __nv_bfloat16;

constexpr int kVecThreads = 256, kVecWarps = kVecThreads / 32;
constexpr int kVecRows = 2;  // of a warp at a time
constexpr int kVecLoads = 4; // 16-byte loads of a row in flight
constexpr int kAttentionThreads = 128;

__device__ __forceinline__ float low(unsigned pair)
{
    return __uint_as_float(pair << 16);
}
__device__ __forceinline__ float high(unsigned pair)
{
    return __uint_as_float(pair & 0xFFFF0000u);
}

__global__ void decodeEmbedKernel(const DecodeStep* step, const bf16* table, std::int64_t width,
                                  std::int64_t stride, float* x)
{
    const std::int64_t col = std::int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (col < width)
        x[col] = __bfloat162float(table[step->token * stride + col]);
}

__device__ float blockSum(float value, float* scratch)
{
    value = warpSum(value);
    if (threadIdx.x % 32 == 0)
        scratch[threadIdx.x / 32] = value;
    __syncthreads();
    float total = 0.0f;
    for (unsigned warp = 0; warp < blockDim.x / 32; ++warp)
        total += scratch[warp];
    return total;
}

// shared: [cols padded to 256 * 8] floats, zeros after cols. Eight columns of a lane are two float4 apart by
// 128 bytes over a warp, so that shared memory is read without conflicts: column 256 k + 8 lane + i lies at
// 256 k + (i / 4) * 128 + 4 lane + i % 4.
__device__ __forceinline__ std::int64_t place(std::int64_t col)
{
    return col / 256 * 256 + col % 8 / 4 * 128 + col % 256 / 8 * 4 + col % 4;
}

template <MatVecMode kMode>
__global__ void __launch_bounds__(kVecThreads) matVecKernel(const __grid_constant__ MatVecArguments args)
{
    extern __shared__ __align__(16) float x[];
    __shared__ float scratch[kVecWarps];
    const std::int64_t cols = args.cols, stride = (cols + 7) / 8 * 8, padded = (cols + 255) / 256 * 256;
    const std::int64_t outs = kMode == MatVecMode::SwiGlu ? args.rows / 2 : args.rows;
    float squares = 0.0f;
    for (std::int64_t col = threadIdx.x; col < padded; col += kVecThreads) {
        const float value = col < cols ? args.x[col] : 0.0f;
        squares += value * value;
        x[place(col)] = args.norm && col < cols ? value * args.norm[col] : value;
    }
    float factor = 1.0f;
    if (args.norm)
        factor = 1.0f / sqrtf(blockSum(squares, scratch) / static_cast<float>(cols) + args.eps);
    __syncthreads();
    const int lane = threadIdx.x % 32;
    const std::int64_t step = std::int64_t(gridDim.x) * kVecWarps;
    const std::int64_t perWarp = kMode == MatVecMode::SwiGlu ? 1 : kVecRows;
    for (std::int64_t item = std::int64_t(blockIdx.x) * kVecWarps + threadIdx.x / 32; item * perWarp < outs;
         item += step) {
        std::int64_t rows[kVecRows];
#pragma unroll
        for (int r = 0; r < kVecRows; ++r) {
            rows[r] = kMode == MatVecMode::SwiGlu ? item + r * outs : item * kVecRows + r;
            rows[r] = min(rows[r], args.rows - 1);
        }
        float sums[kVecRows] = {};
        for (std::int64_t col = lane * 8; col < stride; col += 256 * kVecLoads) {
            uint4 words[kVecRows][kVecLoads];
#pragma unroll
            for (int r = 0; r < kVecRows; ++r) {
#pragma unroll
                for (int i = 0; i < kVecLoads; ++i) {
                    const std::int64_t at = col + i * 256;
                    words[r][i] =
                        at < stride
                            ? __ldcs(reinterpret_cast<const uint4*>(args.weights + rows[r] * stride + at))
                            : uint4{};
                }
            }
#pragma unroll
            for (int i = 0; i < kVecLoads; ++i) {
                if (col + i * 256 >= stride)
                    break;
                const float* own = x + (col + i * 256) / 256 * 256 + lane * 4;
                const float4 a = *reinterpret_cast<const float4*>(own),
                             b = *reinterpret_cast<const float4*>(own + 128);
#pragma unroll
                for (int r = 0; r < kVecRows; ++r) {
                    const uint4& w = words[r][i];
                    sums[r] += low(w.x) * a.x + high(w.x) * a.y + low(w.y) * a.z + high(w.y) * a.w +
                               low(w.z) * b.x + high(w.z) * b.y + low(w.w) * b.z + high(w.w) * b.w;
                }
            }
        }
#pragma unroll
        for (int r = 0; r < kVecRows; ++r)
            sums[r] = warpSum(sums[r]) * factor;
        if (lane != 0)
            continue;
        if constexpr (kMode == MatVecMode::SwiGlu) {
            args.out[item] = silu(sums[0]) * sums[1];
        } else {
#pragma unroll
            for (int r = 0; r < kVecRows; ++r) {
                const std::int64_t row = item * kVecRows + r;
                if (row < outs)
                    args.out[row] = kMode == MatVecMode::Add ? args.out[row] + sums[r] : sums[r];
            }
        }
    }
}

__device__ __forceinline__ float rotated(const float* head, std::int64_t i, std::int64_t half,
                                         const float2* angles)
{
    const std::int64_t pair = i % half;
    const float2 turn = angles[pair];
    const float a = head[pair], b = head[pair + half];
    return i < half ? a * turn.x - b * turn.y : b * turn.x + a * turn.y;
}

// Block (part, head): its stretch of the cached positions, one warp per position at a time.
__global__ void __launch_bounds__(kAttentionThreads)
    decodeAttentionKernel(const __grid_constant__ DecodeAttentionArguments args)
{
    constexpr int kWarps = kAttentionThreads / 32, kChannels = 4; // of a lane: heads up to 128 wide
    __shared__ float query[128];
    __shared__ float warpLargest[kWarps], warpTotal[kWarps], warpSums[kWarps][128];
    const std::int64_t headSize = args.shape.headSize, half = headSize / 2, head = blockIdx.y,
                       part = blockIdx.x, group = args.shape.heads / args.shape.keyValueHeads,
                       keyHead = head / group;
    const std::int64_t position = args.step->position, count = position + 1;
    const float* newKey = args.queryKeyValue + (args.shape.heads + keyHead) * headSize;
    const float* newValue = newKey + args.shape.keyValueHeads * headSize;
    const float2* angles = args.rotary + position * half;
    const float scale = 1.4426950408889634f / sqrtf(static_cast<float>(headSize));
    const std::int64_t first = count * part / kAttentionParts, last = count * (part + 1) / kAttentionParts;
    const bool ownsNew = last == count && first < last;
    for (std::int64_t i = threadIdx.x; i < headSize; i += kAttentionThreads) {
        query[i] = rotated(args.queryKeyValue + head * headSize, i, half, angles) * scale;
        if (ownsNew) { // every head of a group writes the same values
            args.keys[position * args.stride + keyHead * headSize + i] =
                __float2bfloat16_rn(rotated(newKey, i, half, angles));
            args.values[position * args.stride + keyHead * headSize + i] = __float2bfloat16_rn(newValue[i]);
        }
    }
    __syncthreads();
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    float largest = -INFINITY, total = 0.0f, sums[kChannels] = {};
    for (std::int64_t t = first + warp; t < last; t += kWarps) {
        const bf16* key = args.keys + t * args.stride + keyHead * headSize;
        const bf16* value = args.values + t * args.stride + keyHead * headSize;
        float score = 0.0f, held[kChannels] = {};
#pragma unroll
        for (int c = 0; c < kChannels; ++c) {
            const int i = lane + c * 32;
            if (i < headSize) {
                score += query[i] * __bfloat162float(key[i]);
                held[c] = __bfloat162float(value[i]);
            }
        }
        score = warpSum(score);
        const float top = fmaxf(largest, score), keep = exp2f(largest - top), weight = exp2f(score - top);
        total = total * keep + weight;
#pragma unroll
        for (int c = 0; c < kChannels; ++c)
            sums[c] = sums[c] * keep + weight * held[c];
        largest = top;
    }
    if (lane == 0) {
        warpLargest[warp] = largest;
        warpTotal[warp] = total;
    }
#pragma unroll
    for (int c = 0; c < kChannels; ++c)
        warpSums[warp][lane + c * 32] = sums[c];
    __syncthreads();
    float* out = args.partial + (head * kAttentionParts + part) * (headSize + 2);
    float top = -INFINITY;
    for (int w = 0; w < kWarps; ++w)
        top = fmaxf(top, warpLargest[w]);
    for (std::int64_t i = threadIdx.x; i < headSize + 1; i += kAttentionThreads) {
        float sum = 0.0f;
        for (int w = 0; w < kWarps; ++w) {
            const float keep = warpLargest[w] == -INFINITY ? 0.0f : exp2f(warpLargest[w] - top);
            sum += keep * (i < headSize ? warpSums[w][i] : warpTotal[w]);
        }
        out[i] = sum;
    }
    if (threadIdx.x == 0)
        out[headSize + 1] = top;
}

__global__ void attentionSumKernel(const float* partial, std::int64_t headSize, float* out)
{
    const float* parts = partial + std::int64_t(blockIdx.x) * kAttentionParts * (headSize + 2);
    float top = -INFINITY;
    for (int part = 0; part < kAttentionParts; ++part)
        top = fmaxf(top, parts[part * (headSize + 2) + headSize + 1]);
    for (std::int64_t i = threadIdx.x; i < headSize; i += blockDim.x) {
        float sum = 0.0f, total = 0.0f;
        for (int part = 0; part < kAttentionParts; ++part) {
            const float* one = parts + part * (headSize + 2);
            const float keep = one[headSize + 1] == -INFINITY ? 0.0f : exp2f(one[headSize + 1] - top);
            sum += keep * one[i];
            total += keep * one[headSize];
        }
        out[blockIdx.x * headSize + i] = sum / total;
    }
}

// Block (query, head).
__global__ void attentionWeightsKernel(const bf16* queries, const bf16* keys, std::int64_t queryStride,
                                       std::int64_t keyStride, std::int64_t length, AttentionShape shape,
                                       float* weights)
{
    __shared__ float scratch[8];
    const std::int64_t t = blockIdx.x, head = blockIdx.y, headSize = shape.headSize;
    const bf16* query = queries + t * queryStride + head * headSize;
    const bf16* keyHead = keys + head / (shape.heads / shape.keyValueHeads) * headSize;
    float* row = weights + (t * shape.heads + head) * length;
    const float scale = 1.0f / sqrtf(static_cast<float>(headSize));
    float largest = -INFINITY;
    for (std::int64_t s = threadIdx.x; s < length; s += blockDim.x) {
        float score = -INFINITY;
        if (s <= t) {
            score = 0.0f;
            for (std::int64_t i = 0; i < headSize; ++i)
                score += __bfloat162float(query[i]) * __bfloat162float(keyHead[s * keyStride + i]);
            score *= scale;
        }
        row[s] = score;
        largest = fmaxf(largest, score);
    }
    for (int offset = 16; offset > 0; offset >>= 1)
        largest = fmaxf(largest, __shfl_xor_sync(0xFFFFFFFFu, largest, offset));
    if (threadIdx.x % 32 == 0)
        scratch[threadIdx.x / 32] = largest;
    __syncthreads();
    for (unsigned warp = 0; warp < blockDim.x / 32; ++warp)
        largest = fmaxf(largest, scratch[warp]);
    __syncthreads();
    float own = 0.0f;
    for (std::int64_t s = threadIdx.x; s < length; s += blockDim.x) {
        row[s] = s <= t ? expf(row[s] - largest) : 0.0f;
        own += row[s];
    }
    const float total = blockSum(own, scratch);
    for (std::int64_t s = threadIdx.x; s < length; s += blockDim.x)
        row[s] /= total;
}

__global__ void halfToFloatKernel(const bf16* x, std::int64_t width, std::int64_t stride, float* out)
{
    for (std::int64_t col = threadIdx.x; col < width; col += blockDim.x)
        out[blockIdx.x * width + col] = __bfloat162float(x[blockIdx.x * stride + col]);
}

template <class T>
__global__ void toHalfKernel(const T* source, std::int64_t cols, std::int64_t stride, bf16* out)
{
    for (std::int64_t col = threadIdx.x; col < stride; col += blockDim.x)
        out[blockIdx.x * stride + col] =
            __float2bfloat16_rn(col < cols ? static_cast<float>(source[blockIdx.x * cols + col]) : 0.0f);
}

__global__ void embedHalfKernel(const TokenId* tokens, const bf16* table, std::int64_t width,
                                std::int64_t stride, float* out)
{
    for (std::int64_t col = threadIdx.x; col < width; col += blockDim.x)
        out[blockIdx.x * width + col] = __bfloat162float(table[tokens[blockIdx.x] * stride + col]);
}

template <MatVecMode kMode>
void launchMode(const MatVecArguments& arguments, int multiprocessors, cudaStream_t stream)
{
    const std::int64_t outs = kMode == MatVecMode::SwiGlu ? arguments.rows / 2 : arguments.rows;
    const std::int64_t items = kMode == MatVecMode::SwiGlu ? outs : ceilDivide(outs, kVecRows);
    const auto bytes = static_cast<std::size_t>(ceilDivide(arguments.cols, 256) * 256) * sizeof(float);
    checkCuda(cudaFuncSetAttribute(matVecKernel<kMode>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   static_cast<int>(bytes)));
    const unsigned blocks = static_cast<unsigned>(
        std::min<std::int64_t>(ceilDivide(items, kVecWarps), std::int64_t(multiprocessors) * 4));
    matVecKernel<kMode><<<blocks, kVecThreads, bytes, stream>>>(arguments);
    checkCuda(cudaGetLastError());
}

} // namespace

void launchDecodeEmbed(const DecodeStep* step, const bf16* table, std::int64_t width, float* x,
                       cudaStream_t stream)
{
    decodeEmbedKernel<<<static_cast<unsigned>(ceilDivide(width, 256)), 256, 0, stream>>>(
        step, table, width, paddedWidth(width), x);
    checkCuda(cudaGetLastError());
}

void launchMatVec(const MatVecArguments& arguments, MatVecMode mode, int multiprocessors, cudaStream_t stream)
{
    switch (mode) {
    case MatVecMode::Store:
        launchMode<MatVecMode::Store>(arguments, multiprocessors, stream);
        break;
    case MatVecMode::Add:
        launchMode<MatVecMode::Add>(arguments, multiprocessors, stream);
        break;
    case MatVecMode::SwiGlu:
        launchMode<MatVecMode::SwiGlu>(arguments, multiprocessors, stream);
        break;
    }
}

void launchDecodeAttention(const DecodeAttentionArguments& arguments, cudaStream_t stream)
{
    const unsigned heads = static_cast<unsigned>(arguments.shape.heads);
    decodeAttentionKernel<<<dim3(kAttentionParts, heads), kAttentionThreads, 0, stream>>>(arguments);
    attentionSumKernel<<<heads, 64, 0, stream>>>(arguments.partial, arguments.shape.headSize, arguments.out);
    checkCuda(cudaGetLastError());
}

void launchAttentionWeights(const bf16* queries, const bf16* keys, std::int64_t queryStride,
                            std::int64_t keyStride, std::int64_t length, const AttentionShape& shape,
                            float* weights, cudaStream_t stream)
{
    attentionWeightsKernel<<<dim3(static_cast<unsigned>(length), static_cast<unsigned>(shape.heads)), 256, 0,
                             stream>>>(queries, keys, queryStride, keyStride, length, shape, weights);
    checkCuda(cudaGetLastError());
}

void launchHalfToFloat(const bf16* x, std::int64_t tokens, std::int64_t width, std::int64_t stride,
                       float* out, cudaStream_t stream)
{
    halfToFloatKernel<<<static_cast<unsigned>(tokens), 256, 0, stream>>>(x, width, stride, out);
    checkCuda(cudaGetLastError());
}

void launchToHalf(const void* source, DType type, std::int64_t rows, std::int64_t cols, bf16* out,
                  cudaStream_t stream)
{
    const unsigned blocks = static_cast<unsigned>(rows);
    const std::int64_t stride = paddedWidth(cols);
    if (type == DType::BF16)
        toHalfKernel<<<blocks, 256, 0, stream>>>(static_cast<const bf16*>(source), cols, stride, out);
    else if (type == DType::F16)
        toHalfKernel<<<blocks, 256, 0, stream>>>(static_cast<const __half*>(source), cols, stride, out);
    else
        toHalfKernel<<<blocks, 256, 0, stream>>>(static_cast<const float*>(source), cols, stride, out);
    checkCuda(cudaGetLastError());
}

void launchEmbedHalf(const TokenId* tokens, std::int64_t count, const bf16* table, std::int64_t width,
                     float* out, cudaStream_t stream)
{
    embedHalfKernel<<<static_cast<unsigned>(count), 256, 0, stream>>>(tokens, table, width,
                                                                      paddedWidth(width), out);
    checkCuda(cudaGetLastError());
}

} // namespace mmfree::cuda
