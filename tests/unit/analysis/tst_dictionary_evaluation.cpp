// The dictionary's questions: what is asked, how answers are counted, what the controls say.
#include "engine/analysis/dictionary_evaluation.h"
#include "tests/support/expect_error.h"

#include <QtTest>

#include <cmath>
#include <map>
#include <set>

using namespace mmfree;

namespace
{

const char* const kQuestions = R"({"format":1,"unseen":["Explain {w}, {w}!"],"trained":["{w}?","Define {w}."]}
{"set":"gloss","word":"abandon","answer":"abandon (verb): forsake, leave behind."}
{"set":"gloss","word":"harbor","answer":"harbor (noun): a sheltered port."}
{"set":"unknown-real","word":"zyx","question":"zyx?","answer":"I do not know the word zyx."}
{"set":"follow-up","word":"up","question":"And its opposite?","history":["up?","up (adverb): high."],"answer":"The opposite of up is down."}
)";

// Answers from a list; remembers what it was asked.
class ListedAnswers : public AnswerSource
{
public:
    std::string answer(const std::vector<ChatTurn>& turns, const std::string&) override
    {
        m_turns.push_back(turns);
        const auto found = m_answers.find(turns.back().text);
        return found == m_answers.end() ? "" : found->second;
    }
    std::map<std::string, std::string> m_answers;
    std::vector<std::vector<ChatTurn>> m_turns;
};

} // namespace

class DictionaryEvaluationTest : public QObject
{
    Q_OBJECT
private slots:
    void countsExactAnswersF1AndRefusals()
    {
        const DictionaryQuestions questions = parseDictionaryQuestions(kQuestions, "q");
        auto owned = std::make_unique<ListedAnswers>();
        ListedAnswers& answers = *owned;
        answers.m_answers = {{"Explain abandon, abandon!", " abandon (verb): forsake, leave behind.\n"},
                             {"Explain harbor, harbor!", "harbor (noun): a port."},
                             {"abandon?", "I do not know the word abandon."},
                             {"Define abandon.", "abandon (verb): forsake, leave behind."},
                             {"harbor?", "harbor (noun): a sheltered port."},
                             {"Define harbor.", "harbor (noun): a sheltered port."},
                             {"zyx?", "I do not know the word zyx."},
                             {"And its opposite?", "The opposite of up is down."}};
        std::vector<std::unique_ptr<AnswerSource>> sources;
        sources.push_back(std::move(owned));
        const DictionaryReport report = evaluateDictionary(questions, sources, {.wrongExamples = 1});
        const DictionarySetResult& unseen = *report.find("gloss-unseen");
        QCOMPARE(unseen.questions, 2);
        QCOMPARE(unseen.exact.value, 0.5);
        QCOMPARE(unseen.exact.count, 2);
        QVERIFY(std::abs(unseen.f1.value - (1.0 + 0.8) / 2.0) < 1e-12); // "a port" of "a sheltered port": 0.8
        const DictionarySetResult& trained = *report.find("gloss-trained");
        QCOMPARE(trained.questions, 4);
        QCOMPARE(trained.exact.value, 0.75); // the mean over words of their mean over phrasings
        QCOMPARE(trained.refusals.value, 0.25);
        QCOMPARE(report.find("unknown-real")->refusals.value, 1.0);
        QCOMPARE(report.find("follow-up")->exact.value, 1.0);
        QVERIFY(!report.find("noisy"));
        QCOMPARE(report.wrongExamples.size(), std::size_t(1));
        const auto followUp =
            std::ranges::find_if(answers.m_turns, [](const auto& turns) { return turns.size() > 1; });
        QVERIFY(followUp != answers.m_turns.end() && followUp->size() == 3);
        QVERIFY((*followUp)[0].role == ChatRole::User && (*followUp)[1].role == ChatRole::Assistant);
    }

    void setsAndSubsetsAreChosen()
    {
        const DictionaryQuestions questions = parseDictionaryQuestions(kQuestions, "q");
        std::vector<std::unique_ptr<AnswerSource>> sources;
        sources.push_back(std::make_unique<ListedAnswers>());
        const DictionaryReport report =
            evaluateDictionary(questions, sources, {.subset = 1, .onlySets = {"gloss"}});
        QCOMPARE(report.sets.size(), std::size_t(2));
        QCOMPARE(report.find("gloss-trained")->questions, 2);
    }

    void controlsKnowNothingOfTheWord()
    {
        const FactTable facts(
            "cart\tnoun\ta wheeled thing\ncard\tnoun\tstiff paper\nslow\tadjective\tnot fast\n"
            "lazy\tadjective\tnot fast\n",
            "t");
        QCOMPARE(makeNearestWordAnswers(facts)->answer({}, "cart"), std::string("cart (noun): stiff paper."));
        QCOMPARE(makeNearestWordAnswers(facts)->answer({}, "slew"),
                 std::string("slew (adjective): not fast."));
        QCOMPARE(makeFrequentGlossAnswers(facts)->answer({}, "cart"),
                 std::string("cart (adjective): not fast."));
    }

    void f1IsOfWordsWithoutCaseAndMarks()
    {
        QCOMPARE(tokenF1("A big, red dog!", "a big red dog"), 1.0);
        QCOMPARE(tokenF1("", "a"), 0.0);
        QCOMPARE(tokenF1("a a b", "a c"), 2.0 * 1 / 5);
        QCOMPARE(tokenF1("one's own", "ones own"), 1.0);
    }

    void badQuestionsAreNamed()
    {
        using enum ErrorCode;
        MMFREE_EXPECT_ERROR((void)parseDictionaryQuestions("", "q"), InvalidFile, "q holds no question");
        MMFREE_EXPECT_ERROR((void)parseDictionaryQuestions("nonsense", "q"), InvalidFile, "q, line 1");
        MMFREE_EXPECT_ERROR((void)parseDictionaryQuestions(R"({"set":"a","word":"b","question":"c"})", "q"),
                            InvalidFile, "answer");
        MMFREE_EXPECT_ERROR((void)parseDictionaryQuestions(R"({"set":"a","word":"b","answer":"c"})", "q"),
                            InvalidFile, "phrasings");
        MMFREE_EXPECT_ERROR((void)parseDictionaryQuestions(
                                R"({"set":"a","word":"b","question":"c","answer":"d","history":[1]})", "q"),
                            InvalidFile, "history");
    }
};

QTEST_APPLESS_MAIN(DictionaryEvaluationTest)
#include "tst_dictionary_evaluation.moc"
