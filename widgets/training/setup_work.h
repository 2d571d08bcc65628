// The slow parts of setting a training run up: looking at text files, training or applying a tokenizer,
// compressing for comparison, and the two-second speed probe. Plain functions for background threads; errors
// come back as text in the reports.
#pragma once

#include "engine/text/chat_template.h"
#include "engine/train/run_directory.h"

#include <QList>
#include <QString>
#include <QStringList>

#include <memory>
#include <stop_token>

namespace mmfree::gui
{

struct DataFileReport {
    QString path;     // as given
    QString used;     // the text file trained on: `path`, or the text made of question/answer turns
    QString encoding; // "UTF-8", ...
    QString problem;  // why it cannot be used; empty: it can
    QString duplicateOf;
    qint64 bytes = 0, lines = 0, turns = 0;
};

struct DataReport {
    QList<DataFileReport> files;
    std::shared_ptr<const TextCorpus> corpus; // null: nothing usable
    std::vector<RunSource::File> described;
    bool hasTurns = false;
};
// `cache`: folder for text made of .jsonl turns ("question"/"answer", "prompt"/"response", ...), written with
// `markup` around them.
[[nodiscard]] DataReport inspectData(const QStringList& files, double validationShare, const QString& cache,
                                     const ChatTemplate& markup, std::stop_token stop);
// Where inspectData() leaves the chat template of such turns, for the model that learns from them.
[[nodiscard]] QString turnsTemplateFile(const QString& cache);
// Text files below dropped files and folders, in a stable order.
[[nodiscard]] QStringList textFilesIn(const QStringList& paths);

struct TokenizerReport {
    QString problem;
    std::shared_ptr<const Tokenizer> tokenizer;
    std::shared_ptr<const TokenDataset> dataset;
    double bytesPerToken = 0.0; // of the validation text, or of the training text when there is none
    qint64 validationBytes = 0;
    bool roundTrip = false; // decode(encode(text)) is the text
    double seconds = 0.0;
    QStringList pieces; // learned ones, longest first
};
// `model` empty: trains one of `pieces` pieces with `symbols`.
[[nodiscard]] TokenizerReport prepareTokenizer(std::shared_ptr<const TextCorpus> corpus,
                                               const std::string& model, qint64 pieces,
                                               const QStringList& symbols);

// Bits per byte of `xz -9` on the validation text once it knows the training text (the last 8 MiB of it).
[[nodiscard]] double xzBitsPerByte(const TextCorpus& corpus, std::stop_token stop); // 0: no validation text

struct ProbeReport {
    QString problem, backend;
    double tokensPerSecond = 0.0;
    qint64 parameterBytes = 0, activationBytes = 0; // measured
};
[[nodiscard]] ProbeReport probeSpeed(const ModelConfig& config, const TrainingOptions& options,
                                     const RunSource& source, std::shared_ptr<const TokenDataset> dataset,
                                     const std::vector<std::shared_ptr<const Backend>>& backends,
                                     std::stop_token stop);

struct MemoryEstimate {
    qint64 weights = 0, gradients = 0, moments = 0, activations = 0; // bytes
    [[nodiscard]] qint64 total() const { return weights + gradients + moments + activations; }
};
[[nodiscard]] MemoryEstimate estimateMemory(const ModelConfig& config, const TrainingOptions& options);
[[nodiscard]] qint64 machineMemoryBytes();

} // namespace mmfree::gui
