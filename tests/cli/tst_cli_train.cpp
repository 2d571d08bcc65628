// `mmfree train`: repeats the golden AdamW run, resumes bit-identically, and writes what a run directory
// promises.
#include "tests/cli/cli_runner.h"
#include "tests/cli/text_model.h"
#include "tests/support/golden.h"

#include <QTest>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>

using namespace mmfree;
using namespace mmfree::test;
namespace fs = std::filesystem;

namespace
{

std::vector<nlohmann::json> readMetrics(const fs::path& run)
{
    std::vector<nlohmann::json> metrics;
    std::ifstream in(run / "metrics.jsonl");
    for (std::string line; std::getline(in, line);)
        metrics.push_back(nlohmann::json::parse(line));
    return metrics;
}

QStringList goldenRecipe(const fs::path& run, const QString& backend)
{
    return {"--overfit-batch",
            "--run",
            text(run),
            "--backend",
            backend,
            "--steps",
            "10",
            "--learning-rate",
            "1e-3",
            "--lr-schedule",
            "constant",
            "--beta1",
            "0.9",
            "--beta2",
            "0.95",
            "--adam-eps",
            "1e-8",
            "--weight-decay",
            "0.01",
            "--decay-all",
            "--clip-norm",
            "1",
            "--quiet"};
}

} // namespace

class CliTrain : public QObject
{
    Q_OBJECT

    TemporaryFolder m_folder;
    fs::path m_config, m_data;

    // Small enough for a test, with everything on: accumulation, validation, warm-up, cosine.
    QStringList textRun(const fs::path& run, int steps) const
    {
        return {"train",
                "--config",
                text(m_config),
                "--data",
                text(m_data),
                "--run",
                text(run),
                "--steps",
                QString::number(steps),
                "--batch",
                "2",
                "--length",
                "24",
                "--accumulate",
                "2",
                "--warmup-steps",
                "2",
                "--evaluate-every",
                "3",
                "--checkpoint-every",
                "3",
                "--keep-checkpoints",
                "5",
                "--seed",
                "11",
                "--threads",
                "2",
                "--quiet"};
    }

private slots:
    void initTestCase()
    {
        m_config = writeTinyConfig(m_folder.path(), "hgrn_bit", 320);
        m_data = m_folder.path() / "text.txt";
        writeBytes(m_data, QByteArray::fromStdString(sampleText(400)));
    }

    void repeatsGoldenAdamwRun_data()
    {
        QTest::addColumn<QString>("model");
        QTest::addColumn<QString>("backend");
        for (const char* model : {"open", "dense_open"}) {
            for (const char* backend : {"reference", "cpu"})
                QTest::addRow("%s on %s", model, backend) << model << backend;
        }
    }
    void repeatsGoldenAdamwRun()
    {
        QFETCH(QString, model);
        QFETCH(QString, backend);
        const TemporaryFolder folder;
        const auto start = makeGoldenModelFolder(model.toStdString(), folder.path());
        const auto golden = goldenFile(model.toStdString() + ".expected.safetensors");
        const fs::path run = folder.path() / "run";
        const CliResult result =
            runCli(QStringList{"train", "--model", text(start), "--token-batch", text(golden)} +
                   goldenRecipe(run, backend));
        QVERIFY2(result.exitCode == 0, result.err.constData());
        const auto expected = goldenFloats(SafetensorsFile(golden), "adamw_losses");
        const auto metrics = readMetrics(run);
        QCOMPARE(metrics.size(), expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const double loss = metrics[i].at("loss");
            QVERIFY2(qAbs(loss / expected[i] - 1.0) < 0.005,
                     qPrintable(QString("step %1: %2, golden %3").arg(i + 1).arg(loss).arg(expected[i])));
            QCOMPARE(metrics[i].at("step").get<std::size_t>(), i + 1);
            QCOMPARE(metrics[i].at("learningRate").get<double>(), 1e-3);
            QVERIFY(metrics[i].at("gradientNorm").get<double>() > 0.0);
            QVERIFY(metrics[i].at("tokensPerSecond").get<double>() > 0.0);
        }
        // The checkpoint is a model like any other.
        QCOMPARE(runCli({"info", text(latestCheckpoint(run))}).exitCode, 0);
    }

