// `mmfree bench`: speed of prefill and decode of a model or of random weights of a shape.
#include "app/backend_catalog.h"
#include "app/cli/command.h"
#include "app/cli/console.h"
#include "app/cli/interrupt.h"
#include "app/cli/model_options.h"
#include "engine/analysis/training_benchmark.h"
#include "engine/core/error.h"

#include <iostream>
#include <map>

namespace mmfree::cli
{

namespace
{

struct BenchOptions {
    std::string model, shape;
    BenchmarkOptions benchmark;
    ExecutionFlags execution;
    bool dense = false, train = false, json = false;
    TrainingBenchmarkOptions training;
};

nlohmann::ordered_json spreadJson(const Spread& spread)
{
    return {{"median", spread.median}, {"p5", spread.p5}, {"p95", spread.p95}};
}

nlohmann::ordered_json environmentJson(const Environment& environment)
{
    return {{"cpuModel", environment.cpuModel},
            {"cpuFlags", environment.cpuFlags},
            {"cores", environment.cores},
            {"lastLevelCacheBytes", environment.lastLevelCacheBytes},
            {"governor", environment.governor},
            {"loadAverage", environment.loadAverage},
            {"memoryBytes", environment.memoryBytes},
            {"availableMemoryBytes", environment.availableMemoryBytes},
            {"kernel", environment.kernel},
            {"compiler", environment.compiler},
            {"buildType", environment.buildType},
            {"version", environment.version}};
}

nlohmann::ordered_json benchmarkJson(const BenchmarkResult& result, const ModelSource& source,
                                     const BenchOptions& options)
{
    nlohmann::ordered_json json{{"model", source.name()},
                                {"backend", result.backend},
                                {"description", result.description},
                                {"prefillTokens", options.benchmark.prefillTokens},
                                {"decodeTokens", options.benchmark.decodeTokens},
                                {"repeats", options.benchmark.repeats}};
    if (result.decodeTokensPerSecond) {
        json["decode"] = {{"tokensPerSecond", result.decodeTokensPerSecond->median},
                          {"gigaWeightsPerSecond", result.decodeGigaWeightsPerSecond()},
                          {"weightGBPerSecond", result.decodeWeightGBPerSecond()},
                          {"bandwidthShare", result.readGBPerSecond
                                                 ? nlohmann::ordered_json(result.bandwidthShare())
                                                 : nlohmann::ordered_json()},
                          {"tokensPerSecondSpread", spreadJson(*result.decodeTokensPerSecond)},
                          {"secondsPerTokenSpread", spreadJson(*result.decodeSecondsPerToken)},
                          {"weightsPerToken", result.weightsPerToken},
                          {"weightBytesPerToken", result.weightBytesPerToken}};
    }
    if (result.prefillTokensPerSecond) {
        json["prefill"] = {{"tokensPerSecond", result.prefillTokensPerSecond->median},
                           {"gigaOpsPerSecond", result.prefillGigaOpsPerSecond()},
                           {"tokensPerSecondSpread", spreadJson(*result.prefillTokensPerSecond)}};
    }
    json["memory"] = {{"weightBytes", result.memory.weightBytes},
                      {"stateBytes", result.memory.stateBytes},
                      {"activationBytes", result.memory.activationBytes},
                      {"peakResidentBytes", result.peakResidentBytes}};
    if (result.readGBPerSecond) {
        json["bandwidthProbe"] = {{"readGBPerSecond", result.readGBPerSecond->median},
                                  {"readGBPerSecondSpread", spreadJson(*result.readGBPerSecond)},
                                  {"bufferBytes", result.probeBytes}};
    }
    json["environment"] = environmentJson(result.environment);
    return json;
}

std::string spreadText(const Spread& spread, const std::string& unit)
{
    return numberText(spread.median) + " " + unit + " (5-95 %: " + numberText(spread.p5) + " to " +
           numberText(spread.p95) + ")";
}

void printBenchmark(const BenchmarkResult& result, const ModelSource& source)
{
    const Environment& environment = result.environment;
    std::cout << source.name() << " on " << result.description << '\n'
              << environment.cpuModel << ", " << environment.cores << " cores, load "
              << numberText(environment.loadAverage[0], 3) << ", " << environment.buildType << " build "
              << environment.version << '\n';
    if (result.decodeTokensPerSecond) {
        std::cout << "Decode     " << spreadText(*result.decodeTokensPerSecond, "tokens/s") << '\n'
                  << "           " << numberText(result.decodeGigaWeightsPerSecond()) << " G weights/s, "
                  << numberText(result.decodeWeightGBPerSecond()) << " GB/s of weights";
        if (result.readGBPerSecond)
            std::cout << ", " << numberText(100.0 * result.bandwidthShare(), 3)
                      << " % of the probe's bandwidth";
        std::cout << '\n';
    }
    if (result.prefillTokensPerSecond) {
        std::cout << "Prefill    " << spreadText(*result.prefillTokensPerSecond, "tokens/s") << ", "
                  << numberText(result.prefillGigaOpsPerSecond()) << " G operations/s\n";
    }
    if (result.readGBPerSecond)
        std::cout << "Probe      reads " << bytesText(result.probeBytes) << " at "
                  << spreadText(*result.readGBPerSecond, "GB/s") << '\n';
    std::cout << "Memory     weights " << bytesText(result.memory.weightBytes) << ", state "
              << bytesText(result.memory.stateBytes) << ", workspaces "
              << bytesText(result.memory.activationBytes) << ", peak resident "
              << bytesText(result.peakResidentBytes) << '\n';
    if (result.readGBPerSecond &&
        static_cast<std::uint64_t>(result.weightBytesPerToken) < environment.lastLevelCacheBytes) {
        std::cout << "Note       the weights fit into the last-level cache ("
                  << bytesText(environment.lastLevelCacheBytes)
                  << "), so decoding may exceed the probe's bandwidth\n";
    }
}

std::shared_ptr<const ModelSource> chosenSource(const BenchOptions& options)
{
    if (!options.model.empty())
        return openModel(options.model);
    const ModelConfig config =
        namedShape(options.shape, options.dense ? Architecture::Transformer : Architecture::MatMulFree);
    return makeRandomModel(config, options.benchmark.seed, "random " + options.shape);
}

nlohmann::ordered_json trainingJson(const TrainingBenchmarkResult& result, const std::string& model,
                                    const BenchOptions& options)
{
    return {
        {"model", model},
        {"backend", result.backend},
        {"description", result.description},
        {"batch", options.training.batch},
        {"length", options.training.length},
        {"steps", options.training.steps},
        {"bitlinear", options.execution.options.bitLinear == BitLinearStyle::Vanilla ? "vanilla" : "fused"},
        {"tokensPerSecond", result.tokensPerSecond.median},
        {"tokensPerSecondSpread", spreadJson(result.tokensPerSecond)},
        {"secondsPerStepSpread", spreadJson(result.secondsPerStep)},
        {"firstLoss", result.firstLoss},
        {"lastLoss", result.lastLoss},
        {"memory",
         {{"weightBytes", result.memory.weightBytes},
          {"activationBytes", result.memory.activationBytes},
          {"peakResidentBytes", result.peakResidentBytes}}},
        {"environment", environmentJson(result.environment)}};
}

void printTraining(const TrainingBenchmarkResult& result, const std::string& model,
                   const BenchOptions& options)
{
    std::cout << "Training " << model << " on " << result.description << '\n'
              << "Batch      " << options.training.batch << " x " << options.training.length << " tokens, "
              << options.training.steps << " steps measured\n"
              << "Speed      " << spreadText(result.tokensPerSecond, "tokens/s") << ", "
              << numberText(result.secondsPerStep.median * 1e3) << " ms a step\n"
              << "Memory     parameters, gradients and moments " << bytesText(result.memory.weightBytes)
              << ", activations and copies of weights " << bytesText(result.memory.activationBytes)
              << ", peak resident " << bytesText(result.peakResidentBytes) << '\n'
              << "Loss       " << numberText(result.firstLoss, 5) << " to " << numberText(result.lastLoss, 5)
              << " on one batch of random tokens\n";
}

int runTrainingBench(const BenchOptions& options)
{
    std::shared_ptr<const ModelSource> source;
    ModelConfig config;
    if (!options.model.empty()) {
        source = openModel(options.model);
        config = source->config();
    } else {
        config =
            namedShape(options.shape, options.dense ? Architecture::Transformer : Architecture::MatMulFree);
    }
    const auto backend = findBackend(options.execution.backend, config.architecture, Work::Training);
    const auto layout = std::make_shared<const ParameterLayout>(config);
    std::unique_ptr<TrainingExecutor> executor;
    {
        AlignedBuffer<float> initial(static_cast<std::size_t>(layout->size()));
        if (source)
            loadParameters(*layout, *source, initial.span());
        else
            initializeParameters(*layout, options.benchmark.seed, initial.span());
        executor = backend->createTraining(layout, initial.span(), options.execution.options);
    }
    const InterruptScope interrupt;
    std::optional<TrainingBenchmarkResult> result;
    {
        ProgressLine progress("measuring");
        progress.update(0.0);
        result = runTrainingBenchmark(*executor, options.training, interrupt.token(),
                                      [&](double share) { progress.update(share); });
    }
    if (!result) {
        std::cerr << "mmfree: interrupted; no result" << std::endl;
        return kExitInterrupted;
    }
    const std::string model = source ? source->name() : "random " + options.shape;
    if (options.json)
        printJson(trainingJson(*result, model, options));
    else
        printTraining(*result, model, options);
    return kExitSuccess;
}

int runBench(const BenchOptions& given)
{
    if (given.train)
        return runTrainingBench(given);
    BenchOptions options = given;
    const std::shared_ptr<const ModelSource> source = chosenSource(options);
    const auto executor = createExecutor(source, options.execution);
    const std::string backend = executor->info().backend;
    options.benchmark.bandwidthThreads = options.execution.options.threads;
    options.benchmark.probeBandwidth = backend == "cpu" || backend == "reference";
    const InterruptScope interrupt;
    std::optional<BenchmarkResult> result;
    {
        ProgressLine progress("measuring");
        progress.update(0.0);
        result = runBenchmark(*executor, *source, options.benchmark, interrupt.token(),
                              [&](double share) { progress.update(share); });
    }
    if (!result) {
        std::cerr << "mmfree: interrupted; no result" << std::endl;
        return kExitInterrupted;
    }
    if (options.json)
        printJson(benchmarkJson(*result, *source, options));
    else
        printBenchmark(*result, *source);
    return kExitSuccess;
}

} // namespace

namespace
{

void addTrainingFlags(CLI::App& command, BenchOptions& options)
{
    const std::string group = "Training";
    CLI::Option* train =
        command.add_flag("--train", options.train, "Measure training steps instead")->group(group);
    const auto count = [&](const std::string& flag, auto& value, const std::string& text) {
        command.add_option(flag, value, text)
            ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 31).description("COUNT"))
            ->group(group)
            ->needs(train);
    };
    count("--batch", options.training.batch, "Sequences of a step");
    count("--length", options.training.length, "Tokens of a sequence");
    count("--steps", options.training.steps, "Steps measured after two of warm-up");
    const std::map<std::string, BitLinearStyle> styles{{"fused", BitLinearStyle::Fused},
                                                       {"vanilla", BitLinearStyle::Vanilla}};
    command
        .add_option("--bitlinear", options.execution.options.bitLinear,
                    "fused: the paper's BitLinear; vanilla: one operator at a time, everything stored")
        ->transform(CLI::CheckedTransformer(styles, CLI::ignore_case).description(""))
        ->default_str("fused")
        ->group(group)
        ->needs(train);
    addActivationsFlag(command, options.execution.options)->group(group)->needs(train);
}

} // namespace

