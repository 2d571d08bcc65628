#include "engine/cuda/matmul_free_training_pass.h"

#include <algorithm>
#include <array>
#include <string>
#include <tuple>

namespace mmfree::cuda
{

namespace
{

constexpr std::int64_t kLogitValues = std::int64_t{1} << 25; // logits that exist at the same time
constexpr std::int64_t kLeastHeadRows = 512;
// Weights up to which their bf16 copies stay in memory; larger models unpack a matrix when it is needed.
constexpr std::size_t kKeptTernary = std::size_t{1} << 27;
constexpr double kComfortableShare = 0.75; // of free memory that kept activations may take

std::int64_t quantizedStride(std::int64_t width)
{
    return ceilDivide(width, kStepColumns) * kStepColumns;
}

} // namespace

MatMulFreeTrainingPass::MatMulFreeTrainingPass(const TrainingContext& context)
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

NormParameter MatMulFreeTrainingPass::norm(const std::string& name) const
{
    return {m_context.arrays.value(name), m_context.arrays.gradient(name)};
}

MatMulFreeTrainingPass::BitLinear MatMulFreeTrainingPass::bitLinear(const std::string& name) const
{
    const Shape& shape = m_context.arrays.layout->slot(name + ".weight").spec.shape;
    BitLinear linear;
    linear.rows = shape[0];
    linear.cols = shape[1];
    linear.latent = m_context.arrays.value(name + ".weight");
    linear.gradient = m_context.arrays.gradient(name + ".weight");
    linear.norm = norm(name + ".norm.weight");
    linear.shape = {.rows = shape[0], .cols = shape[1]};
    return linear;
}

std::vector<MatMulFreeTrainingPass::BitLinear*> MatMulFreeTrainingPass::allLinears()
{
    std::vector<BitLinear*> linears;
    for (Layer& layer : m_layers) {
        for (BitLinear& mixer : layer.mixers)
            linears.push_back(&mixer);
        linears.insert(linears.end(), {&layer.mixerOut, &layer.gateUp, &layer.down});
    }
    linears.push_back(&m_head);
    return linears;
}

void MatMulFreeTrainingPass::makeTernaryStorage()
{
    const std::vector<BitLinear*> linears = allLinears();
    std::size_t words = 0, halves = 0;
    for (const BitLinear* linear : linears) {
        words += linear->shape.bytes() / sizeof(std::uint32_t);
        halves += static_cast<std::size_t>(linear->rows * paddedWidth(linear->cols));
    }
    m_packed = DeviceArray<std::uint32_t>(words, "packed ternary weights");
    if (halves <= kKeptTernary)
        m_ternary = DeviceArray<Half>(halves, "ternary weights");
    else
        m_unpackValues = std::max({kMixers * m_config.hiddenSize * paddedWidth(m_config.hiddenSize),
                                   2 * m_config.intermediateSize * paddedWidth(m_config.hiddenSize),
                                   m_config.hiddenSize * paddedWidth(m_config.intermediateSize),
                                   m_config.vocabularySize * paddedWidth(m_config.hiddenSize)});
    m_scales = DeviceArray<float>(linears.size(), "scales");
    m_matrices = DeviceArray<LatentMatrix>(linears.size(), "the list of weights");
    m_absoluteSums = DeviceArray<double>(linears.size() * kAbsoluteSumParts, "sums");
    std::vector<LatentMatrix> matrices;
    std::uint32_t* packed = m_packed.data();
    Half* ternary = m_ternary.data();
    for (BitLinear* linear : linears) {
        linear->packed = packed;
        linear->ternary = ternary;
        linear->scale = m_scales.data() + matrices.size();
        const std::int64_t count = static_cast<std::int64_t>(linear->shape.bytes() / sizeof(std::uint32_t));
        m_largestWords = std::max(m_largestWords, count);
        packed += count;
        if (ternary)
            ternary += linear->rows * paddedWidth(linear->cols);
        matrices.push_back({.latent = linear->latent,
                            .rows = linear->rows,
                            .cols = linear->cols,
                            .packed = linear->packed,
                            .ternary = linear->ternary,
                            .scale = linear->scale});
    }
    checkCuda(cudaMemcpy(m_matrices.data(), matrices.data(), m_matrices.bytes(), cudaMemcpyHostToDevice));
}

void MatMulFreeTrainingPass::refresh()
{
    launchTernaryCopies(m_matrices.data(), static_cast<int>(m_matrices.size()), m_absoluteSums.data(),
                        m_largestWords, m_context.stream);
}

void MatMulFreeTrainingPass::placeSaved(Placer& placer, std::int64_t tokens, std::int64_t savedLayers)
{
    const auto [d, I] = std::pair(m_config.hiddenSize, m_config.intermediateSize);
    m_saved.resize(static_cast<std::size_t>(savedLayers));
    for (std::size_t n = 0; n < m_saved.size(); ++n) {
        Saved& saved = m_saved[n];
        float* const input = saved.input;
        if (m_recompute && n > 0)
            saved = m_saved.front();
        saved.input = input;
        placer(saved.input, tokens * d);
        if (m_recompute && n > 0)
            continue;
        placer(saved.middle, tokens * d);
        placer(saved.hidden, tokens * d);
        placer(saved.mixers, 3 * tokens * d);
        placer(saved.gateUp, tokens * 2 * I);
    }
}

bool MatMulFreeTrainingPass::mustRecompute(std::int64_t tokens, std::int64_t batch, std::int64_t savedLayers)
{
    if (m_context.activations != TrainingActivations::Automatic)
        return m_context.activations == TrainingActivations::Recompute;
    m_recompute = false;
    Placer count(nullptr);
    place(count, tokens, batch, savedLayers);
    std::size_t freeBytes = 0, totalBytes = 0;
    checkCuda(cudaMemGetInfo(&freeBytes, &totalBytes));
    return static_cast<double>(count.bytes()) > kComfortableShare * static_cast<double>(freeBytes);
}

void MatMulFreeTrainingPass::place(Placer& placer, std::int64_t tokens, std::int64_t batch,
                                   std::int64_t savedLayers)
{
    const auto [d, I, V, L] = std::tuple(m_config.hiddenSize, m_config.intermediateSize,
                                         m_config.vocabularySize, m_config.layerCount);
    m_headRows = std::min(tokens, std::max(kLeastHeadRows, kLogitValues / V));
    placeSaved(placer, tokens, savedLayers);
    placer(m_unpacked, m_unpackValues);
    placer(m_bounds, L * d);
    placer(m_dBounds, L * batch * d);
    placer(m_state, batch * d);
    for (float** array : {&m_x, &m_dX, &m_dHidden})
        placer(*array, tokens * d);
    placer(m_logits, m_headRows * V);
    const std::int64_t narrow = groups(d, tokens) * d, wide = groups(I, tokens) * I;
    placer(m_partial, std::max(4 * narrow, wide));
    placer(m_embedPartial, tokens * d); // never more pieces than tokens
    for (int i = 0; i < 3; ++i)
        placer(m_quantized[i], tokens * quantizedStride(d));
    placer(m_quantized[3], tokens * quantizedStride(I));
    placer(m_inverseScales, 3 * tokens);
    placer(m_codeSums, 3 * tokens);
    placer(m_dXHalf, tokens * paddedWidth(d));
    for (Half** array : {&m_dMixers, &m_dY, &m_inputs})
        placer(*array, 3 * tokens * paddedWidth(d));
    placer(m_dGlu, tokens * paddedWidth(I));
    placer(m_gluInput, tokens * paddedWidth(I));
    placer(m_dGateUp, tokens * paddedWidth(2 * I));
    placer(m_dLogits, m_headRows * paddedWidth(V));
}

void MatMulFreeTrainingPass::reserve(std::int64_t tokens, std::int64_t batch, std::int64_t savedLayers)
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
    m_recompute = mustRecompute(tokens, batch, savedLayers);
    Placer count(nullptr);
    place(count, tokens, batch, savedLayers);
    m_saved.clear(); // nothing usable is left if the allocation fails
    m_buffers = DeviceArray<std::byte>(count.bytes(),
                                       "the activations of " + std::to_string(tokens) + " training tokens");
    Placer placer(m_buffers.data());
    place(placer, tokens, batch, savedLayers);
    // Padding columns stay 0 from here on.
    for (int i = 0; i < 4; ++i) {
        const std::int64_t width = i < 3 ? m_config.hiddenSize : m_config.intermediateSize;
        checkCuda(cudaMemsetAsync(
            m_quantized[i], 0, static_cast<std::size_t>(tokens * quantizedStride(width)), m_context.stream));
    }
    m_capacity = tokens;
    m_batchCapacity = batch;
}

