// Tiles of 64 queries x 64 keys, four warps of 16 rows each. Forward: a block owns 64 queries of one head and
// walks over the keys with a running softmax (arXiv:2205.14135). Backward: one kernel owns 64 keys and walks
// over the queries, another owns 64 queries and walks over the keys; products are made twice, but no sum is
// shared between blocks, so that the same input gives the same bits. Scores stay in registers: the result of
// a 16 x 8 product has the layout of the next product's first operand.
#include "engine/cuda/attention_kernels.h"
#include "engine/cuda/decode_device.cuh"
#include "engine/cuda/device_memory.h"

namespace mmfree::cuda
{

namespace
{

using bf16 = __nv_bfloat16;

constexpr int kTile = 64;
constexpr int kThreads = 128;

// ---- operands ----

__device__ __forceinline__ void loadMatrices(unsigned (&out)[4], const bf16* address)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                 : "r"(sharedAddress(address))
                 : "memory");
}
__device__ __forceinline__ void loadMatricesTransposed(unsigned (&out)[4], const bf16* address)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                 : "r"(sharedAddress(address))
                 : "memory");
}
// First operand [16 rows][16 inner] stored by rows.
__device__ __forceinline__ void loadFirst(unsigned (&out)[4], const bf16* tile, int row, int inner,
                                          int stride)
{
    const int lane = threadIdx.x % 32;
    loadMatrices(out, tile + (row + lane % 16) * stride + inner + lane / 16 * 8);
}
// Second operands of two products, [16 cols][16 inner] stored by columns.
__device__ __forceinline__ void loadSecond(unsigned (&out)[4], const bf16* tile, int col, int inner,
                                           int stride)
{
    const int lane = threadIdx.x % 32;
    loadMatrices(out, tile + (col + lane / 16 * 8 + lane % 8) * stride + inner + lane / 8 % 2 * 8);
}
// The same from [16 inner][16 cols] stored by inner index.
__device__ __forceinline__ void loadSecondByInner(unsigned (&out)[4], const bf16* tile, int inner, int col,
                                                  int stride)
{
    const int lane = threadIdx.x % 32;
    loadMatricesTransposed(out, tile + (inner + lane / 8 % 2 * 8 + lane % 8) * stride + col + lane / 16 * 8);
}
__device__ __forceinline__ void multiplyAdd(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
                 "{%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
__device__ __forceinline__ unsigned pack(float low, float high)
{
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<const unsigned*>(&pair);
}

// 16 bytes more than a row: eight rows of a matrix fall on different banks.
template <int kHead>
constexpr int kStride = kHead + 8;

// Copies 64 rows of a head into a tile; rows from `rows` on and columns from headSize on become 0.
template <int kHead>
__device__ __forceinline__ void loadTile(bf16* tile, const bf16* source, std::int64_t stride,
                                         std::int64_t rows, int headSize, bool vectors)
{
    constexpr int kVectors = kHead / 8;
    for (int i = threadIdx.x; i < kTile * kVectors; i += kThreads) {
        const int row = i / kVectors, col = i % kVectors * 8;
        uint4 value{};
        if (row < rows && col < headSize) {
            if (vectors) {
                value = *reinterpret_cast<const uint4*>(source + row * stride + col);
            } else {
                bf16 single[8];
                for (int e = 0; e < 8; ++e)
                    single[e] = col + e < headSize ? source[row * stride + col + e] : __float2bfloat16(0.0f);
                value = *reinterpret_cast<const uint4*>(single);
            }
        }
        *reinterpret_cast<uint4*>(tile + row * kStride<kHead> + col) = value;
    }
}

// scores[n] += rows of `first` times rows of `second`: 16 x 64 over kHead.
template <int kHead>
__device__ __forceinline__ void multiplyRows(float (&scores)[8][4], const bf16* first, int firstRow,
                                             const bf16* second)
{
#pragma unroll
    for (int inner = 0; inner < kHead; inner += 16) {
        unsigned a[4];
        loadFirst(a, first, firstRow, inner, kStride<kHead>);
#pragma unroll
        for (int n = 0; n < 4; ++n) {
            unsigned b[4];
            loadSecond(b, second, n * 16, inner, kStride<kHead>);
            multiplyAdd(scores[2 * n], a, b[0], b[1]);
            multiplyAdd(scores[2 * n + 1], a, b[2], b[3]);
        }
    }
}

// sums += weights (16 x 64, as they come out of products) times the 64 rows of `tile`.
template <int kHead>
__device__ __forceinline__ void multiplyWeights(float (&sums)[kHead / 8][4], const float (&weights)[8][4],
                                                const bf16* tile)
{
#pragma unroll
    for (int k = 0; k < 4; ++k) {
        const unsigned a[4] = {pack(weights[2 * k][0], weights[2 * k][1]),
                               pack(weights[2 * k][2], weights[2 * k][3]),
                               pack(weights[2 * k + 1][0], weights[2 * k + 1][1]),
                               pack(weights[2 * k + 1][2], weights[2 * k + 1][3])};
#pragma unroll
        for (int n = 0; n < kHead / 16; ++n) {
            unsigned b[4];
            loadSecondByInner(b, tile, k * 16, n * 16, kStride<kHead>);
            multiplyAdd(sums[2 * n], a, b[0], b[1]);
            multiplyAdd(sums[2 * n + 1], a, b[2], b[3]);
        }
    }
}

__device__ __forceinline__ void storePair(bf16* row, int col, int headSize, float low, float high)
{
    if (col < headSize) // head sizes are even
        *reinterpret_cast<unsigned*>(row + col) = pack(low, high);
}

template <int kHead>
__device__ __forceinline__ void storeRows(const float (&sums)[kHead / 8][4], bf16* out, std::int64_t stride,
                                          std::int64_t rows, int headSize, float lowFactor, float highFactor)
{
    const int lane = threadIdx.x % 32, row = threadIdx.x / 32 * 16 + lane / 4;
#pragma unroll
    for (int n = 0; n < kHead / 8; ++n) {
        const int col = n * 8 + lane % 4 * 2;
        if (row < rows)
            storePair(out + row * stride, col, headSize, sums[n][0] * lowFactor, sums[n][1] * lowFactor);
        if (row + 8 < rows)
            storePair(out + (row + 8) * stride, col, headSize, sums[n][2] * highFactor,
                      sums[n][3] * highFactor);
    }
}

template <class T>
__device__ __forceinline__ T* headOf(const HeadRows<T>& rows, std::int64_t sequence, std::int64_t token,
                                     std::int64_t head, std::int64_t headSize)
{
    return rows.data + sequence * rows.sequence + token * rows.stride + head * headSize;
}

// ---- forward ----

template <int kHead>
__global__ void __launch_bounds__(kThreads)
    attentionKernel(const __grid_constant__ AttentionArguments args, bool vectors)
{
    __shared__ __align__(16) bf16 queryTile[kTile * kStride<kHead>];
    extern __shared__ __align__(16) unsigned char dynamic[];
    bf16* keyTile = reinterpret_cast<bf16*>(dynamic);
    bf16* valueTile = keyTile + kTile * kStride<kHead>;
    const int headSize = static_cast<int>(args.shape.headSize), warp = threadIdx.x / 32,
              lane = threadIdx.x % 32;
    // Late tiles see the most keys: they start first.
    const std::int64_t firstQuery = (std::int64_t(gridDim.x) - 1 - blockIdx.x) * kTile;
    const std::int64_t head = blockIdx.y, sequence = blockIdx.z;
    const std::int64_t keyHead = head / (args.shape.heads / args.shape.keyValueHeads);
    const std::int64_t queries = min(std::int64_t(kTile), args.length - firstQuery);
    const std::int64_t keys = args.first + firstQuery + queries; // the last query sees this many
    const float scale = 1.4426950408889634f / sqrtf(static_cast<float>(headSize)); // in powers of two
    loadTile<kHead>(queryTile, headOf(args.queries, sequence, firstQuery, head, headSize),
                    args.queries.stride, queries, headSize, vectors);
    float sums[kHead / 8][4] = {};
    float largest[2] = {-INFINITY, -INFINITY}, total[2] = {};
    for (std::int64_t firstKey = 0; firstKey < keys; firstKey += kTile) {
        __syncthreads();
        const std::int64_t count = min(std::int64_t(kTile), keys - firstKey);
        loadTile<kHead>(keyTile, headOf(args.keys, sequence, firstKey, keyHead, headSize), args.keys.stride,
                        count, headSize, vectors);
        loadTile<kHead>(valueTile, headOf(args.values, sequence, firstKey, keyHead, headSize),
                        args.values.stride, count, headSize, vectors);
        __syncthreads();
        float scores[8][4] = {};
        multiplyRows<kHead>(scores, queryTile, warp * 16, keyTile);
        const std::int64_t position = args.first + firstQuery + warp * 16 + lane / 4;
        float top[2] = {largest[0], largest[1]};
#pragma unroll
        for (int n = 0; n < 8; ++n) {
#pragma unroll
            for (int e = 0; e < 4; ++e) {
                const std::int64_t key = firstKey + n * 8 + lane % 4 * 2 + e % 2;
                scores[n][e] = key <= position + e / 2 * 8 ? scores[n][e] * scale : -INFINITY;
                top[e / 2] = fmaxf(top[e / 2], scores[n][e]);
            }
        }
        float keep[2], added[2] = {};
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            top[i] = fmaxf(top[i], __shfl_xor_sync(0xFFFFFFFFu, top[i], 1));
            top[i] = fmaxf(top[i], __shfl_xor_sync(0xFFFFFFFFu, top[i], 2));
            keep[i] = largest[i] == -INFINITY ? 0.0f : exp2f(largest[i] - top[i]);
            largest[i] = top[i];
        }
#pragma unroll
        for (int n = 0; n < 8; ++n) {
#pragma unroll
            for (int e = 0; e < 4; ++e) {
                scores[n][e] = scores[n][e] == -INFINITY ? 0.0f : exp2f(scores[n][e] - largest[e / 2]);
                added[e / 2] += scores[n][e];
            }
        }
        total[0] = total[0] * keep[0] + added[0];
        total[1] = total[1] * keep[1] + added[1];
#pragma unroll
        for (int n = 0; n < kHead / 8; ++n) {
#pragma unroll
            for (int e = 0; e < 4; ++e)
                sums[n][e] *= keep[e / 2];
        }
        multiplyWeights<kHead>(sums, scores, valueTile);
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        total[i] += __shfl_xor_sync(0xFFFFFFFFu, total[i], 1);
        total[i] += __shfl_xor_sync(0xFFFFFFFFu, total[i], 2);
    }
    storeRows<kHead>(sums, headOf(args.out, sequence, firstQuery, head, headSize), args.out.stride, queries,
                     headSize, 1.0f / total[0], 1.0f / total[1]);
    if (args.logSums && lane % 4 == 0) {
        float* out = args.logSums + (sequence * args.shape.heads + head) * args.length + firstQuery;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const int row = warp * 16 + lane / 4 + i * 8;
            if (row < queries)
                out[row] = (largest[i] + log2f(total[i])) * 0.6931471805599453f;
        }
    }
}

