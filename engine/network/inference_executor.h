// InferenceExecutor over a network written in operators: cuts requests into chunks, checks ids, produces
// logits and traces. Backends create it through makeNetworkExecutor().
#pragma once

#include "engine/core/error.h"
#include "engine/network/matmul_free_network.h"
#include "engine/network/transformer_network.h"

namespace mmfree
{

inline constexpr std::int64_t kForwardChunk =
    512; // tokens; bounds workspaces, keeps a chunk's activations in cache

// Throws InvalidArgument naming the first id outside 0 .. vocabularySize - 1.
inline void checkTokenIds(std::span<const TokenId> tokens, std::int64_t vocabularySize)
{
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        if (tokens[i] < 0 || tokens[i] >= vocabularySize) {
            throw Error(ErrorCode::InvalidArgument, "token " + std::to_string(i) + " is " +
                                                        std::to_string(tokens[i]) + ", needed: 0 to " +
                                                        std::to_string(vocabularySize - 1));
        }
    }
}

template <InferenceOperators O, class Network>
class NetworkInferenceExecutor final : public InferenceExecutor
{
public:
    NetworkInferenceExecutor(std::unique_ptr<O> ops, std::shared_ptr<const ModelSource> source,
                             ExecutorInfo info)
        : m_ops(std::move(ops))
        , m_source(std::move(source))
        , m_info(std::move(info))
        , m_network(*m_ops, *m_source)
    {
    }

    [[nodiscard]] const ModelConfig& config() const override { return m_network.config(); }
    [[nodiscard]] ExecutorInfo info() const override { return m_info; }
    [[nodiscard]] std::unique_ptr<InferenceState> createState() override
    {
        return m_network.createState(*m_ops);
    }

    ForwardResult forward(const ForwardRequest& request, InferenceState& inferenceState) override
    {
        auto& state = static_cast<typename Network::State&>(inferenceState);
        const auto count = static_cast<std::int64_t>(request.tokens.size());
        check(request, state);
        m_network.prepare(*m_ops, state, count);
        const std::int64_t vocabulary = config().vocabularySize;
        m_logits.resize(static_cast<std::size_t>(logitRows(request) * vocabulary));

        ProbeWriter<O> probe(*m_ops, request.probe, count);
        for (std::int64_t row = 0; row < count; row += kForwardChunk)
            forwardChunk(request, row, std::min(kForwardChunk, count - row), state, probe);
        return {.logits = m_logits, .trace = probe.finish()};
    }

    [[nodiscard]] StateSnapshot snapshot(const InferenceState& inferenceState) override
    {
        const auto& state = static_cast<const typename Network::State&>(inferenceState);
        return {.position = state.position(), .values = m_network.readState(*m_ops, state)};
    }
    void restore(const StateSnapshot& snapshot, InferenceState& inferenceState) override
    {
        const std::int64_t needed = m_network.snapshotSize(snapshot.position);
        const auto found = static_cast<std::int64_t>(snapshot.values.size());
        if (snapshot.position < 0 || found != needed) {
            throw Error(ErrorCode::InvalidArgument,
                        "state snapshot at position " + std::to_string(snapshot.position) + " holds " +
                            std::to_string(found) + " values, needed: " + std::to_string(needed));
        }
        m_network.writeState(*m_ops, static_cast<typename Network::State&>(inferenceState), snapshot.values,
                             snapshot.position);
    }
    void reset(InferenceState& state) override
    {
        m_network.clearState(*m_ops, static_cast<typename Network::State&>(state));
    }
    [[nodiscard]] MemoryUse memoryUse(const InferenceState* state) const override
    {
        const std::size_t outputs =
            m_logits.capacity() * sizeof(float) * 2 + m_finalNorm.size() * sizeof(float);
        return {.weightBytes = m_network.weightBytes(),
                .stateBytes = state ? state->bytes() : 0,
                .activationBytes = m_network.activationBytes() + outputs};
    }

private:
    [[nodiscard]] static std::int64_t logitRows(const ForwardRequest& request)
    {
        switch (request.logits) {
        case LogitsMode::None:
            return 0;
        case LogitsMode::Last:
            return 1;
        case LogitsMode::All:
            return static_cast<std::int64_t>(request.tokens.size());
        }
        return 0;
    }

