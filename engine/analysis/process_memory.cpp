#include "engine/analysis/process_memory.h"

#include "engine/core/aligned_buffer.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <malloc.h>
#include <string>
#include <unistd.h>

namespace mmfree
{

ProcessMemory readProcessMemory()
{
    ProcessMemory memory;
    std::ifstream status("/proc/self/status");
    std::string line;
    const auto kilobytes = [&](const char* key) -> std::int64_t {
        const std::size_t length = std::strlen(key);
        return line.compare(0, length, key) == 0 ? std::strtoll(line.c_str() + length, nullptr, 10) * 1024
                                                 : 0;
    };
    while (std::getline(status, line)) {
        memory.residentBytes += kilobytes("VmRSS:");
        memory.fileBytes += kilobytes("RssFile:") + kilobytes("RssShmem:");
    }
    const struct mallinfo2 heap = mallinfo2();
    memory.heapBytes = static_cast<std::int64_t>(heap.uordblks + heap.hblkhd + mappedBufferBytes());
    return memory;
}

std::int64_t residentBytesNow()
{
    std::array<char, 128> text{};
    const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    const ssize_t got = read(file, text.data(), text.size() - 1);
    close(file);
    long long total = 0, resident = 0;
    if (got <= 0 || std::sscanf(text.data(), "%lld %lld", &total, &resident) != 2)
        return 0;
    return resident * sysconf(_SC_PAGESIZE);
}

void trimHeap()
{
    malloc_trim(0);
}

} // namespace mmfree
