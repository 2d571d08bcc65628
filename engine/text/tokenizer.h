// SentencePiece tokenizer: encode, decode, incremental decoding and training. Immutable after construction
// and safe to share between threads.
#pragma once

#include "engine/core/types.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mmfree
{

class Tokenizer
{
public:
    // `modelBytes`: a serialized SentencePiece model. Throws InvalidFile naming `name` when it is not one.
    explicit Tokenizer(std::string_view modelBytes, const std::string& name = "tokenizer.model");
    ~Tokenizer();
    Tokenizer(const Tokenizer&) = delete;
    Tokenizer& operator=(const Tokenizer&) = delete;

    [[nodiscard]] std::int64_t size() const;
    [[nodiscard]] TokenId bosId() const; // -1: none
    [[nodiscard]] TokenId eosId() const; // -1: none
    [[nodiscard]] TokenId unknownId() const;

    // Ids of `text`, no BOS/EOS added. Control and user-defined pieces written out in the text ("<s>",
    // "<user>") become their ids when `parseSpecial`, the longest at each place; otherwise they are text like
    // any other, so what a person types cannot act as markup. User-defined pieces of one character or only of
    // white space ("\n") are text and always used.
    //
    // Published tokenizers put a space before a text ("a" is read as " a"): this happens once, where the
    // first ordinary text starts, also when control pieces stand before it ("<s>a" is BOS and " a"), and
    // never behind other text or a user-defined piece, nor when `atTextStart` is false: then `text` continues
    // one that was encoded before. Tokenizers of trainTokenizer() never put a space.
    //
    // Throws InvalidText naming the byte offset of invalid UTF-8, or the size of a text over 256 MiB without
    // a place to cut it. Time: about proportional to the text.
    [[nodiscard]] std::vector<TokenId> encode(std::string_view text, bool parseSpecial = false,
                                              bool atTextStart = true) const;

    // Text of a sequence from its start, always valid UTF-8: a byte token that belongs to no complete
    // character becomes one U+FFFD. Control tokens give nothing unless `showSpecial`, and end a run of byte
    // tokens. Throws InvalidArgument for ids outside 0 .. size()-1, as do all functions below that take an
    // id.
    [[nodiscard]] std::string decode(std::span<const TokenId> tokens, bool showSpecial = false) const;

    [[nodiscard]] std::string piece(TokenId id) const; // as stored, e.g. "▁the", "<0x0A>"
    [[nodiscard]] bool isControl(TokenId id) const;
    [[nodiscard]] bool isUserDefined(TokenId id) const;
    [[nodiscard]] bool isByte(TokenId id) const;
    // Bytes this token adds in the middle of a text ("▁the" -> " the", "<0x0A>" -> "\n", control -> ""). The
    // view lives as long as the tokenizer.
    [[nodiscard]] std::string bytesOf(TokenId id) const { return std::string(bytesView(id)); }
    [[nodiscard]] std::string_view bytesView(TokenId id) const;
    // Id of the piece spelled `text` that encode(..., parseSpecial) would find, -1 when there is none.
    [[nodiscard]] TokenId specialId(std::string_view text) const;

    // What happens to a space that starts a decoded text: the counterpart of what encode() puts there.
    enum class StartSpace { Keep, DropOne, DropAll };
    [[nodiscard]] StartSpace startSpace() const;

    [[nodiscard]] const std::string& modelBytes() const; // what the constructor got

private:
    struct Implementation;
    std::unique_ptr<Implementation> m_implementation;
};

// Turns a stream of tokens into valid UTF-8 text: bytes of an unfinished character are held back until
// complete. The concatenation of all returned pieces plus flush() equals Tokenizer::decode for any sequence,
// when `atTextStart` (otherwise the text goes on behind other text and a space at its start stays). Borrows
// the tokenizer.
class IncrementalDecoder
{
public:
    explicit IncrementalDecoder(const Tokenizer& tokenizer, bool atTextStart = true,
                                bool showSpecial = false);
    [[nodiscard]] std::string push(TokenId token);
    [[nodiscard]] std::string flush(); // what was held back, each byte as one U+FFFD; then usable further

private:
    const Tokenizer* m_tokenizer;
    std::string m_pending; // start of a character, at most 3 bytes
    bool m_atStart;
    bool m_showSpecial;
};

struct TokenizerTrainingOptions {
    // All pieces: 4 fixed ones, 256 bytes with byteFallback, the user symbols, a space, the text's characters
    // (with byteFallback those that make up 99.95 % of it), and what is left for what is learned.
    std::int64_t vocabularySize = 4096;
    // Markup, e.g. "<user>", "<assistant>": user-defined pieces, kept whole where encode() is asked to parse
    // special pieces, and text like any other when decoded. No white space, control characters, U+2581,
    // U+2585.
    std::vector<std::string> userSymbols;
    bool byteFallback = true; // any text round-trips; false: characters the text has not are lost
    int threads = 2;          // 1 .. 128; changes nothing in the result but this number in it
};

// Trains SentencePiece BPE (ids 0 unk, 1 bos, 2 eos, 3 newline) on UTF-8 text; returns the serialized model.
// White space is kept as it is (no normalisation), so decode(encode(x)) == x. Digits stay single. The same
// text and options give the same bytes. Lines of any length are learned from. Throws InvalidText for empty or
// non-UTF-8 text, and InvalidArgument for a vocabulary the text cannot fill (naming the largest that works)
// or that cannot hold its characters (naming the smallest), and for bad symbols or threads.
[[nodiscard]] std::string trainTokenizer(std::string_view text, const TokenizerTrainingOptions& options);

// Returns the offset of the first invalid byte, or npos. Rejects overlong forms, surrogates and values >
// U+10FFFF.
[[nodiscard]] std::size_t findInvalidUtf8(std::string_view text);

} // namespace mmfree
