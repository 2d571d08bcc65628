// `mmfree compare`: backends and the dense baseline side by side, in processes of their own; shows and
// compares run files.
#include "app/backend_catalog.h"
#include "app/cli/command.h"
#include "app/cli/console.h"
#include "app/cli/interrupt.h"
#include "app/cli/model_options.h"
#include "engine/analysis/compare_file.h"
#include "engine/analysis/compare_plan.h"
#include "engine/analysis/compare_report.h"
#include "engine/analysis/compare_runner.h"
#include "engine/analysis/compare_setup.h"
#include "engine/analysis/compare_worker.h"
#include "engine/core/atomic_file.h"
#include "engine/core/error.h"

#include <algorithm>
#include <charconv>
#include <iostream>

namespace mmfree::cli
{

namespace
{

struct CompareOptions {
    std::vector<std::string> contenders;
    std::string model, shape, backends = "cpu", dense = "parameters";
    int threads = 0;
    std::string workload = "chat", preset, passes, prompt, promptFile;
    std::int64_t promptTokens = 0, write = -1;
    std::uint64_t seed = 1;
    int repeats = 7, baseline = 1;
    double memoryShare = 0.9;
    bool noParity = false, noCeilings = false, planOnly = false, json = false, worker = false;
    std::string out, csv, markdown, show;
    std::vector<std::string> diff;
};

std::vector<std::string> wordsOf(const std::string& list)
{
    std::vector<std::string> words(1);
    for (const char character : list) {
        if (character == ',')
            words.emplace_back();
        else
            words.back() += character;
    }
    return words;
}

std::int64_t tokensOf(const std::string& text)
{
    std::int64_t tokens = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), tokens);
    if (error != std::errc() || end != text.data() + text.size() || tokens < 0)
        throw Error(ErrorCode::InvalidArgument,
                    "--passes has \"" + text + "\", needed: tokens read+written, as in 64+256,512+0");
    return tokens;
}

std::vector<Pass> passesOf(const std::string& list)
{
    std::vector<Pass> passes;
    for (const std::string& word : wordsOf(list)) {
        const std::size_t plus = word.find('+');
        if (plus == std::string::npos)
            throw Error(ErrorCode::InvalidArgument,
                        "--passes has \"" + word + "\", needed: tokens read+written, as in 64+256,512+0");
        passes.push_back({tokensOf(word.substr(0, plus)), tokensOf(word.substr(plus + 1))});
    }
    return passes;
}

Workload workloadOf(const CompareOptions& options)
{
    Workload workload = workloadByKey(options.workload);
    workload.seed = options.seed;
    if (!options.passes.empty())
        workload = {"custom", passesOf(options.passes), {}, options.seed};
    if (!options.prompt.empty() || !options.promptFile.empty()) {
        workload.text =
            options.promptFile.empty() ? options.prompt : readTextArgument(options.promptFile, 1u << 20);
        workload.name = "custom";
        workload.passes.resize(1);
    }
    for (Pass& pass : workload.passes) {
        pass.prompt = options.promptTokens > 0 ? options.promptTokens : pass.prompt;
        pass.write = options.write >= 0 ? options.write : pass.write;
    }
    return workload;
}

// Contenders of --model or --shape: one on each backend, then the dense opponent of the first.
std::vector<Contender> usualContenders(const CompareOptions& options)
{
    std::vector<Contender> contenders;
    for (const std::string& backend : wordsOf(options.backends)) {
        Contender contender;
        contender.model = options.model;
        contender.shape = options.shape;
        contender.backend = backend;
        contender.seed = options.seed;
        contender.options.threads = options.threads;
        contenders.push_back(contender);
    }
    if (options.dense == "none")
        return contenders;
    const Contender& first = contenders.front();
    const ModelConfig config = openContender(first)->config();
    const DenseMatch match = options.dense == "bytes" ? DenseMatch::Bytes : DenseMatch::Parameters;
    if (config.isTernary())
        contenders.push_back(denseOpponent(first, config, match));
    return contenders;
}

