#include "app/backend_catalog.h"

#include "engine/core/error.h"
#include "engine/cpu/cpu_backend.h"
#include "engine/reference/reference_backend.h"

#ifdef MMFREE_WITH_CUDA
#include "engine/cuda/cuda_backend.h"
#endif
#ifdef MMFREE_WITH_FPGA
#include "fpga/host/opencl_backend.h"
#endif

#include <algorithm>
#include <string>

namespace mmfree
{

namespace
{

bool isUsable(const Backend& backend)
{
    const std::vector<DeviceInfo> devices = backend.devices();
    return std::any_of(devices.begin(), devices.end(),
                       [](const DeviceInfo& device) { return device.usable; });
}

std::string whyUnusable(const Backend& backend)
{
    for (const DeviceInfo& device : backend.devices()) {
        if (!device.reason.empty())
            return device.reason;
    }
    return "no device was found";
}

} // namespace

std::vector<std::shared_ptr<const Backend>> allBackends()
{
    std::vector<std::shared_ptr<const Backend>> backends;
#ifdef MMFREE_WITH_CUDA
    backends.push_back(std::make_shared<cuda::CudaBackend>());
#endif
    backends.push_back(std::make_shared<cpu::CpuBackend>());
#ifdef MMFREE_WITH_FPGA
    backends.push_back(std::make_shared<opencl::OpenClBackend>());
#endif
    backends.push_back(std::make_shared<reference::ReferenceBackend>());
    return backends;
}

std::shared_ptr<const Backend> findBackend(std::string_view name, Architecture architecture, Work work)
{
    const bool automatic = name.empty() || name == "auto";
    std::string known, reasons;
    for (const std::shared_ptr<const Backend>& backend : allBackends()) {
        const bool matches = automatic ? backend->supports(architecture, work) : backend->name() == name;
        if (matches && isUsable(*backend))
            return backend;
        if (matches)
            reasons += (reasons.empty() ? "" : "; ") + backend->name() + ": " + whyUnusable(*backend);
        known += (known.empty() ? "" : ", ") + backend->name();
    }
    if (!reasons.empty())
        throw Error(ErrorCode::Unavailable, "backend cannot be used here: " + reasons);
    throw Error(ErrorCode::Unavailable,
                "backend is \"" + std::string(name) + "\", needed: auto or one of " + known);
}

} // namespace mmfree
