#include "widgets/views/plot/plot_style.h"

#include <array>

namespace mmfree::gui
{

namespace
{

// Hues of Okabe and Ito's set, darkened or lightened until each has 3:1 against its background.
constexpr std::array<QRgb, 7> kLight{0xff0072b2, 0xffc24e00, 0xff00795a, 0xffa8417f,
                                     0xff7a6200, 0xff5b4fc4, 0xff4c5661};
constexpr std::array<QRgb, 7> kDark{0xff62b6f0, 0xffffa24d, 0xff3ecfa6, 0xffee9fcb,
                                    0xfff0e05a, 0xffaea6ff, 0xffc4ccd4};

std::size_t wrapped(int style, std::size_t count)
{
    return static_cast<std::size_t>(style < 0 ? 0 : style) % count;
}

} // namespace

QColor seriesColor(int style, bool dark)
{
    return QColor::fromRgb(dark ? kDark.at(wrapped(style, kDark.size()))
                                : kLight.at(wrapped(style, kLight.size())));
}

QPen seriesPen(int style, bool dark, double width)
{
    static const std::array<QList<qreal>, 5> kDashes{
        QList<qreal>{}, {6.0, 3.0}, {1.5, 2.5}, {8.0, 3.0, 1.5, 3.0}, {3.0, 2.0}};
    QPen pen(seriesColor(style, dark), width);
    pen.setJoinStyle(Qt::RoundJoin);
    const QList<qreal>& dashes = kDashes.at(wrapped(style, kDashes.size()));
    if (!dashes.isEmpty()) {
        pen.setDashPattern(dashes);
        pen.setCapStyle(Qt::FlatCap);
    }
    return pen;
}

QString seriesLetter(int style)
{
    const int place = style < 0 ? 0 : style;
    const QString letter(QChar(static_cast<char16_t>(u'A' + place % 26)));
    return place < 26 ? letter : letter + QString::number(place / 26);
}

} // namespace mmfree::gui
