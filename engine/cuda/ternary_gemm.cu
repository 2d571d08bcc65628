// Ternary weights times int8 activations of many tokens on 8-bit tensor cores, exact in 32 bits.
//
// A thread block makes 128 rows x 128 tokens; eight warps of 64 x 32. Columns come 128 at a time through a
// ring of four stages in shared memory: the packed codes (4 KiB) and the activations (16 KiB). Codes 0..2 are
// unpacked in registers into unsigned bytes, so the sums are of (w + 1) q; the sum of q, known per token, is
// subtracted at the end.
//
// The order of columns within a tensor-core step is free as long as both operands agree: lane (group g,
// thread t) takes the 16 columns 16 t .. 16 t + 15 of a stretch of 64, which is one packed word of its weight
// row and one 16-byte load of its token, and spreads them over two m16n8k32 steps. Traffic: codes once per
// 128 tokens, activations once per 128 rows (from the L2), 4 bytes per output.
#include "engine/cuda/device_memory.h"
#include "engine/cuda/ternary_gemm.h"

namespace mmfree::cuda
{

namespace
{

constexpr int kTileRows = 128, kTileTokens = 128, kTileCols = 128;
constexpr int kTileQuads = kTileRows / kQuadRows;
constexpr int kStages = 4;
constexpr int kGemmThreads = 256;
constexpr int kCodeBytes = kTileRows * kTileCols / 4;
constexpr int kActivationBytes = kTileTokens * kTileCols;
constexpr int kStageBytes = kCodeBytes + kActivationBytes;

__device__ __forceinline__ void copyAsync16Or0(unsigned char* shared, const void* global, bool inside)
{
    const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    const int bytes = inside ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global), "r"(bytes)
                 : "memory");
}

