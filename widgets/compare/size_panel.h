// The paper's figure: memory and latency by size of the model, MatMul-free and dense, as measured here, as
// computed for what did not fit, and as the paper says of its largest.
#pragma once

#include "engine/analysis/compare_types.h"

#include <QWidget>

#include <memory>

class QLabel;

namespace mmfree::gui
{

class PlotView;

class SizePanel : public QWidget
{
    Q_OBJECT
public:
    explicit SizePanel(QWidget* parent = nullptr);
    void showRun(const std::shared_ptr<const CompareRun>& run);
    [[nodiscard]] static bool isFor(const CompareRun& run); // it has groups of sizes
    [[nodiscard]] PlotView& memoryPlot() const { return *m_memory; }
    [[nodiscard]] PlotView& latencyPlot() const { return *m_latency; }

private:
    PlotView *m_memory, *m_latency;
    QLabel* m_caption;
};

} // namespace mmfree::gui
