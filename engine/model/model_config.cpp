// Reading, checking and writing of config.json for both families, and the shapes known by name.
#include "engine/model/model_config.h"

#include "engine/model/config_fields.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace mmfree
{

namespace
{

using nlohmann::json;

// Sizes below 2^24 keep the int32 sum of ternary x int8 products (at most 128 each) exact.
constexpr std::int64_t kMaxSize = (std::int64_t{1} << 24) - 1;
constexpr std::int64_t kMaxLayers = 4096;
constexpr std::int64_t kMaxParameters = std::int64_t{1} << 42;
constexpr std::int64_t kDefaultPositions = 2048; // of both families' configuration classes

void readCommonFields(const ConfigFields& reader, ModelConfig& config)
{
    config.vocabularySize = reader.integer("vocab_size", {}, 1, kMaxSize);
    config.hiddenSize = reader.integer("hidden_size", {}, 1, kMaxSize);
    config.layerCount = reader.integer("num_hidden_layers", {}, 1, kMaxLayers);
    config.rmsNormEps = reader.positive("rms_norm_eps", 1e-6f, 1.0);
    config.bosTokenId = reader.tokenId("bos_token_id", 1, config.vocabularySize);
    config.eosTokenId = reader.tokenId("eos_token_id", 2, config.vocabularySize);
    reader.requireAbsent("quantization_config",
                         "this program reads unquantised weights and its own packed files");
}

void readMatMulFree(const ConfigFields& reader, ModelConfig& config)
{
    reader.requireBoolean("use_short_conv", false, false);
    reader.requireBoolean("use_lower_bound", true, true);
    reader.requireBoolean("tie_word_embeddings", false, false);
    reader.requireInteger("expand_ratio", 1);
    reader.requireInteger("num_heads", 1);
    reader.requireSwish("swish");
    const std::int64_t ratio = reader.integer("hidden_ratio", 4, 1, 1024);
    const std::int64_t standard = defaultIntermediateSize(config.hiddenSize, ratio);
    config.intermediateSize = reader.integer("intermediate_size", standard, 1, kMaxSize);
    config.maxPositions = 0;
}

void readRopeFields(const ConfigFields& reader, ModelConfig& config)
{
    config.ropeTheta = reader.positive("rope_theta", 10000.0f, 1e12);
    reader.requireAbsent("rope_scaling", "this program runs plain rotary positions");
    const json* parameters = reader.find("rope_parameters"); // where newer files keep the same numbers
    if (!parameters)
        return;
    if (!parameters->is_object())
        failConfig(reader.name(), "rope_parameters", describeJson(*parameters), "an object");
    if (const auto type = parameters->find("rope_type"); type != parameters->end() && *type != "default")
        failConfig(reader.name(), "rope_parameters.rope_type", describeJson(*type), "\"default\"");
    if (const auto theta = parameters->find("rope_theta"); theta != parameters->end())
        config.ropeTheta = reader.positiveValue(*theta, "rope_parameters.rope_theta", 1e12);
}

void readTransformer(const ConfigFields& reader, ModelConfig& config)
{
    config.architecture = Architecture::Transformer;
    reader.requireBoolean("attention_bias", false, false);
    reader.requireBoolean("mlp_bias", false, false);
    reader.requireSwish("silu");
    readRopeFields(reader, config);
    config.intermediateSize = reader.integer("intermediate_size", {}, 1, kMaxSize);
    config.headCount = reader.integer("num_attention_heads", {}, 1, kMaxSize);
    config.keyValueHeadCount = reader.integer("num_key_value_heads", config.headCount, 1, kMaxSize);
    config.maxPositions =
        reader.integer("max_position_embeddings", kDefaultPositions, 0, std::int64_t{1} << 40);
    config.tieEmbeddings = reader.boolean("tie_word_embeddings", false);
    validateModelConfig(config, reader.name());
    if (const json* value = reader.find("head_dim"); value && *value != config.headSize())
        failConfig(reader.name(), "head_dim", describeJson(*value),
                   std::to_string(config.headSize()) + " (hidden_size / num_attention_heads)");
}

json tokenIdJson(TokenId id)
{
    return id < 0 ? json(nullptr) : json(id);
}

// The shortest decimal number that reads back as `value`, so that 1e-6f is written as 1e-06.
double shortestDecimal(float value)
{
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    double result = 0.0;
    std::from_chars(text.data(), end, result);
    return result;
}

void checkRange(const std::string& name, const char* field, std::int64_t value, std::int64_t low,
                std::int64_t high)
{
    if (value < low || value > high)
        failConfig(name, field, std::to_string(value), rangeText(low, high));
}

void validateHeads(const ModelConfig& config, const std::string& name)
{
    checkRange(name, "num_attention_heads", config.headCount, 1, config.hiddenSize);
    checkRange(name, "num_key_value_heads", config.keyValueHeadCount, 1, config.headCount);
    checkRange(name, "max_position_embeddings", config.maxPositions, 0, std::int64_t{1} << 40);
    if (config.hiddenSize % config.headCount != 0)
        failConfig(name, "num_attention_heads", std::to_string(config.headCount),
                   "a divisor of hidden_size " + std::to_string(config.hiddenSize));
    if (config.headSize() % 2 != 0)
        failConfig(name, "hidden_size / num_attention_heads", std::to_string(config.headSize()),
                   "an even number (rotary positions turn pairs)");
    if (config.headCount % config.keyValueHeadCount != 0)
        failConfig(name, "num_key_value_heads", std::to_string(config.keyValueHeadCount),
                   "a divisor of num_attention_heads " + std::to_string(config.headCount));
    if (!(config.ropeTheta > 0.0f) || !std::isfinite(config.ropeTheta))
        failConfig(name, "rope_theta", std::to_string(config.ropeTheta), "a number above 0");
}

// Largest even divisor of the hidden size up to 64; 0 when there is none.
std::int64_t preferredHeadSize(std::int64_t hiddenSize)
{
    for (std::int64_t size = 64; size >= 2; size -= 2) {
        if (hiddenSize % size == 0)
            return size;
    }
    return 0;
}

bool parseFourNumbers(std::string_view text, std::array<std::int64_t, 4>& out)
{
    const char* position = text.data();
    const char* const end = position + text.size();
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto [next, error] = std::from_chars(position, end, out[i]);
        const bool last = i + 1 == out.size();
        if (error != std::errc() || (last ? next != end : next == end || *next != ','))
            return false;
        position = next + (last ? 0 : 1);
    }
    return true;
}

} // namespace

