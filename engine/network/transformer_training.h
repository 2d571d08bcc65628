// Training passes of the dense Transformer++ baseline: forward that keeps what attention and SwiGLU need, and
// the backward pass. No quantisation; RMSNorm outputs are recomputed.
#pragma once

#include "engine/network/training_common.h"

#include <optional>
#include <tuple>
#include <vector>

namespace mmfree
{

template <TrainingOperators O>
class TransformerTraining
{
public:
    TransformerTraining(O& ops, const ParameterArrays& arrays)
        : m_arrays(arrays)
        , m_config(arrays.layout->config())
        , m_shape{m_config.headCount, m_config.keyValueHeadCount, m_config.headSize()}
    {
        for (std::int64_t n = 0; n < m_config.layerCount; ++n) {
            const std::string prefix = "model.layers." + std::to_string(n) + ".";
            m_layers.push_back({
                .inputNorm = arrays.norm(prefix + "input_layernorm.weight"),
                .postNorm = arrays.norm(prefix + "post_attention_layernorm.weight"),
                .query = linear(ops, prefix + "self_attn.q_proj.weight"),
                .key = linear(ops, prefix + "self_attn.k_proj.weight"),
                .value = linear(ops, prefix + "self_attn.v_proj.weight"),
                .attentionOut = linear(ops, prefix + "self_attn.o_proj.weight"),
                .gate = linear(ops, prefix + "mlp.gate_proj.weight"),
                .up = linear(ops, prefix + "mlp.up_proj.weight"),
                .down = linear(ops, prefix + "mlp.down_proj.weight"),
            });
        }
        m_norm = arrays.norm("model.norm.weight");
        m_embeddings.emplace(linear(ops, kEmbeddings));
        m_head.emplace(linear(ops, m_config.tieEmbeddings ? kEmbeddings : "lm_head.weight"));
    }

    void refresh(O&) {} // matrices are borrowed from the parameters

    double run(O& ops, const DeviceBatch& batch, bool backward)
    {
        reserve(ops, batch.tokens(), backward ? m_config.layerCount : 1);
        ops.embed(batch.inputs, batch.tokens(), m_embeddings->matrix, m_saved[0].input.data());
        forwardLayers(
            ops, m_config, batch.tokens(), backward, m_saved, m_x.data(),
            [&](std::int64_t n, Saved& saved, float* output) { forwardLayer(ops, n, batch, saved, output); });
        const double loss = head(ops, batch, backward);
        if (backward) {
            for (std::int64_t n = m_config.layerCount - 1; n >= 0; --n)
                backwardLayer(ops, n, batch, m_saved[n]);
            ops.embedBackward(batch.inputs, batch.tokens(), m_config.hiddenSize, m_dX.data(),
                              m_embeddings->gradient);
        }
        return loss;
    }

    [[nodiscard]] std::size_t activationBytes() const { return m_activationFloats * sizeof(float); }

private:
    static constexpr const char* kEmbeddings = "model.embed_tokens.weight";
    struct Linear {
        typename O::DenseMatrix matrix; // borrows the parameters
        float* gradient = nullptr;
        std::int64_t rows = 0, cols = 0;
    };
    struct Layer {
        NormParameter inputNorm, postNorm;
        Linear query, key, value, attentionOut, gate, up, down;
    };
    struct Saved { // per layer: [tokens, d], keys and values [tokens, keyValueWidth], gate and up [tokens, I]
        typename O::Floats input, query, key, value, attended, middle, gate, up;
    };

    Linear linear(O& ops, const std::string& name) const
    {
        const Shape& shape = m_arrays.layout->slot(name).spec.shape;
        return {.matrix = ops.borrowDense(m_arrays.value(name), shape[0], shape[1]),
                .gradient = m_arrays.gradient(name),
                .rows = shape[0],
                .cols = shape[1]};
    }

