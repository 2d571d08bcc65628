// Writes one answer: draws tokens from logits, turns them into text, watches for what ends it, and reports
// log-probabilities of the tokens that are visible. Runs no model; the scheduler feeds it logits.
#pragma once

#include "engine/model/model_config.h"
#include "engine/server/api_request.h"
#include "engine/session/sampler.h"
#include "engine/session/stop_strings.h"
#include "engine/text/tokenizer.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mmfree::server
{

// A visible token and the likeliest ones at its place.
struct TokenReport {
    TokenId id = 0;
    std::optional<double> logProbability; // nats; none for a first token that nothing predicts
    std::vector<std::pair<TokenId, double>> alternatives; // likeliest first
    std::size_t characterOffset = 0;                      // characters of the answer's text before it
};

struct Delta {
    std::string text;
    std::vector<TokenReport>
        tokens; // those whose text became visible; empty when no log-probabilities are asked
};

[[nodiscard]] std::size_t characterCount(std::string_view text); // of valid UTF-8

// Log-probability of `id` and the `count` likeliest tokens. `logits`: [V] f32, finite or minus infinity.
[[nodiscard]] TokenReport reportToken(std::span<const float> logits, TokenId id, int count);

class AnswerWriter
{
public:
    struct Start {
        std::uint64_t seed = 0;
        std::int64_t room = -1;           // tokens the model can still write; negative: no limit
        std::size_t charactersBefore = 0; // of an echoed prompt
    };
    // Borrows the request and the tokenizer.
    AnswerWriter(const ApiRequest& request, const Start& start, const Tokenizer& tokenizer,
                 const ModelConfig& config, const std::vector<TokenId>& prompt);

    // Draws the next token. `sequence`: prompt and tokens so far, newest last. Throws NumericFailure.
    TokenId draw(std::span<const float> logits, std::span<const TokenId> sequence);

    [[nodiscard]] bool finished() const { return m_finishReason != nullptr; }
    [[nodiscard]] const char* finishReason() const { return m_finishReason; } // "stop" or "length"
    [[nodiscard]] std::int64_t count() const { return m_count; }
    [[nodiscard]] const std::string& text() const { return m_text; } // all visible so far
    // Whether the tokens so far, without the `endTokens()` newest, spell exactly text().
    [[nodiscard]] bool tokensSpellText() const { return m_tokensSpellText; }
    [[nodiscard]] std::size_t endTokens() const { return m_endTokens; }
    [[nodiscard]] Delta takeDelta(); // what became visible since the last call

private:
    struct Pending {
        TokenReport report;
        std::size_t byteOffset = 0;
    };

    [[nodiscard]] std::span<const float> adjusted(std::span<const float> logits);
    [[nodiscard]] bool endsHere(TokenId id) const;
    void show(const std::string& visible, bool last);

    const ApiRequest& m_request;
    const Tokenizer& m_tokenizer;
    Sampler m_sampler;
    StopStrings m_stops;
    IncrementalDecoder m_decoder;
    std::vector<TokenId> m_endIds; // tokens without text that end an answer
    std::int64_t m_maxTokens = 0;
    std::int64_t m_count = 0;
    bool m_penalises = false;
    std::unordered_map<TokenId, int> m_generated;              // with how often; empty unless m_penalises
    std::vector<float> m_adjusted;                             // [V]
    std::size_t m_producedBytes = 0, m_producedCharacters = 0; // of text, held back or not
    std::string m_text;
    Delta m_delta;
    std::deque<Pending> m_pending; // tokens whose text is held back
    const char* m_finishReason = nullptr;
    bool m_tokensSpellText = true;
    std::size_t m_endTokens = 0;
};

} // namespace mmfree::server
