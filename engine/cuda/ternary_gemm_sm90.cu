// The ternary product on Hopper's asynchronous tensor-core instructions (sm_90a): about twice the rate of the
// portable kernel in ternary_gemm.cu, which has the same contract and explains the codes.
//
// A thread block makes 128 rows x 256 tokens with two warpgroups of 64 rows each. Both operands lie in shared
// memory in the 128-byte swizzle that the instruction reads. Columns come 128 at a time through five stages;
// while the tensor cores work on one, every warp unpacks its own 16 rows of the next and the one after that
// is copied.
#include "engine/cuda/decode_device.cuh"
#include "engine/cuda/device_memory.h"
#include "engine/cuda/ternary_gemm.h"

namespace mmfree::cuda
{

namespace
{

constexpr int kTileRows = 128, kTileTokens = 256, kTileCols = 128;
constexpr int kTileQuads = kTileRows / kQuadRows;
constexpr int kStages = 5;
constexpr int kGemmThreads = 256;
constexpr int kCodeBytes = kTileRows * kTileCols / 4;
constexpr int kActivationBytes = kTileTokens * kTileCols;
constexpr int kStageBytes = kActivationBytes + kCodeBytes;
constexpr int kWeightBytes = kTileRows * kTileCols;
constexpr int kSharedBytes =
    kStages * kStageBytes + 2 * kWeightBytes + 1024; // stages start on 1024-byte boundaries

__device__ __forceinline__ void copyAsync16Or0(unsigned shared, const void* global, bool inside)
{
    const int bytes = inside ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared), "l"(global), "r"(bytes)
                 : "memory");
}

__device__ __forceinline__ void productsFence()
{
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ __forceinline__ void productsCommit()
{
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
template <int kPending>
__device__ __forceinline__ void productsWait()
{
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}

// d += a * b for 64 rows x 256 tokens x 32 columns; a and b describe shared memory.
__device__ __forceinline__ void multiplyAsync(int (&d)[128], std::uint64_t a, std::uint64_t b)
{
    asm volatile(
        "{\n"
        ".reg .pred accumulate;\n"
        "setp.eq.u32 accumulate, 0, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n256k32.s32.u8.s8 {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
        "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
        "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "
        "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "
        "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "
        "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "
        "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127}, "
        "%128, %129, accumulate;\n"
        "}\n"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]), "+r"(d[4]), "+r"(d[5]), "+r"(d[6]), "+r"(d[7]),
          "+r"(d[8]), "+r"(d[9]), "+r"(d[10]), "+r"(d[11]), "+r"(d[12]), "+r"(d[13]), "+r"(d[14]),
          "+r"(d[15]), "+r"(d[16]), "+r"(d[17]), "+r"(d[18]), "+r"(d[19]), "+r"(d[20]), "+r"(d[21]),
          "+r"(d[22]), "+r"(d[23]), "+r"(d[24]), "+r"(d[25]), "+r"(d[26]), "+r"(d[27]), "+r"(d[28]),
          "+r"(d[29]), "+r"(d[30]), "+r"(d[31]), "+r"(d[32]), "+r"(d[33]), "+r"(d[34]), "+r"(d[35]),
          "+r"(d[36]), "+r"(d[37]), "+r"(d[38]), "+r"(d[39]), "+r"(d[40]), "+r"(d[41]), "+r"(d[42]),
          "+r"(d[43]), "+r"(d[44]), "+r"(d[45]), "+r"(d[46]), "+r"(d[47]), "+r"(d[48]), "+r"(d[49]),
          "+r"(d[50]), "+r"(d[51]), "+r"(d[52]), "+r"(d[53]), "+r"(d[54]), "+r"(d[55]), "+r"(d[56]),
          "+r"(d[57]), "+r"(d[58]), "+r"(d[59]), "+r"(d[60]), "+r"(d[61]), "+r"(d[62]), "+r"(d[63]),
          "+r"(d[64]), "+r"(d[65]), "+r"(d[66]), "+r"(d[67]), "+r"(d[68]), "+r"(d[69]), "+r"(d[70]),
          "+r"(d[71]), "+r"(d[72]), "+r"(d[73]), "+r"(d[74]), "+r"(d[75]), "+r"(d[76]), "+r"(d[77]),
          "+r"(d[78]), "+r"(d[79]), "+r"(d[80]), "+r"(d[81]), "+r"(d[82]), "+r"(d[83]), "+r"(d[84]),
          "+r"(d[85]), "+r"(d[86]), "+r"(d[87]), "+r"(d[88]), "+r"(d[89]), "+r"(d[90]), "+r"(d[91]),
          "+r"(d[92]), "+r"(d[93]), "+r"(d[94]), "+r"(d[95]), "+r"(d[96]), "+r"(d[97]), "+r"(d[98]),
          "+r"(d[99]), "+r"(d[100]), "+r"(d[101]), "+r"(d[102]), "+r"(d[103]), "+r"(d[104]), "+r"(d[105]),
          "+r"(d[106]), "+r"(d[107]), "+r"(d[108]), "+r"(d[109]), "+r"(d[110]), "+r"(d[111]), "+r"(d[112]),
          "+r"(d[113]), "+r"(d[114]), "+r"(d[115]), "+r"(d[116]), "+r"(d[117]), "+r"(d[118]), "+r"(d[119]),
          "+r"(d[120]), "+r"(d[121]), "+r"(d[122]), "+r"(d[123]), "+r"(d[124]), "+r"(d[125]), "+r"(d[126]),
          "+r"(d[127])
        : "l"(a), "l"(b));
}

