// InferenceExecutor of the MatMul-free model on a CUDA device: single tokens through the persistent decode
// kernel, prompts and probed passes through the many-token kernels, in chunks. Created by CudaBackend.
#pragma once

#include "engine/cuda/cuda_weights.h"
#include "engine/cuda/prefill_kernels.h"
#include "engine/network/probe_writer.h"
#include "engine/runtime/backend.h"

#include <memory>
#include <vector>

namespace mmfree::cuda
{

class CudaInference final : public InferenceExecutor
{
public:
    CudaInference(std::shared_ptr<const ModelSource> source, int device, std::string deviceName);

    [[nodiscard]] const ModelConfig& config() const override { return m_source->config(); }
    [[nodiscard]] ExecutorInfo info() const override { return m_info; }
    [[nodiscard]] std::unique_ptr<InferenceState> createState() override;
    ForwardResult forward(const ForwardRequest& request, InferenceState& state) override;
    [[nodiscard]] StateSnapshot snapshot(const InferenceState& state) override;
    void restore(const StateSnapshot& snapshot, InferenceState& state) override;
    void reset(InferenceState& state) override;
    [[nodiscard]] MemoryUse memoryUse(const InferenceState* state) const override;

private:
    struct State;
    // What ProbeWriter needs of a set of operators.
    struct Reader {
        cudaStream_t stream;
        void copyOut(const float* source, std::span<float> host);
    };
    using Probe = ProbeWriter<Reader>;

    // Buffers of one chunk of tokens, [capacity, width] each; grown on demand.
    struct Workspace {
        std::int64_t capacity = 0;
        DeviceArray<TokenId> tokens;
        DeviceArray<float> x, forgetPre, candidatePre, gate, hidden; // [capacity, d]
        DeviceArray<float> glu;                                      // [capacity, I]
        DeviceArray<std::int8_t> quantized; // 3 x [capacity, d padded] or [capacity, I padded]
        DeviceArray<float> inverseScales;   // [3, capacity]
        DeviceArray<std::int32_t> codeSums; // [3, capacity]
        [[nodiscard]] std::size_t bytes() const;
    };

    void decode(std::span<const TokenId> tokens, State& state, bool logits);
    void prefill(const ForwardRequest& request, State& state, Probe& probe);
    void prefillLayer(std::int64_t layer, std::int64_t count, State& state, Probe& probe);
    void mixer(std::int64_t layer, std::int64_t count, float* state, Probe& probe);
    void captureGates(std::int64_t layer, std::int64_t count, Probe& probe);
    void glu(std::int64_t layer, std::int64_t count, Probe& probe);
    void head(const float* x, std::int64_t count, float* logits);
    [[nodiscard]] TernaryGemmArguments gemm(std::int64_t layer, Phase phase, int which,
                                            const QuantizedView& input, const float* scale,
                                            std::int64_t count, float* out, GemmOutput mode) const;
    void reserve(std::int64_t count);
    [[nodiscard]] QuantizedView quantizedView(int which, std::int64_t width);
    void checkDecode();
    void clearExchange();

    std::shared_ptr<const ModelSource> m_source;
    int m_device;
    ExecutorInfo m_info;
    Stream m_stream;
    CudaWeights m_weights;
    DecodePlan m_plan;
    DeviceArray<float> m_exchange;
    unsigned m_firstTag = 1, m_firstResidualTag = 1; // see DecodeArguments
    PinnedArray<float> m_logits;                     // [V], written by the device
    PinnedArray<unsigned> m_failure;                 // [1]
    Workspace m_workspace;
    DeviceArray<float> m_manyLogits;     // [kLogitRows, V], only for LogitsMode::All
    std::vector<float> m_manyLogitsHost; // [tokens, V]
};

} // namespace mmfree::cuda
