// What the bundled model was taught, for checking its answers: used by `mmfree evaluate-dictionary` and by
// the chat page (a tick beside an answer). The table comes with the program: resources/demo/facts.tsv, made
// by resources/demo/pipeline. Knows no model. Immutable and safe to share between threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mmfree
{

struct Fact {
    // noun, verb, adjective, adverb: `value` is the word's gloss. capital, symbol, atomic number, opposite,
    // synonym, kind: `value` is that of `word`.
    std::string relation;
    std::string value;
    friend bool operator==(const Fact&, const Fact&) = default;
};

enum class FactVerdict {
    Matches,   // what the answer says stands in the table
    Differs,   // the table says something else, or the answer is about another word than the question
    NotInList, // the table says nothing about this: small talk, free text, words that were not taught
};

class FactTable
{
public:
    // Lines "word<TAB>relation<TAB>value", UTF-8. Throws InvalidFile naming `name`, the line and what is
    // wrong.
    FactTable(std::string_view text, const std::string& name);
    [[nodiscard]] static FactTable open(const std::filesystem::path& file); // also throws Io

    [[nodiscard]] std::int64_t size() const { return m_size; } // facts
    [[nodiscard]] bool contains(std::string_view word) const;  // case does not matter
    // Everything about a word, in the table's order; empty when there is nothing. Case does not matter.
    [[nodiscard]] std::vector<Fact> lookup(std::string_view word) const;
    [[nodiscard]] std::vector<Fact> glosses(std::string_view word) const; // those that say what a word means

    // Whether an answer agrees with the table. Answers are recognised by the sentences the model is taught:
    // "abandon (verb): forsake, leave behind.", "The capital of Peru is Lima.", "A word close to X is Y.",
    // "Yes, X is a kind of Y." and "I do not know the word X.".
    [[nodiscard]] FactVerdict check(std::string_view question, std::string_view answer) const;

    // All glosses with their words in alphabetical order, for controls.
    [[nodiscard]] const std::map<std::string, std::vector<Fact>, std::less<>>& all() const { return m_facts; }

private:
    [[nodiscard]] bool holds(const std::string& word, const std::string& relation,
                             const std::string& value) const;
    std::map<std::string, std::vector<Fact>, std::less<>> m_facts; // by lower-case word
    std::int64_t m_size = 0;
};

// "noun", "verb", "adjective" or "adverb".
[[nodiscard]] bool isPartOfSpeech(std::string_view relation);
// The sentence the model is taught for a gloss.
[[nodiscard]] std::string glossSentence(std::string_view word, const Fact& fact);

} // namespace mmfree
