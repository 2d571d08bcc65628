// The list of chats in sections: pinned ones, folders, the rest by age. Headings are rows of their own and
// fold their section away; without a second section there are none. Follows a ConversationListModel.
#pragma once

#include "widgets/models/conversation.h"

#include <QAbstractListModel>
#include <QSet>

namespace mmfree::gui
{

class ConversationListModel;

class ConversationSections : public QAbstractListModel
{
    Q_OBJECT
public:
    enum Role { IsHeadingRole = Qt::UserRole + 50, FoldedRole, CountRole, FolderRole };

    explicit ConversationSections(ConversationListModel* source, QObject* parent = nullptr);

    [[nodiscard]] int rowOf(ConversationId id) const; // -1: not there or folded away
    [[nodiscard]] ConversationId idAt(int row) const; // 0: a heading or no such row
    void setFolded(int row, bool folded);             // of a heading
    void unfoldFor(ConversationId id);                // so that rowOf() finds it
    [[nodiscard]] QStringList folders() const;        // in use, sorted

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;
    [[nodiscard]] Qt::ItemFlags flags(const QModelIndex& index) const override;

private:
    struct Row {
        QString heading; // title; empty: a chat
        QString key;     // of the section
        QString folder;
        int count = 0; // of a heading: chats below it
        int source = -1;
        bool operator==(const Row&) const = default;
    };
    [[nodiscard]] std::vector<Row> arranged() const;
    void rebuild();
    void onSourceData(const QModelIndex& first, const QModelIndex& last);

    ConversationListModel* m_source;
    std::vector<Row> m_rows;
    QSet<QString> m_folded;
};

} // namespace mmfree::gui
