// Ternary products of every instruction-set variant this processor runs, against a scalar sum in 64 bits.
#include "engine/core/error.h"
#include "engine/cpu/cpu_features.h"
#include "engine/cpu/cpu_operators.h"
#include "tests/unit/cpu/cpu_test_data.h"

#include <QTest>

using namespace mmfree;
using namespace mmfree::cpu;
using mmfree::test::GuardedFloats;
using mmfree::test::randomFloats;
using mmfree::test::randomTernary;

namespace
{

constexpr std::int64_t kWidestTokens = 70;

struct Size {
    std::int64_t rows, cols;
};
// Multiples of nothing, single rows and columns, panel and step edges, and one wide row.
const std::vector<Size> kSizes = {{1, 1},   {1, 5},    {7, 15},   {31, 16},  {32, 17},   {33, 63},
                                  {64, 64}, {65, 100}, {96, 257}, {97, 320}, {200, 511}, {3, 13824}};
const std::vector<std::int64_t> kTokenCounts = {1, 2, 5, 7, 8, 12, 13, 31, 33, kWidestTokens};

// float((integer sum) ) * (scale / s), computed the slow way; the sum must fit 32 bits.
std::vector<float> expectedProduct(const TernaryTensor& tensor, const std::vector<float>& q,
                                   const Quantized& quantized, std::int64_t tokens)
{
    std::vector<float> expected;
    for (std::int64_t t = 0; t < tokens; ++t) {
        for (std::int64_t row = 0; row < tensor.rows; ++row) {
            std::int64_t sum = 0;
            for (std::int64_t c = 0; c < tensor.cols; ++c)
                sum += tensor.at(row, c) * static_cast<std::int64_t>(q[t * tensor.cols + c]);
            expected.push_back(static_cast<float>(sum) * (tensor.scale / quantized.scales[t]));
        }
    }
    return expected;
}

std::vector<float> product(const KernelTable& kernels, int threads, WeightPacking packing,
                           const TernaryTensor& tensor, const std::vector<float>& x, std::int64_t tokens)
{
    CpuOperators ops(kernels, threads, packing);
    const TernaryMatrix matrix = ops.makeTernary(tensor);
    Quantized quantized = ops.makeQuantized(tokens, tensor.cols);
    const std::vector<float> ones(static_cast<std::size_t>(tensor.cols), 1.0f);
    std::vector<float> out(static_cast<std::size_t>(tokens * tensor.rows));
    ops.rmsNormQuantize(x.data(), ones.data(), 1e-6f, tokens, tensor.cols, quantized);
    ops.ternaryLinear(quantized, tokens, matrix, out.data());
    return out;
}

} // namespace

class CpuTernary : public QObject
{
    Q_OBJECT

private slots:
    void productIsExactForAnyShape_data();
    void productIsExactForAnyShape();
    void extremeActivationsDoNotOverflow_data() { productIsExactForAnyShape_data(); }
    void extremeActivationsDoNotOverflow();
    void resultDoesNotDependOnThreads_data() { productIsExactForAnyShape_data(); }
    void resultDoesNotDependOnThreads();
    void latentsQuantiseAsTheModelRoomDoes();
    void unknownInstructionSetNamesTheChoices();
    void tooManyColumnsAreRefused();
};

void CpuTernary::productIsExactForAnyShape_data()
{
    QTest::addColumn<QString>("isa");
    QTest::addColumn<bool>("base3");
    for (const KernelTable* kernels : usableKernels()) {
        QTest::addRow("%s two bits", kernels->name) << QString(kernels->name) << false;
        QTest::addRow("%s base 3", kernels->name) << QString(kernels->name) << true;
    }
}

void CpuTernary::productIsExactForAnyShape()
{
    QFETCH(QString, isa);
    QFETCH(bool, base3);
    CpuOperators ops(chooseKernels(isa.toStdString()), 2,
                     base3 ? WeightPacking::Base3 : WeightPacking::TwoBit);
    for (const auto [rows, cols] : kSizes) {
        const TernaryTensor tensor = randomTernary(rows, cols, 11 * rows + cols, 0.37f);
        const TernaryMatrix matrix = ops.makeTernary(tensor);
        Quantized quantized = ops.makeQuantized(kWidestTokens, cols + 100); // wider than this use
        const std::vector<float> x = randomFloats(kWidestTokens * cols, rows + cols);
        const std::vector<float> weight = randomFloats(cols, 5);
        for (const std::int64_t tokens : kTokenCounts) {
            ops.rmsNormQuantize(x.data(), weight.data(), 1e-6f, tokens, cols, quantized);
            std::vector<float> q(static_cast<std::size_t>(tokens * cols));
            ops.readQuantized(quantized, tokens, cols, q.data());
            const std::vector<float> expected = expectedProduct(tensor, q, quantized, tokens);
            const QByteArray where = QString("%1 x %2, %3 tokens").arg(rows).arg(cols).arg(tokens).toUtf8();

            GuardedFloats out(tokens * rows, 3.0f);
            ops.ternaryLinear(quantized, tokens, matrix, out.data());
            QVERIFY2(out.values() == expected, where);
            QVERIFY2(out.intact(), where);
            ops.ternaryLinearAdd(quantized, tokens, matrix, out.data());
            const std::vector<float> twice = out.values();
            for (std::size_t i = 0; i < twice.size(); ++i)
                QVERIFY2(twice[i] == expected[i] + expected[i], where);
            QVERIFY2(out.intact(), where);
        }
    }
}