// ---- backward ----

// One warp per row: dOut . out.
__global__ void alongOutKernel(const __grid_constant__ AttentionGradientArguments args)
{
    const std::int64_t row = (std::int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
    const std::int64_t heads = args.shape.heads;
    if (row >= args.batch * heads * args.length)
        return;
    const std::int64_t token = row % args.length, head = row / args.length % heads,
                       sequence = row / args.length / heads;
    const bf16* out = headOf(args.out, sequence, token, head, args.shape.headSize);
    const bf16* dOut = headOf(args.dOut, sequence, token, head, args.shape.headSize);
    float sum = 0.0f;
    for (std::int64_t i = threadIdx.x % 32; i < args.shape.headSize; i += 32)
        sum += __bfloat162float(out[i]) * __bfloat162float(dOut[i]);
    sum = warpSum(sum);
    if (threadIdx.x % 32 == 0)
        args.alongOut[row] = sum;
}

struct BackwardTiles {
    bf16 *own, *ownGradient, *other, *otherGradient;
    float *logSums, *alongOut; // [64]
};
template <int kHead>
__device__ __forceinline__ BackwardTiles backwardTiles(unsigned char* shared)
{
    bf16* tiles = reinterpret_cast<bf16*>(shared);
    constexpr int kSize = kTile * kStride<kHead>;
    float* floats = reinterpret_cast<float*>(tiles + 4 * kSize);
    return {tiles, tiles + kSize, tiles + 2 * kSize, tiles + 3 * kSize, floats, floats + kTile};
}
template <int kHead>
constexpr int kBackwardBytes = 4 * kTile* kStride<kHead> * 2 + 2 * kTile * 4;

// A block owns 64 keys of one key head; scores are transposed: rows are keys, columns queries.
template <int kHead>
__global__ void __launch_bounds__(kThreads)
    attentionKeysBackwardKernel(const __grid_constant__ AttentionGradientArguments args, bool vectors)
{
    extern __shared__ __align__(16) unsigned char dynamic[];
    const BackwardTiles tiles = backwardTiles<kHead>(dynamic); // own: keys, values; other: queries, dOut
    const int headSize = static_cast<int>(args.shape.headSize), warp = threadIdx.x / 32,
              lane = threadIdx.x % 32;
    const std::int64_t firstKey = std::int64_t(blockIdx.x) * kTile, keyHead = blockIdx.y,
                       sequence = blockIdx.z;
    const std::int64_t group = args.shape.heads / args.shape.keyValueHeads;
    const std::int64_t keys = min(std::int64_t(kTile), args.length - firstKey);
    const float scale = 1.0f / sqrtf(static_cast<float>(headSize));
    loadTile<kHead>(tiles.own, headOf(args.keys, sequence, firstKey, keyHead, headSize), args.keys.stride,
                    keys, headSize, vectors);
    loadTile<kHead>(tiles.ownGradient, headOf(args.values, sequence, firstKey, keyHead, headSize),
                    args.values.stride, keys, headSize, vectors);
    float dKeys[kHead / 8][4] = {}, dValues[kHead / 8][4] = {};
    for (std::int64_t head = keyHead * group; head < (keyHead + 1) * group; ++head) {
        for (std::int64_t firstQuery = firstKey; firstQuery < args.length; firstQuery += kTile) {
            const std::int64_t queries = min(std::int64_t(kTile), args.length - firstQuery);
            __syncthreads();
            loadTile<kHead>(tiles.other, headOf(args.queries, sequence, firstQuery, head, headSize),
                            args.queries.stride, queries, headSize, vectors);
            loadTile<kHead>(tiles.otherGradient, headOf(args.dOut, sequence, firstQuery, head, headSize),
                            args.dOut.stride, queries, headSize, vectors);
            if (threadIdx.x < kTile) {
                const std::int64_t row =
                    (sequence * args.shape.heads + head) * args.length + firstQuery + threadIdx.x;
                const bool inside = threadIdx.x < queries;
                tiles.logSums[threadIdx.x] = inside ? args.logSums[row] : 0.0f;
                tiles.alongOut[threadIdx.x] = inside ? args.alongOut[row] : 0.0f;
            }
            __syncthreads();
            float weights[8][4] = {}, dWeights[8][4] = {};
            multiplyRows<kHead>(weights, tiles.own, warp * 16, tiles.other);
            multiplyRows<kHead>(dWeights, tiles.ownGradient, warp * 16, tiles.otherGradient);
            const int key = warp * 16 + lane / 4;
#pragma unroll
            for (int n = 0; n < 8; ++n) {
#pragma unroll
                for (int e = 0; e < 4; ++e) {
                    const int query = n * 8 + lane % 4 * 2 + e % 2;
                    const bool seen = query < queries && firstKey + key + e / 2 * 8 <= firstQuery + query;
                    weights[n][e] = seen ? __expf(weights[n][e] * scale - tiles.logSums[query]) : 0.0f;
                    dWeights[n][e] = weights[n][e] * (dWeights[n][e] - tiles.alongOut[query]) * scale;
                }
            }
            multiplyWeights<kHead>(dValues, weights, tiles.otherGradient);
            multiplyWeights<kHead>(dKeys, dWeights, tiles.other);
        }
    }
    storeRows<kHead>(dKeys, headOf(args.dKeys, sequence, firstKey, keyHead, headSize), args.dKeys.stride,
                     keys, headSize, 1.0f, 1.0f);
    storeRows<kHead>(dValues, headOf(args.dValues, sequence, firstKey, keyHead, headSize),
                     args.dValues.stride, keys, headSize, 1.0f, 1.0f);
}

// A block owns 64 queries of one head.
template <int kHead>
__global__ void __launch_bounds__(kThreads)
    attentionQueriesBackwardKernel(const __grid_constant__ AttentionGradientArguments args, bool vectors)
{
    extern __shared__ __align__(16) unsigned char dynamic[];
    const BackwardTiles tiles = backwardTiles<kHead>(dynamic); // own: queries, dOut; other: keys, values
    const int headSize = static_cast<int>(args.shape.headSize), warp = threadIdx.x / 32,
              lane = threadIdx.x % 32;
    const std::int64_t firstQuery = (std::int64_t(gridDim.x) - 1 - blockIdx.x) * kTile;
    const std::int64_t head = blockIdx.y, sequence = blockIdx.z;
    const std::int64_t keyHead = head / (args.shape.heads / args.shape.keyValueHeads);
    const std::int64_t queries = min(std::int64_t(kTile), args.length - firstQuery);
    const float scale = 1.0f / sqrtf(static_cast<float>(headSize));
    loadTile<kHead>(tiles.own, headOf(args.queries, sequence, firstQuery, head, headSize),
                    args.queries.stride, queries, headSize, vectors);
    loadTile<kHead>(tiles.ownGradient, headOf(args.dOut, sequence, firstQuery, head, headSize),
                    args.dOut.stride, queries, headSize, vectors);
    float logSum[2], along[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        const std::int64_t query = warp * 16 + lane / 4 + i * 8;
        const std::int64_t row = (sequence * args.shape.heads + head) * args.length + firstQuery + query;
        logSum[i] = query < queries ? args.logSums[row] : 0.0f;
        along[i] = query < queries ? args.alongOut[row] : 0.0f;
    }
    float dQueries[kHead / 8][4] = {};
    for (std::int64_t firstKey = 0; firstKey < firstQuery + queries; firstKey += kTile) {
        const std::int64_t keys = min(std::int64_t(kTile), args.length - firstKey);
        __syncthreads();
        loadTile<kHead>(tiles.other, headOf(args.keys, sequence, firstKey, keyHead, headSize),
                        args.keys.stride, keys, headSize, vectors);
        loadTile<kHead>(tiles.otherGradient, headOf(args.values, sequence, firstKey, keyHead, headSize),
                        args.values.stride, keys, headSize, vectors);
        __syncthreads();
        float weights[8][4] = {}, dWeights[8][4] = {};
        multiplyRows<kHead>(weights, tiles.own, warp * 16, tiles.other);
        multiplyRows<kHead>(dWeights, tiles.ownGradient, warp * 16, tiles.otherGradient);
        const std::int64_t query = firstQuery + warp * 16 + lane / 4;
#pragma unroll
        for (int n = 0; n < 8; ++n) {
#pragma unroll
            for (int e = 0; e < 4; ++e) {
                const std::int64_t key = firstKey + n * 8 + lane % 4 * 2 + e % 2;
                const float weight =
                    key <= query + e / 2 * 8 ? __expf(weights[n][e] * scale - logSum[e / 2]) : 0.0f;
                dWeights[n][e] = weight * (dWeights[n][e] - along[e / 2]) * scale;
            }
        }
        multiplyWeights<kHead>(dQueries, dWeights, tiles.other);
    }
    storeRows<kHead>(dQueries, headOf(args.dQueries, sequence, firstQuery, head, headSize),
                     args.dQueries.stride, queries, headSize, 1.0f, 1.0f);
}

// Calls with the padded head width.
template <class F>
void withHead(std::int64_t headSize, F&& call)
{
    if (headSize <= 32)
        call(std::integral_constant<int, 32>());
    else if (headSize <= 64)
        call(std::integral_constant<int, 64>());
    else
        call(std::integral_constant<int, 128>());
}

template <class T>
bool readsVectors(const HeadRows<T>& rows, std::int64_t headSize)
{
    return reinterpret_cast<std::uintptr_t>(rows.data) % 16 == 0 && rows.stride % 8 == 0 &&
           rows.sequence % 8 == 0 && headSize % 8 == 0;
}

unsigned tiles(std::int64_t length)
{
    return static_cast<unsigned>((length + kTile - 1) / kTile);
}

} // namespace

