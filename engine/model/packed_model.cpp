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
        if (const TensorView* tokenizer = m_file.find(packed::kTokenizerTensor)) {
            requireTensor(packed::kTokenizerTensor, *tokenizer, DType::U8,
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
    if (format == m_file.metadata().end() || format->second != packed::kFormat) {
        throw Error(
            ErrorCode::InvalidFile,
            path + ": not a packed model (metadata format is " +
                (format == m_file.metadata().end() ? "missing" : "\"" + printable(format->second) + "\"") +
                ", needed: \"" + packed::kFormat +
                "\"); open the folder that holds the file and its config.json");
    }
    if (metadata("version") != packed::kVersion)
        throw Error(ErrorCode::InvalidFile, path + ": packed format version is \"" +
                                                printable(metadata("version")) + "\", needed: \"" +
                                                packed::kVersion + "\"");
    for (const TernaryPacking packing : {TernaryPacking::TwoBit, TernaryPacking::Base3}) {
        if (metadata("packing") == packed::packingName(packing))
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
    std::size_t known = m_file.find(packed::kTokenizerTensor) ? 1 : 0;
    for (const auto& [name, spec] : m_schema.specs()) {
        const TensorView& stored = m_file.require(name);
        ++known;
        if (spec.role == TensorRole::TernaryWeight) {
            requireTensor(name, stored, DType::U8,
                          {spec.shape[0], packed::rowBytes(spec.shape[1], m_packing)});
            requireTensor(packed::scaleName(name), m_file.require(packed::scaleName(name)), DType::F32, {1});
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
        if (!scale && name != packed::kTokenizerTensor && !m_schema.contains(name))
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
    std::memcpy(&tensor.scale, m_file.require(packed::scaleName(name)).bytes.data(), sizeof(float));
    if (!std::isfinite(tensor.scale) || !(tensor.scale > 0.0f))
        throw Error(ErrorCode::NumericFailure, label(packed::scaleName(name)) + " is " +
                                                   std::to_string(tensor.scale) +
                                                   ", needed: a finite number above 0");
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

} // namespace

std::shared_ptr<const ModelSource> openPackedModel(const fs::path& path)
{
    return std::make_shared<PackedSource>(path);
}

} // namespace mmfree
