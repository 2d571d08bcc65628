#include "widgets/workers/job_thread.h"

namespace mmfree::gui
{

JobThread::JobThread(const QString& name, QObject* parent)
    : QObject(parent)
    , m_worker(new QObject)
{
    m_thread.setObjectName(name);
    m_worker->moveToThread(&m_thread);
    connect(&m_thread, &QThread::finished, m_worker, &QObject::deleteLater);
}

JobThread::~JobThread()
{
    for (const auto& stop : std::as_const(m_jobs))
        stop->request_stop();
    if (m_thread.isRunning()) {
        m_thread.quit();
        m_thread.wait();
    } else {
        delete m_worker;
    }
}

JobId JobThread::run(Work work, Failed failed)
{
    const JobId job = m_next++;
    const auto stop = std::make_shared<std::stop_source>();
    m_jobs.insert(job, stop);
    if (m_jobs.size() == 1)
        emit busyChanged(true);
    if (!m_thread.isRunning())
        m_thread.start(QThread::LowPriority); // the chat goes first
    QMetaObject::invokeMethod(
        m_worker,
        [this, job, stop, work = std::move(work), failed = std::move(failed)] {
            std::function<void()> then;
            if (!stop->stop_requested()) {
                const JobControl control{stop->get_token(), [this, job](std::function<void()> act) {
                                             QMetaObject::invokeMethod(
                                                 this,
                                                 [this, job, act = std::move(act)] {
                                                     if (m_jobs.contains(job))
                                                         act();
                                                 },
                                                 Qt::QueuedConnection);
                                         }};
                try {
                    then = work(control);
                } catch (...) {
                    then = [failed, error = currentError()] { failed(error); };
                }
            }
            QMetaObject::invokeMethod(
                this, [this, job, then = std::move(then)] { finish(job, then); }, Qt::QueuedConnection);
        },
        Qt::QueuedConnection);
    return job;
}

void JobThread::finish(JobId job, const std::function<void()>& then)
{
    const auto stop = m_jobs.take(job);
    if (!stop)
        return; // cancelled
    if (then && !stop->stop_requested())
        then();
    if (m_jobs.isEmpty())
        emit busyChanged(false);
}

void JobThread::cancel(JobId job)
{
    const auto stop = m_jobs.take(job);
    if (!stop)
        return;
    stop->request_stop();
    if (m_jobs.isEmpty())
        emit busyChanged(false);
}

void JobThread::cancelAll()
{
    const QList<JobId> jobs = m_jobs.keys();
    for (const JobId job : jobs)
        cancel(job);
}

} // namespace mmfree::gui
