#include "widgets/views/plot/plot_scale.h"

#include <QLocale>

#include <algorithm>
#include <cmath>
#include <limits>

namespace mmfree::gui
{

namespace
{

// 1, 2 or 5 times a power of ten, not below `rough`.
double roundStep(double rough)
{
    const double power = std::pow(10.0, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= rough * (1.0 - 1e-9))
            return factor * power;
    }
    return 10.0 * power;
}

// Text of a tick whose neighbours lie `step` away.
QString tickText(double value, double step)
{
    const double size = std::max(std::abs(value), step);
    if (value == 0.0 && size >= 1e5)
        return QLocale().toString(0);
    if (size >= 1e5 || size < 1e-3) {
        struct Unit {
            double factor;
            const char* name;
        };
        for (const Unit& unit : {Unit{1e12, "T"}, Unit{1e9, "G"}, Unit{1e6, "M"}, Unit{1e3, "k"}}) {
            if (size >= unit.factor) {
                const int decimals =
                    std::clamp(static_cast<int>(std::ceil(-std::log10(step / unit.factor) - 1e-9)), 0, 6);
                return QLocale().toString(value / unit.factor, 'f', decimals) + QLatin1String(unit.name);
            }
        }
        return value == 0.0 ? QLocale().toString(0) : QLocale().toString(value, 'g', 3);
    }
    const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 9);
    return QLocale().toString(value, 'f', decimals);
}

std::vector<PlotTick> linearTicks(const PlotRange& range, int wanted)
{
    std::vector<PlotTick> ticks;
    const double step = roundStep((range.to - range.from) / std::max(1, wanted));
    if (!(step > 0.0) || !std::isfinite(step))
        return ticks;
    const double first = std::ceil(range.from / step - 1e-9);
    const double last = std::floor(range.to / step + 1e-9);
    if (last - first > 1000.0)
        return ticks;
    for (double index = first; index <= last; index += 1.0) {
        const double value = index * step;
        ticks.push_back({value, tickText(value, step)});
    }
    return ticks;
}

// Powers of ten, with 2 and 5 between when there is room; a range under a decade is ticked linearly.
std::vector<PlotTick> logarithmicTicks(const PlotRange& range, int wanted)
{
    const double decades = range.to - range.from;
    std::vector<PlotTick> ticks;
    if (decades < 1.0) {
        for (const PlotTick& tick :
             linearTicks({std::pow(10.0, range.from), std::pow(10.0, range.to)}, wanted)) {
            if (tick.coordinate > 0.0)
                ticks.push_back({std::log10(tick.coordinate), tick.text});
        }
        return ticks;
    }
    const int stride = std::max(1, static_cast<int>(std::ceil(decades / std::max(1, wanted))));
    const bool between = decades * 3.0 <= wanted + 1;
    for (int power = static_cast<int>(std::floor(range.from)); power <= range.to; ++power) {
        for (const double factor : {1.0, 2.0, 5.0}) {
            const double coordinate = power + std::log10(factor);
            if (coordinate < range.from - 1e-9 || coordinate > range.to + 1e-9)
                continue;
            if (factor > 1.0 ? between : power % stride == 0) {
                const double value = factor * std::pow(10.0, power);
                ticks.push_back({coordinate, tickText(value, std::pow(10.0, power))});
            }
        }
    }
    return ticks;
}

} // namespace

double toScale(PlotScale scale, double value)
{
    if (!std::isfinite(value) || (scale == PlotScale::Logarithmic && value <= 0.0))
        return std::numeric_limits<double>::quiet_NaN();
    return scale == PlotScale::Logarithmic ? std::log10(value) : value;
}

double fromScale(PlotScale scale, double coordinate)
{
    return scale == PlotScale::Logarithmic ? std::pow(10.0, coordinate) : coordinate;
}

std::vector<PlotTick> axisTicks(const PlotAxis& axis, const PlotRange& coordinates, int wanted)
{
    if (axis.labels.isEmpty())
        return axis.scale == PlotScale::Logarithmic ? logarithmicTicks(coordinates, wanted)
                                                    : linearTicks(coordinates, wanted);
    std::vector<PlotTick> ticks;
    for (const auto& [value, text] : axis.labels) {
        const double coordinate = toScale(axis.scale, value);
        if (coordinate >= coordinates.from && coordinate <= coordinates.to)
            ticks.push_back({coordinate, text});
    }
    return ticks;
}

std::optional<PlotRange> coordinateExtent(PlotScale scale, const std::vector<double>& values)
{
    std::optional<PlotRange> extent;
    for (const double value : values) {
        const double coordinate = toScale(scale, value);
        if (std::isnan(coordinate))
            continue;
        if (!extent)
            extent = PlotRange{coordinate, coordinate};
        extent->from = std::min(extent->from, coordinate);
        extent->to = std::max(extent->to, coordinate);
    }
    return extent;
}

PlotRange paddedRange(const PlotRange& extent, double share)
{
    double size = extent.to - extent.from;
    if (!(size > 0.0))
        size = std::max(std::abs(extent.from) * 0.1, 1e-6);
    const double margin = extent.to > extent.from ? size * share : size / 2.0;
    return {extent.from - margin, extent.to + margin};
}

QString plotNumber(double value, int digits)
{
    if (!std::isfinite(value))
        return std::isnan(value) ? QStringLiteral("NaN") : QStringLiteral("\u221e");
    const double size = std::abs(value);
    if (size != 0.0 && (size < 1e-4 || size >= 1e12))
        return QLocale().toString(value, 'g', digits);
    if (value == std::floor(value) && size < 1e9)
        return QLocale().toString(static_cast<qlonglong>(value));
    const int whole = size >= 1.0 ? static_cast<int>(std::floor(std::log10(size))) + 1 : 0;
    int decimals = std::max(0, digits - whole);
    if (whole == 0)
        decimals = digits - 1 - static_cast<int>(std::floor(std::log10(size)));
    return QLocale().toString(value, 'f', std::min(decimals, 9));
}

} // namespace mmfree::gui
