#include "engine/text/tokenizer.h"

#include "engine/core/error.h"
#include "engine/text/tokenizer_model.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <array>
#include <exception>

namespace mmfree
{

namespace
{

using sentencepiece::SentencePieceProcessor;

constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81"; // U+2581, how pieces spell a space
// The library keeps some 100 bytes a token and 24 a byte of text while it encodes: long texts go in parts of
// this size where they can be cut without changing the result.
constexpr std::size_t kPartBytes = std::size_t{1} << 16;
constexpr std::size_t kMostPartBytes = std::size_t{1} << 28;

// Appended to a serialized model this overrides one field: protocol buffers merge repeated messages.
// normalizer_spec (3) { add_dummy_prefix (3): false }
constexpr std::string_view kWithoutSpaceAtStart("\x1A\x02\x18\x00", 4);

std::unique_ptr<SentencePieceProcessor> loadProcessor(const std::string& bytes, const std::string& name)
{
    auto processor = std::make_unique<SentencePieceProcessor>();
    std::string problem;
    try {
        const auto status = processor->LoadFromSerializedProto(bytes);
        if (status.ok())
            return processor;
        problem = status.error_message();
    } catch (const std::exception& exception) { // the library's table builder throws
        problem = exception.what();
    }
    throw Error(ErrorCode::InvalidFile, name + ": not a usable SentencePiece model: " + problem);
}

std::string replaceSpaceSymbol(std::string_view piece)
{
    std::string text;
    for (std::size_t at = 0; at < piece.size();) {
        if (piece.substr(at).starts_with(kSpaceSymbol)) {
            text += ' ';
            at += kSpaceSymbol.size();
        } else {
            text += piece[at++];
        }
    }
    return text;
}

bool isOneCharacterOrWhiteSpace(std::string_view piece)
{
    const bool whiteSpace = replaceSpaceSymbol(piece).find_first_not_of(" \t\n\r") == std::string::npos;
    const auto isLead = [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; };
    return whiteSpace || std::count_if(piece.begin(), piece.end(), isLead) == 1;
}

struct SpecialPiece {
    std::string text;
    TokenId id = -1;
    friend auto operator<=>(const SpecialPiece&, const SpecialPiece&) = default;
};

// The longest of `pieces` (sorted) at the front of `text`; null: none.
const SpecialPiece* longestPrefix(const std::vector<SpecialPiece>& pieces, std::string_view text)
{
    const SpecialPiece* found = nullptr;
    auto begin = pieces.begin(), end = pieces.end(); // those that agree with `text` so far
    for (std::size_t depth = 0; depth < text.size() && begin != end; ++depth) {
        const auto byte = static_cast<unsigned char>(text[depth]);
        const auto byteOf = [depth](const SpecialPiece& piece) {
            return depth < piece.text.size() ? static_cast<int>(static_cast<unsigned char>(piece.text[depth]))
                                             : -1;
        };
        begin =
            std::partition_point(begin, end, [&](const SpecialPiece& piece) { return byteOf(piece) < byte; });
        end = std::partition_point(begin, end,
                                   [&](const SpecialPiece& piece) { return byteOf(piece) == byte; });
        if (begin != end && begin->text.size() == depth + 1)
            found = &*begin;
    }
    return found;
}

} // namespace

struct Tokenizer::Implementation {
    std::string name, bytes;
    TokenizerModel model;
    std::unique_ptr<SentencePieceProcessor> atStart;  // as the model says
    std::unique_ptr<SentencePieceProcessor> inMiddle; // never adds a space; null: atStart does not either
    std::vector<std::string> tokenBytes;              // [size]
    std::vector<SpecialPiece> markup;                 // sorted: user-defined pieces that look like markup
    std::vector<SpecialPiece> special;                // sorted: those and control pieces
    std::array<TokenId, 256> byteIds{};               // with byte fallback only
    bool cutsAtNewline = false, cutsAtSpace = false;  // no piece crosses there
    TokenId bos = -1, eos = -1, unknown = -1;

