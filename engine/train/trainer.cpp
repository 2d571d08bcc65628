#include "engine/train/trainer.h"

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "engine/session/session.h"
#include "engine/train/run_directory.h"

#include <chrono>
#include <cmath>
#include <system_error>
#include <utility>

namespace mmfree
{

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace
{

constexpr std::int64_t kValidationTokens =
    32768; // at most, so that validation stays a small share of the time
constexpr std::int64_t kSampleTokens = 64;

double secondsSince(Clock::time_point start)
{
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// Targets of a fixed batch: the next id in the row; the last position of a row has none.
std::vector<TokenId> nextTokenTargets(const std::vector<TokenId>& inputs, std::int64_t length)
{
    std::vector<TokenId> targets(inputs.size(), -1);
    for (std::size_t i = 0; i + 1 < inputs.size(); ++i) {
        if ((static_cast<std::int64_t>(i) + 1) % length != 0)
            targets[i] = inputs[i + 1];
    }
    return targets;
}

} // namespace

Trainer::Trainer(std::unique_ptr<TrainingExecutor> executor, Setup setup, bool resume)
    : m_executor(std::move(executor))
    , m_setup(std::move(setup))
{
    validateTrainingOptions(m_setup.options);
    const std::int64_t positions = m_executor->layout().config().maxPositions;
    if (positions > 0 && m_setup.options.length > positions) {
        throw Error(ErrorCode::InvalidArgument, "--length is " + std::to_string(m_setup.options.length) +
                                                    ", needed: at most max_position_embeddings = " +
                                                    std::to_string(positions) + " of the model");
    }
    if (m_setup.options.overfitBatch) {
        const std::int64_t needed = m_setup.options.batch * m_setup.options.length;
        if (static_cast<std::int64_t>(m_setup.fixedBatch.size()) != needed) {
            throw Error(ErrorCode::InvalidArgument,
                        "the fixed batch holds " + std::to_string(m_setup.fixedBatch.size()) +
                            " tokens, needed: batch x length = " + std::to_string(needed));
        }
        m_inputs = m_setup.fixedBatch;
        m_targets = nextTokenTargets(m_inputs, m_setup.options.length);
    }
    const fs::path& directory = m_setup.runDirectory;
    std::error_code error;
    const bool exists = fs::exists(directory / "run.json", error);
    if (exists && !resume) {
        throw Error(ErrorCode::InvalidArgument,
                    directory.string() +
                        " already holds a run; choose another folder or continue it (--resume)");
    }
    if (!exists && resume)
        throw Error(ErrorCode::InvalidArgument,
                    directory.string() + " has no checkpoint to resume from: it holds no run");
    fs::create_directories(directory, error);
    if (error)
        throw Error(ErrorCode::Io, "cannot create " + directory.string() + ": " + error.message());
    if (resume)
        resumeFromCheckpoint();
    const nlohmann::json run = {{"format", 1},
                                {"options", trainingOptionsToJson(m_setup.options)},
                                {"model", modelConfigToJson(m_executor->layout().config())},
                                {"backend", m_executor->info().description},
                                {"command", m_setup.commandLine}};
    writeFileAtomically(directory / "run.json", run.dump(2) + "\n");
    if (!m_setup.text.tokenizerModel.empty())
        writeFileAtomically(directory / "tokenizer.model", m_setup.text.tokenizerModel);
}

// Metrics after the checkpoint are forgotten: the steps will be made again, with the same numbers. A run that
// ended before its first checkpoint starts anew, which is the same thing.
void Trainer::resumeFromCheckpoint()
{
    const fs::path& directory = m_setup.runDirectory;
    const std::optional<fs::path> folder = latestCheckpoint(directory);
    if (!folder) {
        m_firstMessage = directory.string() + " has no checkpoint yet: the run starts from its beginning";
        writeFileAtomically(directory / "metrics.jsonl", "");
        return;
    }
    TrainingSnapshot snapshot;
    const TrainerProgress progress = readCheckpointFolder(*folder, m_executor->layout(), snapshot);
    m_executor->restore(snapshot);
    m_step = progress.step;
    m_tokens = progress.tokens;
    m_elapsedSeconds = progress.elapsedSeconds;
    m_bestValidationLoss = progress.bestValidationLoss;
    m_bestStep = progress.bestStep;
    std::string kept;
    for (const StepMetrics& metrics : readMetrics(directory / "metrics.jsonl")) {
        if (metrics.step <= m_step)
            kept += stepMetricsToJson(metrics).dump() + "\n";
    }
    writeFileAtomically(directory / "metrics.jsonl", kept);
}

StepMetrics Trainer::trainOneStep()
{
    const TrainingOptions& options = m_setup.options;
    const Clock::time_point start = Clock::now();
    StepMetrics metrics{
        .step = m_step + 1, .learningRate = learningRateAt(options, m_step), .validationLoss = {}};
    for (std::int64_t micro = 0; micro < options.accumulate; ++micro) {
        if (!options.overfitBatch) {
            m_setup.dataset->drawBatch(options.seed, m_step * options.accumulate + micro, options.batch,
                                       options.length, m_inputs, m_targets);
        }
        metrics.loss += m_executor->forwardBackward({options.batch, options.length, m_inputs, m_targets}) /
                        static_cast<double>(options.accumulate);
    }
    const double meanScale = 1.0 / static_cast<double>(options.accumulate);
    metrics.gradientNorm = m_executor->gradientNorm() * meanScale;
    if (!std::isfinite(metrics.loss) || !std::isfinite(metrics.gradientNorm)) {
        const std::optional<fs::path> good = latestCheckpoint(m_setup.runDirectory);
        throw Error(
            ErrorCode::NumericFailure,
            "step " + std::to_string(metrics.step) + ": the loss is " + std::to_string(metrics.loss) +
                " and the gradient norm " + std::to_string(metrics.gradientNorm) +
                ", needed: finite numbers; last good checkpoint: " + (good ? good->string() : "none"));
    }
    const bool clip = options.clipNorm > 0.0 && metrics.gradientNorm > options.clipNorm;
    const double clipScale = clip ? options.clipNorm / (metrics.gradientNorm + 1e-6) : 1.0; // as torch clips
    m_executor->applyUpdate({.learningRate = metrics.learningRate,
                             .beta1 = options.beta1,
                             .beta2 = options.beta2,
                             .epsilon = options.adamEpsilon,
                             .weightDecay = options.weightDecay,
                             .decayAll = options.decayAll,
                             .gradientScale = meanScale * clipScale,
                             .step = metrics.step});
    const std::int64_t tokens = options.batch * options.length * options.accumulate;
    const double seconds = secondsSince(start);
    m_step = metrics.step;
    m_tokens += tokens;
    m_elapsedSeconds += seconds;
    metrics.tokens = m_tokens;
    metrics.tokensPerSecond = static_cast<double>(tokens) / std::max(seconds, 1e-9);
    metrics.elapsedSeconds = m_elapsedSeconds;
    return metrics;
}

// Consecutive windows from the start of the validation text, at most kValidationTokens of them.
std::optional<double> Trainer::validate()
{
    if (!m_setup.dataset || m_setup.dataset->validationTokens() < 3)
        return std::nullopt;
    const std::vector<TokenId>& tokens = m_setup.dataset->validation();
    const std::int64_t available = m_setup.dataset->validationTokens() - 1;
    const std::int64_t length = std::min(m_setup.options.length, available);
    const std::int64_t windows = std::max<std::int64_t>(1, std::min(available, kValidationTokens) / length);
    double sum = 0.0;
    for (std::int64_t first = 0; first < windows; first += m_setup.options.batch) {
        const std::int64_t rows = std::min(m_setup.options.batch, windows - first);
        const auto begin = static_cast<std::size_t>(first * length),
                   size = static_cast<std::size_t>(rows * length);
        const std::span all(tokens);
        sum += static_cast<double>(rows) *
               m_executor->evaluate({rows, length, all.subspan(begin, size), all.subspan(begin + 1, size)});
    }
    return sum / static_cast<double>(windows);
}

void Trainer::writeCheckpoint(const TrainerCallbacks& callbacks)
{
    const fs::path folder = writeCheckpointFolder(
        m_setup.runDirectory, m_executor->layout(), m_executor->snapshot(), m_setup.text,
        {m_step, m_tokens, m_elapsedSeconds, m_bestValidationLoss, m_bestStep});
    mmfree::removeOldCheckpoints(m_setup.runDirectory, m_setup.options.keepCheckpoints, m_bestStep);
    if (callbacks.onCheckpoint)
        callbacks.onCheckpoint(m_step, folder);
}

void Trainer::writeSamples(const TrainerCallbacks& callbacks)
{
    if (!callbacks.onSample || !m_setup.sampleBackend || m_setup.text.tokenizerModel.empty())
        return;
    const auto tokenizer = std::make_shared<const Tokenizer>(m_setup.text.tokenizerModel);
    const auto layout = std::make_shared<const ParameterLayout>(m_executor->layout());
    const auto source =
        makeParameterSource(layout, m_executor->snapshot().parameters, m_setup.text, "training");
    Session session(m_setup.sampleBackend->createInference(source, {}), tokenizer);
    for (const std::string& prompt : m_setup.options.samplePrompts) {
        session.reset();
        session.appendText(prompt, true);
        const GenerationResult result = session.generate(
            {.sampling = {.seed = m_setup.options.seed}, .maxTokens = kSampleTokens, .stopStrings = {}});
        callbacks.onSample(m_step, prompt, result.text);
    }
}

TrainingEnd Trainer::run(std::stop_token stop, const TrainerCallbacks& callbacks)
{
    const TrainingOptions& options = m_setup.options;
    std::ofstream log(m_setup.runDirectory / "metrics.jsonl", std::ios::app);
    if (callbacks.onMessage && !m_firstMessage.empty())
        callbacks.onMessage(std::exchange(m_firstMessage, {}));
    std::int64_t lastCheckpoint = m_step;
    const auto due = [&](std::int64_t every) {
        return every > 0 && (m_step % every == 0 || m_step == options.steps);
    };
    while (m_step < options.steps && !stop.stop_requested()) {
        StepMetrics metrics = trainOneStep();
        if (due(options.evaluateEvery))
            metrics.validationLoss = validate();
        if (metrics.validationLoss && std::isfinite(*metrics.validationLoss) &&
            (m_bestStep == 0 || *metrics.validationLoss < m_bestValidationLoss)) {
            m_bestValidationLoss = *metrics.validationLoss;
            m_bestStep = m_step;
        }
        log << stepMetricsToJson(metrics).dump() << '\n' << std::flush;
        if (!log)
            throw Error(ErrorCode::Io, "cannot write " + (m_setup.runDirectory / "metrics.jsonl").string() +
                                           " (disk full?)");
        if (callbacks.onStep)
            callbacks.onStep(metrics);
        if (options.sampleEvery > 0 && m_step % options.sampleEvery == 0)
            writeSamples(callbacks);
        if (options.checkpointEvery > 0 && m_step % options.checkpointEvery == 0) {
            writeCheckpoint(callbacks);
            lastCheckpoint = m_step;
        }
    }
    if (lastCheckpoint != m_step)
        writeCheckpoint(callbacks);
    return m_step < options.steps ? TrainingEnd::Stopped : TrainingEnd::Finished;
}

} // namespace mmfree
