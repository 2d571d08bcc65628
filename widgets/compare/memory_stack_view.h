// Memory of each contender as a stacked bar: weights, state or cache, activations, other, and the unexplained
// rest hatched, so that the parts add up to what was measured. Every part also has its number in the tooltip
// and in the accessible description.
#pragma once

#include "engine/analysis/compare_types.h"

#include <QWidget>

#include <vector>

namespace mmfree::gui
{

struct MemoryBar {
    QString label; // "A", "B (emulated)"
    MemoryParts parts;
    bool ternary = true; // state, else KV cache
    bool known = false;  // measured; else only planned
    QString note;        // in place of a bar: why there is none
};

class MemoryStackView : public QWidget
{
    Q_OBJECT
public:
    explicit MemoryStackView(QWidget* parent = nullptr);

    void setBars(std::vector<MemoryBar> bars);
    [[nodiscard]] const std::vector<MemoryBar>& bars() const { return m_bars; }
    void paintTo(QPainter& painter, const QRectF& bounds) const; // screen, pictures and reports
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return {240, 120}; }

protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

private:
    struct Segment {
        QString name;
        qint64 bytes = 0;
        QColor color;
        bool hatched = false;
    };
    [[nodiscard]] static std::vector<Segment> segmentsOf(const MemoryBar& bar);
    [[nodiscard]] static QString describe(const MemoryBar& bar);
    [[nodiscard]] QRectF rowRect(const QRectF& bounds, std::size_t index) const;

    std::vector<MemoryBar> m_bars;
};

} // namespace mmfree::gui
