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
    double sum = 0.0;
    for (const float logit : logits)
        sum += std::exp(static_cast<double>(logit) - static_cast<double>(summary.highest));
    summary.logSumExponentials = static_cast<double>(summary.highest) + std::log(sum);
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

SampledToken Sampler::sample(std::span<const float> logits, std::span<const TokenId> recent)
{
    if (logits.empty())
        fail("number of logits", "0", "1 or more");
    const LogitSummary summary = summarize(logits);
    const auto logProbability = [&](TokenId id) {
        return static_cast<double>(logits[static_cast<std::size_t>(id)]) - summary.logSumExponentials;
    };
    m_scores.assign(logits.begin(), logits.end());
    applyRepetitionPenalty(logits, recent);
    const auto best = std::max_element(m_scores.begin(), m_scores.end());
    m_best = *best;
    if (m_options.temperature == 0.0) {
        const auto id = static_cast<TokenId>(best - m_scores.begin());
        return {id, logProbability(id)};
    }
    collectCandidates();
    if (m_options.topP < 1.0)
        keepTopP();
    if (m_options.minP > 0.0)
        keepMinP();
    const TokenId id = draw();
    return {id, logProbability(id)};
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
