// The fact table: what it reads, what it refuses, and when an answer counts as agreeing with it.
#include "engine/analysis/fact_table.h"
#include "tests/support/expect_error.h"

#include <QtTest>

using namespace mmfree;

namespace
{

FactTable table()
{
    return FactTable("abandon\tverb\tforsake, leave behind\n"
                     "harbor\tnoun\ta sheltered port\r\n"
                     "harbor\tsynonym\thaven\n"
                     "dog\tkind\tanimal\n"
                     "France\tcapital\tParis\n"
                     "gold\tsymbol\tAu\n\n"
                     "gold\tatomic number\t79\n"
                     "ascend\topposite\tdescend",
                     "facts.tsv");
}

} // namespace

class FactTableTest : public QObject
{
    Q_OBJECT
private slots:
    void looksWordsUpWhateverTheirCase()
    {
        const FactTable facts = table();
        QCOMPARE(facts.size(), 8);
        QCOMPARE(facts.lookup(" Harbor ").size(), std::size_t(2));
        QCOMPARE(facts.glosses("HARBOR").front().value, std::string("a sheltered port"));
        QVERIFY(facts.glosses("france").empty());
        QVERIFY(facts.contains("france"));
        QVERIFY(facts.lookup("unheard").empty());
    }

    void answersAreChecked_data()
    {
        QTest::addColumn<QString>("question");
        QTest::addColumn<QString>("answer");
        QTest::addColumn<int>("verdict");
        const int matches = int(FactVerdict::Matches), differs = int(FactVerdict::Differs),
                  silent = int(FactVerdict::NotInList);
        const QString gloss = "abandon (verb): forsake, leave behind.";
        QTest::newRow("gloss") << "What does abandon mean?" << gloss << matches;
        QTest::newRow("capital letter") << "Define ABANDON." << gloss << matches;
        QTest::newRow("spaces around") << "abandon?"
                                       << "  " + gloss + "\n"
                                       << matches;
        QTest::newRow("wrong gloss") << "What does abandon mean?"
                                     << "abandon (verb): keep." << differs;
        QTest::newRow("wrong part") << "abandon"
                                    << "abandon (noun): forsake, leave behind." << differs;
        QTest::newRow("other word") << "What does abacus mean?" << gloss << differs;
        QTest::newRow("part of another word") << "What does abandonment mean?" << gloss << differs;
        QTest::newRow("follow-up names no word") << "Can you say that again?" << gloss << matches;
        QTest::newRow("untaught word") << "What does zebra mean?"
                                       << "zebra (noun): a horse." << silent;
        QTest::newRow("refusal of a taught word") << "What does abandon mean?"
                                                  << "I do not know the word abandon." << differs;
        QTest::newRow("refusal of another") << "zebra?"
                                            << "I do not know the word zebra." << silent;
        QTest::newRow("refusal repeats another word") << "What does zebra mean?"
                                                      << "I do not know the word abandon." << silent;
        QTest::newRow("capital") << "Capital of France?"
                                 << "The capital of France is Paris." << matches;
        QTest::newRow("wrong capital") << "Capital of France?"
                                       << "The capital of France is Rome." << differs;
        QTest::newRow("number") << "Atomic number of gold?"
                                << "The atomic number of gold is 79." << matches;
        QTest::newRow("symbol") << "Symbol of gold?"
                                << "The symbol of gold is Ag." << differs;
        QTest::newRow("relation not taught") << "Opposite of dog?"
                                             << "The opposite of dog is cat." << silent;
        QTest::newRow("opposite behind a definition") << "And its opposite?"
                                                      << "The opposite of ascend is descend." << matches;
        QTest::newRow("synonym") << "Synonym of harbor?"
                                 << "A word close to harbor is haven." << matches;
        QTest::newRow("yes") << "Is dog a kind of animal?"
                             << "Yes, dog is a kind of animal." << matches;
        QTest::newRow("no") << "Is dog a kind of fish?"
                            << "No, dog is a kind of animal." << matches;
        QTest::newRow("wrong yes") << "Is dog a kind of fish?"
                                   << "Yes, dog is a kind of animal." << differs;
        QTest::newRow("wrong no") << "Is dog a kind of animal?"
                                  << "No, dog is a kind of animal." << differs;
        QTest::newRow("small talk") << "hello"
                                    << "Hello! Ask me what a word means." << silent;
        QTest::newRow("nothing") << ""
                                 << "" << silent;
        QTest::newRow("a gloss without a word") << "abandon"
                                                << " (verb): x." << silent;
    }
    void answersAreChecked()
    {
        QFETCH(QString, question);
        QFETCH(QString, answer);
        QFETCH(int, verdict);
        QCOMPARE(int(table().check(question.toStdString(), answer.toStdString())), verdict);
    }

    void badTablesAreRefused()
    {
        using enum ErrorCode;
        MMFREE_EXPECT_ERROR(FactTable("a\tnoun\tb\nc\tnoun", "t"), InvalidFile, "t, line 2", "3 fields");
        MMFREE_EXPECT_ERROR(FactTable("a\tnoun\tb\tc", "t"), InvalidFile, "line 1", "3 fields");
        MMFREE_EXPECT_ERROR(FactTable("a\tpronoun\tb", "t"), InvalidFile, "pronoun", "part of speech");
        MMFREE_EXPECT_ERROR(FactTable("\tnoun\tb", "t"), InvalidFile, "empty");
        MMFREE_EXPECT_ERROR(FactTable("a\tnoun\t\xFF", "t"), InvalidFile, "UTF-8", "7");
        MMFREE_EXPECT_ERROR((void)FactTable::open("/nonexistent/facts.tsv"), Io, "facts.tsv");
        QCOMPARE(FactTable("", "t").size(), 0);
    }
};

QTEST_APPLESS_MAIN(FactTableTest)
#include "tst_fact_table.moc"
