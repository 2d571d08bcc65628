// Operators of the dense Transformer++ baseline: products with stored f32, f16 or bf16 weights, rotary
// positions, attention. One token streams the weights once (memory-bound, own kernel); more tokens go to BLAS
// in fixed blocks.
#include "engine/cpu/blas.h"
#include "engine/cpu/cpu_operators.h"

#include "engine/core/error.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <string>

namespace mmfree::cpu
{

namespace
{

constexpr std::int64_t kGemvTokens = 4; // up to so many tokens a product is one pass of the weights per token
constexpr std::int64_t kRowBlock =
    128; // weight rows of one BLAS call, converted to f32 in a worker's scratch
constexpr std::int64_t kTokenBlock = 512; // tokens of one BLAS call
constexpr std::int64_t kQueryBlock = 64;  // queries whose attention rows exist at the same time

std::int64_t divideUp(std::int64_t value, std::int64_t divisor)
{
    return (value + divisor - 1) / divisor;
}

ElementType elementTypeOf(const TensorView& view)
{
    switch (view.dtype) {
    case DType::F32:
        return ElementType::F32;
    case DType::F16:
        return ElementType::F16;
    case DType::BF16:
        return ElementType::BF16;
    default:
        throw Error(ErrorCode::InvalidArgument, "a dense weight is stored as " +
                                                    std::string(dtypeName(view.dtype)) +
                                                    ", needed: F32, F16 or BF16");
    }
}

} // namespace

DenseMatrix::DenseMatrix(const TensorView& view)
    : m_type(elementTypeOf(view))
{
    if (view.shape.size() != 2) {
        throw Error(ErrorCode::InvalidArgument,
                    "a dense weight has shape " + shapeText(view.shape) + ", needed: two dimensions");
    }
    m_rows = view.shape[0];
    m_cols = view.shape[1];
    const bool aligned = reinterpret_cast<std::uintptr_t>(view.bytes.data()) % dtypeSize(view.dtype) == 0;
    if (aligned) {
        m_data = view.bytes.data();
        return;
    }
    m_copy = AlignedBuffer<std::uint8_t>(view.bytes.size());
    std::memcpy(m_copy.data(), view.bytes.data(), view.bytes.size());
    m_data = m_copy.data();
}

std::size_t DenseMatrix::bytes() const
{
    return static_cast<std::size_t>(m_rows * m_cols) * (m_type == ElementType::F32 ? 4 : 2);
}

const void* DenseMatrix::row(std::int64_t index) const
{
    return static_cast<const std::uint8_t*>(m_data) + index * m_cols * (m_type == ElementType::F32 ? 4 : 2);
}

void CpuOperators::linear(const float* x, std::int64_t count, const DenseMatrix& weight, float* out)
{
    linearProduct(x, count, weight, out, false);
}
void CpuOperators::linearAdd(const float* x, std::int64_t count, const DenseMatrix& weight, float* out)
{
    linearProduct(x, count, weight, out, true);
}

void CpuOperators::linearProduct(const float* x, std::int64_t count, const DenseMatrix& weight, float* out,
                                 bool add)
{
    const std::int64_t rows = weight.rows(), cols = weight.cols();
    if (count <= kGemvTokens) {
        // Forks and hands out work by the same rule as the ternary products do: a baseline must not lose to
        // a fork on a busy machine.
        const bool worthAFork = weight.bytes() * static_cast<std::size_t>(count) >= kBytesWorthAFork;
        forPanels(divideUp(rows, 4), worthAFork, 0, [&](std::int64_t begin, std::int64_t end, std::uint8_t*) {
            for (std::int64_t t = 0; t < count; ++t)
                m_kernels.denseGemv(weight.row(0), weight.type(), cols, x + t * cols, 4 * begin,
                                    std::min(rows, 4 * end), out + t * rows, add);
        });
        return;
    }
    const bool convert = weight.type() != ElementType::F32;
    const std::int64_t rowBlocks = divideUp(rows, kRowBlock), tokenBlocks = divideUp(count, kTokenBlock);
    m_scratch.reserve(convert ? static_cast<std::size_t>(kRowBlock * cols) * sizeof(float) : 0);
    m_pool.parallelFor(rowBlocks, 1, [&](std::int64_t begin, std::int64_t end) {
        float* scratch = m_scratch.take<float>();
        for (std::int64_t block = begin; block < end; ++block) {
            const std::int64_t first = block * kRowBlock, blockRows = std::min(kRowBlock, rows - first);
            if (convert)
                m_kernels.convert(weight.row(first), weight.type(), blockRows * cols, scratch);
            for (std::int64_t tokenBlock = 0; tokenBlock < tokenBlocks; ++tokenBlock) {
                const std::int64_t token = tokenBlock * kTokenBlock;
                multiply({.transposeB = true,
                          .m = std::min(kTokenBlock, count - token),
                          .n = blockRows,
                          .k = cols,
                          .beta = add ? 1.0f : 0.0f,
                          .a = x + token * cols,
                          .b = convert ? scratch : static_cast<const float*>(weight.row(first)),
                          .c = out + token * rows + first,
                          .strideA = cols,
                          .strideB = cols,
                          .strideC = rows});
            }
        }
    });
}

void CpuOperators::rotary(float* x, std::int64_t batch, std::int64_t length, std::int64_t first,
                          std::int64_t heads, std::int64_t headSize, float theta)
{
    rotate(x, batch, length, first, heads, headSize, theta, 1.0f);
}

void CpuOperators::rotate(float* x, std::int64_t batch, std::int64_t length, std::int64_t first,
                          std::int64_t heads, std::int64_t headSize, float theta, float direction)
{
    const std::int64_t half = headSize / 2;
    const float* angles = rotaryAngles(first, length, headSize, theta);
    forItems(batch * length, heads * headSize, [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t token = begin; token < end; ++token) {
            const float* cosines = angles + token % length * headSize;
            const float* sines = cosines + half;
            for (std::int64_t head = 0; head < heads; ++head) {
                float* values = x + (token * heads + head) * headSize;
                for (std::int64_t i = 0; i < half; ++i) {
                    const float a = values[i], b = values[i + half], sine = direction * sines[i];
                    values[i] = a * cosines[i] - b * sine;
                    values[i + half] = b * cosines[i] + a * sine;
                }
            }
        }
    });
}

