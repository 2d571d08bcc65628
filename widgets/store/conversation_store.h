// Conversations on disk: one SQLite file, written while answers stream, safe against a killed process
// (write-ahead log). Messages form a tree; a conversation remembers which leaf it shows. Belongs to one
// thread.
#pragma once

#include "widgets/models/conversation.h"
#include "widgets/models/state_record.h"
#include "widgets/models/token_trace.h"

#include <QByteArray>
#include <QSqlDatabase>
#include <QString>

#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

class QSqlQuery;

namespace mmfree::gui
{

class StoreError : public std::runtime_error
{
public:
    explicit StoreError(const QString& message)
        : std::runtime_error(message.toStdString())
    {
    }
};

struct NewMessage {
    MessageId parent = 0;
    ChatRole role = ChatRole::User;
    QString text;
    MessageStatus status = MessageStatus::Complete;
};

class ConversationStore
{
public:
    // Opens or creates `path`. A damaged file or one of a newer version is renamed aside and a new one begun;
    // when the folder cannot be written, conversations are held in memory. notice() then says what happened.
    explicit ConversationStore(const QString& path);
    ~ConversationStore();
    ConversationStore(const ConversationStore&) = delete;
    ConversationStore& operator=(const ConversationStore&) = delete;

    [[nodiscard]] const QString& notice() const { return m_notice; } // empty: nothing to tell

    // Newest first. With `search`, only those whose title or any message contains it, in any case.
    [[nodiscard]] std::vector<ConversationSummary> conversations(const QString& search = {});
    [[nodiscard]] ConversationSummary conversation(ConversationId id);
    ConversationId createConversation(const QString& title);
    void rename(ConversationId id, const QString& title);
    void setPinned(ConversationId id, bool pinned);
    void setFolder(ConversationId id, const QString& folder);    // empty: none
    void renameFolder(const QString& folder, const QString& to); // empty: its chats are in none
    void setDeleted(ConversationId id, bool deleted);            // hidden until purged; false brings it back
    void purgeDeleted();                                         // conversations and messages

    // What was set for this conversation alone (a JSON object) and what was typed but not sent. Conversation
    // 0 is the chat that does not exist before its first message.
    [[nodiscard]] QByteArray settings(ConversationId id);
    void setSettings(ConversationId id, const QByteArray& json);
    [[nodiscard]] QString draft(ConversationId id);
    void setDraft(ConversationId id, const QString& text);

    // Named settings (JSON objects).
    [[nodiscard]] std::vector<std::pair<QString, QByteArray>> presets();
    void setPreset(const QString& name, const QByteArray& json);
    void removePreset(const QString& name);

    // The messages from the first to the leaf that the conversation shows.
    [[nodiscard]] std::vector<Message> shownMessages(ConversationId id);
    [[nodiscard]] std::vector<Message> allMessages(ConversationId id); // the tree, parents first
    [[nodiscard]] MessageId shownLeaf(ConversationId id);
    // Appends to the tree and shows it.
    Message addMessage(ConversationId id, const NewMessage& message);
    // Puts a whole tree into a new conversation; `parent` of a message counts messages of the list from 1,
    // parents first. `leaf` likewise.
    ConversationId importConversation(const ConversationSummary& summary, const QByteArray& settings,
                                      const std::vector<Message>& messages, MessageId leaf);
    void updateMessage(const Message& message); // text, status and stats
    void showLeaf(ConversationId id, MessageId leaf);
    void removeMessage(ConversationId id, MessageId message); // a leaf, for good; its parent is shown then
    // Hides a message and everything after it; a sibling is shown then, else its parent. Returns the leaf
    // shown before, for restoreMessage().
    MessageId deleteMessage(ConversationId id, MessageId message);
    void restoreMessage(ConversationId id, MessageId message, MessageId leaf);
    // Siblings of a message, itself included, in the order they were written.
    [[nodiscard]] std::vector<MessageId> siblings(MessageId message);
    [[nodiscard]] MessageId newestLeafBelow(MessageId message); // itself when nothing follows

    // States of the model, see state_record.h. Tokens are stored once for those that extend each other.
    void storeState(MessageId message, StatePoint point, const StateRecord& state);
    [[nodiscard]] std::optional<StateRecord> state(MessageId message, StatePoint point);
    // Of the message or the nearest one before it that has a state of this model.
    [[nodiscard]] std::optional<StateRecord> newestState(MessageId message, const QString& fingerprint);
    void forgetStates(MessageId message);
    void storeCheckpoints(MessageId message, const std::vector<Checkpoint>& checkpoints);
    // The last one that has read at most `position` tokens.
    [[nodiscard]] std::optional<Checkpoint> checkpointBefore(MessageId message, std::int64_t position);

    // The tokens of an answer, in chunks as serializeTrace() made them.
    void appendTokens(MessageId message, const QByteArray& chunk);
    [[nodiscard]] TokenTrace tokens(MessageId message); // up to the first chunk that is damaged
    void forgetTokens(MessageId message);
    [[nodiscard]] qint64 tokenBytes(); // on disk, of all messages

private:
    [[nodiscard]] QString openFile(const QString& path); // empty: fine; else why the file cannot be used
    void closeFile();
    void migrate(int version);
    QSqlQuery run(const QString& statement, const QVariantList& values = {});
    void inTransaction(const std::function<void()>& work);
    void touch(ConversationId id);
    [[nodiscard]] std::optional<StateRecord> stateWithTokens(MessageId message, int point, int& depth);

    QString m_connection;
    QSqlDatabase m_database;
    QString m_notice;
};

} // namespace mmfree::gui
