#include "widgets/compare/comparison_service.h"

#include "engine/analysis/compare_plan.h"

#include <utility>

namespace mmfree::gui
{

namespace
{

constexpr int kFrameMilliseconds = 100;

} // namespace

ComparisonService::ComparisonService(CompareHost host, QObject* parent)
    : QObject(parent)
    , m_host(std::move(host))
{
    m_timer.setInterval(kFrameMilliseconds);
    connect(&m_timer, &QTimer::timeout, this, &ComparisonService::drain);
}

ComparisonService::~ComparisonService() = default;

void ComparisonService::plan(const CompareSetup& setup)
{
    m_wanted = setup;
    if (!m_planning)
        startPlan();
}

void ComparisonService::startPlan()
{
    m_planning = true;
    m_planner = std::jthread([this, setup = *std::exchange(m_wanted, std::nullopt)] {
        const std::vector<ContenderResult> results =
            planComparison(setup, m_host.backends, readEnvironment());
        QMetaObject::invokeMethod(
            this,
            [this, results] {
                m_planning = false;
                if (m_wanted)
                    startPlan(); // the setup was changed meanwhile
                else
                    emit planned(results);
            },
            Qt::QueuedConnection);
    });
}

void ComparisonService::start(const CompareSetup& setup)
{
    if (m_running)
        return;
    m_running = true;
    m_events.clear();
    m_timer.start();
    emit started();
    m_runner = std::jthread([this, setup](const std::stop_token& stop) {
        try {
            auto run = std::make_shared<const CompareRun>(
                runComparison(setup, m_host, stop, [this](const CompareEvent& event) { collect(event); }));
            QMetaObject::invokeMethod(
                this,
                [this, run] {
                    drain();
                    m_timer.stop();
                    m_running = false;
                    emit finished(run);
                },
                Qt::QueuedConnection);
        } catch (...) {
            const ErrorInfo error = currentError();
            QMetaObject::invokeMethod(
                this,
                [this, error] {
                    drain();
                    m_timer.stop();
                    m_running = false;
                    emit failed(error);
                },
                Qt::QueuedConnection);
        }
    });
}

void ComparisonService::stop()
{
    m_runner.request_stop();
}

void ComparisonService::collect(const CompareEvent& event)
{
    LiveEvent live{.event = event, .results = {}};
    live.event.run = nullptr;
    const bool about = event.kind == CompareEvent::Kind::Loaded ||
                       event.kind == CompareEvent::Kind::RunDone || event.kind == CompareEvent::Kind::Failed;
    if (event.kind == CompareEvent::Kind::Planned)
        live.results = event.run->contenders;
    else if (about && event.contender >= 0)
        live.results = {event.run->contenders[static_cast<std::size_t>(event.contender)]};
    const std::lock_guard lock(m_mutex);
    m_events.push_back(std::move(live));
}

void ComparisonService::drain()
{
    std::vector<LiveEvent> events;
    {
        const std::lock_guard lock(m_mutex);
        events.swap(m_events);
    }
    if (!events.empty())
        emit happened(events);
}

} // namespace mmfree::gui
