// A request for text as the server understands it, read from the JSON body of /v1/completions or
// /v1/chat/completions. Every field is checked; what this server cannot honour is an error, not ignored.
#pragma once

#include "engine/session/sampler.h"
#include "engine/text/chat_template.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace mmfree::server
{

struct StreamOptions {
    bool stream = false;
    bool includeUsage = false; // a last chunk with the numbers of tokens
};

struct ApiRequest {
    bool chat = false;
    std::string model;                                                    // empty: not given
    std::vector<ChatTurn> messages;                                       // chat
    std::vector<std::variant<std::string, std::vector<TokenId>>> prompts; // completions; one or more
    SamplingOptions sampling;                                             // seed: of the first choice
    std::int64_t maxTokens = 0;                                           // 0: only with echo
    int choices = 1;                                                      // for each prompt
    bool echo = false;                                                    // the prompt before the answer
    int topLogprobs = -1; // alternatives given with each token; -1: no log-probabilities
    std::vector<std::string> stopStrings;
    double presencePenalty = 0.0, frequencyPenalty = 0.0; // subtracted from logits of generated tokens
    std::vector<std::pair<TokenId, float>> logitBias;     // added to logits
    StreamOptions streaming;
};

struct RequestLimits {
    std::int64_t vocabularySize = 0;
    std::int64_t defaultMaxTokens = 512; // chat without max_tokens
    std::int64_t mostTokens = 1 << 20;   // highest max_tokens
    int mostChoices = 16;                // prompts times n
};

// Throws ApiError naming the field, the value found and the value needed.
[[nodiscard]] ApiRequest parseApiRequest(std::string_view body, bool chat, const RequestLimits& limits);

} // namespace mmfree::server