CompareSetup setupOf(const CompareOptions& options)
{
    CompareSetup setup;
    if (options.preset == "paper") {
        const std::vector<std::string> backends = wordsOf(options.backends);
        setup = paperSetup(backends.front(), {.threads = options.threads});
        Pass& pass = setup.workload.passes.front();
        pass.prompt = options.promptTokens > 0 ? options.promptTokens : pass.prompt;
        pass.write = options.write >= 0 ? options.write : pass.write;
    } else {
        setup.workload = workloadOf(options);
        for (const std::string& words : options.contenders)
            setup.contenders.push_back(parseContender(words));
        if (options.contenders.empty() && options.model.empty() && options.shape.empty())
            throw Error(ErrorCode::InvalidArgument,
                        "nothing to compare: needed: --shape, --model, --contender or --preset paper");
        if (!options.model.empty() || !options.shape.empty()) {
            const std::vector<Contender> usual = usualContenders(options);
            setup.contenders.insert(setup.contenders.begin(), usual.begin(), usual.end());
        }
    }
    setup.repeats = options.repeats;
    setup.baseline = options.baseline - 1;
    setup.parity = setup.parity && !options.noParity;
    setup.ceilings = !options.noCeilings;
    setup.memoryShare = options.memoryShare;
    checkSetup(setup);
    return setup;
}

nlohmann::ordered_json metricsJson(const CompareRun& run)
{
    const auto table = summarize(run);
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < run.contenders.size(); ++i) {
        nlohmann::ordered_json metrics = nlohmann::ordered_json::object();
        for (std::size_t m = 0; m < table.size(); ++m) {
            const MetricValue& cell = table[m][i];
            if (!cell.value)
                continue;
            nlohmann::ordered_json value{{"median", cell.value->median},
                                         {"p5", cell.value->p5},
                                         {"p95", cell.value->p95},
                                         {"samples", cell.value->samples}};
            if (cell.ratio)
                value["ratio"] = {{"value", cell.ratio->value},
                                  {"low", cell.ratio->low},
                                  {"high", cell.ratio->high},
                                  {"clear", cell.ratio->clear()}};
            metrics[compareMetrics()[m].key] = value;
        }
        list.push_back({{"label", labelOf(run, static_cast<int>(i))},
                        {"ran", run.contenders[i].ran},
                        {"emulated", run.contenders[i].emulated},
                        {"reason", run.contenders[i].reason},
                        {"parity", parityText(run, static_cast<int>(i))},
                        {"metrics", metrics}});
    }
    return list;
}

void writeOutputs(const CompareRun& run, const CompareOptions& options)
{
    if (!options.out.empty())
        writeCompareRun(run, options.out);
    if (!options.csv.empty())
        writeFileAtomically(options.csv, compareCsv(run));
    if (!options.markdown.empty())
        writeFileAtomically(options.markdown, compareMarkdown(run));
    if (options.json)
        printJson({{"title", titleOf(run)}, {"contenders", metricsJson(run)}, {"warnings", warningsOf(run)}});
    else
        std::cout << compareConsole(run);
}

int printPlan(const CompareSetup& setup)
{
    for (const ContenderResult& planned : planComparison(setup, allBackends(), readEnvironment())) {
        std::cout << contenderName(planned.contender) << (planned.emulated ? " (emulated)" : "") << '\n'
                  << "  " << (planned.ran ? "runs: " + planned.arithmetic : planned.reason) << '\n';
    }
    return kExitSuccess;
}