void launchAttention(const AttentionArguments& arguments, cudaStream_t stream)
{
    const std::int64_t headSize = arguments.shape.headSize;
    const bool vectors = readsVectors(arguments.queries, headSize) &&
                         readsVectors(arguments.keys, headSize) && readsVectors(arguments.values, headSize);
    const dim3 grid(tiles(arguments.length), static_cast<unsigned>(arguments.shape.heads),
                    static_cast<unsigned>(arguments.batch));
    withHead(headSize, [&](auto width) {
        constexpr int kHead = decltype(width)::value;
        constexpr int kBytes = 2 * kTile * kStride<kHead> * 2;
        checkCuda(cudaFuncSetAttribute(attentionKernel<kHead>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                       kBytes));
        attentionKernel<kHead><<<grid, kThreads, kBytes, stream>>>(arguments, vectors);
    });
    checkCuda(cudaGetLastError());
}

void launchAttentionBackward(const AttentionGradientArguments& arguments, cudaStream_t stream)
{
    const std::int64_t headSize = arguments.shape.headSize;
    const bool vectors = readsVectors(arguments.queries, headSize) &&
                         readsVectors(arguments.keys, headSize) && readsVectors(arguments.values, headSize) &&
                         readsVectors(arguments.dOut, headSize);
    const std::int64_t rows = arguments.batch * arguments.shape.heads * arguments.length;
    alongOutKernel<<<static_cast<unsigned>((rows + 7) / 8), 256, 0, stream>>>(arguments);
    withHead(headSize, [&](auto width) {
        constexpr int kHead = decltype(width)::value;
        for (const auto kernel : {attentionKeysBackwardKernel<kHead>, attentionQueriesBackwardKernel<kHead>})
            checkCuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                           kBackwardBytes<kHead>));
        const unsigned batch = static_cast<unsigned>(arguments.batch);
        attentionKeysBackwardKernel<kHead>
            <<<dim3(tiles(arguments.length), static_cast<unsigned>(arguments.shape.keyValueHeads), batch),
               kThreads, kBackwardBytes<kHead>, stream>>>(arguments, vectors);
        attentionQueriesBackwardKernel<kHead>
            <<<dim3(tiles(arguments.length), static_cast<unsigned>(arguments.shape.heads), batch), kThreads,
               kBackwardBytes<kHead>, stream>>>(arguments, vectors);
    });
    checkCuda(cudaGetLastError());
}

} // namespace mmfree::cuda
