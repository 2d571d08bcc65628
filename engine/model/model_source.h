// Where a model's weights come from: a Hugging Face folder, this program's packed file, random numbers for a
// shape, or parameters in training. Backends pull tensors from it one at a time and keep only their own
// packed copies. Immutable after opening; const methods may be called from several threads.
#pragma once

#include "engine/core/types.h"
#include "engine/model/model_config.h"
#include "engine/model/ternary_tensor.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace mmfree
{

// What a model brings along besides weights. Empty strings: not present.
struct ModelText {
    std::string tokenizerModel;   // bytes of a SentencePiece tokenizer.model
    std::string chatTemplateJson; // see engine/text/chat_template.h
};

class ModelSource
{
public:
    virtual ~ModelSource() = default;

    [[nodiscard]] virtual const ModelConfig& config() const = 0;
    [[nodiscard]] virtual const ModelText& text() const = 0;
    [[nodiscard]] virtual std::string
    name() const = 0; // short, for people: folder or file name, "random 1.3B"
    [[nodiscard]] virtual std::filesystem::path path() const = 0; // empty when not from disk
    [[nodiscard]] virtual std::uint64_t fileBytes() const = 0;    // 0 when not from disk

    // Ternary weight by Hugging Face name (role TernaryWeight), quantised on the way when the source holds
    // latents. Throws NumericFailure for NaN/Inf, InvalidFile for codes that are not 0..2.
    [[nodiscard]] virtual TernaryTensor ternary(const std::string& name) const = 0;

    // Any other tensor (or a latent weight, when the source has it) converted to f32. `out` has the tensor's
    // size. Throws NumericFailure for NaN/Inf naming tensor and position.
    virtual void floats(const std::string& name, std::span<float> out) const = 0;

    // Zero-copy view of a tensor in its stored dtype (embedding tables are read in place); lives as long as
    // the source. dtype F32, F16 or BF16.
    [[nodiscard]] virtual TensorView view(const std::string& name) const = 0;
    [[nodiscard]] virtual bool
    hasLatentWeights() const = 0; // true: floats()/view() work for ternary weights too

    // Hint that a tensor's mapped bytes are not needed in memory any more.
    virtual void release(const std::string& name) const = 0;
};

// Opens a Hugging Face folder, a packed file, or a checkpoint folder of a training run. Checks the whole
// description (config, names, shapes, dtypes, tokenizer size against the vocabulary) before returning, reads
// no weights. Throws Error naming file, field, value found and value needed.
[[nodiscard]] std::shared_ptr<const ModelSource> openModel(const std::filesystem::path& path);

// The folder that a training run's checkpoints/latest names, or nothing when the run has none yet. Throws
// InvalidFile when it names no folder beside it.
[[nodiscard]] std::optional<std::filesystem::path>
latestCheckpoint(const std::filesystem::path& runDirectory);

// Random ternary codes (a third each) and random bf16 embeddings of the shape; no tokenizer.
[[nodiscard]] std::shared_ptr<const ModelSource> makeRandomModel(const ModelConfig& config,
                                                                 std::uint64_t seed, const std::string& name);

enum class TernaryPacking { TwoBit, Base3 }; // 2 and 1.6 bits per weight in the file

// One safetensors file with config, tokenizer, chat template and packed ternary weights (dense weights: BF16;
// embedding: F16 or BF16, never wider than the source; norms and lower bounds: F32). Atomic. `progress` gets
// 0..1 and returns false to cancel (then nothing is left behind and false is returned).
bool writePackedModel(const ModelSource& source, const std::filesystem::path& out, TernaryPacking packing,
                      const ModelText& text, bool (*progress)(void*, double) = nullptr,
                      void* progressContext = nullptr);

} // namespace mmfree