int runDiff(const CompareOptions& options)
{
    const CompareRun a = readCompareRun(options.diff.at(0)), b = readCompareRun(options.diff.at(1));
    const RunDifference difference = diffRuns(a, b);
    if (!options.json) {
        std::cout << "A  " << options.diff[0] << "\nB  " << options.diff[1] << "\n\n"
                  << diffConsole(difference);
        return kExitSuccess;
    }
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const RunDifference::Row& row : difference.rows) {
        nlohmann::ordered_json json{{"contender", row.contender}, {"metric", row.metric}};
        json["a"] = row.a ? nlohmann::ordered_json(row.a->median) : nlohmann::ordered_json();
        json["b"] = row.b ? nlohmann::ordered_json(row.b->median) : nlohmann::ordered_json();
        if (row.ratio)
            json["ratio"] = {{"value", row.ratio->value},
                             {"low", row.ratio->low},
                             {"high", row.ratio->high},
                             {"clear", row.ratio->clear()}};
        rows.push_back(json);
    }
    printJson({{"rows", rows}, {"notes", difference.notes}});
    return kExitSuccess;
}

std::string progressDetail(const CompareEvent& event)
{
    if (event.contender < 0 || !event.run)
        return {};
    std::string text = labelOf(*event.run, event.contender);
    if (event.kind == CompareEvent::Kind::Loading)
        text += ", loading";
    else if (event.round < 0)
        text += ", warm-up " + std::to_string(event.warmUp + 1);
    else
        text += ", round " + std::to_string(event.round + 1);
    if (event.secondsLeft >= 0.0)
        text += ", " + durationText(event.secondsLeft) + " left";
    return text;
}

int runCompare(const CompareOptions& options)
{
    if (options.worker)
        return runCompareWorker(allBackends());
    if (!options.diff.empty())
        return runDiff(options);
    if (!options.show.empty()) {
        writeOutputs(readCompareRun(options.show), options);
        return kExitSuccess;
    }
    const CompareSetup setup = setupOf(options);
    if (options.planOnly)
        return printPlan(setup);
    const CompareHost host{
        .program = "/proc/self/exe", .arguments = {"compare", "--worker"}, .backends = allBackends()};
    const InterruptScope interrupt;
    CompareRun run;
    {
        ProgressLine progress("comparing");
        run = runComparison(setup, host, interrupt.token(), [&](const CompareEvent& event) {
            if (event.kind == CompareEvent::Kind::Failed) {
                progress.clear();
                std::cerr << "mmfree: " << labelOf(*event.run, event.contender) << ": " << event.text
                          << std::endl;
            }
            progress.update(event.share, progressDetail(event));
        });
    }
    const bool any = std::any_of(run.contenders.begin(), run.contenders.end(),
                                 [](const ContenderResult& contender) { return contender.ran; });
    if (run.stopped && run.repeats.empty()) {
        std::cerr << "mmfree: interrupted; no round was complete" << std::endl;
        return kExitInterrupted;
    }
    writeOutputs(run, options);
    if (!any) {
        std::cerr << "mmfree: error: no contender could run" << std::endl;
        return kExitFailure;
    }
    return run.stopped ? kExitInterrupted : kExitSuccess;
}

void declareContenders(CLI::App& command, CompareOptions& options)
{
    const std::string group = "Who";
    command
        .add_option(
            "--contender", options.contenders,
            "One contender: shape=S or model=M, and any of dense=yes, backend=B, threads=N, device=N, "
            "isa=I, packing=P, seed=N, name=TEXT, separated by commas; may be repeated")
        ->type_name("WORDS")
        ->allow_extra_args(false)
        ->group(group);
    command.add_option("--shape", options.shape, "Random weights on each of --backends: 370M ... or L,d,I,V")
        ->type_name("SHAPE")
        ->group(group);
    command.add_option("--model", options.model, "A model on each of --backends")
        ->type_name("MODEL")
        ->group(group);
    command.add_option("--backends", options.backends, "Backends of --shape or --model, separated by commas")
        ->type_name("NAMES")
        ->group(group);
    command
        .add_option("--dense", options.dense,
                    "Dense opponent of --shape or --model: matched by parameters or by bytes, or none")
        ->check(CLI::IsMember({"parameters", "bytes", "none"}))
        ->group(group);
    command.add_option("--threads", options.threads, "Threads of --shape or --model; 0: all cores")
        ->check(CLI::Range(0, 1024))
        ->group(group);
    command
        .add_option("--preset", options.preset,
                    "paper: 370M, 1.3B, 2.7B and 13B, MatMul-free and dense, as far as memory allows")
        ->check(CLI::IsMember({"paper"}))
        ->group(group);
    command
        .add_option("--baseline", options.baseline,
                    "Number of the contender that the others are compared with")
        ->check(CLI::Range(1, 1000))
        ->group(group);
}

