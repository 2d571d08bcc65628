// The safetensors reader against files that lie, and the writer against the reader.
#include "engine/model/safetensors.h"
#include "tests/support/expect_error.h"
#include "tests/support/test_files.h"
#include "tests/unit/model/raw_files.h"

#include <QtTest>

using namespace mmfree;
namespace fs = std::filesystem;

namespace
{

const std::string kGoodHeader =
    R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
    R"("b":{"dtype":"BF16","shape":[1,3],"data_offsets":[8,14]}})";
const std::string kGoodData(14, 'd');

std::string oneTensor(const std::string& entry)
{
    return "{\"a\":" + entry + "}";
}

} // namespace

class TestSafetensors : public QObject
{
    Q_OBJECT

private slots:
    void goodFilesAreRead();
    void zeroSizedAndScalarTensorsAreRead();
    void everyTruncationIsRefused();
    void everyByteOfTheHeaderMayBeWrong();
    void lyingFilesAreRefused_data();
    void lyingFilesAreRefused();
    void writtenFilesReadBack();
    void writerWantsAllDeclaredBytes();
    void writerLeavesNothingWithoutFinish();
    void metadataMustBeUtf8();
};

void TestSafetensors::goodFilesAreRead()
{
    const test::TemporaryFolder folder;
    test::writeRaw(folder.path() / "f", test::rawSafetensors(kGoodHeader, kGoodData));
    const SafetensorsFile file(folder.path() / "f");
    QCOMPARE(file.tensors().size(), std::size_t{2});
    QCOMPARE(file.metadata().at("format"), std::string("pt"));
    QCOMPARE(file.require("b").dtype, DType::BF16);
    QCOMPARE(file.require("b").shape, (Shape{1, 3}));
    QCOMPARE(file.require("b").bytes.data(), file.require("a").bytes.data() + 8);
    QVERIFY(!file.find("c"));
    MMFREE_EXPECT_ERROR((void)file.require("c"), ErrorCode::InvalidFile, "tensor c is missing");
}

void TestSafetensors::zeroSizedAndScalarTensorsAreRead()
{
    const test::TemporaryFolder folder;
    const std::string header = R"({"none":{"dtype":"F32","shape":[3,0],"data_offsets":[4,4]},)"
                               R"("first":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
                               R"("one":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})";
    test::writeRaw(folder.path() / "f", test::rawSafetensors(header, "1234"));
    const SafetensorsFile file(folder.path() / "f");
    QVERIFY(file.require("none").bytes.empty());
    QCOMPARE(file.require("one").bytes.size(), std::size_t{4});
    test::writeRaw(folder.path() / "empty", test::rawSafetensors("{}", ""));
    QVERIFY(SafetensorsFile(folder.path() / "empty").tensors().empty());
}

void TestSafetensors::everyTruncationIsRefused()
{
    const test::TemporaryFolder folder;
    const std::string good = test::rawSafetensors(kGoodHeader, kGoodData);
    for (std::size_t size = 0; size < good.size(); ++size) {
        test::writeRaw(folder.path() / "f", good.substr(0, size));
        MMFREE_EXPECT_ERROR(SafetensorsFile(folder.path() / "f"), ErrorCode::InvalidFile,
                            (folder.path() / "f").string());
    }
}

void TestSafetensors::everyByteOfTheHeaderMayBeWrong()
{
    const test::TemporaryFolder folder;
    const std::string good = test::rawSafetensors(kGoodHeader, kGoodData);
    for (std::size_t position = 0; position < 8 + kGoodHeader.size(); ++position) {
        for (const char wrong : {'\0', '\xff', '9', '"', '}', '-'}) {
            std::string bytes = good;
            bytes[position] = wrong;
            test::writeRaw(folder.path() / "f", bytes);
            // Many changes are harmless (a letter of a name); none may do anything but throw or give sound
            // views.
            const auto caught = test::catchError([&] {
                const SafetensorsFile file(folder.path() / "f");
                for (const auto& [name, view] : file.tensors()) {
                    const std::size_t expected =
                        static_cast<std::size_t>(elementCount(view.shape)) * dtypeSize(view.dtype);
                    if (view.bytes.size() != expected)
                        throw Error(ErrorCode::NumericFailure, "unsound view of " + name);
                }
            });
            QVERIFY2(!caught.thrown || caught.code == ErrorCode::InvalidFile, caught.message.c_str());
        }
    }
}

