// Random streams: the n-th number depends on seed, stream and position alone.
#include "engine/core/random.h"

#include <QtTest>

#include <vector>

using namespace mmfree;

class TestRandom : public QObject
{
    Q_OBJECT

private slots:
    void aStreamContinuesFromItsPosition();
    void streamsAndSeedsDiffer();
    void uniformAndNormalHaveTheirMoments();
    void belowStaysInRange();
};

void TestRandom::aStreamContinuesFromItsPosition()
{
    Random all(7, 3);
    std::vector<std::uint64_t> numbers;
    for (int i = 0; i < 20; ++i)
        numbers.push_back(all.bits());
    Random tail(7, 3, 10);
    for (int i = 10; i < 20; ++i)
        QCOMPARE(tail.bits(), numbers[static_cast<std::size_t>(i)]);
    QCOMPARE(tail.position(), std::uint64_t{20});
}

void TestRandom::streamsAndSeedsDiffer()
{
    QVERIFY(Random(1, 0).bits() != Random(1, 1).bits());
    QVERIFY(Random(1, 0).bits() != Random(2, 0).bits());
}

void TestRandom::uniformAndNormalHaveTheirMoments()
{
    Random random(5);
    constexpr int kCount = 200000;
    double mean = 0.0, normalMean = 0.0, normalSquare = 0.0;
    for (int i = 0; i < kCount; ++i) {
        const double uniform = random.uniform();
        QVERIFY(uniform >= 0.0 && uniform < 1.0);
        mean += uniform / kCount;
        const double normal = random.normal();
        normalMean += normal / kCount;
        normalSquare += normal * normal / kCount;
    }
    // Standard errors are 0.00065, 0.0022 and 0.0032; five of them.
    QVERIFY(std::abs(mean - 0.5) < 0.0033);
    QVERIFY(std::abs(normalMean) < 0.011);
    QVERIFY(std::abs(normalSquare - 1.0) < 0.016);
}

void TestRandom::belowStaysInRange()
{
    Random random(9);
    std::vector<int> counts(6);
    for (int i = 0; i < 6000; ++i)
        ++counts[random.below(6)];
    for (const int count : counts)
        QVERIFY(count > 850 && count < 1150); // 5 standard deviations are 144
}

QTEST_APPLESS_MAIN(TestRandom)
#include "tst_random.moc"
