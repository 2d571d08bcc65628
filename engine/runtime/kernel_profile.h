// What an executor that builds a program and starts kernels on a device can tell about them. A capability
// that callers look for with dynamic_cast from InferenceExecutor; backends without kernels of their own lack
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mmfree
{

// Time spent in one kernel since profiling was switched on, from the device's own clock.
struct KernelTime {
    std::string kernel;
    std::int64_t calls = 0;
    double seconds = 0.0;
};

struct ProgramReport {
    std::string origin; // for people: "compiled", "from the cache PATH", "binary PATH"
    std::string log;    // the compiler's messages; empty when it said nothing
};

class KernelProfiler
{
public:
    virtual ~KernelProfiler() = default;
    // Starts a new profile. While on, every kernel is waited for, so a pass takes longer than without.
    virtual void setProfiling(bool on) = 0;
    [[nodiscard]] virtual std::vector<KernelTime> kernelTimes() const = 0; // longest first
    [[nodiscard]] virtual ProgramReport programReport() const = 0;
};

} // namespace mmfree
