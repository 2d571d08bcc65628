// The operators of engine/network/operators.h on host memory: parallel loops over a thread pool around the
// kernels of one instruction-set variant. Declarations follow the contract's order; its comments are not
// repeated here.
//
// Nothing is allocated per call once workspaces have their size. Work is cut into fixed blocks that do not
// depend on the number of threads, so results do not either.
#pragma once

#include "engine/core/aligned_buffer.h"
#include "engine/core/thread_pool.h"
#include "engine/cpu/kernel_table.h"
#include "engine/cpu/quantized.h"
#include "engine/cpu/ternary_matrix.h"
#include "engine/cpu/worker_scratch.h"
#include "engine/network/operators.h"
#include "engine/runtime/backend.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

namespace mmfree::cpu
{

// [rows, cols] in its stored precision; borrows the view's bytes where they are aligned for their type.
class DenseMatrix
{
public:
    DenseMatrix() = default;
    explicit DenseMatrix(const TensorView& view);
    DenseMatrix(const float* borrowed, std::int64_t rows, std::int64_t cols)
        : m_data(borrowed)
        , m_rows(rows)
        , m_cols(cols)
    {
    }
    [[nodiscard]] std::int64_t rows() const { return m_rows; }
    [[nodiscard]] std::int64_t cols() const { return m_cols; }
    [[nodiscard]] std::size_t bytes() const;
    [[nodiscard]] ElementType type() const { return m_type; }
    [[nodiscard]] const void* row(std::int64_t index) const;

private:
    const void* m_data = nullptr;
    ElementType m_type = ElementType::F32;
    std::int64_t m_rows = 0, m_cols = 0;
    AlignedBuffer<std::uint8_t> m_copy;
};

class CpuOperators
{
public:
    using Floats = AlignedBuffer<float>;
    using Tokens = AlignedBuffer<TokenId>;
    using TernaryMatrix = cpu::TernaryMatrix;
    using DenseMatrix = cpu::DenseMatrix;
    using Quantized = cpu::Quantized;

    // `threads` 0: all cores. `kernels` lives for the whole program.
    CpuOperators(const KernelTable& kernels, int threads, WeightPacking packing);

    [[nodiscard]] const KernelTable& kernels() const { return m_kernels; }
    [[nodiscard]] int threadCount() const { return m_pool.threadCount(); }

    // Memory
    [[nodiscard]] Floats allocate(std::size_t count) { return Floats(count); }
    [[nodiscard]] Floats upload(std::span<const float> host);
    void copyIn(std::span<const float> host, float* target);
    void copyOut(const float* source, std::span<float> host);
    void copy(const float* source, float* target, std::size_t count);
    void setZero(float* target, std::size_t count);
    [[nodiscard]] Tokens uploadTokens(std::span<const TokenId> host);

    // Inference
    [[nodiscard]] TernaryMatrix makeTernary(const TernaryTensor& tensor);
    [[nodiscard]] DenseMatrix makeDense(const TensorView& view) { return DenseMatrix(view); }
    [[nodiscard]] Quantized makeQuantized(std::int64_t tokens, std::int64_t width) { return {tokens, width}; }
    void embed(const TokenId* tokens, std::int64_t count, const DenseMatrix& table, float* out);
    void rmsNorm(const float* x, const float* weight, float eps, std::int64_t count, std::int64_t width,
                 float* out);
    void rmsNormQuantize(const float* x, const float* weight, float eps, std::int64_t count,
                         std::int64_t width, Quantized& quantized);
    void ternaryLinear(Quantized& quantized, std::int64_t count, const TernaryMatrix& weight, float* out);
    void ternaryLinearAdd(Quantized& quantized, std::int64_t count, const TernaryMatrix& weight, float* out);
    void gatesAndScan(const float* forgetPre, const float* candidatePre, const float* lowerBound,
                      std::int64_t batch, std::int64_t length, std::int64_t width, float* state,
                      float* hidden, float* forget, float* candidate);
    void normAndGate(const float* g, const float* weight, float eps, const float* hidden, std::int64_t count,
                     std::int64_t width, float* out);
    void swiGlu(const float* gate, const float* up, std::int64_t stride, std::int64_t count,
                std::int64_t width, float* out);
    void readQuantized(const Quantized& quantized, std::int64_t count, std::int64_t width, float* out);
    void linear(const float* x, std::int64_t count, const DenseMatrix& weight, float* out);
    void linearAdd(const float* x, std::int64_t count, const DenseMatrix& weight, float* out);
    void rotary(float* x, std::int64_t batch, std::int64_t length, std::int64_t first, std::int64_t heads,
                std::int64_t headSize, float theta);
    void attention(const float* queries, const float* keys, const float* values, std::int64_t length,
                   std::int64_t first, AttentionShape shape, float* out, float* weights);

