#include "app/settings.h"

#include <QDir>
#include <QSettings>
#include <QStandardPaths>

#include <cmath>

namespace mmfree::app
{

namespace
{

constexpr qsizetype kRecentModels = 10;

double boundedReal(const QVariant& value, double minimum, double maximum, double fallback)
{
    bool ok = false;
    const double number = value.toDouble(&ok);
    return ok && std::isfinite(number) && number >= minimum && number <= maximum ? number : fallback;
}

int boundedInteger(const QVariant& value, int minimum, int maximum, int fallback)
{
    bool ok = false;
    const int number = value.toInt(&ok);
    return ok && number >= minimum && number <= maximum ? number : fallback;
}

gui::SamplingSettings loadSampling(const QSettings& file)
{
    gui::SamplingSettings sampling;
    SamplingOptions& options = sampling.options;
    const auto value = [&file](const char* name) {
        return file.value(QStringLiteral("sampling/%1").arg(name));
    };
    options.temperature = boundedReal(value("temperature"), 0.0, 2.0, options.temperature);
    options.topK = boundedInteger(value("topK"), 0, 100'000, options.topK);
    options.topP = boundedReal(value("topP"), 0.05, 1.0, options.topP);
    options.minP = boundedReal(value("minP"), 0.0, 1.0, options.minP);
    options.repetitionPenalty = boundedReal(value("repetitionPenalty"), 1.0, 2.0, options.repetitionPenalty);
    options.seed = value("seed").toString().toULongLong();
    sampling.maxTokens = boundedInteger(value("maxTokens"), 1, 1'000'000, sampling.maxTokens);
    sampling.seedLocked = value("seedLocked").toBool();
    return sampling;
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
    settings.sampling = loadSampling(file);
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
    const SamplingOptions& options = settings.sampling.options;
    file.setValue("sampling/temperature", options.temperature);
    file.setValue("sampling/topK", options.topK);
    file.setValue("sampling/topP", options.topP);
    file.setValue("sampling/minP", options.minP);
    file.setValue("sampling/repetitionPenalty", options.repetitionPenalty);
    file.setValue("sampling/seed", QString::number(options.seed));
    file.setValue("sampling/maxTokens", settings.sampling.maxTokens);
    file.setValue("sampling/seedLocked", settings.sampling.seedLocked);
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
