#include "tests/cli/cli_runner.h"

#include "tests/support/test_files.h"

#include <QElapsedTimer>
#include <QFile>
#include <QProcess>

#include <csignal>
#include <sys/resource.h>

namespace mmfree::test
{

namespace fs = std::filesystem;

namespace
{

constexpr int kTimeLimitMs = 240'000;

CliResult resultOf(QProcess& process)
{
    CliResult result;
    if (!process.waitForFinished(kTimeLimitMs)) {
        process.kill();
        process.waitForFinished();
        result.err = "[timed out] " + process.readAllStandardError();
        return result;
    }
    result.out = process.readAllStandardOutput();
    result.err = process.readAllStandardError();
    result.crashed = process.exitStatus() == QProcess::CrashExit;
    result.exitCode = result.crashed ? -1 : process.exitCode();
    return result;
}

void limitFileSize(long bytes)
{
    // Without the signal, write() fails with an error as on a full disk.
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
    setrlimit(RLIMIT_FSIZE, &limit);
}

} // namespace

CliResult runCli(const QStringList& arguments, const QByteArray& input, long fileSizeLimitBytes)
{
    QProcess process;
    if (fileSizeLimitBytes > 0)
        process.setChildProcessModifier([fileSizeLimitBytes] { limitFileSize(fileSizeLimitBytes); });
    process.start(text(program("mmfree")), arguments);
    process.write(input);
    process.closeWriteChannel();
    return resultOf(process);
}

CliResult runCliWith(const QStringList& arguments, const std::function<void(QProcess&)>& interact)
{
    QProcess process;
    process.start(text(program("mmfree")), arguments);
    if (process.waitForStarted())
        interact(process);
    return resultOf(process);
}

bool waitForOutput(QProcess& process, const QByteArray& wanted, QByteArray& seen)
{
    QElapsedTimer timer;
    timer.start();
    while (timer.elapsed() < kTimeLimitMs) {
        seen += process.readAllStandardOutput();
        seen += process.readAllStandardError();
        if (seen.contains(wanted))
            return true;
        if (process.state() == QProcess::NotRunning)
            return false;
        // Waits on one channel only, so in short turns.
        process.waitForReadyRead(20);
    }
    return false;
}

void sendInterrupt(QProcess& process)
{
    ::kill(static_cast<pid_t>(process.processId()), SIGINT);
}

QString text(const fs::path& path)
{
    return QString::fromStdString(path.string());
}

QByteArray readBytes(const fs::path& path)
{
    QFile file(text(path));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

void writeBytes(const fs::path& path, const QByteArray& bytes)
{
    QFile file(text(path));
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size())
        qFatal("cannot write %s", path.c_str());
}

QStringList filesBelow(const fs::path& folder)
{
    QStringList names;
    if (fs::exists(folder)) {
        for (const auto& entry : fs::recursive_directory_iterator(folder))
            names << text(fs::relative(entry.path(), folder));
    }
    names.sort();
    return names;
}

} // namespace mmfree::test
