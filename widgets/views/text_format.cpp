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
    return QCoreApplication::translate("mmfree::gui", text, nullptr, count);
}

QString significant(double value)
{
    return QLocale().toString(value, 'f', value < 10.0 ? 2 : value < 100.0 ? 1 : 0);
}

} // namespace

QString bytesText(qint64 bytes)
{
    // QLocale knows the units in few languages.
    const auto in = [bytes](double unit, int decimals) {
        return QLocale().toString(static_cast<double>(bytes) / unit, 'f', decimals);
    };
    constexpr double kKiB = 1024.0, kMiB = kKiB * 1024.0, kGiB = kMiB * 1024.0, kTiB = kGiB * 1024.0;
    const auto size = static_cast<double>(bytes);
    if (size < kKiB)
        return tr("%1 bytes").arg(QLocale().toString(bytes));
    if (size < kMiB)
        return tr("%1 KiB").arg(in(kKiB, 1));
    if (size < kGiB)
        return tr("%1 MiB").arg(in(kMiB, size < 100 * kMiB ? 1 : 2));
    return size < kTiB ? tr("%1 GiB").arg(in(kGiB, 2)) : tr("%1 TiB").arg(in(kTiB, 2));
}

QString durationText(double seconds)
{
    const auto total = static_cast<qint64>(seconds + 0.5);
    const auto two = [](qint64 value) { return QStringLiteral("%1").arg(value, 2, 10, QLatin1Char('0')); };
    if (total < 60)
        return tr("%1 s").arg(total);
    if (total < 3600)
        return tr("%1:%2 min").arg(total / 60).arg(two(total % 60));
    if (total < 86400)
        return tr("%1 h %2 min").arg(total / 3600).arg(two(total % 3600 / 60));
    return tr("%1 d %2 h").arg(total / 86400).arg(total % 86400 / 3600);
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
