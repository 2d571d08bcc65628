// Token sequences given on the command line or in a safetensors file, for `trace`, `generate` and `train`.
#pragma once

#include "engine/core/types.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace mmfree
{
class Tokenizer;
}

namespace mmfree::cli
{

struct TokenRows {
    std::int64_t batch = 0, length = 0;
    std::vector<TokenId> ids; // [batch, length]
};

// "1,2,3" (spaces allowed). Throws InvalidArgument naming the entry that is not a number.
[[nodiscard]] std::vector<TokenId> parseIds(const std::string& text);

// BOS, where the tokenizer has one, and the tokens of `text`. Throws InvalidText naming `name` and the offset
// when it is not UTF-8. `parseSpecial`: see Tokenizer::encode.
[[nodiscard]] std::vector<TokenId> encodeAfterBos(const Tokenizer& tokenizer, const std::string& text,
                                                  const std::string& name, bool parseSpecial);

// For options where an empty value would look as if the option was not given.
[[nodiscard]] CLI::Validator notEmpty();

// Tensor input_ids [batch, length], I32 or I64. Throws InvalidFile naming what is wrong with it.
[[nodiscard]] TokenRows readTokenFile(const std::filesystem::path& file);

// Throws InvalidArgument naming `name`, position and value when an id is outside 0 .. vocabularySize-1.
void checkIds(const std::vector<TokenId>& ids, std::int64_t vocabularySize, const std::string& name);

} // namespace mmfree::cli
