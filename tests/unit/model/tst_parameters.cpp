// The flat parameter array: layout, initial values, loading and the folder written from it.
#include "engine/core/atomic_file.h"
#include "engine/model/parameters.h"
#include "tests/support/expect_error.h"
#include "tests/support/test_files.h"
#include "tests/unit/model/raw_files.h"

#include <nlohmann/json.hpp>

#include <QtTest>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

using namespace mmfree;
namespace fs = std::filesystem;

namespace
{

std::span<const float> valuesOf(const ParameterSlot& slot, const AlignedBuffer<float>& all)
{
    return all.span().subspan(static_cast<std::size_t>(slot.offset), static_cast<std::size_t>(slot.count));
}

AlignedBuffer<float> initialized(const ParameterLayout& layout, std::uint64_t seed)
{
    AlignedBuffer<float> values(static_cast<std::size_t>(layout.size()));
    initializeParameters(layout, seed, values.span());
    return values;
}

bool equal(const AlignedBuffer<float>& a, const AlignedBuffer<float>& b)
{
    return std::equal(a.span().begin(), a.span().end(), b.span().begin(), b.span().end());
}

// Kilobytes of a mapped file that this process holds in memory now.
long residentKilobytes(const std::string& path)
{
    std::ifstream maps("/proc/self/smaps");
    long kilobytes = 0;
    bool inside = false;
    for (std::string line; std::getline(maps, line);) {
        const bool isMapping = line.find('-') < line.find(' ') && line.find("kB") == std::string::npos;
        if (isMapping)
            inside = line.ends_with(path);
        else if (inside && line.starts_with("Rss:"))
            kilobytes += std::stol(line.substr(4));
    }
    return kilobytes;
}

} // namespace

class TestParameters : public QObject
{
    Q_OBJECT

private slots:
    void slotsStartOnCacheLines();
    void initialValuesFollowTheSpecs_data();
    void initialValuesFollowTheSpecs();
    void initialValuesDependOnTheSeedAlone();
    void goldenParametersLoad();
    void packedModelsGetLatentsOfTheSameWeights();
    void modelsOfAnotherShapeAreRefused();
    void sourceQuantisesWhatItHolds();
    void writtenFoldersReadBack_data();
    void writtenFoldersReadBack();
    void aFolderThatCannotBeMadeThrows();
    void quantisedTensorsLeaveNoPagesBehind();
};

void TestParameters::slotsStartOnCacheLines()
{
    const ParameterLayout layout(namedShape("2,37,41,101"));
    std::int64_t position = 0, count = 0;
    for (const ParameterSlot& slot : layout.entries()) {
        QCOMPARE(slot.offset % 16, 0);
        QVERIFY(slot.offset >= position && slot.offset < position + 16);
        QCOMPARE(slot.count, elementCount(slot.spec.shape));
        QCOMPARE(layout.slot(slot.spec.name).offset, slot.offset);
        position = slot.offset + slot.count;
        count += slot.count;
    }
    QVERIFY(layout.size() >= position && layout.size() < position + 16);
    QCOMPARE(count, parameterCount(layout.config()));
}

void TestParameters::initialValuesFollowTheSpecs_data()
{
    QTest::addColumn<int>("architecture");
    QTest::addRow("MatMul-free") << int(Architecture::MatMulFree);
    QTest::addRow("dense") << int(Architecture::Transformer);
}

void TestParameters::initialValuesFollowTheSpecs()
{
    QFETCH(int, architecture);
    const ParameterLayout layout(namedShape("2,64,192,320", static_cast<Architecture>(architecture)));
    const AlignedBuffer<float> values = initialized(layout, 1);
    double sum = 0.0;
    for (const ParameterSlot& slot : layout.entries()) {
        const std::span<const float> part = valuesOf(slot, values);
        const double deviation = slot.spec.initStandardDeviation;
        double square = 0.0, largest = 0.0;
        for (const float value : part) {
            square += static_cast<double>(value) * value / static_cast<double>(part.size());
            largest = std::max(largest, std::fabs(static_cast<double>(value)));
            sum += value;
        }
        if (deviation == 0.0) {
            const float constant = slot.spec.role == TensorRole::Norm ? 1.0f : 0.0f;
            QVERIFY(std::all_of(part.begin(), part.end(), [&](float value) { return value == constant; }));
            sum -= constant * static_cast<double>(part.size());
            continue;
        }
        QVERIFY(std::fabs(std::sqrt(square) / deviation - 1.0) < 0.05);
        if (slot.spec.initUniform)
            QVERIFY(largest <= deviation * std::sqrt(3.0) * 1.000001);
        else
            QVERIFY(largest > deviation * 3.0);
    }
    QVERIFY(std::fabs(sum) < 5.0 * 0.03 * std::sqrt(static_cast<double>(layout.size()))); // around 0
}

