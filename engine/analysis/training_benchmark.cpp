#include "engine/analysis/training_benchmark.h"

#include "engine/core/error.h"
#include "engine/core/random.h"

#include <algorithm>
#include <chrono>

namespace mmfree
{

namespace
{

constexpr int kWarmUpSteps = 2;
constexpr double kLearningRate = 1e-3, kClipNorm = 1.0;

void checkOptions(const TrainingBenchmarkOptions& options, const ModelConfig& config)
{
    const auto check = [](const std::string& name, std::int64_t value) {
        if (value < 1)
            throw Error(ErrorCode::InvalidArgument,
                        name + " is " + std::to_string(value) + ", needed: at least 1");
    };
    check("batch", options.batch);
    check("length", options.length);
    check("steps", options.steps);
    if (!config.isTernary() && config.maxPositions > 0 && options.length > config.maxPositions)
        throw Error(ErrorCode::InvalidArgument, "length is " + std::to_string(options.length) +
                                                    ", needed: at most the model's " +
                                                    std::to_string(config.maxPositions) + " positions");
}

} // namespace

std::optional<TrainingBenchmarkResult> runTrainingBenchmark(TrainingExecutor& executor,
                                                            const TrainingBenchmarkOptions& options,
                                                            std::stop_token stop,
                                                            const std::function<void(double)>& progress)
{
    const ModelConfig& config = executor.layout().config();
    checkOptions(options, config);
    std::vector<TokenId> inputs, targets;
    Random random(options.seed);
    const auto draw = [&] {
        return static_cast<TokenId>(random.below(static_cast<std::uint64_t>(config.vocabularySize)));
    };
    for (std::int64_t i = 0; i < options.batch * options.length; ++i) {
        inputs.push_back(draw());
        targets.push_back(draw());
    }
    TrainingBenchmarkResult result;
    std::vector<double> seconds;
    const int steps = kWarmUpSteps + options.steps;
    for (int step = 1; step <= steps; ++step) {
        if (stop.stop_requested())
            return std::nullopt;
        const auto start = std::chrono::steady_clock::now();
        result.lastLoss = executor.forwardBackward({options.batch, options.length, inputs, targets});
        const double norm = executor.gradientNorm();
        executor.applyUpdate({.learningRate = kLearningRate,
                              .gradientScale = std::min(1.0, kClipNorm / (norm + 1e-6)),
                              .step = step});
        // The norm of the cleared gradients is there only when the update is done.
        (void)executor.gradientNorm();
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        if (step == 1)
            result.firstLoss = result.lastLoss;
        if (step > kWarmUpSteps)
            seconds.push_back(elapsed.count());
        if (progress)
            progress(static_cast<double>(step) / steps);
    }
    std::vector<double> speeds;
    for (const double value : seconds)
        speeds.push_back(static_cast<double>(options.batch * options.length) / value);
    result.backend = executor.info().backend;
    result.description = executor.info().description;
    result.secondsPerStep = spreadOf(std::move(seconds));
    result.tokensPerSecond = spreadOf(std::move(speeds));
    result.memory = executor.memoryUse();
    result.peakResidentBytes = peakResidentBytes();
    result.environment = readEnvironment();
    return result;
}

} // namespace mmfree
