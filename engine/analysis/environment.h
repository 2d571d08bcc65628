// What a measurement was taken on: machine, its state, and this program. Read from /proc and /sys; what is
// not there stays empty or 0.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace mmfree
{

struct Environment {
    std::string cpuModel;
    std::vector<std::string> cpuFlags;     // the instruction sets this program may use
    int cores = 0;                         // this process may run on
    std::uint64_t lastLevelCacheBytes = 0; // 0: unknown
    std::string governor;                  // frequency governor of core 0; empty: not shown by the machine
    std::array<double, 3> loadAverage{};   // 1, 5, 15 minutes, before the measurement
    std::uint64_t memoryBytes = 0, availableMemoryBytes = 0;
    std::string kernel; // "Linux 6.1.0"
    std::string compiler, buildType, version;
};

[[nodiscard]] Environment readEnvironment();
[[nodiscard]] std::uint64_t peakResidentBytes();    // of this process (VmHWM); 0: unknown
[[nodiscard]] std::uint64_t availableMemoryBytes(); // of the machine (MemAvailable); 0: unknown

} // namespace mmfree
