// The schema against the golden files, which the public PyTorch code wrote, and the initialisation it asks
// for.
#include "engine/model/model_config.h"
#include "engine/model/safetensors.h"
#include "tests/support/test_files.h"

#include <QtTest>

#include <cmath>
#include <set>

using namespace mmfree;

class TestTensorSchema : public QObject
{
    Q_OBJECT

private slots:
    void namesAndShapesAreThoseOfTheGoldenFiles_data();
    void namesAndShapesAreThoseOfTheGoldenFiles();
    void groupedQueryHeadsNarrowKeysAndValues();
    void tiedEmbeddingsHaveNoHead();
    void rolesAndLayersAreSet();
    void initialisationFollowsThePublicCode();
};

void TestTensorSchema::namesAndShapesAreThoseOfTheGoldenFiles_data()
{
    QTest::addColumn<QString>("model");
    QTest::addRow("MatMul-free") << "open";
    QTest::addRow("dense") << "dense_open";
}

void TestTensorSchema::namesAndShapesAreThoseOfTheGoldenFiles()
{
    QFETCH(QString, model);
    const std::string name = model.toStdString();
    const ModelConfig config = parseModelConfig(readTextFile(test::goldenFile(name + ".config.json")), name);
    const SafetensorsFile file(test::goldenFile(name + ".model.safetensors"));
    std::set<std::string> expected, found;
    for (const auto& [tensor, view] : file.tensors())
        expected.insert(tensor + " " + shapeText(view.shape));
    for (const TensorSpec& spec : tensorSchema(config))
        found.insert(spec.name + " " + shapeText(spec.shape));
    QCOMPARE(found, expected);
}

void TestTensorSchema::groupedQueryHeadsNarrowKeysAndValues()
{
    ModelConfig config = namedShape("1,64,192,320", Architecture::Transformer);
    config.headCount = 4;
    config.keyValueHeadCount = 2;
    for (const TensorSpec& spec : tensorSchema(config)) {
        if (spec.name.ends_with("k_proj.weight") || spec.name.ends_with("v_proj.weight"))
            QCOMPARE(spec.shape, (Shape{32, 64}));
        if (spec.name.ends_with("q_proj.weight"))
            QCOMPARE(spec.shape, (Shape{64, 64}));
    }
}

void TestTensorSchema::tiedEmbeddingsHaveNoHead()
{
    ModelConfig config = namedShape("1,64,192,320", Architecture::Transformer);
    const std::int64_t untied = parameterCount(config);
    config.tieEmbeddings = true;
    QCOMPARE(parameterCount(config), untied - 320 * 64);
}

void TestTensorSchema::rolesAndLayersAreSet()
{
    std::map<TensorRole, int> roles;
    for (const TensorSpec& spec : tensorSchema(namedShape("2,64,192,320"))) {
        ++roles[spec.role];
        const bool inLayer = spec.name.starts_with("model.layers.");
        QCOMPARE(spec.layer, inLayer ? spec.name[13] - '0' : -1);
    }
    QCOMPARE(roles[TensorRole::TernaryWeight], 2 * 6 + 1);
    QCOMPARE(roles[TensorRole::Norm], 2 * 9 + 2);
    QCOMPARE(roles[TensorRole::Embedding], 1);
    QCOMPARE(roles[TensorRole::LowerBounds], 1);
    QCOMPARE(roles[TensorRole::DenseWeight], 0);
}

void TestTensorSchema::initialisationFollowsThePublicCode()
{
    const ModelConfig config = namedShape("8,256,704,320");
    const double bound = std::pow(2.0, -2.5) * std::sqrt(6.0 / 512.0); // xavier_uniform, gain 2^-2.5
    for (const TensorSpec& spec : tensorSchema(config)) {
        const double share =
            spec.name.ends_with("o_proj.weight") || spec.name.ends_with("down_proj.weight") ? 0.25 : 1.0;
        if (spec.role == TensorRole::Norm || spec.role == TensorRole::LowerBounds) {
            QCOMPARE(spec.initStandardDeviation, 0.0);
        } else if (spec.name.find(".attn.") != std::string::npos) {
            QVERIFY(spec.initUniform);
            QCOMPARE(spec.initStandardDeviation * std::sqrt(3.0), bound * share);
        } else {
            QVERIFY(!spec.initUniform);
            QCOMPARE(spec.initStandardDeviation, 0.02 * share);
        }
    }
}

QTEST_APPLESS_MAIN(TestTensorSchema)
#include "tst_tensor_schema.moc"
