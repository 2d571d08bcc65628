// Conversations on disk and in the list: a tree of messages, whatever happens to the file.
#include "widgets/models/conversation_list_model.h"
#include "widgets/store/conversation_store.h"

#include <QAbstractItemModelTester>
#include <QDir>
#include <QFile>
#include <QSqlQuery>
#include <QTemporaryDir>
#include <QTest>

namespace mmfree
{

using namespace gui;

class ConversationStoreTest : public QObject
{
    Q_OBJECT
private slots:
    void messagesFormATreeAndTheShownPathIsRemembered()
    {
        QTemporaryDir folder;
        const QString path = folder.filePath("chats.sqlite");
        ConversationId id = 0;
        {
            ConversationStore store(path);
            id = store.createConversation("Foxes");
            const Message question =
                store.addMessage(id, {0, ChatRole::User, "Why?", MessageStatus::Complete});
            store.addMessage(id, {question.id, ChatRole::Assistant, "First", MessageStatus::Complete});
            Message second =
                store.addMessage(id, {question.id, ChatRole::Assistant, "", MessageStatus::Streaming});
            second.text = "Second";
            second.status = MessageStatus::Complete;
            AnswerStats stats;
            stats.generatedTokens = 7;
            stats.seed = 18'446'744'073'709'551'615ULL;
            second.stats = stats;
            store.updateMessage(second);
            StateRecord state{"model", 7, {{2, {0.5f, -1.0f}}, {1, 2, 3}, 2}};
            store.storeState(second.id, StatePoint::Answer, state);
        }
        ConversationStore store(path);
        const std::vector<Message> shown = store.shownMessages(id);
        QCOMPARE(shown.size(), std::size_t(2));
        QCOMPARE(shown.back().text, QString("Second"));
        QCOMPARE(shown.back().stats->seed, 18'446'744'073'709'551'615ULL);
        QCOMPARE(shown.back().sibling, 2);
        QCOMPARE(shown.back().siblings, 2);
        const std::optional<StateRecord> state = store.state(shown.back().id, StatePoint::Answer);
        QVERIFY(state.has_value());
        QCOMPARE(state->key, std::uint64_t(7));
        QCOMPARE(state->snapshot.tokens, (std::vector<TokenId>{1, 2, 3}));
        QCOMPARE(state->snapshot.state.values, (std::vector<float>{0.5f, -1.0f}));
        QVERIFY(!store.newestState(shown.back().id, "another model"));
    }

    void aDamagedFileIsKeptAsideAndTheProgramGoesOn()
    {
        QTemporaryDir folder;
        const QString path = folder.filePath("chats.sqlite");
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(QByteArray(5000, 'x'));
        file.close();
        ConversationStore store(path);
        QVERIFY2(store.notice().contains(path), qPrintable(store.notice()));
        QCOMPARE(QDir(folder.path()).entryList({"*.aside-*"}).size(), 1);
        QVERIFY(store.createConversation("new") > 0);
        QCOMPARE(store.conversations().size(), std::size_t(1));
    }

    void aNewerFileIsKeptAside()
    {
        QTemporaryDir folder;
        const QString path = folder.filePath("chats.sqlite");
        {
            ConversationStore store(path);
            store.createConversation("old");
        }
        {
            QSqlDatabase database = QSqlDatabase::addDatabase("QSQLITE", "raise");
            database.setDatabaseName(path);
            QVERIFY(database.open());
            QSqlQuery(database).exec("PRAGMA user_version = 99");
            database.close();
        }
        QSqlDatabase::removeDatabase("raise");
        ConversationStore store(path);
        QVERIFY2(store.notice().contains("version 99"), qPrintable(store.notice()));
        QCOMPARE(store.conversations().size(), std::size_t(0));
        QVERIFY(!QDir(folder.path()).entryList({"*.aside-*"}).isEmpty());
    }

    void deletedOnesAreGoneAfterTheNextStartOnly()
    {
        QTemporaryDir folder;
        const QString path = folder.filePath("chats.sqlite");
        {
            ConversationStore store(path);
            const ConversationId id = store.createConversation("x");
            store.setDeleted(id, true);
            QCOMPARE(store.conversations().size(), std::size_t(0));
            store.setDeleted(id, false);
            QCOMPARE(store.conversations().size(), std::size_t(1));
            store.setDeleted(id, true);
        }
        ConversationStore store(path);
        QCOMPARE(store.conversations().size(), std::size_t(0));
    }

    void searchFoldsCaseBeyondAscii()
    {
        QTemporaryDir folder;
        ConversationStore store(folder.filePath("chats.sqlite"));
        const ConversationId id = store.createConversation("x");
        store.addMessage(id, {0, ChatRole::User, QString::fromUtf8("Быстрая ЛИСА"), MessageStatus::Complete});
        QCOMPARE(store.conversations(QString::fromUtf8("лиса")).size(), std::size_t(1));
        QCOMPARE(store.conversations(QString::fromUtf8("волк")).size(), std::size_t(0));
    }

    void theListModelKeepsItsContract()
    {
        ConversationListModel model;
        QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        const QDateTime start = QDateTime::currentDateTime();
        for (int index = 1; index <= 5; ++index)
            model.upsert({index, QString("chat %1").arg(index), start.addSecs(index)});
        QCOMPARE(model.idAt(0), 5);
        model.upsert({2, "chat two", start.addSecs(60)});
        QCOMPARE(model.idAt(0), 2);
        QCOMPARE(model.rowCount(), 5);
        model.upsert({5, "chat five", start.addSecs(-60)});
        QCOMPARE(model.idAt(4), 5);
        model.remove(3);
        QCOMPARE(model.rowOf(3), -1);
        QVERIFY(model.setData(model.index(0), "named", Qt::EditRole));
        QCOMPARE(model.index(0).data().toString(), QString("named"));
        model.setConversations({});
        QCOMPARE(model.rowCount(), 0);
    }
};

} // namespace mmfree

QTEST_MAIN(mmfree::ConversationStoreTest)
#include "tst_conversation_store.moc"
