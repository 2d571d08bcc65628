// The `mmfree generate` command line that writes an answer again. Knows the flags of app/cli and nothing
// else.
#pragma once

#include "widgets/models/conversation.h"

#include <vector>

namespace mmfree
{
class Tokenizer;
}

namespace mmfree::gui
{

// `ids`: everything the model had read. With a tokenizer (of the same model) the prompt is written as text
// where that gives exactly these tokens, else as token ids.
[[nodiscard]] QString reproduceCommandLine(const AnswerStats& stats, const std::vector<TokenId>& ids,
                                           const Tokenizer* tokenizer);

// In single quotes for a POSIX shell, bare when nothing needs quoting.
[[nodiscard]] QString shellQuoted(const QString& text);

} // namespace mmfree::gui
