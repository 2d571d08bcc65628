// Run files: what is written comes back, and what is not a run file is refused by name.
#include "engine/analysis/compare_file.h"
#include "engine/analysis/compare_statistics.h"
#include "engine/core/error.h"
#include "tests/support/test_files.h"
#include "tests/unit/analysis/compare_example.h"

#include <QTest>

#include <nlohmann/json.hpp>

using namespace mmfree;
using namespace mmfree::test;

class CompareFileTest : public QObject
{
    Q_OBJECT

private slots:
    void whatIsWrittenComesBack()
    {
        const TemporaryFolder folder;
        CompareRun run = exampleRun();
        run.ceilings = Ceilings{.readGBPerSecond = 12.5, .floatGigaOps = 100.0, .threads = 2};
        run.repeats[0].joules = 3.25;
        run.contenders[0].contender.options.packing = run.setup.contenders[0].options.packing =
            WeightPacking::Base3;
        writeCompareRun(run, folder.path() / "run.json");
        const CompareRun back = readCompareRun(folder.path() / "run.json");
        QCOMPARE(compareRunToText(back), compareRunToText(run));
        QVERIFY(back.contenders[0].contender == run.contenders[0].contender);
        QCOMPARE(*back.repeats[0].joules, 3.25);
        QVERIFY(!back.repeats[1].joules);
        QCOMPARE(summarize(back)[0][1].value->median, summarize(run)[0][1].value->median);
    }

    void damagedFilesAreNamed_data()
    {
        QTest::addColumn<QString>("pointer");
        QTest::addColumn<QString>("value");
        QTest::addColumn<QString>("part");
        QTest::newRow("version") << "/version"
                                 << "9"
                                 << "version is 9";
        QTest::newRow("format") << "/format"
                                << "\"other\""
                                << "format";
        QTest::newRow("baseline") << "/setup/baseline"
                                  << "3"
                                  << "setup.baseline is 3";
        QTest::newRow("negative") << "/setup/baseline"
                                  << "-1"
                                  << "setup.baseline is -1";
        QTest::newRow("kind") << "/setup/repeats"
                              << "\"seven\""
                              << "setup.repeats is \"seven\"";
        QTest::newRow("too large") << "/setup/repeats"
                                   << "99999999999"
                                   << "setup.repeats is 99999999999";
        QTest::newRow("fraction") << "/rounds"
                                  << "1.5"
                                  << "rounds is 1.5";
        QTest::newRow("contender") << "/repeats/1/contender"
                                   << "7"
                                   << "contender is 7";
        QTest::newRow("passes") << "/repeats/0/passes"
                                << "[]"
                                << "passes' count is 0";
        QTest::newRow("times") << "/repeats/0/passes/0/tokenSeconds/1"
                               << "null"
                               << "tokenSeconds[1] is null";
        QTest::newRow("no list") << "/contenders"
                                 << "{}"
                                 << "contenders is {}";
        QTest::newRow("empty") << "/contenders"
                               << "[]"
                               << "contenders is an empty list";
        QTest::newRow("error map") << "/contenders/0/parity/error"
                                   << "[1.0]"
                                   << "parity.error's count is 1";
        QTest::newRow("packing") << "/contenders/0/contender/packing"
                                 << "\"none\""
                                 << "packing is \"none\"";
        QTest::newRow("workload") << "/setup/workload/passes"
                                  << "[]"
                                  << "passes' count is 0";
    }
    void damagedFilesAreNamed()
    {
        QFETCH(QString, pointer);
        QFETCH(QString, value);
        QFETCH(QString, part);
        nlohmann::json json = nlohmann::json::parse(compareRunToText(exampleRun()));
        json[nlohmann::json::json_pointer(pointer.toStdString())] =
            nlohmann::json::parse(value.toStdString());
        try {
            (void)parseCompareRun(json.dump(), "run.json");
            QFAIL("was accepted");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::InvalidFile);
            QVERIFY2(QString(error.what()).contains(part), error.what());
        }
    }

    void textThatIsNoRunFileIsRefused()
    {
        const std::string whole = compareRunToText(exampleRun());
        for (const std::string& text : {std::string(), std::string("[]"), std::string("{}"),
                                        std::string("\0\xff", 2), whole.substr(0, whole.size() / 2)}) {
            QVERIFY_EXCEPTION_THROWN((void)parseCompareRun(text, "run.json"), Error);
        }
    }
};

QTEST_GUILESS_MAIN(CompareFileTest)
#include "tst_compare_file.moc"
