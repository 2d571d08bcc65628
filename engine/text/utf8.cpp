#include "engine/text/utf8.h"

#include "engine/text/tokenizer.h"

#include <cstdint>
#include <cstring>

namespace mmfree
{

namespace
{

constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

// Length a lead byte announces and the range of its second byte (Unicode 15, table 3-7); 0: not a lead byte.
struct LeadByte {
    std::size_t length = 0;
    unsigned secondLow = 0x80, secondHigh = 0xBF;
};

LeadByte leadByte(unsigned byte)
{
    if (byte < 0x80)
        return {1};
    if (byte >= 0xC2 && byte <= 0xDF)
        return {2};
    if (byte >= 0xE0 && byte <= 0xEF)
        return {3, byte == 0xE0 ? 0xA0u : 0x80u, byte == 0xED ? 0x9Fu : 0xBFu};
    if (byte >= 0xF0 && byte <= 0xF4)
        return {4, byte == 0xF0 ? 0x90u : 0x80u, byte == 0xF4 ? 0x8Fu : 0xBFu};
    return {};
}

unsigned byteAt(std::string_view bytes, std::size_t index)
{
    return static_cast<unsigned char>(bytes[index]);
}

} // namespace

Utf8Character firstUtf8Character(std::string_view bytes)
{
    const LeadByte lead = leadByte(byteAt(bytes, 0));
    if (lead.length == 0)
        return {Utf8Status::Invalid, 1};
    for (std::size_t i = 1; i < lead.length; ++i) {
        if (i == bytes.size())
            return {Utf8Status::Incomplete, i};
        const unsigned byte = byteAt(bytes, i);
        const bool inRange =
            i == 1 ? byte >= lead.secondLow && byte <= lead.secondHigh : (byte & 0xC0u) == 0x80u;
        if (!inRange)
            return {Utf8Status::Invalid, 1};
    }
    return {Utf8Status::Valid, lead.length};
}

void moveCompleteUtf8(std::string& pending, std::string& text)
{
    std::size_t position = 0;
    while (position < pending.size()) {
        const std::string_view rest = std::string_view(pending).substr(position);
        const Utf8Character character = firstUtf8Character(rest);
        if (character.status == Utf8Status::Incomplete)
            break;
        text +=
            character.status == Utf8Status::Valid ? rest.substr(0, character.length) : kReplacementCharacter;
        position += character.length;
    }
    pending.erase(0, position);
}

void moveAllUtf8(std::string& pending, std::string& text)
{
    moveCompleteUtf8(pending, text);
    for (std::size_t i = 0; i < pending.size(); ++i)
        text += kReplacementCharacter;
    pending.clear();
}

std::size_t findInvalidUtf8(std::string_view text)
{
    std::size_t position = 0;
    while (position < text.size()) {
        // Runs of ASCII, most of most texts, go by eight bytes.
        std::uint64_t block = 0;
        if (text.size() - position >= sizeof block) {
            std::memcpy(&block, text.data() + position, sizeof block);
            if ((block & 0x8080808080808080ull) == 0) {
                position += sizeof block;
                continue;
            }
        }
        const Utf8Character character = firstUtf8Character(text.substr(position));
        if (character.status != Utf8Status::Valid)
            return position;
        position += character.length;
    }
    return std::string_view::npos;
}

} // namespace mmfree
