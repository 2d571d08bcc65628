#include "engine/analysis/logit_lens.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

namespace mmfree
{

namespace
{

constexpr double kBitLinearEps = 1e-6; // the fused path of the public code, see model.md

// RMSNorm of each row.
void rmsNorm(std::span<const float> rows, std::span<const float> weight, double eps, std::span<float> out)
{
    const std::size_t width = weight.size();
    for (std::size_t first = 0; first < rows.size(); first += width) {
        double squares = 0.0;
        for (std::size_t i = 0; i < width; ++i)
            squares += static_cast<double>(rows[first + i]) * rows[first + i];
        const double inverse = 1.0 / std::sqrt(squares / static_cast<double>(width) + eps);
        for (std::size_t i = 0; i < width; ++i)
            out[first + i] = static_cast<float>(rows[first + i] * inverse * weight[i]);
    }
}

} // namespace

std::vector<RankedToken> topTokens(std::span<const float> logits, std::size_t count)
{
    if (logits.empty())
        return {};
    std::vector<TokenId> ids(logits.size());
    std::iota(ids.begin(), ids.end(), 0);
    count = std::min(count, ids.size());
    const auto better = [&](TokenId a, TokenId b) {
        const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
        return x != y ? x > y : a < b;
    };
    std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count), ids.end(), better);
    const double greatest = logits[static_cast<std::size_t>(ids.front())];
    double sum = 0.0;
    for (const float logit : logits)
        sum += std::exp(logit - greatest);
    std::vector<RankedToken> result;
    for (std::size_t i = 0; i < count; ++i) {
        const float logit = logits[static_cast<std::size_t>(ids[i])];
        result.push_back({ids[i], logit, std::exp(logit - greatest) / sum});
    }
    return result;
}

double klDivergence(std::span<const float> from, std::span<const float> to)
{
    assert(from.size() == to.size());
    const auto logSum = [](std::span<const float> row) {
        const double greatest = *std::max_element(row.begin(), row.end());
        double sum = 0.0;
        for (const float logit : row)
            sum += std::exp(logit - greatest);
        return greatest + std::log(sum);
    };
    if (from.empty())
        return 0.0;
    const double fromSum = logSum(from), toSum = logSum(to);
    double kl = 0.0;
    for (std::size_t i = 0; i < from.size(); ++i) {
        const double logP = from[i] - fromSum;
        kl += std::exp(logP) * (logP - (to[i] - toSum));
    }
    return std::max(kl, 0.0);
}

LogitLens::LogitLens(std::shared_ptr<const ModelSource> source)
    : m_source(std::move(source))
    , m_norm(static_cast<std::size_t>(m_source->config().hiddenSize))
{
    const ModelConfig& config = m_source->config();
    m_source->floats("model.norm.weight", m_norm);
    if (config.isTernary()) {
        m_headNorm.resize(m_norm.size());
        m_source->floats("lm_head.norm.weight", m_headNorm);
        m_head = m_source->ternary("lm_head.weight");
    } else {
        m_denseHead = m_source->view(config.tieEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight");
    }
}

std::vector<float> LogitLens::logits(std::span<const float> rows, const std::stop_token& stop) const
{
    const auto width = static_cast<std::int64_t>(m_norm.size());
    const std::int64_t count = static_cast<std::int64_t>(rows.size()) / width;
    assert(count * width == static_cast<std::int64_t>(rows.size()));
    std::vector<float> normed(rows.size());
    rmsNorm(rows, m_norm, m_source->config().rmsNormEps, normed);
    std::vector<float> result(static_cast<std::size_t>(count * m_source->config().vocabularySize));
    if (m_source->config().isTernary())
        ternaryHead(normed, count, stop, result);
    else
        denseHead(normed, count, stop, result);
    return stop.stop_requested() ? std::vector<float>{} : result;
}

// BitLinear: int8 activations, ternary weights; the sums are exact in int32 (|q| <= 128, at most 2^24
// columns).
void LogitLens::ternaryHead(std::span<const float> normed, std::int64_t count, const std::stop_token& stop,
                            std::vector<float>& logits) const
{
    const auto width = static_cast<std::size_t>(m_head.cols);
    std::vector<float> inner(normed.size());
    rmsNorm(normed, m_headNorm, kBitLinearEps, inner);
    std::vector<std::int16_t> quantized(inner.size());
    std::vector<double> factors(static_cast<std::size_t>(count));
    for (std::size_t row = 0; row < static_cast<std::size_t>(count); ++row) {
        float greatest = 1e-5f;
        for (std::size_t i = 0; i < width; ++i)
            greatest = std::max(greatest, std::fabs(inner[row * width + i]));
        const float scale = 127.0f / greatest;
        for (std::size_t i = 0; i < width; ++i)
            quantized[row * width + i] = static_cast<std::int16_t>(
                std::clamp(std::round(inner[row * width + i] * scale), -128.0f, 127.0f));
        factors[row] = static_cast<double>(m_head.scale) / scale;
    }
    std::vector<std::int8_t> packed(width);
    std::vector<std::int16_t> weights(width);
    for (std::int64_t token = 0; token < m_head.rows; ++token) {
        if (token % 256 == 0 && stop.stop_requested())
            return;
        m_head.unpackRow(token, packed);
        std::copy(packed.begin(), packed.end(), weights.begin());
        for (std::size_t row = 0; row < static_cast<std::size_t>(count); ++row) {
            const std::int16_t* q = quantized.data() + row * width;
            std::int32_t sum = 0;
            for (std::size_t i = 0; i < width; ++i)
                sum += static_cast<std::int32_t>(q[i]) * weights[i];
            logits[row * static_cast<std::size_t>(m_head.rows) + static_cast<std::size_t>(token)] =
                static_cast<float>(sum * factors[row]);
        }
    }
}

void LogitLens::denseHead(std::span<const float> normed, std::int64_t count, const std::stop_token& stop,
                          std::vector<float>& logits) const
{
    const std::int64_t vocabulary = m_denseHead.shape[0], width = m_denseHead.shape[1];
    std::vector<float> weights(static_cast<std::size_t>(width));
    for (std::int64_t token = 0; token < vocabulary; ++token) {
        if (token % 256 == 0 && stop.stop_requested())
            return;
        copyToFloat(m_denseHead, token * width, weights);
        for (std::int64_t row = 0; row < count; ++row) {
            const float* x = normed.data() + row * width;
            float sum = 0.0f;
            for (std::int64_t i = 0; i < width; ++i)
                sum += x[i] * weights[static_cast<std::size_t>(i)];
            logits[static_cast<std::size_t>(row * vocabulary + token)] = sum;
        }
    }
}

} // namespace mmfree
