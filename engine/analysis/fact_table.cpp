#include "engine/analysis/fact_table.h"

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "engine/text/tokenizer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

namespace mmfree
{

namespace
{

constexpr std::uint64_t kLargestTable = std::uint64_t{256} << 20;
constexpr std::array<std::string_view, 10> kRelations = {"noun",    "verb",   "adjective",     "adverb",
                                                         "capital", "symbol", "atomic number", "opposite",
                                                         "synonym", "kind"};

// Words that questions are made of; a question of these alone refers to what was said before.
const std::set<std::string, std::less<>>& questionWords()
{
    static const std::set<std::string, std::less<>> words = {
        "a",        "again",  "an",     "and",    "another", "antonym", "can",  "definition", "for",
        "is",       "it",     "its",    "kind",   "mean",    "meaning", "more", "of",         "once",
        "opposite", "please", "repeat", "say",    "sorry",   "synonym", "that", "the",        "there",
        "thing",    "was",    "what",   "what's", "which",   "word",    "you"};
    return words;
}

std::string lowered(std::string_view text)
{
    std::string result(text);
    for (char& character : result) {
        if (character >= 'A' && character <= 'Z')
            character = static_cast<char>(character - 'A' + 'a');
    }
    return result;
}

std::string_view trimmed(std::string_view text)
{
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool isWordByte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '\'' || byte == '-' || (static_cast<unsigned char>(byte) & 0x80) != 0;
}

// Whether `phrase` stands in `text` with word boundaries around it, whatever the case.
bool mentions(const std::string& text, const std::string& phrase)
{
    for (std::size_t at = text.find(phrase); at != std::string::npos; at = text.find(phrase, at + 1)) {
        const std::size_t end = at + phrase.size();
        if ((at == 0 || !isWordByte(text[at - 1])) && (end == text.size() || !isWordByte(text[end])))
            return true;
    }
    return false;
}

// Whether a question names something beyond the words that questions are made of.
bool namesSomething(const std::string& question)
{
    std::string word;
    for (std::size_t i = 0; i <= question.size(); ++i) {
        if (i < question.size() && isWordByte(question[i])) {
            word += question[i];
            continue;
        }
        if (!word.empty() && !questionWords().contains(word))
            return true;
        word.clear();
    }
    return false;
}

struct Claim { // what an answer says
    std::string word, relation, value;
    enum class Form { Plain, Yes, No, Refusal } form = Form::Plain;
};

// "PREFIX word MIDDLE value." -> claim
std::optional<Claim> framed(std::string_view answer, std::string_view prefix, std::string_view middle,
                            std::string_view relation)
{
    if (!answer.starts_with(prefix) || !answer.ends_with('.'))
        return std::nullopt;
    const std::string_view inner = answer.substr(prefix.size(), answer.size() - prefix.size() - 1);
    const std::size_t at = inner.find(middle);
    if (at == std::string_view::npos || at == 0 || at + middle.size() >= inner.size())
        return std::nullopt;
    return Claim{lowered(inner.substr(0, at)), std::string(relation),
                 std::string(inner.substr(at + middle.size())), Claim::Form::Plain};
}

std::optional<Claim> readClaim(std::string_view answer)
{
    constexpr std::string_view kRefusal = "I do not know the word ";
    if (answer.starts_with(kRefusal)) {
        std::string_view word = answer.substr(kRefusal.size());
        if (word.ends_with('.'))
            word.remove_suffix(1);
        return Claim{lowered(word), "", "", Claim::Form::Refusal};
    }
    for (const std::string_view part : {"noun", "verb", "adjective", "adverb"}) {
        if (auto claim = framed(answer, "", " (" + std::string(part) + "): ", part))
            return claim;
    }
    for (const std::string_view relation : {"capital", "symbol", "atomic number", "opposite"}) {
        if (auto claim = framed(answer, "The " + std::string(relation) + " of ", " is ", relation))
            return claim;
    }
    if (auto claim = framed(answer, "A word close to ", " is ", "synonym"))
        return claim;
    for (const auto& [prefix, form] :
         {std::pair{"Yes, ", Claim::Form::Yes}, std::pair{"No, ", Claim::Form::No},
          std::pair{"", Claim::Form::Plain}}) {
        if (auto claim = framed(answer, prefix, " is a kind of ", "kind")) {
            claim->form = form;
            return claim;
        }
    }
    return std::nullopt;
}

} // namespace

bool isPartOfSpeech(std::string_view relation)
{
    return std::find(kRelations.begin(), kRelations.begin() + 4, relation) != kRelations.begin() + 4;
}

std::string glossSentence(std::string_view word, const Fact& fact)
{
    return std::string(word) + " (" + fact.relation + "): " + fact.value + ".";
}

FactTable::FactTable(std::string_view text, const std::string& name)
{
    const auto fail = [&](std::int64_t line, const std::string& problem) {
        throw Error(ErrorCode::InvalidFile, name + ", line " + std::to_string(line) + ": " + problem);
    };
    if (const std::size_t offset = findInvalidUtf8(text); offset != std::string_view::npos)
        throw Error(ErrorCode::InvalidFile, name + " is not UTF-8 at byte offset " + std::to_string(offset));
    std::int64_t line = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view row = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++line;
        if (row.ends_with('\r'))
            row.remove_suffix(1);
        if (row.empty())
            continue;
        const std::size_t first = row.find('\t');
        const std::size_t second = first == std::string_view::npos ? first : row.find('\t', first + 1);
        if (second == std::string_view::npos || row.find('\t', second + 1) != std::string_view::npos)
            fail(line, "has not 3 fields, needed: word, relation and value with a tab between");
        const std::string_view word = row.substr(0, first),
                               relation = row.substr(first + 1, second - first - 1),
                               value = row.substr(second + 1);
        if (word.empty() || value.empty())
            fail(line, "has an empty word or value");
        if (std::find(kRelations.begin(), kRelations.end(), relation) == kRelations.end())
            fail(line, "relation is \"" + std::string(relation) +
                           "\", needed: a part of speech or one of capital, "
                           "symbol, atomic number, opposite, synonym, kind");
        m_facts[lowered(word)].push_back({std::string(relation), std::string(value)});
        ++m_size;
    }
}