    void checkAgainstLibrary() const;
    void describePieces();
    [[nodiscard]] std::size_t partLength(std::string_view text) const;
    void encodePart(std::string_view text, bool first, std::vector<TokenId>& ids) const;
    void encodeText(std::string_view text, bool& first, std::vector<TokenId>& ids) const;
    void encodeLiteral(std::string_view text, bool& first, std::vector<TokenId>& ids) const;
    const TokenizerPiece& at(TokenId id) const;
};

// The file is read twice, by us and by the library: both must see the same pieces.
void Tokenizer::Implementation::checkAgainstLibrary() const
{
    bool same = atStart->GetPieceSize() == static_cast<int>(model.pieces.size());
    for (std::size_t i = 0; same && i < model.pieces.size(); ++i) {
        const TokenizerPiece& piece = model.pieces[i];
        const int id = static_cast<int>(i);
        same = atStart->IdToPiece(id) == piece.text &&
               atStart->IsControl(id) == (piece.type == PieceType::Control) &&
               atStart->IsByte(id) == (piece.type == PieceType::Byte) &&
               atStart->IsUnknown(id) == (piece.type == PieceType::Unknown);
    }
    if (!same)
        throw Error(ErrorCode::InvalidFile,
                    name + ": not a usable SentencePiece model: its pieces are ambiguous");
}

void Tokenizer::Implementation::describePieces()
{
    bool newlineInPiece = false, spaceInPiece = false;
    for (std::size_t i = 0; i < model.pieces.size(); ++i) {
        const TokenizerPiece& piece = model.pieces[i];
        const auto id = static_cast<TokenId>(i);
        std::string plain = replaceSpaceSymbol(piece.text);
        switch (piece.type) {
        case PieceType::Control:
            special.push_back({piece.text, id});
            plain.clear();
            break;
        case PieceType::Unknown:
            plain = model.unknownText;
            break;
        case PieceType::Byte: {
            const int value = byteOfPiece(piece.text); // checked when the model was read
            byteIds[static_cast<std::size_t>(value)] = id;
            plain.assign(1, static_cast<char>(value));
            break;
        }
        case PieceType::UserDefined:
            if (!isOneCharacterOrWhiteSpace(piece.text))
                markup.push_back({piece.text, id});
            [[fallthrough]];
        default: {
            newlineInPiece |= plain.size() > 1 && plain.find('\n') != std::string::npos;
            const std::size_t firstOther = std::min(plain.find_first_not_of(' '), plain.size());
            spaceInPiece |= plain.find(' ', firstOther) != std::string::npos;
        }
        }
        tokenBytes.push_back(std::move(plain));
    }
    special.insert(special.end(), markup.begin(), markup.end());
    std::sort(special.begin(), special.end());
    std::sort(markup.begin(), markup.end());
    // Unigram models weigh a text as a whole in single precision, so ties fall differently when it is cut.
    const bool cuts = model.isBytePairEncoding && !model.collapsesSpaces && !model.rewritesCharacters;
    cutsAtNewline = cuts && !newlineInPiece;
    cutsAtSpace = cuts && !spaceInPiece;
}

const TokenizerPiece& Tokenizer::Implementation::at(TokenId id) const
{
    if (id < 0 || static_cast<std::size_t>(id) >= model.pieces.size())
        throw Error(ErrorCode::InvalidArgument, "token id is " + std::to_string(id) + ", needed: 0 .. " +
                                                    std::to_string(model.pieces.size() - 1));
    return model.pieces[static_cast<std::size_t>(id)];
}

// How much of `text` to encode at once: all, or up to a place no piece crosses.
std::size_t Tokenizer::Implementation::partLength(std::string_view text) const
{
    for (std::size_t at = kPartBytes; at < text.size(); ++at) {
        if (cutsAtNewline && text[at - 1] == '\n')
            return at;
        if (cutsAtSpace && text[at] == ' ' && text[at - 1] != ' ' &&
            !text.substr(0, at).ends_with(kSpaceSymbol))
            return at;
    }
    if (text.size() > kMostPartBytes)
        throw Error(ErrorCode::InvalidText, "text has " + std::to_string(text.size()) +
                                                " bytes without a place to cut it, needed: at most " +
                                                std::to_string(kMostPartBytes));
    return text.size();
}

void Tokenizer::Implementation::encodePart(std::string_view text, bool first, std::vector<TokenId>& ids) const
{
    const SentencePieceProcessor& processor = first || !inMiddle ? *atStart : *inMiddle;
    std::vector<int> part;
    const auto status = processor.Encode(text, &part);
    if (!status.ok())
        throw Error(ErrorCode::InvalidText, name + ": cannot encode text: " + status.error_message());
    ids.insert(ids.end(), part.begin(), part.end());
}

// Ordinary text without markup. `first`: whether the space at the start is still to come.
void Tokenizer::Implementation::encodeText(std::string_view text, bool& first,
                                           std::vector<TokenId>& ids) const
{
    while (!text.empty()) {
        const std::size_t length = partLength(text);
        const std::string_view part = text.substr(0, length);
        // U+2581 in the text itself would come back as a space: where text is kept exactly, it goes by its
        // bytes.
        const bool exact = model.keepsText() && model.byteFallback;
        std::size_t done = 0;
        while (exact && done < part.size()) {
            const std::size_t symbol = part.find(kSpaceSymbol, done);
            if (symbol == std::string_view::npos)
                break;
            if (symbol > done)
                encodePart(part.substr(done, symbol - done), first, ids);
            for (const char byte : kSpaceSymbol)
                ids.push_back(byteIds[static_cast<unsigned char>(byte)]);
            done = symbol + kSpaceSymbol.size();
        }
        if (done < part.size())
            encodePart(part.substr(done), first, ids);
        first = false;
        text.remove_prefix(length);
    }
}

// Ordinary text in which user-defined markup may be spelled out: the library would turn it into its id, so
// the text is cut behind the first character of each.
void Tokenizer::Implementation::encodeLiteral(std::string_view text, bool& first,
                                              std::vector<TokenId>& ids) const
{
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (!longestPrefix(markup, text.substr(at)))
            continue;
        std::size_t cut = at + 1;
        while ((static_cast<unsigned char>(text[cut]) & 0xC0u) == 0x80u)
            ++cut;
        encodeText(text.substr(begin, cut - begin), first, ids);
        begin = cut;
    }
    encodeText(text.substr(begin), first, ids);
}

