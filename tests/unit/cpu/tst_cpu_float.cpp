// Float operators of every variant: the same bits as the portable one, near the reference, for any thread
// count.
#include "engine/cpu/cpu_features.h"
#include "engine/cpu/cpu_operators.h"
#include "engine/reference/reference_operators.h"
#include "tests/unit/cpu/cpu_test_data.h"

#include <QTest>

#include <cmath>
#include <functional>

using namespace mmfree;
using namespace mmfree::cpu;
using mmfree::reference::ReferenceOperators;
using mmfree::test::GuardedFloats;
using mmfree::test::randomFloats;

namespace
{

constexpr std::int64_t kTokens = 37;
constexpr float kEps = 1e-6f;
constexpr double kTolerance = 2e-6; // relative to the largest value: f32 against sums in double
const std::vector<std::int64_t> kWidths = {1, 15, 16, 17, 63, 64, 100, 320, 1027};

struct Inputs {
    std::vector<float> a, b, c, weight, bound;
    std::vector<TokenId> tokens;
};

Inputs inputsOf(std::int64_t width)
{
    Inputs in{randomFloats(2 * kTokens * width, 1, 2.0),
              randomFloats(2 * kTokens * width, 2, 2.0),
              randomFloats(kTokens * width, 3),
              randomFloats(width, 4),
              randomFloats(width, 5),
              {}};
    for (float& bound : in.bound)
        bound = 0.5f * std::fabs(std::sin(bound));
    for (std::int64_t t = 0; t < kTokens; ++t)
        in.tokens.push_back(t % 5 == 4 ? -1 : static_cast<TokenId>(t * 7 % width));
    return in;
}

// One operator run by any operators class; returns everything it wrote, one after the other.
struct Case {
    const char* name;
    std::function<std::vector<float>(CpuOperators&, const Inputs&, std::int64_t)> cpu;
    std::function<std::vector<float>(ReferenceOperators&, const Inputs&, std::int64_t)> reference;
};

std::vector<float> joined(std::initializer_list<GuardedFloats*> parts)
{
    std::vector<float> all;
    for (GuardedFloats* part : parts) {
        if (!part->intact())
            return {}; // differs from any expectation
        const std::vector<float> values = part->values();
        all.insert(all.end(), values.begin(), values.end());
    }
    return all;
}

template <class Run>
Case makeCase(const char* name, Run run)
{
    return {
        name, [run](CpuOperators& ops, const Inputs& in, std::int64_t width) { return run(ops, in, width); },
        [run](ReferenceOperators& ops, const Inputs& in, std::int64_t width) { return run(ops, in, width); }};
}

const std::vector<Case>& cases()
{
    static const std::vector<Case> all = {
        makeCase("rmsNorm",
                 [](auto& ops, const Inputs& in, std::int64_t width) {
                     GuardedFloats out(kTokens * width);
                     ops.rmsNorm(in.a.data(), in.weight.data(), kEps, kTokens, width, out.data());
                     return joined({&out});
                 }),
        makeCase("gatesAndScan",
                 [](auto& ops, const Inputs& in, std::int64_t width) {
                     GuardedFloats state(width, 0.25f), hidden(kTokens * width), forget(kTokens * width),
                         candidate(kTokens * width);
                     ops.gatesAndScan(in.a.data(), in.b.data(), in.bound.data(), 1, kTokens, width,
                                      state.data(), hidden.data(), forget.data(), candidate.data());
                     return joined({&state, &hidden, &forget, &candidate});
                 }),
        makeCase("gatesAndScan of two sequences in layer 0",
                 [](auto& ops, const Inputs& in, std::int64_t width) {
                     GuardedFloats state(2 * width), hidden(2 * kTokens * width);
                     ops.gatesAndScan(in.a.data(), in.b.data(), nullptr, 2, kTokens, width, state.data(),
                                      hidden.data(), nullptr, nullptr);
                     return joined({&state, &hidden});
                 }),
        makeCase("normAndGate",
                 [](auto& ops, const Inputs& in, std::int64_t width) {
                     GuardedFloats out(kTokens * width);
                     ops.normAndGate(in.a.data(), in.weight.data(), kEps, in.b.data(), kTokens, width,
                                     out.data());
                     return joined({&out});
                 }),
        makeCase("swiGlu",
                 [](auto& ops, const Inputs& in, std::int64_t width) {
                     GuardedFloats out(kTokens * width);
                     ops.swiGlu(in.a.data(), in.a.data() + width, 2 * width, kTokens, width, out.data());
                     return joined({&out});
                 }),
        makeCase("rmsNormBackward",
                 [](auto& ops, const Inputs& in, std::int64_t width) {
                     GuardedFloats dX(kTokens * width, 0.5f), dWeight(width, 0.25f);
                     ops.rmsNormBackward(in.a.data(), in.weight.data(), kEps, in.c.data(), kTokens, width,
                                         dX.data(), dWeight.data());
                     return joined({&dX, &dWeight});
                 }),
        makeCase("gatesAndScanBackward",
                 [](auto& ops, const Inputs& in, std::int64_t width) {
                     GuardedFloats dForget(2 * kTokens * width), dCandidate(2 * kTokens * width),
                         dBound(width, 1.0f);
                     GuardedFloats state(2 * width), hidden(2 * kTokens * width);
                     ops.gatesAndScan(in.a.data(), in.b.data(), in.bound.data(), 2, kTokens, width,
                                      state.data(), hidden.data(), nullptr, nullptr);
                     ops.gatesAndScanBackward(in.a.data(), in.b.data(), in.bound.data(), hidden.data(),
                                              in.b.data(), 2, kTokens, width, dForget.data(),
                                              dCandidate.data(), dBound.data());
                     return joined({&dForget, &dCandidate, &dBound});
                 }),
        makeCase("normAndGateBackward",
                 [](auto& ops, const Inputs& in, std::int64_t width) {
                     GuardedFloats dG(kTokens * width), dHidden(kTokens * width), dWeight(width, 0.5f);
                     ops.normAndGateBackward(in.a.data(), in.weight.data(), kEps, in.b.data(), in.c.data(),
                                             kTokens, width, dG.data(), dHidden.data(), dWeight.data());
                     return joined({&dG, &dHidden, &dWeight});
                 }),
        makeCase("swiGluBackward",
                 [](auto& ops, const Inputs& in, std::int64_t width) {
                     GuardedFloats d(2 * kTokens * width);
                     ops.swiGluBackward(in.a.data(), in.a.data() + width, 2 * width, in.c.data(), kTokens,
                                        width, d.data(), d.data() + width);
                     return joined({&d});
                 }),
        makeCase("crossEntropy",
                 [](auto& ops, const Inputs& in, std::int64_t width) {
                     GuardedFloats dLogits(kTokens * width);
                     const double loss = ops.crossEntropy(in.a.data(), in.tokens.data(), kTokens, width,
                                                          0.125f, dLogits.data());
                     std::vector<float> values = joined({&dLogits});
                     values.push_back(static_cast<float>(loss));
                     return values;
                 }),
        makeCase("embedBackward",
                 [](auto& ops, const Inputs& in, std::int64_t width) {
                     std::vector<TokenId> ids(in.tokens.begin(), in.tokens.end());
                     for (TokenId& id : ids)
                         id = std::abs(id) % 3;
                     GuardedFloats table(3 * width, 1.0f);
                     ops.embedBackward(ids.data(), kTokens, width, in.c.data(), table.data());
                     return joined({&table});
                 }),
        makeCase("sumOfSquares",
                 [](auto& ops, const Inputs& in, std::int64_t) {
                     return std::vector<float>{static_cast<float>(
                         ops.sumOfSquares(in.a.data(), static_cast<std::int64_t>(in.a.size())))};
                 }),
        makeCase("adamw",
                 [](auto& ops, const Inputs& in, std::int64_t width) {
                     const std::int64_t count = kTokens * width;
                     GuardedFloats p(count), g(count), m(count), v(count, 0.125f);
                     for (std::int64_t i = 0; i < count; ++i) {
                         p.data()[i] = in.a[i];
                         g.data()[i] = in.b[i];
                         m.data()[i] = 0.1f * in.c[i];
                     }
                     ops.adamw(p.data(), g.data(), m.data(), v.data(), count, 1e-2, 0.9, 0.95, 1e-8, 0.1, 0.5,
                               3);
                     return joined({&p, &g, &m, &v});
                 }),
    };
    return all;
}

double largestDifference(const std::vector<float>& found, const std::vector<float>& expected)
{
    double difference = 0.0, largest = 1e-30;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        largest = std::max(largest, static_cast<double>(std::fabs(expected[i])));
        const double here = std::fabs(static_cast<double>(found[i]) - static_cast<double>(expected[i]));
        difference = std::isfinite(found[i]) ? std::max(difference, here) : INFINITY;
    }
    return difference / largest;
}

} // namespace

