// Energy counters of the machine: RAPL of the processor packages, NVML of NVIDIA GPUs. Where they cannot be
// read the reason is said; nothing is ever estimated.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace mmfree
{

struct EnergySource {
    std::string processor;       // "RAPL, 1 package"; empty: not readable
    std::string processorReason; // why not; empty when readable
    std::string gpu, gpuReason;
    std::optional<double> processorIdleWatts, gpuIdleWatts; // measured before the first round
};

class EnergyMeter
{
public:
    EnergyMeter();
    ~EnergyMeter();
    EnergyMeter(const EnergyMeter&) = delete;
    EnergyMeter& operator=(const EnergyMeter&) = delete;

    [[nodiscard]] const EnergySource& source() const { return m_source; }
    // Joules since some moment in the past; only differences mean something. Nothing where not readable.
    [[nodiscard]] std::optional<double> processorJoules();
    [[nodiscard]] std::optional<double> gpuJoules(int device);
    // Memory in use of a GPU by all processes; nothing without NVML.
    [[nodiscard]] std::optional<long long> gpuUsedBytes(int device);
    [[nodiscard]] std::string gpuDriver();
    // Watches the counters for a second of nothing and keeps the power.
    void measureIdle(double seconds, int gpuDevice);

private:
    struct Packages;
    struct Nvml;
    std::unique_ptr<Packages> m_packages;
    std::unique_ptr<Nvml> m_nvml;
    EnergySource m_source;
};

} // namespace mmfree
