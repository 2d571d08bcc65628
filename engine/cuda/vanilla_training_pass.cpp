#include "engine/cuda/vanilla_training_pass.h"

#include "engine/cuda/elementwise_kernels.h"
#include "engine/cuda/vanilla_kernels.h"

#include <algorithm>
#include <string>
#include <tuple>

namespace mmfree::cuda
{

namespace
{

constexpr std::int64_t kLogitValues = std::int64_t{1} << 25;
constexpr std::int64_t kLeastHeadRows = 512;

} // namespace

VanillaTrainingPass::VanillaTrainingPass(const TrainingContext& context)
    : m_context(context)
    , m_config(context.arrays.layout->config())
{
    const std::int64_t widest = std::max(m_config.hiddenSize, m_config.intermediateSize);
    if (widest > kWidestTrainingRow)
        throw Error(ErrorCode::Unavailable,
                    "CUDA training: the wider of hidden_size and intermediate_size is " +
                        std::to_string(widest) + ", needed: at most " + std::to_string(kWidestTrainingRow));
    for (std::int64_t n = 0; n < m_config.layerCount; ++n) {
        const std::string prefix = "model.layers." + std::to_string(n) + ".";
        m_layers.push_back({.attnNorm = norm(prefix + "attn_norm.weight"),
                            .gNorm = norm(prefix + "attn.g_norm.weight"),
                            .mlpNorm = norm(prefix + "mlp_norm.weight"),
                            .mixers = {bitLinear(prefix + "attn.i_proj"), bitLinear(prefix + "attn.f_proj"),
                                       bitLinear(prefix + "attn.g_proj")},
                            .mixerOut = bitLinear(prefix + "attn.o_proj"),
                            .gateUp = bitLinear(prefix + "mlp.gate_proj"),
                            .down = bitLinear(prefix + "mlp.down_proj")});
    }
    m_norm = norm("model.norm.weight");
    m_head = bitLinear("lm_head");
    makeTernaryStorage();
}

VanillaTrainingPass::BitLinear VanillaTrainingPass::bitLinear(const std::string& name) const
{
    const Shape& shape = m_context.arrays.layout->slot(name + ".weight").spec.shape;
    BitLinear linear;
    linear.rows = shape[0];
    linear.cols = shape[1];
    linear.latent = m_context.arrays.value(name + ".weight");
    linear.gradient = m_context.arrays.gradient(name + ".weight");
    linear.norm = norm(name + ".norm.weight");
    return linear;
}

void VanillaTrainingPass::makeTernaryStorage()
{
    std::vector<BitLinear*> linears;
    for (Layer& layer : m_layers) {
        for (BitLinear& mixer : layer.mixers)
            linears.push_back(&mixer);
        linears.insert(linears.end(), {&layer.mixerOut, &layer.gateUp, &layer.down});
    }
    linears.push_back(&m_head);
    std::size_t words = 0, halves = 0;
    for (const BitLinear* linear : linears) {
        words += PackedShape{.rows = linear->rows, .cols = linear->cols}.bytes() / sizeof(std::uint32_t);
        halves += static_cast<std::size_t>(linear->rows * paddedWidth(linear->cols));
    }
    m_packed = DeviceArray<std::uint32_t>(words, "packed ternary weights");
    m_ternary = DeviceArray<Half>(halves, "ternary weights");
    m_scales = DeviceArray<float>(linears.size(), "scales");
    m_matrices = DeviceArray<LatentMatrix>(linears.size(), "the list of weights");
    m_absoluteSums = DeviceArray<double>(linears.size() * kAbsoluteSumParts, "sums");
    std::vector<LatentMatrix> matrices;
    std::uint32_t* packed = m_packed.data();
    Half* ternary = m_ternary.data();
    for (BitLinear* linear : linears) {
        linear->ternary = ternary;
        linear->scale = m_scales.data() + matrices.size();
        matrices.push_back({.latent = linear->latent,
                            .rows = linear->rows,
                            .cols = linear->cols,
                            .packed = packed,
                            .ternary = ternary,
                            .scale = linear->scale});
        const auto count = static_cast<std::int64_t>(
            PackedShape{.rows = linear->rows, .cols = linear->cols}.bytes() / sizeof(std::uint32_t));
        m_largestWords = std::max(m_largestWords, count);
        packed += count;
        ternary += linear->rows * paddedWidth(linear->cols);
    }
    checkCuda(cudaMemcpy(m_matrices.data(), matrices.data(), m_matrices.bytes(), cudaMemcpyHostToDevice));
}

void VanillaTrainingPass::refresh()
{
    launchTernaryCopies(m_matrices.data(), static_cast<int>(m_matrices.size()), m_absoluteSums.data(),
                        m_largestWords, m_context.stream);
}

void VanillaTrainingPass::placeStored(Placer& placer, Stored& stored, std::int64_t tokens, std::int64_t width)
{
    placer(stored.normed, tokens * width);
    placer(stored.scales, tokens);
    placer(stored.quantized, tokens * paddedWidth(width));
}

void VanillaTrainingPass::place(Placer& placer, std::int64_t tokens, std::int64_t batch,
                                std::int64_t savedLayers)
{
    const auto [d, I, V, L] = std::tuple(m_config.hiddenSize, m_config.intermediateSize,
                                         m_config.vocabularySize, m_config.layerCount);
    m_headRows = std::min(tokens, std::max(kLeastHeadRows, kLogitValues / V));
    m_saved.resize(static_cast<std::size_t>(savedLayers));
    for (Saved& saved : m_saved) {
        for (float** array :
             {&saved.input, &saved.attention, &saved.mixers[0], &saved.mixers[1], &saved.mixers[2],
              &saved.hidden, &saved.gateNormed, &saved.mixed, &saved.middle, &saved.channels})
            placer(*array, tokens * d);
        placer(saved.gateUp, tokens * 2 * I);
        placer(saved.glu, tokens * I);
        for (Stored* stored : {&saved.mixerInputs[0], &saved.mixerInputs[1], &saved.mixerInputs[2],
                               &saved.mixerOutInput, &saved.gateUpInput})
            placeStored(placer, *stored, tokens, d);
        placeStored(placer, saved.downInput, tokens, I);
    }
    placeStored(placer, m_headInput, m_headRows, d);
    placer(m_bounds, L * d);
    placer(m_dBounds, L * batch * d);
    placer(m_state, batch * d);
    for (float** array : {&m_x, &m_finalNormed, &m_dX, &m_dNormed, &m_dHidden})
        placer(*array, tokens * d);
    placer(m_dGlu, tokens * I);
    placer(m_logits, m_headRows * V);
    const auto groups = [&](std::int64_t width) {
        return rowGroups(width, tokens, m_context.multiprocessors) * width;
    };
    placer(m_partial, std::max(groups(d), groups(I)));
    placer(m_embedPartial, tokens * d);
    for (Half** array : {&m_dXHalf, &m_dNormedHalf})
        placer(*array, tokens * paddedWidth(d));
    placer(m_dMixers, kMixers * tokens * paddedWidth(d));
    placer(m_dY, tokens * paddedWidth(std::max(d, I)));
    placer(m_unusedHalf, tokens * paddedWidth(std::max(d, I)));
    placer(m_dGateUp, tokens * paddedWidth(2 * I));
    placer(m_dLogits, m_headRows * paddedWidth(V));
}

void VanillaTrainingPass::reserve(std::int64_t tokens, std::int64_t batch, std::int64_t savedLayers)
{
    if (tokens <= m_capacity && batch <= m_batchCapacity &&
        savedLayers <= static_cast<std::int64_t>(m_saved.size()))
        return;
    tokens = std::max(tokens, m_capacity);
    batch = std::max(batch, m_batchCapacity);
    savedLayers = std::max(savedLayers, static_cast<std::int64_t>(m_saved.size()));
    m_capacity = m_batchCapacity = 0;
    m_saved.clear();
    m_buffers = {};
    Placer count(nullptr);
    place(count, tokens, batch, savedLayers);
    m_saved.clear(); // nothing usable is left if the allocation fails
    m_buffers = DeviceArray<std::byte>(count.bytes(),
                                       "the activations of " + std::to_string(tokens) + " training tokens");
    Placer placer(m_buffers.data());
    place(placer, tokens, batch, savedLayers);
    m_capacity = tokens;
    m_batchCapacity = batch;
}

void VanillaTrainingPass::run(const TrainingBatch& batch, bool backward, float* rowLoss)
{
    const auto [d, L, tokens] = std::tuple(m_config.hiddenSize, m_config.layerCount, batch.tokens());
    reserve(tokens, batch.batch, backward ? L : 1);
    launchLowerBounds(m_context.arrays.value("model.lower_bounds"), L, d, m_bounds, m_context.stream);
    launchEmbed(batch.inputs, tokens, m_context.arrays.value("model.embeddings.weight"), DType::F32, d,
                m_saved[0].input, m_context.stream);
    for (std::int64_t n = 0; n < L; ++n) {
        const Saved& saved = m_saved[static_cast<std::size_t>(backward ? n : 0)];
        float* output = n + 1 == L ? m_x : m_saved[static_cast<std::size_t>(backward ? n + 1 : 0)].input;
        forwardLayer(m_layers[static_cast<std::size_t>(n)], n, batch, saved, output);
    }
    head(batch, backward, rowLoss);
    if (!backward)
        return;
    for (std::int64_t n = L - 1; n >= 0; --n) {
        const auto at = static_cast<std::size_t>(n);
        backwardChannels(m_layers[at], batch, m_saved[at]);
        backwardMixer(m_layers[at], n, batch, m_saved[at]);
    }
    launchEmbedBackward(batch.pieces, m_dX, d, m_embedPartial,
                        m_context.arrays.gradient("model.embeddings.weight"), m_context.stream);
    launchLowerBoundsBackward(m_context.arrays.value("model.lower_bounds"), m_dBounds, L, batch.batch, d,
                              m_context.arrays.gradient("model.lower_bounds"), m_context.stream);
}

void VanillaTrainingPass::applyNorm(const float* x, const NormParameter& norm, float eps, std::int64_t tokens,
                                    std::int64_t width, float* out)
{
    launchRmsNorm(x, norm.value, eps, tokens, width, out, m_context.stream);
}

void VanillaTrainingPass::apply(const BitLinear& linear, const Stored& stored, const float* x,
                                std::int64_t tokens, float* out, bool add)
{
    const std::int64_t stride = paddedWidth(linear.cols);
    applyNorm(x, linear.norm, kBitLinearEps, tokens, linear.cols, stored.normed);
    launchRowScales(stored.normed, tokens, linear.cols, stored.scales, m_context.stream);
    launchQuantizeRows(stored.normed, stored.scales, tokens, linear.cols, stored.quantized, m_context.stream);
    m_context.products->multiply({.transposeB = true,
                                  .rows = tokens,
                                  .cols = linear.rows,
                                  .inner = linear.cols,
                                  .strideA = stride,
                                  .strideB = stride,
                                  .strideD = linear.rows,
                                  .floatOutput = true,
                                  .accumulate = add,
                                  .scaled = true},
                                 stored.quantized, linear.ternary, out, linear.scale);
}

void VanillaTrainingPass::forwardLayer(const Layer& layer, std::int64_t n, const TrainingBatch& batch,
                                       const Saved& saved, float* output)
{
    const auto [d, I, eps] = std::tuple(m_config.hiddenSize, m_config.intermediateSize, m_config.rmsNormEps);
    const std::int64_t tokens = batch.tokens();
    const cudaStream_t stream = m_context.stream;
    const auto copy = [&](const float* from, float* to) {
        checkCuda(cudaMemcpyAsync(to, from, static_cast<std::size_t>(tokens * d) * sizeof(float),
                                  cudaMemcpyDeviceToDevice, stream));
    };
    applyNorm(saved.input, layer.attnNorm, eps, tokens, d, saved.attention);
    for (int k = 0; k < kMixers; ++k)
        apply(layer.mixers[k], saved.mixerInputs[k], saved.attention, tokens, saved.mixers[k], false);
    checkCuda(cudaMemsetAsync(m_state, 0, static_cast<std::size_t>(batch.batch * d) * sizeof(float), stream));
    launchGatesAndScan({.forgetPre = saved.mixers[Forget],
                        .candidatePre = saved.mixers[Candidate],
                        .lower = n > 0 ? m_bounds + n * d : nullptr,
                        .state = m_state,
                        .hidden = saved.hidden,
                        .batch = batch.batch,
                        .length = batch.length,
                        .width = d},
                       stream);
    applyNorm(saved.mixers[OutputGate], layer.gNorm, eps, tokens, d, saved.gateNormed);
    launchSwishGate(saved.gateNormed, saved.hidden, tokens * d, saved.mixed, stream);
    copy(saved.input, saved.middle);
    apply(layer.mixerOut, saved.mixerOutInput, saved.mixed, tokens, saved.middle, true);

    applyNorm(saved.middle, layer.mlpNorm, eps, tokens, d, saved.channels);
    apply(layer.gateUp, saved.gateUpInput, saved.channels, tokens, saved.gateUp, false);
    launchSwiGlu(saved.gateUp, saved.gateUp + I, 2 * I, tokens, I, saved.glu, stream);
    copy(saved.middle, output);
    apply(layer.down, saved.downInput, saved.glu, tokens, output, true);
}

void VanillaTrainingPass::head(const TrainingBatch& batch, bool backward, float* rowLoss)
{
    const auto [d, V, eps] = std::tuple(m_config.hiddenSize, m_config.vocabularySize, m_config.rmsNormEps);
    const auto gradientScale = static_cast<float>(1.0 / static_cast<double>(batch.targetCount));
    for (std::int64_t row = 0; row < batch.tokens(); row += m_headRows) {
        const std::int64_t count = std::min(m_headRows, batch.tokens() - row);
        const float* x = m_x + row * d;
        applyNorm(x, m_norm, eps, count, d, m_finalNormed);
        apply(m_head, m_headInput, m_finalNormed, count, m_logits, false);
        launchCrossEntropy(m_logits, batch.targets + row, count, V, gradientScale, rowLoss + row,
                           backward ? m_dLogits : nullptr, m_context.stream);
        if (!backward)
            continue;
        applyBackward(m_head, m_headInput, m_finalNormed, m_dLogits, count, m_dNormed, false);
        launchFloatToHalf(m_dNormed, count, d, m_dNormedHalf, m_context.stream);
        normBackward(x, m_norm, eps, m_dNormedHalf, count, d, m_dX + row * d, false);
    }
}

void VanillaTrainingPass::normBackward(const float* x, const NormParameter& norm, float eps, const Half* dY,
                                       std::int64_t tokens, std::int64_t width, float* dX, bool accumulate)
{
    const auto groups = static_cast<int>(rowGroups(width, tokens, m_context.multiprocessors));
    launchHalfNormBackward({.x = x,
                            .weight = norm.value,
                            .eps = eps,
                            .tokens = tokens,
                            .width = width,
                            .groups = groups,
                            .dY = dY,
                            .dX = dX,
                            .dXHalf = m_unusedHalf,
                            .accumulate = accumulate,
                            .partial = m_partial},
                           m_context.stream);
    launchSumPartials(m_partial, groups, width, {{norm.gradient}, 1}, m_context.stream);
}

void VanillaTrainingPass::applyBackward(const BitLinear& linear, const Stored& stored, const float* x,
                                        const Half* dOut, std::int64_t tokens, float* dX, bool accumulate)
{
    const std::int64_t rowStride = paddedWidth(linear.rows), colStride = paddedWidth(linear.cols);
    m_context.products->multiply({.transposeA = true,
                                  .rows = linear.rows,
                                  .cols = linear.cols,
                                  .inner = tokens,
                                  .strideA = rowStride,
                                  .strideB = colStride,
                                  .strideD = linear.cols,
                                  .floatOutput = true,
                                  .accumulate = true},
                                 dOut, stored.quantized, linear.gradient);
    m_context.products->multiply({.rows = tokens,
                                  .cols = linear.cols,
                                  .inner = linear.rows,
                                  .strideA = rowStride,
                                  .strideB = colStride,
                                  .strideD = colStride,
                                  .scaled = true},
                                 dOut, linear.ternary, m_dY, linear.scale);
    normBackward(x, linear.norm, kBitLinearEps, m_dY, tokens, linear.cols, dX, accumulate);
}

void VanillaTrainingPass::backwardChannels(const Layer& layer, const TrainingBatch& batch, const Saved& saved)
{
    const auto [d, I, eps] = std::tuple(m_config.hiddenSize, m_config.intermediateSize, m_config.rmsNormEps);
    const std::int64_t tokens = batch.tokens();
    const cudaStream_t stream = m_context.stream;
    launchFloatToHalf(m_dX, tokens, d, m_dXHalf, stream);
    applyBackward(layer.down, saved.downInput, saved.glu, m_dXHalf, tokens, m_dGlu, false);
    launchSwiGluBackward(saved.gateUp, m_dGlu, tokens, I, m_dGateUp, stream);
    applyBackward(layer.gateUp, saved.gateUpInput, saved.channels, m_dGateUp, tokens, m_dNormed, false);
    launchFloatToHalf(m_dNormed, tokens, d, m_dNormedHalf, stream);
    normBackward(saved.middle, layer.mlpNorm, eps, m_dNormedHalf, tokens, d, m_dX, true);
}

void VanillaTrainingPass::backwardMixer(const Layer& layer, std::int64_t n, const TrainingBatch& batch,
                                        const Saved& saved)
{
    const auto [d, eps] = std::pair(m_config.hiddenSize, m_config.rmsNormEps);
    const std::int64_t tokens = batch.tokens(), step = tokens * paddedWidth(d);
    const cudaStream_t stream = m_context.stream;
    launchFloatToHalf(m_dX, tokens, d, m_dXHalf, stream);
    applyBackward(layer.mixerOut, saved.mixerOutInput, saved.mixed, m_dXHalf, tokens, m_dNormed, false);
    launchSwishGateBackward(saved.gateNormed, saved.hidden, m_dNormed, tokens, d, m_dNormedHalf, m_dHidden,
                            stream);
    normBackward(saved.mixers[OutputGate], layer.gNorm, eps, m_dNormedHalf, tokens, d, m_dNormed, false);
    launchFloatToHalf(m_dNormed, tokens, d, m_dMixers + OutputGate * step, stream);
    launchScanBackward({.forgetPre = saved.mixers[Forget],
                        .candidatePre = saved.mixers[Candidate],
                        .lower = n > 0 ? m_bounds + n * d : nullptr,
                        .hidden = saved.hidden,
                        .dHidden = m_dHidden,
                        .dForgetPre = m_dMixers + Forget * step,
                        .dCandidatePre = m_dMixers + Candidate * step,
                        .dLower = n > 0 ? m_dBounds + n * batch.batch * d : nullptr,
                        .batch = batch.batch,
                        .length = batch.length,
                        .width = d},
                       stream);
    for (int k = 0; k < kMixers; ++k)
        applyBackward(layer.mixers[k], saved.mixerInputs[k], saved.attention, m_dMixers + k * step, tokens,
                      m_dNormed, k > 0);
    launchFloatToHalf(m_dNormed, tokens, d, m_dNormedHalf, stream);
    normBackward(saved.input, layer.attnNorm, eps, m_dNormedHalf, tokens, d, m_dX, true);
}

} // namespace mmfree::cuda
