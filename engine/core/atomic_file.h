// Writes a file so that the final name shows either the old contents or the complete new ones: temporary file
// in the same folder, fsync, rename, fsync of the folder. Every write of user data in the project goes
// through here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace mmfree
{

class AtomicFile
{
public:
    // Opens a file without a name, which a killed process leaves nowhere; where the file system cannot do
    // that, `<path>.<random>.tmp`, which it leaves behind. A symbolic link is followed and stays. Throws Io
    // naming the path and the reason (read-only folder, no space, a folder, device or pipe of that name,
    // ...).
    explicit AtomicFile(std::filesystem::path path);
    ~AtomicFile(); // without commit() the temporary file is gone and `path` is untouched
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    void write(std::span<const std::byte> bytes); // appends; throws Io, e.g. disk full, naming bytes and path
    void write(std::string_view text);
    void commit(); // fsync + rename; throws Io. Nothing may be written afterwards.

    [[nodiscard]] std::uint64_t bytesWritten() const { return m_written; }

private:
    std::filesystem::path m_path;
    std::filesystem::path m_temporary; // empty: no name yet
    int m_descriptor = -1;
    std::uint64_t m_written = 0;
};

void writeFileAtomically(const std::filesystem::path& path, std::string_view contents);

// Makes a rename inside `folder` durable; file systems that cannot sync a folder (EINVAL) are left alone.
// Throws Io naming `path`, what was renamed.
void syncFolder(const std::filesystem::path& folder, const std::filesystem::path& path);

// Whole file as text; throws Io, or InvalidFile when larger than `limitBytes`.
[[nodiscard]] std::string readTextFile(const std::filesystem::path& path,
                                       std::uint64_t limitBytes = 64u << 20);

} // namespace mmfree
