#include "widgets/theme/theme.h"

#include "widgets/theme/icon.h"

#include <QApplication>
#include <QFontDatabase>
#include <QLabel>
#include <QPalette>
#include <QStyle>
#include <QStyleFactory>
#include <QToolTip>

namespace mmfree::gui
{

namespace
{

const ThemeColors kLight{
    .window = QColor(0xf7, 0xf8, 0xf9),
    .panel = QColor(0xf0, 0xf2, 0xf4),
    .surface = QColor(0xff, 0xff, 0xff),
    .raised = QColor(0xec, 0xef, 0xf2),
    .border = QColor(0xdf, 0xe3, 0xe8),
    .control = QColor(0x8d, 0x97, 0xa3),
    .text = QColor(0x1a, 0x1e, 0x23),
    .muted = QColor(0x56, 0x60, 0x6c),
    .accent = QColor(0x0b, 0x6f, 0x6b),
    .accentText = QColor(0xff, 0xff, 0xff),
    .accentSoft = QColor(0xd8, 0xec, 0xea),
    .danger = QColor(0xb3, 0x26, 0x1e),
    .dangerSoft = QColor(0xfb, 0xe9, 0xe7),
    .warning = QColor(0x8a, 0x5a, 0x00),
    .warningSoft = QColor(0xfd, 0xf2, 0xd9),
    .code = QColor(0xee, 0xf1, 0xf4),
    .dark = false,
};

const ThemeColors kDark{
    .window = QColor(0x16, 0x19, 0x1d),
    .panel = QColor(0x1b, 0x1f, 0x24),
    .surface = QColor(0x20, 0x25, 0x2b),
    .raised = QColor(0x27, 0x2d, 0x34),
    .border = QColor(0x30, 0x37, 0x40),
    .control = QColor(0x6c, 0x77, 0x84),
    .text = QColor(0xe8, 0xeb, 0xee),
    .muted = QColor(0xa2, 0xac, 0xb7),
    .accent = QColor(0x5c, 0xc8, 0xbe),
    .accentText = QColor(0x0c, 0x1f, 0x1e),
    .accentSoft = QColor(0x1f, 0x3d, 0x3c),
    .danger = QColor(0xff, 0x9b, 0x92),
    .dangerSoft = QColor(0x3d, 0x21, 0x21),
    .warning = QColor(0xf0, 0xc0, 0x62),
    .warningSoft = QColor(0x3a, 0x2f, 0x1a),
    .code = QColor(0x11, 0x14, 0x17),
    .dark = true,
};

QPalette paletteFor(const ThemeColors& colors)
{
    QPalette palette;
    palette.setColor(QPalette::Window, colors.window);
    palette.setColor(QPalette::WindowText, colors.text);
    palette.setColor(QPalette::Base, colors.surface);
    palette.setColor(QPalette::AlternateBase, colors.panel);
    palette.setColor(QPalette::Text, colors.text);
    palette.setColor(QPalette::Button, colors.panel);
    palette.setColor(QPalette::ButtonText, colors.text);
    palette.setColor(QPalette::BrightText, colors.danger);
    palette.setColor(QPalette::PlaceholderText, colors.muted);
    palette.setColor(QPalette::Highlight, colors.accent);
    palette.setColor(QPalette::HighlightedText, colors.accentText);
    palette.setColor(QPalette::Link, colors.accent);
    palette.setColor(QPalette::LinkVisited, colors.accent);
    palette.setColor(QPalette::ToolTipBase, colors.raised);
    palette.setColor(QPalette::ToolTipText, colors.text);
    palette.setColor(QPalette::Light, colors.surface);
    palette.setColor(QPalette::Midlight, colors.raised);
    palette.setColor(QPalette::Mid, colors.border);
    palette.setColor(QPalette::Dark, colors.control);
    palette.setColor(QPalette::Shadow, QColor(0, 0, 0, 80));
    QColor faint = colors.muted;
    faint.setAlphaF(0.55F);
    for (auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText, QPalette::PlaceholderText,
                      QPalette::HighlightedText})
        palette.setColor(QPalette::Disabled, role, faint);
    return palette;
}

bool systemIsDark()
{
    // The platform's own palette, before ours replaces it: dark means a window darker than its text.
    static const bool dark = [] {
        const QPalette system = QApplication::style() ? QApplication::style()->standardPalette() : QPalette();
        const QPalette current = QGuiApplication::palette();
        const bool fromPlatform =
            current.color(QPalette::Window).lightness() < current.color(QPalette::WindowText).lightness();
        const bool fromStyle =
            system.color(QPalette::Window).lightness() < system.color(QPalette::WindowText).lightness();
        return fromPlatform || fromStyle;
    }();
    return dark;
}

QFont interfaceFont()
{
    QFont font = QFontDatabase::systemFont(QFontDatabase::GeneralFont);
    const QStringList families = QFontDatabase::families();
    for (const QString& family :
         {QStringLiteral("Inter"), QStringLiteral("Noto Sans"), QStringLiteral("DejaVu Sans")}) {
        if (families.contains(family)) {
            font.setFamily(family);
            break;
        }
    }
    font.setPointSizeF(10.0);
    font.setHintingPreference(QFont::PreferVerticalHinting);
    return font;
}

} // namespace

const ThemeColors& themeColors(const QPalette& palette)
{
    const bool dark =
        palette.color(QPalette::Window).lightness() < palette.color(QPalette::WindowText).lightness();
    return dark ? kDark : kLight;
}

const ThemeColors& themeColors()
{
    return themeColors(QGuiApplication::palette());
}

void applyTheme(QApplication& application, ThemeChoice choice)
{
    initializeIcons();
    const bool dark = choice == ThemeChoice::Dark || (choice == ThemeChoice::System && systemIsDark());
    const ThemeColors& colors = dark ? kDark : kLight;
    application.setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
    const QPalette palette = paletteFor(colors);
    application.setPalette(palette);
    application.setFont(interfaceFont());
    QToolTip::setPalette(palette);
    application.setStyleSheet(styleSheetFor(colors));
}

QString themeName(ThemeChoice choice)
{
    switch (choice) {
    case ThemeChoice::Light:
        return QStringLiteral("light");
    case ThemeChoice::Dark:
        return QStringLiteral("dark");
    case ThemeChoice::System:
        break;
    }
    return QStringLiteral("system");
}

bool parseTheme(const QString& name, ThemeChoice& out)
{
    for (ThemeChoice choice : {ThemeChoice::System, ThemeChoice::Light, ThemeChoice::Dark}) {
        if (name == themeName(choice)) {
            out = choice;
            return true;
        }
    }
    return false;
}

void setTextRole(QWidget* label, TextRole role)
{
    static constexpr const char* kNames[] = {"body",    "small", "muted",  "smallMuted",
                                             "section", "title", "display"};
    setStyleFlag(label, "textRole", QString::fromLatin1(kNames[static_cast<int>(role)]));
}

void setStyleFlag(QWidget* widget, const char* name, const QString& value)
{
    if (widget->property(name).toString() == value && widget->property(name).isValid())
        return;
    widget->setProperty(name, value);
    widget->style()->unpolish(widget);
    widget->style()->polish(widget);
    widget->update();
}

} // namespace mmfree::gui
