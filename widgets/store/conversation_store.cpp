#include "widgets/store/conversation_store.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSqlError>
#include <QSqlQuery>
#include <QUuid>
#include <QVariant>

namespace mmfree::gui
{

namespace
{

constexpr int kSchemaVersion = 1;
constexpr int kApplicationId = 0x4d4d4631; // "MMF1", marks the file as ours

QString tr(const char* text)
{
    return QCoreApplication::translate("ConversationStore", text);
}

const char* const kSchema[] = {
    "CREATE TABLE conversations (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL,"
    " created INTEGER NOT NULL, updated INTEGER NOT NULL, leaf INTEGER NOT NULL DEFAULT 0,"
    " deleted INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " conversation INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,"
    " parent INTEGER REFERENCES messages(id) ON DELETE CASCADE, role INTEGER NOT NULL, text TEXT NOT NULL,"
    " status INTEGER NOT NULL, created INTEGER NOT NULL, stats TEXT)",
    "CREATE INDEX messages_of_conversation ON messages(conversation)",
    "CREATE INDEX children_of_message ON messages(parent)",
    "CREATE TABLE states (message INTEGER PRIMARY KEY REFERENCES messages(id) ON DELETE CASCADE, state BLOB "
    "NOT NULL)",
};

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
        if (version == 0)
            createSchema();
    } catch (const StoreError& error) {
        return tr("The chat file %1 cannot be used: %2").arg(path, QString::fromStdString(error.what()));
    }
    return {};
}

void ConversationStore::createSchema()
{
    m_database.transaction();
    for (const char* statement : kSchema)
        run(QString::fromLatin1(statement));
    run(QStringLiteral("PRAGMA application_id = %1").arg(kApplicationId));
    run(QStringLiteral("PRAGMA user_version = %1").arg(kSchemaVersion));
    if (!m_database.commit())
        throw StoreError(m_database.lastError().text());
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
    std::vector<ConversationSummary> found;
    QSqlQuery rows = run(QStringLiteral(
        "SELECT id, title, updated FROM conversations WHERE deleted = 0 ORDER BY updated DESC, id DESC"));
    while (rows.next()) {
        ConversationSummary summary{rows.value(0).toLongLong(), rows.value(1).toString(),
                                    QDateTime::fromMSecsSinceEpoch(rows.value(2).toLongLong())};
        bool matches = search.isEmpty() || summary.title.contains(search, Qt::CaseInsensitive);
        if (!matches) {
            // SQLite folds only ASCII letters, so the comparison is made here.
            QSqlQuery texts =
                run(QStringLiteral("SELECT text FROM messages WHERE conversation = ?"), {summary.id});
            while (!matches && texts.next())
                matches = texts.value(0).toString().contains(search, Qt::CaseInsensitive);
        }
        if (matches)
            found.push_back(std::move(summary));
    }
    return found;
}

ConversationSummary ConversationStore::conversation(ConversationId id)
{
    QSqlQuery row = run(QStringLiteral("SELECT id, title, updated FROM conversations WHERE id = ?"), {id});
    if (!row.next())
        throw StoreError(tr("There is no chat %1.").arg(id));
    return {row.value(0).toLongLong(), row.value(1).toString(),
            QDateTime::fromMSecsSinceEpoch(row.value(2).toLongLong())};
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

void ConversationStore::purgeDeleted()
{
    run(QStringLiteral("DELETE FROM conversations WHERE deleted = 1"));
}

std::vector<Message> ConversationStore::shownMessages(ConversationId id)
{
    // Up from the shown leaf; the depth column restores the order of reading.
    QSqlQuery rows =
        run(QStringLiteral("WITH RECURSIVE path(id, depth) AS ("
                           " SELECT leaf, 0 FROM conversations WHERE id = ?"
                           " UNION ALL SELECT m.parent, depth + 1 FROM messages m JOIN path p ON m.id = p.id"
                           " WHERE m.parent IS NOT NULL)"
                           " SELECT m.id, m.parent, m.role, m.text, m.status, m.created, m.stats"
                           " FROM path p JOIN messages m ON m.id = p.id ORDER BY p.depth DESC"),
            {id});
    std::vector<Message> messages;
    while (rows.next())
        messages.push_back(messageFrom(rows));
    return messages;
}

Message ConversationStore::addMessage(ConversationId id, const NewMessage& message)
{
    Message added;
    added.parent = message.parent;
    added.role = message.role;
    added.text = message.text;
    added.status = message.status;
    added.created = QDateTime::currentDateTime();
    m_database.transaction();
    const QVariant parent =
        message.parent == 0 ? QVariant(QMetaType(QMetaType::LongLong)) : QVariant(message.parent);
    added.id = run(QStringLiteral("INSERT INTO messages (conversation, parent, role, text, status, created)"
                                  " VALUES (?, ?, ?, ?, ?, ?)"),
                   {id, parent, static_cast<int>(message.role), stored(message.text),
                    static_cast<int>(message.status), added.created.toMSecsSinceEpoch()})
                   .lastInsertId()
                   .toLongLong();
    run(QStringLiteral("UPDATE conversations SET leaf = ? WHERE id = ?"), {added.id, id});
    touch(id);
    if (!m_database.commit())
        throw StoreError(m_database.lastError().text());
    return added;
}

void ConversationStore::updateMessage(const Message& message)
{
    const QVariant stats = message.stats ? QVariant(QString::fromUtf8(statsToJson(*message.stats)))
                                         : QVariant(QMetaType(QMetaType::QString));
    run(QStringLiteral("UPDATE messages SET text = ?, status = ?, stats = ? WHERE id = ?"),
        {stored(message.text), static_cast<int>(message.status), stats, message.id});
}

void ConversationStore::showLeaf(ConversationId id, MessageId leaf)
{
    run(QStringLiteral("UPDATE conversations SET leaf = ? WHERE id = ?"), {leaf, id});
}

void ConversationStore::removeMessage(ConversationId id, MessageId message)
{
    m_database.transaction();
    run(QStringLiteral("UPDATE conversations SET leaf ="
                       " COALESCE((SELECT parent FROM messages WHERE id = ?), 0) WHERE id = ? AND leaf = ?"),
        {message, id, message});
    run(QStringLiteral("DELETE FROM messages WHERE id = ?"), {message});
    if (!m_database.commit())
        throw StoreError(m_database.lastError().text());
}

void ConversationStore::storeState(MessageId message, const QByteArray& state)
{
    m_database.transaction();
    run(QStringLiteral("DELETE FROM states WHERE message IN (SELECT id FROM messages WHERE conversation ="
                       " (SELECT conversation FROM messages WHERE id = ?))"),
        {message});
    if (!state.isEmpty())
        run(QStringLiteral("INSERT INTO states (message, state) VALUES (?, ?)"), {message, state});
    if (!m_database.commit())
        throw StoreError(m_database.lastError().text());
}

QByteArray ConversationStore::storedState(MessageId message)
{
    QSqlQuery row = run(QStringLiteral("SELECT state FROM states WHERE message = ?"), {message});
    return row.next() ? row.value(0).toByteArray() : QByteArray();
}

void ConversationStore::touch(ConversationId id)
{
    run(QStringLiteral("UPDATE conversations SET updated = ? WHERE id = ?"),
        {QDateTime::currentMSecsSinceEpoch(), id});
}

} // namespace mmfree::gui
