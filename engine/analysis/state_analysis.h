// What the MLGRU's states say. Within a layer h_t = f_t * h_{t-1} + c_t with gates that depend on the input
// at t alone, so the share of token s in the state at t is the product of the later forget gates times c_s,
// exactly. Pure functions of traced values; used by `mmfree inspect` and the explorer.
#pragma once

#include "engine/runtime/backend.h"

#include <functional>
#include <span>
#include <stop_token>
#include <vector>

namespace mmfree
{

// Traced gates of one layer, all [tokens, channels] row-major; `before` [channels] is the state ahead of the
// first token (empty: zero).
struct GateTrace {
    std::int64_t tokens = 0, channels = 0;
    std::span<const float> forget, candidate;
    std::span<const float> before;
};

// Contribution of token `source` to the state at `target` >= source, per channel; -1 as source: of `before`.
// The sum over all sources -1 .. target is the state itself, up to rounding of the sum.
[[nodiscard]] std::vector<float> contribution(const GateTrace& trace, std::int64_t source,
                                              std::int64_t target);

// Shares of the earlier tokens in the state at `target`: [target + 2] numbers, [0] for `before`, [s + 1] for
// token s: sum over channels of |contribution|, divided by their total (all zero when the state is).
// `channels` restricts to those (empty: all).
[[nodiscard]] std::vector<double> holdShares(const GateTrace& trace, std::int64_t target,
                                             std::span<const std::int32_t> channels = {});

// [tokens, tokens] row-major: row t, column s is the share of token s in the state at t; 0 above the
// diagonal. Rows are reported as they are done; empty when stopped.
[[nodiscard]] std::vector<float> holdMap(const GateTrace& trace, std::span<const std::int32_t> channels,
                                         const std::stop_token& stop,
                                         const std::function<void(std::int64_t row)>& done = {});

// Tokens until half of a state is forgotten at a constant gate: ln(1/2) / ln(f). f <= 0: 0; f >= 1: infinity.
[[nodiscard]] double halfLife(double forgetGate);
// Mean forget gate per channel over the tokens.
[[nodiscard]] std::vector<float> meanForgetGate(const GateTrace& trace);
// Lower bounds of the forget gates of a MatMul-free model, [layers, hidden size]; layer 0 is 0.
[[nodiscard]] std::vector<float> forgetGateBounds(const ModelSource& source);

// Mean |h_t - h_{t-1}| per channel (h before the first token counts as 0).
[[nodiscard]] std::vector<float> meanChange(std::span<const float> hidden, std::int64_t tokens,
                                            std::int64_t channels);

enum class ChannelOrder { Index, HalfLife, Change, Cluster };
// Channels in the order to show them: longest half-life or largest change first; Cluster puts channels with
// similar courses together (k-means of normalised rows, the same for the same values).
[[nodiscard]] std::vector<std::int64_t> orderChannels(const GateTrace& trace, std::span<const float> hidden,
                                                      ChannelOrder order);

// Brush and match: channels with |h| >= threshold at every token of [first, last], and, when `offOutside`,
// below it at the token before and the token after.
[[nodiscard]] std::vector<std::int32_t> channelsOn(std::span<const float> hidden, std::int64_t tokens,
                                                   std::int64_t channels, std::int64_t first,
                                                   std::int64_t last, float threshold, bool offOutside);
// How many of `selected` are on at each token.
[[nodiscard]] std::vector<int> countOn(std::span<const float> hidden, std::int64_t tokens,
                                       std::int64_t channels, std::span<const std::int32_t> selected,
                                       float threshold);
struct StateMatch {
    std::int64_t first = 0, last = 0; // tokens
    double on = 0.0;                  // mean share of the selected channels that are on
};
// Windows of `length` tokens, best first, that do not overlap; those with on >= `least`.
[[nodiscard]] std::vector<StateMatch> findMatches(std::span<const int> counts, std::int64_t selected,
                                                  std::int64_t length, double least, std::size_t limit);

} // namespace mmfree
