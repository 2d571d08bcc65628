#include "widgets/explore/weight_data.h"

#include <algorithm>

namespace mmfree::gui
{

namespace
{

qint64 rowsOf(const TensorView& view)
{
    return view.shape.size() > 1 ? view.shape.front() : 1;
}
qint64 colsOf(const TensorView& view)
{
    return view.shape.back();
}

// From samples of the whole tensor.
HeatmapRange rangeOf(const TensorView& view)
{
    const std::int64_t count = elementCount(view.shape);
    const std::int64_t piece = std::min<std::int64_t>(count, 4096);
    const std::int64_t pieces = std::min<std::int64_t>(64, (count + piece - 1) / piece);
    std::vector<float> samples(static_cast<std::size_t>(pieces * piece));
    for (std::int64_t i = 0; i < pieces; ++i) {
        const std::int64_t first = pieces > 1 ? (count - piece) / (pieces - 1) * i : 0;
        copyToFloat(
            view, first,
            std::span(samples).subspan(static_cast<std::size_t>(i * piece), static_cast<std::size_t>(piece)));
    }
    return robustDivergingRange(samples);
}

} // namespace

StoredData::StoredData(std::shared_ptr<const ModelSource> source, TensorView view, HeatmapRange range)
    : HeatmapData(HeatmapKind::Diverging, rowsOf(view), colsOf(view), range)
    , m_source(std::move(source))
    , m_view(std::move(view))
{
}

void StoredData::read(qint64 row, qint64 firstCol, std::span<float> out) const
{
    copyToFloat(m_view, row * cols() + firstCol, out);
}

MarginData::MarginData(std::shared_ptr<const ModelSource> source, TensorView view, float scale)
    : HeatmapData(HeatmapKind::Sequential, rowsOf(view), colsOf(view), {0.0f, 1.5f * scale})
    , m_source(std::move(source))
    , m_view(std::move(view))
    , m_scale(scale)
{
}

void MarginData::read(qint64 row, qint64 firstCol, std::span<float> out) const
{
    copyToFloat(m_view, row * cols() + firstCol, out);
    for (float& value : out)
        value = static_cast<float>(marginToFlip(value, m_scale));
}

DifferenceData::DifferenceData(std::shared_ptr<const TernaryTensor> from,
                               std::shared_ptr<const TernaryTensor> to, std::shared_ptr<const void> owners)
    : HeatmapData(HeatmapKind::Transitions, to->rows, to->cols, {0.0f, 8.0f})
    , m_from(std::move(from))
    , m_to(std::move(to))
    , m_owners(std::move(owners))
{
}

void DifferenceData::read(qint64 row, qint64 firstCol, std::span<float> out) const
{
    for (std::size_t i = 0; i < out.size(); ++i) {
        const qint64 col = firstCol + static_cast<qint64>(i);
        out[i] = static_cast<float>(3 * (m_from->at(row, col) + 1) + m_to->at(row, col) + 1);
    }
}

PackedBytesData::PackedBytesData(std::shared_ptr<const TernaryTensor> tensor,
                                 std::shared_ptr<const void> owner)
    : HeatmapData(HeatmapKind::Sequential, tensor->rows, tensor->rowBytes(),
                  {0.0f, 170.0f}) // 170: four times +1
    , m_tensor(std::move(tensor))
    , m_owner(std::move(owner))
{
}

void PackedBytesData::read(qint64 row, qint64 firstCol, std::span<float> out) const
{
    const std::uint8_t* codes = m_tensor->codes.data() + row * m_tensor->rowBytes() + firstCol;
    std::copy_n(codes, out.size(), out.data());
}

MaskedData::MaskedData(std::shared_ptr<const HeatmapData> base, bool minus, bool plus)
    : HeatmapData(base->kind(), base->rows(), base->cols(), base->range())
    , m_base(std::move(base))
    , m_minus(minus)
    , m_plus(plus)
{
}

void MaskedData::read(qint64 row, qint64 firstCol, std::span<float> out) const
{
    m_base->read(row, firstCol, out);
    for (float& value : out) {
        if ((value < 0.0f && !m_minus) || (value > 0.0f && !m_plus))
            value = 0.0f;
    }
}

WeightPicture makeWeightPicture(const std::shared_ptr<const ModelSource>& source,
                                const std::shared_ptr<const ModelSource>& reference, const TensorSpec& spec,
                                WeightMode mode)
{
    WeightPicture picture;
    if (spec.role != TensorRole::TernaryWeight) {
        const TensorView view = source->view(spec.name);
        picture.data = std::make_shared<StoredData>(source, view, rangeOf(view));
        return picture;
    }
    picture.ternary = std::make_shared<const TernaryTensor>(source->ternary(spec.name));
    picture.scale = picture.ternary->scale;
    picture.profile = profileOf(*picture.ternary);
    switch (mode) {
    case WeightMode::Latent: {
        const TensorView view = source->view(spec.name);
        picture.data = std::make_shared<StoredData>(
            source, view, HeatmapRange{-1.5f * picture.scale, 1.5f * picture.scale});
        return picture;
    }
    case WeightMode::Margin:
        picture.data = std::make_shared<MarginData>(source, source->view(spec.name), picture.scale);
        return picture;
    case WeightMode::Difference: {
        const auto from = std::make_shared<const TernaryTensor>(reference->ternary(spec.name));
        picture.transitions = countTransitions(*from, *picture.ternary);
        picture.data = std::make_shared<DifferenceData>(
            from, picture.ternary,
            std::make_shared<
                std::pair<std::shared_ptr<const ModelSource>, std::shared_ptr<const ModelSource>>>(
                source, reference));
        return picture;
    }
    case WeightMode::PackedBytes:
        picture.data = std::make_shared<PackedBytesData>(picture.ternary, source);
        return picture;
    case WeightMode::Signs:
    case WeightMode::Values:
        break;
    }
    picture.data = std::make_shared<TernaryData>(picture.ternary, source);
    return picture;
}

} // namespace mmfree::gui