// Cosines and sines [length][2][headSize / 2]; kept for the next call, which in a forward pass asks for the
// same.
const float* CpuOperators::rotaryAngles(std::int64_t first, std::int64_t length, std::int64_t headSize,
                                        float theta)
{
    const RotaryKey key{first, length, headSize, theta};
    if (key == m_rotaryKey)
        return m_rotary.data();
    const auto count = static_cast<std::size_t>(length * headSize);
    if (m_rotary.size() < count)
        m_rotary = Floats(count);
    const std::int64_t half = headSize / 2;
    for (std::int64_t i = 0; i < half; ++i) {
        const double frequency = std::pow(static_cast<double>(theta),
                                          -2.0 * static_cast<double>(i) / static_cast<double>(headSize));
        for (std::int64_t t = 0; t < length; ++t) {
            const double angle = static_cast<double>(first + t) * frequency;
            m_rotary[t * headSize + i] = static_cast<float>(std::cos(angle));
            m_rotary[t * headSize + half + i] = static_cast<float>(std::sin(angle));
        }
    }
    m_rotaryKey = key;
    return m_rotary.data();
}

// Softmax rows [end - begin, first + end] of queries [begin, end) of one head, zero after the diagonal.
void CpuOperators::attentionRows(const AttentionHead& head, std::int64_t begin, std::int64_t end,
                                 float* rows) const
{
    const std::int64_t visible = head.first + end;
    const float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head.headSize)));
    if (end - begin == 1) {
        for (std::int64_t s = 0; s < visible; ++s)
            rows[s] = scale * m_kernels.dot(head.queries + begin * head.queryStride,
                                            head.keys + s * head.keyStride, head.headSize);
    } else {
        multiply({.transposeB = true,
                  .m = end - begin,
                  .n = visible,
                  .k = head.headSize,
                  .alpha = scale,
                  .a = head.queries + begin * head.queryStride,
                  .b = head.keys,
                  .c = rows,
                  .strideA = head.queryStride,
                  .strideB = head.keyStride,
                  .strideC = visible});
    }
    for (std::int64_t t = begin; t < end; ++t) {
        float* row = rows + (t - begin) * visible;
        const std::int64_t seen = head.first + t + 1;
        m_kernels.softmax(row, seen);
        std::fill(row + seen, row + visible, 0.0f);
    }
}

