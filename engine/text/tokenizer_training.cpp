#include "engine/core/error.h"
#include "engine/text/tokenizer.h"
#include "engine/text/utf8.h"

#include <sentencepiece_trainer.h>

#include <algorithm>
#include <exception>
#include <set>
#include <unordered_map>

namespace mmfree
{

namespace
{

// The library stores positions inside a line in 16 bits and stops the process beyond; it also slows down with
// the square of a word's length. No piece is longer than 16 characters, so cutting loses next to nothing.
constexpr std::size_t kLineBytes = 4096;
constexpr int kMostThreads = 128; // the library's limit
constexpr std::int64_t kMostVocabulary = 1 << 24;
constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";    // U+2581: the library's spelling of a space
constexpr std::string_view kReservedSymbol = "\xE2\x96\x85"; // U+2585: lines with it would be left out

// Feeds the library a space, then the lines of a text, cut to kLineBytes and at reserved characters. The
// space makes sure that spaces have a piece: the library would spell them as the bytes of U+2581. Keeps a
// view of the text.
class LineIterator : public sentencepiece::SentenceIterator
{
public:
    explicit LineIterator(std::string_view text)
        : m_rest(text)
    {
        skipSeparators();
    }
    [[nodiscard]] bool nothingLeft() const { return m_rest.empty(); }
    bool done() const override { return m_done; }
    const std::string& value() const override { return m_line; }
    sentencepiece::util::Status status() const override { return {}; }
    void Next() override
    {
        m_done = m_rest.empty();
        std::size_t length = std::min(m_rest.find('\n'), m_rest.size());
        length = std::min(m_rest.substr(0, length).find(kReservedSymbol), length);
        if (length > kLineBytes) {
            length = kLineBytes;
            const std::size_t space = m_rest.substr(0, length).rfind(' ');
            if (space != std::string_view::npos && space > 0)
                length = space;
            while ((static_cast<unsigned char>(m_rest[length]) & 0xC0u) == 0x80u)
                --length;
        }
        m_line = m_rest.substr(0, length);
        m_rest.remove_prefix(length);
        skipSeparators();
    }

private:
    void skipSeparators()
    {
        for (;;) {
            m_rest.remove_prefix(std::min(m_rest.find_first_not_of('\n'), m_rest.size()));
            if (!m_rest.starts_with(kReservedSymbol))
                return;
            m_rest.remove_prefix(kReservedSymbol.size());
        }
    }

