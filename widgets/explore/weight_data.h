// Matrices of a model as heatmaps: signs, latent weights, margins to the next flip, differences of two
// checkpoints, the packed bytes. They read the model's files in place. Made on a worker thread, read by the
// heatmap's.
#pragma once

#include "engine/analysis/tensor_statistics.h"
#include "widgets/views/heatmap/heatmap_data.h"

#include <memory>

namespace mmfree::gui
{

enum class WeightMode { Signs, Latent, Margin, Difference, PackedBytes, Values };

// Values of a tensor of any float dtype, read in place; one-dimensional ones are a row.
class StoredData final : public HeatmapData
{
public:
    StoredData(std::shared_ptr<const ModelSource> source, TensorView view, HeatmapRange range);
    void read(qint64 row, qint64 firstCol, std::span<float> out) const override;

private:
    std::shared_ptr<const ModelSource> m_source; // owns the bytes
    TensorView m_view;
};

// Distance of a latent weight to the value at which its ternary weight changes.
class MarginData final : public HeatmapData
{
public:
    MarginData(std::shared_ptr<const ModelSource> source, TensorView view, float scale);
    void read(qint64 row, qint64 firstCol, std::span<float> out) const override;

private:
    std::shared_ptr<const ModelSource> m_source;
    TensorView m_view;
    float m_scale;
};

class DifferenceData final : public HeatmapData
{
public:
    DifferenceData(std::shared_ptr<const TernaryTensor> from, std::shared_ptr<const TernaryTensor> to,
                   std::shared_ptr<const void> owners);
    void read(qint64 row, qint64 firstCol, std::span<float> out) const override;

private:
    std::shared_ptr<const TernaryTensor> m_from, m_to;
    std::shared_ptr<const void> m_owners;
};

// Four weights a byte, as kernels read them.
class PackedBytesData final : public HeatmapData
{
public:
    PackedBytesData(std::shared_ptr<const TernaryTensor> tensor, std::shared_ptr<const void> owner);
    void read(qint64 row, qint64 firstCol, std::span<float> out) const override;

private:
    std::shared_ptr<const TernaryTensor> m_tensor;
    std::shared_ptr<const void> m_owner;
};

// Only chosen signs of a ternary matrix; the others are shown as 0.
class MaskedData final : public HeatmapData
{
public:
    MaskedData(std::shared_ptr<const HeatmapData> base, bool minus, bool plus);
    void read(qint64 row, qint64 firstCol, std::span<float> out) const override;

private:
    std::shared_ptr<const HeatmapData> m_base;
    bool m_minus, m_plus;
};

// What the Weights view shows of one tensor.
struct WeightPicture {
    std::shared_ptr<const HeatmapData> data;
    std::shared_ptr<const TernaryTensor> ternary; // null: not a ternary tensor
    TernaryProfile profile;                       // of ternary tensors
    Transitions transitions{};                    // of Difference
    float scale = 0.0f;
};
// Any thread. `reference` is needed for Difference only. Throws like ModelSource.
[[nodiscard]] WeightPicture makeWeightPicture(const std::shared_ptr<const ModelSource>& source,
                                              const std::shared_ptr<const ModelSource>& reference,
                                              const TensorSpec& spec, WeightMode mode);

} // namespace mmfree::gui
