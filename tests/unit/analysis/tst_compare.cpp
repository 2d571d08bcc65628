// The comparison's arithmetic against hand-computed values: statistics, memory plan, parity, contenders.
#include "engine/analysis/compare_plan.h"
#include "engine/analysis/compare_report.h"
#include "engine/analysis/compare_runner.h"
#include "engine/analysis/compare_setup.h"
#include "engine/analysis/parity.h"
#include "engine/core/error.h"
#include "engine/reference/reference_backend.h"
#include "tests/unit/analysis/compare_example.h"

#include <QTest>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mmfree;
using namespace mmfree::test;

namespace
{

const MetricValue& cell(const std::vector<std::vector<MetricValue>>& table, const std::string& key,
                        std::size_t contender)
{
    const auto& metrics = compareMetrics();
    for (std::size_t m = 0; m < metrics.size(); ++m) {
        if (metrics[m].key == key)
            return table[m][contender];
    }
    throw std::runtime_error("no metric " + key);
}

} // namespace

class CompareTest : public QObject
{
    Q_OBJECT

private slots:
    void summaryFollowsFromTheTimes()
    {
        const auto table = summarize(exampleRun());
        // Decode: 2 tokens in 0.03 s and in 0.07 s.
        const double decode = (2.0 / 0.03 + 2.0 / 0.07) / 2.0;
        QVERIFY(qFuzzyCompare(cell(table, "decode", 0).value->median, decode));
        QVERIFY(qFuzzyCompare(cell(table, "decode", 1).value->median, decode / 2.0));
        QVERIFY(qFuzzyCompare(cell(table, "prefill", 0).value->median, (10.0 + 20.0) / 2.0));
        QVERIFY(qFuzzyCompare(cell(table, "token", 0).value->median, 25.0));
        QCOMPARE(cell(table, "token", 0).value->samples, 4);
        QVERIFY(qFuzzyCompare(cell(table, "whole", 1).value->median, 2.0 * (0.43 + 0.27) / 2.0));
        QVERIFY(qFuzzyCompare(cell(table, "memory", 1).ratio->value, 2.5));
        QVERIFY(cell(table, "memory", 1).ratio->exact);
        QVERIFY(!cell(table, "decode", 0).ratio);
        QVERIFY(qFuzzyCompare(cell(table, "decode", 1).ratio->value, 0.5));
        QVERIFY(!cell(table, "decode", 2).value);
        QCOMPARE(QString::fromStdString(cell(table, "decode", 2).missing),
                 QString("no cuda device was found"));
        QCOMPARE(QString::fromStdString(cell(table, "energy", 0).missing),
                 QString("not available: no counter"));
    }

    void ratiosKnowWhenThereIsNoDifference()
    {
        const std::vector<double> base{1.0, 1.1, 0.9, 1.05, 0.95, 1.0, 1.02};
        std::vector<double> twice, same{1.01, 0.9, 1.1, 0.97, 1.03, 0.99, 1.0};
        for (const double value : base)
            twice.push_back(2.0 * value);
        const auto clear = bootstrapRatio(twice, base, true);
        QVERIFY(clear->clear());
        QVERIFY(qFuzzyCompare(clear->value, 2.0));
        QVERIFY(clear->low > 1.8 && clear->high < 2.2 && clear->low <= clear->value &&
                clear->value <= clear->high);
        QVERIFY(!bootstrapRatio(same, base, true)->clear());
        QCOMPARE(bootstrapRatio(same, base, true)->low, bootstrapRatio(same, base, true)->low);
        QVERIFY(!bootstrapRatio({3.0}, {1.0}, true)->clear()); // one round says nothing
        QVERIFY(!bootstrapRatio({}, base, true));
        QVERIFY(ratioText(*bootstrapRatio(same, base, true)).find("no clear difference") !=
                std::string::npos);
    }

    void positionsAndRooflineUseTheRounds()
    {
        const CompareRun run = exampleRun();
        const PositionBand band = tokenTimesByPosition(run, 0, 0);
        QCOMPARE(band.position, (std::vector<double>{5.0, 6.0}));
        QVERIFY(qFuzzyCompare(band.median[0], 0.020) && qFuzzyCompare(band.median[1], 0.030));
        const auto points = rooflinePoints(run);
        QCOMPARE(points.size(), std::size_t{4}); // decode and prefill of A and B
        QVERIFY(qFuzzyCompare(points[0].operationsPerByte, 2000.0 / (250.0 + 20.0)));
        QVERIFY(qFuzzyCompare(points[1].operationsPerByte, 2000.0 * 4.0 / 250.0));
        QVERIFY(qFuzzyCompare(*watchShare(run, 0), 0.002));
    }

