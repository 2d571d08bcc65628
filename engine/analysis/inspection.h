// Captures of a model's inner quantities for a text, with their cost known before, and one token's walk
// through a block. Used by `mmfree inspect` and the explorer on an executor of their own; belongs to the
// executor's thread.
#pragma once

#include "engine/analysis/state_analysis.h"
#include "engine/runtime/backend.h"

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace mmfree
{

[[nodiscard]] const char* quantityName(Quantity quantity); // "forget_gate", for files and --quantity
[[nodiscard]] std::optional<Quantity> quantityFromName(std::string_view name);
[[nodiscard]] bool quantityExists(Quantity quantity, Architecture architecture);
// Values per token; AttentionWeights: per token of `context` positions.
[[nodiscard]] std::int64_t quantityWidth(Quantity quantity, const ModelConfig& config, std::int64_t context);
// Bytes a capture takes in memory.
[[nodiscard]] std::uint64_t captureBytes(const ProbeRequest& request, const ModelConfig& config,
                                         std::int64_t tokens);

struct Capture {
    std::vector<TokenId> tokens;
    ActivationTrace trace;     // [tokens, width] a point
    std::vector<float> logits; // [V] after the last token
    StateSnapshot finalState;
    double lossNats = 0.0; // mean over the tokens after the first; 0 with one token
};

// Reads `tokens` from an empty state, in pieces so that a stop request is met soon and `progress` (0..1) is
// told. With attention maps it is one piece (at most 512 tokens). Nothing when stopped.
[[nodiscard]] std::optional<Capture> capture(InferenceExecutor& executor, std::span<const TokenId> tokens,
                                             const ProbeRequest& request, const std::stop_token& stop,
                                             const std::function<void(double)>& progress = {});

// Gates of one layer of a capture that holds ForgetGate and Candidate; borrows from it.
[[nodiscard]] GateTrace gatesOf(const Capture& capture, std::int64_t layer);

// ---- one token's walk through a block ----

struct OperationCounts {
    std::int64_t additions = 0, subtractions = 0,
                 skips = 0; // of the ternary product, instead of multiplications
    [[nodiscard]] std::int64_t replaced() const { return additions + subtractions + skips; }
};

enum class StationKind { Values, Projection };
struct Station {
    std::string id; // "forget_projection"; texts for people belong to the interface
    StationKind kind = StationKind::Values;
    std::string tensor; // weight this station uses; empty: none
    std::vector<float> values;
    OperationCounts counts; // Projection only
    double scale = 0.0;     // Projection: the weight's scale; quantisers: the activation's
};

// Stations of `token` in `layer`, in order. `capture` must hold, for that layer, blockWalkRequest's
// quantities.
[[nodiscard]] ProbeRequest blockWalkRequest(std::int64_t layer, const ModelConfig& config);
[[nodiscard]] std::vector<Station> blockWalk(const ModelSource& source, const Capture& capture,
                                             std::int64_t layer, std::int64_t token);

} // namespace mmfree
