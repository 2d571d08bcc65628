#include "widgets/compare/distribution_panel.h"

#include "engine/analysis/compare_statistics.h"
#include "widgets/compare/results_model.h"
#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_style.h"
#include "widgets/views/plot/plot_view.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLocale>
#include <QTreeWidget>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr int kBins = 48;
constexpr int kSlowestShown = 40;

} // namespace

DistributionPanel::DistributionPanel(QWidget* parent)
    : QWidget(parent)
    , m_cumulative(new PlotView(tr("Share of tokens within a time")))
    , m_histogram(new PlotView(tr("How often each time occurs")))
    , m_slowest(new QTreeWidget)
{
    m_cumulative->setObjectName(QStringLiteral("cumulativePlot"));
    m_cumulative->setXAxis({tr("Time per token"), tr("ms"), PlotScale::Logarithmic, {}, false});
    m_cumulative->setYAxis({tr("Tokens within it"), tr("%"), PlotScale::Linear, {}, true});
    m_cumulative->setEmptyText(tr("The workload wrote no tokens."));
    m_histogram->setObjectName(QStringLiteral("histogramPlot"));
    m_histogram->setXAxis({tr("Time per token"), tr("ms"), PlotScale::Logarithmic, {}, false});
    m_histogram->setYAxis({tr("Tokens"), tr("%"), PlotScale::Linear, {}, true});
    m_histogram->setEmptyText(tr("The workload wrote no tokens."));
    connect(m_cumulative, &PlotView::pointActivated, this, &DistributionPanel::showSlowest);

    m_slowest->setObjectName(QStringLiteral("slowestTokens"));
    m_slowest->setAccessibleName(tr("Slowest tokens"));
    m_slowest->setHeaderLabels({tr("Contender"), tr("Time"), tr("Position"), tr("Round")});
    m_slowest->setRootIsDecorated(false);
    m_slowest->setUniformRowHeights(true);
    auto* title = new QLabel(tr("Slowest tokens"));
    setTextRole(title, TextRole::Section);
    title->setToolTip(tr("Click a time in the left chart to see the tokens slower than it"));
    auto* side = new QVBoxLayout;
    side->setSpacing(kGrid / 2);
    side->addWidget(title);
    side->addWidget(m_slowest, 1);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(kGrid, kGrid, kGrid, kGrid);
    layout->setSpacing(kGrid);
    layout->addWidget(m_cumulative, 2);
    layout->addWidget(m_histogram, 2);
    layout->addLayout(side, 2);
}

void DistributionPanel::showRun(const std::shared_ptr<const CompareRun>& run)
{
    m_run = run;
    QList<PlotSeries> cumulative, histogram;
    double least = INFINITY, most = 0.0;
    std::vector<std::vector<double>> times;
    for (std::size_t i = 0; run && i < run->contenders.size(); ++i) {
        std::vector<double> sorted;
        for (const TokenTime& token : allTokenTimes(*run, static_cast<int>(i)))
            sorted.push_back(1e3 * token.seconds);
        std::sort(sorted.begin(), sorted.end());
        if (!sorted.empty()) {
            least = std::min(least, std::max(1e-6, sorted.front()));
            most = std::max(most, sorted.back());
        }
        times.push_back(std::move(sorted));
    }
    const double span = most > least ? std::log(most / least) : 0.0;
    for (std::size_t i = 0; i < times.size(); ++i) {
        const std::vector<double>& sorted = times[i];
        if (sorted.empty())
            continue;
        const QString name = contenderPlotName(run->contenders[i]);
        PlotSeries share{.name = name, .style = static_cast<int>(i)}, bins = share;
        const auto count = static_cast<double>(sorted.size());
        for (std::size_t n = 0; n < sorted.size(); ++n) {
            share.x.push_back(sorted[n]);
            share.y.push_back(100.0 * static_cast<double>(n + 1) / count);
        }
        std::vector<double> counts(kBins, 0.0);
        for (const double value : sorted) {
            const double place = span > 0.0 ? std::log(std::max(least, value) / least) / span * kBins : 0.0;
            counts[static_cast<std::size_t>(std::clamp<int>(static_cast<int>(place), 0, kBins - 1))] += 1.0;
        }
        // Both corners of each bin: a stepped outline, so that contenders can lie over each other.
        for (int bin = 0; bin < kBins; ++bin) {
            const double from = least * std::exp(span * bin / kBins),
                         to = least * std::exp(span * (bin + 1) / kBins);
            const double height = 100.0 * counts[static_cast<std::size_t>(bin)] / count;
            bins.x.insert(bins.x.end(), {from, to});
            bins.y.insert(bins.y.end(), {height, height});
        }
        cumulative << share;
        histogram << bins;
    }
    m_cumulative->setSeries(cumulative);
    m_histogram->setSeries(histogram);
    showSlowest(0.0);
}

void DistributionPanel::showSlowest(double fromMilliseconds)
{
    m_slowest->clear();
    struct Slow {
        TokenTime token;
        int contender = 0;
    };
    std::vector<Slow> all;
    for (std::size_t i = 0; m_run && i < m_run->contenders.size(); ++i) {
        for (const TokenTime& token : allTokenTimes(*m_run, static_cast<int>(i))) {
            if (1e3 * token.seconds >= fromMilliseconds)
                all.push_back({token, static_cast<int>(i)});
        }
    }
    // After a click the tokens just above that time, else the slowest.
    const bool ascending = fromMilliseconds > 0.0;
    std::sort(all.begin(), all.end(), [ascending](const Slow& a, const Slow& b) {
        return ascending ? a.token.seconds < b.token.seconds : a.token.seconds > b.token.seconds;
    });
    const QLocale locale;
    for (std::size_t n = 0; n < std::min<std::size_t>(all.size(), kSlowestShown); ++n) {
        const Slow& slow = all[n];
        auto* item = new QTreeWidgetItem({seriesLetter(slow.contender),
                                          tr("%1 ms").arg(locale.toString(1e3 * slow.token.seconds, 'f', 2)),
                                          locale.toString(static_cast<qlonglong>(slow.token.position)),
                                          locale.toString(slow.token.round + 1)});
        item->setToolTip(0, contenderLabel(*m_run, slow.contender));
        for (int column = 1; column < 4; ++column)
            item->setTextAlignment(column, Qt::AlignRight | Qt::AlignVCenter);
        m_slowest->addTopLevelItem(item);
    }
    for (int column = 0; column < 4; ++column)
        m_slowest->resizeColumnToContents(column);
}

} // namespace mmfree::gui
