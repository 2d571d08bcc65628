// UTF-8 by the byte: what stands at the front of a byte string. Shared by the text checks and by the decoders
// that turn byte tokens into characters. Knows nothing of tokens.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mmfree
{

enum class Utf8Status {
    Valid,      // `length` bytes form one character
    Invalid,    // the first byte starts no character, whatever follows; length 1
    Incomplete, // all bytes given are the start of a character; length is their number
};

struct Utf8Character {
    Utf8Status status = Utf8Status::Invalid;
    std::size_t length = 1;
};

// The character at the front of `bytes` (not empty). Overlong forms, surrogates and values above U+10FFFF are
// Invalid.
[[nodiscard]] Utf8Character firstUtf8Character(std::string_view bytes);

// Moves every complete character from the front of `pending` to the end of `text`; a byte that can start no
// character becomes one U+FFFD. What stays in `pending` is the start of a character (at most 3 bytes).
void moveCompleteUtf8(std::string& pending, std::string& text);

// As above, but nothing more will come: each byte left over becomes one U+FFFD and `pending` ends empty.
void moveAllUtf8(std::string& pending, std::string& text);

} // namespace mmfree
