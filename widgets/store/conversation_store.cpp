#include "widgets/store/conversation_store.h"

#include "widgets/store/store_schema.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QHash>
#include <QSet>
#include <QSqlError>
#include <QSqlQuery>
#include <QUuid>
#include <QVariant>

#include <algorithm>

namespace mmfree::gui
{

namespace
{

QString tr(const char* text)
{
    return QCoreApplication::translate("mmfree::gui::ConversationStore", text);
}

Message messageFrom(const QSqlQuery& row)
{
    Message message;
    message.id = row.value(0).toLongLong();
    message.parent = row.value(1).toLongLong();
    message.role = static_cast<ChatRole>(row.value(2).toInt());
    message.text = row.value(3).toString();
    message.status = static_cast<MessageStatus>(row.value(4).toInt());
    message.created = QDateTime::fromMSecsSinceEpoch(row.value(5).toLongLong());
    if (!row.value(6).isNull())
        message.stats = statsFromJson(row.value(6).toByteArray());
    return message;
}

constexpr const char* kSummaryColumns = "id, title, updated, pinned, folder";

ConversationSummary summaryFrom(const QSqlQuery& row)
{
    ConversationSummary summary;
    summary.id = row.value(0).toLongLong();
    summary.title = row.value(1).toString();
    summary.updated = QDateTime::fromMSecsSinceEpoch(row.value(2).toLongLong());
    summary.pinned = row.value(3).toBool();
    summary.folder = row.value(4).toString();
    return summary;
}

QString snippetAround(const QString& text, qsizetype at, qsizetype length)
{
    constexpr qsizetype kBefore = 16, kAfter = 60;
    const qsizetype begin = std::max<qsizetype>(0, at - kBefore);
    QString snippet = text.mid(begin, at - begin + length + kAfter).simplified();
    if (begin > 0)
        snippet.prepend(QChar(0x2026));
    return snippet;
}

constexpr const char* kMessageColumns =
    "m.id, m.parent, m.role, m.text, m.status, m.created, m.stats, m.deleted";

QVariant nullableId(qint64 id)
{
    return id == 0 ? QVariant(QMetaType(QMetaType::LongLong)) : QVariant(id);
}

QVariant statsColumn(const Message& message)
{
    return message.stats ? QVariant(QString::fromUtf8(statsToJson(*message.stats)))
                         : QVariant(QMetaType(QMetaType::QString));
}

// Qt binds a null string as NULL, which no text column takes.
QString stored(const QString& text)
{
    return text.isNull() ? QStringLiteral("") : text;
}

void moveAside(const QString& path, const QString& target)
{
    for (const char* suffix : {"", "-wal", "-shm"})
        QFile::rename(path + QLatin1String(suffix), target + QLatin1String(suffix));
}

} // namespace

ConversationStore::ConversationStore(const QString& path)
    : m_connection(QUuid::createUuid().toString())
{
    QDir().mkpath(QFileInfo(path).path());
    QString problem = openFile(path);
    if (!problem.isEmpty() && QFile::exists(path)) {
        closeFile();
        const QString aside = QStringLiteral("%1.aside-%2")
                                  .arg(path, QDateTime::currentDateTime().toString("yyyyMMdd-hhmmss-zzz"));
        moveAside(path, aside);
        const QString first = problem;
        if (!QFile::exists(path))
            problem = openFile(path);
        if (problem.isEmpty())
            m_notice = tr("%1\nThe file was kept as %2; new chats go into a new file.").arg(first, aside);
    }
    if (!problem.isEmpty()) {
        problem += QLatin1Char('\n') + openFile(QStringLiteral(":memory:"));
        m_notice = tr("%1: %2Chats of this session are held in memory only and are lost at the end.")
                       .arg(path, problem);
    }
    // What a killed process was writing is kept as far as it came.
    run(QStringLiteral("UPDATE messages SET status = ? WHERE status = ?"),
        {static_cast<int>(MessageStatus::Interrupted), static_cast<int>(MessageStatus::Streaming)});
    purgeDeleted();
}

ConversationStore::~ConversationStore()
{
    closeFile();
}

void ConversationStore::closeFile()
{
    m_database.close();
    m_database = QSqlDatabase();
    if (QSqlDatabase::contains(m_connection))
        QSqlDatabase::removeDatabase(m_connection);
}

QString ConversationStore::openFile(const QString& path)
{
    closeFile();
    m_database = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), m_connection);
    m_database.setDatabaseName(path);
    m_database.setConnectOptions(QStringLiteral("QSQLITE_BUSY_TIMEOUT=3000"));
    if (!m_database.open())
        return tr("The chat file %1 cannot be opened: %2").arg(path, m_database.lastError().databaseText());
    try {
        QSqlQuery check = run(QStringLiteral("PRAGMA quick_check(1)"));
        if (!check.next() || check.value(0).toString() != QLatin1String("ok"))
            return tr("The chat file %1 is damaged: %2").arg(path, check.value(0).toString());
        QSqlQuery versionQuery = run(QStringLiteral("PRAGMA user_version"));
        const int version = versionQuery.next() ? versionQuery.value(0).toInt() : -1;
        versionQuery.finish();
        check.finish();
        if (version > kSchemaVersion)
            return tr("The chat file %1 has version %2, needed: %3 or older (it was written by a newer "
                      "program).")
                .arg(path)
                .arg(version)
                .arg(kSchemaVersion);
        // The log makes a killed process harmless; NORMAL leaves only the newest moments to a power cut, and
        // never blocks the window on the disk.
        run(QStringLiteral("PRAGMA journal_mode = WAL"));
        run(QStringLiteral("PRAGMA synchronous = NORMAL"));
        run(QStringLiteral("PRAGMA foreign_keys = ON"));
        if (version < kSchemaVersion)
            migrate(version);
    } catch (const StoreError& error) {
        return tr("The chat file %1 cannot be used: %2").arg(path, QString::fromStdString(error.what()));
    }
    return {};
}

