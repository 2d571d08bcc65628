#include "engine/cpu/cpu_features.h"

#include "engine/core/error.h"

#include <fstream>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace mmfree::cpu
{

namespace
{

#if defined(__x86_64__)

struct Registers {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf)
{
    Registers r;
    if (!__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx))
        return {};
    return r;
}

bool bit(unsigned word, int index)
{
    return (word >> index) & 1u;
}

// Register state the operating system saves (XCR0); 0 when it saves none beyond SSE.
unsigned savedState()
{
    if (!bit(cpuid(1, 0).ecx, 27))
        return 0;
    unsigned low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

bool hasAvx2()
{
    const Registers one = cpuid(1, 0);
    return (savedState() & 0x6) == 0x6 && bit(one.ecx, 29) && bit(cpuid(7, 0).ebx, 5); // F16C, AVX2
}
bool hasAvxVnni()
{
    return hasAvx2() && bit(cpuid(7, 1).eax, 4);
}
bool hasAvx512()
{
    const Registers seven = cpuid(7, 0);
    const bool base = bit(seven.ebx, 16) && bit(seven.ebx, 17) && bit(seven.ebx, 30) && bit(seven.ebx, 31);
    return hasAvx2() && (savedState() & 0xe6) == 0xe6 && base && bit(seven.ecx, 1) && bit(seven.ecx, 11);
}
// AMX tiles hold 8 KiB of state that Linux gives a process on request only.
bool hasAmx()
{
    constexpr long kRequestPermission = 0x1023, kTileData = 18;
    const Registers seven = cpuid(7, 0);
    return hasAvx512() && bit(seven.edx, 24) && bit(seven.edx, 25) && (savedState() & 0x60000) == 0x60000 &&
           syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

#endif

} // namespace

std::vector<const KernelTable*> usableKernels()
{
    std::vector<const KernelTable*> tables;
#if defined(__x86_64__)
    if (hasAmx())
        tables.push_back(amxKernels());
    if (hasAvx512())
        tables.push_back(avx512Kernels());
    if (hasAvxVnni())
        tables.push_back(avxVnniKernels());
    if (hasAvx2())
        tables.push_back(avx2Kernels());
#endif
    tables.push_back(portableKernels());
    return tables;
}

const KernelTable& chooseKernels(const std::string& isa)
{
    const std::vector<const KernelTable*> tables = usableKernels();
    if (isa.empty())
        return *tables.front();
    std::string names;
    for (const KernelTable* table : tables) {
        if (isa == table->name)
            return *table;
        names += (names.empty() ? "" : ", ") + std::string(table->name);
    }
    throw Error(ErrorCode::InvalidArgument,
                "instruction set is \"" + isa + "\", needed on this processor: one of " + names);
}

std::string processorName()
{
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(": ");
        if (line.starts_with("model name") && colon != std::string::npos)
            return line.substr(colon + 2);
    }
    return "CPU";
}

} // namespace mmfree::cpu
