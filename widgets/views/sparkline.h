// Step times as a small line: the highest of each pixel column, so that no spike is lost. Keys and mouse pick
// a step.
#pragma once

#include <QWidget>

#include <vector>

namespace mmfree::gui
{

class Sparkline : public QWidget
{
    Q_OBJECT
public:
    explicit Sparkline(QWidget* parent = nullptr);

    void setValues(std::vector<float> milliseconds);
    [[nodiscard]] int current() const { return m_current; } // -1: none
    [[nodiscard]] QSize sizeHint() const override { return {240, 72}; }

signals:
    void stepChosen(int step); // click or Enter

protected:
    void paintEvent(QPaintEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void leaveEvent(QEvent* event) override;

private:
    [[nodiscard]] int stepAt(double x) const; // the slowest of its pixel column
    void setCurrent(int step);

    std::vector<float> m_values;
    int m_current = -1;
};

} // namespace mmfree::gui
