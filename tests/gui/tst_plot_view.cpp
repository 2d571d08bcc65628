// PlotView: decimation, ticks, crosshair, zoom, links, bars, exports, the table twin and the theme.
#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_canvas.h"
#include "widgets/views/plot/plot_decimation.h"
#include "widgets/views/plot/plot_link.h"
#include "widgets/views/plot/plot_style.h"
#include "widgets/views/plot/plot_view.h"

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QSignalSpy>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <QWheelEvent>

#include <cmath>
#include <limits>

using namespace mmfree::gui;

namespace
{

PlotSeries curve(const QString& name, int count, double start = 5.0)
{
    PlotSeries series;
    series.name = name;
    for (int i = 1; i <= count; ++i) {
        series.x.push_back(i);
        series.y.push_back(start / std::sqrt(i) + 0.1 * std::sin(i));
    }
    return series;
}

void showPlot(PlotView& plot, QSize size = {640, 320})
{
    plot.resize(size);
    plot.show();
    QVERIFY(QTest::qWaitForWindowExposed(&plot));
    plot.flush();
}

int pixelsNear(const QImage& image, const QColor& color)
{
    int count = 0;
    for (int y = 0; y < image.height(); ++y) {
        for (int x = 0; x < image.width(); ++x) {
            const QColor found = image.pixelColor(x, y);
            count += std::abs(found.red() - color.red()) + std::abs(found.green() - color.green()) +
                         std::abs(found.blue() - color.blue()) <
                     24;
        }
    }
    return count;
}

void wheel(QWidget& canvas, QPointF at, int notches, Qt::KeyboardModifiers modifiers = {})
{
    QWheelEvent event(at, canvas.mapToGlobal(at), {}, {0, 120 * notches}, Qt::NoButton, modifiers,
                      Qt::NoScrollPhase, false);
    QApplication::sendEvent(&canvas, &event);
}

} // namespace

