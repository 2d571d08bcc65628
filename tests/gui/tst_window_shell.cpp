// The shell: shortcuts, palette, themes, remembered settings, the screenshot program.
#include "tests/gui/window_fixture.h"

#include "tests/support/test_files.h"
#include "widgets/actions/action_registry.h"
#include "widgets/pages/page.h"
#include "widgets/theme/theme.h"
#include "widgets/views/command_palette.h"
#include "widgets/views/shortcuts_dialog.h"
#include "widgets/workers/inference_service.h"

#include <QAbstractButton>
#include <QAbstractSpinBox>
#include <QApplication>
#include <QComboBox>
#include <QLineEdit>
#include <QPixmap>
#include <QProcess>
#include <QHash>
#include <QSet>
#include <QSlider>
#include <QSpinBox>
#include <QTest>
#include <QToolButton>

namespace mmfree
{

using namespace gui;
using test::WindowFixture;

class WindowShellTest : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase() { applyTheme(*static_cast<QApplication*>(qApp), ThemeChoice::Light); }

    void noTwoActionsShareAShortcut()
    {
        WindowFixture window;
        // Keys that work on one page only may mean something else on another page.
        QHash<QKeySequence, QSet<const QObject*>> seen; // pages; null: the whole window
        for (const QAction* action : window.m_window->actions().actions()) {
            const QObject* page = nullptr;
            for (const QObject* object : action->associatedObjects()) {
                if (action->shortcutContext() == Qt::WidgetWithChildrenShortcut &&
                    qobject_cast<const Page*>(object))
                    page = object;
            }
            for (const QKeySequence& keys : action->shortcuts()) {
                QSet<const QObject*>& users = seen[keys];
                QVERIFY2(users.isEmpty() || (page && !users.contains(page) && !users.contains(nullptr)),
                         qPrintable(keys.toString()));
                users.insert(page);
            }
        }
        QVERIFY(seen.size() > 15);
    }

    void thePaletteRunsWhatIsTyped()
    {
        WindowFixture window;
        window.press(Qt::Key_P, Qt::ControlModifier | Qt::ShiftModifier);
        QTRY_VERIFY(window.m_window->findChild<CommandPalette*>());
        auto* palette = window.m_window->findChild<CommandPalette*>();
        auto* search = palette->findChild<QLineEdit*>();
        QTest::keyClicks(search, "theme dark");
        QTest::keyClick(search, Qt::Key_Return);
        QTRY_VERIFY(themeColors(QApplication::palette()).dark);
        window.m_window->setTheme(ThemeChoice::Light);
        QVERIFY(!themeColors(QApplication::palette()).dark);
    }

    void f1ShowsHelp()
    {
        WindowFixture window;
        window.press(Qt::Key_F1);
        QTRY_VERIFY(window.m_window->findChild<ShortcutsDialog*>());
        QTest::keyClick(window.m_window->findChild<ShortcutsDialog*>(), Qt::Key_Escape);
        QTRY_VERIFY(!window.m_window->findChild<ShortcutsDialog*>());
    }

    void f6GoesThroughThePanes()
    {
        WindowFixture window;
        window.open();
        window.editor()->setFocus();
        QSet<QWidget*> visited;
        for (int step = 0; step < 6; ++step) {
            window.press(Qt::Key_F6);
            visited.insert(QApplication::focusWidget());
        }
        QVERIFY(visited.size() >= 3);
        QVERIFY(visited.contains(window.editor()));
    }

    void everyControlHasANameForScreenReaders()
    {
        WindowFixture window;
        window.open();
        for (QWidget* widget : window.m_window->findChildren<QWidget*>()) {
            const bool control = qobject_cast<QAbstractButton*>(widget) ||
                                 qobject_cast<QAbstractSpinBox*>(widget) || qobject_cast<QSlider*>(widget) ||
                                 qobject_cast<QLineEdit*>(widget) || qobject_cast<QPlainTextEdit*>(widget) ||
                                 qobject_cast<QComboBox*>(widget);
            const bool inner = qobject_cast<QAbstractSpinBox*>(widget->parentWidget()) ||
                               qobject_cast<QLineEdit*>(widget->parentWidget()) ||
                               widget->objectName().startsWith("qt_") || widget->inherits("QTabBar") ||
                               (widget->parentWidget() && widget->parentWidget()->inherits("QTabBar"));
            if (!control || inner || !widget->isVisibleTo(window.m_window.get()))
                continue;
            const auto* button = qobject_cast<QAbstractButton*>(widget);
            const bool named = !widget->accessibleName().isEmpty() || (button && !button->text().isEmpty());
            QVERIFY2(named, qPrintable(QString("%1 %2").arg(widget->metaObject()->className(),
                                                            widget->objectName())));
        }
    }

