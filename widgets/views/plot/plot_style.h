// How one series is told from another: a colour that colour-blind people can tell apart, a dash pattern and a
// letter. Cards and tables that name a series use the same ones.
#pragma once

#include <QColor>
#include <QPen>
#include <QString>

namespace mmfree::gui
{

[[nodiscard]] QColor seriesColor(int style, bool dark);
[[nodiscard]] QPen seriesPen(int style, bool dark, double width);
[[nodiscard]] QString seriesLetter(int style); // "A", "B", ... "Z", "A1", ...

} // namespace mmfree::gui