void ConversationStore::migrate(int version)
{
    inTransaction([&] {
        for (const QString& statement : schemaStatements(version))
            run(statement);
    });
}

void ConversationStore::inTransaction(const std::function<void()>& work)
{
    m_database.transaction();
    try {
        work();
    } catch (...) {
        m_database.rollback();
        throw;
    }
    if (!m_database.commit()) {
        const QString problem = m_database.lastError().text();
        m_database.rollback();
        throw StoreError(problem);
    }
}

QSqlQuery ConversationStore::run(const QString& statement, const QVariantList& values)
{
    QSqlQuery query(m_database);
    query.setForwardOnly(true);
    const bool prepared = query.prepare(statement);
    for (const QVariant& value : values)
        query.addBindValue(value);
    if (!prepared || !query.exec())
        throw StoreError(query.lastError().databaseText());
    return query;
}

std::vector<ConversationSummary> ConversationStore::conversations(const QString& search)
{
    std::vector<ConversationSummary> all;
    QSqlQuery rows = run(QStringLiteral("SELECT %1 FROM conversations WHERE deleted = 0"
                                        " ORDER BY updated DESC, id DESC")
                             .arg(QLatin1String(kSummaryColumns)));
    while (rows.next())
        all.push_back(summaryFrom(rows));
    if (search.isEmpty())
        return all;

    // SQLite folds only ASCII letters, so the comparison is made here.
    QHash<ConversationId, QString> snippets;
    QSqlQuery texts = run(QStringLiteral("SELECT conversation, text FROM messages WHERE deleted = 0"));
    while (texts.next()) {
        const ConversationId id = texts.value(0).toLongLong();
        if (snippets.contains(id))
            continue;
        const QString text = texts.value(1).toString();
        const qsizetype at = text.indexOf(search, 0, Qt::CaseInsensitive);
        if (at >= 0)
            snippets.insert(id, snippetAround(text, at, search.size()));
    }
    std::vector<ConversationSummary> found;
    for (ConversationSummary& summary : all) {
        const bool inTitle = summary.title.contains(search, Qt::CaseInsensitive);
        if (!inTitle)
            summary.snippet = snippets.value(summary.id);
        if (inTitle || snippets.contains(summary.id))
            found.push_back(std::move(summary));
    }
    return found;
}

