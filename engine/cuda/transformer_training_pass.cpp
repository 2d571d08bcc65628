#include "engine/cuda/transformer_training_pass.h"

#include <algorithm>
#include <string>
#include <tuple>

namespace mmfree::cuda
{

namespace
{

constexpr std::int64_t kLogitValues = std::int64_t{1} << 25; // logits that exist at the same time
constexpr std::int64_t kLeastHeadRows = 512;
constexpr const char* kEmbeddings = "model.embed_tokens.weight";

} // namespace

TransformerTrainingPass::TransformerTrainingPass(const TrainingContext& context)
    : m_context(context)
    , m_config(context.arrays.layout->config())
    , m_shape{m_config.headCount, m_config.keyValueHeadCount, m_config.headSize()}
{
    const auto check = [](const std::string& what, std::int64_t value, std::int64_t largest) {
        if (value > largest)
            throw Error(ErrorCode::Unavailable, "CUDA training: " + what + " is " + std::to_string(value) +
                                                    ", needed: at most " + std::to_string(largest));
    };
    check("hidden_size", m_config.hiddenSize, kWidestTrainingRow);
    check("hidden_size / num_attention_heads", m_shape.headSize, kWidestHead);
    for (std::int64_t n = 0; n < m_config.layerCount; ++n) {
        const std::string prefix = "model.layers." + std::to_string(n) + ".";
        m_layers.push_back(
            {.inputNorm = norm(prefix + "input_layernorm.weight"),
             .postNorm = norm(prefix + "post_attention_layernorm.weight"),
             .queryKeyValue = linear({prefix + "self_attn.q_proj.weight", prefix + "self_attn.k_proj.weight",
                                      prefix + "self_attn.v_proj.weight"}),
             .attentionOut = linear({prefix + "self_attn.o_proj.weight"}),
             .gateUp = linear({prefix + "mlp.gate_proj.weight", prefix + "mlp.up_proj.weight"}),
             .down = linear({prefix + "mlp.down_proj.weight"})});
    }
    m_norm = norm("model.norm.weight");
    m_head = linear({m_config.tieEmbeddings ? kEmbeddings : "lm_head.weight"});
    makeWeightStorage();
}

NormParameter TransformerTrainingPass::norm(const std::string& name) const
{
    return {m_context.arrays.value(name), m_context.arrays.gradient(name)};
}

TransformerTrainingPass::Linear TransformerTrainingPass::linear(const std::vector<std::string>& names) const
{
    Linear made;
    for (const std::string& name : names) {
        const Shape& shape = m_context.arrays.layout->slot(name).spec.shape;
        Linear::Part part{m_context.arrays.value(name), m_context.arrays.gradient(name), shape[0]};
        made.rows += shape[0];
        made.cols = shape[1];
        // Parameters without padding between them are one matrix already.
        if (!made.parts.empty() &&
            made.parts.back().latent + made.parts.back().rows * made.cols == part.latent)
            made.parts.back().rows += part.rows;
        else
            made.parts.push_back(part);
    }
    return made;
}

void TransformerTrainingPass::makeWeightStorage()
{
    std::vector<Linear*> linears;
    for (Layer& layer : m_layers)
        linears.insert(linears.end(),
                       {&layer.queryKeyValue, &layer.attentionOut, &layer.gateUp, &layer.down});
    linears.push_back(&m_head);
    std::size_t halves = 0;
    for (const Linear* linear : linears)
        halves += static_cast<std::size_t>(linear->rows * paddedWidth(linear->cols));
    m_weights = DeviceArray<Half>(halves, "bf16 copies of the weights");
    std::vector<HalfCopy> copies;
    Half* target = m_weights.data();
    for (Linear* linear : linears) {
        linear->weight = target;
        for (const Linear::Part& part : linear->parts) {
            copies.push_back(
                {.source = part.latent, .target = target, .rows = part.rows, .cols = linear->cols});
            target += part.rows * paddedWidth(linear->cols);
        }
    }
    m_copies = DeviceArray<HalfCopy>(copies.size(), "the list of weights");
    checkCuda(cudaMemcpy(m_copies.data(), copies.data(), m_copies.bytes(), cudaMemcpyHostToDevice));
}

void TransformerTrainingPass::refresh()
{
    launchHalfCopies(m_copies.data(), static_cast<int>(m_copies.size()), m_context.stream);
}

int TransformerTrainingPass::groups(std::int64_t tokens) const
{
    return static_cast<int>(rowGroups(m_config.hiddenSize, tokens, m_context.multiprocessors));
}

void TransformerTrainingPass::place(Placer& placer, std::int64_t tokens, std::int64_t length,
                                    std::int64_t savedLayers)
{
    const auto [d, I, V] =
        std::tuple(m_config.hiddenSize, m_config.intermediateSize, m_config.vocabularySize);
    const std::int64_t mixed = paddedWidth(d + 2 * m_shape.keyValueWidth());
    m_headRows = std::min(tokens, std::max(kLeastHeadRows, kLogitValues / V));
    m_saved.resize(static_cast<std::size_t>(savedLayers));
    for (Saved& saved : m_saved) {
        placer(saved.input, tokens * d);
        placer(saved.middle, tokens * d);
        placer(saved.queryKeyValue, tokens * mixed);
        placer(saved.attended, tokens * paddedWidth(d));
        placer(saved.gateUp, tokens * paddedWidth(2 * I));
        placer(saved.logSums, tokens * m_shape.heads);
    }
    placer(m_rotary, length * std::max<std::int64_t>(1, m_shape.headSize / 2));
    placer(m_x, tokens * d);
    placer(m_dX, tokens * d);
    placer(m_logits, m_headRows * V);
    placer(m_partial, groups(tokens) * d);
    placer(m_embedPartial, tokens * d);
    placer(m_alongOut, tokens * m_shape.heads);
    for (Half** array : {&m_dXHalf, &m_normed, &m_dNormed, &m_dAttended})
        placer(*array, tokens * paddedWidth(d));
    placer(m_dQueryKeyValue, tokens * mixed);
    placer(m_glu, tokens * paddedWidth(I));
    placer(m_dGlu, tokens * paddedWidth(I));
    placer(m_dGateUp, tokens * paddedWidth(2 * I));
    placer(m_dLogits, m_headRows * paddedWidth(V));
}

void TransformerTrainingPass::reserve(std::int64_t tokens, std::int64_t length, std::int64_t savedLayers)
{
    if (tokens <= m_capacity && length <= m_lengthCapacity &&
        savedLayers <= static_cast<std::int64_t>(m_saved.size()))
        return;
    tokens = std::max(tokens, m_capacity);
    length = std::max(length, m_lengthCapacity);
    savedLayers = std::max(savedLayers, static_cast<std::int64_t>(m_saved.size()));
    m_capacity = m_lengthCapacity = 0;
    m_saved.clear();
    m_buffers = {};
    Placer count(nullptr);
    place(count, tokens, length, savedLayers);
    m_saved.clear(); // nothing usable is left if the allocation fails
    m_buffers = DeviceArray<std::byte>(count.bytes(),
                                       "the activations of " + std::to_string(tokens) + " training tokens");
    Placer placer(m_buffers.data());
    place(placer, tokens, length, savedLayers);
    launchRotaryTable(0, length, m_shape.headSize, m_config.ropeTheta, m_rotary, m_context.stream);
    m_capacity = tokens;
    m_lengthCapacity = length;
}

void TransformerTrainingPass::run(const TrainingBatch& batch, bool backward, float* rowLoss)
{
    const auto [d, L, tokens] = std::tuple(m_config.hiddenSize, m_config.layerCount, batch.tokens());
    reserve(tokens, batch.length, backward ? L : 1);
    launchEmbed(batch.inputs, tokens, m_context.arrays.value(kEmbeddings), DType::F32, d, m_saved[0].input,
                m_context.stream);
    for (std::int64_t n = 0; n < L; ++n) {
        const Saved& saved = m_saved[static_cast<std::size_t>(backward ? n : 0)];
        float* output = n + 1 == L ? m_x : m_saved[static_cast<std::size_t>(backward ? n + 1 : 0)].input;
        forwardLayer(m_layers[static_cast<std::size_t>(n)], batch, saved, output);
    }
    head(batch, backward, rowLoss);
    if (!backward)
        return;
    for (std::int64_t n = L - 1; n >= 0; --n) {
        const auto at = static_cast<std::size_t>(n);
        backwardChannels(m_layers[at], batch, m_saved[at]);
        backwardAttention(m_layers[at], batch, m_saved[at]);
    }
    launchEmbedBackward(batch.pieces, m_dX, d, m_embedPartial, m_context.arrays.gradient(kEmbeddings),
                        m_context.stream);
}

HalfNormArguments TransformerTrainingPass::normArguments(const float* x, const NormParameter& norm,
                                                         std::int64_t tokens) const
{
    return {.x = x,
            .weight = norm.value,
            .eps = m_config.rmsNormEps,
            .tokens = tokens,
            .width = m_config.hiddenSize,
            .groups = groups(tokens),
            .out = m_normed,
            .dY = m_dNormed,
            .dX = m_dX,
            .dXHalf = m_dXHalf,
            .partial = m_partial};
}

void TransformerTrainingPass::normBackward(const HalfNormArguments& arguments, const NormParameter& norm)
{
    launchHalfNormBackward(arguments, m_context.stream);
    launchSumPartials(m_partial, arguments.groups, arguments.width, {{norm.gradient}, 1}, m_context.stream);
}

void TransformerTrainingPass::forwardLayer(const Layer& layer, const TrainingBatch& batch, const Saved& saved,
                                           float* output)
{
    const std::int64_t tokens = batch.tokens(), mixed = paddedWidth(layer.queryKeyValue.rows);
    const cudaStream_t stream = m_context.stream;
    HalfNormArguments norm = normArguments(saved.input, layer.inputNorm, tokens);
    norm.copy = saved.middle;
    launchHalfNorm(norm, stream);
    apply(layer.queryKeyValue, m_normed, tokens, saved.queryKeyValue);
    launchRotaryHalf(saved.queryKeyValue, tokens, batch.length, mixed, m_shape.heads + m_shape.keyValueHeads,
                     m_shape.headSize, m_rotary, false, stream);
    const auto rows = [&](std::int64_t offset) {
        return HeadRows<const Half>{saved.queryKeyValue + offset, mixed, batch.length * mixed};
    };
    const std::int64_t attendedStride = paddedWidth(m_shape.width());
    launchAttention({.queries = rows(0),
                     .keys = rows(m_shape.width()),
                     .values = rows(m_shape.width() + m_shape.keyValueWidth()),
                     .out = {saved.attended, attendedStride, batch.length * attendedStride},
                     .logSums = saved.logSums,
                     .shape = m_shape,
                     .batch = batch.batch,
                     .length = batch.length},
                    stream);
    applyFloat(layer.attentionOut, saved.attended, tokens, saved.middle, true);

    norm = normArguments(saved.middle, layer.postNorm, tokens);
    norm.copy = output;
    launchHalfNorm(norm, stream);
    apply(layer.gateUp, m_normed, tokens, saved.gateUp);
    launchSwiGluHalf(saved.gateUp, tokens, m_config.intermediateSize, m_glu, stream);
    applyFloat(layer.down, m_glu, tokens, output, true);
}

// Final norm, head and cross entropy in chunks of tokens, so that all logits never exist at once; with
// `backward`, m_dX and m_dXHalf become the gradient of m_x.
void TransformerTrainingPass::head(const TrainingBatch& batch, bool backward, float* rowLoss)
{
    const auto [d, V] = std::pair(m_config.hiddenSize, m_config.vocabularySize);
    const auto gradientScale = static_cast<float>(1.0 / static_cast<double>(batch.targetCount));
    for (std::int64_t row = 0; row < batch.tokens(); row += m_headRows) {
        const std::int64_t count = std::min(m_headRows, batch.tokens() - row);
        HalfNormArguments norm = normArguments(m_x + row * d, m_norm, count);
        norm.dX = m_dX + row * d;
        norm.dXHalf = m_dXHalf + row * paddedWidth(d);
        norm.accumulate = false;
        launchHalfNorm(norm, m_context.stream);
        applyFloat(m_head, m_normed, count, m_logits, false);
        launchCrossEntropy(m_logits, batch.targets + row, count, V, gradientScale, rowLoss + row,
                           backward ? m_dLogits : nullptr, m_context.stream);
        if (!backward)
            continue;
        inputGradient(m_head, m_dLogits, count, m_dNormed);
        weightGradient(m_head, m_dLogits, m_normed, count);
        normBackward(norm, m_norm);
    }
}

void TransformerTrainingPass::apply(const Linear& linear, const Half* x, std::int64_t tokens, Half* out)
{
    const std::int64_t stride = paddedWidth(linear.cols);
    m_context.products->multiply({.transposeB = true,
                                  .rows = tokens,
                                  .cols = linear.rows,
                                  .inner = linear.cols,
                                  .strideA = stride,
                                  .strideB = stride,
                                  .strideD = paddedWidth(linear.rows)},
                                 x, linear.weight, out);
}

void TransformerTrainingPass::applyFloat(const Linear& linear, const Half* x, std::int64_t tokens, float* out,
                                         bool add)
{
    const std::int64_t stride = paddedWidth(linear.cols);
    m_context.products->multiply({.transposeB = true,
                                  .rows = tokens,
                                  .cols = linear.rows,
                                  .inner = linear.cols,
                                  .strideA = stride,
                                  .strideB = stride,
                                  .strideD = linear.rows,
                                  .floatOutput = true,
                                  .accumulate = add},
                                 x, linear.weight, out);
}

void TransformerTrainingPass::inputGradient(const Linear& linear, const Half* dOut, std::int64_t tokens,
                                            Half* dX)
{
    const std::int64_t stride = paddedWidth(linear.cols);
    m_context.products->multiply({.rows = tokens,
                                  .cols = linear.cols,
                                  .inner = linear.rows,
                                  .strideA = paddedWidth(linear.rows),
                                  .strideB = stride,
                                  .strideD = stride},
                                 dOut, linear.weight, dX);
}

void TransformerTrainingPass::weightGradient(const Linear& linear, const Half* dOut, const Half* x,
                                             std::int64_t tokens)
{
    for (const Linear::Part& part : linear.parts) {
        m_context.products->multiply({.transposeA = true,
                                      .rows = part.rows,
                                      .cols = linear.cols,
                                      .inner = tokens,
                                      .strideA = paddedWidth(linear.rows),
                                      .strideB = paddedWidth(linear.cols),
                                      .strideD = linear.cols,
                                      .floatOutput = true,
                                      .accumulate = true},
                                     dOut, x, part.gradient);
        dOut += part.rows;
    }
}

// In: m_dX = gradient of the layer's output. Out: m_dX = gradient of its middle.
void TransformerTrainingPass::backwardChannels(const Layer& layer, const TrainingBatch& batch,
                                               const Saved& saved)
{
    const std::int64_t tokens = batch.tokens();
    inputGradient(layer.down, m_dXHalf, tokens, m_dGlu);
    launchSwiGluHalfBackward(saved.gateUp, m_dGlu, tokens, m_config.intermediateSize, m_dGateUp, m_glu,
                             m_context.stream);
    weightGradient(layer.down, m_dXHalf, m_glu, tokens);
    const HalfNormArguments norm = normArguments(saved.middle, layer.postNorm, tokens);
    launchHalfNorm(norm, m_context.stream);
    weightGradient(layer.gateUp, m_dGateUp, m_normed, tokens);
    inputGradient(layer.gateUp, m_dGateUp, tokens, m_dNormed);
    normBackward(norm, layer.postNorm);
}

// In: m_dX = gradient of the layer's middle. Out: m_dX = gradient of its input.
void TransformerTrainingPass::backwardAttention(const Layer& layer, const TrainingBatch& batch,
                                                const Saved& saved)
{
    const std::int64_t tokens = batch.tokens(), mixed = paddedWidth(layer.queryKeyValue.rows);
    const std::int64_t keysAt = m_shape.width(), valuesAt = keysAt + m_shape.keyValueWidth();
    const std::int64_t stride = paddedWidth(m_shape.width());
    const auto rows = [&](std::int64_t offset) {
        return HeadRows<const Half>{saved.queryKeyValue + offset, mixed, batch.length * mixed};
    };
    const auto gradientRows = [&](std::int64_t offset) {
        return HeadRows<Half>{m_dQueryKeyValue + offset, mixed, batch.length * mixed};
    };
    inputGradient(layer.attentionOut, m_dXHalf, tokens, m_dAttended);
    weightGradient(layer.attentionOut, m_dXHalf, saved.attended, tokens);
    launchAttentionBackward({.queries = rows(0),
                             .keys = rows(keysAt),
                             .values = rows(valuesAt),
                             .out = {saved.attended, stride, batch.length * stride},
                             .dOut = {m_dAttended, stride, batch.length * stride},
                             .dQueries = gradientRows(0),
                             .dKeys = gradientRows(keysAt),
                             .dValues = gradientRows(valuesAt),
                             .logSums = saved.logSums,
                             .alongOut = m_alongOut,
                             .shape = m_shape,
                             .batch = batch.batch,
                             .length = batch.length},
                            m_context.stream);
    launchRotaryHalf(m_dQueryKeyValue, tokens, batch.length, mixed, m_shape.heads + m_shape.keyValueHeads,
                     m_shape.headSize, m_rotary, true, m_context.stream);
    const HalfNormArguments norm = normArguments(saved.input, layer.inputNorm, tokens);
    launchHalfNorm(norm, m_context.stream);
    weightGradient(layer.queryKeyValue, m_dQueryKeyValue, m_normed, tokens);
    inputGradient(layer.queryKeyValue, m_dQueryKeyValue, tokens, m_dNormed);
    normBackward(norm, layer.inputNorm);
}

} // namespace mmfree::cuda
