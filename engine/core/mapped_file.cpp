// Read-only file mapping over mmap; see mapped_file.h for the contract.
#include "engine/core/mapped_file.h"

#include "engine/core/error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mmfree
{

namespace
{

[[noreturn]] void throwIo(const std::filesystem::path& path, const std::string& reason)
{
    throw Error(ErrorCode::Io, path.string() + ": cannot read: " + reason);
}

// madvise wants whole pages; a page shared with a neighbour is only read again from the page cache.
void advise(std::span<const std::byte> range, int advice) noexcept
{
    if (range.empty())
        return;
    const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t begin = reinterpret_cast<std::size_t>(range.data());
    const std::size_t first = begin / page * page;
    madvise(reinterpret_cast<void*>(first), begin - first + range.size(), advice);
}

} // namespace

MappedFile::MappedFile(const std::filesystem::path& path)
    : m_path(path)
{
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        throwIo(path, std::strerror(errno));
    struct stat status = {};
    std::string reason;
    if (fstat(descriptor, &status) != 0) {
        reason = std::strerror(errno);
    } else if (!S_ISREG(status.st_mode)) {
        reason = S_ISDIR(status.st_mode) ? "it is a folder, needed: a file" : "it is not a regular file";
    } else if (status.st_size > 0) {
        const std::size_t size = static_cast<std::size_t>(status.st_size);
        void* mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (mapped == MAP_FAILED) {
            reason = std::strerror(errno);
        } else {
            m_data = static_cast<const std::byte*>(mapped);
            m_size = size;
        }
    }
    close(descriptor);
    if (!reason.empty())
        throwIo(path, reason);
}

MappedFile::~MappedFile()
{
    if (m_data)
        munmap(const_cast<std::byte*>(m_data), m_size);
}

void MappedFile::willNeed(std::span<const std::byte> range) const noexcept
{
    advise(range, MADV_WILLNEED);
}

void MappedFile::dropPages(std::span<const std::byte> range) const noexcept
{
    advise(range, MADV_DONTNEED);
}

} // namespace mmfree
