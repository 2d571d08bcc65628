// Training passes of the MatMul-free model: forward that keeps pre-activations, and the backward pass with
// the straight-through estimator (model.md "Backward"; arXiv:2406.02528 section 3.2). Normed and quantised
// activations are recomputed rather than stored, which is the paper's memory saving.
#pragma once

#include "engine/network/lower_bounds.h"
#include "engine/network/training_common.h"

#include <memory>
#include <optional>
#include <tuple>
#include <vector>

namespace mmfree
{

template <TrainingOperators O>
class MatMulFreeTraining
{
public:
    MatMulFreeTraining(O& ops, const ParameterArrays& arrays)
        : m_arrays(arrays)
        , m_config(arrays.layout->config())
    {
        for (std::int64_t n = 0; n < m_config.layerCount; ++n) {
            const std::string prefix = "model.layers." + std::to_string(n) + ".";
            m_layers.push_back({
                .attnNorm = arrays.norm(prefix + "attn_norm.weight"),
                .gNorm = arrays.norm(prefix + "attn.g_norm.weight"),
                .mlpNorm = arrays.norm(prefix + "mlp_norm.weight"),
                .forgetGate = bitLinear(prefix + "attn.f_proj"),
                .candidate = bitLinear(prefix + "attn.i_proj"),
                .outputGate = bitLinear(prefix + "attn.g_proj"),
                .mixerOut = bitLinear(prefix + "attn.o_proj"),
                .gateUp = bitLinear(prefix + "mlp.gate_proj"),
                .down = bitLinear(prefix + "mlp.down_proj"),
            });
        }
        m_norm = arrays.norm("model.norm.weight");
        m_head = bitLinear("lm_head");
        m_boundParameters.resize(static_cast<std::size_t>(m_config.layerCount * m_config.hiddenSize));
        m_dBounds = ops.allocate(m_boundParameters.size());
    }

    // Makes the ternary copies and lower bounds anew; call after every change of the parameters.
    void refresh(O& ops)
    {
        for (Layer& layer : m_layers) {
            for (BitLinear* linear : {&layer.forgetGate, &layer.candidate, &layer.outputGate, &layer.mixerOut,
                                      &layer.gateUp, &layer.down})
                linear->ternary = ops.quantizeLatent(linear->latent, linear->rows, linear->cols);
        }
        m_head.ternary = ops.quantizeLatent(m_head.latent, m_head.rows, m_head.cols);
        ops.copyOut(m_arrays.value("model.lower_bounds"), m_boundParameters);
        m_bounds = ops.upload(
            lowerBoundsFromParameters(m_boundParameters, m_config.layerCount, m_config.hiddenSize));
    }

    // Sum of cross entropies over the targets; with `backward`, gradients of the MEAN are added to the
    // arrays.
    double run(O& ops, const DeviceBatch& batch, bool backward)
    {
        reserve(ops, batch.tokens(), backward ? m_config.layerCount : 1);
        ops.embed(batch.inputs, batch.tokens(), embeddingTable(ops), m_saved[0].input.data());
        forwardLayers(
            ops, m_config, batch.tokens(), backward, m_saved, m_x.data(),
            [&](std::int64_t n, Saved& saved, float* output) { forwardLayer(ops, n, batch, saved, output); });
        const double loss = head(ops, batch, backward);
        if (backward) {
            ops.setZero(m_dBounds.data(), m_dBounds.size());
            for (std::int64_t n = m_config.layerCount - 1; n >= 0; --n)
                backwardLayer(ops, n, batch, m_saved[n]);
            ops.embedBackward(batch.inputs, batch.tokens(), m_config.hiddenSize, m_dX.data(),
                              m_arrays.gradient("model.embeddings.weight"));
            addLowerBoundGradient(ops);
        }
        return loss;
    }

    [[nodiscard]] std::size_t activationBytes() const { return m_activationFloats * sizeof(float); }

private:
    struct BitLinear {
        std::int64_t rows = 0, cols = 0;
        const float* latent = nullptr; // [rows, cols] f32 parameters
        float* gradient = nullptr;     // [rows, cols]
        NormParameter norm;            // [cols]
        std::optional<typename O::TernaryMatrix> ternary;
    };
    struct Layer {
        NormParameter attnNorm, gNorm, mlpNorm;
        BitLinear forgetGate, candidate, outputGate, mixerOut, gateUp, down;
    };
    struct Saved { // per layer, [tokens, d] except gateUp [tokens, 2 I]
        typename O::Floats input, forgetPre, candidatePre, outputGate, hidden, middle, gateUp;
    };

    BitLinear bitLinear(const std::string& name) const
    {
        const Shape& shape = m_arrays.layout->slot(name + ".weight").spec.shape;
        return {.rows = shape[0],
                .cols = shape[1],
                .latent = m_arrays.value(name + ".weight"),
                .gradient = m_arrays.gradient(name + ".weight"),
                .norm = m_arrays.norm(name + ".norm.weight"),
                .ternary = {}};
    }
    typename O::DenseMatrix embeddingTable(O& ops) const
    {
        return ops.borrowDense(m_arrays.value("model.embeddings.weight"), m_config.vocabularySize,
                               m_config.hiddenSize);
    }
    [[nodiscard]] const float* bound(std::int64_t n) const
    {
        return n > 0 ? m_bounds.data() + n * m_config.hiddenSize : nullptr;
    }

