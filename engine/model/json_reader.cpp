// Checked JSON parsing over nlohmann::json's event callback.
#include "engine/model/json_reader.h"

#include <set>
#include <vector>

namespace mmfree
{

namespace
{

using nlohmann::json;

constexpr int kMaxDepth = 32;

// Drops the library's "[json.exception...] " prefix, which says nothing to a user.
std::string reasonOf(const json::exception& exception)
{
    const std::string text = exception.what();
    const std::size_t end = text.find("] ");
    return printable(end == std::string::npos ? text : text.substr(end + 2), 300);
}

} // namespace

json parseJson(std::string_view text, const std::string& name, ErrorCode code)
{
    std::vector<std::set<std::string>> openObjects;
    const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
        if (depth > kMaxDepth)
            throw Error(code, name + ": JSON is nested deeper than " + std::to_string(kMaxDepth) +
                                  " levels, needed: at most that");
        if (event == json::parse_event_t::object_start) {
            openObjects.emplace_back();
        } else if (event == json::parse_event_t::object_end) {
            openObjects.pop_back();
        } else if (event == json::parse_event_t::key) {
            const std::string& key = parsed.get_ref<const std::string&>();
            if (!openObjects.back().insert(key).second)
                throw Error(code, name + ": JSON key \"" + printable(key) + "\" occurs twice, needed: once");
        }
        return true;
    };
    try {
        return json::parse(text.begin(), text.end(), check);
    } catch (const json::exception& exception) {
        throw Error(code, name + ": not valid JSON: " + reasonOf(exception));
    }
}

std::string printable(std::string_view text, std::size_t limit)
{
    std::string result;
    for (const char character : text.substr(0, limit)) {
        const unsigned char byte = static_cast<unsigned char>(character);
        result += byte >= 0x20 && byte < 0x7F ? character : '?';
    }
    if (text.size() > limit)
        result += "...";
    return result;
}

std::string describeJson(const json& value)
{
    if (value.is_object())
        return "an object";
    if (value.is_array() && value.size() > 8)
        return "an array of " + std::to_string(value.size()) + " values";
    return printable(value.dump(-1, ' ', true, json::error_handler_t::replace));
}

} // namespace mmfree
