// The board planner: arithmetic that can be done by hand, the paper's figures, boards and their errors.
#include "engine/core/atomic_file.h"
#include "fpga/planner/plan.h"
#include "tests/support/expect_error.h"
#include "tests/support/test_files.h"

#include <QTest>

#include <cmath>

using namespace mmfree;
using namespace mmfree::planner;
using namespace mmfree::test;

namespace
{

Board simpleBoard()
{
    Board board = findBoard("U250");
    board.clockMHz = 100;
    board.memoryGBs = 1e5;
    board.memoryBanks = 1024;
    return board;
}

const StagePlan& stage(const Plan& plan, const std::string& name)
{
    const auto found = std::find_if(plan.stages.begin(), plan.stages.end(),
                                    [&](const StagePlan& s) { return s.name == name; });
    Q_ASSERT(found != plan.stages.end());
    return *found;
}

} // namespace

class PlannerTest : public QObject
{
    Q_OBJECT

private slots:
    void computeCyclesFollowTheKernelLoops()
    {
        // 24 layers of 3 products: 1024 / 4 row groups of 8 blocks each.
        const Plan plan = planDecode(namedShape("370M"), simpleBoard(), {.rowsPerCycle = 4});
        QCOMPARE(stage(plan, "f, i, g products").computeCycles, 24.0 * 3 * 256 * 8);
        QCOMPARE(stage(plan, "down product").computeCycles, 24.0 * 256 * 22);
        QCOMPARE(stage(plan, "gates and MLGRU step").computeCycles, 24.0 * 1024);
        QCOMPARE(plan.boundBy(), std::string("compute"));
        double sum = 0.0;
        for (const StagePlan& part : plan.stages)
            sum += part.cycles();
        QVERIFY(std::fabs(sum - plan.cyclesPerToken) < 1e-6 * sum);
        QVERIFY(std::fabs(plan.tokensPerSecond - 100e6 / sum) < 1e-6 * plan.tokensPerSecond);
        // model.md: layers and head of 370M at 2 bits.
        QCOMPARE(plan.weightBytes,
                 std::int64_t{(24 * (4 * 1024 * 1024 + 3 * 1024 * 2816) + 32000 * 1024) / 4});
    }

    void slowMemoryBounds()
    {
        Board board = simpleBoard();
        board.memoryGBs = 1.0;
        const Plan plan = planDecode(namedShape("370M"), board, {.memoryEfficiency = 1.0});
        QCOMPARE(plan.boundBy(), std::string("memory"));
        QVERIFY(plan.tokensPerSecond < 1e9 / static_cast<double>(plan.weightBytes));
        QVERIFY(plan.bandwidthShare > 0.8 && plan.bandwidthShare <= 1.0);
        // A port that takes a read of 8 bits every 10 clocks is slower still.
        board.memoryBanks = 1;
        board.portBits = 8;
        board.cyclesPerRead = 10.0;
        const Plan slow = planDecode(namedShape("370M"), board, {});
        QCOMPARE(stage(slow, "o product").memoryCycles, 24.0 * 1024 * 1024 / 4 * 10);
    }

    void whatDoesNotFitIsSaid()
    {
        const Plan small = planDecode(namedShape("13B"), findBoard("Arty A7-35T"), {.rowsPerCycle = 64});
        QVERIFY(!small.fitsLogic && !small.fitsMemory && !small.fits());
        const Plan large = planDecode(namedShape("370M"), findBoard("u280"), {});
        QVERIFY(large.fits());
        QVERIFY(!large.weightsFitOnChip); // 85 MB of weights, 41 MB of memory
    }

    void productCyclesCanBeDoneByHand()
    {
        // 256 columns a clock, one row at a time, 9 clocks between rows: 1024 * (4 + 9).
        QCOMPARE(
            productCycles({.columnsPerCycle = 256, .rowsPerCycle = 1, .rowOverheadCycles = 9}, 1024, 1024),
            1024.0 * 13);
        QCOMPARE(productCycles({}, 10, 130), 3.0 * 2); // parts of a group and of a block count whole
    }

    void thePapersFiguresAreReproduced()
    {
        int compared = 0;
        std::string notes;
        for (const PublishedPoint& point : paperPoints()) {
            QVERIFY(point.computed > 0.0 && !point.note.empty());
            notes += point.note;
            if (point.published <= 0.0)
                continue;
            ++compared;
            QVERIFY2(std::fabs(point.computed / point.published - 1.0) < 0.1,
                     qPrintable(QString("%1: %2, published %3")
                                    .arg(point.what.c_str())
                                    .arg(point.computed)
                                    .arg(point.published)));
        }
        QCOMPARE(compared, 4);
        for (const char* said : {"Correction 1", "Correction 2", "Assumed by us"})
            QVERIFY2(notes.find(said) != std::string::npos, said);
        for (const PublishedPoint& point : measuredPoints())
            QVERIFY(!point.source.empty() && point.published > 0.0);
    }

    void builtInBoardsNameTheirSources()
    {
        QCOMPARE(builtInBoards().size(), std::size_t{6});
        for (const Board& board : builtInBoards()) {
            QVERIFY(board.sources.size() >= 2);
            QVERIFY(board.sources.back().starts_with("Assumed by us"));
        }
    }

    void badBoardsAndOptionsAreRefused()
    {
        const TemporaryFolder folder;
        const auto file = folder.path() / "mine.json";
        const std::string good = readTextFile(sourceFolder() / "resources/boards/u50.json");
        writeFileAtomically(file, good);
        QCOMPARE(findBoard(file.string()).name, std::string("U50"));
        MMFREE_EXPECT_ERROR((void)findBoard("U9000"), ErrorCode::InvalidArgument, "U9000", "KV260");
        MMFREE_EXPECT_ERROR((void)parseBoard("[1]", "x.json"), ErrorCode::InvalidFile, "x.json",
                            "JSON object");
        MMFREE_EXPECT_ERROR((void)parseBoard("{}", "x.json"), ErrorCode::InvalidFile,
                            "x.json: name is absent");
        const auto replaced = [&](const std::string& from, const std::string& to) {
            std::string text = good;
            text.replace(text.find(from), from.size(), to);
            return text;
        };
        MMFREE_EXPECT_ERROR((void)parseBoard(replaced("\"memoryGBs\": 316.0", "\"memoryGBs\": -1"), "x.json"),
                            ErrorCode::InvalidFile, "memoryGBs is -1", "needed");
        MMFREE_EXPECT_ERROR((void)parseBoard(replaced("\"memoryGBs\"", "\"memory\""), "x.json"),
                            ErrorCode::InvalidFile, "memoryGBs is absent");
        MMFREE_EXPECT_ERROR((void)parseBoard(replaced("\"chip\"", "\"wings\": 2, \"chip\""), "x.json"),
                            ErrorCode::InvalidFile, "wings is not a field");
        MMFREE_EXPECT_ERROR((void)planDecode(namedShape("370M"), findBoard("U50"), {.rowsPerCycle = 0}),
                            ErrorCode::InvalidArgument, "rows per cycle is 0");
        MMFREE_EXPECT_ERROR(
            (void)planDecode(namedShape("370M", Architecture::Transformer), findBoard("U50"), {}),
            ErrorCode::InvalidConfig, "Transformer");
    }
};

QTEST_GUILESS_MAIN(PlannerTest)
#include "tst_planner.moc"
