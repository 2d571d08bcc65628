#include "engine/server/answer_format.h"

#include <nlohmann/json.hpp>

#include <array>
#include <utility>

namespace mmfree::server
{

namespace
{

using nlohmann::ordered_json;

std::string dump(const ordered_json& document)
{
    return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string event(const ordered_json& document)
{
    return "data: " + dump(document) + "\n\n";
}

// What a token adds to a text; one without text (a control token) by its name.
std::string tokenBytes(const Tokenizer& tokenizer, TokenId id)
{
    std::string bytes = tokenizer.bytesOf(id);
    return bytes.empty() ? tokenizer.piece(id) : bytes;
}

// The completions form has no field for bytes: those that are no text are spelled "bytes:\xe2\x82".
std::string tokenName(const Tokenizer& tokenizer, TokenId id)
{
    const std::string bytes = tokenBytes(tokenizer, id);
    if (findInvalidUtf8(bytes) == std::string_view::npos)
        return bytes;
    std::string name = "bytes:";
    for (const unsigned char byte : bytes) {
        constexpr std::array<char, 17> kDigits = {"0123456789abcdef"};
        name += {'\\', 'x', kDigits[byte >> 4u], kDigits[byte & 15u]};
    }
    return name;
}

ordered_json completionLogprobs(const Tokenizer& tokenizer, const std::vector<TokenReport>& reports)
{
    ordered_json tokens = ordered_json::array(), values = ordered_json::array(), top = ordered_json::array(),
                 offsets = ordered_json::array();
    for (const TokenReport& report : reports) {
        tokens.push_back(tokenName(tokenizer, report.id));
        values.push_back(report.logProbability ? ordered_json(*report.logProbability) : ordered_json());
        ordered_json alternatives = ordered_json::object();
        for (const auto& [id, logProbability] : report.alternatives)
            alternatives[tokenName(tokenizer, id)] = logProbability;
        if (report.logProbability && !report.alternatives.empty()) // the written one always
            alternatives[tokenName(tokenizer, report.id)] = *report.logProbability;
        top.push_back(report.logProbability ? alternatives : ordered_json());
        offsets.push_back(report.characterOffset);
    }
    return {{"tokens", tokens}, {"token_logprobs", values}, {"top_logprobs", top}, {"text_offset", offsets}};
}

ordered_json chatToken(const Tokenizer& tokenizer, TokenId id, const ordered_json& logProbability)
{
    const std::string bytes = tokenBytes(tokenizer, id);
    ordered_json numbers = ordered_json::array();
    for (const unsigned char byte : bytes)
        numbers.push_back(static_cast<int>(byte));
    return {{"token", bytes}, {"logprob", logProbability}, {"bytes", numbers}};
}

ordered_json chatLogprobs(const Tokenizer& tokenizer, const std::vector<TokenReport>& reports)
{
    ordered_json content = ordered_json::array();
    for (const TokenReport& report : reports) {
        ordered_json entry =
            chatToken(tokenizer, report.id, report.logProbability ? *report.logProbability : 0.0);
        entry["top_logprobs"] = ordered_json::array();
        for (const auto& [id, logProbability] : report.alternatives)
            entry["top_logprobs"].push_back(chatToken(tokenizer, id, logProbability));
        content.push_back(std::move(entry));
    }
    return {{"content", content}, {"refusal", nullptr}};
}

ordered_json usageJson(const Usage& usage)
{
    return {{"prompt_tokens", usage.promptTokens},
            {"completion_tokens", usage.completionTokens},
            {"total_tokens", usage.promptTokens + usage.completionTokens},
            {"prompt_tokens_details", {{"cached_tokens", usage.cachedTokens}}}};
}

ordered_json head(const AnswerIdentity& identity, const char* object)
{
    ordered_json document = {
        {"id", identity.id}, {"object", object}, {"created", identity.created}, {"model", identity.model}};
    if (!identity.fingerprint.empty())
        document["system_fingerprint"] = identity.fingerprint;
    return document;
}

} // namespace

AnswerFormat::AnswerFormat(AnswerIdentity identity, bool chat, bool logprobs, bool chunkUsage,
                           std::shared_ptr<const Tokenizer> tokenizer)
    : m_identity(std::move(identity))
    , m_chat(chat)
    , m_logprobs(logprobs)
    , m_chunkUsage(chunkUsage)
    , m_tokenizer(std::move(tokenizer))
{
}

namespace
{

std::string chunk(const AnswerIdentity& identity, bool chat, bool usage, const ordered_json& choice)
{
    ordered_json document = head(identity, chat ? "chat.completion.chunk" : "text_completion");
    document["choices"] = ordered_json::array({choice});
    if (usage)
        document["usage"] = nullptr;
    return event(document);
}

} // namespace

std::string AnswerFormat::roleEvent(int choice) const
{
    return chunk(m_identity, m_chat, m_chunkUsage,
                 {{"index", choice},
                  {"delta", {{"role", "assistant"}, {"content", ""}}},
                  {"logprobs", nullptr},
                  {"finish_reason", nullptr}});
}

std::string AnswerFormat::deltaEvent(int choice, const Delta& delta) const
{
    ordered_json body = {{"index", choice}};
    if (m_chat)
        body["delta"] = {{"content", delta.text}};
    else
        body["text"] = delta.text;
    body["logprobs"] = !m_logprobs ? ordered_json()
                       : m_chat    ? chatLogprobs(*m_tokenizer, delta.tokens)
                                   : completionLogprobs(*m_tokenizer, delta.tokens);
    body["finish_reason"] = nullptr;
    return chunk(m_identity, m_chat, m_chunkUsage, body);
}

std::string AnswerFormat::finishEvent(int choice, const char* reason) const
{
    ordered_json body = {{"index", choice}};
    if (m_chat)
        body["delta"] = ordered_json::object();
    else
        body["text"] = "";
    body["logprobs"] = nullptr;
    body["finish_reason"] = reason;
    return chunk(m_identity, m_chat, m_chunkUsage, body);
}

std::string AnswerFormat::usageEvent(const Usage& usage) const
{
    ordered_json document = head(m_identity, m_chat ? "chat.completion.chunk" : "text_completion");
    document["choices"] = ordered_json::array();
    document["usage"] = usageJson(usage);
    return event(document);
}

std::string AnswerFormat::whole(const std::vector<Delta>& deltas, const std::vector<std::string>& reasons,
                                const Usage& usage) const
{
    ordered_json document = head(m_identity, m_chat ? "chat.completion" : "text_completion");
    ordered_json choices = ordered_json::array();
    for (std::size_t i = 0; i < deltas.size(); ++i) {
        ordered_json choice = {{"index", i}};
        if (m_chat)
            choice["message"] = {{"role", "assistant"}, {"content", deltas[i].text}, {"refusal", nullptr}};
        else
            choice["text"] = deltas[i].text;
        choice["logprobs"] = !m_logprobs ? ordered_json()
                             : m_chat    ? chatLogprobs(*m_tokenizer, deltas[i].tokens)
                                         : completionLogprobs(*m_tokenizer, deltas[i].tokens);
        choice["finish_reason"] = reasons[i];
        choices.push_back(std::move(choice));
    }
    document["choices"] = std::move(choices);
    document["usage"] = usageJson(usage);
    return dump(document);
}

} // namespace mmfree::server
