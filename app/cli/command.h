// How a subcommand joins the program: it adds its CLI11 subcommand with flags to the tool and, when that
// subcommand was given, leaves the action to run. Actions return the exit code and throw mmfree::Error for
// errors in the work.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

namespace mmfree::cli
{

inline constexpr int kExitSuccess = 0;
inline constexpr int kExitFailure = 1;       // the work could not be done
inline constexpr int kExitUsage = 2;         // the command line is wrong
inline constexpr int kExitInterrupted = 130; // Ctrl+C, as shells report it

struct CommandLine {
    CLI::App& app;
    std::string text;            // the whole command line, quoted so that a shell repeats it
    std::function<int()> action; // set by the subcommand that was given
};

void addInfoCommand(CommandLine& line);
void addGenerateCommand(CommandLine& line);
void addChatCommand(CommandLine& line);
void addEvalCommand(CommandLine& line);
void addEvaluateDictionaryCommand(CommandLine& line);
void addConvertCommand(CommandLine& line);
void addDevicesCommand(CommandLine& line);
void addInspectCommand(CommandLine& line);
void addTraceCommand(CommandLine& line);
void addTokenizerCommand(CommandLine& line);
void addTrainCommand(CommandLine& line);
void addBenchCommand(CommandLine& line);
void addPlanFpgaCommand(CommandLine& line);
void addCompareCommand(CommandLine& line);
void addServeCommand(CommandLine& line); // only in builds with MMFREE_WITH_SERVER

// Adds a subcommand whose flags fill a shared `Options` and whose work is `run(options)`. `declare(command,
// options)` adds the flags.
template <class Options, class Declare, class Run>
CLI::App* addCommand(CommandLine& line, const std::string& name, const std::string& description,
                     Declare declare, Run run)
{
    auto options = std::make_shared<Options>();
    CLI::App* command = line.app.add_subcommand(name, description);
    command->option_defaults()->always_capture_default();
    declare(*command, *options);
    command->callback([&line, options, run] { line.action = [options, run] { return run(*options); }; });
    return command;
}

} // namespace mmfree::cli
