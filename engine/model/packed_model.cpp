// Reading and writing of the packed file (packed_model.h has its description). Opening reads the header and
// three short strings; 2-bit codes are used in place, base-3 rows are expanded to 2-bit codes when asked for.
#include "engine/model/packed_model.h"

#include "engine/model/json_reader.h"
#include "engine/model/safetensors.h"
#include "engine/model/tensor_access.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace mmfree
{

namespace
{

namespace fs = std::filesystem;

constexpr const char* kFormat = "mmfree-packed";
constexpr const char* kVersion = "1";
constexpr const char* kTokenizerTensor = "tokenizer.model";
constexpr float kLargestHalf = 65504.0f;
constexpr std::size_t kConvertBlock = 1 << 16; // values converted at a time

std::string scaleName(const std::string& name)
{
    return name + ".scale";
}
const char* packingName(TernaryPacking packing)
{
    return packing == TernaryPacking::TwoBit ? "2bit" : "base3";
}

std::int64_t packedRowBytes(std::int64_t cols, TernaryPacking packing)
{
    return packing == TernaryPacking::TwoBit ? (cols + 3) / 4 : base3RowBytes(cols);
}

// -1/0/+1 -> the 2-bit codes of one row, padding 1.
void packTwoBitRow(std::span<const std::int8_t> weights, std::span<std::uint8_t> out)
{
    for (std::size_t byte = 0; byte < out.size(); ++byte) {
        unsigned value = 0;
        for (std::size_t k = 0; k < 4; ++k) {
            const std::size_t col = 4 * byte + k;
            value |= static_cast<unsigned>((col < weights.size() ? weights[col] : 0) + 1) << (2 * k);
        }
        out[byte] = static_cast<std::uint8_t>(value);
    }
}

class PackedSource final : public ModelSource
{
public:
    explicit PackedSource(const fs::path& path)
        : m_file(path)
        , m_packing(readPacking())
        , m_config(readConfig())
        , m_schema(m_config)
    {
        checkTensors();
        if (const auto found = m_file.metadata().find("chat_template"); found != m_file.metadata().end())
            m_text.chatTemplateJson = found->second;
        if (const TensorView* tokenizer = m_file.find(kTokenizerTensor)) {
            requireTensor(kTokenizerTensor, *tokenizer, DType::U8,
                          {static_cast<std::int64_t>(tokenizer->bytes.size())});
            m_text.tokenizerModel.assign(reinterpret_cast<const char*>(tokenizer->bytes.data()),
                                         tokenizer->bytes.size());
        }
    }

    const ModelConfig& config() const override { return m_config; }
    const ModelText& text() const override { return m_text; }
    std::string name() const override { return modelNameOf(m_file.path()); }
    fs::path path() const override { return m_file.path(); }
    std::uint64_t fileBytes() const override { return m_file.file().bytes().size(); }
    TernaryTensor ternary(const std::string& name) const override;
    void floats(const std::string& name, std::span<float> out) const override
    {
        copyFinite(view(name), out, label(name));
    }
    TensorView view(const std::string& name) const override
    {
        if (m_schema.spec(name).role == TensorRole::TernaryWeight)
            throw Error(ErrorCode::InvalidArgument,
                        label(name) + " is packed, its latent values are not in the file");
        return m_file.require(name);
    }
    bool hasLatentWeights() const override { return !m_config.isTernary(); }
    void release(const std::string& name) const override
    {
        m_file.file().dropPages(m_file.require(name).bytes);
    }

private:
    [[nodiscard]] std::string label(const std::string& name) const
    {
        return m_file.path().string() + ": tensor " + name;
    }
    [[nodiscard]] const std::string& metadata(const char* key) const;
    [[nodiscard]] TernaryPacking readPacking() const;
    [[nodiscard]] ModelConfig readConfig() const
    {
        return parseModelConfig(metadata("config"), m_file.path().string() + ": config");
    }
    void requireTensor(const std::string& name, const TensorView& view, DType dtype,
                       const Shape& shape) const;
    void checkTensors() const;
    void checkTwoBitCodes(const TernaryTensor& tensor, const std::string& name) const;
    void expandBase3(TernaryTensor& tensor, std::span<const std::uint8_t> bytes,
                     const std::string& name) const;

    SafetensorsFile m_file;
    TernaryPacking m_packing;
    ModelConfig m_config;
    SchemaIndex m_schema;
    ModelText m_text;
};

const std::string& PackedSource::metadata(const char* key) const
{
    const auto found = m_file.metadata().find(key);
    if (found == m_file.metadata().end())
        throw Error(ErrorCode::InvalidFile, m_file.path().string() + ": metadata " + key +
                                                " is missing, needed: as written by "
                                                "this program");
    return found->second;
}

TernaryPacking PackedSource::readPacking() const
{
    const std::string path = m_file.path().string();
    const auto format = m_file.metadata().find("format");
    if (format == m_file.metadata().end() || format->second != kFormat) {
        throw Error(
            ErrorCode::InvalidFile,
            path + ": not a packed model (metadata format is " +
                (format == m_file.metadata().end() ? "missing" : "\"" + printable(format->second) + "\"") +
                ", needed: \"" + kFormat + "\"); open the folder that holds the file and its config.json");
    }
    if (metadata("version") != kVersion)
        throw Error(ErrorCode::InvalidFile, path + ": packed format version is \"" +
                                                printable(metadata("version")) + "\", needed: \"" + kVersion +
                                                "\"");
    for (const TernaryPacking packing : {TernaryPacking::TwoBit, TernaryPacking::Base3}) {
        if (metadata("packing") == packingName(packing))
            return packing;
    }
    throw Error(ErrorCode::InvalidFile, path + ": packing is \"" + printable(metadata("packing")) +
                                            "\", needed: \"2bit\" or \"base3\"");
}

void PackedSource::requireTensor(const std::string& name, const TensorView& view, DType dtype,
                                 const Shape& shape) const
{
    if (view.dtype != dtype || view.shape != shape)
        throw Error(ErrorCode::InvalidFile, label(name) + " is " + std::string(dtypeName(view.dtype)) +
                                                " of shape " + shapeText(view.shape) +
                                                ", needed: " + std::string(dtypeName(dtype)) + " of shape " +
                                                shapeText(shape));
}

void PackedSource::checkTensors() const
{
    std::size_t known = m_file.find(kTokenizerTensor) ? 1 : 0;
    for (const auto& [name, spec] : m_schema.specs()) {
        const TensorView& stored = m_file.require(name);
        ++known;
        if (spec.role == TensorRole::TernaryWeight) {
            requireTensor(name, stored, DType::U8, {spec.shape[0], packedRowBytes(spec.shape[1], m_packing)});
            requireTensor(scaleName(name), m_file.require(scaleName(name)), DType::F32, {1});
            ++known;
        } else {
            const bool half = stored.dtype == DType::F16 || stored.dtype == DType::BF16;
            requireTensor(name, stored, half ? stored.dtype : DType::F32, spec.shape);
        }
    }
    if (known == m_file.tensors().size())
        return;
    for (const auto& [name, view] : m_file.tensors()) {
        const bool scale = name.ends_with(".scale") && m_schema.contains(name.substr(0, name.size() - 6)) &&
                           m_schema.spec(name.substr(0, name.size() - 6)).role == TensorRole::TernaryWeight;
        if (!scale && name != kTokenizerTensor && !m_schema.contains(name))
            throw Error(ErrorCode::InvalidFile,
                        label(printable(name)) + " is not part of a " + describeModel(m_config));
    }
}

TernaryTensor PackedSource::ternary(const std::string& name) const
{
    const TensorSpec& spec = m_schema.ternarySpec(name);
    TernaryTensor tensor;
    tensor.rows = spec.shape[0];
    tensor.cols = spec.shape[1];
    std::memcpy(&tensor.scale, m_file.require(scaleName(name)).bytes.data(), sizeof(float));
    if (!std::isfinite(tensor.scale))
        throw Error(ErrorCode::NumericFailure, label(scaleName(name)) + " is " +
                                                   std::to_string(tensor.scale) +
                                                   ", needed: a finite number");
    const std::span<const std::byte> bytes = m_file.require(name).bytes;
    const std::span<const std::uint8_t> codes(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                              bytes.size());
    if (m_packing == TernaryPacking::TwoBit) {
        tensor.codes = codes;
        checkTwoBitCodes(tensor, name);
    } else {
        expandBase3(tensor, codes, name);
    }
    return tensor;
}

void PackedSource::checkTwoBitCodes(const TernaryTensor& tensor, const std::string& name) const
{
    // Code 3 has both bits set: x & (x >> 1) has the low bit of such a pair.
    unsigned found = 0;
    for (const std::uint8_t byte : tensor.codes)
        found |= byte & (byte >> 1) & 0x55u;
    const std::int64_t padding = tensor.rowBytes() * 4 - tensor.cols;
    const unsigned lastMask = padding ? 0xFFu << (8 - 2 * padding) & 0xFFu : 0u;
    bool paddingIsZero = true;
    for (std::int64_t row = 0; padding && row < tensor.rows; ++row)
        paddingIsZero &= (tensor.codes[static_cast<std::size_t>((row + 1) * tensor.rowBytes() - 1)] &
                          lastMask) == (0x55u & lastMask);
    if (!found && paddingIsZero)
        return;
    for (std::size_t i = 0; i < tensor.codes.size() && found; ++i) {
        if (tensor.codes[i] & (tensor.codes[i] >> 1) & 0x55u)
            throw Error(ErrorCode::InvalidFile, label(name) + ": byte " + std::to_string(i) + " is " +
                                                    std::to_string(tensor.codes[i]) +
                                                    ", needed: four codes from 0 to 2");
    }
    throw Error(ErrorCode::InvalidFile, label(name) + ": the padding of a row is not zero weights");
}

void PackedSource::expandBase3(TernaryTensor& tensor, std::span<const std::uint8_t> bytes,
                               const std::string& name) const
{
    const std::size_t inRow = static_cast<std::size_t>(base3RowBytes(tensor.cols));
    const std::size_t outRow = static_cast<std::size_t>(tensor.rowBytes());
    tensor.storage = AlignedBuffer<std::uint8_t>(static_cast<std::size_t>(tensor.rows) * outRow);
    tensor.codes = tensor.storage.span();
    std::vector<std::int8_t> weights(static_cast<std::size_t>(tensor.cols));
    for (std::size_t row = 0; row < static_cast<std::size_t>(tensor.rows); ++row) {
        try {
            unpackBase3Row(bytes.subspan(row * inRow, inRow), weights);
        } catch (const Error& error) {
            throw Error(error.code(), label(name) + ": row " + std::to_string(row) + ": " + error.what());
        }
        packTwoBitRow(weights, tensor.storage.span().subspan(row * outRow, outRow));
    }
}

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
        m_writer.setMetadata("format", kFormat);
        m_writer.setMetadata("version", kVersion);
        m_writer.setMetadata("packing", packingName(m_packing));
        m_writer.setMetadata("config", modelConfigToJson(m_source.config(), "bfloat16").dump());
        if (!text.chatTemplateJson.empty())
            m_writer.setMetadata("chat_template", text.chatTemplateJson);
        for (const PlannedTensor& planned : m_plan) {
            const Shape& shape = planned.spec->shape;
            const bool ternary = planned.dtype == DType::U8;
            m_writer.declare(planned.spec->name, planned.dtype,
                             ternary ? Shape{shape[0], packedRowBytes(shape[1], m_packing)} : shape);
        }
        for (const PlannedTensor& planned : m_plan) {
            if (planned.dtype == DType::U8)
                m_writer.declare(scaleName(planned.spec->name), DType::F32, {1});
        }
        if (!text.tokenizerModel.empty())
            m_writer.declare(kTokenizerTensor, DType::U8,
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

std::shared_ptr<const ModelSource> openPackedModel(const fs::path& path)
{
    return std::make_shared<PackedSource>(path);
}

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
