// Asks a model the frozen questions of the bundled dictionary and measures the answers (the plan's E1-E4 and
// E7; E5 is scoreTokens on the held-out books). Used by `mmfree evaluate-dictionary`. Knows models only
// through AnswerSource, so that controls (the nearest word, the most frequent gloss) are measured the same
// way.
#pragma once

#include "engine/analysis/fact_table.h"
#include "engine/analysis/intervals.h"
#include "engine/session/session.h"
#include "engine/text/chat_template.h"

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace mmfree
{

struct DictionaryQuestion {
    std::string set;                  // "gloss", "noisy", "unknown-real", "kind", ...
    std::string word;                 // what it is about; questions about one word are one observation
    std::string question;             // empty for "gloss": every phrasing is asked
    std::vector<std::string> history; // turns before it, the user's first
    std::string answer;
};

struct DictionaryQuestions {
    std::vector<std::string> unseenPhrasings, trainedPhrasings; // with {w} for the word
    std::vector<DictionaryQuestion> questions;
};

// resources/demo/questions.jsonl. Throws Io, or InvalidFile naming file, line and field.
[[nodiscard]] DictionaryQuestions readDictionaryQuestions(const std::filesystem::path& file);
[[nodiscard]] DictionaryQuestions parseDictionaryQuestions(std::string_view jsonLines,
                                                           const std::string& name);

// Something that answers the last of `turns`. `word` is what it is about; a model does not look at it.
class AnswerSource
{
public:
    virtual ~AnswerSource() = default;
    [[nodiscard]] virtual std::string answer(const std::vector<ChatTurn>& turns, const std::string& word) = 0;
};

// A model, decoding greedily, at most 48 tokens. `tokenizer` outlives it.
[[nodiscard]] std::unique_ptr<AnswerSource> makeModelAnswers(std::shared_ptr<InferenceExecutor> executor,
                                                             std::shared_ptr<const Tokenizer> tokenizer,
                                                             const ChatTemplate& chatTemplate);
// Controls that know nothing of the word asked for. Nearest: the gloss of the other taught word with the
// fewest changed letters. Frequent: the word asked for with the gloss that most words share.
[[nodiscard]] std::unique_ptr<AnswerSource> makeNearestWordAnswers(const FactTable& facts);
[[nodiscard]] std::unique_ptr<AnswerSource> makeFrequentGlossAnswers(const FactTable& facts);

// Shared words of two texts, words without case and punctuation: 2 x common / (both lengths).
[[nodiscard]] double tokenF1(std::string_view answer, std::string_view expected);
[[nodiscard]] bool isRefusal(std::string_view answer); // "I do not know the word ..."

struct DictionarySetResult {
    std::string name;  // the set; "gloss-unseen" and "gloss-trained" for the two kinds of phrasing
    Estimate exact;    // answers equal to the expected one
    Estimate f1;       // of the gloss alone for definitions, else of the answer
    Estimate refusals; // answers that say the word is unknown
    std::int64_t questions = 0;
};

struct DictionaryReport {
    std::vector<DictionarySetResult> sets;
    [[nodiscard]] const DictionarySetResult* find(std::string_view name) const; // null: not asked
    std::vector<std::string> wrongExamples; // some wrong answers, "question -> answer [expected]"
};

struct DictionaryOptions {
    std::int64_t subset = 0; // entries of each set (a gloss entry is asked in every phrasing); 0: all
    std::uint64_t seed = 1;
    std::vector<std::string> onlySets; // names of sets to ask; empty: all
    std::int64_t wrongExamples = 0;    // at most
};

// One worker for each source. The report does not depend on their number.
[[nodiscard]] DictionaryReport evaluateDictionary(const DictionaryQuestions& questions,
                                                  const std::vector<std::unique_ptr<AnswerSource>>& sources,
                                                  const DictionaryOptions& options, std::stop_token stop = {},
                                                  const std::function<void(double)>& progress = {});

} // namespace mmfree
