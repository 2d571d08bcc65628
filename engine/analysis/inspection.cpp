#include "engine/analysis/inspection.h"

#include "engine/analysis/tensor_statistics.h"
#include "engine/core/error.h"
#include "engine/session/session.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace mmfree
{

namespace
{

constexpr std::int64_t kPiece = 128; // tokens between looks at the stop request

constexpr std::array<std::pair<Quantity, const char*>, kQuantityCount> kNames{{
    {Quantity::BlockInput, "block_input"},
    {Quantity::QuantizedInput, "quantized_input"},
    {Quantity::ForgetGate, "forget_gate"},
    {Quantity::Candidate, "candidate"},
    {Quantity::HiddenState, "hidden_state"},
    {Quantity::OutputGate, "output_gate"},
    {Quantity::MixerOutput, "mixer_output"},
    {Quantity::MixerResidual, "mixer_residual"},
    {Quantity::GluActivation, "glu_activation"},
    {Quantity::BlockOutput, "block_output"},
    {Quantity::AttentionWeights, "attention_weights"},
    {Quantity::FinalNorm, "final_norm"},
}};

bool wantsAttention(const ProbeRequest& request)
{
    return std::any_of(request.points.begin(), request.points.end(),
                       [](const auto& point) { return point.second == Quantity::AttentionWeights; });
}

// Rows of `piece` behind those of `whole`.
void append(ActivationTrace& whole, const ActivationTrace& piece)
{
    for (const auto& [key, part] : piece.entries) {
        TracedQuantity& entry = whole.entries[key];
        entry.width = part.width;
        entry.tokens += part.tokens;
        entry.values.insert(entry.values.end(), part.values.begin(), part.values.end());
    }
}

} // namespace

const char* quantityName(Quantity quantity)
{
    for (const auto& [known, name] : kNames) {
        if (known == quantity)
            return name;
    }
    return "";
}

std::optional<Quantity> quantityFromName(std::string_view name)
{
    for (const auto& [quantity, known] : kNames) {
        if (name == known)
            return quantity;
    }
    return std::nullopt;
}

bool quantityExists(Quantity quantity, Architecture architecture)
{
    switch (quantity) {
    case Quantity::QuantizedInput:
    case Quantity::ForgetGate:
    case Quantity::Candidate:
    case Quantity::HiddenState:
    case Quantity::OutputGate:
        return architecture == Architecture::MatMulFree;
    case Quantity::AttentionWeights:
        return architecture == Architecture::Transformer;
    default:
        return true;
    }
}

std::int64_t quantityWidth(Quantity quantity, const ModelConfig& config, std::int64_t context)
{
    switch (quantity) {
    case Quantity::GluActivation:
        return config.intermediateSize;
    case Quantity::AttentionWeights:
        return config.headCount * context;
    default:
        return config.hiddenSize;
    }
}

std::uint64_t captureBytes(const ProbeRequest& request, const ModelConfig& config, std::int64_t tokens)
{
    std::uint64_t bytes = 0;
    for (const auto& [layer, quantity] : request.points)
        bytes += static_cast<std::uint64_t>(tokens * quantityWidth(quantity, config, tokens)) * sizeof(float);
    return bytes;
}

std::optional<Capture> capture(InferenceExecutor& executor, std::span<const TokenId> tokens,
                               const ProbeRequest& request, const std::stop_token& stop,
                               const std::function<void(double)>& progress)
{
    if (tokens.empty())
        throw Error(ErrorCode::InvalidArgument, "the text has 0 tokens, needed: at least 1");
    const auto count = static_cast<std::int64_t>(tokens.size());
    const std::int64_t vocabulary = executor.config().vocabularySize;
    const std::int64_t piece = wantsAttention(request) ? count : kPiece;
    Capture result;
    result.tokens.assign(tokens.begin(), tokens.end());
    const auto state = executor.createState();
    double loss = 0.0;
    for (std::int64_t first = 0; first < count; first += piece) {
        if (stop.stop_requested())
            return std::nullopt;
        const std::int64_t size = std::min(piece, count - first);
        const ForwardResult forward = executor.forward(
            {.tokens = tokens.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(size)),
             .logits = LogitsMode::All,
             .probe = &request},
            *state);
        for (std::int64_t t = 0; t < size && first + t + 1 < count; ++t)
            loss += tokenLossNats(forward.logits.subspan(static_cast<std::size_t>(t * vocabulary),
                                                         static_cast<std::size_t>(vocabulary)),
                                  tokens[static_cast<std::size_t>(first + t + 1)]);
        if (forward.trace)
            append(result.trace, *forward.trace);
        if (first + size == count)
            result.logits.assign(forward.logits.end() - vocabulary, forward.logits.end());
        if (progress)
            progress(static_cast<double>(first + size) / static_cast<double>(count));
    }
    result.lossNats = count > 1 ? loss / static_cast<double>(count - 1) : 0.0;
    result.finalState = executor.snapshot(*state);
    return result;
}

GateTrace gatesOf(const Capture& capture, std::int64_t layer)
{
    const auto find = [&](Quantity quantity) -> const TracedQuantity& {
        const auto entry = capture.trace.entries.find({layer, quantity});
        if (entry == capture.trace.entries.end())
            throw Error(ErrorCode::InvalidArgument,
                        "layer " + std::to_string(layer) + " has no captured " + quantityName(quantity));
        return entry->second;
    };
    const TracedQuantity& forget = find(Quantity::ForgetGate);
    return {.tokens = forget.tokens,
            .channels = forget.width,
            .forget = forget.values,
            .candidate = find(Quantity::Candidate).values,
            .before = {}};
}

