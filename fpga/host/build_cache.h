// Compiled programs on disk, so that the second start need not compile. An entry is named by a hash of its
// key (device, driver, options, source) and holds the whole key; what does not match or is damaged is as if
// absent.
#pragma once

#include <filesystem>
#include <string>

namespace mmfree::opencl
{

class BuildCache
{
public:
    BuildCache(); // the folder of environment.h

    [[nodiscard]] std::filesystem::path fileFor(const std::string& key) const;
    [[nodiscard]] std::string load(const std::string& key) const; // empty: not there, or not usable

    // Writes atomically. Returns why nothing was stored (no folder, read-only disk, empty binary), empty when
    // it was: a cache that cannot be written slows the next start and harms nothing else.
    std::string store(const std::string& key, const std::string& binary) const;

private:
    std::filesystem::path m_folder; // empty: off
};

} // namespace mmfree::opencl
