// Chooses the next token from logits. Stages in fixed order: repetition penalty, temperature, top-k, top-p,
// min-p, draw. Deterministic for a seed; temperature 0 is greedy (lowest id wins ties).
#pragma once

#include "engine/core/random.h"
#include "engine/core/types.h"

#include <span>
#include <vector>

namespace mmfree
{

struct SamplingOptions {
    double temperature = 0.8; // 0: greedy
    int topK = 40;            // 0: off
    double topP = 0.95;       // 1: off
    double minP = 0.0;        // 0: off; keeps tokens with p >= minP * p_max
    double repetitionPenalty =
        1.1;                   // 1: off; divides positive and multiplies negative logits of recent tokens
    int repetitionWindow = 64; // tokens looked back
    std::uint64_t seed = 0;
    friend bool operator==(const SamplingOptions&, const SamplingOptions&) = default;
};

void validateSamplingOptions(const SamplingOptions& options); // throws InvalidArgument naming the field

struct SampledToken {
    TokenId id = 0;
    double logProbability = 0.0; // of the chosen token under the unmodified softmax of the logits, nats
};

class Sampler
{
public:
    explicit Sampler(const SamplingOptions& options);
    // Throws NumericFailure when no logit is finite. `recent`: the tokens so far, newest last.
    [[nodiscard]] SampledToken sample(std::span<const float> logits, std::span<const TokenId> recent);

private:
    SamplingOptions m_options;
    Random m_random;
    std::vector<float> m_scores;
    std::vector<TokenId> m_candidates;
};

} // namespace mmfree
