// Runs a MatMul-free model on one OpenCL device: the outer seam directly, nine launches a layer, results
// copied to the host once a call. Belongs to one thread.
#pragma once

#include "engine/runtime/backend.h"
#include "fpga/host/device_model.h"
#include "fpga/host/kernel_launcher.h"
#include "fpga/host/probe_capture.h"
#include "fpga/host/ternary_product.h"

#include <array>
#include <memory>
#include <vector>

namespace mmfree::opencl
{

class OpenClExecutor final : public InferenceExecutor, public KernelProfiler
{
public:
    // Builds the program and uploads the model. `threads`: compute units of a CPU device; 0: all.
    OpenClExecutor(const ClDevice& device, std::shared_ptr<const ModelSource> source, int threads);

    [[nodiscard]] const ModelConfig& config() const override { return m_config; }
    [[nodiscard]] ExecutorInfo info() const override;
    [[nodiscard]] std::unique_ptr<InferenceState> createState() override;
    // Every quantity of a MatMul-free model can be probed; AttentionWeights throws Unavailable.
    ForwardResult forward(const ForwardRequest& request, InferenceState& state) override;
    [[nodiscard]] StateSnapshot snapshot(const InferenceState& state) override;
    void restore(const StateSnapshot& snapshot, InferenceState& state) override;
    void reset(InferenceState& state) override;
    [[nodiscard]] MemoryUse memoryUse(const InferenceState* state) const override;

    void setProfiling(bool on) override { m_launcher.setProfiling(on); }
    [[nodiscard]] std::vector<KernelTime> kernelTimes() const override { return m_launcher.profile(); }
    [[nodiscard]] ProgramReport programReport() const override
    {
        return {m_launcher.program().origin, m_launcher.program().log};
    }

    // The `count` tokens after `first` under greedy decoding, chosen on the device; nothing but the ids comes
    // back. Advances `state` by `count`. Throws InvalidArgument for a token out of range.
    [[nodiscard]] std::vector<TokenId> decodeGreedy(TokenId first, std::int64_t count, InferenceState& state);

    // The k largest logits of the last token, best first, without copying the vocabulary. Valid after a
    // forward() with LogitsMode::Last.
    struct RankedToken {
        TokenId token = 0;
        float logit = 0.0f;
    };
    [[nodiscard]] std::vector<RankedToken> topLogits(std::int64_t k);

    [[nodiscard]] KernelLauncher& launcher() { return m_launcher; }

private:
    class State;
    struct Workspace {
        ClMemory tokens, x, normed, quantized, scales, gates, hidden, gateUp, probe;
        std::int64_t capacity = 0; // tokens
        std::size_t bytes = 0;
    };

    void checkRequest(const ForwardRequest& request) const;
    void reserve(std::int64_t tokens);
    void reserveLogits(std::int64_t rows);
    [[nodiscard]] std::array<std::size_t, 3> workGroups(std::int64_t first, std::int64_t second = 1) const;
    void embed(std::int64_t count);
    void runLayers(std::int64_t count, State& state, ProbeCapture* capture);
    void runLayer(std::int64_t n, std::int64_t count, State& state, ProbeCapture* capture);
    // One token with row kernels and products in one launch each (GPUs); nothing can be probed.
    void runFusedLayer(std::int64_t n, State& state);
    struct FusedShape {
        int lanes = 0;       // work-items on a row
        int rowsPerItem = 0; // rows each of them takes
        std::array<std::size_t, 3> groups{};
    };
    [[nodiscard]] FusedShape fusedShape(const TernaryStage& stage) const;
    void fusedNormProduct(const TernaryStage& stage, cl_mem norms, int outerOffset, int innerOffset,
                          cl_mem out);
    void runHead(std::int64_t firstRow, std::int64_t rows);
    void product(const TernaryStage& stage, std::int64_t tokens, cl_mem out, bool accumulate);

    ModelConfig m_config;
    KernelLauncher m_launcher;
    TernaryProduct m_product;
    DeviceModel m_model;
    Workspace m_work;
    ClMemory m_nextHidden;   // where fused layers write the state; changes places with it
    ClMemory m_logitsDevice; // [m_logitRows, V]
    std::int64_t m_logitRows = 0;
    std::vector<float> m_logits;
    bool m_fused = false; // the device runs runFusedLayer for single tokens
};

} // namespace mmfree::opencl
