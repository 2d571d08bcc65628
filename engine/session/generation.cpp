#include "engine/core/error.h"
#include "engine/session/session.h"
#include "engine/session/stop_strings.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

namespace mmfree
{

namespace
{

using Clock = std::chrono::steady_clock;

double secondsBetween(Clock::time_point begin, Clock::time_point end)
{
    return std::chrono::duration<double>(end - begin).count();
}

} // namespace

double GenerationStats::prefillTokensPerSecond() const
{
    return prefillSeconds > 0.0 ? static_cast<double>(promptTokens) / prefillSeconds : 0.0;
}

double GenerationStats::decodeTokensPerSecond() const
{
    return decodeSeconds > 0.0 && generatedTokens > 1
               ? static_cast<double>(generatedTokens - 1) / decodeSeconds
               : 0.0;
}

double GenerationStats::tokenSecondsQuantile(double share) const
{
    if (tokenSeconds.empty())
        return 0.0;
    std::vector<double> sorted = tokenSeconds;
    const double rank = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(sorted.size()));
    const auto index = static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
    std::nth_element(sorted.begin(), sorted.begin() + index, sorted.end());
    return sorted[static_cast<std::size_t>(index)];
}

// What one generate() call keeps between tokens: text on its way out and the conditions that end it.
struct Session::Generation {
    Generation(const Session& session, const GenerateOptions& options)
        : sampler(options.sampling)
        , stops(options.stopStrings)
    {
        if (options.maxTokens < 1)
            throw Error(ErrorCode::InvalidArgument,
                        "maxTokens is " + std::to_string(options.maxTokens) + ", needed: 1 or more");
        const Tokenizer* tokenizer = session.m_tokenizer.get();
        if (!tokenizer && !options.stopStrings.empty())
            throw Error(ErrorCode::InvalidArgument,
                        "stop strings: this model has no tokenizer, needed: none");
        if (static_cast<std::size_t>(session.m_consumed) >= session.m_tokens.size())
            throw Error(ErrorCode::InvalidArgument, "no token is pending, needed: at least one to answer to");
        const ModelConfig& config = session.m_executor->config();
        maxTokens = options.maxTokens;
        if (config.architecture == Architecture::Transformer && config.maxPositions > 0) {
            // The last generated token need not be read; a prompt that does not fit is the executor's error.
            const auto room = config.maxPositions - static_cast<std::int64_t>(session.m_tokens.size()) + 1;
            contextLimits = room < maxTokens;
            maxTokens = std::min(maxTokens, std::max<std::int64_t>(room, 1));
        }
        if (options.stopAtEos) {
            modelEos = config.eosTokenId;
            tokenizerEos = tokenizer ? tokenizer->eosId() : -1;
        }
        if (!tokenizer)
            return;
        const std::vector<TokenId>& tokens = session.m_tokens;
        if (options.continuedTokens < 0 || options.continuedTokens > static_cast<std::int64_t>(tokens.size()))
            throw Error(ErrorCode::InvalidArgument, "continuedTokens is " +
                                                        std::to_string(options.continuedTokens) +
                                                        ", needed: 0 .. " + std::to_string(tokens.size()));
        const auto begin = tokens.end() - static_cast<std::ptrdiff_t>(options.continuedTokens);
        decoder.emplace(*tokenizer, session.atTextStart(begin));
        for (auto token = begin; token != tokens.end(); ++token)
            (void)decoder->push(*token);
        for (const std::string& stop : options.stopStrings) {
            if (const TokenId id = tokenizer->specialId(stop); id >= 0 && tokenizer->isControl(id))
                stopTokens.push_back(id);
        }
    }

    [[nodiscard]] bool endsAtToken(TokenId id, StopReason& reason) const
    {
        if (id == modelEos || id == tokenizerEos)
            reason = StopReason::EndOfSequence;
        else if (std::find(stopTokens.begin(), stopTokens.end(), id) != stopTokens.end())
            reason = StopReason::StopString;
        else
            return false;
        return true;
    }

    // Text that becomes visible with `token`; with `last` also what was held back.
    [[nodiscard]] std::string textOf(TokenId token, bool last)
    {
        if (!decoder)
            return {};
        std::string text = stops.push(decoder->push(token));
        return last ? text + heldBack() : text;
    }
    [[nodiscard]] std::string heldBack()
    {
        if (!decoder)
            return {};
        std::string text = stops.push(decoder->flush());
        return text + stops.flush();
    }

    Sampler sampler;
    StopStrings stops;
    std::optional<IncrementalDecoder> decoder; // none without a tokenizer
    std::vector<TokenId> stopTokens;           // control tokens spelled like a stop string
    TokenId modelEos = -1, tokenizerEos = -1;  // -1: does not end the text
    std::int64_t maxTokens = 0;
    bool contextLimits = false; // the model's positions end before options.maxTokens
};

GenerationResult Session::generate(const GenerateOptions& options, std::stop_token stop,
                                   const std::function<void(const GeneratedToken&)>& onToken)
{
    Generation generation(*this, options);
    GenerationResult result;
    GenerationStats& stats = result.stats;
    const Clock::time_point start = Clock::now();
    Clock::time_point first = start, stepStart = start;
    const std::int64_t alreadyRead = m_consumed;
    for (bool done = false; !done;) {
        const ForwardResult forward = readPending(m_tokens.size(), LogitsMode::Last, stop, {});
        if (result.tokens.empty()) {
            stats.promptTokens = m_consumed - alreadyRead;
            stats.prefillSeconds = secondsBetween(start, Clock::now());
        }
        if (forward.logits.empty()) {
            result.reason = StopReason::Cancelled;
            result.text += generation.heldBack();
            break;
        }
        std::shared_ptr<TokenDetail> detail;
        if (options.alternatives > 0)
            detail = std::make_shared<TokenDetail>();
        const SampledToken sampled =
            generation.sampler.sampleExplained(forward.logits, m_tokens, options.alternatives, detail.get());
        m_tokens.push_back(sampled.id);
        result.tokens.push_back(sampled.id);
        stats.generatedTokens = static_cast<std::int64_t>(result.tokens.size());

        done = generation.endsAtToken(sampled.id, result.reason);
        if (!done && stats.generatedTokens == generation.maxTokens) {
            done = true;
            result.reason = generation.contextLimits ? StopReason::ContextFull : StopReason::MaxTokens;
        }
        GeneratedToken token{sampled.id, sampled.logProbability, generation.textOf(sampled.id, done),
                             std::move(detail)};
        if (generation.stops.found()) {
            done = true;
            result.reason = StopReason::StopString;
        }
        result.text += token.text;

        const Clock::time_point now = Clock::now();
        if (stats.generatedTokens == 1) {
            first = now;
            stats.timeToFirstTokenSeconds = secondsBetween(start, now);
        } else {
            stats.tokenSeconds.push_back(secondsBetween(stepStart, now));
        }
        stats.decodeSeconds = secondsBetween(first, now);
        if (onToken)
            onToken(token);
        stepStart = Clock::now();
    }
    return result;
}

} // namespace mmfree
