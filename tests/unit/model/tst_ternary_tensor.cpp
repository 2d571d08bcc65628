// The weight quantiser against its definition, and both packings.
#include "engine/core/random.h"
#include "engine/model/ternary_tensor.h"
#include "tests/support/expect_error.h"

#include <QtTest>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using namespace mmfree;

namespace
{

struct Latent {
    std::vector<std::byte> bytes;
    std::vector<float> values; // after rounding to the dtype
};

Latent makeLatent(std::size_t count, DType dtype, double deviation)
{
    Latent latent;
    Random random(count, static_cast<std::uint64_t>(dtype));
    latent.bytes.resize(count * dtypeSize(dtype));
    for (std::size_t i = 0; i < count; ++i) {
        float value = static_cast<float>(random.normal() * deviation);
        const std::uint16_t half = dtype == DType::F16 ? floatToHalf(value) : floatToBfloat16(value);
        if (dtype == DType::F32) {
            std::memcpy(latent.bytes.data() + 4 * i, &value, 4);
        } else {
            std::memcpy(latent.bytes.data() + 2 * i, &half, 2);
            value = dtype == DType::F16 ? halfToFloat(half) : bfloat16ToFloat(half);
        }
        latent.values.push_back(value);
    }
    return latent;
}

TernaryTensor quantize(const std::vector<float>& values, std::int64_t rows, std::int64_t cols)
{
    return quantizeTernary({DType::F32, {rows, cols}, std::as_bytes(std::span(values))}, "file: tensor w");
}

} // namespace

class TestTernaryTensor : public QObject
{
    Q_OBJECT

private slots:
    void codesFollowTheDefinition_data();
    void codesFollowTheDefinition();
    void halvesOfTheScaleRoundToZero();
    void tinyWeightsUseTheSmallestScale();
    void bothFormsOfTheQuantiserAgree();
    void notFiniteWeightsAreNamed_data();
    void notFiniteWeightsAreNamed();
    void wrongRankIsRefused();
    void base3RoundTrips_data();
    void base3RoundTrips();
    void base3PutsTheFirstWeightLowest();
    void base3BytesAbove242Throw();
};

void TestTernaryTensor::codesFollowTheDefinition_data()
{
    QTest::addColumn<int>("rows");
    QTest::addColumn<int>("cols");
    QTest::addColumn<int>("dtype");
    for (const DType dtype : {DType::F32, DType::F16, DType::BF16}) {
        for (const auto& [rows, cols] :
             {std::pair(1, 1), {3, 5}, {7, 64}, {5, 1023}, {2, 4096}, {3, 4097}, {2, 9001}})
            QTest::addRow("%s %d x %d", std::string(dtypeName(dtype)).c_str(), rows, cols)
                << rows << cols << int(dtype);
    }
}

void TestTernaryTensor::codesFollowTheDefinition()
{
    QFETCH(int, rows);
    QFETCH(int, cols);
    QFETCH(int, dtype);
    const Latent latent = makeLatent(static_cast<std::size_t>(rows) * cols, static_cast<DType>(dtype), 0.05);
    const TernaryTensor tensor =
        quantizeTernary({static_cast<DType>(dtype), {rows, cols}, latent.bytes}, "w");

    double mean = 0.0;
    for (const float value : latent.values)
        mean += std::fabs(static_cast<double>(value)) / static_cast<double>(latent.values.size());
    QVERIFY(std::fabs(tensor.scale - mean) <= 1e-6 * mean);
    QCOMPARE(tensor.rows, rows);
    QCOMPARE(tensor.cols, cols);
    QCOMPARE(static_cast<std::int64_t>(tensor.codes.size()), rows * tensor.rowBytes());
    std::vector<std::int8_t> row(static_cast<std::size_t>(cols));
    for (int r = 0; r < rows; ++r) {
        tensor.unpackRow(r, row);
        for (int c = 0; c < cols; ++c) {
            const float scaled =
                latent.values[static_cast<std::size_t>(r * cols + c)] * (1.0f / tensor.scale);
            const int expected = static_cast<int>(std::clamp(std::nearbyint(scaled), -1.0f, 1.0f));
            QCOMPARE(tensor.at(r, c), expected);
            QCOMPARE(static_cast<int>(row[static_cast<std::size_t>(c)]), expected);
        }
        for (std::int64_t pad = cols; pad < tensor.rowBytes() * 4; ++pad)
            QCOMPARE(tensor.at(r, pad), 0);
    }
}

