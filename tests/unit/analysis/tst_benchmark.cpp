// The benchmark's arithmetic against hand-computed values, and what it refuses.
#include "engine/analysis/bandwidth_probe.h"
#include "engine/analysis/benchmark.h"
#include "engine/core/error.h"
#include "engine/reference/reference_backend.h"

#include <QTest>

using namespace mmfree;

namespace
{

ModelConfig tinyShape(Architecture architecture)
{
    return namedShape("2,64,128,256", architecture);
}

} // namespace

class BenchmarkTest : public QObject
{
    Q_OBJECT

private slots:
    void spreadInterpolatesBetweenOrderStatistics()
    {
        const Spread spread = spreadOf({4.0, 1.0, 3.0, 2.0, 5.0});
        QCOMPARE(spread.median, 3.0);
        QCOMPARE(spread.p5, 1.2);  // position 0.05 * 4 = 0.2
        QCOMPARE(spread.p95, 4.8); // position 3.8
        QCOMPARE(spread.samples.front(), 4.0);
        QCOMPARE(spreadOf({7.0}).median, 7.0);
        QCOMPARE(spreadOf({1.0, 2.0}).median, 1.5);
    }

    void derivedNumbersFollowFromTheMedian()
    {
        BenchmarkResult result;
        result.weightsPerToken = 2'000'000'000;
        result.weightBytesPerToken = 500'000'000;
        result.prefillOpsPerToken = 4e9;
        QCOMPARE(result.decodeGigaWeightsPerSecond(), 0.0);
        QCOMPARE(result.bandwidthShare(), 0.0);
        result.decodeTokensPerSecond = spreadOf({10.0});
        result.readGBPerSecond = spreadOf({20.0});
        result.prefillTokensPerSecond = spreadOf({50.0});
        QCOMPARE(result.decodeGigaWeightsPerSecond(), 20.0);
        QCOMPARE(result.decodeWeightGBPerSecond(), 5.0);
        QCOMPARE(result.bandwidthShare(), 0.25);
        QCOMPARE(result.prefillGigaOpsPerSecond(), 200.0);
    }

    void countsEveryWeightOnce_data()
    {
        QTest::addColumn<int>("architecture");
        QTest::addColumn<qint64>("weights");
        // Per layer 4 d^2 and 3 d I, and the head; d = 64, I = 128, V = 256.
        const qint64 weights = 2 * (4 * 64 * 64 + 3 * 64 * 128) + 64 * 256;
        QTest::newRow("MatMul-free") << static_cast<int>(Architecture::MatMulFree) << weights;
        QTest::newRow("Transformer") << static_cast<int>(Architecture::Transformer) << weights;
    }
    void countsEveryWeightOnce()
    {
        QFETCH(int, architecture);
        QFETCH(qint64, weights);
        const auto source = makeRandomModel(tinyShape(static_cast<Architecture>(architecture)), 1, "random");
        const auto executor = reference::ReferenceBackend().createInference(source, {});
        const BenchmarkOptions options{
            .prefillTokens = 8, .decodeTokens = 4, .repeats = 3, .probeBandwidth = false};
        const auto result = runBenchmark(*executor, *source, options);
        QVERIFY(result.has_value());
        QCOMPARE(static_cast<qint64>(result->weightsPerToken), weights);
        QCOMPARE(result->decodeTokensPerSecond->samples.size(), std::size_t{3});
        QCOMPARE(result->decodeSecondsPerToken->samples.size(), std::size_t{12});
        QCOMPARE(result->prefillTokensPerSecond->samples.size(), std::size_t{3});
        QVERIFY(!result->readGBPerSecond);
        QVERIFY(result->memory.stateBytes > 0 && result->peakResidentBytes > 0);
        const double layerWeights = static_cast<double>(weights - 64 * 256);
        QCOMPARE(result->prefillOpsPerToken, 2.0 * (layerWeights + 64.0 * 256.0 / 8.0));
    }

    void stopRequestGivesNoResult()
    {
        const auto source = makeRandomModel(tinyShape(Architecture::MatMulFree), 1, "random");
        const auto executor = reference::ReferenceBackend().createInference(source, {});
        std::stop_source stop;
        stop.request_stop();
        QVERIFY(!runBenchmark(*executor, *source, {.probeBandwidth = false}, stop.get_token()));
    }

    void lengthsOutOfRangeAreNamed()
    {
        const auto source = makeRandomModel(tinyShape(Architecture::Transformer), 1, "random");
        const auto executor = reference::ReferenceBackend().createInference(source, {});
        const std::int64_t positions = source->config().maxPositions;
        const auto run = [&](BenchmarkOptions options) {
            options.probeBandwidth = false;
            (void)runBenchmark(*executor, *source, options);
        };
        QVERIFY_EXCEPTION_THROWN(run({.repeats = 0}), Error);
        QVERIFY_EXCEPTION_THROWN(run({.prefillTokens = 0, .decodeTokens = 0}), Error);
        QVERIFY_EXCEPTION_THROWN(run({.prefillTokens = -1}), Error);
        QVERIFY_EXCEPTION_THROWN(run({.prefillTokens = positions, .decodeTokens = 1}), Error);
    }

    void probeReadsALargeBuffer()
    {
        BandwidthProbe probe(3, 0);
        QVERIFY(probe.bufferBytes() >= 64u << 20);
        QVERIFY(probe.measureGBPerSecond() > 0.0);
    }

    void environmentDescribesThisMachine()
    {
        const Environment environment = readEnvironment();
        QVERIFY(environment.cores > 0);
        QVERIFY(environment.memoryBytes >= environment.availableMemoryBytes);
        QVERIFY(!environment.version.empty() && !environment.kernel.empty());
    }
};

QTEST_GUILESS_MAIN(BenchmarkTest)
#include "tst_benchmark.moc"
