// InferenceExecutor of the dense Transformer++ on a CUDA device: weights and key/value cache in bf16, prompts
// through cuBLASLt and tiled attention in chunks, single tokens through matrix-vector kernels in a captured
// graph. Created by CudaBackend.
#pragma once

#include "engine/cuda/attention_kernels.h"
#include "engine/cuda/dense_decode_kernels.h"
#include "engine/cuda/device_memory.h"
#include "engine/cuda/matrix_products.h"
#include "engine/cuda/placer.h"
#include "engine/network/probe_writer.h"
#include "engine/runtime/backend.h"

#include <memory>
#include <vector>

namespace mmfree::cuda
{

class DenseInference final : public InferenceExecutor
{
public:
    DenseInference(std::shared_ptr<const ModelSource> source, int device, const std::string& deviceName);
    ~DenseInference() override;

    [[nodiscard]] const ModelConfig& config() const override { return m_source->config(); }
    [[nodiscard]] ExecutorInfo info() const override { return m_info; }
    [[nodiscard]] std::unique_ptr<InferenceState> createState() override;
    ForwardResult forward(const ForwardRequest& request, InferenceState& state) override;
    [[nodiscard]] StateSnapshot snapshot(const InferenceState& state) override;
    void restore(const StateSnapshot& snapshot, InferenceState& state) override;
    void reset(InferenceState& state) override;
    [[nodiscard]] MemoryUse memoryUse(const InferenceState* state) const override;

private:
    using Half = __nv_bfloat16;
    struct State;
    // What ProbeWriter needs of a set of operators.
    struct Reader {
        cudaStream_t stream;
        void copyOut(const float* source, std::span<float> host);
    };
    using Probe = ProbeWriter<Reader>;
    struct Matrix {
        Half* data = nullptr; // [rows, cols padded]
        std::int64_t rows = 0, cols = 0;
    };
    struct Layer {
        float *inputNorm = nullptr, *postNorm = nullptr; // [d]
        Matrix queryKeyValue, attentionOut, gateUp, down;
    };
    class Loader;

    void placeWeights(Placer& placer);
    void placeWorkspace(Placer& placer, std::int64_t tokens);
    void reserve(std::int64_t tokens);
    void growCache(State& state, std::int64_t positions);
    void check(const ForwardRequest& request, const State& state) const;
    void decode(TokenId token, State& state, bool logits);
    void captureDecode(State& state);
    void queueDecode(State& state);
    void prefill(const ForwardRequest& request, State& state, Probe& probe);
    void prefillLayer(std::int64_t layer, std::int64_t count, State& state, Probe& probe);
    void attend(std::int64_t layer, std::int64_t count, State& state, Probe& probe);
    void captureHalf(std::int64_t layer, Quantity quantity, const Half* values, std::int64_t count,
                     std::int64_t width, Probe& probe);
    void product(const Matrix& matrix, const Half* x, std::int64_t count, Half* out);
    void productFloat(const Matrix& matrix, const Half* x, std::int64_t count, float* out, bool add);
    void norm(const float* x, const float* weight, std::int64_t count);
    [[nodiscard]] const Matrix& head() const { return config().tieEmbeddings ? m_embeddings : m_head; }

    std::shared_ptr<const ModelSource> m_source;
    int m_device;
    int m_multiprocessors = 1;
    ExecutorInfo m_info;
    AttentionShape m_shape;
    Stream m_stream;
    MatrixProducts m_products;

    DeviceArray<std::byte> m_weightMemory;
    std::vector<Layer> m_layers;
    Matrix m_embeddings, m_head; // head: unused when tied
    float* m_norm = nullptr;

    // Workspace of a chunk of tokens, in m_workspace.
    DeviceArray<std::byte> m_workspace;
    std::int64_t m_capacity = 0;
    TokenId* m_tokens = nullptr;
    float* m_x = nullptr;                                              // [T, d]
    Half *m_normed = nullptr, *m_queryKeyValue = nullptr;              // [T, d], [T, d + 2 key/value width]
    Half *m_attended = nullptr, *m_gateUp = nullptr, *m_glu = nullptr; // [T, d], [T, 2 I], [T, I]
    float* m_probed = nullptr;                                         // [T, max(d, I)]
    // Of a single token
    float *m_mixed = nullptr, *m_attendedOne = nullptr, *m_gluOne = nullptr; // [d + 2 kv], [d], [I]
    float *m_partial = nullptr, *m_logitsOne = nullptr;                      // attention's parts; [V]

    DeviceArray<DecodeStep> m_step;
    PinnedArray<DecodeStep> m_stepHost;
    PinnedArray<float> m_logits;         // [V]
    DeviceArray<float> m_manyLogits;     // [kLogitRows, V], only for LogitsMode::All
    std::vector<float> m_manyLogitsHost; // [tokens, V]
    DeviceArray<float2> m_rotary;        // [positions, headSize / 2]
    std::int64_t m_rotaryPositions = 0;
    std::int64_t m_workspaceVersion = 0; // a captured graph holds addresses of one workspace
};

} // namespace mmfree::cuda
