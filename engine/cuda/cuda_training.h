// TrainingExecutor on a CUDA device: parameters, gradients and moments in device memory, batches, loss,
// gradient norm and AdamW. What a model computes in between is a TrainingNetwork. Created by CudaBackend.
#pragma once

#include "engine/cuda/device_memory.h"
#include "engine/cuda/matrix_products.h"
#include "engine/cuda/training_kernels.h"
#include "engine/network/training_common.h"
#include "engine/runtime/backend.h"

#include <memory>
#include <vector>

namespace mmfree::cuda
{

// What a network computes with; lives as long as the executor.
struct TrainingContext {
    ParameterArrays arrays; // device memory
    cudaStream_t stream = nullptr;
    MatrixProducts* products = nullptr;
    int multiprocessors = 1;
    TrainingActivations activations = TrainingActivations::Automatic;
};

// One micro-batch in device memory.
struct TrainingBatch : DeviceBatch {
    TokenPieces pieces; // of the inputs; only for the backward pass
};

class TrainingNetwork
{
public:
    virtual ~TrainingNetwork() = default;
    // Makes what depends on the parameters alone; called after every change of them.
    virtual void refresh() = 0;
    // rowLoss[t] = cross entropy of token t (0 without target); with `backward`, gradients of the mean are
    // added to the arrays. Asynchronous; device memory.
    virtual void run(const TrainingBatch& batch, bool backward, float* rowLoss) = 0;
    [[nodiscard]] virtual std::size_t bytes() const = 0; // activations and copies of weights
};

class CudaTraining final : public TrainingExecutor
{
public:
    CudaTraining(std::shared_ptr<const ParameterLayout> layout, std::span<const float> initial,
                 const ExecutorOptions& options, const std::string& deviceName);
    ~CudaTraining() override;

    [[nodiscard]] const ParameterLayout& layout() const override { return *m_layout; }
    [[nodiscard]] ExecutorInfo info() const override { return m_info; }
    double forwardBackward(const TokenBatch& batch) override { return run(batch, true); }
    [[nodiscard]] double evaluate(const TokenBatch& batch) override { return run(batch, false); }
    [[nodiscard]] double gradientNorm() override;
    void applyUpdate(const UpdateOptions& options) override;
    void readGradients(std::span<float> out) override;
    [[nodiscard]] TrainingSnapshot snapshot() override;
    void restore(const TrainingSnapshot& snapshot) override;
    [[nodiscard]] MemoryUse memoryUse() const override;

private:
    double run(const TokenBatch& batch, bool backward);
    TrainingBatch upload(const TokenBatch& batch, bool backward);
    void sortTokens(std::span<const TokenId> inputs, TrainingBatch& batch);
    void reserveBatch(std::int64_t tokens);
    void makeUpdateChunks();
    void copyToHost(const float* device, std::span<float> host);
    void copyToDevice(std::span<const float> host, float* device);
    [[nodiscard]] std::size_t parameterCount() const { return static_cast<std::size_t>(m_layout->size()); }

    std::shared_ptr<const ParameterLayout> m_layout;
    int m_device;
    ExecutorInfo m_info;
    Stream m_stream;
    MatrixProducts m_products;
    DeviceArray<float> m_arrays; // [4, layout size]: parameters, gradients, first and second moment
    float *m_parameters, *m_gradients, *m_firstMoment, *m_secondMoment;
    DeviceArray<UpdateChunk> m_chunks;
    DeviceArray<double> m_partials; // [kSquareParts]
    DeviceArray<double> m_result;   // [1]
    PinnedArray<double> m_resultHost;

    std::int64_t m_batchCapacity = 0;    // tokens
    PinnedArray<std::int32_t> m_staging; // see upload()
    DeviceArray<std::int32_t> m_batchData;
    DeviceArray<float> m_rowLoss;       // [tokens]
    std::vector<std::int32_t> m_counts; // [vocabulary]

    std::unique_ptr<TrainingNetwork> m_network;
    bool m_fresh = false; // the network has seen the present parameters
};

} // namespace mmfree::cuda
