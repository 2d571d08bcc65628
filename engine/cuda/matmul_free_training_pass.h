// Forward and backward pass of the MatMul-free model on a CUDA device, the passes of
// engine/network/matmul_free_training.h with their operators fused. Forward products are exact (int8 by
// ternary), backward ones multiply bf16 with f32 sums. Kept per layer: the residual stream, pre-activations,
// hidden states, all f32 (or the layer's input alone, see TrainingActivations); normed and quantised
// activations are made again in the backward pass.
#pragma once

#include "engine/cuda/cuda_training.h"
#include "engine/cuda/placer.h"

#include <vector>

namespace mmfree::cuda
{

class MatMulFreeTrainingPass final : public TrainingNetwork
{
public:
    explicit MatMulFreeTrainingPass(const TrainingContext& context);

    void refresh() override;
    void run(const TrainingBatch& batch, bool backward, float* rowLoss) override;
    [[nodiscard]] std::size_t bytes() const override
    {
        return m_buffers.bytes() + m_packed.bytes() + m_ternary.bytes();
    }

private:
    using Half = __nv_bfloat16;
    struct BitLinear {
        std::int64_t rows = 0, cols = 0;
        const float* latent = nullptr; // [rows, cols]
        float* gradient = nullptr;     // [rows, cols]
        NormParameter norm;            // [cols]
        PackedShape shape;
        std::uint32_t* packed = nullptr;
        Half* ternary = nullptr; // [rows, cols padded]
        float* scale = nullptr;
    };
    enum Mixer { Candidate, Forget, OutputGate, kMixers };
    struct Layer {
        NormParameter attnNorm, gNorm, mlpNorm;
        BitLinear mixers[kMixers]; // their ternary copies lie one behind the other
        BitLinear mixerOut, gateUp, down;
    };
    struct Saved {
        float *input = nullptr, *middle = nullptr, *hidden = nullptr; // [T, d]
        float* mixers = nullptr;                                      // [3, T, d] pre-activations
        float* gateUp = nullptr;                                      // [T, 2 I]
    };

    [[nodiscard]] NormParameter norm(const std::string& name) const;
    [[nodiscard]] BitLinear bitLinear(const std::string& name) const;
    void makeTernaryStorage();
    std::vector<BitLinear*> allLinears();
    void reserve(std::int64_t tokens, std::int64_t batch, std::int64_t savedLayers);
    void place(Placer& placer, std::int64_t tokens, std::int64_t batch, std::int64_t savedLayers);
    void placeSaved(Placer& placer, std::int64_t tokens, std::int64_t savedLayers);
    [[nodiscard]] bool mustRecompute(std::int64_t tokens, std::int64_t batch, std::int64_t savedLayers);

    // output null: only what the backward pass needs of the layer.
    void forwardLayer(const Layer& layer, std::int64_t n, const TrainingBatch& batch, const Saved& saved,
                      float* output);
    void head(const TrainingBatch& batch, bool backward, float* rowLoss);
    void backwardLayer(const Layer& layer, std::int64_t n, const TrainingBatch& batch, const Saved& saved);
    void backwardMixer(const Layer& layer, std::int64_t n, const TrainingBatch& batch, const Saved& saved);

    [[nodiscard]] QuantizedView quantized(int which, std::int64_t width, std::int64_t tokens) const;
    [[nodiscard]] int groups(std::int64_t width, std::int64_t tokens) const;
    [[nodiscard]] TernaryGemmArguments product(const BitLinear& linear, const QuantizedView& input,
                                               std::int64_t tokens, float* out, GemmOutput mode) const;
    // dY [count, T, cols] = dOut [count, T, rows] times the ternary weights (without scale)
    void inputGradient(const BitLinear& linear, const Half* dOut, std::int64_t tokens, Half* dY,
                       int count = 1);
    // gradient += dOut^T input
    void weightGradient(const BitLinear& linear, const Half* dOut, const Half* input, std::int64_t tokens);
    void mixerWeightGradients(const Layer& layer, std::int64_t tokens);
    [[nodiscard]] const float* lower(std::int64_t n) const
    {
        return n > 0 ? m_bounds + n * m_config.hiddenSize : nullptr;
    }

    TrainingContext m_context;
    ModelConfig m_config;
    std::vector<Layer> m_layers;
    NormParameter m_norm;
    BitLinear m_head;
    DeviceArray<std::uint32_t> m_packed; // all packed matrices
    DeviceArray<Half> m_ternary;         // all ternary copies in bf16; empty for large models, see m_unpacked
    DeviceArray<float> m_scales;
    DeviceArray<LatentMatrix> m_matrices;
    DeviceArray<double> m_absoluteSums;
    std::int64_t m_largestWords = 0;

    bool m_recompute = false;        // saved layers keep their input and share the rest
    std::int64_t m_unpackValues = 0; // of the largest product; 0: ternary copies are kept

    // Everything below lies in m_buffers.
    DeviceArray<std::byte> m_buffers;
    std::int64_t m_capacity = 0, m_batchCapacity = 0, m_headRows = 0;
    std::vector<Saved> m_saved;
    float *m_bounds = nullptr, *m_dBounds = nullptr; // [layers, d]; [layers, batch, d]
    float *m_x = nullptr, *m_state = nullptr;        // [T, d] output of the last layer; [batch, d]
    float *m_dX = nullptr, *m_dHidden = nullptr;     // [T, d]
    float* m_logits = nullptr;                       // [headRows, V]
    float* m_partial = nullptr;
    float* m_embedPartial = nullptr;    // [pieces, d]
    std::int8_t* m_quantized[4] = {};   // three [T, d padded to 512], one [T, I padded]
    float* m_inverseScales = nullptr;   // [3, T]
    std::int32_t* m_codeSums = nullptr; // [3, T]
    Half* m_unpacked = nullptr;         // ternary weights of one product in bf16
    Half* m_dXHalf = nullptr;           // [T, d]
    Half *m_dMixers = nullptr, *m_dY = nullptr, *m_inputs = nullptr;     // [3, T, d]
    Half *m_dGlu = nullptr, *m_gluInput = nullptr, *m_dGateUp = nullptr; // [T, I], [T, I], [T, 2 I]
    Half* m_dLogits = nullptr;                                           // [headRows, V]
};

} // namespace mmfree::cuda
