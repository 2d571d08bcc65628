// Model files that lie: each gets exit code 1 and a message that names the file, the field, the value found
// and the value needed; nothing crashes.
#include "tests/cli/cli_runner.h"
#include "tests/cli/text_model.h"
#include "tests/support/damaged_models.h"
#include "tests/support/test_files.h"

#include <QTest>

using namespace mmfree::test;
namespace fs = std::filesystem;

class CliBadModel : public QObject
{
    Q_OBJECT

    // Runs `info` (opens) and `trace` (reads all weights): the damage must be named by one of them.
    static void expectRefusal(const fs::path& model, const std::vector<std::string>& named)
    {
        const fs::path out = model.parent_path() / "out.safetensors";
        const CliResult info = runCli({"info", text(model)});
        QVERIFY2(!info.crashed, info.err.constData());
        const CliResult trace = runCli({"trace", text(model), "--ids", "1,2,3", "--out", text(out)});
        QVERIFY2(!trace.crashed, trace.err.constData());
        QVERIFY2(trace.exitCode == 1, "the model was accepted");
        QVERIFY2(trace.err.startsWith("mmfree: error: "), trace.err.constData());
        for (const std::string& name : named)
            QVERIFY2(
                trace.err.contains(name.c_str()),
                ("\"" + QByteArray::fromStdString(name) + "\" is not named in: " + trace.err).constData());
        QVERIFY(!fs::exists(out));
    }

private slots:
    void damagedModelIsRefusedByName_data()
    {
        QTest::addColumn<int>("index");
        const std::vector<DamagedModel> models = damagedModels();
        for (std::size_t index = 0; index < models.size(); ++index)
            QTest::newRow(models[index].name) << static_cast<int>(index);
    }
    void damagedModelIsRefusedByName()
    {
        QFETCH(int, index);
        const DamagedModel model = damagedModels()[static_cast<std::size_t>(index)];
        const TemporaryFolder folder;
        expectRefusal(model.makeIn(folder.path()), model.named);
    }

    void tokenizerOfAnotherSizeIsRefused()
    {
        const TemporaryFolder folder;
        const fs::path checkpoint = trainTextModel(folder.path()); // 320 pieces
        const fs::path model = folder.path() / "other";
        fs::create_directories(model);
        // A random model of 400 tokens made by a training step, with the tokenizer of 320.
        const fs::path config = writeTinyConfig(folder.path() / "config-400", "hgrn_bit", 400),
                       run = folder.path() / "run-400";
        const CliResult made =
            runCli({"train", "--config", text(config), "--data", text(folder.path() / "text.txt"), "--run",
                    text(run), "--steps", "1", "--batch", "1", "--length", "8", "--quiet"});
        QVERIFY2(made.exitCode == 0, made.err.constData());
        const fs::path other = latestCheckpoint(run);
        fs::copy_file(checkpoint / "tokenizer.model", other / "tokenizer.model",
                      fs::copy_options::overwrite_existing);
        const CliResult result = runCli({"generate", text(other), "--prompt", "a"});
        QCOMPARE(result.exitCode, 1);
        for (const char* named : {"tokenizer.model", "320", "400"})
            QVERIFY2(result.err.contains(named), result.err.constData());
    }

    void damagedPackedFileIsRefused()
    {
        const TemporaryFolder folder;
        const fs::path model = makeGoldenModelFolder("open", folder.path()),
                       packed = folder.path() / "packed.safetensors",
                       damaged = folder.path() / "damaged.safetensors";
        QCOMPARE(runCli({"convert", text(model), text(packed)}).exitCode, 0);
        const QByteArray good = readBytes(packed);
        // Every truncation and every flipped header byte either still opens or is refused, but never crashes.
        for (int part = 0; part < 20; ++part) {
            writeBytes(damaged, good.left(good.size() * part / 20));
            const CliResult result = runCli({"info", text(damaged)});
            QVERIFY2(!result.crashed && result.exitCode == 1, result.err.constData());
        }
        for (int i = 0; i < 60; ++i) {
            QByteArray changed = good;
            const int at = 8 + i * 37;
            changed[at] = static_cast<char>(changed[at] ^ 0x15);
            writeBytes(damaged, changed);
            const CliResult result = runCli({"generate", text(damaged), "--ids", "1,2", "--max-tokens", "2"});
            QVERIFY2(!result.crashed, qPrintable(QString("byte %1").arg(at)));
        }
    }
};

QTEST_GUILESS_MAIN(CliBadModel)
#include "tst_cli_bad_model.moc"
