#include "engine/analysis/compare_statistics.h"

#include "engine/analysis/benchmark.h"
#include "engine/core/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace mmfree
{

namespace
{

constexpr int kResamples = 2000;

double sumOf(const std::vector<double>& values)
{
    return std::accumulate(values.begin(), values.end(), 0.0);
}

double medianOf(std::vector<double>& values)
{
    const std::size_t middle = values.size() / 2;
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(middle), values.end());
    if (values.size() % 2)
        return values[middle];
    const double above = values[middle];
    return (*std::max_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(middle)) + above) /
           2.0;
}

std::int64_t writtenTokens(const CompareRun& run)
{
    std::int64_t written = 0;
    for (const Pass& pass : run.setup.workload.passes)
        written += pass.write;
    return written;
}

std::int64_t promptTokens(const CompareRun& run)
{
    std::int64_t read = 0;
    for (const Pass& pass : run.setup.workload.passes)
        read += pass.prompt;
    return read;
}

// One sample of one repeat; nothing when the workload or the machine does not give it.
std::optional<double> sampleOf(const CompareRun& run, const Repeat& repeat, const std::string& metric)
{
    double prefill = 0.0, decode = 0.0;
    std::vector<double> tokens;
    for (const PassTiming& pass : repeat.passes) {
        prefill += pass.prefillSeconds;
        decode += sumOf(pass.tokenSeconds);
        if (metric == "token" || metric == "token95")
            tokens.insert(tokens.end(), pass.tokenSeconds.begin(), pass.tokenSeconds.end());
    }
    if (metric == "prefill")
        return prefill > 0.0 ? std::optional(static_cast<double>(promptTokens(run)) / prefill) : std::nullopt;
    if (metric == "first")
        return repeat.passes.empty() ? std::nullopt
                                     : std::optional(1e3 * repeat.passes.front().prefillSeconds);
    if (metric == "decode")
        return decode > 0.0 ? std::optional(static_cast<double>(writtenTokens(run)) / decode) : std::nullopt;
    if (metric == "token" && !tokens.empty())
        return 1e3 * quantileOf(std::move(tokens)).median;
    if (metric == "token95" && !tokens.empty())
        return 1e3 * quantileOf(std::move(tokens)).p95;
    if (metric == "whole")
        return prefill + decode;
    if (metric == "energy" && repeat.joules)
        return *repeat.joules /
               static_cast<double>(std::max<std::int64_t>(1, promptTokens(run) + writtenTokens(run)));
    return std::nullopt;
}

// Idle power is taken off, where it was measured.
void subtractIdle(const CompareRun& run, int contender, std::vector<double>& joulesPerToken)
{
    const bool gpu = run.contenders[static_cast<std::size_t>(contender)].contender.backend == "cuda";
    const auto& watts = gpu ? run.energy.gpuIdleWatts : run.energy.processorIdleWatts;
    if (!watts)
        return;
    const auto tokens =
        static_cast<double>(std::max<std::int64_t>(1, promptTokens(run) + writtenTokens(run)));
    std::size_t i = 0;
    for (const Repeat& repeat : run.repeats) {
        if (repeat.contender == contender && repeat.joules && i < joulesPerToken.size())
            joulesPerToken[i++] -= *watts * repeat.wallSeconds / tokens;
    }
}

std::optional<double> singleReading(const ContenderResult& result, const std::string& metric)
{
    const MemoryParts& memory = result.memory;
    if (metric == "load")
        return result.loadSeconds;
    if (metric == "memory")
        return static_cast<double>(memory.measured);
    if (metric == "weights")
        return static_cast<double>(memory.weights);
    if (metric == "state")
        return static_cast<double>(memory.state);
    if (metric == "activations")
        return static_cast<double>(memory.activations);
    if (metric == "other")
        return static_cast<double>(memory.other);
    if (metric == "rest")
        return static_cast<double>(memory.rest);
    return std::nullopt;
}

