#include "widgets/views/heatmap/heatmap_table_model.h"

#include <QLocale>

#include <algorithm>
#include <limits>

namespace mmfree::gui
{

void HeatmapTableModel::setData(std::shared_ptr<const HeatmapData> data, HeatmapLabel rowLabel,
                                HeatmapLabel colLabel)
{
    beginResetModel();
    m_data = std::move(data);
    m_rowLabel = std::move(rowLabel);
    m_colLabel = std::move(colLabel);
    endResetModel();
}

int HeatmapTableModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() || !m_data
               ? 0
               : static_cast<int>(std::min<qint64>(m_data->rows(), std::numeric_limits<int>::max()));
}

int HeatmapTableModel::columnCount(const QModelIndex& parent) const
{
    return parent.isValid() || !m_data
               ? 0
               : static_cast<int>(std::min<qint64>(m_data->cols(), std::numeric_limits<int>::max()));
}

QVariant HeatmapTableModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || !m_data)
        return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant(Qt::AlignRight | Qt::AlignVCenter);
    if (role != Qt::DisplayRole && role != Qt::EditRole)
        return {};
    const float value = m_data->at(index.row(), index.column());
    if (role == Qt::EditRole)
        return static_cast<double>(value);
    if (m_data->kind() == HeatmapKind::Transitions) {
        static const QString kSigns[3] = {QStringLiteral("\u2212"), QStringLiteral("0"), QStringLiteral("+")};
        const int code = static_cast<int>(value);
        return QString(kSigns[code / 3] + QStringLiteral("\u2192") + kSigns[code % 3]);
    }
    return QLocale().toString(static_cast<double>(value), 'g',
                              m_data->kind() == HeatmapKind::Ternary ? 1 : 5);
}

QVariant HeatmapTableModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (role != Qt::DisplayRole)
        return {};
    const HeatmapLabel& label = orientation == Qt::Horizontal ? m_colLabel : m_rowLabel;
    return label ? label(section) : QLocale().toString(section);
}

} // namespace mmfree::gui
