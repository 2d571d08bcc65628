#include "widgets/chat/reproduce.h"

#include "engine/text/tokenizer.h"

#include <QRegularExpression>

namespace mmfree::gui
{

namespace
{

constexpr std::size_t kLongestText = 4000; // tokens; longer prompts are given as ids

// The text whose encoding behind BOS is exactly `ids`; null: there is none.
QString textOfPrompt(const std::vector<TokenId>& ids, const Tokenizer& tokenizer)
{
    if (ids.size() > kLongestText)
        return {};
    std::size_t begin = 0;
    std::vector<TokenId> again;
    if (tokenizer.bosId() >= 0) {
        if (ids.empty() || ids.front() != tokenizer.bosId())
            return {};
        again.push_back(tokenizer.bosId());
        begin = 1;
    }
    const std::string text = tokenizer.decode(std::span(ids).subspan(begin), true);
    if (text.empty() || text.front() == '-' || findInvalidUtf8(text) != std::string_view::npos)
        return {};
    const std::vector<TokenId> encoded = tokenizer.encode(text, true);
    again.insert(again.end(), encoded.begin(), encoded.end());
    return again == ids ? QString::fromStdString(text) : QString();
}

QString number(double value)
{
    return QString::number(value, 'g', 12);
}

} // namespace

QString shellQuoted(const QString& text)
{
    static const QRegularExpression kPlain(QStringLiteral("^[A-Za-z0-9_./:=,+@%-]+$"));
    if (kPlain.match(text).hasMatch())
        return text;
    QString quoted = text;
    quoted.replace(QLatin1Char('\''), QLatin1String("'\\''"));
    return QLatin1Char('\'') + quoted + QLatin1Char('\'');
}

QString reproduceCommandLine(const AnswerStats& stats, const std::vector<TokenId>& ids,
                             const Tokenizer* tokenizer)
{
    QStringList words{QStringLiteral("mmfree"), QStringLiteral("generate"), shellQuoted(stats.modelPath)};
    const QString text = tokenizer ? textOfPrompt(ids, *tokenizer) : QString();
    if (!text.isNull()) {
        words << QStringLiteral("--prompt") << shellQuoted(text);
    } else {
        QStringList numbers;
        for (const TokenId id : ids)
            numbers << QString::number(id);
        words << QStringLiteral("--ids") << numbers.join(QLatin1Char(',')) << QStringLiteral("--decode");
    }
    const SamplingOptions& sampling = stats.sampling;
    words << QStringLiteral("--backend") << shellQuoted(stats.backend);
    words << QStringLiteral("--seed") << QString::number(stats.seed);
    words << QStringLiteral("--temperature") << number(sampling.temperature);
    words << QStringLiteral("--top-k") << QString::number(sampling.topK);
    words << QStringLiteral("--top-p") << number(sampling.topP);
    words << QStringLiteral("--min-p") << number(sampling.minP);
    words << QStringLiteral("--repetition-penalty") << number(sampling.repetitionPenalty);
    words << QStringLiteral("--repetition-window") << QString::number(sampling.repetitionWindow);
    words << QStringLiteral("--max-tokens") << QString::number(stats.maxTokens);
    for (const QString& stop : stats.stopStrings)
        words << QStringLiteral("--stop") << shellQuoted(stop);
    return words.join(QLatin1Char(' '));
}

} // namespace mmfree::gui