QuantizedView MatMulFreeTrainingPass::quantized(int which, std::int64_t width, std::int64_t tokens) const
{
    const int slot = which % 3;
    return {.values = m_quantized[which],
            .inverseScales = m_inverseScales + slot * tokens,
            .codeSums = m_codeSums + slot * tokens,
            .stride = quantizedStride(width)};
}

int MatMulFreeTrainingPass::groups(std::int64_t width, std::int64_t tokens) const
{
    return static_cast<int>(rowGroups(width, tokens, m_context.multiprocessors));
}

TernaryGemmArguments MatMulFreeTrainingPass::product(const BitLinear& linear, const QuantizedView& input,
                                                     std::int64_t tokens, float* out, GemmOutput mode) const
{
    return {.packed = linear.packed,
            .shape = linear.shape,
            .input = input,
            .scale = linear.scale,
            .tokens = tokens,
            .out = out,
            .mode = mode};
}

void MatMulFreeTrainingPass::run(const TrainingBatch& batch, bool backward, float* rowLoss)
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
        if (m_recompute && n + 1 < L) // the last layer's are still there
            forwardLayer(m_layers[static_cast<std::size_t>(n)], n, batch,
                         m_saved[static_cast<std::size_t>(n)], nullptr);
        backwardLayer(m_layers[static_cast<std::size_t>(n)], n, batch, m_saved[static_cast<std::size_t>(n)]);
        backwardMixer(m_layers[static_cast<std::size_t>(n)], n, batch, m_saved[static_cast<std::size_t>(n)]);
    }
    launchEmbedBackward(batch.pieces, m_dX, d, m_embedPartial,
                        m_context.arrays.gradient("model.embeddings.weight"), m_context.stream);
    launchLowerBoundsBackward(m_context.arrays.value("model.lower_bounds"), m_dBounds, L, batch.batch, d,
                              m_context.arrays.gradient("model.lower_bounds"), m_context.stream);
}

