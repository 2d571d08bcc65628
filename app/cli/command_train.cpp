// `mmfree train`: trains a new model from a config, or a model further, into a run directory.
#include "app/backend_catalog.h"
#include "app/cli/command.h"
#include "app/cli/console.h"
#include "app/cli/interrupt.h"
#include "app/cli/model_options.h"
#include "app/cli/training_data.h"
#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "engine/train/run_directory.h"
#include "engine/train/run_journal.h"
#include "engine/train/trainer.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <unistd.h>

namespace mmfree::cli
{

namespace
{

struct TrainOptions {
    std::string config, model, run;
    TrainingDataFlags data;
    TrainingOptions training;
    ExecutionFlags execution;
    bool resume = false, quiet = false, json = false, watched = false;
    // Flags of TrainingOptions and their names in run.json: a resumed run keeps what was not given again.
    std::vector<std::pair<const CLI::Option*, std::string>> optionFlags;
    // Any flag that says what to train from; none: all of it comes from run.json.
    std::vector<const CLI::Option*> sourceFlags;
    const CLI::Option *backendFlag = nullptr, *threadsFlag = nullptr, *isaFlag = nullptr,
                      *deviceFlag = nullptr;
};

bool wasGiven(const CLI::Option* option)
{
    return option && option->count() > 0;
}

// Fills in what was not given on the command line of a resumed run.
void completeFromRun(TrainOptions& options, const RunRecord& record)
{
    nlohmann::json stored = trainingOptionsToJson(record.options);
    const nlohmann::json given = trainingOptionsToJson(options.training);
    for (const auto& [flag, key] : options.optionFlags) {
        if (wasGiven(flag))
            stored[key] = given.at(key);
    }
    options.training = trainingOptionsFromJson(stored, options.run + "/run.json");
    const RunSource& source = record.source;
    if (std::none_of(options.sourceFlags.begin(), options.sourceFlags.end(), wasGiven)) {
        for (const RunSource::File& file : source.dataFiles)
            options.data.files.push_back(file.path);
        options.data.tokenBatch = source.tokenBatch;
        options.data.tokenizer = source.tokenizer;
        options.data.chatTemplate = source.chatTemplate;
        options.data.symbols = source.symbols;
        options.data.lossOnAnswers = source.lossOnAnswers;
        options.model = source.baseModel;
    }
    ExecutionFlags& execution = options.execution;
    execution.backend = wasGiven(options.backendFlag) ? execution.backend : source.backend;
    execution.options.threads = wasGiven(options.threadsFlag) ? execution.options.threads : source.threads;
    execution.options.isa = wasGiven(options.isaFlag) ? execution.options.isa : source.isa;
    execution.options.device = wasGiven(options.deviceFlag) ? execution.options.device : source.device;
}

std::string absolutePath(const std::string& path)
{
    std::error_code error;
    return path.empty() ? path : std::filesystem::absolute(path, error).lexically_normal().string();
}

RunSource sourceOf(const TrainOptions& options)
{
    return {.dataFiles = describeFiles({options.data.files.begin(), options.data.files.end()}),
            .baseModel = absolutePath(options.model),
            .tokenBatch = absolutePath(options.data.tokenBatch),
            .tokenizer = absolutePath(options.data.tokenizer),
            .chatTemplate = absolutePath(options.data.chatTemplate),
            .vocabulary = options.data.vocabulary,
            .symbols = options.data.symbols,
            .lossOnAnswers = options.data.lossOnAnswers,
            .backend = options.execution.backend,
            .isa = options.execution.options.isa,
            .threads = options.execution.options.threads,
            .device = options.execution.options.device};
}

// Says so when a run goes on over other text than it began with: it cannot repeat the same losses.
void warnOfChangedData(const RunRecord& record, const RunSource& now)
{
    for (const RunSource::File& file : record.source.dataFiles) {
        const auto same = std::find_if(now.dataFiles.begin(), now.dataFiles.end(),
                                       [&](const RunSource::File& other) { return other.path == file.path; });
        if (same != now.dataFiles.end() && !file.checksum.empty() && same->checksum != file.checksum) {
            std::cerr << "warning: " << file.path << " has changed since the run began (" << file.bytes
                      << " bytes then, " << same->bytes << " now); the losses will differ" << std::endl;
        }
    }
}

struct Start {
    ModelConfig config;
    ModelText text;
    std::shared_ptr<const ModelSource> source; // null: fresh initialisation
};

// `resumed`: the record of the run to go on with, else null. Its checkpoint stands for the model it began
// with, which may be gone.
Start chosenStart(const TrainOptions& options, const RunRecord* resumed)
{
    if (resumed && options.config.empty()) {
        if (const auto checkpoint = latestCheckpoint(options.run)) {
            const auto source = openModel(*checkpoint);
            return {source->config(), source->text(), source};
        }
        if (options.model.empty()) {
            if (!resumed->model)
                throw Error(ErrorCode::InvalidConfig,
                            options.run +
                                "/run.json: model is missing, needed: a configuration, or --config");
            return {*resumed->model, {}, nullptr};
        }
    }
    if (options.model.empty())
        return {parseModelConfig(readTextFile(options.config), options.config), {}, nullptr};
    const OpenedModel model = openForUse(options.model);
    return {model.source->config(), model.source->text(), model.source};
}

std::unique_ptr<TrainingExecutor> createTrainingExecutor(const Start& start, const TrainOptions& options,
                                                         const Backend& backend)
{
    validateModelConfig(start.config, options.model.empty() ? options.config : options.model);
    const auto layout = std::make_shared<const ParameterLayout>(start.config);
    AlignedBuffer<float> initial(static_cast<std::size_t>(layout->size()));
    if (start.source)
        loadParameters(*layout, *start.source, initial.span());
    else
        initializeParameters(*layout, options.training.seed, initial.span());
    return backend.createTraining(layout, initial.span(), options.execution.options);
}

// Prints steps: one line redrawn on a terminal, else a line about every tenth of the run and at every
// validation.
class StepReporter
{
public:
    StepReporter(const TrainingOptions& options, bool quiet)
        : m_options(options)
        , m_quiet(quiet)
        , m_every(std::max<std::int64_t>(1, options.steps / 10))
        , m_line("training")
    {
    }

