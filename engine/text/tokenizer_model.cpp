#include "engine/text/tokenizer_model.h"

#include "engine/core/error.h"
#include "engine/text/tokenizer.h"

#include <algorithm>
#include <cstring>

namespace mmfree
{

namespace
{

constexpr std::size_t kMostPieces = std::size_t{1} << 24;
// The library matches user-defined symbols into a fixed array of 64; more nested ones would overrun it.
constexpr std::size_t kMostNestedSymbols = 64;
constexpr int kMostRules = 32; // likewise for rules of the character map that match at one place

[[noreturn]] void fail(const std::string& name, const std::string& problem)
{
    throw Error(ErrorCode::InvalidFile, name + ": not a usable SentencePiece model: " + problem);
}

// One message of the protocol buffer wire format, field by field.
class WireReader
{
public:
    WireReader(std::string_view bytes, const std::string& name)
        : m_bytes(bytes)
        , m_name(name)
    {
    }

    // False at the end. Afterwards field(), and number() or bytes() by wire type, describe the field read.
    bool next()
    {
        if (m_position == m_bytes.size())
            return false;
        const std::uint64_t tag = varint();
        m_field = tag >> 3;
        m_number = 0;
        m_value = {};
        switch (tag & 7) {
        case 0:
            m_number = varint();
            break;
        case 1:
            m_value = take(8);
            break;
        case 2:
            m_value = take(varint());
            break;
        case 5:
            m_value = take(4);
            break;
        default:
            fail(m_name, "wire type " + std::to_string(tag & 7) + " at byte " + std::to_string(m_position));
        }
        return true;
    }
    [[nodiscard]] std::uint64_t field() const { return m_field; }
    [[nodiscard]] std::uint64_t number() const { return m_number; }
    [[nodiscard]] std::string_view bytes() const { return m_value; }

private:
    std::uint64_t varint()
    {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (m_position == m_bytes.size())
                fail(m_name, "it ends in the middle of a number");
            const auto byte = static_cast<unsigned char>(m_bytes[m_position++]);
            value |= static_cast<std::uint64_t>(byte & 0x7Fu) << shift;
            if (byte < 0x80)
                return value;
        }
        fail(m_name, "a number longer than ten bytes at byte " + std::to_string(m_position));
    }
    std::string_view take(std::uint64_t count)
    {
        const std::size_t left = m_bytes.size() - m_position;
        if (count > left)
            fail(m_name, "a field of " + std::to_string(count) + " bytes where " + std::to_string(left) +
                             " are left");
        const std::string_view value = m_bytes.substr(m_position, static_cast<std::size_t>(count));
        m_position += value.size();
        return value;
    }

