#include "engine/core/error.h"
#include "engine/session/session.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace mmfree
{

namespace
{

constexpr std::size_t kChunkTokens = 512; // bounds the logits held at once: chunk x vocabulary floats

double finiteLoss(std::span<const float> logits, TokenId target, std::size_t position)
{
    const double loss = tokenLossNats(logits, target);
    if (!std::isfinite(loss))
        throw Error(ErrorCode::NumericFailure, "logits behind token " + std::to_string(position) +
                                                   " of the text contain NaN or infinity");
    return loss;
}

void checkArguments(const ModelConfig& config, std::span<const TokenId> tokens, std::int64_t window)
{
    if (tokens.size() < 2)
        throw Error(ErrorCode::InvalidArgument, "text has " + std::to_string(tokens.size()) +
                                                    " tokens, needed: at least 2 to predict one");
    if (window < 0 || window == 1)
        throw Error(ErrorCode::InvalidArgument,
                    "window is " + std::to_string(window) + ", needed: 0 (one window) or at least 2");
    for (const TokenId id : tokens) {
        if (id < 0 || id >= config.vocabularySize)
            throw Error(ErrorCode::InvalidArgument, "token id is " + std::to_string(id) + ", needed: 0 .. " +
                                                        std::to_string(config.vocabularySize - 1));
    }
}

} // namespace

double tokenLossNats(std::span<const float> logits, TokenId target)
{
    const double highest = *std::max_element(logits.begin(), logits.end());
    double sum = 0.0;
    for (const float logit : logits)
        sum += std::exp(static_cast<double>(logit) - highest);
    return highest + std::log(sum) - static_cast<double>(logits[static_cast<std::size_t>(target)]);
}

ScoreResult scoreTokens(InferenceExecutor& executor, std::span<const TokenId> tokens, std::int64_t window,
                        std::uint64_t textBytes, std::stop_token stop,
                        const std::function<void(double)>& progress)
{
    checkArguments(executor.config(), tokens, window);
    const auto vocabulary = static_cast<std::size_t>(executor.config().vocabularySize);
    const std::size_t predicted = tokens.size() - 1;
    const std::size_t windowInputs = window == 0 ? predicted : static_cast<std::size_t>(window) - 1;
    const std::unique_ptr<InferenceState> state = executor.createState();

    double total = 0.0;
    std::size_t done = 0; // inputs read so far; token done + 1 is predicted next
    while (done < predicted && !stop.stop_requested()) {
        if (done % windowInputs == 0)
            executor.reset(*state);
        const std::size_t leftInWindow = windowInputs - done % windowInputs;
        const std::size_t count = std::min({kChunkTokens, leftInWindow, predicted - done});
        ForwardRequest request;
        request.tokens = tokens.subspan(done, count);
        request.logits = LogitsMode::All;
        const ForwardResult result = executor.forward(request, *state);
        for (std::size_t i = 0; i < count; ++i)
            total +=
                finiteLoss(result.logits.subspan(i * vocabulary, vocabulary), tokens[done + i + 1], done + i);
        done += count;
        if (progress)
            progress(static_cast<double>(done) / static_cast<double>(predicted));
    }

    ScoreResult score;
    score.tokens = static_cast<std::int64_t>(done);
    if (done == 0)
        return score;
    score.lossNatsPerToken = total / static_cast<double>(done);
    score.perplexity = std::exp(score.lossNatsPerToken);
    if (textBytes > 0) // when stopped early, the same share of the text
        score.bitsPerByte = score.lossNatsPerToken * static_cast<double>(predicted) /
                            (std::numbers::ln2 * static_cast<double>(textBytes));
    return score;
}

} // namespace mmfree