std::int64_t defaultIntermediateSize(std::int64_t hiddenSize, std::int64_t hiddenRatio)
{
    return 256 * ((hiddenSize * hiddenRatio * 2 / 3 + 255) / 256);
}

ModelConfig parseModelConfig(std::string_view jsonText, const std::string& name)
{
    const json object = parseJson(jsonText, name, ErrorCode::InvalidConfig);
    if (!object.is_object())
        throw Error(ErrorCode::InvalidConfig,
                    name + ": the top level is " + describeJson(object) + ", needed: an object");
    const ConfigFields reader(object, name);
    const json* type = reader.find("model_type");
    if (!type || (*type != "hgrn_bit" && *type != "llama"))
        failConfig(name, "model_type", type ? describeJson(*type) : "missing", "\"hgrn_bit\" or \"llama\"");
    ModelConfig config;
    readCommonFields(reader, config);
    if (*type == "llama")
        readTransformer(reader, config);
    else
        readMatMulFree(reader, config);
    validateModelConfig(config, name);
    return config;
}

void validateModelConfig(const ModelConfig& config, const std::string& name)
{
    checkRange(name, "vocab_size", config.vocabularySize, 1, kMaxSize);
    checkRange(name, "hidden_size", config.hiddenSize, 1, kMaxSize);
    checkRange(name, "num_hidden_layers", config.layerCount, 1, kMaxLayers);
    checkRange(name, "intermediate_size", config.intermediateSize, 1, kMaxSize);
    checkRange(name, "bos_token_id", config.bosTokenId, -1, config.vocabularySize - 1);
    checkRange(name, "eos_token_id", config.eosTokenId, -1, config.vocabularySize - 1);
    if (!(config.rmsNormEps > 0.0f) || config.rmsNormEps > 1.0f)
        failConfig(name, "rms_norm_eps", std::to_string(config.rmsNormEps), "a number above 0 and at most 1");
    if (config.architecture == Architecture::Transformer)
        validateHeads(config, name);
    else if (config.tieEmbeddings)
        failConfig(name, "tie_word_embeddings", "true",
                   "false (the head of this family has ternary weights of its own)");
    // In floating point: cannot overflow, and the limit leaves room for rounding.
    const double d = static_cast<double>(config.hiddenSize);
    const double i = static_cast<double>(config.intermediateSize);
    const double parameters = static_cast<double>(config.layerCount) * d * (4 * d + 3 * i) +
                              2 * static_cast<double>(config.vocabularySize) * d;
    if (parameters > static_cast<double>(kMaxParameters)) {
        throw Error(ErrorCode::InvalidConfig,
                    name + ": num_hidden_layers, hidden_size, intermediate_size and vocab_size give " +
                        std::to_string(parameters * 1e-9) + " billion parameters, needed: at most " +
                        std::to_string(kMaxParameters / 1000000000) + " billion");
    }
}