    TrainerCallbacks callbacks()
    {
        TrainerCallbacks calls;
        calls.onStep = [this](const StepMetrics& metrics) { onStep(metrics); };
        calls.onSample = [this](std::int64_t step, const std::string& prompt, const std::string& text) {
            print("step " + std::to_string(step) + " sample: " + prompt + text);
        };
        calls.onMessage = [this](const std::string& message) { print(message); };
        return calls;
    }

    void clear() { m_line.clear(); }
    [[nodiscard]] const std::optional<StepMetrics>& last() const { return m_last; }
    [[nodiscard]] std::optional<double> validationLoss() const { return m_validationLoss; }

private:
    void onStep(const StepMetrics& metrics)
    {
        m_last = metrics;
        if (metrics.validationLoss)
            m_validationLoss = metrics.validationLoss;
        const std::int64_t left = m_options.steps - metrics.step;
        const double tokensPerStep =
            static_cast<double>(m_options.batch * m_options.length * m_options.accumulate);
        const double secondsLeft =
            static_cast<double>(left) * tokensPerStep / std::max(metrics.tokensPerSecond, 1e-9);
        std::string text = "step " + std::to_string(metrics.step) + "/" + std::to_string(m_options.steps) +
                           "  loss " + numberText(metrics.loss, 5);
        if (m_validationLoss)
            text += "  validation " + numberText(*m_validationLoss, 5);
        text +=
            "  " + numberText(metrics.tokensPerSecond) + " tokens/s  " + durationText(secondsLeft) + " left";
        if (!m_quiet)
            m_line.update(static_cast<double>(metrics.step) / static_cast<double>(m_options.steps), text);
        const bool worthALine =
            stderrIsTerminal() ? metrics.validationLoss.has_value()
                               : metrics.validationLoss || metrics.step % m_every == 0 || metrics.step == 1;
        if (worthALine)
            print(text);
    }

    void print(const std::string& text)
    {
        if (m_quiet)
            return;
        m_line.clear();
        std::cerr << text << std::endl;
    }

