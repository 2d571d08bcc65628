// Run files: a comparison as JSON with every single time, readable on any machine. Also the JSON of its
// parts, which the runner and its worker processes exchange.
#pragma once

#include "engine/analysis/compare_types.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace mmfree
{

[[nodiscard]] nlohmann::ordered_json contenderToJson(const Contender& contender);
[[nodiscard]] Contender contenderFromJson(const nlohmann::json& json, const std::string& place);
[[nodiscard]] nlohmann::ordered_json contenderResultToJson(const ContenderResult& result);
[[nodiscard]] ContenderResult contenderResultFromJson(const nlohmann::json& json, const std::string& place);
[[nodiscard]] nlohmann::ordered_json repeatToJson(const Repeat& repeat);
[[nodiscard]] Repeat repeatFromJson(const nlohmann::json& json, const std::string& place);
[[nodiscard]] nlohmann::ordered_json setupToJson(const CompareSetup& setup);
[[nodiscard]] CompareSetup setupFromJson(const nlohmann::json& json, const std::string& place);
[[nodiscard]] nlohmann::ordered_json ceilingsToJson(const Ceilings& ceilings);
[[nodiscard]] Ceilings ceilingsFromJson(const nlohmann::json& json, const std::string& place);
[[nodiscard]] nlohmann::ordered_json environmentToJson(const Environment& environment);

// The whole file's text. parse throws InvalidFile naming `name`, the field, what was found and what is
// needed.
[[nodiscard]] std::string compareRunToText(const CompareRun& run);
[[nodiscard]] CompareRun parseCompareRun(std::string_view text, const std::string& name);

void writeCompareRun(const CompareRun& run, const std::filesystem::path& path); // atomic
[[nodiscard]] CompareRun readCompareRun(const std::filesystem::path& path);

} // namespace mmfree
