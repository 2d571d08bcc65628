// TrainingExecutor over a training network: owns parameters, gradients and moments in the operators' memory
// and performs clipping-ready norms and AdamW updates. Backends create it through makeNetworkTrainer().
#pragma once

#include "engine/core/error.h"
#include "engine/network/inference_executor.h"
#include "engine/network/matmul_free_training.h"
#include "engine/network/transformer_training.h"

#include <cmath>
#include <memory>

namespace mmfree
{

template <TrainingOperators O, class Network>
class NetworkTrainingExecutor final : public TrainingExecutor
{
public:
    NetworkTrainingExecutor(std::unique_ptr<O> ops, std::shared_ptr<const ParameterLayout> layout,
                            std::span<const float> initial, ExecutorInfo info)
        : m_ops(std::move(ops))
        , m_layout(std::move(layout))
        , m_info(std::move(info))
        , m_parameters(m_ops->upload(initial))
        , m_gradients(m_ops->allocate(m_layout->size()))
        , m_firstMoment(m_ops->allocate(m_layout->size()))
        , m_secondMoment(m_ops->allocate(m_layout->size()))
        , m_network(*m_ops, {m_layout.get(), m_parameters.data(), m_gradients.data()})
    {
    }

    [[nodiscard]] const ParameterLayout& layout() const override { return *m_layout; }
    [[nodiscard]] ExecutorInfo info() const override { return m_info; }

    double forwardBackward(const TokenBatch& batch) override { return run(batch, true); }
    [[nodiscard]] double evaluate(const TokenBatch& batch) override { return run(batch, false); }

    [[nodiscard]] double gradientNorm() override
    {
        return std::sqrt(m_ops->sumOfSquares(m_gradients.data(), m_layout->size()));
    }

    void applyUpdate(const UpdateOptions& options) override
    {
        for (const ParameterSlot& slot : m_layout->entries()) {
            const bool isMatrix = slot.spec.role == TensorRole::Embedding ||
                                  slot.spec.role == TensorRole::TernaryWeight ||
                                  slot.spec.role == TensorRole::DenseWeight;
            const double decay = isMatrix || options.decayAll ? options.weightDecay : 0.0;
            m_ops->adamw(m_parameters.data() + slot.offset, m_gradients.data() + slot.offset,
                         m_firstMoment.data() + slot.offset, m_secondMoment.data() + slot.offset, slot.count,
                         options.learningRate, options.beta1, options.beta2, options.epsilon, decay,
                         options.gradientScale, options.step);
        }
        m_fresh = false;
    }

    void readGradients(std::span<float> out) override { m_ops->copyOut(m_gradients.data(), out); }

    [[nodiscard]] TrainingSnapshot snapshot() override
    {
        return {.parameters = hostCopy(m_parameters),
                .firstMoment = hostCopy(m_firstMoment),
                .secondMoment = hostCopy(m_secondMoment)};
    }
    void restore(const TrainingSnapshot& snapshot) override
    {
        m_ops->copyIn(snapshot.parameters->span(), m_parameters.data());
        m_ops->copyIn(snapshot.firstMoment->span(), m_firstMoment.data());
        m_ops->copyIn(snapshot.secondMoment->span(), m_secondMoment.data());
        m_ops->setZero(m_gradients.data(), m_gradients.size());
        m_fresh = false;
    }
    [[nodiscard]] MemoryUse memoryUse() const override
    {
        return {.weightBytes = 4 * static_cast<std::size_t>(m_layout->size()) * sizeof(float),
                .stateBytes = 0,
                .activationBytes = m_network.activationBytes()};
    }

private:
    double run(const TokenBatch& batch, bool backward)
    {
        const DeviceBatch device = upload(batch);
        if (!m_fresh)
            m_network.refresh(*m_ops);
        m_fresh = true;
        return m_network.run(*m_ops, device, backward) / static_cast<double>(device.targetCount);
    }

    DeviceBatch upload(const TokenBatch& batch)
    {
        const std::int64_t targets = checkTrainingBatch(batch, m_layout->config().vocabularySize);
        m_inputs = m_ops->uploadTokens(batch.inputs);
        m_targets = m_ops->uploadTokens(batch.targets);
        return {.inputs = m_inputs.data(),
                .targets = m_targets.data(),
                .batch = batch.batch,
                .length = batch.length,
                .targetCount = targets};
    }

    std::shared_ptr<const AlignedBuffer<float>> hostCopy(const typename O::Floats& floats) const
    {
        auto copy = std::make_shared<AlignedBuffer<float>>(static_cast<std::size_t>(m_layout->size()));
        m_ops->copyOut(floats.data(), copy->span());
        return copy;
    }

    std::unique_ptr<O> m_ops;
    std::shared_ptr<const ParameterLayout> m_layout;
    ExecutorInfo m_info;
    typename O::Floats m_parameters, m_gradients, m_firstMoment, m_secondMoment; // [layout size]
    Network m_network;
    bool m_fresh = false; // ternary copies match the parameters
    typename O::Tokens m_inputs, m_targets;
};

template <TrainingOperators O>
std::unique_ptr<TrainingExecutor> makeNetworkTrainer(std::unique_ptr<O> ops,
                                                     std::shared_ptr<const ParameterLayout> layout,
                                                     std::span<const float> initial, ExecutorInfo info)
{
    if (layout->config().architecture == Architecture::MatMulFree)
        return std::make_unique<NetworkTrainingExecutor<O, MatMulFreeTraining<O>>>(
            std::move(ops), std::move(layout), initial, std::move(info));
    return std::make_unique<NetworkTrainingExecutor<O, TransformerTraining<O>>>(
        std::move(ops), std::move(layout), initial, std::move(info));
}

} // namespace mmfree
