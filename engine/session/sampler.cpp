#include "engine/session/sampler.h"

#include "engine/core/error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace mmfree
{

namespace
{

constexpr float kExcluded = -std::numeric_limits<float>::infinity();

[[noreturn]] void fail(const std::string& field, const std::string& found, const std::string& needed)
{
    throw Error(ErrorCode::InvalidArgument, field + " is " + found + ", needed: " + needed);
}

struct LogitSummary {
    float highest = kExcluded;
    TokenId highestId = 0;           // lowest id among equals
    double logSumExponentials = 0.0; // of all logits
    double entropyNats = 0.0;        // of their softmax
};

LogitSummary summarize(std::span<const float> logits)
{
    LogitSummary summary;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        const float logit = logits[i];
        if (!(logit < std::numeric_limits<float>::infinity())) // NaN too
            throw Error(ErrorCode::NumericFailure, "logit of token " + std::to_string(i) + " is " +
                                                       (std::isnan(logit) ? "NaN" : "infinite"));
        if (logit > summary.highest) {
            summary.highest = logit;
            summary.highestId = static_cast<TokenId>(i);
        }
    }
    if (summary.highest == kExcluded)
        throw Error(ErrorCode::NumericFailure,
                    "none of " + std::to_string(logits.size()) + " logits is finite");
    double sum = 0.0, weighted = 0.0;
    for (const float logit : logits) {
        if (logit == kExcluded)
            continue;
        const double below = static_cast<double>(logit) - static_cast<double>(summary.highest);
        const double weight = std::exp(below);
        sum += weight;
        weighted += weight * below;
    }
    summary.logSumExponentials = static_cast<double>(summary.highest) + std::log(sum);
    summary.entropyNats = std::max(std::log(sum) - weighted / sum, 0.0);
    return summary;
}

} // namespace

void validateSamplingOptions(const SamplingOptions& options)
{
    const auto text = [](double value) { return std::to_string(value); };
    if (!(options.temperature >= 0.0 && options.temperature <= 100.0))
        fail("temperature", text(options.temperature), "0 .. 100");
    if (options.topK < 0)
        fail("topK", std::to_string(options.topK), "0 or more");
    if (!(options.topP > 0.0 && options.topP <= 1.0))
        fail("topP", text(options.topP), "above 0, at most 1");
    if (!(options.minP >= 0.0 && options.minP <= 1.0))
        fail("minP", text(options.minP), "0 .. 1");
    if (!(options.repetitionPenalty > 0.0 && std::isfinite(options.repetitionPenalty)))
        fail("repetitionPenalty", text(options.repetitionPenalty), "a number above 0");
    if (options.repetitionWindow < 0)
        fail("repetitionWindow", std::to_string(options.repetitionWindow), "0 or more");
}

Sampler::Sampler(const SamplingOptions& options)
    : m_options(options)
    , m_random(options.seed)
{
    validateSamplingOptions(options);
}

const char* samplerStageName(SamplerStage stage)
{
    switch (stage) {
    case SamplerStage::Kept:
        return "kept";
    case SamplerStage::Excluded:
        return "excluded";
    case SamplerStage::Greedy:
        return "greedy";
    case SamplerStage::TopK:
        return "top-k";
    case SamplerStage::TopP:
        return "top-p";
    case SamplerStage::MinP:
        return "min-p";
    }
    return "unknown";
}

SampledToken Sampler::sampleExplained(std::span<const float> logits, std::span<const TokenId> recent,
                                      int alternatives, TokenDetail* detail)
{
    if (logits.empty())
        fail("number of logits", "0", "1 or more");
    if (alternatives < 0)
        fail("alternatives", std::to_string(alternatives), "0 or more");
    const LogitSummary summary = summarize(logits);
    const auto logProbability = [&](TokenId id) {
        return static_cast<double>(logits[static_cast<std::size_t>(id)]) - summary.logSumExponentials;
    };
    m_scores.assign(logits.begin(), logits.end());
    applyRepetitionPenalty(logits, recent);
    if (detail) {
        watchAlternatives(logits, summary.logSumExponentials, alternatives, *detail);
        detail->entropyNats = summary.entropyNats;
    }
    const auto best = std::max_element(m_scores.begin(), m_scores.end());
    m_best = *best;
    TokenId id = 0;
    if (m_options.temperature == 0.0) {
        id = static_cast<TokenId>(best - m_scores.begin());
        m_candidates.assign(1, id);
        noteRemoved(SamplerStage::Greedy, detail);
    } else {
        collectCandidates();
        noteRemoved(SamplerStage::TopK, detail);
        if (m_options.topP < 1.0) {
            keepTopP();
            noteRemoved(SamplerStage::TopP, detail);
        }
        if (m_options.minP > 0.0) {
            keepMinP();
            noteRemoved(SamplerStage::MinP, detail);
        }
        id = draw();
    }
    if (detail)
        finishDetail(logits, summary.logSumExponentials, id, *detail);
    return {id, logProbability(id)};
}

