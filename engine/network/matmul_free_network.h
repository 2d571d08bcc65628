// The MatMul-free language model (arXiv:2406.02528 section 3): MLGRU token mixer, GLU channel mixer, every
// projection a BitLinear. Written once over the operators of operators.h; this file is the inference forward
// pass.
#pragma once

#include "engine/network/finite_view.h"
#include "engine/network/lower_bounds.h"
#include "engine/network/operators.h"
#include "engine/network/probe_writer.h"
#include "engine/runtime/backend.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace mmfree
{

template <InferenceOperators O>
class MatMulFreeNetwork
{
public:
    struct BitLinear {
        typename O::Floats norm; // [cols], RMSNorm before quantisation
        typename O::TernaryMatrix weight;
    };
    struct Layer {
        typename O::Floats attnNorm, gNorm, mlpNorm;           // [d]
        typename O::Floats lowerBound;                         // [d]; empty for layer 0
        BitLinear forgetGate, candidate, outputGate, mixerOut; // f, i, g, o
        BitLinear gateUp, down;
    };
    struct State final : InferenceState {
        typename O::Floats hidden; // [layers, d]
        std::int64_t consumed = 0;
        [[nodiscard]] std::int64_t position() const override { return consumed; }
        [[nodiscard]] std::size_t bytes() const override { return hidden.size() * sizeof(float); }
    };

    MatMulFreeNetwork(O& ops, const ModelSource& source)
        : m_config(source.config())
        , m_embeddings(ops.makeDense(finiteView(source, "model.embeddings.weight")))
    {
        // The check read all of it; copied or used in place, only the rows of seen tokens are needed from
        // here.
        source.release("model.embeddings.weight");
        const auto [layers, d] = std::pair(m_config.layerCount, m_config.hiddenSize);
        std::vector<float> parameters(static_cast<std::size_t>(layers * d));
        source.floats("model.lower_bounds", parameters);
        const std::vector<float> bounds = lowerBoundsFromParameters(parameters, layers, d);
        for (std::int64_t n = 0; n < layers; ++n) {
            const std::string prefix = "model.layers." + std::to_string(n) + ".";
            Layer layer;
            layer.attnNorm = loadFloats(ops, source, prefix + "attn_norm.weight", d, m_weightBytes);
            layer.gNorm = loadFloats(ops, source, prefix + "attn.g_norm.weight", d, m_weightBytes);
            layer.mlpNorm = loadFloats(ops, source, prefix + "mlp_norm.weight", d, m_weightBytes);
            if (n > 0)
                layer.lowerBound = ops.upload(std::span(bounds).subspan(n * d, d));
            layer.forgetGate = loadBitLinear(ops, source, prefix + "attn.f_proj");
            layer.candidate = loadBitLinear(ops, source, prefix + "attn.i_proj");
            layer.outputGate = loadBitLinear(ops, source, prefix + "attn.g_proj");
            layer.mixerOut = loadBitLinear(ops, source, prefix + "attn.o_proj");
            layer.gateUp = loadBitLinear(ops, source, prefix + "mlp.gate_proj");
            layer.down = loadBitLinear(ops, source, prefix + "mlp.down_proj");
            m_layers.push_back(std::move(layer));
        }
        m_norm = loadFloats(ops, source, "model.norm.weight", d, m_weightBytes);
        m_head = loadBitLinear(ops, source, "lm_head");
    }

    [[nodiscard]] const ModelConfig& config() const { return m_config; }
    [[nodiscard]] std::size_t weightBytes() const { return m_weightBytes + m_embeddings.bytes(); }
    [[nodiscard]] std::size_t activationBytes() const { return m_workspaceFloats * sizeof(float); }

    [[nodiscard]] std::unique_ptr<State> createState(O& ops) const
    {
        auto state = std::make_unique<State>();
        state->hidden = ops.allocate(static_cast<std::size_t>(m_config.layerCount * m_config.hiddenSize));
        return state;
    }
    void prepare(O&, State&, std::int64_t) const {} // the state never grows
    [[nodiscard]] std::vector<float> readState(O& ops, const State& state) const
    {
        std::vector<float> values(state.hidden.size());
        ops.copyOut(state.hidden.data(), values);
        return values;
    }
    [[nodiscard]] std::int64_t snapshotSize(std::int64_t) const
    {
        return m_config.layerCount * m_config.hiddenSize;
    }
    void writeState(O& ops, State& state, std::span<const float> values, std::int64_t position) const
    {
        ops.copyIn(values, state.hidden.data());
        state.consumed = position;
    }
    void clearState(O& ops, State& state) const
    {
        ops.setZero(state.hidden.data(), state.hidden.size());
        state.consumed = 0;
    }

    // Runs `count` tokens through all layers; returns x [count, d] before the final norm, valid until the
    // next call.
    float* forward(O& ops, const TokenId* tokens, std::int64_t count, State& state, ProbeWriter<O>& probe)
    {
        reserve(ops, count);
        ops.embed(tokens, count, m_embeddings, m_x.data());
        for (std::int64_t n = 0; n < m_config.layerCount; ++n)
            forwardLayer(ops, n, count, state.hidden.data() + n * m_config.hiddenSize, probe);
        state.consumed += count;
        return m_x.data();
    }

    // logits [count, V] of rows x [count, d]; finalNorm gets the normed rows.
    void head(O& ops, const float* x, std::int64_t count, float* finalNorm, float* logits)
    {
        ops.rmsNorm(x, m_norm.data(), m_config.rmsNormEps, count, m_config.hiddenSize, finalNorm);
        bitLinear(ops, m_head, finalNorm, count, m_config.hiddenSize, logits);
    }

    // One layer alone, on x in layerInput() (for tests that feed a layer a known input).
    [[nodiscard]] float* layerInput(O& ops, std::int64_t count)
    {
        reserve(ops, count);
        return m_x.data();
    }
    void forwardLayer(O& ops, std::int64_t n, std::int64_t count, float* state, ProbeWriter<O>& probe)
    {
        if constexpr (FusedDecodeOperators<O>) {
            if (count == 1 && probe.empty()) {
                decodeLayer(ops, n, state);
                return;
            }
        }
        const Layer& layer = m_layers[n];
        const auto [d, I, eps] =
            std::tuple(m_config.hiddenSize, m_config.intermediateSize, m_config.rmsNormEps);
        float* x = m_x.data();
        probe.capture(n, Quantity::BlockInput, x, count, d);

        // Token mixer: MLGRU (section 3.3.1)
        ops.rmsNorm(x, layer.attnNorm.data(), eps, count, d, m_normed.data());
        bitLinear(ops, layer.outputGate, m_normed.data(), count, d, m_outputGate.data());
        bitLinear(ops, layer.candidate, m_normed.data(), count, d, m_candidate.data());
        bitLinear(ops, layer.forgetGate, m_normed.data(), count, d, m_forget.data());
        captureQuantized(ops, n, count, probe);
        const bool gatesWanted = probe.wants(n, Quantity::ForgetGate) || probe.wants(n, Quantity::Candidate);
        ops.gatesAndScan(m_forget.data(), m_candidate.data(), n > 0 ? layer.lowerBound.data() : nullptr, 1,
                         count, d, state, m_hidden.data(), gatesWanted ? m_probeA.data() : nullptr,
                         gatesWanted ? m_probeB.data() : nullptr);
        probe.capture(n, Quantity::ForgetGate, m_probeA.data(), count, d);
        probe.capture(n, Quantity::Candidate, m_probeB.data(), count, d);
        probe.capture(n, Quantity::HiddenState, m_hidden.data(), count, d);
        if (probe.wants(n, Quantity::OutputGate)) {
            ops.rmsNorm(m_outputGate.data(), layer.gNorm.data(), eps, count, d, m_probeA.data());
            probe.capture(n, Quantity::OutputGate, m_probeA.data(), count, d);
        }
        ops.normAndGate(m_outputGate.data(), layer.gNorm.data(), eps, m_hidden.data(), count, d,
                        m_normed.data());
        probe.capture(n, Quantity::MixerOutput, m_normed.data(), count, d);
        bitLinearAdd(ops, layer.mixerOut, m_normed.data(), count, d, x);
        probe.capture(n, Quantity::MixerResidual, x, count, d);

        // Channel mixer: GLU (section 3.3.2)
        ops.rmsNorm(x, layer.mlpNorm.data(), eps, count, d, m_normed.data());
        bitLinear(ops, layer.gateUp, m_normed.data(), count, d, m_gateUp.data());
        ops.swiGlu(m_gateUp.data(), m_gateUp.data() + I, 2 * I, count, I, m_glu.data());
        probe.capture(n, Quantity::GluActivation, m_glu.data(), count, I);
        bitLinearAdd(ops, layer.down, m_glu.data(), count, I, x);
        probe.capture(n, Quantity::BlockOutput, x, count, d);
    }

private:
    // forwardLayer for one token without probes.
    void decodeLayer(O& ops, std::int64_t n, float* state) requires FusedDecodeOperators<O>
    {
        const Layer& layer = m_layers[n];
        const auto [d, eps] = std::pair(m_config.hiddenSize, m_config.rmsNormEps);
        const auto fused = [](const BitLinear& linear) -> typename O::BitLinear {
            return {linear.norm.data(), linear.weight};
        };
        float* x = m_x.data();
        ops.mixerStep(x, layer.attnNorm.data(), eps, d, fused(layer.forgetGate), fused(layer.candidate),
                      fused(layer.outputGate), n > 0 ? layer.lowerBound.data() : nullptr, state,
                      m_hidden.data(), m_outputGate.data());
        ops.gatedOutputStep(m_outputGate.data(), layer.gNorm.data(), eps, m_hidden.data(), d,
                            fused(layer.mixerOut), x);
        ops.gluStep(x, layer.mlpNorm.data(), eps, d, fused(layer.gateUp), m_glu.data());
        ops.bitLinearStepAdd(m_glu.data(), eps, fused(layer.down), x);
    }

    void bitLinear(O& ops, const BitLinear& linear, const float* x, std::int64_t count, std::int64_t width,
                   float* out)
    {
        ops.rmsNormQuantize(x, linear.norm.data(), kBitLinearEps, count, width, *m_quantized);
        ops.ternaryLinear(*m_quantized, count, linear.weight, out);
    }
    void bitLinearAdd(O& ops, const BitLinear& linear, const float* x, std::int64_t count, std::int64_t width,
                      float* out)
    {
        ops.rmsNormQuantize(x, linear.norm.data(), kBitLinearEps, count, width, *m_quantized);
        ops.ternaryLinearAdd(*m_quantized, count, linear.weight, out);
    }

    // The forget gate's quantised input is still in m_quantized (it runs last of the three).
    void captureQuantized(O& ops, std::int64_t n, std::int64_t count, ProbeWriter<O>& probe)
    {
        if (!probe.wants(n, Quantity::QuantizedInput))
            return;
        ops.readQuantized(*m_quantized, count, m_config.hiddenSize, m_probeA.data());
        probe.capture(n, Quantity::QuantizedInput, m_probeA.data(), count, m_config.hiddenSize);
    }

    // Workspaces for `count` tokens; grown when a longer chunk comes.
    void reserve(O& ops, std::int64_t count)
    {
        if (count <= m_capacity)
            return;
        const auto [d, I] = std::pair(m_config.hiddenSize, m_config.intermediateSize);
        m_workspaceFloats = 0;
        const auto array = [&](std::int64_t width) {
            m_workspaceFloats += static_cast<std::size_t>(count * width);
            return ops.allocate(static_cast<std::size_t>(count * width));
        };
        m_capacity = 0;
        for (typename O::Floats* floats :
             {&m_x, &m_normed, &m_forget, &m_candidate, &m_outputGate, &m_hidden, &m_probeA, &m_probeB})
            *floats = array(d);
        m_gateUp = array(2 * I);
        m_glu = array(I);
        m_quantized.emplace(ops.makeQuantized(count, std::max(d, I)));
        m_capacity = count;
    }

    BitLinear loadBitLinear(O& ops, const ModelSource& source, const std::string& name)
    {
        BitLinear linear{.norm = {}, .weight = ops.makeTernary(source.ternary(name + ".weight"))};
        source.release(name + ".weight");
        linear.norm = loadFloats(ops, source, name + ".norm.weight", linear.weight.cols(), m_weightBytes);
        m_weightBytes += linear.weight.bytes();
        return linear;
    }

    ModelConfig m_config;
    typename O::DenseMatrix m_embeddings;
    std::vector<Layer> m_layers;
    typename O::Floats m_norm;
    BitLinear m_head;
    std::size_t m_weightBytes = 0;

    // Workspaces [capacity, width]
    std::int64_t m_capacity = 0;
    std::size_t m_workspaceFloats = 0;
    typename O::Floats m_x, m_normed, m_forget, m_candidate, m_outputGate, m_hidden, m_probeA, m_probeB,
        m_gateUp, m_glu;
    std::optional<typename O::Quantized> m_quantized;
};

} // namespace mmfree
