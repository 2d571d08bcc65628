// Bad texts, tokens, folders and disks: an error that names what was found and needed, no crash, and nothing
// half-written under the final name.
#include "tests/cli/cli_runner.h"
#include "tests/support/raw_safetensors.h"
#include "tests/cli/text_model.h"
#include "tests/support/test_files.h"

#include <QTest>

#include <unistd.h>

using namespace mmfree::test;
namespace fs = std::filesystem;
using nlohmann::ordered_json;

class CliBadInput : public QObject
{
    Q_OBJECT

    TemporaryFolder m_folder;
    fs::path m_model, m_golden, m_config, m_data;

    [[nodiscard]] QStringList trainOn(const fs::path& data, const fs::path& run) const
    {
        return {"train",   "--config", text(m_config), "--data", text(data), "--run", text(run),
                "--steps", "2",        "--batch",      "2",      "--length", "16",    "--threads",
                "2",       "--quiet"};
    }

    static void expectError(const CliResult& result, const QList<QByteArray>& named)
    {
        QVERIFY2(!result.crashed, result.err.constData());
        QVERIFY2(result.exitCode == 1,
                 ("exit code " + QByteArray::number(result.exitCode) + ": " + result.err).constData());
        QVERIFY2(result.err.contains("mmfree: error: "), result.err.constData());
        for (const QByteArray& name : named)
            QVERIFY2(result.err.contains(name),
                     ("\"" + name + "\" is not named in: " + result.err).constData());
    }

    // Input ids of any dtype as a safetensors file.
    [[nodiscard]] fs::path tokenFile(const char* name, const char* dtype, const ordered_json& shape,
                                     const std::string& bytes) const
    {
        const fs::path file = m_folder.path() / name;
        RawSafetensors tensors;
        tensors.header["input_ids"] = {
            {"dtype", dtype}, {"shape", shape}, {"data_offsets", {0, bytes.size()}}};
        tensors.data = bytes;
        tensors.write(file);
        return file;
    }

    static std::string int32s(const std::vector<std::int32_t>& values)
    {
        return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(std::int32_t)};
    }