    // Fused steps of decode, one token; the same bits as the operators they stand for, in one fork instead of
    // many. A BitLinear as they take it: its norm weight [cols] and its matrix.
    struct BitLinear {
        const float* norm;
        const TernaryMatrix& weight;
    };
    // rmsNorm(x), the three projections of the token mixer, gatesAndScan: hidden, outputGate [width] =, state
    // in and out. The thread that has a channel's forget gate and candidate also scans it.
    void mixerStep(const float* x, const float* inputNorm, float eps, std::int64_t width,
                   const BitLinear& forgetGate, const BitLinear& candidate, const BitLinear& outputGate,
                   const float* lowerBound, float* state, float* hidden, float* outputGateOut);
    // rmsNorm(x), the gate-and-up projection, swiGlu: glu [weight.rows() / 2] =
    void gluStep(const float* x, const float* inputNorm, float eps, std::int64_t width,
                 const BitLinear& gateUp, float* glu);
    // rmsNormQuantize(x) and the product, added: out [weight.rows()] +=
    void bitLinearStepAdd(const float* x, float eps, const BitLinear& linear, float* out);
    // normAndGate, then the output projection, added: out [weight.rows()] +=
    void gatedOutputStep(const float* outputGate, const float* gateNorm, float eps, const float* hidden,
                         std::int64_t width, const BitLinear& output, float* out);

    // Training
    [[nodiscard]] TernaryMatrix quantizeLatent(const float* latent, std::int64_t rows, std::int64_t cols);
    [[nodiscard]] DenseMatrix borrowDense(const float* values, std::int64_t rows, std::int64_t cols)
    {
        return {values, rows, cols};
    }
    void ternaryLinearBackwardInput(const float* dOut, std::int64_t count, const TernaryMatrix& weight,
                                    float* dY);
    void ternaryLinearBackwardWeight(const float* dOut, const Quantized& quantized, std::int64_t count,
                                     std::int64_t rows, std::int64_t cols, float* dWeight);
    void linearBackwardInput(const float* dOut, std::int64_t count, const DenseMatrix& weight, float* dX);
    void linearBackwardInputAdd(const float* dOut, std::int64_t count, const DenseMatrix& weight, float* dX);
    void linearBackwardWeight(const float* dOut, const float* x, std::int64_t count, std::int64_t rows,
                              std::int64_t cols, float* dWeight);
    void rmsNormBackward(const float* x, const float* weight, float eps, const float* dY, std::int64_t count,
                         std::int64_t width, float* dX, float* dWeight);
    void gatesAndScanBackward(const float* forgetPre, const float* candidatePre, const float* lowerBound,
                              const float* hidden, const float* dHidden, std::int64_t batch,
                              std::int64_t length, std::int64_t width, float* dForgetPre,
                              float* dCandidatePre, float* dLowerBound);
    void normAndGateBackward(const float* g, const float* weight, float eps, const float* hidden,
                             const float* dOut, std::int64_t count, std::int64_t width, float* dG,
                             float* dHidden, float* dWeight);
    void swiGluBackward(const float* gate, const float* up, std::int64_t stride, const float* dOut,
                        std::int64_t count, std::int64_t width, float* dGate, float* dUp);
    void attentionBatch(const float* queries, const float* keys, const float* values, std::int64_t batch,
                        std::int64_t length, AttentionShape shape, float* out);
    void attentionBatchBackward(const float* queries, const float* keys, const float* values,
                                const float* dOut, std::int64_t batch, std::int64_t length,
                                AttentionShape shape, float* dQueries, float* dKeys, float* dValues);
    void rotaryBackward(float* dX, std::int64_t batch, std::int64_t length, std::int64_t heads,
                        std::int64_t headSize, float theta);
    [[nodiscard]] double crossEntropy(const float* logits, const TokenId* targets, std::int64_t count,
                                      std::int64_t vocabulary, float gradientScale, float* dLogits);
    void embedBackward(const TokenId* tokens, std::int64_t count, std::int64_t width, const float* dX,
                       float* dTable);
    [[nodiscard]] double sumOfSquares(const float* values, std::int64_t count);
    void adamw(float* parameters, float* gradients, float* first, float* second, std::int64_t count,
               double learningRate, double beta1, double beta2, double epsilon, double weightDecay,
               double gradientScale, std::int64_t step);

private:
    void ternaryProduct(Quantized& quantized, std::int64_t count, const TernaryMatrix& weight, float* out,
                        bool add);
    [[nodiscard]] static TernaryProduct productOf(Quantized& quantized, std::int64_t count,
                                                  const TernaryMatrix& weight, float* out, bool add);
    void gemvPanels(const TernaryProduct& product, WeightPacking packing, std::int64_t begin,
                    std::int64_t end, std::uint8_t* scratch) const;
    Quantized& stepQuantized(std::size_t index, std::int64_t width);
    float* stepFloats(std::size_t index, std::int64_t count);
    void linearProduct(const float* x, std::int64_t count, const DenseMatrix& weight, float* out, bool add);
    void backwardInput(const float* dOut, std::int64_t count, const float* weight, std::int64_t rows,
                       std::int64_t cols, float scale, bool add, float* dX);
    void rotate(float* x, std::int64_t batch, std::int64_t length, std::int64_t first, std::int64_t heads,
                std::int64_t headSize, float theta, float direction);
    const float* rotaryAngles(std::int64_t first, std::int64_t length, std::int64_t headSize, float theta);

