#include "app/settings.h"

#include <QDir>
#include <QSettings>
#include <QStandardPaths>

namespace mmfree::app
{

namespace
{

constexpr qsizetype kRecentModels = 10;

int boundedInteger(const QVariant& value, int minimum, int maximum, int fallback)
{
    bool ok = false;
    const int number = value.toInt(&ok);
    return ok && number >= minimum && number <= maximum ? number : fallback;
}

} // namespace

SettingsFile::SettingsFile(const QString& folder)
    : m_path(QDir(folder).filePath(QStringLiteral("settings.ini")))
{
}

Settings SettingsFile::load() const
{
    QSettings file(m_path, QSettings::IniFormat);
    Settings settings;
    settings.geometry = file.value("window/geometry").toByteArray();
    if (!gui::parseTheme(file.value("window/theme").toString(), settings.theme))
        settings.theme = gui::ThemeChoice::System;
    if (!gui::parseLanguage(file.value("window/language").toString(), settings.language))
        settings.language = gui::LanguageChoice::System;
    settings.page = file.value("window/page", settings.page).toString();
    settings.serverPort = static_cast<quint16>(boundedInteger(file.value("server/port"), 1024, 65535, 8080));
    settings.showChatList = file.value("window/showChatList", true).toBool();
    settings.showInspector = file.value("window/showInspector", true).toBool();
    settings.recentModels = file.value("models/recent").toStringList();
    settings.backend = file.value("models/backend").toString();
    settings.lastConversation = file.value("chat/lastConversation").toLongLong();
    settings.preset = file.value("chat/preset").toString();
    file.beginGroup("layout");
    for (const QString& page : file.childKeys())
        settings.pageLayouts.insert(page, file.value(page).toByteArray());
    return settings;
}

void SettingsFile::save(const Settings& settings) const
{
    QSettings file(m_path, QSettings::IniFormat);
    for (const auto& [page, layout] : settings.pageLayouts.asKeyValueRange())
        file.setValue(QStringLiteral("layout/") + page, layout);
    file.setValue("window/geometry", settings.geometry);
    file.setValue("window/theme", gui::themeName(settings.theme));
    file.setValue("window/language", gui::languageName(settings.language));
    file.setValue("window/page", settings.page);
    file.setValue("server/port", settings.serverPort);
    file.setValue("window/showChatList", settings.showChatList);
    file.setValue("window/showInspector", settings.showInspector);
    file.setValue("models/recent", settings.recentModels);
    file.setValue("models/backend", settings.backend);
    file.setValue("chat/lastConversation", settings.lastConversation);
    file.setValue("chat/preset", settings.preset);
}

void addRecentModel(Settings& settings, const QString& path)
{
    settings.recentModels.removeAll(path);
    settings.recentModels.prepend(path);
    settings.recentModels = settings.recentModels.mid(0, kRecentModels);
}

QString dataFolder(const QString& fromCommandLine)
{
    if (!fromCommandLine.isEmpty())
        return fromCommandLine;
    const QString fromEnvironment = qEnvironmentVariable("MMFREE_DATA_DIR");
    if (!fromEnvironment.isEmpty())
        return fromEnvironment;
    return QStandardPaths::writableLocation(QStandardPaths::AppDataLocation);
}

} // namespace mmfree::app
