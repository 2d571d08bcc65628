// Packing of ternary weights into panels, from the neutral two-bit form or from latent floats.
#include "engine/cpu/ternary_matrix.h"

#include "engine/core/error.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace mmfree::cpu
{

namespace
{

constexpr std::uint32_t kZeroWeights = 0x55555555; // sixteen codes 1
constexpr std::int64_t kSumBlock = 1024;           // values summed in float before double takes over

std::int64_t divideUp(std::int64_t value, std::int64_t divisor)
{
    return (value + divisor - 1) / divisor;
}

// Word `step` (16 columns) of a row of the neutral form; columns past the end are weight 0.
std::uint32_t wordOf(const TernaryTensor& tensor, std::int64_t row, std::int64_t step)
{
    const std::int64_t rowBytes = tensor.rowBytes();
    const std::uint8_t* bytes = tensor.codes.data() + row * rowBytes + 4 * step;
    const std::int64_t left = rowBytes - 4 * step;
    std::uint32_t word = kZeroWeights;
    std::memcpy(&word, bytes, static_cast<std::size_t>(std::min<std::int64_t>(left, 4)));
    return word;
}

void packTwoBitPanel(const TernaryTensor& tensor, std::int64_t panel, std::int64_t steps, std::uint8_t* out)
{
    const std::int64_t firstRow = panel * kPanelRows;
    const std::int64_t rows = std::min(kPanelRows, tensor.rows - firstRow);
    const std::int64_t wholeSteps = tensor.rowBytes() / 4;
    const std::uint8_t* source = tensor.codes.data() + firstRow * tensor.rowBytes();
    for (std::int64_t step = 0; step < steps; ++step) {
        std::array<std::uint32_t, kPanelRows> words;
        if (rows == kPanelRows && step < wholeSteps) {
            for (std::int64_t r = 0; r < kPanelRows; ++r)
                std::memcpy(&words[r], source + r * tensor.rowBytes() + 4 * step, 4);
        } else {
            words.fill(kZeroWeights);
            for (std::int64_t r = 0; r < rows; ++r)
                words[r] = wordOf(tensor, firstRow + r, step);
        }
        std::memcpy(out + step * kTwoBitStepBytes, words.data(), sizeof(words));
    }
}

// Code at field-order position p of a row given as words.
std::uint8_t codeAtPosition(const std::uint32_t* words, std::int64_t wordCount, std::int64_t position)
{
    const std::int64_t word = position / 16;
    if (word >= wordCount)
        return 1;
    const std::int64_t f = position % 16 / 4, b = position % 4;
    return static_cast<std::uint8_t>((words[word] >> (8 * b + 2 * f)) & 3);
}

void packBase3Panel(const TernaryTensor& tensor, std::int64_t panel, std::int64_t steps, std::uint8_t* out)
{
    const std::int64_t firstRow = panel * kPanelRows;
    const std::int64_t rows = std::min(kPanelRows, tensor.rows - firstRow);
    const std::int64_t wordCount = divideUp(tensor.cols, kActivationGroup);
    std::vector<std::uint32_t> words(static_cast<std::size_t>(kPanelRows * wordCount), kZeroWeights);
    for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t w = 0; w < wordCount; ++w)
            words[r * wordCount + w] = wordOf(tensor, firstRow + r, w);
    }
    for (std::int64_t step = 0; step < steps; ++step) {
        for (std::int64_t pair = 0; pair < kPanelRows / 2; ++pair) { // two rows fill five bytes
            std::uint64_t bits = 0;
            for (std::int64_t i = 0; i < 8; ++i) {
                const std::uint32_t* row = words.data() + (2 * pair + i / 4) * wordCount;
                const std::int64_t position = step * kBase3StepColumns + i % 4;
                const std::uint64_t number = codeAtPosition(row, wordCount, position) +
                                             3u * codeAtPosition(row, wordCount, position + 4) +
                                             9u * codeAtPosition(row, wordCount, position + 8);
                bits |= number << (5 * i);
            }
            for (std::int64_t i = 0; i < 5; ++i)
                out[step * kBase3StepBytes + 5 * pair + i] = static_cast<std::uint8_t>(bits >> (8 * i));
        }
    }
}

// Sum of |w| in fixed blocks, so that it does not depend on threads.
double sumOfMagnitudes(const float* values, std::int64_t count, ThreadPool& pool)
{
    const std::int64_t blocks = divideUp(count, kSumBlock);
    std::vector<double> sums(static_cast<std::size_t>(blocks));
    pool.parallelFor(blocks, 64, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t block = begin; block < end; ++block) {
            std::array<double, 8> lanes = {};
            const float* value = values + block * kSumBlock;
            const std::int64_t valid = std::min(kSumBlock, count - block * kSumBlock);
            std::int64_t i = 0;
            for (; i + 8 <= valid; i += 8) {
                for (std::int64_t lane = 0; lane < 8; ++lane)
                    lanes[lane] += static_cast<double>(std::fabs(value[i + lane]));
            }
            for (; i < valid; ++i)
                lanes[0] += static_cast<double>(std::fabs(value[i]));
            for (const double lane : lanes)
                sums[block] += lane;
        }
    });
    double total = 0.0;
    for (const double sum : sums)
        total += sum;
    return total;
}

