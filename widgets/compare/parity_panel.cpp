#include "widgets/compare/parity_panel.h"

#include "engine/analysis/compare_statistics.h"
#include "widgets/compare/results_model.h"
#include "widgets/theme/theme.h"
#include "widgets/views/heatmap/heatmap_view.h"

#include <QComboBox>
#include <QLabel>
#include <QLocale>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr float kLeastDecade = -8.0f; // errors below 1e-8 are drawn alike

QString layerText(const ParityResult& parity, qint64 layer)
{
    return layer < parity.layers ? ParityPanel::tr("layer %1").arg(layer) : ParityPanel::tr("logits");
}

} // namespace

ParityPanel::ParityPanel(QWidget* parent)
    : QWidget(parent)
    , m_chooser(new QComboBox)
    , m_summary(new QLabel)
    , m_map(new HeatmapView)
{
    m_chooser->setObjectName(QStringLiteral("parityContender"));
    m_chooser->setAccessibleName(tr("Contender"));
    m_summary->setObjectName(QStringLiteral("paritySummary"));
    m_summary->setWordWrap(true);
    m_summary->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_map->setAccessibleName(tr("Relative error by layer and token"));
    m_map->setSquareCells(false);
    m_map->setEmptyText(
        tr("Nothing was compared. Contenders that run the same model are compared layer by layer."));
    connect(m_chooser, &QComboBox::currentIndexChanged, this, &ParityPanel::showContender);
    auto* caption =
        new QLabel(tr("Rows are layers, the last one the logits; columns are tokens of the prompt. "
                      "Colour is the size of the error, |x \u2212 y| / |y|, from 1e\u2212"
                      "8 to 1; "
                      "arrow keys read single cells."));
    caption->setWordWrap(true);
    setTextRole(caption, TextRole::SmallMuted);
    auto* top = new QHBoxLayout;
    top->addWidget(m_chooser);
    top->addWidget(m_summary, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(kGrid, kGrid, kGrid, kGrid);
    layout->setSpacing(kGrid / 2);
    layout->addLayout(top);
    layout->addWidget(m_map, 1);
    layout->addWidget(caption);
}

void ParityPanel::showRun(const std::shared_ptr<const CompareRun>& run)
{
    m_run = run;
    const QSignalBlocker blocker(m_chooser);
    m_chooser->clear();
    int chosen = -1;
    for (std::size_t i = 0; run && i < run->contenders.size(); ++i) {
        const int index = static_cast<int>(i);
        if (baselineOf(*run, index) == index)
            continue;
        m_chooser->addItem(contenderLabel(*run, index), index);
        if (chosen < 0 && run->contenders[i].parity.compared())
            chosen = m_chooser->count() - 1;
    }
    m_chooser->setCurrentIndex(std::max(0, chosen));
    m_chooser->setVisible(m_chooser->count() > 0);
    showContender();
}

QString ParityPanel::summary() const
{
    return m_summary->text();
}

void ParityPanel::showContender()
{
    m_map->setData(nullptr);
    m_summary->clear();
    if (!m_run || m_chooser->currentIndex() < 0)
        return;
    const int index = m_chooser->currentData().toInt();
    const ContenderResult& result = m_run->contenders[static_cast<std::size_t>(index)];
    const ParityResult parity = result.parity;
    if (!parity.compared() || parity.error.empty()) {
        m_summary->setText(!result.ran ? QString::fromStdString(result.reason)
                           : parity.reason.empty()
                               ? tr("Not compared.")
                               : tr("Not compared: %1.").arg(QString::fromStdString(parity.reason)));
        return;
    }
    const QLocale locale;
    QStringList facts;
    facts << (parity.firstLayer < 0
                  ? tr("no error above %1").arg(locale.toString(parity.tolerance, 'g', 2))
                  : tr("first error above %1 at %2, token %3")
                        .arg(locale.toString(parity.tolerance, 'g', 2), layerText(parity, parity.firstLayer))
                        .arg(parity.firstToken));
    facts << tr("most likely token agrees for %1 %")
                 .arg(locale.toString(100.0 * parity.topOneAgreement, 'g', 4));
    facts << tr("KL %1 nats, at most %2")
                 .arg(locale.toString(parity.meanKl, 'g', 2), locale.toString(parity.largestKl, 'g', 2));
    if (parity.comparedOutput > 0)
        facts << (parity.firstOutputDifference < 0
                      ? tr("written text equal over %1 tokens").arg(parity.comparedOutput)
                      : tr("written text differs from token %1 on").arg(parity.firstOutputDifference + 1));
    m_summary->setText(
        tr("Against %1: %2.").arg(contenderLabel(*m_run, parity.against), facts.join(tr("; "))));

    std::vector<float> decades;
    decades.reserve(parity.error.size());
    for (const double error : parity.error)
        decades.push_back(error > 0.0 ? std::clamp(static_cast<float>(std::log10(error)), kLeastDecade, 0.0f)
                                      : kLeastDecade);
    m_map->setReadout([parity](qint64 row, qint64 col) {
        const double error = parity.error[static_cast<std::size_t>(row * parity.tokens + col)];
        return tr("%1, token %2: error %3")
            .arg(layerText(parity, row))
            .arg(col)
            .arg(QLocale().toString(error, 'g', 3));
    });
    m_map->setData(std::make_shared<MatrixData>(HeatmapKind::Sequential, parity.layers + 1, parity.tokens,
                                                std::move(decades), HeatmapRange{kLeastDecade, 0.0f}));
    m_map->fit();
}

} // namespace mmfree::gui
