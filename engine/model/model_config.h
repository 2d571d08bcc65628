// Shape and options of a model: the MatMul-free language model (MLGRU + GLU, ternary) or the dense
// Transformer++ baseline. One plain struct; read from and written to the Hugging Face config.json of either
// family.
#pragma once

#include "engine/core/types.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mmfree
{

enum class Architecture {
    MatMulFree,  // "hgrn_bit": MLGRU token mixer, GLU channel mixer, every projection a BitLinear
    Transformer, // "llama": rotary attention with KV cache, SwiGLU, dense projections (Transformer++)
};

struct ModelConfig {
    Architecture architecture = Architecture::MatMulFree;
    std::int64_t vocabularySize = 32000;
    std::int64_t hiddenSize = 1024;
    std::int64_t layerCount = 24;
    std::int64_t intermediateSize = 2816; // GLU width I
    float rmsNormEps = 1e-6f;
    TokenId bosTokenId = 1; // -1: none
    TokenId eosTokenId = 2; // -1: none
    // Transformer only:
    std::int64_t headCount = 1;
    std::int64_t keyValueHeadCount = 1;
    float ropeTheta = 10000.0f;
    std::int64_t maxPositions = 0; // 0: unlimited, always so for MatMulFree
    bool tieEmbeddings = false;    // Transformer only; lm_head shares the embedding table

    [[nodiscard]] std::int64_t headSize() const { return hiddenSize / headCount; }
    [[nodiscard]] bool isTernary() const { return architecture == Architecture::MatMulFree; }
    friend bool operator==(const ModelConfig&, const ModelConfig&) = default;
};

// I = 256 * ceil(int(ratio * d * 2/3) / 256), the published rule when intermediate_size is null (ratio 4).
[[nodiscard]] std::int64_t defaultIntermediateSize(std::int64_t hiddenSize, std::int64_t hiddenRatio = 4);

// `name` is used in messages ("DIR/config.json"). Throws InvalidConfig naming field, value and what is
// needed, also for options this program cannot honour (use_short_conv, other activations, expand_ratio != 1,
// rope scaling, ...).
[[nodiscard]] ModelConfig parseModelConfig(std::string_view jsonText, const std::string& name);

// Throws InvalidConfig when a field is out of range (sizes 1 .. 2^24 - 1, at most 4096 layers and 2^42
// parameters, heads that do not divide).
void validateModelConfig(const ModelConfig& config, const std::string& name);

// config.json that the public PyTorch code (hgrn_bit) or transformers (llama) loads.
[[nodiscard]] nlohmann::json modelConfigToJson(const ModelConfig& config,
                                               std::string_view torchDtype = "float32");

// "370M", "1.3B", "2.7B", "13B" or "L,d,I,V" (layers, hidden, GLU width, vocabulary). Throws InvalidArgument.
// `architecture` Transformer gives the dense model of the same L, d, I, V (64-wide heads where d allows).
[[nodiscard]] ModelConfig namedShape(std::string_view name,
                                     Architecture architecture = Architecture::MatMulFree);

// ---- the list of tensors, the single source of truth for names, shapes, order and initialisation ----

enum class TensorRole { Embedding, Norm, LowerBounds, TernaryWeight, DenseWeight };

struct TensorSpec {
    std::string name; // Hugging Face name, e.g. "model.layers.0.attn.i_proj.weight"
    Shape shape;      // [out, in] for weights, [width] for norms
    TensorRole role = TensorRole::Norm;
    std::int64_t layer = -1;            // -1: outside the layers
    double initStandardDeviation = 0.0; // around 0; 0: constant 1 for norms, 0 for lower bounds
    bool initUniform = false;           // the distribution: uniform instead of normal
};

[[nodiscard]] std::vector<TensorSpec> tensorSchema(const ModelConfig& config);
[[nodiscard]] std::int64_t parameterCount(const ModelConfig& config);

} // namespace mmfree
