// A conversation as the window holds it: messages of the path that is shown, with what was measured for each
// answer.
#pragma once

#include "engine/text/chat_template.h"

#include <QDateTime>
#include <QMetaType>
#include <QString>

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
    qint64 generatedTokens = 0;
    double timeToFirstTokenSeconds = 0.0;
    double prefillTokensPerSecond = 0.0; // 0: nothing had to be read
    double decodeTokensPerSecond = 0.0;
    double decodeSeconds = 0.0;
    qint64 sequenceTokens = 0;
    qint64 stateBytes = 0;
    qint64 weightBytes = 0;
    QString model;
    QString backend;
    quint64 seed = 0;
    bool continuesText = false; // written by a model without chat template: plain text
    friend bool operator==(const AnswerStats&, const AnswerStats&) = default;
};
[[nodiscard]] QByteArray statsToJson(const AnswerStats& stats);
[[nodiscard]] std::optional<AnswerStats> statsFromJson(const QByteArray& json);

struct Message {
    MessageId id = 0;
    MessageId parent = 0; // 0: first of the conversation
    ChatRole role = ChatRole::User;
    QString text;
    MessageStatus status = MessageStatus::Complete;
    std::optional<AnswerStats> stats;
    QDateTime created;
};

struct ConversationSummary {
    ConversationId id = 0;
    QString title;
    QDateTime updated;
    friend bool operator==(const ConversationSummary&, const ConversationSummary&) = default;
};

// First line of a text, shortened to a title.
[[nodiscard]] QString titleFromText(const QString& text);

} // namespace mmfree::gui
