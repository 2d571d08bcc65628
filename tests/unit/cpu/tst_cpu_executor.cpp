// Whole models on the CPU backend: the same logits for any variant, packing and thread count.
#include "engine/core/error.h"
#include "engine/cpu/cpu_backend.h"
#include "engine/cpu/cpu_features.h"
#include "engine/model/model_source.h"

#include <QTest>

using namespace mmfree;
using namespace mmfree::cpu;

namespace
{

// Widths that are multiples of nothing a kernel likes.
std::shared_ptr<const ModelSource> oddModel()
{
    return makeRandomModel(namedShape("3,100,172,333"), 5, "odd");
}

std::vector<float> logitsOf(const ExecutorOptions& options)
{
    const std::unique_ptr<InferenceExecutor> executor = CpuBackend().createInference(oddModel(), options);
    const std::unique_ptr<InferenceState> state = executor->createState();
    std::vector<TokenId> prompt;
    for (TokenId i = 0; i < 50; ++i)
        prompt.push_back(i * 37 % 333);
    const auto first = executor->forward({.tokens = prompt, .logits = LogitsMode::All}, *state).logits;
    std::vector<float> all(first.begin(), first.end());
    for (TokenId i = 0; i < 3; ++i) {
        const auto next = executor->forward({.tokens = std::span(&i, 1)}, *state).logits;
        all.insert(all.end(), next.begin(), next.end());
    }
    return all;
}

} // namespace

class CpuExecutor : public QObject
{
    Q_OBJECT

private slots:
    void logitsAreTheSameBitsEverywhere();
    void descriptionNamesWhatRuns();
    void unusableOptionsAreRefused();
};

void CpuExecutor::logitsAreTheSameBitsEverywhere()
{
    const std::vector<float> base = logitsOf({.threads = 1, .isa = "portable"});
    for (const float value : base)
        QVERIFY(std::isfinite(value));
    for (const KernelTable* kernels : usableKernels()) {
        for (const int threads : {1, 2, 3, 7}) {
            for (const WeightPacking packing : {WeightPacking::TwoBit, WeightPacking::Base3})
                QVERIFY2(logitsOf({.threads = threads, .isa = kernels->name, .packing = packing}) == base,
                         kernels->name);
        }
    }
}

void CpuExecutor::descriptionNamesWhatRuns()
{
    const auto executor = CpuBackend().createInference(oddModel(), {.threads = 2, .isa = "portable"});
    QCOMPARE(executor->info().backend, std::string("cpu"));
    QCOMPARE(executor->info().description, std::string("CPU, portable, 2 threads, 2-bit weights"));
    const std::vector<DeviceInfo> devices = CpuBackend().devices();
    QCOMPARE(devices.size(), std::size_t{1});
    QVERIFY(devices[0].usable);
}

void CpuExecutor::unusableOptionsAreRefused()
{
    QVERIFY_EXCEPTION_THROWN(CpuBackend().createInference(oddModel(), {.isa = "sse9"}), Error);
    QVERIFY_EXCEPTION_THROWN(CpuBackend().createInference(oddModel(), {.device = 1}), Error);
}

QTEST_GUILESS_MAIN(CpuExecutor)
#include "tst_cpu_executor.moc"
