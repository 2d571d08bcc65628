// A matrix as the heatmap draws it: values by row, a kind that says what they mean, and the range of the
// colours. Immutable and read from several threads; the views share it by shared_ptr<const HeatmapData>.
#pragma once

#include "engine/model/ternary_tensor.h"

#include <QtGlobal>

#include <memory>
#include <span>
#include <vector>

namespace mmfree::gui
{

enum class HeatmapKind {
    Ternary,     // -1, 0, +1; zoomed out: mean sign, with the share of zeros as lightness
    Diverging,   // any sign around 0
    Sequential,  // from low to high
    Transitions, // 3 * (from + 1) + (to + 1) of two ternary weights, 0..8; zoomed out: share and direction
};

// Values drawn in full colour. Diverging is drawn from -high to +high.
struct HeatmapRange {
    float low = 0.0f;
    float high = 1.0f;
    friend bool operator==(const HeatmapRange&, const HeatmapRange&) = default;
};

class HeatmapData
{
public:
    HeatmapData(HeatmapKind kind, qint64 rows, qint64 cols, HeatmapRange range)
        : m_kind(kind)
        , m_rows(rows)
        , m_cols(cols)
        , m_range(range)
    {
    }
    virtual ~HeatmapData() = default;
    HeatmapData(const HeatmapData&) = delete;
    HeatmapData& operator=(const HeatmapData&) = delete;

    [[nodiscard]] HeatmapKind kind() const { return m_kind; }
    [[nodiscard]] qint64 rows() const { return m_rows; }
    [[nodiscard]] qint64 cols() const { return m_cols; }
    [[nodiscard]] HeatmapRange range() const { return m_range; }

    // Values of `row` from column `firstCol` on; the range lies inside the matrix. Any thread.
    virtual void read(qint64 row, qint64 firstCol, std::span<float> out) const = 0;
    [[nodiscard]] float at(qint64 row, qint64 col) const
    {
        float value = 0.0f;
        read(row, col, {&value, 1});
        return value;
    }

private:
    HeatmapKind m_kind;
    qint64 m_rows, m_cols;
    HeatmapRange m_range;
};

// Floats in memory, [rows, cols] row-major.
class MatrixData final : public HeatmapData
{
public:
    MatrixData(HeatmapKind kind, qint64 rows, qint64 cols, std::vector<float> values, HeatmapRange range);
    void read(qint64 row, qint64 firstCol, std::span<float> out) const override;
    [[nodiscard]] const std::vector<float>& values() const { return m_values; }

private:
    std::vector<float> m_values;
};

// A packed ternary matrix, read in place.
class TernaryData final : public HeatmapData
{
public:
    // `owner` keeps borrowed codes alive (a mapped file); may be null when the tensor owns them.
    TernaryData(std::shared_ptr<const TernaryTensor> tensor, std::shared_ptr<const void> owner);
    void read(qint64 row, qint64 firstCol, std::span<float> out) const override;
    [[nodiscard]] const TernaryTensor& tensor() const { return *m_tensor; }

private:
    std::shared_ptr<const TernaryTensor> m_tensor;
    std::shared_ptr<const void> m_owner;
};

// Another matrix with its rows in another order. `order[i]` is the row of `base` shown as row i.
class ReorderedRows final : public HeatmapData
{
public:
    ReorderedRows(std::shared_ptr<const HeatmapData> base, std::vector<qint64> order);
    void read(qint64 row, qint64 firstCol, std::span<float> out) const override;
    [[nodiscard]] qint64 baseRow(qint64 row) const { return m_order[static_cast<std::size_t>(row)]; }

private:
    std::shared_ptr<const HeatmapData> m_base;
    std::vector<qint64> m_order;
};

// Range for signed values: high = the 99th percentile of |value| over at most about a million samples, so
// that single outliers do not turn the rest grey. At least 1e-9.
[[nodiscard]] HeatmapRange robustDivergingRange(std::span<const float> values);
// From the 1st to the 99th percentile.
[[nodiscard]] HeatmapRange robustSequentialRange(std::span<const float> values);

} // namespace mmfree::gui