std::string whyMissing(const CompareRun& run, int contender, const std::string& metric)
{
    const ContenderResult& result = run.contenders[static_cast<std::size_t>(contender)];
    if (!result.ran)
        return result.reason;
    if (metric == "energy") {
        const bool gpu = result.contender.backend == "cuda";
        const std::string& reason = gpu ? run.energy.gpuReason : run.energy.processorReason;
        return "not available: " + (reason.empty() ? std::string("the counter could not be read") : reason);
    }
    if (metric == "decode" || metric == "token" || metric == "token95")
        return "the workload writes no tokens";
    return "no complete round";
}

std::string percentText(double share)
{
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f %%", 100.0 * share);
    return text.data();
}

} // namespace

const std::vector<Metric>& compareMetrics()
{
    static const std::vector<Metric> metrics{
        {"decode", "Writing speed", "tokens/s",
         "Written tokens divided by the time of their choice and forward pass, one value a round.",
         Better::Higher},
        {"token", "Time per token", "ms",
         "Median over a round's written tokens; its range is over all tokens of all rounds.", Better::Lower},
        {"token95", "Slow tokens (95 %)", "ms", "95 of 100 written tokens of a round come within this time.",
         Better::Lower},
        {"prefill", "Reading speed", "tokens/s",
         "Prompt tokens divided by the time to read them up to the logits of the last one.", Better::Higher},
        {"first", "Time to first token", "ms",
         "Reading the first prompt, up to the logits of its last token.", Better::Lower},
        {"whole", "Whole run", "s", "All passes of the workload: reading and writing.", Better::Lower},
        {"load", "Loading", "s", "Opening the model and preparing its weights, once.", Better::Lower},
        {"memory", "Memory measured", "bytes",
         "What the process grew by since before loading: resident memory, or memory in use of a CUDA device.",
         Better::Lower},
        {"weights", "· weights", "bytes",
         "Computed: packed weights, norms and embeddings, by the allocators.", Better::Lower},
        {"state", "· state or KV cache", "bytes",
         "Computed: the recurrent state (constant) or the key-value cache at the end of the longest pass.",
         Better::Lower},
        {"activations", "· activations", "bytes", "Computed: workspaces of a forward pass and logits.",
         Better::Lower},
        {"other", "· other", "bytes",
         "Further heap of the process, program code and libraries that came into memory with the contender.",
         Better::Lower},
        {"rest", "· unexplained rest", "bytes",
         "Measured less all parts above. Negative: reserved but not touched yet.", Better::Neither},
        {"energy", "Energy per token", "J",
         "Counter difference over a run less idle power, divided by tokens read and written.", Better::Lower},
    };
    return metrics;
}

Quantile quantileOf(std::vector<double> samples)
{
    const int count = static_cast<int>(samples.size());
    const Spread spread = spreadOf(std::move(samples));
    return {.median = spread.median, .p5 = spread.p5, .p95 = spread.p95, .samples = count};
}

std::vector<double> roundSamples(const CompareRun& run, const std::string& metric, int contender)
{
    std::vector<double> samples;
    for (const Repeat& repeat : run.repeats) {
        if (repeat.contender != contender)
            continue;
        if (const auto sample = sampleOf(run, repeat, metric))
            samples.push_back(*sample);
    }
    if (metric == "energy")
        subtractIdle(run, contender, samples);
    return samples;
}

std::optional<Ratio> bootstrapRatio(const std::vector<double>& samples, const std::vector<double>& baseline,
                                    bool pairs)
{
    const bool paired = pairs && samples.size() == baseline.size();
    if (samples.empty() || baseline.empty())
        return std::nullopt;
    const double below = quantileOf(baseline).median;
    if (below == 0.0)
        return std::nullopt;
    Ratio ratio{.value = quantileOf(samples).median / below};
    std::vector<double> ratios, mine(samples.size()), theirs(baseline.size());
    Random random(1);
    for (int resample = 0; resample < kResamples; ++resample) {
        for (std::size_t i = 0; i < mine.size(); ++i) {
            const auto pick = random.below(samples.size());
            mine[i] = samples[pick];
            if (paired)
                theirs[i] = baseline[pick];
        }
        for (std::size_t i = 0; !paired && i < theirs.size(); ++i)
            theirs[i] = baseline[random.below(baseline.size())];
        const double divisor = medianOf(theirs);
        if (divisor != 0.0)
            ratios.push_back(medianOf(mine) / divisor);
    }
    std::sort(ratios.begin(), ratios.end());
    if (!ratios.empty()) {
        ratio.low = ratios[ratios.size() * 25 / 1000];
        ratio.high = ratios[std::min(ratios.size() - 1, ratios.size() * 975 / 1000)];
    }
    // One round says nothing about the spread.
    if (samples.size() < 2 || baseline.size() < 2)
        ratio.low = std::min(0.0, ratio.value), ratio.high = std::max(2.0, ratio.value * 2.0);
    return ratio;
}

