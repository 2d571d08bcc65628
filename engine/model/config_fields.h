// Typed, range-checked access to the fields of an untrusted config.json. Every fault names file, field, value
// found and value needed. Internal to this room.
#pragma once

#include "engine/core/types.h"
#include "engine/model/json_reader.h"

#include <cstdint>
#include <optional>
#include <string>

namespace mmfree
{

// Throws InvalidConfig: "NAME: FIELD is FOUND, needed: NEEDED".
[[noreturn]] void failConfig(const std::string& name, const std::string& field, const std::string& found,
                             const std::string& needed);
[[nodiscard]] std::string rangeText(std::int64_t low, std::int64_t high); // "a whole number from 1 to 9"

// A field that is null counts as absent, as in the public code (but see tokenId).
class ConfigFields
{
public:
    // Both are borrowed.
    ConfigFields(const nlohmann::json& object, const std::string& name)
        : m_object(object)
        , m_name(name)
    {
    }

    [[nodiscard]] const std::string& name() const { return m_name; }
    [[nodiscard]] const nlohmann::json* find(const char* field) const; // nullptr when absent

    // Without `fallback` the field must be there.
    [[nodiscard]] std::int64_t integer(const char* field, std::optional<std::int64_t> fallback,
                                       std::int64_t low, std::int64_t high) const;
    [[nodiscard]] std::int64_t integerValue(const nlohmann::json& value, const char* field, std::int64_t low,
                                            std::int64_t high) const;
    [[nodiscard]] float positive(const char* field, float fallback, double high) const;
    [[nodiscard]] float positiveValue(const nlohmann::json& value, const char* field, double high) const;
    [[nodiscard]] bool boolean(const char* field, bool fallback) const;
    // A token id, or -1 for none (null or an empty list). Some configurations list several: the first one
    // counts.
    [[nodiscard]] TokenId tokenId(const char* field, TokenId fallback, std::int64_t vocabularySize) const;

    // Options this program knows in one form only.
    void requireBoolean(const char* field, bool fallback, bool needed) const;
    void requireInteger(const char* field, std::int64_t needed) const;
    void requireAbsent(const char* field, const char* why) const;
    void requireSwish(const char* fallback) const;

private:
    const nlohmann::json& m_object;
    const std::string& m_name;
};

} // namespace mmfree
