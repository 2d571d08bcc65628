#include "engine/analysis/parity.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mmfree
{

namespace
{

double relativeError(std::span<const float> x, std::span<const float> y)
{
    double difference = 0.0, size = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double d = static_cast<double>(x[i]) - static_cast<double>(y[i]);
        difference += d * d;
        size += static_cast<double>(y[i]) * static_cast<double>(y[i]);
    }
    if (difference == 0.0)
        return 0.0;
    const double error = std::sqrt(difference / size);
    // Run files hold finite numbers; a NaN must not look like agreement.
    return std::isfinite(error) ? error : std::numeric_limits<double>::max();
}

double logSumExp(std::span<const float> logits)
{
    const double peak = *std::max_element(logits.begin(), logits.end());
    double sum = 0.0;
    for (const float logit : logits)
        sum += std::exp(static_cast<double>(logit) - peak);
    return peak + std::log(sum);
}

double divergence(std::span<const float> baseline, std::span<const float> other)
{
    const double a = logSumExp(baseline), b = logSumExp(other);
    double kl = 0.0;
    for (std::size_t i = 0; i < baseline.size(); ++i) {
        const double logP = static_cast<double>(baseline[i]) - a;
        kl += std::exp(logP) * (logP - (static_cast<double>(other[i]) - b));
    }
    return std::isfinite(kl) ? std::max(0.0, kl) : std::numeric_limits<double>::max();
}

std::span<const float> rowOf(const std::vector<float>& values, std::int64_t row, std::int64_t width)
{
    return std::span(values).subspan(static_cast<std::size_t>(row * width), static_cast<std::size_t>(width));
}

} // namespace

ParityResult compareTraces(const LayerTrace& trace, const LayerTrace& baseline, double tolerance)
{
    ParityResult result;
    result.tolerance = tolerance;
    if (trace.layers != baseline.layers || trace.tokens != baseline.tokens || trace.width != baseline.width ||
        trace.vocabulary != baseline.vocabulary || trace.tokens == 0) {
        result.reason = "the models have different shapes";
        return result;
    }
    result.layers = trace.layers;
    result.tokens = trace.tokens;
    for (std::int64_t row = 0; row < trace.layers * trace.tokens; ++row)
        result.error.push_back(
            relativeError(rowOf(trace.values, row, trace.width), rowOf(baseline.values, row, trace.width)));
    std::int64_t agreeing = 0;
    for (std::int64_t token = 0; token < trace.tokens; ++token) {
        const auto mine = rowOf(trace.logits, token, trace.vocabulary);
        const auto theirs = rowOf(baseline.logits, token, trace.vocabulary);
        result.error.push_back(relativeError(mine, theirs));
        agreeing += std::max_element(mine.begin(), mine.end()) - mine.begin() ==
                    std::max_element(theirs.begin(), theirs.end()) - theirs.begin();
        const double kl = divergence(theirs, mine);
        result.meanKl += kl / static_cast<double>(trace.tokens);
        result.largestKl = std::max(result.largestKl, kl);
    }
    result.topOneAgreement = static_cast<double>(agreeing) / static_cast<double>(trace.tokens);
    for (std::size_t i = 0; i < result.error.size() && result.firstLayer < 0; ++i) {
        if (result.error[i] > tolerance) {
            result.firstLayer = static_cast<std::int64_t>(i) / trace.tokens;
            result.firstToken = static_cast<std::int64_t>(i) % trace.tokens;
        }
    }
    return result;
}

} // namespace mmfree
