// The devices page over the real backends: what is listed, measured and logged, what fails and how, and the
// planner's sliders.
#include "tests/gui/window_fixture.h"

#include "app/backend_catalog.h"
#include "app/model_opening.h"

#include "engine/core/atomic_file.h"
#include "tests/gui/small_model.h"
#include "tests/support/test_files.h"
#include "widgets/pages/devices_page.h"
#include "widgets/pages/page_context.h"
#include "widgets/theme/theme.h"
#include "widgets/views/planner/planner_view.h"
#include "widgets/views/plot/plot_view.h"
#include "widgets/workers/inference_service.h"

#include <QComboBox>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSlider>
#include <QTest>
#include <QTreeWidget>

#include <thread>

namespace mmfree
{

using namespace gui;
using namespace test;

class DevicesPageTest : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase()
    {
        qputenv("MMFREE_OPENCL_CACHE", (m_cache.path() / "cache").c_str());
        applyTheme(*static_cast<QApplication*>(qApp), ThemeChoice::Light);
        writeSmallModel(m_models.filePath("small"));
        m_window = std::make_unique<WindowFixture>(QString(), app::openModelParts);
        m_window->open(m_models.filePath("small"));
        PageContext context;
        context.service = &m_window->m_window->service();
        context.backends = allBackends();
        m_page = std::make_unique<DevicesPage>(context);
        m_page->resize(1132, 860);
        m_page->show();
        QTRY_VERIFY_WITH_TIMEOUT(m_page->isSettled(), 60'000);
    }
    void cleanup() { qunsetenv("MMFREE_OPENCL_OPTIONS"); }
    void cleanupTestCase()
    {
        m_page.reset();
        m_window.reset();
    }

    void everyDeviceIsListedWithItsReason()
    {
        int listed = 0, expected = 0;
        for (const auto& backend : allBackends())
            expected += static_cast<int>(backend->devices().size());
        for (QTreeWidgetItem* device : devices()) {
            ++listed;
            list()->setCurrentItem(device);
            QVERIFY(!child<QLabel>("deviceName")->text().isEmpty());
            const bool usable = child<QPushButton>("deviceMeasure")->isEnabled();
            QCOMPARE(child<QLabel>("deviceReason")->isVisible(), !usable);
        }
        QCOMPARE(listed, expected);
    }

    void devicesAreListedFromTwoThreadsAtOnce()
    {
        for (int round = 0; round < 3; ++round) {
            std::thread other([] { (void)app::listAllBackends(); });
            (void)app::listAllBackends();
            other.join();
        }
    }

    void aBackendWithoutKernelsShowsItsSpeed()
    {
        choose("cpu");
        measure();
        QVERIFY2(child<QLabel>("deviceRate")->isVisible(), qPrintable(child<QLabel>("deviceResult")->text()));
        QVERIFY(child<QLabel>("deviceResult")->text().contains("small"));
        QVERIFY(!m_page->kernelPlot().isVisible());
    }

    void openClShowsItsKernelsAndItsLog()
    {
        if (!choose("opencl"))
            QSKIP("no OpenCL device");
        measure();
        QVERIFY2(child<QLabel>("deviceRate")->isVisible(), qPrintable(child<QLabel>("deviceResult")->text()));
        QVERIFY(m_page->kernelPlot().isVisible());
        const QList<PlotSeries>& series = m_page->kernelPlot().series();
        QCOMPARE(series.size(), 1);
        QVERIFY(series.first().y.size() > 4);
        QVERIFY(std::is_sorted(series.first().y.rbegin(), series.first().y.rend()));
        QStringList names;
        for (const auto& [place, name] : m_page->kernelPlot().xAxis().labels)
            names << name;
        QVERIFY2(names.contains("gates_scan"), qPrintable(names.join(' ')));
        QVERIFY(child<QPlainTextEdit>("buildLog")->toPlainText().contains("Program: "));
        // The log of a program from the cache is the one of its compilation.
        measure();
        QVERIFY(child<QPlainTextEdit>("buildLog")->toPlainText().contains("from the cache"));
    }

    void kernelsThatDoNotBuildShowTheCompilersLog()
    {
        if (!choose("opencl"))
            QSKIP("no OpenCL device");
        qputenv("MMFREE_OPENCL_OPTIONS", "-Dhidden=3");
        measure();
        QVERIFY(!child<QLabel>("deviceRate")->isVisible());
        const QString said = child<QLabel>("deviceResult")->text();
        QVERIFY2(said.contains("do not build") && said.contains("fpga/kernels/"), qPrintable(said));
        QVERIFY(child<QPlainTextEdit>("buildLog")->isVisible());
        QVERIFY(child<QPlainTextEdit>("buildLog")->toPlainText().contains("error"));
        qunsetenv("MMFREE_OPENCL_OPTIONS");
        measure(); // and it goes on
        QVERIFY(child<QLabel>("deviceRate")->isVisible());
    }

