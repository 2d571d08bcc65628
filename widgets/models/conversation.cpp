#include "widgets/models/conversation.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <cmath>
#include <cstring>

namespace mmfree::gui
{

namespace
{

// Step times as one compact text; a JSON array of ten thousand numbers would be read for every message.
QString packed(const std::vector<float>& values)
{
    const QByteArray bytes(reinterpret_cast<const char*>(values.data()),
                           static_cast<qsizetype>(values.size() * sizeof(float)));
    return values.empty() ? QString() : QString::fromLatin1(qCompress(bytes).toBase64());
}

std::vector<float> unpacked(const QString& text)
{
    constexpr qsizetype kMost = 1 << 24; // of the packed text
    if (text.isEmpty() || text.size() > kMost)
        return {};
    const QByteArray bytes = qUncompress(QByteArray::fromBase64(text.toLatin1()));
    std::vector<float> values(static_cast<std::size_t>(bytes.size()) / sizeof(float));
    std::memcpy(values.data(), bytes.constData(), values.size() * sizeof(float));
    for (float& value : values) {
        if (!std::isfinite(value) || value < 0.0f)
            value = 0.0f;
    }
    return values;
}

QJsonObject samplingToJson(const SamplingOptions& options)
{
    return {{"temperature", options.temperature},
            {"topK", options.topK},
            {"topP", options.topP},
            {"minP", options.minP},
            {"repetitionPenalty", options.repetitionPenalty},
            {"repetitionWindow", options.repetitionWindow}};
}

SamplingOptions samplingFromJson(const QJsonObject& object)
{
    SamplingOptions options;
    options.temperature = object["temperature"].toDouble(options.temperature);
    options.topK = object["topK"].toInt(options.topK);
    options.topP = object["topP"].toDouble(options.topP);
    options.minP = object["minP"].toDouble(options.minP);
    options.repetitionPenalty = object["repetitionPenalty"].toDouble(options.repetitionPenalty);
    options.repetitionWindow = object["repetitionWindow"].toInt(options.repetitionWindow);
    return options;
}

} // namespace

QByteArray statsToJson(const AnswerStats& stats)
{
    return QJsonDocument(statsToObject(stats)).toJson(QJsonDocument::Compact);
}

QJsonObject statsToObject(const AnswerStats& stats)
{
    return {
        {"promptTokens", stats.promptTokens},
        {"generatedTokens", stats.generatedTokens},
        {"runTokens", stats.runTokens},
        {"timeToFirstTokenSeconds", stats.timeToFirstTokenSeconds},
        {"prefillTokensPerSecond", stats.prefillTokensPerSecond},
        {"decodeTokensPerSecond", stats.decodeTokensPerSecond},
        {"prefillSeconds", stats.prefillSeconds},
        {"decodeSeconds", stats.decodeSeconds},
        {"tokenSecondsMedian", stats.tokenSecondsMedian},
        {"tokenSecondsP95", stats.tokenSecondsP95},
        {"tokenMilliseconds", packed(stats.tokenMilliseconds)},
        {"sequenceTokens", stats.sequenceTokens},
        {"stateBytes", stats.stateBytes},
        {"weightBytes", stats.weightBytes},
        {"activationBytes", stats.activationBytes},
        {"model", stats.model},
        {"modelPath", stats.modelPath},
        {"backend", stats.backend},
        {"device", stats.device},
        {"build", stats.build},
        {"continuesText", stats.continuesText},
        {"seed", QString::number(stats.seed)}, // JSON numbers hold 53 bits only
        {"sampling", samplingToJson(stats.sampling)},
        {"maxTokens", stats.maxTokens},
        {"stopStrings", QJsonArray::fromStringList(stats.stopStrings)},
    };
}

std::optional<AnswerStats> statsFromJson(const QByteArray& json)
{
    const QJsonDocument document = QJsonDocument::fromJson(json);
    if (!document.isObject())
        return std::nullopt;
    return statsFromObject(document.object());
}

AnswerStats statsFromObject(const QJsonObject& object)
{
    AnswerStats stats;
    stats.promptTokens = object["promptTokens"].toInteger();
    stats.generatedTokens = object["generatedTokens"].toInteger();
    stats.runTokens = object["runTokens"].toInteger();
    stats.timeToFirstTokenSeconds = object["timeToFirstTokenSeconds"].toDouble();
    stats.prefillTokensPerSecond = object["prefillTokensPerSecond"].toDouble();
    stats.decodeTokensPerSecond = object["decodeTokensPerSecond"].toDouble();
    stats.prefillSeconds = object["prefillSeconds"].toDouble();
    stats.decodeSeconds = object["decodeSeconds"].toDouble();
    stats.tokenSecondsMedian = object["tokenSecondsMedian"].toDouble();
    stats.tokenSecondsP95 = object["tokenSecondsP95"].toDouble();
    stats.tokenMilliseconds = unpacked(object["tokenMilliseconds"].toString());
    stats.sequenceTokens = object["sequenceTokens"].toInteger();
    stats.stateBytes = object["stateBytes"].toInteger();
    stats.weightBytes = object["weightBytes"].toInteger();
    stats.activationBytes = object["activationBytes"].toInteger();
    stats.model = object["model"].toString();
    stats.modelPath = object["modelPath"].toString();
    stats.backend = object["backend"].toString();
    stats.device = object["device"].toString();
    stats.build = object["build"].toString();
    stats.continuesText = object["continuesText"].toBool();
    stats.seed = object["seed"].toString().toULongLong();
    stats.sampling = samplingFromJson(object["sampling"].toObject());
    stats.sampling.seed = stats.seed;
    stats.maxTokens = object["maxTokens"].toInteger();
    for (const QJsonValue& stop : object["stopStrings"].toArray())
        stats.stopStrings << stop.toString();
    return stats;
}

QString titleFromText(const QString& text)
{
    constexpr qsizetype kLongest = 48;
    QString title = text.trimmed().section(QLatin1Char('\n'), 0, 0).simplified();
    if (title.size() <= kLongest)
        return title;
    const qsizetype space = title.lastIndexOf(QLatin1Char(' '), kLongest);
    title.truncate(space > kLongest / 2 ? space : kLongest);
    return title + QChar(0x2026);
}

} // namespace mmfree::gui
