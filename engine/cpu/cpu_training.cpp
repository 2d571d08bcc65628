// Backward pass and optimiser. Matrix gradients run through BLAS on dequantised f32 operands, cut into fixed
// blocks; gradients of norms and bounds sum over tokens in order, in parallel over channels.
#include "engine/cpu/blas.h"
#include "engine/cpu/cpu_operators.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace mmfree::cpu
{

namespace
{

constexpr std::int64_t kBlock = 256;         // rows and columns of one BLAS call's result
constexpr std::int64_t kChannelBlock = 64;   // channels of one weight-gradient task
constexpr std::int64_t kUpdateBlock = 16384; // parameters of one optimiser task
constexpr std::int64_t kSquaresBlock = 4096; // values whose squares are summed in float

std::int64_t divideUp(std::int64_t value, std::int64_t divisor)
{
    return (value + divisor - 1) / divisor;
}

} // namespace

TernaryMatrix CpuOperators::quantizeLatent(const float* latent, std::int64_t rows, std::int64_t cols)
{
    return TernaryMatrix(latent, rows, cols, m_pool);
}

float* CpuOperators::workspace(std::int64_t count)
{
    if (m_workspace.size() < static_cast<std::size_t>(count))
        m_workspace = Floats(static_cast<std::size_t>(count));
    return m_workspace.data();
}
float* CpuOperators::reciprocals(std::int64_t count)
{
    if (m_reciprocals.size() < static_cast<std::size_t>(count))
        m_reciprocals = Floats(static_cast<std::size_t>(count));
    return m_reciprocals.data();
}

// dX [T, cols] (= or +=) scale * dOut [T, rows] . weight [rows, cols]
void CpuOperators::backwardInput(const float* dOut, std::int64_t count, const float* weight,
                                 std::int64_t rows, std::int64_t cols, float scale, bool add, float* dX)
{
    const std::int64_t tokenBlocks = divideUp(count, kBlock), colBlocks = divideUp(cols, kBlock);
    m_pool.parallelFor(tokenBlocks * colBlocks, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t task = begin; task < end; ++task) {
            const std::int64_t token = task / colBlocks * kBlock, col = task % colBlocks * kBlock;
            multiply({.m = std::min(kBlock, count - token),
                      .n = std::min(kBlock, cols - col),
                      .k = rows,
                      .alpha = scale,
                      .beta = add ? 1.0f : 0.0f,
                      .a = dOut + token * rows,
                      .b = weight + col,
                      .c = dX + token * cols + col,
                      .strideA = rows,
                      .strideB = cols,
                      .strideC = cols});
        }
    });
}

void CpuOperators::ternaryLinearBackwardInput(const float* dOut, std::int64_t count,
                                              const TernaryMatrix& weight, float* dY)
{
    const std::int64_t rows = weight.rows(), cols = weight.cols();
    float* expanded = workspace(rows * cols);
    m_pool.parallelFor(rows, 32, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row)
            weight.expandRow(row, expanded + row * cols);
    });
    backwardInput(dOut, count, expanded, rows, cols, weight.scale(), false, dY);
}

void CpuOperators::ternaryLinearBackwardWeight(const float* dOut, const Quantized& quantized,
                                               std::int64_t count, std::int64_t rows, std::int64_t cols,
                                               float* dWeight)
{
    assert(quantized.width == cols);
    float* values = workspace(count * cols);
    forItems(count, cols, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t t = begin; t < end; ++t) {
            const std::int8_t* q = quantized.values.data() + t * quantized.stride;
            float* row = values + t * cols;
            std::int64_t c = 0;
            for (; c + kActivationGroup <= cols; c += kActivationGroup) {
                for (std::int64_t b = 0; b < 4; ++b) {
                    for (std::int64_t f = 0; f < 4; ++f)
                        row[c + 4 * b + f] = static_cast<float>(q[c + 4 * f + b]) / quantized.scales[t];
                }
            }
            for (; c < cols; ++c)
                row[c] = static_cast<float>(q[c / 16 * 16 + c % 4 * 4 + c % 16 / 4]) / quantized.scales[t];
        }
    });
    linearBackwardWeight(dOut, values, count, rows, cols, dWeight);
}