    void forwardLayer(O& ops, std::int64_t n, const DeviceBatch& batch, Saved& saved, float* output)
    {
        const Layer& layer = m_layers[n];
        const auto [d, I, eps] =
            std::tuple(m_config.hiddenSize, m_config.intermediateSize, m_config.rmsNormEps);
        const std::int64_t count = batch.tokens();

        ops.rmsNorm(saved.input.data(), layer.inputNorm.value, eps, count, d, m_normed.data());
        ops.linear(m_normed.data(), count, layer.query.matrix, saved.query.data());
        ops.linear(m_normed.data(), count, layer.key.matrix, saved.key.data());
        ops.linear(m_normed.data(), count, layer.value.matrix, saved.value.data());
        ops.rotary(saved.query.data(), batch.batch, batch.length, 0, m_shape.heads, m_shape.headSize,
                   m_config.ropeTheta);
        ops.rotary(saved.key.data(), batch.batch, batch.length, 0, m_shape.keyValueHeads, m_shape.headSize,
                   m_config.ropeTheta);
        ops.attentionBatch(saved.query.data(), saved.key.data(), saved.value.data(), batch.batch,
                           batch.length, m_shape, saved.attended.data());
        ops.copy(saved.input.data(), saved.middle.data(), static_cast<std::size_t>(count * d));
        ops.linearAdd(saved.attended.data(), count, layer.attentionOut.matrix, saved.middle.data());

        ops.rmsNorm(saved.middle.data(), layer.postNorm.value, eps, count, d, m_normed.data());
        ops.linear(m_normed.data(), count, layer.gate.matrix, saved.gate.data());
        ops.linear(m_normed.data(), count, layer.up.matrix, saved.up.data());
        ops.swiGlu(saved.gate.data(), saved.up.data(), I, count, I, m_glu.data());
        ops.copy(saved.middle.data(), output, static_cast<std::size_t>(count * d));
        ops.linearAdd(m_glu.data(), count, layer.down.matrix, output);
    }

    double head(O& ops, const DeviceBatch& batch, bool backward)
    {
        const auto project = [&](const float* normed, std::int64_t count, float* logits) {
            ops.linear(normed, count, m_head->matrix, logits);
        };
        const auto projectBackward = [&](const float* normed, const float* dLogits, std::int64_t count,
                                         float* dNormed) {
            linearBackward(ops, *m_head, normed, dLogits, count, dNormed);
        };
        return chunkedHead(ops, m_config, batch, backward, m_norm,
                           {m_x.data(), m_normed.data(), m_logits.data(), m_dNormed.data(), m_dX.data()},
                           project, projectBackward);
    }

    // dInput = (overwritten)
    void linearBackward(O& ops, Linear& linear, const float* input, const float* dOut, std::int64_t count,
                        float* dInput)
    {
        ops.linearBackwardWeight(dOut, input, count, linear.rows, linear.cols, linear.gradient);
        ops.linearBackwardInput(dOut, count, linear.matrix, dInput);
    }
    void linearBackwardAdd(O& ops, Linear& linear, const float* input, const float* dOut, std::int64_t count,
                           float* dInput)
    {
        ops.linearBackwardWeight(dOut, input, count, linear.rows, linear.cols, linear.gradient);
        ops.linearBackwardInputAdd(dOut, count, linear.matrix, dInput);
    }

