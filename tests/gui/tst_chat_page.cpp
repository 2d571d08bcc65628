// The chat page through the real window: every step a key or a click, the model scripted.
#include "tests/gui/window_fixture.h"

#include "widgets/actions/action_registry.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/models/conversation_list_model.h"
#include "widgets/store/conversation_store.h"
#include "widgets/theme/theme.h"
#include "widgets/views/message_bar.h"
#include "widgets/views/transcript_view.h"
#include "widgets/workers/inference_service.h"

#include <QApplication>
#include <QClipboard>
#include <QDir>
#include <QDragEnterEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QMimeData>
#include <QPushButton>
#include <QScrollBar>
#include <QSpinBox>
#include <QTest>
#include <QToolButton>

namespace mmfree
{

using namespace gui;
using test::WindowFixture;

class ChatPageTest : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase() { applyTheme(*static_cast<QApplication*>(qApp), ThemeChoice::Light); }

    void enterSendsAndTheAnswerStreams()
    {
        WindowFixture window;
        window.open();
        window.m_control->setDefaultAnswer("A recurrent model keeps a state.");
        window.m_control->hold();
        window.send("What is a recurrent model?");
        QCOMPARE(window.editor()->toPlainText(), QString());
        QTRY_COMPARE(window.messages().size(), 2);
        window.m_control->allow(4);
        QTRY_VERIFY(!window.lastText().isEmpty());
        QVERIFY(window.m_window->chat().isBusy());
        window.m_control->release();
        QVERIFY(window.waitIdle());
        QCOMPARE(window.lastText(), QString("A recurrent model keeps a state."));
        const std::optional<AnswerStats> stats = window.messages().last()->message().stats;
        QVERIFY(stats.has_value());
        QVERIFY(stats->generatedTokens > 3 && stats->timeToFirstTokenSeconds > 0.0);
        QCOMPARE(stats->backend, QString("cpu"));
    }

    void shiftEnterMakesANewLine()
    {
        WindowFixture window;
        window.open();
        window.type("one");
        window.press(Qt::Key_Return, Qt::ShiftModifier);
        QTest::keyClicks(window.editor(), "two");
        QCOMPARE(window.editor()->toPlainText(), QString("one\ntwo"));
        QCOMPARE(window.messages().size(), 0);
    }

    void escapeStopsWithinOneTokenAndKeepsTheText()
    {
        WindowFixture window;
        window.open();
        window.m_control->setDefaultAnswer("one two three four five six seven eight nine ten");
        window.m_control->hold();
        window.send("count");
        window.m_control->allow(5);
        QTRY_VERIFY(!window.lastText().isEmpty());
        QTRY_COMPARE(window.m_control->decodeSteps(), 5);
        window.press(Qt::Key_Escape);
        window.m_control->allow(1); // the step that was already under way
        QVERIFY(window.waitIdle());
        QVERIFY(window.m_control->decodeSteps() <= 6);
        QVERIFY(QString("one two three four five six seven eight nine ten").startsWith(window.lastText()));
        QVERIFY(!window.lastText().isEmpty());
        QCOMPARE(window.messages().last()->message().status, MessageStatus::Stopped);
    }

    void theStopButtonStops()
    {
        WindowFixture window;
        window.open();
        window.m_control->hold();
        window.send("hello");
        window.m_control->allow(2);
        QTRY_VERIFY(!window.lastText().isEmpty());
        auto* button = window.child<QToolButton>("sendButton");
        QCOMPARE(button->accessibleName(), QString("Stop"));
        window.click(button);
        window.m_control->allow(1);
        QVERIFY(window.waitIdle());
        QCOMPARE(button->accessibleName(), QString("Send"));
    }

    void continueWritesOnWhereItStopped()
    {
        WindowFixture window;
        window.open();
        const QString whole = "one two three four five six seven eight nine ten";
        window.m_control->setDefaultAnswer(whole.toStdString());
        window.child<QSpinBox>("maxTokens")->setValue(4);
        window.send("count");
        QVERIFY(window.waitIdle());
        QCOMPARE(window.messages().last()->message().status, MessageStatus::LengthLimit);
        const QString part = window.lastText();
        QVERIFY(whole.startsWith(part) && part.size() < whole.size());
        window.child<QSpinBox>("maxTokens")->setValue(100);
        window.press(Qt::Key_Return, Qt::ControlModifier);
        QVERIFY(window.m_window->chat().isBusy());
        QVERIFY(window.waitIdle());
        QCOMPARE(window.lastText(), whole);
        QCOMPARE(window.messages().size(), 2);
    }

