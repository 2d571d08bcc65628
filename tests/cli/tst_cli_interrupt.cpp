// Ctrl+C: work stops soon, in order, and says so by exit code 130; a chat only stops its answer.
#include "tests/cli/cli_runner.h"
#include "tests/cli/text_model.h"
#include "tests/support/test_files.h"

#include <QProcess>
#include <QTest>

#include <csignal>

using namespace mmfree::test;
namespace fs = std::filesystem;

class CliInterrupt : public QObject
{
    Q_OBJECT

    TemporaryFolder m_folder;
    fs::path m_model;

private slots:
    void initTestCase() { m_model = trainTextModel(m_folder.path()); }

    void generateStopsWithExitCode130()
    {
        QByteArray seen;
        const CliResult result =
            runCliWith({"generate", text(m_model), "--prompt", "The", "--max-tokens", "100000000"},
                       [&](QProcess& process) {
                           QVERIFY(waitForOutput(process, " ", seen));
                           sendInterrupt(process);
                       });
        QVERIFY(!result.crashed);
        QCOMPARE(result.exitCode, 130);
        QVERIFY2(result.err.contains("cancelled"), result.err.constData());
    }

    // A closed terminal ends the work as Ctrl+C does: nothing half-written stays, a checkpoint is made.
    void hangUpStopsLikeCtrlC()
    {
        struct sigaction current = {};
        sigaction(SIGHUP, nullptr, &current);
        if (current.sa_handler == SIG_IGN)
            QSKIP("hang-ups are ignored here (nohup), by programs started from here too");
        QByteArray seen;
        const CliResult result =
            runCliWith({"generate", text(m_model), "--prompt", "The", "--max-tokens", "100000000"},
                       [&](QProcess& process) {
                           QVERIFY(waitForOutput(process, " ", seen));
                           ::kill(static_cast<pid_t>(process.processId()), SIGHUP);
                       });
        QVERIFY(!result.crashed);
        QCOMPARE(result.exitCode, 130);
    }

    void chatStopsTheAnswerAndGoesOn()
    {
        QByteArray seen;
        const CliResult result =
            runCliWith({"chat", text(m_model), "--max-tokens", "100000000"}, [&](QProcess& process) {
                process.write("Hello\n");
                QVERIFY(waitForOutput(process, " ", seen));
                sendInterrupt(process);
                QVERIFY(waitForOutput(process, "[stopped]", seen));
                seen.clear();
                process.write("/stats\n");
                QVERIFY(waitForOutput(process, "tokens/s", seen));
                process.write("/quit\n");
            });
        QCOMPARE(result.exitCode, 0);
    }

    void trainingStopsWithACheckpointAndResumes()
    {
        const fs::path config = writeTinyConfig(m_folder.path(), "hgrn_bit", 320),
                       data = m_folder.path() / "text.txt", run = m_folder.path() / "stopped";
        QByteArray seen;
        const QStringList arguments{
            "train", "--config", text(config), "--data",    text(data), "--run",         text(run), "--batch",
            "2",     "--length", "24",         "--threads", "2",        "--lr-schedule", "constant"};
        const CliResult stopped =
            runCliWith(arguments + QStringList{"--steps", "10000000"}, [&](QProcess& process) {
                QVERIFY(waitForOutput(process, "step 1/", seen));
                sendInterrupt(process);
            });
        QCOMPARE(stopped.exitCode, 130);
        QVERIFY2(stopped.out.contains("--resume"), stopped.out.constData());
        const fs::path checkpoint = latestCheckpoint(run);
        QVERIFY(fs::exists(checkpoint / "model.safetensors"));
        const int step = QString::fromStdString(checkpoint.filename().string()).section('-', -1).toInt();
        QVERIFY(step >= 1);
        const CliResult resumed =
            runCli(arguments + QStringList{"--steps", QString::number(step + 2), "--resume", "--quiet"});
        QVERIFY2(resumed.exitCode == 0, resumed.err.constData());
        QCOMPARE(readBytes(run / "metrics.jsonl").count('\n'), step + 2);
    }
};

QTEST_GUILESS_MAIN(CliInterrupt)
#include "tst_cli_interrupt.moc"
