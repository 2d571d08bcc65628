// The training page in the real window, with real training processes: from a dropped file to chatting with
// the result, through pause, changes, a crash and a closed window.
#include "app/backend_catalog.h"
#include "app/main_window.h"
#include "app/model_opening.h"

#include "engine/train/checkpoint.h"
#include "tests/support/test_files.h"
#include "widgets/actions/action_registry.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/pages/chat_page.h"
#include "widgets/pages/training_page.h"
#include "widgets/theme/theme.h"
#include "widgets/training/run_charts.h"
#include "widgets/training/run_library.h"
#include "widgets/training/training_setup.h"
#include "widgets/views/message_bar.h"
#include "widgets/workers/inference_service.h"

#include <QAction>
#include <QApplication>
#include <QDoubleSpinBox>
#include <QDropEvent>
#include <QFile>
#include <QLabel>
#include <QMimeData>
#include <QPushButton>
#include <QSpinBox>
#include <QTabWidget>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>

namespace mmfree
{

using namespace gui;
namespace fs = std::filesystem;

namespace
{

constexpr int kLong = 60'000; // milliseconds; a busy machine

std::unique_ptr<app::MainWindow> openWindow(const QString& data)
{
    app::WindowSetup setup;
    setup.dataFolder = data;
    setup.openModel = app::openModelParts;
    setup.listBackends = app::listAllBackends;
    setup.backends = allBackends();
    setup.rememberChanges = false;
    auto window = std::make_unique<app::MainWindow>(setup);
    window->resize(1200, 760);
    window->show();
    (void)window->showPage(QStringLiteral("train"));
    return window;
}

TrainingPage& pageOf(app::MainWindow& window)
{
    return *window.findChild<TrainingPage*>();
}

void drop(QWidget* target, const QStringList& files)
{
    QMimeData data;
    QList<QUrl> urls;
    for (const QString& file : files)
        urls << QUrl::fromLocalFile(file);
    data.setUrls(urls);
    QDragEnterEvent enter(target->rect().center(), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(target, &enter);
    QDropEvent event(target->rect().center(), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(target, &event);
}

// A model and options small enough for a test; it would train for hours.
void makeSmall(TrainingSetup& setup)
{
    setup.setTokenizer(TokenizerChoice::Train, {}, 400, {});
    ModelConfig model = setup.values().model;
    model.layerCount = 2;
    model.hiddenSize = 64;
    model.intermediateSize = 64;
    setup.setPreset(ModelPreset::Custom, Architecture::MatMulFree);
    setup.setModel(model);
    TrainingOptions options = setup.values().options;
    options.steps = 500'000;
    options.batch = 2;
    options.length = 32;
    options.evaluateEvery = 20;
    options.checkpointEvery = 20;
    options.statisticsEvery = 5;
    options.sampleEvery = 0;
    setup.setOptions(options);
    setup.setExecution(QStringLiteral("cpu"), 1);
}

RunStatus statusOf(const QString& folder)
{
    return readRunState(folder.toStdString()).status;
}

QString linesOf(const TrainingSetup& setup)
{
    QStringList lines;
    for (const SetupPart part : kSetupParts)
        lines << setup.status(part).line;
    return lines.join(QLatin1Char('|'));
}

qint64 stepsOf(const QString& folder)
{
    return static_cast<qint64>(readMetrics(fs::path(folder.toStdString()) / "metrics.jsonl").size());
}

} // namespace

class TrainingPageTest : public QObject
{
    Q_OBJECT

    QTemporaryDir m_folder;
    QString m_text;

    void click(app::MainWindow& window, const char* action)
    {
        window.actions().action(QLatin1String(action))->trigger();
    }

    // Starts a small run in `window` and waits for its first steps.
    QString startRun(app::MainWindow& window)
    {
        TrainingPage& page = pageOf(window);
        page.setup().addFiles({m_text});
        makeSmall(page.setup());
        if (!QTest::qWaitFor([&] { return page.setup().isReady(); }, kLong))
            return {};
        click(window, "train.start");
        const QString folder = page.currentRun();
        return QTest::qWaitFor([&] { return !folder.isEmpty() && stepsOf(folder) >= 3; }, kLong) ? folder
                                                                                                 : QString();
    }
    void stopRun(app::MainWindow& window, const QString& folder)
    {
        QVERIFY(QTest::qWaitFor([&] { return isActive(statusOf(folder)); }, kLong));
        QVERIFY(pageOf(window).library().send(folder, {.kind = RunCommandKind::Stop}));
        QVERIFY(QTest::qWaitFor([&] { return statusOf(folder) == RunStatus::Stopped; }, kLong));
    }

private slots:
    void initTestCase()
    {
        applyTheme(*static_cast<QApplication*>(qApp), ThemeChoice::Light);
        QFile source(QString::fromStdString(
            (test::sourceFolder() / "resources/demo/texts/sherlock_holmes.txt").string()));
        QVERIFY(source.open(QIODevice::ReadOnly));
        m_text = m_folder.filePath("holmes.txt");
        QFile text(m_text);
        QVERIFY(text.open(QIODevice::WriteOnly));
        const QByteArray start = source.read(60'000);
        text.write(start.left(start.lastIndexOf('\n') + 1));
    }

    void fromADroppedFileToChattingWithLiveWeights()
    {
        QTemporaryDir data;
        const auto window = openWindow(data.path());
        TrainingPage& page = pageOf(*window);
        QCOMPARE(page.setup().status(SetupPart::Data).kind, PartStatus::Kind::Empty);
        QVERIFY(!window->actions().action("train.start")->isEnabled());
        drop(&page, {m_text});
        makeSmall(page.setup());
        QTRY_VERIFY_WITH_TIMEOUT(page.setup().isReady(), kLong);
        QVERIFY(page.setup().tokenizer().roundTrip);
        QCOMPARE(page.setup().firstBatch().size(), std::size_t{2});
        QVERIFY(page.setup().commandLine().contains(QStringLiteral("--steps 500000")));
        QTRY_VERIFY_WITH_TIMEOUT(page.setup().probe().tokensPerSecond > 0.0, kLong);

        click(*window, "train.start");
        const QString folder = page.currentRun();
        QVERIFY(!folder.isEmpty());
        QTRY_VERIFY_WITH_TIMEOUT(stepsOf(folder) >= 8, kLong);
        QTRY_VERIFY_WITH_TIMEOUT(window->actions().action("train.pause")->isEnabled(), kLong);
        click(*window, "train.pause");
        QTRY_COMPARE_WITH_TIMEOUT(statusOf(folder), RunStatus::Paused, kLong);
        const qint64 paused = stepsOf(folder);
        click(*window, "train.step");
        QTRY_COMPARE_WITH_TIMEOUT(stepsOf(folder), paused + 1, kLong);

        // The curves show every step, the ternary strip has its first looks.
        auto* charts = page.findChild<RunCharts*>();
        QTRY_VERIFY_WITH_TIMEOUT(!charts->plots().first()->series().isEmpty() &&
                                     !charts->plots().first()->series().first().x.empty() &&
                                     charts->plots().first()->series().first().x.back() == double(paused + 1),
                                 kLong);

        // A change while paused is a marker and halves the rate of the next step.
        page.findChild<QDoubleSpinBox*>("rateScale")->setValue(0.5);
        page.findChild<QPushButton*>("applyRate")->click();
        QTRY_VERIFY_WITH_TIMEOUT(readRunRecord(folder.toStdString()).options.learningRateEdits.size() == 1,
                                 kLong);

        // Chat with the weights of this very step.
        click(*window, "train.chat");
        QTRY_VERIFY_WITH_TIMEOUT(window->service().model() && window->service().model()->path.endsWith(
                                                                  QStringLiteral("step-%1").arg(paused + 1)),
                                 kLong);
        QCOMPARE(window->currentPage().id(), QStringLiteral("chat"));
        window->findChild<QSpinBox*>("maxTokens")->setValue(8);
        window->findChild<ChatPage*>()->sendPrompt(QStringLiteral("The "));
        QTRY_VERIFY_WITH_TIMEOUT(!window->chat().isBusy() && window->chat().messages().size() >= 2, kLong);
        QCOMPARE(statusOf(folder), RunStatus::Paused); // loaded all the while

        (void)window->showPage(QStringLiteral("train"));
        click(*window, "train.start"); // goes on
        QTRY_VERIFY_WITH_TIMEOUT(stepsOf(folder) > paused + 3, kLong);
        click(*window, "train.stop");
        QTRY_COMPARE_WITH_TIMEOUT(statusOf(folder), RunStatus::Stopped, kLong);
        const auto metrics = readMetrics(fs::path(folder.toStdString()) / "metrics.jsonl");
        QVERIFY(metrics.at(static_cast<std::size_t>(paused) + 1).learningRate <
                0.51 * metrics.at(static_cast<std::size_t>(paused)).learningRate + 1e-4);
        QVERIFY(!readTernaryStatistics(folder.toStdString()).empty());
    }

    void aKilledRunIsOfferedAgainAndAClosedWindowFindsItsRun()
    {
        QTemporaryDir data;
        QString folder;
        {
            const auto window = openWindow(data.path());
            folder = startRun(*window);
            QVERIFY(!folder.isEmpty());
            QTRY_VERIFY_WITH_TIMEOUT(latestCheckpoint(folder.toStdString()).has_value(), kLong);
            ::kill(static_cast<pid_t>(readRunState(folder.toStdString()).process), SIGKILL);
            QTRY_COMPARE_WITH_TIMEOUT(statusOf(folder), RunStatus::Interrupted, kLong);
        }
        {
            const auto window = openWindow(data.path());
            auto* resume = window->findChild<QPushButton*>("bannerResume");
            QTRY_VERIFY_WITH_TIMEOUT(resume->isVisible(), kLong);
            const qint64 before = stepsOf(folder);
            resume->click();
            QTRY_VERIFY_WITH_TIMEOUT(isActive(statusOf(folder)) && stepsOf(folder) > before, kLong);
            QVERIFY(!resume->isVisible());
        }
        // The window is gone, the run is not; the next window shows it at once.
        const qint64 left = stepsOf(folder);
        const auto window = openWindow(data.path());
        QCOMPARE(pageOf(*window).currentRun(), folder);
        QTRY_VERIFY_WITH_TIMEOUT(stepsOf(folder) > left, kLong);
        stopRun(*window, folder);
    }

    void exportsReopenWithEqualWeightsAndRunsAreManaged()
    {
        QTemporaryDir data;
        const auto window = openWindow(data.path());
        TrainingPage& page = pageOf(*window);
        const QString folder = startRun(*window);
        QVERIFY(!folder.isEmpty());
        stopRun(*window, folder);
        const auto checkpoint = openModel(*latestCheckpoint(folder.toStdString()));
        const ParameterLayout layout(checkpoint->config());
        AlignedBuffer<float> expected(static_cast<std::size_t>(layout.size())), found(expected.size());
        loadParameters(layout, *checkpoint, expected.span());

        const QString hugging = data.filePath("hf"), packed = data.filePath("packed.safetensors");
        page.exportModel(folder, hugging, false);
        QTRY_VERIFY_WITH_TIMEOUT(QFile::exists(hugging + "/config.json"), kLong);
        const auto reopened = openModel(hugging.toStdString());
        loadParameters(layout, *reopened, found.span());
        QVERIFY(std::equal(found.span().begin(), found.span().end(), expected.span().begin()));
        page.exportModel(folder, packed, true);
        QTRY_VERIFY_WITH_TIMEOUT(QFile::exists(packed), kLong);
        QTRY_VERIFY_WITH_TIMEOUT(window->messageBar().detail() == packed, kLong);
        const auto backend = findBackend("cpu", Architecture::MatMulFree, Work::Inference);
        std::vector<std::vector<float>> logits;
        const std::vector<TokenId> prompt{1, 300, 20, 310};
        for (const auto& source : {checkpoint, reopened}) {
            const auto executor = backend->createInference(source, {.threads = 1});
            const auto state = executor->createState();
            const auto result = executor->forward({prompt, LogitsMode::All}, *state);
            logits.emplace_back(result.logits.begin(), result.logits.end());
        }
        QVERIFY(logits.at(0) == logits.at(1));
        QCOMPARE(openModel(packed.toStdString())->config().hiddenSize, std::int64_t{64});

        QVERIFY(page.library().rename(folder, QStringLiteral("Another name"), {QStringLiteral("fable")}));
        QCOMPARE(page.library().find(folder)->name, QStringLiteral("Another name"));
        QVERIFY(page.library().remove(folder));
        QVERIFY(!page.library().find(folder));
        QVERIFY(page.library().restore(folder));
        QVERIFY(page.library().find(folder));
    }

    void dataIsCheckedBeforeAnythingStarts()
    {
        QTemporaryDir data;
        const auto window = openWindow(data.path());
        TrainingSetup& setup = pageOf(*window).setup();
        const auto write = [&](const char* name, const QByteArray& bytes) {
            QFile file(data.filePath(name));
            if (file.open(QIODevice::WriteOnly))
                file.write(bytes);
            return file.fileName();
        };
        const QString binary = write("picture.txt", QByteArray("\x89PNG\0\0\0", 7));
        setup.addFiles({m_text, binary, write("same.txt", [&] {
                            QFile file(m_text);
                            return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
                        }())});
        makeSmall(setup);
        QTRY_COMPARE_WITH_TIMEOUT(setup.status(SetupPart::Data).kind, PartStatus::Kind::Problem, kLong);
        QVERIFY(setup.status(SetupPart::Data).line.contains(QStringLiteral("picture.txt")));
        QVERIFY(!setup.isReady());
        QVERIFY(!setup.data().files.at(2).duplicateOf.isEmpty());
        setup.removeUnusable();
        QTRY_VERIFY_WITH_TIMEOUT(setup.isReady(), kLong);
        QCOMPARE(setup.values().files, QStringList{m_text});

        TrainingOptions options = setup.values().options;
        options.length = 10'000'000;
        setup.setOptions(options);
        QCOMPARE(setup.status(SetupPart::Run).kind, PartStatus::Kind::Problem);
        options.length = 32;
        setup.setOptions(options);

        // Question/answer lines become marked-up turns.
        QByteArray turns;
        for (int i = 0; i < 400; ++i)
            turns += QStringLiteral("{\"question\": \"What is %1 and %2?\", \"answer\": \"It is %3.\"}\n")
                         .arg(i)
                         .arg(i * 7 % 91)
                         .arg(i + i * 7 % 91)
                         .toUtf8();
        setup.removeFile(m_text);
        setup.addFiles({write("turns.jsonl", turns)});
        setup.setTokenizer(TokenizerChoice::Train, {}, 290, {"<user>", "<assistant>"});
        QVERIFY2(QTest::qWaitFor([&] { return setup.isReady(); }, kLong), qPrintable(linesOf(setup)));
        QCOMPARE(setup.data().files.first().turns, qint64{800});
        QVERIFY(setup.data().corpus->training.find("<user>What is 1 and 7?<assistant>It is 8.") !=
                std::string::npos);
        setup.addFiles({write("broken.jsonl", "{\"question\": 5}\n")});
        QTRY_COMPARE_WITH_TIMEOUT(setup.status(SetupPart::Data).kind, PartStatus::Kind::Problem, kLong);
        QVERIFY(setup.status(SetupPart::Data).line.contains(QStringLiteral("line 1")));
    }
};

} // namespace mmfree

QTEST_MAIN(mmfree::TrainingPageTest)
#include "tst_training_page.moc"
