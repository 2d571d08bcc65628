// `mmfree compare`: a whole comparison, its files, showing and differing them, and what it refuses.
#include "engine/core/error.h"
#include "tests/cli/cli_runner.h"
#include "tests/support/test_files.h"

#include <QTest>

#include <nlohmann/json.hpp>

using namespace mmfree;
using namespace mmfree::test;
using nlohmann::json;

namespace
{

QStringList smallComparison(const QStringList& more = {})
{
    return QStringList{"compare",  "--shape", "2,64,128,256", "--backends", "cpu,reference", "--threads", "1",
                       "--passes", "8+4,4+0", "--repeats",    "2",          "--no-ceilings"} +
           more;
}

} // namespace

class CliCompare : public QObject
{
    Q_OBJECT

private slots:
    void writesFilesThatShowTheSameNumbers()
    {
        const TemporaryFolder folder;
        const QString run = text(folder.path() / "run.json"), csv = text(folder.path() / "run.csv"),
                      markdown = text(folder.path() / "run.md");
        const CliResult result =
            runCli(smallComparison({"--out", run, "--csv", csv, "--markdown", markdown, "--json"}));
        QVERIFY2(result.exitCode == 0, result.err.constData());
        const json printed = json::parse(result.out.toStdString());
        QCOMPARE(printed["contenders"].size(), std::size_t{3}); // cpu, reference, dense
        QVERIFY(printed["title"].get<std::string>().find("matched by parameters") != std::string::npos);
        for (const json& contender : printed["contenders"]) {
            QVERIFY2(contender["ran"].get<bool>(), contender["reason"].get<std::string>().c_str());
            QVERIFY(contender["metrics"]["decode"]["median"].get<double>() > 0.0);
            QVERIFY(contender["metrics"]["decode"]["samples"].get<int>() == 2);
        }
        QVERIFY(printed["contenders"][1]["parity"].get<std::string>().find("top-1") != std::string::npos);

        const json file = json::parse(readBytes(folder.path() / "run.json").toStdString());
        QCOMPARE(file["repeats"].size(), std::size_t{6});
        QCOMPARE(file["repeats"][0]["passes"][0]["tokenSeconds"].size(), std::size_t{4});
        QCOMPARE(readBytes(folder.path() / "run.csv").count('\n'), 13); // header, 6 repeats of 2 passes
        QVERIFY(readBytes(folder.path() / "run.md").contains("## Environment"));

        const CliResult shown = runCli({"compare", "--show", run, "--json"});
        QCOMPARE(shown.exitCode, 0);
        QVERIFY(json::parse(shown.out.toStdString())["contenders"] == printed["contenders"]);
        const CliResult table = runCli({"compare", "--show", run});
        QVERIFY(table.out.contains("Writing speed") && table.out.contains("A ★"));

        const CliResult difference = runCli({"compare", "--diff", run, run, "--json"});
        QCOMPARE(difference.exitCode, 0);
        const json rows = json::parse(difference.out.toStdString());
        QVERIFY(rows["notes"].empty() && rows["rows"].size() > 20);
        for (const json& row : rows["rows"]) {
            if (row.contains("ratio"))
                QCOMPARE(row["ratio"]["clear"].get<bool>(), false);
        }
    }

    void planSaysTheArithmeticWithoutRunning()
    {
        const CliResult result = runCli({"compare", "--preset", "paper", "--plan", "--memory-share", "0.01"});
        QVERIFY2(result.exitCode == 0, result.err.constData());
        QVERIFY(result.out.contains("13B dense") && result.out.contains("does not fit"));
        QVERIFY(result.out.contains("1 % may be used"));
    }

    void contendersThatCannotRunStayVisible()
    {
        const CliResult result =
            runCli(smallComparison({"--dense", "none", "--contender", "model=/no/such/model,backend=cpu",
                                    "--contender", "shape=2,64,128,256,backend=abacus"}));
        QVERIFY2(result.exitCode == 0, result.err.constData());
        QVERIFY(result.out.contains("/no/such/model"));
        QVERIFY(result.out.contains("no backend \"abacus\""));
    }

    void wrongWordsAreNamed_data()
    {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<QByteArray>("part");
        QTest::newRow("nothing") << QStringList{} << QByteArray("nothing to compare");
        QTest::newRow("contender") << QStringList{"--contender", "shape=370M,colour=red"}
                                   << QByteArray("colour");
        QTest::newRow("passes") << QStringList{"--shape", "370M", "--passes", "64"}
                                << QByteArray("--passes has \"64\"");
        QTest::newRow("baseline") << QStringList{"--shape", "2,64,128,256", "--baseline", "9"}
                                  << QByteArray("baseline is contender 8");
        QTest::newRow("no file") << QStringList{"--show", "/no/such/run.json"}
                                 << QByteArray("/no/such/run.json");
        QTest::newRow("no run file") << QStringList{"--show", "/etc/hostname"} << QByteArray("/etc/hostname");
    }
    void wrongWordsAreNamed()
    {
        QFETCH(QStringList, arguments);
        QFETCH(QByteArray, part);
        const CliResult result = runCli(QStringList{"compare"} + arguments);
        QVERIFY(!result.crashed);
        QVERIFY(result.exitCode == 1);
        QVERIFY2(result.err.contains(part), result.err.constData());
    }
};

QTEST_GUILESS_MAIN(CliCompare)
#include "tst_cli_compare.moc"
