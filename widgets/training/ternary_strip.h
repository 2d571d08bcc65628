// Ternary weights over the steps of a run: one row a layer (or matrix), one column a look; share of zeros,
// balance of signs, or how many flipped. A click on a row asks to see those weights.
#pragma once

#include "widgets/training/run_reader.h"

#include <QWidget>

class QCheckBox;
class QComboBox;
class QLabel;

namespace mmfree::gui
{

class HeatmapView;

class TernaryStrip : public QWidget
{
    Q_OBJECT
public:
    enum class Quantity { Zeros, Balance, SignFlips, ZeroCrossings };

    explicit TernaryStrip(QWidget* parent = nullptr);

    void show(const RunReader* reader); // null: nothing; borrowed during the call only

signals:
    void tensorActivated(const QString& tensor, qint64 step); // one of the layer's when rows are layers

private:
    void rebuild();

    QComboBox* m_quantity;
    QCheckBox* m_byTensor;
    QLabel* m_summary;
    HeatmapView* m_view;
    std::vector<TernaryStatistics> m_statistics;
    QStringList m_rowNames, m_rowTensors;
    std::vector<qint64> m_steps;
};

} // namespace mmfree::gui
