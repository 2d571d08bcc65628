// The public seam between what wants results (sessions, trainer, tools) and what computes them (reference,
// CPU, CUDA, OpenCL). One virtual call per token, prompt chunk or micro-batch; nothing smaller crosses it.
#pragma once

#include "engine/core/types.h"
#include "engine/model/model_source.h"
#include "engine/model/parameters.h"
#include "engine/runtime/activation_trace.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mmfree
{

enum class LogitsMode { None, Last, All };

struct ForwardRequest {
    std::span<const TokenId>
        tokens; // one sequence, consecutive positions after the state's position; not empty
    LogitsMode logits = LogitsMode::Last;
    const ProbeRequest* probe = nullptr; // nullptr: none
};

struct ForwardResult {
    // [1 or tokens, V] f32, valid until the next call on the same executor; empty for LogitsMode::None.
    std::span<const float> logits;
    std::shared_ptr<const ActivationTrace> trace; // null when nothing was probed
};

// Host copy of a state: MatMulFree [layers, d] f32 whatever the length; Transformer [layers, 2, position, kv
// width].
struct StateSnapshot {
    std::int64_t position = 0; // tokens consumed
    std::vector<float> values;
};

// A sequence's memory inside a backend. Created by an executor, used only with it.
class InferenceState
{
public:
    virtual ~InferenceState() = default;
    [[nodiscard]] virtual std::int64_t position() const = 0; // tokens consumed so far
    [[nodiscard]] virtual std::size_t bytes() const = 0;     // memory held now (grows only for a KV cache)
};

// Bytes by purpose, as the backend's allocators know them. Device backends report device memory.
struct MemoryUse {
    std::size_t weightBytes = 0;     // packed weights, norms and embeddings held or mapped
    std::size_t stateBytes = 0;      // one sequence's recurrent state or KV cache at its present length
    std::size_t activationBytes = 0; // workspaces
};

struct ExecutorInfo {
    std::string backend;     // "cpu"
    std::string description; // "CPU, AVX-512 VNNI, 2 threads, 2-bit weights"
};

// Runs a model. Belongs to one thread at a time; weights are shared and constant.
class InferenceExecutor
{
public:
    virtual ~InferenceExecutor() = default;
    [[nodiscard]] virtual const ModelConfig& config() const = 0;
    [[nodiscard]] virtual ExecutorInfo info() const = 0;
    [[nodiscard]] virtual std::unique_ptr<InferenceState> createState() = 0; // zero state, position 0

    // Consumes the tokens and advances `state`. Prefill, decode, scoring and inspection are all this call.
    // Throws InvalidArgument for ids outside 0..V-1 or a position past config().maxPositions (Transformer);
    // the state is then unchanged. Results for a token do not depend on how a sequence was cut into calls,
    // beyond float rounding.
    virtual ForwardResult forward(const ForwardRequest& request, InferenceState& state) = 0;

    [[nodiscard]] virtual StateSnapshot snapshot(const InferenceState& state) = 0;
    virtual void restore(const StateSnapshot& snapshot,
                         InferenceState& state) = 0; // throws InvalidArgument on size
    virtual void reset(InferenceState& state) = 0;   // back to position 0
    [[nodiscard]] virtual MemoryUse memoryUse(const InferenceState* state) const = 0;
};

struct TokenBatch {
    std::int64_t batch = 0, length = 0;
    std::span<const TokenId> inputs;  // [batch, length]
    std::span<const TokenId> targets; // [batch, length]; -1: no loss at this position
};

struct UpdateOptions {
    double learningRate = 1e-3;
    double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8;
    double weightDecay = 0.0; // decoupled (AdamW)
    bool decayAll =
        false; // false: only weight matrices (embedding, ternary, dense) decay; norms and bounds do not
    double gradientScale = 1.0; // gradients are multiplied by this first (clipping, accumulation mean)
    std::int64_t step = 1;      // 1-based, for bias correction
};

// Parameters and moments, host copies in ParameterLayout order.
struct TrainingSnapshot {
    std::shared_ptr<const AlignedBuffer<float>> parameters, firstMoment, secondMoment;
};

// Trains a model. Belongs to one thread. Bit-identical for the same sequence of calls, backend and thread
// count.
class TrainingExecutor
{
public:
    virtual ~TrainingExecutor() = default;
    [[nodiscard]] virtual const ParameterLayout& layout() const = 0;
    [[nodiscard]] virtual ExecutorInfo info() const = 0;

    // Mean cross entropy in nats over positions with a target. Gradients of that mean are added (+=) to the
    // gradient array. Throws InvalidArgument for ids out of range or a batch with no target.
    virtual double forwardBackward(const TokenBatch& batch) = 0;
    [[nodiscard]] virtual double evaluate(const TokenBatch& batch) = 0; // same loss, no gradients

    [[nodiscard]] virtual double gradientNorm() = 0;            // L2 over all gradients
    virtual void applyUpdate(const UpdateOptions& options) = 0; // AdamW step, then gradients are zero
    virtual void readGradients(std::span<float> out) = 0;       // layout().size() values

    [[nodiscard]] virtual TrainingSnapshot snapshot() = 0;
    virtual void restore(const TrainingSnapshot& snapshot) = 0;
    [[nodiscard]] virtual MemoryUse memoryUse() const = 0; // weightBytes: parameters, gradients and moments
};

enum class WeightPacking { Automatic, TwoBit, Base3 };
// What training keeps of the forward pass: everything the backward pass needs, or each layer's input alone
// (the rest is made again, to the same bits). Automatic: everything while it fits well into the device's
// memory.
enum class TrainingActivations { Automatic, Keep, Recompute };
// Fused: the paper's BitLinear. Vanilla: one operator at a time with every intermediate stored, as a plain
// framework runs it; for comparison.
enum class BitLinearStyle { Fused, Vanilla };

struct ExecutorOptions {
    int threads = 0; // 0: all cores this process may use
    std::string isa; // CPU: "" best, or one of Backend::devices' variants ("avx2", "portable", ...)
    WeightPacking packing = WeightPacking::Automatic;
    int device = 0; // index in devices()
    // Training on devices; backends that train in host memory keep everything.
    TrainingActivations activations = TrainingActivations::Automatic;
    BitLinearStyle bitLinear = BitLinearStyle::Fused; // Vanilla: throws Unavailable where there is none
};

struct DeviceInfo {
    std::string name;            // "Intel(R) Xeon(R) ...", "NVIDIA H100 80GB HBM3"
    std::size_t memoryBytes = 0; // 0: unknown
    bool usable = false;
    std::string reason; // why not usable; empty when usable
    std::vector<std::string>
        details; // further lines for people: instruction sets, driver, compute capability
    // A processor stands in for the kind of device this backend is made for (OpenCL on a CPU for an FPGA):
    // results are the device's, speed and memory are not. Marked wherever its numbers are shown.
    bool emulated = false;
};

enum class Work { Inference, Training };

// A way to compute. Concrete ones are named only by app/backend_catalog.cpp.
class Backend
{
public:
    virtual ~Backend() = default;
    [[nodiscard]] virtual std::string name() const = 0; // "cpu", "reference", "cuda", "opencl"
    [[nodiscard]] virtual std::vector<DeviceInfo>
    devices() const = 0; // never throws; empty: none, see reason of [0]
    // Whether this backend can do that at all, on whatever device; callers that choose by themselves ask
    // first.
    [[nodiscard]] virtual bool supports(Architecture architecture, Work work) const = 0;

    // Throws Unavailable (with the device's reason), OutOfMemory (needed and free bytes), or the source's
    // errors.
    [[nodiscard]] virtual std::unique_ptr<InferenceExecutor>
    createInference(std::shared_ptr<const ModelSource> source, const ExecutorOptions& options) const = 0;

    // `initial`: layout.size() values. Throws Unavailable when this backend does not train.
    [[nodiscard]] virtual std::unique_ptr<TrainingExecutor>
    createTraining(std::shared_ptr<const ParameterLayout> layout, std::span<const float> initial,
                   const ExecutorOptions& options) const = 0;
};

} // namespace mmfree