void MatMulFreeTrainingPass::forwardLayer(const Layer& layer, std::int64_t n, const TrainingBatch& batch,
                                          const Saved& saved, float* output)
{
    const auto [d, I, eps] = std::tuple(m_config.hiddenSize, m_config.intermediateSize, m_config.rmsNormEps);
    const std::int64_t tokens = batch.tokens();
    const cudaStream_t stream = m_context.stream;
    NormArguments attention{.x = saved.input,
                            .outer = layer.attnNorm.value,
                            .count = kMixers,
                            .eps = eps,
                            .tokens = tokens,
                            .width = d,
                            .groups = groups(d, tokens),
                            .copy = saved.middle};
    std::array<TernaryGemmArguments, kMixers> products;
    for (int k = 0; k < kMixers; ++k) {
        attention.inner[k] = layer.mixers[k].norm.value;
        attention.out[k] = quantized(k, d, tokens);
        products[k] = product(layer.mixers[k], attention.out[k], tokens, saved.mixers + k * tokens * d,
                              GemmOutput::Store);
    }
    launchNormForward(attention, stream);
    launchTernaryGemms(products, stream);
    checkCuda(cudaMemsetAsync(m_state, 0, static_cast<std::size_t>(batch.batch * d) * sizeof(float), stream));
    launchGatesAndScan({.forgetPre = saved.mixers + Forget * tokens * d,
                        .candidatePre = saved.mixers + Candidate * tokens * d,
                        .lower = lower(n),
                        .state = m_state,
                        .hidden = saved.hidden,
                        .batch = batch.batch,
                        .length = batch.length,
                        .width = d},
                       stream);
    const QuantizedView mixed = quantized(0, d, tokens);
    launchGateForward({.gate = saved.mixers + OutputGate * tokens * d,
                       .hidden = saved.hidden,
                       .gateNorm = layer.gNorm.value,
                       .inner = layer.mixerOut.norm.value,
                       .eps = eps,
                       .tokens = tokens,
                       .width = d,
                       .groups = groups(d, tokens),
                       .out = mixed},
                      stream);
    launchTernaryGemm(product(layer.mixerOut, mixed, tokens, saved.middle, GemmOutput::Add), stream);

    const QuantizedView normed = quantized(0, d, tokens), glu = quantized(3, I, tokens);
    launchNormForward({.x = saved.middle,
                       .outer = layer.mlpNorm.value,
                       .inner = {layer.gateUp.norm.value},
                       .eps = eps,
                       .tokens = tokens,
                       .width = d,
                       .groups = groups(d, tokens),
                       .out = {normed},
                       .copy = output},
                      stream);
    launchTernaryGemm(product(layer.gateUp, normed, tokens, saved.gateUp, GemmOutput::Store), stream);
    if (!output)
        return;
    launchGluForward({.gateUp = saved.gateUp,
                      .inner = layer.down.norm.value,
                      .tokens = tokens,
                      .width = I,
                      .groups = groups(I, tokens),
                      .out = glu},
                     stream);
    launchTernaryGemm(product(layer.down, glu, tokens, output, GemmOutput::Add), stream);
}