void CpuOperators::linearBackwardInput(const float* dOut, std::int64_t count, const DenseMatrix& weight,
                                       float* dX)
{
    assert(weight.type() == ElementType::F32);
    backwardInput(dOut, count, static_cast<const float*>(weight.row(0)), weight.rows(), weight.cols(), 1.0f,
                  false, dX);
}
void CpuOperators::linearBackwardInputAdd(const float* dOut, std::int64_t count, const DenseMatrix& weight,
                                          float* dX)
{
    assert(weight.type() == ElementType::F32);
    backwardInput(dOut, count, static_cast<const float*>(weight.row(0)), weight.rows(), weight.cols(), 1.0f,
                  true, dX);
}

void CpuOperators::linearBackwardWeight(const float* dOut, const float* x, std::int64_t count,
                                        std::int64_t rows, std::int64_t cols, float* dWeight)
{
    const std::int64_t rowBlocks = divideUp(rows, kBlock), colBlocks = divideUp(cols, kBlock);
    m_pool.parallelFor(rowBlocks * colBlocks, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t task = begin; task < end; ++task) {
            const std::int64_t row = task / colBlocks * kBlock, col = task % colBlocks * kBlock;
            multiply({.transposeA = true,
                      .m = std::min(kBlock, rows - row),
                      .n = std::min(kBlock, cols - col),
                      .k = count,
                      .beta = 1.0f,
                      .a = dOut + row,
                      .b = x + col,
                      .c = dWeight + row * cols + col,
                      .strideA = rows,
                      .strideB = cols,
                      .strideC = cols});
        }
    });
}

void CpuOperators::rmsNormBackward(const float* x, const float* weight, float eps, const float* dY,
                                   std::int64_t count, std::int64_t width, float* dX, float* dWeight)
{
    float* reciprocal = reciprocals(count);
    forItems(count, 2 * width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t t = begin; t < end; ++t)
            reciprocal[t] =
                m_kernels.rmsNormBackward(x + t * width, weight, eps, dY + t * width, width, dX + t * width);
    });
    forItems(divideUp(width, kChannelBlock), kChannelBlock * count,
             [&](std::int64_t begin, std::int64_t end) {
                 m_kernels.rmsNormWeightGradient(x, reciprocal, dY, count, width, begin * kChannelBlock,
                                                 std::min(width, end * kChannelBlock), dWeight);
             });
}

void CpuOperators::gatesAndScanBackward(const float* forgetPre, const float* candidatePre,
                                        const float* lowerBound, const float* hidden, const float* dHidden,
                                        std::int64_t batch, std::int64_t length, std::int64_t width,
                                        float* dForgetPre, float* dCandidatePre, float* dLowerBound)
{
    const std::int64_t cost = 16 * batch * length * kChannelBlock;
    forItems(divideUp(width, kChannelBlock), cost, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t sequence = 0; sequence < batch; ++sequence) {
            const std::int64_t rows = sequence * length * width;
            m_kernels.gatesAndScanBackward(forgetPre + rows, candidatePre + rows, lowerBound, hidden + rows,
                                           dHidden + rows, length, width, begin * kChannelBlock,
                                           std::min(width, end * kChannelBlock), dForgetPre + rows,
                                           dCandidatePre + rows, dLowerBound);
        }
    });
}

void CpuOperators::normAndGateBackward(const float* g, const float* weight, float eps, const float* hidden,
                                       const float* dOut, std::int64_t count, std::int64_t width, float* dG,
                                       float* dHidden, float* dWeight)
{
    float* reciprocal = reciprocals(count);
    forItems(count, 8 * width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t t = begin; t < end; ++t) {
            const std::int64_t row = t * width;
            reciprocal[t] = m_kernels.normAndGateBackward(g + row, weight, eps, hidden + row, dOut + row,
                                                          width, dG + row, dHidden + row);
        }
    });
    forItems(divideUp(width, kChannelBlock), 4 * kChannelBlock * count,
             [&](std::int64_t begin, std::int64_t end) {
                 m_kernels.normAndGateWeightGradient(g, reciprocal, hidden, dOut, count, width,
                                                     begin * kChannelBlock,
                                                     std::min(width, end * kChannelBlock), dWeight);
             });
}