    void resumedRunEqualsUninterruptedRun()
    {
        const fs::path whole = m_folder.path() / "whole", parts = m_folder.path() / "parts";
        const CliResult first = runCli(textRun(whole, 6));
        QVERIFY2(first.exitCode == 0, first.err.constData());
        // The same run as if it had ended after the checkpoint of step 3.
        fs::copy(whole, parts, fs::copy_options::recursive);
        fs::remove_all(parts / "checkpoints" / "step-6");
        writeBytes(parts / "checkpoints" / "latest", "step-3\n");
        const CliResult resumed = runCli(textRun(parts, 6) << "--resume");
        QVERIFY2(resumed.exitCode == 0, resumed.err.constData());

        const auto a = readMetrics(whole), b = readMetrics(parts);
        QCOMPARE(a.size(), std::size_t{6});
        QCOMPARE(b.size(), std::size_t{6});
        for (std::size_t i = 0; i < a.size(); ++i) {
            for (const char* field : {"step", "loss", "learningRate", "gradientNorm", "tokens"})
                QVERIFY2(a[i].at(field) == b[i].at(field),
                         qPrintable(QString("step %1: %2").arg(i + 1).arg(field)));
        }
        for (const char* file : {"model.safetensors", "optimizer.safetensors", "tokenizer.model"}) {
            const QByteArray bytes = readBytes(whole / "checkpoints" / "step-6" / file);
            QVERIFY2(!bytes.isEmpty() && bytes == readBytes(parts / "checkpoints" / "step-6" / file), file);
        }
    }

    // Everything comes from run.json, also when the run never reached a checkpoint.
    void resumeNeedsNoFlagsAgain()
    {
        const fs::path whole = m_folder.path() / "plain-whole", parts = m_folder.path() / "plain-parts";
        QCOMPARE(runCli(textRun(whole, 6)).exitCode, 0);
        fs::copy(whole, parts, fs::copy_options::recursive);
        fs::remove_all(parts / "checkpoints");
        const CliResult anew = runCli({"train", "--resume", "--run", text(parts), "--quiet"});
        QVERIFY2(anew.exitCode == 0, anew.err.constData());
        fs::remove_all(parts / "checkpoints" / "step-6");
        writeBytes(parts / "checkpoints" / "latest", "step-3\n");
        const CliResult resumed = runCli({"train", "--resume", "--run", text(parts), "--quiet"});
        QVERIFY2(resumed.exitCode == 0, resumed.err.constData());
        for (const char* file : {"model.safetensors", "optimizer.safetensors", "tokenizer.model"}) {
            const QByteArray bytes = readBytes(whole / "checkpoints" / "step-6" / file);
            QVERIFY2(!bytes.isEmpty() && bytes == readBytes(parts / "checkpoints" / "step-6" / file), file);
        }
        // A flag given again wins.
        QCOMPARE(runCli({"train", "--resume", "--run", text(parts), "--quiet", "--steps", "7"}).exitCode, 0);
        QCOMPARE(readMetrics(parts).size(), std::size_t{7});
        // Text that changed meanwhile is said.
        const fs::path data = m_folder.path() / "moving.txt";
        fs::copy_file(m_data, data);
        QStringList moving = textRun(m_folder.path() / "moving", 1);
        moving[moving.indexOf("--data") + 1] = text(data);
        QCOMPARE(runCli(moving).exitCode, 0);
        writeBytes(data, readBytes(data) + "And more.\n");
        const CliResult changed =
            runCli({"train", "--resume", "--run", text(m_folder.path() / "moving"), "--steps", "2"});
        QVERIFY2(changed.err.contains("moving.txt has changed"), changed.err.constData());
    }

