#include "widgets/compare/live_race.h"

#include "engine/analysis/compare_report.h"
#include "engine/analysis/compare_statistics.h"
#include "widgets/compare/memory_stack_view.h"
#include "widgets/compare/results_model.h"
#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_style.h"
#include "widgets/views/plot/plot_view.h"

#include <QGridLayout>
#include <QLabel>
#include <QLocale>
#include <QToolButton>

#include <algorithm>

namespace mmfree::gui
{

namespace
{

constexpr double kMegabyte = 1e6;

// Median and range at each position over the runs so far.
PlotSeries bandOf(const std::vector<std::vector<double>>& runs, std::int64_t firstPosition)
{
    PlotSeries series;
    std::size_t longest = 0;
    for (const auto& run : runs)
        longest = std::max(longest, run.size());
    for (std::size_t token = 0; token < longest; ++token) {
        std::vector<double> samples;
        for (const auto& run : runs) {
            if (token < run.size() && run[token] > 0.0)
                samples.push_back(1e3 * run[token]);
        }
        if (samples.empty())
            continue;
        const Quantile quantile = quantileOf(std::move(samples));
        series.x.push_back(static_cast<double>(firstPosition) + static_cast<double>(token) + 1.0);
        series.y.push_back(quantile.median);
        series.low.push_back(quantile.p5);
        series.high.push_back(quantile.p95);
    }
    return series;
}

} // namespace

LiveRace::LiveRace(QWidget* parent)
    : QWidget(parent)
    , m_bars(new MemoryStackView)
    , m_memory(new PlotView(tr("Memory against tokens")))
    , m_time(new PlotView(tr("Time per written token")))
    , m_gauges(new QWidget)
    , m_gaugeLayout(new QGridLayout(m_gauges))
    , m_hold(new QToolButton)
{
    m_memory->setObjectName(QStringLiteral("memoryPlot"));
    m_memory->setXAxis({tr("Tokens in the sequence"), {}, PlotScale::Linear, {}, true});
    m_memory->setYAxis({tr("Memory"), tr("MB"), PlotScale::Linear, {}, true});
    m_memory->setEmptyText(tr("Start a comparison to see memory grow, or stay."));
    m_time->setObjectName(QStringLiteral("timePlot"));
    m_time->setXAxis({tr("Position"), tr("tokens"), PlotScale::Linear, {}, false});
    m_time->setYAxis({tr("Time per token"), tr("ms"), PlotScale::Logarithmic, {}, false});
    m_time->setEmptyText(tr("Each written token's time appears here."));
    for (PlotView* plot : {m_memory, m_time})
        plot->setMinimumHeight(190);
    m_hold->setObjectName(QStringLiteral("holdView"));
    m_hold->setText(tr("Hold view"));
    m_hold->setCheckable(true);
    m_hold->setToolTip(tr("Keep what is drawn; the runs go on"));
    connect(m_hold, &QToolButton::toggled, this, [this](bool held) {
        if (!held)
            draw();
    });
    m_gaugeLayout->setContentsMargins(kGrid, 0, kGrid, 0);
    m_gaugeLayout->setHorizontalSpacing(2 * kGrid);
    m_gaugeLayout->setVerticalSpacing(0);

    auto* grid = new QGridLayout;
    grid->setContentsMargins(0, 0, 0, 0);
    grid->setSpacing(kGrid);
    grid->addWidget(m_bars, 0, 0);
    grid->addWidget(m_memory, 0, 1);
    grid->addWidget(m_time, 0, 2);
    for (int column = 0; column < 3; ++column)
        grid->setColumnStretch(column, 1);
    auto* bottom = new QHBoxLayout;
    bottom->addWidget(m_gauges, 1);
    bottom->addWidget(m_hold, 0, Qt::AlignTop);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(kGrid, kGrid, kGrid, kGrid / 2);
    layout->setSpacing(kGrid / 2);
    layout->addLayout(grid, 1);
    layout->addLayout(bottom);
}

void LiveRace::setHeld(bool held)
{
    m_hold->setChecked(held);
}

bool LiveRace::isHeld() const
{
    return m_hold->isChecked();
}

void LiveRace::setPlanned(const std::vector<ContenderResult>& results, const Workload& workload)
{
    m_workload = workload;
    m_run.reset();
    m_lanes.clear();
    for (const ContenderResult& result : results)
        m_lanes.push_back({.result = result});
    draw();
}

void LiveRace::begin(const CompareSetup& setup)
{
    std::vector<ContenderResult> results;
    for (const Contender& contender : setup.contenders)
        results.push_back({.contender = contender, .ran = true});
    setPlanned(results, setup.workload);
}

void LiveRace::take(const std::vector<LiveEvent>& events)
{
    for (const LiveEvent& event : events)
        takeOne(event);
    if (!isHeld())
        draw();
}

void LiveRace::takeOne(const LiveEvent& live)
{
    using Kind = CompareEvent::Kind;
    const CompareEvent& event = live.event;
    if (event.kind == Kind::Planned) {
        setPlanned(live.results, m_workload);
        return;
    }
    if (event.contender < 0 || event.contender >= static_cast<int>(m_lanes.size()))
        return;
    Lane& lane = m_lanes[static_cast<std::size_t>(event.contender)];
    lane.changed = true;
    switch (event.kind) {
    case Kind::Loading:
        lane.state = tr("loading");
        break;
    case Kind::RunBegins:
        lane.state =
            event.round < 0 ? tr("warm-up %1").arg(event.warmUp + 1) : tr("round %1").arg(event.round + 1);
        if (event.round == 0)
            lane.runs.clear(); // warm-ups are shown until measuring begins
        lane.runs.emplace_back();
        break;
    case Kind::Progress: {
        if (lane.runs.empty())
            lane.runs.emplace_back();
        lane.firstPosition = m_workload.passes.empty() ? 0 : m_workload.passes.back().prompt;
        std::vector<double>& run = lane.runs.back();
        const auto first = std::max<std::int64_t>(0, event.firstPosition - lane.firstPosition);
        if (static_cast<std::int64_t>(run.size()) < first)
            run.resize(static_cast<std::size_t>(first), 0.0);
        run.resize(static_cast<std::size_t>(first));
        run.insert(run.end(), event.tokenSeconds.begin(), event.tokenSeconds.end());
        double seconds = 0.0;
        for (const double token : event.tokenSeconds)
            seconds += token;
        if (seconds > 0.0)
            lane.tokensPerSecond = static_cast<double>(event.tokenSeconds.size()) / seconds;
        if (lane.result.memoryCurve.empty())
            lane.curve.push_back({event.position, 0, event.measuredBytes});
        lane.result.memory.measured = event.measuredBytes;
        break;
    }
    case Kind::Loaded:
    case Kind::RunDone:
    case Kind::Failed:
        if (!live.results.empty())
            lane.result = live.results.front();
        if (event.kind == Kind::RunDone)
            lane.state = tr("waiting");
        if (event.kind == Kind::Failed)
            lane.state = tr("failed");
        if (!lane.result.memoryCurve.empty())
            lane.curve = lane.result.memoryCurve;
        break;
    default:
        break;
    }
}

void LiveRace::showRun(const std::shared_ptr<const CompareRun>& run)
{
    m_run = run;
    m_workload = run->setup.workload;
    m_lanes.clear();
    std::size_t pass = 0;
    for (std::size_t i = 0; i < run->setup.workload.passes.size(); ++i) {
        if (run->setup.workload.passes[i].write > 0)
            pass = i;
    }
    for (std::size_t i = 0; i < run->contenders.size(); ++i) {
        Lane lane{.result = run->contenders[i], .curve = run->contenders[i].memoryCurve};
        lane.firstPosition = run->setup.workload.passes[pass].prompt;
        for (const Repeat& repeat : run->repeats) {
            if (repeat.contender == static_cast<int>(i))
                lane.runs.push_back(repeat.passes[pass].tokenSeconds);
        }
        const std::vector<double> speeds = roundSamples(*run, "decode", static_cast<int>(i));
        if (!speeds.empty())
            lane.tokensPerSecond = quantileOf(speeds).median;
        m_lanes.push_back(std::move(lane));
    }
    draw();
}

QString LiveRace::nameOf(std::size_t lane) const
{
    return contenderPlotName(m_lanes[lane].result);
}

// Only one contender runs at a time, so most lanes' lines are as they were in the last frame.
void LiveRace::updateLines(std::size_t index)
{
    Lane& lane = m_lanes[index];
    if (!lane.changed)
        return;
    lane.changed = false;
    const MemoryParts& parts = lane.result.memory;
    const double base = static_cast<double>(parts.weights + parts.activations + parts.other);
    lane.measured = {.name = nameOf(index), .style = static_cast<int>(index)};
    lane.computed = {.name = tr("computed"), .style = static_cast<int>(index), .width = 1.0, .faint = true};
    for (const MemoryPoint& point : lane.curve) {
        lane.measured.x.push_back(static_cast<double>(point.position));
        lane.measured.y.push_back(static_cast<double>(point.measured) / kMegabyte);
        if (parts.weights == 0)
            continue; // not known before the first run is complete
        lane.computed.x.push_back(static_cast<double>(point.position));
        lane.computed.y.push_back((base + static_cast<double>(point.state)) / kMegabyte);
    }
    lane.times = bandOf(lane.runs, lane.firstPosition);
    lane.times.name = nameOf(index);
    lane.times.style = static_cast<int>(index);
}

void LiveRace::draw()
{
    if (!isVisible() && !m_run)
        return; // showEvent() draws what came meanwhile
    std::vector<MemoryBar> bars;
    QList<PlotSeries> memory, time;
    for (std::size_t i = 0; i < m_lanes.size(); ++i) {
        updateLines(i);
        const Lane& lane = m_lanes[i];
        const MemoryParts& parts = lane.result.memory;
        bars.push_back({nameOf(i), parts, lane.result.ternary, parts.weights > 0,
                        lane.result.ran ? QString() : QString::fromStdString(lane.result.reason)});
        for (const PlotSeries* series : {&lane.measured, &lane.computed}) {
            if (!series->x.empty())
                memory.push_back(*series);
        }
        if (!lane.times.x.empty())
            time.push_back(lane.times);
    }
    m_bars->setBars(std::move(bars));
    m_memory->setSeries(memory);
    m_time->setSeries(time);
    drawGauges();
}

void LiveRace::showEvent(QShowEvent* event)
{
    QWidget::showEvent(event);
    if (!isHeld())
        draw();
}

void LiveRace::drawGauges()
{
    const auto wanted = static_cast<qsizetype>(m_lanes.size());
    while (m_gaugeLabels.size() < wanted) {
        auto* label = new QLabel;
        label->setTextFormat(Qt::RichText);
        const int index = static_cast<int>(m_gaugeLabels.size());
        m_gaugeLayout->addWidget(label, index / 4, index % 4);
        m_gaugeLabels << label;
    }
    while (m_gaugeLabels.size() > wanted)
        delete m_gaugeLabels.takeLast();
    const bool dark = themeColors().dark;
    for (qsizetype i = 0; i < wanted; ++i) {
        const Lane& lane = m_lanes[static_cast<std::size_t>(i)];
        const int index = static_cast<int>(i);
        QStringList facts;
        if (lane.tokensPerSecond > 0.0)
            facts << tr("%1 tokens/s")
                         .arg(QLocale().toString(lane.tokensPerSecond, 'f',
                                                 lane.tokensPerSecond < 100 ? 1 : 0));
        if (!lane.result.ran)
            facts << tr("did not run");
        else if (!lane.state.isEmpty() && !m_run)
            facts << lane.state;
        if (m_run) {
            const auto energy = roundSamples(*m_run, "energy", index);
            if (!energy.empty())
                facts << tr("%1 J/token").arg(QLocale().toString(quantileOf(energy).median, 'g', 3));
            const ParityResult& parity = lane.result.parity;
            if (parity.compared() && parity.comparedOutput > 0)
                facts << (parity.firstOutputDifference < 0
                              ? tr("\u2714 same text")
                              : tr("\u2716 text differs at token %1").arg(parity.firstOutputDifference + 1));
        }
        const QString color = seriesColor(index, dark).name();
        m_gaugeLabels[i]->setText(
            QStringLiteral("<span style='color:%1; font-weight:600'>%2</span>&nbsp; %3")
                .arg(color, seriesLetter(index) + (lane.result.emulated ? tr(" (emulated)") : QString()),
                     facts.join(QStringLiteral(" \u00b7 ")).toHtmlEscaped()));
        m_gaugeLabels[i]->setToolTip(QString::fromStdString(contenderName(lane.result.contender)));
    }
}

} // namespace mmfree::gui
