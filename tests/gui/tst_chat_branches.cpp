// Branches of a conversation by clicks and keys: versions, editing, deleting with undo, going on from a
// token, reopening without reading, and what a killed process leaves.
#include "tests/gui/window_fixture.h"

#include "widgets/chat/chat_controller.h"
#include "widgets/models/conversation_list_model.h"
#include "widgets/store/conversation_store.h"
#include "widgets/theme/theme.h"
#include "widgets/views/message_bar.h"
#include "widgets/views/transcript_view.h"

#include <QAction>
#include <QApplication>
#include <QLabel>
#include <QProcess>
#include <QPushButton>
#include <QSpinBox>
#include <QTest>
#include <QToolButton>

#include <csignal>

namespace mmfree
{

using namespace gui;
using test::WindowFixture;

namespace
{

const char* const kCount = "one two three four five six seven eight nine ten one two three four five six "
                           "seven eight nine ten one two three four five six seven eight nine ten one two "
                           "three four five six seven eight nine ten";

QToolButton* buttonOf(MessageView* view, const char* name)
{
    return view->findChild<QToolButton*>(QLatin1String(name));
}

} // namespace

class ChatBranchesTest : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase() { applyTheme(*static_cast<QApplication*>(qApp), ThemeChoice::Light); }

    void arrowsGoThroughTheVersionsOfAnAnswer()
    {
        WindowFixture window;
        window.open();
        window.m_control->setDefaultAnswer("First answer.");
        window.send("hello");
        QVERIFY(window.waitIdle());
        window.m_control->setDefaultAnswer("Second answer.");
        window.press(Qt::Key_R, Qt::ControlModifier);
        QVERIFY(window.waitIdle());
        QCOMPARE(window.lastText(), QString("Second answer."));
        MessageView* view = window.messages().last();
        QCOMPARE(view->findChild<QLabel*>("siblingText")->text(), QString("2/2"));
        QVERIFY(!buttonOf(view, "nextSibling")->isEnabled());
        window.click(buttonOf(view, "previousSibling"));
        QCOMPARE(window.lastText(), QString("First answer."));
        QCOMPARE(window.messages().last()->findChild<QLabel*>("siblingText")->text(), QString("1/2"));
        window.press(Qt::Key_Right, Qt::AltModifier);
        QCOMPARE(window.lastText(), QString("Second answer."));
        window.press(Qt::Key_Left, Qt::AltModifier);
        QCOMPARE(window.lastText(), QString("First answer."));
        // The branch that is shown is the one that goes on, and both stay.
        window.m_control->setDefaultAnswer("More.");
        window.send("and then?");
        QVERIFY(window.waitIdle());
        QCOMPARE(window.messages().size(), 4);
        QCOMPARE(window.messages().at(1)->message().text, QString("First answer."));
        window.click(buttonOf(window.messages().at(1), "nextSibling"));
        QCOMPARE(window.messages().size(), 2);
        QCOMPARE(window.lastText(), QString("Second answer."));
        window.click(buttonOf(window.messages().at(1), "previousSibling"));
        QCOMPARE(window.messages().size(), 4); // the newest leaf below it
    }

    void anyMessageCanBeEditedAndReadsOnlyWhatIsNew()
    {
        WindowFixture window;
        window.open();
        window.send("The quick brown fox jumps over the lazy dog; why not?");
        QVERIFY(window.waitIdle());
        window.send("one two three");
        QVERIFY(window.waitIdle());
        window.send("and the end");
        QVERIFY(window.waitIdle());
        const std::int64_t before = window.m_control->tokensRead();
        const auto views = window.messages();
        QCOMPARE(views.size(), 6);
        views.at(2)->setFocus();
        window.click(buttonOf(views.at(2), "editButton"));
        QCOMPARE(window.editor()->toPlainText(), QString("one two three"));
        window.editor()->selectAll();
        window.send("four");
        QVERIFY(window.waitIdle());
        QCOMPARE(window.messages().size(), 4);
        QCOMPARE(window.messages().at(2)->message().text, QString("four"));
        QCOMPARE(window.messages().at(2)->message().siblings, 2);
        QVERIFY2(window.m_control->tokensRead() - before < 10,
                 qPrintable(QString::number(window.m_control->tokensRead() - before)));
    }

