// A BitLinear's ternary weights in this backend's layout, the same for every instruction set: panels of 32
// rows whose words are interleaved, so that one lane of a vector is one row, a panel is one sequential
// stream, and no sum across lanes is ever needed.
//
// Two bits:  [panel][step of 16 columns][32 rows] 32-bit words; byte b, bits 2 f hold column 4 b + f of the
// step. Base 3:    [panel][step of 12 positions][2 x 16 rows] 40 bytes; a row has four 5-bit numbers, number
// b holds
//            positions b, 4 + b, 8 + b as n0 + 3 n1 + 9 n2. Positions are columns in field order
//            (kernel_table.h).
// Codes are weight + 1; rows and columns that do not exist hold code 1 (weight 0).
#pragma once

#include "engine/core/aligned_buffer.h"
#include "engine/core/thread_pool.h"
#include "engine/cpu/kernel_table.h"
#include "engine/model/ternary_tensor.h"
#include "engine/runtime/backend.h"

#include <cstdint>
#include <span>

namespace mmfree::cpu
{

class TernaryMatrix
{
public:
    TernaryMatrix() = default;

    // Repacks in parallel. `packing` Automatic is two bits. Throws InvalidArgument for more than 2^21
    // columns.
    TernaryMatrix(const TernaryTensor& tensor, WeightPacking packing, ThreadPool& pool);
    // Quantises latent weights [rows, cols] (two bits): m = max(mean|W|, 1e-5), t = clamp(round(W / m), -1,
    // 1).
    TernaryMatrix(const float* latent, std::int64_t rows, std::int64_t cols, ThreadPool& pool);

    [[nodiscard]] std::int64_t rows() const { return m_rows; }
    [[nodiscard]] std::int64_t cols() const { return m_cols; }
    [[nodiscard]] std::size_t bytes() const { return m_panels.bytes(); }
    [[nodiscard]] float scale() const { return m_scale; }
    [[nodiscard]] WeightPacking packing() const { return m_packing; }
    [[nodiscard]] std::int64_t panelCount() const { return (m_rows + kPanelRows - 1) / kPanelRows; }
    [[nodiscard]] std::int64_t panelBytes() const { return m_panelBytes; }
    [[nodiscard]] std::int64_t steps() const { return m_steps; }
    [[nodiscard]] const std::uint8_t* panels() const { return m_panels.data(); }

    // Weights -1, 0, +1 of row `row` as floats; two-bit matrices only. out [cols]
    void expandRow(std::int64_t row, float* out) const;

private:
    void allocatePanels(std::int64_t rows, std::int64_t cols, WeightPacking packing);

    std::int64_t m_rows = 0, m_cols = 0, m_steps = 0, m_panelBytes = 0;
    float m_scale = 0.0f;
    WeightPacking m_packing = WeightPacking::TwoBit;
    AlignedBuffer<std::uint8_t> m_panels; // [panelCount, panelBytes] and kPanelSlackBytes
};

} // namespace mmfree::cpu
