// Colours of heatmaps and token strips. Perceptually even (mixed in Oklab) and told apart without colour:
// minus is dark where plus is bright, so a grey print or a colour-blind reader still sees the sign; close up
// the cells carry signs besides. Built for a theme; a few KiB of tables.
#pragma once

#include "widgets/views/heatmap/heatmap_data.h"

#include <QColor>

#include <array>
#include <vector>

namespace mmfree::gui
{

class HeatmapPalette
{
public:
    explicit HeatmapPalette(bool dark);

    [[nodiscard]] bool isDark() const { return m_dark; }
    [[nodiscard]] QRgb diverging(float t) const;  // -1..1, clamped; NaN: missing()
    [[nodiscard]] QRgb sequential(float t) const; // 0..1
    [[nodiscard]] QRgb missing() const { return m_missing; }
    [[nodiscard]] QRgb transition(int index) const { return m_transitions[static_cast<std::size_t>(index)]; }

    // One value of a matrix of `kind`.
    [[nodiscard]] QRgb cell(HeatmapKind kind, float value, HeatmapRange range) const;
    // Many values as one pixel: `mean` (sign of Ternary, direction -1..1 of Transitions), `presence` the
    // share that is not zero (or has changed), `gain` multiplies the mean of Ternary and Transitions.
    [[nodiscard]] QRgb mixed(HeatmapKind kind, float mean, float presence, HeatmapRange range,
                             float gain) const;

    // Black or white, whichever is read better on `background`.
    [[nodiscard]] static QColor ink(QRgb background);

private:
    static constexpr int kSteps = 255; // odd: the middle is exactly 0
    static constexpr int kShades = 33; // presence
    bool m_dark;
    QRgb m_missing = 0;
    std::array<QRgb, kSteps> m_diverging{}, m_sequential{};
    std::vector<QRgb> m_mixed; // [kShades, kSteps]
    std::array<QRgb, 9> m_transitions{};
};

// The palette of the application's present theme.
[[nodiscard]] const HeatmapPalette& heatmapPalette();

} // namespace mmfree::gui