void TestTernaryTensor::halvesOfTheScaleRoundToZero()
{
    // Mean |W| is 1: half the scale rounds to the even 0, the next number up to 1.
    const float above = std::nextafter(0.5f, 1.0f);
    const std::vector<float> values = {0.5f, -0.5f, above, -above, 0.0f, -0.0f, 3.0f, -3.0f};
    const TernaryTensor tensor = quantize(values, 2, 4);
    QCOMPARE(tensor.scale, 1.0f);
    const std::vector<int> expected = {0, 0, 1, -1, 0, 0, 1, -1};
    for (int i = 0; i < 8; ++i)
        QCOMPARE(tensor.at(i / 4, i % 4), expected[static_cast<std::size_t>(i)]);
}

void TestTernaryTensor::tinyWeightsUseTheSmallestScale()
{
    QCOMPARE(quantize({0.0f, 0.0f, 0.0f, 0.0f}, 2, 2).scale, 1e-5f);
    const TernaryTensor tensor = quantize({1e-6f, -1e-6f, 6e-6f, -6e-6f}, 1, 4);
    QCOMPARE(tensor.scale, 1e-5f);
    QCOMPARE(tensor.at(0, 0), 0);
    QCOMPARE(tensor.at(0, 2), 1);
    QCOMPARE(tensor.at(0, 3), -1);
}

void TestTernaryTensor::bothFormsOfTheQuantiserAgree()
{
    const Latent latent = makeLatent(37 * 300, DType::F32, 0.02);
    const TernaryTensor tensor = quantize(latent.values, 37, 300);
    std::vector<std::int8_t> codes(latent.values.size());
    QCOMPARE(quantizeTernary(latent.values, codes), tensor.scale); // to the last bit
    for (int i = 0; i < 37 * 300; ++i)
        QCOMPARE(static_cast<int>(codes[static_cast<std::size_t>(i)]), tensor.at(i / 300, i % 300));
}

void TestTernaryTensor::notFiniteWeightsAreNamed_data()
{
    QTest::addColumn<float>("value");
    QTest::addColumn<QByteArray>("text");
    QTest::addRow("NaN") << std::numeric_limits<float>::quiet_NaN() << QByteArray("is nan");
    QTest::addRow("infinity") << std::numeric_limits<float>::infinity() << QByteArray("is inf");
    QTest::addRow("minus infinity") << -std::numeric_limits<float>::infinity() << QByteArray("is -inf");
}

void TestTernaryTensor::notFiniteWeightsAreNamed()
{
    QFETCH(float, value);
    QFETCH(QByteArray, text);
    std::vector<float> values(10000, 0.1f);
    values[7777] = value;
    MMFREE_EXPECT_ERROR((void)quantize(values, 100, 100), ErrorCode::NumericFailure,
                        "file: tensor w: value 7777 ", text.toStdString());
    std::vector<std::int8_t> codes(values.size());
    MMFREE_EXPECT_ERROR(quantizeTernary(values, codes), ErrorCode::NumericFailure, "value 7777 ",
                        text.toStdString());
}

void TestTernaryTensor::wrongRankIsRefused()
{
    const std::vector<float> values(8);
    MMFREE_EXPECT_ERROR((void)quantizeTernary({DType::F32, {8}, std::as_bytes(std::span(values))}, "w"),
                        ErrorCode::InvalidArgument, "[8]", "[rows, cols]");
}

void TestTernaryTensor::base3RoundTrips_data()
{
    QTest::addColumn<int>("cols");
    for (const int cols : {1, 4, 5, 6, 64, 1024, 1027})
        QTest::addRow("%d columns", cols) << cols;
}

void TestTernaryTensor::base3RoundTrips()
{
    QFETCH(int, cols);
    Random random(3);
    std::vector<std::int8_t> weights(static_cast<std::size_t>(cols)), back(weights.size());
    for (std::int8_t& weight : weights)
        weight = static_cast<std::int8_t>(static_cast<int>(random.below(3)) - 1);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(base3RowBytes(cols)));
    packBase3Row(weights, bytes);
    QVERIFY(std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte <= 242; }));
    unpackBase3Row(bytes, back);
    QCOMPARE(back, weights);
}

void TestTernaryTensor::base3PutsTheFirstWeightLowest()
{
    std::vector<std::uint8_t> bytes(2);
    packBase3Row(std::vector<std::int8_t>{1, -1, -1, -1, -1, 1}, bytes);
    QCOMPARE(int(bytes[0]), 2);
    QCOMPARE(int(bytes[1]), 2 + 3 + 9 + 27 + 81); // padding is weight 0, digit 1
}

void TestTernaryTensor::base3BytesAbove242Throw()
{
    std::vector<std::int8_t> weights(10);
    MMFREE_EXPECT_ERROR(unpackBase3Row(std::vector<std::uint8_t>{242, 243}, weights), ErrorCode::InvalidFile,
                        "byte 1 of a row is 243", "at most 242");
}

QTEST_APPLESS_MAIN(TestTernaryTensor)
#include "tst_ternary_tensor.moc"
