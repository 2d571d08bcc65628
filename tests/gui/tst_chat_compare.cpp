// "Ask both" by keys and clicks over real backends: a second column, speeds, the first difference, locked
// scrolling, and the second answer kept as a version.
#include "app/backend_catalog.h"
#include "app/main_window.h"
#include "app/model_opening.h"
#include "tests/gui/fake_model.h"
#include "tests/support/test_files.h"
#include "widgets/actions/action_registry.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/chat/second_chat.h"
#include "widgets/theme/theme.h"
#include "widgets/views/compare_column.h"
#include "widgets/views/markdown_view.h"
#include "widgets/views/message_bar.h"
#include "widgets/views/message_view.h"
#include "widgets/views/transcript_view.h"
#include "widgets/workers/inference_service.h"

#include <QApplication>
#include <QLabel>
#include <QMenu>
#include <QPlainTextEdit>
#include <QScrollBar>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

namespace mmfree
{

using namespace gui;

class ChatCompareTest : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase() { applyTheme(*static_cast<QApplication*>(qApp), ThemeChoice::Light); }

    void init() { openWindow(app::openModelParts); }
    void cleanup() { m_window.reset(); }

    void theSameModelOnTwoBackendsStandsSideBySide()
    {
        m_window->chat().setChatValue("temperature", 0.0);
        m_window->chat().setChatValue("maxTokens", 40);
        type("Sherlock Holmes");
        press(Qt::Key_Return, Qt::ControlModifier | Qt::ShiftModifier);
        auto* menu = m_window->findChild<QMenu*>("secondMenu");
        QTRY_VERIFY(menu->isVisible());
        auto* reference = menu->findChild<QAction*>("second.reference");
        QVERIFY(reference && reference->isEnabled());
        menu->close();
        reference->trigger();
        auto* column = m_window->findChild<CompareColumn*>();
        QTRY_VERIFY(column->isVisible());
        auto* second = m_window->findChild<SecondChat*>();
        QTRY_VERIFY_WITH_TIMEOUT(second->answer().id != 0 && !second->isBusy(), 30'000);
        QTRY_VERIFY(!m_window->chat().isBusy());
        const Message first = m_window->chat().messages().back();
        QCOMPARE(second->answer().stats->backend, QString("reference"));
        QCOMPARE(first.stats->backend, QString("cpu"));
        QVERIFY(!second->answer().text.isEmpty());
        QVERIFY(m_window->findChild<QLabel*>("secondStatus")->text().contains("tok/s"));
        QVERIFY(m_window->findChild<QLabel*>("firstRate")->text().contains("tok/s"));
        QVERIFY2(column->differenceText() == "Both answers are equal" ||
                     column->differenceText().startsWith("First difference at token"),
                 qPrintable(column->differenceText()));
        // It is kept as the other version of the answer.
        QCOMPARE(first.siblings, 2);
        m_window->chat().showSibling(first.id, +1);
        QCOMPARE(m_window->chat().messages().back().text, second->answer().text);
        // The next one is asked without choosing again.
        type(" Then he");
        press(Qt::Key_Return, Qt::ControlModifier | Qt::ShiftModifier);
        QTRY_VERIFY_WITH_TIMEOUT(!second->isBusy() && !m_window->chat().isBusy(), 30'000);
        QCOMPARE(m_window->chat().messages().size(), std::size_t(4));
        QCOMPARE(m_window->chat().messages().back().siblings, 2);
        QTest::mouseClick(m_window->findChild<QToolButton*>("closeSecond"), Qt::LeftButton);
        QVERIFY(!column->isVisible());
    }

    void escapeStopsBothAndScrollingIsLocked()
    {
        // The bundled model answers in one line; the scripted one writes as long as it may.
        auto control = std::make_shared<test::FakeControl>();
        std::string longAnswer;
        for (int line = 0; line < 300; ++line)
            longAnswer += "The quick brown fox jumps over the lazy dog.\n\n";
        control->setDefaultAnswer(longAnswer);
        openWindow(test::fakeOpen(control));
        control->hold();
        m_window->chat().setChatValue("maxTokens", 100'000);
        type("It was");
        press(Qt::Key_Return, Qt::ControlModifier | Qt::ShiftModifier);
        auto* menu = m_window->findChild<QMenu*>("secondMenu");
        QTRY_VERIFY(menu->isVisible());
        menu->close();
        menu->findChild<QAction*>("second.bundled")->trigger();
        QTRY_VERIFY(m_window->findChild<SecondChat*>() && m_window->findChild<SecondChat*>()->isBusy());
        control->allow(3000);
        auto* second = m_window->findChild<SecondChat*>();
        auto* one = m_window->findChild<TranscriptView*>("transcript");
        auto* two = m_window->findChild<TranscriptView*>("secondTranscript");
        QTRY_VERIFY_WITH_TIMEOUT(
            one->verticalScrollBar()->maximum() > 200 && two->verticalScrollBar()->maximum() > 200, 20'000);
        press(Qt::Key_Escape);
        control->release(); // the steps that were waiting see the stop
        QTRY_VERIFY(!second->isBusy() && !m_window->chat().isBusy());
        QCOMPARE(second->answer().status, MessageStatus::Stopped);
        one->verticalScrollBar()->setValue(40);
        QCOMPARE(two->verticalScrollBar()->value(), 40);
        two->verticalScrollBar()->setValue(90);
        QCOMPARE(one->verticalScrollBar()->value(), 90);
    }

    void theFirstDifferenceIsMarkedInBothTexts()
    {
        MarkdownView one, two;
        one.setContent("The quick brown fox", false);
        two.setContent("The quick red fox", false);
        QCOMPARE(markFirstDifference(&one, &two), qsizetype(10));
        QCOMPARE(one.extraSelections().size(), 1);
        QCOMPARE(one.extraSelections().first().cursor.selectedText(), QString("brown"));
        QCOMPARE(two.extraSelections().first().cursor.selectedText(), QString("red"));
        two.setContent("The quick brown fox jumps", false);
        QCOMPARE(markFirstDifference(&one, &two), qsizetype(-1));
        QVERIFY(one.extraSelections().isEmpty());
    }

    void withoutASecondModelNothingIsSentYet()
    {
        auto* menu = m_window->findChild<QMenu*>("secondMenu");
        type("x");
        press(Qt::Key_Return, Qt::ControlModifier | Qt::ShiftModifier);
        QTRY_VERIFY(menu->isVisible());
        QVERIFY(menu->findChild<QAction*>("second.cpu"));
        menu->close();
        QVERIFY(!m_window->chat().isBusy());
        QCOMPARE(editor()->toPlainText(), QString("x"));
    }

private:
    void openWindow(OpenFunction open)
    {
        m_window.reset();
        app::WindowSetup setup;
        setup.dataFolder = m_folder.filePath(QString::number(++m_count));
        setup.openModel = std::move(open);
        setup.listBackends = [] { return std::vector<BackendSummary>(); };
        setup.backends = allBackends();
        setup.bundledModel =
            QString::fromStdString((test::sourceFolder() / "resources/demo/dictionary.safetensors").string());
        m_window = std::make_unique<app::MainWindow>(setup);
        m_window->resize(1300, 700);
        m_window->show();
        QApplication::setActiveWindow(m_window.get());
        (void)QTest::qWaitForWindowActive(m_window.get());
        m_window->openModel(setup.bundledModel);
        QTRY_VERIFY(m_window->service().model());
    }
    [[nodiscard]] QPlainTextEdit* editor() const
    {
        return m_window->findChild<QPlainTextEdit*>("composerEditor");
    }
    void type(const QString& text)
    {
        QApplication::setActiveWindow(m_window.get());
        editor()->setFocus();
        QTest::keyClicks(editor(), text);
    }
    void press(Qt::Key key, Qt::KeyboardModifiers modifiers = Qt::NoModifier)
    {
        QApplication::setActiveWindow(m_window.get()); // a menu that closed took it away
        QWidget* target = QApplication::focusWidget();
        QTest::keyClick(target ? target : m_window.get(), key, modifiers);
    }

    QTemporaryDir m_folder;
    int m_count = 0;
    std::unique_ptr<app::MainWindow> m_window;
};

} // namespace mmfree

QTEST_MAIN(mmfree::ChatCompareTest)
#include "tst_chat_compare.moc"
