// Chat templates: the file format and its errors, and the text a conversation becomes.
#include "engine/core/error.h"
#include "engine/text/chat_template.h"

#include <QtTest>

using namespace mmfree;

class ChatTemplateTest : public QObject
{
    Q_OBJECT
private slots:
    void readsWhatItWrites();
    void missingFieldsKeepTheirDefaults();
    void namesTheFieldThatIsWrong_data();
    void namesTheFieldThatIsWrong();
    void refusesToWriteInvalidUtf8();
    void rendersAConversationTurnByTurn();
    void plainTemplateAddsNothing();
};

void ChatTemplateTest::readsWhatItWrites()
{
    const ChatTemplate written{.name = "pocket \"quoted\"",
                               .begin = "[",
                               .systemPrefix = "<system>",
                               .systemSuffix = "\n",
                               .userPrefix = "<user>",
                               .userSuffix = "\t",
                               .assistantPrefix = "<assistant>",
                               .assistantSuffix = "</s>",
                               .stopStrings = {"<user>", "\n\n"},
                               .systemPrompt = "Отвечай кратко. 😀"};
    QVERIFY(parseChatTemplate(chatTemplateToJson(written), "chat_template.json") == written);
}

void ChatTemplateTest::missingFieldsKeepTheirDefaults()
{
    const ChatTemplate parsed = parseChatTemplate(R"({"user_prefix": "U: "})", "chat_template.json");
    ChatTemplate expected;
    expected.userPrefix = "U: ";
    QVERIFY(parsed == expected);
}

void ChatTemplateTest::namesTheFieldThatIsWrong_data()
{
    QTest::addColumn<QString>("json");
    QTest::addColumn<QString>("mentioned");
    QTest::newRow("not JSON") << "{\"name\": "
                              << "not JSON";
    QTest::newRow("empty") << ""
                           << "not JSON";
    QTest::newRow("array") << "[]"
                           << "array, needed: object";
    QTest::newRow("unknown field") << R"({"usr_prefix": "a"})"
                                   << "usr_prefix";
    QTest::newRow("mistyped field") << R"({"user_prefix": 3})"
                                    << "user_prefix is number, needed: string";
    QTest::newRow("null field") << R"({"begin": null})"
                                << "begin is null";
    QTest::newRow("stop strings no array") << R"({"stop_strings": "a"})"
                                           << "stop_strings is string, needed: array";
    QTest::newRow("stop string mistyped") << R"({"stop_strings": ["a", 1]})"
                                          << "stop_strings[1] is number";
    QTest::newRow("stop string empty") << R"({"stop_strings": [""]})"
                                       << "stop_strings[0] is empty";
    QTest::newRow("deeply nested") << QString("[").repeated(100000) << "not JSON";
}

void ChatTemplateTest::namesTheFieldThatIsWrong()
{
    QFETCH(QString, json);
    QFETCH(QString, mentioned);
    try {
        (void)parseChatTemplate(json.toStdString(), "folder/chat_template.json");
        QFAIL("accepted");
    } catch (const Error& error) {
        QCOMPARE(error.code(), ErrorCode::InvalidConfig);
        QVERIFY2(QString(error.what()).startsWith("folder/chat_template.json: "), error.what());
        QVERIFY2(QString(error.what()).contains(mentioned), error.what());
    }
}

void ChatTemplateTest::refusesToWriteInvalidUtf8()
{
    ChatTemplate broken;
    broken.userPrefix = "ab\xFF";
    try {
        (void)chatTemplateToJson(broken);
        QFAIL("accepted");
    } catch (const Error& error) {
        QVERIFY2(QString(error.what()).contains("user_prefix is not UTF-8: invalid byte at offset 2"),
                 error.what());
    }
}

void ChatTemplateTest::rendersAConversationTurnByTurn()
{
    const ChatTemplate form{.begin = "^",
                            .systemPrefix = "S(",
                            .systemSuffix = ")",
                            .userPrefix = "U(",
                            .userSuffix = ")",
                            .assistantPrefix = "A(",
                            .assistantSuffix = ")",
                            .stopStrings = {},
                            .systemPrompt = ""};
    QCOMPARE(renderTurn(form, {ChatRole::System, "be kind"}, true), std::string("^S(be kind)"));
    QCOMPARE(renderTurn(form, {ChatRole::User, "hi"}, false), std::string("U(hi)"));
    // What asks for an answer and the finished answer share their start, so the state can be continued.
    const std::string answer = renderTurn(form, {ChatRole::Assistant, "hello"}, false);
    QCOMPARE(answer, std::string("A(hello)"));
    QVERIFY(answer.starts_with(renderAnswerStart(form)));
}

void ChatTemplateTest::plainTemplateAddsNothing()
{
    const ChatTemplate plain = plainChatTemplate();
    QCOMPARE(renderTurn(plain, {ChatRole::User, " a b\n"}, true), std::string(" a b\n"));
    QVERIFY(renderAnswerStart(plain).empty());
    QVERIFY(plain.stopStrings.empty());
}

QTEST_APPLESS_MAIN(ChatTemplateTest)
#include "tst_chat_template.moc"
