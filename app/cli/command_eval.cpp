// `mmfree eval MODEL --text FILE`: how well a model predicts a text; --task FILE: multiple choice.
#include "app/cli/choice_task.h"
#include "app/cli/command.h"
#include "app/cli/console.h"
#include "app/cli/interrupt.h"
#include "app/cli/model_options.h"
#include "app/cli/token_input.h"
#include "engine/core/error.h"
#include "engine/session/session.h"

#include <iostream>

namespace mmfree::cli
{

namespace
{

struct EvalOptions {
    std::string model, text;
    std::int64_t window = 0;
    ChoiceTaskFlags choice;
    ExecutionFlags execution;
    bool json = false;
};

std::vector<TokenId> tokensOfText(const Tokenizer& tokenizer, const std::string& text,
                                  const std::string& name)
{
    if (text.empty())
        throw Error(ErrorCode::InvalidText, name + " is empty, needed: UTF-8 text");
    std::vector<TokenId> tokens = encodeAfterBos(tokenizer, text, name, false);
    if (tokens.size() < 2)
        throw Error(ErrorCode::InvalidText,
                    name + " has " + std::to_string(tokens.size()) + " token, needed: at least 2");
    return tokens;
}

int runEval(const EvalOptions& options)
{
    if (!options.choice.task.empty())
        return runChoiceTask(options.model, options.choice, options.execution, options.json);
    const OpenedModel model = openForUse(options.model);
    const Tokenizer& tokenizer = requireTokenizer(model, "to read --text");
    const std::string text = readTextArgument(options.text);
    const std::vector<TokenId> tokens = tokensOfText(tokenizer, text, options.text);
    const auto executor = createExecutor(model.source, options.execution);

    // A Transformer cannot read more than its positions at once.
    const ModelConfig& config = model.source->config();
    const std::int64_t window =
        options.window == 0 && !config.isTernary() ? config.maxPositions : options.window;

    const InterruptScope interrupt;
    ScoreResult score;
    {
        ProgressLine progress("scoring");
        score = scoreTokens(*executor, tokens, window, text.size(), interrupt.token(), [&](double share) {
            progress.update(share,
                            countText(static_cast<std::int64_t>(share * static_cast<double>(tokens.size()))) +
                                " tokens");
        });
    }
    if (interrupt.interrupted()) {
        std::cerr << "mmfree: interrupted before the whole text was read; no result" << std::endl;
        return kExitInterrupted;
    }
    if (options.json) {
        printJson({{"lossNatsPerToken", score.lossNatsPerToken},
                   {"perplexity", score.perplexity},
                   {"bitsPerByte", score.bitsPerByte},
                   {"tokens", score.tokens},
                   {"bytes", text.size()},
                   {"window", window},
                   {"backend", executor->info().backend}});
    } else {
        std::cout << "Loss            " << numberText(score.lossNatsPerToken, 6) << " nats per token\n"
                  << "Perplexity      " << numberText(score.perplexity, 6) << '\n'
                  << "Bits per byte   " << numberText(score.bitsPerByte, 6) << '\n'
                  << "Text            " << countText(score.tokens) << " predicted tokens, "
                  << countText(static_cast<std::int64_t>(text.size())) << " bytes\n";
    }
    return kExitSuccess;
}

} // namespace

void addEvalCommand(CommandLine& line)
{
    CLI::App* added = addCommand<EvalOptions>(
        line, "eval", "Measure how well a model predicts a text or answers questions",
        [](CLI::App& command, EvalOptions& options) {
            addModelArgument(command, options.model);
            CLI::Option_group* what = command.add_option_group("What (one of)");
            CLI::Option* text =
                what->add_option("--text", options.text, "UTF-8 file; -: standard input")->type_name("FILE");
            what->add_option("--task", options.choice.task,
                             "JSONL file of ARC, OpenBookQA, HellaSwag, PIQA or WinoGrande as published")
                ->type_name("FILE");
            what->require_option(1);
            command
                .add_option("--window", options.window,
                            "Tokens read with one state before it starts anew; 0: the whole text, or a "
                            "Transformer's positions")
                ->needs(text)
                ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40).description("TOKENS"));
            addChoiceTaskFlags(command, options.choice);
            addExecutionFlags(command, options.execution);
            command.add_flag(
                "--json", options.json,
                "Print JSON: lossNatsPerToken, perplexity, bitsPerByte, ... or acc, acc_norm, ...");
        },
        runEval);
    added->footer(
        "The text is read after the BOS token, as plain text: pieces such as <s> have no special "
        "meaning in it.\n"
        "A window of 1 token cannot predict anything; the training length is a good window for a "
        "Transformer.\n"
        "Tasks are asked without examples and scored as lm-evaluation-harness does: acc by the likeliest "
        "answer,\n"
        "acc_norm by likelihood over characters.");
}

} // namespace mmfree::cli
