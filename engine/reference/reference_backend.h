// The scalar oracle as a backend, so that any user can check another backend against it on their own machine.
#pragma once

#include "engine/runtime/backend.h"

namespace mmfree::reference
{

class ReferenceBackend final : public Backend
{
public:
    [[nodiscard]] std::string name() const override { return "reference"; }
    [[nodiscard]] std::vector<DeviceInfo> devices() const override;
    [[nodiscard]] bool supports(Architecture, Work) const override { return true; }
    [[nodiscard]] std::unique_ptr<InferenceExecutor>
    createInference(std::shared_ptr<const ModelSource> source, const ExecutorOptions& options) const override;
    [[nodiscard]] std::unique_ptr<TrainingExecutor>
    createTraining(std::shared_ptr<const ParameterLayout> layout, std::span<const float> initial,
                   const ExecutorOptions& options) const override;
};

} // namespace mmfree::reference
