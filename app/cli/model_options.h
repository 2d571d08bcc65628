// Opening a model from the command line: the flags that choose how it runs, its tokenizer and chat template,
// and the executor. Shared by every subcommand that runs a model.
#pragma once

#include "engine/runtime/backend.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <memory>
#include <string>

namespace mmfree::cli
{

struct ExecutionFlags {
    std::string backend = "auto";
    ExecutorOptions options;
};

// --backend, --device, --threads, --isa, --packing
void addExecutionFlags(CLI::App& command, ExecutionFlags& flags);
// --activations, of training
CLI::Option* addActivationsFlag(CLI::App& command, ExecutorOptions& options);
void addModelArgument(CLI::App& command, std::string& model);

struct OpenedModel {
    std::shared_ptr<const ModelSource> source;
    std::shared_ptr<const Tokenizer> tokenizer; // null when the model has none
};

// Throws when the tokenizer's size is not the vocabulary's.
[[nodiscard]] OpenedModel openForUse(const std::string& path);

// Throws InvalidArgument saying that `purpose` needs a tokenizer which this model has not.
[[nodiscard]] const Tokenizer& requireTokenizer(const OpenedModel& model, const std::string& purpose);

// The model's own template, or the plain one.
[[nodiscard]] ChatTemplate chatTemplateOf(const ModelSource& source);

[[nodiscard]] std::shared_ptr<InferenceExecutor>
createExecutor(const std::shared_ptr<const ModelSource>& source, const ExecutionFlags& flags);

// A whole file, or standard input for "-". Throws Io, or InvalidFile above the limit.
[[nodiscard]] std::string readTextArgument(const std::string& file, std::uint64_t limitBytes = 1ull << 32);

} // namespace mmfree::cli
