// Turns the text of a request into the tokens a model reads. What a client writes in a message can never act
// as markup of the chat template; a completion's prompt may name control tokens, because there the client is
// the one who writes the template.
#pragma once

#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

#include <cstddef>
#include <string>
#include <vector>

namespace mmfree::server
{

class StateCache;

struct Prompt {
    std::vector<TokenId> tokens;       // at least one
    std::size_t addedAtStart = 0;      // 1: a BOS that the request does not spell
    std::vector<std::size_t> turnEnds; // numbers of tokens after which a message ends, ascending
};

// `answers` knows in which tokens earlier answers were written. Throws ApiError when there is nothing to
// read.
[[nodiscard]] Prompt chatPrompt(const ChatTemplate& chatTemplate, const Tokenizer& tokenizer,
                                const std::vector<ChatTurn>& turns, StateCache& answers);
[[nodiscard]] Prompt textPrompt(const Tokenizer& tokenizer, const std::string& text);

} // namespace mmfree::server