    void parityFindsTheFirstDifference()
    {
        LayerTrace base{.layers = 2, .tokens = 2, .width = 2, .vocabulary = 2};
        base.values = {1, 0, 0, 1, 3, 4, 1, 0};
        base.logits = {2, 1, 0, 1};
        LayerTrace other = base;
        QCOMPARE(compareTraces(other, base).firstLayer, std::int64_t{-1});
        QCOMPARE(compareTraces(other, base).topOneAgreement, 1.0);
        QCOMPARE(compareTraces(other, base).meanKl, 0.0);
        other.values[4] = 3.5f; // |0.5| / |(3, 4)| = 0.1 at layer 1, token 0
        other.logits = {1, 2, 0, 1};
        const ParityResult result = compareTraces(other, base);
        QCOMPARE(result.firstLayer, std::int64_t{1});
        QCOMPARE(result.firstToken, std::int64_t{0});
        QVERIFY(qFuzzyCompare(result.error[2], 0.1));
        QCOMPARE(result.topOneAgreement, 0.5);
        // KL of softmax(2, 1) against softmax(1, 2) is (e - 1) / (e + 1), of the other token 0.
        QVERIFY(qAbs(result.meanKl - 0.5 * (std::exp(1.0) - 1.0) / (std::exp(1.0) + 1.0)) < 1e-6);
        other.values[0] = std::numeric_limits<float>::quiet_NaN();
        QCOMPARE(compareTraces(other, base).firstLayer, std::int64_t{0});
        other.width = 1;
        QVERIFY(!compareTraces(other, base).reason.empty());
    }

    void cacheGrowsByDoubling()
    {
        QCOMPARE(cacheCapacity({16, 0}), std::int64_t{64});
        QCOMPARE(cacheCapacity({64, 1}), std::int64_t{128});
        QCOMPARE(cacheCapacity({64, 256}), std::int64_t{512});
        QCOMPARE(cacheCapacity({600, 0}), std::int64_t{1024}); // 512, then 600 <= 1024
    }

