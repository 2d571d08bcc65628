// The files of resources/boards as they were when the program was built.
#pragma once

#include <span>
#include <string_view>

namespace mmfree::planner
{

struct EmbeddedFile {
    std::string_view name; // from the repository root
    std::string_view text;
};

[[nodiscard]] std::span<const EmbeddedFile> boardFiles();

} // namespace mmfree::planner
