// Reduces a series to what a screen can show: the smallest and the largest value of each pixel column, in the
// order they came. A spike never vanishes, and the work of drawing does not grow with the data.
#pragma once

#include "widgets/views/plot/plot_types.h"

#include <QPointF>

namespace mmfree::gui
{

struct DrawnSeries {
    QList<QPointF> line;         // coordinates on the scales; at most 2 a column, plus one beyond each side
    QList<QPointF> lower, upper; // band, empty when the series has none
};

// `range`: shown coordinates of x; `columns`: width in pixels.
[[nodiscard]] DrawnSeries decimated(const PlotSeries& series, PlotScale xScale, PlotScale yScale,
                                    const PlotRange& range, int columns);

} // namespace mmfree::gui
