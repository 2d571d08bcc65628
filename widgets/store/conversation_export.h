// Conversations as files for people (Markdown, HTML, PDF) and for this and other programs (JSON). Text in,
// text out; writing the files is the caller's business. Knows no database.
#pragma once

#include "widgets/models/conversation.h"

#include <QByteArray>

#include <stdexcept>
#include <vector>

namespace mmfree::gui
{

class ImportError : public std::runtime_error
{
public:
    explicit ImportError(const QString& message)
        : std::runtime_error(message.toStdString())
    {
    }
};

// A whole tree. Ids of messages count from 1 in the order of the list, parents first.
struct ExportedConversation {
    ConversationSummary summary;
    QByteArray settings; // JSON object, may be empty
    std::vector<Message> messages;
    MessageId leaf = 0; // 0: nothing is shown
};

// Renumbers messages that have the ids of a store.
[[nodiscard]] ExportedConversation exportable(ConversationSummary summary, QByteArray settings,
                                              std::vector<Message> messages, MessageId leaf);

[[nodiscard]] QString toMarkdown(const QString& title, const std::vector<Message>& messages);
[[nodiscard]] QString toHtml(const QString& title, const std::vector<Message>& messages);
[[nodiscard]] QByteArray toPdf(const QString& title, const std::vector<Message>& messages);
[[nodiscard]] QByteArray conversationsToJson(const std::vector<ExportedConversation>& conversations);

// Throws ImportError naming what is wrong, what was found and what is needed; then nothing is returned.
[[nodiscard]] std::vector<ExportedConversation> conversationsFromJson(const QByteArray& json);

} // namespace mmfree::gui