// Sixteen (or `valid`) latents -> one word of codes; the others are weight 0.
std::uint32_t quantizeWord(const float* latent, std::int64_t valid, float inverseScale)
{
    std::array<std::uint8_t, 16> codes;
    codes.fill(1);
    for (std::int64_t c = 0; c < valid; ++c) { // a half rounds to the even 0
        const float scaled = latent[c] * inverseScale;
        codes[c] = static_cast<std::uint8_t>(1 + (scaled > 0.5f) - (scaled < -0.5f));
    }
    std::uint32_t word = 0;
    for (std::int64_t b = 0; b < 4; ++b) {
        std::uint32_t four;
        std::memcpy(&four, codes.data() + 4 * b, sizeof(four));
        word |= ((four | four >> 6 | four >> 12 | four >> 18) & 0xffu) << (8 * b);
    }
    return word;
}

// The four weights of a byte of codes, as floats.
const std::array<std::array<float, 4>, 256>& weightsOfByte()
{
    static const auto table = [] {
        std::array<std::array<float, 4>, 256> weights;
        for (int byte = 0; byte < 256; ++byte) {
            for (int f = 0; f < 4; ++f)
                weights[byte][f] = static_cast<float>(((byte >> (2 * f)) & 3) - 1);
        }
        return weights;
    }();
    return table;
}

} // namespace

void TernaryMatrix::allocatePanels(std::int64_t rows, std::int64_t cols, WeightPacking packing)
{
    if (cols > kMaximumColumns) {
        throw Error(ErrorCode::InvalidArgument, "a ternary matrix has " + std::to_string(cols) +
                                                    " columns, needed: at most " +
                                                    std::to_string(kMaximumColumns));
    }
    m_rows = rows;
    m_cols = cols;
    m_packing = packing == WeightPacking::Base3 ? WeightPacking::Base3 : WeightPacking::TwoBit;
    if (m_packing == WeightPacking::TwoBit) {
        m_steps = divideUp(cols, kTwoBitStepColumns);
        m_panelBytes = m_steps * kTwoBitStepBytes;
    } else {
        m_steps = divideUp(divideUp(cols, kActivationGroup) * kActivationGroup, kBase3StepColumns);
        m_panelBytes = m_steps * kBase3StepBytes;
    }
    m_panels =
        AlignedBuffer<std::uint8_t>(static_cast<std::size_t>(panelCount() * m_panelBytes + kPanelSlackBytes));
}

TernaryMatrix::TernaryMatrix(const TernaryTensor& tensor, WeightPacking packing, ThreadPool& pool)
{
    allocatePanels(tensor.rows, tensor.cols, packing);
    m_scale = tensor.scale;
    pool.parallelFor(panelCount(), 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t panel = begin; panel < end; ++panel) {
            std::uint8_t* out = m_panels.data() + panel * m_panelBytes;
            if (m_packing == WeightPacking::TwoBit)
                packTwoBitPanel(tensor, panel, m_steps, out);
            else
                packBase3Panel(tensor, panel, m_steps, out);
        }
    });
}

TernaryMatrix::TernaryMatrix(const float* latent, std::int64_t rows, std::int64_t cols, ThreadPool& pool)
{
    allocatePanels(rows, cols, WeightPacking::TwoBit);
    const double mean = sumOfMagnitudes(latent, rows * cols, pool) / static_cast<double>(rows * cols);
    m_scale = std::max(static_cast<float>(mean), 1e-5f);
    const float inverseScale = 1.0f / m_scale;
    pool.parallelFor(panelCount(), 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t panel = begin; panel < end; ++panel) {
            const std::int64_t firstRow = panel * kPanelRows;
            std::uint8_t* out = m_panels.data() + panel * m_panelBytes;
            for (std::int64_t r = 0; r < kPanelRows; ++r) {
                const bool exists = firstRow + r < rows;
                for (std::int64_t step = 0; step < m_steps; ++step) {
                    const std::int64_t first = step * kTwoBitStepColumns;
                    const std::uint32_t word =
                        exists ? quantizeWord(latent + (firstRow + r) * cols + first,
                                              std::min(kTwoBitStepColumns, cols - first), inverseScale)
                               : kZeroWeights;
                    std::memcpy(out + step * kTwoBitStepBytes + 4 * r, &word, sizeof(word));
                }
            }
        }
    });
}

void TernaryMatrix::expandRow(std::int64_t row, float* out) const
{
    assert(m_packing == WeightPacking::TwoBit);
    const auto& table = weightsOfByte();
    const std::uint8_t* words = m_panels.data() + row / kPanelRows * m_panelBytes + row % kPanelRows * 4;
    std::int64_t col = 0;
    for (; col + kTwoBitStepColumns <= m_cols; col += kTwoBitStepColumns) {
        for (std::int64_t b = 0; b < 4; ++b)
            std::memcpy(out + col + 4 * b, table[words[b]].data(), 4 * sizeof(float));
        words += kTwoBitStepBytes;
    }
    for (; col < m_cols; ++col)
        out[col] = table[words[col % 16 / 4]][col % 4];
}

} // namespace mmfree::cpu
