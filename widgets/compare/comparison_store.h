// Every comparison that was run or imported, in one SQLite file of the user's data folder: the whole run
// file, with what a list needs beside it.
#pragma once

#include "engine/analysis/compare_types.h"

#include <QDateTime>
#include <QSqlDatabase>
#include <QString>

#include <vector>

namespace mmfree::gui
{

struct StoredComparison {
    qint64 id = 0;
    QString started; // ISO 8601, UTC
    QString title, machine, tags;
    bool pinned = false;
    int rounds = 0, contenders = 0;
};

class ComparisonStore
{
public:
    // Opens or creates `path`. A file that cannot be used is renamed aside; where nothing can be written the
    // list is held in memory. notice() then says so.
    explicit ComparisonStore(const QString& path);
    ~ComparisonStore();
    ComparisonStore(const ComparisonStore&) = delete;
    ComparisonStore& operator=(const ComparisonStore&) = delete;

    [[nodiscard]] const QString& notice() const { return m_notice; }

    // All throw Error Io when the file refuses.
    qint64 add(const CompareRun& run, const QString& tags = {});
    // Pinned first, then newest. `filter`: in title, machine or tags, in any case; empty: all.
    [[nodiscard]] std::vector<StoredComparison> list(const QString& filter = {});
    [[nodiscard]] CompareRun load(qint64 id); // also InvalidFile for a damaged entry
    void setTags(qint64 id, const QString& tags);
    void setPinned(qint64 id, bool pinned);
    void setDeleted(qint64 id, bool deleted); // hidden; gone for good at the next start

private:
    [[nodiscard]] QString openFile(const QString& path); // empty: fine
    class Query;

    QString m_connection;
    QSqlDatabase m_database;
    QString m_notice;
};

} // namespace mmfree::gui
