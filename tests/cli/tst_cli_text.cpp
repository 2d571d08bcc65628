// Everything with text, on a tiny model that the tool itself trained: generate, eval, convert, chat, info.
#include "tests/cli/cli_runner.h"
#include "tests/cli/text_model.h"
#include "tests/support/test_files.h"

#include <QTest>

#include <nlohmann/json.hpp>

#include <cmath>

using namespace mmfree::test;
namespace fs = std::filesystem;
using nlohmann::json;

class CliText : public QObject
{
    Q_OBJECT

    TemporaryFolder m_folder;
    fs::path m_model, m_dense;

    [[nodiscard]] QStringList generateWith(const fs::path& model, const QStringList& more) const
    {
        return QStringList{"generate", text(model), "--prompt", "The cat", "--max-tokens", "24"} + more;
    }

private slots:
    void initTestCase()
    {
        m_model = trainTextModel(m_folder.path());
        m_dense = trainTextModel(m_folder.path(), "llama");
    }

    void sameSeedGivesSameText()
    {
        const CliResult first = runCli(generateWith(m_model, {"--seed", "5"}));
        QVERIFY2(first.exitCode == 0, first.err.constData());
        QVERIFY(!first.out.trimmed().isEmpty());
        QVERIFY2(first.err.contains("tokens/s"), first.err.constData());
        QCOMPARE(runCli(generateWith(m_model, {"--seed", "5"})).out, first.out);
        QVERIFY(runCli(generateWith(m_model, {"--seed", "6"})).out != first.out);
    }

    void threadsAndBackendsAgreeOnGreedyText()
    {
        const QByteArray expected =
            runCli(generateWith(m_dense, {"--temperature", "0", "--backend", "reference"})).out;
        QVERIFY(!expected.trimmed().isEmpty());
        for (const char* threads : {"1", "2", "3"})
            QCOMPARE(runCli(generateWith(m_dense,
                                         {"--temperature", "0", "--backend", "cpu", "--threads", threads}))
                         .out,
                     expected);
        const QByteArray one = runCli(generateWith(m_model, {"--temperature", "0", "--threads", "1"})).out;
        QCOMPARE(runCli(generateWith(m_model, {"--temperature", "0", "--threads", "3"})).out, one);
    }

    void streamedTextEqualsJsonText()
    {
        const CliResult streamed = runCli(generateWith(m_model, {"--seed", "5", "--quiet"}));
        const CliResult asJson = runCli(generateWith(m_model, {"--seed", "5", "--json"}));
        QVERIFY(streamed.err.isEmpty());
        const json result = json::parse(asJson.out.toStdString());
        QCOMPARE(streamed.out, QByteArray::fromStdString(result.at("text").get<std::string>() + "\n"));
        QCOMPARE(result.at("stats").at("generatedTokens").get<std::size_t>(), result.at("tokens").size());
    }

    void stopStringEndsTheText()
    {
        const json whole =
            json::parse(runCli(generateWith(m_model, {"--seed", "5", "--json"})).out.toStdString());
        const std::string all = whole.at("text");
        QVERIFY(all.size() > 6);
        const std::string stop = all.substr(all.size() / 2, 2);
        const CliResult result =
            runCli(generateWith(m_model, {"--seed", "5", "--json", "--stop", QString::fromStdString(stop)}));
        const json stopped = json::parse(result.out.toStdString());
        QCOMPARE(stopped.at("text").get<std::string>(), all.substr(0, all.find(stop)));
        QCOMPARE(stopped.at("stopReason").get<std::string>(), std::string("stop string"));
    }

    void promptFileAndStandardInputEqualPrompt()
    {
        const fs::path file = m_folder.path() / "prompt.txt";
        writeBytes(file, "The cat");
        const QByteArray expected = runCli(generateWith(m_model, {"--seed", "5"})).out;
        const QStringList rest{"--max-tokens", "24", "--seed", "5"};
        QCOMPARE(runCli(QStringList{"generate", text(m_model), "--prompt-file", text(file)} + rest).out,
                 expected);
        QCOMPARE(runCli(QStringList{"generate", text(m_model), "--prompt-file", "-"} + rest, "The cat").out,
                 expected);
    }