    void sameSeedGivesSameRunAndAnotherSeedDoesNot()
    {
        const fs::path first = m_folder.path() / "seed-a", second = m_folder.path() / "seed-b",
                       other = m_folder.path() / "seed-c";
        QCOMPARE(runCli(textRun(first, 2)).exitCode, 0);
        QCOMPARE(runCli(textRun(second, 2)).exitCode, 0);
        QStringList changed = textRun(other, 2);
        changed[changed.indexOf("--seed") + 1] = "12";
        QCOMPARE(runCli(changed).exitCode, 0);
        QVERIFY(readMetrics(first).at(1).at("loss") == readMetrics(second).at(1).at("loss"));
        QVERIFY(readMetrics(first).at(1).at("loss") != readMetrics(other).at(1).at("loss"));
    }

    void lossFallsOnText()
    {
        const fs::path run = m_folder.path() / "falls";
        QStringList arguments = textRun(run, 40);
        arguments << "--learning-rate"
                  << "1e-2"
                  << "--json"
                  << "--sample-every"
                  << "20"
                  << "--sample-prompt"
                  << "The cat";
        arguments.removeAll("--quiet");
        const CliResult result = runCli(arguments);
        QVERIFY2(result.exitCode == 0, result.err.constData());
        QVERIFY2(result.err.contains("sample: The cat"), result.err.constData());
        QVERIFY2(result.err.contains("tokens/s") && result.err.contains("left"), result.err.constData());
        const auto summary = nlohmann::json::parse(result.out.toStdString());
        QVERIFY(summary.at("finished").get<bool>());
        QVERIFY(summary.at("validationLoss").get<double>() > 0.0);
        const auto metrics = readMetrics(run);
        QVERIFY(metrics.back().at("loss").get<double>() < metrics.front().at("loss").get<double>() - 0.5);
    }

    void existingRunIsNotOverwritten()
    {
        const fs::path run = m_folder.path() / "existing";
        QCOMPARE(runCli(textRun(run, 1)).exitCode, 0);
        const QByteArray before = readBytes(run / "metrics.jsonl");
        const CliResult again = runCli(textRun(run, 1));
        QCOMPARE(again.exitCode, 1);
        QVERIFY2(again.err.contains("--resume"), again.err.constData());
        QCOMPARE(readBytes(run / "metrics.jsonl"), before);
    }

    void samplesWithoutAPromptAreAUsageError()
    {
        const CliResult result = runCli(textRun(m_folder.path() / "unsampled", 1) << "--sample-every"
                                                                                  << "1");
        QCOMPARE(result.exitCode, 2);
        QVERIFY2(result.err.contains("--sample-prompt"), result.err.constData());
    }

    void resumeWithoutRunSaysSo()
    {
        const fs::path run = m_folder.path() / "nothing";
        const CliResult result = runCli(textRun(run, 1) << "--resume");
        QCOMPARE(result.exitCode, 1);
        QVERIFY2(result.err.contains(text(run).toUtf8()), result.err.constData());
    }

    // The made-up latents quantise to the packed weights: the first loss is the packed model's.
    void packedModelsTrainFurtherFromTheSameWeights()
    {
        const fs::path model = makeGoldenModelFolder("open", m_folder.path()),
                       packed = m_folder.path() / "packed.safetensors";
        QCOMPARE(runCli({"convert", text(model), text(packed)}).exitCode, 0);
        std::vector<double> first;
        for (const fs::path& start : {model, packed}) {
            const fs::path run = m_folder.path() / (start.filename().string() + "-run");
            const CliResult result = runCli(QStringList{"train", "--model", text(start), "--token-batch",
                                                        text(goldenFile("open.expected.safetensors"))} +
                                            goldenRecipe(run, "cpu"));
            QVERIFY2(result.exitCode == 0, result.err.constData());
            const auto metrics = readMetrics(run);
            first.push_back(metrics.front().at("loss").get<double>());
            QVERIFY(metrics.back().at("loss").get<double>() < first.back());
        }
        // The packed file keeps its embedding at 16 bits.
        QVERIFY2(qAbs(first[1] / first[0] - 1.0) < 1e-3,
                 qPrintable(QString("%1 %2").arg(first[0]).arg(first[1])));
    }
};

QTEST_GUILESS_MAIN(CliTrain)
#include "tst_cli_train.moc"