void addBenchCommand(CommandLine& line)
{
    CLI::App* added = addCommand<BenchOptions>(
        line, "bench", "Measure prefill and decode speed",
        [](CLI::App& command, BenchOptions& options) {
            constexpr std::int64_t kMany = std::int64_t{1} << 32;
            CLI::Option_group* what = command.add_option_group("What (one of)");
            CLI::Option* shape =
                what->add_option(
                        "--shape", options.shape,
                        "Random weights: 370M, 1.3B, 2.7B, 13B, or layers,hidden,GLU width,vocabulary")
                    ->type_name("SHAPE");
            what->add_option("--model", options.model, "A model")->type_name("MODEL");
            what->require_option(1);
            command.add_flag("--dense", options.dense, "The dense Transformer++ of the same --shape")
                ->needs(shape);
            command
                .add_option("--prefill", options.benchmark.prefillTokens,
                            "Tokens of the prompt; 0: not measured")
                ->check(CLI::Range(std::int64_t{0}, kMany).description("TOKENS"));
            command
                .add_option("--decode", options.benchmark.decodeTokens,
                            "Tokens written after it, one by one; 0: not measured")
                ->check(CLI::Range(std::int64_t{0}, kMany).description("TOKENS"));
            command.add_option("--repeats", options.benchmark.repeats, "Rounds measured after one warm-up")
                ->check(CLI::Range(1, 10000));
            command.add_option("--seed", options.benchmark.seed,
                               "Seed of random weights and of the tokens fed");
            addTrainingFlags(command, options);
            addExecutionFlags(command, options.execution);
            command.add_flag("--json", options.json, "Print JSON");
        },
        runBench);
    added->footer("Speeds are medians over the rounds with their 5 and 95 % points. GB are 1e9 bytes. "
                  "bandwidthShare compares the\n"
                  "weight bytes read per second while decoding with a plain read of a large buffer by as "
                  "many threads.");
}

} // namespace mmfree::cli
