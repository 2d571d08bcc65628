// What the ICD loader offers: every device of every platform, with the reason when this program cannot use
// it.
#pragma once

#include "engine/runtime/backend.h"
#include "fpga/host/cl_error.h"
#include "fpga/host/kernel_sources.h"

#include <string>
#include <vector>

namespace mmfree::opencl
{

struct ClDevice {
    cl_platform_id platform = nullptr;
    cl_device_id id = nullptr; // nullptr: an entry that only explains why there is no device
    cl_device_type type = 0;
    DeviceInfo info;
    std::string platformName, driver;  // driver: platform and device versions, part of the build cache's key
    std::size_t largestAllocation = 0; // bytes of one buffer
    std::size_t localMemoryBytes = 0;  // of one work-group
    std::size_t largestGroup = 1;      // work-items
    int computeUnits = 1;
    Variant variant = Variant::Vector; // by the kind of device, or MMFREE_OPENCL_VARIANT
};

// Never throws; any thread. Without any device one unusable entry says why.
[[nodiscard]] std::vector<ClDevice> discoverDevices();

} // namespace mmfree::opencl
