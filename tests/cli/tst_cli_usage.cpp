// What a user meets first: help, version, wrong command lines, exit codes, the list of devices.
#include "tests/cli/cli_runner.h"

#include <QTest>

#include <nlohmann/json.hpp>

using namespace mmfree::test;

class CliUsage : public QObject
{
    Q_OBJECT

private slots:
    void helpNamesEveryFlag_data()
    {
        QTest::addColumn<QStringList>("flags");
        const QStringList run{"--backend", "--threads", "--device", "--isa", "--weight-packing"};
        const QStringList sampling{"--max-tokens", "--temperature",        "--top-k", "--top-p",
                                   "--min-p",      "--repetition-penalty", "--seed",  "--stop"};
        QTest::newRow("info") << QStringList{"MODEL", "--json"};
        QTest::newRow("generate") << run + sampling +
                                         QStringList{"--prompt", "--prompt-file", "--ids", "--json"};
        QTest::newRow("chat") << run + sampling + QStringList{"/reset", "/stats", "/quit"};
        QTest::newRow("eval") << run + QStringList{"--text", "--window", "--json"};
        QTest::newRow("convert") << QStringList{"MODEL", "OUT", "--packing", "--chat-template"};
        QTest::newRow("devices") << QStringList{"--json"};
        QTest::newRow("trace") << run + QStringList{"--tokens", "--ids", "--prompt", "--out"};
        QTest::newRow("train") << run + QStringList{"--config",
                                                    "--model",
                                                    "--data",
                                                    "--token-batch",
                                                    "--overfit-batch",
                                                    "--run",
                                                    "--resume",
                                                    "--tokenizer",
                                                    "--vocab",
                                                    "--steps",
                                                    "--batch",
                                                    "--length",
                                                    "--learning-rate",
                                                    "--lr-schedule",
                                                    "--warmup-steps",
                                                    "--beta1",
                                                    "--beta2",
                                                    "--adam-eps",
                                                    "--weight-decay",
                                                    "--decay-all",
                                                    "--clip-norm",
                                                    "--accumulate",
                                                    "--seed",
                                                    "--validation-share",
                                                    "--evaluate-every",
                                                    "--checkpoint-every",
                                                    "--keep-checkpoints",
                                                    "--sample-every"};
        QTest::newRow("bench") << run + QStringList{"--shape",  "--model",     "--prefill",
                                                    "--decode", "--repeats",   "--json",
                                                    "--train",  "--bitlinear", "--activations"};
    }
    void helpNamesEveryFlag()
    {
        QFETCH(QStringList, flags);
        const CliResult result = runCli({QTest::currentDataTag(), "--help"});
        QCOMPARE(result.exitCode, 0);
        QVERIFY(result.err.isEmpty());
        for (const QString& flag : flags)
            QVERIFY2(result.out.contains(flag.toUtf8()), qPrintable(flag + " is missing"));
    }

    void helpShowsDefaults()
    {
        const QByteArray help = runCli({"train", "--help"}).out;
        QVERIFY(help.contains("=1000")); // --steps
        QVERIFY(help.contains("=cosine"));
        QVERIFY(help.contains("=0.95"));
    }

    void programHelpListsCommandsAndExitCodes()
    {
        const CliResult result = runCli({"--help"});
        QCOMPARE(result.exitCode, 0);
        for (const char* command :
             {"info", "generate", "chat", "eval", "convert", "devices", "trace", "train", "bench"})
            QVERIFY2(result.out.contains(command), command);
        QVERIFY(result.out.contains("Exit codes"));
        QCOMPARE(runCli({"--version"}).exitCode, 0);
    }

    void wrongCommandLineExitsWithTwo_data()
    {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<QByteArray>("message");
        QTest::newRow("no command") << QStringList{} << QByteArray("info");
        QTest::newRow("unknown command") << QStringList{"sing"} << QByteArray("sing");
        QTest::newRow("unknown flag") << QStringList{"devices", "--loud"} << QByteArray("--loud");
        QTest::newRow("no model") << QStringList{"info"} << QByteArray("MODEL");
        QTest::newRow("no prompt") << QStringList{"generate", "m"} << QByteArray("--prompt");
        QTest::newRow("two prompts") << QStringList{"generate", "m", "--prompt", "a", "--ids", "1"}
                                     << QByteArray("--prompt");
        QTest::newRow("not a number") << QStringList{"generate", "m", "--prompt", "a", "--max-tokens", "many"}
                                      << QByteArray("--max-tokens");
        QTest::newRow("out of range") << QStringList{"generate", "m", "--prompt", "a", "--temperature", "-1"}
                                      << QByteArray("--temperature");
        QTest::newRow("unknown schedule")
            << QStringList{"train", "--config", "c", "--data", "d", "--run", "r", "--lr-schedule", "steep"}
            << QByteArray("--lr-schedule");
        QTest::newRow("no data") << QStringList{"train", "--config", "c", "--run", "r"}
                                 << QByteArray("--data");
        QTest::newRow("token batch alone")
            << QStringList{"train", "--config", "c", "--run", "r", "--token-batch", "t"}
            << QByteArray("--overfit-batch");
        QTest::newRow("config and model")
            << QStringList{"train", "--config", "c", "--model", "m", "--data", "d", "--run", "r"}
            << QByteArray("--model");
        QTest::newRow("unknown packing")
            << QStringList{"convert", "m", "o", "--packing", "3bit"} << QByteArray("--packing");
        QTest::newRow("no tokens") << QStringList{"trace", "m", "--out", "o"} << QByteArray("--tokens");
    }
    void wrongCommandLineExitsWithTwo()
    {
        QFETCH(QStringList, arguments);
        QFETCH(QByteArray, message);
        const CliResult result = runCli(arguments);
        QCOMPARE(result.exitCode, 2);
        QVERIFY(result.out.isEmpty());
        QVERIFY2(result.err.contains(message), result.err.constData());
    }

