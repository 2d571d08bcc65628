// Whole comparisons with real worker processes: memory that adds up, rounds that take turns, contenders that
// fail alone, an end that comes at once.
#include "engine/analysis/compare_report.h"
#include "engine/analysis/compare_runner.h"
#include "engine/analysis/compare_setup.h"
#include "engine/core/error.h"
#include "engine/reference/reference_backend.h"
#include "tests/support/test_files.h"

#include <QElapsedTimer>
#include <QTest>

#include <set>

using namespace mmfree;
using namespace mmfree::test;

namespace
{

// Names a backend without being one: planning needs no more, workers have the real ones.
class NamedBackend final : public Backend
{
public:
    explicit NamedBackend(std::string name)
        : m_name(std::move(name))
    {
    }
    std::string name() const override { return m_name; }
    std::vector<DeviceInfo> devices() const override { return {{.name = m_name, .usable = true}}; }
    bool supports(Architecture, Work) const override { return true; }
    std::unique_ptr<InferenceExecutor> createInference(std::shared_ptr<const ModelSource>,
                                                       const ExecutorOptions&) const override
    {
        throw Error(ErrorCode::Unavailable, "not here");
    }
    std::unique_ptr<TrainingExecutor> createTraining(std::shared_ptr<const ParameterLayout>,
                                                     std::span<const float>,
                                                     const ExecutorOptions&) const override
    {
        throw Error(ErrorCode::Unavailable, "not here");
    }

private:
    std::string m_name;
};

CompareHost host()
{
    return {.program = program("mmfree"),
            .arguments = {"compare", "--worker"},
            .backends = {std::make_shared<NamedBackend>("cpu"), std::make_shared<NamedBackend>("reference"),
                         std::make_shared<NamedBackend>("nobody")}};
}

Contender contenderOf(const std::string& words)
{
    return parseContender(words);
}

CompareSetup smallSetup()
{
    CompareSetup setup;
    setup.contenders = {contenderOf("shape=2,64,128,256,backend=cpu,threads=1"),
                        contenderOf("shape=2,64,128,256,backend=reference"),
                        contenderOf("shape=2,64,128,256,dense=yes,backend=cpu,threads=1")};
    setup.workload = {"custom", {{8, 6}, {4, 0}}, {}, 3};
    setup.repeats = 3;
    setup.ceilings = false;
    return setup;
}

} // namespace

class CompareRunTest : public QObject
{
    Q_OBJECT

private slots:
    void memoryPartsAddUp_data()
    {
        QTest::addColumn<QString>("words");
        QTest::newRow("ternary") << "shape=2,512,1024,48000,backend=cpu,threads=2";
        QTest::newRow("dense") << "shape=2,512,1024,48000,dense=yes,backend=cpu,threads=2";
    }
    void memoryPartsAddUp()
    {
        QFETCH(QString, words);
        CompareSetup setup;
        setup.contenders = {contenderOf(words.toStdString())};
        setup.workload = {"custom", {{64, 40}}, {}, 1};
        setup.repeats = 1;
        setup.ceilings = false;
        const CompareRun run = runComparison(setup, host());
        const ContenderResult& result = run.contenders[0];
        QVERIFY2(result.ran, result.reason.c_str());
        const MemoryParts& memory = result.memory;
        QCOMPARE(memory.explained() + memory.rest, memory.measured);
        const double share = static_cast<double>(memory.rest) / static_cast<double>(memory.measured);
        QVERIFY2(qAbs(share) <= 0.05,
                 qPrintable(QString("weights %1, state %2, activations %3, other %4, rest %5 of %6")
                                .arg(memory.weights)
                                .arg(memory.state)
                                .arg(memory.activations)
                                .arg(memory.other)
                                .arg(memory.rest)
                                .arg(memory.measured)));
        // The plan, made before loading, is within 5 % of what the allocators say.
        const auto near = [](std::int64_t planned, std::int64_t actual) {
            return qAbs(static_cast<double>(planned) / static_cast<double>(actual) - 1.0) < 0.05;
        };
        QVERIFY(near(result.plan.weights, memory.weights));
        QVERIFY(near(result.plan.state, memory.state));
        QVERIFY(near(result.plan.activations, memory.activations));
        // The curve: constant state, or a cache that grew.
        QVERIFY(result.memoryCurve.size() > 10);
        const bool grew = result.memoryCurve.back().state > result.memoryCurve.front().state;
        QCOMPARE(grew, !result.ternary);
        QCOMPARE(result.memoryCurve.back().position, std::int64_t{104});
    }