    // In: m_dX = gradient of the layer's output. Out: m_dX = gradient of its input.
    void backwardLayer(O& ops, std::int64_t n, const DeviceBatch& batch, Saved& saved)
    {
        Layer& layer = m_layers[n];
        const auto [d, I, eps] =
            std::tuple(m_config.hiddenSize, m_config.intermediateSize, m_config.rmsNormEps);
        const std::int64_t count = batch.tokens();

        ops.swiGlu(saved.gate.data(), saved.up.data(), I, count, I, m_glu.data());
        linearBackward(ops, layer.down, m_glu.data(), m_dX.data(), count, m_dGlu.data());
        ops.swiGluBackward(saved.gate.data(), saved.up.data(), I, m_dGlu.data(), count, I, m_dGate.data(),
                           m_dUp.data());
        ops.rmsNorm(saved.middle.data(), layer.postNorm.value, eps, count, d, m_normed.data());
        linearBackward(ops, layer.gate, m_normed.data(), m_dGate.data(), count, m_dNormed.data());
        linearBackwardAdd(ops, layer.up, m_normed.data(), m_dUp.data(), count, m_dNormed.data());
        ops.rmsNormBackward(saved.middle.data(), layer.postNorm.value, eps, m_dNormed.data(), count, d,
                            m_dX.data(), layer.postNorm.gradient);

        linearBackward(ops, layer.attentionOut, saved.attended.data(), m_dX.data(), count,
                       m_dAttended.data());
        ops.attentionBatchBackward(saved.query.data(), saved.key.data(), saved.value.data(),
                                   m_dAttended.data(), batch.batch, batch.length, m_shape, m_dQuery.data(),
                                   m_dKey.data(), m_dValue.data());
        ops.rotaryBackward(m_dQuery.data(), batch.batch, batch.length, m_shape.heads, m_shape.headSize,
                           m_config.ropeTheta);
        ops.rotaryBackward(m_dKey.data(), batch.batch, batch.length, m_shape.keyValueHeads, m_shape.headSize,
                           m_config.ropeTheta);
        ops.rmsNorm(saved.input.data(), layer.inputNorm.value, eps, count, d, m_normed.data());
        linearBackward(ops, layer.query, m_normed.data(), m_dQuery.data(), count, m_dNormed.data());
        linearBackwardAdd(ops, layer.key, m_normed.data(), m_dKey.data(), count, m_dNormed.data());
        linearBackwardAdd(ops, layer.value, m_normed.data(), m_dValue.data(), count, m_dNormed.data());
        ops.rmsNormBackward(saved.input.data(), layer.inputNorm.value, eps, m_dNormed.data(), count, d,
                            m_dX.data(), layer.inputNorm.gradient);
    }

    void reserve(O& ops, std::int64_t count, std::int64_t savedLayers)
    {
        if (count <= m_capacity && savedLayers <= static_cast<std::int64_t>(m_saved.size()))
            return;
        const auto [d, I, V] =
            std::tuple(m_config.hiddenSize, m_config.intermediateSize, m_config.vocabularySize);
        const std::int64_t keyValueWidth = m_shape.keyValueWidth();
        count = std::max(count, m_capacity);
        m_activationFloats = 0;
        m_saved.clear();
        const auto array = [&](std::int64_t width, std::int64_t rows) {
            m_activationFloats += static_cast<std::size_t>(rows * width);
            return ops.allocate(static_cast<std::size_t>(rows * width));
        };
        for (std::int64_t n = 0; n < savedLayers; ++n) {
            m_saved.push_back({array(d, count), array(d, count), array(keyValueWidth, count),
                               array(keyValueWidth, count), array(d, count), array(d, count), array(I, count),
                               array(I, count)});
        }
        for (typename O::Floats* floats : {&m_x, &m_normed, &m_dX, &m_dNormed, &m_dQuery, &m_dAttended})
            *floats = array(d, count);
        for (typename O::Floats* floats : {&m_dKey, &m_dValue})
            *floats = array(keyValueWidth, count);
        for (typename O::Floats* floats : {&m_glu, &m_dGlu, &m_dGate, &m_dUp})
            *floats = array(I, count);
        m_logits = array(V, std::min(count, kHeadChunk));
        m_capacity = count;
    }

    ParameterArrays m_arrays;
    ModelConfig m_config;
    AttentionShape m_shape;
    std::vector<Layer> m_layers;
    NormParameter m_norm;
    std::optional<Linear> m_embeddings, m_head;

    std::int64_t m_capacity = 0;
    std::size_t m_activationFloats = 0;
    std::vector<Saved> m_saved;
    typename O::Floats m_x, m_normed, m_glu, m_logits;
    typename O::Floats m_dX, m_dNormed, m_dQuery, m_dKey, m_dValue, m_dAttended, m_dGlu, m_dGate, m_dUp;
};

} // namespace mmfree
