// The dense baseline, Transformer++ in the style of Llama 2: RMSNorm, rotary attention with a KV cache,
// SwiGLU, dense projections. Same shape of class as MatMulFreeNetwork, so that one executor serves both;
// inference forward pass.
#pragma once

#include "engine/network/finite_view.h"
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
class TransformerNetwork
{
public:
    struct Layer {
        typename O::Floats inputNorm, postNorm; // [d]
        typename O::DenseMatrix query, key, value, attentionOut;
        typename O::DenseMatrix gate, up, down;
    };
    struct State final : InferenceState {
        std::vector<typename O::Floats> keys, values; // per layer [capacity, keyValueWidth], keys rotated
        std::int64_t capacity = 0;
        std::int64_t consumed = 0;
        std::int64_t keyValueWidth = 0;
        [[nodiscard]] std::int64_t position() const override { return consumed; }
        [[nodiscard]] std::size_t bytes() const override
        {
            return keys.size() * 2 * static_cast<std::size_t>(capacity * keyValueWidth) * sizeof(float);
        }
    };

    TransformerNetwork(O& ops, const ModelSource& source)
        : m_config(source.config())
        , m_shape{m_config.headCount, m_config.keyValueHeadCount, m_config.headSize()}
        , m_embeddings(loadDense(ops, source, "model.embed_tokens.weight"))
    {
        const std::int64_t d = m_config.hiddenSize;
        for (std::int64_t n = 0; n < m_config.layerCount; ++n) {
            const std::string prefix = "model.layers." + std::to_string(n) + ".";
            m_layers.push_back({
                .inputNorm = loadFloats(ops, source, prefix + "input_layernorm.weight", d, m_weightBytes),
                .postNorm =
                    loadFloats(ops, source, prefix + "post_attention_layernorm.weight", d, m_weightBytes),
                .query = loadDense(ops, source, prefix + "self_attn.q_proj.weight"),
                .key = loadDense(ops, source, prefix + "self_attn.k_proj.weight"),
                .value = loadDense(ops, source, prefix + "self_attn.v_proj.weight"),
                .attentionOut = loadDense(ops, source, prefix + "self_attn.o_proj.weight"),
                .gate = loadDense(ops, source, prefix + "mlp.gate_proj.weight"),
                .up = loadDense(ops, source, prefix + "mlp.up_proj.weight"),
                .down = loadDense(ops, source, prefix + "mlp.down_proj.weight"),
            });
        }
        m_norm = loadFloats(ops, source, "model.norm.weight", d, m_weightBytes);
        if (!m_config.tieEmbeddings)
            m_head.emplace(loadDense(ops, source, "lm_head.weight"));
    }

    [[nodiscard]] const ModelConfig& config() const { return m_config; }
    [[nodiscard]] std::size_t weightBytes() const { return m_weightBytes; }
    [[nodiscard]] std::size_t activationBytes() const { return m_workspaceFloats * sizeof(float); }

    [[nodiscard]] std::unique_ptr<State> createState(O&) const
    {
        auto state = std::make_unique<State>();
        state->keys.resize(m_config.layerCount);
        state->values.resize(m_config.layerCount);
        state->keyValueWidth = m_shape.keyValueWidth();
        return state;
    }

    // Makes room for `count` more tokens; the cache doubles when it is full.
    void prepare(O& ops, State& state, std::int64_t count) const
    {
        const std::int64_t needed = state.consumed + count;
        if (needed <= state.capacity)
            return;
        const std::int64_t capacity = std::max<std::int64_t>({needed, 2 * state.capacity, 64});
        const auto width = static_cast<std::size_t>(m_shape.keyValueWidth());
        for (auto* caches : {&state.keys, &state.values}) {
            for (typename O::Floats& cache : *caches) {
                typename O::Floats larger = ops.allocate(static_cast<std::size_t>(capacity) * width);
                if (state.consumed > 0)
                    ops.copy(cache.data(), larger.data(), static_cast<std::size_t>(state.consumed) * width);
                cache = std::move(larger);
            }
        }
        state.capacity = capacity;
    }

    // [layers, 2, position, keyValueWidth]
    [[nodiscard]] std::vector<float> readState(O& ops, const State& state) const
    {
        const auto perCache = static_cast<std::size_t>(state.consumed * m_shape.keyValueWidth());
        std::vector<float> values(perCache * 2 * state.keys.size());
        std::span<float> rest = values;
        for (std::size_t n = 0; n < state.keys.size() && perCache > 0; ++n) {
            for (const auto* cache : {&state.keys[n], &state.values[n]}) {
                ops.copyOut(cache->data(), rest.first(perCache));
                rest = rest.subspan(perCache);
            }
        }
        return values;
    }
    [[nodiscard]] std::int64_t snapshotSize(std::int64_t position) const
    {
        return m_config.layerCount * 2 * position * m_shape.keyValueWidth();
    }
    void writeState(O& ops, State& state, std::span<const float> values, std::int64_t position) const
    {
        state.consumed = 0;
        prepare(ops, state, position);
        const auto perCache = static_cast<std::size_t>(position * m_shape.keyValueWidth());
        for (std::size_t n = 0; n < state.keys.size() && perCache > 0; ++n) {
            for (auto* cache : {&state.keys[n], &state.values[n]}) {
                ops.copyIn(values.first(perCache), cache->data());
                values = values.subspan(perCache);
            }
        }
        state.consumed = position;
    }
    void clearState(O&, State& state) const { state.consumed = 0; }

