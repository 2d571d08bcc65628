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
    double temperature = 0.8; // 0 .. 100; 0: greedy
    int topK = 40;            // 0: off
    double topP = 0.95;       // above 0, at most 1; 1: off
    double minP = 0.0;        // 0 .. 1; 0: off; keeps tokens with p >= minP * p_max
    // Above 0; 1: off; divides positive and multiplies negative logits of recent tokens, once for each token.
    double repetitionPenalty = 1.1;
    int repetitionWindow = 64; // tokens looked back; 0: off
    std::uint64_t seed = 0;
    friend bool operator==(const SamplingOptions&, const SamplingOptions&) = default;
};

void validateSamplingOptions(const SamplingOptions& options); // throws InvalidArgument naming the field

struct SampledToken {
    TokenId id = 0;
    double logProbability = 0.0; // of the chosen token under the unmodified softmax of the logits, nats
};

// Probabilities of the stages are those of the tokens still in play (top-p and min-p look at the softmax
// after temperature and top-k). Allocates only until its arrays have the vocabulary's size; time is one pass
// over the logits and sorting as far as top-k or top-p need it.
class Sampler
{
public:
    explicit Sampler(const SamplingOptions& options); // throws InvalidArgument
    // `logits`: [V] f32; minus infinity excludes a token. Throws NumericFailure for NaN or plus infinity
    // (naming the token) and when no logit is finite. `recent`: the tokens so far, newest last.
    [[nodiscard]] SampledToken sample(std::span<const float> logits, std::span<const TokenId> recent);

private:
    void applyRepetitionPenalty(std::span<const float> logits, std::span<const TokenId> recent);
    void collectCandidates();
    void keepTopP();
    void keepMinP();
    [[nodiscard]] TokenId draw();
    [[nodiscard]] double weight(TokenId id) const; // unnormalised probability

    SamplingOptions m_options;
    Random m_random;
    std::vector<float> m_scores;       // [V] logits after the repetition penalty
    std::vector<TokenId> m_candidates; // at most [V], those still in play; best first when m_sorted
    float m_best = 0.0f;               // highest score
    bool m_sorted = false;
};

} // namespace mmfree
