// The tables of the chat file and how older files become it. Used by the conversation store only.
#pragma once

#include <QSqlDatabase>
#include <QStringList>

namespace mmfree::gui
{

inline constexpr int kSchemaVersion = 2;
inline constexpr int kApplicationId = 0x4d4d4631; // "MMF1", marks the file as ours

// Statements that turn a file of `version` (0: empty) into the present one, in order.
[[nodiscard]] QStringList schemaStatements(int version);

} // namespace mmfree::gui
