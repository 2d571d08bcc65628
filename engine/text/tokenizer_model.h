// Reads what this program must know about a serialized SentencePiece model (a protocol buffer message) and
// refuses what would make the library stop the process or read outside its tables. Internal to engine/text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mmfree
{

enum class PieceType { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };

struct TokenizerPiece {
    std::string text; // UTF-8, U+2581 stands for a space
    PieceType type = PieceType::Normal;
};

struct TokenizerModel {
    std::vector<TokenizerPiece> pieces; // index = token id
    bool isBytePairEncoding = false;    // false: unigram, word or character model
    bool byteFallback = false;
    std::string unknownText = " \xE2\x81\x87 "; // what the unknown token decodes to
    bool addsSpaceAtStart = true;               // "dummy prefix": "a" is encoded as " a"
    bool collapsesSpaces = true;                // runs of spaces become one, spaces at both ends are dropped
    bool rewritesCharacters = false;            // has a character map (NFKC and the like)
    [[nodiscard]] bool keepsText() const
    {
        return !addsSpaceAtStart && !collapsesSpaces && !rewritesCharacters;
    }
};

// The byte a piece like "<0x0A>" stands for, -1 for other spellings.
[[nodiscard]] int byteOfPiece(std::string_view piece);

// Throws InvalidFile naming `name` and what is wrong.
[[nodiscard]] TokenizerModel readTokenizerModel(std::string_view modelBytes, const std::string& name);

} // namespace mmfree
