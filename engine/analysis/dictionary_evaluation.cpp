#include "engine/analysis/dictionary_evaluation.h"

#include "engine/analysis/multiple_choice.h"
#include "engine/analysis/question_workers.h"
#include "engine/core/atomic_file.h"
#include "engine/core/error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace mmfree
{

namespace
{

using nlohmann::json;
constexpr std::uint64_t kLargestQuestions = std::uint64_t{256} << 20;

std::string textField(const json& object, const char* field, const std::string& where, bool required)
{
    const auto found = object.find(field);
    if (found == object.end() && !required)
        return {};
    if (found == object.end() || !found->is_string())
        throw Error(ErrorCode::InvalidFile, where + ": \"" + field + "\" is " +
                                                (found == object.end() ? "missing" : found->type_name()) +
                                                ", needed: string");
    return found->get<std::string>();
}

std::vector<std::string> textList(const json& object, const char* field, const std::string& where)
{
    std::vector<std::string> texts;
    const auto found = object.find(field);
    if (found == object.end())
        return texts;
    if (!found->is_array() ||
        !std::ranges::all_of(*found, [](const json& value) { return value.is_string(); }))
        throw Error(ErrorCode::InvalidFile, where + ": \"" + field + "\" is not a list of strings");
    for (const json& value : *found)
        texts.push_back(value.get<std::string>());
    return texts;
}

std::string filled(std::string phrasing, const std::string& word)
{
    for (std::size_t at = phrasing.find("{w}"); at != std::string::npos;
         at = phrasing.find("{w}", at + word.size()))
        phrasing.replace(at, 3, word);
    return phrasing;
}

std::vector<std::string> wordsOf(std::string_view text)
{
    std::vector<std::string> words(1);
    for (const char byte : text) {
        const bool letter = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
                            (static_cast<unsigned char>(byte) & 0x80) != 0;
        if (letter)
            words.back() += byte;
        else if (byte >= 'A' && byte <= 'Z')
            words.back() += static_cast<char>(byte - 'A' + 'a');
        else if (!words.back().empty() && byte != '\'')
            words.emplace_back();
    }
    if (words.back().empty())
        words.pop_back();
    return words;
}

// A definition without its headword, so that repeating the question earns nothing.
std::string_view glossPart(std::string_view answer)
{
    const std::size_t colon = answer.find("): ");
    return colon == std::string_view::npos ? answer : answer.substr(colon + 3);
}

std::string_view trimmed(std::string_view text)
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\n'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\n'))
        text.remove_suffix(1);
    return text;
}

// One thing to ask, and what came of it.
struct Ask {
    std::string set;
    const DictionaryQuestion* question = nullptr;
    std::string text;
    bool asked = false, exact = false, refusal = false;
    double f1 = 0.0;
    std::string answer;
};

std::vector<Ask> plannedAsks(const DictionaryQuestions& questions, const DictionaryOptions& options)
{
    std::map<std::string, std::vector<const DictionaryQuestion*>> bySet;
    for (const DictionaryQuestion& question : questions.questions) {
        if (options.onlySets.empty() ||
            std::ranges::find(options.onlySets, question.set) != options.onlySets.end())
            bySet[question.set].push_back(&question);
    }
    std::vector<Ask> asks;
    for (const auto& [set, entries] : bySet) {
        for (const std::size_t index : chosenSubset(entries.size(), options.subset, options.seed)) {
            const DictionaryQuestion* question = entries[index];
            if (!question->question.empty()) {
                asks.push_back({set, question, question->question, false, false, false, 0.0, {}});
                continue;
            }
            for (const std::string& phrasing : questions.unseenPhrasings)
                asks.push_back({set + "-unseen",
                                question,
                                filled(phrasing, question->word),
                                false,
                                false,
                                false,
                                0.0,
                                {}});
            for (const std::string& phrasing : questions.trainedPhrasings)
                asks.push_back({set + "-trained",
                                question,
                                filled(phrasing, question->word),
                                false,
                                false,
                                false,
                                0.0,
                                {}});
        }
    }
    return asks;
}

void ask(Ask& item, AnswerSource& source)
{
    std::vector<ChatTurn> turns;
    for (std::size_t i = 0; i < item.question->history.size(); ++i)
        turns.push_back({i % 2 == 0 ? ChatRole::User : ChatRole::Assistant, item.question->history[i]});
    turns.push_back({ChatRole::User, item.text});
    item.answer = trimmed(source.answer(turns, item.question->word));
    item.exact = item.answer == item.question->answer;
    item.refusal = isRefusal(item.answer);
    item.f1 = tokenF1(glossPart(item.answer), glossPart(item.question->answer));
    item.asked = true;
}

