// Aligned buffers and mapped files.
#include "engine/core/aligned_buffer.h"
#include "engine/core/mapped_file.h"
#include "tests/support/expect_error.h"
#include "tests/support/test_files.h"

#include <QtTest>

#include <algorithm>
#include <cstring>
#include <fstream>

using namespace mmfree;

class TestMemory : public QObject
{
    Q_OBJECT

private slots:
    void buffersAreAlignedAndZero_data();
    void buffersAreAlignedAndZero();
    void movedBuffersKeepTheirMemory();
    void impossibleSizesThrowOutOfMemory();
    void mappedFileShowsTheBytes();
    void droppedPagesStayReadable();
    void emptyFileMapsToNothing();
    void unreadablePathsThrow();
};

void TestMemory::buffersAreAlignedAndZero_data()
{
    QTest::addColumn<qulonglong>("count");
    for (const unsigned long long count :
         {0ull, 1ull, 63ull, 4096ull, (2ull << 20) - 1, 2ull << 20, (2ull << 20) + 1, 9ull << 20})
        QTest::addRow("%llu bytes", count) << qulonglong(count);
}

void TestMemory::buffersAreAlignedAndZero()
{
    QFETCH(qulonglong, count);
    AlignedBuffer<std::uint8_t> buffer(count);
    QCOMPARE(buffer.size(), static_cast<std::size_t>(count));
    QVERIFY(reinterpret_cast<std::size_t>(buffer.data()) % 64 == 0);
    QVERIFY(std::all_of(buffer.span().begin(), buffer.span().end(), [](std::uint8_t x) { return x == 0; }));
    std::fill(buffer.span().begin(), buffer.span().end(), std::uint8_t{0xA5}); // every byte can be written
}

void TestMemory::movedBuffersKeepTheirMemory()
{
    AlignedBuffer<float> first(1000);
    first[999] = 7.0f;
    const float* memory = first.data();
    AlignedBuffer<float> second(std::move(first));
    QCOMPARE(second.data(), memory);
    AlignedBuffer<float> third;
    third = std::move(second);
    QCOMPARE(third.data(), memory);
    QCOMPARE(third[999], 7.0f);
    QVERIFY(first.empty()); // NOLINT(bugprone-use-after-move): the state after a move is part of the contract
}

void TestMemory::impossibleSizesThrowOutOfMemory()
{
    MMFREE_EXPECT_ERROR((void)allocateAligned(std::size_t{1} << 62), ErrorCode::OutOfMemory,
                        "4611686018427387904 bytes");
    MMFREE_EXPECT_ERROR((void)allocateAligned(std::size_t{1} << 50), ErrorCode::OutOfMemory,
                        "1125899906842624 bytes");
}

void TestMemory::mappedFileShowsTheBytes()
{
    const test::TemporaryFolder folder;
    std::ofstream(folder.path() / "data") << "twelve bytes";
    const MappedFile file(folder.path() / "data");
    QCOMPARE(file.bytes().size(), std::size_t{12});
    QVERIFY(std::memcmp(file.bytes().data(), "twelve bytes", 12) == 0);
    QCOMPARE(file.path().string(), (folder.path() / "data").string());
}

void TestMemory::droppedPagesStayReadable()
{
    const test::TemporaryFolder folder;
    const std::string contents(100000, 'x');
    std::ofstream(folder.path() / "data") << contents;
    const MappedFile file(folder.path() / "data");
    file.willNeed(file.bytes());
    file.dropPages(file.bytes().subspan(5000, 50000));
    file.dropPages({});
    QVERIFY(std::memcmp(file.bytes().data(), contents.data(), contents.size()) == 0);
}

void TestMemory::emptyFileMapsToNothing()
{
    const test::TemporaryFolder folder;
    std::ofstream(folder.path() / "empty").flush();
    QVERIFY(MappedFile(folder.path() / "empty").bytes().empty());
}

void TestMemory::unreadablePathsThrow()
{
    const test::TemporaryFolder folder;
    MMFREE_EXPECT_ERROR(MappedFile(folder.path() / "missing"), ErrorCode::Io, "missing", "No such file");
    MMFREE_EXPECT_ERROR(MappedFile{folder.path()}, ErrorCode::Io, folder.path().string(), "folder");
    MMFREE_EXPECT_ERROR(MappedFile("/dev/null"), ErrorCode::Io, "/dev/null", "not a regular file");
}

QTEST_APPLESS_MAIN(TestMemory)
#include "tst_memory.moc"
