#include "widgets/compare/comparison_store.h"

#include "engine/analysis/compare_file.h"
#include "engine/analysis/compare_report.h"
#include "engine/core/error.h"

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
constexpr int kApplicationId = 0x4d4d4332; // "MMC2", marks the file as ours

QString tr(const char* text)
{
    return QCoreApplication::translate("ComparisonStore", text);
}

QString stored(const QString& text)
{
    return text.isNull() ? QStringLiteral("") : text; // a null string binds as NULL
}

} // namespace

// One statement that throws what went wrong.
class ComparisonStore::Query
{
public:
    Query(const QSqlDatabase& database, const QString& statement, const QVariantList& values = {})
        : m_query(database)
    {
        bool fine = m_query.prepare(statement);
        for (const QVariant& value : values)
            m_query.addBindValue(value);
        fine = fine && m_query.exec();
        if (!fine)
            throw Error(ErrorCode::Io, database.databaseName().toStdString() + ": " +
                                           m_query.lastError().text().toStdString());
    }
    QSqlQuery* operator->() { return &m_query; }

private:
    QSqlQuery m_query;
};

ComparisonStore::ComparisonStore(const QString& path)
    : m_connection(QUuid::createUuid().toString())
{
    QDir().mkpath(QFileInfo(path).path());
    QString problem = openFile(path);
    if (!problem.isEmpty() && QFile::exists(path)) {
        m_database.close();
        const QString aside = QStringLiteral("%1.aside-%2")
                                  .arg(path, QDateTime::currentDateTime().toString("yyyyMMdd-hhmmss-zzz"));
        if (QFile::rename(path, aside)) {
            m_notice = tr("%1 could not be used (%2). It was kept as %3.").arg(path, problem, aside);
            problem = openFile(path);
        }
    }
    if (problem.isEmpty())
        return;
    m_notice = tr("Comparisons cannot be kept: %1").arg(problem);
    m_database.close();
    problem = openFile(QStringLiteral(":memory:"));
    if (!problem.isEmpty())
        throw Error(ErrorCode::Io, problem.toStdString());
}

ComparisonStore::~ComparisonStore()
{
    m_database.close();
    m_database = {};
    QSqlDatabase::removeDatabase(m_connection);
}

QString ComparisonStore::openFile(const QString& path)
{
    m_database = QSqlDatabase::contains(m_connection)
                     ? QSqlDatabase::database(m_connection, false)
                     : QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), m_connection);
    m_database.setDatabaseName(path);
    if (!m_database.open())
        return m_database.lastError().text();
    try {
        // Each reading ends before the next statement: an open one forbids changing the journal.
        const auto number = [this](const char* statement) {
            Query query(m_database, QString::fromLatin1(statement));
            return query->next() ? query->value(0).toInt() : 0;
        };
        const int found = number("PRAGMA user_version"), owner = number("PRAGMA application_id");
        const bool fresh = number("SELECT count(*) FROM sqlite_master") == 0;
        if (!fresh && (owner != kApplicationId || found != kSchemaVersion))
            return tr("it is no list of comparisons of this version");
        Query(m_database, QStringLiteral("PRAGMA journal_mode = WAL"));
        Query(m_database, QStringLiteral("PRAGMA synchronous = FULL"));
        if (fresh) {
            Query(m_database, QStringLiteral("CREATE TABLE runs (id INTEGER PRIMARY KEY AUTOINCREMENT,"
                                             " started TEXT NOT NULL, title TEXT NOT NULL,"
                                             " machine TEXT NOT NULL, tags TEXT NOT NULL,"
                                             " pinned INTEGER NOT NULL DEFAULT 0,"
                                             " deleted INTEGER NOT NULL DEFAULT 0, rounds INTEGER NOT NULL,"
                                             " contenders INTEGER NOT NULL, file BLOB NOT NULL)"));
            Query(m_database, QStringLiteral("PRAGMA application_id = %1").arg(kApplicationId));
            Query(m_database, QStringLiteral("PRAGMA user_version = %1").arg(kSchemaVersion));
        }
        Query(m_database, QStringLiteral("DELETE FROM runs WHERE deleted = 1"));
    } catch (const Error& error) {
        return QString::fromUtf8(error.what());
    }
    return {};
}

qint64 ComparisonStore::add(const CompareRun& run, const QString& tags)
{
    const std::string text = compareRunToText(run);
    const QByteArray file = qCompress(QByteArray::fromStdString(text));
    Query query(m_database,
                QStringLiteral("INSERT INTO runs (started, title, machine, tags, rounds, contenders, file)"
                               " VALUES (?, ?, ?, ?, ?, ?, ?)"),
                {stored(QString::fromStdString(run.startedAt)), stored(QString::fromStdString(titleOf(run))),
                 stored(QString::fromStdString(run.environment.cpuModel)), stored(tags), run.rounds,
                 static_cast<int>(run.contenders.size()), file});
    return query->lastInsertId().toLongLong();
}

std::vector<StoredComparison> ComparisonStore::list(const QString& filter)
{
    std::vector<StoredComparison> runs;
    Query query(m_database,
                QStringLiteral("SELECT id, started, title, machine, tags, pinned, rounds, contenders"
                               " FROM runs WHERE deleted = 0 ORDER BY pinned DESC, started DESC,"
                               " id DESC"));
    while (query->next()) {
        StoredComparison run{.id = query->value(0).toLongLong(),
                             .started = query->value(1).toString(),
                             .title = query->value(2).toString(),
                             .machine = query->value(3).toString(),
                             .tags = query->value(4).toString(),
                             .pinned = query->value(5).toBool(),
                             .rounds = query->value(6).toInt(),
                             .contenders = query->value(7).toInt()};
        const QString all = run.title + QLatin1Char(' ') + run.machine + QLatin1Char(' ') + run.tags;
        if (filter.isEmpty() || all.contains(filter, Qt::CaseInsensitive))
            runs.push_back(std::move(run));
    }
    return runs;
}

CompareRun ComparisonStore::load(qint64 id)
{
    Query query(m_database, QStringLiteral("SELECT file FROM runs WHERE id = ?"), {id});
    if (!query->next())
        throw Error(ErrorCode::InvalidFile,
                    "comparison " + std::to_string(id) + " is not in the list any more");
    const QByteArray text = qUncompress(query->value(0).toByteArray());
    return parseCompareRun(std::string_view(text.constData(), static_cast<std::size_t>(text.size())),
                           "comparison " + std::to_string(id));
}

void ComparisonStore::setTags(qint64 id, const QString& tags)
{
    Query(m_database, QStringLiteral("UPDATE runs SET tags = ? WHERE id = ?"), {stored(tags), id});
}

void ComparisonStore::setPinned(qint64 id, bool pinned)
{
    Query(m_database, QStringLiteral("UPDATE runs SET pinned = ? WHERE id = ?"), {pinned ? 1 : 0, id});
}

void ComparisonStore::setDeleted(qint64 id, bool deleted)
{
    Query(m_database, QStringLiteral("UPDATE runs SET deleted = ? WHERE id = ?"), {deleted ? 1 : 0, id});
}

} // namespace mmfree::gui
