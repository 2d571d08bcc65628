// What this process holds in memory, as the kernel and the C allocator know it. Read twice, the difference is
// what happened in between.
#pragma once

#include <cstdint>

namespace mmfree
{

struct ProcessMemory {
    std::int64_t residentBytes = 0; // VmRSS
    std::int64_t fileBytes = 0;     // of it: program code, libraries, mapped model files (RssFile + RssShmem)
    std::int64_t heapBytes = 0;     // handed out by the C allocator and by AlignedBuffer's mappings
};

[[nodiscard]] ProcessMemory readProcessMemory();

// Cheaper than the whole: two numbers of one small file. For reading many times a second.
[[nodiscard]] std::int64_t residentBytesNow();

// Gives free heap pages back to the system, so that what is resident is what is held.
void trimHeap();

} // namespace mmfree
