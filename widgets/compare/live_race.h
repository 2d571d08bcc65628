// The race as it happens, or as it went: memory as stacked bars, memory against tokens, time per token by
// position, and a row of speeds. Drawn from events at most ten times a second; holding the view does not hold
// the runs.
#pragma once

#include "widgets/compare/comparison_service.h"
#include "widgets/views/plot/plot_types.h"

#include <QWidget>

class QGridLayout;
class QLabel;
class QToolButton;

namespace mmfree::gui
{

class MemoryStackView;
class PlotView;

class LiveRace : public QWidget
{
    Q_OBJECT
public:
    explicit LiveRace(QWidget* parent = nullptr);

    void setPlanned(const std::vector<ContenderResult>& results, const Workload& workload);
    void begin(const CompareSetup& setup);
    void take(const std::vector<LiveEvent>& events);
    void showRun(const std::shared_ptr<const CompareRun>& run); // final numbers in place of live ones
    void setHeld(bool held);                                    // stops drawing, not measuring
    [[nodiscard]] bool isHeld() const;

    [[nodiscard]] MemoryStackView& memoryBars() const { return *m_bars; }
    [[nodiscard]] PlotView& memoryPlot() const { return *m_memory; }
    [[nodiscard]] PlotView& timePlot() const { return *m_time; }
    [[nodiscard]] QList<PlotView*> plots() const { return {m_memory, m_time}; }

protected:
    void showEvent(QShowEvent* event) override;

private:
    struct Lane { // what is known of a contender
        ContenderResult result;
        std::vector<MemoryPoint> curve;        // of the run going on, or the one kept
        std::vector<std::vector<double>> runs; // token seconds of each run by position
        std::int64_t firstPosition = 0;
        std::vector<double> recent; // token seconds since the last frame
        QString state;              // "round 3", "loading"
        double tokensPerSecond = 0.0;
        bool changed = true; // since its lines were made
        PlotSeries measured, computed, times;
    };
    void takeOne(const LiveEvent& live);
    void updateLines(std::size_t index);
    void draw();
    void drawGauges();
    [[nodiscard]] QString nameOf(std::size_t lane) const;

    std::vector<Lane> m_lanes;
    Workload m_workload;
    std::shared_ptr<const CompareRun> m_run; // finished; null while live
    MemoryStackView* m_bars;
    PlotView *m_memory, *m_time;
    QWidget* m_gauges;
    QGridLayout* m_gaugeLayout;
    QList<QLabel*> m_gaugeLabels;
    QToolButton* m_hold;
};

} // namespace mmfree::gui