void TestSafetensors::lyingFilesAreRefused_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QByteArray>("reason");
    const auto raw = [](const char* name, const std::string& bytes, const char* reason) {
        QTest::addRow("%s", name) << QByteArray::fromStdString(bytes) << QByteArray(reason);
    };
    const auto header = [&](const char* name, const std::string& text, const std::string& data,
                            const char* reason) { raw(name, test::rawSafetensors(text, data), reason); };
    const auto entry = [&](const char* name, const std::string& text, const char* reason) {
        header(name, oneTensor(text), "12345678", reason);
    };
    raw("empty file", "", "0 bytes");
    raw("seven bytes", "1234567", "7 bytes");
    raw("header length 2^64 - 1", std::string(8, '\xff') + "{}", "18446744073709551615");
    raw("header length 2^63", std::string("\0\0\0\0\0\0\0\x80", 8) + "{}", "9223372036854775808");
    raw("header longer than the file", std::string("\x03\0\0\0\0\0\0\0", 8) + "{}",
        "needed: a complete file");
    raw("a zip archive", "PK\x03\x04" + std::string(100, 'z'), "header length");
    header("empty header", "", "", "not valid JSON");
    header("header is not JSON", "hello", "", "not valid JSON");
    header("header is an array", "[]", "", "needed: an object");
    header("header is not UTF-8", "{\"\xff\xfe\":1}", "", "not valid JSON");
    header("text after the header's object", "{}{}", "", "not valid JSON");
    header("arrays 100000 deep", oneTensor(std::string(100000, '[')), "", "nested deeper");
    header(
        "objects 100000 deep",
        [] {
            std::string text;
            for (int i = 0; i < 100000; ++i)
                text += "{\"a\":";
            return text;
        }(),
        "", "nested deeper");
    header("metadata is text", R"({"__metadata__":"x"})", "", "__metadata__ is \"x\"");
    header("metadata holds a number", R"({"__metadata__":{"k":1}})", "", "__metadata__ k is 1");
    entry("tensor is a number", "1", "entry is 1");
    entry("no dtype", R"({"shape":[2],"data_offsets":[0,8]})", "dtype is missing");
    entry("no shape", R"({"dtype":"F32","data_offsets":[0,8]})", "shape is missing");
    entry("no offsets", R"({"dtype":"F32","shape":[2]})", "data_offsets is missing");
    entry("dtype this program does not read", R"({"dtype":"F64","shape":[1],"data_offsets":[0,8]})",
          "dtype is \"F64\"");
    entry("dtype is a number", R"({"dtype":4,"shape":[2],"data_offsets":[0,8]})", "dtype is 4");
    entry("shape is a number", R"({"dtype":"F32","shape":2,"data_offsets":[0,8]})", "shape is 2");
    entry("negative size", R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})", "shape holds -2");
    entry("fractional size", R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})", "shape holds 2.0");
    entry("size 2^64", R"({"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,8]})",
          "shape holds");
    entry("sizes that overflow to 8 bytes",
          R"({"dtype":"F32","shape":[4611686018427387904,4,2],"data_offsets":[0,8]})", "64 bits");
    entry("sizes that overflow to 0 bytes",
          R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]})", "64 bits");
    entry("an overflow beside a zero",
          R"({"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]})", "64 bits");
    entry("one offset", R"({"dtype":"F32","shape":[2],"data_offsets":[8]})", "data_offsets is [8]");
    entry("three offsets", R"({"dtype":"F32","shape":[2],"data_offsets":[0,4,8]})",
          "data_offsets is [0,4,8]");
    entry("negative offset", R"({"dtype":"F32","shape":[2],"data_offsets":[-8,0]})", "data_offsets holds -8");
    entry("offsets reversed", R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})", "[8, 0]");
    entry("end beyond the file", R"({"dtype":"F32","shape":[3],"data_offsets":[0,12]})", "[0, 12]");
    entry("begin and end beyond the file",
          R"({"dtype":"F32","shape":[2],"data_offsets":[4294967296,4294967304]})",
          "[4294967296, 4294967304]");
    entry("offsets near 2^64",
          R"({"dtype":"F32","shape":[2],"data_offsets":[18446744073709551608,18446744073709551615]})",
          "data_offsets holds");
    entry("fewer bytes than the shape", R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})",
          "needed: 12 bytes");
    entry("more bytes than the shape", R"({"dtype":"F32","shape":[1],"data_offsets":[0,8]})",
          "needed: 4 bytes");
    entry("bytes at the end of no tensor", R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})",
          "the end of the file");
    entry("bytes at the start of no tensor", R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})",
          "belong to no tensor");
    const std::string a = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
    header("the same tensor twice", "{" + a + "," + a + "}", "1234", "occurs twice");
    header("tensors that overlap", "{" + a + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
           "123456", "overlaps");
    header("tensors on the same bytes", "{" + a + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
           "1234", "overlaps");
    header("a hole", "{" + a + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})", "123456789012",
           "belong to no tensor");
    header("a zero-sized tensor in the middle of another",
           "{" + a + R"(,"b":{"dtype":"F32","shape":[0],"data_offsets":[2,2]}})", "1234", "overlaps");
    header("an unprintable name", "{\"a\\u0001\\n\":1}", "", "tensor a??:");
}

