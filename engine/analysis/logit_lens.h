// What a model would say if it stopped after a layer: a layer's output through the final norm and the head.
// Loads the norm and the head once (the head stays packed); belongs to one thread.
#pragma once

#include "engine/model/model_source.h"

#include <memory>
#include <span>
#include <stop_token>
#include <vector>

namespace mmfree
{

struct RankedToken {
    TokenId id = 0;
    float logit = 0.0f;
    double probability = 0.0;
};

// The `count` most probable tokens of a row of logits, best first; equal logits in order of their ids.
[[nodiscard]] std::vector<RankedToken> topTokens(std::span<const float> logits, std::size_t count);

// KL(from || to) in nats of the softmax distributions of two rows of logits.
[[nodiscard]] double klDivergence(std::span<const float> from, std::span<const float> to);

class LogitLens
{
public:
    explicit LogitLens(std::shared_ptr<const ModelSource> source);

    // `rows` [count, hidden size] block outputs; returns [count, V] logits, as the model's own head gives
    // them. Empty when stopped.
    [[nodiscard]] std::vector<float> logits(std::span<const float> rows,
                                            const std::stop_token& stop = {}) const;

private:
    void ternaryHead(std::span<const float> normed, std::int64_t count, const std::stop_token& stop,
                     std::vector<float>& logits) const;
    void denseHead(std::span<const float> normed, std::int64_t count, const std::stop_token& stop,
                   std::vector<float>& logits) const;

    std::shared_ptr<const ModelSource> m_source; // owns what the head borrows
    std::vector<float> m_norm, m_headNorm;       // [d]
    TernaryTensor m_head;                        // ternary models
    TensorView m_denseHead;                      // others
};

} // namespace mmfree
