// `mmfree trace` reproduces the golden files of the public PyTorch code.
#include "tests/cli/cli_runner.h"
#include "tests/support/golden.h"

#include <QTest>

#include <nlohmann/json.hpp>

using namespace mmfree;
using namespace mmfree::test;

namespace
{

// A ternary model is judged by NMSE, KL, top-1 and loss (one rounding flip moves an output by a whole
// quantum; the reference differs from itself by about 1e-6 NMSE); the dense model by float rounding alone.
struct Tolerances {
    double nmse, kl, topOne, loss;
};
Tolerances tolerancesFor(bool ternary)
{
    return ternary ? Tolerances{2e-5, 1e-4, 0.97, 2e-4} : Tolerances{4e-12, 1e-9, 1.0, 2e-6};
}

} // namespace

class CliTrace : public QObject
{
    Q_OBJECT

private slots:
    void reproducesGoldenFile_data()
    {
        QTest::addColumn<QString>("model");
        QTest::addColumn<QString>("backend");
        for (const char* model : {"open", "dense_open"}) {
            for (const char* backend : {"reference", "cpu"})
                QTest::addRow("%s on %s", model, backend) << model << backend;
        }
    }
    void reproducesGoldenFile()
    {
        QFETCH(QString, model);
        QFETCH(QString, backend);
        const TemporaryFolder folder;
        const auto modelFolder = makeGoldenModelFolder(model.toStdString(), folder.path());
        const auto expectedFile = goldenFile(model.toStdString() + ".expected.safetensors");
        const auto out = folder.path() / "trace.safetensors";
        const CliResult result = runCli({"trace", text(modelFolder), "--tokens", text(expectedFile), "--out",
                                         text(out), "--backend", backend});
        QVERIFY2(result.exitCode == 0, result.err.constData());

        const SafetensorsFile expected(expectedFile), traced(out);
        const bool ternary = model == "open";
        const Tolerances tolerances = tolerancesFor(ternary);
        QStringList compared{"logits", "hidden_states.0", "hidden_states.1", "hidden_states.2",
                             "hidden_states.3"};
        if (ternary)
            compared << "final_state";
        for (const QString& name : compared) {
            const TensorView& view = traced.require(name.toStdString());
            QCOMPARE(view.dtype, DType::F32);
            QCOMPARE(view.shape, expected.require(name.toStdString()).shape);
            const double error =
                nmse(goldenFloats(traced, name.toStdString()), goldenFloats(expected, name.toStdString()));
            QVERIFY2(error < tolerances.nmse, qPrintable(QString("%1: NMSE %2").arg(name).arg(error)));
        }
        QCOMPARE(traced.find("final_state") != nullptr, ternary);
        const LogitAgreement agreement =
            compareLogits(goldenFloats(traced, "logits"), goldenFloats(expected, "logits"), 320);
        QVERIFY2(agreement.meanKl < tolerances.kl, qPrintable(QString::number(agreement.meanKl)));
        QVERIFY2(agreement.topOne >= tolerances.topOne, qPrintable(QString::number(agreement.topOne)));
        const double lossError = goldenFloats(traced, "loss")[0] - goldenFloats(expected, "loss")[0];
        QVERIFY2(qAbs(lossError) < tolerances.loss, qPrintable(QString::number(lossError)));
    }

    void idsGiveTheSameRowAsTheFile()
    {
        const TemporaryFolder folder;
        const auto model = makeGoldenModelFolder("open", folder.path());
        const auto expectedFile = goldenFile("open.expected.safetensors");
        const SafetensorsFile expected(expectedFile);
        const std::vector<TokenId> tokens = goldenTokens(expected);
        QStringList ids;
        for (std::size_t i = 24; i < 48; ++i) // the second row
            ids << QString::number(tokens[i]);
        const auto byIds = folder.path() / "ids.safetensors", byFile = folder.path() / "file.safetensors";
        QCOMPARE(runCli({"trace", text(model), "--ids", ids.join(","), "--out", text(byIds)}).exitCode, 0);
        QCOMPARE(
            runCli({"trace", text(model), "--tokens", text(expectedFile), "--out", text(byFile)}).exitCode,
            0);
        const auto row = goldenFloats(SafetensorsFile(byIds), "logits"),
                   both = goldenFloats(SafetensorsFile(byFile), "logits");
        QCOMPARE(row.size(), both.size() / 2);
        QVERIFY(std::equal(row.begin(), row.end(), both.begin() + static_cast<std::ptrdiff_t>(row.size())));
    }

    void oneTokenHasNoLoss()
    {
        const TemporaryFolder folder;
        const auto model = makeGoldenModelFolder("open", folder.path());
        const auto out = folder.path() / "one.safetensors";
        const CliResult result = runCli({"trace", text(model), "--ids", "7", "--out", text(out), "--json"});
        QCOMPARE(result.exitCode, 0);
        QVERIFY(nlohmann::json::parse(result.out.toStdString()).at("loss").is_null());
        QVERIFY(SafetensorsFile(out).find("loss") == nullptr);
    }

    void modelWithoutTokenizerRefusesOnlyText()
    {
        const TemporaryFolder folder;
        const auto model = makeGoldenModelFolder("open", folder.path());
        const auto out = folder.path() / "out.safetensors";
        const CliResult trace = runCli({"trace", text(model), "--prompt", "hello", "--out", text(out)});
        QCOMPARE(trace.exitCode, 1);
        QVERIFY2(trace.err.contains("tokenizer"), trace.err.constData());
        QVERIFY(!std::filesystem::exists(out));
        QCOMPARE(runCli({"info", text(model)}).exitCode, 0);
        const QStringList generate{"generate",     text(model), "--ids",  "1,2,3",
                                   "--max-tokens", "5",         "--seed", "3"};
        const CliResult first = runCli(generate), second = runCli(generate);
        QCOMPARE(first.exitCode, 0);
        QCOMPARE(first.out.trimmed().split(',').size(), 5);
        QCOMPARE(first.out, second.out);
    }
};

QTEST_GUILESS_MAIN(CliTrace)
#include "tst_cli_trace.moc"