    std::string_view m_rest;
    std::string m_line = " ";
    bool m_done = false;
};

void checkUserSymbols(const TokenizerTrainingOptions& options)
{
    std::set<std::string> seen{"<unk>", "<s>", "</s>", "<pad>"};
    for (const std::string& symbol : options.userSymbols) {
        const auto reject = [&symbol](const std::string& problem) {
            throw Error(ErrorCode::InvalidArgument, "user symbol \"" + symbol + "\" " + problem);
        };
        if (symbol.empty())
            reject("is empty");
        if (findInvalidUtf8(symbol) != std::string_view::npos)
            throw Error(ErrorCode::InvalidArgument, "a user symbol is not UTF-8");
        if (symbol.size() > 256)
            reject("has " + std::to_string(symbol.size()) + " bytes, needed: at most 256");
        const bool hasControl = std::any_of(symbol.begin(), symbol.end(), [](char c) {
            return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
        });
        if (hasControl || symbol.find(kSpaceSymbol) != std::string::npos ||
            symbol.find(kReservedSymbol) != std::string::npos)
            reject("contains white space, a control character, U+2581 or U+2585");
        if (symbol.size() == 6 && symbol.starts_with("<0x") && symbol.back() == '>')
            reject("is the name of a byte");
        if (!seen.insert(symbol).second)
            reject("is there twice, or is one of <unk>, <s>, </s>, <pad>");
    }
}

// The library's notation for a list: fields in quotes, quotes doubled.
std::string symbolList(const std::vector<std::string>& symbols)
{
    std::string list = "\"\n\"";
    for (const std::string& symbol : symbols) {
        list += ",\"";
        for (const char c : symbol)
            list += c == '"' ? std::string("\"\"") : std::string(1, c);
        list += '"';
    }
    return list;
}

// The number behind `marker` in a message of the library, 0 when it is not there.
std::int64_t numberBehind(const std::string& message, const std::string& marker)
{
    const std::size_t at = message.find(marker);
    std::int64_t number = 0;
    for (std::size_t i = at + marker.size(); at != std::string::npos && i < message.size(); ++i) {
        if (message[i] < '0' || message[i] > '9')
            break;
        number = std::min<std::int64_t>(number * 10 + (message[i] - '0'), std::int64_t{1} << 40);
    }
    return number;
}

[[noreturn]] void failTraining(const std::string& message, std::int64_t vocabularySize)
{
    const std::string found = "vocabulary size is " + std::to_string(vocabularySize) + ", ";
    if (const std::int64_t most = numberBehind(message, "set it to a value <= "); most > 0)
        throw Error(ErrorCode::InvalidArgument,
                    found + "needed: at most " + std::to_string(most) + " for this text");
    const std::string vs = std::to_string(vocabularySize) + " vs ";
    if (const std::int64_t least = numberBehind(message, vs); least > 0)
        throw Error(ErrorCode::InvalidArgument,
                    found + "needed: at least " + std::to_string(least) + " for the characters of this text");
    throw Error(ErrorCode::InvalidText, "cannot train a tokenizer on this text: " + message);
}

void checkOptions(const TokenizerTrainingOptions& options)
{
    checkUserSymbols(options);
    // unknown, begin, end, newline, user symbols, bytes, space and at least one character
    const auto least =
        static_cast<std::int64_t>(4 + options.userSymbols.size() + (options.byteFallback ? 256 : 0) + 2);
    if (options.vocabularySize < least || options.vocabularySize > kMostVocabulary)
        throw Error(ErrorCode::InvalidArgument,
                    "vocabulary size is " + std::to_string(options.vocabularySize) +
                        ", needed: " + std::to_string(least) + " .. " + std::to_string(kMostVocabulary));
    if (options.threads < 1 || options.threads > kMostThreads)
        throw Error(ErrorCode::InvalidArgument, "threads is " + std::to_string(options.threads) +
                                                    ", needed: 1 .. " + std::to_string(kMostThreads));
}

} // namespace

std::string trainTokenizer(std::string_view text, const TokenizerTrainingOptions& options)
{
    checkOptions(options);
    if (const std::size_t offset = findInvalidUtf8(text); offset != std::string_view::npos)
        throw Error(ErrorCode::InvalidText,
                    "text is not UTF-8: invalid byte at offset " + std::to_string(offset));
    LineIterator lines(text);
    if (lines.nothingLeft())
        throw Error(ErrorCode::InvalidText, "text has no characters to learn from (" +
                                                std::to_string(text.size()) + " bytes, all newlines)");
    const std::unordered_map<std::string, std::string> arguments{
        {"model_type", "bpe"},
        {"vocab_size", std::to_string(options.vocabularySize)},
        {"user_defined_symbols", symbolList(options.userSymbols)},
        {"byte_fallback", options.byteFallback ? "true" : "false"},
        {"character_coverage", options.byteFallback ? "0.9995" : "1.0"}, // the rest goes by bytes
        {"required_chars", std::string(kSpaceSymbol)},
        {"split_digits", "true"},                 // numbers of any length by one rule
        {"allow_whitespace_only_pieces", "true"}, // indentation
        {"normalization_rule_name", "identity"},
        {"remove_extra_whitespaces", "false"},
        {"add_dummy_prefix", "false"},
        {"max_sentence_length", std::to_string(kLineBytes)},
        {"num_threads", std::to_string(options.threads)},
        {"minloglevel", "3"}, // the library writes to stderr otherwise; errors come back as a status
    };
    std::string model, problem;
    try {
        const auto status = sentencepiece::SentencePieceTrainer::Train(arguments, &lines, &model);
        if (status.ok())
            return model;
        problem = status.error_message();
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& exception) {
        problem = exception.what();
    }
    failTraining(problem, options.vocabularySize);
}

} // namespace mmfree
