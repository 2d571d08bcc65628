// Fork-join: every element once, bounds on the grain, inline nesting, and no processor time while idle.
#include "engine/core/thread_pool.h"
#include "tests/support/expect_error.h"

#include <QtTest>

#include <ctime>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

using namespace mmfree;

class TestThreadPool : public QObject
{
    Q_OBJECT

private slots:
    void everyElementIsVisitedOnce_data();
    void everyElementIsVisitedOnce();
    void thePartitionIsFixedAndOnTheGrain();
    void manyShortJobsFollowEachOther();
    void nestedCallsRunInline();
    void severalPoolsWorkAtTheSameTime();
    void anIdlePoolSleeps();
    void silentPoolsCanBeDestroyed();
    void threadCountsOutOfRangeThrow();
};

void TestThreadPool::everyElementIsVisitedOnce_data()
{
    QTest::addColumn<int>("threads");
    QTest::addColumn<int>("count");
    QTest::addColumn<int>("grain");
    for (const int threads : {1, 2, 3, 8}) {
        for (const int count : {0, 1, 7, 64, 1000})
            for (const int grain : {1, 16, 5000})
                QTest::addRow("%d threads, %d elements, grain %d", threads, count, grain)
                    << threads << count << grain;
    }
}

void TestThreadPool::everyElementIsVisitedOnce()
{
    QFETCH(int, threads);
    QFETCH(int, count);
    QFETCH(int, grain);
    ThreadPool pool(threads);
    QCOMPARE(pool.threadCount(), threads);
    std::vector<int> visits(static_cast<std::size_t>(count));
    for (int round = 0; round < 20; ++round) {
        pool.parallelFor(count, grain, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t i = begin; i < end; ++i)
                ++visits[static_cast<std::size_t>(i)];
        });
    }
    QCOMPARE(visits, std::vector<int>(static_cast<std::size_t>(count), 20));
}

void TestThreadPool::thePartitionIsFixedAndOnTheGrain()
{
    ThreadPool pool(3);
    const auto ranges = [&](std::int64_t count, std::int64_t grain) {
        std::mutex mutex;
        std::set<std::pair<std::int64_t, std::int64_t>> found;
        pool.parallelFor(count, grain, [&](std::int64_t begin, std::int64_t end) {
            const std::lock_guard lock(mutex);
            found.emplace(begin, end);
        });
        return found;
    };
    const auto first = ranges(100, 8);
    QCOMPARE(first, (std::set<std::pair<std::int64_t, std::int64_t>>{{0, 32}, {32, 64}, {64, 100}}));
    for (int round = 0; round < 50; ++round)
        QCOMPARE(ranges(100, 8), first);
    QCOMPARE(ranges(9, 8), (std::set<std::pair<std::int64_t, std::int64_t>>{{0, 8}, {8, 9}}));
}

void TestThreadPool::manyShortJobsFollowEachOther()
{
    ThreadPool pool(4);
    std::vector<std::int64_t> sums(4);
    std::int64_t expected = 0;
    for (std::int64_t round = 0; round < 5000; ++round) {
        const std::int64_t parts = 1 + round % 4; // some workers sit a job out
        pool.parallelFor(parts, 1, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t i = begin; i < end; ++i)
                sums[static_cast<std::size_t>(i)] += round;
        });
        expected += parts * round;
    }
    QCOMPARE(std::accumulate(sums.begin(), sums.end(), std::int64_t{0}), expected);
}

void TestThreadPool::nestedCallsRunInline()
{
    ThreadPool pool(3);
    std::vector<int> visits(30);
    pool.parallelFor(3, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t outer = begin; outer < end; ++outer) {
            const std::thread::id self = std::this_thread::get_id();
            pool.parallelFor(10, 1, [&](std::int64_t innerBegin, std::int64_t innerEnd) {
                if (std::this_thread::get_id() != self)
                    return; // leaves its visits at 0
                for (std::int64_t inner = innerBegin; inner < innerEnd; ++inner)
                    ++visits[static_cast<std::size_t>(outer * 10 + inner)];
            });
        }
    });
    QCOMPARE(visits, std::vector<int>(30, 1));
}

void TestThreadPool::severalPoolsWorkAtTheSameTime()
{
    std::vector<std::int64_t> totals(3);
    std::vector<std::thread> callers;
    for (std::size_t caller = 0; caller < totals.size(); ++caller) {
        callers.emplace_back([&totals, caller] {
            ThreadPool pool(2);
            std::vector<std::int64_t> values(100);
            for (int round = 0; round < 300; ++round) {
                pool.parallelFor(100, 10, [&](std::int64_t begin, std::int64_t end) {
                    for (std::int64_t i = begin; i < end; ++i)
                        values[static_cast<std::size_t>(i)] += i;
                });
            }
            totals[caller] = std::accumulate(values.begin(), values.end(), std::int64_t{0});
        });
    }
    for (std::thread& caller : callers)
        caller.join();
    QCOMPARE(totals, std::vector<std::int64_t>(3, 300 * 4950));
}

void TestThreadPool::anIdlePoolSleeps()
{
    ThreadPool pool(4);
    pool.parallelFor(4, 1, [](std::int64_t, std::int64_t) {});
    const std::clock_t before = std::clock(); // processor time of all threads
    QTest::qSleep(300);
    const double seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    QVERIFY2(seconds < 0.1, qPrintable(QString("%1 s of processor time in 0.3 s of rest").arg(seconds)));
}

void TestThreadPool::silentPoolsCanBeDestroyed()
{
    for (int round = 0; round < 50; ++round)
        ThreadPool pool(1 + round % 5);
    QVERIFY(availableCores() >= 1);
    QCOMPARE(ThreadPool().threadCount(), availableCores());
}

void TestThreadPool::threadCountsOutOfRangeThrow()
{
    MMFREE_EXPECT_ERROR(ThreadPool(-1), ErrorCode::InvalidArgument, "threads is -1", "needed: 0");
    MMFREE_EXPECT_ERROR(ThreadPool(1000000), ErrorCode::InvalidArgument, "threads is 1000000", "1024");
}

QTEST_APPLESS_MAIN(TestThreadPool)
#include "tst_thread_pool.moc"