// Questions about one word count as one observation: the mean of their values.
class SetCounter
{
public:
    void add(const Ask& item)
    {
        Observation& observation = m_words[item.question->word];
        observation.questions += 1.0;
        observation.exact += item.exact;
        observation.refusals += item.refusal;
        observation.f1 += item.f1;
        ++m_questions;
    }

    [[nodiscard]] DictionarySetResult result(const std::string& name) const
    {
        DictionarySetResult result;
        result.name = name;
        result.questions = m_questions;
        const auto count = static_cast<std::int64_t>(m_words.size());
        double exact = 0.0, refusals = 0.0;
        std::vector<double> f1;
        for (const auto& [word, observation] : m_words) {
            exact += observation.exact / observation.questions;
            refusals += observation.refusals / observation.questions;
            f1.push_back(observation.f1 / observation.questions);
        }
        result.exact = shareEstimate(exact / static_cast<double>(count), count);
        result.refusals = shareEstimate(refusals / static_cast<double>(count), count);
        result.f1 = meanEstimate(f1);
        return result;
    }

private:
    struct Observation {
        double questions = 0.0, exact = 0.0, refusals = 0.0, f1 = 0.0;
    };
    std::map<std::string, Observation> m_words;
    std::int64_t m_questions = 0;
};

} // namespace

DictionaryQuestions parseDictionaryQuestions(std::string_view jsonLines, const std::string& name)
{
    DictionaryQuestions result;
    std::int64_t number = 0;
    while (!jsonLines.empty()) {
        const std::size_t end = std::min(jsonLines.find('\n'), jsonLines.size());
        const std::string_view line = trimmed(jsonLines.substr(0, end));
        jsonLines.remove_prefix(std::min(end + 1, jsonLines.size()));
        const std::string where = name + ", line " + std::to_string(++number);
        if (line.empty())
            continue;
        const json object = json::parse(line, nullptr, false);
        if (!object.is_object())
            throw Error(ErrorCode::InvalidFile, where + " is not a JSON object");
        if (object.contains("format")) {
            result.unseenPhrasings = textList(object, "unseen", where);
            result.trainedPhrasings = textList(object, "trained", where);
            continue;
        }
        result.questions.push_back({.set = textField(object, "set", where, true),
                                    .word = textField(object, "word", where, true),
                                    .question = textField(object, "question", where, false),
                                    .history = textList(object, "history", where),
                                    .answer = textField(object, "answer", where, true)});
        const bool needsPhrasings = result.questions.back().question.empty();
        if (needsPhrasings && (result.unseenPhrasings.empty() || result.trainedPhrasings.empty()))
            throw Error(ErrorCode::InvalidFile,
                        where + " has no question and the file no phrasings before it");
    }
    if (result.questions.empty())
        throw Error(ErrorCode::InvalidFile, name + " holds no question");
    return result;
}

DictionaryQuestions readDictionaryQuestions(const std::filesystem::path& file)
{
    return parseDictionaryQuestions(readTextFile(file, kLargestQuestions), file.string());
}

double tokenF1(std::string_view answer, std::string_view expected)
{
    std::vector<std::string> given = wordsOf(answer), wanted = wordsOf(expected), common;
    if (given.empty() && wanted.empty())
        return 1.0;
    std::ranges::sort(given);
    std::ranges::sort(wanted);
    std::ranges::set_intersection(given, wanted, std::back_inserter(common));
    return 2.0 * static_cast<double>(common.size()) / static_cast<double>(given.size() + wanted.size());
}

bool isRefusal(std::string_view answer)
{
    return answer.starts_with("I do not know the word");
}

const DictionarySetResult* DictionaryReport::find(std::string_view name) const
{
    const auto found = std::ranges::find(sets, name, &DictionarySetResult::name);
    return found == sets.end() ? nullptr : &*found;
}

DictionaryReport evaluateDictionary(const DictionaryQuestions& questions,
                                    const std::vector<std::unique_ptr<AnswerSource>>& sources,
                                    const DictionaryOptions& options, std::stop_token stop,
                                    const std::function<void(double)>& progress)
{
    std::vector<Ask> asks = plannedAsks(questions, options);
    askAll(
        sources.size(), asks.size(), stop,
        [&](std::size_t worker, std::size_t index) { ask(asks[index], *sources[worker]); }, progress);
    std::vector<std::string> order;
    std::map<std::string, SetCounter> counters;
    DictionaryReport report;
    for (const Ask& item : asks) {
        if (!item.asked)
            continue;
        if (!counters.contains(item.set))
            order.push_back(item.set);
        counters[item.set].add(item);
        if (!item.exact && static_cast<std::int64_t>(report.wrongExamples.size()) < options.wrongExamples)
            report.wrongExamples.push_back(item.set + ": " + item.text + " -> " + item.answer + "  [" +
                                           item.question->answer + "]");
    }
    std::ranges::sort(order);
    for (const std::string& set : order)
        report.sets.push_back(counters[set].result(set));
    return report;
}

} // namespace mmfree