class CpuFloat : public QObject
{
    Q_OBJECT

private slots:
    void operatorMatchesReferenceAndIsTheSameEverywhere_data();
    void operatorMatchesReferenceAndIsTheSameEverywhere();
    void quantiserMatchesReferenceWithinOneStep();
    void denseProductsMatchReference();
    void attentionMatchesReference();
};

void CpuFloat::operatorMatchesReferenceAndIsTheSameEverywhere_data()
{
    QTest::addColumn<int>("index");
    for (std::size_t i = 0; i < cases().size(); ++i)
        QTest::newRow(cases()[i].name) << static_cast<int>(i);
}

void CpuFloat::operatorMatchesReferenceAndIsTheSameEverywhere()
{
    QFETCH(int, index);
    const Case& tested = cases()[static_cast<std::size_t>(index)];
    for (const std::int64_t width : kWidths) {
        const Inputs in = inputsOf(width);
        ReferenceOperators oracle;
        const std::vector<float> expected = tested.reference(oracle, in, width);
        CpuOperators portable(chooseKernels("portable"), 1, WeightPacking::TwoBit);
        const std::vector<float> base = tested.cpu(portable, in, width);
        QCOMPARE(base.size(), expected.size());
        const double error = largestDifference(base, expected);
        QVERIFY2(error <= kTolerance, QByteArray::number(error) + " at width " + QByteArray::number(width));
        for (const KernelTable* kernels : usableKernels()) {
            for (const int threads : {1, 2, 3, 7}) {
                CpuOperators ops(*kernels, threads, WeightPacking::TwoBit);
                QVERIFY2(tested.cpu(ops, in, width) == base, kernels->name);
            }
        }
    }
}

