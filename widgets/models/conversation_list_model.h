// The stored conversations, newest first, for the list beside the transcript. Knows no widget and no
// database: the chat controller fills it.
#pragma once

#include "widgets/models/conversation.h"

#include <QAbstractListModel>

namespace mmfree::gui
{

class ConversationListModel : public QAbstractListModel
{
    Q_OBJECT
public:
    enum Role { IdRole = Qt::UserRole + 1, UpdatedRole, SnippetRole, PinnedRole };

    explicit ConversationListModel(QObject* parent = nullptr);

    void setConversations(std::vector<ConversationSummary> conversations);
    void upsert(const ConversationSummary& conversation); // moves it to the place its date gives it
    void remove(ConversationId id);

    [[nodiscard]] const ConversationSummary& at(int row) const // must exist
    {
        return m_conversations[static_cast<std::size_t>(row)];
    }
    [[nodiscard]] int rowOf(ConversationId id) const; // -1: not there
    [[nodiscard]] ConversationId idAt(int row) const; // 0: no such row

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override; // renames
    [[nodiscard]] Qt::ItemFlags flags(const QModelIndex& index) const override;

signals:
    void renamed(qint64 id, const QString& title);

private:
    std::vector<ConversationSummary> m_conversations;
};

} // namespace mmfree::gui
