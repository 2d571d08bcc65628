// The flags that choose how tokens are drawn, shared by `generate` and `chat`.
#pragma once

#include "engine/session/session.h"

#include <CLI/CLI.hpp>

namespace mmfree::cli
{

// --max-tokens, --temperature, --top-k, --top-p, --min-p, --repetition-penalty, --repetition-window, --seed,
// --stop
void addSamplingFlags(CLI::App& command, GenerateOptions& options);

// "prompt 12 tokens at 512 tokens/s, ..." for people.
[[nodiscard]] std::string statsText(const GenerationStats& stats);

} // namespace mmfree::cli
