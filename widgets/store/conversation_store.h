// Conversations on disk: one SQLite file, written while answers stream, safe against a killed process
// (write-ahead log). Messages form a tree; a conversation remembers which leaf it shows. Belongs to one
// thread.
#pragma once

#include "widgets/models/conversation.h"

#include <QByteArray>
#include <QSqlDatabase>
#include <QString>

#include <stdexcept>

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
    void setDeleted(ConversationId id, bool deleted); // hidden until purged; false brings it back
    void purgeDeleted();

    // The messages from the first to the leaf that the conversation shows.
    [[nodiscard]] std::vector<Message> shownMessages(ConversationId id);
    // Appends to the tree and shows it.
    Message addMessage(ConversationId id, const NewMessage& message);
    void updateMessage(const Message& message); // text, status and stats
    void showLeaf(ConversationId id, MessageId leaf);
    void removeMessage(ConversationId id, MessageId message); // a leaf; its parent is shown then

    void storeState(MessageId message,
                    const QByteArray& state); // one per conversation: the newest is what reopens it
    [[nodiscard]] QByteArray storedState(MessageId message);

private:
    [[nodiscard]] QString openFile(const QString& path); // empty: fine; else why the file cannot be used
    void closeFile();
    void createSchema();
    QSqlQuery run(const QString& statement, const QVariantList& values = {});
    void touch(ConversationId id);

    QString m_connection;
    QSqlDatabase m_database;
    QString m_notice;
};

} // namespace mmfree::gui