    void promptOfAMegabyteIsReadOrRefusedByName()
    {
        const fs::path file = m_folder.path() / "megabyte.txt";
        QByteArray sentences = QByteArray::fromStdString(sampleText(1000));
        QByteArray megabyte;
        while (megabyte.size() < 1'000'000)
            megabyte += sentences;
        writeBytes(file, megabyte);
        const CliResult read =
            runCli({"generate", text(m_model), "--prompt-file", text(file), "--max-tokens", "3"});
        QVERIFY2(read.exitCode == 0, read.err.constData());
        // The Transformer of 64 positions cannot take it.
        const CliResult refused =
            runCli({"generate", text(m_dense), "--prompt-file", text(file), "--max-tokens", "3"});
        QCOMPARE(refused.exitCode, 1);
        QVERIFY2(refused.err.contains("64"), refused.err.constData());
    }

    void evalReportsConsistentNumbers()
    {
        const fs::path file = m_folder.path() / "eval.txt";
        writeBytes(file, QByteArray::fromStdString(sampleText(60)));
        const CliResult result = runCli({"eval", text(m_model), "--text", text(file), "--json"});
        QVERIFY2(result.exitCode == 0, result.err.constData());
        const json whole = json::parse(result.out.toStdString());
        const double loss = whole.at("lossNatsPerToken"), tokens = whole.at("tokens");
        QVERIFY(loss > 0.0 && loss < 7.0);
        QVERIFY(std::abs(whole.at("perplexity").get<double>() / std::exp(loss) - 1.0) < 1e-9);
        const double bits = loss * tokens / std::log(2.0) / static_cast<double>(fs::file_size(file));
        QVERIFY(std::abs(whole.at("bitsPerByte").get<double>() / bits - 1.0) < 0.02);
        const CliResult windowed =
            runCli({"eval", text(m_dense), "--text", text(file), "--window", "64", "--json"});
        QVERIFY2(windowed.exitCode == 0, windowed.err.constData());
        QVERIFY(json::parse(windowed.out.toStdString()).at("tokens").get<int>() > 0);
    }

    void convertedModelWritesTheSameText_data()
    {
        QTest::addColumn<QString>("packing");
        QTest::newRow("2 bits") << "2bit";
        QTest::newRow("1.6 bits") << "base3";
    }
    void convertedModelWritesTheSameText()
    {
        QFETCH(QString, packing);
        const fs::path out = m_folder.path() / (packing.toStdString() + ".safetensors");
        const CliResult converted =
            runCli({"convert", text(m_model), text(out), "--packing", packing, "--json"});
        QVERIFY2(converted.exitCode == 0, converted.err.constData());
        QCOMPARE(json::parse(converted.out.toStdString()).at("bytes").get<std::uintmax_t>(),
                 fs::file_size(out));
        const json info = json::parse(runCli({"info", text(out), "--json"}).out.toStdString());
        const json sourceInfo = json::parse(runCli({"info", text(m_model), "--json"}).out.toStdString());
        QVERIFY(info.at("parameters") == sourceInfo.at("parameters"));
        QVERIFY(info.at("tokenizer") == sourceInfo.at("tokenizer"));
        QVERIFY(!info.at("latentWeights").get<bool>());
        // The embedding is stored in 16 bits, which may turn a rare draw; the loss says that it is the same
        // model.
        const fs::path file = m_folder.path() / "packed-eval.txt";
        writeBytes(file, QByteArray::fromStdString(sampleText(40)));
        const json packed =
            json::parse(runCli({"eval", text(out), "--text", text(file), "--json"}).out.toStdString());
        const json source =
            json::parse(runCli({"eval", text(m_model), "--text", text(file), "--json"}).out.toStdString());
        const double difference =
            packed.at("lossNatsPerToken").get<double>() - source.at("lossNatsPerToken").get<double>();
        QVERIFY2(std::abs(difference) < 2e-3, qPrintable(QString::number(difference)));
    }