    const TrainingOptions& m_options;
    bool m_quiet;
    std::int64_t m_every;
    ProgressLine m_line;
    std::optional<StepMetrics> m_last;
    std::optional<double> m_validationLoss;
};

void printSummary(const TrainOptions& options, const StepReporter& reporter, std::int64_t step, bool finished)
{
    const auto& last = reporter.last();
    if (options.json) {
        nlohmann::ordered_json json{{"run", options.run}, {"finished", finished}, {"step", step}};
        if (last) {
            json["loss"] = last->loss;
            json["tokens"] = last->tokens;
            json["elapsedSeconds"] = last->elapsedSeconds;
        }
        if (reporter.validationLoss())
            json["validationLoss"] = *reporter.validationLoss();
        printJson(json);
        return;
    }
    std::cout << options.run << ": " << (finished ? "finished" : "stopped, continue with --resume")
              << " at step " << step;
    if (last)
        std::cout << ", loss " << numberText(last->loss, 5) << " nats per token, "
                  << durationText(last->elapsedSeconds);
    std::cout << '\n';
}

// The run directory is checked before minutes go into reading text and training a tokenizer.
void checkRunDirectory(const std::filesystem::path& run, bool resume)
{
    std::error_code error;
    if (resume && !std::filesystem::exists(run / "run.json", error)) {
        throw Error(ErrorCode::InvalidArgument,
                    run.string() + " holds no run, needed for --resume: a run directory");
    }
    if (!resume && std::filesystem::exists(run / "run.json", error)) {
        throw Error(ErrorCode::InvalidArgument,
                    run.string() + " already holds a run, needed: another --run, or --resume to continue it");
    }
    std::filesystem::create_directories(run, error);
    if (error)
        throw Error(ErrorCode::Io, "cannot create " + run.string() + ": " + error.message());
    if (access(run.c_str(), W_OK) != 0)
        throw Error(ErrorCode::Io, run.string() + " is read-only, needed: a folder that can be written");
}

// A process that does not return from its work leaves an error in the run's files, for whoever watches them.
template <class Act>
auto reportingFailure(const std::filesystem::path& run, Act&& act)
{
    try {
        return act();
    } catch (const std::exception& error) {
        try {
            if (std::filesystem::exists(run / "run.json") && !isRunAlive(run))
                RunJournal(run).setStatus(RunStatus::Failed, 0, error.what());
        } catch (const std::exception&) {
            // The first error matters; it goes on below.
        }
        throw;
    }
}

int trainRun(TrainOptions options, const std::string& commandLine)
{
    const std::filesystem::path run = options.run;
    checkRunDirectory(run, options.resume);
    std::optional<RunRecord> resumed;
    if (options.resume) {
        resumed = readRunRecord(run);
        completeFromRun(options, *resumed);
    }
    options.training.overfitBatch = !options.data.tokenBatch.empty();
    validateTrainingOptions(options.training);
    Start start = chosenStart(options, resumed ? &*resumed : nullptr);
    RunSource source = sourceOf(options);
    if (resumed)
        warnOfChangedData(*resumed, source);
    TrainingData data = prepareTrainingData(
        options.data, start.text, options.resume ? run / "tokenizer.model" : std::filesystem::path(),
        start.config, options.training);
    const std::int64_t validationBytes = data.validationBytes;
    const std::shared_ptr<const Backend> backend =
        findBackend(options.execution.backend, start.config.architecture, Work::Training);
    std::unique_ptr<TrainingExecutor> executor = createTrainingExecutor(start, options, *backend);
    start.source.reset();
    if (!options.quiet) {
        std::cerr << "training " << countText(parameterCount(executor->layout().config()))
                  << " parameters on " << executor->info().description << std::endl;
    }
    Trainer trainer(std::move(executor),
                    {.options = options.training,
                     .runDirectory = run,
                     .text = std::move(data.text),
                     .dataset = std::move(data.dataset),
                     .fixedBatch = std::move(data.fixedBatch),
                     .commandLine = commandLine,
                     .sampleBackend = backend.get(),
                     .source = std::move(source),
                     .pauseOnFullDisk = options.watched},
                    options.resume);
    if (validationBytes > 0) { // for bits per byte
        RunRecord record = readRunRecord(run);
        record.validationBytes = validationBytes;
        writeRunRecord(run, record);
    }
    StepReporter reporter(options.training, options.quiet);
    const InterruptScope interrupt;
    const TrainingEnd end = trainer.run(interrupt.token(), reporter.callbacks());
    reporter.clear();
    if (!trainer.endReason().empty() && !options.quiet)
        std::cerr << trainer.endReason() << std::endl;
    printSummary(options, reporter, trainer.step(), end == TrainingEnd::Finished);
    if (!interrupt.interrupted())
        return kExitSuccess;
    return end == TrainingEnd::Finished ? kExitSuccess : kExitInterrupted;
}

int runTrain(const TrainOptions& options, const std::string& commandLine)
{
    return reportingFailure(options.run, [&] { return trainRun(options, commandLine); });
}

void addHyperParameters(CLI::App& command, TrainOptions& options)
{
    TrainingOptions& training = options.training;
    const auto remember = [&options](const CLI::Option* flag, const char* key) {
        options.optionFlags.emplace_back(flag, key);
    };
    constexpr std::int64_t kMany = std::int64_t{1} << 40;
    const std::string group = "Hyper-parameters";
    const auto count = [&](const std::string& flag, const char* key, std::int64_t& value, std::int64_t lowest,
                           const std::string& text) {
        remember(command.add_option(flag, value, text)
                     ->check(CLI::Range(lowest, kMany).description("COUNT"))
                     ->group(group),
                 key);
    };
    const auto number = [&](const std::string& flag, const char* key, double& value, double highest,
                            const std::string& text) {
        remember(command.add_option(flag, value, text)->check(CLI::Range(0.0, highest))->group(group), key);
    };
    const std::map<std::string, LearningRateSchedule> schedules{{"constant", LearningRateSchedule::Constant},
                                                                {"cosine", LearningRateSchedule::Cosine},
                                                                {"paper", LearningRateSchedule::Paper}};
    count("--steps", "steps", training.steps, 1, "Updates of the whole run");
    count("--batch", "batch", training.batch, 1, "Sequences of a micro-batch");
    count("--length", "length", training.length, 2, "Tokens of a sequence");
    count("--accumulate", "accumulate", training.accumulate, 1, "Micro-batches per update");
    number("--learning-rate", "learningRate", training.learningRate, 10.0, "Highest learning rate");
    remember(command
                 .add_option("--lr-schedule", training.schedule,
                             "constant, cosine, or paper: the cosine, halved from mid-training on")
                 ->transform(CLI::CheckedTransformer(schedules, CLI::ignore_case).description(""))
                 ->default_str("cosine")
                 ->group(group),
             "schedule");
    count("--warmup-steps", "warmupSteps", training.warmupSteps, 0,
          "Steps over which the learning rate rises from 0");
    number("--final-lr-share", "finalLearningRateShare", training.finalLearningRateShare, 1.0,
           "The cosine ends at this share of --learning-rate");
    number("--beta1", "beta1", training.beta1, 1.0, "AdamW: decay of the first moment");
    number("--beta2", "beta2", training.beta2, 1.0, "AdamW: decay of the second moment");
    number("--adam-eps", "adamEpsilon", training.adamEpsilon, 1.0,
           "AdamW: added to the root of the second moment");
    number("--weight-decay", "weightDecay", training.weightDecay, 10.0, "AdamW: decoupled weight decay");
    remember(command
                 .add_flag("--decay-all", training.decayAll,
                           "Decay norms and lower bounds too, not only weight matrices")
                 ->group(group),
             "decayAll");
    number("--clip-norm", "clipNorm", training.clipNorm, 1e9,
           "Gradients are scaled down to this L2 norm; 0: off");
    remember(
        command.add_option("--seed", training.seed, "Seed of initial weights and of the order of the data")
            ->group(group),
        "seed");
    number("--explode-factor", "explodeFactor", training.explodeFactor, 1e12,
           "A gradient norm this many times the usual one ends the run; 0: off");
    count("--early-stop-patience", "earlyStopPatience", training.earlyStopPatience, 0,
          "Validations without a better one before the run ends; 0: off");
    number("--early-stop-min-delta", "earlyStopMinDelta", training.earlyStopMinDelta, 1e3,
           "Nats per token that count as better");
}

void addSchedulingFlags(CLI::App& command, TrainOptions& options)
{
    TrainingOptions& training = options.training;
    const auto remember = [&options](const CLI::Option* flag, const char* key) {
        options.optionFlags.emplace_back(flag, key);
    };
    const std::string group = "Validation, samples, checkpoints";
    const auto steps = [&](const std::string& flag, const char* key, std::int64_t& value,
                           const std::string& text) {
        CLI::Option* option =
            command.add_option(flag, value, text)
                ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40).description("COUNT"))
                ->group(group);
        remember(option, key);
        return option;
    };
    remember(command
                 .add_option("--validation-share", training.validationShare,
                             "Last part of each file kept for validation; 0: none")
                 ->check(CLI::Range(0.0, 0.5))
                 ->group(group),
             "validationShare");
    steps("--evaluate-every", "evaluateEvery", training.evaluateEvery, "Steps between validations; 0: never");
    steps("--checkpoint-every", "checkpointEvery", training.checkpointEvery,
          "Steps between checkpoints; 0: only at the end");
    steps("--keep-checkpoints", "keepCheckpoints", training.keepCheckpoints,
          "Newest checkpoints kept, besides the best one");
    CLI::Option* prompt = command
                              .add_option("--sample-prompt", training.samplePrompts,
                                          "Text that samples continue; may be given several times")
                              ->group(group);
    remember(prompt, "samplePrompts");
    steps("--statistics-every", "statisticsEvery", training.statisticsEvery,
          "Steps between looks at the ternary weights (layers.jsonl); 0: never");
    steps("--sample-every", "sampleEvery", training.sampleEvery, "Steps between samples; 0: never")
        ->needs(prompt);
    command
        .add_flag("--pause-on-full-disk", options.watched,
                  "Without space for a checkpoint wait for a command instead of ending")
        ->group(group);
}

