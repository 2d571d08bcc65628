// OpenCL as a backend: FPGAs through a vendor's binary, and any CPU or GPU with an OpenCL driver. Runs
// MatMul-free models; does not train.
#pragma once

#include "engine/runtime/backend.h"

namespace mmfree::opencl
{

class OpenClBackend final : public Backend
{
public:
    [[nodiscard]] std::string name() const override { return "opencl"; }
    [[nodiscard]] std::vector<DeviceInfo> devices() const override;
    [[nodiscard]] bool supports(Architecture architecture, Work work) const override
    {
        return architecture == Architecture::MatMulFree && work == Work::Inference;
    }
    [[nodiscard]] std::unique_ptr<InferenceExecutor>
    createInference(std::shared_ptr<const ModelSource> source, const ExecutorOptions& options) const override;
    [[nodiscard]] std::unique_ptr<TrainingExecutor>
    createTraining(std::shared_ptr<const ParameterLayout> layout, std::span<const float> initial,
                   const ExecutorOptions& options) const override;
};

} // namespace mmfree::opencl
