// A run is a process that others watch and command through its directory, and that may be killed at any
// moment.
#include "engine/core/error.h"
#include "engine/core/random.h"
#include "engine/train/checkpoint.h"
#include "engine/train/run_directory.h"
#include "engine/train/run_journal.h"
#include "engine/train/ternary_statistics.h"
#include "tests/cli/cli_runner.h"
#include "tests/cli/text_model.h"
#include "tests/support/test_files.h"

#include <QProcess>
#include <QTest>

#include <csignal>

using namespace mmfree;
using namespace mmfree::test;
namespace fs = std::filesystem;

namespace
{

constexpr std::int64_t kInterval = 4; // steps between checkpoints

QString program()
{
    return qEnvironmentVariable("MMFREE_BIN_DIR") + "/mmfree";
}

// Waits until `holds` or a long time passed.
template <class Condition>
bool eventually(Condition holds)
{
    return QTest::qWaitFor(holds, 20'000);
}

RunStatus statusOf(const fs::path& run)
{
    return readRunState(run).status;
}

} // namespace

class CliRunControl : public QObject
{
    Q_OBJECT

    TemporaryFolder m_folder;
    fs::path m_config, m_data;

    QStringList training(const fs::path& run, std::int64_t steps) const
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
                "--lr-schedule",
                "constant",
                "--evaluate-every",
                "5",
                "--checkpoint-every",
                QString::number(kInterval),
                "--statistics-every",
                "3",
                "--threads",
                "1",
                "--quiet"};
    }

