// From single times to what is shown: medians with their range, ratios with bootstrap intervals, warnings.
// One place, so that the page, the console and every export say the same numbers.
#pragma once

#include "engine/analysis/compare_types.h"

#include <optional>
#include <string>
#include <vector>

namespace mmfree
{

enum class Better { Higher, Lower, Neither };

struct Metric {
    std::string key, title, unit, explanation; // unit empty: a plain number
    Better better = Better::Neither;
};
[[nodiscard]] const std::vector<Metric>& compareMetrics();

// Of one metric of one contender.
struct Quantile {
    double median = 0.0, p5 = 0.0, p95 = 0.0;
    int samples = 0; // rounds (tokens for the time per token); 1: a single reading without range
};
struct Ratio {
    double value = 1.0, low = 1.0, high = 1.0; // to the baseline, 95 % bootstrap interval
    bool exact = false;                        // of single readings: no interval
    [[nodiscard]] bool clear() const { return exact ? value != 1.0 : low > 1.0 || high < 1.0; }
};
struct MetricValue {
    std::optional<Quantile> value; // nothing: not measured, see `missing`
    std::string missing;           // why
    std::optional<Ratio> ratio;    // nothing for the baseline itself
};

// [metric][contender] in the order of compareMetrics() and of the run.
[[nodiscard]] std::vector<std::vector<MetricValue>> summarize(const CompareRun& run);

// One sample a round, in round order, of a metric that is measured in rounds; empty for others.
[[nodiscard]] std::vector<double> roundSamples(const CompareRun& run, const std::string& metric,
                                               int contender);

// Median of ratios' bootstrap: `pairs` resamples rounds together (interleaved runs), else both sides apart.
// Deterministic. Empty samples give nothing.
[[nodiscard]] std::optional<Ratio> bootstrapRatio(const std::vector<double>& samples,
                                                  const std::vector<double>& baseline, bool pairs);

// Time per token by position: over the rounds, of pass `pass`.
struct PositionBand {
    std::vector<double> position, median, p5, p95; // seconds
};
[[nodiscard]] PositionBand tokenTimesByPosition(const CompareRun& run, int contender, std::size_t pass);
// Every token time of all rounds, with where it was.
struct TokenTime {
    double seconds = 0.0;
    int round = 0;
    std::int64_t position = 0;
};
[[nodiscard]] std::vector<TokenTime> allTokenTimes(const CompareRun& run, int contender);

// Points of the roofline: operations per byte of memory read, operations per second.
struct RooflinePoint {
    std::string what; // "prefill", "decode"
    int contender = 0;
    double operationsPerByte = 0.0, gigaOps = 0.0;
};
[[nodiscard]] std::vector<RooflinePoint> rooflinePoints(const CompareRun& run);
[[nodiscard]] std::string rooflineCaption();

// Share of the runs' time that watching took; nothing before a run was watched.
[[nodiscard]] std::optional<double> watchShare(const CompareRun& run, int contender);

// What a reader must know before trusting the numbers: drift over 5 %, warm-up that did not settle, a busy
// machine, a stopped run, contenders that failed. Sentences.
[[nodiscard]] std::vector<std::string> warningsOf(const CompareRun& run);

// Median and interpolated percentiles; `samples` must not be empty.
[[nodiscard]] Quantile quantileOf(std::vector<double> samples);

} // namespace mmfree
