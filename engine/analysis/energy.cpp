#include "engine/analysis/energy.h"

#include <chrono>
#include <cstdint>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

namespace fs = std::filesystem;

namespace mmfree
{

namespace
{

std::optional<std::uint64_t> readCounter(const fs::path& file)
{
    std::ifstream in(file);
    std::uint64_t value = 0;
    if (in >> value)
        return value;
    return std::nullopt;
}

} // namespace

// The powercap files count microjoules and wrap around at max_energy_range_uj.
struct EnergyMeter::Packages {
    struct Package {
        fs::path file;
        std::uint64_t range = 0, last = 0, total = 0;
    };
    std::vector<Package> packages;
    std::string reason;

    explicit Packages(const fs::path& folder)
    {
        std::error_code error;
        bool seen = false;
        for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
            const std::string name = entry.path().filename().string();
            // "intel-rapl:0" is a package, "intel-rapl:0:0" a part of one; AMD uses the same names.
            if (name.rfind("intel-rapl:", 0) != 0 || name.find(':') != name.rfind(':'))
                continue;
            seen = true;
            Package package{.file = entry.path() / "energy_uj"};
            const auto now = readCounter(package.file);
            if (!now) {
                reason = package.file.string() + " cannot be read by this user (it belongs to root)";
                continue;
            }
            package.last = *now;
            package.range = readCounter(entry.path() / "max_energy_range_uj").value_or(0);
            packages.push_back(package);
        }
        if (!seen)
            reason = "the machine shows no RAPL counter (" + folder.string() + " has no intel-rapl entry)";
        if (packages.empty() == false)
            reason.clear();
    }

    std::optional<double> joules()
    {
        if (packages.empty())
            return std::nullopt;
        double sum = 0.0;
        for (Package& package : packages) {
            const auto now = readCounter(package.file);
            if (!now)
                return std::nullopt;
            package.total += *now >= package.last ? *now - package.last : package.range - package.last + *now;
            package.last = *now;
            sum += static_cast<double>(package.total) * 1e-6;
        }
        return sum;
    }
};

// The few functions of the NVIDIA management library, looked up at run time: a machine without the driver has
// no such library, and building needs none.
struct EnergyMeter::Nvml {
    using Device = struct nvmlDevice_st*;
    struct Memory {
        unsigned long long total, free, used;
    };
    void* library = nullptr;
    int (*shutdown)() = nullptr;
    int (*deviceByIndex)(unsigned, Device*) = nullptr;
    int (*totalEnergy)(Device, unsigned long long*) = nullptr;
    int (*memoryInfo)(Device, Memory*) = nullptr;
    int (*driverVersion)(char*, unsigned) = nullptr;
    std::string reason;

    Nvml()
    {
        library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
        if (!library) {
            reason = "no NVIDIA driver is installed (libnvidia-ml.so.1 was not found)";
            return;
        }
        const auto find = [this](auto& function, const char* name) {
            function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
            return function != nullptr;
        };
        int (*initialize)() = nullptr;
        if (!find(initialize, "nvmlInit_v2") || !find(shutdown, "nvmlShutdown") ||
            !find(deviceByIndex, "nvmlDeviceGetHandleByIndex_v2") ||
            !find(totalEnergy, "nvmlDeviceGetTotalEnergyConsumption") ||
            !find(memoryInfo, "nvmlDeviceGetMemoryInfo") ||
            !find(driverVersion, "nvmlSystemGetDriverVersion")) {
            reason = "the NVIDIA management library is too old to count energy";
        } else if (const int status = initialize(); status != 0) {
            reason =
                "the NVIDIA management library refused to start (NVML status " + std::to_string(status) + ")";
        } else {
            ready = true;
        }
    }
    ~Nvml()
    {
        if (ready)
            shutdown();
        if (library)
            dlclose(library);
    }
    Nvml(const Nvml&) = delete;
    Nvml& operator=(const Nvml&) = delete;

    bool ready = false;
};

EnergyMeter::EnergyMeter()
    : m_packages(std::make_unique<Packages>("/sys/class/powercap"))
    , m_nvml(std::make_unique<Nvml>())
{
    const std::size_t count = m_packages->packages.size();
    if (count > 0)
        m_source.processor = "RAPL, " + std::to_string(count) + (count == 1 ? " package" : " packages");
    m_source.processorReason = m_packages->reason;
    m_source.gpuReason = m_nvml->reason;
    if (m_nvml->ready)
        m_source.gpu = gpuJoules(0) ? "NVML" : "";
    if (m_nvml->ready && m_source.gpu.empty())
        m_source.gpuReason = "the GPU does not count its energy (NVML refused)";
}

EnergyMeter::~EnergyMeter() = default;

std::optional<double> EnergyMeter::processorJoules()
{
    return m_packages->joules();
}

std::optional<double> EnergyMeter::gpuJoules(int device)
{
    Nvml::Device handle = nullptr;
    unsigned long long millijoules = 0;
    if (!m_nvml->ready || m_nvml->deviceByIndex(static_cast<unsigned>(device), &handle) != 0 ||
        m_nvml->totalEnergy(handle, &millijoules) != 0)
        return std::nullopt;
    return static_cast<double>(millijoules) * 1e-3;
}

std::optional<long long> EnergyMeter::gpuUsedBytes(int device)
{
    Nvml::Device handle = nullptr;
    Nvml::Memory memory{};
    if (!m_nvml->ready || m_nvml->deviceByIndex(static_cast<unsigned>(device), &handle) != 0 ||
        m_nvml->memoryInfo(handle, &memory) != 0)
        return std::nullopt;
    return static_cast<long long>(memory.used);
}

std::string EnergyMeter::gpuDriver()
{
    char text[96] = {};
    return m_nvml->ready && m_nvml->driverVersion(text, sizeof(text)) == 0 ? text : "";
}

void EnergyMeter::measureIdle(double seconds, int gpuDevice)
{
    const auto processorBefore = processorJoules(), gpuBefore = gpuJoules(gpuDevice);
    if (!processorBefore && !gpuBefore)
        return;
    const auto start = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (const auto after = processorJoules(); after && processorBefore)
        m_source.processorIdleWatts = (*after - *processorBefore) / passed;
    if (const auto after = gpuJoules(gpuDevice); after && gpuBefore)
        m_source.gpuIdleWatts = (*after - *gpuBefore) / passed;
}

} // namespace mmfree