    void anAnswerCanBeEditedByHand()
    {
        WindowFixture window;
        window.open();
        window.send("hello");
        QVERIFY(window.waitIdle());
        MessageView* view = window.messages().last();
        view->setFocus();
        window.click(buttonOf(view, "editButton"));
        QCOMPARE(window.editor()->toPlainText(), QString("This is an answer."));
        window.editor()->selectAll();
        window.send("My own answer.");
        QCOMPARE(window.lastText(), QString("My own answer."));
        QVERIFY(!window.m_window->chat().isBusy());
        QCOMPARE(window.messages().last()->message().siblings, 2);
        window.send("go on");
        QVERIFY(window.waitIdle());
        QCOMPARE(window.messages().size(), 4);
    }

    void deletingAMessageCanBeUndone()
    {
        WindowFixture window;
        window.open();
        window.send("hello");
        QVERIFY(window.waitIdle());
        window.send("one");
        QVERIFY(window.waitIdle());
        QCOMPARE(window.messages().size(), 4);
        window.messages().at(2)->setFocus();
        window.press(Qt::Key_Delete, Qt::ControlModifier | Qt::ShiftModifier);
        QCOMPARE(window.messages().size(), 2);
        QVERIFY(window.m_window->messageBar().isVisible());
        window.click(window.child<QPushButton>("messageBarAction"));
        QCOMPARE(window.messages().size(), 4);
        QCOMPARE(window.messages().at(2)->message().text, QString("one"));
        // From the menu of the message, and of a version: the other one is shown then.
        window.m_control->setDefaultAnswer("Another.");
        window.press(Qt::Key_R, Qt::ControlModifier);
        QVERIFY(window.waitIdle());
        window.messages().last()->findChild<QAction*>("deleteAction")->trigger();
        QCOMPARE(window.messages().size(), 4);
        QCOMPARE(window.lastText(), QString("This is an answer."));
        QCOMPARE(window.messages().last()->message().siblings, 1);
    }

    void aDeletedMessageIsGoneAfterTheNextStart()
    {
        QTemporaryDir folder;
        {
            WindowFixture window(folder.path());
            window.open();
            window.send("hello");
            QVERIFY(window.waitIdle());
            window.press(Qt::Key_Delete, Qt::ControlModifier | Qt::ShiftModifier);
            QCOMPARE(window.messages().size(), 1);
            window.m_window->close();
        }
        WindowFixture window(folder.path());
        window.open();
        QCOMPARE(window.messages().size(), 1);
    }

    void goingOnFromATokenReplaysFewTokens()
    {
        WindowFixture window;
        window.open();
        window.m_control->setDefaultAnswer(kCount);
        window.set("maxTokens", 400);
        window.send("count");
        QVERIFY(window.waitIdle());
        ChatController& chat = window.m_window->chat();
        const MessageId answer = chat.messages().back().id;
        const TokenTrace trace = chat.tokens(answer);
        QVERIFY2(trace.tokens.size() > 70, qPrintable(QString::number(trace.tokens.size())));
        const std::size_t at = 50;
        const TokenId other = trace.tokens[at].alternatives.at(1).id;
        const std::int64_t before = window.m_control->tokensRead();
        chat.continueFrom(answer, at, other, true);
        QVERIFY(window.waitIdle());
        QVERIFY2(window.m_control->tokensRead() - before < 32,
                 qPrintable(QString::number(window.m_control->tokensRead() - before)));
        QCOMPARE(window.messages().last()->message().siblings, 2);
        const TokenTrace branch = chat.tokens(chat.messages().back().id);
        QCOMPARE(branch.tokens.size(), trace.tokens.size());
        QCOMPARE(branch.tokens[at].id, other);
        QVERIFY(branch.tokens[at].forced);
        for (std::size_t i = 0; i < branch.tokens.size(); ++i) {
            if (i != at)
                QCOMPARE(branch.tokens[i].id, trace.tokens[i].id);
        }
    }

    void reopeningAChatReadsNothingAgain()
    {
        QTemporaryDir folder;
        {
            WindowFixture window(folder.path());
            window.open();
            for (int turn = 0; turn < 6; ++turn) {
                window.send("The quick brown fox jumps over the lazy dog; why not?");
                QVERIFY(window.waitIdle());
            }
            window.m_window->close();
        }
        WindowFixture window(folder.path());
        window.open();
        QCOMPARE(window.messages().size(), 12);
        window.send("one");
        QVERIFY(window.waitIdle());
        QVERIFY2(window.m_control->tokensRead() < 12,
                 qPrintable(QString::number(window.m_control->tokensRead())));
        // Nor do earlier places: another answer to the third message, an edit of the second.
        std::int64_t before = window.m_control->tokensRead();
        window.messages().at(5)->setFocus();
        window.click(buttonOf(window.messages().at(5), "regenerateButton"));
        QVERIFY(window.waitIdle());
        QCOMPARE(window.messages().size(), 6);
        QVERIFY2(window.m_control->tokensRead() - before < 2,
                 qPrintable(QString::number(window.m_control->tokensRead() - before)));
        before = window.m_control->tokensRead();
        window.messages().at(2)->setFocus();
        window.click(buttonOf(window.messages().at(2), "editButton"));
        window.editor()->selectAll();
        window.send("two");
        QVERIFY(window.waitIdle());
        QVERIFY2(window.m_control->tokensRead() - before < 12,
                 qPrintable(QString::number(window.m_control->tokensRead() - before)));
    }

