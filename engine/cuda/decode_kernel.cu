// The decode kernel: one thread block per multiprocessor stays on the device for a whole token.
//
// Why: a token's weights pass through the multiprocessors in tens of microseconds (370M) to a millisecond
// (13B), while a kernel per operator costs microseconds each. Here a block owns a fixed range of channels in
// every phase, so the recurrent state and the residual never leave it, and its weights form one stretch of
// memory per phase that its warps stream into shared memory far ahead of their use (WeightStream),
// undisturbed by the exchanges.
//
// Per layer, four phases; after each, all blocks exchange one vector through the L2 (publish / await):
//   Mixer        x -> q_f, q_i, q_g; rows f, i, g; gates and state; publishes p = g * w * silu(h)
//   MixerOutput  o = p / rms(g) -> q; rows of o_proj; residual; publishes x
//   Glu          x -> q; rows gate and up; publishes z = silu(gate) * up
//   GluOutput    z -> q; rows of down_proj; residual; publishes x
// and at the end the head's rows give the logits. Every block quantises the whole vector itself: d to 14 k
// values cost less than another exchange. The statistics that norms and scales need are gathered by those who
// publish.
//
// BitLinear's RMSNorm of an RMSNorm is taken in one: with y = x * w, a = r y where r = 1/sqrt(mean x^2 +
// eps), mean a^2 = r^2 mean y^2, so two sums and the largest |y * w_f| tell all that is needed.
//
// Integer sums are exact: |code * q| <= 256, times 4^3 in the highest position, fewer than 2^16 terms per
// lane. Memory traffic: the packed weights once, 4 bytes per exchanged value and block from the L2.
#include "engine/cuda/decode_kernel.h"
#include "engine/cuda/decoder.cuh"
#include "engine/cuda/device_memory.h"

#include <algorithm>
#include <array>

