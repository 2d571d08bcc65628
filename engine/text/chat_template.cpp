#include "engine/text/chat_template.h"

#include "engine/core/error.h"
#include "engine/text/tokenizer.h"

#include <nlohmann/json.hpp>

#include <array>
#include <utility>

namespace mmfree
{

namespace
{

// The single list of the text fields and their names in the file.
struct TextField {
    const char* key;
    std::string ChatTemplate::*member;
};
constexpr std::array<TextField, 9> kTextFields{{
    {"name", &ChatTemplate::name},
    {"begin", &ChatTemplate::begin},
    {"system_prefix", &ChatTemplate::systemPrefix},
    {"system_suffix", &ChatTemplate::systemSuffix},
    {"user_prefix", &ChatTemplate::userPrefix},
    {"user_suffix", &ChatTemplate::userSuffix},
    {"assistant_prefix", &ChatTemplate::assistantPrefix},
    {"assistant_suffix", &ChatTemplate::assistantSuffix},
    {"system_prompt", &ChatTemplate::systemPrompt},
}};
constexpr const char* kStopStrings = "stop_strings";

[[noreturn]] void fail(const std::string& name, const std::string& problem)
{
    throw Error(ErrorCode::InvalidConfig, name + ": " + problem);
}

std::string fieldNames()
{
    std::string names;
    for (const TextField& field : kTextFields)
        names += std::string(field.key) + ", ";
    return names + kStopStrings;
}

std::vector<std::string> readStopStrings(const nlohmann::json& value, const std::string& name)
{
    if (!value.is_array())
        fail(name, std::string(kStopStrings) + " is " + value.type_name() + ", needed: array of strings");
    std::vector<std::string> stops;
    for (const nlohmann::json& entry : value) {
        const std::string which = std::string(kStopStrings) + "[" + std::to_string(stops.size()) + "]";
        if (!entry.is_string())
            fail(name, which + " is " + entry.type_name() + ", needed: string");
        if (entry.get_ref<const std::string&>().empty())
            fail(name, which + " is empty, needed: at least one character");
        stops.push_back(entry.get<std::string>());
    }
    return stops;
}

std::string requireUtf8(const std::string& text, const char* key)
{
    if (const std::size_t offset = findInvalidUtf8(text); offset != std::string_view::npos)
        fail("chat template",
             std::string(key) + " is not UTF-8: invalid byte at offset " + std::to_string(offset));
    return text;
}

} // namespace

ChatTemplate plainChatTemplate()
{
    return {};
}

ChatTemplate parseChatTemplate(std::string_view json, const std::string& name)
{
    nlohmann::json document;
    try {
        document = nlohmann::json::parse(json);
    } catch (const nlohmann::json::exception& exception) {
        fail(name, std::string("not JSON: ") + exception.what());
    }
    if (!document.is_object())
        fail(name, std::string("is ") + document.type_name() + ", needed: object");
    ChatTemplate result;
    for (const auto& [key, value] : document.items()) {
        if (key == kStopStrings) {
            result.stopStrings = readStopStrings(value, name);
            continue;
        }
        bool known = false;
        for (const TextField& field : kTextFields) {
            if (key != field.key)
                continue;
            if (!value.is_string())
                fail(name, key + " is " + value.type_name() + ", needed: string");
            result.*field.member = value.get<std::string>();
            known = true;
        }
        if (!known)
            fail(name, "unknown field \"" + key + "\", needed: one of " + fieldNames());
    }
    return result;
}

std::string chatTemplateToJson(const ChatTemplate& chatTemplate)
{
    nlohmann::ordered_json document;
    for (const TextField& field : kTextFields)
        document[field.key] = requireUtf8(chatTemplate.*field.member, field.key);
    document[kStopStrings] = nlohmann::ordered_json::array();
    for (const std::string& stop : chatTemplate.stopStrings)
        document[kStopStrings].push_back(requireUtf8(stop, kStopStrings));
    return document.dump(2) + "\n";
}

std::string renderTurn(const ChatTemplate& chatTemplate, const ChatTurn& turn, bool first)
{
    std::string text = first ? chatTemplate.begin : std::string();
    switch (turn.role) {
    case ChatRole::System:
        return text + chatTemplate.systemPrefix + turn.text + chatTemplate.systemSuffix;
    case ChatRole::User:
        return text + chatTemplate.userPrefix + turn.text + chatTemplate.userSuffix;
    case ChatRole::Assistant:
        return text + chatTemplate.assistantPrefix + turn.text + chatTemplate.assistantSuffix;
    }
    return text;
}

std::string renderAnswerStart(const ChatTemplate& chatTemplate)
{
    return chatTemplate.assistantPrefix;
}

} // namespace mmfree
