#include "widgets/views/heatmap/heatmap_palette.h"

#include "widgets/theme/theme.h"

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

// Björn Ottosson's Oklab: equal steps look equal.
struct Lab {
    double l = 0.0, a = 0.0, b = 0.0;
};

double toLinear(double c)
{
    return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
}
double toGamma(double c)
{
    c = std::clamp(c, 0.0, 1.0);
    return c <= 0.0031308 ? 12.92 * c : 1.055 * std::pow(c, 1.0 / 2.4) - 0.055;
}

Lab labOf(QRgb color)
{
    const double r = toLinear(qRed(color) / 255.0), g = toLinear(qGreen(color) / 255.0),
                 b = toLinear(qBlue(color) / 255.0);
    const double l = std::cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const double m = std::cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const double s = std::cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    return {0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
            1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
            0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
}

QRgb rgbOf(const Lab& lab)
{
    const double l = std::pow(lab.l + 0.3963377774 * lab.a + 0.2158037573 * lab.b, 3.0);
    const double m = std::pow(lab.l - 0.1055613458 * lab.a - 0.0638541728 * lab.b, 3.0);
    const double s = std::pow(lab.l - 0.0894841775 * lab.a - 1.2914855480 * lab.b, 3.0);
    const auto channel = [](double c) { return static_cast<int>(std::lround(toGamma(c) * 255.0)); };
    return qRgb(channel(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
                channel(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
                channel(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s));
}

Lab mix(const Lab& from, const Lab& to, double share)
{
    return {from.l + (to.l - from.l) * share, from.a + (to.a - from.a) * share,
            from.b + (to.b - from.b) * share};
}

// Piecewise mix of anchors spread evenly over 0..1.
Lab ramp(const std::vector<Lab>& anchors, double t)
{
    const double place = std::clamp(t, 0.0, 1.0) * static_cast<double>(anchors.size() - 1);
    const auto index = std::min(static_cast<std::size_t>(place), anchors.size() - 2);
    return mix(anchors[index], anchors[index + 1], place - static_cast<double>(index));
}

std::vector<Lab> anchorsOf(const std::vector<QRgb>& colors)
{
    std::vector<Lab> result;
    for (const QRgb color : colors)
        result.push_back(labOf(color));
    return result;
}

} // namespace

HeatmapPalette::HeatmapPalette(bool dark)
    : m_dark(dark)
{
    // Minus: blue, far darker (on light) or dimmer (on dark) than plus: orange.
    const QRgb zero = dark ? qRgb(0x1d, 0x22, 0x28) : qRgb(0xfb, 0xfb, 0xf9);
    const std::vector<QRgb> minus =
        dark ? std::vector<QRgb>{zero, qRgb(0x22, 0x4f, 0x8c), qRgb(0x3d, 0x7e, 0xdb)}
             : std::vector<QRgb>{zero, qRgb(0x6f, 0x9c, 0xd6), qRgb(0x12, 0x3c, 0x7c)};
    const std::vector<QRgb> plus =
        dark ? std::vector<QRgb>{zero, qRgb(0x9c, 0x6a, 0x22), qRgb(0xff, 0xc8, 0x57)}
             : std::vector<QRgb>{zero, qRgb(0xf9, 0xc9, 0x7d), qRgb(0xe8, 0x82, 0x12)};
    const std::vector<QRgb> grow =
        dark ? std::vector<QRgb>{zero, qRgb(0x1c, 0x47, 0x5a), qRgb(0x1f, 0x7d, 0x7a), qRgb(0x6f, 0xb9, 0x6a),
                                 qRgb(0xf2, 0xe7, 0x8e)}
             : std::vector<QRgb>{zero, qRgb(0xc5, 0xe3, 0xb6), qRgb(0x5f, 0xb5, 0x9d), qRgb(0x1f, 0x77, 0x88),
                                 qRgb(0x16, 0x32, 0x5c)};
    m_missing = dark ? qRgb(0x4a, 0x40, 0x4d) : qRgb(0xd5, 0xcb, 0xd6);

    const std::vector<Lab> minusLab = anchorsOf(minus), plusLab = anchorsOf(plus), growLab = anchorsOf(grow);
    for (int i = 0; i < kSteps; ++i) {
        const double t = 2.0 * i / (kSteps - 1) - 1.0;
        m_diverging[i] = rgbOf(t < 0.0 ? ramp(minusLab, -t) : ramp(plusLab, t));
        m_sequential[i] = rgbOf(ramp(growLab, static_cast<double>(i) / (kSteps - 1)));
    }
    // Zoomed out: the share of non-zero weights darkens (light theme) or brightens the pixel to a grey, the
    // mean sign tints it.
    const Lab neutral = labOf(dark ? qRgb(0x8b, 0x92, 0x9a) : qRgb(0x8a, 0x8f, 0x96));
    m_mixed.resize(static_cast<std::size_t>(kShades) * kSteps);
    for (int shade = 0; shade < kShades; ++shade) {
        const Lab base = mix(labOf(zero), neutral, static_cast<double>(shade) / (kShades - 1));
        for (int i = 0; i < kSteps; ++i) {
            const double t = 2.0 * i / (kSteps - 1) - 1.0;
            const Lab pole = t < 0.0 ? minusLab.back() : plusLab.back();
            m_mixed[static_cast<std::size_t>(shade * kSteps + i)] = rgbOf(mix(base, pole, std::fabs(t)));
        }
    }
    // from -, 0, + (rows) to -, 0, +: unchanged cells are quiet, changes are strong; a flip of sign is the
    // strongest.
    m_transitions = dark ? std::array<QRgb, 9>{qRgb(0x2b, 0x33, 0x3f),
                                               qRgb(0x3f, 0xa3, 0x8e),
                                               qRgb(0xff, 0xe0, 0x6e),
                                               qRgb(0x3d, 0x7e, 0xdb),
                                               zero,
                                               qRgb(0xe0, 0x92, 0x3a),
                                               qRgb(0xb1, 0x66, 0xe6),
                                               qRgb(0x8a, 0xc8, 0x6c),
                                               qRgb(0x36, 0x33, 0x2c)}
                         : std::array<QRgb, 9>{qRgb(0xe1, 0xe6, 0xee),
                                               qRgb(0x2c, 0x8c, 0x78),
                                               qRgb(0xd9, 0xa4, 0x00),
                                               qRgb(0x1f, 0x55, 0xa5),
                                               zero,
                                               qRgb(0xd9, 0x6c, 0x06),
                                               qRgb(0x6c, 0x1f, 0x9c),
                                               qRgb(0x6b, 0xa8, 0x3c),
                                               qRgb(0xee, 0xe9, 0xe0)};
}

QRgb HeatmapPalette::diverging(float t) const
{
    if (std::isnan(t))
        return m_missing;
    const float place = (std::clamp(t, -1.0f, 1.0f) + 1.0f) * 0.5f * (kSteps - 1);
    return m_diverging[static_cast<std::size_t>(place + 0.5f)];
}

QRgb HeatmapPalette::sequential(float t) const
{
    if (std::isnan(t))
        return m_missing;
    return m_sequential[static_cast<std::size_t>(std::clamp(t, 0.0f, 1.0f) * (kSteps - 1) + 0.5f)];
}

QRgb HeatmapPalette::cell(HeatmapKind kind, float value, HeatmapRange range) const
{
    switch (kind) {
    case HeatmapKind::Ternary:
        return diverging(value);
    case HeatmapKind::Diverging:
        return diverging(value / range.high);
    case HeatmapKind::Sequential:
        return sequential((value - range.low) / (range.high - range.low));
    case HeatmapKind::Transitions:
        break;
    }
    if (!(value >= 0.0f && value <= 8.0f))
        return m_missing;
    return m_transitions[static_cast<std::size_t>(value)];
}

QRgb HeatmapPalette::mixed(HeatmapKind kind, float mean, float presence, HeatmapRange range, float gain) const
{
    if (std::isnan(mean))
        return m_missing;
    if (kind == HeatmapKind::Diverging || kind == HeatmapKind::Sequential)
        return cell(kind, mean, range);
    const float place = (std::clamp(mean * gain, -1.0f, 1.0f) + 1.0f) * 0.5f * (kSteps - 1);
    const auto shade = static_cast<std::size_t>(std::clamp(presence, 0.0f, 1.0f) * (kShades - 1) + 0.5f);
    return m_mixed[shade * kSteps + static_cast<std::size_t>(place + 0.5f)];
}

QColor HeatmapPalette::ink(QRgb background)
{
    // WCAG relative luminance: black is read better above 0.18.
    const double luminance = 0.2126 * toLinear(qRed(background) / 255.0) +
                             0.7152 * toLinear(qGreen(background) / 255.0) +
                             0.0722 * toLinear(qBlue(background) / 255.0);
    return luminance > 0.18 ? QColor(0x10, 0x12, 0x15) : QColor(0xff, 0xff, 0xff);
}

const HeatmapPalette& heatmapPalette()
{
    static const HeatmapPalette light(false), dark(true);
    return themeColors().dark ? dark : light;
}

} // namespace mmfree::gui
