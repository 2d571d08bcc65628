// Trains a model: data order, schedule, clipping, accumulation, validation, samples, checkpoints, metrics.
// Knows no backend (it drives a TrainingExecutor), no window and no console. Runs on the calling thread.
//
// Run directory:
//   run.json             everything needed to repeat or resume: options, model, source (run_directory.h)
//   metrics.jsonl        one object a step, append-only
//   tokenizer.model      when the run has text
//   checkpoints/step-N/  Hugging Face folder, optimizer.safetensors, trainer.json, checksums.json; written to
//                        a temporary name first
//   checkpoints/latest   text file naming the newest complete checkpoint
//   and the files of run_journal.h, through which a running trainer is watched and commanded
#pragma once

#include "engine/runtime/backend.h"
#include "engine/text/tokenizer.h"

#include <functional>
#include <optional>
#include <stop_token>

namespace mmfree
{

class RunJournal;
class TernaryObserver;
struct RunCommand;

enum class LearningRateSchedule { Constant, Cosine, Paper };

// From `step` on (0-based) the schedule is multiplied by `scale`, until the next edit.
struct LearningRateEdit {
    std::int64_t step = 0;
    double scale = 1.0;
    friend bool operator==(const LearningRateEdit&, const LearningRateEdit&) = default;
};

struct TrainingOptions {
    std::int64_t steps = 1000;
    std::int64_t batch = 8, length = 256; // sequences x tokens of one micro-batch
    std::int64_t accumulate = 1;          // micro-batches per step
    double learningRate = 2e-3;
    LearningRateSchedule schedule = LearningRateSchedule::Cosine;
    std::int64_t warmupSteps = 0;        // linear from 0
    double finalLearningRateShare = 0.0; // cosine ends at this share of learningRate
    double beta1 = 0.9, beta2 = 0.95, adamEpsilon = 1e-8;
    double weightDecay = 0.01;
    bool decayAll = false;
    double clipNorm = 1.0; // 0: off
    std::uint64_t seed = 1;
    double validationShare = 0.05;      // last part of each file; 0: none
    std::int64_t evaluateEvery = 100;   // steps; 0: never
    std::int64_t checkpointEvery = 500; // steps; 0: only at the end
    std::int64_t keepCheckpoints = 2;   // newest kept, besides the best
    std::int64_t sampleEvery = 0;       // steps; 0: never
    std::vector<std::string> samplePrompts;
    bool overfitBatch = false;          // every step uses the same given batch
    std::int64_t statisticsEvery = 20;  // steps between looks at the ternary weights; 0: never
    std::int64_t earlyStopPatience = 0; // validations without a better one before the run ends; 0: off
    double earlyStopMinDelta = 0.0;     // nats per token a validation must gain to count as better
    double explodeFactor = 1000.0; // gradient norm over the median of the last ones that ends a run; 0: off
    std::vector<LearningRateEdit> learningRateEdits; // ascending steps; made while a run was paused
};

void validateTrainingOptions(const TrainingOptions& options); // throws InvalidArgument naming the flag

// Cosine: warm-up, then half a cosine to the final share. Paper: the cosine, halved from mid-training on,
// ending at 0 (arXiv:2406.02528 section 4: "reduce the learning rate by half midway").
[[nodiscard]] double learningRateAt(const TrainingOptions& options, std::int64_t step); // step 0-based

struct StepMetrics {
    std::int64_t step = 0; // 1-based: after this many updates
    double loss = 0.0;     // nats per token before the update
    double learningRate = 0.0;
    double gradientNorm = 0.0; // before clipping
    double tokensPerSecond = 0.0;
    std::int64_t tokens = 0;        // seen so far
    double elapsedSeconds = 0.0;    // over the whole run, resumed parts included
    std::int64_t residentBytes = 0; // memory of the process; 0: unknown
    std::optional<double> validationLoss;
};

// Tokens that frame a question in a conversation, such as <user> and <assistant>.
struct QuestionMarks {
    TokenId begin = -1, end = -1;
};

// Tokens for training and validation. Batches are drawn from (seed, micro-batch index) alone.
class TokenDataset
{
public:
    // With `questions`, the tokens behind each `begin` up to and with the next `end` are read but
    // not learned: their targets are -1. So a model spends itself on answers, not on what people ask.
    TokenDataset(std::vector<TokenId> training, std::vector<TokenId> validation,
                 std::optional<QuestionMarks> questions = {});
    [[nodiscard]] std::int64_t trainingTokens() const;
    [[nodiscard]] std::int64_t validationTokens() const;
    // Fills [batch, length] inputs and next-token targets with random windows. Throws InvalidText when the
    // text is shorter than length + 1 tokens.
    void drawBatch(std::uint64_t seed, std::int64_t index, std::int64_t batch, std::int64_t length,
                   std::vector<TokenId>& inputs, std::vector<TokenId>& targets) const;
    [[nodiscard]] const std::vector<TokenId>& validation() const { return m_validation; }
    // What follows each validation token; one less than validation(), -1 where there is no loss.
    [[nodiscard]] const std::vector<TokenId>& validationTargets() const { return m_validationTargets; }

private:
    std::vector<TokenId> m_training, m_validation;
    std::vector<TokenId> m_trainingTargets, m_validationTargets; // [tokens - 1]
};

// Reads UTF-8 text files (throws InvalidText naming file and offset for empty, binary or non-UTF-8 ones),
// splits off the validation share of each, encodes.
struct TextCorpus {
    std::string training, validation;
    std::vector<std::filesystem::path> files;
};
[[nodiscard]] TextCorpus readTextCorpus(const std::vector<std::filesystem::path>& files,
                                        double validationShare);

// The same for validation and training: BOS, then the text with control and user-defined pieces parsed. Empty
// for an empty text. `name` stands in messages.
[[nodiscard]] std::vector<TokenId> encodeTrainingText(const Tokenizer& tokenizer, const std::string& text,
                                                      const std::string& name);

// Where a run's data, tokenizer and first weights come from, and what computes it.
struct RunSource {
    struct File {
        std::string path; // absolute
        std::uint64_t bytes = 0;
        std::string checksum;
    };
    std::vector<File> dataFiles;
    std::string baseModel;  // model or checkpoint trained further; empty: fresh weights
    std::string tokenBatch; // with overfitBatch
    std::string tokenizer;  // given file; empty: the base model's, or one is trained
    std::string chatTemplate;
    std::int64_t vocabulary = 0; // pieces of a tokenizer to train; 0: the model's vocabulary
    std::vector<std::string> symbols;
    bool lossOnAnswers = false; // see TokenDataset
    std::string backend = "auto", isa;
    int threads = 0, device = 0;
};

struct TrainerCallbacks {
    std::function<void(const StepMetrics&)> onStep;
    std::function<void(std::int64_t step, const std::string& prompt, const std::string& text)> onSample;
    std::function<void(std::int64_t step, const std::filesystem::path&)> onCheckpoint;
    std::function<void(const std::string&)> onMessage; // for the log
};

enum class TrainingEnd { Finished, Stopped };

class Trainer
{
public:
    // `text` goes into checkpoints. Without `dataset`, `fixedBatch` must be given (overfitBatch): input ids
    // [batch, length], targets are the next ids, the last position of each row has none.
    struct Setup {
        TrainingOptions options;
        std::filesystem::path runDirectory;
        ModelText text;
        std::shared_ptr<const TokenDataset> dataset;
        std::vector<TokenId> fixedBatch;
        std::string commandLine;                // stored in run.json
        const Backend* sampleBackend = nullptr; // for samples; may be null (none)
        RunSource source;                       // stored in run.json
        bool pauseOnFullDisk = false; // wait for space and a command; else the lack of space ends the run
    };
    // Creates the run directory (throws Io when it cannot be written, InvalidArgument when it already holds a
    // run and !resume). `resume` continues from the newest checkpoint, or from the start when there is none.
    Trainer(std::unique_ptr<TrainingExecutor> executor, Setup setup, bool resume);

