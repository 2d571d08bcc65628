// Reads a run directory as it grows: steps, events, samples, statistics of the ternary weights and the log.
// Each call takes what was appended, a bounded amount at a time, so that a window may poll it from a timer.
#pragma once

#include "engine/train/run_directory.h"
#include "engine/train/run_journal.h"
#include "engine/train/ternary_statistics.h"

#include <QByteArrayList>
#include <QString>

#include <vector>

namespace mmfree::gui
{

// The complete lines appended to a file since the last call.
class LineTail
{
public:
    explicit LineTail(QString file)
        : m_file(std::move(file))
    {
    }
    // At most `limit` bytes a call. `restarted`: the file became shorter (a resumed run), earlier lines count
    // no more.
    [[nodiscard]] QByteArrayList take(qint64 limit, bool& restarted);
    [[nodiscard]] bool hasMore() const { return m_more; } // the last call left something behind

private:
    QString m_file;
    qint64 m_offset = 0;
    QByteArray m_partial;
    quint64 m_identity = 0; // of the file: a replaced one is read from its start
    bool m_more = false;
};

class RunReader
{
public:
    explicit RunReader(const QString& folder);

    // Takes in what is new; true: something was.
    bool poll();
    [[nodiscard]] bool isCaughtUp() const; // everything that was there at the last poll is read

    [[nodiscard]] const QString& folder() const { return m_folder; }
    [[nodiscard]] const std::vector<StepMetrics>& metrics() const { return m_metrics; }
    [[nodiscard]] const std::vector<RunEvent>& events() const { return m_events; }
    [[nodiscard]] const std::vector<RunSample>& samples() const { return m_samples; }
    [[nodiscard]] const std::vector<TernaryStatistics>& statistics() const { return m_statistics; }
    [[nodiscard]] const QStringList& log() const { return m_log; }
    [[nodiscard]] const RunState& state() const { return m_state; }
    [[nodiscard]] const RunRecord& record() const { return m_record; }
    [[nodiscard]] bool isAlive() const { return m_alive; }
    [[nodiscard]] const QString& problem() const { return m_problem; }       // of the files; empty: none
    [[nodiscard]] double bestValidation() const { return m_bestValidation; } // NaN: none yet
    [[nodiscard]] double recentTokensPerSecond() const;                      // 0: unknown

private:
    bool pollState();

    QString m_folder;
    LineTail m_metricsTail, m_eventsTail, m_samplesTail, m_layersTail, m_logTail;
    std::vector<StepMetrics> m_metrics;
    std::vector<RunEvent> m_events;
    std::vector<RunSample> m_samples;
    std::vector<TernaryStatistics> m_statistics;
    QStringList m_log;
    RunState m_state;
    RunRecord m_record;
    QByteArray m_stateStamp, m_recordStamp; // size and time of the files as last read
    QString m_problem;
    double m_bestValidation;
    bool m_alive = false;
};

} // namespace mmfree::gui