ProbeRequest blockWalkRequest(std::int64_t layer, const ModelConfig& config)
{
    ProbeRequest request;
    for (const auto& [quantity, name] : kNames) {
        if (quantityExists(quantity, config.architecture) && quantity != Quantity::FinalNorm &&
            quantity != Quantity::AttentionWeights)
            request.points.emplace_back(layer, quantity);
    }
    return request;
}

namespace
{

class Walk
{
public:
    Walk(const ModelSource& source, const Capture& capture, std::int64_t layer, std::int64_t token)
        : m_source(source)
        , m_capture(capture)
        , m_layer(layer)
        , m_token(token)
        , m_prefix("model.layers." + std::to_string(layer) + ".")
    {
    }

    std::vector<Station> matMulFree()
    {
        values("block_input", Quantity::BlockInput);
        const std::vector<float> normed = norm("mixer_norm", "attn_norm.weight", m_stations.back().values);
        m_stations.back().tensor = m_prefix + "attn_norm.weight";
        values("quantized_input", Quantity::QuantizedInput);
        m_stations.back().scale = activationScale(normed, m_prefix + "attn.f_proj.norm.weight");
        projection("forget_projection", "attn.f_proj.weight");
        values("forget_gate", Quantity::ForgetGate);
        projection("candidate_projection", "attn.i_proj.weight");
        values("candidate", Quantity::Candidate);
        values("hidden_state", Quantity::HiddenState);
        projection("output_gate_projection", "attn.g_proj.weight");
        values("output_gate", Quantity::OutputGate);
        values("mixer_output", Quantity::MixerOutput);
        projection("output_projection", "attn.o_proj.weight");
        values("mixer_residual", Quantity::MixerResidual);
        projection("glu_projection", "mlp.gate_proj.weight");
        values("glu_activation", Quantity::GluActivation);
        projection("down_projection", "mlp.down_proj.weight");
        values("block_output", Quantity::BlockOutput);
        return std::move(m_stations);
    }

    // Dense projections multiply; they have no counts of additions instead.
    std::vector<Station> transformer()
    {
        values("block_input", Quantity::BlockInput);
        norm("mixer_norm", "input_layernorm.weight", m_stations.back().values);
        values("mixer_output", Quantity::MixerOutput);
        m_stations.back().tensor = m_prefix + "self_attn.o_proj.weight";
        values("mixer_residual", Quantity::MixerResidual);
        values("glu_activation", Quantity::GluActivation);
        m_stations.back().tensor = m_prefix + "mlp.down_proj.weight";
        values("block_output", Quantity::BlockOutput);
        return std::move(m_stations);
    }

private:
    void values(const char* id, Quantity quantity)
    {
        const auto entry = m_capture.trace.entries.find({m_layer, quantity});
        if (entry == m_capture.trace.entries.end())
            throw Error(ErrorCode::InvalidArgument,
                        std::string("the capture lacks ") + quantityName(quantity));
        const TracedQuantity& traced = entry->second;
        const float* row = traced.values.data() + m_token * traced.width;
        m_stations.push_back({.id = id, .values = std::vector<float>(row, row + traced.width)});
    }

    std::vector<float> norm(const char* id, const char* tensor, const std::vector<float>& x)
    {
        std::vector<float> weight(x.size()), out(x.size());
        m_source.floats(m_prefix + tensor, weight);
        double squares = 0.0;
        for (const float value : x)
            squares += static_cast<double>(value) * value;
        const double inverse =
            1.0 / std::sqrt(squares / static_cast<double>(x.size()) + m_source.config().rmsNormEps);
        for (std::size_t i = 0; i < x.size(); ++i)
            out[i] = static_cast<float>(x[i] * inverse * weight[i]);
        m_stations.push_back({.id = id, .tensor = m_prefix + tensor, .values = out});
        return out;
    }

    // 127 / max|y| of BitLinear's own normed input.
    double activationScale(const std::vector<float>& x, const std::string& norm)
    {
        std::vector<float> weight(x.size());
        m_source.floats(norm, weight);
        double squares = 0.0, greatest = 1e-5;
        for (const float value : x)
            squares += static_cast<double>(value) * value;
        const double inverse = 1.0 / std::sqrt(squares / static_cast<double>(x.size()) + 1e-6);
        for (std::size_t i = 0; i < x.size(); ++i)
            greatest = std::max(greatest, std::fabs(x[i] * inverse * weight[i]));
        return 127.0 / greatest;
    }

    void projection(const char* id, const char* tensor)
    {
        const TernaryTensor weight = m_source.ternary(m_prefix + tensor);
        const TernaryCounts counts = countTernary(weight);
        m_stations.push_back({.id = id,
                              .kind = StationKind::Projection,
                              .tensor = m_prefix + tensor,
                              .values = {},
                              .counts = {counts.plus, counts.minus, counts.zero},
                              .scale = weight.scale});
    }

    const ModelSource& m_source;
    const Capture& m_capture;
    std::int64_t m_layer, m_token;
    std::string m_prefix;
    std::vector<Station> m_stations;
};

} // namespace

std::vector<Station> blockWalk(const ModelSource& source, const Capture& capture, std::int64_t layer,
                               std::int64_t token)
{
    Walk walk(source, capture, layer, token);
    return source.config().isTernary() ? walk.matMulFree() : walk.transformer();
}

} // namespace mmfree
