// The curves of a run, and of others laid over it: loss and validation, gradient norm, learning rate, bits a
// byte, speed and memory. One crosshair and one range of x for all; what happened is marked.
#pragma once

#include "widgets/training/run_reader.h"
#include "widgets/views/plot/plot_link.h"
#include "widgets/views/plot/plot_view.h"

#include <QWidget>

class QComboBox;
class QSlider;

namespace mmfree::gui
{

class RunCharts : public QWidget
{
    Q_OBJECT
public:
    enum class XAxis { Step, Tokens, Time };

    explicit RunCharts(QWidget* parent = nullptr);

    // The first reader is the main one; the others lie over its loss. Borrowed until the next call.
    void show(const QList<const RunReader*>& readers);
    [[nodiscard]] const QList<PlotView*>& plots() const { return m_plots; }

signals:
    void stepActivated(qint64 step);
    void problem(const QString& title, const QString& detail);

private:
    [[nodiscard]] double xOf(const StepMetrics& metrics) const;
    [[nodiscard]] PlotSeries series(const RunReader& reader, const QString& name, int style,
                                    double (*value)(const StepMetrics&), bool validationOnly) const;
    [[nodiscard]] QList<PlotMarker> markers(const RunReader& reader) const;
    void showLoss();
    void showRest();
    void refresh();

    QComboBox* m_axis;
    QSlider* m_smoothing;
    PlotLink m_link;
    PlotView *m_loss, *m_gradient, *m_bits, *m_rate, *m_speed, *m_memory;
    QList<PlotView*> m_plots;
    QList<const RunReader*> m_readers;
};

// An exponential mean with the given memory (0: none), and the band of raw values around each point.
[[nodiscard]] PlotSeries smoothed(const PlotSeries& raw, double memory);

} // namespace mmfree::gui
