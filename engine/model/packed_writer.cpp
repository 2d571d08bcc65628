// Writing of the packed file (packed_model.h has its description), one tensor at a time.
#include "engine/model/packed_model.h"
#include "engine/model/safetensors.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace mmfree
{

namespace
{

namespace fs = std::filesystem;

constexpr float kLargestHalf = 65504.0f;
constexpr std::size_t kConvertBlock = 1 << 16; // values converted at a time

// What is written under one name, in the order of the file: big codes first, then halves, then floats, so
// that the codes of usual shapes stay on cache lines.
struct PlannedTensor {
    const TensorSpec* spec = nullptr;
    DType dtype = DType::U8;
};

bool fitsHalf(const ModelSource& source, const TensorSpec& spec)
{
    const TensorView view = source.view(spec.name);
    std::vector<float> block(kConvertBlock);
    const std::int64_t count = elementCount(spec.shape);
    for (std::int64_t first = 0; first < count; first += static_cast<std::int64_t>(kConvertBlock)) {
        const auto values = std::span(block).first(
            static_cast<std::size_t>(std::min<std::int64_t>(kConvertBlock, count - first)));
        copyToFloat(view, first, values);
        if (std::any_of(values.begin(), values.end(), [](float x) { return std::fabs(x) > kLargestHalf; }))
            return false;
    }
    return true;
}

DType packedDType(const ModelSource& source, const TensorSpec& spec)
{
    switch (spec.role) {
    case TensorRole::TernaryWeight:
        return DType::U8;
    case TensorRole::DenseWeight:
        return DType::BF16;
    case TensorRole::Embedding: {
        // f32 tables become F16: embeddings are small numbers and F16 keeps three bits more of them than
        // BF16.
        const DType stored = source.view(spec.name).dtype;
        if (stored != DType::F32)
            return stored;
        return fitsHalf(source, spec) ? DType::F16 : DType::BF16;
    }
    default:
        return DType::F32;
    }
}

// Writes the tensors of one model in planned order.
class PackedWriter
{
public:
    PackedWriter(const ModelSource& source, const fs::path& out, TernaryPacking packing)
        : m_source(source)
        , m_packing(packing)
        , m_writer(out)
        , m_schema(tensorSchema(source.config()))
    {
        for (const TensorSpec& spec : m_schema)
            m_plan.push_back({&spec, packedDType(source, spec)});
        std::stable_sort(m_plan.begin(), m_plan.end(),
                         [](const PlannedTensor& a, const PlannedTensor& b) { return order(a) < order(b); });
    }

    void declare(const ModelText& text)
    {
        m_writer.setMetadata("format", packed::kFormat);
        m_writer.setMetadata("version", packed::kVersion);
        m_writer.setMetadata("packing", packed::packingName(m_packing));
        m_writer.setMetadata("config", modelConfigToJson(m_source.config(), "bfloat16").dump());
        if (!text.chatTemplateJson.empty())
            m_writer.setMetadata("chat_template", text.chatTemplateJson);
        for (const PlannedTensor& planned : m_plan) {
            const Shape& shape = planned.spec->shape;
            const bool ternary = planned.dtype == DType::U8;
            m_writer.declare(planned.spec->name, planned.dtype,
                             ternary ? Shape{shape[0], packed::rowBytes(shape[1], m_packing)} : shape);
        }
        for (const PlannedTensor& planned : m_plan) {
            if (planned.dtype == DType::U8)
                m_writer.declare(packed::scaleName(planned.spec->name), DType::F32, {1});
        }
        if (!text.tokenizerModel.empty())
            m_writer.declare(packed::kTokenizerTensor, DType::U8,
                             {static_cast<std::int64_t>(text.tokenizerModel.size())});
    }

    // False: cancelled.
    bool writeTensors(bool (*progress)(void*, double), void* context)
    {
        std::int64_t total = 0, done = 0;
        for (const TensorSpec& spec : m_schema)
            total += elementCount(spec.shape);
        for (const PlannedTensor& planned : m_plan) {
            if (planned.dtype == DType::U8)
                writeTernary(planned.spec->name);
            else
                writeFloats(planned);
            m_source.release(planned.spec->name);
            done += elementCount(planned.spec->shape);
            if (progress && !progress(context, static_cast<double>(done) / static_cast<double>(total)))
                return false;
        }
        return true;
    }

    void finish(const ModelText& text)
    {
        m_writer.writeFloats(m_scales);
        m_writer.write(std::as_bytes(std::span(text.tokenizerModel)));
        m_writer.finish();
    }

private:
    static int order(const PlannedTensor& planned)
    {
        return planned.dtype == DType::U8 ? 0 : planned.dtype == DType::F32 ? 2 : 1;
    }
    void writeTernary(const std::string& name);
    void writeFloats(const PlannedTensor& planned);

    const ModelSource& m_source;
    TernaryPacking m_packing;
    SafetensorsWriter m_writer;
    std::vector<TensorSpec> m_schema;
    std::vector<PlannedTensor> m_plan;
    std::vector<float> m_scales; // of the ternary tensors in file order
};

void PackedWriter::writeTernary(const std::string& name)
{
    const TernaryTensor tensor = m_source.ternary(name);
    m_scales.push_back(tensor.scale);
    if (m_packing == TernaryPacking::TwoBit) {
        m_writer.write(std::as_bytes(tensor.codes));
        return;
    }
    std::vector<std::int8_t> weights(static_cast<std::size_t>(tensor.cols));
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(base3RowBytes(tensor.cols)));
    for (std::int64_t row = 0; row < tensor.rows; ++row) {
        tensor.unpackRow(row, weights);
        packBase3Row(weights, bytes);
        m_writer.write(std::as_bytes(std::span(bytes)));
    }
}

void PackedWriter::writeFloats(const PlannedTensor& planned)
{
    std::vector<float> values(static_cast<std::size_t>(elementCount(planned.spec->shape)));
    m_source.floats(planned.spec->name, values);
    if (planned.dtype == DType::F32) {
        m_writer.writeFloats(values);
        return;
    }
    std::vector<std::uint16_t> halves(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        halves[i] = planned.dtype == DType::BF16 ? floatToBfloat16(values[i]) : floatToHalf(values[i]);
    m_writer.write(std::as_bytes(std::span(halves)));
}

} // namespace

bool writePackedModel(const ModelSource& source, const fs::path& out, TernaryPacking packing,
                      const ModelText& text, bool (*progress)(void*, double), void* progressContext)
{
    PackedWriter writer(source, out, packing);
    writer.declare(text);
    if (!writer.writeTensors(progress, progressContext))
        return false;
    writer.finish(text);
    return true;
}

} // namespace mmfree
