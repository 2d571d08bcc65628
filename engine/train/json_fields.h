// Reading fields of this room's own JSON files: errors name file, field, value found and value needed.
#pragma once

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <limits>
#include <string>

namespace mmfree::fields
{

using nlohmann::json;

inline json parseJsonFile(const std::filesystem::path& file)
{
    const json parsed = json::parse(readTextFile(file), nullptr, false);
    if (parsed.is_discarded() || !parsed.is_object())
        throw Error(ErrorCode::InvalidFile, file.string() + " is not a JSON object");
    return parsed;
}

[[noreturn]] inline void failField(const std::string& name, const char* field, const json& found,
                                   const std::string& needed)
{
    throw Error(ErrorCode::InvalidFile, name + ": " + field + " is " + found.dump() + ", needed: " + needed);
}

// A number of a file we wrote; null stands for NaN, which JSON cannot say.
inline double numberField(const json& object, const std::string& name, const char* field, double fallback)
{
    const auto found = object.find(field);
    if (found == object.end())
        return fallback;
    if (!found->is_number() && !found->is_null())
        failField(name, field, *found, "a number");
    return found->is_null() ? std::numeric_limits<double>::quiet_NaN() : found->get<double>();
}

inline std::int64_t countField(const json& object, const std::string& name, const char* field,
                               std::int64_t low, std::int64_t high = std::numeric_limits<std::int64_t>::max())
{
    const json value = object.value(field, json());
    const bool whole = value.is_number_unsigned()
                           ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(high)
                           : value.is_number_integer();
    if (!whole || value.get<std::int64_t>() < low || value.get<std::int64_t>() > high)
        failField(name, field, value,
                  low == high ? std::to_string(low) : "a whole number from " + std::to_string(low));
    return value.get<std::int64_t>();
}

} // namespace mmfree::fields
