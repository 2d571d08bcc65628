// The runs of this user: a folder of run directories. Lists them, makes, starts, commands, renames, removes
// and brings them back. A run is a child process of its own, which goes on without this window.
#pragma once

#include "engine/train/run_directory.h"
#include "engine/train/run_journal.h"

#include <QDateTime>
#include <QObject>
#include <QStringList>
#include <QTimer>

#include <functional>
#include <optional>

namespace mmfree::gui
{

struct RunSummary {
    QString folder, name, backend, message;
    QStringList tags;
    RunStatus status = RunStatus::Prepared;
    qint64 step = 0, steps = 0;
    double bestValidation = 0.0;  // nats per token; NaN: none
    double tokensPerSecond = 0.0; // 0: unknown
    QDateTime changed;
    bool hasCheckpoint = false;

    bool operator==(const RunSummary&) const = default;
};

[[nodiscard]] QString statusText(RunStatus status); // translated
[[nodiscard]] bool isActive(RunStatus status);      // a process trains

class RunLibrary : public QObject
{
    Q_OBJECT
public:
    // `root`: holds the runs; made when the first one is. `program`: mmfree-studio; the `mmfree` beside it
    // trains.
    RunLibrary(QString root, const QString& program, QObject* parent = nullptr);

    [[nodiscard]] const QList<RunSummary>& runs() const { return m_runs; } // newest first
    [[nodiscard]] const RunSummary* find(const QString& folder) const;
    void refresh(); // looks now; a timer does so every second while something is there

    // Makes a run directory with `record` in it. Returns its folder, or empty after problem().
    [[nodiscard]] QString create(RunRecord record, const QByteArray& tokenizerModel);
    bool start(const QString& folder); // or goes on from its newest checkpoint
    bool send(const QString& folder, const RunCommand& command);
    void stopAll(); // those that train; they save and end by themselves

    bool rename(const QString& folder, const QString& name, const QStringList& tags);
    bool remove(const QString& folder); // until restore(), or for good at the next start
    bool restore(const QString& folder);
    bool discardTail(const QString& folder); // an interrupted run counts as stopped from now on

    [[nodiscard]] QString trainer() const { return m_trainer; }

signals:
    void changed();
    void problem(const QString& title, const QString& detail);

private:
    [[nodiscard]] std::optional<RunSummary> summarize(const QString& folder) const;
    bool attempt(const QString& title, const std::function<void()>& act);
    void emptyTrash();

    QString m_root, m_trainer;
    QList<RunSummary> m_runs;
    QTimer m_timer;
};

} // namespace mmfree::gui