// Final norm, head and cross entropy in chunks of tokens, so that all logits never exist at once; with
// `backward`, m_dX and m_dXHalf become the gradient of m_x.
void MatMulFreeTrainingPass::head(const TrainingBatch& batch, bool backward, float* rowLoss)
{
    const auto [d, V] = std::pair(m_config.hiddenSize, m_config.vocabularySize);
    const auto gradientScale = static_cast<float>(1.0 / static_cast<double>(batch.targetCount));
    const cudaStream_t stream = m_context.stream;
    for (std::int64_t row = 0; row < batch.tokens(); row += m_headRows) {
        const std::int64_t count = std::min(m_headRows, batch.tokens() - row);
        NormArguments arguments{.x = m_x + row * d,
                                .outer = m_norm.value,
                                .inner = {m_head.norm.value},
                                .eps = m_config.rmsNormEps,
                                .tokens = count,
                                .width = d,
                                .groups = groups(d, count),
                                .out = {quantized(0, d, count)},
                                .linear = {{.dY = m_dY, .scale = m_head.scale, .input = m_inputs}},
                                .dX = m_dX + row * d,
                                .dXHalf = m_dXHalf + row * paddedWidth(d),
                                .accumulate = false,
                                .partial = m_partial};
        launchNormForward(arguments, stream);
        launchTernaryGemm(product(m_head, arguments.out[0], count, m_logits, GemmOutput::Store), stream);
        launchCrossEntropy(m_logits, batch.targets + row, count, V, gradientScale, rowLoss + row,
                           backward ? m_dLogits : nullptr, stream);
        if (!backward)
            continue;
        inputGradient(m_head, m_dLogits, count, m_dY);
        launchNormBackward(arguments, stream);
        launchSumPartials(m_partial, arguments.groups, d, {{m_head.norm.gradient, m_norm.gradient}, 2},
                          stream);
        weightGradient(m_head, m_dLogits, m_inputs, count);
    }
}

