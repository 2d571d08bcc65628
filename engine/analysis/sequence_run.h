// One pass of a comparison: reads a prompt from an empty state and writes the most likely tokens, with a
// time for each. What happens inside is what is timed; watching is somebody else's thread.
#pragma once

#include "engine/analysis/compare_types.h"

#include <atomic>
#include <functional>
#include <memory>
#include <span>

namespace mmfree
{

// Grows while a pass runs; another thread may read the first `written` times.
struct PassProgress {
    std::vector<double> tokenSeconds; // sized before the pass begins
    std::atomic<std::int64_t> read{0}, written{0};
};

struct PassOutcome {
    PassTiming timing;
    std::vector<TokenId> output;
    std::unique_ptr<InferenceState> state; // as it is afterwards, for its memory
};

// `afterPosition`, when given, is called between timed steps with the tokens in the state so far.
[[nodiscard]] PassOutcome
runPass(InferenceExecutor& executor, std::span<const TokenId> prompt, std::int64_t write,
        PassProgress& progress,
        const std::function<void(std::int64_t position, const InferenceState&)>& afterPosition = {});

// Content fingerprint of a model: configuration and samples of its files, or shape and seed.
[[nodiscard]] std::string modelHash(const ModelSource& source, const Contender& contender);

// Weights that take part in a token's products, and the bytes of them read for one written token.
struct TokenTraffic {
    std::int64_t weights = 0, bytes = 0;
};
[[nodiscard]] TokenTraffic tokenTraffic(const ModelSource& source, const MemoryUse& memory);

} // namespace mmfree
