// Who answers: a model, or a control that knows nothing of the word.
#include "engine/analysis/dictionary_evaluation.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace mmfree
{

namespace
{

constexpr std::int64_t kAnswerTokens = 48; // the longest taught answer has about 40

class ModelAnswers : public AnswerSource
{
public:
    ModelAnswers(std::shared_ptr<InferenceExecutor> executor, std::shared_ptr<const Tokenizer> tokenizer,
                 ChatTemplate chatTemplate)
        : m_session(std::move(executor), std::move(tokenizer))
        , m_template(std::move(chatTemplate))
    {
        m_options.sampling.temperature = 0.0;
        m_options.sampling.repetitionPenalty = 1.0;
        m_options.maxTokens = kAnswerTokens;
        m_options.stopStrings = m_template.stopStrings;
    }

    std::string answer(const std::vector<ChatTurn>& turns, const std::string&) override
    {
        m_session.reset();
        bool first = true;
        for (const ChatTurn& turn : turns) {
            m_session.appendText(renderTurn(m_template, turn, first), true);
            first = false;
        }
        if (const std::string start = renderAnswerStart(m_template); !start.empty())
            m_session.appendText(start, true);
        return m_session.generate(m_options).text;
    }

private:
    Session m_session;
    ChatTemplate m_template;
    GenerateOptions m_options;
};

std::size_t editDistance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

class NearestWordAnswers : public AnswerSource
{
public:
    explicit NearestWordAnswers(const FactTable& facts)
    {
        for (const auto& [word, entries] : facts.all()) {
            for (const Fact& fact : entries) {
                if (isPartOfSpeech(fact.relation)) {
                    m_glosses.emplace_back(word, fact);
                    break;
                }
            }
        }
    }

    std::string answer(const std::vector<ChatTurn>&, const std::string& word) override
    {
        const std::pair<std::string, Fact>* best = nullptr;
        std::size_t bestDistance = 0;
        for (const auto& entry : m_glosses) {
            if (entry.first == word)
                continue;
            const std::size_t distance = editDistance(entry.first, word);
            if (!best || distance < bestDistance) {
                best = &entry;
                bestDistance = distance;
            }
        }
        return best ? glossSentence(word, best->second) : std::string();
    }

private:
    std::vector<std::pair<std::string, Fact>> m_glosses;
};

class FrequentGlossAnswers : public AnswerSource
{
public:
    explicit FrequentGlossAnswers(const FactTable& facts)
    {
        std::map<std::pair<std::string, std::string>, std::int64_t> counts;
        std::int64_t most = 0;
        for (const auto& [word, entries] : facts.all()) {
            for (const Fact& fact : entries) {
                if (isPartOfSpeech(fact.relation) && ++counts[{fact.relation, fact.value}] > most) {
                    most = counts[{fact.relation, fact.value}];
                    m_fact = fact;
                }
            }
        }
    }

    std::string answer(const std::vector<ChatTurn>&, const std::string& word) override
    {
        return glossSentence(word, m_fact);
    }

private:
    Fact m_fact;
};

} // namespace

std::unique_ptr<AnswerSource> makeModelAnswers(std::shared_ptr<InferenceExecutor> executor,
                                               std::shared_ptr<const Tokenizer> tokenizer,
                                               const ChatTemplate& chatTemplate)
{
    return std::make_unique<ModelAnswers>(std::move(executor), std::move(tokenizer), chatTemplate);
}

std::unique_ptr<AnswerSource> makeNearestWordAnswers(const FactTable& facts)
{
    return std::make_unique<NearestWordAnswers>(facts);
}

std::unique_ptr<AnswerSource> makeFrequentGlossAnswers(const FactTable& facts)
{
    return std::make_unique<FrequentGlossAnswers>(facts);
}

} // namespace mmfree
