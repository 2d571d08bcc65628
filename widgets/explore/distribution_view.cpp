#include "widgets/explore/distribution_view.h"

#include "widgets/explore/tensor_filter.h"
#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_view.h"

#include <QCollator>
#include <QComboBox>
#include <QDir>
#include <QFileInfo>
#include <QGridLayout>
#include <QLabel>
#include <QLocale>
#include <QSignalBlocker>
#include <QVBoxLayout>

#include <algorithm>
#include <map>

namespace mmfree::gui
{

namespace
{

constexpr int kBins = 61; // odd: 0 is the middle of a bin
constexpr int kMostCheckpoints = 24;

PlotSeries barsOf(const QString& name, const Histogram& histogram)
{
    PlotSeries series;
    series.name = name;
    for (std::size_t bin = 0; bin < histogram.counts.size(); ++bin) {
        series.x.push_back(histogram.low + static_cast<double>(bin) * histogram.binWidth());
        series.y.push_back(static_cast<double>(histogram.counts[bin]));
    }
    return series;
}

PlotAxis axis(const QString& title, const QString& unit = {}, bool fromZero = false)
{
    PlotAxis result;
    result.title = title;
    result.unit = unit;
    result.fromZero = fromZero;
    return result;
}

} // namespace

QStringList checkpointsOfRun(const QString& path)
{
    const QFileInfo info(QDir::cleanPath(path));
    QDir folder = info.absoluteDir();
    if (QFileInfo::exists(info.absoluteFilePath() + QStringLiteral("/checkpoints"))) // the run's own folder
        folder = QDir(info.absoluteFilePath() + QStringLiteral("/checkpoints"));
    if (folder.dirName() != QLatin1String("checkpoints"))
        return {path};
    QStringList names = folder.entryList(QDir::Dirs | QDir::NoDotAndDotDot);
    QCollator collator;
    collator.setNumericMode(true);
    std::sort(names.begin(), names.end(), collator);
    QStringList result;
    for (const QString& name : std::as_const(names)) {
        if (QFileInfo::exists(folder.filePath(name) + QStringLiteral("/config.json")))
            result << folder.filePath(name);
    }
    return result.isEmpty() ? QStringList{path} : result;
}

DistributionView::DistributionView(ExplorerSession* session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_type(new QComboBox)
    , m_shares(new PlotView(tr("Shares of \u2212"
                               "1, 0 and +1")))
    , m_histogram(new PlotView(tr("Weights")))
    , m_balance(new PlotView(tr("Balance of rows")))
    , m_scales(new PlotView(tr("Scales across layers")))
    , m_entropy(new PlotView(tr("Entropy against stored bits")))
    , m_ridgeline(new PlotView(tr("Over the checkpoints of the run")))
{
    m_type->setAccessibleName(tr("Kind of tensor"));
    auto* top = new QHBoxLayout;
    auto* label = new QLabel(tr("Across layers:"));
    setTextRole(label, TextRole::Muted);
    top->addWidget(label);
    top->addWidget(m_type);
    top->addStretch(1);
    auto* grid = new QGridLayout;
    grid->setSpacing(kGrid);
    PlotView* const plots[] = {m_shares, m_scales, m_entropy, m_histogram, m_balance, m_ridgeline};
    for (int i = 0; i < 6; ++i) {
        plots[i]->setMinimumSize(220, 160);
        grid->addWidget(plots[i], i / 3, i % 3);
    }
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(2 * kGrid, kGrid, 2 * kGrid, kGrid);
    layout->setSpacing(kGrid);
    layout->addLayout(top);
    layout->addLayout(grid, 1);
    m_ridgeline->setEmptyText(tr("Open a checkpoint of a training run to see its weights move."));
    m_histogram->setEmptyText(tr("Pick a tensor in the tree."));
    m_balance->setEmptyText(tr("Only ternary tensors have balanced rows."));
    for (PlotView* plot : {m_shares, m_scales, m_entropy})
        plot->setXAxis(axis(tr("Layer")));
    m_shares->setYAxis(axis(tr("Share"), tr("%"), true));
    m_scales->setYAxis(axis(tr("Scale")));
    m_entropy->setYAxis(axis(tr("Bits per weight"), {}, true));
    m_histogram->setMode(PlotMode::Bars);
    m_balance->setMode(PlotMode::Bars);
    m_histogram->setYAxis(axis(tr("Weights"), {}, true));
    m_balance->setYAxis(axis(tr("Rows"), {}, true));

    connect(m_session, &ExplorerSession::modelChanged, this, &DistributionView::showModel);
    connect(m_session, &ExplorerSession::statisticsChanged, this, [this] {
        if (isVisible())
            showLayers();
    });
    connect(m_type, &QComboBox::currentIndexChanged, this, &DistributionView::showLayers);
    connect(m_session, &ExplorerSession::tensorPicked, this, [this] {
        m_stale = true;
        if (isVisible())
            demandTensor();
    });
}

void DistributionView::showModel()
{
    const QSignalBlocker blocker(m_type);
    m_type->clear();
    QStringList types;
    for (const TensorSpec& spec : m_session->schema()) {
        if (spec.role == TensorRole::TernaryWeight && spec.layer >= 0 && !types.contains(tensorType(spec)))
            types << tensorType(spec);
    }
    m_type->addItem(tr("all together"));
    m_type->addItems(types);
    m_stale = true;
    if (isVisible()) {
        showLayers();
        demandTensor();
    }
}

void DistributionView::showEvent(QShowEvent*)
{
    if (!m_session->isOpen())
        return;
    showLayers();
    demandTensor();
}

void DistributionView::showLayers()
{
    struct Layer {
        TernaryCounts counts;
        std::int64_t parameters = 0;
        std::uint64_t bytes = 0;
    };
    std::map<std::int64_t, Layer> layers;
    std::map<QString, PlotSeries> scales;
    const bool all = m_type->currentIndex() <= 0;
    for (const auto& statistics : m_session->statistics()) {
        if (!statistics || statistics->role != TensorRole::TernaryWeight || statistics->layer < 0)
            continue;
        const TensorSpec& spec =
            m_session->schema()[static_cast<std::size_t>(&statistics - m_session->statistics().data())];
        const QString type = tensorType(spec);
        if (!all && type != m_type->currentText())
            continue;
        Layer& layer = layers[statistics->layer];
        layer.counts.minus += statistics->counts.minus;
        layer.counts.zero += statistics->counts.zero;
        layer.counts.plus += statistics->counts.plus;
        layer.parameters += statistics->parameters;
        layer.bytes += statistics->bytes;
        PlotSeries& line = scales[type];
        line.name = type;
        line.x.push_back(static_cast<double>(statistics->layer));
        line.y.push_back(statistics->scale);
    }
    QList<PlotSeries> shares(3), entropy(2);
    shares[0].name = QStringLiteral("\u2212"
                                    "1");
    shares[1].name = QStringLiteral("0");
    shares[2].name = QStringLiteral("+1");
    entropy[0].name = tr("entropy");
    entropy[1].name = tr("stored");
    for (const auto& [number, layer] : layers) {
        const double total = static_cast<double>(layer.counts.total()) / 100.0;
        const std::int64_t counts[] = {layer.counts.minus, layer.counts.zero, layer.counts.plus};
        for (int i = 0; i < 3; ++i) {
            shares[i].x.push_back(static_cast<double>(number));
            shares[i].y.push_back(static_cast<double>(counts[i]) / total);
        }
        entropy[0].x.push_back(static_cast<double>(number));
        entropy[0].y.push_back(layer.counts.entropyBits());
        entropy[1].x.push_back(static_cast<double>(number));
        entropy[1].y.push_back(8.0 * static_cast<double>(layer.bytes) /
                               static_cast<double>(layer.parameters));
    }
    m_shares->setSeries(shares);
    m_entropy->setSeries(entropy);
    QList<PlotSeries> lines;
    for (const auto& [type, series] : scales)
        lines.append(series);
    m_scales->setSeries(lines);
}

void DistributionView::demandTensor()
{
    if (!m_stale || m_session->tensor() < 0)
        return;
    m_stale = false;
    m_session->cancelCompute(m_job);
    const TensorSpec spec = m_session->schema()[static_cast<std::size_t>(m_session->tensor())];
    m_job = m_session->compute(
        [this, spec, source = m_session->source()](const JobControl&) -> std::function<void()> {
            auto numbers = std::make_shared<TensorNumbers>();
            const bool ternary = spec.role == TensorRole::TernaryWeight;
            if (ternary) {
                const TernaryTensor tensor = source->ternary(spec.name);
                numbers->counts = countTernary(tensor);
                numbers->edge = roundingEdge(tensor.scale);
                const TernaryProfile profile = profileOf(tensor);
                double limit = 0.02;
                for (const float balance : profile.rowBalance)
                    limit = std::max(limit, std::fabs(static_cast<double>(balance)) * 1.0001);
                numbers->balance = histogramOf(profile.rowBalance, 31, -limit, limit);
            }
            if (!ternary || source->hasLatentWeights()) {
                numbers->latent = true;
                numbers->histogram = latentHistogram(source->view(spec.name), kBins, spec.name);
            }
            return [this, numbers] {
                m_job = 0;
                showTensor(*numbers);
            };
        });
    demandRidgeline();
}

void DistributionView::showTensor(const TensorNumbers& numbers)
{
    const TensorSpec& spec = m_session->schema()[static_cast<std::size_t>(m_session->tensor())];
    const QString name =
        spec.layer >= 0 ? tr("%1 of layer %2").arg(tensorType(spec)).arg(spec.layer) : tensorType(spec);
    if (numbers.latent) {
        m_histogram->setTitle(tr("Latent weights, %1").arg(name));
        m_histogram->setXAxis(axis(tr("Value")));
        m_histogram->setSeries({barsOf(tr("Weights"), numbers.histogram)});
        QList<PlotMarker> markers;
        if (numbers.edge > 0.0) {
            const QString detail = tr("Weights between the two edges are rounded to 0.");
            markers = {{-numbers.edge,
                        tr("\u2212"
                           "1 | 0"),
                        detail},
                       {numbers.edge, tr("0 | +1"), detail}};
        }
        m_histogram->setMarkers(markers);
    } else {
        PlotSeries bars;
        bars.name = tr("Weights");
        bars.x = {-1.0, 0.0, 1.0};
        bars.y = {static_cast<double>(numbers.counts.minus), static_cast<double>(numbers.counts.zero),
                  static_cast<double>(numbers.counts.plus)};
        PlotAxis values = axis(tr("Ternary value"));
        values.labels = {{-1.0, QStringLiteral("\u2212"
                                               "1")},
                         {0.0, QStringLiteral("0")},
                         {1.0, QStringLiteral("+1")}};
        m_histogram->setTitle(tr("Ternary weights, %1").arg(name));
        m_histogram->setXAxis(values);
        m_histogram->setMarkers({});
        m_histogram->setSeries({bars});
    }
    m_balance->setTitle(tr("Balance of rows, %1").arg(name));
    m_balance->setXAxis(axis(tr("(plus \u2212 minus) / inputs")));
    m_balance->setSeries(numbers.balance.counts.empty()
                             ? QList<PlotSeries>()
                             : QList<PlotSeries>{barsOf(tr("Rows"), numbers.balance)});
}

// Each checkpoint's histogram, one above the other.
void DistributionView::demandRidgeline()
{
    m_session->cancelCompute(m_ridgeJob);
    m_ridgeJob = 0;
    m_ridgeline->setSeries({});
    const QStringList folders = checkpointsOfRun(m_session->path());
    if (folders.size() < 2 || !m_session->source()->hasLatentWeights())
        return;
    const TensorSpec spec = m_session->schema()[static_cast<std::size_t>(m_session->tensor())];
    m_ridgeJob = m_session->compute([this, spec, folders, source = m_session->source()](
                                        const JobControl& control) -> std::function<void()> {
        auto ridges = std::make_shared<std::vector<Ridge>>();
        const double limit = latentHistogram(source->view(spec.name), 1, spec.name).high;
        const qsizetype step =
            std::max<qsizetype>(1, (folders.size() + kMostCheckpoints - 1) / kMostCheckpoints);
        for (qsizetype i = (folders.size() - 1) % step; i < folders.size() && !control.stop.stop_requested();
             i += step) {
            const auto checkpoint = mmfree::openModel(folders[i].toStdString());
            requireSameShape(*source, *checkpoint);
            ridges->push_back(
                {QFileInfo(folders[i]).fileName(),
                 latentHistogram(checkpoint->view(spec.name), kBins, -limit, limit, spec.name)});
        }
        return [this, ridges] {
            m_ridgeJob = 0;
            showRidgeline(*ridges);
        };
    });
}

void DistributionView::showRidgeline(const std::vector<Ridge>& ridges)
{
    QList<PlotSeries> lines;
    PlotAxis rows = axis(tr("Checkpoint"));
    std::int64_t largest = 1;
    for (const Ridge& ridge : ridges)
        largest = std::max(largest,
                           *std::max_element(ridge.histogram.counts.begin(), ridge.histogram.counts.end()));
    for (std::size_t i = 0; i < ridges.size(); ++i) {
        PlotSeries line;
        line.name = ridges[i].name;
        line.style = 0;
        line.width = 1.5;
        for (std::size_t bin = 0; bin < ridges[i].histogram.counts.size(); ++bin) {
            line.x.push_back(ridges[i].histogram.low +
                             (static_cast<double>(bin) + 0.5) * ridges[i].histogram.binWidth());
            line.y.push_back(static_cast<double>(i) +
                             1.6 * static_cast<double>(ridges[i].histogram.counts[bin]) /
                                 static_cast<double>(largest));
        }
        line.low.assign(line.x.size(), static_cast<double>(i));
        line.high = line.y;
        rows.labels.append({static_cast<double>(i), ridges[i].name});
        lines.append(line);
    }
    m_ridgeline->setXAxis(axis(tr("Latent weight")));
    m_ridgeline->setYAxis(rows);
    m_ridgeline->setSeries(lines);
}

bool DistributionView::isSettled() const
{
    return !m_session->isOpen() || (!m_stale && m_job == 0 && m_ridgeJob == 0);
}

} // namespace mmfree::gui
