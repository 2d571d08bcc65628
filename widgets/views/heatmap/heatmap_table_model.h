// The table twin of a heatmap: the same matrix as rows and columns of numbers, for reading, copying and
// screen readers.
#pragma once

#include "widgets/views/heatmap/heatmap_painter.h"

#include <QAbstractTableModel>

#include <memory>

namespace mmfree::gui
{

class HeatmapTableModel : public QAbstractTableModel
{
    Q_OBJECT
public:
    using QAbstractTableModel::QAbstractTableModel;

    void setData(std::shared_ptr<const HeatmapData> data, HeatmapLabel rowLabel = {},
                 HeatmapLabel colLabel = {});

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role = Qt::DisplayRole) const override;

private:
    std::shared_ptr<const HeatmapData> m_data;
    HeatmapLabel m_rowLabel, m_colLabel;
};

} // namespace mmfree::gui
