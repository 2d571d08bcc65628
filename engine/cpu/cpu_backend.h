// The processor as a backend: picks the best kernels this machine runs and gives executors over CpuOperators.
#pragma once

#include "engine/runtime/backend.h"

namespace mmfree::cpu
{

class CpuBackend final : public Backend
{
public:
    [[nodiscard]] std::string name() const override { return "cpu"; }
    [[nodiscard]] std::vector<DeviceInfo> devices() const override;
    [[nodiscard]] bool supports(Architecture, Work) const override { return true; }
    [[nodiscard]] std::unique_ptr<InferenceExecutor>
    createInference(std::shared_ptr<const ModelSource> source, const ExecutorOptions& options) const override;
    [[nodiscard]] std::unique_ptr<TrainingExecutor>
    createTraining(std::shared_ptr<const ParameterLayout> layout, std::span<const float> initial,
                   const ExecutorOptions& options) const override;
};

} // namespace mmfree::cpu
