#include "widgets/compare/size_panel.h"

#include "engine/analysis/compare_setup.h"
#include "engine/analysis/compare_statistics.h"
#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_view.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>

#include <algorithm>

namespace mmfree::gui
{

namespace
{

constexpr double kBillion = 1e9;

void addPoint(PlotSeries& series, double x, double y)
{
    const auto place = std::upper_bound(series.x.begin(), series.x.end(), x) - series.x.begin();
    series.x.insert(series.x.begin() + place, x);
    series.y.insert(series.y.begin() + place, y);
}

// A short thick dash where a line would have one place only.
PlotSeries dash(const QString& name, double x, double y, int style)
{
    return {.name = name, .x = {x / 1.05, x, x * 1.05}, .y = {y, y, y}, .style = style, .width = 8.0};
}

} // namespace

SizePanel::SizePanel(QWidget* parent)
    : QWidget(parent)
    , m_memory(new PlotView(tr("Memory by size")))
    , m_latency(new PlotView(tr("Latency by size")))
    , m_caption(new QLabel)
{
    m_memory->setObjectName(QStringLiteral("sizeMemoryPlot"));
    m_latency->setObjectName(QStringLiteral("sizeLatencyPlot"));
    m_memory->setYAxis({tr("Memory"), tr("GB"), PlotScale::Logarithmic, {}, false});
    m_latency->setYAxis({tr("Time to read the prompt"), tr("ms"), PlotScale::Logarithmic, {}, false});
    for (PlotView* plot : {m_memory, m_latency})
        plot->setXAxis({tr("Parameters"), tr("billions"), PlotScale::Logarithmic, {}, false});
    m_caption->setWordWrap(true);
    setTextRole(m_caption, TextRole::SmallMuted);
    auto* plots = new QHBoxLayout;
    plots->setSpacing(kGrid);
    plots->addWidget(m_memory, 1);
    plots->addWidget(m_latency, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(kGrid, kGrid, kGrid, kGrid);
    layout->setSpacing(kGrid / 2);
    layout->addLayout(plots, 1);
    layout->addWidget(m_caption);
}

bool SizePanel::isFor(const CompareRun& run)
{
    return std::any_of(run.contenders.begin(), run.contenders.end(),
                       [](const ContenderResult& result) { return !result.contender.group.empty(); });
}

void SizePanel::showRun(const std::shared_ptr<const CompareRun>& run)
{
    QList<PlotSeries> memory, latency;
    QStringList skipped;
    for (const bool dense : {false, true}) {
        const int style = dense ? 1 : 0;
        PlotSeries measured{.name = dense ? tr("Dense, measured") : tr("MatMul-free, measured"),
                            .style = style};
        PlotSeries times = measured;
        PlotSeries computed{.name = dense ? tr("Dense, computed") : tr("MatMul-free, computed"),
                            .style = style,
                            .width = 1.0,
                            .faint = true};
        for (std::size_t i = 0; run && i < run->contenders.size(); ++i) {
            const ContenderResult& result = run->contenders[i];
            if (result.ternary == dense || result.parameters == 0)
                continue;
            const double size = static_cast<double>(result.parameters) / kBillion;
            addPoint(computed, size, static_cast<double>(result.plan.total()) / kBillion);
            if (!result.ran) {
                skipped << QString::fromStdString(contenderName(result.contender));
                continue;
            }
            if (result.memory.measured > 0)
                addPoint(measured, size, static_cast<double>(result.memory.measured) / kBillion);
            const auto first = roundSamples(*run, "first", static_cast<int>(i));
            if (!first.empty())
                addPoint(times, size, quantileOf(first).median);
        }
        for (auto [series, list] : {std::pair(&measured, &memory), std::pair(&times, &latency)}) {
            if (series->x.size() == 1)
                list->append(dash(series->name, series->x[0], series->y[0], style));
            else if (!series->x.empty())
                list->append(*series);
        }
        if (computed.x.size() > 1)
            memory << computed;
    }
    for (const QuotedPoint& point : paperPoints()) {
        Contender contender;
        contender.shape = point.shape;
        contender.dense = point.dense;
        const double size = static_cast<double>(parameterCount(shapeConfig(contender))) / kBillion;
        const QString name =
            point.dense ? tr("Paper: dense 13B (quoted)") : tr("Paper: MatMul-free 13B (quoted)");
        memory << dash(name, size, point.gigabytes, point.dense ? 3 : 2);
        latency << dash(name, size, point.milliseconds, point.dense ? 3 : 2);
    }
    m_memory->setSeries(memory);
    m_latency->setSeries(latency);
    QString caption =
        tr("Quoted points are what arXiv:2406.02528 says of 13B on its GPU: 4.19 GB and 695.48 ms against "
           "48.50 GB and 3183.10 ms. They were not measured here. Pale lines are computed before "
           "running, also for what was skipped.");
    if (!skipped.isEmpty())
        caption += QLatin1Char(' ') +
                   tr("Skipped: %1; see Environment for the arithmetic.").arg(skipped.join(tr(", ")));
    m_caption->setText(caption);
}

} // namespace mmfree::gui
