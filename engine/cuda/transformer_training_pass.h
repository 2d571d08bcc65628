// Forward and backward pass of the dense Transformer++ on a CUDA device:
// engine/network/transformer_training.h with bf16 products and attention that never holds its weights. Kept
// per layer: the residual stream (f32), rotated queries and keys, values, attention's output and SwiGLU's
// inputs (bf16); norms are made again in the backward pass.
#pragma once

#include "engine/cuda/attention_kernels.h"
#include "engine/cuda/cuda_training.h"
#include "engine/cuda/dense_kernels.h"
#include "engine/cuda/placer.h"

#include <vector>

namespace mmfree::cuda
{

class TransformerTrainingPass final : public TrainingNetwork
{
public:
    explicit TransformerTrainingPass(const TrainingContext& context);

    void refresh() override;
    void run(const TrainingBatch& batch, bool backward, float* rowLoss) override;
    [[nodiscard]] std::size_t bytes() const override { return m_buffers.bytes() + m_weights.bytes(); }

private:
    using Half = __nv_bfloat16;
    // One or more parameters used as one matrix, one below the other.
    struct Linear {
        std::int64_t rows = 0, cols = 0;
        Half* weight = nullptr; // [rows, cols padded]
        struct Part {
            const float* latent = nullptr; // [rows, cols]
            float* gradient = nullptr;
            std::int64_t rows = 0;
        };
        std::vector<Part> parts;
    };
    struct Layer {
        NormParameter inputNorm, postNorm;
        Linear queryKeyValue, attentionOut, gateUp, down;
    };
    struct Saved {
        float *input = nullptr, *middle = nullptr; // [T, d]
        Half* queryKeyValue = nullptr;             // [T, d + 2 key/value width], rotated
        Half* attended = nullptr;                  // [T, d]
        Half* gateUp = nullptr;                    // [T, 2 I]
        float* logSums = nullptr;                  // [batch, heads, length]
    };

    [[nodiscard]] NormParameter norm(const std::string& name) const;
    [[nodiscard]] Linear linear(const std::vector<std::string>& names) const;
    void makeWeightStorage();
    void reserve(std::int64_t tokens, std::int64_t length, std::int64_t savedLayers);
    void place(Placer& placer, std::int64_t tokens, std::int64_t length, std::int64_t savedLayers);

    void forwardLayer(const Layer& layer, const TrainingBatch& batch, const Saved& saved, float* output);
    void head(const TrainingBatch& batch, bool backward, float* rowLoss);
    void backwardChannels(const Layer& layer, const TrainingBatch& batch, const Saved& saved);
    void backwardAttention(const Layer& layer, const TrainingBatch& batch, const Saved& saved);
    [[nodiscard]] HalfNormArguments normArguments(const float* x, const NormParameter& norm,
                                                  std::int64_t tokens) const;
    void normBackward(const HalfNormArguments& arguments, const NormParameter& norm);
    void apply(const Linear& linear, const Half* x, std::int64_t tokens, Half* out);
    void applyFloat(const Linear& linear, const Half* x, std::int64_t tokens, float* out, bool add);
    void inputGradient(const Linear& linear, const Half* dOut, std::int64_t tokens, Half* dX);
    void weightGradient(const Linear& linear, const Half* dOut, const Half* x, std::int64_t tokens);
    [[nodiscard]] int groups(std::int64_t tokens) const;

    TrainingContext m_context;
    ModelConfig m_config;
    AttentionShape m_shape;
    std::vector<Layer> m_layers;
    NormParameter m_norm;
    Linear m_head;
    DeviceArray<Half> m_weights; // bf16 copies of all matrices
    DeviceArray<HalfCopy> m_copies;

    // Everything below lies in m_buffers.
    DeviceArray<std::byte> m_buffers;
    std::int64_t m_capacity = 0, m_lengthCapacity = 0, m_headRows = 0;
    std::vector<Saved> m_saved;
    float2* m_rotary = nullptr;                             // [length, headSize / 2]
    float *m_x = nullptr, *m_dX = nullptr;                  // [T, d]
    float* m_logits = nullptr;                              // [headRows, V]
    float* m_partial = nullptr;                             // [groups, d]
    float *m_embedPartial = nullptr, *m_alongOut = nullptr; // [pieces, d]; [batch, heads, length]
    Half *m_dXHalf = nullptr, *m_normed = nullptr, *m_dNormed = nullptr; // [T, d]
    Half *m_dAttended = nullptr, *m_dQueryKeyValue = nullptr;            // [T, d], [T, d + 2 key/value width]
    Half *m_glu = nullptr, *m_dGlu = nullptr, *m_dGateUp = nullptr;      // [T, I], [T, I], [T, 2 I]
    Half* m_dLogits = nullptr;                                           // [headRows, V]
};

} // namespace mmfree::cuda