namespace mmfree::cuda
{

namespace
{

constexpr int kThreads = 512; // of a thread block

template <int kBlockThreads, int kDepth>
__global__ void __launch_bounds__(kBlockThreads, 1)
    decodeKernel(const __grid_constant__ Geometry geometry, const __grid_constant__ DecodeArguments arguments)
{
    extern __shared__ __align__(16) unsigned char shared[];
    Decoder<kBlockThreads, kDepth>(geometry, arguments, shared).run();
}

// Blocks of weights in flight per warp: as many as fit beside the activations.
struct Variant {
    int ringDepth;
    const void* kernel;
};
const std::array<Variant, 3>& variants()
{
    static const std::array<Variant, 3> all = {{
        {24, reinterpret_cast<const void*>(&decodeKernel<kThreads, 24>)},
        {12, reinterpret_cast<const void*>(&decodeKernel<kThreads, 12>)},
        {4, reinterpret_cast<const void*>(&decodeKernel<kThreads, 4>)},
    }};
    return all;
}

int attribute(cudaDeviceAttr which, int device)
{
    int value = 0;
    checkCuda(cudaDeviceGetAttribute(&value, which, device));
    return value;
}

PhaseShape makePhase(const DecodeShape& shape, Phase phase)
{
    const PackedShape packed = shape.packed(phase);
    const bool wide = phase == Phase::GluOutput;
    const int d4 = static_cast<int>(shape.hidden4());
    const auto offset = [&](LayerVector which) { return static_cast<int>(which) * d4; };
    const int next = static_cast<int>(shape.layerVectorFloats());
    PhaseShape made{};
    made.quads = static_cast<int>(packed.quads());
    made.steps = static_cast<int>(packed.steps());
    made.matrices = packed.matrices;
    made.firstBlock = static_cast<unsigned>(shape.phaseFirstBlock(phase));
    made.products = phase == Phase::Mixer ? 3 : 1;
    made.chunks = static_cast<int>((wide ? shape.intermediate4() : shape.hidden4()) / 4);
    made.inverseWidth = 1.0f / static_cast<float>(wide ? shape.intermediate : shape.hidden);
    switch (phase) {
    case Phase::Mixer:
        made.productOffset = offset(LayerVector::ForgetProduct);
        made.auxiliary[0] = offset(LayerVector::LowerBound);
        made.auxiliary[1] = offset(LayerVector::OutputGateNorm);
        made.auxiliary[2] = made.auxiliary[3] = offset(LayerVector::OutputNorm);
        made.scale = static_cast<int>(LayerScale::Forget);
        break;
    case Phase::MixerOutput:
        made.productOffset = offset(LayerVector::OutputNorm);
        made.auxiliary[0] = offset(LayerVector::ChannelNorm);
        made.auxiliary[1] = made.auxiliary[2] = made.auxiliary[3] = offset(LayerVector::GluProduct);
        made.scale = static_cast<int>(LayerScale::Output);
        break;
    case Phase::Glu:
        made.productOffset = offset(LayerVector::GluProduct);
        for (int& auxiliary : made.auxiliary)
            auxiliary = offset(LayerVector::DownNorm);
        made.scale = static_cast<int>(LayerScale::Glu);
        break;
    case Phase::GluOutput: // the next layer's norm and products; behind the last layer the head's lie in
                           // their places
        made.productOffset = offset(LayerVector::DownNorm);
        for (int k = 0; k < kAuxiliary; ++k)
            made.auxiliary[k] = next + offset(LayerVector::AttentionNorm) + k * d4;
        made.scale = static_cast<int>(LayerScale::Down);
        break;
    case Phase::Head:
        made.productOffset = offset(LayerVector::ForgetProduct);
        break;
    }
    return made;
}

// Lays out the exchange buffer: the vectors, then their records.
void connectPhases(Geometry& geometry, const DecodeShape& shape, int blocks)
{
    int next = 0;
    const Phase producers[] = {Phase::Mixer, Phase::MixerOutput, Phase::Glu, Phase::GluOutput};
    for (const Phase phase : producers) {
        geometry.phases[static_cast<int>(phase)].target = next;
        next += static_cast<int>(phase == Phase::Glu ? shape.intermediate4() : shape.hidden4());
    }
    for (const Phase phase : producers) {
        PhaseShape& made = geometry.phases[static_cast<int>(phase)];
        made.recordsPerBlock = shape.records(phase, blocks);
        made.targetRecords = next;
        next += blocks * made.recordsPerBlock * 8;
    }
    for (int phase = 0; phase < 5; ++phase) {
        const PhaseShape& producer =
            geometry.phases[phase == kHead || phase == kMixer ? kGluOutput : phase - 1];
        PhaseShape& made = geometry.phases[phase];
        made.source = producer.target;
        made.sourceRecords = producer.targetRecords;
        made.sourceRecordCount = blocks * producer.recordsPerBlock;
        // The warps that publish are spared receiving, unless the others would need one more round for it.
        const int slots = made.products * made.chunks, others = kThreads - producer.recordsPerBlock * 32;
        if (others > kThreads / 2 && ceilDivide(slots, others) == ceilDivide(slots, kThreads))
            made.sparedWarps = producer.recordsPerBlock;
    }
}

Geometry makeGeometry(const DecodeShape& shape, int blocks)
{
    Geometry geometry{};
    geometry.hidden = shape.hidden;
    geometry.intermediate = shape.intermediate;
    geometry.vocabulary = shape.vocabulary;
    geometry.layers = shape.layers;
    geometry.hidden4 = static_cast<int>(shape.hidden4());
    geometry.eps = shape.eps;
    geometry.layerBlocks = shape.layerBlocks();
    geometry.layerVectorFloats = static_cast<int>(shape.layerVectorFloats());
    std::int64_t quantized = 0, sums = 0;
    for (int phase = 0; phase < 5; ++phase) {
        geometry.phases[phase] = makePhase(shape, static_cast<Phase>(phase));
        const PhaseShape& made = geometry.phases[phase];
        quantized =
            std::max<std::int64_t>(quantized, std::int64_t{made.products} * made.steps * kStepColumns);
        sums = std::max(sums, ceilDivide(made.quads, blocks) * made.matrices * kQuadRows);
    }
    connectPhases(geometry, shape, blocks);
    geometry.quantizedBytes = static_cast<int>(quantized);
    geometry.sumCount = static_cast<int>(ceilDivide(sums, 4) * 4);
    geometry.ownedHidden = static_cast<int>(ceilDivide(geometry.phases[0].quads, blocks) * kQuadRows);
    return geometry;
}

std::size_t sharedBytes(const Geometry& geometry, int warps, int ringDepth)
{
    return static_cast<std::size_t>(warps) * ringDepth * kBlockBytes + geometry.quantizedBytes +
           (geometry.sumCount + geometry.ownedHidden + 2 * warps * 8 + 8) * sizeof(float) +
           warps * 5 * sizeof(WarpRange) + 5 * sizeof(int2);
}

} // namespace

PackedShape DecodeShape::packed(Phase phase) const
{
    switch (phase) {
    case Phase::Mixer:
        return {.rows = hidden, .cols = hidden, .matrices = 3};
    case Phase::MixerOutput:
        return {.rows = hidden, .cols = hidden, .matrices = 1};
    case Phase::Glu:
        return {.rows = intermediate, .cols = hidden, .matrices = 2};
    case Phase::GluOutput:
        return {.rows = hidden, .cols = intermediate, .matrices = 1};
    case Phase::Head:
        break;
    }
    return {.rows = vocabulary, .cols = hidden, .matrices = 1};
}

std::int64_t DecodeShape::phaseFirstBlock(Phase phase) const
{
    std::int64_t first = 0;
    for (int before = 0; phase != Phase::Head && before < static_cast<int>(phase); ++before)
        first += packed(static_cast<Phase>(before)).blocks();
    return first;
}

std::int64_t DecodeShape::layerBlocks() const
{
    return phaseFirstBlock(Phase::GluOutput) + packed(Phase::GluOutput).blocks();
}

int DecodeShape::records(Phase phase, int blocks) const
{
    return static_cast<int>(ceilDivide(ceilDivide(packed(phase).quads(), blocks) * kQuadRows, 32));
}

std::int64_t DecodeShape::exchangeFloats(int blocks) const
{
    const std::int64_t perBlock = 3 * records(Phase::Mixer, blocks) + records(Phase::Glu, blocks);
    return 3 * hidden4() + intermediate4() + blocks * perBlock * 8;
}

DecodePlan planDecode(const DecodeShape& shape, int device)
{
    if (attribute(cudaDevAttrCooperativeLaunch, device) == 0)
        throw Error(ErrorCode::Unavailable, "CUDA device " + std::to_string(device) +
                                                " cannot launch cooperative kernels, needed for decoding");
    DecodePlan plan;
    // Every block must own channels of every exchanged vector: owning none, it would not take part in the
    // exchanges that tell the others that it has read the ones before.
    plan.blocks = static_cast<int>(
        std::min<std::int64_t>({attribute(cudaDevAttrMultiProcessorCount, device),
                                shape.packed(Phase::Mixer).quads(), shape.packed(Phase::Glu).quads()}));
    const Geometry geometry = makeGeometry(shape, plan.blocks);
    const std::size_t limit =
        static_cast<std::size_t>(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
    for (const Variant& variant : variants()) {
        plan.threads = kThreads;
        plan.kernel = variant.kernel;
        plan.sharedBytes = sharedBytes(geometry, kThreads / 32, variant.ringDepth);
        if (plan.sharedBytes <= limit) {
            checkCuda(cudaFuncSetAttribute(plan.kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                           static_cast<int>(plan.sharedBytes)));
            return plan;
        }
    }
    throw Error(ErrorCode::Unavailable,
                "CUDA device " + std::to_string(device) + " has " + std::to_string(limit) +
                    " bytes of shared memory per block, needed for this model's width: " +
                    std::to_string(plan.sharedBytes));
}

void launchDecode(const DecodePlan& plan, const DecodeShape& shape, const DecodeArguments& arguments,
                  cudaStream_t stream)
{
    Geometry geometry = makeGeometry(shape, plan.blocks);
    DecodeArguments copy = arguments;
    void* parameters[] = {&geometry, &copy};
    checkCuda(cudaLaunchCooperativeKernel(plan.kernel, dim3(plan.blocks), dim3(plan.threads), parameters,
                                          plan.sharedBytes, stream));
}

} // namespace mmfree::cuda