void CpuFloat::quantiserMatchesReferenceWithinOneStep()
{
    for (const std::int64_t width : kWidths) {
        const Inputs in = inputsOf(width);
        ReferenceOperators oracle;
        auto expectedQuantized = oracle.makeQuantized(kTokens, width);
        oracle.rmsNormQuantize(in.a.data(), in.weight.data(), kEps, kTokens, width, expectedQuantized);
        std::vector<float> expected(static_cast<std::size_t>(kTokens * width)), found(expected.size());
        oracle.readQuantized(expectedQuantized, kTokens, width, expected.data());
        std::vector<float> base;
        for (const KernelTable* kernels : usableKernels()) {
            CpuOperators ops(*kernels, 2, WeightPacking::TwoBit);
            Quantized quantized = ops.makeQuantized(kTokens, width);
            ops.rmsNormQuantize(in.a.data(), in.weight.data(), kEps, kTokens, width, quantized);
            ops.readQuantized(quantized, kTokens, width, found.data());
            std::int64_t different = 0;
            for (std::size_t i = 0; i < found.size(); ++i) {
                QVERIFY(std::fabs(found[i] - expected[i]) <= 1.0f);
                different += found[i] != expected[i];
            }
            QVERIFY(different * 1000 <= static_cast<std::int64_t>(found.size()));
            for (std::int64_t t = 0; t < kTokens; ++t) {
                double sum = 0.0;
                for (std::int64_t c = 0; c < width; ++c)
                    sum += found[t * width + c];
                QCOMPARE(static_cast<double>(quantized.sums[t]), sum);
            }
            if (base.empty())
                base = found;
            QVERIFY2(found == base, kernels->name);
        }
    }
}