void TestParameters::initialValuesDependOnTheSeedAlone()
{
    const ParameterLayout layout(namedShape("1,64,64,100"));
    QVERIFY(equal(initialized(layout, 1), initialized(layout, 1)));
    QVERIFY(!equal(initialized(layout, 1), initialized(layout, 2)));
}

void TestParameters::goldenParametersLoad()
{
    const test::TemporaryFolder folder;
    for (const char* model : {"open", "dense_open"}) {
        const auto source = openModel(test::makeGoldenModelFolder(model, folder.path()));
        const ParameterLayout layout(source->config());
        AlignedBuffer<float> values(static_cast<std::size_t>(layout.size()));
        loadParameters(layout, *source, values.span());
        const SafetensorsFile file(test::goldenFile(std::string(model) + ".model.safetensors"));
        for (const ParameterSlot& slot : layout.entries()) {
            std::vector<float> expected(static_cast<std::size_t>(slot.count));
            copyToFloat(file.require(slot.spec.name), 0, expected);
            const std::span<const float> found = valuesOf(slot, values);
            QVERIFY(std::equal(found.begin(), found.end(), expected.begin(), expected.end()));
        }
    }
}

void TestParameters::packedModelsGetLatentsOfTheSameWeights()
{
    const auto source = makeRandomModel(namedShape("1,64,64,100"), 1, "random 1");
    const ParameterLayout layout(source->config());
    AlignedBuffer<float> values(static_cast<std::size_t>(layout.size()));
    loadParameters(layout, *source, values.span());
    int checked = 0;
    for (const ParameterSlot& slot : layout.entries()) {
        if (slot.spec.role != TensorRole::TernaryWeight)
            continue;
        const TernaryTensor packed = source->ternary(slot.spec.name);
        std::vector<std::int8_t> codes(static_cast<std::size_t>(slot.count));
        const float scale = quantizeTernary(valuesOf(slot, values), codes);
        QVERIFY(std::abs(scale / packed.scale - 1.0f) < 1e-5f);
        for (std::int64_t i = 0; i < slot.count; ++i)
            QCOMPARE(static_cast<int>(codes[static_cast<std::size_t>(i)]),
                     packed.at(i / packed.cols, i % packed.cols));
        ++checked;
    }
    QCOMPARE(checked, 7);
}

void TestParameters::modelsOfAnotherShapeAreRefused()
{
    const test::TemporaryFolder folder;
    const auto source = openModel(test::makeGoldenModelFolder("open", folder.path()));
    for (const char* shape : {"4,64,192,320", "3,64,192,321", "3,128,192,320"}) {
        const ParameterLayout layout(namedShape(shape));
        AlignedBuffer<float> values(static_cast<std::size_t>(layout.size()));
        MMFREE_EXPECT_ERROR(loadParameters(layout, *source, values.span()), ErrorCode::InvalidArgument,
                            "tensor ", "needed: ");
    }
}

void TestParameters::sourceQuantisesWhatItHolds()
{
    const auto layout = std::make_shared<const ParameterLayout>(namedShape("1,64,64,100"));
    auto values = std::make_shared<AlignedBuffer<float>>(initialized(*layout, 1));
    const auto source = makeParameterSource(layout, values, {"tokens", "{}"}, "in training");
    const std::string name = "model.layers.0.mlp.down_proj.weight";
    QVERIFY(source->hasLatentWeights());
    QCOMPARE(source->text().tokenizerModel, std::string("tokens"));
    QCOMPARE(source->name(), std::string("in training"));
    const TensorView view = source->view(name);
    QCOMPARE(view.bytes.data(), std::as_bytes(valuesOf(layout->slot(name), *values)).data());
    QCOMPARE(source->ternary(name).scale, quantizeTernary(view, name).scale);
    (*values)[static_cast<std::size_t>(layout->slot(name).offset) + 5] =
        std::numeric_limits<float>::quiet_NaN();
    MMFREE_EXPECT_ERROR((void)source->ternary(name), ErrorCode::NumericFailure, name, "value 5 is nan");
    MMFREE_EXPECT_ERROR((void)source->view("nothing"), ErrorCode::InvalidArgument, "nothing");
}

