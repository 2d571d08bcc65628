#include "widgets/compare/results_model.h"

#include "engine/analysis/compare_report.h"
#include "widgets/theme/theme.h"
#include "widgets/views/text_format.h"

#include <QCoreApplication>
#include <QFont>
#include <QLocale>

#include <cmath>

namespace mmfree::gui
{

namespace
{

// Three significant digits, thousands kept whole.
QString threeDigits(double value)
{
    const double size = std::abs(value);
    if (size != 0.0 && size < 0.01)
        return QLocale().toString(value, 'g', 3);
    return QLocale().toString(value, 'f', size >= 100.0 ? 0 : size >= 10.0 ? 1 : size >= 1.0 ? 2 : 3);
}

QString unitText(const std::string& unit)
{
    if (unit == "tokens/s")
        return ResultsModel::tr("tokens/s");
    if (unit == "ms")
        return ResultsModel::tr("ms");
    if (unit == "s")
        return ResultsModel::tr("s");
    if (unit == "J")
        return ResultsModel::tr("J");
    return QString::fromStdString(unit);
}

struct MetricWords {
    const char *key, *title, *explanation;
};
constexpr MetricWords kWords[] = {
    {"decode", QT_TRANSLATE_NOOP("CompareMetric", "Writing speed"),
     QT_TRANSLATE_NOOP(
         "CompareMetric",
         "Written tokens divided by the time of their choice and forward pass, one value a round.")},
    {"token", QT_TRANSLATE_NOOP("CompareMetric", "Time per token"),
     QT_TRANSLATE_NOOP(
         "CompareMetric",
         "Median over all written tokens of all rounds, with the range that holds 90 % of them.")},
    {"token95", QT_TRANSLATE_NOOP("CompareMetric", "Slow tokens (95 %)"),
     QT_TRANSLATE_NOOP("CompareMetric", "95 of 100 written tokens of a round come within this time.")},
    {"prefill", QT_TRANSLATE_NOOP("CompareMetric", "Reading speed"),
     QT_TRANSLATE_NOOP("CompareMetric",
                       "Prompt tokens divided by the time to read them up to the logits of the last one.")},
    {"first", QT_TRANSLATE_NOOP("CompareMetric", "Time to first token"),
     QT_TRANSLATE_NOOP("CompareMetric", "Reading the first prompt, up to the logits of its last token.")},
    {"whole", QT_TRANSLATE_NOOP("CompareMetric", "Whole run"),
     QT_TRANSLATE_NOOP("CompareMetric", "All passes of the workload: reading and writing.")},
    {"load", QT_TRANSLATE_NOOP("CompareMetric", "Loading"),
     QT_TRANSLATE_NOOP("CompareMetric", "Opening the model and preparing its weights, once.")},
    {"memory", QT_TRANSLATE_NOOP("CompareMetric", "Memory, measured"),
     QT_TRANSLATE_NOOP("CompareMetric",
                       "What the process grew by since before loading: resident memory, or memory "
                       "in use of a CUDA device.")},
    {"weights", QT_TRANSLATE_NOOP("CompareMetric", "    weights"),
     QT_TRANSLATE_NOOP("CompareMetric",
                       "Computed: packed weights, norms and embeddings, by the allocators.")},
    {"state", QT_TRANSLATE_NOOP("CompareMetric", "    state or KV cache"),
     QT_TRANSLATE_NOOP("CompareMetric",
                       "Computed: the recurrent state, which is constant, or the key-value cache "
                       "at the end of the longest pass.")},
    {"activations", QT_TRANSLATE_NOOP("CompareMetric", "    activations"),
     QT_TRANSLATE_NOOP("CompareMetric", "Computed: workspaces of a forward pass and logits.")},
    {"other", QT_TRANSLATE_NOOP("CompareMetric", "    other"),
     QT_TRANSLATE_NOOP("CompareMetric",
                       "Further heap of the process, and program code and libraries that came into "
                       "memory with the contender.")},
    {"rest", QT_TRANSLATE_NOOP("CompareMetric", "    unexplained rest"),
     QT_TRANSLATE_NOOP("CompareMetric",
                       "Measured less all parts above. Negative: reserved but not touched yet.")},
    {"energy", QT_TRANSLATE_NOOP("CompareMetric", "Energy per token"),
     QT_TRANSLATE_NOOP(
         "CompareMetric",
         "Difference of the energy counter over a run less idle power, divided by tokens read and "
         "written. Never estimated.")},
};

const MetricWords* wordsOf(const Metric& metric)
{
    for (const MetricWords& words : kWords) {
        if (metric.key == words.key)
            return &words;
    }
    return nullptr;
}

} // namespace

QString metricTitle(const Metric& metric)
{
    const MetricWords* words = wordsOf(metric);
    return words ? QCoreApplication::translate("CompareMetric", words->title)
                 : QString::fromStdString(metric.title);
}

QString metricExplanation(const Metric& metric)
{
    const MetricWords* words = wordsOf(metric);
    return words ? QCoreApplication::translate("CompareMetric", words->explanation)
                 : QString::fromStdString(metric.explanation);
}

QString metricValueText(const Metric& metric, double value)
{
    if (metric.unit == "bytes") {
        const QString text =
            QLocale().formattedDataSize(static_cast<qint64>(std::abs(value)), 1, QLocale::DataSizeSIFormat);
        return value < 0.0 ? QLocale().negativeSign() + text : text;
    }
    return metric.unit.empty() ? threeDigits(value)
                               : ResultsModel::tr("%1 %2").arg(threeDigits(value), unitText(metric.unit));
}

QString ratioValueText(const Ratio& ratio)
{
    if (ratio.exact)
        return ResultsModel::tr("%1\u00d7").arg(threeDigits(ratio.value));
    const QString text = ResultsModel::tr("%1\u00d7 (%2 to %3)")
                             .arg(threeDigits(ratio.value), threeDigits(ratio.low), threeDigits(ratio.high));
    return ratio.clear() ? text : ResultsModel::tr("%1, no clear difference").arg(text);
}

QString contenderLabel(const CompareRun& run, int index)
{
    const ContenderResult& result = run.contenders[static_cast<std::size_t>(index)];
    QString label = QString::fromStdString(contenderLetter(index) + " " + contenderName(result.contender));
    return result.emulated ? ResultsModel::tr("%1 (emulated)").arg(label) : label;
}

QString contenderPlotName(const ContenderResult& result)
{
    const Contender& contender = result.contender;
    QString name = QString::fromStdString(contender.name);
    if (name.isEmpty()) {
        name = backendTitle(QString::fromStdString(contender.backend));
        if (contender.dense || (result.parameters > 0 && !result.ternary))
            name = ResultsModel::tr("dense, %1").arg(name);
        if (!contender.group.empty())
            name = ResultsModel::tr("%1 %2").arg(QString::fromStdString(contender.group), name);
        if (contender.options.threads > 0)
            name = ResultsModel::tr("%1, %2 threads").arg(name).arg(contender.options.threads);
    }
    return result.emulated ? ResultsModel::tr("%1 (emulated)").arg(name) : name;
}

void ResultsModel::setRun(std::shared_ptr<const CompareRun> run)
{
    beginResetModel();
    m_run = std::move(run);
    m_table = m_run ? summarize(*m_run) : std::vector<std::vector<MetricValue>>();
    endResetModel();
}

void ResultsModel::setRatios(bool ratios)
{
    if (ratios == m_ratios)
        return;
    m_ratios = ratios;
    if (rowCount() > 0 && columnCount() > 0)
        emit dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
}

int ResultsModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() || !m_run ? 0 : static_cast<int>(m_table.size()) + 1; // and the output row
}

