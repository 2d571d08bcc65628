// The MatMul-free model trained the vanilla way: every norm, quantiser, gate and product a kernel of its own,
// and every intermediate stored for the backward pass, as a plain framework's automatic differentiation does
// it. It gives the same numbers as the fused pass and exists to be compared with it (`mmfree bench --train
// --bitlinear vanilla`; arXiv:2406.02528 section 4.2 compares the same two). The recurrence is the fused
// pass's, as in the public code.
#pragma once

#include "engine/cuda/cuda_training.h"
#include "engine/cuda/dense_kernels.h"
#include "engine/cuda/placer.h"

#include <vector>

namespace mmfree::cuda
{

class VanillaTrainingPass final : public TrainingNetwork
{
public:
    explicit VanillaTrainingPass(const TrainingContext& context);

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
        const float* latent = nullptr;
        float* gradient = nullptr;
        NormParameter norm;
        Half* ternary = nullptr; // [rows, cols padded]
        float* scale = nullptr;
    };
    enum Mixer { Candidate, Forget, OutputGate, kMixers };
    struct Layer {
        NormParameter attnNorm, gNorm, mlpNorm;
        BitLinear mixers[kMixers], mixerOut, gateUp, down;
    };
    struct Stored {                // of one BitLinear
        float* normed = nullptr;   // [T, cols]
        float* scales = nullptr;   // [T]
        Half* quantized = nullptr; // [T, cols]
    };
    struct Saved { // [T, d] but gateUp [T, 2 I] and glu [T, I]
        float *input = nullptr, *attention = nullptr, *mixers[kMixers] = {}, *hidden = nullptr,
              *gateNormed = nullptr, *mixed = nullptr, *middle = nullptr, *channels = nullptr,
              *gateUp = nullptr, *glu = nullptr;
        Stored mixerInputs[kMixers], mixerOutInput, gateUpInput, downInput;
    };

    [[nodiscard]] NormParameter norm(const std::string& name) const { return m_context.arrays.norm(name); }
    [[nodiscard]] BitLinear bitLinear(const std::string& name) const;
    void makeTernaryStorage();
    void place(Placer& placer, std::int64_t tokens, std::int64_t batch, std::int64_t savedLayers);
    void placeStored(Placer& placer, Stored& stored, std::int64_t tokens, std::int64_t width);
    void reserve(std::int64_t tokens, std::int64_t batch, std::int64_t savedLayers);

    void forwardLayer(const Layer& layer, std::int64_t n, const TrainingBatch& batch, const Saved& saved,
                      float* output);
    void head(const TrainingBatch& batch, bool backward, float* rowLoss);
    void backwardChannels(const Layer& layer, const TrainingBatch& batch, const Saved& saved);
    void backwardMixer(const Layer& layer, std::int64_t n, const TrainingBatch& batch, const Saved& saved);
    void applyNorm(const float* x, const NormParameter& norm, float eps, std::int64_t tokens,
                   std::int64_t width, float* out);
    // out (= or +=) BitLinear(x)
    void apply(const BitLinear& linear, const Stored& stored, const float* x, std::int64_t tokens, float* out,
               bool add);
    // dX (+= or =) gradient of BitLinear's input x for dOut bf16
    void applyBackward(const BitLinear& linear, const Stored& stored, const float* x, const Half* dOut,
                       std::int64_t tokens, float* dX, bool accumulate);
    void normBackward(const float* x, const NormParameter& norm, float eps, const Half* dY,
                      std::int64_t tokens, std::int64_t width, float* dX, bool accumulate);

    TrainingContext m_context;
    ModelConfig m_config;
    std::vector<Layer> m_layers;
    NormParameter m_norm;
    BitLinear m_head;
    DeviceArray<std::uint32_t> m_packed; // made along with the ternary copies; not used
    DeviceArray<Half> m_ternary;
    DeviceArray<float> m_scales;
    DeviceArray<LatentMatrix> m_matrices;
    DeviceArray<double> m_absoluteSums;
    std::int64_t m_largestWords = 0;

    // Everything below lies in m_buffers.
    DeviceArray<std::byte> m_buffers;
    std::int64_t m_capacity = 0, m_batchCapacity = 0, m_headRows = 0;
    std::vector<Saved> m_saved;
    Stored m_headInput;
    float *m_bounds = nullptr, *m_dBounds = nullptr, *m_state = nullptr;
    float *m_x = nullptr, *m_finalNormed = nullptr, *m_dX = nullptr, *m_dNormed = nullptr,
          *m_dHidden = nullptr; // [T, d]
    float *m_dGlu = nullptr, *m_logits = nullptr, *m_partial = nullptr, *m_embedPartial = nullptr;
    Half *m_dXHalf = nullptr, *m_dNormedHalf = nullptr, *m_dMixers = nullptr, *m_dY = nullptr,
         *m_dGateUp = nullptr, *m_dLogits = nullptr, *m_unusedHalf = nullptr;
};

} // namespace mmfree::cuda
