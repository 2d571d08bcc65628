// One list of fields for writing and for reading a plain struct as JSON: `fields(io, value)` calls
// io("name", member) for each. Reading checks every type and names the place of what does not fit, because
// files come from anywhere.
#pragma once

#include "engine/core/error.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace mmfree
{

class JsonWriter
{
public:
    template <class T>
    void operator()(const char* key, const T& value)
    {
        m_json[key] = write(value);
    }
    template <class T>
    [[nodiscard]] static nlohmann::ordered_json write(const T& value)
    {
        if constexpr (std::is_floating_point_v<T>) {
            return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
        } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
            return value;
        } else {
            JsonWriter writer;
            T copy = value; // fields() has one signature for both directions
            fields(writer, copy);
            return std::move(writer.m_json);
        }
    }
    template <class T>
    [[nodiscard]] static nlohmann::ordered_json write(const std::optional<T>& value)
    {
        return value ? write(*value) : nlohmann::ordered_json();
    }
    template <class T>
    [[nodiscard]] static nlohmann::ordered_json write(const std::vector<T>& values)
    {
        nlohmann::ordered_json list = nlohmann::ordered_json::array();
        for (const T& value : values)
            list.push_back(write(value));
        return list;
    }

private:
    nlohmann::ordered_json m_json = nlohmann::ordered_json::object();
};

class JsonFieldReader
{
public:
    // `place` begins messages: "run.json: setup".
    JsonFieldReader(const nlohmann::json& json, std::string place)
        : m_json(json)
        , m_place(std::move(place))
    {
        if (!m_json.is_object())
            refuse("an object");
    }
    // A field that is absent keeps the struct's default, so that older files stay readable.
    template <class T>
    void operator()(const char* key, T& value)
    {
        const auto found = m_json.find(key);
        if (found != m_json.end())
            read(*found, m_place + "." + key, value);
    }

    template <class T>
    static void read(const nlohmann::json& json, const std::string& place, T& value)
    {
        if constexpr (std::is_same_v<T, bool>) {
            if (!json.is_boolean())
                refuse(json, place, "true or false");
            value = json.get<bool>();
        } else if constexpr (std::is_floating_point_v<T>) {
            if (!json.is_number())
                refuse(json, place, "a number");
            value = json.get<T>();
        } else if constexpr (std::is_integral_v<T>) {
            readInteger(json, place, value);
        } else if constexpr (std::is_same_v<T, std::string>) {
            if (!json.is_string())
                refuse(json, place, "a text");
            value = json.get<std::string>();
        } else {
            JsonFieldReader reader(json, place);
            fields(reader, value);
        }
    }
    template <class T>
    static void read(const nlohmann::json& json, const std::string& place, std::optional<T>& value)
    {
        value.reset();
        if (!json.is_null())
            read(json, place, value.emplace());
    }
    template <class T>
    static void read(const nlohmann::json& json, const std::string& place, std::vector<T>& values)
    {
        if (!json.is_array())
            refuse(json, place, "a list");
        values.assign(json.size(), T{});
        for (std::size_t i = 0; i < json.size(); ++i)
            read(json[i], place + "[" + std::to_string(i) + "]", values[i]);
    }

    [[noreturn]] static void refuse(const nlohmann::json& json, const std::string& place,
                                    const std::string& needed)
    {
        std::string found = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        if (found.size() > 60)
            found = found.substr(0, 57) + "...";
        throw Error(ErrorCode::InvalidFile, place + " is " + found + ", needed: " + needed);
    }

private:
    template <class T>
    static void readInteger(const nlohmann::json& json, const std::string& place, T& value)
    {
        if (!json.is_number_integer())
            refuse(json, place, "a whole number");
        constexpr T kLeast = std::numeric_limits<T>::min(), kMost = std::numeric_limits<T>::max();
        const bool fits = json.is_number_unsigned()
                              ? json.get<std::uint64_t>() <= static_cast<std::uint64_t>(kMost)
                              : std::is_signed_v<T> &&
                                    json.get<std::int64_t>() >= static_cast<std::int64_t>(kLeast) &&
                                    json.get<std::int64_t>() <= static_cast<std::int64_t>(kMost);
        if (!fits)
            refuse(json, place, std::to_string(kLeast) + " to " + std::to_string(kMost));
        value = json.get<T>();
    }
    [[noreturn]] void refuse(const std::string& needed) const { refuse(m_json, m_place, needed); }

    const nlohmann::json& m_json;
    std::string m_place;
};

} // namespace mmfree