// The likeliest `count` tokens, all of them still in play unless their logit excludes them.
void Sampler::watchAlternatives(std::span<const float> logits, double logSumExponentials, int count,
                                TokenDetail& detail)
{
    detail = {};
    m_order.resize(logits.size());
    for (std::size_t i = 0; i < logits.size(); ++i)
        m_order[i] = static_cast<TokenId>(i);
    const auto likelier = [&](TokenId a, TokenId b) {
        const float logitA = logits[static_cast<std::size_t>(a)],
                    logitB = logits[static_cast<std::size_t>(b)];
        return logitA > logitB || (logitA == logitB && a < b);
    };
    const std::size_t kept = std::min(m_order.size(), static_cast<std::size_t>(count));
    const auto end = m_order.begin() + static_cast<std::ptrdiff_t>(kept);
    std::partial_sort(m_order.begin(), end, m_order.end(), likelier);
    detail.alternatives.reserve(kept + 1);
    for (std::size_t i = 0; i < kept; ++i) {
        const auto at = static_cast<std::size_t>(m_order[i]);
        TokenAlternative alternative;
        alternative.id = m_order[i];
        alternative.logProbability = static_cast<float>(static_cast<double>(logits[at]) - logSumExponentials);
        if (logits[at] == kExcluded)
            alternative.removedBy = SamplerStage::Excluded;
        alternative.penalized = m_scores[at] != logits[at];
        detail.alternatives.push_back(alternative);
    }
}

// Marks the watched tokens that `stage` took out of the candidates.
void Sampler::noteRemoved(SamplerStage stage, TokenDetail* detail)
{
    if (!detail)
        return;
    m_inPlay.assign(m_scores.size(), 0);
    for (const TokenId id : m_candidates)
        m_inPlay[static_cast<std::size_t>(id)] = 1;
    for (TokenAlternative& alternative : detail->alternatives) {
        if (alternative.removedBy == SamplerStage::Kept &&
            !m_inPlay[static_cast<std::size_t>(alternative.id)])
            alternative.removedBy = stage;
    }
}

void Sampler::finishDetail(std::span<const float> logits, double logSumExponentials, TokenId chosen,
                           TokenDetail& detail)
{
    const auto at = static_cast<std::size_t>(chosen);
    for (std::size_t i = 0; i < logits.size(); ++i) {
        if (logits[i] > logits[at] || (logits[i] == logits[at] && i < at))
            ++detail.rank;
    }
    if (detail.rank >= static_cast<std::int64_t>(detail.alternatives.size())) {
        TokenAlternative alternative;
        alternative.id = chosen;
        alternative.logProbability = static_cast<float>(static_cast<double>(logits[at]) - logSumExponentials);
        alternative.penalized = m_scores[at] != logits[at];
        detail.alternatives.push_back(alternative);
    }
    const bool greedy = m_options.temperature == 0.0;
    double total = 0.0;
    for (const TokenId id : m_candidates)
        total += greedy ? 1.0 : weight(id);
    for (TokenAlternative& alternative : detail.alternatives) {
        if (alternative.removedBy == SamplerStage::Kept)
            alternative.drawProbability = static_cast<float>((greedy ? 1.0 : weight(alternative.id)) / total);
    }
}

