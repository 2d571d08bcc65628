#include "app/cli/token_input.h"

#include "engine/core/error.h"
#include "engine/model/safetensors.h"
#include "engine/text/tokenizer.h"

#include <charconv>
#include <cstring>
#include <limits>

namespace mmfree::cli
{

std::vector<TokenId> parseIds(const std::string& text)
{
    std::vector<TokenId> ids;
    std::size_t begin = 0;
    while (begin <= text.size()) {
        const std::size_t comma = std::min(text.find(',', begin), text.size());
        std::string word = text.substr(begin, comma - begin);
        const std::size_t first = word.find_first_not_of(" \t\n");
        const std::size_t last = word.find_last_not_of(" \t\n");
        word = first == std::string::npos ? "" : word.substr(first, last - first + 1);
        TokenId id = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
        if (word.empty() || error != std::errc{} || end != word.data() + word.size()) {
            throw Error(ErrorCode::InvalidArgument, "--ids: entry " + std::to_string(ids.size() + 1) +
                                                        " is \"" + word +
                                                        "\", needed: token ids separated by commas");
        }
        ids.push_back(id);
        begin = comma + 1;
    }
    return ids;
}

std::vector<TokenId> encodeAfterBos(const Tokenizer& tokenizer, const std::string& text,
                                    const std::string& name, bool parseSpecial)
{
    const std::size_t invalid = findInvalidUtf8(text);
    if (invalid != std::string::npos) {
        throw Error(ErrorCode::InvalidText,
                    name + ": byte " + std::to_string(invalid) + " is not UTF-8, needed: UTF-8 text");
    }
    std::vector<TokenId> tokens;
    if (tokenizer.bosId() >= 0)
        tokens.push_back(tokenizer.bosId());
    const std::vector<TokenId> words = tokenizer.encode(text, parseSpecial);
    tokens.insert(tokens.end(), words.begin(), words.end());
    return tokens;
}

CLI::Validator notEmpty()
{
    return CLI::Validator([](const std::string& value) { return value.empty() ? "the value is empty" : ""; },
                          "");
}

TokenRows readTokenFile(const std::filesystem::path& file)
{
    const SafetensorsFile tensors(file);
    const TensorView& view = tensors.require("input_ids");
    const std::string name = file.string() + ": input_ids";
    if (view.dtype != DType::I32 && view.dtype != DType::I64) {
        throw Error(ErrorCode::InvalidFile,
                    name + " has dtype " + std::string(dtypeName(view.dtype)) + ", needed: I32 or I64");
    }
    if (view.shape.size() != 2 || elementCount(view.shape) == 0) {
        throw Error(ErrorCode::InvalidFile, name + " has shape " + shapeText(view.shape) +
                                                ", needed: [batch, length], both at least 1");
    }
    TokenRows rows{view.shape[0], view.shape[1], {}};
    const auto count = static_cast<std::size_t>(rows.batch * rows.length);
    rows.ids.resize(count);
    if (view.dtype == DType::I32) {
        std::memcpy(rows.ids.data(), view.bytes.data(), count * sizeof(TokenId));
        return rows;
    }
    for (std::size_t i = 0; i < count; ++i) {
        std::int64_t wide = 0;
        std::memcpy(&wide, view.bytes.data() + i * sizeof wide, sizeof wide);
        if (wide < 0 || wide > std::numeric_limits<TokenId>::max()) {
            throw Error(ErrorCode::InvalidFile, name + " holds " + std::to_string(wide) + " at element " +
                                                    std::to_string(i) + ", needed: token ids");
        }
        rows.ids[i] = static_cast<TokenId>(wide);
    }
    return rows;
}

void checkIds(const std::vector<TokenId>& ids, std::int64_t vocabularySize, const std::string& name)
{
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (ids[i] < 0 || ids[i] >= vocabularySize) {
            throw Error(ErrorCode::InvalidArgument, name + ": token " + std::to_string(i) + " is " +
                                                        std::to_string(ids[i]) + ", needed: 0 to " +
                                                        std::to_string(vocabularySize - 1));
        }
    }
}

} // namespace mmfree::cli
