#include "widgets/models/conversation.h"

#include <QJsonDocument>
#include <QJsonObject>

namespace mmfree::gui
{

QByteArray statsToJson(const AnswerStats& stats)
{
    const QJsonObject object{
        {"promptTokens", stats.promptTokens},
        {"generatedTokens", stats.generatedTokens},
        {"timeToFirstTokenSeconds", stats.timeToFirstTokenSeconds},
        {"prefillTokensPerSecond", stats.prefillTokensPerSecond},
        {"decodeTokensPerSecond", stats.decodeTokensPerSecond},
        {"decodeSeconds", stats.decodeSeconds},
        {"sequenceTokens", stats.sequenceTokens},
        {"stateBytes", stats.stateBytes},
        {"weightBytes", stats.weightBytes},
        {"model", stats.model},
        {"backend", stats.backend},
        {"continuesText", stats.continuesText},
        {"seed", QString::number(stats.seed)}, // JSON numbers hold 53 bits only
    };
    return QJsonDocument(object).toJson(QJsonDocument::Compact);
}

std::optional<AnswerStats> statsFromJson(const QByteArray& json)
{
    const QJsonDocument document = QJsonDocument::fromJson(json);
    if (!document.isObject())
        return std::nullopt;
    const QJsonObject object = document.object();
    AnswerStats stats;
    stats.promptTokens = object["promptTokens"].toInteger();
    stats.generatedTokens = object["generatedTokens"].toInteger();
    stats.timeToFirstTokenSeconds = object["timeToFirstTokenSeconds"].toDouble();
    stats.prefillTokensPerSecond = object["prefillTokensPerSecond"].toDouble();
    stats.decodeTokensPerSecond = object["decodeTokensPerSecond"].toDouble();
    stats.decodeSeconds = object["decodeSeconds"].toDouble();
    stats.sequenceTokens = object["sequenceTokens"].toInteger();
    stats.stateBytes = object["stateBytes"].toInteger();
    stats.weightBytes = object["weightBytes"].toInteger();
    stats.model = object["model"].toString();
    stats.backend = object["backend"].toString();
    stats.continuesText = object["continuesText"].toBool();
    stats.seed = object["seed"].toString().toULongLong();
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
