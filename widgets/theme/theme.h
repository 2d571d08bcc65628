// The design system: colours, spacing, type scale and the application style sheet. One 8-pixel grid, one
// accent, one corner radius. Widgets ask for colours by palette (themeColors), so that nothing has to hold a
// theme object.
#pragma once

#include <QColor>
#include <QString>

class QApplication;
class QLabel;
class QPalette;
class QWidget;

namespace mmfree::gui
{

enum class ThemeChoice { System, Light, Dark };

inline constexpr int kGrid = 8;           // every distance is a multiple or half of it, pixels
inline constexpr int kRadius = 8;         // corners of cards, fields and buttons, pixels
inline constexpr int kReadingWidth = 760; // widest line of running text, pixels

struct ThemeColors {
    QColor window;     // behind everything
    QColor panel;      // side panels and rail
    QColor surface;    // text fields, lists, cards
    QColor raised;     // own messages, hovered rows
    QColor border;     // hairlines
    QColor control;    // outline of fields and buttons, 3:1 against the surface
    QColor text;       // 12:1 or better on window
    QColor muted;      // 4.5:1 or better on window and raised
    QColor accent;     // the one colour that means "act" or "here"
    QColor accentText; // on accent
    QColor accentSoft; // selected rows
    QColor danger, dangerSoft;
    QColor warning, warningSoft;
    QColor code; // behind code blocks
    bool dark = false;
};

// Colours of the theme that `palette` belongs to (dark means a window darker than its text).
[[nodiscard]] const ThemeColors& themeColors(const QPalette& palette);
// Those of the application; a widget's own palette is no measure, the style sheet changes it.
[[nodiscard]] const ThemeColors& themeColors();

// Fusion style, palette, fonts and style sheet. May be called again at any time.
void applyTheme(QApplication& application, ThemeChoice choice);

[[nodiscard]] QString themeName(ThemeChoice choice); // "system", "light", "dark"
[[nodiscard]] bool parseTheme(const QString& name, ThemeChoice& out);

[[nodiscard]] QString styleSheetFor(const ThemeColors& colors);

// Text roles of the type scale, drawn by the style sheet.
enum class TextRole { Body, Small, Muted, SmallMuted, Section, Title, Display };
void setTextRole(QWidget* label, TextRole role);

// Sets a style property and re-polishes, so that style sheet rules on it take effect.
void setStyleFlag(QWidget* widget, const char* name, const QString& value);

} // namespace mmfree::gui
