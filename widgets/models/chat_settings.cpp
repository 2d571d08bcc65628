#include "widgets/models/chat_settings.h"

#include <QHash>
#include <QJsonArray>
#include <QJsonDocument>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr qsizetype kLongestText = 1 << 20;
constexpr qsizetype kMostStops = 64;

struct Range {
    double least = 0.0, most = 0.0;
    bool whole = false;
};

const QHash<QString, Range>& numberFields()
{
    static const QHash<QString, Range> fields{
        {"temperature", {0.0, 100.0}},
        {"topK", {0, 1'000'000, true}},
        {"topP", {1e-6, 1.0}},
        {"minP", {0.0, 1.0}},
        {"repetitionPenalty", {0.01, 100.0}},
        {"repetitionWindow", {0, 1'000'000, true}},
        {"maxTokens", {1, 10'000'000, true}},
        {"alternatives", {0, 200, true}},
    };
    return fields;
}

bool isUsable(const QString& field, const QJsonValue& value)
{
    if (const auto number = numberFields().constFind(field); number != numberFields().constEnd()) {
        const double found = value.toDouble(std::nan(""));
        return value.isDouble() && found >= number->least && found <= number->most &&
               (!number->whole || found == std::floor(found));
    }
    if (field == QLatin1String("seed")) {
        bool ok = false;
        value.toString().toULongLong(&ok);
        return ok;
    }
    if (field == QLatin1String("systemPrompt"))
        return value.isString() && value.toString().size() <= kLongestText;
    if (field == QLatin1String("chatTemplate")) {
        try {
            (void)parseChatTemplate(value.toString().toStdString(), "chat template");
            return value.isString() && value.toString().size() <= kLongestText;
        } catch (const std::exception&) {
            return false;
        }
    }
    if (field == QLatin1String("stopStrings")) {
        const QJsonArray stops = value.toArray();
        return value.isArray() && stops.size() <= kMostStops &&
               std::all_of(stops.begin(), stops.end(), [](const QJsonValue& stop) {
                   return stop.isString() && !stop.toString().isEmpty();
               });
    }
    return false;
}

} // namespace

QJsonObject checkedLayer(const QJsonObject& layer)
{
    QJsonObject checked;
    for (auto field = layer.begin(); field != layer.end(); ++field) {
        if (isUsable(field.key(), field.value()))
            checked.insert(field.key(), field.value());
    }
    return checked;
}

QByteArray chatSettingsToJson(const ChatSettings& settings)
{
    if (settings == ChatSettings())
        return {};
    return QJsonDocument(QJsonObject{{"preset", settings.preset}, {"values", settings.values}})
        .toJson(QJsonDocument::Compact);
}

ChatSettings chatSettingsFromJson(const QByteArray& json)
{
    const QJsonObject object = QJsonDocument::fromJson(json).object();
    return {object["preset"].toString(), checkedLayer(object["values"].toObject())};
}

SettingOrigin SettingLayers::originOf(const QString& field) const
{
    if (chat.contains(field))
        return SettingOrigin::Chat;
    return preset.contains(field) ? SettingOrigin::Preset : SettingOrigin::Model;
}

QJsonValue SettingLayers::value(const QString& field) const
{
    return chat.contains(field) ? chat.value(field) : valueBelow(field);
}

QJsonValue SettingLayers::valueBelow(const QString& field) const
{
    return preset.contains(field) ? preset.value(field) : model.value(field);
}

QJsonObject modelDefaults(const ChatTemplate& chatTemplate)
{
    const GenerateOptions options;
    const SamplingOptions& sampling = options.sampling;
    QJsonArray stops;
    for (const std::string& stop : chatTemplate.stopStrings)
        stops.append(QString::fromStdString(stop));
    return {{"temperature", sampling.temperature},
            {"topK", sampling.topK},
            {"topP", sampling.topP},
            {"minP", sampling.minP},
            {"repetitionPenalty", sampling.repetitionPenalty},
            {"repetitionWindow", sampling.repetitionWindow},
            {"maxTokens", static_cast<qint64>(options.maxTokens)},
            {"alternatives", 20},
            {"systemPrompt", QString::fromStdString(chatTemplate.systemPrompt)},
            {"stopStrings", stops},
            {"chatTemplate", QString::fromStdString(chatTemplateToJson(chatTemplate))}};
}

EffectiveSettings effectiveSettings(const SettingLayers& layers)
{
    EffectiveSettings effective;
    SamplingOptions& sampling = effective.options.sampling;
    const auto number = [&](const char* field) { return layers.value(QLatin1String(field)).toDouble(); };
    sampling.temperature = number("temperature");
    sampling.topK = static_cast<int>(number("topK"));
    sampling.topP = number("topP");
    sampling.minP = number("minP");
    sampling.repetitionPenalty = number("repetitionPenalty");
    sampling.repetitionWindow = static_cast<int>(number("repetitionWindow"));
    effective.options.maxTokens = static_cast<std::int64_t>(number("maxTokens"));
    effective.options.alternatives = static_cast<int>(number("alternatives"));
    const QJsonValue seed = layers.value(QStringLiteral("seed"));
    effective.seedLocked = seed.isString();
    sampling.seed = seed.toString().toULongLong();
    effective.chatTemplate = parseChatTemplate(
        layers.value(QStringLiteral("chatTemplate")).toString().toStdString(), "chat template");
    // A template of another layer brings its own prompt and stop strings, unless those were set above it.
    const SettingOrigin origin = layers.originOf(QStringLiteral("chatTemplate"));
    if (layers.originOf(QStringLiteral("systemPrompt")) >= origin)
        effective.chatTemplate.systemPrompt =
            layers.value(QStringLiteral("systemPrompt")).toString().toStdString();
    if (layers.originOf(QStringLiteral("stopStrings")) >= origin) {
        effective.chatTemplate.stopStrings.clear();
        for (const QJsonValue& stop : layers.value(QStringLiteral("stopStrings")).toArray())
            effective.chatTemplate.stopStrings.push_back(stop.toString().toStdString());
    }
    return effective;
}

} // namespace mmfree::gui