Tokenizer::Tokenizer(std::string_view modelBytes, const std::string& name)
    : m_implementation(std::make_unique<Implementation>())
{
    Implementation& own = *m_implementation;
    own.name = name;
    own.bytes = modelBytes;
    own.model = readTokenizerModel(modelBytes, name);
    own.atStart = loadProcessor(own.bytes, name);
    own.checkAgainstLibrary();
    if (own.model.addsSpaceAtStart)
        own.inMiddle = loadProcessor(own.bytes + std::string(kWithoutSpaceAtStart), name);
    own.bos = own.atStart->bos_id();
    own.eos = own.atStart->eos_id();
    own.unknown = own.atStart->unk_id();
    own.describePieces();
}

Tokenizer::~Tokenizer() = default;

std::int64_t Tokenizer::size() const
{
    return static_cast<std::int64_t>(m_implementation->model.pieces.size());
}
TokenId Tokenizer::bosId() const
{
    return m_implementation->bos;
}
TokenId Tokenizer::eosId() const
{
    return m_implementation->eos;
}
TokenId Tokenizer::unknownId() const
{
    return m_implementation->unknown;
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, bool parseSpecial, bool atTextStart) const
{
    const Implementation& own = *m_implementation;
    if (const std::size_t offset = findInvalidUtf8(text); offset != std::string_view::npos)
        throw Error(ErrorCode::InvalidText,
                    "text is not UTF-8: invalid byte at offset " + std::to_string(offset));
    std::vector<TokenId> ids;
    bool first = atTextStart;
    if (!parseSpecial) {
        own.encodeLiteral(text, first, ids);
        return ids;
    }
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
        const SpecialPiece* piece = longestPrefix(own.special, text.substr(at));
        if (!piece) {
            ++at;
            continue;
        }
        own.encodeText(text.substr(begin, at - begin), first, ids);
        ids.push_back(piece->id);
        first = first && isControl(piece->id);
        begin = at += piece->text.size();
    }
    own.encodeText(text.substr(begin), first, ids);
    return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> tokens, bool showSpecial) const
{
    IncrementalDecoder decoder(*this, true, showSpecial);
    std::string text;
    for (const TokenId token : tokens)
        text += decoder.push(token);
    return text + decoder.flush();
}

std::string Tokenizer::piece(TokenId id) const
{
    return m_implementation->at(id).text;
}
bool Tokenizer::isControl(TokenId id) const
{
    return m_implementation->at(id).type == PieceType::Control;
}
bool Tokenizer::isUserDefined(TokenId id) const
{
    return m_implementation->at(id).type == PieceType::UserDefined;
}
bool Tokenizer::isByte(TokenId id) const
{
    return m_implementation->at(id).type == PieceType::Byte;
}

std::string_view Tokenizer::bytesView(TokenId id) const
{
    (void)m_implementation->at(id);
    return m_implementation->tokenBytes[static_cast<std::size_t>(id)];
}

TokenId Tokenizer::specialId(std::string_view text) const
{
    const SpecialPiece* piece = longestPrefix(m_implementation->special, text);
    return piece && piece->text == text ? piece->id : -1;
}

Tokenizer::StartSpace Tokenizer::startSpace() const
{
    const TokenizerModel& model = m_implementation->model;
    if (model.collapsesSpaces)
        return StartSpace::DropAll;
    return model.addsSpaceAtStart ? StartSpace::DropOne : StartSpace::Keep;
}

const std::string& Tokenizer::modelBytes() const
{
    return m_implementation->bytes;
}

} // namespace mmfree
