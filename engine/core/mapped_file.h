// A read-only memory-mapped file. Bytes stay valid and constant while the object lives; a file truncated by
// somebody else meanwhile is the operating system's fault signal, so files are opened, mapped and closed at
// once.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace mmfree
{

class MappedFile
{
public:
    // Throws Io (missing, unreadable, a directory) with path and reason. An empty file maps to an empty span.
    explicit MappedFile(const std::filesystem::path& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    [[nodiscard]] std::span<const std::byte> bytes() const { return {m_data, m_size}; }
    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }

    // Tells the kernel that `range` (inside bytes()) will be read soon / is not needed in memory any more.
    // Hints only: the bytes stay readable.
    void willNeed(std::span<const std::byte> range) const noexcept;
    void dropPages(std::span<const std::byte> range) const noexcept;

private:
    std::filesystem::path m_path;
    const std::byte* m_data = nullptr;
    std::size_t m_size = 0;
};

} // namespace mmfree
