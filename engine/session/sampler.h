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

// What the sampler did with a token. All but Kept are reasons why it could not be drawn.
enum class SamplerStage : std::uint8_t {
    Kept = 0,
    Excluded = 1, // its logit is minus infinity
    Greedy = 2,   // temperature 0 takes the best one only
    TopK = 3,
    TopP = 4,
    MinP = 5,
};
[[nodiscard]] const char* samplerStageName(SamplerStage stage); // "kept", "top-k", ...

struct TokenAlternative {
    TokenId id = 0;
    float logProbability = 0.0f;  // under the unmodified softmax of the logits, nats; -inf: excluded
    float drawProbability = 0.0f; // of being drawn, after all stages; 0 when a stage removed it
    SamplerStage removedBy = SamplerStage::Kept;
    bool penalized = false; // the repetition penalty changed its logit
    friend bool operator==(const TokenAlternative&, const TokenAlternative&) = default;
};

// What the model and the sampler thought where one token was chosen.
struct TokenDetail {
    double entropyNats = 0.0; // of the unmodified softmax
    std::int64_t rank = 0;    // tokens the model found likelier than the chosen one (ties: lower ids first)
    // The likeliest ones by the model, best first; the chosen one is added at the end when it is not among
    // them.
    std::vector<TokenAlternative> alternatives;
    friend bool operator==(const TokenDetail&, const TokenDetail&) = default;
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
    [[nodiscard]] SampledToken sample(std::span<const float> logits, std::span<const TokenId> recent)
    {
        return sampleExplained(logits, recent, 0, nullptr);
    }
    // The same draw; `detail` (may be null) is replaced by what led to it, with `alternatives` of the
    // likeliest tokens. Costs one more pass over the logits and a selection.
    [[nodiscard]] SampledToken sampleExplained(std::span<const float> logits, std::span<const TokenId> recent,
                                               int alternatives, TokenDetail* detail);

private:
    void watchAlternatives(std::span<const float> logits, double logSumExponentials, int count,
                           TokenDetail& detail);
    void noteRemoved(SamplerStage stage, TokenDetail* detail);
    void finishDetail(std::span<const float> logits, double logSumExponentials, TokenId chosen,
                      TokenDetail& detail);
    void applyRepetitionPenalty(std::span<const float> logits, std::span<const TokenId> recent);
    void collectCandidates();
    void keepTopP();
    void keepMinP();
    [[nodiscard]] TokenId draw();
    [[nodiscard]] double weight(TokenId id) const; // unnormalised probability

    SamplingOptions m_options;
    Random m_random;
    std::vector<float> m_scores;        // [V] logits after the repetition penalty
    std::vector<TokenId> m_candidates;  // at most [V], those still in play; best first when m_sorted
    std::vector<TokenId> m_order;       // [V] scratch of watchAlternatives
    std::vector<std::uint8_t> m_inPlay; // [V] scratch of noteRemoved
    float m_best = 0.0f;                // highest score
    bool m_sorted = false;
};

} // namespace mmfree
