// The list of chats by clicks and keys: folders, pins, search with snippets; export and import.
#include "tests/gui/window_fixture.h"

#include "widgets/actions/action_registry.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/models/conversation_list_model.h"
#include "widgets/models/conversation_sections.h"
#include "widgets/store/conversation_export.h"
#include "widgets/store/conversation_store.h"
#include "widgets/theme/theme.h"
#include "widgets/views/message_bar.h"

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QComboBox>
#include <QFileDialog>
#include <QInputDialog>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLineEdit>
#include <QListView>
#include <QSqlDatabase>
#include <QSqlQuery>
#include <QTest>

namespace mmfree
{

using namespace gui;
using test::WindowFixture;

namespace
{

// Starts a chat with one question and one answer.
void chatAbout(WindowFixture& window, const QString& text)
{
    window.press(Qt::Key_N, Qt::ControlModifier);
    window.send(text);
    QVERIFY(window.waitIdle());
}

QStringList rowsOf(const QListView* list)
{
    QStringList rows;
    for (int row = 0; row < list->model()->rowCount(); ++row)
        rows << list->model()->index(row, 0).data().toString();
    return rows;
}

// Chooses `file` in the dialog that an action opened.
void choose(WindowFixture& window, const char* action, const char* dialogName, const QString& file)
{
    window.m_window->actions().action(QLatin1String(action))->trigger();
    auto* dialog = window.child<QFileDialog>(dialogName);
    QVERIFY(dialog);
    dialog->setOption(QFileDialog::DontUseNativeDialog);
    dialog->selectFile(file);
    QTRY_VERIFY(dialog->findChild<QLineEdit*>("fileNameEdit"));
    dialog->findChild<QLineEdit*>("fileNameEdit")->setText(file);
    QTest::keyClick(dialog->findChild<QLineEdit*>("fileNameEdit"), Qt::Key_Return);
    QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
}

} // namespace

class ChatListTest : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase() { applyTheme(*static_cast<QApplication*>(qApp), ThemeChoice::Light); }

    void pinsAndFoldersMakeSections()
    {
        QTemporaryDir folder;
        {
            WindowFixture window(folder.path());
            window.open();
            for (const char* text : {"one", "two", "three"})
                chatAbout(window, text);
            auto* list = window.child<QListView>("chatList");
            QCOMPARE(rowsOf(list), (QStringList{"three", "two", "one"}));
            window.press(Qt::Key_K, Qt::ControlModifier | Qt::ShiftModifier); // "three"
            QCOMPARE(rowsOf(list), (QStringList{"Pinned", "three", "Today", "two", "one"}));
            window.m_window->chat().openConversation(window.m_window->chat().conversations()->idAt(2));
            window.press(Qt::Key_M, Qt::ControlModifier | Qt::ShiftModifier);
            auto* dialog = window.child<QInputDialog>("folderDialog");
            QVERIFY(dialog);
            dialog->setTextValue("Stories");
            dialog->accept();
            QCOMPARE(rowsOf(list), (QStringList{"Pinned", "three", "Stories", "one", "Today", "two"}));
            // A click on the heading folds the folder away, another brings it back; Right as well.
            const auto clickRow = [&](int row) {
                QTest::mouseClick(list->viewport(), Qt::LeftButton, {},
                                  list->visualRect(list->model()->index(row, 0)).center());
            };
            clickRow(2);
            QCOMPARE(rowsOf(list), (QStringList{"Pinned", "three", "Stories", "Today", "two"}));
            list->setFocus();
            window.press(Qt::Key_Right);
            QCOMPARE(rowsOf(list), (QStringList{"Pinned", "three", "Stories", "one", "Today", "two"}));
            window.m_window->close();
        }
        WindowFixture window(folder.path());
        auto* list = window.child<QListView>("chatList");
        QCOMPARE(rowsOf(list), (QStringList{"Pinned", "three", "Stories", "one", "Today", "two"}));
        window.m_window->chat().renameFolder("Stories", "Tales");
        QVERIFY(rowsOf(list).contains("Tales"));
        window.m_window->chat().renameFolder("Tales", {});
        QCOMPARE(rowsOf(list), (QStringList{"Pinned", "three", "Today", "two", "one"}));
    }

