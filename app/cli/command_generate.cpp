// `mmfree generate MODEL`: continues a prompt; text goes to stdout as it appears, numbers to stderr.
#include "app/cli/command.h"
#include "app/cli/console.h"
#include "app/cli/interrupt.h"
#include "app/cli/model_options.h"
#include "app/cli/sampling_flags.h"
#include "app/cli/token_input.h"
#include "engine/core/error.h"

#include <chrono>
#include <iostream>
#include <span>

namespace mmfree::cli
{

namespace
{

struct GenerateCommandOptions {
    std::string model, prompt, promptFile, ids;
    GenerateOptions generate;
    ExecutionFlags execution;
    bool echo = false, quiet = false, json = false, decode = false;
};

nlohmann::ordered_json resultJson(const GenerationResult& result, const ExecutorInfo& info)
{
    const GenerationStats& stats = result.stats;
    return {{"text", result.text},
            {"tokens", result.tokens},
            {"stopReason", stopReasonName(result.reason)},
            {"backend", info.backend},
            {"stats",
             {{"promptTokens", stats.promptTokens},
              {"generatedTokens", stats.generatedTokens},
              {"prefillSeconds", stats.prefillSeconds},
              {"prefillTokensPerSecond", stats.prefillTokensPerSecond()},
              {"timeToFirstTokenSeconds", stats.timeToFirstTokenSeconds},
              {"decodeSeconds", stats.decodeSeconds},
              {"decodeTokensPerSecond", stats.decodeTokensPerSecond()}}}};
}

// The prompt's tokens, BOS first for text.
std::vector<TokenId> promptTokens(const GenerateCommandOptions& options, const OpenedModel& model)
{
    if (!options.ids.empty())
        return parseIds(options.ids);
    const Tokenizer& tokenizer = requireTokenizer(model, "for text; --ids needs none");
    const bool fromFile = !options.promptFile.empty();
    const std::string prompt = fromFile ? readTextArgument(options.promptFile) : options.prompt;
    std::vector<TokenId> tokens =
        encodeAfterBos(tokenizer, prompt, fromFile ? options.promptFile : "--prompt", true);
    if (tokens.empty())
        throw Error(ErrorCode::InvalidArgument,
                    "the prompt is empty and the model has no BOS token, needed: at least 1 token");
    return tokens;
}

// Reads all but the last token of a long prompt with progress; the seconds it took belong to the prefill.
double readLongPrompt(Session& session, std::span<const TokenId> tokens, std::stop_token stop)
{
    const auto start = std::chrono::steady_clock::now();
    ProgressLine progress("reading the prompt");
    session.append(tokens);
    session.prefill(stop, [&](std::int64_t done, std::int64_t total) {
        progress.update(static_cast<double>(done) / static_cast<double>(total), countText(done) + " tokens");
    });
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Without a tokenizer, or for --ids, tokens are shown as numbers.
std::string shownToken(const GeneratedToken& token, bool asIds, bool first)
{
    return asIds ? (first ? "" : ",") + std::to_string(token.id) : token.text;
}

int runGenerate(const GenerateCommandOptions& options)
{
    validateSamplingOptions(options.generate.sampling);
    const OpenedModel model = openForUse(options.model);
    const bool asIds = !options.ids.empty() && !options.decode;
    if (options.decode)
        (void)requireTokenizer(model, "for --decode");
    Session session(createExecutor(model.source, options.execution), asIds ? nullptr : model.tokenizer);
    const std::vector<TokenId> prompt = promptTokens(options, model);
    checkIds(prompt, model.source->config().vocabularySize, options.ids.empty() ? "the prompt" : "--ids");

    const InterruptScope interrupt;
    constexpr std::size_t kLongPrompt = 2048; // tokens; from here on reading is worth a progress line
    const std::size_t readFirst = prompt.size() > kLongPrompt ? prompt.size() - 1 : 0;
    double readSeconds = 0.0;
    if (readFirst > 0)
        readSeconds = readLongPrompt(session, std::span(prompt).first(readFirst), interrupt.token());
    if (interrupt.interrupted())
        return kExitInterrupted;
    session.append(std::span(prompt).subspan(readFirst));
    if (options.echo && !options.json)
        std::cout << (asIds ? options.ids + "," : model.tokenizer->decode(prompt)) << std::flush;
    bool first = true;
    GenerationResult result =
        session.generate(options.generate, interrupt.token(), [&](const GeneratedToken& token) {
            if (!options.json)
                std::cout << shownToken(token, asIds, first) << std::flush;
            first = false;
        });
    result.stats.promptTokens += static_cast<std::int64_t>(readFirst);
    result.stats.prefillSeconds += readSeconds;
    result.stats.timeToFirstTokenSeconds += readSeconds;
    if (options.json) {
        printJson(resultJson(result, session.executor().info()));
    } else {
        std::cout << '\n' << std::flush;
        if (!options.quiet) {
            std::cerr << session.executor().info().description << ": " << statsText(result.stats)
                      << ", ended by " << stopReasonName(result.reason) << std::endl;
        }
    }
    return result.reason == StopReason::Cancelled ? kExitInterrupted : kExitSuccess;
}

} // namespace

void addGenerateCommand(CommandLine& line)
{
    CLI::App* added = addCommand<GenerateCommandOptions>(
        line, "generate", "Continue a text",
        [](CLI::App& command, GenerateCommandOptions& options) {
            addModelArgument(command, options.model);
            CLI::Option_group* input = command.add_option_group("Prompt (one of)");
            input->add_option("-p,--prompt", options.prompt, "Text to continue, read after the BOS token");
            input
                ->add_option("--prompt-file", options.promptFile,
                             "UTF-8 file with the text; -: standard input")
                ->check(notEmpty())
                ->type_name("FILE");
            input->add_option("--ids", options.ids, "Token ids separated by commas; the answer is ids too")
                ->check(notEmpty())
                ->type_name("IDS");
            input->require_option(1);
            command.add_flag("--decode", options.decode, "With --ids: the answer is text all the same");
            addSamplingFlags(command, options.generate);
            addExecutionFlags(command, options.execution);
            command.add_flag("--echo", options.echo, "Print the prompt before the continuation");
            command.add_flag("--quiet", options.quiet, "No statistics on stderr");
            command.add_flag("--json", options.json, "Print text, tokens and timings as JSON when done");
        },
        runGenerate);
    added->footer("Pieces such as <s> or <user> written in the prompt become their tokens. Ctrl+C ends the "
                  "text (exit code 130).");
}

} // namespace mmfree::cli
