// Measures how fast an executor trains: full steps of forward, backward, gradient norm and AdamW on random
// tokens, and the memory they take. Used by `mmfree bench --train`; knows no backend.
#pragma once

#include "engine/analysis/benchmark.h"

namespace mmfree
{

struct TrainingBenchmarkOptions {
    std::int64_t batch = 8, length = 512; // sequences x tokens of a step
    int steps = 5;                        // measured, after two of warm-up
    std::uint64_t seed = 1;               // of the tokens
};

struct TrainingBenchmarkResult {
    std::string backend, description;
    Spread secondsPerStep, tokensPerSecond; // one sample a step
    MemoryUse memory;                       // weightBytes: parameters, gradients and moments
    std::uint64_t peakResidentBytes = 0;    // of this process; 0: unknown
    double firstLoss = 0.0, lastLoss = 0.0; // nats per token; every step trains on the same batch
    Environment environment;
};

// Returns nothing when stopped. Throws InvalidArgument for sizes below 1 or beyond the model's positions.
[[nodiscard]] std::optional<TrainingBenchmarkResult>
runTrainingBenchmark(TrainingExecutor& executor, const TrainingBenchmarkOptions& options,
                     std::stop_token stop = {}, const std::function<void(double)>& progress = {});

} // namespace mmfree