    void sectionsKeepTheModelsContract()
    {
        ConversationListModel source;
        ConversationSections sections(&source);
        QAbstractItemModelTester tester(&sections, QAbstractItemModelTester::FailureReportingMode::QtTest);
        const QDateTime now = QDateTime::currentDateTime();
        source.upsert({1, "old", now.addDays(-40)});
        QCOMPARE(sections.rowCount(), 1); // one section needs no heading
        source.upsert({2, "new", now});
        QCOMPARE(sections.rowCount(), 4);
        QCOMPARE(sections.rowOf(2), 1);
        sections.setFolded(0, true);
        QCOMPARE(sections.rowOf(2), -1);
        sections.unfoldFor(2);
        QCOMPARE(sections.rowOf(2), 1);
        QVERIFY(sections.setData(sections.index(1), "named", Qt::EditRole));
        QVERIFY(!sections.setData(sections.index(0), "named", Qt::EditRole));
        source.remove(2);
        source.setConversations({});
        QCOMPARE(sections.rowCount(), 0);
    }

    void searchShowsWhereItFoundTheText()
    {
        WindowFixture window;
        window.open();
        window.m_control->setDefaultAnswer("There is a hidden treasure in the cave behind the old mill.");
        chatAbout(window, "one");
        chatAbout(window, "treasure maps");
        window.press(Qt::Key_F, Qt::ControlModifier);
        QTest::keyClicks(window.child<QLineEdit>("chatSearch"), "TREASURE");
        auto* model = window.m_window->chat().conversations();
        QTRY_VERIFY(model->rowCount() == 2 && !model->at(1).snippet.isEmpty());
        QVERIFY(model->at(1).snippet.contains("treasure in the cave"));
        QVERIFY(model->at(0).snippet.isEmpty()); // found in the title
    }

    void exportsAreWrittenAndTheJsonComesBack()
    {
        QTemporaryDir folder;
        WindowFixture window;
        window.open();
        window.m_control->setDefaultAnswer("An **answer** with `code` & <tags>.");
        chatAbout(window, "What is <this>?");
        window.set("temperature", 0.5);
        window.press(Qt::Key_R, Qt::ControlModifier);
        QVERIFY(window.waitIdle());
        const auto read = [&](const QString& name) {
            QFile file(folder.filePath(name));
            return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
        };
        choose(window, "chat.exportMarkdown", "exportDialog", folder.filePath("a.md"));
        QTRY_VERIFY(read("a.md").contains("## You\n\nWhat is <this>?\n"));
        QVERIFY(read("a.md").contains("An **answer** with `code` & <tags>."));
        choose(window, "chat.exportHtml", "exportDialog", folder.filePath("a.html"));
        QTRY_VERIFY(read("a.html").contains("What is &lt;this&gt;?"));
        QVERIFY(!read("a.html").contains("<tags>"));
        choose(window, "chat.exportPdf", "exportDialog", folder.filePath("a.pdf"));
        QTRY_VERIFY(read("a.pdf").startsWith("%PDF-"));
        choose(window, "chat.exportJson", "exportDialog", folder.filePath("a.json"));
        QTRY_VERIFY(!read("a.json").isEmpty());
        choose(window, "chat.import", "importDialog", folder.filePath("a.json"));
        QTRY_COMPARE(window.m_window->chat().conversations()->rowCount(), 2);
        QCOMPARE(window.messages().size(), 2);
        QCOMPARE(window.lastText(), QString("An **answer** with `code` & <tags>."));
        QCOMPARE(window.messages().last()->message().siblings, 2); // all branches came along
        QVERIFY(window.messages().last()->message().stats.has_value());
        QCOMPARE(window.m_window->chat().settings().values["temperature"].toDouble(), 0.5);
        // A place that cannot be written is named, nothing is lost.
        choose(window, "chat.exportMarkdown", "exportDialog", "/proc/no/such/a.md");
        QTRY_VERIFY(window.m_window->messageBar().isVisible());
    }

