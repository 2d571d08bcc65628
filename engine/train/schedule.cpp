#include "engine/core/error.h"
#include "engine/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace mmfree
{

namespace
{

void require(bool ok, const char* option, const std::string& found, const char* needed)
{
    if (!ok)
        throw Error(ErrorCode::InvalidArgument, std::string(option) + " is " + found + ", needed: " + needed);
}

void requireAtLeast(const char* option, std::int64_t value, std::int64_t smallest)
{
    require(value >= smallest, option, std::to_string(value),
            ("at least " + std::to_string(smallest)).c_str());
}

void requireInRange(const char* option, double value, double low, double high, const char* needed)
{
    require(std::isfinite(value) && value >= low && value <= high, option, std::to_string(value), needed);
}

} // namespace

void validateTrainingOptions(const TrainingOptions& options)
{
    requireAtLeast("--steps", options.steps, 1);
    requireAtLeast("--batch", options.batch, 1);
    requireAtLeast("--length", options.length, 2);
    requireAtLeast("--accumulate", options.accumulate, 1);
    requireAtLeast("--warmup-steps", options.warmupSteps, 0);
    requireAtLeast("--evaluate-every", options.evaluateEvery, 0);
    requireAtLeast("--checkpoint-every", options.checkpointEvery, 0);
    requireAtLeast("--keep-checkpoints", options.keepCheckpoints, 1);
    requireAtLeast("--sample-every", options.sampleEvery, 0);
    requireInRange("--learning-rate", options.learningRate, 0.0, 1e3, "a finite number from 0 to 1000");
    requireInRange("--final-lr-share", options.finalLearningRateShare, 0.0, 1.0, "0 to 1");
    requireInRange("--beta1", options.beta1, 0.0, 0.999999, "0 to 0.999999");
    requireInRange("--beta2", options.beta2, 0.0, 0.999999, "0 to 0.999999");
    requireInRange("--adam-eps", options.adamEpsilon, 1e-30, 1.0, "more than 0, at most 1");
    requireInRange("--weight-decay", options.weightDecay, 0.0, 1e3, "a finite number from 0 to 1000");
    requireInRange("--clip-norm", options.clipNorm, 0.0, 1e9, "0 (off) or a positive finite number");
    requireAtLeast("--statistics-every", options.statisticsEvery, 0);
    requireAtLeast("--early-stop-patience", options.earlyStopPatience, 0);
    requireInRange("--early-stop-min-delta", options.earlyStopMinDelta, 0.0, 1e3, "0 to 1000");
    requireInRange("--explode-factor", options.explodeFactor, 0.0, 1e12,
                   "0 (off) or a positive finite number");
    for (const LearningRateEdit& edit : options.learningRateEdits)
        requireInRange("the learning rate's scale", edit.scale, 0.0, 1e6, "0 to 1000000");
    requireInRange("--validation-share", options.validationShare, 0.0, 0.5, "0 to 0.5");
    require(options.batch * options.length <= (std::int64_t{1} << 26), "--batch times --length",
            std::to_string(options.batch * options.length), "at most 67108864 tokens");
}

namespace
{

double scheduledRate(const TrainingOptions& options, std::int64_t step)
{
    if (step < options.warmupSteps)
        return options.learningRate * static_cast<double>(step + 1) /
               static_cast<double>(options.warmupSteps);
    if (options.schedule == LearningRateSchedule::Constant)
        return options.learningRate;
    const std::int64_t decaySteps = std::max<std::int64_t>(1, options.steps - options.warmupSteps);
    const double progress =
        std::min(1.0, static_cast<double>(step - options.warmupSteps) / static_cast<double>(decaySteps));
    const double cosine = 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    if (options.schedule == LearningRateSchedule::Paper)
        return options.learningRate * cosine * (2 * step >= options.steps ? 0.5 : 1.0);
    return options.learningRate *
           (options.finalLearningRateShare + (1.0 - options.finalLearningRateShare) * cosine);
}

} // namespace

double learningRateAt(const TrainingOptions& options, std::int64_t step)
{
    double scale = 1.0;
    for (const LearningRateEdit& edit : options.learningRateEdits) {
        if (edit.step <= step)
            scale = edit.scale;
    }
    return scale * scheduledRate(options, step);
}

} // namespace mmfree