void CpuOperators::attendQueries(const AttentionHead& head, std::int64_t begin, std::int64_t end, float* rows,
                                 float* out) const
{
    attentionRows(head, begin, end, rows);
    const std::int64_t visible = head.first + end;
    if (end - begin == 1) {
        float* target = out + begin * head.queryStride;
        std::fill(target, target + head.headSize, 0.0f);
        for (std::int64_t s = 0; s < visible; ++s)
            m_kernels.multiplyAdd(rows[s], head.values + s * head.keyStride, head.headSize, target);
        return;
    }
    multiply({.m = end - begin,
              .n = head.headSize,
              .k = visible,
              .a = rows,
              .b = head.values,
              .c = out + begin * head.queryStride,
              .strideA = visible,
              .strideB = head.keyStride,
              .strideC = head.queryStride});
}

void CpuOperators::attention(const float* queries, const float* keys, const float* values,
                             std::int64_t length, std::int64_t first, AttentionShape shape, float* out,
                             float* weights)
{
    const std::int64_t context = first + length, blocks = divideUp(length, kQueryBlock);
    m_scratch.reserve(static_cast<std::size_t>(std::min(length, kQueryBlock) * context) * sizeof(float));
    // Scores and weighted sums: two products of a head's query rows with the keys and values so far.
    const std::int64_t cost = 2 * std::min(length, kQueryBlock) * context * shape.headSize;
    forItems(shape.heads * blocks, cost, [&](std::int64_t taskBegin, std::int64_t taskEnd) {
        float* rows = m_scratch.take<float>();
        for (std::int64_t task = taskBegin; task < taskEnd; ++task) {
            const std::int64_t headIndex = task / blocks;
            const std::int64_t begin = task % blocks * kQueryBlock,
                               end = std::min(length, begin + kQueryBlock);
            const AttentionHead head = headOf(queries, keys, values, first, shape, headIndex);
            attendQueries(head, begin, end, rows, out + headIndex * shape.headSize);
            for (std::int64_t t = begin; weights && t < end; ++t) {
                float* target = weights + (t * shape.heads + headIndex) * context;
                const float* row = rows + (t - begin) * (first + end);
                std::copy(row, row + first + end, target);
                std::fill(target + first + end, target + context, 0.0f);
            }
        }
    });
}

void CpuOperators::attentionBatch(const float* queries, const float* keys, const float* values,
                                  std::int64_t batch, std::int64_t length, AttentionShape shape, float* out)
{
    const std::int64_t blocks = divideUp(length, kQueryBlock);
    m_scratch.reserve(static_cast<std::size_t>(std::min(length, kQueryBlock) * length) * sizeof(float));
    m_pool.parallelFor(batch * shape.heads * blocks, 1, [&](std::int64_t taskBegin, std::int64_t taskEnd) {
        float* rows = m_scratch.take<float>();
        for (std::int64_t task = taskBegin; task < taskEnd; ++task) {
            const std::int64_t sequence = task / blocks / shape.heads,
                               headIndex = task / blocks % shape.heads;
            const std::int64_t begin = task % blocks * kQueryBlock,
                               end = std::min(length, begin + kQueryBlock);
            const std::int64_t query = sequence * length * shape.width();
            const std::int64_t key = sequence * length * shape.keyValueWidth();
            const AttentionHead head = headOf(queries + query, keys + key, values + key, 0, shape, headIndex);
            attendQueries(head, begin, end, rows, out + query + headIndex * shape.headSize);
        }
    });
}

CpuOperators::AttentionHead CpuOperators::headOf(const float* queries, const float* keys, const float* values,
                                                 std::int64_t first, const AttentionShape& shape,
                                                 std::int64_t head)
{
    const std::int64_t keyValueHead = head / (shape.heads / shape.keyValueHeads);
    return {.queries = queries + head * shape.headSize,
            .keys = keys + keyValueHead * shape.headSize,
            .values = values + keyValueHead * shape.headSize,
            .queryStride = shape.width(),
            .keyStride = shape.keyValueWidth(),
            .headSize = shape.headSize,
            .first = first};
}

} // namespace mmfree::cpu
