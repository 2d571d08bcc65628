// Values a plot shows: series with optional bands, axes, markers. Plain data, free of widgets.
#pragma once

#include <QList>
#include <QString>

#include <utility>
#include <vector>

namespace mmfree::gui
{

enum class PlotScale { Linear, Logarithmic };

struct PlotAxis {
    QString title; // translated, "Loss"
    QString unit;  // translated, "nats per token"; empty: none
    PlotScale scale = PlotScale::Linear;
    QList<std::pair<double, QString>> labels; // named places instead of numbers; empty: numbers
    bool fromZero = false;                    // a fitted range starts at 0 (linear axes)
};

struct PlotSeries {
    QString name;                  // translated
    std::vector<double> x, y;      // same length, x ascending; values that are not finite are left out
    std::vector<double> low, high; // band around y, same length; empty: none
    int style = -1;                // colour, dash and letter (plot_style.h); -1: its place in the list
    double width = 2.0;            // line width, pixels
    bool faint = false;            // drawn pale: raw values behind a smoothed line
};

// A vertical line at an event.
struct PlotMarker {
    double x = 0.0;
    QString text;   // translated, short
    QString detail; // shown when pointed at; empty: the text
};

struct PlotRange {
    double from = 0.0, to = 1.0; // from < to
    friend bool operator==(const PlotRange&, const PlotRange&) = default;
};

enum class PlotMode {
    Lines,
    Bars, // x holds the left edges of equally wide bars, or their places when the axis has labels
};

} // namespace mmfree::gui
