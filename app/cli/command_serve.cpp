// `mmfree serve MODEL`: answers programs that speak OpenAI's interface, on this machine only unless told
// otherwise.
#include "app/cli/command.h"
#include "app/cli/console.h"
#include "app/cli/interrupt.h"
#include "app/cli/model_options.h"
#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "engine/server/api_server.h"

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <mutex>

namespace mmfree::cli
{

namespace
{

struct ServeOptions {
    std::string model, name, apiKeyFile, chatTemplateFile;
    server::ServerOptions server;
    int requestSeconds = 600, unreadSeconds = 30, graceSeconds = 5;
    std::int64_t bodyKiB = 1024, cacheMiB = 256;
    ExecutionFlags execution;
    bool quiet = false;
};

std::string withoutLineEnd(std::string text)
{
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
        text.pop_back();
    return text;
}

// A key on the command line is seen by everybody on the machine; a file or the environment hides it.
std::string apiKeyOf(const ServeOptions& options)
{
    if (!options.apiKeyFile.empty()) {
        constexpr std::uint64_t kMostBytes = 4096;
        const std::string key = withoutLineEnd(readTextFile(options.apiKeyFile, kMostBytes));
        if (key.empty())
            throw Error(ErrorCode::InvalidFile, options.apiKeyFile + ": is empty, needed: an API key");
        return key;
    }
    const char* fromEnvironment = std::getenv("MMFREE_API_KEY");
    if (options.server.apiKey.empty() && fromEnvironment)
        return fromEnvironment;
    return options.server.apiKey;
}

std::string modelName(const ServeOptions& options, const ModelSource& source)
{
    return options.name.empty() ? std::filesystem::path(source.name()).stem().string() : options.name;
}

void printRecord(const server::RequestRecord& record)
{
    constexpr std::size_t kLongestShown = 100;
    std::cerr << record.method << ' ' << record.path.substr(0, kLongestShown) << ' '
              << (record.status == 0 ? std::string("client left") : std::to_string(record.status));
    if (record.promptTokens > 0) {
        std::cerr << ", prompt " << countText(record.promptTokens) << " tokens ("
                  << countText(record.cachedTokens) << " known), wrote "
                  << countText(record.completionTokens);
    }
    if (record.seconds > 0.0)
        std::cerr << ", " << durationText(record.seconds);
    std::cerr << std::endl;
}

void waitForSignal(const InterruptScope& interrupt)
{
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock lock(mutex);
    changed.wait(lock, interrupt.token(), [] { return false; });
}

int runServe(const ServeOptions& options)
{
    const OpenedModel model = openForUse(options.model);
    (void)requireTokenizer(model, "to serve text");
    server::ServerOptions serverOptions = options.server;
    serverOptions.apiKey = apiKeyOf(options);
    serverOptions.requestTime = std::chrono::seconds(options.requestSeconds);
    serverOptions.unreadTime = std::chrono::seconds(options.unreadSeconds);
    serverOptions.bodyBytes = static_cast<std::size_t>(options.bodyKiB) << 10u;
    serverOptions.cacheBytes = static_cast<std::size_t>(options.cacheMiB) << 20u;
    server::ServedModel served;
    served.name = modelName(options, *model.source);
    served.tokenizer = model.tokenizer;
    served.chatTemplate =
        options.chatTemplateFile.empty()
            ? chatTemplateOf(*model.source)
            : parseChatTemplate(readTextFile(options.chatTemplateFile, 1u << 20), options.chatTemplateFile);
    served.version = MMFREE_VERSION;
    served.executor = createExecutor(model.source, options.execution);
    const std::string description = served.executor->info().description;

    const InterruptScope interrupt;
    std::function<void(const server::RequestRecord&)> record;
    if (!options.quiet)
        record = printRecord;
    server::ApiServer apiServer(std::move(served), serverOptions, record);
    // On stdout, because a program that starts this one with --port 0 reads it.
    std::cout << "Serving " << modelName(options, *model.source) << " at " << apiServer.address() << "/v1"
              << std::endl;
    if (!options.quiet) {
        std::cerr << description << (serverOptions.apiKey.empty() ? "; no API key" : "; API key needed")
                  << "; Ctrl+C ends" << std::endl;
    }
    waitForSignal(interrupt);
    if (!options.quiet)
        std::cerr << "Ending; answers in progress have " << options.graceSeconds << " s" << std::endl;
    apiServer.stop(std::chrono::seconds(options.graceSeconds));
    return kExitSuccess;
}

void declareLimits(CLI::App& command, ServeOptions& options)
{
    const std::string group = "Limits";
    command.add_option("--max-body", options.bodyKiB, "Largest body of a request, KiB")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20))
        ->group(group);
    command.add_option("--max-connections", options.server.connections, "Connections at the same time")
        ->check(CLI::Range(1, 65536))
        ->group(group);
    command
        .add_option("--parallel", options.server.mostActive,
                    "Answers written at the same time, in turns; further ones wait")
        ->check(CLI::Range(1, 65536))
        ->group(group);
    command.add_option("--max-tokens", options.server.mostTokens, "Most tokens of one answer")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
        ->group(group);
    command
        .add_option("--default-tokens", options.server.defaultMaxTokens,
                    "Tokens of a chat answer when the request does not say")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
        ->group(group);
    command.add_option("--request-time", options.requestSeconds, "Longest time for one answer, seconds")
        ->check(CLI::Range(1, 1 << 24))
        ->group(group);
    command
        .add_option("--unread-time", options.unreadSeconds,
                    "Longest time a client may leave 64 KiB of its answer unread, seconds")
        ->check(CLI::Range(1, 1 << 24))
        ->group(group);
    command
        .add_option("--cache", options.cacheMiB, "Memory for states of earlier conversations, MiB; 0: none")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 20))
        ->group(group);
    command
        .add_option("--grace", options.graceSeconds,
                    "Time for answers in progress when the server is told to end, seconds")
        ->check(CLI::Range(0, 3600))
        ->group(group);
}

