// Texts and tokenizers the text tests share.
#pragma once

#include "engine/core/random.h"
#include "engine/text/tokenizer.h"

#include <string>
#include <vector>

namespace mmfree::test
{

// About 40 KB of varied English-like lines with numbers, indentation and some Cyrillic; the same on every
// machine.
[[nodiscard]] inline std::string sampleText(int lines = 800, std::uint64_t seed = 7)
{
    const std::vector<std::string> words{"the",    "model",   "reads",  "a",    "token",  "and",
                                         "writes", "another", "state",  "gate", "forget", "hidden",
                                         "size",   "layer",   "value",  "of",   "in",     "matrix",
                                         "no",     "product", "привет", "мир",  "learns", "slowly"};
    const std::vector<std::string> syllables{"ba", "lor", "mi", "tes", "qui", "ran",
                                             "do", "sel", "vo", "né",  "ху",  "ком"};
    Random random(seed);
    std::string text;
    for (int line = 0; line < lines; ++line) {
        if (random.below(5) == 0)
            text += "    ";
        const auto count = 4 + random.below(9);
        for (std::uint64_t i = 0; i < count; ++i) {
            text += i == 0 ? "" : " ";
            const auto kind = random.below(12);
            if (kind == 0)
                text += std::to_string(random.below(3000));
            else if (kind < 4) // an invented word, so that there is always more to learn
                text += syllables[random.below(syllables.size())] + syllables[random.below(syllables.size())];
            else
                text += words[random.below(words.size())];
        }
        text += random.below(3) == 0 ? "!\n" : ".\n";
    }
    return text;
}

[[nodiscard]] inline std::string exactTokenizerModel(std::vector<std::string> userSymbols = {"<user>",
                                                                                             "<assistant>"})
{
    TokenizerTrainingOptions options;
    options.vocabularySize = 420;
    options.userSymbols = std::move(userSymbols);
    return trainTokenizer(sampleText(), options);
}

} // namespace mmfree::test
