// Values that travel between the window and its worker threads: requests down, results up. Plain data; shared
// pointers only to constant things.
#pragma once

#include "engine/core/error.h"
#include "engine/runtime/backend.h"
#include "engine/session/session.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"
#include "widgets/models/state_record.h"

#include <QByteArray>
#include <QMetaType>
#include <QString>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

namespace mmfree::gui
{

using JobId = quint64; // 0: no job

struct ErrorInfo {
    ErrorCode code = ErrorCode::InvalidArgument;
    QString message; // the engine's own words: thing, value found, value needed
};

// The error of the exception being handled; call inside a catch block.
[[nodiscard]] ErrorInfo currentError();
[[nodiscard]] QString errorTitle(ErrorCode code); // translated, one short sentence

// What the window knows of an open model. Constant after opening.
struct ModelInfo {
    QString name;
    QString path;
    ModelConfig config;
    qint64 parameterCount = 0;
    quint64 fileBytes = 0;
    bool hasLatentWeights = false;
    std::shared_ptr<const Tokenizer> tokenizer; // null: the model brought none, chat is not possible
    ChatTemplate chatTemplate;
    ExecutorInfo executor;
    MemoryUse memory; // with one empty state
    double openSeconds = 0.0;
    QString fingerprint; // same for the same weights and configuration; stored states belong to it
    [[nodiscard]] bool continuesText() const { return chatTemplate.name == "plain"; }
};

// A model ready to run; handed from the loading thread to the inference thread.
struct LoadedModel {
    std::shared_ptr<const ModelInfo> info;
    std::shared_ptr<InferenceExecutor> executor;
};

struct OpenRequest {
    JobId job = 0;
    QString path;
    QString backend; // empty: the best usable one
    std::stop_token stop;
    std::function<void(double share)>
        progress; // of the weights read, 0 to 1, on the loading thread; may be empty
};

// Thrown out of an OpenFunction when its request was stopped. Not an Error: nobody is told.
struct OpeningCancelled {
};

// Opens a model on the loading thread; throws Error or OpeningCancelled. Supplied by the application, which
// knows the backends.
struct OpenedParts {
    std::shared_ptr<const ModelSource> source;
    std::shared_ptr<InferenceExecutor> executor;
};
using OpenFunction = std::function<OpenedParts(const OpenRequest&)>;

struct BackendSummary {
    QString name;
    std::vector<DeviceInfo> devices;
};
using ListBackendsFunction = std::function<std::vector<BackendSummary>()>;

// What to answer to, and how.
struct AnswerTask {
    std::vector<ChatTurn> turns; // last one from the user: answer it; from the assistant: write on
    GenerateOptions options;
    // Instead of the model's own; stop strings and system prompt in it are the ones that hold.
    std::optional<ChatTemplate> chatTemplate;
    // Of a prefix of the conversation, from an earlier outcome; null: none. Used when it fits.
    std::shared_ptr<const StateRecord> state;
    // The whole sequence as tokens where it is known exactly (a branch inside an answer); empty: from turns.
    std::vector<TokenId> exactTokens;
};

struct GenerateRequest {
    JobId job = 0;
    AnswerTask task;
    std::stop_token stop;
};

struct GenerationOutcome {
    QString text; // the whole new text
    StopReason reason = StopReason::MaxTokens;
    GenerationStats stats;
    QString backend, device;
    MemoryUse memory;
    qint64 sequenceTokens = 0; // tokens of the whole sequence now
    // After this answer; null when too large to keep or when the text is not all that was read.
    std::shared_ptr<const StateRecord> answerState;
};

struct GenerationProgress {
    JobId job = 0;
    QString newText;
    qint64 tokens = 0; // generated so far
    double secondsSinceFirstToken = 0.0;
    double timeToFirstTokenSeconds = 0.0;
    QByteArray tokenChunk; // the new tokens as serializeTrace() makes them; empty: none
    std::shared_ptr<const StateRecord> promptState; // with the first progress of a job
    std::vector<Checkpoint> checkpoints;            // new ones
};

} // namespace mmfree::gui

Q_DECLARE_METATYPE(mmfree::gui::ErrorInfo)
Q_DECLARE_METATYPE(mmfree::gui::OpenRequest)
Q_DECLARE_METATYPE(mmfree::gui::LoadedModel)
Q_DECLARE_METATYPE(mmfree::gui::GenerateRequest)
Q_DECLARE_METATYPE(mmfree::gui::GenerationOutcome)
Q_DECLARE_METATYPE(mmfree::gui::GenerationProgress)
