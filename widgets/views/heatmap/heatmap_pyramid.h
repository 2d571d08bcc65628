// Means of square blocks of a matrix, halved level by level, and the painting of one tile from them. Pure
// functions of their arguments; run on worker threads.
#pragma once

#include "widgets/views/heatmap/heatmap_palette.h"

#include <QImage>

#include <atomic>
#include <stop_token>
#include <vector>

namespace mmfree::gui
{

struct HeatmapPyramid {
    static constexpr int kFirstLevel = 3; // finer levels are painted from the cells themselves

    struct Level {
        qint64 rows = 0, cols = 0;
        std::vector<float> mean; // [rows, cols] of signals; NaN where no value is finite
        std::vector<std::uint8_t>
            presence; // [rows, cols] share of cells that are not zero (or changed), of 255
    };
    std::vector<Level> levels; // [0] is kFirstLevel
    std::vector<double> gains; // by level from 0

    [[nodiscard]] double gain(int level) const;
};

// Signal of a value: itself, or the direction (to - from) / 2 of a transition; presence: whether it counts.
struct HeatmapSignal {
    float signal = 0.0f;
    bool present = false;
};
[[nodiscard]] HeatmapSignal heatmapSignal(HeatmapKind kind, float value);

// Level at which the whole matrix fits into `pixels` x `pixels`.
[[nodiscard]] int heatmapTopLevel(qint64 rows, qint64 cols, int pixels);

// Empty when stopped. `progress` gets 0..1.
[[nodiscard]] HeatmapPyramid buildHeatmapPyramid(const HeatmapData& data, int topLevel,
                                                 const std::stop_token& stop, std::atomic<double>& progress);

// Tile (x, y) of `side` pixels at `level`; smaller at the matrix's ends. `pyramid` may be null below
// kFirstLevel.
[[nodiscard]] QImage paintHeatmapTile(const HeatmapData& data, const HeatmapPyramid* pyramid,
                                      const HeatmapPalette& palette, HeatmapRange range, int level, int x,
                                      int y, int side);

} // namespace mmfree::gui
