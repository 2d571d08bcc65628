// The Flow tab: one token's walk through a block as a guided tour. Stations with real numbers, and how many
// additions, subtractions and skips replaced multiplications.
#pragma once

#include "widgets/explore/explorer_session.h"

#include <QWidget>

class QComboBox;
class QLabel;
class QPushButton;

namespace mmfree::gui
{

class PlotView;

// The block drawn as boxes joined by pipes; the current one is marked. Click or arrow keys.
class FlowDiagram : public QWidget
{
    Q_OBJECT
public:
    struct Box {
        QString title, number;
        bool projection = false;
    };
    explicit FlowDiagram(QWidget* parent = nullptr);
    void setBoxes(std::vector<Box> boxes);
    void setCurrent(int index);
    [[nodiscard]] int current() const { return m_current; }
    [[nodiscard]] QRectF rectOf(int index) const;
    [[nodiscard]] QSize sizeHint() const override { return {280, 520}; }

signals:
    void currentChanged(int index);

protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    std::vector<Box> m_boxes;
    int m_current = 0;
};

class FlowView : public QWidget
{
    Q_OBJECT
public:
    explicit FlowView(ExplorerSession* session, QWidget* parent = nullptr);
    [[nodiscard]] const std::vector<Station>& stations() const { return m_stations; }
    [[nodiscard]] FlowDiagram* diagram() const { return m_diagram; }
    void goTo(int station);
    [[nodiscard]] bool isSettled() const;

protected:
    void showEvent(QShowEvent* event) override;

private:
    void demand();
    void take(std::vector<Station> stations);
    void showStation();

    ExplorerSession* m_session;
    FlowDiagram* m_diagram;
    QComboBox* m_layer;
    QLabel *m_step, *m_title, *m_text, *m_counts, *m_total;
    PlotView* m_plot;
    QPushButton *m_back, *m_next, *m_open;
    std::vector<Station> m_stations;
    bool m_stale = true;
    JobId m_job = 0;
};

} // namespace mmfree::gui
