#include "widgets/training/run_charts.h"

#include "widgets/theme/theme.h"

#include <QComboBox>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QSlider>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace mmfree::gui
{

namespace
{

constexpr std::size_t kMostBuckets = 2000; // points of a smoothed line

} // namespace

PlotSeries smoothed(const PlotSeries& raw, double memory)
{
    PlotSeries line;
    line.name = raw.name;
    line.style = raw.style;
    const std::size_t bucket = std::max<std::size_t>(1, (raw.x.size() + kMostBuckets - 1) / kMostBuckets);
    double mean = 0.0, weight = 0.0;
    for (std::size_t begin = 0; begin < raw.x.size(); begin += bucket) {
        const std::size_t end = std::min(raw.x.size(), begin + bucket);
        double low = INFINITY, high = -INFINITY;
        for (std::size_t i = begin; i < end; ++i) {
            if (!std::isfinite(raw.y[i]))
                continue;
            mean = memory * mean + (1.0 - memory) * raw.y[i];
            weight = memory * weight + (1.0 - memory); // what the start at 0 takes away
            low = std::min(low, raw.y[i]);
            high = std::max(high, raw.y[i]);
        }
        if (!(low <= high) || weight <= 0.0)
            continue;
        line.x.push_back(raw.x[end - 1]);
        line.y.push_back(mean / weight);
        line.low.push_back(low);
        line.high.push_back(high);
    }
    return line;
}

RunCharts::RunCharts(QWidget* parent)
    : QWidget(parent)
    , m_axis(new QComboBox)
    , m_smoothing(new QSlider(Qt::Horizontal))
    , m_loss(new PlotView(tr("Loss")))
    , m_gradient(new PlotView(tr("Gradient norm")))
    , m_bits(new PlotView(tr("Bits a byte")))
    , m_rate(new PlotView(tr("Learning rate")))
    , m_speed(new PlotView(tr("Speed")))
    , m_memory(new PlotView(tr("Memory")))
    , m_plots{m_loss, m_bits, m_gradient, m_rate, m_speed, m_memory}
{
    m_loss->setObjectName(QStringLiteral("lossPlot"));
    m_loss->setYAxis({.title = tr("Loss"), .unit = tr("nats per token")});
    m_bits->setYAxis({.title = tr("Validation"), .unit = tr("bits per byte")});
    m_gradient->setYAxis({.title = tr("Norm"), .unit = {}, .scale = PlotScale::Logarithmic});
    m_rate->setYAxis({.title = tr("Rate"), .unit = {}});
    m_speed->setYAxis({.title = tr("Speed"),
                       .unit = tr("tokens/s"),
                       .scale = PlotScale::Linear,
                       .labels = {},
                       .fromZero = true});
    m_memory->setYAxis({.title = tr("Resident"),
                        .unit = tr("MiB"),
                        .scale = PlotScale::Linear,
                        .labels = {},
                        .fromZero = true});
    m_axis->addItem(tr("Steps"), static_cast<int>(XAxis::Step));
    m_axis->addItem(tr("Tokens"), static_cast<int>(XAxis::Tokens));
    m_axis->addItem(tr("Time"), static_cast<int>(XAxis::Time));
    m_axis->setAccessibleName(tr("Horizontal axis"));
    m_smoothing->setRange(0, 99);
    m_smoothing->setValue(90);
    m_smoothing->setFixedWidth(14 * kGrid);
    m_smoothing->setAccessibleName(tr("Smoothing"));
    m_smoothing->setToolTip(tr("How long the smoothed line remembers; the band holds the raw values"));
    auto* axisLabel = new QLabel(tr("&Over"));
    axisLabel->setBuddy(m_axis);
    auto* smoothLabel = new QLabel(tr("S&moothing"));
    smoothLabel->setBuddy(m_smoothing);
    auto* hint = new QLabel(tr("wheel: zoom \u00b7 drag: range \u00b7 double click: all \u00b7 T: table"));
    setTextRole(hint, TextRole::SmallMuted);
    hint->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    hint->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    auto* head = new QHBoxLayout;
    head->setSpacing(kGrid);
    for (QWidget* widget : QList<QWidget*>{axisLabel, m_axis, smoothLabel, m_smoothing})
        head->addWidget(widget);
    head->addWidget(hint, 1);
    auto* grid = new QGridLayout;
    grid->setSpacing(kGrid);
    for (int index = 0; index < m_plots.size(); ++index) {
        PlotView* plot = m_plots.at(index);
        plot->setLink(&m_link);
        plot->setEmptyText(tr("Waits for the first step"));
        grid->addWidget(plot, index / 3, index % 3);
        connect(plot, &PlotView::pointActivated, this, [this](double x) {
            if (m_readers.isEmpty())
                return;
            const auto& metrics = m_readers.first()->metrics();
            const auto found =
                std::lower_bound(metrics.begin(), metrics.end(), x,
                                 [this](const StepMetrics& m, double place) { return xOf(m) < place; });
            if (found != metrics.end())
                emit stepActivated(found->step);
        });
        connect(plot, &PlotView::exportFailed, this,
                [this](const QString& reason) { emit problem(tr("The plot was not saved"), reason); });
    }
    m_bits->setEmptyText(tr("Waits for the first validation"));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(kGrid);
    layout->addLayout(head);
    layout->addLayout(grid, 1);
    connect(m_axis, &QComboBox::currentIndexChanged, this, &RunCharts::refresh);
    connect(m_smoothing, &QSlider::valueChanged, this, &RunCharts::refresh);
    refresh();
}

double RunCharts::xOf(const StepMetrics& metrics) const
{
    switch (static_cast<XAxis>(m_axis->currentData().toInt())) {
    case XAxis::Tokens:
        return static_cast<double>(metrics.tokens);
    case XAxis::Time:
        return metrics.elapsedSeconds;
    case XAxis::Step:
        break;
    }
    return static_cast<double>(metrics.step);
}

PlotSeries RunCharts::series(const RunReader& reader, const QString& name, int style,
                             double (*value)(const StepMetrics&), bool validationOnly) const
{
    PlotSeries series;
    series.name = name;
    series.style = style;
    for (const StepMetrics& metrics : reader.metrics()) {
        if (validationOnly && !metrics.validationLoss)
            continue;
        series.x.push_back(xOf(metrics));
        series.y.push_back(value(metrics));
    }
    return series;
}

QList<PlotMarker> RunCharts::markers(const RunReader& reader) const
{
    QList<PlotMarker> markers;
    const auto& metrics = reader.metrics();
    for (const RunEvent& event : reader.events()) {
        QString text;
        if (event.kind == "learning rate")
            text = tr("rate %1").arg(QString::fromStdString(event.text));
        else if (event.kind == "paused")
            text = tr("pause");
        else if (event.kind == "resumed")
            text = tr("resumed");
        else if (event.kind == "sample prompts")
            text = tr("prompts");
        else if (event.kind == "cadence")
            text = tr("cadence");
        else if (event.kind == "failed")
            text = tr("failed");
        else
            continue;
        const auto found =
            std::lower_bound(metrics.begin(), metrics.end(), event.step,
                             [](const StepMetrics& m, std::int64_t step) { return m.step < step; });
        if (found == metrics.end() && metrics.empty())
            continue;
        const StepMetrics& at = found == metrics.end() ? metrics.back() : *found;
        markers.append({xOf(at), text, QString::fromStdString(event.kind + ": " + event.text)});
    }
    return markers;
}

void RunCharts::show(const QList<const RunReader*>& readers)
{
    m_readers = readers;
    refresh();
}

void RunCharts::refresh()
{
    const QStringList titles{tr("Step"), tr("Tokens"), tr("Time")};
    const bool time = static_cast<XAxis>(m_axis->currentData().toInt()) == XAxis::Time;
    for (PlotView* plot : m_plots) {
        PlotAxis axis = plot->xAxis();
        axis.title = titles.value(m_axis->currentIndex());
        axis.unit = time ? tr("s") : QString();
        plot->setXAxis(axis);
    }
    showLoss();
    showRest();
    for (PlotView* plot : m_plots)
        plot->setMarkers(m_readers.isEmpty() ? QList<PlotMarker>() : markers(*m_readers.first()));
}

void RunCharts::showLoss()
{
    const double memory = m_smoothing->value() / 100.0;
    QList<PlotSeries> loss, bits;
    int style = 0;
    for (const RunReader* reader : std::as_const(m_readers)) {
        const bool main = reader == m_readers.first();
        const QString name = QString::fromStdString(reader->record().name);
        const auto named = [&](const QString& what) { return main ? what : tr("%1, %2").arg(name, what); };
        loss << smoothed(
            series(
                *reader, named(tr("training")), style, [](const StepMetrics& m) { return m.loss; }, false),
            memory);
        PlotSeries validation = series(
            *reader, named(tr("validation")), style + 1,
            [](const StepMetrics& m) { return *m.validationLoss; }, true);
        const RunRecord& record = reader->record();
        if (!validation.x.empty() && record.validationBytes > 0) {
            PlotSeries perByte = validation;
            perByte.name = main ? tr("this run") : name;
            const double tokensPerByte =
                static_cast<double>(record.validationTokens) / static_cast<double>(record.validationBytes);
            for (double& value : perByte.y)
                value *= tokensPerByte / std::numbers::ln2;
            if (main && record.compressorBitsPerByte > 0.0) {
                PlotSeries xz;
                xz.name = tr("xz -9 on the same text");
                xz.style = 6;
                xz.x = {perByte.x.front(), perByte.x.size() > 1 ? perByte.x.back() : perByte.x.front() + 1.0};
                xz.y = {record.compressorBitsPerByte, record.compressorBitsPerByte};
                bits << xz;
            }
            bits << perByte;
        }
        if (!validation.x.empty())
            loss << validation;
        style += 2;
    }
    m_loss->setSeries(loss);
    m_bits->setSeries(bits);
}

void RunCharts::showRest()
{
    const auto put = [this](PlotView* plot, double (*value)(const StepMetrics&), double memory) {
        QList<PlotSeries> all;
        int style = 0;
        for (const RunReader* reader : std::as_const(m_readers)) {
            PlotSeries raw = series(
                *reader, m_readers.size() > 1 ? QString::fromStdString(reader->record().name) : QString(),
                style, value, false);
            all << (memory > 0.0 ? smoothed(raw, memory) : raw);
            style += 2;
        }
        plot->setSeries(all);
    };
    const double memory = m_smoothing->value() / 100.0;
    put(
        m_gradient, [](const StepMetrics& m) { return m.gradientNorm; }, memory);
    put(
        m_rate, [](const StepMetrics& m) { return m.learningRate; }, 0.0);
    put(
        m_speed, [](const StepMetrics& m) { return m.tokensPerSecond; }, memory);
    put(
        m_memory, [](const StepMetrics& m) { return static_cast<double>(m.residentBytes) / 1048576.0; }, 0.0);
}

} // namespace mmfree::gui
