// Numbers with units as people read them, in the user's locale.
#pragma once

#include <QString>

namespace mmfree::gui
{

struct AnswerStats;

[[nodiscard]] QString bytesText(qint64 bytes);          // "1.3 MiB"
[[nodiscard]] QString durationText(double seconds);     // "42 s", "12:40 min", "2 h 05 min"
[[nodiscard]] QString secondsText(double seconds);      // "38 ms", "1.2 s"
[[nodiscard]] QString rateText(double tokensPerSecond); // "412 tok/s"
[[nodiscard]] QString countText(qint64 count);          // "1,234"
[[nodiscard]] QString compactCountText(qint64 count);   // "1.3 M", "370 M", "2.7 B"
[[nodiscard]] QString
statsLine(const AnswerStats& stats); // "First token 38 ms · 412 tok/s · 128 tokens · CPU"
[[nodiscard]] QString backendTitle(const QString& name); // "cpu" -> "CPU"

} // namespace mmfree::gui
