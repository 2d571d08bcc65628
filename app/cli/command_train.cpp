// `mmfree train`: trains a new model from a config, or a model further, into a run directory.
#include "app/backend_catalog.h"
#include "app/cli/command.h"
#include "app/cli/console.h"
#include "app/cli/interrupt.h"
#include "app/cli/model_options.h"
#include "app/cli/training_data.h"
#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
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
    bool resume = false, quiet = false, json = false;
};

struct Start {
    ModelConfig config;
    ModelText text;
    std::shared_ptr<const ModelSource> source; // null: fresh initialisation
};

Start chosenStart(const TrainOptions& options)
{
    if (options.model.empty())
        return {parseModelConfig(readTextFile(options.config), options.config), {}, nullptr};
    const OpenedModel model = openForUse(options.model);
    if (!model.source->hasLatentWeights()) {
        throw Error(ErrorCode::InvalidArgument, options.model +
                                                    " has packed ternary weights, needed: the full-precision "
                                                    "weights of a Hugging Face or checkpoint folder");
    }
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

int runTrain(const TrainOptions& given, const std::string& commandLine)
{
    TrainOptions options = given;
    options.training.overfitBatch = !options.data.tokenBatch.empty();
    validateTrainingOptions(options.training);
    Start start = chosenStart(options);
    const std::filesystem::path run = options.run;
    checkRunDirectory(run, options.resume);
    TrainingData data = prepareTrainingData(
        options.data, start.text, options.resume ? run / "tokenizer.model" : std::filesystem::path(),
        start.config, options.training);
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
                     .sampleBackend = backend.get()},
                    options.resume);
    StepReporter reporter(options.training, options.quiet);
    const InterruptScope interrupt;
    const TrainingEnd end = trainer.run(interrupt.token(), reporter.callbacks());
    reporter.clear();
    printSummary(options, reporter, trainer.step(), end == TrainingEnd::Finished);
    return end == TrainingEnd::Finished ? kExitSuccess : kExitInterrupted;
}

void addHyperParameters(CLI::App& command, TrainingOptions& training)
{
    constexpr std::int64_t kMany = std::int64_t{1} << 40;
    const std::string group = "Hyper-parameters";
    const auto count = [&](const std::string& flag, std::int64_t& value, std::int64_t lowest,
                           const std::string& text) {
        command.add_option(flag, value, text)
            ->check(CLI::Range(lowest, kMany).description("COUNT"))
            ->group(group);
    };
    const auto number = [&](const std::string& flag, double& value, double highest, const std::string& text) {
        command.add_option(flag, value, text)->check(CLI::Range(0.0, highest))->group(group);
    };
    const std::map<std::string, LearningRateSchedule> schedules{{"constant", LearningRateSchedule::Constant},
                                                                {"cosine", LearningRateSchedule::Cosine},
                                                                {"paper", LearningRateSchedule::Paper}};
    count("--steps", training.steps, 1, "Updates of the whole run");
    count("--batch", training.batch, 1, "Sequences of a micro-batch");
    count("--length", training.length, 2, "Tokens of a sequence");
    count("--accumulate", training.accumulate, 1, "Micro-batches per update");
    number("--learning-rate", training.learningRate, 10.0, "Highest learning rate");
    command
        .add_option("--lr-schedule", training.schedule,
                    "constant, cosine, or paper: the cosine, halved from mid-training on")
        ->transform(CLI::CheckedTransformer(schedules, CLI::ignore_case).description(""))
        ->default_str("cosine")
        ->group(group);
    count("--warmup-steps", training.warmupSteps, 0, "Steps over which the learning rate rises from 0");
    number("--final-lr-share", training.finalLearningRateShare, 1.0,
           "The cosine ends at this share of --learning-rate");
    number("--beta1", training.beta1, 1.0, "AdamW: decay of the first moment");
    number("--beta2", training.beta2, 1.0, "AdamW: decay of the second moment");
    number("--adam-eps", training.adamEpsilon, 1.0, "AdamW: added to the root of the second moment");
    number("--weight-decay", training.weightDecay, 10.0, "AdamW: decoupled weight decay");
    command
        .add_flag("--decay-all", training.decayAll,
                  "Decay norms and lower bounds too, not only weight matrices")
        ->group(group);
    number("--clip-norm", training.clipNorm, 1e9, "Gradients are scaled down to this L2 norm; 0: off");
    command.add_option("--seed", training.seed, "Seed of initial weights and of the order of the data")
        ->group(group);
}

void addSchedulingFlags(CLI::App& command, TrainingOptions& training)
{
    const std::string group = "Validation, samples, checkpoints";
    const auto steps = [&](const std::string& flag, std::int64_t& value, const std::string& text) {
        return command.add_option(flag, value, text)
            ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40).description("COUNT"))
            ->group(group);
    };
    command
        .add_option("--validation-share", training.validationShare,
                    "Last part of each file kept for validation; 0: none")
        ->check(CLI::Range(0.0, 0.5))
        ->group(group);
    steps("--evaluate-every", training.evaluateEvery, "Steps between validations; 0: never");
    steps("--checkpoint-every", training.checkpointEvery, "Steps between checkpoints; 0: only at the end");
    steps("--keep-checkpoints", training.keepCheckpoints, "Newest checkpoints kept, besides the best one");
    CLI::Option* prompt = command
                              .add_option("--sample-prompt", training.samplePrompts,
                                          "Text that samples continue; may be given several times")
                              ->group(group);
    steps("--sample-every", training.sampleEvery, "Steps between samples; 0: never")->needs(prompt);
}

void declareTrainFlags(CLI::App& command, TrainOptions& options)
{
    CLI::Option_group* start = command.add_option_group("Start (one of)");
    start->add_option("--config", options.config, "config.json (Hugging Face style) of a new model")
        ->type_name("FILE");
    start->add_option("--model", options.model, "Model folder with full-precision weights to train further")
        ->type_name("MODEL");
    start->require_option(1);
    CLI::Option_group* data = command.add_option_group("Data (one of)");
    data->add_option("--data", options.data.files, "UTF-8 text files")->type_name("FILE");
    CLI::Option* tokenBatch =
        data->add_option("--token-batch", options.data.tokenBatch,
                         "Safetensors file with input_ids [batch, length]; with --overfit-batch")
            ->type_name("FILE");
    data->require_option(1);
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
    command.add_option("--run", options.run, "Run directory: metrics.jsonl, checkpoints/, run.json")
        ->type_name("DIR")
        ->required();
    command.add_flag("--resume", options.resume, "Continue the run in --run from its newest checkpoint");
    addHyperParameters(command, options.training);
    addSchedulingFlags(command, options.training);
    addExecutionFlags(command, options.execution);
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
                  "current step with a checkpoint (exit code 130); the same command with --resume "
                  "continues exactly.");
}

} // namespace mmfree::cli