    // One head of one sequence: rows are `queryStride` and `keyStride` floats apart, query t sees keys 0 ..
    // first + t.
    struct AttentionHead {
        const float *queries, *keys, *values;
        std::int64_t queryStride, keyStride, headSize, first;
    };
    static AttentionHead headOf(const float* queries, const float* keys, const float* values,
                                std::int64_t first, const AttentionShape& shape, std::int64_t head);
    void attentionRows(const AttentionHead& head, std::int64_t begin, std::int64_t end, float* rows) const;
    void attendQueries(const AttentionHead& head, std::int64_t begin, std::int64_t end, float* rows,
                       float* out) const;
    void attentionHeadBackward(const AttentionHead& head, const float* dOut, std::int64_t length,
                               float* scratch, float* dQueries, float* dKeys, float* dValues) const;
    float* workspace(std::int64_t count);
    float* reciprocals(std::int64_t count);

    // Packed bytes x tokens of a product below this run on one thread: at 2 bits, 128 KiB are half a million
    // weights, 3-4 us of work beside a fork of 1 us that costs milliseconds when other programs hold the
    // second core.
    static constexpr std::size_t kBytesWorthAFork = 131072;
    [[nodiscard]] static std::size_t scratchBytes(std::int64_t depth)
    {
        return static_cast<std::size_t>(kPanelRows * (depth + 64));
    }

    // body(begin, end) over `count` items of `cost` floats each; on the calling thread alone when a fork
    // costs more.
    template <class Body>
    void forItems(std::int64_t count, std::int64_t cost, Body&& body)
    {
        constexpr std::int64_t kFloatsWorthAFork = 16384; // about 2 us of vector work
        if (count * cost < kFloatsWorthAFork)
            body(std::int64_t{0}, count);
        else
            m_pool.parallelFor(count, 1, body);
    }

    // body(begin, end, scratch) over panels of weights. Threads take small ranges as they get through them,
    // so that one slowed down by other programs does not hold the rest up; a panel's result does not depend
    // on who made it.
    template <class Body>
    void forPanels(std::int64_t panels, bool worthAFork, std::size_t bytes, Body&& body)
    {
        constexpr std::int64_t kRangesPerThread = 8;
        const std::int64_t threads = worthAFork ? m_pool.threadCount() : 1;
        m_scratch.reserve(bytes);
        if (threads == 1) {
            body(std::int64_t{0}, panels, m_scratch.take<std::uint8_t>());
            return;
        }
        const std::int64_t range = std::max<std::int64_t>(1, panels / (kRangesPerThread * threads));
        std::atomic<std::int64_t> next{0};
        m_pool.parallelFor(threads, 1, [&](std::int64_t, std::int64_t) {
            std::uint8_t* scratch = m_scratch.take<std::uint8_t>();
            for (;;) {
                const std::int64_t begin = next.fetch_add(range, std::memory_order_relaxed);
                if (begin >= panels)
                    return;
                body(begin, std::min(panels, begin + range), scratch);
            }
        });
    }

    const KernelTable& m_kernels;
    WeightPacking m_packing;
    ThreadPool m_pool;
    WorkerScratch m_scratch;
    AlignedBuffer<float> m_workspace;       // dequantised operands of the backward products
    AlignedBuffer<float> m_reciprocals;     // [tokens] 1 / rms of the rows of a norm's backward pass
    std::vector<Quantized> m_stepQuantized; // one token each, of the fused decode steps
    std::vector<Floats> m_stepFloats;       // their intermediate vectors
    std::vector<double> m_partialSums;      // one a block or token, added in order

    struct RotaryKey {
        std::int64_t first = -1, length = 0, headSize = 0;
        float theta = 0.0f;
        friend bool operator==(const RotaryKey&, const RotaryKey&) = default;
    };
    RotaryKey m_rotaryKey;
    AlignedBuffer<float> m_rotary; // [length][cosines, sines][headSize / 2]
};

} // namespace mmfree::cpu
