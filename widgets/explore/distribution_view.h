// The Distribution tab: shares of -1/0/+1 by layer, the picked tensor's latent histogram with its rounding
// edges, the balance of its rows, scales across layers, entropy against stored bits, and a ridgeline over a
// run's checkpoints.
#pragma once

#include "widgets/explore/explorer_session.h"

#include <QWidget>

class QComboBox;

namespace mmfree::gui
{

class PlotView;

class DistributionView : public QWidget
{
    Q_OBJECT
public:
    explicit DistributionView(ExplorerSession* session, QWidget* parent = nullptr);

    [[nodiscard]] PlotView* shares() const { return m_shares; }
    [[nodiscard]] PlotView* histogram() const { return m_histogram; }
    [[nodiscard]] PlotView* balance() const { return m_balance; }
    [[nodiscard]] PlotView* scales() const { return m_scales; }
    [[nodiscard]] PlotView* entropy() const { return m_entropy; }
    [[nodiscard]] PlotView* ridgeline() const { return m_ridgeline; }
    [[nodiscard]] bool isSettled() const;

protected:
    void showEvent(QShowEvent* event) override;

private:
    struct TensorNumbers {
        Histogram histogram, balance;
        double edge = 0.0;
        TernaryCounts counts;
        bool latent = false;
    };
    struct Ridge {
        QString name;
        Histogram histogram;
    };
    void showModel();
    void showLayers();
    void demandTensor();
    void showTensor(const TensorNumbers& numbers);
    void demandRidgeline();
    void showRidgeline(const std::vector<Ridge>& ridges);

    ExplorerSession* m_session;
    QComboBox* m_type;
    PlotView *m_shares, *m_histogram, *m_balance, *m_scales, *m_entropy, *m_ridgeline;
    bool m_stale = true;
    JobId m_job = 0, m_ridgeJob = 0;
};

// Checkpoint folders beside `path` in a training run, oldest first; only `path` when it is in none.
[[nodiscard]] QStringList checkpointsOfRun(const QString& path);

} // namespace mmfree::gui
