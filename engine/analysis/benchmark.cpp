#include "engine/analysis/benchmark.h"

#include "engine/analysis/bandwidth_probe.h"
#include "engine/core/error.h"
#include "engine/core/random.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace mmfree
{

namespace
{

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start)
{
    return std::chrono::duration<double>(Clock::now() - start).count();
}

double percentile(const std::vector<double>& sorted, double share)
{
    const double position = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    const double part = position - static_cast<double>(below);
    return sorted[below] * (1.0 - part) + sorted[above] * part;
}

void checkOptions(const BenchmarkOptions& options, const ModelConfig& config)
{
    const auto refuse = [](const std::string& name, std::int64_t found, const std::string& needed) {
        throw Error(ErrorCode::InvalidArgument,
                    name + " is " + std::to_string(found) + ", needed: " + needed);
    };
    if (options.repeats < 1)
        refuse("repeats", options.repeats, "at least 1");
    if (options.prefillTokens < 0)
        refuse("prefill tokens", options.prefillTokens, "0 or more");
    if (options.decodeTokens < 0)
        refuse("decode tokens", options.decodeTokens, "0 or more");
    if (options.prefillTokens + options.decodeTokens == 0)
        refuse("prefill tokens + decode tokens", 0, "at least 1");
    const std::int64_t total = options.prefillTokens + options.decodeTokens;
    if (!config.isTernary() && config.maxPositions > 0 && total > config.maxPositions)
        refuse("prefill tokens + decode tokens", total,
               "at most the model's " + std::to_string(config.maxPositions) + " positions");
}

struct WeightCounts {
    std::int64_t layers = 0, head = 0;
    std::size_t embeddingBytes = 0; // read one row at a time, so not part of a token's traffic
};

WeightCounts countWeights(const ModelSource& source)
{
    WeightCounts counts;
    const ModelConfig& config = source.config();
    for (const TensorSpec& spec : tensorSchema(config)) {
        if (spec.role == TensorRole::TernaryWeight || spec.role == TensorRole::DenseWeight)
            (spec.layer < 0 ? counts.head : counts.layers) += elementCount(spec.shape);
        if (spec.role != TensorRole::Embedding)
            continue;
        if (config.tieEmbeddings)
            counts.head += elementCount(spec.shape);
        else
            counts.embeddingBytes += source.view(spec.name).bytes.size();
    }
    return counts;
}

// One round: reads the prompt, then feeds decode tokens one by one. Times go to the vectors when they are
// given.
class Round
{
public:
    Round(InferenceExecutor& executor, const BenchmarkOptions& options)
        : m_executor(executor)
        , m_options(options)
    {
        Random random(options.seed);
        m_tokens.resize(static_cast<std::size_t>(options.prefillTokens + options.decodeTokens));
        for (TokenId& token : m_tokens)
            token = static_cast<TokenId>(
                random.below(static_cast<std::uint64_t>(executor.config().vocabularySize)));
        m_state = executor.createState();
    }

    // Returns false when stopped.
    bool run(std::stop_token stop, std::vector<double>* prefillSpeeds, std::vector<double>* decodeSpeeds,
             std::vector<double>* tokenSeconds)
    {
        m_executor.reset(*m_state);
        const auto prefill = static_cast<std::size_t>(m_options.prefillTokens);
        if (prefill > 0) {
            const auto start = Clock::now();
            // In chunks as a session reads them; only the last chunk asks for logits.
            constexpr std::size_t kChunk = 512;
            for (std::size_t first = 0; first < prefill; first += kChunk) {
                if (stop.stop_requested())
                    return false;
                const std::size_t count = std::min(kChunk, prefill - first);
                const LogitsMode logits = first + count == prefill ? LogitsMode::Last : LogitsMode::None;
                m_executor.forward({.tokens = std::span(m_tokens).subspan(first, count), .logits = logits},
                                   *m_state);
            }
            if (prefillSpeeds)
                prefillSpeeds->push_back(static_cast<double>(prefill) / secondsSince(start));
        }
        const auto decodeStart = Clock::now();
        for (std::size_t i = prefill; i < m_tokens.size(); ++i) {
            if (stop.stop_requested())
                return false;
            const auto start = Clock::now();
            m_executor.forward({.tokens = std::span(m_tokens).subspan(i, 1), .logits = LogitsMode::Last},
                               *m_state);
            if (tokenSeconds)
                tokenSeconds->push_back(secondsSince(start));
        }
        if (decodeSpeeds && m_options.decodeTokens > 0)
            decodeSpeeds->push_back(static_cast<double>(m_options.decodeTokens) / secondsSince(decodeStart));
        return true;
    }

    [[nodiscard]] const InferenceState& state() const { return *m_state; }

private:
    InferenceExecutor& m_executor;
    const BenchmarkOptions& m_options;
    std::vector<TokenId> m_tokens;
    std::unique_ptr<InferenceState> m_state;
};

std::optional<Spread> spreadOrNothing(std::vector<double> samples)
{
    if (samples.empty())
        return std::nullopt;
    return spreadOf(std::move(samples));
}

} // namespace

