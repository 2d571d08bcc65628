// The CUDA backend: lists NVIDIA GPUs and makes executors on them. Needs no toolkit and no driver to be
// loaded: on a machine without a usable GPU, devices() says why.
#pragma once

#include "engine/runtime/backend.h"

namespace mmfree::cuda
{

class CudaBackend final : public Backend
{
public:
    [[nodiscard]] std::string name() const override { return "cuda"; }
    [[nodiscard]] std::vector<DeviceInfo> devices() const override;
    [[nodiscard]] bool supports(Architecture architecture, Work work) const override;
    [[nodiscard]] std::unique_ptr<InferenceExecutor>
    createInference(std::shared_ptr<const ModelSource> source, const ExecutorOptions& options) const override;
    [[nodiscard]] std::unique_ptr<TrainingExecutor>
    createTraining(std::shared_ptr<const ParameterLayout> layout, std::span<const float> initial,
                   const ExecutorOptions& options) const override;
};

} // namespace mmfree::cuda