void CpuTernary::extremeActivationsDoNotOverflow()
{
    QFETCH(QString, isa);
    QFETCH(bool, base3);
    constexpr std::int64_t kRows = 40, kCols = 60000, kTokens = 9;
    TernaryTensor tensor = randomTernary(kRows, kCols, 1, 1.0f);
    for (std::int64_t byte = 0; byte < 3 * tensor.rowBytes(); ++byte) // rows of -1, of 0, of +1
        tensor.storage[byte] = byte < tensor.rowBytes() ? 0x00 : byte < 2 * tensor.rowBytes() ? 0x55 : 0xaa;
    std::vector<float> x(static_cast<std::size_t>(kTokens * kCols), -1.0f); // every q is -127
    for (std::size_t i = kCols; i < 2 * kCols; ++i)
        x[i] = 1.0f;
    CpuOperators ops(chooseKernels(isa.toStdString()), 1,
                     base3 ? WeightPacking::Base3 : WeightPacking::TwoBit);
    const TernaryMatrix matrix = ops.makeTernary(tensor);
    Quantized quantized = ops.makeQuantized(kTokens, kCols);
    const std::vector<float> ones(kCols, 1.0f);
    std::vector<float> q(static_cast<std::size_t>(kTokens * kCols));
    for (const std::int64_t tokens : {std::int64_t{2}, kTokens}) {
        ops.rmsNormQuantize(x.data(), ones.data(), 1e-6f, tokens, kCols, quantized);
        ops.readQuantized(quantized, tokens, kCols, q.data());
        QCOMPARE(q[0], -127.0f);
        QCOMPARE(q[kCols], 127.0f);
        std::vector<float> out(static_cast<std::size_t>(tokens * kRows));
        ops.ternaryLinear(quantized, tokens, matrix, out.data());
        QVERIFY(out == expectedProduct(tensor, q, quantized, tokens));
    }
}

void CpuTernary::resultDoesNotDependOnThreads()
{
    QFETCH(QString, isa);
    QFETCH(bool, base3);
    const KernelTable& kernels = chooseKernels(isa.toStdString());
    const WeightPacking packing = base3 ? WeightPacking::Base3 : WeightPacking::TwoBit;
    const TernaryTensor tensor = randomTernary(611, 700, 3, 0.1f);
    for (const std::int64_t tokens : {std::int64_t{1}, std::int64_t{40}}) {
        const std::vector<float> x = randomFloats(tokens * tensor.cols, 17);
        const std::vector<float> single = product(kernels, 1, packing, tensor, x, tokens);
        for (const int threads : {2, 3, 7})
            QVERIFY(product(kernels, threads, packing, tensor, x, tokens) == single);
    }
}

void CpuTernary::latentsQuantiseAsTheModelRoomDoes()
{
    CpuOperators ops(chooseKernels(""), 2, WeightPacking::TwoBit);
    for (const auto [rows, cols] : kSizes) {
        const std::vector<float> latent = randomFloats(rows * cols, 21 * rows + cols, 0.02);
        std::vector<std::int8_t> expected(latent.size());
        const float scale = quantizeTernary(std::span<const float>(latent), expected);
        const TernaryMatrix matrix = ops.quantizeLatent(latent.data(), rows, cols);
        QCOMPARE(matrix.scale(), scale);
        std::vector<float> row(static_cast<std::size_t>(cols));
        for (std::int64_t r = 0; r < rows; ++r) {
            matrix.expandRow(r, row.data());
            for (std::int64_t c = 0; c < cols; ++c)
                QCOMPARE(row[c], static_cast<float>(expected[r * cols + c]));
        }
    }
}

void CpuTernary::unknownInstructionSetNamesTheChoices()
{
    try {
        (void)chooseKernels("mmx");
        QFAIL("an unknown instruction set was accepted");
    } catch (const Error& error) {
        QCOMPARE(error.code(), ErrorCode::InvalidArgument);
        const QString message = error.what();
        QVERIFY(message.contains("mmx") && message.contains("portable"));
    }
}

void CpuTernary::tooManyColumnsAreRefused()
{
    CpuOperators ops(chooseKernels(""), 1, WeightPacking::TwoBit);
    const TernaryTensor tensor = randomTernary(1, kMaximumColumns + 1, 1, 1.0f);
    QVERIFY_EXCEPTION_THROWN((void)ops.makeTernary(tensor), Error);
}

QTEST_GUILESS_MAIN(CpuTernary)
#include "tst_cpu_ternary.moc"
