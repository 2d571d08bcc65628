// `mmfree eval MODEL --task FILE`: zero-shot multiple choice in the published formats.
#pragma once

#include "app/cli/model_options.h"

namespace mmfree::cli
{

struct ChoiceTaskFlags {
    std::string task, format, labels; // format empty: told by the fields
    std::int64_t subset = 0;
    std::uint64_t seed = 1;
    bool bos = false;
};

void addChoiceTaskFlags(CLI::App& command, ChoiceTaskFlags& flags);
// Prints the result; returns the exit code.
int runChoiceTask(const std::string& modelPath, const ChoiceTaskFlags& flags, const ExecutionFlags& execution,
                  bool json);

} // namespace mmfree::cli