void Sampler::applyRepetitionPenalty(std::span<const float> logits, std::span<const TokenId> recent)
{
    if (m_options.repetitionPenalty == 1.0)
        return;
    constexpr double kLargest = std::numeric_limits<float>::max();
    const double penalty = m_options.repetitionPenalty;
    const std::size_t window = std::min(recent.size(), static_cast<std::size_t>(m_options.repetitionWindow));
    for (const TokenId id : recent.last(window)) {
        if (id < 0 || static_cast<std::size_t>(id) >= logits.size())
            fail("token id", std::to_string(id), "0 .. " + std::to_string(logits.size() - 1));
        // From the unmodified logit, so that a token counts once however often it occurs.
        const double logit = logits[static_cast<std::size_t>(id)];
        if (logit == static_cast<double>(kExcluded))
            continue;
        // A penalty far from 1 may overflow; the largest number keeps the order.
        const double score = logit > 0.0 ? logit / penalty : logit * penalty;
        m_scores[static_cast<std::size_t>(id)] = static_cast<float>(std::clamp(score, -kLargest, kLargest));
    }
}

// Everything that is not excluded, or the best topK of it, best first.
void Sampler::collectCandidates()
{
    m_candidates.reserve(m_scores.size());
    m_candidates.clear();
    for (std::size_t i = 0; i < m_scores.size(); ++i) {
        if (m_scores[i] != kExcluded)
            m_candidates.push_back(static_cast<TokenId>(i));
    }
    const auto better = [this](TokenId a, TokenId b) {
        const float scoreA = m_scores[static_cast<std::size_t>(a)],
                    scoreB = m_scores[static_cast<std::size_t>(b)];
        return scoreA > scoreB || (scoreA == scoreB && a < b);
    };
    m_sorted = m_options.topK > 0;
    if (!m_sorted)
        return;
    const auto kept = std::min(m_candidates.size(), static_cast<std::size_t>(m_options.topK));
    const auto end = m_candidates.begin() + static_cast<std::ptrdiff_t>(kept);
    if (end != m_candidates.end())
        std::nth_element(m_candidates.begin(), end, m_candidates.end(), better);
    std::sort(m_candidates.begin(), end, better);
    m_candidates.resize(kept);
}

double Sampler::weight(TokenId id) const
{
    const double below =
        static_cast<double>(m_scores[static_cast<std::size_t>(id)]) - static_cast<double>(m_best);
    return std::exp(below / m_options.temperature);
}

// The smallest set of best tokens whose probabilities reach topP. Sorts no further than needed: a heap gives
// the best token by token.
void Sampler::keepTopP()
{
    double total = 0.0;
    for (const TokenId id : m_candidates)
        total += weight(id);
    const double needed = m_options.topP * total;
    double sum = 0.0;
    if (m_sorted) {
        std::size_t kept = 0;
        while (kept < m_candidates.size() && (kept == 0 || sum < needed))
            sum += weight(m_candidates[kept++]);
        m_candidates.resize(kept);
        return;
    }
    const auto worse = [this](TokenId a, TokenId b) {
        const float scoreA = m_scores[static_cast<std::size_t>(a)],
                    scoreB = m_scores[static_cast<std::size_t>(b)];
        return scoreA < scoreB || (scoreA == scoreB && a > b);
    };
    std::make_heap(m_candidates.begin(), m_candidates.end(), worse);
    auto heapEnd = m_candidates.end();
    while (heapEnd != m_candidates.begin() && (heapEnd == m_candidates.end() || sum < needed)) {
        std::pop_heap(m_candidates.begin(), heapEnd, worse);
        sum += weight(*--heapEnd);
    }
    m_candidates.erase(m_candidates.begin(), heapEnd); // worst first now
    std::reverse(m_candidates.begin(), m_candidates.end());
    m_sorted = true;
}

void Sampler::keepMinP()
{
    // The best token has weight 1, so minP compares with weights directly.
    std::erase_if(m_candidates, [this](TokenId id) { return weight(id) < m_options.minP; });
}

TokenId Sampler::draw()
{
    double total = 0.0;
    for (const TokenId id : m_candidates)
        total += weight(id);
    double left = m_random.uniform() * total;
    for (const TokenId id : m_candidates) {
        left -= weight(id);
        if (left < 0.0)
            return id;
    }
    // Rounding ate the last sliver: the best one, which surely has a weight.
    return *std::max_element(m_candidates.begin(), m_candidates.end(),
                             [this](TokenId a, TokenId b) { return weight(a) < weight(b); });
}

} // namespace mmfree
