// HeatmapView, its pyramid and its exports: what is shown is compared with values computed here.
#include "widgets/theme/theme.h"
#include "widgets/views/heatmap/heatmap_export.h"
#include "widgets/views/heatmap/heatmap_pyramid.h"
#include "widgets/views/heatmap/heatmap_table_model.h"
#include "widgets/views/heatmap/heatmap_view.h"

#include "engine/core/error.h"

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QClipboard>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QWheelEvent>

#include <cmath>

using namespace mmfree;
using namespace mmfree::gui;

namespace
{

// Signs with a known value at every place.
int signAt(qint64 row, qint64 col)
{
    return static_cast<int>((row * 7 + col * 3 + row * col) % 3) - 1;
}

std::shared_ptr<const TernaryData> ternary(qint64 rows, qint64 cols)
{
    auto tensor = std::make_shared<TernaryTensor>();
    tensor->rows = rows;
    tensor->cols = cols;
    tensor->scale = 0.02f;
    tensor->storage = AlignedBuffer<std::uint8_t>(static_cast<std::size_t>(rows * tensor->rowBytes()));
    for (qint64 row = 0; row < rows; ++row) {
        for (qint64 col = 0; col < tensor->rowBytes() * 4; ++col) {
            const int code = col < cols ? signAt(row, col) + 1 : 1;
            tensor->storage[static_cast<std::size_t>(row * tensor->rowBytes() + col / 4)] |=
                static_cast<std::uint8_t>(code << (2 * (col % 4)));
        }
    }
    tensor->codes = tensor->storage.span();
    return std::make_shared<TernaryData>(std::move(tensor), nullptr);
}

std::shared_ptr<const MatrixData> ramp(qint64 rows, qint64 cols)
{
    std::vector<float> values;
    for (qint64 i = 0; i < rows * cols; ++i)
        values.push_back(static_cast<float>(i) - 3.5f);
    return std::make_shared<MatrixData>(HeatmapKind::Diverging, rows, cols, values,
                                        HeatmapRange{-50.0f, 50.0f});
}

} // namespace

