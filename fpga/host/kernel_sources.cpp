#include "fpga/host/kernel_sources.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cctype>
#include <vector>

namespace mmfree::opencl
{

namespace
{

std::vector<std::string_view> filesOf(Variant variant)
{
    std::vector<std::string_view> files{"fpga/shared/kernel_constants.h", "fpga/kernels/common.cl"};
    switch (variant) {
    case Variant::Vector:
        files.insert(files.end(), {"fpga/kernels/rows.cl", "fpga/kernels/product_vector.cl"});
        break;
    case Variant::Dot:
        files.insert(files.end(), {"fpga/kernels/rows.cl", "fpga/kernels/product_dot.cl",
                                   "fpga/kernels/product_fused.cl"});
        break;
    case Variant::Pipeline:
        files.insert(files.end(), {"fpga/kernels/channels.cl", "fpga/kernels/pipeline_rows.cl",
                                   "fpga/kernels/pipeline_product.cl"});
        break;
    }
    files.push_back("fpga/kernels/top_k.cl");
    return files;
}

const KernelFile* findFile(std::string_view name)
{
    const auto files = kernelFiles();
    const auto found =
        std::find_if(files.begin(), files.end(), [&](const KernelFile& file) { return file.name == name; });
    return found == files.end() ? nullptr : &*found;
}

// The identifier before the first '(' of `text` that does not belong to an attribute.
std::string nameBeforeArguments(std::string_view text)
{
    std::size_t open = text.find('(');
    while (open != std::string_view::npos) {
        std::size_t end = open;
        while (end > 0 && text[end - 1] == ' ')
            --end;
        std::size_t start = end;
        const auto isWord = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
        while (start > 0 && isWord(text[start - 1]))
            --start;
        const std::string_view name = text.substr(start, end - start);
        if (!name.empty() && name != "__attribute__" && name != "reqd_work_group_size" && name != "task" &&
            name != "max_global_work_dim" && name != "autorun")
            return std::string(name);
        open = text.find('(', open + 1);
    }
    return {};
}

} // namespace

std::string_view variantName(Variant variant)
{
    constexpr std::array<std::string_view, 3> kNames{"vector", "dot", "pipeline"};
    return kNames[static_cast<std::size_t>(variant) - 1];
}

std::int64_t activationSlot(std::int64_t column, Variant variant)
{
    switch (variant) {
    case Variant::Vector:
        return (column & ~127) | ((column & 7) << 4) | ((column & 127) >> 3);
    case Variant::Dot:
        return (column & ~15) | ((column & 3) << 2) | ((column & 15) >> 2);
    case Variant::Pipeline:
        break;
    }
    return column;
}

std::string programSource(Variant variant)
{
    std::string source;
    for (const std::string_view name : filesOf(variant)) {
        const KernelFile* file = findFile(name);
        assert(file && "every file of a variant is embedded");
        source += "#line 1 \"" + std::string(name) + "\"\n" + std::string(file->text) + "\n";
    }
    return source;
}

std::string kernelAtLine(std::string_view fileName, int line)
{
    const KernelFile* file = findFile(fileName);
    if (!file)
        return {};
    std::size_t end = 0;
    for (int n = 0; n < line && end != std::string_view::npos; ++n)
        end = file->text.find('\n', end + (n > 0));
    // The last kernel that starts before the end of the line, unless a function ended the file's kernels.
    const std::string_view before = file->text.substr(0, end);
    const std::size_t kernel = before.rfind("\nkernel ");
    const std::size_t function = before.rfind("\ninline ");
    if (kernel == std::string_view::npos || (function != std::string_view::npos && function > kernel))
        return {};
    return nameBeforeArguments(file->text.substr(kernel + 1, 600));
}

} // namespace mmfree::opencl