    void check(const ForwardRequest& request, const typename Network::State& state) const
    {
        checkAttentionProbe(request, state.position());
        if (request.tokens.empty())
            throw Error(ErrorCode::InvalidArgument, "a forward pass got 0 tokens, needed: at least 1");
        checkTokenIds(request.tokens, config().vocabularySize);
        const std::int64_t end = state.position() + static_cast<std::int64_t>(request.tokens.size());
        const bool limited = config().architecture == Architecture::Transformer && config().maxPositions > 0;
        if (limited && end > config().maxPositions) {
            throw Error(
                ErrorCode::InvalidArgument,
                "the sequence would reach position " + std::to_string(end) +
                    ", needed: at most max_position_embeddings = " + std::to_string(config().maxPositions));
        }
    }

    // The rows of an attention map are as wide as the context, so one capture must be one chunk from position
    // 0.
    void checkAttentionProbe(const ForwardRequest& request, std::int64_t position) const
    {
        if (!request.probe)
            return;
        const auto& points = request.probe->points;
        const bool wanted = std::any_of(points.begin(), points.end(), [](const auto& point) {
            return point.second == Quantity::AttentionWeights;
        });
        const auto count = static_cast<std::int64_t>(request.tokens.size());
        if (wanted && (position != 0 || count > kForwardChunk)) {
            throw Error(ErrorCode::InvalidArgument, "attention maps of " + std::to_string(count) +
                                                        " tokens from position " + std::to_string(position) +
                                                        ", needed: at most " + std::to_string(kForwardChunk) +
                                                        " tokens from position 0");
        }
    }

    void forwardChunk(const ForwardRequest& request, std::int64_t row, std::int64_t count,
                      typename Network::State& state, ProbeWriter<O>& probe)
    {
        const std::int64_t d = config().hiddenSize;
        const bool lastChunk = row + count == static_cast<std::int64_t>(request.tokens.size());
        m_tokens = m_ops->uploadTokens(request.tokens.subspan(row, count));
        probe.setFirstRow(row);
        const float* x = m_network.forward(*m_ops, m_tokens.data(), count, state, probe);

        const bool everyRow =
            request.logits == LogitsMode::All || probe.wants(config().layerCount, Quantity::FinalNorm);
        if (!everyRow && !(request.logits == LogitsMode::Last && lastChunk))
            return;
        const std::int64_t rows = everyRow ? count : 1;
        reserveOutputs(rows);
        m_network.head(*m_ops, x + (count - rows) * d, rows, m_finalNorm.data(), m_logitsDevice.data());
        probe.capture(config().layerCount, Quantity::FinalNorm, m_finalNorm.data(), rows, d);
        const std::int64_t vocabulary = config().vocabularySize;
        if (request.logits == LogitsMode::All)
            m_ops->copyOut(m_logitsDevice.data(),
                           std::span(m_logits).subspan(row * vocabulary, count * vocabulary));
        else if (request.logits == LogitsMode::Last && lastChunk)
            m_ops->copyOut(m_logitsDevice.data() + (rows - 1) * vocabulary, m_logits);
    }

    void reserveOutputs(std::int64_t rows)
    {
        if (static_cast<std::size_t>(rows * config().hiddenSize) <= m_finalNorm.size())
            return;
        m_finalNorm = m_ops->allocate(static_cast<std::size_t>(rows * config().hiddenSize));
        m_logitsDevice = m_ops->allocate(static_cast<std::size_t>(rows * config().vocabularySize));
    }

    std::unique_ptr<O> m_ops;
    std::shared_ptr<const ModelSource> m_source; // embeddings may be read in place
    ExecutorInfo m_info;
    Network m_network;
    typename O::Tokens m_tokens;
    typename O::Floats m_finalNorm, m_logitsDevice; // [rows, d], [rows, V]
    std::vector<float> m_logits;                    // host copy
};

template <InferenceOperators O>
std::unique_ptr<InferenceExecutor>
makeNetworkExecutor(std::unique_ptr<O> ops, std::shared_ptr<const ModelSource> source, ExecutorInfo info)
{
    if (source->config().architecture == Architecture::MatMulFree)
        return std::make_unique<NetworkInferenceExecutor<O, MatMulFreeNetwork<O>>>(
            std::move(ops), std::move(source), std::move(info));
    return std::make_unique<NetworkInferenceExecutor<O, TransformerNetwork<O>>>(
        std::move(ops), std::move(source), std::move(info));
}

} // namespace mmfree
