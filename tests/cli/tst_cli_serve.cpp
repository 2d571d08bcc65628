// `mmfree serve` as a user runs it: it says where it listens, answers, and ends in order when asked to.
#include "tests/cli/cli_runner.h"
#include "tests/cli/text_model.h"
#include "tests/support/test_files.h"
#include "tests/unit/server/http_client.h"

#include <QProcess>
#include <QRegularExpression>
#include <QTest>

#include <csignal>

using namespace mmfree::test;
namespace fs = std::filesystem;

class CliServe : public QObject
{
    Q_OBJECT

    TemporaryFolder m_folder;
    fs::path m_model;

    // Starts it, waits for the address, calls `use(port, process)`, sends `signalNumber`.
    template <class Use>
    CliResult serve(const QStringList& flags, int signalNumber, Use use)
    {
        return runCliWith(QStringList{"serve", text(m_model), "--port", "0"} + flags, [&](QProcess& process) {
            QByteArray seen;
            QVERIFY2(waitForOutput(process, "/v1\n", seen), seen.constData());
            const auto match = QRegularExpression(R"(http://127\.0\.0\.1:(\d+)/v1)").match(seen);
            QVERIFY2(match.hasMatch(), seen.constData());
            use(static_cast<std::uint16_t>(match.captured(1).toUInt()), process);
            ::kill(static_cast<pid_t>(process.processId()), signalNumber);
        });
    }

private slots:
    void initTestCase() { m_model = trainTextModel(m_folder.path()); }

    void answersAndEndsOnASignal()
    {
        for (const int signalNumber : {SIGINT, SIGTERM}) {
            const CliResult result =
                serve({"--name", "tiny"}, signalNumber, [](std::uint16_t port, QProcess&) {
                    const HttpAnswer answer = ask(
                        port, "/v1/chat/completions",
                        R"({"model":"tiny","messages":[{"role":"user","content":"The"}],"max_tokens":4})");
                    QCOMPARE(answer.status, 200);
                    QVERIFY(answer.body.find("chat.completion") != std::string::npos);
                });
            QVERIFY(!result.crashed);
            QCOMPARE(result.exitCode, 0);
            QVERIFY2(result.err.contains("POST /v1/chat/completions 200"), result.err.constData());
        }
    }

    void endsAStreamWithinItsGrace()
    {
        HttpClient* streaming = nullptr;
        std::unique_ptr<HttpClient> client;
        const CliResult result =
            serve({"--grace", "0", "--quiet"}, SIGINT, [&](std::uint16_t port, QProcess&) {
                client = std::make_unique<HttpClient>(port);
                streaming = client.get();
                QVERIFY(client->send(request("POST", "/v1/completions",
                                             R"({"prompt":"The","max_tokens":1000000,"stream":true})")));
                QVERIFY(client->waitFor("data: "));
            });
        QCOMPARE(result.exitCode, 0);
        QVERIFY(streaming && streaming->waitForClose());
    }

    void takesTheKeyFromFlagsFilesAndEnvironment()
    {
        const fs::path keyFile = m_folder.path() / "key";
        writeBytes(keyFile, "from-file\n");
        const auto needsKey = [](const std::string& key) {
            return [key](std::uint16_t port, QProcess&) {
                QCOMPARE(get(port, "/v1/models").status, 401);
                HttpClient client(port);
                client.send(request("GET", "/v1/models", {}, "Authorization: Bearer " + key + "\r\n"));
                QCOMPARE(client.answer().status, 200);
            };
        };
        QCOMPARE(serve({"--api-key", "from-flag"}, SIGTERM, needsKey("from-flag")).exitCode, 0);
        QCOMPARE(serve({"--api-key-file", text(keyFile)}, SIGTERM, needsKey("from-file")).exitCode, 0);
        qputenv("MMFREE_API_KEY", "from-environment");
        const int code = serve({}, SIGTERM, needsKey("from-environment")).exitCode;
        qunsetenv("MMFREE_API_KEY");
        QCOMPARE(code, 0);
    }

    void saysWhatIsWrong()
    {
        const CliResult open = runCli({"serve", text(m_model), "--host", "0.0.0.0", "--port", "0"});
        QCOMPARE(open.exitCode, 1);
        QVERIFY2(open.err.contains("0.0.0.0") && open.err.contains("API key"), open.err.constData());
        QCOMPARE(runCli({"serve", text(m_model), "--port", "70000"}).exitCode, 2);
        const CliResult taken = serve({}, SIGTERM, [&](std::uint16_t port, QProcess&) {
            const CliResult second = runCli({"serve", text(m_model), "--port", QString::number(port)});
            QCOMPARE(second.exitCode, 1);
            QVERIFY2(second.err.contains(QByteArray::number(port)), second.err.constData());
        });
        QCOMPARE(taken.exitCode, 0);
    }
};

QTEST_GUILESS_MAIN(CliServe)
#include "tst_cli_serve.moc"
