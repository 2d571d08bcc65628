// See config_fields.h.
#include "engine/model/config_fields.h"

#include <algorithm>

namespace mmfree
{

using nlohmann::json;

void failConfig(const std::string& name, const std::string& field, const std::string& found,
                const std::string& needed)
{
    throw Error(ErrorCode::InvalidConfig, name + ": " + field + " is " + found + ", needed: " + needed);
}

std::string rangeText(std::int64_t low, std::int64_t high)
{
    return "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
}

const json* ConfigFields::find(const char* field) const
{
    const auto found = m_object.find(field);
    return found == m_object.end() || found->is_null() ? nullptr : &*found;
}

std::int64_t ConfigFields::integer(const char* field, std::optional<std::int64_t> fallback, std::int64_t low,
                                   std::int64_t high) const
{
    const json* value = find(field);
    if (!value && fallback)
        return *fallback;
    if (!value)
        failConfig(m_name, field, "missing", rangeText(low, high));
    return integerValue(*value, field, low, high);
}

std::int64_t ConfigFields::integerValue(const json& value, const char* field, std::int64_t low,
                                        std::int64_t high) const
{
    const bool fits =
        value.is_number_unsigned()
            ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::max<std::int64_t>(high, 0))
            : value.is_number_integer() && value.get<std::int64_t>() <= high;
    if (!fits || value.get<std::int64_t>() < low)
        failConfig(m_name, field, describeJson(value), rangeText(low, high));
    return value.get<std::int64_t>();
}

float ConfigFields::positive(const char* field, float fallback, double high) const
{
    const json* value = find(field);
    return value ? positiveValue(*value, field, high) : fallback;
}

float ConfigFields::positiveValue(const json& value, const char* field, double high) const
{
    const double number = value.is_number() ? value.get<double>() : 0.0;
    if (!(number >= 1e-30) || number > high)
        failConfig(m_name, field, describeJson(value),
                   "a number above 0 and at most " + std::to_string(high));
    return static_cast<float>(number);
}

bool ConfigFields::boolean(const char* field, bool fallback) const
{
    const json* value = find(field);
    if (!value)
        return fallback;
    if (!value->is_boolean())
        failConfig(m_name, field, describeJson(*value), "true or false");
    return value->get<bool>();
}

void ConfigFields::requireBoolean(const char* field, bool fallback, bool needed) const
{
    if (boolean(field, fallback) != needed)
        failConfig(m_name, field, needed ? "false" : "true",
                   std::string(needed ? "true" : "false") + " (the only kind this program runs)");
}

void ConfigFields::requireInteger(const char* field, std::int64_t needed) const
{
    const json* value = find(field);
    if (value && !(value->is_number_integer() && *value == needed))
        failConfig(m_name, field, describeJson(*value),
                   std::to_string(needed) + " (the only kind this program runs)");
}

void ConfigFields::requireAbsent(const char* field, const char* why) const
{
    if (const json* value = find(field))
        failConfig(m_name, field, describeJson(*value), std::string("null, ") + why);
}

void ConfigFields::requireSwish(const char* fallback) const
{
    const json* value = find("hidden_act");
    const json activation = value ? *value : json(fallback);
    if (activation != "swish" && activation != "silu")
        failConfig(m_name, "hidden_act", describeJson(activation), "\"swish\" or \"silu\"");
}

TokenId ConfigFields::tokenId(const char* field, TokenId fallback, std::int64_t vocabularySize) const
{
    const auto found = m_object.find(field);
    if (found == m_object.end())
        return fallback < vocabularySize ? fallback : -1;
    if (found->is_null() || (found->is_array() && found->empty()))
        return -1;
    const json& value = found->is_array() ? found->front() : *found;
    return static_cast<TokenId>(integerValue(value, field, -1, vocabularySize - 1));
}

} // namespace mmfree
