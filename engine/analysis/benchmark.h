// Measures how fast an executor reads a prompt (prefill) and writes tokens (decode), beside the memory
// bandwidth the same threads reach in the same run. Used by `mmfree bench` and the benchmark page; knows no
// backend.
#pragma once

#include "engine/analysis/environment.h"
#include "engine/runtime/backend.h"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace mmfree
{

// Of repeated measurements of one quantity.
struct Spread {
    double median = 0.0, p5 = 0.0, p95 = 0.0;
    std::vector<double> samples; // in the order measured
};

// Median and 5th / 95th percentiles with linear interpolation between order statistics. `samples` must not be
// empty.
[[nodiscard]] Spread spreadOf(std::vector<double> samples);

struct BenchmarkOptions {
    std::int64_t prefillTokens = 512; // 0: no prefill measurement
    std::int64_t decodeTokens = 128;  // 0: no decode measurement
    int repeats = 5;
    int bandwidthThreads = 0;   // threads of the bandwidth probe; 0: all cores this process may use
    bool probeBandwidth = true; // host memory; makes no sense for weights in device memory
    std::uint64_t seed = 1;     // of the token ids fed
};

struct BenchmarkResult {
    std::string backend, description;
    // Weights that take part in a token's matrix products (layers and head, not the embedding table).
    std::int64_t weightsPerToken = 0;
    std::int64_t weightBytesPerToken = 0; // bytes of weights read for one decoded token

    std::optional<Spread> decodeTokensPerSecond;  // one sample a repeat
    std::optional<Spread> decodeSecondsPerToken;  // one sample a token of every repeat
    std::optional<Spread> prefillTokensPerSecond; // one sample a repeat
    std::optional<Spread> readGBPerSecond;        // bandwidth probe, one sample a repeat
    double prefillOpsPerToken = 0.0;              // multiplications and additions of the weight products
    std::uint64_t probeBytes = 0;                 // size of the buffer read by the probe

    MemoryUse memory;                    // after the longest run
    std::uint64_t peakResidentBytes = 0; // of this process before the probe's buffer exists; 0: unknown
    Environment environment;

    // Derived from the median decode speed; 0 without a decode measurement.
    [[nodiscard]] double decodeGigaWeightsPerSecond() const;
    [[nodiscard]] double decodeWeightGBPerSecond() const;
    [[nodiscard]] double bandwidthShare() const; // 0 without a probe
    [[nodiscard]] double prefillGigaOpsPerSecond() const;
};

// One warm-up of everything, then `repeats` rounds of probe, prefill and decode in turn, so that slow changes
// of the machine touch all alike. `progress` gets 0..1. `source` is what the executor was made from (for its
// embedding's size). Returns nothing when stopped. Throws InvalidArgument for lengths the model cannot take.
[[nodiscard]] std::optional<BenchmarkResult>
runBenchmark(InferenceExecutor& executor, const ModelSource& source, const BenchmarkOptions& options,
             std::stop_token stop = {}, const std::function<void(double)>& progress = {});

} // namespace mmfree
