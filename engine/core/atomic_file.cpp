// Temporary file + fsync + rename; see atomic_file.h for the contract.
#include "engine/core/atomic_file.h"

#include "engine/core/error.h"

#include <cassert>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <unistd.h>

namespace mmfree
{

namespace
{

namespace fs = std::filesystem;

constexpr int kNameAttempts = 16;

[[noreturn]] void throwIo(const fs::path& path, const std::string& act, int errorNumber)
{
    throw Error(ErrorCode::Io, path.string() + ": cannot " + act + ": " + std::strerror(errorNumber));
}

fs::path temporaryName(const fs::path& path)
{
    constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuv";
    std::random_device device;
    std::string suffix = ".";
    for (int i = 0; i < 8; ++i)
        suffix += kDigits[device() % 32];
    fs::path name = path;
    return name += suffix + ".tmp";
}

std::string descriptorPath(int descriptor)
{
    return "/proc/self/fd/" + std::to_string(descriptor);
}

// A file without a name in the folder of `path`: it vanishes with the process, however that ends. -1 where
// the file system or a missing /proc does not allow it.
int openUnnamed(const fs::path& path)
{
    const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    const int descriptor = open(folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
    if (descriptor >= 0 && access(descriptorPath(descriptor).c_str(), F_OK) != 0) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

// Where the contents belong: behind symbolic links, which stay. A rename would put a plain file in the place
// of a device or pipe such as /dev/stdout, so only regular files are replaced.
fs::path replaceableTarget(const fs::path& path)
{
    constexpr int kMostLinks = 40; // as many as the kernel follows
    fs::path target = path;
    std::error_code error;
    for (int i = 0; fs::is_symlink(fs::symlink_status(target, error)); ++i) {
        const fs::path next = fs::read_symlink(target, error);
        if (error || i == kMostLinks)
            throwIo(path, "create", error ? error.value() : ELOOP);
        target = next.is_absolute() ? next : target.parent_path() / next;
    }
    const fs::file_status status = fs::status(target, error);
    if (fs::exists(status) && !fs::is_regular_file(status)) {
        throw Error(ErrorCode::Io, path.string() + ": cannot replace: it is " +
                                       (fs::is_directory(status) ? "a folder" : "not a regular file") +
                                       ", needed: the name of a file");
    }
    return target;
}

} // namespace

void syncFolder(const fs::path& folder, const fs::path& path)
{
    const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return; // written and renamed; a folder that cannot be opened for reading cannot be synced
    const int result = fsync(descriptor);
    const int errorNumber = errno;
    close(descriptor);
    if (result != 0 && errorNumber != EINVAL && errorNumber != EROFS)
        throwIo(path, "sync its folder", errorNumber);
}

AtomicFile::AtomicFile(fs::path path)
    : m_path(replaceableTarget(path))
{
    m_descriptor = openUnnamed(m_path);
    for (int attempt = 0; attempt < kNameAttempts && m_descriptor < 0; ++attempt) {
        m_temporary = temporaryName(m_path);
        m_descriptor = open(m_temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (m_descriptor < 0 && errno != EEXIST)
            throwIo(m_path, "create", errno);
    }
    if (m_descriptor < 0)
        throwIo(m_path, "create", EEXIST);
}

AtomicFile::~AtomicFile()
{
    if (m_descriptor >= 0)
        close(m_descriptor);
    if (!m_temporary.empty())
        unlink(m_temporary.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes)
{
    assert(m_descriptor >= 0);
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t result = ::write(m_descriptor, bytes.data() + done, bytes.size() - done);
        if (result < 0 && errno == EINTR)
            continue;
        if (result <= 0) {
            const int errorNumber = result < 0 ? errno : ENOSPC;
            throwIo(m_path,
                    "write " + std::to_string(bytes.size()) + " bytes after " + std::to_string(m_written) +
                        " bytes",
                    errorNumber);
        }
        done += static_cast<std::size_t>(result);
    }
    m_written += bytes.size();
}

void AtomicFile::write(std::string_view text)
{
    write(std::as_bytes(std::span(text)));
}

void AtomicFile::commit()
{
    assert(m_descriptor >= 0);
    if (fsync(m_descriptor) != 0)
        throwIo(m_path, "write to the disk", errno);
    for (int attempt = 0; attempt < kNameAttempts && m_temporary.empty(); ++attempt) {
        const fs::path name = temporaryName(m_path);
        if (linkat(AT_FDCWD, descriptorPath(m_descriptor).c_str(), AT_FDCWD, name.c_str(),
                   AT_SYMLINK_FOLLOW) == 0)
            m_temporary = name;
        else if (errno != EEXIST || attempt + 1 == kNameAttempts)
            throwIo(m_path, "create", errno);
    }
    const int closed = close(m_descriptor);
    m_descriptor = -1; // closed even when close reports an error
    if (closed != 0)
        throwIo(m_path, "write", errno);
    if (rename(m_temporary.c_str(), m_path.c_str()) != 0)
        throwIo(m_path, "replace", errno);
    m_temporary.clear();
    syncFolder(m_path.has_parent_path() ? m_path.parent_path() : fs::path("."), m_path);
}

void writeFileAtomically(const fs::path& path, std::string_view contents)
{
    AtomicFile file(path);
    file.write(contents);
    file.commit();
}

std::string readTextFile(const fs::path& path, std::uint64_t limitBytes)
{
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        throwIo(path, "read", errno);
    std::string text;
    constexpr std::size_t kPiece = std::size_t{1} << 16;
    for (;;) {
        const std::size_t size = text.size();
        text.resize(size + kPiece);
        const ssize_t result = read(descriptor, text.data() + size, kPiece);
        const int errorNumber = errno;
        text.resize(size + (result > 0 ? static_cast<std::size_t>(result) : 0));
        if (result < 0 && errorNumber == EINTR)
            continue;
        if (result > 0 && text.size() <= limitBytes)
            continue;
        close(descriptor);
        if (result < 0)
            throwIo(path, "read", errorNumber);
        if (text.size() > limitBytes)
            throw Error(ErrorCode::InvalidFile, path.string() + ": larger than " +
                                                    std::to_string(limitBytes) +
                                                    " bytes, needed: at most that");
        return text;
    }
}

} // namespace mmfree