    void bothPackingsWriteExactlyTheSameText()
    {
        const fs::path two = m_folder.path() / "two.safetensors",
                       three = m_folder.path() / "three.safetensors",
                       again = m_folder.path() / "again.safetensors";
        QCOMPARE(runCli({"convert", text(m_model), text(two)}).exitCode, 0);
        QCOMPARE(runCli({"convert", text(m_model), text(three), "--packing", "base3"}).exitCode, 0);
        QCOMPARE(runCli({"convert", text(three), text(again), "--packing", "2bit"}).exitCode, 0);
        QVERIFY(fs::file_size(three) < fs::file_size(two));
        QCOMPARE(readBytes(again), readBytes(two));
        const QByteArray expected = runCli(generateWith(two, {"--seed", "9"})).out;
        QVERIFY(!expected.trimmed().isEmpty());
        QCOMPARE(runCli(generateWith(three, {"--seed", "9"})).out, expected);
    }

    void chatAnswersEveryLineAndObeysCommands()
    {
        const QByteArray input = "Hello\n/stats\n/nonsense\n/reset\nHello\n/quit\nnever read\n";
        const CliResult result =
            runCli({"chat", text(m_model), "--max-tokens", "8", "--temperature", "0"}, input);
        QVERIFY2(result.exitCode == 0, result.err.constData());
        QVERIFY2(result.err.contains("tokens/s"), result.err.constData());
        QVERIFY2(result.err.contains("Unknown command /nonsense"), result.err.constData());
        // After the reset the same greedy answer comes again.
        const QByteArray once =
            runCli({"chat", text(m_model), "--max-tokens", "8", "--temperature", "0"}, "Hello\n").out;
        QVERIFY(!once.isEmpty());
        QCOMPARE(result.out, once + once);
    }

    void chatGoesOnWhenTheContextIsFull()
    {
        const QByteArray input =
            "Hello\n" + QByteArray("the cat sees the garden ").repeated(20) + "\n/reset\nHello\n";
        const CliResult result =
            runCli({"chat", text(m_dense), "--max-tokens", "8", "--temperature", "0"}, input);
        QVERIFY2(result.exitCode == 0, result.err.constData());
        QVERIFY2(result.err.contains("max_position_embeddings = 64") && result.err.contains("/reset"),
                 result.err.constData());
        const QByteArray once =
            runCli({"chat", text(m_dense), "--max-tokens", "8", "--temperature", "0"}, "Hello\n").out;
        QVERIFY(!once.isEmpty());
        QCOMPARE(result.out.count(once), 2);
    }

    void chatTemplateTravelsWithThePackedFile()
    {
        const fs::path chatTemplate = m_folder.path() / "chat.json",
                       out = m_folder.path() / "chatty.safetensors";
        writeBytes(chatTemplate, R"({"name": "question and answer", "user_prefix": "Q: ", "user_suffix": "\n",
                                    "assistant_prefix": "A: ", "assistant_suffix": "\n", "stop_strings": ["\n"]})");
        QCOMPARE(
            runCli({"convert", text(m_model), text(out), "--chat-template", text(chatTemplate)}).exitCode, 0);
        const json info = json::parse(runCli({"info", text(out), "--json"}).out.toStdString());
        QCOMPARE(info.at("chatTemplate").get<std::string>(), std::string("question and answer"));
        const CliResult chat = runCli({"chat", text(out), "--max-tokens", "8"}, "Hello\nAnd then?\n");
        QVERIFY2(chat.exitCode == 0, chat.err.constData());
        // Every answer ends at the template's stop string, so it is one line.
        QCOMPARE(chat.out.count('\n'), 2);
    }

    void infoDescribesTheModel()
    {
        const CliResult shown = runCli({"info", text(m_model)});
        QCOMPARE(shown.exitCode, 0);
        QVERIFY2(shown.out.contains("2 layers") && shown.out.contains("320"), shown.out.constData());
        const json info = json::parse(runCli({"info", text(m_dense), "--json"}).out.toStdString());
        QCOMPARE(info.at("architecture").get<std::string>(), std::string("transformer"));
        QCOMPARE(info.at("tokenizer").at("pieces").get<int>(), 320);
    }
};

QTEST_GUILESS_MAIN(CliText)
#include "tst_cli_text.moc"
