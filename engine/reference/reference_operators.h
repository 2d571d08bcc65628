// Scalar operators on one thread, written for clarity and kept for good: the oracle every other backend is
// tested against. Sums run in double, so results are as close to exact arithmetic as f32 storage allows.
// Declarations and contracts: engine/network/operators.h.
#pragma once

#include "engine/core/types.h"
#include "engine/model/ternary_tensor.h"
#include "engine/network/operators.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace mmfree::reference
{

struct TernaryMatrix {
    std::int64_t rowCount = 0, colCount = 0;
    float scale = 0.0f;
    std::vector<std::int8_t> weights; // [rows, cols], -1, 0 or +1
    [[nodiscard]] std::int64_t rows() const { return rowCount; }
    [[nodiscard]] std::int64_t cols() const { return colCount; }
    [[nodiscard]] std::size_t bytes() const { return weights.size(); }
};

// f32 [rows, cols], owned or borrowed from parameters.
struct DenseMatrix {
    std::int64_t rowCount = 0, colCount = 0;
    std::vector<float> owned;
    const float* borrowed = nullptr;
    [[nodiscard]] const float* data() const { return borrowed ? borrowed : owned.data(); }
    [[nodiscard]] std::int64_t rows() const { return rowCount; }
    [[nodiscard]] std::int64_t cols() const { return colCount; }
    [[nodiscard]] std::size_t bytes() const { return owned.size() * sizeof(float); }
};

struct Quantized {
    std::vector<std::int8_t> values; // [T, width]
    std::vector<float> scales;       // [T], s: real value = q / s
};

class ReferenceOperators
{
public:
    using Floats = std::vector<float>;
    using Tokens = std::vector<TokenId>;
    using TernaryMatrix = reference::TernaryMatrix;
    using DenseMatrix = reference::DenseMatrix;
    using Quantized = reference::Quantized;

    // Memory
    [[nodiscard]] Floats allocate(std::size_t count) const { return Floats(count, 0.0f); }
    [[nodiscard]] Floats upload(std::span<const float> host) const { return {host.begin(), host.end()}; }
    void copyIn(std::span<const float> host, float* target) const
    {
        std::copy(host.begin(), host.end(), target);
    }
    void copyOut(const float* source, std::span<float> host) const
    {
        std::copy_n(source, host.size(), host.begin());
    }
    void copy(const float* source, float* target, std::size_t count) const
    {
        std::copy_n(source, count, target);
    }
    void setZero(float* target, std::size_t count) const { std::fill_n(target, count, 0.0f); }
    [[nodiscard]] Tokens uploadTokens(std::span<const TokenId> ids) const { return {ids.begin(), ids.end()}; }

    // Weights
    [[nodiscard]] TernaryMatrix makeTernary(const TernaryTensor& tensor) const;
    [[nodiscard]] DenseMatrix makeDense(const TensorView& view) const;
    [[nodiscard]] Quantized makeQuantized(std::int64_t tokens, std::int64_t width) const;
    [[nodiscard]] TernaryMatrix quantizeLatent(const float* latent, std::int64_t rows,
                                               std::int64_t cols) const;
    [[nodiscard]] DenseMatrix borrowDense(const float* values, std::int64_t rows, std::int64_t cols) const;

    // Forward
    void embed(const TokenId* tokens, std::int64_t count, const DenseMatrix& table, float* out) const;
    void rmsNorm(const float* x, const float* weight, float eps, std::int64_t count, std::int64_t width,
                 float* out) const;
    void rmsNormQuantize(const float* x, const float* weight, float eps, std::int64_t count,
                         std::int64_t width, Quantized& out) const;
    void ternaryLinear(const Quantized& x, std::int64_t count, const TernaryMatrix& weight, float* out) const;
    void ternaryLinearAdd(const Quantized& x, std::int64_t count, const TernaryMatrix& weight,
                          float* out) const;
    void gatesAndScan(const float* forgetPre, const float* candidatePre, const float* lowerBound,
                      std::int64_t batch, std::int64_t length, std::int64_t width, float* state,
                      float* hidden, float* forget, float* candidate) const;
    void normAndGate(const float* g, const float* weight, float eps, const float* hidden, std::int64_t count,
                     std::int64_t width, float* out) const;
    void swiGlu(const float* gate, const float* up, std::int64_t stride, std::int64_t count,
                std::int64_t width, float* out) const;
    void readQuantized(const Quantized& x, std::int64_t count, std::int64_t width, float* out) const;
    void linear(const float* x, std::int64_t count, const DenseMatrix& weight, float* out) const;
    void linearAdd(const float* x, std::int64_t count, const DenseMatrix& weight, float* out) const;
    void rotary(float* x, std::int64_t batch, std::int64_t length, std::int64_t first, std::int64_t heads,
                std::int64_t headSize, float theta) const;
    void attention(const float* queries, const float* keys, const float* values, std::int64_t length,
                   std::int64_t first, const AttentionShape& shape, float* out, float* weights) const;

    // Backward
    void ternaryLinearBackwardInput(const float* dOut, std::int64_t count, const TernaryMatrix& weight,
                                    float* dY) const;
    void ternaryLinearBackwardWeight(const float* dOut, const Quantized& x, std::int64_t count,
                                     std::int64_t rows, std::int64_t cols, float* dWeight) const;
    void linearBackwardInput(const float* dOut, std::int64_t count, const DenseMatrix& weight,
                             float* dX) const;
    void linearBackwardInputAdd(const float* dOut, std::int64_t count, const DenseMatrix& weight,
                                float* dX) const;
    void linearBackwardWeight(const float* dOut, const float* x, std::int64_t count, std::int64_t rows,
                              std::int64_t cols, float* dWeight) const;
    void rmsNormBackward(const float* x, const float* weight, float eps, const float* dY, std::int64_t count,
                         std::int64_t width, float* dX, float* dWeight) const;
    void gatesAndScanBackward(const float* forgetPre, const float* candidatePre, const float* lowerBound,
                              const float* hidden, const float* dHidden, std::int64_t batch,
                              std::int64_t length, std::int64_t width, float* dForgetPre,
                              float* dCandidatePre, float* dLowerBound) const;
    void normAndGateBackward(const float* g, const float* weight, float eps, const float* hidden,
                             const float* dOut, std::int64_t count, std::int64_t width, float* dG,
                             float* dHidden, float* dWeight) const;
    void swiGluBackward(const float* gate, const float* up, std::int64_t stride, const float* dOut,
                        std::int64_t count, std::int64_t width, float* dGate, float* dUp) const;
    void attentionBatch(const float* q, const float* k, const float* v, std::int64_t batch,
                        std::int64_t length, const AttentionShape& shape, float* out) const;
    void attentionBatchBackward(const float* q, const float* k, const float* v, const float* dOut,
                                std::int64_t batch, std::int64_t length, const AttentionShape& shape,
                                float* dQ, float* dK, float* dV) const;
    void rotaryBackward(float* dX, std::int64_t batch, std::int64_t length, std::int64_t heads,
                        std::int64_t headSize, float theta) const;
    double crossEntropy(const float* logits, const TokenId* targets, std::int64_t count,
                        std::int64_t vocabulary, float gradientScale, float* dLogits) const;
    void embedBackward(const TokenId* tokens, std::int64_t count, std::int64_t width, const float* dX,
                       float* dTable) const;
    double sumOfSquares(const float* values, std::int64_t count) const;
    void adamw(float* parameters, float* gradients, float* firstMoment, float* secondMoment,
               std::int64_t count, double learningRate, double beta1, double beta2, double epsilon,
               double weightDecay, double gradientScale, std::int64_t step) const;
};

} // namespace mmfree::reference