    std::string_view m_bytes;
    const std::string& m_name;
    std::size_t m_position = 0;
    std::uint64_t m_field = 0, m_number = 0;
    std::string_view m_value;
};

TokenizerPiece readPiece(std::string_view bytes, std::size_t id, const std::string& name)
{
    TokenizerPiece piece;
    for (WireReader reader(bytes, name); reader.next();) {
        if (reader.field() == 1)
            piece.text = reader.bytes();
        else if (reader.field() == 3 && reader.number() >= 1 && reader.number() <= 6)
            piece.type = static_cast<PieceType>(reader.number());
    }
    const std::string which = "piece " + std::to_string(id);
    if (piece.text.empty())
        fail(name, which + " is empty");
    if (findInvalidUtf8(piece.text) != std::string_view::npos)
        fail(name, which + " is not UTF-8");
    return piece;
}

void readTrainerSpec(std::string_view bytes, const std::string& name, TokenizerModel& model)
{
    constexpr std::uint64_t kBytePairEncoding = 2;
    for (WireReader reader(bytes, name); reader.next();) {
        switch (reader.field()) {
        case 3:
            model.isBytePairEncoding = reader.number() == kBytePairEncoding;
            break;
        case 24:
            if (reader.number() != 0)
                fail(name, "treat_whitespace_as_suffix is true, needed: false");
            break;
        case 35:
            model.byteFallback = reader.number() != 0;
            break;
        case 44:
            model.unknownText = reader.bytes();
            break;
        default:
            break;
        }
    }
    if (findInvalidUtf8(model.unknownText) != std::string_view::npos)
        fail(name, "unk_surface is not UTF-8");
}

std::uint32_t unitAt(std::string_view units, std::size_t index)
{
    std::uint32_t unit = 0;
    std::memcpy(&unit, units.data() + index * sizeof unit, sizeof unit);
    return unit;
}

// The character map is a double-array trie (Darts-clone) the library walks without bounds checks, followed by
// the replacement strings, each ending in a zero byte. Visits every node that any text could reach.
void checkCharacterMap(std::string_view blob, const std::string& name)
{
    const std::string what = "normalizer_spec.precompiled_charsmap ";
    if (blob.size() <= sizeof(std::uint32_t))
        fail(name, what + "has " + std::to_string(blob.size()) + " bytes");
    const std::size_t trieBytes = unitAt(blob, 0);
    blob.remove_prefix(sizeof(std::uint32_t));
    if (trieBytes == 0 || trieBytes % sizeof(std::uint32_t) != 0 || trieBytes >= blob.size())
        fail(name, what + "announces a table of " + std::to_string(trieBytes) + " bytes");
    const std::string_view units = blob.substr(0, trieBytes);
    const std::string_view replacements = blob.substr(trieBytes);
    if (replacements.back() != '\0')
        fail(name, what + "does not end in a zero byte");

    const std::size_t count = trieBytes / sizeof(std::uint32_t);
    const auto offset = [](std::uint32_t unit) {
        return static_cast<std::size_t>(unit >> 10) << ((unit & (1u << 9)) >> 6);
    };
    // Most values on a way from the root to each node; -1: not reached. Nodes may be shared, so a way that
    // passes more values visits the node again; a cycle with a value in it exceeds the limit.
    std::vector<int> valuesPassed(count, -1);
    std::vector<std::size_t> open{0};
    valuesPassed[0] = 0;
    while (!open.empty()) {
        const std::size_t node = open.back();
        open.pop_back();
        const std::uint32_t unit = unitAt(units, node);
        const std::size_t base = node ^ offset(unit);
        if (base >= count || (base | 255u) >= count)
            fail(name, what + "has a link outside its bounds");
        int values = valuesPassed[node];
        if (node != 0 && (unit & (1u << 8)) != 0) {
            if ((unitAt(units, base) & 0x7FFFFFFFu) >= replacements.size())
                fail(name, what + "has a value outside its bounds");
            if (++values > kMostRules)
                fail(name, what + "has more than " + std::to_string(kMostRules) + " rules for one text");
        }
        for (std::size_t label = 0; label < 256; ++label) {
            const std::size_t child = base ^ label;
            if ((unitAt(units, child) & 0x800000FFu) == label && valuesPassed[child] < values) {
                valuesPassed[child] = values;
                open.push_back(child);
            }
        }
    }
}

void readNormalizerSpec(std::string_view bytes, const std::string& name, TokenizerModel& model)
{
    for (WireReader reader(bytes, name); reader.next();) {
        switch (reader.field()) {
        case 2:
            model.rewritesCharacters = !reader.bytes().empty();
            if (model.rewritesCharacters)
                checkCharacterMap(reader.bytes(), name);
            break;
        case 3:
            model.addsSpaceAtStart = reader.number() != 0;
            break;
        case 4:
            model.collapsesSpaces = reader.number() != 0;
            break;
        case 5:
            if (reader.number() == 0)
                fail(name, "escape_whitespaces is false, needed: true");
            break;
        default:
            break;
        }
    }
}

void checkPieces(const TokenizerModel& model, const std::string& name)
{
    std::vector<std::string_view> symbols;
    for (const TokenizerPiece& piece : model.pieces) {
        const bool inTrie = piece.type == PieceType::UserDefined || !model.isBytePairEncoding;
        if (inTrie && piece.text.find('\0') != std::string::npos)
            fail(name, "a piece contains a zero byte");
        if (piece.type == PieceType::UserDefined)
            symbols.push_back(piece.text);
    }
    std::sort(symbols.begin(), symbols.end());
    std::vector<std::string_view> prefixes; // of the symbol looked at, shortest first
    for (const std::string_view symbol : symbols) {
        while (!prefixes.empty() && !symbol.starts_with(prefixes.back()))
            prefixes.pop_back();
        prefixes.push_back(symbol);
        if (prefixes.size() > kMostNestedSymbols)
            fail(name, "more than 64 user-defined symbols start with each other");
    }
}

} // namespace

TokenizerModel readTokenizerModel(std::string_view modelBytes, const std::string& name)
{
    if (modelBytes.empty())
        fail(name, "it is empty");
    TokenizerModel model;
    for (WireReader reader(modelBytes, name); reader.next();) {
        switch (reader.field()) {
        case 1:
            if (model.pieces.size() == kMostPieces)
                fail(name, "more than 2^24 pieces");
            model.pieces.push_back(readPiece(reader.bytes(), model.pieces.size(), name));
            break;
        case 2:
            readTrainerSpec(reader.bytes(), name, model);
            break;
        case 3:
            readNormalizerSpec(reader.bytes(), name, model);
            break;
        case 5:
            fail(name, "it has a denormalizer, which cannot be applied to text written token by token");
        default:
            break;
        }
    }
    if (model.pieces.empty())
        fail(name, "it has no pieces");
    checkPieces(model, name);
    return model;
}

} // namespace mmfree
