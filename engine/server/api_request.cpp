#include "engine/server/api_request.h"

#include "engine/server/api_error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>
#include <set>

namespace mmfree::server
{

namespace
{

using nlohmann::json;

constexpr std::size_t kMostStopStrings = 16;
constexpr std::size_t kMostMessages = 4096;
constexpr int kMostAlternatives = 20;

// Fields without an effect here: they name the caller or tune what other servers have.
const std::set<std::string> kWithoutEffect = {"user",
                                              "metadata",
                                              "store",
                                              "service_tier",
                                              "safety_identifier",
                                              "prompt_cache_key",
                                              "parallel_tool_calls"};

std::string shown(const json& value)
{
    std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
    constexpr std::size_t kLongest = 80;
    return text.size() > kLongest ? text.substr(0, kLongest) + "..." : text;
}

[[noreturn]] void failField(const std::string& field, const json& value, const std::string& needed)
{
    // Deep or large values are named by their kind only.
    const std::string found = value.is_primitive() ? shown(value) : std::string(value.type_name());
    throw badRequest(field + " is " + found + ", needed: " + needed, field);
}

// Reads the fields of the body one by one and remembers which, so that unknown ones can be refused.
class Fields
{
public:
    explicit Fields(const json& body)
        : m_body(body)
    {
    }

    // Null: absent or null.
    const json* find(const char* name)
    {
        m_known.insert(name);
        const auto found = m_body.find(name);
        return found == m_body.end() || found->is_null() ? nullptr : &*found;
    }

    bool boolean(const char* name, bool otherwise)
    {
        const json* value = find(name);
        if (value && !value->is_boolean())
            failField(name, *value, "true or false");
        return value ? value->get<bool>() : otherwise;
    }

    std::int64_t integer(const char* name, std::int64_t otherwise, std::int64_t low, std::int64_t high)
    {
        const json* value = find(name);
        if (!value)
            return otherwise;
        const std::string needed = "a whole number " + std::to_string(low) + " .. " + std::to_string(high);
        if (!value->is_number_integer())
            failField(name, *value, needed);
        const bool tooLarge =
            value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(high);
        if (tooLarge || value->get<std::int64_t>() < low || value->get<std::int64_t>() > high)
            failField(name, *value, needed);
        return value->get<std::int64_t>();
    }

    double number(const char* name, double otherwise, double low, double high)
    {
        const json* value = find(name);
        if (!value)
            return otherwise;
        const auto boundText = [](double bound) {
            std::string text = std::to_string(bound);
            return text.substr(0, text.find('.') + 2);
        };
        const bool fits = value->is_number() && value->get<double>() >= low && value->get<double>() <= high;
        if (!fits)
            failField(name, *value, "a number " + boundText(low) + " .. " + boundText(high));
        return value->get<double>();
    }

    // For what this server cannot do: the field may only be absent or hold `harmless`.
    void refuse(const char* name, const json& harmless, const char* why)
    {
        const json* value = find(name);
        if (value && *value != harmless)
            throw badRequest(std::string(name) + ": " + why, name, "unsupported_parameter");
    }