// Descriptor of [rows][128 bytes] in the 128-byte swizzle: groups of eight rows 1024 bytes apart.
__device__ __forceinline__ std::uint64_t describe(unsigned address)
{
    return static_cast<std::uint64_t>((address & 0x3FFFFu) >> 4) | std::uint64_t{1} << 16 |
           std::uint64_t{1024 >> 4} << 32 | std::uint64_t{1} << 62;
}

template <bool kPairs>
__device__ __forceinline__ void loadStage(const GemmGeometry& g, unsigned stage, std::int64_t firstQuad,
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
        copyAsync16Or0(stage + kActivationBytes + quad * 128 + piece * 16, source, inside);
    }
    const int piece = threadIdx.x % 8;
#pragma unroll
    for (int i = 0; i < kActivationBytes / 16 / kGemmThreads; ++i) {
        const int token = threadIdx.x / 8 + i * (kGemmThreads / 8);
        const bool inside = firstToken + token < g.tokens;
        const std::int8_t* source =
            g.values + (inside ? firstToken + token : 0) * g.stride + chunk * kTileCols + piece * 16;
        copyAsync16Or0(stage + token * 128 + ((piece ^ (token & 7)) * 16), source, inside);
    }
}

// Unpacks the codes of this warp's 16 rows into bytes, [16][128] in the swizzle. Gate quads become the upper
// eight rows, up quads the lower eight, so that a thread's two results are a pair.
template <bool kPairs>
__device__ __forceinline__ void unpack(const unsigned char* codes, unsigned char* weights, int warp, int lane)
{
    const int piece = lane % 8, row = lane / 8;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const unsigned word =
            *reinterpret_cast<const unsigned*>(codes + (warp * 4 + i) * 128 + piece * 16 + row * 4);
        const int target = warp * 16 + row + (kPairs ? (i % 2) * 8 + (i / 2) * 4 : i * 4);
        uint4 bytes;
        bytes.x = word & 0x03030303u;
        bytes.y = (word >> 2) & 0x03030303u;
        bytes.z = (word >> 4) & 0x03030303u;
        bytes.w = (word >> 6) & 0x03030303u;
        *reinterpret_cast<uint4*>(weights + target * 128 + ((piece ^ (target & 7)) * 16)) = bytes;
    }
}

template <GemmOutput kMode>
__device__ __forceinline__ void storeTile(const GemmGeometry& g, const TokenFactors<kTileTokens>& factors,
                                          std::int64_t firstQuad, std::int64_t firstToken, int lane,
                                          const int (&sum)[128])
{
    const int group = lane / 4, column = lane % 4;
    float* out = g.out + firstToken * g.rows;
#pragma unroll
    for (int n = 0; n < kTileTokens / 8; ++n) {
#pragma unroll
        for (int side = 0; side < 2; ++side) {
            const int token = n * 8 + column * 2 + side;
            if (firstToken + token >= g.tokens)
                continue;
            const float factor = factors.factor[token];
            const int codeSum = factors.codeSum[token];
            const float low = static_cast<float>(sum[n * 4 + side] - codeSum) * factor;
            const float high = static_cast<float>(sum[n * 4 + 2 + side] - codeSum) * factor;
            storePair<kMode>(g, out + token * g.rows, firstQuad, group, low, high);
        }
    }
}