json modelConfigToJson(const ModelConfig& config, std::string_view torchDtype)
{
    json object = {
        {"vocab_size", config.vocabularySize},
        {"hidden_size", config.hiddenSize},
        {"num_hidden_layers", config.layerCount},
        {"intermediate_size", config.intermediateSize},
        {"rms_norm_eps", shortestDecimal(config.rmsNormEps)},
        {"bos_token_id", tokenIdJson(config.bosTokenId)},
        {"eos_token_id", tokenIdJson(config.eosTokenId)},
        {"tie_word_embeddings", config.tieEmbeddings},
        {"initializer_range", 0.02},
        {"use_cache", true},
        {"torch_dtype", torchDtype},
    };
    if (config.isTernary()) {
        object.update({{"model_type", "hgrn_bit"},
                       {"architectures", json::array({"HGRNBitForCausalLM"})},
                       {"attn_mode", "fused_recurrent"},
                       {"num_heads", 1},
                       {"expand_ratio", 1},
                       {"hidden_ratio", 4},
                       {"hidden_act", "swish"},
                       {"use_short_conv", false},
                       {"use_lower_bound", true},
                       {"max_position_embeddings", kDefaultPositions},
                       {"fuse_cross_entropy", true}});
    } else {
        object.update({{"model_type", "llama"},
                       {"architectures", json::array({"LlamaForCausalLM"})},
                       {"num_attention_heads", config.headCount},
                       {"num_key_value_heads", config.keyValueHeadCount},
                       {"hidden_act", "silu"},
                       {"attention_bias", false},
                       {"mlp_bias", false},
                       {"rope_theta", shortestDecimal(config.ropeTheta)},
                       {"max_position_embeddings", config.maxPositions}});
    }
    return object;
}

ModelConfig namedShape(std::string_view name, Architecture architecture)
{
    struct Named {
        std::string_view name;
        std::array<std::int64_t, 4> shape; // L, d, I, V
    };
    static constexpr std::array<Named, 4> kNamed = {{
        {"370M", {24, 1024, 2816, 32000}},
        {"1.3B", {24, 2048, 5632, 32000}},
        {"2.7B", {32, 2560, 6912, 32000}},
        {"13B", {40, 5120, 13824, 32000}},
    }};
    std::optional<std::array<std::int64_t, 4>> shape;
    for (const Named& named : kNamed) {
        if (named.name == name)
            shape = named.shape;
    }
    if (std::array<std::int64_t, 4> numbers; !shape && parseFourNumbers(name, numbers))
        shape = numbers;
    const std::string text = "shape \"" + printable(name) + "\"";
    if (!shape)
        throw Error(
            ErrorCode::InvalidArgument,
            text + " is unknown, needed: 370M, 1.3B, 2.7B, 13B or layers,hidden,intermediate,vocabulary");
    ModelConfig config;
    config.architecture = architecture;
    config.layerCount = (*shape)[0];
    config.hiddenSize = (*shape)[1];
    config.intermediateSize = (*shape)[2];
    config.vocabularySize = (*shape)[3];
    if (config.vocabularySize <= config.eosTokenId)
        config.bosTokenId = config.eosTokenId = -1;
    if (architecture == Architecture::Transformer) {
        const std::int64_t headSize = preferredHeadSize(config.hiddenSize);
        config.headCount = config.keyValueHeadCount = headSize ? config.hiddenSize / headSize : 1;
        config.maxPositions = kDefaultPositions;
    }
    try {
        validateModelConfig(config, text);
    } catch (const Error& error) {
        throw Error(ErrorCode::InvalidArgument, error.what());
    }
    return config;
}

} // namespace mmfree