void CpuFloat::denseProductsMatchReference()
{
    for (const auto& [rows, cols] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 1}, {7, 33}, {130, 257}}) {
        const std::vector<float> weights = randomFloats(rows * cols, 8), x = randomFloats(kTokens * cols, 9);
        for (const DType dtype : {DType::F32, DType::F16, DType::BF16}) {
            std::vector<std::uint16_t> half(weights.size());
            for (std::size_t i = 0; i < weights.size(); ++i)
                half[i] = dtype == DType::F16 ? floatToHalf(weights[i]) : floatToBfloat16(weights[i]);
            const std::span<const std::byte> bytes =
                dtype == DType::F32 ? std::as_bytes(std::span(weights)) : std::as_bytes(std::span(half));
            const TensorView view{.dtype = dtype, .shape = {rows, cols}, .bytes = bytes};
            ReferenceOperators oracle;
            const auto expectedMatrix = oracle.makeDense(view);
            for (const KernelTable* kernels : usableKernels()) {
                CpuOperators ops(*kernels, 3, WeightPacking::TwoBit);
                const auto matrix = ops.makeDense(view);
                for (const std::int64_t tokens : {std::int64_t{1}, std::int64_t{3}, kTokens}) {
                    std::vector<float> expected(static_cast<std::size_t>(tokens * rows), 1.0f);
                    GuardedFloats out(tokens * rows, 1.0f);
                    oracle.linearAdd(x.data(), tokens, expectedMatrix, expected.data());
                    ops.linearAdd(x.data(), tokens, matrix, out.data());
                    QVERIFY(out.intact());
                    QVERIFY(largestDifference(out.values(), expected) <= kTolerance);
                }
            }
        }
    }
}

void CpuFloat::attentionMatchesReference()
{
    const AttentionShape shape{.heads = 4, .keyValueHeads = 2, .headSize = 24};
    constexpr std::int64_t kLength = 70, kFirst = 9;
    const std::vector<float> queries = randomFloats(kLength * shape.width(), 1);
    const std::vector<float> keys = randomFloats((kFirst + kLength) * shape.keyValueWidth(), 2);
    const std::vector<float> values = randomFloats((kFirst + kLength) * shape.keyValueWidth(), 3);
    const std::vector<float> dOut = randomFloats(kLength * shape.width(), 4);
    const auto run = [&](auto& ops) {
        GuardedFloats out(kLength * shape.width()), weights(kLength * shape.heads * (kFirst + kLength)),
            one(shape.width()), batch(kLength * shape.width()), dQ(kLength * shape.width()),
            dK(kLength * shape.keyValueWidth()), dV(kLength * shape.keyValueWidth());
        ops.attention(queries.data(), keys.data(), values.data(), kLength, kFirst, shape, out.data(),
                      weights.data());
        ops.attention(queries.data(), keys.data(), values.data(), 1, kFirst, shape, one.data(), nullptr);
        ops.attentionBatch(queries.data(), keys.data(), values.data(), 2, kLength / 2, shape, batch.data());
        ops.attentionBatchBackward(queries.data(), keys.data(), values.data(), dOut.data(), 2, kLength / 2,
                                   shape, dQ.data(), dK.data(), dV.data());
        return joined({&out, &weights, &one, &batch, &dQ, &dK, &dV});
    };
    ReferenceOperators oracle;
    const std::vector<float> expected = run(oracle);
    std::vector<float> base;
    for (const int threads : {1, 2, 3, 7}) {
        CpuOperators ops(chooseKernels(""), threads, WeightPacking::TwoBit);
        const std::vector<float> found = run(ops);
        QCOMPARE(found.size(), expected.size());
        QVERIFY(largestDifference(found, expected) <= kTolerance);
        if (base.empty())
            base = found;
        QVERIFY(found == base);
    }
}

QTEST_GUILESS_MAIN(CpuFloat)
#include "tst_cpu_float.moc"