class HeatmapViewTest : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase() { applyTheme(*qApp, ThemeChoice::Light); }

    void ternaryDataReadsWhatIsPackedAtEveryOffset()
    {
        const auto data = ternary(5, 31);
        for (qint64 first = 0; first < 31; ++first) {
            std::vector<float> out(static_cast<std::size_t>(31 - first));
            data->read(3, first, out);
            for (std::size_t i = 0; i < out.size(); ++i)
                QCOMPARE(out[i], static_cast<float>(signAt(3, first + static_cast<qint64>(i))));
        }
    }

    void pyramidHoldsTheMeansOfItsBlocks()
    {
        const auto data = ternary(100, 210);
        std::atomic<double> progress{0.0};
        const HeatmapPyramid pyramid = buildHeatmapPyramid(*data, 5, {}, progress);
        QCOMPARE(progress.load(), 1.0);
        QCOMPARE(pyramid.levels.size(), std::size_t{3});
        for (int level = 3; level <= 3; ++level) {
            const HeatmapPyramid::Level& means = pyramid.levels[static_cast<std::size_t>(level - 3)];
            QCOMPARE(means.rows, qint64{13});
            QCOMPARE(means.cols, qint64{27});
            for (qint64 row = 0; row < means.rows; ++row) {
                for (qint64 col = 0; col < means.cols; ++col) {
                    int sum = 0, present = 0, count = 0;
                    for (qint64 r = row * 8; r < std::min<qint64>(row * 8 + 8, 100); ++r) {
                        for (qint64 c = col * 8; c < std::min<qint64>(col * 8 + 8, 210); ++c, ++count) {
                            sum += signAt(r, c);
                            present += signAt(r, c) != 0;
                        }
                    }
                    const auto index = static_cast<std::size_t>(row * means.cols + col);
                    QCOMPARE(means.mean[index], static_cast<float>(static_cast<double>(sum) / count));
                    QCOMPARE(static_cast<int>(means.presence[index]),
                             static_cast<int>(std::lround(255.0 * present / count)));
                }
            }
        }
    }

    void stoppedPyramidIsEmpty()
    {
        std::stop_source stop;
        stop.request_stop();
        std::atomic<double> progress{0.0};
        QVERIFY(buildHeatmapPyramid(*ternary(64, 64), 3, stop.get_token(), progress).levels.empty());
    }

    void minusPlusAndZeroDifferInLightness()
    {
        for (const bool dark : {false, true}) {
            const HeatmapPalette palette(dark);
            const auto grey = [&](float t) { return qGray(palette.diverging(t)); };
            QVERIFY(std::abs(grey(-1.0f) - grey(1.0f)) > 50);
            QVERIFY(std::abs(grey(-1.0f) - grey(0.0f)) > 50);
            QVERIFY(std::abs(grey(1.0f) - grey(0.0f)) > 50);
            for (int i = 1; i < 64; ++i) // never brighter and darker by turns
                QVERIFY((grey(i / 64.0f) - grey((i - 1) / 64.0f)) * (dark ? 1 : -1) >= 0);
            QCOMPARE(palette.diverging(NAN), palette.missing());
        }
    }

    void paintsTheCellsItHas()
    {
        HeatmapView view;
        view.resize(400, 300);
        view.setData(ternary(40, 60));
        view.setTransform({.originX = 3, .originY = 5, .scaleX = 8, .scaleY = 8});
        const QImage picture = view.grab().toImage();
        const HeatmapPalette& palette = heatmapPalette();
        for (qint64 row = 6; row < 20; ++row) {
            for (qint64 col = 4; col < 20; ++col) {
                const QPointF center = view.rectOf({row, col}).center();
                const auto value = static_cast<float>(signAt(row, col));
                QCOMPARE(picture.pixel(center.toPoint()), palette.cell(HeatmapKind::Ternary, value, {-1, 1}));
            }
        }
        QVERIFY(view.isSettled());
    }

    void zoomKeepsTheCellUnderThePointer()
    {
        HeatmapView view;
        view.resize(500, 400);
        view.setData(ternary(300, 300));
        view.setTransform({.originX = 50, .originY = 60, .scaleX = 4, .scaleY = 4});
        const QPointF place(260.0, 200.0);
        const HeatmapCell before = view.cellAt(place);
        QWheelEvent wheel(place, view.mapToGlobal(place), {}, {0, 240}, Qt::NoButton, Qt::ControlModifier,
                          Qt::NoScrollPhase, false);
        QApplication::sendEvent(&view, &wheel);
        QCOMPARE(view.transform().scaleX, 8.0);
        QCOMPARE(view.cellAt(place), before);
        QTest::keyClick(&view, Qt::Key_0);
        QVERIFY(view.cellAt(view.plotRect().center()).isValid());
        QVERIFY(view.transform().originX == 0.0 && view.transform().originY == 0.0);
        QTest::keyClick(&view, Qt::Key_1);
        QCOMPARE(view.transform().scaleX, 1.0);
    }

    void dragMovesAndNeverLeavesTheMatrix()
    {
        HeatmapView view;
        view.resize(400, 300);
        view.setData(ternary(500, 500));
        view.setTransform({.originX = 100, .originY = 100, .scaleX = 4, .scaleY = 4});
        const QPoint start = view.plotRect().center().toPoint();
        QTest::mousePress(&view, Qt::LeftButton, {}, start);
        QTest::mouseMove(&view, start + QPoint(40, 20));
        QTest::mouseRelease(&view, Qt::LeftButton, {}, start + QPoint(40, 20));
        QCOMPARE(view.transform().originX, 90.0);
        QCOMPARE(view.transform().originY, 95.0);
        view.setTransform({.originX = 1e9, .originY = -1e9, .scaleX = 4, .scaleY = 4});
        QVERIFY(view.transform().originX <= 500.0);
        QCOMPARE(view.transform().originY, 0.0);
    }

    void hoverNeverRepaintsCells()
    {
        HeatmapView view;
        view.resize(400, 300);
        view.setData(ternary(50, 50));
        view.show();
        QVERIFY(QTest::qWaitForWindowExposed(&view));
        view.grab();
        const int frames = view.framesPainted();
        QSignalSpy hovered(&view, &HeatmapView::hovered);
        for (int i = 0; i < 20; ++i) {
            QTest::mouseMove(&view, view.plotRect().topLeft().toPoint() + QPoint(5 + 5 * i, 5 + 3 * i));
            view.grab();
        }
        QVERIFY(hovered.size() > 5);
        QCOMPARE(view.framesPainted(), frames);
    }

    void keysMoveTheCursorSelectAndCopy()
    {
        HeatmapView view;
        view.resize(400, 300);
        view.setData(ramp(6, 8));
        QSignalSpy moved(&view, &HeatmapView::cursorMoved);
        QTest::keyClick(&view, Qt::Key_Down); // the first key shows the cursor
        QCOMPARE(view.cursorCell(), (HeatmapCell{0, 0}));
        QTest::keyClick(&view, Qt::Key_Down);
        QTest::keyClick(&view, Qt::Key_Right);
        QCOMPARE(view.cursorCell(), (HeatmapCell{1, 1}));
        QCOMPARE(moved.size(), 3);
        QVERIFY(view.accessibleDescription().contains(QLocale().toString(5.5)));
        QTest::keyClick(&view, Qt::Key_Right, Qt::ShiftModifier);
        QTest::keyClick(&view, Qt::Key_Down, Qt::ShiftModifier);
        QCOMPARE(view.selection(), (HeatmapSelection{1, 1, 2, 2}));
        QTest::keyClick(&view, Qt::Key_C, Qt::ControlModifier);
        QCOMPARE(QApplication::clipboard()->text(), QStringLiteral("5.5\t6.5\n13.5\t14.5\n"));
        QTest::keyClick(&view, Qt::Key_Escape);
        QVERIFY(view.selection().isEmpty());
        QTest::keyClick(&view, Qt::Key_End, Qt::ControlModifier);
        QCOMPARE(view.cursorCell(), (HeatmapCell{5, 7}));
        QTest::keyClick(&view, Qt::Key_Right); // stays inside
        QCOMPARE(view.cursorCell(), (HeatmapCell{5, 7}));
    }

    void shiftDragSelectsARectangle()
    {
        HeatmapView view;
        view.resize(400, 300);
        view.setData(ramp(20, 20));
        const QPoint from = view.rectOf({3, 4}).center().toPoint(),
                     to = view.rectOf({8, 10}).center().toPoint();
        QTest::mousePress(&view, Qt::LeftButton, Qt::ShiftModifier, from);
        QTest::mouseMove(&view, to);
        QTest::mouseRelease(&view, Qt::LeftButton, Qt::ShiftModifier, to);
        QCOMPARE(view.selection(), (HeatmapSelection{3, 4, 6, 7}));
    }

    void headersAreClickedToo()
    {
        HeatmapView view;
        view.resize(400, 300);
        view.setData(ramp(20, 20));
        QSignalSpy rows(&view, &HeatmapView::rowActivated), cols(&view, &HeatmapView::columnActivated);
        const QRectF cell = view.rectOf({7, 9});
        QTest::mouseClick(&view, Qt::LeftButton, {}, QPoint(10, qRound(cell.center().y())));
        QTest::mouseClick(&view, Qt::LeftButton, {}, QPoint(qRound(cell.center().x()), 8));
        QCOMPARE(rows.value(0).value(0).toLongLong(), 7);
        QCOMPARE(cols.value(0).value(0).toLongLong(), 9);
    }

    void refusesToCopyMoreThanMemoryShouldHold()
    {
        HeatmapView view;
        view.resize(300, 200);
        view.setData(ternary(2100, 2100));
        view.setSelection({0, 0, 2100, 2100});
        QSignalSpy problems(&view, &HeatmapView::problem);
        view.copySelection();
        QCOMPARE(problems.size(), 1);
        QVERIFY(view.selectionAsTsv().isEmpty());
    }

    void largeMatricesArePaintedByTheWorker()
    {
        HeatmapView view;
        view.resize(600, 400);
        view.setData(ternary(1200, 1100));
        view.show();
        QTRY_VERIFY_WITH_TIMEOUT((view.grab(), view.isSettled()), 10000);
        view.setTransform({.originX = 400, .originY = 500, .scaleX = 8, .scaleY = 8});
        QTRY_VERIFY_WITH_TIMEOUT((view.grab(), view.isSettled()), 10000);
        const QImage picture = view.grab().toImage();
        const QPointF center = view.rectOf({510, 420}).center();
        QCOMPARE(picture.pixel(center.toPoint()),
                 heatmapPalette().cell(HeatmapKind::Ternary, static_cast<float>(signAt(510, 420)), {-1, 1}));
    }

    void exportsAreCompleteFilesOfTheSameCells()
    {
        QTemporaryDir folder;
        HeatmapView view;
        view.resize(320, 240);
        view.setData(ramp(12, 12));
        const auto paint = [&](QPainter& painter, const QRectF& bounds) { view.paintTo(painter, bounds); };
        for (const char* name : {"map.png", "map.svg", "map.pdf"})
            exportPicture(folder.filePath(name), "Map", view.size(), paint, 1.0);
        const QImage png(folder.filePath("map.png"));
        QCOMPARE(png.size(), QSize(320, 240));
        const QPoint center = view.rectOf({11, 11}).center().toPoint() - QPoint(4, 4);
        QCOMPARE(png.pixel(center), heatmapPalette().cell(HeatmapKind::Diverging, 139.5f, {-50, 50}));
        QFile svg(folder.filePath("map.svg")), pdf(folder.filePath("map.pdf"));
        QVERIFY(svg.open(QIODevice::ReadOnly) && svg.readAll().contains("</svg>"));
        QVERIFY(pdf.open(QIODevice::ReadOnly) && pdf.readAll().startsWith("%PDF"));
        QVERIFY_EXCEPTION_THROWN(exportPicture(folder.filePath("map.bmp"), "Map", view.size(), paint), Error);
        QVERIFY_EXCEPTION_THROWN(exportPicture("/nowhere/map.png", "Map", view.size(), paint), Error);
    }

    void tableTwinHoldsTheSameNumbers()
    {
        HeatmapTableModel model;
        const QAbstractItemModelTester tester(&model);
        model.setData(ramp(3, 4), {}, [](qint64 col) { return QStringLiteral("t%1").arg(col); });
        QCOMPARE(model.rowCount(), 3);
        QCOMPARE(model.columnCount(), 4);
        QCOMPARE(model.index(2, 1).data(Qt::EditRole).toDouble(), 5.5);
        QCOMPARE(model.headerData(2, Qt::Horizontal).toString(), QStringLiteral("t2"));
    }

    void robustRangesIgnoreOutliers()
    {
        std::vector<float> values;
        for (int i = 0; i < 1000; ++i)
            values.push_back(static_cast<float>(i % 100) / 100.0f);
        values.push_back(1e6f);
        values.push_back(NAN);
        QVERIFY(robustDivergingRange(values).high < 1.0f);
        QVERIFY(robustSequentialRange(values).high < 1.0f);
        QVERIFY(robustDivergingRange({}).high == 1.0f);
        const std::vector<float> same(5, 2.0f);
        QVERIFY(robustSequentialRange(same).high > robustSequentialRange(same).low);
    }

    void nothingAndTinyMatricesAreFine()
    {
        HeatmapView view;
        view.resize(200, 150);
        view.setEmptyText("nothing");
        view.grab();
        QTest::keyClick(&view, Qt::Key_Down);
        QTest::mouseClick(&view, Qt::LeftButton, {}, {50, 50});
        view.setData(ramp(1, 1));
        view.grab();
        QTest::keyClick(&view, Qt::Key_Plus);
        view.setData(nullptr);
        view.grab();
        QVERIFY(!view.cursorCell().isValid());
    }
};

QTEST_MAIN(HeatmapViewTest)
#include "tst_heatmap_view.moc"
