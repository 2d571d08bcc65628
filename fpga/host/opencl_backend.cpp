#include "fpga/host/opencl_backend.h"

#include "engine/core/error.h"
#include "fpga/host/opencl_executor.h"

namespace mmfree::opencl
{

namespace
{

ClDevice chosenDevice(int index)
{
    const std::vector<ClDevice> devices = discoverDevices();
    if (index < 0 || index >= static_cast<int>(devices.size())) {
        throw Error(ErrorCode::InvalidArgument, "OpenCL device is " + std::to_string(index) +
                                                    ", needed: 0 to " + std::to_string(devices.size() - 1));
    }
    const ClDevice& device = devices[static_cast<std::size_t>(index)];
    if (!device.info.usable) {
        throw Error(ErrorCode::Unavailable, "OpenCL device " + std::to_string(index) + " (" +
                                                device.info.name + "): " + device.info.reason);
    }
    return device;
}

} // namespace

std::vector<DeviceInfo> OpenClBackend::devices() const
{
    std::vector<DeviceInfo> list;
    for (const ClDevice& device : discoverDevices())
        list.push_back(device.info);
    return list;
}

std::unique_ptr<InferenceExecutor> OpenClBackend::createInference(std::shared_ptr<const ModelSource> source,
                                                                  const ExecutorOptions& options) const
{
    if (!source->config().isTernary()) {
        throw Error(ErrorCode::Unavailable,
                    "the OpenCL backend runs MatMul-free models only; \"" + source->name() +
                        "\" is a Transformer, needed: backend cpu, cuda or reference");
    }
    return std::make_unique<OpenClExecutor>(chosenDevice(options.device), std::move(source), options.threads);
}

std::unique_ptr<TrainingExecutor> OpenClBackend::createTraining(std::shared_ptr<const ParameterLayout>,
                                                                std::span<const float>,
                                                                const ExecutorOptions&) const
{
    throw Error(ErrorCode::Unavailable,
                "the OpenCL backend does not train, needed: backend cpu, cuda or reference");
}

} // namespace mmfree::opencl