__device__ __forceinline__ void multiplyAccumulate(int (&c)[4], unsigned a0, unsigned a1, unsigned a2,
                                                   unsigned a3, unsigned b0, unsigned b1)
{
    asm("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// Odd and even quads of a 16-row tile lie 64 bytes apart modulo the 128 bytes of all banks, in either mode.
__device__ __forceinline__ int codePiece(int quad, int piece)
{
    return piece ^ (((quad ^ (quad >> 1)) & 1) << 2);
}

template <bool kPairs>
__device__ void loadStage(const GemmGeometry& g, unsigned char* stage, std::int64_t firstQuad,
                          std::int64_t firstToken, int chunk)
{
    {
        const int quad = threadIdx.x / 8, piece = threadIdx.x % 8;
        const std::int64_t index = firstQuad + quad;
        const std::int64_t packedQuad = kPairs ? index : index * g.matrices + g.which;
        const bool inside = index < g.virtualQuads;
        const unsigned char* source = g.packed +
                                      ((inside ? packedQuad : 0) * g.steps + chunk / 4) * kBlockBytes +
                                      (chunk % 4) * 128 + piece * 16;
        copyAsync16Or0(stage + quad * 128 + codePiece(quad, piece) * 16, source, inside);
    }
    unsigned char* activations = stage + kCodeBytes;
#pragma unroll
    for (int i = 0; i < kActivationBytes / 16 / kGemmThreads; ++i) {
        const int index = threadIdx.x + i * kGemmThreads;
        const int token = index / 8, piece = index % 8;
        const bool inside = firstToken + token < g.tokens;
        const std::int8_t* source =
            g.values + (inside ? firstToken + token : 0) * g.stride + chunk * kTileCols + piece * 16;
        copyAsync16Or0(activations + (piece / 4) * (kTileTokens * 64) + token * 64 + (piece % 4) * 16, source,
                       inside);
    }
}

template <bool kPairs>
__device__ void multiplyStage(const unsigned char* stage, int warpRow, int warpToken, int lane,
                              int (&sum)[4][4][4])
{
    const int group = lane / 4, column = lane % 4;
    const unsigned char* activations = stage + kCodeBytes;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        unsigned low[4], high[4];
#pragma unroll
        for (int m = 0; m < 4; ++m) {
            const int quad = warpRow * 16 + m * 4 + (group / 4) * (kPairs ? 2 : 1);
            const int other = quad + (kPairs ? 1 : 2);
            const int word = (group % 4) * 4;
            low[m] = *reinterpret_cast<const unsigned*>(stage + quad * 128 +
                                                        codePiece(quad, half * 4 + column) * 16 + word);
            high[m] = *reinterpret_cast<const unsigned*>(stage + other * 128 +
                                                         codePiece(other, half * 4 + column) * 16 + word);
        }
#pragma unroll
        for (int n = 0; n < 4; ++n) {
            const int token = warpToken * 32 + n * 8 + group;
            const uint4 b = *reinterpret_cast<const uint4*>(activations + half * (kTileTokens * 64) +
                                                            token * 64 + column * 16);
#pragma unroll
            for (int m = 0; m < 4; ++m) {
                multiplyAccumulate(sum[m][n], low[m] & 0x03030303u, high[m] & 0x03030303u,
                                   (low[m] >> 2) & 0x03030303u, (high[m] >> 2) & 0x03030303u, b.x, b.y);
                multiplyAccumulate(sum[m][n], (low[m] >> 4) & 0x03030303u, (high[m] >> 4) & 0x03030303u,
                                   (low[m] >> 6) & 0x03030303u, (high[m] >> 6) & 0x03030303u, b.z, b.w);
            }
        }
    }
}

template <GemmOutput kMode>
__device__ void storeTile(const GemmGeometry& g, const TokenFactors<kTileTokens>& factors,
                          std::int64_t firstQuad, std::int64_t firstToken, int warpRow, int warpToken,
                          int lane, const int (&sum)[4][4][4])
{
    const int group = lane / 4, column = lane % 4;
#pragma unroll
    for (int n = 0; n < 4; ++n) {
#pragma unroll
        for (int side = 0; side < 2; ++side) {
            const std::int64_t token = firstToken + warpToken * 32 + n * 8 + column * 2 + side;
            if (token >= g.tokens)
                continue;
            const float factor = factors.factor[token - firstToken];
            const int codeSum = factors.codeSum[token - firstToken];
            float* out = g.out + token * g.rows;
#pragma unroll
            for (int m = 0; m < 4; ++m) {
                const std::int64_t quad = firstQuad + warpRow * 16 + m * 4;
                const float low = static_cast<float>(sum[m][n][side] - codeSum) * factor;
                const float high = static_cast<float>(sum[m][n][2 + side] - codeSum) * factor;
                storePair<kMode>(g, out, quad, group, low, high);
            }
        }
    }
}

template <GemmOutput kMode>
__global__ void __launch_bounds__(kGemmThreads, 2) ternaryGemmKernel(const __grid_constant__ GemmBatch batch)
{
    const GemmGeometry& g = batch.products[blockIdx.z];
    constexpr bool kPairs = kMode == GemmOutput::SwiGlu;
    extern __shared__ __align__(128) unsigned char shared[];
    __shared__ TokenFactors<kTileTokens> factors; // visible to all after the first barrier
    const std::int64_t firstQuad = static_cast<std::int64_t>(blockIdx.y) * kTileQuads;
    const std::int64_t firstToken = static_cast<std::int64_t>(blockIdx.x) * kTileTokens;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int warpRow = warp / 4, warpToken = warp % 4;
    const int chunks = g.steps * (kStepColumns / kTileCols);
    int sum[4][4][4] = {};
    factors.load(g, firstToken);
#pragma unroll
    for (int i = 0; i < kStages - 1; ++i) {
        if (i < chunks)
            loadStage<kPairs>(g, shared + i * kStageBytes, firstQuad, firstToken, i);
        copyAsyncCommit();
    }
    for (int chunk = 0; chunk < chunks; ++chunk) {
        copyAsyncWait<kStages - 2>();
        __syncthreads();
        const int ahead = chunk + kStages - 1;
        if (ahead < chunks)
            loadStage<kPairs>(g, shared + (ahead % kStages) * kStageBytes, firstQuad, firstToken, ahead);
        copyAsyncCommit();
        multiplyStage<kPairs>(shared + (chunk % kStages) * kStageBytes, warpRow, warpToken, lane, sum);
    }
    copyAsyncWait<0>();
    storeTile<kMode>(g, factors, firstQuad, firstToken, warpRow, warpToken, lane, sum);
}

template <GemmOutput kMode>
void launchMode(const GemmBatch& batch, cudaStream_t stream)
{
    const GemmGeometry& geometry = batch.products[0];
    constexpr int kSharedBytes = kStages * kStageBytes;
    checkCuda(cudaFuncSetAttribute(ternaryGemmKernel<kMode>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   kSharedBytes));
    const dim3 grid(static_cast<unsigned>(ceilDivide(geometry.tokens, kTileTokens)),
                    static_cast<unsigned>(ceilDivide(geometry.virtualQuads, kTileQuads)),
                    static_cast<unsigned>(batch.count));
    ternaryGemmKernel<kMode><<<grid, kGemmThreads, kSharedBytes, stream>>>(batch);
    checkCuda(cudaGetLastError());
}

// From here the wider tiles of the Hopper kernel are filled well enough.
constexpr std::int64_t kSm90Tokens = 160;

bool isHopper()
{
    int device = 0, major = 0, minor = 0;
    checkCuda(cudaGetDevice(&device));
    checkCuda(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
    checkCuda(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
    return major == 9 && minor == 0;
}

GemmGeometry makeGeometry(const TernaryGemmArguments& arguments)
{
    return {
        .packed = static_cast<const unsigned char*>(arguments.packed),
        .virtualQuads = arguments.shape.quads() * (arguments.mode == GemmOutput::SwiGlu ? 2 : 1),
        .steps = static_cast<int>(arguments.shape.steps()),
        .matrices = arguments.shape.matrices,
        .which = arguments.which,
        .values = arguments.input.values,
        .stride = arguments.input.stride,
        .inverseScales = arguments.input.inverseScales,
        .codeSums = arguments.input.codeSums,
        .scale = arguments.scale,
        .tokens = arguments.tokens,
        .rows = arguments.shape.rows,
        .out = arguments.out,
    };
}

} // namespace

void launchTernaryGemm(const TernaryGemmArguments& arguments, cudaStream_t stream)
{
    launchTernaryGemms({&arguments, 1}, stream);
}

void launchTernaryGemms(std::span<const TernaryGemmArguments> products, cudaStream_t stream)
{
    const GemmOutput mode = products.front().mode;
    GemmBatch batch{};
    for (const TernaryGemmArguments& arguments : products)
        batch.products[batch.count++] = makeGeometry(arguments);
    if (products.front().tokens >= kSm90Tokens && isHopper()) {
        launchTernaryGemmSm90(batch, mode, stream);
        return;
    }
    switch (mode) {
    case GemmOutput::Store:
        launchMode<GemmOutput::Store>(batch, stream);
        break;
    case GemmOutput::Add:
        launchMode<GemmOutput::Add>(batch, stream);
        break;
    case GemmOutput::SwiGlu:
        launchMode<GemmOutput::SwiGlu>(batch, stream);
        break;
    }
}

} // namespace mmfree::cuda
