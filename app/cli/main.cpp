// The `mmfree` tool: reads the command line, runs one subcommand, turns errors into messages and exit codes
// (0 done, 1 error in the work, 2 wrong command line, 130 interrupted).
#include "app/cli/command.h"
#include "app/cli/help_format.h"
#include "engine/core/error.h"

#include <cstdio>
#include <exception>
#include <iostream>
#include <new>

namespace
{

using namespace mmfree::cli;

std::string shellQuoted(const std::string& word)
{
    const std::string plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%";
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos)
        return word;
    std::string quoted = "'";
    for (const char character : word)
        quoted += character == '\'' ? std::string("'\\''") : std::string(1, character);
    return quoted + "'";
}

std::string commandLineText(int argc, char** argv)
{
    std::string text = "mmfree";
    for (int i = 1; i < argc; ++i)
        text += " " + shellQuoted(argv[i]);
    return text;
}

int reportError(const std::string& message)
{
    std::cout.flush();
    std::cerr << "mmfree: error: " << message << std::endl;
    return kExitFailure;
}

int runAction(const CommandLine& line)
{
    try {
        const int code = line.action();
        std::cout.flush();
        if (!std::cout)
            return reportError("standard output could not be written");
        return code;
    } catch (const mmfree::Error& error) {
        return reportError(error.what());
    } catch (const std::bad_alloc&) {
        return reportError("not enough memory for this model or request");
    } catch (const std::exception& error) {
        return reportError(error.what());
    }
}

} // namespace

int main(int argc, char** argv)
{
    CLI::App app("MatMul-free language models: run, inspect, convert, train and measure.", "mmfree");
    app.formatter(std::make_shared<HelpFormatter>()); // inherited by the subcommands
    app.set_version_flag("--version", std::string("mmfree ") + MMFREE_VERSION, "Print the version and exit");
    app.footer("MODEL is a Hugging Face folder (config.json, *.safetensors, tokenizer.model), a packed file "
               "written by\n"
               "`mmfree convert`, or a checkpoint folder of a training run.\n"
               "Exit codes: 0 done, 1 error in the work, 2 wrong command line, 130 interrupted by Ctrl+C.");
    app.require_subcommand(0, 1);
    CommandLine line{app, commandLineText(argc, argv), {}};
    addInfoCommand(line);
    addGenerateCommand(line);
    addChatCommand(line);
    addEvalCommand(line);
    addEvaluateDictionaryCommand(line);
    addConvertCommand(line);
    addDevicesCommand(line);
    addInspectCommand(line);
    addTraceCommand(line);
    addTokenizerCommand(line);
    addTrainCommand(line);
    addBenchCommand(line);
    addPlanFpgaCommand(line);
    addCompareCommand(line);
#ifdef MMFREE_WITH_SERVER
    addServeCommand(line);
#endif

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) { // --help, --version
            app.exit(error);
            return std::cout.flush() ? kExitSuccess : reportError("standard output could not be written");
        }
        const std::vector<CLI::App*> chosen = app.get_subcommands();
        const std::string command = chosen.empty() ? "mmfree" : "mmfree " + chosen.front()->get_name();
        std::cerr << "mmfree: " << error.what() << "\nTry `" << command << " --help`." << std::endl;
        return kExitUsage;
    }
    if (!line.action) {
        std::cerr << app.help();
        return kExitUsage;
    }
    return runAction(line);
}