void CpuOperators::swiGluBackward(const float* gate, const float* up, std::int64_t stride, const float* dOut,
                                  std::int64_t count, std::int64_t width, float* dGate, float* dUp)
{
    forItems(count, 6 * width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t t = begin; t < end; ++t)
            m_kernels.swiGluBackward(gate + t * stride, up + t * stride, dOut + t * width, width,
                                     dGate + t * stride, dUp + t * stride);
    });
}

// One head's queries in blocks: recomputes the softmax rows P, then dS = P (dP - sum(P dP)) with dP = dOut
// V^T.
void CpuOperators::attentionHeadBackward(const AttentionHead& head, const float* dOut, std::int64_t length,
                                         float* scratch, float* dQueries, float* dKeys, float* dValues) const
{
    const float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head.headSize)));
    for (std::int64_t begin = 0; begin < length; begin += kChannelBlock) {
        const std::int64_t end = std::min(length, begin + kChannelBlock), rows = end - begin, visible = end;
        float* softmaxRows = scratch;
        float* dScores = scratch + rows * visible;
        attentionRows(head, begin, end, softmaxRows);
        const float* dOutBlock = dOut + begin * head.queryStride;
        multiply({.transposeB = true,
                  .m = rows,
                  .n = visible,
                  .k = head.headSize,
                  .a = dOutBlock,
                  .b = head.values,
                  .c = dScores,
                  .strideA = head.queryStride,
                  .strideB = head.keyStride,
                  .strideC = visible});
        multiply({.transposeA = true,
                  .m = visible,
                  .n = head.headSize,
                  .k = rows,
                  .beta = 1.0f,
                  .a = softmaxRows,
                  .b = dOutBlock,
                  .c = dValues,
                  .strideA = visible,
                  .strideB = head.queryStride,
                  .strideC = head.keyStride});
        for (std::int64_t t = 0; t < rows; ++t) {
            const float* p = softmaxRows + t * visible;
            float* d = dScores + t * visible;
            const float shared = m_kernels.dot(p, d, visible);
            for (std::int64_t s = 0; s < visible; ++s)
                d[s] = p[s] * (d[s] - shared);
        }
        multiply({.m = rows,
                  .n = head.headSize,
                  .k = visible,
                  .alpha = scale,
                  .a = dScores,
                  .b = head.keys,
                  .c = dQueries + begin * head.queryStride,
                  .strideA = visible,
                  .strideB = head.keyStride,
                  .strideC = head.queryStride});
        multiply({.transposeA = true,
                  .m = visible,
                  .n = head.headSize,
                  .k = rows,
                  .alpha = scale,
                  .beta = 1.0f,
                  .a = dScores,
                  .b = head.queries + begin * head.queryStride,
                  .c = dKeys,
                  .strideA = visible,
                  .strideB = head.queryStride,
                  .strideC = head.keyStride});
    }
}

void CpuOperators::attentionBatchBackward(const float* queries, const float* keys, const float* values,
                                          const float* dOut, std::int64_t batch, std::int64_t length,
                                          AttentionShape shape, float* dQueries, float* dKeys, float* dValues)
{
    const auto keyValueCount = static_cast<std::size_t>(batch * length * shape.keyValueWidth());
    setZero(dKeys, keyValueCount);
    setZero(dValues, keyValueCount);
    const std::int64_t group = shape.heads / shape.keyValueHeads;
    m_scratch.reserve(static_cast<std::size_t>(2 * std::min(length, kChannelBlock) * length) * sizeof(float));
    m_pool.parallelFor(batch * shape.keyValueHeads, 1, [&](std::int64_t begin, std::int64_t end) {
        float* scratch = m_scratch.take<float>();
        for (std::int64_t task = begin; task < end; ++task) {
            const std::int64_t sequence = task / shape.keyValueHeads,
                               keyValueHead = task % shape.keyValueHeads;
            const std::int64_t query = sequence * length * shape.width();
            const std::int64_t key = sequence * length * shape.keyValueWidth();
            const std::int64_t keyHead = key + keyValueHead * shape.headSize;
            for (std::int64_t h = keyValueHead * group; h < (keyValueHead + 1) * group; ++h) {
                const std::int64_t queryHead = query + h * shape.headSize;
                attentionHeadBackward(headOf(queries + query, keys + key, values + key, 0, shape, h),
                                      dOut + queryHead, length, scratch, dQueries + queryHead,
                                      dKeys + keyHead, dValues + keyHead);
            }
        }
    });
}

