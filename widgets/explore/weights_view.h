// The Weights tab: the picked tensor as a map of signs, latents, margins, differences or packed bytes, with
// balance of rows and zeros of columns beside it and numbers of the cell or the selected rectangle under it.
#pragma once

#include "widgets/explore/explorer_session.h"
#include "widgets/explore/weight_data.h"

#include <QWidget>

class QComboBox;
class QLabel;
class QToolButton;

namespace mmfree::gui
{

class MatrixPanel;
class PlotView;

class WeightsView : public QWidget
{
    Q_OBJECT
public:
    explicit WeightsView(ExplorerSession* session, QWidget* parent = nullptr);

    [[nodiscard]] MatrixPanel* matrix() const { return m_matrix; }
    [[nodiscard]] QComboBox* modeBox() const { return m_mode; }
    void setMode(WeightMode mode);
    [[nodiscard]] bool isSettled() const;

signals:
    void problem(const QString& title, const QString& detail);
    void cellPicked(qint64 row, qint64 col);

protected:
    void showEvent(QShowEvent* event) override;

private:
    void fillModes();
    void reload();
    void take(const WeightPicture& picture);
    void showData(); // with mask and order
    void updateLine();
    void showProfile(const QString& title, const QString& axis, std::vector<double> values);
    [[nodiscard]] QString readout(qint64 row, qint64 col) const;
    [[nodiscard]] qint64 matrixRow(qint64 shown) const;

    ExplorerSession* m_session;
    MatrixPanel* m_matrix;
    PlotView* m_profilePlot;
    QComboBox *m_mode, *m_sort;
    QToolButton *m_minus, *m_plus;
    QLabel* m_title;
    WeightPicture m_picture;
    std::vector<qint64> m_order; // shown row -> row of the matrix; empty: as it is
    int m_shown = -1;            // tensor
    bool m_stale = true;
    JobId m_job = 0;
};

} // namespace mmfree::gui
