// Runs the built `mmfree` and collects what it says. Every call has a time limit; a crash is a failure of the
// test, never an expected result.
#pragma once

#include <QByteArray>
#include <QString>
#include <QStringList>

#include <filesystem>
#include <functional>

class QProcess;

namespace mmfree::test
{

struct CliResult {
    int exitCode = -1; // -1: crashed or timed out
    bool crashed = false;
    QByteArray out, err;
};

// `fileSizeLimitBytes` > 0: writing beyond that size fails for the process like a full disk does.
CliResult runCli(const QStringList& arguments, const QByteArray& input = {}, long fileSizeLimitBytes = 0);

// Starts it, calls `interact` when it runs, then waits for its end.
CliResult runCliWith(const QStringList& arguments, const std::function<void(QProcess&)>& interact);

// Waits until the process has written `text` to stdout or stderr (collected in `seen`); false on time-out or
// end.
bool waitForOutput(QProcess& process, const QByteArray& text, QByteArray& seen);
void sendInterrupt(QProcess& process); // SIGINT, as Ctrl+C does

[[nodiscard]] QString text(const std::filesystem::path& path);
[[nodiscard]] QByteArray readBytes(const std::filesystem::path& path); // empty when absent
void writeBytes(const std::filesystem::path& path, const QByteArray& bytes);
// Names below `folder`, sorted; to see that nothing was left behind.
[[nodiscard]] QStringList filesBelow(const std::filesystem::path& folder);

} // namespace mmfree::test
