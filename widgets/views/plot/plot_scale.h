// Numbers of an axis: position on a linear or logarithmic scale, round tick values, their texts, fitted
// ranges.
#pragma once

#include "widgets/views/plot/plot_types.h"

#include <optional>

namespace mmfree::gui
{

// Coordinates on the scale: the value itself, or its decimal logarithm. Values a scale cannot show (not
// finite; not positive on a logarithmic one) give NaN.
[[nodiscard]] double toScale(PlotScale scale, double value);
[[nodiscard]] double fromScale(PlotScale scale, double coordinate);

struct PlotTick {
    double coordinate = 0.0; // on the scale
    QString text;            // in the user's locale; empty: a line without text
};

// About `wanted` ticks at round values inside the range of coordinates.
[[nodiscard]] std::vector<PlotTick> axisTicks(const PlotAxis& axis, const PlotRange& coordinates, int wanted);

// Smallest and largest coordinate among `values`; nothing when the scale can show none of them.
[[nodiscard]] std::optional<PlotRange> coordinateExtent(PlotScale scale, const std::vector<double>& values);

// A range with margins around `extent`, never empty.
[[nodiscard]] PlotRange paddedRange(const PlotRange& extent, double share);

// "0.0132", "1,204", "3.1 M": about `digits` significant digits, in the user's locale.
[[nodiscard]] QString plotNumber(double value, int digits = 4);

} // namespace mmfree::gui
