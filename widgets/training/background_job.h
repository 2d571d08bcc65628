// Work on a thread of a pool whose result comes back to the window's thread, unless newer work of the same
// kind was started meanwhile. Owned by an object of the window's thread.
#pragma once

#include <QMetaObject>
#include <QObject>
#include <QThreadPool>

#include <functional>
#include <memory>
#include <stop_token>
#include <utility>

namespace mmfree::gui
{

class JobPool
{
public:
    JobPool()
        : m_relay(new QObject)
    {
        m_pool.setMaxThreadCount(2);
    }
    ~JobPool()
    {
        m_stop.request_stop();
        m_pool.waitForDone(); // results on their way to the relay go with it
    }
    JobPool(const JobPool&) = delete;
    JobPool& operator=(const JobPool&) = delete;

    void run(std::function<void()> work) { m_pool.start(std::move(work)); }
    [[nodiscard]] QObject* relay() const { return m_relay.get(); }
    [[nodiscard]] std::stop_token token() const { return m_stop.get_token(); }

private:
    std::unique_ptr<QObject> m_relay; // lives in the window's thread
    std::stop_source m_stop;
    QThreadPool m_pool;
};

template <class Result>
class BackgroundJob
{
public:
    explicit BackgroundJob(JobPool& pool)
        : m_pool(pool)
    {
    }

    // `work` runs elsewhere and must not throw; `done` runs here, at most once.
    void start(std::function<Result(std::stop_token)> work, std::function<void(Result)> done)
    {
        cancel();
        m_stop = std::stop_source();
        m_running = true;
        const quint64 job = ++m_job;
        m_pool.run([this, job, stop = m_stop.get_token(), ended = m_pool.token(), relay = m_pool.relay(),
                    work = std::move(work), done = std::move(done)] {
            if (stop.stop_requested() || ended.stop_requested())
                return;
            auto result = std::make_shared<Result>(work(stop));
            if (ended.stop_requested())
                return;
            QMetaObject::invokeMethod(
                relay,
                [this, job, result, done] {
                    if (job != m_job)
                        return;
                    m_running = false;
                    done(std::move(*result));
                },
                Qt::QueuedConnection);
        });
    }
    void cancel()
    {
        m_stop.request_stop();
        ++m_job;
        m_running = false;
    }
    [[nodiscard]] bool isRunning() const { return m_running; }

private:
    JobPool& m_pool;
    std::stop_source m_stop;
    quint64 m_job = 0;
    bool m_running = false;
};

} // namespace mmfree::gui
