#include "app/cli/sampling_flags.h"

#include "app/cli/console.h"

#include <limits>

namespace mmfree::cli
{

void addSamplingFlags(CLI::App& command, GenerateOptions& options)
{
    SamplingOptions& sampling = options.sampling;
    const std::string group = "How tokens are drawn";
    command.add_option("--max-tokens", options.maxTokens, "Most tokens written")
        ->check(CLI::Range(std::int64_t{1}, std::numeric_limits<std::int64_t>::max()).description("COUNT"))
        ->group(group);
    command
        .add_option("--temperature", sampling.temperature,
                    "Logits are divided by this; 0: always the likeliest token")
        ->check(CLI::Range(0.0, 100.0))
        ->group(group);
    command.add_option("--top-k", sampling.topK, "Draw among this many likeliest tokens; 0: off")
        ->check(CLI::NonNegativeNumber)
        ->group(group);
    command
        .add_option("--top-p", sampling.topP,
                    "Draw among the likeliest tokens of this total probability; 1: off")
        ->check(CLI::Range(0.0, 1.0))
        ->group(group);
    command
        .add_option("--min-p", sampling.minP,
                    "Drop tokens below this share of the likeliest one's probability; 0: off")
        ->check(CLI::Range(0.0, 1.0))
        ->group(group);
    command
        .add_option("--repetition-penalty", sampling.repetitionPenalty,
                    "Logits of recent tokens are weakened by this factor; 1: off")
        ->check(CLI::Range(0.01, 100.0))
        ->group(group);
    command
        .add_option("--repetition-window", sampling.repetitionWindow, "Tokens looked back for the penalty")
        ->check(CLI::NonNegativeNumber)
        ->group(group);
    command
        .add_option("--seed", sampling.seed, "Seed of the random draws; the same seed gives the same text")
        ->group(group);
    command
        .add_option("--stop", options.stopStrings,
                    "End the text before this string; may be given several times")
        ->group(group);
}

std::string statsText(const GenerationStats& stats)
{
    return "prompt " + countText(stats.promptTokens) + " tokens at " +
           numberText(stats.prefillTokensPerSecond()) + " tokens/s, first token after " +
           numberText(stats.timeToFirstTokenSeconds * 1000.0) + " ms, wrote " +
           countText(stats.generatedTokens) + " tokens at " + numberText(stats.decodeTokensPerSecond()) +
           " tokens/s";
}

} // namespace mmfree::cli
