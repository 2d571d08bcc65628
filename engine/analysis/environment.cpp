#include "engine/analysis/environment.h"

#include "engine/core/thread_pool.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <sys/utsname.h>

namespace mmfree
{

namespace
{

// The text after "key:" of the first such line in a /proc file; empty when there is none.
std::string procField(const std::string& file, const std::string& key)
{
    std::ifstream in(file);
    std::string line;
    while (std::getline(in, line)) {
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos)
            continue;
        const std::size_t keyEnd = line.find_last_not_of(" \t", colon == 0 ? 0 : colon - 1);
        if (line.substr(0, keyEnd + 1) != key)
            continue;
        const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
        return begin == std::string::npos ? "" : line.substr(begin);
    }
    return {};
}

std::string firstLine(const std::string& file)
{
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    return line;
}

// "123 kB" as bytes.
std::uint64_t kilobytes(const std::string& text)
{
    return std::strtoull(text.c_str(), nullptr, 10) * 1024;
}

// Instruction sets that kernels for ternary weights can profit from.
std::vector<std::string> interestingFlags(const std::string& flags)
{
    const std::set<std::string> interesting{
        "ssse3",    "sse4_1",   "avx",      "avx2",        "fma",         "f16c",        "avx_vnni",
        "avx512f",  "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_vbmi", "avx512vbmi",
        "amx_int8", "amx_bf16", "amx_tile", "asimd",       "asimddp",     "i8mm",        "sve"};
    std::vector<std::string> found;
    std::istringstream words(flags);
    for (std::string word; words >> word;) {
        if (interesting.count(word))
            found.push_back(word);
    }
    return found;
}

std::uint64_t lastLevelCache()
{
    std::uint64_t largest = 0;
    for (int index = 0; index < 8; ++index) {
        const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index);
        largest = std::max(largest, kilobytes(firstLine(folder + "/size")));
    }
    return largest;
}

std::string kernelName()
{
    utsname names{};
    return uname(&names) == 0 ? std::string(names.sysname) + " " + names.release : "";
}

} // namespace

std::uint64_t peakResidentBytes()
{
    return kilobytes(procField("/proc/self/status", "VmHWM"));
}
std::uint64_t availableMemoryBytes()
{
    return kilobytes(procField("/proc/meminfo", "MemAvailable"));
}

Environment readEnvironment()
{
    Environment environment;
    environment.cpuModel = procField("/proc/cpuinfo", "model name");
    const std::string flags = procField("/proc/cpuinfo", "flags");
    environment.cpuFlags = interestingFlags(flags.empty() ? procField("/proc/cpuinfo", "Features") : flags);
    environment.cores = availableCores();
    environment.lastLevelCacheBytes = lastLevelCache();
    environment.governor = firstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    getloadavg(environment.loadAverage.data(), 3);
    environment.memoryBytes = kilobytes(procField("/proc/meminfo", "MemTotal"));
    environment.availableMemoryBytes = availableMemoryBytes();
    environment.kernel = kernelName();
    environment.compiler = "g++ " __VERSION__;
    environment.buildType = MMFREE_BUILD_TYPE;
    environment.version = MMFREE_VERSION;
    return environment;
}

} // namespace mmfree