ConversationSummary ConversationStore::conversation(ConversationId id)
{
    QSqlQuery row =
        run(QStringLiteral("SELECT %1 FROM conversations WHERE id = ?").arg(QLatin1String(kSummaryColumns)),
            {id});
    if (!row.next())
        throw StoreError(tr("There is no chat %1.").arg(id));
    return summaryFrom(row);
}

ConversationId ConversationStore::createConversation(const QString& title)
{
    const qint64 now = QDateTime::currentMSecsSinceEpoch();
    return run(QStringLiteral("INSERT INTO conversations (title, created, updated) VALUES (?, ?, ?)"),
               {stored(title), now, now})
        .lastInsertId()
        .toLongLong();
}

void ConversationStore::rename(ConversationId id, const QString& title)
{
    run(QStringLiteral("UPDATE conversations SET title = ? WHERE id = ?"), {stored(title), id});
}

void ConversationStore::setDeleted(ConversationId id, bool deleted)
{
    run(QStringLiteral("UPDATE conversations SET deleted = ? WHERE id = ?"), {deleted ? 1 : 0, id});
}

void ConversationStore::setPinned(ConversationId id, bool pinned)
{
    run(QStringLiteral("UPDATE conversations SET pinned = ? WHERE id = ?"), {pinned ? 1 : 0, id});
}

void ConversationStore::setFolder(ConversationId id, const QString& folder)
{
    run(QStringLiteral("UPDATE conversations SET folder = ? WHERE id = ?"), {stored(folder), id});
}

void ConversationStore::renameFolder(const QString& folder, const QString& to)
{
    run(QStringLiteral("UPDATE conversations SET folder = ? WHERE folder = ?"), {stored(to), stored(folder)});
}

void ConversationStore::purgeDeleted()
{
    run(QStringLiteral("DELETE FROM conversations WHERE deleted = 1"));
    run(QStringLiteral("DELETE FROM messages WHERE deleted = 1"));
}

QByteArray ConversationStore::settings(ConversationId id)
{
    QSqlQuery row = id == 0 ? run(QStringLiteral("SELECT text FROM notes WHERE name = 'settings'"))
                            : run(QStringLiteral("SELECT settings FROM conversations WHERE id = ?"), {id});
    return row.next() ? row.value(0).toString().toUtf8() : QByteArray();
}

void ConversationStore::setSettings(ConversationId id, const QByteArray& json)
{
    if (id == 0)
        run(QStringLiteral("INSERT OR REPLACE INTO notes (name, text) VALUES ('settings', ?)"),
            {stored(QString::fromUtf8(json))});
    else
        run(QStringLiteral("UPDATE conversations SET settings = ? WHERE id = ?"),
            {stored(QString::fromUtf8(json)), id});
}

QString ConversationStore::draft(ConversationId id)
{
    QSqlQuery row = id == 0 ? run(QStringLiteral("SELECT text FROM notes WHERE name = 'draft'"))
                            : run(QStringLiteral("SELECT draft FROM conversations WHERE id = ?"), {id});
    return row.next() ? row.value(0).toString() : QString();
}

void ConversationStore::setDraft(ConversationId id, const QString& text)
{
    if (id == 0)
        run(QStringLiteral("INSERT OR REPLACE INTO notes (name, text) VALUES ('draft', ?)"), {stored(text)});
    else
        run(QStringLiteral("UPDATE conversations SET draft = ? WHERE id = ?"), {stored(text), id});
}