    void planSaysWhatDoesNotFit()
    {
        const MemoryPlan plan{.weights = 3'000'000'000, .state = 500'000'000, .activations = 0, .loading = 0};
        const Fit no = fitMemory(
            plan, {.total = 8'000'000'000, .free = 4'000'000'000, .share = 0.9, .taken = 200'000'000}, false);
        QVERIFY(!no.fits);
        for (const char* part : {"weights 3.00 GB", "KV cache 500.0 MB", "= 3.50 GB", "4.00 GB of 8.00 GB",
                                 "90 %", "200.0 MB are taken"})
            QVERIFY2(no.arithmetic.find(part) != std::string::npos, no.arithmetic.c_str());
        QVERIFY(
            fitMemory(plan, {.total = 8'000'000'000, .free = 4'000'000'000, .share = 0.9, .taken = 0}, true)
                .fits);
    }

    void paperPresetSkipsWithItsArithmetic()
    {
        const CompareSetup setup = paperSetup("reference", {});
        Environment environment;
        environment.memoryBytes = environment.availableMemoryBytes = 4'000'000'000;
        const std::vector<std::shared_ptr<const Backend>> backends{
            std::make_shared<reference::ReferenceBackend>()};
        CompareSetup here = setup;
        for (Contender& contender : here.contenders)
            contender.backend = "reference";
        const auto planned = planComparison(here, backends, environment);
        QCOMPARE(planned.size(), std::size_t{8});
        QVERIFY2(planned[0].ran, planned[0].reason.c_str()); // 370M, ternary
        QVERIFY(!planned[7].ran);                            // 13B, dense
        QVERIFY(planned[7].reason.find("does not fit") != std::string::npos);
        QVERIFY(planned[7].plan.weights > 24'000'000'000); // 12.9 G weights of 2 bytes
    }

    void contendersComeFromWordsAndGoBack()
    {
        const Contender contender =
            parseContender("shape=2,64,128,256,dense=yes,backend=cpu,threads=2,seed=7,name=a\\, b");
        QCOMPARE(contender.shape, std::string("2,64,128,256"));
        QCOMPARE(contender.name, std::string("a, b"));
        QVERIFY(contender.dense && contender.options.threads == 2 && contender.seed == 7);
        QVERIFY(parseContender(contenderWords(contender)) == contender);
    }
    void wrongContendersAreNamed_data()
    {
        QTest::addColumn<QString>("words");
        QTest::addColumn<QString>("part");
        QTest::newRow("neither") << "backend=cpu"
                                 << "exactly one of shape=... and model=...";
        QTest::newRow("both") << "shape=370M,model=x"
                              << "exactly one of";
        QTest::newRow("key") << "shape=370M,colour=red"
                             << "\"colour\" is unknown";
        QTest::newRow("number") << "shape=370M,threads=many"
                                << "threads is \"many\"";
        QTest::newRow("packing") << "shape=370M,packing=3bit"
                                 << "2bit or base3";
        QTest::newRow("shape") << "shape=370T"
                               << "370T";
        QTest::newRow("dense model") << "model=x,dense=yes"
                                     << "dense goes with shape";
        QTest::newRow("empty") << ""
                               << "unknown";
    }
    void wrongContendersAreNamed()
    {
        QFETCH(QString, words);
        QFETCH(QString, part);
        try {
            (void)parseContender(words.toStdString());
            QFAIL("was accepted");
        } catch (const Error& error) {
            QVERIFY2(QString(error.what()).contains(part), error.what());
        }
    }

    void denseOpponentMatchesByBytes()
    {
        for (const char* shape : {"370M", "1.3B", "6,384,1024,4000"}) {
            Contender ternary;
            ternary.shape = shape;
            const auto source = openContender(ternary);
            const auto bytesOf = [](const Contender& contender) {
                return static_cast<double>(
                    planMemory(*openContender(contender), contender, Workload()).weights);
            };
            const Contender equalBytes = denseOpponent(ternary, source->config(), DenseMatch::Bytes);
            QVERIFY2(qAbs(bytesOf(equalBytes) / bytesOf(ternary) - 1.0) < 0.1, equalBytes.shape.c_str());
            const Contender equalCount = denseOpponent(ternary, source->config(), DenseMatch::Parameters);
            const auto count = static_cast<double>(parameterCount(openContender(equalCount)->config()));
            QVERIFY(qAbs(count / static_cast<double>(parameterCount(source->config())) - 1.0) < 0.01);
            QVERIFY(equalCount.matched.starts_with("parameters as"));
        }
    }

    void absentBackendsHaveAReason()
    {
        Contender contender;
        contender.shape = "370M";
        contender.backend = "cuda";
        const std::vector<std::shared_ptr<const Backend>> backends{
            std::make_shared<reference::ReferenceBackend>()};
        const Availability absent = availabilityOf(contender, true, backends);
        QVERIFY(!absent.usable);
        QVERIFY(absent.reason.find("cuda") != std::string::npos);
        contender.backend = "reference";
        QVERIFY(availabilityOf(contender, true, backends).usable);
        contender.options.device = 3;
        QVERIFY(availabilityOf(contender, true, backends).reason.find("device is 3") != std::string::npos);
    }

    void reportsCarryMarksMethodAndEnvironment()
    {
        const CompareRun run = exampleRun();
        const std::string markdown = compareMarkdown(run), csv = compareCsv(run),
                          console = compareConsole(run);
        for (const std::string& text : {markdown, console}) {
            QVERIFY(text.find("emulated") != std::string::npos);
            QVERIFY(text.find("dense baseline matched by parameters") != std::string::npos);
            QVERIFY(text.find("no cuda device was found") != std::string::npos);
        }
        QVERIFY(markdown.find("## Method") != std::string::npos &&
                markdown.find("a processor") != std::string::npos);
        QCOMPARE(std::count(csv.begin(), csv.end(), '\n'), 5); // header, two contenders, two rounds
        QVERIFY(csv.find("\"first, \"\"quoted\"\"\"") != std::string::npos);
        QVERIFY(csv.find(",yes,") != std::string::npos);
    }

    void differenceOfARunWithItselfIsNone()
    {
        const RunDifference same = diffRuns(exampleRun(), exampleRun());
        QVERIFY(same.notes.empty());
        for (const RunDifference::Row& row : same.rows)
            QVERIFY2(!row.ratio || !row.ratio->clear(), row.metric.c_str());
        CompareRun other = exampleRun();
        other.environment.cpuModel = "another";
        other.contenders.pop_back();
        other.setup.contenders.pop_back();
        const RunDifference difference = diffRuns(exampleRun(), other);
        QCOMPARE(difference.notes.size(), std::size_t{2});
    }

    void setupsThatCannotRunAreRefused()
    {
        CompareSetup setup;
        QVERIFY_EXCEPTION_THROWN(checkSetup(setup), Error);
        setup.contenders.resize(1);
        checkSetup(setup);
        setup.baseline = 1;
        QVERIFY_EXCEPTION_THROWN(checkSetup(setup), Error);
        setup.baseline = 0;
        setup.repeats = 0;
        QVERIFY_EXCEPTION_THROWN(checkSetup(setup), Error);
        setup.repeats = 1;
        setup.workload.passes = {{0, 5}};
        QVERIFY_EXCEPTION_THROWN(checkSetup(setup), Error);
    }
};

QTEST_GUILESS_MAIN(CompareTest)
#include "tst_compare.moc"