private slots:
    void initTestCase()
    {
        m_model = trainTextModel(m_folder.path());
        m_golden = makeGoldenModelFolder("open", m_folder.path());
        m_config = writeTinyConfig(m_folder.path() / "config", "hgrn_bit", 320);
        m_data = m_folder.path() / "text.txt";
    }

    void badTrainingTextIsNamed_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QList<QByteArray>>("named");
        QTest::newRow("empty") << QByteArray() << QList<QByteArray>{"bad.txt", "empty"};
        QTest::newRow("binary") << QByteArray("abc\0def", 7) << QList<QByteArray>{"bad.txt", "3"};
        QTest::newRow("not UTF-8") << QByteArray("caf\xe9 au lait")
                                   << QList<QByteArray>{"bad.txt", "UTF-8", "3"};
        QTest::newRow("too short for a tokenizer") << QByteArray("a b c\n") << QList<QByteArray>{"320"};
    }
    void badTrainingTextIsNamed()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QList<QByteArray>, named);
        const fs::path data = m_folder.path() / "bad.txt", run = m_folder.path() / "bad-run";
        writeBytes(data, bytes);
        expectError(runCli(trainOn(data, run)), named);
        QVERIFY(!fs::exists(run / "run.json"));
    }

    void textShorterThanASequenceIsNamed()
    {
        const fs::path data = m_folder.path() / "short.txt";
        writeBytes(data, "The cat sees the garden.\n");
        QStringList arguments = trainOn(data, m_folder.path() / "short-run");
        arguments << "--tokenizer" << text(m_model / "tokenizer.model") << "--length"
                  << "500";
        arguments.removeAt(arguments.indexOf("--length"));
        arguments.removeAt(arguments.indexOf("16"));
        expectError(runCli(arguments), {"tokens", "501"});
    }

    void missingTextIsNamed()
    {
        expectError(runCli(trainOn("/no/such/text.txt", m_folder.path() / "r")), {"/no/such/text.txt"});
    }

    void badEvaluationTextIsNamed()
    {
        const fs::path file = m_folder.path() / "eval-bad.txt";
        writeBytes(file, "");
        expectError(runCli({"eval", text(m_model), "--text", text(file)}), {"eval-bad.txt", "empty"});
        writeBytes(file, "abc\xff");
        expectError(runCli({"eval", text(m_model), "--text", text(file)}), {"eval-bad.txt", "3", "UTF-8"});
        expectError(runCli({"generate", text(m_model), "--prompt-file", text(file)}),
                    {"eval-bad.txt", "3", "UTF-8"});
    }

    // An empty value must not fall through to another way of giving the tokens.
    void emptyValuesAreUsageErrors()
    {
        const QString out = text(m_folder.path() / "empty.safetensors");
        for (const QStringList& arguments : {QStringList{"generate", text(m_model), "--ids", ""},
                                             {"generate", text(m_model), "--prompt-file", ""},
                                             {"trace", text(m_model), "--tokens", "", "--out", out},
                                             {"trace", text(m_model), "--ids", "", "--out", out}}) {
            const CliResult result = runCli(arguments);
            QVERIFY2(result.exitCode == 2, result.err.constData());
            QVERIFY2(result.err.contains(arguments.at(2).toUtf8()), result.err.constData());
        }
    }

    void emptyTokenizerFileIsNotTakenForNone()
    {
        const fs::path model = m_folder.path() / "no-tokenizer";
        fs::copy(m_golden, model);
        writeBytes(model / "tokenizer.model", "");
        expectError(runCli({"info", text(model)}), {"tokenizer.model", "0 bytes"});
    }

    void idsOutOfRangeAreNamed()
    {
        const fs::path out = m_folder.path() / "ids.safetensors";
        expectError(runCli({"trace", text(m_golden), "--ids", "1,320", "--out", text(out)}),
                    {"320", "319", "--ids"});
        expectError(runCli({"trace", text(m_golden), "--ids", "1,-1", "--out", text(out)}), {"-1", "319"});
        expectError(runCli({"trace", text(m_golden), "--ids", "1,x", "--out", text(out)}), {"\"x\""});
        expectError(runCli({"trace", text(m_golden), "--ids", "1,99999999999", "--out", text(out)}),
                    {"99999999999"});
        expectError(runCli({"generate", text(m_golden), "--ids", "5000"}), {"5000", "319"});
        const fs::path tokens = tokenFile("range.safetensors", "I32", {1, 3}, int32s({1, 2, 777}));
        expectError(runCli({"trace", text(m_golden), "--tokens", text(tokens), "--out", text(out)}),
                    {"range.safetensors", "777", "319"});
        expectError(runCli({"train", "--model", text(m_golden), "--token-batch", text(tokens),
                            "--overfit-batch", "--run", text(m_folder.path() / "ids-run"), "--steps", "1"}),
                    {"range.safetensors", "777", "319"});
        QVERIFY(!fs::exists(out));
    }

    void badTokenFilesAreNamed()
    {
        const fs::path out = m_folder.path() / "tokens-out.safetensors";
        const auto trace = [&](const fs::path& tokens) {
            return runCli({"trace", text(m_golden), "--tokens", text(tokens), "--out", text(out)});
        };
        expectError(trace(tokenFile("floats.safetensors", "F32", {1, 3}, int32s({0, 0, 0}))),
                    {"floats.safetensors", "F32", "I32"});
        expectError(trace(tokenFile("flat.safetensors", "I32", {3}, int32s({1, 2, 3}))),
                    {"flat.safetensors", "[3]", "[batch, length]"});
        expectError(trace(tokenFile("none.safetensors", "I32", {0, 3}, "")), {"none.safetensors", "[0, 3]"});
        expectError(trace(m_golden / "model.safetensors"), {"input_ids"});
        expectError(trace(m_golden / "config.json"), {"config.json"});
        expectError(trace("/no/such/tokens.safetensors"), {"/no/such/tokens.safetensors"});
        QVERIFY(!fs::exists(out));
    }

    void tokenizerThatDoesNotFitTheConfigIsNamed()
    {
        QStringList arguments = trainOn(m_data, m_folder.path() / "misfit");
        arguments[arguments.indexOf("--config") + 1] =
            text(writeTinyConfig(m_folder.path() / "config-500", "hgrn_bit", 500));
        expectError(runCli(arguments + QStringList{"--tokenizer", text(m_model / "tokenizer.model")}),
                    {"tokenizer.model", "320", "500"});
        expectError(
            runCli(trainOn(m_data, m_folder.path() / "misfit") + QStringList{"--tokenizer", text(m_data)}),
            {"text.txt"});
    }

    void hugeVocabularyForTheTextIsNamed()
    {
        expectError(runCli(trainOn(m_data, m_folder.path() / "huge") + QStringList{"--vocab", "50000"}),
                    {"50000"});
    }

    void unwritableRunDirectoryIsNamed()
    {
        // A folder below a file cannot be made by anybody, root included.
        const fs::path run = m_data / "run";
        expectError(runCli(trainOn(m_data, run)), {text(run).toUtf8()});
        if (geteuid() == 0) {
            expectError(runCli(trainOn(m_data, "/proc/mmfree-run")), {"/proc/mmfree-run"});
            return;
        }
        const fs::path locked = m_folder.path() / "locked";
        fs::create_directories(locked);
        fs::permissions(locked, fs::perms::owner_read | fs::perms::owner_exec);
        expectError(runCli(trainOn(m_data, locked / "run")), {text(locked).toUtf8()});
        fs::permissions(locked, fs::perms::owner_all);
    }

    void unwritableOutputIsNamed()
    {
        expectError(runCli({"convert", text(m_golden), "/proc/packed.safetensors"}),
                    {"/proc/packed.safetensors"});
        expectError(runCli({"convert", text(m_golden), text(m_folder.path())}),
                    {text(m_folder.path()).toUtf8(), "folder"});
        expectError(
            runCli({"trace", text(m_golden), "--ids", "1,2", "--out", "/no/such/folder/t.safetensors"}),
            {"/no/such/folder"});
    }

    void fullDiskLeavesNothingBehind()
    {
        const fs::path folder = m_folder.path() / "full";
        fs::create_directories(folder);
        const fs::path packed = folder / "packed.safetensors", trace = folder / "trace.safetensors";
        constexpr long kLimit = 16 * 1024;
        expectError(runCli({"convert", text(m_golden), text(packed)}, {}, kLimit), {text(packed).toUtf8()});
        expectError(runCli({"trace", text(m_golden), "--ids", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15", "--out",
                            text(trace)},
                           {}, kLimit),
                    {text(trace).toUtf8()});
        QCOMPARE(filesBelow(folder), QStringList());
    }

    void fullDiskKeepsTheOldFile()
    {
        const fs::path packed = m_folder.path() / "kept.safetensors";
        writeBytes(packed, "what was there before");
        expectError(runCli({"convert", text(m_golden), text(packed)}, {}, 16 * 1024),
                    {text(packed).toUtf8()});
        QCOMPARE(readBytes(packed), QByteArray("what was there before"));
    }

    void fullDiskWhileTrainingKeepsCheckpointsWhole()
    {
        const fs::path run = m_folder.path() / "full-run";
        const QStringList arguments =
            trainOn(m_data, run) + QStringList{"--tokenizer", text(m_model / "tokenizer.model")};
        const CliResult result = runCli(arguments, {}, 64 * 1024);
        QVERIFY2(!result.crashed, result.err.constData());
        QCOMPARE(result.exitCode, 1);
        QVERIFY2(result.err.contains(text(run).toUtf8()), result.err.constData());
        // No checkpoint is named, and no half of one is left under its name.
        QVERIFY(!fs::exists(run / "checkpoints" / "latest"));
        QVERIFY(!filesBelow(run).join(' ').contains("model.safetensors"));
    }

    void samplingOptionsThatAreNotNumbersAreRefused()
    {
        const CliResult result = runCli({"generate", text(m_model), "--prompt", "a", "--temperature", "nan"});
        QVERIFY(!result.crashed);
        QVERIFY(result.exitCode == 1 || result.exitCode == 2);
        QVERIFY2(result.err.contains("temperature"), result.err.constData());
    }

    void badChatTemplateIsNamed()
    {
        const fs::path file = m_folder.path() / "template.json",
                       out = m_folder.path() / "templated.safetensors";
        writeBytes(file, R"({"user_prefix": 7})");
        expectError(runCli({"convert", text(m_model), text(out), "--chat-template", text(file)}),
                    {"template.json", "user_prefix"});
        writeBytes(file, "{");
        expectError(runCli({"chat", text(m_model), "--chat-template", text(file)}), {"template.json"});
        QVERIFY(!fs::exists(out));
    }
};

QTEST_GUILESS_MAIN(CliBadInput)
#include "tst_cli_bad_input.moc"