FactTable FactTable::open(const std::filesystem::path& file)
{
    return FactTable(readTextFile(file, kLargestTable), file.string());
}

bool FactTable::contains(std::string_view word) const
{
    return m_facts.contains(lowered(trimmed(word)));
}

std::vector<Fact> FactTable::lookup(std::string_view word) const
{
    const auto found = m_facts.find(lowered(trimmed(word)));
    return found == m_facts.end() ? std::vector<Fact>() : found->second;
}

std::vector<Fact> FactTable::glosses(std::string_view word) const
{
    std::vector<Fact> facts = lookup(word);
    std::erase_if(facts, [](const Fact& fact) { return !isPartOfSpeech(fact.relation); });
    return facts;
}

bool FactTable::holds(const std::string& word, const std::string& relation, const std::string& value) const
{
    const auto found = m_facts.find(word);
    return found != m_facts.end() && std::find(found->second.begin(), found->second.end(),
                                               Fact{relation, value}) != found->second.end();
}

FactVerdict FactTable::check(std::string_view question, std::string_view answer) const
{
    const std::optional<Claim> claim = readClaim(trimmed(answer));
    if (!claim)
        return FactVerdict::NotInList;
    const std::string asked = lowered(question);
    if (claim->form == Claim::Form::Refusal) {
        // Right for a word that was not taught, but the table cannot show that it is one.
        const bool taught = !glosses(claim->word).empty() && mentions(asked, claim->word);
        return taught ? FactVerdict::Differs : FactVerdict::NotInList;
    }
    if (!contains(claim->word))
        return FactVerdict::NotInList;
    const bool known = std::ranges::any_of(lookup(claim->word), [&](const Fact& fact) {
        return isPartOfSpeech(claim->relation) ? isPartOfSpeech(fact.relation)
                                               : fact.relation == claim->relation;
    });
    if (!known)
        return FactVerdict::NotInList;
    if (!mentions(asked, claim->word) && namesSomething(asked))
        return FactVerdict::Differs;
    if (!holds(claim->word, claim->relation, claim->value))
        return FactVerdict::Differs;
    if (claim->form != Claim::Form::Plain &&
        mentions(asked, "kind of " + lowered(claim->value)) != (claim->form == Claim::Form::Yes))
        return FactVerdict::Differs;
    return FactVerdict::Matches;
}

} // namespace mmfree
