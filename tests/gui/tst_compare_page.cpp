// The compare page by clicks through whole comparisons with real worker processes: table, charts, run file
// and command line say the same numbers.
#include "app/backend_catalog.h"
#include "engine/analysis/compare_file.h"
#include "engine/analysis/compare_setup.h"
#include "engine/analysis/compare_statistics.h"
#include "tests/support/test_files.h"
#include "widgets/compare/comparison_store.h"
#include "widgets/compare/distribution_panel.h"
#include "widgets/compare/history_panel.h"
#include "widgets/compare/live_race.h"
#include "widgets/compare/memory_stack_view.h"
#include "widgets/compare/results_model.h"
#include "widgets/compare/setup_panel.h"
#include "widgets/pages/compare_page.h"
#include "widgets/pages/page_context.h"
#include "widgets/theme/icon.h"
#include "widgets/views/plot/plot_view.h"

#include <QAbstractItemModelTester>
#include <QComboBox>
#include <QElapsedTimer>
#include <QLabel>
#include <QProcess>
#include <QPushButton>
#include <QSpinBox>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>
#include <QTreeWidget>

#include <nlohmann/json.hpp>

using namespace mmfree;
using namespace mmfree::gui;

namespace
{

constexpr int kLongestRun = 60'000; // milliseconds, on a busy machine

struct PageFixture {
    QTemporaryDir folder;
    std::unique_ptr<ComparePage> page;

    PageFixture() { open(); }
    void open()
    {
        page.reset();
        PageContext context;
        context.backends = allBackends();
        context.dataFolder = folder.path();
        context.programFile = QString::fromStdString(test::program("mmfree").string());
        page = std::make_unique<ComparePage>(context);
        page->resize(1200, 760);
        page->show();
    }
    template <class Widget>
    Widget* child(const char* name) const
    {
        return page->findChild<Widget*>(QString::fromLatin1(name));
    }
    QString file(const char* name) const { return folder.filePath(QString::fromLatin1(name)); }
};

CompareSetup smallSetup()
{
    CompareSetup setup;
    setup.contenders = {parseContender("shape=2,64,128,256,backend=cpu,threads=1"),
                        parseContender("shape=2,64,128,256,backend=reference"),
                        parseContender("shape=2,64,128,256,dense=yes,backend=cpu,threads=1"),
                        parseContender("shape=2,64,128,256,backend=abacus")};
    setup.workload = {"lengths", {{8, 4}}, {}, 1};
    setup.repeats = 2;
    setup.ceilings = false;
    return setup;
}

void enter(QSpinBox* spin, const QString& number)
{
    spin->setFocus();
    spin->selectAll();
    QTest::keyClicks(spin, number);
    QTest::keyClick(spin, Qt::Key_Return);
}

bool runByClick(PageFixture& fixture)
{
    QTest::mouseClick(fixture.child<QPushButton>("runComparison"), Qt::LeftButton);
    return fixture.page->service().isRunning() &&
           QTest::qWaitFor([&] { return !fixture.page->service().isRunning(); }, kLongestRun);
}

} // namespace

