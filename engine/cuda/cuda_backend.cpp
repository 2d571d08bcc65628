#include "engine/cuda/cuda_backend.h"

#include "engine/cuda/cuda_inference.h"
#include "engine/cuda/cuda_training.h"
#include "engine/cuda/dense_inference.h"

namespace mmfree::cuda
{

namespace
{

constexpr int kOldestMajor = 8; // asynchronous copies and 8-bit tensor-core products as the kernels use them

std::string versionText(int version)
{
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string whyNone(cudaError_t status)
{
    switch (status) {
    case cudaSuccess:
    case cudaErrorNoDevice:
        return "no NVIDIA GPU was found";
    case cudaErrorInsufficientDriver:
        return "no NVIDIA driver was found, or one older than CUDA " + versionText(CUDART_VERSION) + " needs";
    default:
        return cudaGetErrorString(status);
    }
}

DeviceInfo describe(int device)
{
    DeviceInfo info;
    cudaDeviceProp properties{};
    const cudaError_t status = cudaGetDeviceProperties(&properties, device);
    if (status != cudaSuccess) {
        cudaGetLastError();
        info.name = "CUDA device " + std::to_string(device);
        info.reason = cudaGetErrorString(status);
        return info;
    }
    info.name = properties.name;
    info.memoryBytes = properties.totalGlobalMem;
    int driver = 0;
    cudaDriverGetVersion(&driver);
    const std::string capability = std::to_string(properties.major) + "." + std::to_string(properties.minor);
    info.details = {"compute capability " + capability,
                    std::to_string(properties.multiProcessorCount) + " multiprocessors",
                    "driver supports CUDA " + versionText(driver)};
    info.usable = properties.major >= kOldestMajor;
    if (!info.usable)
        info.reason = "compute capability is " + capability + ", needed: 8.0 or newer";
    return info;
}

DeviceInfo requireDevice(const std::vector<DeviceInfo>& devices, int device)
{
    if (device < 0 || device >= static_cast<int>(devices.size()))
        throw Error(ErrorCode::Unavailable, "CUDA device is " + std::to_string(device) + ", needed: 0 to " +
                                                std::to_string(static_cast<int>(devices.size()) - 1));
    const DeviceInfo& info = devices[static_cast<std::size_t>(device)];
    if (!info.usable)
        throw Error(ErrorCode::Unavailable, "CUDA device " + std::to_string(device) + ": " + info.reason);
    checkCuda(cudaSetDevice(device));
    return info;
}

} // namespace

std::vector<DeviceInfo> CudaBackend::devices() const
{
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess || count == 0) {
        cudaGetLastError();
        DeviceInfo none;
        none.name = "NVIDIA GPU";
        none.reason = whyNone(status);
        return {none};
    }
    std::vector<DeviceInfo> found;
    for (int device = 0; device < count; ++device)
        found.push_back(describe(device));
    return found;
}

std::unique_ptr<InferenceExecutor> CudaBackend::createInference(std::shared_ptr<const ModelSource> source,
                                                                const ExecutorOptions& options) const
{
    const DeviceInfo info = requireDevice(devices(), options.device);
    if (source->config().architecture == Architecture::Transformer)
        return std::make_unique<DenseInference>(std::move(source), options.device, info.name);
    return std::make_unique<CudaInference>(std::move(source), options.device, info.name);
}

bool CudaBackend::supports(Architecture architecture, Work work) const
{
    // Ternary products of inference are kernels of our own; everything else needs the library.
    return (architecture == Architecture::MatMulFree && work == Work::Inference) ||
           MatrixProducts::available();
}

std::unique_ptr<TrainingExecutor> CudaBackend::createTraining(std::shared_ptr<const ParameterLayout> layout,
                                                              std::span<const float> initial,
                                                              const ExecutorOptions& options) const
{
    const DeviceInfo info = requireDevice(devices(), options.device);
    return std::make_unique<CudaTraining>(std::move(layout), initial, options, info.name);
}

} // namespace mmfree::cuda
