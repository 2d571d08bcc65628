// A conversation cut into the pieces of text that a model reads, each with a key that names everything up to
// its end. Equal keys mean equal text before, so a state stored under a key can be continued. Qt-free.
#pragma once

#include "engine/text/chat_template.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mmfree::gui
{

struct PromptPiece {
    std::string text;
    bool parseSpecial = false;  // template text may name control tokens; people's text may not
    std::uint64_t keyAfter = 0; // names the text up to the end of this piece
};

struct PromptPlan {
    std::vector<PromptPiece> pieces;
    bool continuesAnswer = false; // the last turn is the assistant's: what comes belongs to it
};

[[nodiscard]] PromptPlan planPrompt(const ChatTemplate& chatTemplate, const std::vector<ChatTurn>& turns);

// Key after `text` is written behind the text that `key` names.
[[nodiscard]] std::uint64_t extendKey(std::uint64_t key, const std::string& text);

inline constexpr std::uint64_t kEmptyPromptKey = 0xcbf29ce484222325ULL; // FNV-1a offset basis

} // namespace mmfree::gui
