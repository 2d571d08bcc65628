#include "widgets/views/text_format.h"

#include "widgets/models/conversation.h"

#include <QCoreApplication>
#include <QLocale>

namespace mmfree::gui
{

namespace
{

QString tr(const char* text, int count = -1)
{
    return QCoreApplication::translate("TextFormat", text, nullptr, count);
}

QString significant(double value)
{
    return QLocale().toString(value, 'f', value < 10.0 ? 2 : value < 100.0 ? 1 : 0);
}

} // namespace

QString bytesText(qint64 bytes)
{
    return QLocale().formattedDataSize(bytes, bytes < 1024          ? 0
                                              : bytes < 100 * 1024  ? 1
                                              : bytes < (100 << 20) ? 1
                                                                    : 2);
}

QString secondsText(double seconds)
{
    if (seconds < 0.001)
        return tr("%1 ms").arg(QLocale().toString(seconds * 1000.0, 'f', 2));
    if (seconds < 1.0)
        return tr("%1 ms").arg(QLocale().toString(seconds * 1000.0, 'f', seconds < 0.01 ? 1 : 0));
    return tr("%1 s").arg(significant(seconds));
}

QString rateText(double tokensPerSecond)
{
    return tr("%1 tok/s").arg(significant(tokensPerSecond));
}

QString countText(qint64 count)
{
    return QLocale().toString(count);
}

QString compactCountText(qint64 count)
{
    const auto value = static_cast<double>(count);
    if (value >= 1e9)
        return tr("%1 B").arg(significant(value * 1e-9));
    if (value >= 1e6)
        return tr("%1 M").arg(significant(value * 1e-6));
    if (value >= 1e4)
        return tr("%1 k").arg(significant(value * 1e-3));
    return countText(count);
}

QString backendTitle(const QString& name)
{
    static const QStringList kAcronyms{QStringLiteral("cpu"), QStringLiteral("cuda")};
    if (kAcronyms.contains(name))
        return name.toUpper();
    if (name == QLatin1String("opencl"))
        return QStringLiteral("OpenCL");
    return name.isEmpty() ? name : name.at(0).toUpper() + name.mid(1);
}

QString statsLine(const AnswerStats& stats)
{
    QStringList parts{tr("First token %1").arg(secondsText(stats.timeToFirstTokenSeconds))};
    if (stats.decodeTokensPerSecond > 0.0)
        parts << rateText(stats.decodeTokensPerSecond);
    parts << (stats.generatedTokens == 1 ? tr("1 token")
                                         : tr("%1 tokens").arg(countText(stats.generatedTokens)));
    parts << backendTitle(stats.backend);
    return parts.join(QStringLiteral(" \u00b7 "));
}

} // namespace mmfree::gui
