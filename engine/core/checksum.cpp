#include "engine/core/checksum.h"

#include "engine/core/error.h"

#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

namespace mmfree
{

namespace
{

constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15ull; // odd, from the golden ratio
constexpr std::size_t kReadBytes = std::size_t{1} << 20;

// Every bit of the input reaches every bit of the result (SplitMix64's finaliser).
std::uint64_t spread(std::uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ull;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBull;
    return value ^ (value >> 31);
}

} // namespace

void Checksum::addWord(std::uint64_t word)
{
    std::uint64_t& lane = m_lanes[m_words++ % 4];
    lane = std::rotl((lane ^ word) * kMultiplier, 29);
}

void Checksum::add(std::span<const std::byte> bytes)
{
    std::size_t position = 0;
    while (position < bytes.size()) {
        if (m_bytes % 8 == 0 && bytes.size() - position >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, bytes.data() + position, 8);
            addWord(word);
            position += 8;
            m_bytes += 8;
            continue;
        }
        m_partial |= std::to_integer<std::uint64_t>(bytes[position++]) << (8 * (m_bytes % 8));
        if (++m_bytes % 8 == 0) {
            addWord(m_partial);
            m_partial = 0;
        }
    }
}

std::uint64_t Checksum::value() const
{
    std::uint64_t result = spread(m_bytes ^ spread(m_partial));
    for (const std::uint64_t lane : m_lanes)
        result = spread(result * kMultiplier + lane);
    return result;
}

std::string Checksum::text() const
{
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text(16, '0');
    std::uint64_t rest = value();
    for (std::size_t i = 16; i-- > 0; rest >>= 4)
        text[i] = kDigits[rest & 15];
    return text;
}

std::string checksumText(std::string_view bytes)
{
    Checksum sum;
    sum.add(std::as_bytes(std::span(bytes)));
    return sum.text();
}

std::string fileChecksum(const std::filesystem::path& file)
{
    std::ifstream stream(file, std::ios::binary);
    std::vector<char> block(kReadBytes);
    Checksum sum;
    while (stream) {
        stream.read(block.data(), static_cast<std::streamsize>(block.size()));
        sum.add(std::as_bytes(std::span(block).first(static_cast<std::size_t>(stream.gcount()))));
    }
    if (!stream.eof())
        throw Error(ErrorCode::Io, "cannot read " + file.string() + ": " + std::strerror(errno));
    return sum.text();
}

} // namespace mmfree