class ComparePageTest : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase() { initializeIcons(); }

    void wholeRunByClicksSaysTheSameNumbersEverywhere()
    {
        PageFixture fixture;
        fixture.page->setupPanel().setSetup(smallSetup());
        // What cannot run stays visible with its reason, before anything runs.
        QTRY_VERIFY_WITH_TIMEOUT(fixture.child<QLabel>("reason3"), kLongestRun);
        QVERIFY(fixture.child<QLabel>("reason3")->text().contains("abacus"));
        enter(fixture.child<QSpinBox>("readTokens"), QStringLiteral("12"));
        enter(fixture.child<QSpinBox>("writeTokens"), QStringLiteral("6"));
        enter(fixture.child<QSpinBox>("repeats"), QStringLiteral("3"));
        QCOMPARE(fixture.page->setupPanel().setup().workload.passes, (std::vector<Pass>{{12, 6}}));
        QVERIFY(runByClick(fixture));

        const auto shown = fixture.page->run();
        QVERIFY(shown && !shown->stopped);
        const QString file = fixture.file("run.json");
        fixture.page->exportTo(file);
        const CompareRun run = readCompareRun(file.toStdString());
        QCOMPARE(run.repeats.size(), std::size_t{9}); // three that run, three rounds
        QCOMPARE(run.setup.workload.passes, (std::vector<Pass>{{12, 6}}));

        // Table and run file.
        ResultsModel& table = fixture.page->results();
        QCOMPARE(fixture.child<QTableView>("resultsTable")->model(), &table);
        const auto summary = summarize(run);
        QCOMPARE(table.rowCount(), static_cast<int>(summary.size()) + 1);
        for (int row = 0; row < static_cast<int>(summary.size()); ++row) {
            for (int column = 0; column < table.columnCount(); ++column) {
                const MetricValue& cell =
                    summary[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)];
                const QVariant value = table.index(row, column).data(ResultsModel::kValueRole);
                QCOMPARE(value.isValid(), cell.value.has_value());
                if (cell.value)
                    QCOMPARE(value.toDouble(), cell.value->median);
            }
        }
        compareWithCommandLine(file, table);
        compareCharts(fixture, run);

        // Ratios by click.
        QTest::mouseClick(fixture.child<QToolButton>("showRatios"), Qt::LeftButton);
        QVERIFY(table.showsRatios());
        QCOMPARE(table.index(0, 2).data(ResultsModel::kValueRole).toDouble(), summary[0][2].ratio->value);
        QVERIFY(!table.index(0, 0).data(ResultsModel::kValueRole).isValid());
    }

    void keptRunsComeBackAndAreCompared()
    {
        PageFixture fixture;
        CompareSetup setup = smallSetup();
        setup.contenders.resize(1);
        fixture.page->setupPanel().setSetup(setup);
        QVERIFY(runByClick(fixture));
        QVERIFY(runByClick(fixture));
        fixture.page->exportTo(fixture.file("run.json"));
        const std::string kept = compareRunToText(*fixture.page->run());

        QVERIFY2(ComparisonStore(fixture.file("comparisons.sqlite")).notice().isEmpty(),
                 "a store must open twice");
        fixture.open(); // the next start shows the newest one
        QVERIFY(fixture.page->run());
        QCOMPARE(compareRunToText(*fixture.page->run()), kept);
        HistoryPanel& history = fixture.page->history();
        QCOMPARE(history.list().topLevelItemCount(), 2);
        QVERIFY(fixture.page->showView(QStringLiteral("history")));
        history.list().selectAll();
        QVERIFY(history.difference().topLevelItemCount() >= 1);
        QVERIFY(history.difference().topLevelItem(0)->childCount() > 8);
        history.importFile(fixture.file("run.json"));
        QCOMPARE(history.list().topLevelItemCount(), 3);
        history.importFile(fixture.file("missing.json"));
        QCOMPARE(history.list().topLevelItemCount(), 3);
        history.list().selectAll();
        QCOMPARE(history.overTime().series().size(), qsizetype{1});
        QCOMPARE(history.overTime().series().first().x.size(), std::size_t{3});
    }

    void stopKeepsWhatIsComplete()
    {
        PageFixture fixture;
        CompareSetup setup = smallSetup();
        setup.contenders.resize(1);
        setup.workload.passes = {{8, 400}};
        setup.repeats = 1000;
        fixture.page->setupPanel().setSetup(setup);
        int live = 0;
        connect(&fixture.page->service(), &ComparisonService::happened, fixture.page.get(),
                [&](const std::vector<LiveEvent>& events) {
                    for (const LiveEvent& event : events)
                        live += event.event.kind == CompareEvent::Kind::RunDone && event.event.round >= 0;
                });
        QTest::mouseClick(fixture.child<QPushButton>("runComparison"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(live >= 2, kLongestRun);
        QElapsedTimer timer;
        timer.start();
        QTest::mouseClick(fixture.child<QPushButton>("stopComparison"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(!fixture.page->service().isRunning(), kLongestRun);
        QVERIFY(timer.elapsed() < 5000);
        QVERIFY(fixture.page->run() && fixture.page->run()->stopped);
        QVERIFY(!fixture.page->run()->repeats.empty());
        QVERIFY(fixture.child<QPushButton>("runComparison")->isEnabled());
    }

    void cardsChangeTheSetup()
    {
        PageFixture fixture;
        fixture.page->setupPanel().setSetup(smallSetup());
        QTest::mouseClick(fixture.child<QToolButton>("baseline2"), Qt::LeftButton);
        QCOMPARE(fixture.page->setupPanel().setup().baseline, 2);
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
        QTest::mouseClick(fixture.child<QToolButton>("remove0"), Qt::LeftButton);
        QCOMPARE(fixture.page->setupPanel().setup().contenders.size(), std::size_t{3});
        QCOMPARE(fixture.page->setupPanel().setup().baseline, 1);
        auto* workload = fixture.child<QComboBox>("workload");
        workload->setCurrentIndex(workload->findData(QStringLiteral("long-write")));
        QCOMPARE(fixture.page->setupPanel().setup().workload.passes, (std::vector<Pass>{{16, 2048}}));
        workload->setCurrentIndex(workload->findData(QStringLiteral("text")));
        QVERIFY(!fixture.child<QPushButton>("runComparison")->isEnabled()); // there is no text yet
        workload->setCurrentIndex(workload->findData(QStringLiteral("paper")));
        QCOMPARE(fixture.page->setupPanel().setup().contenders.size(), std::size_t{8});
        QCOMPARE(fixture.page->setupPanel().setup().contenders[6].group, std::string("13B"));
    }

    void everyExportIsWhole()
    {
        PageFixture fixture;
        CompareSetup setup = smallSetup();
        fixture.page->setupPanel().setSetup(setup);
        QVERIFY(runByClick(fixture));
        const std::pair<const char*, QByteArray> files[] = {{"r.pdf", "%PDF-"}, {"r.png", "\x89PNG"},
                                                            {"r.svg", "<?xml"}, {"r.csv", "contender,"},
                                                            {"r.md", "# "},     {"r.json", "{"}};
        for (const auto& [name, start] : files) {
            fixture.page->exportTo(fixture.file(name));
            QFile file(fixture.file(name));
            QVERIFY2(file.open(QIODevice::ReadOnly), name);
            QVERIFY2(file.readAll().startsWith(start), name);
        }
        fixture.page->exportTo(fixture.file("r.bmp"));
        QVERIFY(!QFile::exists(fixture.file("r.bmp")));
        for (const char* view : {"results", "distribution", "roofline", "parity", "environment", "history"})
            QVERIFY(fixture.page->showView(QString::fromLatin1(view)));
        QVERIFY(!fixture.page->showView(QStringLiteral("sizes"))); // only for runs over sizes
    }

    void modelsKeepTheirContract()
    {
        ResultsModel model;
        QAbstractItemModelTester tester(&model);
        PageFixture fixture;
        CompareSetup setup = smallSetup();
        setup.contenders.resize(1);
        fixture.page->setupPanel().setSetup(setup);
        QVERIFY(runByClick(fixture));
        model.setRun(fixture.page->run());
        model.setRatios(true);
        model.setRun(nullptr);
        QCOMPARE(model.rowCount(), 0);
    }

private:
    static void compareWithCommandLine(const QString& file, const ResultsModel& table)
    {
        QProcess cli;
        cli.start(QString::fromStdString(test::program("mmfree").string()),
                  {"compare", "--show", file, "--json"});
        QVERIFY(cli.waitForFinished(kLongestRun));
        const auto json = nlohmann::json::parse(cli.readAllStandardOutput().toStdString());
        int compared = 0;
        for (int column = 0; column < table.columnCount(); ++column) {
            const auto& metrics = json["contenders"][static_cast<std::size_t>(column)]["metrics"];
            for (int row = 0; row + 1 < table.rowCount(); ++row) {
                const std::string& key = compareMetrics()[static_cast<std::size_t>(row)].key;
                const QVariant value = table.index(row, column).data(ResultsModel::kValueRole);
                QCOMPARE(metrics.contains(key), value.isValid());
                if (value.isValid())
                    QCOMPARE(metrics[key]["median"].get<double>(), value.toDouble());
                compared += value.isValid();
            }
        }
        QVERIFY(compared > 30);
    }

    static void compareCharts(const PageFixture& fixture, const CompareRun& run)
    {
        const LiveRace& race = fixture.page->race();
        const QList<PlotSeries>& times = race.timePlot().series();
        QCOMPARE(times.size(), qsizetype{3});
        for (const PlotSeries& series : times) {
            const PositionBand band = tokenTimesByPosition(run, series.style, 0);
            QCOMPARE(series.x, band.position);
            for (std::size_t i = 0; i < band.median.size(); ++i) {
                QVERIFY(qFuzzyCompare(series.y[i], 1e3 * band.median[i]));
                QVERIFY(qFuzzyCompare(series.high[i], 1e3 * band.p95[i]));
            }
        }
        QCOMPARE(race.memoryBars().bars().size(), std::size_t{4});
        for (std::size_t i = 0; i < 3; ++i) {
            const MemoryParts& bar = race.memoryBars().bars()[i].parts;
            QCOMPARE(bar.measured, run.contenders[i].memory.measured);
            QCOMPARE(bar.explained() + bar.rest, bar.measured);
        }
        int measured = 0;
        for (const PlotSeries& series : race.memoryPlot().series()) {
            if (series.faint)
                continue;
            ++measured;
            const auto& curve = run.contenders[static_cast<std::size_t>(series.style)].memoryCurve;
            QCOMPARE(series.x.size(), curve.size());
            for (std::size_t i = 0; i < curve.size(); ++i)
                QCOMPARE(series.y[i], static_cast<double>(curve[i].measured) / 1e6);
        }
        QCOMPARE(measured, 3);
    }
};

QTEST_MAIN(ComparePageTest)
#include "tst_compare_page.moc"