void MatMulFreeTrainingPass::inputGradient(const BitLinear& linear, const Half* dOut, std::int64_t tokens,
                                           Half* dY, int count)
{
    const std::int64_t rowStride = paddedWidth(linear.rows), colStride = paddedWidth(linear.cols);
    const Half* ternary = linear.ternary;
    if (!ternary) {
        launchUnpackTernary(linear.packed, linear.rows, linear.cols, count, m_unpacked, m_context.stream);
        ternary = m_unpacked;
    }
    m_context.products->multiply({.rows = tokens,
                                  .cols = linear.cols,
                                  .inner = linear.rows,
                                  .strideA = rowStride,
                                  .strideB = colStride,
                                  .strideD = colStride,
                                  .batch = count,
                                  .batchA = tokens * rowStride,
                                  .batchB = linear.rows * colStride,
                                  .batchD = tokens * colStride},
                                 dOut, ternary, dY);
}

void MatMulFreeTrainingPass::weightGradient(const BitLinear& linear, const Half* dOut, const Half* input,
                                            std::int64_t tokens)
{
    m_context.products->multiply({.transposeA = true,
                                  .rows = linear.rows,
                                  .cols = linear.cols,
                                  .inner = tokens,
                                  .strideA = paddedWidth(linear.rows),
                                  .strideB = paddedWidth(linear.cols),
                                  .strideD = linear.cols,
                                  .floatOutput = true,
                                  .accumulate = true},
                                 dOut, input, linear.gradient);
}

// In one batch where the three gradients lie at equal distances.
void MatMulFreeTrainingPass::mixerWeightGradients(const Layer& layer, std::int64_t tokens)
{
    const std::int64_t d = m_config.hiddenSize, stride = paddedWidth(d);
    const std::int64_t step = layer.mixers[1].gradient - layer.mixers[0].gradient;
    if (layer.mixers[2].gradient - layer.mixers[1].gradient != step) {
        for (int k = 0; k < kMixers; ++k)
            weightGradient(layer.mixers[k], m_dMixers + k * tokens * stride, m_inputs + k * tokens * stride,
                           tokens);
        return;
    }
    m_context.products->multiply({.transposeA = true,
                                  .rows = d,
                                  .cols = d,
                                  .inner = tokens,
                                  .strideA = stride,
                                  .strideB = stride,
                                  .strideD = d,
                                  .batch = kMixers,
                                  .batchA = tokens * stride,
                                  .batchB = tokens * stride,
                                  .batchD = step,
                                  .floatOutput = true,
                                  .accumulate = true},
                                 m_dMixers, m_inputs, layer.mixers[0].gradient);
}

// The channel mixer. In: m_dX = gradient of the layer's output. Out: m_dX = gradient of its middle.
void MatMulFreeTrainingPass::backwardLayer(const Layer& layer, std::int64_t, const TrainingBatch& batch,
                                           const Saved& saved)
{
    const auto [d, I, eps] = std::tuple(m_config.hiddenSize, m_config.intermediateSize, m_config.rmsNormEps);
    const std::int64_t tokens = batch.tokens();
    const cudaStream_t stream = m_context.stream;
    inputGradient(layer.down, m_dXHalf, tokens, m_dGlu);
    launchGluBackward({.gateUp = saved.gateUp,
                       .inner = layer.down.norm.value,
                       .tokens = tokens,
                       .width = I,
                       .groups = groups(I, tokens),
                       .linear = {.dY = m_dGlu, .scale = layer.down.scale, .input = m_gluInput},
                       .dGateUp = m_dGateUp,
                       .partial = m_partial},
                      stream);
    launchSumPartials(m_partial, groups(I, tokens), I, {{layer.down.norm.gradient}, 1}, stream);
    weightGradient(layer.down, m_dXHalf, m_gluInput, tokens);

    inputGradient(layer.gateUp, m_dGateUp, tokens, m_dY);
    launchNormBackward({.x = saved.middle,
                        .outer = layer.mlpNorm.value,
                        .inner = {layer.gateUp.norm.value},
                        .eps = eps,
                        .tokens = tokens,
                        .width = d,
                        .groups = groups(d, tokens),
                        .linear = {{.dY = m_dY, .scale = layer.gateUp.scale, .input = m_inputs}},
                        .dX = m_dX,
                        .dXHalf = m_dXHalf,
                        .partial = m_partial},
                       stream);
    launchSumPartials(m_partial, groups(d, tokens), d,
                      {{layer.gateUp.norm.gradient, layer.mlpNorm.gradient}, 2}, stream);
    weightGradient(layer.gateUp, m_dGateUp, m_inputs, tokens);
}

