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
    // "<user>") become their ids when `parseSpecial`. Invalid UTF-8 throws InvalidText naming the byte
    // offset.
    [[nodiscard]] std::vector<TokenId> encode(std::string_view text, bool parseSpecial = false) const;

    // Text of a sequence; control tokens give nothing unless `showSpecial`. Throws InvalidArgument for ids
    // outside 0 .. size()-1.
    [[nodiscard]] std::string decode(std::span<const TokenId> tokens, bool showSpecial = false) const;

    [[nodiscard]] std::string piece(TokenId id) const; // as stored, e.g. "▁the", "<0x0A>"
    [[nodiscard]] bool isControl(TokenId id) const;
    [[nodiscard]] bool isByte(TokenId id) const;
    // Bytes this token adds in the middle of a text ("▁the" -> " the", "<0x0A>" -> "\n", control -> "").
    [[nodiscard]] std::string bytesOf(TokenId id) const;

    [[nodiscard]] const std::string& modelBytes() const; // what the constructor got

private:
    struct Implementation;
    std::unique_ptr<Implementation> m_implementation;
};

// Turns a stream of tokens into valid UTF-8 text: bytes of an unfinished character are held back until
// complete. The concatenation of all returned pieces plus flush() equals Tokenizer::decode for valid
// sequences.
class IncrementalDecoder
{
public:
    explicit IncrementalDecoder(const Tokenizer& tokenizer, bool atTextStart = true);
    [[nodiscard]] std::string push(TokenId token);
    [[nodiscard]] std::string flush(); // what was held back, invalid bytes as U+FFFD

private:
    const Tokenizer* m_tokenizer;
    std::string m_pending;
    bool m_atStart;
};

struct TokenizerTrainingOptions {
    std::int64_t vocabularySize = 4096;
    std::vector<std::string> userSymbols; // e.g. "<user>", "<assistant>"; kept whole
    bool byteFallback = true;             // any text round-trips
    int threads = 2;
};

// Trains SentencePiece BPE (ids 0 unk, 1 bos, 2 eos) on UTF-8 text; returns the serialized model. Whitespace
// and newlines are kept as they are (no normalisation), so decode(encode(x)) == x. Throws InvalidText for
// empty or non-UTF-8 text and InvalidArgument for a vocabulary the text cannot fill (naming the possible
// maximum).
[[nodiscard]] std::string trainTokenizer(std::string_view text, const TokenizerTrainingOptions& options);

// Returns the offset of the first invalid byte, or npos. Rejects overlong forms, surrogates and values >
// U+10FFFF.
[[nodiscard]] std::size_t findInvalidUtf8(std::string_view text);

} // namespace mmfree
