// How answers are made, in three layers: what the model brings, a preset over it, this chat's own choices
// over both. A layer is a JSON object with only the fields it sets. Knows no widget and no database.
#pragma once

#include "engine/session/session.h"
#include "engine/text/chat_template.h"

#include <QJsonObject>
#include <QString>

namespace mmfree::gui
{

enum class SettingOrigin { Model, Preset, Chat };

// Fields: temperature, topK, topP, minP, repetitionPenalty, repetitionWindow, maxTokens, alternatives
// (numbers), seed (text of a number; absent: a new one for every answer), systemPrompt (text), stopStrings
// (array of texts), chatTemplate (text of a chat_template.json).
struct ChatSettings {
    QString preset;     // name; empty: none
    QJsonObject values; // of this chat
    friend bool operator==(const ChatSettings&, const ChatSettings&) = default;
};
[[nodiscard]] QByteArray chatSettingsToJson(const ChatSettings& settings);
[[nodiscard]] ChatSettings chatSettingsFromJson(const QByteArray& json); // what is wrong is left out

struct SettingLayers {
    QJsonObject model, preset, chat;
    QString presetName;
    [[nodiscard]] SettingOrigin originOf(const QString& field) const;
    [[nodiscard]] QJsonValue value(const QString& field) const; // undefined: in no layer
    // Without the chat's own: what a reset of the field gives.
    [[nodiscard]] QJsonValue valueBelow(const QString& field) const;
};

// Every field but the seed, as the program and the model's template give them.
[[nodiscard]] QJsonObject modelDefaults(const ChatTemplate& chatTemplate);

// A layer with only known fields of the right type and range.
[[nodiscard]] QJsonObject checkedLayer(const QJsonObject& layer);

struct EffectiveSettings {
    GenerateOptions options; // stop strings are in the template
    bool seedLocked = false;
    ChatTemplate chatTemplate; // with the effective system prompt and stop strings
};
[[nodiscard]] EffectiveSettings effectiveSettings(const SettingLayers& layers);

} // namespace mmfree::gui
