// The Activations tab: a quantity of one layer as channels by tokens, or its size over all layers as layers
// by tokens; beside it the next tokens that every layer would say at the picked token (logit lens).
#pragma once

#include "widgets/explore/explorer_session.h"

#include <QWidget>

class QComboBox;
class QLabel;
class QTableWidget;

namespace mmfree::gui
{

class MatrixPanel;

class ActivationsView : public QWidget
{
    Q_OBJECT
public:
    explicit ActivationsView(ExplorerSession* session, QWidget* parent = nullptr);

    [[nodiscard]] MatrixPanel* matrix() const { return m_matrix; }
    [[nodiscard]] QTableWidget* lens() const { return m_lens; }
    void setQuantity(Quantity quantity);
    void setAllLayers(bool all);
    [[nodiscard]] bool isSettled() const;

signals:
    void problem(const QString& title, const QString& detail);

protected:
    void showEvent(QShowEvent* event) override;

private:
    void showModel();
    [[nodiscard]] Quantity quantity() const;
    [[nodiscard]] std::vector<TracePoint> neededPoints() const;
    void demand();
    void rebuild();
    void demandLens();
    void showLens(const std::vector<std::vector<RankedToken>>& rows);

    ExplorerSession* m_session;
    MatrixPanel* m_matrix;
    QComboBox *m_view, *m_quantity, *m_layer;
    QTableWidget* m_lens;
    QLabel* m_lensCaption;
    bool m_stale = true, m_lensStale = true, m_large = false;
    JobId m_job = 0, m_lensJob = 0;
};

// Translated name of a quantity.
[[nodiscard]] QString quantityTitle(Quantity quantity);

} // namespace mmfree::gui