    // ---- forward ----
    void quantize(O& ops, const BitLinear& linear, const float* x, std::int64_t count)
    {
        ops.rmsNormQuantize(x, linear.norm.value, kBitLinearEps, count, linear.cols, *m_quantized);
    }
    void apply(O& ops, const BitLinear& linear, const float* x, std::int64_t count, float* out)
    {
        quantize(ops, linear, x, count);
        ops.ternaryLinear(*m_quantized, count, *linear.ternary, out);
    }
    void applyAdd(O& ops, const BitLinear& linear, const float* x, std::int64_t count, float* out)
    {
        quantize(ops, linear, x, count);
        ops.ternaryLinearAdd(*m_quantized, count, *linear.ternary, out);
    }

    void forwardLayer(O& ops, std::int64_t n, const DeviceBatch& batch, Saved& saved, float* output)
    {
        const Layer& layer = m_layers[n];
        const auto [d, I, eps] =
            std::tuple(m_config.hiddenSize, m_config.intermediateSize, m_config.rmsNormEps);
        const std::int64_t count = batch.tokens();

        ops.rmsNorm(saved.input.data(), layer.attnNorm.value, eps, count, d, m_normed.data());
        apply(ops, layer.forgetGate, m_normed.data(), count, saved.forgetPre.data());
        apply(ops, layer.candidate, m_normed.data(), count, saved.candidatePre.data());
        apply(ops, layer.outputGate, m_normed.data(), count, saved.outputGate.data());
        ops.setZero(m_state.data(), static_cast<std::size_t>(batch.batch * d));
        ops.gatesAndScan(saved.forgetPre.data(), saved.candidatePre.data(), bound(n), batch.batch,
                         batch.length, d, m_state.data(), saved.hidden.data(), nullptr, nullptr);
        ops.normAndGate(saved.outputGate.data(), layer.gNorm.value, eps, saved.hidden.data(), count, d,
                        m_normed.data());
        ops.copy(saved.input.data(), saved.middle.data(), static_cast<std::size_t>(count * d));
        applyAdd(ops, layer.mixerOut, m_normed.data(), count, saved.middle.data());

        ops.rmsNorm(saved.middle.data(), layer.mlpNorm.value, eps, count, d, m_normed.data());
        apply(ops, layer.gateUp, m_normed.data(), count, saved.gateUp.data());
        ops.swiGlu(saved.gateUp.data(), saved.gateUp.data() + I, 2 * I, count, I, m_glu.data());
        ops.copy(saved.middle.data(), output, static_cast<std::size_t>(count * d));
        applyAdd(ops, layer.down, m_glu.data(), count, output);
    }

    double head(O& ops, const DeviceBatch& batch, bool backward)
    {
        const auto project = [&](const float* normed, std::int64_t count, float* logits) {
            apply(ops, m_head, normed, count, logits);
        };
        const auto projectBackward = [&](const float* normed, const float* dLogits, std::int64_t count,
                                         float* dNormed) {
            ops.setZero(dNormed, static_cast<std::size_t>(count * m_config.hiddenSize));
            bitLinearBackward(ops, m_head, normed, dLogits, count, dNormed);
        };
        return chunkedHead(ops, m_config, batch, backward, m_norm,
                           {m_x.data(), m_normed.data(), m_logits.data(), m_dNormed.data(), m_dX.data()},
                           project, projectBackward);
    }

    // ---- backward ----
    // dInput += gradient through BitLinear; its input is quantised again.
    void bitLinearBackward(O& ops, BitLinear& linear, const float* input, const float* dOut,
                           std::int64_t count, float* dInput)
    {
        quantize(ops, linear, input, count);
        ops.ternaryLinearBackwardWeight(dOut, *m_quantized, count, linear.rows, linear.cols, linear.gradient);
        ops.ternaryLinearBackwardInput(dOut, count, *linear.ternary, m_dQuantized.data());
        ops.rmsNormBackward(input, linear.norm.value, kBitLinearEps, m_dQuantized.data(), count, linear.cols,
                            dInput, linear.norm.gradient);
    }

