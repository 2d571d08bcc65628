#include "widgets/training/ternary_strip.h"

#include "widgets/theme/theme.h"
#include "widgets/views/heatmap/heatmap_view.h"

#include <QCheckBox>
#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <map>

namespace mmfree::gui
{

namespace
{

constexpr std::size_t kMostColumns = 600; // looks drawn; more are thinned out evenly

QString percent(double share, int decimals)
{
    return TernaryStrip::tr("%1 %").arg(QLocale().toString(100.0 * share, 'f', decimals));
}

// Per step when counted between looks.
double valueOf(const TernaryTensorStatistics& tensor, TernaryStrip::Quantity quantity, double stepsBetween)
{
    switch (quantity) {
    case TernaryStrip::Quantity::Zeros:
        return tensor.zeroShare;
    case TernaryStrip::Quantity::Balance:
        return tensor.balance;
    case TernaryStrip::Quantity::SignFlips:
        return tensor.signFlipShare / stepsBetween;
    case TernaryStrip::Quantity::ZeroCrossings:
        return tensor.zeroCrossingShare / stepsBetween;
    }
    return 0.0;
}

} // namespace

TernaryStrip::TernaryStrip(QWidget* parent)
    : QWidget(parent)
    , m_quantity(new QComboBox)
    , m_byTensor(new QCheckBox(tr("Each &matrix")))
    , m_summary(new QLabel)
    , m_view(new HeatmapView)
{
    m_quantity->addItem(tr("Share of zeros"));
    m_quantity->addItem(tr("Balance of + and \u2212"));
    m_quantity->addItem(tr("Sign flips a step"));
    m_quantity->addItem(tr("Zero crossings a step"));
    m_quantity->setAccessibleName(tr("What the rows show"));
    m_quantity->setObjectName(QStringLiteral("ternaryQuantity"));
    setTextRole(m_summary, TextRole::SmallMuted);
    m_view->setSquareCells(false);
    m_view->setEmptyText(tr("Appears when a ternary model has trained for some steps"));
    m_view->setAccessibleName(tr("Ternary weights over the steps"));
    auto* head = new QHBoxLayout;
    head->setSpacing(2 * kGrid);
    head->addWidget(m_quantity);
    head->addWidget(m_byTensor);
    head->addWidget(m_summary, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, kGrid, 0, 0);
    layout->setSpacing(kGrid);
    layout->addLayout(head);
    layout->addWidget(m_view, 1);
    connect(m_quantity, &QComboBox::currentIndexChanged, this, &TernaryStrip::rebuild);
    connect(m_byTensor, &QCheckBox::toggled, this, &TernaryStrip::rebuild);
    const auto activate = [this](qint64 row, qint64 col) {
        if (row >= 0 && row < m_rowTensors.size())
            emit tensorActivated(m_rowTensors.at(row), col >= 0 && col < static_cast<qint64>(m_steps.size())
                                                           ? m_steps[static_cast<std::size_t>(col)]
                                                           : -1);
    };
    connect(m_view, &HeatmapView::cellActivated, this, activate);
    connect(m_view, &HeatmapView::rowActivated, this, [activate](qint64 row) { activate(row, -1); });
    m_view->setReadout([this](qint64 row, qint64 col) {
        const auto shown = m_view->data();
        if (!shown || row >= m_rowNames.size() || col >= static_cast<qint64>(m_steps.size()))
            return QString();
        return tr("%1, step %2: %3 %4")
            .arg(m_rowNames.at(row))
            .arg(m_steps[static_cast<std::size_t>(col)])
            .arg(m_quantity->currentText().toLower(), percent(static_cast<double>(shown->at(row, col)), 3));
    });
}

void TernaryStrip::show(const RunReader* reader)
{
    const std::vector<TernaryStatistics> none;
    const auto& statistics = reader ? reader->statistics() : none;
    const bool same = statistics.size() == m_statistics.size() &&
                      (statistics.empty() || statistics.back().step == m_statistics.back().step);
    if (same && !statistics.empty())
        return;
    m_statistics = statistics;
    rebuild();
}

void TernaryStrip::rebuild()
{
    const auto quantity = static_cast<Quantity>(m_quantity->currentIndex());
    const bool flips = quantity == Quantity::SignFlips || quantity == Quantity::ZeroCrossings;
    m_rowNames.clear();
    m_rowTensors.clear();
    m_steps.clear();
    const std::size_t first = flips && !m_statistics.empty() ? 1 : 0; // the first look has nothing before it
    if (m_statistics.size() <= first) {
        m_view->setData(nullptr);
        m_summary->clear();
        return;
    }
    std::map<std::int64_t, qsizetype> rowOfLayer;
    std::vector<qsizetype> rowOf;
    for (const TernaryTensorStatistics& tensor : m_statistics.front().tensors) {
        const QString name = QString::fromStdString(tensor.tensor);
        if (m_byTensor->isChecked()) {
            rowOf.push_back(m_rowNames.size());
            QString shortName = name;
            shortName.remove(QStringLiteral("model.layers.")).remove(QStringLiteral(".weight"));
            m_rowNames << shortName;
            m_rowTensors << name;
            continue;
        }
        const auto [entry, added] = rowOfLayer.try_emplace(tensor.layer, m_rowNames.size());
        rowOf.push_back(entry->second);
        if (added) {
            m_rowNames << (tensor.layer < 0 ? tr("head") : tr("layer %1").arg(tensor.layer));
            m_rowTensors << name;
        }
    }
    const std::size_t looks = m_statistics.size() - first, stride = (looks + kMostColumns - 1) / kMostColumns;
    std::vector<std::size_t> shown;
    for (std::size_t i = first; i < m_statistics.size(); i += stride)
        shown.push_back(i);
    const auto rows = static_cast<std::size_t>(m_rowNames.size());
    std::vector<float> values(rows * shown.size(), 0.0f), counts(rows, 0.0f);
    for (const qsizetype row : rowOf)
        counts[static_cast<std::size_t>(row)] += 1.0f;
    float largest = 0.0f, smallest = 1.0f;
    for (std::size_t col = 0; col < shown.size(); ++col) {
        const TernaryStatistics& look = m_statistics[shown[col]];
        m_steps.push_back(look.step);
        const double between = static_cast<double>(std::max<std::int64_t>(1, look.step - look.sinceStep));
        for (std::size_t i = 0; i < std::min(look.tensors.size(), rowOf.size()); ++i) {
            const auto row = static_cast<std::size_t>(rowOf[i]);
            values[row * shown.size() + col] +=
                static_cast<float>(valueOf(look.tensors[i], quantity, between)) / counts[row];
        }
    }
    for (const float value : values) {
        largest = std::max(largest, std::abs(value));
        smallest = std::min(smallest, value);
    }
    const bool diverging = quantity == Quantity::Balance;
    const float low = diverging ? -largest : quantity == Quantity::Zeros ? smallest : 0.0f;
    HeatmapFrame frame;
    frame.rowLabel = [names = m_rowNames](qint64 row) { return names.value(row); };
    frame.colLabel = [steps = m_steps](qint64 col) {
        return col >= 0 && col < static_cast<qint64>(steps.size())
                   ? QString::number(steps[static_cast<std::size_t>(col)])
                   : QString();
    };
    frame.colTitle = tr("step");
    frame.rowHeaderWidth = m_byTensor->isChecked() ? 120 : 64;
    frame.legendTitle = m_quantity->currentText();
    m_view->setFrame(frame);
    m_view->setData(std::make_shared<MatrixData>(diverging ? HeatmapKind::Diverging : HeatmapKind::Sequential,
                                                 static_cast<qint64>(rows), static_cast<qint64>(shown.size()),
                                                 std::move(values),
                                                 HeatmapRange{low, std::max(largest, low + 1e-6f)}));
    const TernaryStatistics& last = m_statistics.back();
    double zeros = 0.0, moved = 0.0;
    for (const TernaryTensorStatistics& tensor : last.tensors) {
        zeros += tensor.zeroShare;
        moved += tensor.signFlipShare + tensor.zeroCrossingShare;
    }
    const double count = static_cast<double>(std::max<std::size_t>(1, last.tensors.size()));
    m_summary->setText(tr("now %1 zeros, %2 of the weights changed in %3 steps")
                           .arg(percent(zeros / count, 1), percent(moved / count, 2))
                           .arg(last.step - last.sinceStep));
}

} // namespace mmfree::gui