template <GemmOutput kMode>
__global__ void __launch_bounds__(kGemmThreads, 1)
    ternaryGemmSm90Kernel(const __grid_constant__ GemmBatch batch)
{
    const GemmGeometry& g = batch.products[blockIdx.z];
    constexpr bool kPairs = kMode == GemmOutput::SwiGlu;
    extern __shared__ unsigned char unaligned[];
    __shared__ TokenFactors<kTileTokens> factors; // visible to all after the first barrier
    unsigned char* shared = unaligned + (1024 - (sharedAddress(unaligned) & 1023)) % 1024;
    const unsigned base = sharedAddress(shared);
    const std::int64_t firstQuad = static_cast<std::int64_t>(blockIdx.y) * kTileQuads;
    const std::int64_t firstToken = static_cast<std::int64_t>(blockIdx.x) * kTileTokens;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32; // warps 0-3 and 4-7 are the warpgroups
    const int chunks = g.steps * (kStepColumns / kTileCols);    // a multiple of 4
    const unsigned weights = base + kStages * kStageBytes;      // two buffers of unpacked rows
    const unsigned ownRows = weights + warp / 4 * (kWeightBytes / 2);
    int sum[128] = {};
    factors.load(g, firstToken);
#pragma unroll
    for (int i = 0; i < 3; ++i) {
        loadStage<kPairs>(g, base + i * kStageBytes, firstQuad, firstToken, i);
        copyAsyncCommit();
    }
    copyAsyncWait<2>();
    __syncthreads();
    unpack<kPairs>(shared + kActivationBytes, shared + kStages * kStageBytes, warp, lane);
#pragma unroll 1
    for (int chunk = 0; chunk < chunks; ++chunk) {
        // All threads' copies of this chunk and the next and all unpacked rows of this one become visible.
        // Products of chunk - 2 are done in every warp, so their stage may be filled again.
        copyAsyncWait<1>();
        asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
        __syncthreads();
        const unsigned stage = base + chunk % kStages * kStageBytes;
        const unsigned rows = ownRows + (chunk & 1) * kWeightBytes;
        productsFence();
#pragma unroll
        for (int k = 0; k < 4; ++k)
            multiplyAsync(sum, describe(rows + k * 32), describe(stage + k * 32));
        productsCommit();
        if (chunk + 3 < chunks)
            loadStage<kPairs>(g, base + (chunk + 3) % kStages * kStageBytes, firstQuad, firstToken,
                              chunk + 3);
        copyAsyncCommit();
        productsWait<1>(); // of chunk - 1: the other buffer of unpacked rows is free
        if (chunk + 1 < chunks)
            unpack<kPairs>(shared + (chunk + 1) % kStages * kStageBytes + kActivationBytes,
                           shared + kStages * kStageBytes + ((chunk + 1) & 1) * kWeightBytes, warp, lane);
    }
    productsWait<0>();
    copyAsyncWait<0>();
    storeTile<kMode>(g, factors, firstQuad + warp * 4, firstToken, lane, sum);
}

template <GemmOutput kMode>
void launchMode(const GemmBatch& batch, cudaStream_t stream)
{
    const GemmGeometry& geometry = batch.products[0];
    checkCuda(cudaFuncSetAttribute(ternaryGemmSm90Kernel<kMode>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   kSharedBytes));
    const dim3 grid(static_cast<unsigned>(ceilDivide(geometry.tokens, kTileTokens)),
                    static_cast<unsigned>(ceilDivide(geometry.virtualQuads, kTileQuads)),
                    static_cast<unsigned>(batch.count));
    ternaryGemmSm90Kernel<kMode><<<grid, kGemmThreads, kSharedBytes, stream>>>(batch);
    checkCuda(cudaGetLastError());
}

} // namespace

void launchTernaryGemmSm90(const GemmBatch& batch, GemmOutput mode, cudaStream_t stream)
{
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
