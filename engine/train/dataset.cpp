#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "engine/core/random.h"
#include "engine/train/trainer.h"

#include <algorithm>

namespace mmfree
{

namespace
{

constexpr std::uint64_t kLargestTextFile = std::uint64_t{4} << 30;
constexpr std::uint64_t kBatchStream = 0xBA7C4; // random stream of the data order

// The split falls on a line end near the wanted place, so that no word is cut.
std::size_t splitPosition(std::string_view text, double validationShare)
{
    const auto wanted = static_cast<std::size_t>(static_cast<double>(text.size()) * (1.0 - validationShare));
    if (validationShare <= 0.0 || wanted >= text.size())
        return text.size();
    const std::size_t lineEnd = text.find('\n', wanted);
    if (lineEnd != std::string_view::npos && lineEnd + 1 < text.size())
        return lineEnd + 1;
    std::size_t position = wanted; // one long line: a character boundary
    while (position < text.size() && (static_cast<unsigned char>(text[position]) & 0xC0) == 0x80)
        ++position;
    return position;
}

void checkText(std::string_view text, const std::filesystem::path& file)
{
    if (text.empty())
        throw Error(ErrorCode::InvalidText, file.string() + " is empty, needed: UTF-8 text");
    const std::size_t zero = text.find('\0');
    if (zero != std::string_view::npos) {
        throw Error(ErrorCode::InvalidText, file.string() + " holds a zero byte at offset " +
                                                std::to_string(zero) +
                                                " (a binary file?), needed: UTF-8 text");
    }
    const std::size_t invalid = findInvalidUtf8(text);
    if (invalid != std::string_view::npos) {
        throw Error(ErrorCode::InvalidText, file.string() + " is not UTF-8 at byte offset " +
                                                std::to_string(invalid) + ", needed: UTF-8 text");
    }
}

// The token behind each one; -1 for the inside of questions.
std::vector<TokenId> nextTokens(const std::vector<TokenId>& tokens,
                                const std::optional<QuestionMarks>& questions)
{
    std::vector<TokenId> targets(tokens.begin() + (tokens.empty() ? 0 : 1), tokens.end());
    if (!questions)
        return targets;
    bool inside = !tokens.empty() && tokens.front() == questions->begin;
    for (TokenId& target : targets) {
        const TokenId token = target;
        if (inside)
            target = -1;
        if (token == questions->begin)
            inside = true;
        else if (token == questions->end)
            inside = false;
    }
    return targets;
}

} // namespace

TokenDataset::TokenDataset(std::vector<TokenId> training, std::vector<TokenId> validation,
                           std::optional<QuestionMarks> questions)
    : m_training(std::move(training))
    , m_validation(std::move(validation))
    , m_trainingTargets(nextTokens(m_training, questions))
    , m_validationTargets(nextTokens(m_validation, questions))
{
}

std::int64_t TokenDataset::trainingTokens() const
{
    return static_cast<std::int64_t>(m_training.size());
}
std::int64_t TokenDataset::validationTokens() const
{
    return static_cast<std::int64_t>(m_validation.size());
}

void TokenDataset::drawBatch(std::uint64_t seed, std::int64_t index, std::int64_t batch, std::int64_t length,
                             std::vector<TokenId>& inputs, std::vector<TokenId>& targets) const
{
    const std::int64_t starts = trainingTokens() - length;
    if (starts < 1) {
        throw Error(ErrorCode::InvalidText,
                    "the training text has " + std::to_string(trainingTokens()) +
                        " tokens, needed: at least --length + 1 = " + std::to_string(length + 1));
    }
    inputs.clear();
    targets.clear();
    Random random(seed, kBatchStream, static_cast<std::uint64_t>(index * batch));
    for (std::int64_t row = 0; row < batch; ++row) {
        const auto start = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(starts)));
        const auto input = m_training.begin() + start, target = m_trainingTargets.begin() + start;
        inputs.insert(inputs.end(), input, input + length);
        targets.insert(targets.end(), target, target + length);
    }
}

TextCorpus readTextCorpus(const std::vector<std::filesystem::path>& files, double validationShare)
{
    if (files.empty())
        throw Error(ErrorCode::InvalidArgument, "0 text files were given, needed: at least 1");
    TextCorpus corpus{.training = {}, .validation = {}, .files = files};
    for (const std::filesystem::path& file : files) {
        std::string text = readTextFile(file, kLargestTextFile);
        if (text.starts_with("\xEF\xBB\xBF"))
            text.erase(0, 3); // byte-order mark
        checkText(text, file);
        const std::size_t split = splitPosition(text, validationShare);
        corpus.training.append(text, 0, split);
        corpus.validation.append(text, split);
    }
    return corpus;
}

std::vector<TokenId> encodeTrainingText(const Tokenizer& tokenizer, const std::string& text,
                                        const std::string& name)
{
    std::vector<TokenId> tokens;
    if (text.empty())
        return tokens;
    const std::size_t invalid = findInvalidUtf8(text);
    if (invalid != std::string::npos) {
        throw Error(ErrorCode::InvalidText,
                    name + ": byte " + std::to_string(invalid) + " is not UTF-8, needed: UTF-8 text");
    }
    if (tokenizer.bosId() >= 0)
        tokens.push_back(tokenizer.bosId());
    const std::vector<TokenId> words = tokenizer.encode(text, true);
    tokens.insert(tokens.end(), words.begin(), words.end());
    return tokens;
}

} // namespace mmfree