std::vector<std::pair<QString, QByteArray>> ConversationStore::presets()
{
    std::vector<std::pair<QString, QByteArray>> found;
    QSqlQuery rows = run(QStringLiteral("SELECT name, settings FROM presets ORDER BY name COLLATE NOCASE"));
    while (rows.next())
        found.emplace_back(rows.value(0).toString(), rows.value(1).toString().toUtf8());
    return found;
}

void ConversationStore::setPreset(const QString& name, const QByteArray& json)
{
    run(QStringLiteral("INSERT OR REPLACE INTO presets (name, settings) VALUES (?, ?)"),
        {name, QString::fromUtf8(json)});
}

void ConversationStore::removePreset(const QString& name)
{
    run(QStringLiteral("DELETE FROM presets WHERE name = ?"), {name});
}

void ConversationStore::touch(ConversationId id)
{
    run(QStringLiteral("UPDATE conversations SET updated = ? WHERE id = ?"),
        {QDateTime::currentMSecsSinceEpoch(), id});
}

std::vector<Message> ConversationStore::allMessages(ConversationId id)
{
    QSqlQuery rows = run(QStringLiteral("SELECT %1 FROM messages m WHERE m.conversation = ? ORDER BY m.id")
                             .arg(QLatin1String(kMessageColumns)),
                         {id});
    std::vector<Message> messages;
    QSet<MessageId> hidden; // deleted, or after a deleted one; parents come first
    while (rows.next()) {
        Message message = messageFrom(rows);
        if (rows.value(7).toBool() || hidden.contains(message.parent))
            hidden.insert(message.id);
        else
            messages.push_back(std::move(message));
    }
    QHash<MessageId, int> counts;
    for (Message& message : messages)
        message.sibling = ++counts[message.parent];
    for (Message& message : messages)
        message.siblings = counts[message.parent];
    return messages;
}

MessageId ConversationStore::shownLeaf(ConversationId id)
{
    QSqlQuery row = run(QStringLiteral("SELECT leaf FROM conversations WHERE id = ?"), {id});
    return row.next() ? row.value(0).toLongLong() : 0;
}

std::vector<Message> ConversationStore::shownMessages(ConversationId id)
{
    std::vector<Message> path;
    std::vector<Message> all = allMessages(id);
    MessageId next = shownLeaf(id);
    for (auto message = all.rbegin(); message != all.rend(); ++message) {
        if (message->id != next)
            continue;
        next = message->parent;
        path.push_back(std::move(*message));
    }
    std::reverse(path.begin(), path.end());
    return path;
}

Message ConversationStore::addMessage(ConversationId id, const NewMessage& message)
{
    Message added;
    added.parent = message.parent;
    added.role = message.role;
    added.text = message.text;
    added.status = message.status;
    added.created = QDateTime::currentDateTime();
    inTransaction([&] {
        added.id =
            run(QStringLiteral("INSERT INTO messages (conversation, parent, role, text, status, created)"
                               " VALUES (?, ?, ?, ?, ?, ?)"),
                {id, nullableId(message.parent), static_cast<int>(message.role), stored(message.text),
                 static_cast<int>(message.status), added.created.toMSecsSinceEpoch()})
                .lastInsertId()
                .toLongLong();
        run(QStringLiteral("UPDATE conversations SET leaf = ? WHERE id = ?"), {added.id, id});
        touch(id);
    });
    const std::vector<MessageId> all = siblings(added.id);
    added.siblings = static_cast<int>(all.size());
    added.sibling = added.siblings;
    return added;
}