    void badImportsAreNamed_data()
    {
        QTest::addColumn<QByteArray>("json");
        QTest::addColumn<QString>("named");
        const QByteArray head = R"({"format":"mmfree-chats","version":1,"conversations":)";
        QTest::newRow("not json") << QByteArray("{") << "not JSON";
        QTest::newRow("a list") << QByteArray("[]") << "needed: an object";
        QTest::newRow("another format") << QByteArray(R"({"format":"x"})") << "format is \"x\"";
        QTest::newRow("newer") << QByteArray(R"({"format":"mmfree-chats","version":2})") << "version is 2";
        QTest::newRow("no list") << head + "3}"
                                 << "conversations is 3";
        QTest::newRow("empty") << head + "[]}"
                               << "no chats";
        QTest::newRow("no title") << head + R"([{"messages":[]}]})"
                                  << "conversations[0].title is absent";
        QTest::newRow("a later parent")
            << head + R"([{"title":"a","messages":[{"parent":1,"role":"user","text":"x"}]}]})"
            << "messages[0].parent is 1";
        QTest::newRow("role") << head +
                                     R"([{"title":"a","messages":[{"parent":0,"role":"king","text":"x"}]}]})"
                              << "messages[0].role is \"king\"";
        QTest::newRow("text") << head + R"([{"title":"a","messages":[{"parent":0,"role":"user","text":7}]}]})"
                              << "messages[0].text is 7";
        QTest::newRow("shown")
            << head + R"([{"title":"a","shown":5,"messages":[{"parent":0,"role":"user","text":"x"}]}]})"
            << "shown is 5";
    }

    void badImportsAreNamed()
    {
        QFETCH(QByteArray, json);
        QFETCH(QString, named);
        try {
            (void)conversationsFromJson(json);
            QFAIL("accepted");
        } catch (const ImportError& error) {
            QVERIFY2(QString(error.what()).contains(named), error.what());
        }
    }

    void anOlderChatFileIsTakenOver()
    {
        QTemporaryDir folder;
        const QString path = folder.filePath("chats.sqlite");
        {
            QSqlDatabase database = QSqlDatabase::addDatabase("QSQLITE", "old");
            database.setDatabaseName(path);
            QVERIFY(database.open());
            for (const char* statement :
                 {"CREATE TABLE conversations (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL,"
                  " created INTEGER NOT NULL, updated INTEGER NOT NULL, leaf INTEGER NOT NULL DEFAULT 0,"
                  " deleted INTEGER NOT NULL DEFAULT 0)",
                  "CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, conversation INTEGER NOT NULL"
                  " REFERENCES conversations(id) ON DELETE CASCADE, parent INTEGER REFERENCES messages(id) ON"
                  " DELETE CASCADE, role INTEGER NOT NULL, text TEXT NOT NULL, status INTEGER NOT NULL,"
                  " created INTEGER NOT NULL, stats TEXT)",
                  "CREATE TABLE states (message INTEGER PRIMARY KEY REFERENCES messages(id) ON DELETE "
                  "CASCADE,"
                  " state BLOB NOT NULL)",
                  "INSERT INTO conversations VALUES (1, 'old chat', 1, 2, 2, 0)",
                  "INSERT INTO messages VALUES (1, 1, NULL, 1, 'question', 0, 1, NULL)",
                  "INSERT INTO messages VALUES (2, 1, 1, 2, 'answer', 0, 1, '{\"model\":\"m\"}')",
                  "INSERT INTO states VALUES (2, x'00')", "PRAGMA user_version = 1"})
                QVERIFY2(QSqlQuery(database).exec(statement), statement);
            database.close();
        }
        QSqlDatabase::removeDatabase("old");
        ConversationStore store(path);
        QCOMPARE(store.notice(), QString());
        QCOMPARE(store.conversations().size(), std::size_t(1));
        const std::vector<Message> messages = store.shownMessages(1);
        QCOMPARE(messages.size(), std::size_t(2));
        QCOMPARE(messages.back().text, QString("answer"));
        QCOMPARE(messages.back().stats->model, QString("m"));
        store.setPinned(1, true);
        QVERIFY(store.conversation(1).pinned);
    }
};

} // namespace mmfree

QTEST_MAIN(mmfree::ChatListTest)
#include "tst_chat_list.moc"
