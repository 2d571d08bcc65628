#include "fpga/host/build_cache.h"

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "fpga/host/environment.h"

#include <array>
#include <cstring>
#include <string_view>

namespace mmfree::opencl
{

namespace
{

// File: magic, then little-endian u64 key bytes, binary bytes, hash of the binary; then key and binary.
constexpr std::string_view kMagic = "MMFREECL";
constexpr std::size_t kHeaderBytes = 8 + 3 * sizeof(std::uint64_t);
constexpr std::uint64_t kEntryLimit = 256u << 20;

std::uint64_t fnv1a(std::string_view text)
{
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char character : text)
        hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3u;
    return hash;
}

std::filesystem::path cacheFolder()
{
    const std::string own = environmentText("MMFREE_OPENCL_CACHE");
    if (!own.empty())
        return own == "off" ? std::filesystem::path() : std::filesystem::path(own);
    const std::string xdg = environmentText("XDG_CACHE_HOME"), home = environmentText("HOME");
    if (!xdg.empty())
        return std::filesystem::path(xdg) / "mmfree" / "opencl";
    return home.empty() ? std::filesystem::path()
                        : std::filesystem::path(home) / ".cache" / "mmfree" / "opencl";
}

} // namespace

BuildCache::BuildCache()
    : m_folder(cacheFolder())
{
}

std::filesystem::path BuildCache::fileFor(const std::string& key) const
{
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string name;
    for (std::uint64_t hash = fnv1a(key), n = 0; n < 16; ++n, hash >>= 4)
        name += kDigits[hash & 15];
    return m_folder / (name + ".clbin");
}

std::string BuildCache::load(const std::string& key) const
{
    const std::filesystem::path path = fileFor(key);
    std::error_code failed;
    if (m_folder.empty() || !std::filesystem::is_regular_file(path, failed))
        return {};
    std::string entry;
    try {
        entry = readTextFile(path, kEntryLimit);
    } catch (const Error&) {
        return {}; // unreadable is as good as absent: the program is compiled instead
    }
    std::array<std::uint64_t, 3> header{};
    if (entry.size() < kHeaderBytes || !entry.starts_with(kMagic))
        return {};
    std::memcpy(header.data(), entry.data() + kMagic.size(), sizeof(header));
    const std::string_view body = std::string_view(entry).substr(kHeaderBytes);
    if (header[0] != key.size() || header[0] > body.size() || header[1] != body.size() - header[0] ||
        body.substr(0, key.size()) != key || fnv1a(body.substr(key.size())) != header[2])
        return {};
    return std::string(body.substr(key.size()));
}

std::string BuildCache::store(const std::string& key, const std::string& binary) const
{
    if (m_folder.empty())
        return "the cache is off";
    if (binary.empty())
        return "the driver gives no binary";
    try {
        std::filesystem::create_directories(m_folder);
        const std::array<std::uint64_t, 3> header{key.size(), binary.size(), fnv1a(binary)};
        AtomicFile file(fileFor(key));
        file.write(kMagic);
        file.write(std::as_bytes(std::span(header)));
        file.write(std::string_view(key));
        file.write(std::string_view(binary));
        file.commit();
    } catch (const std::exception& error) {
        return error.what();
    }
    return {};
}

} // namespace mmfree::opencl