    void missingModelExitsWithOneAndNamesIt()
    {
        const CliResult result = runCli({"info", "/no/such/model"});
        QCOMPARE(result.exitCode, 1);
        QVERIFY2(result.err.contains("/no/such/model"), result.err.constData());
    }

    void devicesListsEveryBackendAsJson()
    {
        const CliResult result = runCli({"devices", "--json"});
        QCOMPARE(result.exitCode, 0);
        const auto json = nlohmann::json::parse(result.out.toStdString());
        QStringList names;
        for (const auto& backend : json.at("backends")) {
            names << QString::fromStdString(backend.at("backend"));
            for (const auto& device : backend.at("devices"))
                QVERIFY(device.at("usable").get<bool>() || !device.at("reason").get<std::string>().empty());
        }
        QVERIFY(names.contains("cpu"));
        QCOMPARE(names.last(), QString("reference"));
        QVERIFY(names.contains(QString::fromStdString(json.at("default"))));
        QCOMPARE(runCli({"devices"}).exitCode, 0);
    }

    void unknownBackendNamesThoseThatExist()
    {
        const CliResult result = runCli({"bench", "--shape", "1,64,64,64", "--backend", "abacus"});
        QCOMPARE(result.exitCode, 1);
        QVERIFY2(result.err.contains("abacus") && result.err.contains("cpu"), result.err.constData());
    }

    void benchReportsWhatItMeasured()
    {
        const CliResult result =
            runCli({"bench", "--shape", "2,128,256,512", "--prefill", "64", "--decode", "16", "--repeats",
                    "3", "--backend", "cpu", "--threads", "2", "--json"});
        QVERIFY2(result.exitCode == 0, result.err.constData());
        const auto json = nlohmann::json::parse(result.out.toStdString());
        const auto& decode = json.at("decode");
        const double speed = decode.at("tokensPerSecond");
        QVERIFY(speed > 0.0);
        // 2 layers of f, i, g, o (4 d^2) and GLU (3 d I), and the head.
        const double weights = 2.0 * (4 * 128 * 128 + 3 * 128 * 256) + 128 * 512;
        QCOMPARE(decode.at("weightsPerToken").get<double>(), weights);
        QVERIFY(qAbs(decode.at("gigaWeightsPerSecond").get<double>() / (speed * weights * 1e-9) - 1.0) <
                1e-9);
        QVERIFY(decode.at("weightGBPerSecond").get<double>() > 0.0);
        QVERIFY(decode.at("bandwidthShare").get<double>() > 0.0);
        QVERIFY(decode.at("tokensPerSecondSpread").at("p5") <= decode.at("tokensPerSecondSpread").at("p95"));
        QVERIFY(json.at("prefill").at("tokensPerSecond").get<double>() > 0.0);
        QVERIFY(json.at("prefill").at("gigaOpsPerSecond").get<double>() > 0.0);
        for (const char* field : {"weightBytes", "stateBytes", "peakResidentBytes"})
            QVERIFY2(json.at("memory").at(field).get<std::int64_t>() > 0, field);
        QVERIFY(json.at("environment").at("cores").get<int>() > 0);
        QVERIFY(json.at("environment").contains("cpuModel"));
    }

    void benchMeasuresTraining()
    {
        const CliResult result =
            runCli({"bench", "--train", "--shape", "2,64,128,96", "--batch", "2", "--length", "16", "--steps",
                    "3", "--backend", "cpu", "--threads", "2", "--json"});
        QVERIFY2(result.exitCode == 0, result.err.constData());
        const auto json = nlohmann::json::parse(result.out.toStdString());
        const double speed = json.at("tokensPerSecond"),
                     seconds = json.at("secondsPerStepSpread").at("median");
        QVERIFY(speed > 0.0 &&
                qAbs(speed * seconds / 32.0 - 1.0) < 1e-6); // 2 x 16 tokens, odd count of steps
        QVERIFY(json.at("lastLoss").get<double>() < json.at("firstLoss").get<double>());
        QVERIFY(json.at("memory").at("activationBytes").get<std::int64_t>() > 0);
        QCOMPARE(json.at("bitlinear").get<std::string>(), std::string("fused"));
    }

    void vanillaBitLinearIsRefusedWhereThereIsNone()
    {
        const CliResult result = runCli(
            {"bench", "--train", "--shape", "1,64,64,64", "--bitlinear", "vanilla", "--backend", "cpu"});
        QCOMPARE(result.exitCode, 1);
        QVERIFY2(result.err.contains("vanilla") && result.err.contains("cuda"), result.err.constData());
    }
};

QTEST_GUILESS_MAIN(CliUsage)
#include "tst_cli_usage.moc"
