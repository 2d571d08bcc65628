#include "app/cli/choice_task.h"

#include "app/cli/command.h"
#include "app/cli/console.h"
#include "app/cli/interrupt.h"
#include "app/cli/worker_executors.h"
#include "engine/analysis/multiple_choice.h"
#include "engine/core/error.h"

#include <iostream>

namespace mmfree::cli
{

namespace
{

std::string estimateText(const Estimate& estimate)
{
    return numberText(100.0 * estimate.value) + " %  (95 %: " + numberText(100.0 * estimate.low) + " to " +
           numberText(100.0 * estimate.high) + ")";
}

nlohmann::ordered_json estimateJson(const Estimate& estimate)
{
    return {{"value", estimate.value}, {"low", estimate.low}, {"high", estimate.high}};
}

} // namespace

void addChoiceTaskFlags(CLI::App& command, ChoiceTaskFlags& flags)
{
    const std::string group = "Multiple choice";
    CLI::Option* task = command.get_option_no_throw("--task");
    command
        .add_option("--format", flags.format,
                    "arc, openbookqa, hellaswag, piqa or winogrande; default: told by the fields")
        ->check(CLI::IsMember({"arc", "openbookqa", "hellaswag", "piqa", "winogrande"}).description(""))
        ->type_name("NAME")
        ->needs(task)
        ->group(group);
    command
        .add_option("--labels", flags.labels,
                    "File with the right answers, one a line, as PIQA publishes them")
        ->type_name("FILE")
        ->needs(task)
        ->group(group);
    command.add_option("--subset", flags.subset, "Ask this many questions, chosen by --seed; 0: all")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40).description("COUNT"))
        ->needs(task)
        ->group(group);
    command.add_option("--seed", flags.seed, "Seed of --subset")->needs(task)->group(group);
    command.add_flag("--bos", flags.bos, "Read BOS before each question; lm-evaluation-harness does not")
        ->needs(task)
        ->group(group);
}

int runChoiceTask(const std::string& modelPath, const ChoiceTaskFlags& flags, const ExecutionFlags& execution,
                  bool json)
{
    const ChoiceTask task = readChoiceTask(flags.task, parseTaskFormat(flags.format), flags.labels);
    const OpenedModel model = openForUse(modelPath);
    const Tokenizer& tokenizer = requireTokenizer(model, "to read --task");
    const auto executors = createWorkerExecutors(model.source, execution);
    const InterruptScope interrupt;
    ChoiceResult result;
    {
        ProgressLine progress("asking");
        result = evaluateChoices(executors, tokenizer, task, {flags.subset, flags.seed, flags.bos},
                                 interrupt.token(), [&](double share) { progress.update(share); });
    }
    const bool interrupted = interrupt.interrupted();
    if (interrupted)
        std::cerr << "mmfree: interrupted; the result is of the questions asked by then" << std::endl;
    if (json) {
        nlohmann::ordered_json output = {{"task", flags.task},
                                         {"format", taskFormatName(task.format)},
                                         {"questions", result.accuracy.count},
                                         {"acc", estimateJson(result.accuracy)}};
        if (result.accuracyByLength)
            output["acc_norm"] = estimateJson(*result.accuracyByLength);
        output["tokens"] = result.tokens;
        output["backend"] = executors.front()->info().backend;
        printJson(output);
    } else {
        std::cout << "Task       " << taskFormatName(task.format) << ", " << countText(result.accuracy.count)
                  << " questions of " << countText(static_cast<std::int64_t>(task.questions.size())) << '\n'
                  << "acc        " << estimateText(result.accuracy) << '\n';
        if (result.accuracyByLength)
            std::cout << "acc_norm   " << estimateText(*result.accuracyByLength) << '\n';
    }
    return interrupted ? kExitInterrupted : kExitSuccess;
}

} // namespace mmfree::cli
