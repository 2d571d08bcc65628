// The State tab. MatMul-free models: channels by tokens of the MLGRU's state and gates, with the hold map,
// half-lives, brush and match, and a second text or checkpoint beside it. Dense models: attention maps in the
// same place.
#pragma once

#include "widgets/explore/explorer_session.h"

#include <QWidget>

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QSlider;
class QTabWidget;
class QTimer;
class QToolButton;

namespace mmfree::gui
{

class HeatmapData;
class HoldPanel;
class HalfLifePanel;
class MatchPanel;
class MatrixPanel;
class PlotView;
class TwinPanel;

enum class StateQuantity { Hidden, ForgetGate, Candidate, OutputGate, Change, Contribution };

class StateView : public QWidget
{
    Q_OBJECT
public:
    explicit StateView(ExplorerSession* session, QWidget* parent = nullptr);

    [[nodiscard]] MatrixPanel* matrix() const { return m_matrix; }
    [[nodiscard]] HoldPanel* hold() const { return m_hold; }
    [[nodiscard]] HalfLifePanel* halfLife() const { return m_halfLife; }
    [[nodiscard]] MatchPanel* match() const { return m_match; }
    [[nodiscard]] TwinPanel* twin() const { return m_twin; }
    void setQuantity(StateQuantity quantity);
    bool showPanel(const QString& name); // "hold", "halflife", "match", "twin"; false: there is none
    [[nodiscard]] bool isSettled() const;
    // Channels in the order shown.
    [[nodiscard]] const std::vector<std::int64_t>& shownChannels() const { return m_order; }

signals:
    void problem(const QString& title, const QString& detail);

protected:
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;

private:
    void showModel();
    [[nodiscard]] std::vector<TracePoint> neededPoints() const;
    void demand(); // captures what is in sight
    void rebuild();
    void rebuildAttention();
    void takeMatrix(std::shared_ptr<const HeatmapData> data, std::vector<std::int64_t> order);
    void showChannel(qint64 row);
    void showOnly(const std::vector<std::int32_t>& channels, const QString& what); // empty: all
    [[nodiscard]] QString tokenName(qint64 token) const;

    ExplorerSession* m_session;
    MatrixPanel* m_matrix;
    PlotView* m_lines;
    QComboBox *m_layer, *m_quantity, *m_sort, *m_which, *m_head;
    QCheckBox* m_perRow;
    QSlider* m_scrub;
    QToolButton *m_play, *m_write;
    QLabel* m_caption;
    QTabWidget* m_side;
    HoldPanel* m_hold;
    HalfLifePanel* m_halfLife;
    MatchPanel* m_match;
    TwinPanel* m_twin;
    QTimer* m_player;
    std::vector<std::int64_t> m_order;
    std::vector<std::int32_t> m_only; // channels to show; empty: all
    QString m_onlyText;
    bool m_large = false; // the user has allowed a large capture
    bool m_stale = true;
    JobId m_job = 0;
};

} // namespace mmfree::gui