    void roundsTakeTurnsAndOutputsAreCompared()
    {
        int progressed = 0, runs = 0;
        std::set<int> seen;
        const CompareRun run = runComparison(smallSetup(), host(), {}, [&](const CompareEvent& event) {
            progressed += event.kind == CompareEvent::Kind::Progress;
            runs += event.kind == CompareEvent::Kind::RunDone;
            seen.insert(static_cast<int>(event.kind));
            QVERIFY(event.share >= 0.0 && event.share <= 1.0);
        });
        for (const ContenderResult& contender : run.contenders)
            QVERIFY2(contender.ran, contender.reason.c_str());
        QCOMPARE(run.rounds, 3);
        QCOMPARE(run.repeats.size(), std::size_t{9});
        std::vector<int> order;
        for (const Repeat& repeat : run.repeats) {
            order.push_back(repeat.contender);
            QCOMPARE(repeat.passes.size(), std::size_t{2});
            QCOMPARE(repeat.passes[0].tokenSeconds.size(), std::size_t{6});
            QVERIFY(repeat.passes[0].prefillSeconds > 0.0);
        }
        QCOMPARE(order, (std::vector<int>{0, 1, 2, 1, 2, 0, 2, 0, 1}));
        // The reference computes what the processor's kernels compute.
        const ParityResult& parity = run.contenders[1].parity;
        QVERIFY2(parity.compared(), parity.reason.c_str());
        QCOMPARE(parity.tokens, std::int64_t{8});
        QVERIFY(parity.topOneAgreement > 0.8);
        QVERIFY(!run.contenders[2].parity.compared());
        QCOMPARE(run.contenders[0].modelHash, run.contenders[1].modelHash);
        QVERIFY(run.contenders[0].modelHash != run.contenders[2].modelHash);
        QVERIFY(seen.contains(static_cast<int>(CompareEvent::Kind::Loaded)) && runs >= 9 + 9);
        QVERIFY(watchShare(run, 0).has_value());
    }

    void oneThatFailsDoesNotStopTheOthers()
    {
        CompareSetup setup = smallSetup();
        setup.contenders[1].backend = "nobody"; // planned as usable, unknown to the worker
        setup.contenders.push_back(contenderOf("model=/no/such/model,backend=cpu"));
        setup.contenders.push_back(contenderOf("shape=2,64,128,256,backend=cuda"));
        const CompareRun run = runComparison(setup, host());
        QVERIFY(run.contenders[0].ran && run.contenders[2].ran);
        QVERIFY(!run.contenders[1].ran && !run.contenders[3].ran && !run.contenders[4].ran);
        QVERIFY2(run.contenders[1].reason.find("nobody") != std::string::npos,
                 run.contenders[1].reason.c_str());
        QVERIFY2(run.contenders[3].reason.find("/no/such/model") != std::string::npos,
                 run.contenders[3].reason.c_str());
        QVERIFY2(run.contenders[4].reason.find("cuda") != std::string::npos,
                 run.contenders[4].reason.c_str());
        QCOMPARE(run.repeats.size(), std::size_t{6});
        QVERIFY(compareMarkdown(run).find("/no/such/model") != std::string::npos);
    }

    void workersThatEndByThemselvesAreReported()
    {
        CompareHost broken = host();
        broken.program = "/bin/false";
        const CompareRun run = runComparison(smallSetup(), broken);
        for (const ContenderResult& contender : run.contenders) {
            QVERIFY(!contender.ran);
            QVERIFY(!contender.reason.empty());
        }
        broken.program = "/no/such/program";
        QVERIFY(!runComparison(smallSetup(), broken).contenders[0].ran);
    }

    void stopComesAtOnce()
    {
        CompareSetup setup;
        setup.contenders = {contenderOf("shape=8,512,1408,8000,backend=cpu,threads=1")};
        setup.workload = {"custom", {{16, 100000}}, {}, 1};
        std::stop_source stop;
        QElapsedTimer sinceStop;
        const CompareRun run = runComparison(setup, host(), stop.get_token(), [&](const CompareEvent& event) {
            if (event.kind != CompareEvent::Kind::Progress || event.tokenSeconds.empty())
                return;
            QVERIFY(event.position > 16);
            QVERIFY(event.measuredBytes > 0);
            stop.request_stop();
            sinceStop.start();
        });
        QVERIFY(run.stopped);
        QVERIFY(sinceStop.isValid() && sinceStop.elapsed() < 5000);
        QVERIFY(run.repeats.empty());
    }
};

QTEST_GUILESS_MAIN(CompareRunTest)
#include "tst_compare_run.moc"
