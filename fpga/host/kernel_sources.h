// The kernel files as they were when the program was built, and the program text of a variant made of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mmfree::opencl
{

struct KernelFile {
    std::string_view name; // from the repository root, e.g. "fpga/kernels/rows.cl"
    std::string_view text;
};

// Every embedded file (written at build time by cmake/EmbedFiles.cmake).
[[nodiscard]] std::span<const KernelFile> kernelFiles();

// How the stages of the model run on a device; values as in fpga/shared/kernel_constants.h.
enum class Variant { Vector = 1, Dot = 2, Pipeline = 3 };
[[nodiscard]] std::string_view variantName(Variant variant);

// Where the quantiser stores activation `column`: MMFREE_SLOT of fpga/kernels/common.cl.
[[nodiscard]] std::int64_t activationSlot(std::int64_t column, Variant variant);

// The program text of a variant: shared constants first, `#line` directives so that a compiler's messages
// name our files.
[[nodiscard]] std::string programSource(Variant variant);

// The kernel whose body holds `line` (1-based) of an embedded file; empty when there is none.
[[nodiscard]] std::string kernelAtLine(std::string_view fileName, int line);

} // namespace mmfree::opencl