    void refuseUnknown() const
    {
        for (const auto& [key, value] : m_body.items()) {
            if (!m_known.contains(key) && !kWithoutEffect.contains(key))
                throw badRequest("unknown field " + shown(key) + " in the request", shown(key),
                                 "unknown_parameter");
        }
    }

private:
    const json& m_body;
    std::set<std::string> m_known;
};

json parseObject(std::string_view body)
{
    json document;
    try {
        document = json::parse(body);
    } catch (const json::exception& error) {
        throw badRequest(std::string("the body is not JSON: ") + error.what());
    }
    if (!document.is_object())
        throw badRequest(std::string("the body is ") + document.type_name() + ", needed: an object");
    return document;
}

std::vector<TokenId> readTokens(const json& value, const std::string& field, std::int64_t vocabularySize)
{
    std::vector<TokenId> tokens;
    tokens.reserve(value.size());
    for (const json& entry : value) {
        const bool fits = entry.is_number_integer() && entry >= 0 && entry < vocabularySize;
        if (!fits)
            failField(field, entry, "token ids 0 .. " + std::to_string(vocabularySize - 1));
        tokens.push_back(entry.get<TokenId>());
    }
    return tokens;
}

void readPrompts(Fields& fields, const RequestLimits& limits, ApiRequest& request)
{
    const char* needed = "a text, a list of texts, a list of token ids or a list of such lists";
    const json* value = fields.find("prompt");
    if (!value)
        throw badRequest("prompt is absent, needed: " + std::string(needed), "prompt");
    if (value->is_string()) {
        request.prompts.emplace_back(value->get<std::string>());
        return;
    }
    if (!value->is_array() || value->empty())
        failField("prompt", *value, needed);
    if (value->front().is_number()) {
        request.prompts.emplace_back(readTokens(*value, "prompt", limits.vocabularySize));
        return;
    }
    if (value->size() > static_cast<std::size_t>(limits.mostChoices))
        throw badRequest("prompt has " + std::to_string(value->size()) + " entries, needed: at most " +
                             std::to_string(limits.mostChoices),
                         "prompt");
    for (const json& entry : *value) {
        if (entry.is_string())
            request.prompts.emplace_back(entry.get<std::string>());
        else if (entry.is_array() && !entry.empty())
            request.prompts.emplace_back(readTokens(entry, "prompt", limits.vocabularySize));
        else
            failField("prompt", entry, needed);
    }
}

std::string readContent(const json& message, const std::string& field)
{
    const auto content = message.find("content");
    if (content == message.end() || content->is_null())
        throw badRequest(field + ".content is absent, needed: a text", field);
    if (content->is_string())
        return content->get<std::string>();
    if (!content->is_array())
        failField(field + ".content", *content, "a text or a list of text parts");
    std::string text;
    for (const json& part : *content) {
        const bool isText = part.is_object() && part.value("type", json()) == "text" &&
                            part.value("text", json()).is_string();
        if (!isText)
            throw badRequest(
                field + ".content has a part that is not of type \"text\"; this model reads text only",
                field);
        text += part.at("text").get<std::string>();
    }
    return text;
}

void readMessages(Fields& fields, ApiRequest& request)
{
    const json* value = fields.find("messages");
    if (!value)
        throw badRequest("messages is absent, needed: a list of messages", "messages");
    if (!value->is_array() || value->empty())
        failField("messages", *value, "a list of at least one message");
    if (value->size() > kMostMessages)
        throw badRequest("messages has " + std::to_string(value->size()) + " entries, needed: at most " +
                             std::to_string(kMostMessages),
                         "messages");
    for (std::size_t i = 0; i < value->size(); ++i) {
        const json& message = (*value)[i];
        const std::string field = "messages[" + std::to_string(i) + "]";
        if (!message.is_object())
            failField(field, message, "an object with role and content");
        const json role = message.value("role", json());
        ChatTurn turn;
        if (role == "system" || role == "developer")
            turn.role = ChatRole::System;
        else if (role == "user")
            turn.role = ChatRole::User;
        else if (role == "assistant")
            turn.role = ChatRole::Assistant;
        else
            failField(field + ".role", role, "system, developer, user or assistant");
        turn.text = readContent(message, field);
        request.messages.push_back(std::move(turn));
    }
}

void readStops(Fields& fields, ApiRequest& request)
{
    const json* value = fields.find("stop");
    if (!value)
        return;
    const std::string needed = "a text or a list of at most " + std::to_string(kMostStopStrings) + " texts";
    const json list = value->is_array() ? *value : json::array({*value});
    if (list.size() > kMostStopStrings)
        throw badRequest("stop has " + std::to_string(list.size()) + " entries, needed: " + needed, "stop");
    for (const json& entry : list) {
        if (!entry.is_string() || entry.get_ref<const std::string&>().empty())
            failField("stop", entry, needed + ", none empty");
        request.stopStrings.push_back(entry.get<std::string>());
    }
}

void readLogitBias(Fields& fields, std::int64_t vocabularySize, ApiRequest& request)
{
    const json* value = fields.find("logit_bias");
    if (!value)
        return;
    if (!value->is_object())
        failField("logit_bias", *value, "an object of token ids and numbers -100 .. 100");
    for (const auto& [key, bias] : value->items()) {
        TokenId id = -1;
        const auto [end, problem] = std::from_chars(key.data(), key.data() + key.size(), id);
        if (problem != std::errc() || end != key.data() + key.size() || id < 0 || id >= vocabularySize)
            failField("logit_bias", json(key), "token ids 0 .. " + std::to_string(vocabularySize - 1));
        if (!bias.is_number() || !(std::fabs(bias.get<double>()) <= 100.0))
            failField("logit_bias", bias, "numbers -100 .. 100");
        request.logitBias.emplace_back(id, bias.get<float>());
    }
}

void readSampling(Fields& fields, const RequestLimits& limits, ApiRequest& request)
{
    SamplingOptions& sampling = request.sampling;
    sampling.temperature = fields.number("temperature", 1.0, 0.0, 2.0);
    // 0 is allowed there and means the likeliest token alone.
    constexpr double kSmallestTopP = 1e-9;
    sampling.topP = std::max(fields.number("top_p", 1.0, 0.0, 1.0), kSmallestTopP);
    // Not of the OpenAI interface, but of many clients of local servers.
    sampling.topK = static_cast<int>(fields.integer("top_k", 0, 0, 1 << 24));
    sampling.minP = fields.number("min_p", 0.0, 0.0, 1.0);
    sampling.repetitionPenalty = fields.number("repetition_penalty", 1.0, 0.01, 100.0);
    request.presencePenalty = fields.number("presence_penalty", 0.0, -2.0, 2.0);
    request.frequencyPenalty = fields.number("frequency_penalty", 0.0, -2.0, 2.0);
    readLogitBias(fields, limits.vocabularySize, request);
    constexpr std::int64_t kAnyNegative = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t kAnyPositive = std::numeric_limits<std::int64_t>::max();
    if (fields.find("seed"))
        sampling.seed = static_cast<std::uint64_t>(fields.integer("seed", 0, kAnyNegative, kAnyPositive));
    else
        sampling.seed = (static_cast<std::uint64_t>(std::random_device{}()) << 32) ^ std::random_device{}();
}

void readCompletionFields(Fields& fields, const RequestLimits& limits, ApiRequest& request)
{
    readPrompts(fields, limits, request);
    constexpr std::int64_t kDefaultTokens = 16; // of the OpenAI interface
    request.echo = fields.boolean("echo", false);
    request.maxTokens = fields.integer("max_tokens", kDefaultTokens, request.echo ? 0 : 1, limits.mostTokens);
    request.topLogprobs = static_cast<int>(fields.integer("logprobs", -1, 0, kMostAlternatives));
    fields.refuse("suffix", "", "these models write forwards only");
    fields.refuse("best_of", request.choices, "only the value of n is supported");
}

void readChatFields(Fields& fields, const RequestLimits& limits, ApiRequest& request)
{
    readMessages(fields, request);
    const std::int64_t older = fields.integer("max_tokens", limits.defaultMaxTokens, 1, limits.mostTokens);
    request.maxTokens = fields.integer("max_completion_tokens", older, 1, limits.mostTokens);
    const auto alternatives = static_cast<int>(fields.integer("top_logprobs", 0, 0, kMostAlternatives));
    if (fields.boolean("logprobs", false))
        request.topLogprobs = alternatives;
    else if (alternatives > 0)
        throw badRequest("top_logprobs is given, needed with it: \"logprobs\": true", "top_logprobs");
    const char* noTools = "this model calls no tools";
    fields.refuse("tools", json::array(), noTools);
    fields.refuse("functions", json::array(), noTools);
    fields.refuse("tool_choice", "none", noTools);
    fields.refuse("function_call", "none", noTools);
    fields.refuse("response_format", {{"type", "text"}}, "only {\"type\": \"text\"} is supported");
    fields.refuse("modalities", json::array({"text"}), "only text is supported");
}

} // namespace

ApiRequest parseApiRequest(std::string_view body, bool chat, const RequestLimits& limits)
{
    const json document = parseObject(body);
    Fields fields(document);
    ApiRequest request;
    request.chat = chat;
    if (const json* model = fields.find("model")) {
        if (!model->is_string())
            failField("model", *model, "the name of a model");
        request.model = model->get<std::string>();
    }
    request.choices = static_cast<int>(fields.integer("n", 1, 1, limits.mostChoices));
    readSampling(fields, limits, request);
    readStops(fields, request);
    request.streaming.stream = fields.boolean("stream", false);
    if (const json* options = fields.find("stream_options")) {
        if (!options->is_object())
            failField("stream_options", *options, "an object");
        if (!request.streaming.stream)
            throw badRequest("stream_options is given, needed with it: \"stream\": true", "stream_options");
        Fields inner(*options);
        request.streaming.includeUsage = inner.boolean("include_usage", false);
    }
    if (chat)
        readChatFields(fields, limits, request);
    else
        readCompletionFields(fields, limits, request);
    fields.refuseUnknown();
    const auto total = static_cast<std::int64_t>(request.prompts.size()) * request.choices;
    if (total > limits.mostChoices)
        throw badRequest("prompts times n is " + std::to_string(total) + ", needed: at most " +
                             std::to_string(limits.mostChoices),
                         "n");
    return request;
}

} // namespace mmfree::server