Spread spreadOf(std::vector<double> samples)
{
    Spread spread;
    spread.samples = samples;
    std::sort(samples.begin(), samples.end());
    spread.median = percentile(samples, 0.5);
    spread.p5 = percentile(samples, 0.05);
    spread.p95 = percentile(samples, 0.95);
    return spread;
}

double BenchmarkResult::decodeGigaWeightsPerSecond() const
{
    return decodeTokensPerSecond ? decodeTokensPerSecond->median * static_cast<double>(weightsPerToken) * 1e-9
                                 : 0.0;
}

double BenchmarkResult::decodeWeightGBPerSecond() const
{
    return decodeTokensPerSecond
               ? decodeTokensPerSecond->median * static_cast<double>(weightBytesPerToken) * 1e-9
               : 0.0;
}

double BenchmarkResult::bandwidthShare() const
{
    return readGBPerSecond && readGBPerSecond->median > 0.0
               ? decodeWeightGBPerSecond() / readGBPerSecond->median
               : 0.0;
}

double BenchmarkResult::prefillGigaOpsPerSecond() const
{
    return prefillTokensPerSecond ? prefillTokensPerSecond->median * prefillOpsPerToken * 1e-9 : 0.0;
}

std::optional<BenchmarkResult> runBenchmark(InferenceExecutor& executor, const ModelSource& source,
                                            const BenchmarkOptions& options, std::stop_token stop,
                                            const std::function<void(double)>& progress)
{
    checkOptions(options, executor.config());
    BenchmarkResult result;
    result.backend = executor.info().backend;
    result.description = executor.info().description;
    const WeightCounts weights = countWeights(source);
    result.weightsPerToken = weights.layers + weights.head;
    if (options.prefillTokens > 0) {
        // The head runs once a prompt, for its last token.
        result.prefillOpsPerToken =
            2.0 * (static_cast<double>(weights.layers) +
                   static_cast<double>(weights.head) / static_cast<double>(options.prefillTokens));
    }

    const double steps = options.repeats + 1;
    Round round(executor, options);
    if (!round.run(stop, nullptr, nullptr, nullptr))
        return std::nullopt;
    if (progress)
        progress(1.0 / steps);
    result.memory = executor.memoryUse(&round.state());
    const std::size_t held = result.memory.weightBytes;
    result.weightBytesPerToken = static_cast<std::int64_t>(held - std::min(held, weights.embeddingBytes));
    result.environment = readEnvironment();
    result.peakResidentBytes = peakResidentBytes();

    std::optional<BandwidthProbe> probe;
    if (options.probeBandwidth)
        probe.emplace(options.bandwidthThreads, 2 * held);
    result.probeBytes = probe ? probe->bufferBytes() : 0;
    std::vector<double> bandwidths, prefillSpeeds, decodeSpeeds, tokenSeconds;
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        if (probe)
            bandwidths.push_back(probe->measureGBPerSecond());
        if (!round.run(stop, &prefillSpeeds, &decodeSpeeds, &tokenSeconds))
            return std::nullopt;
        if (progress)
            progress((repeat + 2) / steps);
    }
    result.decodeTokensPerSecond = spreadOrNothing(std::move(decodeSpeeds));
    result.decodeSecondsPerToken = spreadOrNothing(std::move(tokenSeconds));
    result.prefillTokensPerSecond = spreadOrNothing(std::move(prefillSpeeds));
    result.readGBPerSecond = spreadOrNothing(std::move(bandwidths));
    return result;
}

} // namespace mmfree
