// `mmfree inspect`: what it prints and writes against the model's own weights and against `mmfree trace`.
#include "engine/model/model_source.h"
#include "engine/model/safetensors.h"
#include "tests/cli/cli_runner.h"
#include "tests/support/test_files.h"

#include <QTest>

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstring>

using namespace mmfree;
using namespace mmfree::test;
using nlohmann::json;

namespace
{

const QString kIds = QStringLiteral("5,17,200,31,9,9,300,12");

// Values of a .npy file behind its header.
template <class T>
std::vector<T> npyValues(const std::filesystem::path& file, const std::string& shape)
{
    const QByteArray bytes = readBytes(file);
    const int header = static_cast<unsigned char>(bytes[8]) + 256 * static_cast<unsigned char>(bytes[9]);
    if (!bytes.startsWith("\x93NUMPY") || !bytes.contains(("'shape': (" + shape + "), }").c_str()))
        return {};
    std::vector<T> values(static_cast<std::size_t>(bytes.size() - 10 - header) / sizeof(T));
    std::memcpy(values.data(), bytes.data() + 10 + header, values.size() * sizeof(T));
    return values;
}

} // namespace

class CliInspect : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        m_model = makeGoldenModelFolder("open", m_folder.path() / "open");
        m_dense = makeGoldenModelFolder("dense_open", m_folder.path() / "dense");
    }

    void statisticsOfAllTensors()
    {
        const auto csv = m_folder.path() / "all.csv";
        const CliResult result =
            runCli({"inspect", text(m_model), "--reference", text(m_model), "--json", "--csv", text(csv)});
        QVERIFY2(result.exitCode == 0, result.err.constData());
        const json tensors = json::parse(result.out.toStdString()).at("tensors");
        const auto source = openModel(m_model);
        QCOMPARE(tensors.size(), tensorSchema(source->config()).size());
        QCOMPARE(readBytes(csv).count('\n'), static_cast<int>(tensors.size()) + 1);
        for (const json& tensor : tensors) {
            QCOMPARE(tensor.at("changed").get<int>(), 0);
            if (tensor.at("role") != "ternary weight")
                continue;
            const TernaryTensor weight = source->ternary(tensor.at("name").get<std::string>());
            std::int64_t counts[3] = {};
            for (std::int64_t row = 0; row < weight.rows; ++row) {
                for (std::int64_t col = 0; col < weight.cols; ++col)
                    ++counts[weight.at(row, col) + 1];
            }
            QCOMPARE(tensor.at("minus").get<std::int64_t>(), counts[0]);
            QCOMPARE(tensor.at("zero").get<std::int64_t>(), counts[1]);
            QCOMPARE(tensor.at("plus").get<std::int64_t>(), counts[2]);
        }
        const CliResult table = runCli({"inspect", text(m_model)});
        QVERIFY(table.out.contains("model.layers.2.mlp.down_proj.weight"));
    }

    void oneTensorAsNpyAndHistogram()
    {
        const QString name = "model.layers.1.attn.i_proj.weight";
        const auto npy = m_folder.path() / "w.npy";
        const CliResult result =
            runCli({"inspect", text(m_model), "--tensor", name, "--npy", text(npy), "--bins", "20"});
        QVERIFY2(result.exitCode == 0, result.err.constData());
        const json tensor = json::parse(result.out.toStdString());
        std::int64_t sum = 0;
        for (const json& count : tensor.at("histogram").at("counts"))
            sum += count.get<std::int64_t>();
        QCOMPARE(sum, 64 * 64);
        const std::vector<std::int8_t> values = npyValues<std::int8_t>(npy, "64, 64");
        const TernaryTensor weight = openModel(m_model)->ternary(name.toStdString());
        QCOMPARE(values.size(), std::size_t{64 * 64});
        for (std::int64_t i = 0; i < 64 * 64; ++i)
            QCOMPARE(static_cast<int>(values[static_cast<std::size_t>(i)]), weight.at(i / 64, i % 64));
    }

    void tracesHoldMapsAndNextTokens()
    {
        const auto out = m_folder.path() / "trace";
        const CliResult result = runCli({"inspect", text(m_model), "--ids", kIds, "--layers", "0-1",
                                         "--quantities", "block_input,hidden_state,forget_gate,candidate",
                                         "--hold", "--lens", "3", "--out", text(out), "--json"});
        QVERIFY2(result.exitCode == 0, result.err.constData());
        const json summary = json::parse(result.out.toStdString());
        QCOMPARE(summary.at("files").size(), std::size_t{10});
        QCOMPARE(summary.at("layers").at(1).at("nextTokens").size(), std::size_t{8});
        QCOMPARE(summary.at("layers").at(1).at("nextTokens").at(0).size(), std::size_t{3});

        const auto traced = m_folder.path() / "t.safetensors";
        QVERIFY(runCli({"trace", text(m_model), "--ids", kIds, "--out", text(traced)}).exitCode == 0);
        const SafetensorsFile file(traced);
        std::vector<float> input(8 * 64);
        copyToFloat(file.require("hidden_states.1"), 0, input);
        QCOMPARE(npyValues<float>(out / "layer001.block_input.npy", "8, 64"), input);

        // The map again from the written gates, and the states from the contributions.
        const auto f = npyValues<float>(out / "layer001.forget_gate.npy", "8, 64");
        const auto c = npyValues<float>(out / "layer001.candidate.npy", "8, 64");
        const auto h = npyValues<float>(out / "layer001.hidden_state.npy", "8, 64");
        const auto map = npyValues<float>(out / "layer001.hold_map.npy", "8, 8");
        for (int t = 0; t < 8; ++t) {
            double total = 0.0;
            std::vector<double> magnitude(8);
            for (int i = 0; i < 64; ++i) {
                double state = 0.0;
                for (int s = 0; s <= t; ++s) {
                    double part = c[static_cast<std::size_t>(s * 64 + i)];
                    for (int k = s + 1; k <= t; ++k)
                        part *= f[static_cast<std::size_t>(k * 64 + i)];
                    state += part;
                    magnitude[static_cast<std::size_t>(s)] += std::fabs(part);
                    total += std::fabs(part);
                }
                QVERIFY(std::abs(state - h[static_cast<std::size_t>(t * 64 + i)]) <= 1e-5);
            }
            for (int s = 0; s <= t; ++s)
                QVERIFY(std::abs(map[static_cast<std::size_t>(t * 8 + s)] -
                                 magnitude[static_cast<std::size_t>(s)] / total) < 1e-5);
        }
    }

    void attentionOfTheDenseModel()
    {
        const auto out = m_folder.path() / "attention";
        const CliResult result = runCli({"inspect", text(m_dense), "--ids", kIds, "--layers", "2",
                                         "--quantities", "attention_weights", "--out", text(out)});
        QVERIFY2(result.exitCode == 0, result.err.constData());
        const auto maps = npyValues<float>(out / "layer002.attention_weights.npy", "8, 32");
        QCOMPARE(maps.size(), std::size_t{8 * 32});
        QCOMPARE(maps[0], 1.0f); // the first token sees itself alone
    }

    void wrongWishesNameWhatIsNeeded_data()
    {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<QByteArray>("said");
        QTest::newRow("tensor") << QStringList{"--tensor", "nothing"}
                                << QByteArray("--tensor is \"nothing\"");
        QTest::newRow("layer") << QStringList{"--ids", "1", "--layers", "0-3"} << QByteArray("from 0 to 2");
        QTest::newRow("layer text") << QStringList{"--ids", "1", "--layers", "x"} << QByteArray("\"x\"");
        QTest::newRow("quantity") << QStringList{"--ids", "1", "--quantities", "attention_weights"}
                                  << QByteArray("needed: some of block_input");
        QTest::newRow("id") << QStringList{"--ids", "320"} << QByteArray("0 to 319");
        QTest::newRow("no text") << QStringList{"--hold"} << QByteArray("needed: --prompt or --ids");
        QTest::newRow("no tensor") << QStringList{"--npy", "x.npy"} << QByteArray("--tensor NAME");
        QTest::newRow("reference") << QStringList{"--reference", text(m_dense)}
                                   << QByteArray("needed: the shape of");
    }
    void wrongWishesNameWhatIsNeeded()
    {
        QFETCH(QStringList, arguments);
        QFETCH(QByteArray, said);
        const CliResult result = runCli(QStringList{"inspect", text(m_model)} + arguments);
        QCOMPARE(result.exitCode, 1);
        QVERIFY2(result.err.contains(said), result.err.constData());
    }

private:
    TemporaryFolder m_folder;
    std::filesystem::path m_model, m_dense;
};

QTEST_GUILESS_MAIN(CliInspect)
#include "tst_cli_inspect.moc"
