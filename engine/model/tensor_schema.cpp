// The list of tensors of a model: names as in the Hugging Face files, shapes, order and initialisation.
#include "engine/model/model_config.h"

#include <cmath>

namespace mmfree
{

namespace
{

constexpr double kNormalDeviation = 0.02; // initializer_range of both families

// Collects specs of one model; names are prefix + suffix.
class SchemaBuilder
{
public:
    void add(const std::string& name, Shape shape, TensorRole role, double deviation, bool uniform = false)
    {
        m_specs.push_back({name, std::move(shape), role, m_layer, deviation, uniform});
    }
    void norm(const std::string& name, std::int64_t width) { add(name, {width}, TensorRole::Norm, 0.0); }
    void dense(const std::string& name, std::int64_t rows, std::int64_t cols)
    {
        add(name, {rows, cols}, TensorRole::DenseWeight, kNormalDeviation);
    }
    // A BitLinear: its own input norm, then the ternary weight.
    void bitLinear(const std::string& prefix, std::int64_t rows, std::int64_t cols, double deviation,
                   bool uniform = false)
    {
        norm(prefix + ".norm.weight", cols);
        add(prefix + ".weight", {rows, cols}, TensorRole::TernaryWeight, deviation, uniform);
    }
    void setLayer(std::int64_t layer) { m_layer = layer; }
    [[nodiscard]] std::vector<TensorSpec> take() { return std::move(m_specs); }

private:
    std::vector<TensorSpec> m_specs;
    std::int64_t m_layer = -1;
};

// xavier_uniform with gain 2^-2.5 on a square matrix: bound = gain * sqrt(6 / 2d), deviation = bound /
// sqrt(3).
double attentionDeviation(std::int64_t hiddenSize)
{
    return std::pow(2.0, -2.5) / std::sqrt(static_cast<double>(hiddenSize));
}

std::vector<TensorSpec> matMulFreeSchema(const ModelConfig& config)
{
    const std::int64_t d = config.hiddenSize;
    const double attention = attentionDeviation(d);
    // Projections that write into the residual stream, twice a layer.
    const double residualShare = 1.0 / std::sqrt(2.0 * static_cast<double>(config.layerCount));
    SchemaBuilder schema;
    schema.add("model.embeddings.weight", {config.vocabularySize, d}, TensorRole::Embedding,
               kNormalDeviation);
    schema.add("model.lower_bounds", {config.layerCount, d}, TensorRole::LowerBounds, 0.0);
    for (std::int64_t layer = 0; layer < config.layerCount; ++layer) {
        const std::string prefix = "model.layers." + std::to_string(layer) + ".";
        schema.setLayer(layer);
        schema.norm(prefix + "attn_norm.weight", d);
        schema.bitLinear(prefix + "attn.i_proj", d, d, attention, true);
        schema.bitLinear(prefix + "attn.f_proj", d, d, attention, true);
        schema.bitLinear(prefix + "attn.g_proj", d, d, attention, true);
        schema.norm(prefix + "attn.g_norm.weight", d);
        schema.bitLinear(prefix + "attn.o_proj", d, d, attention * residualShare, true);
        schema.norm(prefix + "mlp_norm.weight", d);
        schema.bitLinear(prefix + "mlp.gate_proj", 2 * config.intermediateSize, d, kNormalDeviation);
        schema.bitLinear(prefix + "mlp.down_proj", d, config.intermediateSize,
                         kNormalDeviation * residualShare);
    }
    schema.setLayer(-1);
    schema.norm("model.norm.weight", d);
    schema.bitLinear("lm_head", config.vocabularySize, d, kNormalDeviation);
    return schema.take();
}

std::vector<TensorSpec> transformerSchema(const ModelConfig& config)
{
    const std::int64_t d = config.hiddenSize;
    const std::int64_t keyValueWidth = config.keyValueHeadCount * config.headSize();
    SchemaBuilder schema;
    schema.add("model.embed_tokens.weight", {config.vocabularySize, d}, TensorRole::Embedding,
               kNormalDeviation);
    for (std::int64_t layer = 0; layer < config.layerCount; ++layer) {
        const std::string prefix = "model.layers." + std::to_string(layer) + ".";
        schema.setLayer(layer);
        schema.norm(prefix + "input_layernorm.weight", d);
        schema.dense(prefix + "self_attn.q_proj.weight", d, d);
        schema.dense(prefix + "self_attn.k_proj.weight", keyValueWidth, d);
        schema.dense(prefix + "self_attn.v_proj.weight", keyValueWidth, d);
        schema.dense(prefix + "self_attn.o_proj.weight", d, d);
        schema.norm(prefix + "post_attention_layernorm.weight", d);
        schema.dense(prefix + "mlp.gate_proj.weight", config.intermediateSize, d);
        schema.dense(prefix + "mlp.up_proj.weight", config.intermediateSize, d);
        schema.dense(prefix + "mlp.down_proj.weight", d, config.intermediateSize);
    }
    schema.setLayer(-1);
    schema.norm("model.norm.weight", d);
    if (!config.tieEmbeddings)
        schema.dense("lm_head.weight", config.vocabularySize, d);
    return schema.take();
}

} // namespace

std::vector<TensorSpec> tensorSchema(const ModelConfig& config)
{
    return config.isTernary() ? matMulFreeSchema(config) : transformerSchema(config);
}

std::int64_t parameterCount(const ModelConfig& config)
{
    std::int64_t count = 0;
    for (const TensorSpec& spec : tensorSchema(config))
        count += elementCount(spec.shape);
    return count;
}

} // namespace mmfree
