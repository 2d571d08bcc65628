// What the program remembers between starts, as plain values. The only place that knows QSettings.
#pragma once

#include "widgets/language/language.h"
#include "widgets/theme/theme.h"

#include <QByteArray>
#include <QMap>
#include <QString>
#include <QStringList>

namespace mmfree::app
{

struct Settings {
    QByteArray geometry;                   // of the window
    QMap<QString, QByteArray> pageLayouts; // by page id
    gui::ThemeChoice theme = gui::ThemeChoice::System;
    gui::LanguageChoice language = gui::LanguageChoice::System;
    QStringList recentModels; // newest first
    QString backend;          // empty: the best usable one
    QString preset;           // of new chats; empty: none
    qint64 lastConversation = 0;
    QString page = QStringLiteral("chat");
    quint16 serverPort = 8080; // of the local server; whether it runs is never remembered
    bool showChatList = true;
    bool showInspector = true;
};

// One INI file in `folder`. Values that cannot be understood fall back to their defaults.
class SettingsFile
{
public:
    explicit SettingsFile(const QString& folder);
    [[nodiscard]] Settings load() const;
    void save(const Settings& settings) const;

private:
    QString m_path;
};

void addRecentModel(Settings& settings, const QString& path);

// --data-dir, else MMFREE_DATA_DIR, else the system's place for application data.
[[nodiscard]] QString dataFolder(const QString& fromCommandLine);

} // namespace mmfree::app
