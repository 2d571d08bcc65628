// Parsing of untrusted JSON (configurations, safetensors headers) with errors that name the file. Refuses
// duplicate keys and deep nesting, which the JSON library accepts. Used inside this room and by readers of
// small JSON files.
#pragma once

#include "engine/core/error.h"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace mmfree
{

// Throws Error{code} with `name`, the position and the reason. Objects and arrays may be nested 32 deep.
[[nodiscard]] nlohmann::json parseJson(std::string_view text, const std::string& name, ErrorCode code);

// Text from a file made safe for a message: control characters become '?', long text is cut.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 100);

// A value as a message shows it, e.g. `"gelu"`, `1.5`, `an object`.
[[nodiscard]] std::string describeJson(const nlohmann::json& value);

} // namespace mmfree
