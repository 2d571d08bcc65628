#include "engine/text/tokenizer_model.h"

#include "engine/core/error.h"
#include "engine/text/tokenizer.h"

#include <algorithm>
#include <cmath>
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

    // False at the end. Afterwards isNumber(), isBytes() and isFloat() tell which field was read, and as
    // what.
    bool next()
    {
        if (m_position == m_bytes.size())
            return false;
        const std::uint64_t tag = varint();
        m_field = tag >> 3;
        m_wireType = static_cast<unsigned>(tag & 7);
        m_number = 0;
        m_value = {};
        switch (m_wireType) {
        case kVarint:
            m_number = varint();
            break;
        case kFixed64:
            m_value = take(8);
            break;
        case kBytes:
            m_value = take(varint());
            break;
        case kFixed32:
            m_value = take(4);
            break;
        default:
            fail(m_name,
                 "wire type " + std::to_string(m_wireType) + " at byte " + std::to_string(m_position));
        }
        return true;
    }
    // The library ignores a known field of another wire type, and so must its reader here.
    [[nodiscard]] bool isNumber(std::uint64_t field) const
    {
        return m_field == field && m_wireType == kVarint;
    }
    [[nodiscard]] bool isBytes(std::uint64_t field) const { return m_field == field && m_wireType == kBytes; }
    [[nodiscard]] bool isFloat(std::uint64_t field) const
    {
        return m_field == field && m_wireType == kFixed32;
    }
    [[nodiscard]] std::uint64_t number() const { return m_number; }
    [[nodiscard]] std::string_view bytes() const { return m_value; }

private:
    static constexpr unsigned kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

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
    unsigned m_wireType = kVarint;
    std::string_view m_value;
};

TokenizerPiece readPiece(std::string_view bytes, std::size_t id, const std::string& name)
{
    TokenizerPiece piece;
    for (WireReader reader(bytes, name); reader.next();) {
        if (reader.isBytes(1)) {
            piece.text = reader.bytes();
        } else if (reader.isFloat(2)) {
            float score = 0.0f;
            std::memcpy(&score, reader.bytes().data(), sizeof score);
            if (!std::isfinite(score))
                fail(name, "the score of piece " + std::to_string(id) + " is not finite");
        } else if (reader.isNumber(3) && reader.number() >= 1 && reader.number() <= 6) {
            piece.type = static_cast<PieceType>(reader.number());
        }
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
        if (reader.isNumber(3))
            model.isBytePairEncoding = reader.number() == kBytePairEncoding;
        else if (reader.isNumber(24) && reader.number() != 0)
            fail(name, "treat_whitespace_as_suffix is true, needed: false");
        else if (reader.isNumber(35))
            model.byteFallback = reader.number() != 0;
        else if (reader.isBytes(44))
            model.unknownText = reader.bytes();
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
        if (reader.isBytes(2)) {
            model.rewritesCharacters = !reader.bytes().empty();
            if (model.rewritesCharacters)
                checkCharacterMap(reader.bytes(), name);
        } else if (reader.isNumber(3)) {
            model.addsSpaceAtStart = reader.number() != 0;
        } else if (reader.isNumber(4)) {
            model.collapsesSpaces = reader.number() != 0;
        } else if (reader.isNumber(5) && reader.number() == 0) {
            fail(name, "escape_whitespaces is false, needed: true");
        }
    }
}

void checkPieces(const TokenizerModel& model, const std::string& name)
{
    std::vector<std::string_view> symbols;
    for (const TokenizerPiece& piece : model.pieces) {
        const bool inTrie = piece.type == PieceType::UserDefined || !model.isBytePairEncoding;
        if (piece.type == PieceType::Byte && byteOfPiece(piece.text) < 0)
            fail(name, "byte piece \"" + piece.text + "\" is not spelled like <0x0A>");
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

int byteOfPiece(std::string_view piece)
{
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    if (piece.size() != 6 || !piece.starts_with("<0x") || piece.back() != '>')
        return -1;
    const std::size_t high = kDigits.find(piece[3]), low = kDigits.find(piece[4]);
    if (high == std::string_view::npos || low == std::string_view::npos)
        return -1;
    return static_cast<int>(high * 16 + low);
}

TokenizerModel readTokenizerModel(std::string_view modelBytes, const std::string& name)
{
    if (modelBytes.empty())
        fail(name, "it is empty");
    TokenizerModel model;
    for (WireReader reader(modelBytes, name); reader.next();) {
        if (reader.isBytes(1)) {
            if (model.pieces.size() == kMostPieces)
                fail(name, "more than 2^24 pieces");
            model.pieces.push_back(readPiece(reader.bytes(), model.pieces.size(), name));
        } else if (reader.isBytes(2)) {
            readTrainerSpec(reader.bytes(), name, model);
        } else if (reader.isBytes(3)) {
            readNormalizerSpec(reader.bytes(), name, model);
        } else if (reader.isBytes(5)) {
            fail(name, "it has a denormalizer, which cannot be applied to text written token by token");
        }
    }
    if (model.pieces.empty())
        fail(name, "it has no pieces");
    checkPieces(model, name);
    return model;
}

} // namespace mmfree