void declareServe(CLI::App& command, ServeOptions& options)
{
    addModelArgument(command, options.model);
    const std::string group = "Who may ask";
    command
        .add_option("--host", options.server.host,
                    "Address to listen on; one that other machines reach needs an API key")
        ->type_name("ADDRESS")
        ->group(group);
    command.add_option("--port", options.server.port, "Port to listen on; 0: any free one")->group(group);
    CLI::Option* key = command
                           .add_option("--api-key", options.server.apiKey,
                                       "Clients must send this key (else the environment's MMFREE_API_KEY)")
                           ->type_name("KEY")
                           ->group(group);
    command.add_option("--api-key-file", options.apiKeyFile, "File with the key")
        ->type_name("FILE")
        ->excludes(key)
        ->group(group);
    command
        .add_option("--allow-host", options.server.allowedHosts,
                    "Name of this machine that clients may use; may be given several times")
        ->type_name("NAME")
        ->group(group);
    command
        .add_option("--allow-origin", options.server.allowedOrigins,
                    "Web page that may use the server, as http://localhost:3000; *: every page")
        ->type_name("ORIGIN")
        ->group(group);
    declareLimits(command, options);
    command
        .add_option("--name", options.name, "Name of the model for clients; else its folder's or file's name")
        ->type_name("NAME");
    command
        .add_option("--chat-template", options.chatTemplateFile, "JSON file used instead of the model's own")
        ->type_name("FILE");
    command.add_flag("--quiet", options.quiet, "No line on stderr for every request");
    addExecutionFlags(command, options.execution);
}

} // namespace

void addServeCommand(CommandLine& line)
{
    CLI::App* added = addCommand<ServeOptions>(
        line, "serve", "Answer programs over HTTP, as OpenAI's interface does", declareServe, runServe);
    added->footer("Endpoints: /v1/models, /v1/completions, /v1/chat/completions. Try:\n"
                  "  curl http://127.0.0.1:8080/v1/completions -H 'Content-Type: application/json' \\\n"
                  "       -d '{\"prompt\": \"Once\", \"max_tokens\": 32}'\n"
                  "Ctrl+C ends the server (exit code 0).");
}

} // namespace mmfree::cli
