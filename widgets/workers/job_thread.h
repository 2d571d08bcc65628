// One worker thread that runs jobs one after the other. A job computes there and hands back what is to be
// done in the window's thread; results of cancelled jobs are dropped. For pages with a worker of their own;
// lives in the window's thread, the destructor stops and waits.
#pragma once

#include "widgets/workers/inference_types.h"

#include <QHash>
#include <QObject>
#include <QThread>

#include <functional>
#include <stop_token>

namespace mmfree::gui
{

// What a running job sees. `report` queues something for the window's thread; dropped when the job is
// cancelled.
struct JobControl {
    std::stop_token stop;
    std::function<void(std::function<void()>)> report;
};

class JobThread : public QObject
{
    Q_OBJECT
public:
    // Runs on the worker thread; returns what to do in the window's thread (may be empty).
    using Work = std::function<std::function<void()>(const JobControl&)>;
    using Failed = std::function<void(const ErrorInfo&)>;

    explicit JobThread(const QString& name, QObject* parent = nullptr);
    ~JobThread() override;

    // `failed` runs in the window's thread when `work` throws.
    JobId run(Work work, Failed failed);
    void cancel(JobId job); // 0 and finished ones are fine
    void cancelAll();
    [[nodiscard]] bool isBusy() const { return !m_jobs.isEmpty(); }

signals:
    void busyChanged(bool busy);

private:
    void finish(JobId job, const std::function<void()>& then);

    QThread m_thread;
    QObject* m_worker; // lives in m_thread
    QHash<JobId, std::shared_ptr<std::stop_source>> m_jobs;
    JobId m_next = 1;
};

} // namespace mmfree::gui