    // In: m_dX = gradient of the layer's output. Out: m_dX = gradient of its input.
    void backwardLayer(O& ops, std::int64_t n, const DeviceBatch& batch, Saved& saved)
    {
        Layer& layer = m_layers[n];
        const auto [d, I, eps] =
            std::tuple(m_config.hiddenSize, m_config.intermediateSize, m_config.rmsNormEps);
        const std::int64_t count = batch.tokens();
        const auto size = static_cast<std::size_t>(count * d);

        ops.swiGlu(saved.gateUp.data(), saved.gateUp.data() + I, 2 * I, count, I, m_glu.data());
        ops.setZero(m_dGlu.data(), static_cast<std::size_t>(count * I));
        bitLinearBackward(ops, layer.down, m_glu.data(), m_dX.data(), count, m_dGlu.data());
        ops.swiGluBackward(saved.gateUp.data(), saved.gateUp.data() + I, 2 * I, m_dGlu.data(), count, I,
                           m_dGateUp.data(), m_dGateUp.data() + I);
        ops.rmsNorm(saved.middle.data(), layer.mlpNorm.value, eps, count, d, m_normed.data());
        ops.setZero(m_dNormed.data(), size);
        bitLinearBackward(ops, layer.gateUp, m_normed.data(), m_dGateUp.data(), count, m_dNormed.data());
        ops.rmsNormBackward(saved.middle.data(), layer.mlpNorm.value, eps, m_dNormed.data(), count, d,
                            m_dX.data(), layer.mlpNorm.gradient);

        ops.normAndGate(saved.outputGate.data(), layer.gNorm.value, eps, saved.hidden.data(), count, d,
                        m_normed.data());
        ops.setZero(m_dNormed.data(), size);
        bitLinearBackward(ops, layer.mixerOut, m_normed.data(), m_dX.data(), count, m_dNormed.data());
        ops.normAndGateBackward(saved.outputGate.data(), layer.gNorm.value, eps, saved.hidden.data(),
                                m_dNormed.data(), count, d, m_dOutputGate.data(), m_dHidden.data(),
                                layer.gNorm.gradient);
        ops.gatesAndScanBackward(saved.forgetPre.data(), saved.candidatePre.data(), bound(n),
                                 saved.hidden.data(), m_dHidden.data(), batch.batch, batch.length, d,
                                 m_dForget.data(), m_dCandidate.data(),
                                 n > 0 ? m_dBounds.data() + n * d : nullptr);
        ops.rmsNorm(saved.input.data(), layer.attnNorm.value, eps, count, d, m_normed.data());
        ops.setZero(m_dNormed.data(), size);
        bitLinearBackward(ops, layer.forgetGate, m_normed.data(), m_dForget.data(), count, m_dNormed.data());
        bitLinearBackward(ops, layer.candidate, m_normed.data(), m_dCandidate.data(), count,
                          m_dNormed.data());
        bitLinearBackward(ops, layer.outputGate, m_normed.data(), m_dOutputGate.data(), count,
                          m_dNormed.data());
        ops.rmsNormBackward(saved.input.data(), layer.attnNorm.value, eps, m_dNormed.data(), count, d,
                            m_dX.data(), layer.attnNorm.gradient);
    }

    void addLowerBoundGradient(O& ops)
    {
        std::vector<float> dBounds(m_boundParameters.size()), gradient(m_boundParameters.size());
        float* slot = m_arrays.gradient("model.lower_bounds");
        ops.copyOut(m_dBounds.data(), dBounds);
        ops.copyOut(slot, gradient);
        lowerBoundsBackward(m_boundParameters, dBounds, m_config.layerCount, m_config.hiddenSize, gradient);
        ops.copyIn(gradient, slot);
    }

    void reserve(O& ops, std::int64_t count, std::int64_t savedLayers)
    {
        if (count <= m_capacity && savedLayers <= static_cast<std::int64_t>(m_saved.size()))
            return;
        const auto [d, I, V] =
            std::tuple(m_config.hiddenSize, m_config.intermediateSize, m_config.vocabularySize);
        count = std::max(count, m_capacity);
        m_activationFloats = 0;
        m_saved.clear();
        const auto array = [&](std::int64_t width, std::int64_t rows) {
            m_activationFloats += static_cast<std::size_t>(rows * width);
            return ops.allocate(static_cast<std::size_t>(rows * width));
        };
        for (std::int64_t n = 0; n < savedLayers; ++n) {
            m_saved.push_back({array(d, count), array(d, count), array(d, count), array(d, count),
                               array(d, count), array(d, count), array(2 * I, count)});
        }
        for (typename O::Floats* floats : {&m_x, &m_normed, &m_state, &m_dX, &m_dNormed, &m_dHidden,
                                           &m_dOutputGate, &m_dForget, &m_dCandidate})
            *floats = array(d, count);
        m_glu = array(I, count);
        m_dGlu = array(I, count);
        m_dGateUp = array(2 * I, count);
        m_dQuantized = array(std::max(d, I), count);
        m_logits = array(V, std::min(count, kHeadChunk));
        m_quantized.emplace(ops.makeQuantized(count, std::max(d, I)));
        m_capacity = count;
    }

    ParameterArrays m_arrays;
    ModelConfig m_config;
    std::vector<Layer> m_layers;
    NormParameter m_norm;
    BitLinear m_head;
    std::vector<float> m_boundParameters;   // host copy of model.lower_bounds
    typename O::Floats m_bounds, m_dBounds; // [layers, d]

    std::int64_t m_capacity = 0;
    std::size_t m_activationFloats = 0;
    std::vector<Saved> m_saved;
    typename O::Floats m_x, m_normed, m_state, m_glu, m_logits;
    typename O::Floats m_dX, m_dNormed, m_dHidden, m_dOutputGate, m_dForget, m_dCandidate, m_dGlu, m_dGateUp,
        m_dQuantized;
    std::optional<typename O::Quantized> m_quantized;
};

} // namespace mmfree