std::vector<std::vector<MetricValue>> summarize(const CompareRun& run)
{
    std::vector<std::vector<MetricValue>> table;
    for (const Metric& metric : compareMetrics()) {
        std::vector<MetricValue> row;
        for (std::size_t i = 0; i < run.contenders.size(); ++i) {
            const int index = static_cast<int>(i);
            const int baseline = baselineOf(run, index);
            MetricValue cell;
            const std::vector<double> samples = roundSamples(run, metric.key, index);
            const ContenderResult& result = run.contenders[i];
            const auto single = singleReading(result, metric.key);
            if (!result.ran) {
                cell.missing = result.reason;
            } else if (single) {
                cell.value = Quantile{*single, *single, *single, 1};
                const auto below =
                    singleReading(run.contenders[static_cast<std::size_t>(baseline)], metric.key);
                if (index != baseline && below && *below != 0.0) {
                    const double value = *single / *below;
                    cell.ratio = Ratio{value, value, value, true};
                }
            } else if (samples.empty()) {
                cell.missing = whyMissing(run, index, metric.key);
            } else {
                cell.value = quantileOf(samples);
                if (metric.key == "token") { // its range is over tokens
                    std::vector<double> all;
                    for (const TokenTime& token : allTokenTimes(run, index))
                        all.push_back(1e3 * token.seconds);
                    cell.value = quantileOf(std::move(all));
                }
                if (index != baseline)
                    cell.ratio = bootstrapRatio(samples, roundSamples(run, metric.key, baseline), true);
            }
            row.push_back(std::move(cell));
        }
        table.push_back(std::move(row));
    }
    return table;
}

PositionBand tokenTimesByPosition(const CompareRun& run, int contender, std::size_t pass)
{
    PositionBand band;
    if (pass >= run.setup.workload.passes.size())
        return band;
    std::vector<const std::vector<double>*> rounds;
    std::size_t length = 0;
    for (const Repeat& repeat : run.repeats) {
        if (repeat.contender != contender)
            continue;
        rounds.push_back(&repeat.passes[pass].tokenSeconds);
        length = std::max(length, rounds.back()->size());
    }
    for (std::size_t token = 0; token < length; ++token) {
        std::vector<double> samples;
        for (const std::vector<double>* times : rounds) {
            if (token < times->size())
                samples.push_back((*times)[token]);
        }
        const Quantile quantile = quantileOf(std::move(samples));
        band.position.push_back(static_cast<double>(run.setup.workload.passes[pass].prompt) +
                                static_cast<double>(token) + 1.0);
        band.median.push_back(quantile.median);
        band.p5.push_back(quantile.p5);
        band.p95.push_back(quantile.p95);
    }
    return band;
}

std::vector<TokenTime> allTokenTimes(const CompareRun& run, int contender)
{
    std::vector<TokenTime> times;
    for (const Repeat& repeat : run.repeats) {
        for (std::size_t pass = 0; repeat.contender == contender && pass < repeat.passes.size(); ++pass) {
            const std::vector<double>& tokens = repeat.passes[pass].tokenSeconds;
            for (std::size_t token = 0; token < tokens.size(); ++token)
                times.push_back(
                    {tokens[token], repeat.round,
                     run.setup.workload.passes[pass].prompt + static_cast<std::int64_t>(token) + 1});
        }
    }
    return times;
}

