#include "engine/train/trainer.h"

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "engine/session/session.h"
#include "engine/train/checkpoint.h"
#include "engine/train/run_directory.h"
#include "engine/train/run_journal.h"
#include "engine/train/ternary_statistics.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <system_error>
#include <unistd.h>
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
constexpr std::size_t kNormWindow = 64;          // steps whose gradient norms say what is usual
constexpr std::size_t kFewestNorms = 16;         // before that nothing counts as exploding
constexpr std::uint64_t kSpareBytes = 64u << 20; // free disk space left beside a checkpoint

double secondsSince(Clock::time_point start)
{
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// Memory of this process in RAM, from the kernel; 0 when it does not say.
std::int64_t residentBytes()
{
    std::ifstream stream("/proc/self/statm");
    std::int64_t total = 0, resident = 0;
    return stream >> total >> resident ? resident * sysconf(_SC_PAGESIZE) : 0;
}

double median(std::vector<double> values)
{
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
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
    m_journal = std::make_unique<RunJournal>(directory);
    // While a new checkpoint is written the old ones still stand.
    const std::uint64_t checkpoint = checkpointBytes(m_executor->layout(), m_setup.text);
    requireDiskSpace(directory,
                     checkpoint * static_cast<std::uint64_t>(
                                      std::min<std::int64_t>(m_setup.options.keepCheckpoints, 8) + 2) +
                         kSpareBytes,
                     "the run's checkpoints");
    if (resume)
        resumeFromCheckpoint();
    writeRunFile();
    if (!m_setup.text.tokenizerModel.empty())
        writeFileAtomically(directory / "tokenizer.model", m_setup.text.tokenizerModel);
}

Trainer::~Trainer() = default;
Trainer::Trainer(Trainer&&) noexcept = default;

void Trainer::writeRunFile()
{
    const fs::path& directory = m_setup.runDirectory;
    std::error_code error;
    RunRecord record;
    if (fs::exists(directory / "run.json", error))
        record = readRunRecord(directory);
    record.options = m_setup.options;
    record.model = m_executor->layout().config();
    record.source = m_setup.source;
    record.backend = m_executor->info().description;
    if (m_setup.dataset)
        record.validationTokens = m_setup.dataset->validationTokens();
    writeRunRecord(directory, record);
    nlohmann::json run = nlohmann::json::parse(readTextFile(directory / "run.json"));
    run["command"] = m_setup.commandLine;
    writeFileAtomically(directory / "run.json",
                        run.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
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
        m_journal->rewind(0);
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
    m_lastCheckpoint = m_step;
    m_journal->rewind(m_step);
    std::string kept;
    for (const StepMetrics& metrics : readMetrics(directory / "metrics.jsonl")) {
        if (metrics.step > m_step)
            continue;
        kept += stepMetricsToJson(metrics).dump() + "\n";
        if (metrics.validationLoss)
            m_worseValidations = metrics.step == m_bestStep ? 0 : m_worseValidations + 1;
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
    requireSoundStep(metrics);
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
    metrics.residentBytes = residentBytes();
    return metrics;
}

// Nothing of a step that fails here reaches the weights.
void Trainer::requireSoundStep(const StepMetrics& metrics)
{
    const auto fail = [&](const std::string& needed) {
        const std::optional<fs::path> good = latestCheckpoint(m_setup.runDirectory);
        throw Error(ErrorCode::NumericFailure,
                    "step " + std::to_string(metrics.step) + ": the loss is " + std::to_string(metrics.loss) +
                        " and the gradient norm " + std::to_string(metrics.gradientNorm) + ", needed: " +
                        needed + "; last good checkpoint: " + (good ? good->string() : "none"));
    };
    if (!std::isfinite(metrics.loss) || !std::isfinite(metrics.gradientNorm))
        fail("finite numbers");
    const double factor = m_setup.options.explodeFactor;
    if (factor > 0.0 && m_recentNorms.size() >= kFewestNorms) {
        const double usual = median(m_recentNorms);
        if (metrics.gradientNorm > factor * usual && usual > 0.0)
            fail("a gradient norm of at most " + std::to_string(factor) + " times the usual " +
                 std::to_string(usual) + " (--explode-factor)");
    }
    if (m_recentNorms.size() >= kNormWindow)
        m_recentNorms.erase(m_recentNorms.begin());
    m_recentNorms.push_back(metrics.gradientNorm);
}

// Consecutive windows from the start of the validation text, at most kValidationTokens of them.
std::optional<double> Trainer::validate()
{
    if (!m_setup.dataset || m_setup.dataset->validationTokens() < 3)
        return std::nullopt;
    const std::span tokens(m_setup.dataset->validation()), next(m_setup.dataset->validationTargets());
    const std::int64_t available = m_setup.dataset->validationTokens() - 1;
    const std::int64_t length = std::min(m_setup.options.length, available);
    const std::int64_t windows = std::max<std::int64_t>(1, std::min(available, kValidationTokens) / length);
    double sum = 0.0;
    std::int64_t predicted = 0;
    for (std::int64_t first = 0; first < windows; first += m_setup.options.batch) {
        const std::int64_t rows = std::min(m_setup.options.batch, windows - first);
        const auto begin = static_cast<std::size_t>(first * length),
                   size = static_cast<std::size_t>(rows * length);
        const std::span targets = next.subspan(begin, size);
        const std::int64_t count =
            std::count_if(targets.begin(), targets.end(), [](TokenId id) { return id >= 0; });
        if (count == 0)
            continue;
        sum += static_cast<double>(count) *
               m_executor->evaluate({rows, length, tokens.subspan(begin, size), targets});
        predicted += count;
    }
    if (predicted == 0)
        return std::nullopt;
    return sum / static_cast<double>(predicted);
}

void Trainer::writeCheckpoint(const TrainerCallbacks& callbacks)
{
    if (m_lastCheckpoint == m_step)
        return;
    try {
        requireDiskSpace(m_setup.runDirectory,
                         checkpointBytes(m_executor->layout(), m_setup.text) + kSpareBytes, "a checkpoint");
    } catch (const Error& error) {
        if (!m_setup.pauseOnFullDisk || m_stopAsked)
            throw;
        setPaused(true, error.what());
        return;
    }
    const fs::path folder = writeCheckpointFolder(
        m_setup.runDirectory, m_executor->layout(), m_executor->snapshot(), m_setup.text,
        {m_step, m_tokens, m_elapsedSeconds, m_bestValidationLoss, m_bestStep});
    m_lastCheckpoint = m_step;
    mmfree::removeOldCheckpoints(m_setup.runDirectory, m_setup.options.keepCheckpoints, m_bestStep);
    m_journal->addEvent(m_step, "checkpoint", folder.filename().string());
    if (callbacks.onCheckpoint)
        callbacks.onCheckpoint(m_step, folder);
}

void Trainer::writeSamples(const TrainerCallbacks& callbacks)
{
    if (!m_setup.sampleBackend || m_setup.text.tokenizerModel.empty() ||
        m_setup.options.samplePrompts.empty())
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
        m_journal->addSample({m_step, prompt, result.text});
        if (callbacks.onSample)
            callbacks.onSample(m_step, prompt, result.text);
    }
}

void Trainer::observeWeights()
{
    if (!m_executor->layout().config().isTernary())
        return;
    if (!m_observer)
        m_observer = std::make_unique<TernaryObserver>(m_executor->layout());
    const TernaryStatistics statistics = m_observer->look(m_step, m_executor->snapshot().parameters->span());
    m_journal->addLine("layers.jsonl", ternaryStatisticsToJson(statistics));
}

// Keeps the best validation and asks for the end when none was better for long.
void Trainer::takeValidation(const StepMetrics& metrics)
{
    if (!metrics.validationLoss || !std::isfinite(*metrics.validationLoss))
        return;
    const TrainingOptions& options = m_setup.options;
    if (m_bestStep == 0 || *metrics.validationLoss < m_bestValidationLoss - options.earlyStopMinDelta) {
        m_bestValidationLoss = *metrics.validationLoss;
        m_bestStep = m_step;
        m_worseValidations = 0;
        return;
    }
    ++m_worseValidations;
    if (options.earlyStopPatience > 0 && m_worseValidations >= options.earlyStopPatience) {
        m_stopAsked = true;
        m_endReason = "early stopping: no validation better than " + std::to_string(m_bestValidationLoss) +
                      " (step " + std::to_string(m_bestStep) + ") in the last " +
                      std::to_string(m_worseValidations);
    }
}

void Trainer::finishStep(StepMetrics& metrics, const TrainerCallbacks& callbacks)
{
    const TrainingOptions& options = m_setup.options;
    const auto due = [&](std::int64_t every) { return every > 0 && m_step % every == 0; };
    if (due(options.evaluateEvery) || (options.evaluateEvery > 0 && m_step == options.steps))
        metrics.validationLoss = validate();
    takeValidation(metrics);
    m_journal->addLine("metrics.jsonl", stepMetricsToJson(metrics));
    if (due(options.statisticsEvery))
        observeWeights();
    if (callbacks.onStep)
        callbacks.onStep(metrics);
    if (due(options.sampleEvery))
        writeSamples(callbacks);
    if (due(options.checkpointEvery))
        writeCheckpoint(callbacks);
}

void Trainer::runSteps(std::stop_token stop, const TrainerCallbacks& callbacks)
{
    if (m_setup.options.statisticsEvery > 0 && m_step < m_setup.options.steps)
        observeWeights(); // what the first flips are counted from
    while (m_step < m_setup.options.steps && obeyCommands(stop, callbacks)) {
        StepMetrics metrics = trainOneStep();
        finishStep(metrics, callbacks);
    }
    m_stopAsked = true; // nothing left to pause for
    writeCheckpoint(callbacks);
}

TrainingEnd Trainer::run(std::stop_token stop, const TrainerCallbacks& callbacks)
{
    if (callbacks.onMessage && !m_firstMessage.empty())
        callbacks.onMessage(std::exchange(m_firstMessage, {}));
    m_journal->addEvent(m_step, m_step > 0 ? "resumed" : "started", m_executor->info().description);
    m_journal->setStatus(RunStatus::Running, m_step);
    try {
        runSteps(stop, callbacks);
    } catch (const std::exception& error) {
        m_journal->addEvent(m_step, "failed", error.what());
        m_journal->setStatus(RunStatus::Failed, m_step, error.what());
        m_journal->release();
        throw;
    }
    const bool finished = m_step >= m_setup.options.steps;
    m_journal->addEvent(m_step, finished ? "finished" : "stopped", m_endReason);
    m_journal->setStatus(finished ? RunStatus::Finished : RunStatus::Stopped, m_step, m_endReason);
    m_journal->release();
    return finished ? TrainingEnd::Finished : TrainingEnd::Stopped;
}

} // namespace mmfree