void declareTrainFlags(CLI::App& command, TrainOptions& options)
{
    CLI::Option_group* start = command.add_option_group("Start (one of, unless --resume)");
    start->add_option("--config", options.config, "config.json (Hugging Face style) of a new model")
        ->type_name("FILE");
    start
        ->add_option("--model", options.model,
                     "Model to train further; of a packed one the latent weights are made anew")
        ->type_name("MODEL");
    start->require_option(0, 1);
    CLI::Option_group* data = command.add_option_group("Data (one of, unless --resume)");
    data->add_option("--data", options.data.files, "UTF-8 text files")->type_name("FILE");
    CLI::Option* tokenBatch =
        data->add_option("--token-batch", options.data.tokenBatch,
                         "Safetensors file with input_ids [batch, length]; with --overfit-batch")
            ->type_name("FILE");
    data->require_option(0, 1);
    CLI::Option* overfit = command.add_flag("--overfit-batch", options.training.overfitBatch,
                                            "Every step uses exactly the batch of --token-batch");
    overfit->needs(tokenBatch);
    tokenBatch->needs(overfit);
    CLI::Option* tokenizer =
        command.add_option("--tokenizer", options.data.tokenizer, "SentencePiece tokenizer.model to use")
            ->type_name("FILE");
    command
        .add_option("--vocab", options.data.vocabulary,
                    "Train a tokenizer of this many pieces on the text; also the model's vocab_size. 0: "
                    "vocab_size of the config")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 24).description("PIECES"))
        ->excludes(tokenizer);
    command.add_option("--symbol", options.data.symbols,
                       "Piece kept whole by a trained tokenizer, e.g. <user>; may be given several times");
    command
        .add_option("--chat-template", options.data.chatTemplate,
                    "JSON file with the chat template stored in the model")
        ->type_name("FILE");
    command
        .add_option("--loss-on", options.data.lossOnAnswers,
                    "all, or answers: read the chat template's questions but do not learn to write them")
        ->transform(CLI::CheckedTransformer(std::map<std::string, bool>{{"all", false}, {"answers", true}})
                        .description(""))
        ->type_name("all|answers")
        ->default_str("all");
    command.add_option("--run", options.run, "Run directory: metrics.jsonl, checkpoints/, run.json")
        ->type_name("DIR")
        ->required();
    command.add_flag(
        "--resume", options.resume,
        "Continue the run in --run from its newest checkpoint; flags not given are those of the run");
    addHyperParameters(command, options);
    addSchedulingFlags(command, options);
    addExecutionFlags(command, options.execution);
    for (const char* flag : {"--config", "--model", "--data", "--token-batch", "--tokenizer", "--vocab"})
        options.sourceFlags.push_back(command.get_option(flag));
    options.backendFlag = command.get_option("--backend");
    options.threadsFlag = command.get_option("--threads");
    options.isaFlag = command.get_option("--isa");
    options.deviceFlag = command.get_option("--device");
    command.parse_complete_callback([&options] {
        const bool hasStart = !options.config.empty() || !options.model.empty();
        const bool hasData = !options.data.files.empty() || !options.data.tokenBatch.empty();
        if (!options.resume && (!hasStart || !hasData))
            throw CLI::RequiredError(hasStart ? "--data or --token-batch" : "--config or --model");
    });
    command.add_flag("--quiet", options.quiet, "No progress on stderr");
    command.add_flag("--json", options.json, "Print a summary as JSON at the end");
}

} // namespace

void addTrainCommand(CommandLine& line)
{
    CLI::App* added = addCommand<TrainOptions>(
        line, "train", "Train a model", declareTrainFlags,
        [&line](const TrainOptions& options) { return runTrain(options, line.text); });
    added->footer("Losses are in nats per token. Pieces such as <s> written in the data become their tokens. "
                  "Ctrl+C ends after the\n"
                  "current step with a checkpoint (exit code 130); `mmfree train --resume --run DIR` "
                  "continues exactly.");
}

} // namespace mmfree::cli
