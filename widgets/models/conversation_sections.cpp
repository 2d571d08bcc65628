#include "widgets/models/conversation_sections.h"

#include "widgets/models/conversation_list_model.h"

#include <algorithm>
#include <map>

namespace mmfree::gui
{

ConversationSections::ConversationSections(ConversationListModel* source, QObject* parent)
    : QAbstractListModel(parent)
    , m_source(source)
{
    connect(source, &QAbstractItemModel::modelReset, this, &ConversationSections::rebuild);
    connect(source, &QAbstractItemModel::rowsInserted, this, &ConversationSections::rebuild);
    connect(source, &QAbstractItemModel::rowsRemoved, this, &ConversationSections::rebuild);
    connect(source, &QAbstractItemModel::rowsMoved, this, &ConversationSections::rebuild);
    connect(source, &QAbstractItemModel::dataChanged, this, &ConversationSections::onSourceData);
    m_rows = arranged();
}

std::vector<ConversationSections::Row> ConversationSections::arranged() const
{
    // Sections by a key that sorts them: pinned, folders by name, then ages.
    struct Section {
        QString title, folder;
        std::vector<int> rows;
    };
    std::map<QString, Section> sections;
    const QDate today = QDate::currentDate();
    for (int row = 0; row < m_source->rowCount(); ++row) {
        const ConversationSummary& chat = m_source->at(row);
        QString key, title, folder;
        if (chat.pinned) {
            key = QStringLiteral("0");
            title = tr("Pinned");
        } else if (!chat.folder.isEmpty()) {
            key = QStringLiteral("1") + chat.folder.toCaseFolded() + QLatin1Char('\n') + chat.folder;
            title = folder = chat.folder;
        } else if (chat.updated.date() >= today) {
            key = QStringLiteral("2");
            title = tr("Today");
        } else if (chat.updated.date() >= today.addDays(-7)) {
            key = QStringLiteral("3");
            title = tr("Last seven days");
        } else {
            key = QStringLiteral("4");
            title = tr("Earlier");
        }
        Section& section = sections[key];
        section.title = title;
        section.folder = folder;
        section.rows.push_back(row);
    }
    std::vector<Row> rows;
    const bool single = sections.size() == 1 && sections.begin()->first >= QLatin1String("2");
    for (const auto& [key, section] : sections) {
        if (!single)
            rows.push_back({section.title, key, section.folder, static_cast<int>(section.rows.size()), -1});
        if (!single && m_folded.contains(key))
            continue;
        for (const int row : section.rows)
            rows.push_back({{}, key, section.folder, 0, row});
    }
    return rows;
}

void ConversationSections::rebuild()
{
    beginResetModel();
    m_rows = arranged();
    endResetModel();
}

void ConversationSections::onSourceData(const QModelIndex& first, const QModelIndex& last)
{
    if (arranged() != m_rows) {
        rebuild(); // pinned or moved to another folder
        return;
    }
    for (int row = 0; row < rowCount(); ++row) {
        const int source = m_rows[static_cast<std::size_t>(row)].source;
        if (source >= first.row() && source <= last.row())
            emit dataChanged(index(row), index(row));
    }
}

int ConversationSections::rowOf(ConversationId id) const
{
    const int source = m_source->rowOf(id);
    const auto found = std::find_if(m_rows.begin(), m_rows.end(),
                                    [source](const Row& row) { return source >= 0 && row.source == source; });
    return found == m_rows.end() ? -1 : static_cast<int>(found - m_rows.begin());
}

ConversationId ConversationSections::idAt(int row) const
{
    return row >= 0 && row < rowCount() ? m_source->idAt(m_rows[static_cast<std::size_t>(row)].source) : 0;
}

void ConversationSections::setFolded(int row, bool folded)
{
    if (row < 0 || row >= rowCount() || m_rows[static_cast<std::size_t>(row)].source >= 0)
        return;
    const QString key = m_rows[static_cast<std::size_t>(row)].key;
    if (folded == m_folded.contains(key))
        return;
    if (folded)
        m_folded.insert(key);
    else
        m_folded.remove(key);
    rebuild();
}

void ConversationSections::unfoldFor(ConversationId id)
{
    if (m_source->rowOf(id) < 0 || rowOf(id) >= 0)
        return;
    const QSet<QString> before = m_folded;
    for (const QString& key : before) {
        m_folded.remove(key);
        rebuild();
        if (rowOf(id) >= 0)
            return;
        m_folded.insert(key);
    }
    rebuild();
}

QStringList ConversationSections::folders() const
{
    QStringList names;
    for (int row = 0; row < m_source->rowCount(); ++row) {
        const QString& folder = m_source->at(row).folder;
        if (!folder.isEmpty() && !names.contains(folder))
            names << folder;
    }
    names.sort(Qt::CaseInsensitive);
    return names;
}

int ConversationSections::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

QVariant ConversationSections::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const Row& row = m_rows[static_cast<std::size_t>(index.row())];
    if (role == IsHeadingRole)
        return row.source < 0;
    if (role == FolderRole)
        return row.folder;
    if (row.source >= 0)
        return m_source->data(m_source->index(row.source), role);
    switch (role) {
    case Qt::DisplayRole:
        return row.heading;
    case Qt::AccessibleTextRole:
        return m_folded.contains(row.key) ? tr("%1, %2 chats, folded").arg(row.heading).arg(row.count)
                                          : tr("%1, %2 chats").arg(row.heading).arg(row.count);
    case FoldedRole:
        return m_folded.contains(row.key);
    case CountRole:
        return row.count;
    default:
        return {};
    }
}

bool ConversationSections::setData(const QModelIndex& index, const QVariant& value, int role)
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return false;
    const int source = m_rows[static_cast<std::size_t>(index.row())].source;
    return source >= 0 && m_source->setData(m_source->index(source), value, role);
}

Qt::ItemFlags ConversationSections::flags(const QModelIndex& index) const
{
    if (!index.isValid())
        return Qt::NoItemFlags;
    const int source = m_rows[static_cast<std::size_t>(index.row())].source;
    return source >= 0 ? m_source->flags(m_source->index(source))
                       : Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemNeverHasChildren;
}

} // namespace mmfree::gui
