// Model folders that lie, one for each kind of damage: the same table for the command line and the window.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace mmfree::test
{

struct DamagedModel {
    const char* name;   // "truncated header"
    const char* golden; // the golden model that is damaged
    std::function<void(const std::filesystem::path& modelFolder)> damage;
    std::vector<std::string> named; // what the refusal must name: file, field, value found, value needed

    std::filesystem::path makeIn(const std::filesystem::path& folder) const; // returns the model folder
};

[[nodiscard]] std::vector<DamagedModel> damagedModels();

} // namespace mmfree::test
