#include "engine/server/answer_writer.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mmfree::server
{

namespace
{

bool atTextStart(const Tokenizer& tokenizer, const std::vector<TokenId>& prompt)
{
    return std::all_of(prompt.begin(), prompt.end(), [&](TokenId id) { return tokenizer.isControl(id); });
}

} // namespace

std::size_t characterCount(std::string_view text)
{
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xC0u) != 0x80u;
    }));
}

TokenReport reportToken(std::span<const float> logits, TokenId id, int count)
{
    const double highest = *std::max_element(logits.begin(), logits.end());
    double sum = 0.0;
    for (const float logit : logits)
        sum += std::exp(static_cast<double>(logit) - highest);
    const double logSum = highest + std::log(sum);
    // JSON has no infinity; this is below every probability a double can hold.
    const auto logProbability = [&](TokenId token) {
        constexpr double kLowest = -9999.0;
        return std::max(static_cast<double>(logits[static_cast<std::size_t>(token)]) - logSum, kLowest);
    };
    TokenReport report;
    report.id = id;
    report.logProbability = logProbability(id);
    if (count <= 0)
        return report;
    std::vector<TokenId> order(logits.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = static_cast<TokenId>(i);
    const auto kept = std::min(order.size(), static_cast<std::size_t>(count));
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                      [&](TokenId a, TokenId b) {
                          const float logitA = logits[static_cast<std::size_t>(a)];
                          const float logitB = logits[static_cast<std::size_t>(b)];
                          return logitA > logitB || (logitA == logitB && a < b);
                      });
    for (std::size_t i = 0; i < kept; ++i)
        report.alternatives.emplace_back(order[i], logProbability(order[i]));
    return report;
}

AnswerWriter::AnswerWriter(const ApiRequest& request, const Start& start, const Tokenizer& tokenizer,
                           const ModelConfig& config, const std::vector<TokenId>& prompt)
    : m_request(request)
    , m_tokenizer(tokenizer)
    , m_sampler([&] {
        SamplingOptions options = request.sampling;
        options.seed = start.seed;
        return options;
    }())
    , m_stops(request.stopStrings)
    , m_decoder(tokenizer, atTextStart(tokenizer, prompt))
    , m_endIds{config.eosTokenId, tokenizer.eosId()}
    , m_maxTokens(start.room >= 0 ? std::min(start.room, request.maxTokens) : request.maxTokens)
    , m_penalises(request.presencePenalty != 0.0 || request.frequencyPenalty != 0.0)
    , m_producedCharacters(start.charactersBefore)
{
    for (const std::string& stop : request.stopStrings) {
        if (const TokenId id = tokenizer.specialId(stop); id >= 0 && tokenizer.isControl(id))
            m_endIds.push_back(id);
    }
    if (m_maxTokens < 1)
        m_finishReason = "length";
}

bool AnswerWriter::endsHere(TokenId id) const
{
    return std::find(m_endIds.begin(), m_endIds.end(), id) != m_endIds.end();
}

// Logits after the request's penalties and biases.
std::span<const float> AnswerWriter::adjusted(std::span<const float> logits)
{
    if (m_generated.empty() && m_request.logitBias.empty())
        return logits;
    m_adjusted.assign(logits.begin(), logits.end());
    for (const auto& [id, times] : m_generated) {
        m_adjusted[static_cast<std::size_t>(id)] -=
            static_cast<float>(m_request.presencePenalty + m_request.frequencyPenalty * times);
    }
    for (const auto& [id, bias] : m_request.logitBias)
        m_adjusted[static_cast<std::size_t>(id)] += bias;
    return m_adjusted;
}

TokenId AnswerWriter::draw(std::span<const float> logits, std::span<const TokenId> sequence)
{
    const TokenId id = m_sampler.sample(adjusted(logits), sequence).id;
    ++m_count;
    if (m_penalises)
        ++m_generated[id];

    if (endsHere(id)) {
        m_finishReason = "stop";
        m_endTokens = 1;
        show(m_stops.push(m_decoder.flush()), true);
        return id;
    }
    if (m_request.topLogprobs >= 0) {
        Pending pending{reportToken(logits, id, m_request.topLogprobs), m_producedBytes};
        pending.report.characterOffset = m_producedCharacters;
        m_pending.push_back(std::move(pending));
    }
    std::string produced = m_decoder.push(id);
    const bool last = m_count >= m_maxTokens;
    if (last)
        produced += m_decoder.flush();
    m_producedBytes += produced.size();
    m_producedCharacters += characterCount(produced);
    const std::string visible = m_stops.push(produced);
    if (m_stops.found()) {
        m_finishReason = "stop";
        // A whole token that is the stop string is left out; otherwise tokens hold more than the text.
        m_endTokens = 1;
        m_tokensSpellText = m_text.size() + visible.size() + produced.size() == m_producedBytes;
    } else if (last) {
        m_finishReason = "length";
    }
    show(visible, last);
    return id;
}

// Makes text visible, and the tokens that it begins in. `last`: nothing more will come, so what was held back
// as a possible start of a stop string is text.
void AnswerWriter::show(const std::string& visible, bool last)
{
    std::string text = visible;
    if (last && !m_stops.found())
        text += m_stops.flush();
    m_text += text;
    m_delta.text += text;
    const bool all = finished() && !m_stops.found();
    while (!m_pending.empty() && (all || m_pending.front().byteOffset < m_text.size())) {
        m_delta.tokens.push_back(std::move(m_pending.front().report));
        m_pending.pop_front();
    }
}

Delta AnswerWriter::takeDelta()
{
    return std::exchange(m_delta, {});
}

} // namespace mmfree::server
