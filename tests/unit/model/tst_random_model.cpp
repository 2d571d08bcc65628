// Random models: the same weights for the same seed, valid codes in equal shares, finite values.
#include "engine/model/model_source.h"
#include "tests/support/expect_error.h"

#include <QtTest>

#include <array>
#include <cmath>
#include <thread>

using namespace mmfree;

class TestRandomModel : public QObject
{
    Q_OBJECT

private slots:
    void weightsDependOnSeedAndName();
    void codesAreValidAndInEqualShares();
    void floatTensorsAreFinite_data();
    void floatTensorsAreFinite();
    void viewsStayWhileTheSourceLives();
    void severalThreadsMayAsk();
    void badShapesThrow();
};

void TestRandomModel::weightsDependOnSeedAndName()
{
    const ModelConfig config = namedShape("2,64,192,320");
    const auto first = makeRandomModel(config, 1, "a"), again = makeRandomModel(config, 1, "b"),
               other = makeRandomModel(config, 2, "c");
    const auto codes = [](const auto& source, const char* name) {
        const TernaryTensor tensor = source->ternary(name);
        return std::vector<std::uint8_t>(tensor.codes.begin(), tensor.codes.end());
    };
    const char* name = "model.layers.0.attn.i_proj.weight";
    QCOMPARE(codes(first, name), codes(again, name));
    QVERIFY(codes(first, name) != codes(other, name));
    QVERIFY(codes(first, name) != codes(first, "model.layers.1.attn.i_proj.weight"));
    QCOMPARE(first->name(), std::string("a"));
    QVERIFY(first->path().empty());
    QVERIFY(first->text().tokenizerModel.empty());
}

void TestRandomModel::codesAreValidAndInEqualShares()
{
    const auto source = makeRandomModel(namedShape("1,333,333,1001"), 4, "random"); // widths with padding
    std::array<double, 4> share = {};
    const TernaryTensor tensor = source->ternary("lm_head.weight");
    for (std::int64_t row = 0; row < tensor.rows; ++row) {
        for (std::int64_t col = 0; col < tensor.cols; ++col)
            share[static_cast<std::size_t>(tensor.at(row, col) + 1)] +=
                1.0 / static_cast<double>(tensor.rows * tensor.cols);
        for (std::int64_t pad = tensor.cols; pad < 4 * tensor.rowBytes(); ++pad)
            QCOMPARE(tensor.at(row, pad), 0);
    }
    QCOMPARE(share[3], 0.0);
    for (int code = 0; code < 3; ++code)
        QVERIFY(std::fabs(share[static_cast<std::size_t>(code)] - 1.0 / 3.0) < 0.01);
    QVERIFY(tensor.scale > 0.0f && std::isfinite(tensor.scale));
}

void TestRandomModel::floatTensorsAreFinite_data()
{
    QTest::addColumn<int>("architecture");
    QTest::addRow("MatMul-free") << int(Architecture::MatMulFree);
    QTest::addRow("dense") << int(Architecture::Transformer);
}

void TestRandomModel::floatTensorsAreFinite()
{
    QFETCH(int, architecture);
    const auto source =
        makeRandomModel(namedShape("2,64,192,320", static_cast<Architecture>(architecture)), 1, "random");
    QCOMPARE(source->hasLatentWeights(), !source->config().isTernary());
    for (const TensorSpec& spec : tensorSchema(source->config())) {
        if (spec.role == TensorRole::TernaryWeight) {
            MMFREE_EXPECT_ERROR((void)source->view(spec.name), ErrorCode::InvalidArgument, spec.name);
            continue;
        }
        std::vector<float> values(static_cast<std::size_t>(elementCount(spec.shape)));
        source->floats(spec.name, values); // throws for NaN and infinity
        double square = 0.0;
        for (const float value : values)
            square += static_cast<double>(value) * value / static_cast<double>(values.size());
        if (spec.role == TensorRole::Norm)
            QCOMPARE(values, std::vector<float>(values.size(), 1.0f));
        else if (spec.role == TensorRole::Embedding)
            QVERIFY(std::fabs(std::sqrt(square) - 0.02) < 0.001);
        else if (spec.role == TensorRole::DenseWeight)
            QVERIFY(std::fabs(std::sqrt(square * static_cast<double>(spec.shape[1])) - 1.0) < 0.05);
    }
}

void TestRandomModel::viewsStayWhileTheSourceLives()
{
    const auto source = makeRandomModel(namedShape("2,64,192,320", Architecture::Transformer), 1, "random");
    const TensorView first = source->view("lm_head.weight");
    for (const TensorSpec& spec : tensorSchema(source->config())) {
        (void)source->view(spec.name);
        source->release(spec.name);
    }
    QCOMPARE(source->view("lm_head.weight").bytes.data(), first.bytes.data());
}

void TestRandomModel::severalThreadsMayAsk()
{
    const auto source = makeRandomModel(namedShape("2,64,192,320", Architecture::Transformer), 1, "random");
    std::array<const std::byte*, 4> seen = {};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < seen.size(); ++i)
        threads.emplace_back([&, i] { seen[i] = source->view("lm_head.weight").bytes.data(); });
    for (std::thread& thread : threads)
        thread.join();
    for (const std::byte* data : seen)
        QCOMPARE(data, seen[0]);
}

void TestRandomModel::badShapesThrow()
{
    ModelConfig config;
    config.hiddenSize = 0;
    MMFREE_EXPECT_ERROR((void)makeRandomModel(config, 1, "random"), ErrorCode::InvalidConfig,
                        "random: hidden_size is 0");
}

QTEST_APPLESS_MAIN(TestRandomModel)
#include "tst_random_model.moc"