    void regenerateReadsNothingAgainAndKeepsTheOldAnswer()
    {
        WindowFixture window;
        window.open();
        window.send("What is a recurrent model?");
        QVERIFY(window.waitIdle());
        const std::int64_t read = window.m_control->tokensRead();
        window.m_control->setDefaultAnswer("Another answer.");
        window.press(Qt::Key_R, Qt::ControlModifier);
        QVERIFY(window.waitIdle());
        QCOMPARE(window.lastText(), QString("Another answer."));
        QCOMPARE(window.messages().size(), 2);
        QCOMPARE(window.m_control->tokensRead(), read);
    }

    void theNextTurnReadsOnlyWhatIsNew()
    {
        WindowFixture window;
        window.open();
        window.send("The quick brown fox jumps over the lazy dog; why not?");
        QVERIFY(window.waitIdle());
        const std::int64_t first = window.m_control->tokensRead();
        window.send("one");
        QVERIFY(window.waitIdle());
        QVERIFY2(window.m_control->tokensRead() - first < first,
                 qPrintable(QString::number(window.m_control->tokensRead() - first)));
        QVERIFY(window.messages().last()->message().stats->promptTokens < first);
    }

    void editingTheLastMessageAsksAgain()
    {
        WindowFixture window;
        window.open();
        window.send("helo");
        QVERIFY(window.waitIdle());
        window.press(Qt::Key_E, Qt::ControlModifier);
        QCOMPARE(window.editor()->toPlainText(), QString("helo"));
        window.press(Qt::Key_Escape); // leaves editing, changes nothing
        QCOMPARE(window.editor()->toPlainText(), QString());
        window.press(Qt::Key_E, Qt::ControlModifier);
        window.editor()->selectAll();
        window.send("Hello there!");
        QVERIFY(window.waitIdle());
        const auto views = window.messages();
        QCOMPARE(views.size(), 2);
        QCOMPARE(views.first()->message().text, QString("Hello there!"));
    }

    void copyPutsTheAnswerOnTheClipboard()
    {
        WindowFixture window;
        window.open();
        window.send("hello");
        QVERIFY(window.waitIdle());
        QApplication::clipboard()->clear();
        window.click(window.messages().last()->findChild<QToolButton*>("copyButton"));
        QCOMPARE(QApplication::clipboard()->text(), QString("This is an answer."));
        window.press(Qt::Key_C, Qt::ControlModifier | Qt::ShiftModifier);
        QCOMPARE(QApplication::clipboard()->text(), QString("This is an answer."));
    }

    void anErrorWhileWritingIsShownAndKeepsTheText()
    {
        WindowFixture window;
        window.open();
        window.m_control->setDefaultAnswer("one two three four five six");
        window.m_control->failAfter(4);
        window.send("count");
        QVERIFY(window.waitIdle());
        QVERIFY(window.m_window->messageBar().isVisible());
        QVERIFY(window.m_window->messageBar().detail().contains("logits of token 3 are NaN"));
        window.m_control->failAfter(-1);
        window.send("again");
        QVERIFY(window.waitIdle());
        QCOMPARE(window.lastText(), QString("one two three four five six"));
    }

    void aBadModelIsNamedAndTheOpenOneStays()
    {
        WindowFixture window;
        window.open();
        window.open("/models/broken");
        QVERIFY(window.m_window->messageBar().isVisible());
        QVERIFY(window.m_window->messageBar().detail().contains(
            "/models/broken/config.json: hidden_size is 1000"));
        QCOMPARE(window.m_window->service().model()->name, QString("pocket"));
        window.click(window.child<QToolButton>("messageBarClose"));
        QVERIFY(!window.m_window->messageBar().isVisible());
        window.send("still there?");
        QVERIFY(window.waitIdle());
        QCOMPARE(window.lastText(), QString("This is an answer."));
    }

