#include "widgets/compare/roofline_panel.h"

#include "engine/analysis/compare_statistics.h"
#include "widgets/compare/results_model.h"
#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_view.h"

#include <QLabel>
#include <QLocale>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

// min(bandwidth * intensity, ceiling) over a range of intensities.
PlotSeries roof(const QString& name, double gigabytesPerSecond, double gigaOps, double from, double to,
                int style)
{
    PlotSeries series{.name = name, .style = style, .width = 1.5};
    constexpr int kPoints = 200;
    for (int i = 0; i <= kPoints; ++i) {
        const double intensity = from * std::pow(to / from, static_cast<double>(i) / kPoints);
        series.x.push_back(intensity);
        series.y.push_back(std::min(gigabytesPerSecond * intensity, gigaOps));
    }
    return series;
}

} // namespace

RooflinePanel::RooflinePanel(QWidget* parent)
    : QWidget(parent)
    , m_plot(new PlotView(tr("Roofline")))
    , m_limits(new QLabel)
    , m_caption(new QLabel(
          tr("One operation is one addition or one multiplication of a weight's product. A ternary "
             "weight counts as two operations like a dense one, although it only adds, so that "
             "equal work stands at equal height. Bytes are the weights read once for a written "
             "token, or for a chunk of 512 read ones, and the state or cache. Ceilings are the "
             "best of five short bursts; what stays in the caches is read faster than the slope "
             "says.")))
{
    m_plot->setObjectName(QStringLiteral("rooflinePlot"));
    m_plot->setXAxis({tr("Operations per byte read"), {}, PlotScale::Logarithmic, {}, false});
    m_plot->setYAxis({tr("Speed"), tr("G operations/s"), PlotScale::Logarithmic, {}, false});
    m_plot->setEmptyText(tr("No contender was measured."));
    for (QLabel* label : {m_limits, m_caption}) {
        label->setWordWrap(true);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    }
    setTextRole(m_caption, TextRole::SmallMuted);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(kGrid, kGrid, kGrid, kGrid);
    layout->setSpacing(kGrid / 2);
    layout->addWidget(m_limits);
    layout->addWidget(m_plot, 1);
    layout->addWidget(m_caption);
}

void RooflinePanel::showRun(const std::shared_ptr<const CompareRun>& run)
{
    QList<PlotSeries> series;
    m_limits->clear();
    const auto points = run ? rooflinePoints(*run) : std::vector<RooflinePoint>();
    double from = 1.0, to = 100.0;
    for (const RooflinePoint& point : points) {
        from = std::min(from, point.operationsPerByte / 2.0);
        to = std::max(to, point.operationsPerByte * 2.0);
        // A short thick dash is the point; lines of one place would not be seen.
        const double x = point.operationsPerByte;
        series << PlotSeries{
            .name = (point.what == "decode" ? tr("%1, writing") : tr("%1, reading"))
                        .arg(contenderPlotName(run->contenders[static_cast<std::size_t>(point.contender)])),
            .x = {x / 1.06, x, x * 1.06},
            .y = {point.gigaOps, point.gigaOps, point.gigaOps},
            .style = point.contender,
            .width = point.what == "decode" ? 8.0 : 5.0};
    }
    if (run && run->ceilings && !points.empty()) {
        const Ceilings& limits = *run->ceilings;
        const int style = static_cast<int>(run->contenders.size());
        const double most = std::max(limits.floatGigaOps, limits.integerGigaOps);
        to = std::max(to, 4.0 * most / std::max(1e-9, limits.readGBPerSecond));
        series << roof(tr("Limit, f32 (%1)").arg(QString::fromStdString(limits.floatInstruction)),
                       limits.readGBPerSecond, limits.floatGigaOps, from, to, style);
        if (limits.integerGigaOps > 0.0)
            series << roof(tr("Limit, int8 (%1)").arg(QString::fromStdString(limits.integerInstruction)),
                           limits.readGBPerSecond, limits.integerGigaOps, from, to, style + 1);
        const QLocale locale;
        m_limits->setText(
            tr("This machine with %1 threads: reads %2 GB/s, %3 G f32 operations/s, %4 G int8 operations/s.")
                .arg(limits.threads)
                .arg(locale.toString(limits.readGBPerSecond, 'f', 1),
                     locale.toString(limits.floatGigaOps, 'f', 0),
                     locale.toString(limits.integerGigaOps, 'f', 0)));
    } else if (run) {
        m_limits->setText(tr("The machine's limits were not measured in this run."));
    }
    m_plot->setSeries(series);
}

} // namespace mmfree::gui
