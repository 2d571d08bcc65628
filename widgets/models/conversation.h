// A conversation as the window holds it: messages of the path that is shown, with what was measured for each
// answer.
#pragma once

#include "engine/session/sampler.h"
#include "engine/text/chat_template.h"

#include <QDateTime>
#include <QJsonObject>
#include <QMetaType>
#include <QString>
#include <QStringList>

#include <optional>
#include <vector>

namespace mmfree::gui
{

using ConversationId = qint64; // 0: not stored yet
using MessageId = qint64;

enum class MessageStatus {
    Complete = 0,
    Streaming = 1,
    Stopped = 2,     // the reader stopped it
    Interrupted = 3, // the program ended while it was written
    LengthLimit = 4, // "max tokens" reached
    ContextFull = 5, // the model (not a recurrent one) can read no more
};

// What was measured for one answer; stored with it.
struct AnswerStats {
    qint64 promptTokens = 0;
    qint64 generatedTokens = 0; // of all runs
    qint64 runTokens = 0;       // of the last run: all, unless the answer was continued
    double timeToFirstTokenSeconds = 0.0;
    double prefillTokensPerSecond = 0.0; // 0: nothing had to be read
    double decodeTokensPerSecond = 0.0;
    double prefillSeconds = 0.0;
    double decodeSeconds = 0.0;
    double tokenSecondsMedian = 0.0; // of the decode steps
    double tokenSecondsP95 = 0.0;
    std::vector<float> tokenMilliseconds; // each decode step after the first token, for the sparkline
    qint64 sequenceTokens = 0;
    qint64 stateBytes = 0;
    qint64 weightBytes = 0;
    qint64 activationBytes = 0;
    QString model;
    QString modelPath;
    QString backend;
    QString device; // "CPU, AVX2, 2 threads, 2-bit weights"
    QString build;  // version of this program
    quint64 seed = 0;
    // How it was drawn, for "Reproduce".
    SamplingOptions sampling;
    qint64 maxTokens = 0;
    QStringList stopStrings;
    bool continuesText = false; // written by a model without chat template: plain text
    friend bool operator==(const AnswerStats&, const AnswerStats&) = default;
};
[[nodiscard]] QByteArray statsToJson(const AnswerStats& stats);
[[nodiscard]] std::optional<AnswerStats> statsFromJson(const QByteArray& json);
[[nodiscard]] QJsonObject statsToObject(const AnswerStats& stats);
[[nodiscard]] AnswerStats statsFromObject(const QJsonObject& object);

struct Message {
    MessageId id = 0;
    MessageId parent = 0; // 0: first of the conversation
    ChatRole role = ChatRole::User;
    QString text;
    MessageStatus status = MessageStatus::Complete;
    std::optional<AnswerStats> stats;
    QDateTime created;
    // Among the messages with the same parent, from 1.
    int sibling = 1;
    int siblings = 1;
};

struct ConversationSummary {
    ConversationId id = 0;
    QString title;
    QDateTime updated;
    bool pinned = false;
    QString folder;  // empty: none
    QString snippet; // where a search found it, when not in the title
    friend bool operator==(const ConversationSummary&, const ConversationSummary&) = default;
};

// First line of a text, shortened to a title.
[[nodiscard]] QString titleFromText(const QString& text);

} // namespace mmfree::gui
