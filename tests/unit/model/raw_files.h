// Byte-exact files for tests of bad input, and safetensors files rewritten with a tensor changed.
#pragma once

#include "engine/core/atomic_file.h"
#include "engine/model/safetensors.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace mmfree::test
{

// Without the fsync of AtomicFile, for tests that write thousands of files.
inline void writeRaw(const std::filesystem::path& path, const std::string& bytes)
{
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// Header length, header, data: as the format says, whatever the header says.
inline std::string rawSafetensors(const std::string& header, const std::string& data)
{
    const std::uint64_t length = header.size();
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, 8);
    return bytes + header + data;
}

struct EditableTensor {
    std::string name;
    DType dtype = DType::F32;
    Shape shape = {};
    std::vector<std::byte> bytes = {};

    void setFloat(std::size_t index, float value) { std::memcpy(bytes.data() + 4 * index, &value, 4); }
    void resize(const Shape& newShape, DType newType)
    {
        shape = newShape;
        dtype = newType;
        bytes.resize(static_cast<std::size_t>(elementCount(shape)) * dtypeSize(dtype));
    }
};

struct EditableFile {
    std::map<std::string, std::string> metadata;
    std::vector<EditableTensor> tensors = {};

    EditableTensor& tensor(const std::string& name)
    {
        for (EditableTensor& candidate : tensors) {
            if (candidate.name == name)
                return candidate;
        }
        throw std::runtime_error("no tensor " + name);
    }
    void remove(const std::string& name)
    {
        std::erase_if(tensors, [&](const EditableTensor& candidate) { return candidate.name == name; });
    }
    void add(const std::string& name, DType dtype, const Shape& shape)
    {
        tensors.push_back({.name = name});
        tensors.back().resize(shape, dtype);
    }
};

inline EditableFile readEditable(const std::filesystem::path& path)
{
    const SafetensorsFile file(path);
    EditableFile result{.metadata = file.metadata()};
    for (const auto& [name, view] : file.tensors())
        result.tensors.push_back({name, view.dtype, view.shape, {view.bytes.begin(), view.bytes.end()}});
    return result;
}

inline void writeEditable(const EditableFile& file, const std::filesystem::path& path)
{
    SafetensorsWriter writer(path);
    for (const auto& [key, value] : file.metadata)
        writer.setMetadata(key, value);
    for (const EditableTensor& tensor : file.tensors)
        writer.declare(tensor.name, tensor.dtype, tensor.shape);
    for (const EditableTensor& tensor : file.tensors)
        writer.write(tensor.bytes);
    writer.finish();
}

// Rewrites the file with `edit` applied.
inline void editSafetensors(const std::filesystem::path& path, const std::function<void(EditableFile&)>& edit)
{
    EditableFile file = readEditable(path);
    edit(file);
    writeEditable(file, path);
}

} // namespace mmfree::test
