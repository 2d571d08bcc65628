// All latent parameters of a model in one flat f32 array, in schema order: what the trainer updates, what a
// checkpoint stores. Gradients and optimiser moments use the same layout.
#pragma once

#include "engine/core/aligned_buffer.h"
#include "engine/model/model_source.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace mmfree
{

struct ParameterSlot {
    TensorSpec spec;
    std::int64_t offset = 0; // first element in the flat array; slots start on multiples of 16 elements
    std::int64_t count = 0;
};

class ParameterLayout
{
public:
    explicit ParameterLayout(const ModelConfig& config);
    [[nodiscard]] const ModelConfig& config() const { return m_config; }
    [[nodiscard]] const std::vector<ParameterSlot>& entries() const { return m_slots; }
    [[nodiscard]] const ParameterSlot& slot(const std::string& name) const; // must exist (asserted)
    [[nodiscard]] std::int64_t size() const
    {
        return m_size;
    } // elements of the flat array, padding (zeros) included

private:
    ModelConfig m_config;
    std::vector<ParameterSlot> m_slots;
    std::map<std::string, std::size_t> m_byName;
    std::int64_t m_size = 0;
};

// Initialisation of the public code (model.md, "Init"), reproducible for a seed.
void initializeParameters(const ParameterLayout& layout, std::uint64_t seed, std::span<float> out);

// Copies every latent parameter of `source` into `out`. Where the source has only packed ternary weights,
// writes latents that quantise to the same codes and scale: training goes on from the same model, though not
// from the margins its latents had. Throws InvalidArgument for tensors of other shapes.
void loadParameters(const ParameterLayout& layout, const ModelSource& source, std::span<float> out);

// A ModelSource over parameters in memory (shared, constant while the source lives).
[[nodiscard]] std::shared_ptr<const ModelSource>
makeParameterSource(std::shared_ptr<const ParameterLayout> layout,
                    std::shared_ptr<const AlignedBuffer<float>> values, ModelText text,
                    const std::string& name);

// Writes a Hugging Face folder (config.json, model.safetensors in F32 or BF16, tokenizer.model,
// chat_template.json) that openModel and the public PyTorch code read. Each file is written atomically.
void writeModelFolder(const ParameterLayout& layout, std::span<const float> values, const ModelText& text,
                      const std::filesystem::path& folder, DType dtype = DType::F32);

} // namespace mmfree
