// Where each contender stands between the limits of memory and of arithmetic: operations a second against
// operations per byte, with the measured ceilings of this machine.
#pragma once

#include "engine/analysis/compare_types.h"

#include <QWidget>

#include <memory>

class QLabel;

namespace mmfree::gui
{

class PlotView;

class RooflinePanel : public QWidget
{
    Q_OBJECT
public:
    explicit RooflinePanel(QWidget* parent = nullptr);
    void showRun(const std::shared_ptr<const CompareRun>& run);
    [[nodiscard]] PlotView& plot() const { return *m_plot; }

private:
    PlotView* m_plot;
    QLabel *m_limits, *m_caption;
};

} // namespace mmfree::gui