private slots:
    void initTestCase()
    {
        m_config = writeTinyConfig(m_folder.path(), "hgrn_bit", 320);
        m_data = m_folder.path() / "text.txt";
        writeBytes(m_data, QByteArray::fromStdString(sampleText(400)));
    }

    void pausesStepsEditsAndGoesOn()
    {
        const fs::path run = m_folder.path() / "controlled";
        QProcess process;
        process.start(program(), training(run, 1'000'000) << "--sample-prompt"
                                                          << "The cat");
        QVERIFY(eventually([&] { return isRunAlive(run) && statusOf(run) == RunStatus::Running; }));
        QVERIFY(runCli({"train", "--resume", "--run", text(run)}).err.contains("already"));
        sendRunCommand(run, {.kind = RunCommandKind::Pause});
        QVERIFY(eventually([&] { return statusOf(run) == RunStatus::Paused; }));
        const auto steps = [&] { return readMetrics(run / "metrics.jsonl").size(); };
        const std::size_t paused = steps();
        sendRunCommand(run, {.kind = RunCommandKind::Step});
        sendRunCommand(run, {.kind = RunCommandKind::Step});
        QVERIFY(eventually([&] { return steps() == paused + 2; }));
        sendRunCommand(run, {.kind = RunCommandKind::LearningRateScale, .scale = 0.25});
        sendRunCommand(run, {.kind = RunCommandKind::Sample});
        sendRunCommand(run, {.kind = RunCommandKind::Checkpoint});
        QVERIFY(eventually([&] {
            const auto latest = mmfree::latestCheckpoint(run);
            return latest && latest->filename() == "step-" + std::to_string(paused + 2);
        }));
        QCOMPARE(readRunSamples(run).size(), std::size_t{1});
        QCOMPARE(steps(), paused + 2);
        sendRunCommand(run, {.kind = RunCommandKind::Step});
        QVERIFY(eventually([&] { return steps() == paused + 3; }));
        const auto metrics = readMetrics(run / "metrics.jsonl");
        QCOMPARE(metrics.back().learningRate, 0.25 * metrics.front().learningRate);
        QVERIFY(metrics.back().residentBytes > 0);
        sendRunCommand(run, {.kind = RunCommandKind::Resume});
        QVERIFY(eventually([&] { return steps() > paused + 5; }));
        sendRunCommand(run, {.kind = RunCommandKind::Stop});
        QVERIFY(process.waitForFinished(20'000));
        QCOMPARE(process.exitCode(), 0);
        QCOMPARE(statusOf(run), RunStatus::Stopped);
        QVERIFY(!isRunAlive(run));
        QVERIFY(!readTernaryStatistics(run).empty());
        std::vector<std::string> kinds;
        for (const RunEvent& event : readRunEvents(run))
            kinds.push_back(event.kind);
        for (const char* kind : {"started", "paused", "learning rate", "checkpoint", "continued", "stopped"})
            QVERIFY2(std::find(kinds.begin(), kinds.end(), kind) != kinds.end(), kind);
        QVERIFY_EXCEPTION_THROWN(sendRunCommand(run, {.kind = RunCommandKind::Pause}), Error);

        // The edit is part of the run: started over from nothing, the same steps give the same losses.
        const fs::path again = m_folder.path() / "controlled-again";
        fs::copy(run, again, fs::copy_options::recursive);
        fs::remove_all(again / "checkpoints");
        const auto wanted = readMetrics(run / "metrics.jsonl");
        QCOMPARE(runCli({"train", "--resume", "--run", text(again), "--quiet", "--steps",
                         QString::number(wanted.size())})
                     .exitCode,
                 0);
        const auto found = readMetrics(again / "metrics.jsonl");
        QCOMPARE(found.size(), wanted.size());
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            QVERIFY(found[i].loss == wanted[i].loss);
            QVERIFY(found[i].learningRate == wanted[i].learningRate);
        }
    }

    // 50 kills at random moments: starting, stepping, validating, writing a checkpoint, removing an old one.
    void killedFiftyTimesLosesNothingButTheLastInterval()
    {
        const fs::path killed = m_folder.path() / "killed", whole = m_folder.path() / "whole";
        Random random(20'261'124);
        for (int kill = 0; kill < 50; ++kill) {
            QProcess process;
            process.start(program(),
                          kill == 0 ? training(killed, 1'000'000)
                                    : QStringList{"train", "--resume", "--run", text(killed), "--quiet"});
            QVERIFY(process.waitForStarted());
            if (kill == 0) // a run exists once its folder says so
                QVERIFY(eventually([&] { return fs::exists(killed / "run.json"); }));
            const auto before = readMetrics(killed / "metrics.jsonl").size();
            QVERIFY2(!process.waitForFinished(30 + static_cast<int>(random.below(250))),
                     process.readAllStandardError().constData());
            ::kill(static_cast<pid_t>(process.processId()), SIGKILL);
            QVERIFY(process.waitForFinished(20'000));
            const auto metrics = readMetrics(killed / "metrics.jsonl");
            const auto reached = static_cast<std::int64_t>(metrics.size());
            for (std::int64_t i = 0; i < reached; ++i)
                QCOMPARE(metrics[static_cast<std::size_t>(i)].step, i + 1);
            QVERIFY(reached + kInterval >= static_cast<std::int64_t>(before));
            const auto latest = mmfree::latestCheckpoint(killed);
            const std::int64_t kept = latest ? std::stoll(latest->filename().string().substr(5)) : 0;
            // The checkpoint of the last step may have been in the making.
            QVERIFY2(kept + 2 * kInterval > reached, qPrintable(QString("%1 of %2").arg(kept).arg(reached)));
            if (latest)
                verifyCheckpoint(*latest);
            QCOMPARE(statusOf(killed), reached > 0 || fs::exists(killed / "state.json")
                                           ? RunStatus::Interrupted
                                           : statusOf(killed));
        }
        const auto reached = readMetrics(killed / "metrics.jsonl").size();
        QVERIFY2(reached > 20, qPrintable(QString::number(reached)));
        const QString last = QString::number(reached + 5);
        QCOMPARE(runCli({"train", "--resume", "--run", text(killed), "--quiet", "--steps", last}).exitCode,
                 0);
        QCOMPARE(runCli(training(whole, last.toLongLong())).exitCode, 0);
        const auto a = readMetrics(whole / "metrics.jsonl"), b = readMetrics(killed / "metrics.jsonl");
        QCOMPARE(b.size(), a.size());
        for (std::size_t i = 0; i < a.size(); ++i) {
            QVERIFY(a[i].loss == b[i].loss);
            QVERIFY(a[i].gradientNorm == b[i].gradientNorm);
            QVERIFY(a[i].validationLoss == b[i].validationLoss);
        }
        const QString folder = "checkpoints/step-" + last;
        for (const char* file : {"model.safetensors", "optimizer.safetensors"})
            QVERIFY(readBytes(whole / folder.toStdString() / file) ==
                    readBytes(killed / folder.toStdString() / file));
    }

    void damagedCheckpointIsNamedAndPinnedOnesStay()
    {
        const fs::path run = m_folder.path() / "damaged";
        QCOMPARE(runCli(training(run, 4)).exitCode, 0);
        pinCheckpoint(run / "checkpoints" / "step-4", true);
        QCOMPARE(runCli({"train", "--resume", "--run", text(run), "--quiet", "--steps", "16"}).exitCode, 0);
        QVERIFY(fs::exists(run / "checkpoints" / "step-4"));
        QVERIFY(!fs::exists(run / "checkpoints" / "step-8") || mmfree::listCheckpoints(run).size() <= 4);
        const fs::path weights = *mmfree::latestCheckpoint(run) / "model.safetensors";
        QByteArray bytes = readBytes(weights);
        bytes[bytes.size() - 5] = static_cast<char>(bytes[bytes.size() - 5] ^ 4);
        writeBytes(weights, bytes);
        const CliResult result = runCli({"train", "--resume", "--run", text(run), "--steps", "20"});
        QCOMPARE(result.exitCode, 1);
        QVERIFY2(result.err.contains("model.safetensors") && result.err.contains("checksum"),
                 result.err.constData());
        QCOMPARE(statusOf(run), RunStatus::Failed);
    }

    void earlyStoppingSaysWhy()
    {
        const fs::path run = m_folder.path() / "early";
        const CliResult result = runCli(training(run, 500) << "--early-stop-patience"
                                                           << "2"
                                                           << "--early-stop-min-delta"
                                                           << "5");
        QCOMPARE(result.exitCode, 0);
        const RunState state = readRunState(run);
        QCOMPARE(state.status, RunStatus::Stopped);
        QVERIFY2(state.message.find("early stopping") == 0, state.message.c_str());
        QVERIFY(readMetrics(run / "metrics.jsonl").size() < 40);
    }
};

QTEST_GUILESS_MAIN(CliRunControl)
#include "tst_cli_run_control.moc"
