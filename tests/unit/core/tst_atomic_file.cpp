// The final name shows the old contents or the complete new ones, whatever goes wrong in between. Tests may
// run as root, whom permission bits do not stop: failures are made with paths and size limits instead.
#include "engine/core/atomic_file.h"
#include "tests/support/expect_error.h"
#include "tests/support/test_files.h"

#include <QtTest>

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mmfree;
namespace fs = std::filesystem;

namespace
{

int entriesIn(const fs::path& folder)
{
    return static_cast<int>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

// Files of this process cannot grow past `bytes` while the object lives: what a full disk looks like to
// write().
class FileSizeLimit
{
public:
    explicit FileSizeLimit(rlim_t bytes)
    {
        m_oldHandler = std::signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &m_old);
        const rlimit limit{bytes, m_old.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileSizeLimit()
    {
        setrlimit(RLIMIT_FSIZE, &m_old);
        std::signal(SIGXFSZ, m_oldHandler);
    }

private:
    rlimit m_old = {};
    void (*m_oldHandler)(int) = nullptr;
};

} // namespace

class TestAtomicFile : public QObject
{
    Q_OBJECT

private slots:
    void commitReplacesTheOldFile();
    void withoutCommitNothingChanges();
    void aKilledProcessLeavesNothing();
    void oldContentsStayUntilCommit();
    void aFolderThatCannotBeWrittenThrows();
    void aFullDiskLeavesTheOldFile();
    void aFolderUnderTheFinalNameThrows();
    void aDeviceOrPipeUnderTheFinalNameIsNotReplaced();
    void aLinkStaysALinkAndItsTargetIsWritten();
    void newFilesFollowTheUmask();
    void readTextFileReadsAndLimits();
};

void TestAtomicFile::commitReplacesTheOldFile()
{
    const test::TemporaryFolder folder;
    const fs::path path = folder.path() / "file.txt";
    writeFileAtomically(path, "old");
    AtomicFile file(path);
    file.write("new ");
    file.write(std::as_bytes(std::span("text", 4)));
    QCOMPARE(file.bytesWritten(), std::uint64_t{8});
    file.commit();
    QCOMPARE(readTextFile(path), std::string("new text"));
    QCOMPARE(entriesIn(folder.path()), 1);
}

void TestAtomicFile::withoutCommitNothingChanges()
{
    const test::TemporaryFolder folder;
    const fs::path path = folder.path() / "file.txt";
    {
        AtomicFile file(path);
        file.write("half of it");
    }
    QVERIFY(!fs::exists(path));
    QCOMPARE(entriesIn(folder.path()), 0);
}

void TestAtomicFile::aKilledProcessLeavesNothing()
{
    const test::TemporaryFolder folder;
    const int unnamed = open(folder.path().c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
    if (unnamed < 0)
        QSKIP("this file system has no files without a name; a killed process leaves a .tmp file there");
    close(unnamed);
    const fs::path path = folder.path() / "file.txt";
    writeFileAtomically(path, "old");
    const pid_t child = fork();
    if (child == 0) {
        AtomicFile file(path);
        file.write("half of it");
        raise(SIGKILL);
    }
    int status = 0;
    QCOMPARE(waitpid(child, &status, 0), child);
    QVERIFY(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    QCOMPARE(readTextFile(path), std::string("old"));
    QCOMPARE(entriesIn(folder.path()), 1);
}

void TestAtomicFile::oldContentsStayUntilCommit()
{
    const test::TemporaryFolder folder;
    const fs::path path = folder.path() / "file.txt";
    writeFileAtomically(path, "old");
    AtomicFile file(path);
    file.write("new");
    QCOMPARE(readTextFile(path), std::string("old"));
    file.commit();
    QCOMPARE(readTextFile(path), std::string("new"));
}

void TestAtomicFile::aFolderThatCannotBeWrittenThrows()
{
    const test::TemporaryFolder folder;
    writeFileAtomically(folder.path() / "plain", "a file, not a folder");
    MMFREE_EXPECT_ERROR(AtomicFile(folder.path() / "plain" / "file"), ErrorCode::Io, "plain/file",
                        "Not a directory");
    MMFREE_EXPECT_ERROR(AtomicFile(folder.path() / "absent" / "file"), ErrorCode::Io, "absent/file",
                        "No such file");
    // The kernel's own tree takes no files, not even from root.
    MMFREE_EXPECT_ERROR(AtomicFile("/proc/file"), ErrorCode::Io, "/proc/file", "cannot create");
}

void TestAtomicFile::aFullDiskLeavesTheOldFile()
{
    const test::TemporaryFolder folder;
    const fs::path path = folder.path() / "file.bin";
    writeFileAtomically(path, "old");
    {
        const FileSizeLimit limit(10000);
        const std::string large(8000, 'x');
        const auto act = [&] {
            AtomicFile file(path);
            file.write(large);
            file.write(large);
            file.commit();
        };
        MMFREE_EXPECT_ERROR(act(), ErrorCode::Io, "file.bin", "write 8000 bytes after 8000 bytes",
                            "File too large");
    }
    QCOMPARE(readTextFile(path), std::string("old"));
    QCOMPARE(entriesIn(folder.path()), 1);
}

void TestAtomicFile::aFolderUnderTheFinalNameThrows()
{
    const test::TemporaryFolder folder;
    fs::create_directories(folder.path() / "taken" / "inside");
    MMFREE_EXPECT_ERROR(writeFileAtomically(folder.path() / "taken", "text"), ErrorCode::Io, "taken",
                        "cannot replace");
    QCOMPARE(entriesIn(folder.path()), 1);
}

void TestAtomicFile::aDeviceOrPipeUnderTheFinalNameIsNotReplaced()
{
    const test::TemporaryFolder folder;
    const fs::path pipe = folder.path() / "pipe", link = folder.path() / "link";
    QCOMPARE(mkfifo(pipe.c_str(), 0600), 0);
    fs::create_symlink(pipe, link);
    for (const fs::path& path : {pipe, link}) {
        MMFREE_EXPECT_ERROR(writeFileAtomically(path, "text"), ErrorCode::Io, path.filename().string(),
                            "not a regular file");
    }
    QVERIFY(fs::is_fifo(fs::symlink_status(pipe)));
    QVERIFY(fs::is_symlink(fs::symlink_status(link)));
    QCOMPARE(entriesIn(folder.path()), 2);
}

void TestAtomicFile::aLinkStaysALinkAndItsTargetIsWritten()
{
    const test::TemporaryFolder folder;
    fs::create_directories(folder.path() / "elsewhere");
    const fs::path target = folder.path() / "elsewhere" / "file", link = folder.path() / "link";
    fs::create_symlink("elsewhere/file", link);
    for (const char* contents : {"the link leads to no file yet", "and now it does"}) {
        writeFileAtomically(link, contents);
        QVERIFY(fs::is_symlink(fs::symlink_status(link)));
        QCOMPARE(readTextFile(target), std::string(contents));
    }
    QCOMPARE(entriesIn(folder.path() / "elsewhere"), 1);
    fs::create_symlink("round", folder.path() / "round");
    MMFREE_EXPECT_ERROR(writeFileAtomically(folder.path() / "round", "text"), ErrorCode::Io, "round");
}

void TestAtomicFile::newFilesFollowTheUmask()
{
    const test::TemporaryFolder folder;
    const mode_t old = umask(027);
    writeFileAtomically(folder.path() / "file", "text");
    umask(old);
    const auto permissions = fs::status(folder.path() / "file").permissions();
    QCOMPARE(static_cast<unsigned>(permissions), 0640u);
}

void TestAtomicFile::readTextFileReadsAndLimits()
{
    const test::TemporaryFolder folder;
    const std::string text(200000, 'y');
    writeFileAtomically(folder.path() / "text", text);
    QCOMPARE(readTextFile(folder.path() / "text"), text);
    QCOMPARE(readTextFile(folder.path() / "text", 200000).size(), std::size_t{200000});
    MMFREE_EXPECT_ERROR((void)readTextFile(folder.path() / "text", 199999), ErrorCode::InvalidFile,
                        "larger than 199999 bytes");
    MMFREE_EXPECT_ERROR((void)readTextFile(folder.path() / "none"), ErrorCode::Io, "none", "No such file");
    MMFREE_EXPECT_ERROR((void)readTextFile(folder.path()), ErrorCode::Io, "directory");
}

QTEST_APPLESS_MAIN(TestAtomicFile)
#include "tst_atomic_file.moc"