    void whatIsTypedSurvivesTheEndOfTheProgram()
    {
        QTemporaryDir folder;
        {
            WindowFixture window(folder.path());
            window.open();
            window.send("hello");
            QVERIFY(window.waitIdle());
            window.type("a draft of this chat");
            window.press(Qt::Key_N, Qt::ControlModifier);
            QCOMPARE(window.editor()->toPlainText(), QString());
            window.type("a draft of a new one");
            window.m_window->close();
        }
        WindowFixture window(folder.path());
        window.open();
        window.press(Qt::Key_N, Qt::ControlModifier);
        QCOMPARE(window.editor()->toPlainText(), QString("a draft of a new one"));
        window.m_window->chat().openConversation(window.m_window->chat().conversations()->idAt(0));
        QCOMPARE(window.editor()->toPlainText(), QString("a draft of this chat"));
    }

    // Runs this program again as a child that writes an answer and never ends, and kills it without warning.
    void nothingShownIsLostWhenTheProgramIsKilled()
    {
        QTemporaryDir folder;
        QProcess child;
        child.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert("MMFREE_TEST_KILLED", folder.path());
        child.setProcessEnvironment(environment);
        child.start(QCoreApplication::applicationFilePath(), {"killedChild", "-silent"});
        QVERIFY(child.waitForStarted());
        QString shown;
        QVERIFY(QTest::qWaitFor(
            [&] {
                while (child.canReadLine()) {
                    const QByteArray line = child.readLine();
                    if (line.startsWith("shown:"))
                        shown = QString::fromUtf8(line.mid(6)).trimmed();
                }
                return !shown.isEmpty();
            },
            20'000));
        ::kill(static_cast<pid_t>(child.processId()), SIGKILL);
        child.waitForFinished();

        ConversationStore store(folder.filePath("chats.sqlite"));
        QCOMPARE(store.notice(), QString());
        const auto conversations = store.conversations();
        QCOMPARE(conversations.size(), std::size_t(1));
        const std::vector<Message> messages = store.shownMessages(conversations.front().id);
        QCOMPARE(messages.size(), std::size_t(2));
        QCOMPARE(messages.front().text, QString("count"));
        QCOMPARE(messages.back().text, shown);
        QCOMPARE(messages.back().status, MessageStatus::Interrupted);
        QCOMPARE(store.draft(conversations.front().id), QString("typed while it wrote"));
        // Its tokens and the state before it are there: it goes on without reading anything again.
        QVERIFY(!store.tokens(messages.back().id).tokens.empty());
        WindowFixture window(folder.path());
        window.m_control->setDefaultAnswer(kCount);
        window.open();
        window.m_window->chat().openConversation(conversations.front().id);
        QCOMPARE(window.lastText(), shown);
        window.set("maxTokens", 400);
        window.press(Qt::Key_Return, Qt::ControlModifier);
        QVERIFY(window.waitIdle());
        QCOMPARE(window.lastText(), QString(kCount));
        QVERIFY2(window.m_control->tokensRead() < 32,
                 qPrintable(QString::number(window.m_control->tokensRead())));
    }

    void killedChild()
    {
        const QString folder = qEnvironmentVariable("MMFREE_TEST_KILLED");
        if (folder.isEmpty())
            QSKIP("part of nothingShownIsLostWhenTheProgramIsKilled");
        WindowFixture window(folder);
        window.open();
        window.m_control->setDefaultAnswer(kCount);
        window.set("maxTokens", 400);
        window.m_control->hold();
        window.send("count");
        window.m_control->allow(40);
        QTRY_COMPARE(window.m_control->decodeSteps(), 40);
        window.type("typed while it wrote");
        QTest::qWait(60);
        window.m_control->allow(1); // brings what was waiting for its batch
        QTest::qWait(900);
        QTextStream(stdout) << "shown:" << window.lastText() << Qt::endl;
        QTest::qWait(60'000);
    }
};

} // namespace mmfree

QTEST_MAIN(mmfree::ChatBranchesTest)
#include "tst_chat_branches.moc"
