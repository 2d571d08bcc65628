// Element types, shapes and the exactness of the half and bfloat16 conversions.
#include "engine/core/types.h"
#include "tests/support/expect_error.h"

#include <QtTest>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

using namespace mmfree;

namespace
{

// The value of a half by its definition.
double halfValue(unsigned bits)
{
    const double sign = bits & 0x8000u ? -1.0 : 1.0;
    const int exponent = static_cast<int>(bits >> 10 & 31u);
    const double mantissa = static_cast<double>(bits & 1023u);
    return sign * (exponent ? std::ldexp(1.0 + mantissa / 1024.0, exponent - 15) : std::ldexp(mantissa, -24));
}

} // namespace

class TestTypes : public QObject
{
    Q_OBJECT

private slots:
    void everyDTypeIsFoundByItsOwnName();
    void shapesCountAndPrint();
    void everyHalfWidensToItsValueAndBack();
    void halvesRoundToNearestEven();
    void bfloat16RoundsToNearestEvenAndKeepsNan();
    void copyToFloatReadsUnalignedBytes();
    void copyToFloatRefusesIntegers();
};

void TestTypes::everyDTypeIsFoundByItsOwnName()
{
    for (const DType dtype : {DType::F32, DType::F16, DType::BF16, DType::I64, DType::I32, DType::I16,
                              DType::I8, DType::U8, DType::Bool}) {
        DType found = DType::F32;
        QVERIFY(parseDType(dtypeName(dtype), found));
        QCOMPARE(found, dtype);
    }
    DType untouched = DType::I16;
    QVERIFY(!parseDType("F64", untouched));
    QVERIFY(!parseDType("", untouched));
    QCOMPARE(untouched, DType::I16);
    QCOMPARE(dtypeSize(DType::BF16), std::size_t{2});
    QCOMPARE(dtypeSize(DType::I64), std::size_t{8});
}

void TestTypes::shapesCountAndPrint()
{
    QCOMPARE(elementCount({2, 24, 320}), 15360);
    QCOMPARE(elementCount({}), 1);
    QCOMPARE(elementCount({3, 0}), 0);
    QCOMPARE(shapeText({2, 24, 320}), std::string("[2, 24, 320]"));
    QCOMPARE(shapeText({}), std::string("[]"));
}

void TestTypes::everyHalfWidensToItsValueAndBack()
{
    for (unsigned bits = 0; bits < 0x10000u; ++bits) {
        const float wide = halfToFloat(static_cast<std::uint16_t>(bits));
        const unsigned magnitude = bits & 0x7FFFu;
        if (magnitude > 0x7C00u) {
            QVERIFY(std::isnan(wide));
            QVERIFY(std::isnan(halfToFloat(floatToHalf(wide))));
            continue;
        }
        if (magnitude == 0x7C00u)
            QVERIFY(std::isinf(wide));
        else
            QCOMPARE(static_cast<double>(wide), halfValue(bits));
        QCOMPARE(static_cast<unsigned>(floatToHalf(wide)), bits);
    }
}

void TestTypes::halvesRoundToNearestEven()
{
    // Between every two neighbours: below the middle, the middle (to the even one), above the middle.
    for (unsigned bits = 0; bits < 0x7BFFu; ++bits) {
        const double low = halfValue(bits), high = halfValue(bits + 1);
        const float middle = static_cast<float>((low + high) / 2);
        QCOMPARE(static_cast<unsigned>(floatToHalf(middle)), bits + (bits & 1u));
        QCOMPARE(static_cast<unsigned>(floatToHalf(std::nextafter(middle, 0.0f))), bits);
        QCOMPARE(static_cast<unsigned>(floatToHalf(std::nextafter(middle, 1e9f))), bits + 1);
    }
    QCOMPARE(static_cast<unsigned>(floatToHalf(65519.0f)), 0x7BFFu);
    QCOMPARE(static_cast<unsigned>(floatToHalf(65520.0f)), 0x7C00u);
    QCOMPARE(static_cast<unsigned>(floatToHalf(-1e30f)), 0xFC00u);
}

void TestTypes::bfloat16RoundsToNearestEvenAndKeepsNan()
{
    QCOMPARE(static_cast<unsigned>(floatToBfloat16(1.0f)), 0x3F80u);
    QCOMPARE(static_cast<unsigned>(floatToBfloat16(std::bit_cast<float>(0x3F808000u))),
             0x3F80u); // tie to even
    QCOMPARE(static_cast<unsigned>(floatToBfloat16(std::bit_cast<float>(0x3F818000u))),
             0x3F82u); // tie to even
    QCOMPARE(static_cast<unsigned>(floatToBfloat16(std::bit_cast<float>(0x3F808001u))), 0x3F81u);
    QCOMPARE(static_cast<unsigned>(floatToBfloat16(std::numeric_limits<float>::max())), 0x7F80u);
    QVERIFY(std::isnan(bfloat16ToFloat(floatToBfloat16(std::bit_cast<float>(0x7F800001u)))));
    for (unsigned bits = 0; bits < 0x7F80u; ++bits)
        QCOMPARE(static_cast<unsigned>(floatToBfloat16(bfloat16ToFloat(static_cast<std::uint16_t>(bits)))),
                 bits);
}

void TestTypes::copyToFloatReadsUnalignedBytes()
{
    const std::vector<float> values = {1.5f, -2.0f, 0.0f, 3.25f, 100.0f};
    for (const DType dtype : {DType::F32, DType::F16, DType::BF16}) {
        std::vector<std::byte> bytes(1 + values.size() * dtypeSize(dtype));
        for (std::size_t i = 0; i < values.size(); ++i) {
            const std::uint16_t half =
                dtype == DType::F16 ? floatToHalf(values[i]) : floatToBfloat16(values[i]);
            if (dtype == DType::F32)
                std::memcpy(bytes.data() + 1 + 4 * i, &values[i], 4);
            else
                std::memcpy(bytes.data() + 1 + 2 * i, &half, 2);
        }
        const TensorView view{dtype, {5}, std::span<const std::byte>(bytes).subspan(1)};
        std::vector<float> out(3);
        copyToFloat(view, 1, out);
        QCOMPARE(out, (std::vector<float>{-2.0f, 0.0f, 3.25f}));
    }
}

void TestTypes::copyToFloatRefusesIntegers()
{
    const std::vector<std::byte> bytes(4);
    float out = 0.0f;
    MMFREE_EXPECT_ERROR(copyToFloat({DType::I32, {1}, bytes}, 0, {&out, 1}), ErrorCode::InvalidArgument,
                        "I32", "needed: F32");
}

QTEST_APPLESS_MAIN(TestTypes)
#include "tst_types.moc"
