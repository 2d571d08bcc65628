// The flat parameter array: layout, initialisation, loading, the source over it and the folder written from
// it.
#include "engine/model/parameters.h"

#include "engine/core/random.h"
#include "engine/model/json_reader.h"
#include "engine/model/safetensors.h"
#include "engine/model/tensor_access.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

namespace mmfree
{

namespace
{

namespace fs = std::filesystem;

constexpr std::int64_t kSlotAlignment = 16;  // elements: one cache line, one 512-bit register
constexpr std::size_t kWriteBlock = 1 << 16; // values converted at a time

std::span<const float> slotValues(const ParameterSlot& slot, std::span<const float> values)
{
    return values.subspan(static_cast<std::size_t>(slot.offset), static_cast<std::size_t>(slot.count));
}

std::span<float> slotValues(const ParameterSlot& slot, std::span<float> values)
{
    return values.subspan(static_cast<std::size_t>(slot.offset), static_cast<std::size_t>(slot.count));
}

class ParameterSource final : public ModelSource
{
public:
    ParameterSource(std::shared_ptr<const ParameterLayout> layout,
                    std::shared_ptr<const AlignedBuffer<float>> values, ModelText text, std::string name)
        : m_layout(std::move(layout))
        , m_values(std::move(values))
        , m_text(std::move(text))
        , m_name(std::move(name))
        , m_schema(m_layout->config())
    {
    }

