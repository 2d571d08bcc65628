// Line icons drawn for this program, coloured from the palette at paint time: they follow the theme and stay
// sharp at every scale factor.
#pragma once

#include <QIcon>
#include <QPalette>
#include <QString>

namespace mmfree::gui
{

void initializeIcons(); // makes the compiled-in files reachable; may be called more than once

// `name` is a file in resources/icons without its suffix. `normal` colours the icon; checked or selected
// icons take the accent when `accentWhenOn`.
[[nodiscard]] QIcon themedIcon(const QString& name, QPalette::ColorRole normal = QPalette::ButtonText,
                               bool accentWhenOn = false);

[[nodiscard]] QIcon applicationIcon();

} // namespace mmfree::gui
