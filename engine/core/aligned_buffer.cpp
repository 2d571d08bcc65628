// Memory behind AlignedBuffer: small blocks from the C allocator, large ones mapped on a 2 MiB boundary so
// that the kernel can back them with huge pages. Mapped memory is zero without being touched.
#include "engine/core/aligned_buffer.h"

#include "engine/core/error.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/mman.h>

namespace mmfree
{

namespace
{

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

// A statistic of the process, like the C allocator's own.
constinit std::atomic<std::size_t> mappedBytes{0};

std::size_t roundUp(std::size_t bytes, std::size_t multiple)
{
    return (bytes + multiple - 1) / multiple * multiple;
}

[[noreturn]] void throwOutOfMemory(std::size_t bytes)
{
    throw Error(ErrorCode::OutOfMemory, "cannot allocate " + std::to_string(bytes) + " bytes of memory");
}

} // namespace

void* allocateAligned(std::size_t bytes)
{
    if (bytes > SIZE_MAX / 4)
        throwOutOfMemory(bytes);
    if (bytes < kHugePage) {
        const std::size_t rounded = roundUp(bytes ? bytes : 1, kAlignment);
        void* memory = std::aligned_alloc(kAlignment, rounded);
        if (!memory)
            throwOutOfMemory(bytes);
        return std::memset(memory, 0, rounded);
    }
    // One huge page more than needed, then what lies before and after the aligned part is given back.
    const std::size_t size = roundUp(bytes, kHugePage);
    void* mapped =
        mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
        throwOutOfMemory(bytes);
    char* const begin = static_cast<char*>(mapped);
    const std::size_t address = reinterpret_cast<std::size_t>(begin);
    const std::size_t head = roundUp(address, kHugePage) - address;
    if (head)
        munmap(begin, head);
    if (head < kHugePage)
        munmap(begin + head + size, kHugePage - head);
    mappedBytes.fetch_add(size, std::memory_order_relaxed);
    madvise(begin + head, size, MADV_HUGEPAGE); // a hint: fails harmlessly where huge pages are off
    return begin + head;
}

void freeAligned(void* memory, std::size_t bytes) noexcept
{
    if (!memory)
        return;
    if (bytes < kHugePage) {
        std::free(memory);
        return;
    }
    const std::size_t size = roundUp(bytes, kHugePage);
    munmap(memory, size);
    mappedBytes.fetch_sub(size, std::memory_order_relaxed);
}

std::size_t mappedBufferBytes()
{
    return mappedBytes.load(std::memory_order_relaxed);
}

} // namespace mmfree