ConversationId ConversationStore::importConversation(const ConversationSummary& summary,
                                                     const QByteArray& settings,
                                                     const std::vector<Message>& messages, MessageId leaf)
{
    ConversationId id = 0;
    inTransaction([&] {
        const qint64 now = QDateTime::currentMSecsSinceEpoch();
        id =
            run(QStringLiteral("INSERT INTO conversations (title, created, updated, pinned, folder, settings)"
                               " VALUES (?, ?, ?, ?, ?, ?)"),
                {stored(summary.title), now,
                 summary.updated.isValid() ? summary.updated.toMSecsSinceEpoch() : now,
                 summary.pinned ? 1 : 0, stored(summary.folder), stored(QString::fromUtf8(settings))})
                .lastInsertId()
                .toLongLong();
        std::vector<MessageId> ids{0};
        for (const Message& message : messages) {
            const qint64 created = message.created.isValid() ? message.created.toMSecsSinceEpoch() : now;
            ids.push_back(
                run(QStringLiteral(
                        "INSERT INTO messages (conversation, parent, role, text, status, created, stats)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?)"),
                    {id, nullableId(ids.at(static_cast<std::size_t>(message.parent))),
                     static_cast<int>(message.role), stored(message.text), static_cast<int>(message.status),
                     created, statsColumn(message)})
                    .lastInsertId()
                    .toLongLong());
        }
        run(QStringLiteral("UPDATE conversations SET leaf = ? WHERE id = ?"),
            {ids.at(static_cast<std::size_t>(leaf)), id});
    });
    return id;
}

void ConversationStore::updateMessage(const Message& message)
{
    run(QStringLiteral("UPDATE messages SET text = ?, status = ?, stats = ? WHERE id = ?"),
        {stored(message.text), static_cast<int>(message.status), statsColumn(message), message.id});
}

void ConversationStore::showLeaf(ConversationId id, MessageId leaf)
{
    run(QStringLiteral("UPDATE conversations SET leaf = ? WHERE id = ?"), {leaf, id});
}

void ConversationStore::removeMessage(ConversationId id, MessageId message)
{
    inTransaction([&] {
        run(QStringLiteral("UPDATE conversations SET leaf ="
                           " COALESCE((SELECT parent FROM messages WHERE id = ?), 0)"
                           " WHERE id = ? AND leaf = ?"),
            {message, id, message});
        run(QStringLiteral("DELETE FROM messages WHERE id = ?"), {message});
    });
}

MessageId ConversationStore::deleteMessage(ConversationId id, MessageId message)
{
    const MessageId before = shownLeaf(id);
    inTransaction([&] {
        const std::vector<MessageId> others = siblings(message);
        const auto self = std::find(others.begin(), others.end(), message);
        QSqlQuery row = run(QStringLiteral("SELECT parent FROM messages WHERE id = ?"), {message});
        MessageId next = row.next() ? row.value(0).toLongLong() : 0;
        row.finish();
        if (self != others.begin() && self != others.end())
            next = newestLeafBelow(*std::prev(self));
        else if (others.size() > 1)
            next = newestLeafBelow(others.at(1));
        run(QStringLiteral("UPDATE messages SET deleted = 1 WHERE id = ?"), {message});
        showLeaf(id, next);
    });
    return before;
}

void ConversationStore::restoreMessage(ConversationId id, MessageId message, MessageId leaf)
{
    inTransaction([&] {
        run(QStringLiteral("UPDATE messages SET deleted = 0 WHERE id = ?"), {message});
        showLeaf(id, leaf);
    });
}

std::vector<MessageId> ConversationStore::siblings(MessageId message)
{
    QSqlQuery rows = run(QStringLiteral("SELECT s.id FROM messages m JOIN messages s"
                                        " ON s.conversation = m.conversation AND s.parent IS m.parent"
                                        " WHERE m.id = ? AND s.deleted = 0 ORDER BY s.id"),
                         {message});
    std::vector<MessageId> found;
    while (rows.next())
        found.push_back(rows.value(0).toLongLong());
    return found;
}

MessageId ConversationStore::newestLeafBelow(MessageId message)
{
    for (;;) {
        QSqlQuery row =
            run(QStringLiteral("SELECT MAX(id) FROM messages WHERE parent = ? AND deleted = 0"), {message});
        if (!row.next() || row.value(0).isNull())
            return message;
        message = row.value(0).toLongLong();
    }
}

} // namespace mmfree::gui
