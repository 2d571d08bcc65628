// Cross entropy, embedding gradients, ternary copies of the parameters, gradient norm and AdamW. All are
// bound by memory: cross entropy reads its logits twice (the second time from cache) and writes 2 bytes for
// each; AdamW moves 32 bytes a parameter; ternary copies read 8 and write 2.25.
#include "engine/cuda/decode_device.cuh"
#include "engine/cuda/device_memory.h"
#include "engine/cuda/training_kernels.h"

#include <algorithm>

namespace mmfree::cuda
{

namespace
{

using bf16 = __nv_bfloat16;

constexpr int kLossThreads = 256;
constexpr int kSumThreads = 1024;

// Largest logit and the sum of exponentials relative to it.
struct SoftmaxSum {
    float largest = -INFINITY, sum = 0.0f;
    __device__ void add(float value)
    {
        if (value > largest) {
            sum = sum * expf(largest - value) + 1.0f;
            largest = value;
        } else {
            sum += expf(value - largest);
        }
    }
    __device__ void add(const SoftmaxSum& other)
    {
        if (other.sum == 0.0f)
            return;
        const float top = fmaxf(largest, other.largest);
        sum = (sum == 0.0f ? 0.0f : sum * expf(largest - top)) + other.sum * expf(other.largest - top);
        largest = top;
    }
};

__device__ SoftmaxSum blockSoftmaxSum(SoftmaxSum own, SoftmaxSum* scratch)
{
#pragma unroll
    for (int offset = 16; offset > 0; offset >>= 1) {
        SoftmaxSum other;
        other.largest = __shfl_xor_sync(0xFFFFFFFFu, own.largest, offset);
        other.sum = __shfl_xor_sync(0xFFFFFFFFu, own.sum, offset);
        // Both lanes add in the same order, so that all lanes agree to the last bit.
        SoftmaxSum low = threadIdx.x & offset ? other : own, high = threadIdx.x & offset ? own : other;
        low.add(high);
        own = low;
    }
    if (threadIdx.x % 32 == 0)
        scratch[threadIdx.x / 32] = own;
    __syncthreads();
    SoftmaxSum total = scratch[0];
    for (int warp = 1; warp < kLossThreads / 32; ++warp)
        total.add(scratch[warp]);
    return total;
}

__global__ void __launch_bounds__(kLossThreads)
    crossEntropyKernel(const float* logits, const TokenId* targets, std::int64_t vocabulary,
                       float gradientScale, float* rowLoss, bf16* dLogits)
{
    __shared__ SoftmaxSum scratch[kLossThreads / 32];
    const std::int64_t row = blockIdx.x;
    const float* values = logits + row * vocabulary;
    const TokenId target = targets[row];
    const std::int64_t stride = (vocabulary + 7) / 8 * 8;
    bf16* gradient = dLogits ? dLogits + row * stride : nullptr;
    if (target < 0) {
        if (threadIdx.x == 0)
            rowLoss[row] = 0.0f;
        for (std::int64_t i = threadIdx.x; gradient && i < vocabulary; i += kLossThreads)
            gradient[i] = __float2bfloat16_rn(0.0f);
        return;
    }
    SoftmaxSum own;
    for (std::int64_t i = threadIdx.x; i < vocabulary; i += kLossThreads)
        own.add(values[i]);
    const SoftmaxSum total = blockSoftmaxSum(own, scratch);
    if (threadIdx.x == 0)
        rowLoss[row] = total.largest + logf(total.sum) - values[target];
    if (!gradient)
        return;
    const float inverse = 1.0f / total.sum;
    for (std::int64_t i = threadIdx.x; i < vocabulary; i += kLossThreads) {
        const float probability = expf(values[i] - total.largest) * inverse;
        gradient[i] = __float2bfloat16_rn((probability - (i == target ? 1.0f : 0.0f)) * gradientScale);
    }
}

// Sum over a block in double; thread 0 gets it.
__device__ double blockSum(double value, double* scratch)
{
#pragma unroll
    for (int offset = 16; offset > 0; offset >>= 1)
        value += __shfl_xor_sync(0xFFFFFFFFu, value, offset);
    if (threadIdx.x % 32 == 0)
        scratch[threadIdx.x / 32] = value;
    __syncthreads();
    double total = 0.0;
    for (unsigned warp = 0; threadIdx.x == 0 && warp < blockDim.x / 32; ++warp)
        total += scratch[warp];
    return total;
}

template <class T>
__global__ void __launch_bounds__(kSumThreads) sumKernel(const T* values, std::int64_t count, double* sum)
{
    __shared__ double scratch[kSumThreads / 32];
    double own = 0.0;
    for (std::int64_t i = threadIdx.x; i < count; i += kSumThreads)
        own += values[i];
    const double total = blockSum(own, scratch);
    if (threadIdx.x == 0)
        *sum = total;
}

// Aligned float4 reads: `values` starts on 16 bytes and `count` is a multiple of 4.
__global__ void __launch_bounds__(256) squaresKernel(const float* values, std::int64_t count, double* partial)
{
    __shared__ double scratch[8];
    double own = 0.0;
    const float4* vectors = reinterpret_cast<const float4*>(values);
    for (std::int64_t i = std::int64_t(blockIdx.x) * 256 + threadIdx.x; i < count / 4;
         i += std::int64_t(gridDim.x) * 256) {
        const float4 v = vectors[i];
        own += static_cast<double>(v.x * v.x + v.y * v.y) + static_cast<double>(v.z * v.z + v.w * v.w);
    }
    const double total = blockSum(own, scratch);
    if (threadIdx.x == 0)
        partial[blockIdx.x] = total;
}

__global__ void embedPiecesKernel(const TokenPieces pieces, const float* dX, std::int64_t width,
                                  float* partial)
{
    const std::int32_t first = pieces.first[blockIdx.x], last = pieces.first[blockIdx.x + 1];
    for (std::int64_t col = threadIdx.x; col < width; col += blockDim.x) {
        float sum = 0.0f;
#pragma unroll 4
        for (std::int32_t i = first; i < last; ++i)
            sum += dX[std::int64_t(pieces.order[i]) * width + col];
        partial[std::int64_t(blockIdx.x) * width + col] = sum;
    }
}

__global__ void embedSumKernel(const TokenPieces pieces, const float* partial, std::int64_t width,
                               float* dTable)
{
    const std::int32_t first = pieces.tokenPieces[blockIdx.x], last = pieces.tokenPieces[blockIdx.x + 1];
    float* row = dTable + std::int64_t(pieces.tokenIds[blockIdx.x]) * width;
    for (std::int64_t col = threadIdx.x; col < width; col += blockDim.x) {
        float sum = 0.0f;
#pragma unroll 4
        for (std::int32_t piece = first; piece < last; ++piece)
            sum += partial[std::int64_t(piece) * width + col];
        row[col] += sum;
    }
}

// One of kAbsoluteSumParts contiguous parts of one matrix.
__global__ void __launch_bounds__(256) absoluteSumKernel(const LatentMatrix* matrices, double* sums)
{
    __shared__ double scratch[8];
    const LatentMatrix& matrix = matrices[blockIdx.y];
    const std::int64_t count = matrix.rows * matrix.cols;
    const std::int64_t first = count * blockIdx.x / kAbsoluteSumParts / 4 * 4;
    const std::int64_t last =
        blockIdx.x + 1 == kAbsoluteSumParts ? count : count * (blockIdx.x + 1) / kAbsoluteSumParts / 4 * 4;
    double own = 0.0;
    const std::int64_t whole = first + (last - first) / 4 * 4;
    for (std::int64_t i = first + threadIdx.x * 4; i < whole; i += 256 * 4) {
        const float4 v = *reinterpret_cast<const float4*>(matrix.latent + i);
        own += static_cast<double>(fabsf(v.x)) + fabsf(v.y) + fabsf(v.z) + fabsf(v.w);
    }
    if (whole + threadIdx.x < last)
        own += fabsf(matrix.latent[whole + threadIdx.x]);
    const double total = blockSum(own, scratch);
    if (threadIdx.x == 0)
        sums[blockIdx.y * kAbsoluteSumParts + blockIdx.x] = total;
}

// clamp(round_half_even(w / m), -1, 1) + 1 of a weight already divided by m.
__device__ __forceinline__ std::uint32_t ternaryCode(float scaled)
{
    return 1u + (scaled > 0.5f) - (scaled < -0.5f);
}
// Bits of the bf16 number code - 1.
__device__ __forceinline__ std::uint32_t bf16Ternary(std::uint32_t code)
{
    return code == 1 ? 0u : code == 2 ? 0x3F80u : 0xBF80u;
}

// One thread per packed word of 16 columns; see packed_layout.h for the order of codes.
__global__ void __launch_bounds__(256) ternaryCopiesKernel(const LatentMatrix* matrices, const double* sums)
{
    __shared__ float sharedScale;
    const LatentMatrix matrix = matrices[blockIdx.y];
    if (threadIdx.x == 0) {
        double sum = 0.0;
        for (int i = 0; i < kAbsoluteSumParts; ++i)
            sum += sums[blockIdx.y * kAbsoluteSumParts + i];
        sharedScale = fmaxf(static_cast<float>(sum / static_cast<double>(matrix.rows * matrix.cols)), 1e-5f);
        if (blockIdx.x == 0)
            *matrix.scale = sharedScale;
    }
    __syncthreads();
    const float inverse = 1.0f / sharedScale;
    const std::int64_t steps = (matrix.cols + kStepColumns - 1) / kStepColumns;
    const std::int64_t words = (matrix.rows + kQuadRows - 1) / kQuadRows * steps * (kBlockBytes / 4);
    const std::int64_t stride = (matrix.cols + 7) / 8 * 8;
    for (std::int64_t word = std::int64_t(blockIdx.x) * 256 + threadIdx.x; word < words;
         word += std::int64_t(gridDim.x) * 256) {
        const std::int64_t quad = word / (kBlockBytes / 4) / steps, step = word / (kBlockBytes / 4) % steps;
        // Neighbouring threads take neighbouring columns, so that reads are contiguous.
        const int inBlock = static_cast<int>(word % (kBlockBytes / 4)), lane = inBlock % 32,
                  rowInQuad = inBlock / 32;
        const std::int64_t row = quad * kQuadRows + rowInQuad, firstCol = step * kStepColumns + lane * 16;
        std::uint32_t packed = 0;
        if (row < matrix.rows && matrix.cols % 8 == 0 && firstCol + 16 <= matrix.cols) {
            const float* latent = matrix.latent + row * matrix.cols + firstCol;
            std::uint32_t halves[8];
#pragma unroll
            for (int v = 0; v < 4; ++v) {
                const float4 four = *reinterpret_cast<const float4*>(latent + 4 * v);
                const unsigned codes[4] = {ternaryCode(four.x * inverse), ternaryCode(four.y * inverse),
                                           ternaryCode(four.z * inverse), ternaryCode(four.w * inverse)};
#pragma unroll
                for (int e = 0; e < 4; ++e)
                    packed |= codes[e] << (8 * e + 2 * v);
                halves[2 * v] = bf16Ternary(codes[0]) | bf16Ternary(codes[1]) << 16;
                halves[2 * v + 1] = bf16Ternary(codes[2]) | bf16Ternary(codes[3]) << 16;
            }
            if (matrix.ternary) {
                uint4* out = reinterpret_cast<uint4*>(matrix.ternary + row * stride + firstCol);
                out[0] = make_uint4(halves[0], halves[1], halves[2], halves[3]);
                out[1] = make_uint4(halves[4], halves[5], halves[6], halves[7]);
            }
        } else {
            for (int col = 0; col < 16; ++col) {
                std::uint32_t code = 1;
                if (row < matrix.rows && firstCol + col < matrix.cols) {
                    code = ternaryCode(matrix.latent[row * matrix.cols + firstCol + col] * inverse);
                    if (matrix.ternary)
                        matrix.ternary[row * stride + firstCol + col] =
                            __ushort_as_bfloat16(static_cast<unsigned short>(bf16Ternary(code)));
                }
                packed |= code << (8 * (col % 4) + 2 * (col / 4));
            }
        }
        matrix.packed[(quad * steps + step) * (kBlockBytes / 4) + lane * kQuadRows + rowInQuad] = packed;
    }
}

// One thread per packed word.
__global__ void __launch_bounds__(256)
    unpackTernaryKernel(const std::uint32_t* packed, std::int64_t rows, std::int64_t cols, bf16* ternary)
{
    const std::int64_t steps = (cols + kStepColumns - 1) / kStepColumns, stride = (cols + 7) / 8 * 8;
    const std::int64_t words = (rows + kQuadRows - 1) / kQuadRows * steps * (kBlockBytes / 4);
    packed += blockIdx.y * words;
    ternary += blockIdx.y * rows * stride;
    for (std::int64_t word = std::int64_t(blockIdx.x) * 256 + threadIdx.x; word < words;
         word += std::int64_t(gridDim.x) * 256) {
        const std::int64_t quad = word / (kBlockBytes / 4) / steps, step = word / (kBlockBytes / 4) % steps;
        const int inBlock = static_cast<int>(word % (kBlockBytes / 4)), lane = inBlock % 32,
                  rowInQuad = inBlock / 32;
        const std::int64_t row = quad * kQuadRows + rowInQuad, firstCol = step * kStepColumns + lane * 16;
        if (row >= rows)
            continue;
        const std::uint32_t codes =
            packed[(quad * steps + step) * (kBlockBytes / 4) + lane * kQuadRows + rowInQuad];
        std::uint32_t halves[8];
#pragma unroll
        for (int i = 0; i < 8; ++i) { // columns 2 i and 2 i + 1 are bytes 2 (i % 2) and the next, bits i / 2
            const int shift = 8 * (2 * i % 4) + 2 * (2 * i / 4);
            halves[i] = bf16Ternary((codes >> shift) & 3u) | bf16Ternary((codes >> (shift + 8)) & 3u) << 16;
        }
        uint4* out = reinterpret_cast<uint4*>(ternary + row * stride + firstCol);
        if (firstCol < stride)
            out[0] = make_uint4(halves[0], halves[1], halves[2], halves[3]);
        if (firstCol + 8 < stride)
            out[1] = make_uint4(halves[4], halves[5], halves[6], halves[7]);
    }
}

struct AdamwStep {
    float learningRate, beta1, beta2, epsilon, decay, gradientScale, correction1, correction2;
    __device__ void operator()(float& parameter, float& gradient, float& first, float& second) const
    {
        const float g = gradient * gradientScale;
        first = beta1 * first + (1.0f - beta1) * g;
        second = beta2 * second + (1.0f - beta2) * g * g;
        parameter = parameter * (1.0f - learningRate * decay) -
                    learningRate * (first / correction1) / (sqrtf(second / correction2) + epsilon);
        gradient = 0.0f;
    }
};

__global__ void __launch_bounds__(256) adamwKernel(const __grid_constant__ AdamwArguments args)
{
    const UpdateChunk chunk = args.chunks[blockIdx.x];
    const AdamwStep step{args.learningRate,
                         args.beta1,
                         args.beta2,
                         args.epsilon,
                         chunk.isMatrix ? args.matrixDecay : args.otherDecay,
                         args.gradientScale,
                         args.correction1,
                         args.correction2};
    const std::int64_t offset = chunk.offset;
    for (int i = threadIdx.x * 4; i < chunk.count / 4 * 4; i += 256 * 4) {
        float4 p = *reinterpret_cast<float4*>(args.parameters + offset + i);
        float4 g = *reinterpret_cast<float4*>(args.gradients + offset + i);
        float4 m = *reinterpret_cast<float4*>(args.firstMoment + offset + i);
        float4 v = *reinterpret_cast<float4*>(args.secondMoment + offset + i);
        step(p.x, g.x, m.x, v.x);
        step(p.y, g.y, m.y, v.y);
        step(p.z, g.z, m.z, v.z);
        step(p.w, g.w, m.w, v.w);
        *reinterpret_cast<float4*>(args.parameters + offset + i) = p;
        *reinterpret_cast<float4*>(args.gradients + offset + i) = g;
        *reinterpret_cast<float4*>(args.firstMoment + offset + i) = m;
        *reinterpret_cast<float4*>(args.secondMoment + offset + i) = v;
    }
    const std::int64_t rest = offset + chunk.count / 4 * 4 + threadIdx.x;
    if (rest < offset + chunk.count)
        step(args.parameters[rest], args.gradients[rest], args.firstMoment[rest], args.secondMoment[rest]);
}

} // namespace

void launchCrossEntropy(const float* logits, const TokenId* targets, std::int64_t tokens,
                        std::int64_t vocabulary, float gradientScale, float* rowLoss, bf16* dLogits,
                        cudaStream_t stream)
{
    crossEntropyKernel<<<static_cast<unsigned>(tokens), kLossThreads, 0, stream>>>(
        logits, targets, vocabulary, gradientScale, rowLoss, dLogits);
    checkCuda(cudaGetLastError());
}

void launchSum(const float* values, std::int64_t count, double* sum, cudaStream_t stream)
{
    sumKernel<<<1, kSumThreads, 0, stream>>>(values, count, sum);
    checkCuda(cudaGetLastError());
}

void launchSumOfSquares(const float* values, std::int64_t count, double* partial, double* sum,
                        cudaStream_t stream)
{
    squaresKernel<<<kSquareParts, 256, 0, stream>>>(values, count, partial);
    sumKernel<<<1, kSumThreads, 0, stream>>>(partial, kSquareParts, sum);
    checkCuda(cudaGetLastError());
}

void launchEmbedBackward(const TokenPieces& pieces, const float* dX, std::int64_t width, float* partial,
                         float* dTable, cudaStream_t stream)
{
    const unsigned threads = static_cast<unsigned>(std::min<std::int64_t>(ceilDivide(width, 32) * 32, 256));
    embedPiecesKernel<<<static_cast<unsigned>(pieces.pieces), threads, 0, stream>>>(pieces, dX, width,
                                                                                    partial);
    embedSumKernel<<<static_cast<unsigned>(pieces.tokens), threads, 0, stream>>>(pieces, partial, width,
                                                                                 dTable);
    checkCuda(cudaGetLastError());
}

void launchTernaryCopies(const LatentMatrix* matrices, int count, double* sums, std::int64_t largestWords,
                         cudaStream_t stream)
{
    absoluteSumKernel<<<dim3(kAbsoluteSumParts, static_cast<unsigned>(count)), 256, 0, stream>>>(matrices,
                                                                                                 sums);
    const unsigned blocks = static_cast<unsigned>(std::min<std::int64_t>(ceilDivide(largestWords, 256), 512));
    ternaryCopiesKernel<<<dim3(blocks, static_cast<unsigned>(count)), 256, 0, stream>>>(matrices, sums);
    checkCuda(cudaGetLastError());
}

void launchUnpackTernary(const std::uint32_t* packed, std::int64_t rows, std::int64_t cols, int count,
                         bf16* ternary, cudaStream_t stream)
{
    const std::int64_t words = static_cast<std::int64_t>(PackedShape{.rows = rows, .cols = cols}.bytes() / 4);
    const unsigned blocks = static_cast<unsigned>(std::min<std::int64_t>(ceilDivide(words, 256), 4096));
    unpackTernaryKernel<<<dim3(blocks, static_cast<unsigned>(count)), 256, 0, stream>>>(packed, rows, cols,
                                                                                        ternary);
    checkCuda(cudaGetLastError());
}

void launchAdamw(const AdamwArguments& arguments, cudaStream_t stream)
{
    adamwKernel<<<static_cast<unsigned>(arguments.chunkCount), 256, 0, stream>>>(arguments);
    checkCuda(cudaGetLastError());
}

} // namespace mmfree::cuda
