// Token sequences given on the command line or in a safetensors file, for `trace`, `generate` and `train`.
#pragma once

#include "engine/core/types.h"

#include <filesystem>
#include <string>
#include <vector>

namespace mmfree::cli
{

struct TokenRows {
    std::int64_t batch = 0, length = 0;
    std::vector<TokenId> ids; // [batch, length]
};

// "1,2,3" (spaces allowed). Throws InvalidArgument naming the entry that is not a number.
[[nodiscard]] std::vector<TokenId> parseIds(const std::string& text);

// Tensor input_ids [batch, length], I32 or I64. Throws InvalidFile naming what is wrong with it.
[[nodiscard]] TokenRows readTokenFile(const std::filesystem::path& file);

// Throws InvalidArgument naming `name`, position and value when an id is outside 0 .. vocabularySize-1.
void checkIds(const std::vector<TokenId>& ids, std::int64_t vocabularySize, const std::string& name);

} // namespace mmfree::cli
