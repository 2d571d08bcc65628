// What can go wrong with files, disks and texts, seen in the window: each is named in the message bar, the
// open model stays, and the window goes on.
#include "tests/gui/window_fixture.h"

#include "app/model_opening.h"

#include "tests/gui/small_model.h"
#include "tests/support/damaged_models.h"
#include "tests/support/test_files.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/store/conversation_store.h"
#include "widgets/theme/theme.h"
#include "widgets/views/message_bar.h"
#include "widgets/workers/inference_service.h"

#include <QApplication>
#include <QClipboard>
#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QProgressBar>
#include <QPushButton>
#include <QSpinBox>
#include <QTest>

#include <atomic>
#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace mmfree
{

using namespace gui;
using namespace test;

namespace
{

// Permission bits do not stop root, as whom tests may run; they stop "nobody".
class AsNobody
{
public:
    AsNobody()
        : m_root(geteuid() == 0)
    {
        m_changed = m_root && seteuid(65534) == 0;
    }
    ~AsNobody()
    {
        if (m_changed && seteuid(0) != 0)
            qFatal("the rights of root did not come back");
    }
    [[nodiscard]] bool permissionsCount() const { return !m_root || m_changed; }

private:
    bool m_root = false, m_changed = false;
};

// No file of this process grows past `bytes` while the object lives: a full disk.
class FullDisk
{
public:
    explicit FullDisk(rlim_t bytes)
        : m_oldHandler(std::signal(SIGXFSZ, SIG_IGN))
    {
        getrlimit(RLIMIT_FSIZE, &m_old);
        const rlimit limit{bytes, m_old.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FullDisk()
    {
        setrlimit(RLIMIT_FSIZE, &m_old);
        std::signal(SIGXFSZ, m_oldHandler);
    }

private:
    void (*m_oldHandler)(int);
    rlimit m_old = {};
};

// Opens real models, but stays between two tensors of those named "slow" until told to go on or stopped.
struct SlowOpening {
    std::atomic<bool> waiting = false, goOn = false;
    std::atomic<int> ended = 0;

    OpenFunction function()
    {
        return [this](const OpenRequest& request) {
            struct Count {
                std::atomic<int>& ended;
                ~Count() { ++ended; }
            } const count{ended};
            if (!request.path.endsWith("slow"))
                return app::openModelParts(request);
            OpenRequest watched = request;
            watched.progress = [this, &request](double share) {
                request.progress(share);
                waiting = true;
                while (!goOn && !request.stop.stop_requested())
                    std::this_thread::yield();
            };
            return app::openModelParts(watched);
        };
    }
};

} // namespace

class WindowBadInputTest : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase()
    {
        applyTheme(*static_cast<QApplication*>(qApp), ThemeChoice::Light);
        writeSmallModel(m_models.filePath("small"));
        m_window = std::make_unique<WindowFixture>(QString(), app::openModelParts);
        m_window->open(m_models.filePath("small"));
        QCOMPARE(openName(), QString("small"));
    }
    void cleanupTestCase()
    {
        // After all that was refused the window still answers.
        QApplication::setActiveWindow(m_window->m_window.get());
        m_window->child<QSpinBox>("maxTokens")->setValue(4);
        m_window->send("the fox");
        QVERIFY(m_window->waitIdle());
        QVERIFY(m_window->messages().last()->message().stats.has_value());
        m_window.reset();
    }

    void damagedModelIsNamed_data()
    {
        QTest::addColumn<int>("index");
        const std::vector<DamagedModel> models = damagedModels();
        for (std::size_t index = 0; index < models.size(); ++index)
            QTest::newRow(models[index].name) << static_cast<int>(index);
    }
    void damagedModelIsNamed()
    {
        QFETCH(int, index);
        const DamagedModel model = damagedModels()[static_cast<std::size_t>(index)];
        const TemporaryFolder folder;
        expectRefusal(QString::fromStdString(model.makeIn(folder.path()).string()), model.named);
    }

    void tokenizerOfAnotherSizeIsNamed()
    {
        const QString path = m_models.filePath("mismatch");
        writeSmallModel(path, 300);
        QVERIFY(QFile::remove(path + "/tokenizer.model"));
        QVERIFY(QFile::copy(m_models.filePath("small/tokenizer.model"), path + "/tokenizer.model"));
        expectRefusal(path, {"tokenizer.model", "320", "300"});
    }

    void whatIsNoModelIsNamed()
    {
        expectRefusal(m_models.filePath("absent"), {"absent"});
        QDir(m_models.path()).mkdir("empty");
        expectRefusal(m_models.filePath("empty"), {"empty", "config.json"});
        QFile file(m_models.filePath("notes.txt"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("These are notes.");
        file.close();
        expectRefusal(file.fileName(), {"notes.txt"});
    }

    void aModelOfTheBackendThatIsGoneSaysSo()
    {
        WindowFixture window({}, [](const OpenRequest& request) {
            OpenRequest other = request;
            other.backend = "abacus";
            return app::openModelParts(other);
        });
        window.open(m_models.filePath("small"));
        QVERIFY(!window.m_window->service().model());
        QVERIFY(window.m_window->messageBar().detail().contains("abacus"));
    }

    void aMegabyteIsReadWithProgressAndStops()
    {
        WindowFixture window({}, app::openModelParts);
        window.open(m_models.filePath("small"));
        QApplication::clipboard()->setText(QString("the fox runs over the hill. ").repeated(37'500));
        window.editor()->setFocus();
        window.press(Qt::Key_V, Qt::ControlModifier);
        QCOMPARE(window.editor()->toPlainText().size(), 1'050'000);
        window.press(Qt::Key_Return);
        QVERIFY(window.m_window->chat().isBusy());
        qint64 done = 0, total = 0;
        connect(&window.m_window->chat(), &ChatController::readingProgressed, this, [&](qint64 d, qint64 t) {
            done = d;
            total = t;
        });
        QTRY_VERIFY_WITH_TIMEOUT(done > 0 || !window.m_window->chat().isBusy(), 60'000);
        QVERIFY(total > 10'000);
        window.m_window->chat().stop();
        QTRY_VERIFY_WITH_TIMEOUT(!window.m_window->chat().isBusy(), 20'000);
        window.child<QSpinBox>("maxTokens")->setValue(2);
        window.press(Qt::Key_N, Qt::ControlModifier);
        window.send("the fox");
        QVERIFY(window.waitIdle());
        QCOMPARE(window.messages().size(), 2);
    }

    void textThatIsNoUnicodeIsSentAndStored()
    {
        QTemporaryDir data;
        QString bad = "the ";
        bad += QChar(0xd83d); // half of an emoji
        bad += " fox";
        bad += QChar(0xffff);
        bad += QChar(0x202e); // turns the writing around
        {
            WindowFixture window(data.path(), app::openModelParts);
            window.open(m_models.filePath("small"));
            window.child<QSpinBox>("maxTokens")->setValue(4);
            window.editor()->setPlainText(bad);
            window.editor()->setFocus();
            window.press(Qt::Key_Return);
            QVERIFY(window.waitIdle());
            QVERIFY(window.messages().last()->message().stats.has_value());
            QCOMPARE(window.m_window->messageBar().title(), QString());
            window.m_window->close();
        }
        WindowFixture window(data.path(), app::openModelParts);
        QCOMPARE(window.messages().size(), 2);
        QVERIFY(window.messages().first()->message().text.startsWith("the "));
    }

    void aDataFolderThatCannotBeWrittenIsSaid_data()
    {
        QTest::addColumn<bool>("withChats");
        QTest::newRow("empty") << false;
        QTest::newRow("with chats of before") << true;
    }
    void aDataFolderThatCannotBeWrittenIsSaid()
    {
        QFETCH(bool, withChats);
        QTemporaryDir parent;
        QFile::setPermissions(parent.path(), QFile::Permissions(0x7755));
        const QString data = parent.filePath("data");
        QVERIFY(QDir().mkpath(data));
        if (withChats)
            ConversationStore(data + "/chats.sqlite").createConversation("An earlier chat");
        chmod(qPrintable(data), 0555);
        if (withChats)
            chmod(qPrintable(data + "/chats.sqlite"), 0444);
        const AsNobody nobody;
        if (!nobody.permissionsCount())
            QSKIP("this user writes everywhere and cannot become another");
        WindowFixture window(data, fakeOpen(std::make_shared<FakeControl>()));
        QVERIFY(window.m_window->messageBar().isVisible());
        QVERIFY2(window.m_window->messageBar().detail().contains(data + "/chats.sqlite"),
                 qPrintable(window.m_window->messageBar().detail()));
        window.open();
        window.send("hello");
        QVERIFY(window.waitIdle());
        QCOMPARE(window.messages().size(), 2);
        window.m_window->close();
        const QStringList expected = withChats ? QStringList{"chats.sqlite"} : QStringList();
        QCOMPARE(QDir(data).entryList(QDir::Files | QDir::Hidden), expected);
    }

    void aFullDiskIsSaidAndNothingIsLostFromTheScreen()
    {
        QTemporaryDir data;
        WindowFixture window(data.path());
        window.open();
        window.send("first");
        QVERIFY(window.waitIdle());
        {
            const FullDisk full(4096);
            window.send("second");
            QVERIFY(window.waitIdle());
            QVERIFY(window.m_window->messageBar().isVisible());
            QVERIFY2(!window.m_window->messageBar().detail().isEmpty(),
                     qPrintable(window.m_window->messageBar().title()));
        }
        window.m_window->messageBar().clear();
        window.send("third");
        QVERIFY(window.waitIdle());
        QVERIFY2(!window.m_window->messageBar().isVisible(),
                 qPrintable(window.m_window->messageBar().detail()));
        QVERIFY(window.lastText().startsWith("This is an answer."));
    }

    void aCancelledOpeningEndsAndTheOpenModelStays()
    {
        QVERIFY(QDir(m_models.path()).exists("slow") || (writeSmallModel(m_models.filePath("slow")), true));
        SlowOpening opening;
        WindowFixture window({}, opening.function());
        window.open(m_models.filePath("small"));
        window.m_window->openModel(m_models.filePath("slow"));
        QTRY_VERIFY(opening.waiting);
        auto* cancel = window.child<QPushButton>("cancelOpening");
        QTRY_VERIFY(cancel->isVisible() && window.child<QProgressBar>("openingProgress")->isVisible());
        window.click(cancel);
        QVERIFY(!window.m_window->service().isOpening());
        QTRY_COMPARE(opening.ended.load(), 2); // the work itself ended, not only the waiting for it
        QVERIFY(!cancel->isVisible());
        QVERIFY(!window.m_window->messageBar().isVisible());
        QCOMPARE(window.m_window->service().model()->name, QString("small"));
        // A newer wish ends an older one.
        opening.waiting = false;
        window.m_window->openModel(m_models.filePath("slow"));
        QTRY_VERIFY(opening.waiting);
        window.open(m_models.filePath("small"));
        QCOMPARE(window.m_window->service().model()->name, QString("small"));
        QCOMPARE(opening.ended.load(), 4);
        // And one that is let through opens, with progress up to then.
        opening.goOn = true;
        window.open(m_models.filePath("slow"));
        QCOMPARE(window.m_window->service().model()->name, QString("slow"));
    }

    void closingTheWindowEndsAnOpening()
    {
        writeSmallModel(m_models.filePath("slow"));
        SlowOpening opening;
        {
            WindowFixture window({}, opening.function());
            window.m_window->openModel(m_models.filePath("slow"));
            QTRY_VERIFY(opening.waiting);
        }
        QCOMPARE(opening.ended.load(), 1);
    }

private:
    [[nodiscard]] QString openName() const { return m_window->m_window->service().model()->name; }

    // Opening `path` shows an error that names all of `named`, and the open model stays.
    void expectRefusal(const QString& path, const std::vector<std::string>& named)
    {
        MessageBar& bar = m_window->m_window->messageBar();
        bar.clear();
        m_window->open(path);
        QVERIFY2(bar.isVisible(), "the model was opened");
        QVERIFY2(bar.title().contains(QFileInfo(path).fileName()), qPrintable(bar.title()));
        for (const std::string& name : named)
            QVERIFY2(bar.detail().contains(QString::fromStdString(name)), qPrintable(bar.detail()));
        QCOMPARE(openName(), QString("small"));
    }

    QTemporaryDir m_models;
    std::unique_ptr<WindowFixture> m_window;
};

} // namespace mmfree

QTEST_MAIN(mmfree::WindowBadInputTest)
#include "tst_window_bad_input.moc"