    void droppingAFolderOpensIt()
    {
        WindowFixture window;
        QMimeData data;
        data.setUrls({QUrl::fromLocalFile("/models/dropped")});
        QDragEnterEvent enter(QPoint(10, 10), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QApplication::sendEvent(window.m_window.get(), &enter);
        QVERIFY(enter.isAccepted());
        QDropEvent drop(QPointF(10, 10), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QApplication::sendEvent(window.m_window.get(), &drop);
        QTRY_VERIFY(window.m_window->service().model());
        QCOMPARE(window.m_window->service().model()->name, QString("dropped"));
    }

    void conversationsSurviveARestart()
    {
        QTemporaryDir folder;
        {
            WindowFixture window(folder.path());
            window.open();
            window.send("Remember the fox");
            QVERIFY(window.waitIdle());
            window.m_window->close();
        }
        WindowFixture window(folder.path());
        window.open();
        QCOMPARE(window.messages().size(), 2);
        QCOMPARE(window.lastText(), QString("This is an answer."));
        // The state was stored too: the next turn does not read the first again.
        window.send("one");
        QVERIFY(window.waitIdle());
        QVERIFY(window.messages().last()->message().stats->promptTokens < 12);
    }

    void aKilledProgramLosesNothingThatWasShownForAMoment()
    {
        QTemporaryDir copy;
        WindowFixture window;
        window.open();
        window.m_control->setDefaultAnswer("one two three four five six seven eight nine ten");
        window.m_control->hold();
        window.send("count");
        window.m_control->allow(6);
        QTRY_COMPARE(window.m_control->decodeSteps(), 6);
        QTest::qWait(700); // two rounds of storing
        const QString shown = window.lastText();
        QVERIFY(!shown.isEmpty());
        // What a killed process leaves: the files as they are now.
        for (const char* name : {"chats.sqlite", "chats.sqlite-wal"})
            QFile::copy(window.m_dataFolder + "/" + name, copy.path() + "/" + name);
        ConversationStore store(copy.filePath("chats.sqlite"));
        QCOMPARE(store.notice(), QString());
        const auto conversations = store.conversations();
        QCOMPARE(conversations.size(), std::size_t(1));
        const std::vector<Message> messages = store.shownMessages(conversations.front().id);
        QCOMPARE(messages.size(), std::size_t(2));
        QCOMPARE(messages.back().text, shown);
        QCOMPARE(messages.back().status, MessageStatus::Interrupted);
    }

    void deletedChatsComeBackWithUndo()
    {
        WindowFixture window;
        window.open();
        window.send("Keep me");
        QVERIFY(window.waitIdle());
        QCOMPARE(window.m_window->chat().conversations()->rowCount(), 1);
        window.press(Qt::Key_D, Qt::ControlModifier | Qt::ShiftModifier);
        QCOMPARE(window.m_window->chat().conversations()->rowCount(), 0);
        QCOMPARE(window.messages().size(), 0);
        window.click(window.child<QPushButton>("messageBarAction"));
        QCOMPARE(window.m_window->chat().conversations()->rowCount(), 1);
        QCOMPARE(window.messages().size(), 2);
    }

    void anAnswerGoesOnWhileAnotherChatIsShown()
    {
        WindowFixture window;
        window.open();
        window.m_control->setDefaultAnswer("one two three four five six seven eight nine ten");
        window.m_control->hold();
        window.send("count");
        window.m_control->allow(3);
        QTRY_VERIFY(!window.lastText().isEmpty());
        window.press(Qt::Key_N, Qt::ControlModifier);
        QCOMPARE(window.messages().size(), 0);
        window.m_control->release();
        QVERIFY(window.waitIdle());
        QCOMPARE(window.messages().size(), 0);
        auto* list = window.child<QListView>("chatList");
        QTest::mouseClick(list->viewport(), Qt::LeftButton, {},
                          list->visualRect(list->model()->index(0, 0)).center());
        QCOMPARE(window.lastText(), QString("one two three four five six seven eight nine ten"));
    }

    void searchLooksIntoMessagesInAnyCase()
    {
        WindowFixture window;
        window.open();
        window.send("The Fox jumps");
        QVERIFY(window.waitIdle());
        window.press(Qt::Key_N, Qt::ControlModifier);
        window.send("Another one");
        QVERIFY(window.waitIdle());
        QCOMPARE(window.m_window->chat().conversations()->rowCount(), 2);
        window.press(Qt::Key_F, Qt::ControlModifier);
        auto* search = window.child<QLineEdit>("chatSearch");
        QVERIFY(search->hasFocus());
        QTest::keyClicks(search, "fOX");
        QTRY_COMPARE(window.m_window->chat().conversations()->rowCount(), 1);
        QTest::keyClicks(search, " nowhere");
        QTRY_COMPARE(window.m_window->chat().conversations()->rowCount(), 0);
    }

    void f2RenamesTheChat()
    {
        WindowFixture window;
        window.open();
        window.send("hello");
        QVERIFY(window.waitIdle());
        window.press(Qt::Key_F2);
        auto* list = window.child<QListView>("chatList");
        QTRY_VERIFY(list->viewport()->findChild<QLineEdit*>());
        auto* editor = list->viewport()->findChild<QLineEdit*>();
        editor->selectAll();
        QTest::keyClicks(editor, "Fox stories");
        QTest::keyClick(editor, Qt::Key_Return);
        QTRY_COMPARE(window.m_window->chat().conversations()->index(0).data().toString(),
                     QString("Fox stories"));
    }

    void readingBackIsNotDisturbedByNewText()
    {
        WindowFixture window;
        window.open();
        QString longAnswer;
        for (int line = 0; line < 200; ++line)
            longAnswer += "The quick brown fox jumps over the lazy dog.\n\n";
        window.m_control->setDefaultAnswer(longAnswer.toStdString());
        window.child<QSpinBox>("maxTokens")->setValue(9000);
        window.m_control->hold();
        window.send("hello");
        window.m_control->allow(1500);
        auto* transcript = window.child<TranscriptView>("transcript");
        QTRY_VERIFY_WITH_TIMEOUT(transcript->verticalScrollBar()->maximum() > 300, 30'000); // busy machines
        QTRY_VERIFY(transcript->isAtEnd());
        transcript->verticalScrollBar()->setValue(40);
        QTest::qWait(50);
        window.m_control->allow(200);
        QTest::qWait(60);
        window.m_control->allow(1); // brings what was waiting for its batch
        auto* button = transcript->findChild<QPushButton*>("newTextButton");
        QTRY_VERIFY(button->isVisible());
        QCOMPARE(transcript->verticalScrollBar()->value(), 40);
        window.click(button);
        QVERIFY(transcript->isAtEnd());
        QVERIFY(!button->isVisible());
        window.press(Qt::Key_Escape);
        window.m_control->release();
        QVERIFY(window.waitIdle());
        QTRY_VERIFY(transcript->isAtEnd());
    }

    void aPlainModelSaysThatItContinuesText()
    {
        WindowFixture window;
        window.open("/models/story-plain");
        QCOMPARE(window.editor()->placeholderText(), QString("Write the beginning of a text"));
        window.m_control->setDefaultAnswer("Once upon a time there was a small house. ");
        window.child<QSpinBox>("maxTokens")->setValue(5);
        window.send("Once upon a time");
        QVERIFY(window.waitIdle());
        QVERIFY(!window.lastText().isEmpty());
    }

    void aModelWithoutTokenizerCannotBeWrittenTo()
    {
        WindowFixture window;
        window.open("/models/silent");
        window.send("hello");
        QCOMPARE(window.messages().size(), 0);
        QCOMPARE(window.editor()->toPlainText(), QString("hello"));
    }

    void answersOfTheBundledModelAreHeldAgainstTheFacts()
    {
        QTemporaryDir resources;
        QVERIFY(QDir(resources.path()).mkpath("demo"));
        QFile table(resources.filePath("demo/facts.tsv"));
        QVERIFY(table.open(QIODevice::WriteOnly));
        table.write("abandon\tverb\tforsake, leave behind\n");
        table.close();
        WindowFixture window({}, {}, [&](app::WindowSetup& setup) {
            setup.resourceFolder = resources.path();
            setup.bundledModel = "/models/pocket";
        });
        window.open("/models/pocket");
        const auto verdict = [&] {
            auto* label = window.messages().last()->findChild<QLabel*>("verdict");
            return label->isVisible() ? label->text() : QString();
        };
        window.m_control->setDefaultAnswer("abandon (verb): forsake, leave behind.");
        window.send("What does abandon mean?");
        QVERIFY(window.waitIdle());
        QTRY_VERIFY2(verdict().contains("Agrees"), qPrintable(verdict()));
        window.m_control->setDefaultAnswer("abandon (verb): to bring home.");
        window.press(Qt::Key_R, Qt::ControlModifier);
        QVERIFY(window.waitIdle());
        QTRY_VERIFY2(verdict().contains("Differs"), qPrintable(verdict()));
        window.m_control->setDefaultAnswer("Good morning.");
        window.press(Qt::Key_R, Qt::ControlModifier);
        QVERIFY(window.waitIdle());
        QTRY_VERIFY2(verdict().contains("Not in my list"), qPrintable(verdict()));
        window.open("/models/other"); // what is checked is the bundled model's list
        window.press(Qt::Key_R, Qt::ControlModifier);
        QVERIFY(window.waitIdle());
        QCOMPARE(verdict(), QString());
    }

    void theComposerCountsTokens()
    {
        WindowFixture window;
        window.open();
        window.type("one two three");
        const auto tokens = window.m_window->service().model()->tokenizer->encode("one two three").size();
        QTRY_COMPARE(window.child<QLabel>("tokenCount")->text(), QString("%1 tokens").arg(tokens));
    }
};

} // namespace mmfree

QTEST_MAIN(mmfree::ChatPageTest)
#include "tst_chat_page.moc"