void declareWorkload(CLI::App& command, CompareOptions& options)
{
    const std::string group = "What they do";
    command.add_option("--workload", options.workload, "chat, long-read, long-write or prefill-sweep")
        ->check(CLI::IsMember({"chat", "long-read", "long-write", "prefill-sweep"}))
        ->group(group);
    command
        .add_option("--passes", options.passes,
                    "Own lengths: tokens read+written of each pass, as in 64+256,512+0")
        ->type_name("LIST")
        ->group(group);
    command.add_option("--prompt", options.prompt, "Own text to read")->type_name("TEXT")->group(group);
    command.add_option("--prompt-file", options.promptFile, "Own text from a file; - is standard input")
        ->type_name("FILE")
        ->group(group);
    command
        .add_option("--read", options.promptTokens, "Tokens read, instead of the workload's; 0: as it says")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 24))
        ->group(group);
    command.add_option("--write", options.write, "Tokens written, instead of the workload's; -1: as it says")
        ->check(CLI::Range(std::int64_t{-1}, std::int64_t{1} << 24))
        ->group(group);
    command.add_option("--seed", options.seed, "Seed of random weights and of the tokens read")->group(group);
    command.add_option("--repeats", options.repeats, "Rounds measured")
        ->check(CLI::Range(1, 10000))
        ->group(group);
    command
        .add_option("--memory-share", options.memoryShare,
                    "Share of the free memory that contenders may take")
        ->check(CLI::Range(0.01, 1.0))
        ->group(group);
    command.add_flag("--no-parity", options.noParity, "Do not compare layers between backends")->group(group);
    command.add_flag("--no-ceilings", options.noCeilings, "Do not measure the machine's limits")
        ->group(group);
}

void declareOutput(CLI::App& command, CompareOptions& options)
{
    const std::string group = "What comes out";
    command.add_flag("--plan", options.planOnly, "Only say what would run, with the memory arithmetic")
        ->group(group);
    command.add_option("--out", options.out, "Run file (JSON) with every single time")
        ->type_name("FILE")
        ->group(group);
    command.add_option("--csv", options.csv, "One row a repeat and pass")->type_name("FILE")->group(group);
    command.add_option("--markdown", options.markdown, "Report with method and environment")
        ->type_name("FILE")
        ->group(group);
    command.add_option("--show", options.show, "Show a run file instead of running")
        ->type_name("FILE")
        ->group(group);
    command.add_option("--diff", options.diff, "Compare two run files: B against A")
        ->type_name("A B")
        ->expected(2)
        ->group(group);
    command.add_flag("--json", options.json, "Print JSON")->group(group);
    command.add_flag("--worker", options.worker)->group(""); // a contender's process
}

} // namespace

void addCompareCommand(CommandLine& line)
{
    CLI::App* added = addCommand<CompareOptions>(
        line, "compare", "Compare backends and the dense baseline",
        [](CLI::App& command, CompareOptions& options) {
            declareContenders(command, options);
            declareWorkload(command, options);
            declareOutput(command, options);
        },
        runCompare);
    added->footer(
        "Each contender runs in a process of its own; runs of all take turns. Speeds are medians over "
        "the rounds with their 5 and\n"
        "95 % points, ratios have 95 % bootstrap intervals. OpenCL on a CPU stands in for an FPGA and "
        "is marked \"emulated\".");
}

} // namespace mmfree::cli