class PlotViewTest : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase() { applyTheme(*qApp, ThemeChoice::Light); }
    void init() { QLocale::setDefault(QLocale::c()); }

    void aPictureBetweenNewContentAndTheNextFrameIsDrawn()
    {
        PlotView plot(QStringLiteral("Loss"));
        plot.resize(400, 300);
        plot.show();
        plot.setSeries(
            {curve(QStringLiteral("a"), 50), curve(QStringLiteral("b"), 50), curve(QStringLiteral("c"), 50)});
        plot.flush();
        plot.setSeries({curve(QStringLiteral("a"), 50)}); // fewer; the canvas still has the old layout
        QVERIFY(!plot.canvas().grab().isNull());
    }

    void aSpikeSurvivesDecimationAndPointsStayFew()
    {
        PlotSeries series = curve(QStringLiteral("loss"), 200'000);
        series.y[123'456] = 99.0;
        series.low = series.high = series.y;
        const DrawnSeries drawn =
            decimated(series, PlotScale::Linear, PlotScale::Linear, {1.0, 200'000.0}, 500);
        QVERIFY(drawn.line.size() <= 2 * 502);
        QVERIFY(drawn.lower.size() <= 502 && drawn.upper.size() == drawn.lower.size());
        const auto isSpike = [](const QPointF& point) { return point.y() == 99.0; };
        QVERIFY(std::any_of(drawn.line.begin(), drawn.line.end(), isSpike));
        QVERIFY(std::any_of(drawn.upper.begin(), drawn.upper.end(), isSpike));
        QVERIFY(std::is_sorted(drawn.line.begin(), drawn.line.end(),
                               [](const QPointF& a, const QPointF& b) { return a.x() < b.x(); }));
    }

    void valuesThatAreNotNumbersAreLeftOut()
    {
        PlotSeries series;
        series.x = {1, 2, 3, 4};
        series.y = {std::numeric_limits<double>::quiet_NaN(), -1.0, 0.0, 10.0};
        QCOMPARE(decimated(series, PlotScale::Linear, PlotScale::Logarithmic, {1, 4}, 100).line,
                 QList<QPointF>({QPointF(4, 1)}));
        PlotView plot(QStringLiteral("NaN"));
        plot.setSeries({series});
        showPlot(plot); // must not hang or divide by zero
        series.y.assign(4, std::numeric_limits<double>::infinity());
        plot.setSeries({series});
        plot.flush();
        QVERIFY(std::isfinite(plot.yRange().from) && plot.yRange().from < plot.yRange().to);
    }

    void ticksAreRoundAndInTheUsersLocale()
    {
        const auto texts = [](const PlotAxis& axis, PlotRange range, int wanted) {
            QStringList all;
            for (const PlotTick& tick : axisTicks(axis, range, wanted))
                all << tick.text;
            return all.join(QLatin1Char(' '));
        };
        QCOMPARE(texts({}, {0.0, 1.0}, 5), QStringLiteral("0.0 0.2 0.4 0.6 0.8 1.0"));
        QCOMPARE(texts({}, {0.0, 400'000.0}, 4), QStringLiteral("0 100k 200k 300k 400k"));
        const PlotAxis logarithmic{.title = {}, .unit = {}, .scale = PlotScale::Logarithmic};
        QCOMPARE(texts(logarithmic, {-3.0, 1.0}, 5), QStringLiteral("0.001 0.01 0.1 1 10"));
        QVERIFY(texts(logarithmic, {0.3, 0.7}, 5).contains(QStringLiteral("3")));
        QLocale::setDefault(QLocale(QLocale::German));
        QVERIFY(texts({}, {0.0, 1.0}, 5).contains(QStringLiteral("0,2")));
        QCOMPARE(plotNumber(0.01234567), QStringLiteral("0,01235"));
    }

    void contentIsDrawnOnceAFrameHoweverOftenItChanges()
    {
        PlotView plot(QStringLiteral("Loss"));
        showPlot(plot);
        QCOMPARE(plot.canvas().drawnPoints(), 0);
        for (int count = 1; count <= 300; ++count)
            plot.setSeries({curve(QStringLiteral("training"), count)});
        QCOMPARE(plot.canvas().drawnPoints(), 0);
        QTRY_VERIFY(plot.canvas().drawnPoints() > 0);
        QCOMPARE(plot.xRange(), (PlotRange{1.0, 300.0}));
    }

    void crosshairFollowsMouseAndKeysAndLinkedPlots()
    {
        PlotLink link;
        PlotView first(QStringLiteral("Loss")), second(QStringLiteral("Gradient norm"));
        for (PlotView* plot : {&first, &second}) {
            plot->setXAxis({.title = QStringLiteral("Step"), .unit = {}});
            plot->setSeries({curve(QStringLiteral("training"), 100)});
            plot->setLink(&link);
            showPlot(*plot);
        }
        const QRectF area = first.canvas().plotArea();
        QTest::mouseMove(first.canvas().viewport(), area.center().toPoint());
        QVERIFY(first.crosshair().has_value());
        QCOMPARE(second.crosshair(), first.crosshair());
        QVERIFY2(second.crosshairText().startsWith(QStringLiteral("Step 5")),
                 qPrintable(second.crosshairText()));
        QVERIFY(second.crosshairText().contains(QStringLiteral("A training")));
        const double before = *first.crosshair();
        QTest::keyClick(&first.canvas(), Qt::Key_Right);
        QCOMPARE(*first.crosshair(), before + 1.0);
        QCOMPARE(*second.crosshair(), before + 1.0);
        QSignalSpy activated(&first, &PlotView::pointActivated);
        QTest::keyClick(&first.canvas(), Qt::Key_Return);
        QCOMPARE(activated.value(0).value(0).toDouble(), before + 1.0);
        QTest::keyClick(&first.canvas(), Qt::Key_Escape);
        QVERIFY(!second.crosshair());
    }

    void wheelZoomsAndDoubleClickShowsAll()
    {
        PlotLink link;
        PlotView plot(QStringLiteral("Loss")), other(QStringLiteral("Other"));
        for (PlotView* view : {&plot, &other}) {
            view->setSeries({curve(QStringLiteral("training"), 1000)});
            view->setLink(&link);
            showPlot(*view);
        }
        QWidget& surface = *plot.canvas().viewport();
        const QPointF middle = plot.canvas().plotArea().center();
        const PlotRange allX = plot.xRange(), allY = plot.yRange();
        wheel(surface, middle, 3);
        QVERIFY(plot.xRange().to - plot.xRange().from < 0.7 * (allX.to - allX.from));
        QCOMPARE(other.xRange(), plot.xRange());
        QVERIFY(plot.yRange().to < allY.to); // y follows what is shown until the user zooms it
        const PlotRange y = plot.yRange();
        wheel(surface, middle, 2, Qt::ShiftModifier);
        QVERIFY(plot.yRange().to - plot.yRange().from < y.to - y.from);
        QTest::mouseDClick(&surface, Qt::LeftButton, {}, middle.toPoint());
        QCOMPARE(plot.xRange(), allX);
        QCOMPARE(plot.yRange(), allY);
        QTest::keyClick(&plot.canvas(), Qt::Key_Plus);
        QVERIFY(plot.xRange().to < allX.to);
        QTest::keyClick(&plot.canvas(), Qt::Key_Right, Qt::ControlModifier);
        QTest::keyClick(&plot.canvas(), Qt::Key_0);
        QCOMPARE(plot.xRange(), allX);
        QCOMPARE(other.xRange(), allX);
    }

    void brushingShowsThatRange()
    {
        PlotView plot(QStringLiteral("Loss"));
        plot.setSeries({curve(QStringLiteral("training"), 1000)});
        showPlot(plot);
        QSignalSpy brushed(&plot, &PlotView::brushed);
        const QRectF area = plot.canvas().plotArea();
        const auto at = [&](double share) {
            return QPointF(area.left() + share * area.width(), area.center().y()).toPoint();
        };
        QWidget* surface = plot.canvas().viewport();
        QTest::mousePress(surface, Qt::LeftButton, {}, at(0.25));
        QMouseEvent move(QEvent::MouseMove, at(0.5), surface->mapToGlobal(at(0.5)), Qt::LeftButton,
                         Qt::LeftButton, {});
        QApplication::sendEvent(surface, &move);
        QTest::mouseRelease(surface, Qt::LeftButton, {}, at(0.5));
        QCOMPARE(brushed.count(), 1);
        QVERIFY(std::abs(plot.xRange().from - 250.0) < 10.0);
        QVERIFY(std::abs(plot.xRange().to - 500.0) < 10.0);
    }

    void barsStartAtZeroAndNameTheirPlaces()
    {
        PlotView plot(QStringLiteral("Tokens a second"));
        plot.setMode(PlotMode::Bars);
        plot.setXAxis({.title = QStringLiteral("Backend"),
                       .unit = {},
                       .scale = PlotScale::Linear,
                       .labels = {{0.0, QStringLiteral("cpu")}, {1.0, QStringLiteral("cuda")}}});
        PlotSeries series;
        series.x = {0.0, 1.0};
        series.y = {120.0, 400.0};
        plot.setSeries({series});
        showPlot(plot);
        QCOMPARE(plot.yRange().from, 0.0);
        QVERIFY(plot.yRange().to >= 400.0);
        QVERIFY(plot.csv().contains(QStringLiteral("cuda,400")));
        const QImage image = plot.picture(1.0);
        QColor fill = seriesColor(0, false);
        QVERIFY(pixelsNear(image, fill) + pixelsNear(image, QColor::fromRgbF(0.25F + 0.75F * fill.redF(),
                                                                             0.25F + 0.75F * fill.greenF(),
                                                                             0.25F + 0.75F * fill.blueF())) >
                1000);
    }

    void tableTwinHoldsTheSameNumbers()
    {
        PlotView plot(QStringLiteral("Loss"));
        plot.setXAxis({.title = QStringLiteral("Step"), .unit = {}});
        PlotSeries loss, validation;
        loss.name = QStringLiteral("training");
        loss.x = {1, 2, 3};
        loss.y = {3.0, 2.5, 2.25};
        loss.low = {2.9, 2.4, 2.2};
        loss.high = {3.1, 2.6, 2.3};
        validation.name = QStringLiteral("validation");
        validation.x = {2};
        validation.y = {2.75};
        plot.setSeries({loss, validation});
        showPlot(plot);
        QAbstractItemModelTester tester(plot.table().model());
        QTest::keyClick(&plot.canvas(), Qt::Key_T);
        QVERIFY(plot.isTableShown());
        const QAbstractItemModel& model = *plot.table().model();
        QCOMPARE(model.rowCount(), 3);
        QCOMPARE(model.columnCount(), 5);
        QCOMPARE(model.headerData(4, Qt::Horizontal).toString(), QStringLiteral("validation"));
        QCOMPARE(model.index(1, 4).data().toString(), QStringLiteral("2.75000"));
        QCOMPARE(model.index(0, 4).data().toString(), QString());
        QCOMPARE(plot.csv(), QStringLiteral("Step,training,training low,training high,validation\n"
                                            "1,3,2.8999999999999999,3.1000000000000001,\n"
                                            "2,2.5,2.3999999999999999,2.6000000000000001,2.75\n"
                                            "3,2.25,2.2000000000000002,2.2999999999999998,\n"));
        plot.setSeries({}); // while the table is shown
        QCOMPARE(model.rowCount(), 0);
    }

    void exportsWriteFilesAndSayWhatWentWrong()
    {
        QTemporaryDir folder;
        PlotView plot(QStringLiteral("Loss"));
        plot.setSeries({curve(QStringLiteral("training"), 50)});
        showPlot(plot);
        QCOMPARE(plot.exportPng(folder.filePath("a.png")), QString());
        QCOMPARE(plot.exportSvg(folder.filePath("a.svg")), QString());
        QCOMPARE(plot.exportCsv(folder.filePath("a.csv")), QString());
        QCOMPARE(QImage(folder.filePath("a.png")).size(), plot.canvas().viewport()->size() * 2);
        QFile svg(folder.filePath("a.svg"));
        QVERIFY(svg.open(QIODevice::ReadOnly));
        QVERIFY(svg.readAll().contains("Loss"));
        QVERIFY(plot.exportPng(folder.filePath("no/such/folder/a.png")).contains("no/such/folder"));
    }

    void themeChangesAtOnce()
    {
        PlotView plot(QStringLiteral("Loss"));
        plot.setSeries({curve(QStringLiteral("training"), 50), curve(QStringLiteral("validation"), 50, 7.0)});
        plot.setMarkers({{20.0, QStringLiteral("lr 1e-3"), {}}});
        showPlot(plot);
        QVERIFY(pixelsNear(plot.picture(1.0), seriesColor(0, false)) > 100);
        applyTheme(*qApp, ThemeChoice::Dark);
        const QImage dark = plot.picture(1.0);
        QVERIFY(pixelsNear(dark, seriesColor(0, true)) > 100);
        QVERIFY(pixelsNear(dark, themeColors().surface) > 50'000);
        applyTheme(*qApp, ThemeChoice::Light);
    }

    void everyStyleIsTellable()
    {
        for (int a = 0; a < 7; ++a) {
            for (int b = a + 1; b < 7; ++b) {
                QVERIFY(seriesColor(a, false) != seriesColor(b, false));
                QVERIFY(seriesLetter(a) != seriesLetter(b));
            }
        }
        QCOMPARE(seriesLetter(26), QStringLiteral("A1"));
    }
};

QTEST_MAIN(PlotViewTest)
#include "tst_plot_view.moc"