int ResultsModel::columnCount(const QModelIndex& parent) const
{
    return parent.isValid() || !m_run ? 0 : static_cast<int>(m_run->contenders.size());
}

QString ResultsModel::cellText(std::size_t metric, const MetricValue& cell) const
{
    const Metric& what = compareMetrics()[metric];
    if (!cell.value)
        return QStringLiteral("\u2013");
    if (m_ratios)
        return cell.ratio ? ratioValueText(*cell.ratio) : tr("1\u00d7 baseline");
    const QString value = metricValueText(what, cell.value->median);
    if (cell.value->samples < 2)
        return value;
    return tr("%1  (%2 to %3)").arg(value, threeDigits(cell.value->p5), threeDigits(cell.value->p95));
}

QVariant ResultsModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || !m_run)
        return {};
    const auto row = static_cast<std::size_t>(index.row());
    if (row == m_table.size()) {
        const QString parity = QString::fromStdString(parityText(*m_run, index.column()));
        return role == Qt::DisplayRole || role == Qt::ToolTipRole ? QVariant(parity) : QVariant();
    }
    const MetricValue& cell = m_table[row][static_cast<std::size_t>(index.column())];
    switch (role) {
    case Qt::DisplayRole:
        return cellText(row, cell);
    case Qt::TextAlignmentRole:
        return int(Qt::AlignRight | Qt::AlignVCenter);
    case kValueRole:
        if (m_ratios)
            return cell.ratio ? QVariant(cell.ratio->value) : QVariant();
        return cell.value ? QVariant(cell.value->median) : QVariant();
    case Qt::ToolTipRole:
        if (!cell.value)
            return QString::fromStdString(cell.missing);
        return tr("%1\nn = %2%3")
            .arg(metricExplanation(compareMetrics()[row]))
            .arg(cell.value->samples)
            .arg(cell.ratio ? tr("\nTo the baseline: %1").arg(ratioValueText(*cell.ratio)) : QString());
    case Qt::ForegroundRole:
        if (!cell.value || (m_ratios && cell.ratio && !cell.ratio->clear()))
            return themeColors().muted;
        return {};
    default:
        return {};
    }
}

QVariant ResultsModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (!m_run)
        return {};
    if (orientation == Qt::Horizontal) {
        const ContenderResult& result = m_run->contenders[static_cast<std::size_t>(section)];
        const bool baseline = baselineOf(*m_run, section) == section;
        if (role == Qt::DisplayRole)
            return contenderLabel(*m_run, section) + (baseline ? QStringLiteral(" \u2605") : QString());
        if (role == Qt::ToolTipRole)
            return QString::fromStdString(result.ran ? result.description : result.reason);
        if (role == Qt::TextAlignmentRole)
            return int(Qt::AlignRight | Qt::AlignVCenter);
        return {};
    }
    const auto row = static_cast<std::size_t>(section);
    if (row == m_table.size())
        return role == Qt::DisplayRole ? QVariant(tr("Output")) : QVariant();
    if (role == Qt::DisplayRole)
        return metricTitle(compareMetrics()[row]);
    if (role == Qt::ToolTipRole)
        return metricExplanation(compareMetrics()[row]);
    return role == Qt::TextAlignmentRole ? QVariant(int(Qt::AlignLeft | Qt::AlignVCenter)) : QVariant();
}

} // namespace mmfree::gui