void TestSafetensors::lyingFilesAreRefused()
{
    QFETCH(QByteArray, bytes);
    QFETCH(QByteArray, reason);
    const test::TemporaryFolder folder;
    const fs::path path = folder.path() / "model.safetensors";
    test::writeRaw(path, bytes.toStdString());
    MMFREE_EXPECT_ERROR(SafetensorsFile{path}, ErrorCode::InvalidFile, path.string() + ": ",
                        reason.toStdString());
}

void TestSafetensors::writtenFilesReadBack()
{
    const test::TemporaryFolder folder;
    const std::vector<float> values = {1.0f, 2.0f, 3.0f};
    const std::vector<std::byte> odd(5, std::byte{7});
    SafetensorsWriter writer(folder.path() / "f");
    writer.setMetadata("format", "pt");
    writer.setMetadata("text", "quotes \" and \n lines, ünïcode");
    writer.declare("odd", DType::U8, {5});
    writer.declare("values", DType::F32, {1, 3});
    writer.declare("nothing", DType::BF16, {0, 4});
    writer.write(odd);
    writer.writeFloats(std::span(values).first(2)); // in pieces
    writer.writeFloats(std::span(values).last(1));
    writer.finish();
    const SafetensorsFile file(folder.path() / "f");
    QCOMPARE(file.metadata().at("text"), std::string("quotes \" and \n lines, ünïcode"));
    std::vector<float> back(3);
    copyToFloat(file.require("values"), 0, back);
    QCOMPARE(back, values);
    QCOMPARE(file.require("odd").bytes.size(), std::size_t{5});
    QCOMPARE(reinterpret_cast<std::size_t>(file.require("odd").bytes.data()) % 64, std::size_t{0});
}

void TestSafetensors::writerWantsAllDeclaredBytes()
{
    const test::TemporaryFolder folder;
    const auto act = [&] {
        SafetensorsWriter writer(folder.path() / "f");
        writer.declare("values", DType::F32, {3});
        writer.writeFloats(std::vector<float>{1.0f});
        writer.finish();
    };
    MMFREE_EXPECT_ERROR(act(), ErrorCode::InvalidArgument, "4 bytes", "needed: 12");
    QVERIFY(fs::is_empty(folder.path()));
}

void TestSafetensors::writerLeavesNothingWithoutFinish()
{
    const test::TemporaryFolder folder;
    {
        SafetensorsWriter writer(folder.path() / "f");
        writer.declare("values", DType::F32, {1});
        writer.writeFloats(std::vector<float>{1.0f});
    }
    QVERIFY(fs::is_empty(folder.path()));
}

void TestSafetensors::metadataMustBeUtf8()
{
    const test::TemporaryFolder folder;
    const auto act = [&] {
        SafetensorsWriter writer(folder.path() / "f");
        writer.setMetadata("text", "\xff");
        writer.finish();
    };
    MMFREE_EXPECT_ERROR(act(), ErrorCode::InvalidArgument, "UTF-8");
}

QTEST_APPLESS_MAIN(TestSafetensors)
#include "tst_safetensors.moc"
