// Reader and writer of the safetensors format: u64 header length, JSON header, tensor bytes. The reader
// trusts nothing: every length, offset, dtype and shape is checked before use.
#pragma once

#include "engine/core/atomic_file.h"
#include "engine/core/mapped_file.h"
#include "engine/core/types.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mmfree
{

class SafetensorsFile
{
public:
    // Maps the file. Throws InvalidFile for a truncated or oversized header, offsets that overlap, leave
    // holes, or leave the file, sizes that contradict shape x dtype, duplicate names, unknown dtypes; Io when
    // unreadable.
    explicit SafetensorsFile(const std::filesystem::path& path);

    [[nodiscard]] const std::filesystem::path& path() const { return m_file->path(); }
    [[nodiscard]] const std::map<std::string, TensorView>& tensors() const { return m_tensors; }
    [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return m_metadata; }
    [[nodiscard]] const TensorView* find(const std::string& name) const;    // nullptr when absent
    [[nodiscard]] const TensorView& require(const std::string& name) const; // throws InvalidFile
    [[nodiscard]] const MappedFile& file() const { return *m_file; }

private:
    std::unique_ptr<MappedFile> m_file;
    std::map<std::string, TensorView> m_tensors;
    std::map<std::string, std::string> m_metadata;
};

// Streaming writer: declare every tensor, then write their bytes in the declared order, then finish().
class SafetensorsWriter
{
public:
    explicit SafetensorsWriter(const std::filesystem::path& path);
    void setMetadata(const std::string& key, const std::string& value);
    void declare(const std::string& name, DType dtype, const Shape& shape);
    // Call once per declared tensor in order; may be called several times per tensor with consecutive pieces.
    void write(std::span<const std::byte> bytes);
    void writeFloats(std::span<const float> values); // for tensors declared F32
    void finish(); // checks that all bytes were written, then commits the file atomically

private:
    struct Entry {
        std::string name;
        DType dtype;
        Shape shape;
        std::uint64_t begin, end;
    };
    void writeHeader();
    AtomicFile m_file;
    std::vector<Entry> m_entries;
    std::map<std::string, std::string> m_metadata;
    std::uint64_t m_declaredBytes = 0;
    std::uint64_t m_writtenBytes = 0;
    bool m_headerWritten = false;
};

} // namespace mmfree
