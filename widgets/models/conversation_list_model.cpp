#include "widgets/models/conversation_list_model.h"

#include <QLocale>

#include <algorithm>

namespace mmfree::gui
{

namespace
{

QString dayText(const QDateTime& when)
{
    const QDate day = when.date();
    const QDate today = QDate::currentDate();
    const QLocale locale;
    if (day == today)
        return locale.toString(when.time(),
                               locale.timeFormat(QLocale::ShortFormat).remove(QLatin1String(":ss")));
    if (day.daysTo(today) == 1)
        return ConversationListModel::tr("Yesterday");
    return locale.toString(day, QLocale::ShortFormat);
}

} // namespace

ConversationListModel::ConversationListModel(QObject* parent)
    : QAbstractListModel(parent)
{
}

void ConversationListModel::setConversations(std::vector<ConversationSummary> conversations)
{
    if (conversations == m_conversations)
        return;
    beginResetModel();
    m_conversations = std::move(conversations);
    endResetModel();
}

void ConversationListModel::upsert(const ConversationSummary& conversation)
{
    const int row = rowOf(conversation.id);
    const auto before = std::find_if(m_conversations.begin(), m_conversations.end(), [&](const auto& other) {
        return other.id != conversation.id && other.updated <= conversation.updated;
    });
    int target = static_cast<int>(before - m_conversations.begin());
    if (row < 0) {
        beginInsertRows({}, target, target);
        m_conversations.insert(before, conversation);
        endInsertRows();
        return;
    }
    if (target != row && target != row + 1) {
        beginMoveRows({}, row, row, {}, target);
        m_conversations.erase(m_conversations.begin() + row);
        if (target > row)
            --target;
        m_conversations.insert(m_conversations.begin() + target, conversation);
        endMoveRows();
    } else {
        target = row;
        m_conversations[static_cast<std::size_t>(row)] = conversation;
    }
    emit dataChanged(index(target), index(target));
}

void ConversationListModel::remove(ConversationId id)
{
    const int row = rowOf(id);
    if (row < 0)
        return;
    beginRemoveRows({}, row, row);
    m_conversations.erase(m_conversations.begin() + row);
    endRemoveRows();
}

int ConversationListModel::rowOf(ConversationId id) const
{
    const auto found =
        std::find_if(m_conversations.begin(), m_conversations.end(),
                     [id](const ConversationSummary& conversation) { return conversation.id == id; });
    return found == m_conversations.end() ? -1 : static_cast<int>(found - m_conversations.begin());
}

ConversationId ConversationListModel::idAt(int row) const
{
    return row >= 0 && row < rowCount() ? m_conversations[static_cast<std::size_t>(row)].id : 0;
}

int ConversationListModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_conversations.size());
}

QVariant ConversationListModel::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const ConversationSummary& conversation = m_conversations[static_cast<std::size_t>(index.row())];
    switch (role) {
    case Qt::DisplayRole:
    case Qt::EditRole:
        return conversation.title;
    case Qt::ToolTipRole:
        return tr("%1\nLast written %2")
            .arg(conversation.title, QLocale().toString(conversation.updated, QLocale::ShortFormat));
    case Qt::AccessibleTextRole:
        return conversation.pinned
                   ? tr("%1, pinned, %2").arg(conversation.title, dayText(conversation.updated))
                   : tr("%1, %2").arg(conversation.title, dayText(conversation.updated));
    case IdRole:
        return conversation.id;
    case SnippetRole:
        return conversation.snippet;
    case PinnedRole:
        return conversation.pinned;
    case UpdatedRole:
        return dayText(conversation.updated);
    default:
        return {};
    }
}

bool ConversationListModel::setData(const QModelIndex& index, const QVariant& value, int role)
{
    if (role != Qt::EditRole || !checkIndex(index, CheckIndexOption::IndexIsValid))
        return false;
    ConversationSummary& conversation = m_conversations[static_cast<std::size_t>(index.row())];
    const QString title = value.toString().simplified();
    if (title.isEmpty() || title == conversation.title)
        return false;
    conversation.title = title;
    emit dataChanged(index, index);
    emit renamed(conversation.id, title);
    return true;
}

Qt::ItemFlags ConversationListModel::flags(const QModelIndex& index) const
{
    if (!index.isValid())
        return Qt::NoItemFlags;
    return Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemIsEditable | Qt::ItemNeverHasChildren;
}

} // namespace mmfree::gui
