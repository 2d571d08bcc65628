// The one way a heatmap is painted: screen, PNG, SVG and PDF. Takes a scene of plain values; tiles are looked
// up (the screen) or painted on the spot (exports).
#pragma once

#include "widgets/views/heatmap/heatmap_tiles.h"

#include <QFont>
#include <QRectF>
#include <QString>

#include <functional>
#include <vector>

class QPainter;

namespace mmfree::gui
{

// Cell (0, 0) is at the plot's corner when the origin is 0; one cell is scaleX x scaleY pixels.
struct HeatmapTransform {
    double originX = 0.0, originY = 0.0; // cells
    double scaleX = 1.0, scaleY = 1.0;   // pixels per cell
    friend bool operator==(const HeatmapTransform&, const HeatmapTransform&) = default;
};

using HeatmapLabel = std::function<QString(qint64 index)>;

// What stands around the cells. Empty functions and vectors: not there.
struct HeatmapFrame {
    QString title, rowTitle, colTitle; // of the axes, e.g. "outputs"
    HeatmapLabel rowLabel, colLabel;   // else numbers
    int rowHeaderWidth = 56;           // pixels
    int colHeaderHeight = 22;
    std::vector<float> rowProfile; // bars left of the rows, signed; [rows] or empty
    std::vector<float> colProfile; // bars under the columns, from 0; [cols] or empty
    QString rowProfileTitle, colProfileTitle;
    bool legend = true;
    QString legendTitle; // "mean sign", "h"
};

struct HeatmapScene {
    HeatmapTiles* tiles = nullptr; // borrowed
    const HeatmapPalette* palette = nullptr;
    const HeatmapFrame* frame = nullptr;
    HeatmapTransform transform;
    QRectF plot; // where cells are drawn; the frame's parts stand around it inside `bounds`
    QRectF bounds;
    QFont font;
};

enum class TileAccess { Cached, Painted };

// Where the plot lies inside `bounds`.
[[nodiscard]] QRectF heatmapPlotRect(const QRectF& bounds, const HeatmapFrame& frame);

// Returns the tiles that were missing (Cached only), coarse ones standing in for them.
std::vector<TileKey> paintHeatmap(QPainter& painter, const HeatmapScene& scene, TileAccess access);

// Level of the tiles for a transform: a pixel of it is at most one pixel of the screen.
[[nodiscard]] int heatmapLevel(const HeatmapTransform& transform, int topLevel);

} // namespace mmfree::gui
