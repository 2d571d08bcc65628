// Zero-shot multiple choice as the papers report it: ARC, OpenBookQA, HellaSwag, PIQA and WinoGrande in the
// JSONL files their authors publish (or the same fields as the Hugging Face hub exports them), scored by the
// rules of EleutherAI's lm-evaluation-harness. Used by `mmfree eval --task`.
#pragma once

#include "engine/analysis/intervals.h"
#include "engine/runtime/backend.h"
#include "engine/text/tokenizer.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace mmfree
{

enum class TaskFormat { Arc, OpenBookQa, HellaSwag, Piqa, WinoGrande };
[[nodiscard]] const char* taskFormatName(TaskFormat format);                    // "arc", "openbookqa", ...
[[nodiscard]] std::optional<TaskFormat> parseTaskFormat(std::string_view name); // nothing for other names

// A question as the model reads it: the continuation that is likeliest behind its context is the answer.
struct ChoiceQuestion {
    std::vector<std::string> contexts;      // one for all choices, or one each (WinoGrande)
    std::vector<std::string> continuations; // one each, or one for all (WinoGrande); scored
    std::vector<double> lengths;            // characters of each choice, for acc_norm
    std::int64_t correct = 0;
    [[nodiscard]] std::size_t size() const { return std::max(contexts.size(), continuations.size()); }
};

struct ChoiceTask {
    TaskFormat format = TaskFormat::Arc;
    std::vector<ChoiceQuestion> questions;
};

// Reads a task. Without `format` it is told by the fields; ARC and OpenBookQA share theirs, there the ids
// decide. `labels`: the file with one right answer a line that PIQA publishes beside its questions; empty:
// the field "label". Throws Io, or InvalidFile naming file, line, field, value found and value needed.
[[nodiscard]] ChoiceTask readChoiceTask(const std::filesystem::path& file,
                                        std::optional<TaskFormat> format = {},
                                        const std::filesystem::path& labels = {});
[[nodiscard]] ChoiceTask parseChoiceTask(std::string_view jsonLines, const std::string& name,
                                         std::optional<TaskFormat> format = {},
                                         const std::vector<std::string>& labels = {});

struct ChoiceResult {
    Estimate accuracy;                        // acc: likeliest continuation
    std::optional<Estimate> accuracyByLength; // acc_norm: likelihood over characters; none for WinoGrande
    std::int64_t tokens = 0;                  // read by the model
};

struct ChoiceOptions {
    std::int64_t subset = 0; // questions, chosen by `seed`; 0: all
    std::uint64_t seed = 1;
    bool bos = false; // begin with BOS; the harness does so only when told
};

// One worker for each executor (all of one model). The result does not depend on their number. When stopped,
// what was asked by then. Throws InvalidArgument for a question longer than a Transformer's positions.
[[nodiscard]] ChoiceResult evaluateChoices(const std::vector<std::shared_ptr<InferenceExecutor>>& executors,
                                           const Tokenizer& tokenizer, const ChoiceTask& task,
                                           const ChoiceOptions& options, std::stop_token stop = {},
                                           const std::function<void(double)>& progress = {});

// `count` of 0 .. total-1 in ascending order, chosen by `seed`; all when count is 0 or not below total.
[[nodiscard]] std::vector<std::size_t> chosenSubset(std::size_t total, std::int64_t count,
                                                    std::uint64_t seed);

} // namespace mmfree
