// How far a backend's numbers are from the baseline's: the relative error of every layer's output for every
// token as a heat map, the first difference, agreement of the most likely token, divergence.
#pragma once

#include "engine/analysis/compare_types.h"

#include <QWidget>

#include <memory>

class QComboBox;
class QLabel;

namespace mmfree::gui
{

class HeatmapView;

class ParityPanel : public QWidget
{
    Q_OBJECT
public:
    explicit ParityPanel(QWidget* parent = nullptr);
    void showRun(const std::shared_ptr<const CompareRun>& run);
    [[nodiscard]] QComboBox& chooser() const { return *m_chooser; }
    [[nodiscard]] HeatmapView& heatmap() const { return *m_map; }
    [[nodiscard]] QString summary() const;

private:
    void showContender();

    std::shared_ptr<const CompareRun> m_run;
    QComboBox* m_chooser;
    QLabel* m_summary;
    HeatmapView* m_map;
};

} // namespace mmfree::gui
