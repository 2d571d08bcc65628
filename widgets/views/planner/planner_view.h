// Projections for FPGA boards with sliders: how a model would decode there, what bounds it, what fits. All
// arithmetic is fpga/planner's; every number is marked as a projection.
#pragma once

#include "fpga/planner/plan.h"

#include <QWidget>

class QComboBox;
class QGridLayout;
class QLabel;
class QSlider;
class QTreeWidget;

namespace mmfree::gui
{

class PlannerView : public QWidget
{
    Q_OBJECT
public:
    explicit PlannerView(QWidget* parent = nullptr);

    // A model that is open: offered as a shape beside the published ones. `name` empty: none.
    void setOpenModel(const QString& name, const ModelConfig& config);
    // Adds a board of the user's own; returns what is wrong with the file, empty: nothing.
    QString addBoard(const QString& file);

    [[nodiscard]] const planner::Plan& plan() const { return m_plan; }
    [[nodiscard]] QWidget* controls() const { return m_controls; }
    [[nodiscard]] QWidget* results() const { return m_results; }

private:
    struct SliderRow {
        QSlider* slider = nullptr;
        QLabel* value = nullptr;
    };
    QWidget* buildControls();
    QWidget* buildResults();
    QWidget* buildPublished();
    SliderRow addSlider(QGridLayout* grid, const QString& name, const QString& hint, int least, int most);
    void boardChosen();
    void update();
    void showStages();
    void showFit(const planner::Board& board);
    [[nodiscard]] const planner::Board& board() const;

    std::vector<planner::Board> m_boards;
    std::vector<ModelConfig> m_shapes;
    planner::Plan m_plan;
    QWidget *m_controls = nullptr, *m_results = nullptr;
    QComboBox *m_boardBox = nullptr, *m_shapeBox = nullptr;
    SliderRow m_rows, m_clock, m_efficiency;
    QLabel *m_boardText = nullptr, *m_rate = nullptr, *m_bound = nullptr, *m_fit = nullptr;
    QLabel *m_problem = nullptr, *m_sources = nullptr;
    QTreeWidget *m_stages = nullptr, *m_published = nullptr;
};

} // namespace mmfree::gui
