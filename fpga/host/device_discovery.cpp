#include "fpga/host/device_discovery.h"

#include "fpga/host/environment.h"

#include <algorithm>
#include <filesystem>
#include <mutex>

namespace mmfree::opencl
{

namespace
{

template <class Object, class Key, class Function>
std::string textInfo(Function function, Object object, Key key)
{
    std::size_t size = 0;
    if (function(object, key, 0, nullptr, &size) != CL_SUCCESS || size == 0)
        return {};
    std::string text(size, '\0');
    if (function(object, key, size, text.data(), nullptr) != CL_SUCCESS)
        return {};
    text.resize(std::min(text.find('\0'), text.size()));
    const std::size_t first = text.find_first_not_of(' ');
    return first == std::string::npos ? std::string()
                                      : text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

template <class T>
T numberInfo(cl_device_id device, cl_device_info key)
{
    T value{};
    return clGetDeviceInfo(device, key, sizeof(value), &value, nullptr) == CL_SUCCESS ? value : T{};
}

std::string typeName(cl_device_type type)
{
    if (type & CL_DEVICE_TYPE_GPU)
        return "GPU";
    if (type & CL_DEVICE_TYPE_ACCELERATOR)
        return "accelerator (FPGA)";
    return type & CL_DEVICE_TYPE_CPU ? "CPU" : "custom device";
}

Variant variantFor(cl_device_type type)
{
    const std::string wanted = environmentText("MMFREE_OPENCL_VARIANT");
    for (const Variant variant : {Variant::Vector, Variant::Dot, Variant::Pipeline}) {
        if (wanted == variantName(variant))
            return variant;
    }
    if (type & CL_DEVICE_TYPE_GPU)
        return Variant::Dot;
    return type & CL_DEVICE_TYPE_ACCELERATOR ? Variant::Pipeline : Variant::Vector;
}

std::string whyUnusable(const ClDevice& device)
{
    if (!numberInfo<cl_bool>(device.id, CL_DEVICE_AVAILABLE))
        return "the driver says that the device is not available";
    if (!numberInfo<cl_bool>(device.id, CL_DEVICE_ENDIAN_LITTLE))
        return "the device is big-endian, needed: little-endian";
    if (!numberInfo<cl_bool>(device.id, CL_DEVICE_COMPILER_AVAILABLE) &&
        environmentText("MMFREE_OPENCL_BINARY").empty()) {
        return "the device has no kernel compiler; needed: MMFREE_OPENCL_BINARY naming a binary (.aocx, "
               ".xclbin) built for it";
    }
    return {};
}

ClDevice describe(cl_platform_id platform, cl_device_id id)
{
    ClDevice device{.platform = platform, .id = id};
    device.type = numberInfo<cl_device_type>(id, CL_DEVICE_TYPE);
    device.platformName = textInfo(clGetPlatformInfo, platform, CL_PLATFORM_NAME);
    device.variant = variantFor(device.type);
    device.computeUnits =
        std::max<int>(1, static_cast<int>(numberInfo<cl_uint>(id, CL_DEVICE_MAX_COMPUTE_UNITS)));
    device.localMemoryBytes = numberInfo<cl_ulong>(id, CL_DEVICE_LOCAL_MEM_SIZE);
    device.largestGroup = numberInfo<std::size_t>(id, CL_DEVICE_MAX_WORK_GROUP_SIZE);
    device.largestAllocation = numberInfo<cl_ulong>(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    const std::string version = textInfo(clGetDeviceInfo, id, CL_DEVICE_VERSION);
    const std::string driver = textInfo(clGetDeviceInfo, id, CL_DRIVER_VERSION);
    device.driver = textInfo(clGetPlatformInfo, platform, CL_PLATFORM_VERSION) + "|" + version + "|" + driver;
    device.info.name = textInfo(clGetDeviceInfo, id, CL_DEVICE_NAME);
    device.info.memoryBytes = numberInfo<cl_ulong>(id, CL_DEVICE_GLOBAL_MEM_SIZE);
    device.info.reason = whyUnusable(device);
    device.info.usable = device.info.reason.empty();
    device.info.emulated = (device.type & CL_DEVICE_TYPE_CPU) != 0;
    device.info.details = {
        device.platformName + ", " + typeName(device.type) + ", " + std::to_string(device.computeUnits) +
            " compute units",
        version + ", driver " + driver,
        "kernels: " + std::string(variantName(device.variant)),
    };
    return device;
}

ClDevice explanation(const std::string& name, const std::string& reason)
{
    ClDevice device;
    device.info = {.name = name, .memoryBytes = 0, .usable = false, .reason = reason, .details = {}};
    return device;
}

// PoCL ends the whole process when it finds no description of the processor, as in a root without /sys.
std::string whyNotAsked(const std::string& platformName)
{
    constexpr const char* kTopology = "/sys/devices/system/cpu";
    std::error_code error;
    if (platformName != "Portable Computing Language" || std::filesystem::exists(kTopology, error))
        return {};
    return std::string("PoCL needs ") + kTopology + ", which is absent here (is /sys mounted?)";
}

} // namespace

std::vector<ClDevice> discoverDevices()
{
    // PoCL 3.1 crashes when two threads ask for its devices before it has found them.
    static std::mutex mutex;
    const std::scoped_lock lock(mutex);
    cl_uint platformCount = 0;
    const cl_int status = clGetPlatformIDs(0, nullptr, &platformCount);
    if (status != CL_SUCCESS || platformCount == 0) {
        return {explanation("OpenCL",
                            "no OpenCL driver is installed (the ICD loader found no platform); a CPU "
                            "can run it through the package pocl-opencl-icd")};
    }
    std::vector<cl_platform_id> platforms(platformCount);
    clGetPlatformIDs(platformCount, platforms.data(), nullptr);
    std::vector<ClDevice> devices;
    for (const cl_platform_id platform : platforms) {
        const std::string name = textInfo(clGetPlatformInfo, platform, CL_PLATFORM_NAME);
        if (const std::string reason = whyNotAsked(name); !reason.empty()) {
            devices.push_back(explanation(name, reason));
            continue;
        }
        cl_uint count = 0;
        const cl_int found = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &count);
        if (found != CL_SUCCESS || count == 0) {
            devices.push_back(
                explanation(name, "the platform has no device (" + std::string(statusName(found)) + ")"));
            continue;
        }
        std::vector<cl_device_id> ids(count);
        clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, ids.data(), nullptr);
        for (const cl_device_id id : ids)
            devices.push_back(describe(platform, id));
    }
    // Device 0 is the default, so what can be used comes first.
    std::stable_partition(devices.begin(), devices.end(),
                          [](const ClDevice& device) { return device.info.usable; });
    return devices;
}

} // namespace mmfree::opencl
