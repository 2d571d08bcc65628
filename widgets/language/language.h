// The language of the interface: English as in the source, or Russian. Can be changed while the window is
// open: what is already shown is put into the new language in place, so that pages lose nothing and need no
// code for it.
#pragma once

#include <QString>

class QApplication;

namespace mmfree::gui
{

enum class LanguageChoice { System, English, Russian };

[[nodiscard]] QString languageName(LanguageChoice choice); // "system", "en", "ru"
[[nodiscard]] bool parseLanguage(const QString& name, LanguageChoice& out);

// Translators, number formats, and every text already on screen. May be called again at any time.
void applyLanguage(QApplication& application, LanguageChoice choice);

} // namespace mmfree::gui