// The token mixer. In: m_dX = gradient of the layer's middle. Out: m_dX = gradient of its input.
void MatMulFreeTrainingPass::backwardMixer(const Layer& layer, std::int64_t n, const TrainingBatch& batch,
                                           const Saved& saved)
{
    const auto [d, eps] = std::pair(m_config.hiddenSize, m_config.rmsNormEps);
    const std::int64_t tokens = batch.tokens(), step = tokens * paddedWidth(d);
    const cudaStream_t stream = m_context.stream;
    inputGradient(layer.mixerOut, m_dXHalf, tokens, m_dY);
    launchGateBackward({.gate = saved.mixers + OutputGate * tokens * d,
                        .hidden = saved.hidden,
                        .gateNorm = layer.gNorm.value,
                        .inner = layer.mixerOut.norm.value,
                        .eps = eps,
                        .tokens = tokens,
                        .width = d,
                        .groups = groups(d, tokens),
                        .linear = {.dY = m_dY, .scale = layer.mixerOut.scale, .input = m_inputs},
                        .dGate = m_dMixers + OutputGate * step,
                        .dHidden = m_dHidden,
                        .partial = m_partial},
                       stream);
    launchSumPartials(m_partial, groups(d, tokens), d,
                      {{layer.mixerOut.norm.gradient, layer.gNorm.gradient}, 2}, stream);
    weightGradient(layer.mixerOut, m_dXHalf, m_inputs, tokens);
    launchScanBackward({.forgetPre = saved.mixers + Forget * tokens * d,
                        .candidatePre = saved.mixers + Candidate * tokens * d,
                        .lower = lower(n),
                        .hidden = saved.hidden,
                        .dHidden = m_dHidden,
                        .dForgetPre = m_dMixers + Forget * step,
                        .dCandidatePre = m_dMixers + Candidate * step,
                        .dLower = n > 0 ? m_dBounds + n * batch.batch * d : nullptr,
                        .batch = batch.batch,
                        .length = batch.length,
                        .width = d},
                       stream);

    inputGradient(layer.mixers[0], m_dMixers, tokens, m_dY, kMixers);
    NormArguments attention{.x = saved.input,
                            .outer = layer.attnNorm.value,
                            .count = kMixers,
                            .eps = eps,
                            .tokens = tokens,
                            .width = d,
                            .groups = groups(d, tokens),
                            .dX = m_dX,
                            .dXHalf = m_dXHalf,
                            .partial = m_partial};
    NormGradients gradients{.count = kMixers + 1};
    for (int k = 0; k < kMixers; ++k) {
        attention.inner[k] = layer.mixers[k].norm.value;
        attention.linear[k] = {
            .dY = m_dY + k * step, .scale = layer.mixers[k].scale, .input = m_inputs + k * step};
        gradients.gradients[k] = layer.mixers[k].norm.gradient;
    }
    gradients.gradients[kMixers] = layer.attnNorm.gradient;
    launchNormBackward(attention, stream);
    launchSumPartials(m_partial, attention.groups, d, gradients, stream);
    mixerWeightGradients(layer, tokens);
}

} // namespace mmfree::cuda