    float* forward(O& ops, const TokenId* tokens, std::int64_t count, State& state, ProbeWriter<O>& probe)
    {
        reserve(ops, count);
        ops.embed(tokens, count, m_embeddings, m_x.data());
        for (std::int64_t n = 0; n < m_config.layerCount; ++n)
            forwardLayer(ops, n, count, state, probe);
        state.consumed += count;
        return m_x.data();
    }

    void head(O& ops, const float* x, std::int64_t count, float* finalNorm, float* logits)
    {
        ops.rmsNorm(x, m_norm.data(), m_config.rmsNormEps, count, m_config.hiddenSize, finalNorm);
        ops.linear(finalNorm, count, m_head ? *m_head : m_embeddings, logits);
    }

    // One layer alone, on x in layerInput() (for tests that feed a layer a known input).
    [[nodiscard]] float* layerInput(O& ops, std::int64_t count)
    {
        reserve(ops, count);
        return m_x.data();
    }
    void forwardLayer(O& ops, std::int64_t n, std::int64_t count, State& state, ProbeWriter<O>& probe)
    {
        const Layer& layer = m_layers[n];
        const auto [d, I, eps] =
            std::tuple(m_config.hiddenSize, m_config.intermediateSize, m_config.rmsNormEps);
        const std::int64_t first = state.consumed;
        float* x = m_x.data();
        probe.capture(n, Quantity::BlockInput, x, count, d);

        // Token mixer: causal attention; new keys and values go straight into the cache.
        float* newKeys = state.keys[n].data() + first * m_shape.keyValueWidth();
        float* newValues = state.values[n].data() + first * m_shape.keyValueWidth();
        ops.rmsNorm(x, layer.inputNorm.data(), eps, count, d, m_normed.data());
        ops.linear(m_normed.data(), count, layer.query, m_query.data());
        ops.linear(m_normed.data(), count, layer.key, newKeys);
        ops.linear(m_normed.data(), count, layer.value, newValues);
        ops.rotary(m_query.data(), 1, count, first, m_shape.heads, m_shape.headSize, m_config.ropeTheta);
        ops.rotary(newKeys, 1, count, first, m_shape.keyValueHeads, m_shape.headSize, m_config.ropeTheta);
        attend(ops, n, count, first, state, probe);
        probe.capture(n, Quantity::MixerOutput, m_attended.data(), count, d);
        ops.linearAdd(m_attended.data(), count, layer.attentionOut, x);
        probe.capture(n, Quantity::MixerResidual, x, count, d);

        // Channel mixer: SwiGLU
        ops.rmsNorm(x, layer.postNorm.data(), eps, count, d, m_normed.data());
        ops.linear(m_normed.data(), count, layer.gate, m_gate.data());
        ops.linear(m_normed.data(), count, layer.up, m_up.data());
        ops.swiGlu(m_gate.data(), m_up.data(), I, count, I, m_glu.data());
        probe.capture(n, Quantity::GluActivation, m_glu.data(), count, I);
        ops.linearAdd(m_glu.data(), count, layer.down, x);
        probe.capture(n, Quantity::BlockOutput, x, count, d);
    }

private:
    // Attention maps are probed only within one chunk that starts at position 0 (their width is the context).
    void attend(O& ops, std::int64_t n, std::int64_t count, std::int64_t first, State& state,
                ProbeWriter<O>& probe)
    {
        const float* keys = state.keys[n].data();
        const float* values = state.values[n].data();
        if (!probe.wants(n, Quantity::AttentionWeights)) {
            ops.attention(m_query.data(), keys, values, count, first, m_shape, m_attended.data(), nullptr);
            return;
        }
        const std::int64_t width = m_shape.heads * (first + count);
        typename O::Floats weights = ops.allocate(static_cast<std::size_t>(count * width));
        ops.attention(m_query.data(), keys, values, count, first, m_shape, m_attended.data(), weights.data());
        probe.capture(n, Quantity::AttentionWeights, weights.data(), count, width);
    }

    void reserve(O& ops, std::int64_t count)
    {
        if (count <= m_capacity)
            return;
        m_workspaceFloats = 0;
        const auto array = [&](std::int64_t width) {
            m_workspaceFloats += static_cast<std::size_t>(count * width);
            return ops.allocate(static_cast<std::size_t>(count * width));
        };
        m_capacity = 0;
        for (typename O::Floats* floats : {&m_x, &m_normed, &m_query, &m_attended})
            *floats = array(m_config.hiddenSize);
        for (typename O::Floats* floats : {&m_gate, &m_up, &m_glu})
            *floats = array(m_config.intermediateSize);
        m_capacity = count;
    }

    typename O::DenseMatrix loadDense(O& ops, const ModelSource& source, const std::string& name)
    {
        typename O::DenseMatrix matrix = ops.makeDense(finiteView(source, name));
        m_weightBytes += matrix.bytes();
        return matrix;
    }

    ModelConfig m_config;
    AttentionShape m_shape;
    std::size_t m_weightBytes = 0;
    typename O::DenseMatrix m_embeddings;
    std::vector<Layer> m_layers;
    typename O::Floats m_norm;
    std::optional<typename O::DenseMatrix> m_head; // empty: tied to the embeddings

    std::int64_t m_capacity = 0;
    std::size_t m_workspaceFloats = 0;
    typename O::Floats m_x, m_normed, m_query, m_attended, m_gate, m_up, m_glu; // [capacity, width]
};

} // namespace mmfree
