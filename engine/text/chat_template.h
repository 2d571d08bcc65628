// How a conversation becomes text for the model: fixed strings around each turn. Deliberately not a language:
// it cannot loop or fail, so a half-typed template never freezes anything.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mmfree
{

enum class ChatRole { System, User, Assistant };

struct ChatTurn {
    ChatRole role = ChatRole::User;
    std::string text;
};

// As a file (chat_template.json): one object with the fields name, begin, system_prefix, system_suffix,
// user_prefix, user_suffix, assistant_prefix, assistant_suffix, system_prompt (strings) and stop_strings
// (array of strings). A missing field has its default; an unknown one is an error.
struct ChatTemplate {
    std::string name = "plain"; // plain: text goes in as it is, the model continues it
    std::string begin;          // once, before the first turn (BOS is added by the tokenizer side, not here)
    std::string systemPrefix, systemSuffix;
    std::string userPrefix, userSuffix;
    std::string assistantPrefix, assistantSuffix; // assistantPrefix is also what asks for an answer
    std::vector<std::string> stopStrings;         // end an answer, are not part of it
    std::string systemPrompt;                     // default system turn; empty: none
    friend bool operator==(const ChatTemplate&, const ChatTemplate&) = default;
};

[[nodiscard]] ChatTemplate plainChatTemplate();
// Throws InvalidConfig naming `name` (of the file), the field, what was found and what is needed.
[[nodiscard]] ChatTemplate parseChatTemplate(std::string_view json, const std::string& name);
// Throws InvalidConfig naming a field that is not UTF-8.
[[nodiscard]] std::string chatTemplateToJson(const ChatTemplate& chatTemplate);

// One turn as text. The concatenation of the turns' texts is the conversation's text (prefix property: a
// model state taken after a turn can be continued with the next one).
[[nodiscard]] std::string renderTurn(const ChatTemplate& chatTemplate, const ChatTurn& turn, bool first);
// What follows the last user turn so that the model answers.
[[nodiscard]] std::string renderAnswerStart(const ChatTemplate& chatTemplate);

} // namespace mmfree