    void settingsAreRememberedAndBadOnesIgnored()
    {
        QTemporaryDir folder;
        {
            WindowFixture window(folder.path());
            window.child<QSpinBox>("topK")->setValue(17);
            window.m_window->resize(1010, 700);
            window.open("/models/pocket");
            window.press(Qt::Key_I, Qt::ControlModifier);
            window.m_window->close();
        }
        {
            WindowFixture window(folder.path());
            QCOMPARE(window.child<QSpinBox>("topK")->value(), 17);
            QVERIFY(!window.child<QWidget>("inspectorPanel")->isVisible());
            QCOMPARE(app::SettingsFile(folder.path()).load().recentModels, QStringList{"/models/pocket"});
        }
        QFile file(folder.filePath("settings.ini"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("[window]\ntheme=pink\npage=nowhere\n[chat]\npreset=gone\nlastConversation=xyz\n");
        file.close();
        const app::Settings settings = app::SettingsFile(folder.path()).load();
        QVERIFY(settings.theme == ThemeChoice::System);
        WindowFixture window(folder.path());
        QVERIFY(window.child<QWidget>("composerEditor")->isVisible());
    }

    void typingASeedLocksIt()
    {
        WindowFixture window;
        window.open();
        auto* seed = window.child<QLineEdit>("seed");
        seed->setFocus();
        seed->selectAll();
        QTest::keyClicks(seed, "42");
        QVERIFY(window.child<QToolButton>("seedLock")->isChecked());
        window.send("hello");
        QVERIFY(window.waitIdle());
        QCOMPARE(window.messages().last()->message().stats->seed, 42ULL);
        window.click(window.child<QToolButton>("seedLock"));
        window.send("hello");
        QVERIFY(window.waitIdle());
        QVERIFY(window.messages().last()->message().stats->seed != 42ULL);
    }

    void theProgramDrawsAPageAndNamesThePagesItHas()
    {
        QTemporaryDir folder;
        const QString program = QString::fromStdString(test::program("mmfree-studio").string());
        QProcess process;
        process.start(program, {"--screenshot", folder.filePath("a.png"), "--size", "900x600", "--theme",
                                "dark", "--data-dir", folder.filePath("data")});
        QVERIFY(process.waitForFinished(60'000));
        QCOMPARE(process.exitCode(), 0);
        const QPixmap picture(folder.filePath("a.png"));
        QCOMPARE(picture.size(), QSize(900, 600));
        const QImage image = picture.toImage();
        const QColor background = themeColors(QPalette(Qt::black)).window;
        int found = 0; // the transcript's empty area, whatever model is bundled
        for (int y = 0; y < image.height(); ++y) {
            for (int x = 0; x < image.width(); ++x)
                found += image.pixelColor(x, y) == background ? 1 : 0;
        }
        QVERIFY2(found > image.width() * image.height() / 5, qPrintable(QString::number(found)));

        process.start(program, {"--page", "nowhere", "--screenshot", folder.filePath("b.png")});
        QVERIFY(process.waitForFinished(60'000));
        QCOMPARE(process.exitCode(), 1);
        QVERIFY(process.readAllStandardError().contains("needed: one of chat"));
        QVERIFY(!QFile::exists(folder.filePath("b.png")));

        process.start(program, {"/no/such/model", "--screenshot", folder.filePath("c.png")});
        QVERIFY(process.waitForFinished(60'000));
        QCOMPARE(process.exitCode(), 1);
        QVERIFY(process.readAllStandardError().contains("/no/such/model"));
    }
};

} // namespace mmfree

QTEST_MAIN(mmfree::WindowShellTest)
#include "tst_window_shell.moc"
