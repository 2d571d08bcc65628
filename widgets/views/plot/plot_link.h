// Ties plots together: one crosshair and one shown range of x for all of them.
#pragma once

#include "widgets/views/plot/plot_types.h"

#include <QObject>

#include <optional>

namespace mmfree::gui
{

class PlotLink : public QObject
{
    Q_OBJECT
public:
    using QObject::QObject;

    // `x` and `range` in values of the x axis; nothing: no crosshair, everything shown.
    void moveCrosshair(QObject* origin, std::optional<double> x) { emit crosshairMoved(origin, x); }
    void showRange(QObject* origin, std::optional<PlotRange> range) { emit rangeShown(origin, range); }

signals:
    void crosshairMoved(QObject* origin, std::optional<double> x);
    void rangeShown(QObject* origin, std::optional<mmfree::gui::PlotRange> range);
};

} // namespace mmfree::gui
