// A model of random weights for a shape: what benchmarks of sizes nobody has published run on. Weights are
// made when asked for, from (seed, tensor name) alone, so that a 13-billion shape needs no file and no memory
// here.
#include "engine/core/error.h"
#include "engine/core/random.h"
#include "engine/model/model_source.h"
#include "engine/model/tensor_access.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <mutex>

namespace mmfree
{

namespace
{

constexpr double kEmbeddingDeviation = 0.02;

// Random byte -> byte of four codes 0..2. 256 is not a multiple of 81: 243 values give each of the 81 bytes
// three times, the other 13 repeat spread-out ones, so each code is within 2 % of a third.
std::array<std::uint8_t, 256> makeCodeTable()
{
    std::array<std::uint8_t, 256> table;
    for (unsigned i = 0; i < table.size(); ++i) {
        unsigned digits = i < 243 ? i / 3 : (i - 243) * 80 / 12;
        unsigned byte = 0;
        for (unsigned k = 0; k < 4; ++k, digits /= 3)
            byte |= digits % 3 << (2 * k);
        table[i] = static_cast<std::uint8_t>(byte);
    }
    return table;
}

std::uint64_t hashName(const std::string& name) // FNV-1a
{
    std::uint64_t hash = 0xCBF29CE484222325ull;
    for (const char character : name)
        hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001B3ull;
    return hash;
}

class RandomSource final : public ModelSource
{
public:
    RandomSource(const ModelConfig& config, std::uint64_t seed, std::string name)
        : m_config(config)
        , m_seed(seed)
        , m_name(std::move(name))
        , m_schema(config)
        , m_codes(makeCodeTable())
    {
    }

    const ModelConfig& config() const override { return m_config; }
    const ModelText& text() const override { return m_text; }
    std::string name() const override { return m_name; }
    std::filesystem::path path() const override { return {}; }
    std::uint64_t fileBytes() const override { return 0; }
    TernaryTensor ternary(const std::string& name) const override;
    void floats(const std::string& name, std::span<float> out) const override
    {
        copyFinite(view(name), out, name);
    }
    TensorView view(const std::string& name) const override;
    bool hasLatentWeights() const override { return !m_config.isTernary(); }
    void release(const std::string&) const override {} // views must outlive the call

private:
    [[nodiscard]] Random stream(const std::string& name) const { return Random(m_seed, hashName(name)); }
    [[nodiscard]] AlignedBuffer<std::uint16_t> makeValues(const TensorSpec& spec) const;

    ModelConfig m_config;
    std::uint64_t m_seed;
    std::string m_name;
    ModelText m_text;
    SchemaIndex m_schema;
    std::array<std::uint8_t, 256> m_codes;
    mutable std::mutex m_mutex;                                           // guards m_values
    mutable std::map<std::string, AlignedBuffer<std::uint16_t>> m_values; // bf16, kept: views point into them
};

TernaryTensor RandomSource::ternary(const std::string& name) const
{
    const TensorSpec& spec = m_schema.ternarySpec(name);
    TernaryTensor tensor;
    tensor.rows = spec.shape[0];
    tensor.cols = spec.shape[1];
    tensor.scale =
        1.0f / std::sqrt(static_cast<float>(tensor.cols)); // outputs of unit size for inputs of unit size
    const std::size_t bytes = static_cast<std::size_t>(tensor.rows * tensor.rowBytes());
    tensor.storage = AlignedBuffer<std::uint8_t>(bytes);
    std::uint8_t* out = tensor.storage.data();
    Random random = stream(name);
    for (std::size_t i = 0; i < bytes; i += 8) {
        std::uint64_t bits = random.bits();
        std::array<std::uint8_t, 8> piece;
        for (std::uint8_t& byte : piece) {
            byte = m_codes[bits & 0xFFu];
            bits >>= 8;
        }
        std::memcpy(out + i, piece.data(), std::min<std::size_t>(8, bytes - i));
    }
    if (const std::int64_t used = tensor.cols % 4; used != 0) {
        const unsigned mask = (1u << (2 * used)) - 1;
        for (std::int64_t row = 0; row < tensor.rows; ++row) {
            std::uint8_t& last = out[(row + 1) * tensor.rowBytes() - 1];
            last = static_cast<std::uint8_t>((last & mask) | (0x55u & ~mask)); // padding codes are 1
        }
    }
    tensor.codes = tensor.storage.span();
    return tensor;
}

// Uniform bf16 values, four from each 64-bit number; constants for norms and lower bounds.
AlignedBuffer<std::uint16_t> RandomSource::makeValues(const TensorSpec& spec) const
{
    const std::size_t count = static_cast<std::size_t>(elementCount(spec.shape));
    AlignedBuffer<std::uint16_t> values(count);
    if (spec.role == TensorRole::Norm || spec.role == TensorRole::LowerBounds) {
        const std::uint16_t constant = floatToBfloat16(spec.role == TensorRole::Norm ? 1.0f : 0.0f);
        for (std::uint16_t& value : values.span())
            value = constant;
        return values;
    }
    const double deviation = spec.role == TensorRole::Embedding
                                 ? kEmbeddingDeviation
                                 : 1.0 / std::sqrt(static_cast<double>(spec.shape[1]));
    const float step = static_cast<float>(deviation * std::sqrt(3.0) / 32768.0);
    Random random = stream(spec.name);
    for (std::size_t i = 0; i < count; i += 4) {
        std::uint64_t bits = random.bits();
        for (std::size_t k = i; k < std::min(i + 4, count); ++k, bits >>= 16) {
            const std::int16_t level = std::bit_cast<std::int16_t>(static_cast<std::uint16_t>(bits));
            values[k] = floatToBfloat16((static_cast<float>(level) + 0.5f) * step);
        }
    }
    return values;
}

TensorView RandomSource::view(const std::string& name) const
{
    const TensorSpec& spec = m_schema.spec(name);
    if (spec.role == TensorRole::TernaryWeight)
        throw Error(ErrorCode::InvalidArgument, "tensor " + name + " of " + m_name + " has no latent values");
    const std::lock_guard lock(m_mutex);
    const auto found = m_values.find(name);
    const auto& values =
        found != m_values.end() ? found->second : m_values.emplace(name, makeValues(spec)).first->second;
    return {DType::BF16, spec.shape, std::as_bytes(values.span())};
}

} // namespace

std::shared_ptr<const ModelSource> makeRandomModel(const ModelConfig& config, std::uint64_t seed,
                                                   const std::string& name)
{
    validateModelConfig(config, name);
    return std::make_shared<RandomSource>(config, seed, name);
}

} // namespace mmfree