    ~Trainer();
    Trainer(Trainer&&) noexcept;

    // Runs until options.steps, stop request, early stopping, or an Error; obeys commands of the run
    // directory between steps. A stop request ends after the current step and writes a checkpoint. NaN/Inf
    // loss or gradient, or an exploding gradient, throws NumericFailure naming step and last good checkpoint.
    TrainingEnd run(std::stop_token stop, const TrainerCallbacks& callbacks);

    [[nodiscard]] std::int64_t step() const { return m_step; }
    [[nodiscard]] TrainingExecutor& executor() { return *m_executor; }
    [[nodiscard]] const std::string& endReason() const
    {
        return m_endReason;
    } // why it stopped early, for people

private:
    StepMetrics trainOneStep();
    void requireSoundStep(const StepMetrics& metrics);
    [[nodiscard]] std::optional<double> validate();
    void takeValidation(const StepMetrics& metrics);
    void writeCheckpoint(const TrainerCallbacks& callbacks);
    void resumeFromCheckpoint();
    void writeRunFile();
    void writeSamples(const TrainerCallbacks& callbacks);
    void observeWeights();
    void runSteps(std::stop_token stop, const TrainerCallbacks& callbacks);
    void finishStep(StepMetrics& metrics, const TrainerCallbacks& callbacks);
    bool obeyCommands(std::stop_token stop, const TrainerCallbacks& callbacks); // false: stop
    void obey(const RunCommand& command, const TrainerCallbacks& callbacks);
    void setPaused(bool paused, const std::string& why);
    std::unique_ptr<TrainingExecutor> m_executor;
    Setup m_setup;
    std::int64_t m_step = 0;
    std::int64_t m_tokens = 0;
    double m_elapsedSeconds = 0.0;
    double m_bestValidationLoss = 0.0; // 0: none yet
    std::int64_t m_bestStep = 0;
    std::vector<TokenId> m_inputs, m_targets;
    std::string m_firstMessage; // for the log, said when the run starts
    std::unique_ptr<RunJournal> m_journal;
    std::unique_ptr<TernaryObserver> m_observer;
    std::vector<double> m_recentNorms;   // of the last steps of this process, for what counts as exploding
    std::int64_t m_lastCheckpoint = -1;  // step; -1: none by this process
    std::int64_t m_worseValidations = 0; // since the best one
    std::int64_t m_grantedSteps = 0;     // single steps to make while paused
    bool m_paused = false, m_stopAsked = false;
    std::string m_endReason;
};

} // namespace mmfree