    void cancelEndsARunSoon()
    {
        choose("cpu");
        auto* model = child<QComboBox>("deviceModel");
        model->setCurrentIndex(model->count() - 1);
        QTest::mouseClick(child<QPushButton>("deviceMeasure"), Qt::LeftButton);
        QVERIFY(!m_page->isSettled());
        QTRY_VERIFY(child<QPushButton>("deviceCancel")->isVisible());
        QTest::mouseClick(child<QPushButton>("deviceCancel"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(m_page->isSettled(), 20'000);
        QVERIFY(!child<QLabel>("deviceRate")->isVisible());
        QVERIFY(child<QPushButton>("deviceMeasure")->isEnabled());
        model->setCurrentIndex(0);
    }

    void thePlannerFollowsItsSliders()
    {
        QVERIFY(m_page->showView("planner"));
        QVERIFY(!m_page->showView("nowhere"));
        PlannerView& planner = m_page->planner();
        auto* board = planner.findChild<QComboBox*>("plannerBoard");
        auto* shape = planner.findChild<QComboBox*>("plannerShape");
        auto* rows = planner.findChild<QSlider*>("plannerRows");
        QCOMPARE(shape->count(), 5); // the four published shapes and the open model
        board->setCurrentText("U280");
        const double before = planner.plan().tokensPerSecond;
        rows->setValue(rows->value() + 2);
        QVERIFY(planner.plan().tokensPerSecond > before);
        QVERIFY(planner.findChild<QLabel*>("plannerRate")->text().contains("projected"));
        QCOMPARE(planner.findChild<QTreeWidget*>("plannerStages")->topLevelItemCount(),
                 static_cast<int>(planner.plan().stages.size()));
        board->setCurrentText("Arty A7-35T");
        shape->setCurrentText("13B");
        QVERIFY(!planner.plan().fits());
        QVERIFY(planner.findChild<QLabel*>("plannerFit")->text().contains("too much"));
        QVERIFY(planner.findChild<QTreeWidget*>("plannerPublished")->topLevelItemCount() > 8);
    }

    void aBoardFileIsAddedOrItsFaultNamed()
    {
        const TemporaryFolder folder;
        std::string text = readTextFile(sourceFolder() / "resources/boards/u50.json");
        const auto good = folder.path() / "mine.json", bad = folder.path() / "bad.json";
        text.replace(text.find("\"U50\""), 5, "\"Mine\"");
        writeFileAtomically(good, text);
        writeFileAtomically(bad, "{\"name\": \"x\"}");
        PlannerView& planner = m_page->planner();
        QCOMPARE(planner.addBoard(QString::fromStdString(good.string())), QString());
        QCOMPARE(planner.findChild<QComboBox*>("plannerBoard")->currentText(), QString("Mine"));
        const QString problem = planner.addBoard(QString::fromStdString(bad.string()));
        QVERIFY2(problem.contains("bad.json") && problem.contains("chip is absent"), qPrintable(problem));
        QVERIFY(planner.addBoard("/no/such/board.json").contains("/no/such/board.json"));
    }

private:
    template <class Widget>
    [[nodiscard]] Widget* child(const char* name) const
    {
        return m_page->findChild<Widget*>(QString::fromLatin1(name));
    }
    [[nodiscard]] QTreeWidget* list() const { return child<QTreeWidget>("deviceList"); }
    [[nodiscard]] QList<QTreeWidgetItem*> devices() const
    {
        QList<QTreeWidgetItem*> found;
        for (int group = 0; group < list()->topLevelItemCount(); ++group) {
            for (int row = 0; row < list()->topLevelItem(group)->childCount(); ++row)
                found << list()->topLevelItem(group)->child(row);
        }
        return found;
    }
    // The first device of a backend; false: it has no usable one.
    bool choose(const char* backendName)
    {
        m_page->showView("devices");
        const auto backends = allBackends();
        for (int group = 0; group < list()->topLevelItemCount(); ++group) {
            if (backends.at(static_cast<std::size_t>(group))->name() == backendName)
                list()->setCurrentItem(list()->topLevelItem(group)->child(0));
        }
        return child<QPushButton>("deviceMeasure")->isEnabled();
    }
    void measure()
    {
        QTest::mouseClick(child<QPushButton>("deviceMeasure"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(m_page->isSettled(), 60'000);
        if (qEnvironmentVariableIsSet("MMFREE_TEST_PICTURE"))
            m_page->grab().save(qEnvironmentVariable("MMFREE_TEST_PICTURE"));
    }

    TemporaryFolder m_cache;
    QTemporaryDir m_models;
    std::unique_ptr<WindowFixture> m_window;
    std::unique_ptr<DevicesPage> m_page;
};

} // namespace mmfree

QTEST_MAIN(mmfree::DevicesPageTest)
#include "tst_devices_page.moc"
