#include "widgets/views/heatmap/heatmap_data.h"

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

// Finite samples at a regular stride.
std::vector<float> samples(std::span<const float> values, bool magnitude)
{
    constexpr std::size_t kLimit = std::size_t{1} << 20;
    const std::size_t stride = std::max<std::size_t>(1, values.size() / kLimit);
    std::vector<float> result;
    result.reserve(values.size() / stride + 1);
    for (std::size_t i = 0; i < values.size(); i += stride) {
        if (std::isfinite(values[i]))
            result.push_back(magnitude ? std::fabs(values[i]) : values[i]);
    }
    return result;
}

float percentile(std::vector<float>& values, double share)
{
    const auto index = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
    const auto place = values.begin() + static_cast<std::ptrdiff_t>(index);
    std::nth_element(values.begin(), place, values.end());
    return *place;
}

} // namespace

MatrixData::MatrixData(HeatmapKind kind, qint64 rows, qint64 cols, std::vector<float> values,
                       HeatmapRange range)
    : HeatmapData(kind, rows, cols, range)
    , m_values(std::move(values))
{
    Q_ASSERT(static_cast<qint64>(m_values.size()) == rows * cols);
}

void MatrixData::read(qint64 row, qint64 firstCol, std::span<float> out) const
{
    std::copy_n(m_values.data() + row * cols() + firstCol, out.size(), out.data());
}

TernaryData::TernaryData(std::shared_ptr<const TernaryTensor> tensor, std::shared_ptr<const void> owner)
    : HeatmapData(HeatmapKind::Ternary, tensor->rows, tensor->cols, {-1.0f, 1.0f})
    , m_tensor(std::move(tensor))
    , m_owner(std::move(owner))
{
}

void TernaryData::read(qint64 row, qint64 firstCol, std::span<float> out) const
{
    static constexpr float kValues[4] = {-1.0f, 0.0f, 1.0f, 0.0f};
    const std::uint8_t* codes = m_tensor->codes.data() + row * m_tensor->rowBytes();
    std::size_t i = 0;
    qint64 col = firstCol;
    for (; i < out.size() && col % 4 != 0; ++i, ++col)
        out[i] = kValues[(codes[col / 4] >> (2 * (col % 4))) & 3];
    for (; i + 4 <= out.size(); i += 4, col += 4) {
        const unsigned byte = codes[col / 4];
        out[i] = kValues[byte & 3];
        out[i + 1] = kValues[(byte >> 2) & 3];
        out[i + 2] = kValues[(byte >> 4) & 3];
        out[i + 3] = kValues[byte >> 6];
    }
    for (; i < out.size(); ++i, ++col)
        out[i] = kValues[(codes[col / 4] >> (2 * (col % 4))) & 3];
}

ReorderedRows::ReorderedRows(std::shared_ptr<const HeatmapData> base, std::vector<qint64> order)
    : HeatmapData(base->kind(), static_cast<qint64>(order.size()), base->cols(), base->range())
    , m_base(std::move(base))
    , m_order(std::move(order))
{
}

void ReorderedRows::read(qint64 row, qint64 firstCol, std::span<float> out) const
{
    m_base->read(m_order[static_cast<std::size_t>(row)], firstCol, out);
}

HeatmapRange robustDivergingRange(std::span<const float> values)
{
    std::vector<float> magnitudes = samples(values, true);
    if (magnitudes.empty())
        return {-1.0f, 1.0f};
    const float high = std::max(percentile(magnitudes, 0.99), 1e-9f);
    return {-high, high};
}

HeatmapRange robustSequentialRange(std::span<const float> values)
{
    std::vector<float> finite = samples(values, false);
    if (finite.empty())
        return {0.0f, 1.0f};
    const float low = percentile(finite, 0.01);
    const float high = percentile(finite, 0.99);
    return {low, high > low ? high : low + std::max(std::fabs(low) * 1e-3f, 1e-9f)};
}

} // namespace mmfree::gui
