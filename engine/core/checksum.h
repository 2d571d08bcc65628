// A fast 64-bit checksum that finds damaged or half-written files. It is no cryptographic hash: it protects
// against accidents, not against people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace mmfree
{

// The same bytes give the same sum however they are cut into calls of add().
class Checksum
{
public:
    void add(std::span<const std::byte> bytes);
    [[nodiscard]] std::uint64_t value() const;
    [[nodiscard]] std::string text() const; // 16 hexadecimal digits

private:
    void addWord(std::uint64_t word);

    std::uint64_t m_lanes[4] = {0x243F6A8885A308D3ull, 0x13198A2E03707344ull, 0xA4093822299F31D0ull,
                                0x082EFA98EC4E6C89ull}; // digits of pi
    std::uint64_t m_words = 0, m_bytes = 0;
    std::uint64_t m_partial = 0; // the bytes of an unfinished word, least significant first
};

[[nodiscard]] std::string checksumText(std::string_view bytes);
// Of a whole file; throws Io naming it.
[[nodiscard]] std::string fileChecksum(const std::filesystem::path& file);

} // namespace mmfree
