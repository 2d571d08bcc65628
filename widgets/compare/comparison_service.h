// Runs comparisons for the window: plans and runs on threads of its own, and hands over what happened ten
// times a second, so that however fast tokens come the window draws at its own pace. Lives in the window's
// thread.
#pragma once

#include "engine/analysis/compare_runner.h"
#include "widgets/workers/inference_types.h"

#include <QObject>
#include <QTimer>

#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace mmfree::gui
{

// An event with a copy of what it is about.
struct LiveEvent {
    CompareEvent event;                   // its `run` is null
    std::vector<ContenderResult> results; // Planned: all; Loaded, RunDone, Failed: the contender's
};

class ComparisonService : public QObject
{
    Q_OBJECT
public:
    explicit ComparisonService(CompareHost host, QObject* parent = nullptr);
    ~ComparisonService() override; // ends what runs

    void plan(const CompareSetup& setup); // answers with planned(), for the newest setup only
    void start(const CompareSetup& setup);
    void stop(); // finished() follows at once, with the complete rounds
    [[nodiscard]] bool isRunning() const { return m_running; }
    [[nodiscard]] bool isPlanning() const { return m_planning; }

signals:
    void planned(const std::vector<mmfree::ContenderResult>& results);
    void started();
    void happened(const std::vector<mmfree::gui::LiveEvent>& events);
    void finished(std::shared_ptr<const mmfree::CompareRun> run);
    void failed(const mmfree::gui::ErrorInfo& error);

private:
    void startPlan();
    void collect(const CompareEvent& event); // on the running thread
    void drain();

    CompareHost m_host;
    QTimer m_timer;
    bool m_running = false, m_planning = false;
    std::optional<CompareSetup> m_wanted; // to be planned when the plan being made is done
    std::mutex m_mutex;                   // guards m_events
    std::vector<LiveEvent> m_events;
    std::jthread m_planner, m_runner; // last: they end before the rest does
};

} // namespace mmfree::gui