std::vector<RooflinePoint> rooflinePoints(const CompareRun& run)
{
    std::vector<RooflinePoint> points;
    for (std::size_t i = 0; i < run.contenders.size(); ++i) {
        const ContenderResult& result = run.contenders[i];
        const int index = static_cast<int>(i);
        if (!result.ran || result.weightBytesPerToken <= 0)
            continue;
        const auto operations = 2.0 * static_cast<double>(result.weightsPerToken);
        const auto bytes = static_cast<double>(result.weightBytesPerToken);
        const auto decode = roundSamples(run, "decode", index), prefill = roundSamples(run, "prefill", index);
        if (!decode.empty()) {
            // State or cache is read beside the weights, half of it on average while it grows.
            const double state = static_cast<double>(result.memory.state) * (result.ternary ? 1.0 : 0.5);
            points.push_back({"decode", index, operations / (bytes + state),
                              operations * quantileOf(decode).median * 1e-9});
        }
        if (!prefill.empty()) {
            // A chunk of up to 512 tokens reads the weights once.
            double chunks = 0.0, tokens = 0.0;
            for (const Pass& pass : run.setup.workload.passes) {
                chunks += std::ceil(static_cast<double>(pass.prompt) / 512.0);
                tokens += static_cast<double>(pass.prompt);
            }
            if (chunks > 0.0)
                points.push_back({"prefill", index, operations * tokens / (bytes * chunks),
                                  operations * quantileOf(prefill).median * 1e-9});
        }
    }
    return points;
}

std::string rooflineCaption()
{
    return "One operation is one addition or one multiplication of a weight's product; a ternary weight "
           "counts "
           "as two like a dense one, although it only adds, so that equal work stands at equal height. "
           "Bytes are the weights read once for a written token or for a chunk of 512 read ones, and the "
           "state "
           "or cache. Ceilings are the best of five short bursts on this machine; what stays in the caches "
           "can "
           "be read faster than the slope says.";
}

std::optional<double> watchShare(const CompareRun& run, int contender)
{
    double watch = 0.0, wall = 0.0;
    for (const Repeat& repeat : run.repeats) {
        if (repeat.contender == contender) {
            watch += repeat.watchSeconds;
            wall += repeat.wallSeconds;
        }
    }
    return wall > 0.0 ? std::optional(watch / wall) : std::nullopt;
}

std::vector<std::string> warningsOf(const CompareRun& run)
{
    std::vector<std::string> warnings;
    if (run.stopped)
        warnings.push_back("Stopped before the end: " + std::to_string(run.rounds) + " of " +
                           std::to_string(run.setup.repeats) + " rounds are complete.");
    if (run.environment.loadAverage[0] > 0.5 * run.environment.cores) {
        std::array<char, 160> text{};
        std::snprintf(
            text.data(), text.size(),
            "Other programs were busy: load %.1f on %d cores before the first run. Ratios of one run "
            "count more than single numbers.",
            run.environment.loadAverage[0], run.environment.cores);
        warnings.emplace_back(text.data());
    }
    for (std::size_t i = 0; i < run.contenders.size(); ++i) {
        const int index = static_cast<int>(i);
        const ContenderResult& result = run.contenders[i];
        const std::string name = labelOf(run, index);
        if (!result.ran) {
            warnings.push_back(name + " did not run: " + result.reason + ".");
            continue;
        }
        if (!result.settled && result.warmUps > 0)
            warnings.push_back(name + " did not settle: three warm-up runs within 3 % did not come in " +
                               std::to_string(result.warmUps) + " runs.");
        std::vector<double> whole = roundSamples(run, "whole", index);
        if (whole.size() >= 4) {
            const auto half = static_cast<std::ptrdiff_t>(whole.size() / 2);
            const double early = quantileOf({whole.begin(), whole.begin() + half}).median;
            const double late = quantileOf({whole.end() - half, whole.end()}).median;
            if (std::abs(late / early - 1.0) > 0.05)
                warnings.push_back(name + " drifted: its later rounds took " + percentText(late / early) +
                                   " of the time of its earlier ones.");
        }
        if (const auto share = watchShare(run, index); share && *share > 0.01)
            warnings.push_back(name + " was disturbed by being watched: " + percentText(*share) +
                               " of its time.");
    }
    return warnings;
}

} // namespace mmfree