    const ModelConfig& config() const override { return m_layout->config(); }
    const ModelText& text() const override { return m_text; }
    std::string name() const override { return m_name; }
    fs::path path() const override { return {}; }
    std::uint64_t fileBytes() const override { return 0; }
    TernaryTensor ternary(const std::string& name) const override
    {
        (void)m_schema.ternarySpec(name);
        return quantizeTernary(view(name), "tensor " + name);
    }
    void floats(const std::string& name, std::span<float> out) const override
    {
        copyFinite(view(name), out, "tensor " + name);
    }
    TensorView view(const std::string& name) const override
    {
        const Shape& shape = m_schema.spec(name).shape;
        return {DType::F32, shape, std::as_bytes(slotValues(m_layout->slot(name), m_values->span()))};
    }
    bool hasLatentWeights() const override { return true; }
    void release(const std::string&) const override {} // memory, not a mapping

private:
    std::shared_ptr<const ParameterLayout> m_layout;
    std::shared_ptr<const AlignedBuffer<float>> m_values;
    ModelText m_text;
    std::string m_name;
    SchemaIndex m_schema;
};

void writeAs(SafetensorsWriter& writer, std::span<const float> values, DType dtype)
{
    if (dtype == DType::F32) {
        writer.writeFloats(values);
        return;
    }
    std::vector<std::uint16_t> halves(std::min(values.size(), kWriteBlock));
    for (std::size_t first = 0; first < values.size(); first += kWriteBlock) {
        const std::size_t count = std::min(kWriteBlock, values.size() - first);
        for (std::size_t i = 0; i < count; ++i)
            halves[i] =
                dtype == DType::BF16 ? floatToBfloat16(values[first + i]) : floatToHalf(values[first + i]);
        writer.write(std::as_bytes(std::span(halves).first(count)));
    }
}

void initializeSlot(const ParameterSlot& slot, Random random, std::span<float> out)
{
    const double deviation = slot.spec.initStandardDeviation;
    if (deviation == 0.0) {
        std::fill(out.begin(), out.end(), slot.spec.role == TensorRole::Norm ? 1.0f : 0.0f);
    } else if (slot.spec.initUniform) {
        const double bound = deviation * std::sqrt(3.0);
        for (float& value : out)
            value = static_cast<float>((2.0 * random.uniform() - 1.0) * bound);
    } else {
        for (float& value : out)
            value = static_cast<float>(random.normal() * deviation);
    }
}

// Latents that quantise to the same codes and scale m: with a share p of weights that are not 0, those at
// +-m/p have the mean |W| = m and lie beyond the threshold m/2, because p <= 1.
void latentsFromCodes(const TernaryTensor& ternary, std::span<float> out)
{
    std::vector<std::int8_t> row(static_cast<std::size_t>(ternary.cols));
    std::int64_t used = 0;
    for (std::int64_t r = 0; r < ternary.rows; ++r) {
        ternary.unpackRow(r, row);
        for (std::size_t c = 0; c < row.size(); ++c) {
            out[static_cast<std::size_t>(r * ternary.cols) + c] = row[c];
            used += row[c] != 0;
        }
    }
    const double size = used > 0 ? static_cast<double>(ternary.scale) * static_cast<double>(out.size()) /
                                       static_cast<double>(used)
                                 : 0.0;
    for (float& value : out)
        value *= static_cast<float>(size);
}

} // namespace

ParameterLayout::ParameterLayout(const ModelConfig& config)
    : m_config(config)
{
    for (TensorSpec& spec : tensorSchema(config)) {
        const std::int64_t count = elementCount(spec.shape);
        m_byName.emplace(spec.name, m_slots.size());
        m_slots.push_back({std::move(spec), m_size, count});
        m_size += (count + kSlotAlignment - 1) / kSlotAlignment * kSlotAlignment;
    }
}

const ParameterSlot& ParameterLayout::slot(const std::string& name) const
{
    const auto found = m_byName.find(name);
    assert(found != m_byName.end());
    return m_slots[found->second];
}

void initializeParameters(const ParameterLayout& layout, std::uint64_t seed, std::span<float> out)
{
    assert(static_cast<std::int64_t>(out.size()) == layout.size());
    std::fill(out.begin(), out.end(), 0.0f);
    for (std::size_t i = 0; i < layout.entries().size(); ++i) {
        const ParameterSlot& slot = layout.entries()[i];
        initializeSlot(slot, Random(seed, i), slotValues(slot, out)); // a stream per tensor
    }
}

void loadParameters(const ParameterLayout& layout, const ModelSource& source, std::span<float> out)
{
    assert(static_cast<std::int64_t>(out.size()) == layout.size());
    std::fill(out.begin(), out.end(), 0.0f);
    const SchemaIndex schema(source.config());
    for (const ParameterSlot& slot : layout.entries()) {
        const bool known = schema.contains(slot.spec.name);
        if (!known || schema.spec(slot.spec.name).shape != slot.spec.shape) {
            throw Error(ErrorCode::InvalidArgument,
                        source.name() + ": tensor " + slot.spec.name + " is " +
                            (known ? "of shape " + shapeText(schema.spec(slot.spec.name).shape)
                                   : std::string("missing")) +
                            ", needed: " + shapeText(slot.spec.shape));
        }
        if (slot.spec.role == TensorRole::TernaryWeight && !source.hasLatentWeights())
            latentsFromCodes(source.ternary(slot.spec.name), slotValues(slot, out));
        else
            source.floats(slot.spec.name, slotValues(slot, out));
        source.release(slot.spec.name);
    }
}

std::shared_ptr<const ModelSource> makeParameterSource(std::shared_ptr<const ParameterLayout> layout,
                                                       std::shared_ptr<const AlignedBuffer<float>> values,
                                                       ModelText text, const std::string& name)
{
    assert(static_cast<std::int64_t>(values->size()) == layout->size());
    return std::make_shared<ParameterSource>(std::move(layout), std::move(values), std::move(text), name);
}

void writeModelFolder(const ParameterLayout& layout, std::span<const float> values, const ModelText& text,
                      const fs::path& folder, DType dtype)
{
    assert(static_cast<std::int64_t>(values.size()) == layout.size());
    assert(dtype == DType::F32 || dtype == DType::F16 || dtype == DType::BF16);
    std::error_code failure;
    fs::create_directories(folder, failure);
    if (failure)
        throw Error(ErrorCode::Io, folder.string() + ": cannot create the folder: " + failure.message());

    SafetensorsWriter writer(folder / "model.safetensors");
    writer.setMetadata("format", "pt");
    for (const ParameterSlot& slot : layout.entries())
        writer.declare(slot.spec.name, dtype, slot.spec.shape);
    for (const ParameterSlot& slot : layout.entries())
        writeAs(writer, slotValues(slot, values), dtype);
    writer.finish();

    if (!text.tokenizerModel.empty())
        writeFileAtomically(folder / "tokenizer.model", text.tokenizerModel);
    if (!text.chatTemplateJson.empty())
        writeFileAtomically(folder / "chat_template.json", text.chatTemplateJson);
    // Last, because it is what makes the folder a model.
    const char* torchDtype = dtype == DType::F32 ? "float32" : dtype == DType::F16 ? "float16" : "bfloat16";
    writeFileAtomically(folder / "config.json",
                        modelConfigToJson(layout.config(), torchDtype).dump(2) + "\n");
}

} // namespace mmfree
