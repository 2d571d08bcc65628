#include "engine/analysis/multiple_choice.h"

#include "engine/analysis/question_workers.h"
#include "engine/core/error.h"
#include "engine/core/random.h"
#include "engine/session/session.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mmfree
{

namespace
{

constexpr std::uint64_t kSubsetStream = 0x5B5E7;

// Tokens of a context and of what follows it, cut as the harness cuts: spaces at the context's end belong to
// the continuation, and the continuation is what the whole text has behind the context's own tokens.
struct Encoded {
    std::vector<TokenId> context, continuation;
};

Encoded encodePair(const Tokenizer& tokenizer, std::string context, std::string continuation, bool bos)
{
    const std::size_t end = context.find_last_not_of(" \t\r\n");
    const std::size_t kept = end == std::string::npos ? 0 : end + 1;
    continuation = context.substr(kept) + continuation;
    context.resize(kept);
    Encoded encoded{tokenizer.encode(context), {}};
    const std::vector<TokenId> whole = tokenizer.encode(context + continuation);
    const std::size_t cut = std::min(encoded.context.size(), whole.size());
    encoded.continuation.assign(whole.begin() + static_cast<std::ptrdiff_t>(cut), whole.end());
    // Something must stand before the first scored token: BOS, or EOS where there is none.
    if (bos || encoded.context.empty()) {
        const TokenId first = tokenizer.bosId() >= 0 ? tokenizer.bosId() : tokenizer.eosId();
        if (first >= 0)
            encoded.context.insert(encoded.context.begin(), first);
    }
    if (encoded.context.empty())
        throw Error(
            ErrorCode::InvalidText,
            "a question has no context and the tokenizer neither BOS nor EOS to stand before the answer");
    return encoded;
}

// Reads contexts once and continuations from there. One sequence's memory for all questions of a worker.
class ChoiceScorer
{
public:
    explicit ChoiceScorer(InferenceExecutor& executor)
        : m_executor(executor)
        , m_state(executor.createState())
    {
    }

    // Sum of log probabilities of each choice, nats.
    std::vector<double> score(const Tokenizer& tokenizer, const ChoiceQuestion& question, bool bos)
    {
        std::vector<double> scores;
        for (std::size_t choice = 0; choice < question.size(); ++choice) {
            const std::string& context = question.contexts[question.contexts.size() == 1 ? 0 : choice];
            const std::string& continuation =
                question.continuations[question.continuations.size() == 1 ? 0 : choice];
            const Encoded encoded = encodePair(tokenizer, context, continuation, bos);
            if (encoded.continuation.empty()) {
                scores.push_back(0.0);
                continue;
            }
            readContext(encoded.context);
            scores.push_back(continuationLogProbability(encoded));
        }
        m_context.clear();
        return scores;
    }

    [[nodiscard]] std::int64_t tokens() const { return m_tokens; }

private:
    // All of the context but its last token, whose logits predict the first scored one.
    void readContext(const std::vector<TokenId>& context)
    {
        if (context == m_context) {
            m_executor.restore(m_afterContext, *m_state);
            return;
        }
        m_executor.reset(*m_state);
        if (context.size() > 1) {
            (void)m_executor.forward(
                {std::span(context).first(context.size() - 1), LogitsMode::None, nullptr}, *m_state);
            m_tokens += static_cast<std::int64_t>(context.size()) - 1;
        }
        m_afterContext = m_executor.snapshot(*m_state);
        m_context = context;
    }

    double continuationLogProbability(const Encoded& encoded)
    {
        const auto vocabulary = static_cast<std::size_t>(m_executor.config().vocabularySize);
        m_inputs.assign(1, encoded.context.back());
        m_inputs.insert(m_inputs.end(), encoded.continuation.begin(), encoded.continuation.end() - 1);
        const ForwardResult result = m_executor.forward({m_inputs, LogitsMode::All, nullptr}, *m_state);
        m_tokens += static_cast<std::int64_t>(m_inputs.size());
        double sum = 0.0;
        for (std::size_t i = 0; i < m_inputs.size(); ++i) {
            const double loss =
                tokenLossNats(result.logits.subspan(i * vocabulary, vocabulary), encoded.continuation[i]);
            if (!std::isfinite(loss))
                throw Error(ErrorCode::NumericFailure, "logits of a question contain NaN or infinity");
            sum -= loss;
        }
        return sum;
    }

    InferenceExecutor& m_executor;
    std::unique_ptr<InferenceState> m_state;
    StateSnapshot m_afterContext;
    std::vector<TokenId> m_context, m_inputs;
    std::int64_t m_tokens = 0;
};

struct Answered {
    bool asked = false, right = false, rightByLength = false;
};

} // namespace

std::vector<std::size_t> chosenSubset(std::size_t total, std::int64_t count, std::uint64_t seed)
{
    std::vector<std::size_t> indices(total);
    std::iota(indices.begin(), indices.end(), std::size_t{0});
    const auto wanted = static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
    if (wanted == 0 || wanted >= total)
        return indices;
    Random random(seed, kSubsetStream);
    for (std::size_t i = 0; i < wanted; ++i)
        std::swap(indices[i], indices[i + random.below(total - i)]);
    indices.resize(wanted);
    std::sort(indices.begin(), indices.end());
    return indices;
}

ChoiceResult evaluateChoices(const std::vector<std::shared_ptr<InferenceExecutor>>& executors,
                             const Tokenizer& tokenizer, const ChoiceTask& task, const ChoiceOptions& options,
                             std::stop_token stop, const std::function<void(double)>& progress)
{
    const std::vector<std::size_t> chosen = chosenSubset(task.questions.size(), options.subset, options.seed);
    std::vector<std::unique_ptr<ChoiceScorer>> scorers;
    for (const auto& executor : executors)
        scorers.push_back(std::make_unique<ChoiceScorer>(*executor));
    std::vector<Answered> answers(chosen.size());
    askAll(
        scorers.size(), chosen.size(), stop,
        [&](std::size_t worker, std::size_t index) {
            const ChoiceQuestion& question = task.questions[chosen[index]];
            std::vector<double> scores = scorers[worker]->score(tokenizer, question, options.bos);
            const auto best = [](const std::vector<double>& values) { // the first of equal ones
                return std::max_element(values.begin(), values.end()) - values.begin();
            };
            answers[index].asked = true;
            answers[index].right = best(scores) == question.correct;
            for (std::size_t i = 0; i < scores.size(); ++i)
                scores[i] /= question.lengths[i];
            answers[index].rightByLength = best(scores) == question.correct;
        },
        progress);
    std::int64_t asked = 0, right = 0, rightByLength = 0;
    for (const Answered& answer : answers) {
        asked += answer.asked;
        right += answer.right;
        rightByLength += answer.rightByLength;
    }
    const auto share = [asked](std::int64_t hits) {
        return shareEstimate(asked == 0 ? 0.0 : static_cast<double>(hits) / static_cast<double>(asked),
                             asked);
    };
    ChoiceResult result{share(right), {}, 0};
    if (task.format != TaskFormat::WinoGrande) // the harness reports none there
        result.accuracyByLength = share(rightByLength);
    for (const auto& scorer : scorers)
        result.tokens += scorer->tokens();
    return result;
}

} // namespace mmfree