void TestParameters::writtenFoldersReadBack_data()
{
    QTest::addColumn<int>("architecture");
    QTest::addColumn<int>("dtype");
    for (const auto architecture : {Architecture::MatMulFree, Architecture::Transformer}) {
        for (const DType dtype : {DType::F32, DType::BF16, DType::F16})
            QTest::addRow("%s %s", architecture == Architecture::MatMulFree ? "MatMul-free" : "dense",
                          std::string(dtypeName(dtype)).c_str())
                << int(architecture) << int(dtype);
    }
}

void TestParameters::writtenFoldersReadBack()
{
    QFETCH(int, architecture);
    QFETCH(int, dtype);
    const DType type = static_cast<DType>(dtype);
    const test::TemporaryFolder folder;
    const fs::path path = folder.path() / "a" / "b"; // made on the way
    const ParameterLayout layout(namedShape("2,64,192,320", static_cast<Architecture>(architecture)));
    const AlignedBuffer<float> values = initialized(layout, 3);
    writeModelFolder(layout, values.span(), {"tokens", "{\"name\":\"x\"}"}, path, type);
    const auto source = openModel(path);
    QVERIFY(source->config() == layout.config());
    QCOMPARE(source->text().tokenizerModel, std::string("tokens"));
    QCOMPARE(source->text().chatTemplateJson, std::string("{\"name\":\"x\"}"));
    AlignedBuffer<float> back(values.size());
    loadParameters(layout, *source, back.span());
    for (std::size_t i = 0; i < values.size(); ++i) {
        const float expected = type == DType::F32    ? values[i]
                               : type == DType::BF16 ? bfloat16ToFloat(floatToBfloat16(values[i]))
                                                     : halfToFloat(floatToHalf(values[i]));
        QCOMPARE(back[i], expected);
    }
    // What readers of the public code look at.
    QCOMPARE(SafetensorsFile(path / "model.safetensors").metadata().at("format"), std::string("pt"));
    const auto config = nlohmann::json::parse(readTextFile(path / "config.json"));
    QVERIFY(config["architectures"][0].get<std::string>().ends_with("ForCausalLM"));
}

void TestParameters::aFolderThatCannotBeMadeThrows()
{
    const test::TemporaryFolder folder;
    writeFileAtomically(folder.path() / "plain", "a file, not a folder");
    const ParameterLayout layout(namedShape("1,64,64,100"));
    const AlignedBuffer<float> values = initialized(layout, 1);
    MMFREE_EXPECT_ERROR(writeModelFolder(layout, values.span(), {}, folder.path() / "plain" / "model"),
                        ErrorCode::Io, "plain/model", "cannot create the folder");
}

// What lets a 2.7B BF16 folder open beside nothing but its packed form and one tensor.
void TestParameters::quantisedTensorsLeaveNoPagesBehind()
{
    const test::TemporaryFolder folder;
    const ParameterLayout layout(namedShape("1,512,512,8000"));
    const AlignedBuffer<float> values(static_cast<std::size_t>(layout.size()));
    writeModelFolder(layout, values.span(), {}, folder.path(), DType::BF16);
    const auto source = openModel(folder.path());
    const auto view = source->view("lm_head.weight"); // 8 MB
    const std::string path = (folder.path() / "model.safetensors").string();
    std::vector<float> latent(static_cast<std::size_t>(elementCount(view.shape)));
    source->floats("lm_head.weight", latent);
    QVERIFY(residentKilobytes(path) >= 8000);
    (void)source->ternary("lm_head.weight");
    QVERIFY2(residentKilobytes(path) < 1000, qPrintable(QString("%1 KB").arg(residentKilobytes(path))));
    source->floats("lm_head.weight", latent);
    source->release("lm_head.weight");
    QVERIFY2(residentKilobytes(path) < 1000, qPrintable(QString("%1 KB").arg(residentKilobytes(path))));
}

QTEST_APPLESS_MAIN(TestParameters)
#include "tst_parameters.moc"
