// The decode kernel's phases. Included by decode_kernel.cu only, whose header says why it is built this way.
//
// All phases run through the same code, told apart by a PhaseShape: written out for each, the kernel had 177
// KB of code, more than the instruction cache holds, and no more speed.
#pragma once

#include "engine/cuda/decode_device.cuh"
#include "engine/cuda/decode_kernel.h"
#include "engine/network/operators.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace mmfree::cuda
{

inline constexpr int kMixer = 0, kMixerOutput = 1, kGlu = 2, kGluOutput = 3, kHead = 4;
inline constexpr int kAuxiliary = 4; // weights an epilogue reads per owned channel
inline constexpr int kNoSlot = 1 << 29;
inline constexpr int kSlots = 4; // chunks of four values that a thread keeps in flight while it waits

// Offsets are in floats: of vectors within a layer's, of exchanges within the exchange buffer.
struct PhaseShape {
    int quads, steps, matrices;
    unsigned firstBlock; // of the phase's weights within the layer
    int products;        // input vectors made from the received one: 3 in the mixer, else 1
    int chunks;          // float4 of the received vector
    float inverseWidth;  // 1 / its number of values
    int productOffset;   // first product vector; the others follow at intervals of d4
    int source, sourceRecords, sourceRecordCount;
    int sparedWarps; // of a block, from the work of receiving
    int target, targetRecords, recordsPerBlock;
    int auxiliary[kAuxiliary]; // vectors read per owned channel
    int scale;                 // first weight scale
};

// The same for every block.
struct Geometry {
    int hidden, intermediate, vocabulary, layers;
    int hidden4;
    float eps;
    PhaseShape phases[5];
    std::int64_t layerBlocks;
    int layerVectorFloats;
    int quantizedBytes, sumCount, ownedHidden; // shared memory parts
};

template <int kThreads, int kDepth>
class Decoder
{
public:
    static constexpr int kWarps = kThreads / 32;

    __device__ Decoder(const Geometry& geometry, const DecodeArguments& arguments, unsigned char* shared)
        : g(geometry)
        , args(arguments)
        , m_lane(threadIdx.x % 32)
        , m_warp(threadIdx.x / 32)
    {
        m_ring = reinterpret_cast<uint4*>(shared);
        m_scratch = reinterpret_cast<float*>(m_ring + kWarps * kDepth * 32);
        m_quantized = reinterpret_cast<std::int8_t*>(m_scratch + 2 * kWarps * 8);
        m_sums = reinterpret_cast<int*>(m_quantized + g.quantizedBytes);
        m_residual = reinterpret_cast<float*>(m_sums + g.sumCount);
        m_codeSums = reinterpret_cast<int*>(m_residual + g.ownedHidden);
        m_ranges = reinterpret_cast<WarpRange*>(m_codeSums + 8);
        m_owned = reinterpret_cast<int2*>(m_ranges + kWarps * 5);
    }

    __device__ void run()
    {
        prepare();
        const int layerPhases = g.layers * kLayerPhases;
        WeightStream<kDepth> stream(args.weights + m_lane, m_ring + m_warp * kDepth * 32 + m_lane,
                                    m_ranges + m_warp * 5, g.layerBlocks, layerPhases,
                                    args.logits != nullptr);
        publishEmbedding();
        const int count = layerPhases + (args.logits ? 1 : 0);
#pragma unroll 1
        for (int index = 0; index < count; ++index)
            runPhase(stream, index, index == layerPhases ? kHead : index & 3);
        copyAsyncWait<0>();
    }

private:
    // Ranges of every warp and zeroed sums.
    __device__ void prepare()
    {
        if (threadIdx.x < 5) {
            const std::int64_t quads = g.phases[threadIdx.x].quads;
            const int begin = static_cast<int>(quads * blockIdx.x / gridDim.x);
            m_owned[threadIdx.x] = {begin, static_cast<int>(quads * (blockIdx.x + 1) / gridDim.x) - begin};
        }
        for (int i = threadIdx.x; i < g.sumCount; i += kThreads)
            m_sums[i] = 0;
        __syncthreads();
        for (int index = threadIdx.x; index < kWarps * 5; index += kThreads) {
            const PhaseShape& phase = g.phases[index % 5];
            const int2 owned = m_owned[index % 5];
            const int perQuad = phase.matrices * phase.steps, warp = index / 5;
            const std::int64_t count = static_cast<std::int64_t>(owned.y) * perQuad;
            const int first = static_cast<int>(count * warp / kWarps);
            const int last = static_cast<int>(count * (warp + 1) / kWarps);
            m_ranges[index] = {phase.firstBlock + static_cast<unsigned>(owned.x * perQuad + first),
                               last - first, first / phase.steps, first % phase.steps};
        }
        __syncthreads();
    }

    // The token's embedding reaches the first layer like any later residual: each block publishes its
    // channels.
    __device__ void publishEmbedding()
    {
        const PhaseShape& phase = g.phases[kGluOutput];
        const int begin = m_owned[kGluOutput].x * 4, owned = m_owned[kGluOutput].y * 4;
        const std::int64_t row = static_cast<std::int64_t>(args.token) * g.hidden;
#pragma unroll 1
        for (int round = 0; round * kWarps < phase.recordsPerBlock; ++round) {
            const int i = round * kThreads + threadIdx.x, channel = begin + i;
            float value = 0.0f;
            if (i < owned && channel < g.hidden) {
                switch (args.embeddingType) {
                case DType::F16:
                    value = __half2float(static_cast<const __half*>(args.embedding)[row + channel]);
                    break;
                case DType::BF16:
                    value =
                        __bfloat162float(static_cast<const __nv_bfloat16*>(args.embedding)[row + channel]);
                    break;
                default:
                    value = static_cast<const float*>(args.embedding)[row + channel];
                }
            }
            Moments moments;
            if (i < owned) {
                float weights[kAuxiliary];
                m_residual[i] = value;
                for (int k = 0; k < kAuxiliary; ++k)
                    weights[k] = args.vectors[phase.auxiliary[k] - g.layerVectorFloats + channel];
                moments = residualMoments(value, weights);
                publish(args.exchange + phase.target + channel, value, args.firstResidualTag);
            }
            publishMoments(phase, moments, round, args.firstResidualTag);
        }
    }

    __device__ void runPhase(WeightStream<kDepth>& stream, int index, int type)
    {
        const PhaseShape& phase = g.phases[type];
        const int layer = index >> 2; // the head counts as a phase of the layer after the last
        const float* vectors = args.vectors + static_cast<std::int64_t>(layer) * g.layerVectorFloats;
        const unsigned tag = args.firstTag ^ (layer & 1u);
        const unsigned residualTag =
            args.firstResidualTag ^ (layer & 1u); // of what the layer gets; it leaves the other
        m_parity ^= 1;
        if (threadIdx.x < 4)
            m_codeSums[m_parity * 4 + threadIdx.x] = 0;
        prefetchVectors(type, vectors + g.layerVectorFloats);

        // Of this thread's first owned channel, ahead of the wait.
        const int begin = m_owned[type].x * 4, owned = m_owned[type].y * 4;
        float weights[kAuxiliary] = {};
        float hidden = 0.0f;
        float* const state = args.state + static_cast<std::int64_t>(layer) * g.hidden;
        if (threadIdx.x < owned && type != kHead) {
#pragma unroll
            for (int k = 0; k < kAuxiliary; ++k)
                weights[k] = __ldg(vectors + phase.auxiliary[k] + begin + threadIdx.x);
            if (type == kMixer && begin + threadIdx.x < g.hidden)
                hidden = state[begin + threadIdx.x];
        }
        const float* const scales = args.scales + layer * kLayerScales + phase.scale;
        float factor[3]; // of an integer product: weight scale / activation scale
#pragma unroll
        for (int k = 0; k < 3; ++k)
            factor[k] = __ldg(scales + (k < phase.products ? k : 0));
        if (type == kMixer)
            receive<3>(phase, type, vectors, residualTag, factor);
        else
            receive<1>(phase, type, vectors, type == kHead ? residualTag : tag, factor);
        multiply(stream, phase, m_ranges[m_warp * 5 + type]);

        if (type == kHead) {
            for (int i = threadIdx.x; i < owned; i += kThreads) {
                if (begin + i < g.vocabulary)
                    args.logits[begin + i] = takeSum(i, 0, factor[0]);
            }
            return;
        }
        const unsigned outTag = type == kGluOutput ? residualTag ^ 1u : tag;
#pragma unroll 1
        for (int round = 0; round * kWarps + m_warp < phase.recordsPerBlock; ++round) {
            const int i = round * kThreads + threadIdx.x, channel = begin + i;
            Moments moments;
            if (i < owned) {
                if (round > 0) {
                    for (int k = 0; k < kAuxiliary; ++k)
                        weights[k] = __ldg(vectors + phase.auxiliary[k] + channel);
                    if (type == kMixer && channel < g.hidden)
                        hidden = state[channel];
                }
                float value;
                if (type == kMixer)
                    value = finishMixer(i, channel, weights, hidden, state, factor, moments);
                else if (type == kGlu)
                    value = finishGlu(i, channel, weights[0], factor[0], moments);
                else
                    value = finishResidual(i, channel, weights, factor[0], moments);
                publish(args.exchange + phase.target + channel, value, outTag);
            }
            __syncwarp();
            publishMoments(phase, moments, round, outTag);
        }
    }

    // The next layer's vectors into the L2, a share per block, while this layer computes.
    __device__ void prefetchVectors(int type, const float* next) const
    {
        const int line = static_cast<int>(blockIdx.x) + static_cast<int>(threadIdx.x * gridDim.x);
        if (type == kMixer && line * 32 < g.layerVectorFloats)
            asm volatile("prefetch.global.L2 [%0];" ::"l"(next + line * 32));
    }

    // Receives the phase's vector with its statistics and quantises x * product_k for every product. Slot s
    // is chunk s % chunks of product s / chunks. factor[k] comes in as a weight scale and is divided by the
    // activation scale.
    template <int kProducts>
    __device__ __forceinline__ void receive(const PhaseShape& phase, int type, const float* vectors,
                                            unsigned tag, float (&factor)[3])
    {
        const float* source = args.exchange + phase.source;
        const float* products = vectors + phase.productOffset;
        const int chunks = phase.chunks, slots = chunks * kProducts, paddedCols = phase.steps * kStepColumns;
        float4 weight[kSlots];
        uint4 word[kSlots];
        float scale[kProducts];
        int sum[kProducts] = {};
        const auto productOf = [&](int slot) {
            return kProducts == 1 ? 0
                                  : static_cast<int>(slot >= chunks) + static_cast<int>(slot >= 2 * chunks);
        };
        // The warps that just published start later than the others.
        const int threads = kThreads - phase.sparedWarps * 32;
        const int start = m_warp >= phase.sparedWarps ? (m_warp - phase.sparedWarps) * 32 : kNoSlot;
#pragma unroll 1
        for (int first = start, round = 0; round == 0 || first < slots; first += kSlots * threads, ++round) {
#pragma unroll
            for (int i = 0; i < kSlots; ++i) {
                const int slot = first + i * threads + m_lane;
                if (slot < slots) {
                    const int product = productOf(slot);
                    const int chunk = slot - product * chunks;
                    weight[i] =
                        __ldg(reinterpret_cast<const float4*>(products + product * g.hidden4) + chunk);
                    word[i] = peek(source + chunk * 4);
                }
            }
            if (round == 0)
                receiveScales<kProducts>(phase, type, tag, start, threads, scale, factor);
#pragma unroll
            for (int i = 0; i < kSlots; ++i) {
                if (first + i * threads >= slots)
                    break;
                const int slot = first + i * threads + m_lane;
                const bool mine = slot < slots;
                const int product = productOf(slot);
                const int chunk = slot - product * chunks;
                const float4 x = await(source + (mine ? chunk * 4 : 0), word[i], tag, mine, args.failure);
                float s = scale[0];
                if constexpr (kProducts > 1)
                    s = product == 0 ? s : product == 1 ? scale[1] : scale[2];
                const float4 w = weight[i];
                const unsigned packed = packBytes(quantize(x.x * w.x * s), quantize(x.y * w.y * s),
                                                  quantize(x.z * w.z * s), quantize(x.w * w.w * s));
                const int codes = mine ? __dp4a(static_cast<int>(packed), 0x01010101, 0) : 0;
                if (mine)
                    reinterpret_cast<unsigned*>(m_quantized + product * paddedCols)[chunk] = packed;
#pragma unroll
                for (int k = 0; k < kProducts; ++k)
                    sum[k] += product == k ? codes : 0;
            }
        }
        // The last step's padding: an earlier, wider vector may have been here.
        if (chunks + threadIdx.x < paddedCols / 4) {
#pragma unroll
            for (int k = 0; k < kProducts; ++k)
                reinterpret_cast<unsigned*>(m_quantized + k * paddedCols)[chunks + threadIdx.x] = 0;
        }
        int total = 0;
#pragma unroll
        for (int k = 0; k < kProducts; ++k) {
            const int all = __reduce_add_sync(0xFFFFFFFFu, sum[k]);
            total = m_lane == k ? all : total;
        }
        if (m_lane < kProducts)
            atomicAdd(m_codeSums + m_parity * 4 + m_lane, total);
        __syncthreads();
    }

    // Every warp that published part of the vector left one record of its part. scale[k]: of x * product_k to
    // int8.
    template <int kProducts>
    __device__ __forceinline__ void receiveScales(const PhaseShape& phase, int type, unsigned tag, int start,
                                                  int threads, float (&scale)[kProducts], float (&factor)[3])
    {
        const float* records = args.exchange + phase.sourceRecords;
        constexpr int kWords = kProducts > 1 ? 2 : 1; // float4 read of a record
        const int count = phase.sourceRecordCount * kWords;
        Moments own;
#pragma unroll 1
        for (int first = start; first < count; first += threads) {
            const int index = first + m_lane;
            const bool mine = index < count, second = kWords == 2 && (index & 1);
            const float* address = records + (mine ? index * (kWords == 2 ? 1 : 2) : 0) * 4;
            const float4 values = await(address, peek(address), tag, mine, args.failure);
            if (mine && !second) {
                own.squares += values.x;
                own.normSquares += values.y;
                own.largest[0] = fmaxf(own.largest[0], values.z);
                if constexpr (kProducts > 1)
                    own.largest[1] = fmaxf(own.largest[1], values.w);
            }
            if (kProducts > 1 && mine && second)
                own.largest[2] = fmaxf(own.largest[2], values.x);
        }
        __syncwarp();
        const Moments all = reduceMoments<kWarps, kProducts>(own, m_scratch + m_parity * kWarps * 8);
        // RMSNorm of an RMSNorm, see the kernel's header; down_proj has but its own.
        const float r = type == kGluOutput ? 1.0f : inverseRoot(all.squares * phase.inverseWidth + g.eps);
        const float norm = r * inverseRoot(r * r * (all.normSquares * phase.inverseWidth) + kBitLinearEps);
#pragma unroll
        for (int k = 0; k < kProducts; ++k) {
            const float largest = fmaxf(all.largest[k] * norm, 1e-5f);
            scale[k] = 127.0f * reciprocal(largest) * norm;
            factor[k] *= largest * (1.0f / 127.0f);
        }
    }

    // Adds this warp's share of the phase's integer products into m_sums[group * 4 + row]. Contains the
    // barrier that makes all warps' shares visible.
    __device__ void multiply(WeightStream<kDepth>& stream, const PhaseShape& phase, const WarpRange range)
    {
        const int steps = phase.steps;
        int group = range.group, stepsLeft = steps - range.step;
        int which = phase.products > 1 ? group % 3 : 0;
        const unsigned activations = sharedAddress(m_quantized) + m_lane * 16;
        unsigned q = activations + (which * steps + range.step) * kStepColumns;
        int sum[4][4] = {};
#pragma unroll 1
        for (int left = range.count; left > 0; --left) {
            const uint4 words = stream.take();
            const uint4 x = loadShared16(q);
            const unsigned row[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
            for (int r = 0; r < 4; ++r) {
                sum[r][0] = dotCodes(row[r] & 0x03030303u, x.x, sum[r][0]);
                sum[r][1] = dotCodes(row[r] & 0x0C0C0C0Cu, x.y, sum[r][1]);
                sum[r][2] = dotCodes(row[r] & 0x30303030u, x.z, sum[r][2]);
                sum[r][3] = dotCodes(row[r] & 0xC0C0C0C0u, x.w, sum[r][3]);
            }
            stream.fetch();
            q += kStepColumns;
            if (--stepsLeft == 0 || left == 1) {
                flush(sum, group);
                ++group;
                stepsLeft = steps;
                if (++which == phase.products) {
                    which = 0;
                    q = activations;
                }
            }
        }
        __syncthreads();
    }

    // The four partial sums of a row carry factors 1, 4, 16, 64. Integer addition: the order does not matter.
    __device__ void flush(int (&sum)[4][4], int group)
    {
        int mine = 0;
#pragma unroll
        for (int r = 0; r < 4; ++r) {
            const int exact = sum[r][0] + (sum[r][1] >> 2) + (sum[r][2] >> 4) + (sum[r][3] >> 6);
            const int total = __reduce_add_sync(0xFFFFFFFFu, exact);
            mine = m_lane == r ? total : mine;
            sum[r][0] = sum[r][1] = sum[r][2] = sum[r][3] = 0;
        }
        if (m_lane < 4)
            atomicAdd(m_sums + group * 4 + m_lane, mine);
    }

    // Product of row `index` with the quantised vector `which`, and makes room for the next phase's.
    __device__ __forceinline__ float takeSum(int index, int which, float scale)
    {
        const int value = m_sums[index] - m_codeSums[m_parity * 4 + which];
        m_sums[index] = 0;
        return static_cast<float>(value) * scale;
    }

    // weights: lower bound, gate norm, output norm.
    __device__ __forceinline__ float finishMixer(int i, int channel, const float (&weights)[kAuxiliary],
                                                 float hidden, float* state, const float (&factor)[3],
                                                 Moments& moments)
    {
        const int base = (i / 4) * 12 + i % 4;
        const float forgetPre = takeSum(base, 0, factor[0]);
        const float candidatePre = takeSum(base + 4, 1, factor[1]);
        const float gate = takeSum(base + 8, 2, factor[2]);
        if (channel >= g.hidden)
            return 0.0f;
        const float forget = weights[0] + (1.0f - weights[0]) * sigmoid(forgetPre);
        const float next = forget * hidden + silu(candidatePre) * (1.0f - forget);
        const float gated = gate * weights[1] * silu(next);
        state[channel] = next;
        moments.squares = gate * gate;
        moments.normSquares = gated * gated;
        moments.largest[0] = fabsf(gated * weights[2]);
        return gated;
    }

    __device__ __forceinline__ float finishGlu(int i, int channel, float downWeight, float factor,
                                               Moments& moments)
    {
        const int base = (i / 4) * 8 + i % 4;
        const float gate = takeSum(base, 0, factor);
        const float up = takeSum(base + 4, 0, factor);
        const float value = channel < g.intermediate ? silu(gate) * up : 0.0f;
        moments.normSquares = value * value;
        moments.largest[0] = fabsf(value * downWeight);
        return value;
    }

    __device__ __forceinline__ float finishResidual(int i, int channel, const float (&weights)[kAuxiliary],
                                                    float factor, Moments& moments)
    {
        const float product = takeSum(i, 0, factor);
        const float value = channel < g.hidden ? m_residual[i] + product : 0.0f;
        m_residual[i] = value;
        moments = residualMoments(value, weights);
        return value;
    }

    // weights: the next norm's and its products'.
    __device__ static __forceinline__ Moments residualMoments(float value, const float (&weights)[kAuxiliary])
    {
        Moments moments;
        moments.squares = value * value;
        moments.normSquares = (value * weights[0]) * (value * weights[0]);
#pragma unroll
        for (int k = 0; k < 3; ++k)
            moments.largest[k] = fabsf(value * weights[k + 1]);
        return moments;
    }

    // One record of what this warp's lanes gathered. All lanes of the warp take part.
    __device__ void publishMoments(const PhaseShape& phase, Moments own, int round, unsigned tag)
    {
        const int record = round * kWarps + m_warp;
        if (record >= phase.recordsPerBlock)
            return;
        warpMoments<3>(own);
        float mine = m_lane == 0 ? own.squares : own.normSquares;
        mine = m_lane == 2 ? own.largest[0] : mine;
        mine = m_lane == 3 ? own.largest[1] : mine;
        mine = m_lane >= 4 ? own.largest[2] : mine;
        if (m_lane < 8)
            publish(args.exchange + phase.targetRecords +
                        (static_cast<int>(blockIdx.x) * phase.recordsPerBlock + record) * 8 + m_lane,
                    mine, tag);
    }

    const Geometry& g;
    const DecodeArguments& args;
    int m_lane, m_warp;
    int m_parity = 0;
    uint4* m_ring;            // [kWarps, kDepth, 32]
    float* m_scratch;         // [2, kWarps, 8]
    std::int8_t* m_quantized; // [1 or 3, padded columns]
    int* m_sums;              // [owned rows of the largest phase] i32, zero between phases
    float* m_residual;        // [owned hidden channels] x
    int* m_codeSums;          // [2, 4] sum of q per vector
    WarpRange* m_ranges;      // [kWarps, 5]
    int2* m_owned;            // [5] first quad and number of quads of this block
};

} // namespace mmfree::cuda