void CpuOperators::rotaryBackward(float* dX, std::int64_t batch, std::int64_t length, std::int64_t heads,
                                  std::int64_t headSize, float theta)
{
    rotate(dX, batch, length, 0, heads, headSize, theta, -1.0f);
}

double CpuOperators::crossEntropy(const float* logits, const TokenId* targets, std::int64_t count,
                                  std::int64_t vocabulary, float gradientScale, float* dLogits)
{
    m_partialSums.resize(static_cast<std::size_t>(count));
    forItems(count, 4 * vocabulary, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t t = begin; t < end; ++t) {
            float* gradient = dLogits ? dLogits + t * vocabulary : nullptr;
            m_partialSums[t] = 0.0;
            if (targets[t] < 0) {
                if (gradient)
                    std::fill(gradient, gradient + vocabulary, 0.0f);
                continue;
            }
            const double targetLogit = logits[t * vocabulary + targets[t]]; // dLogits may overwrite it
            float largest = 0.0f;
            const double total = m_kernels.crossEntropy(logits + t * vocabulary, vocabulary, targets[t],
                                                        gradientScale, gradient, &largest);
            m_partialSums[t] = std::log(total) + static_cast<double>(largest) - targetLogit;
        }
    });
    double loss = 0.0;
    for (const double part : m_partialSums)
        loss += part;
    return loss;
}

void CpuOperators::embedBackward(const TokenId* tokens, std::int64_t count, std::int64_t width,
                                 const float* dX, float* dTable)
{
    forItems(
        divideUp(width, kChannelBlock), kChannelBlock * count, [&](std::int64_t begin, std::int64_t end) {
            const std::int64_t first = begin * kChannelBlock, last = std::min(width, end * kChannelBlock);
            for (std::int64_t t = 0; t < count; ++t)
                m_kernels.addTo(dX + t * width + first, last - first, dTable + tokens[t] * width + first);
        });
}

double CpuOperators::sumOfSquares(const float* values, std::int64_t count)
{
    const std::int64_t blocks = divideUp(count, kSquaresBlock);
    m_partialSums.resize(static_cast<std::size_t>(blocks));
    forItems(blocks, kSquaresBlock, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t block = begin; block < end; ++block)
            m_partialSums[block] = m_kernels.sumOfSquares(
                values + block * kSquaresBlock, std::min(kSquaresBlock, count - block * kSquaresBlock));
    });
    double total = 0.0;
    for (const double part : m_partialSums)
        total += part;
    return total;
}

void CpuOperators::adamw(float* parameters, float* gradients, float* first, float* second, std::int64_t count,
                         double learningRate, double beta1, double beta2, double epsilon, double weightDecay,
                         double gradientScale, std::int64_t step)
{
    const double steps = static_cast<double>(step);
    const AdamConstants constants = {
        .beta1 = static_cast<float>(beta1),
        .rest1 = static_cast<float>(1.0 - beta1),
        .beta2 = static_cast<float>(beta2),
        .rest2 = static_cast<float>(1.0 - beta2),
        .gradientScale = static_cast<float>(gradientScale),
        .stepSize = static_cast<float>(learningRate / (1.0 - std::pow(beta1, steps))),
        .secondScale = static_cast<float>(1.0 / (1.0 - std::pow(beta2, steps))),
        .epsilon = static_cast<float>(epsilon),
        .decay = static_cast<float>(learningRate * weightDecay),
    };
    m_pool.parallelFor(count, kUpdateBlock, [&](std::int64_t begin, std::int64_t end) {
        m_kernels.adamw(parameters + begin, gradients + begin, first + begin, second + begin, end - begin,
                        constants);
    });
}

} // namespace mmfree::cpu
