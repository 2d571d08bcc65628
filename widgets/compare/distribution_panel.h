// How the times of written tokens are spread: the share of tokens within each time, the same as bars, and the
// slowest tokens with their places.
#pragma once

#include "engine/analysis/compare_types.h"

#include <QWidget>

#include <memory>

class QTreeWidget;

namespace mmfree::gui
{

class PlotView;

class DistributionPanel : public QWidget
{
    Q_OBJECT
public:
    explicit DistributionPanel(QWidget* parent = nullptr);

    void showRun(const std::shared_ptr<const CompareRun>& run);
    [[nodiscard]] PlotView& cumulative() const { return *m_cumulative; }
    [[nodiscard]] PlotView& histogram() const { return *m_histogram; }
    [[nodiscard]] QTreeWidget& slowest() const { return *m_slowest; }

private:
    void showSlowest(double fromMilliseconds); // 0: the slowest of all

    std::shared_ptr<const CompareRun> m_run;
    PlotView *m_cumulative, *m_histogram;
    QTreeWidget* m_slowest;
};

} // namespace mmfree::gui
