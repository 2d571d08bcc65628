// Whole models on the CPU backend: the same logits for any variant, packing and thread count.
#include "engine/core/error.h"
#include "engine/cpu/cpu_backend.h"
#include "engine/cpu/cpu_features.h"
#include "engine/cpu/cpu_operators.h"
#include "engine/model/model_source.h"
#include "tests/unit/cpu/cpu_test_data.h"

#include <QTest>

using namespace mmfree;
using namespace mmfree::cpu;
using mmfree::test::randomFloats;
using mmfree::test::randomTernary;

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
    void fusedStepsGiveTheBitsOfTheirOperators_data();
    void fusedStepsGiveTheBitsOfTheirOperators();
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

void CpuExecutor::fusedStepsGiveTheBitsOfTheirOperators_data()
{
    QTest::addColumn<int>("width");
    QTest::addColumn<int>("intermediate");
    QTest::newRow("whole panels") << 256 << 704;
    QTest::newRow("odd sizes") << 100 << 172;
}

void CpuExecutor::fusedStepsGiveTheBitsOfTheirOperators()
{
    QFETCH(int, width);
    QFETCH(int, intermediate);
    constexpr float kEps = 1e-6f;
    const std::vector<float> x = randomFloats(width, 1), norm = randomFloats(width, 2),
                             gNorm = randomFloats(width, 3), bound = randomFloats(width, 4, 0.1),
                             gluNorm = randomFloats(intermediate, 5);
    for (const KernelTable* kernels : usableKernels()) {
        for (const int threads : {1, 3}) {
            CpuOperators ops(*kernels, threads, WeightPacking::TwoBit);
            const auto f = ops.makeTernary(randomTernary(width, width, 1, 0.05f));
            const auto i = ops.makeTernary(randomTernary(width, width, 2, 0.05f));
            const auto g = ops.makeTernary(randomTernary(width, width, 3, 0.05f));
            const auto gateUp = ops.makeTernary(randomTernary(2 * intermediate, width, 4, 0.05f));
            const auto down = ops.makeTernary(randomTernary(width, intermediate, 5, 0.05f));
            const auto floats = [&](std::int64_t count) {
                return std::vector<float>(static_cast<std::size_t>(count));
            };

            std::vector<float> normed = floats(width), fPre = normed, iPre = normed, gate = normed,
                               hidden = normed, state(x), out(x), products = floats(2 * intermediate),
                               glu = floats(intermediate);
            Quantized quantized = ops.makeQuantized(1, std::max(width, intermediate));
            const auto bitLinear = [&](const std::vector<float>& in, const std::vector<float>& weight,
                                       const TernaryMatrix& matrix, float* target, bool add) {
                ops.rmsNormQuantize(in.data(), weight.data(), kEps, 1, matrix.cols(), quantized);
                if (add)
                    ops.ternaryLinearAdd(quantized, 1, matrix, target);
                else
                    ops.ternaryLinear(quantized, 1, matrix, target);
            };
            ops.rmsNorm(x.data(), norm.data(), kEps, 1, width, normed.data());
            bitLinear(normed, norm, f, fPre.data(), false);
            bitLinear(normed, gNorm, i, iPre.data(), false);
            bitLinear(normed, norm, g, gate.data(), false);
            ops.gatesAndScan(fPre.data(), iPre.data(), bound.data(), 1, 1, width, state.data(), hidden.data(),
                             nullptr, nullptr);
            std::vector<float> gated = floats(width);
            ops.normAndGate(gate.data(), gNorm.data(), kEps, hidden.data(), 1, width, gated.data());
            bitLinear(gated, norm, f, out.data(), true);
            bitLinear(normed, gNorm, gateUp, products.data(), false);
            ops.swiGlu(products.data(), products.data() + intermediate, 2 * intermediate, 1, intermediate,
                       glu.data());
            bitLinear(glu, gluNorm, down, out.data(), true);

            std::vector<float> fusedState(x), fusedOut(x),
                fusedHidden = floats(width), fusedGate = fusedHidden, fusedGlu = floats(intermediate);
            ops.mixerStep(x.data(), norm.data(), kEps, width, {norm.data(), f}, {gNorm.data(), i},
                          {norm.data(), g}, bound.data(), fusedState.data(), fusedHidden.data(),
                          fusedGate.data());
            ops.gatedOutputStep(fusedGate.data(), gNorm.data(), kEps, fusedHidden.data(), width,
                                {norm.data(), f}, fusedOut.data());
            ops.gluStep(x.data(), norm.data(), kEps, width, {gNorm.data(), gateUp}, fusedGlu.data());
            ops.bitLinearStepAdd(fusedGlu.data(), kEps, {gluNorm.data(), down}, fusedOut.data());
            QVERIFY2(fusedState == state && fusedHidden == hidden && fusedGate == gate, kernels->name);
            QVERIFY2(fusedGlu == glu && fusedOut == out, kernels->name);
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
