// Multiple choice: the published formats become the prompts of lm-evaluation-harness, and acc and acc_norm
// are its.
#include "engine/analysis/multiple_choice.h"
#include "engine/session/session.h"
#include "tests/support/expect_error.h"
#include "tests/unit/session/fake_executor.h"

#include <QtTest>

#include <cmath>

using namespace mmfree;
using namespace mmfree::test;

namespace
{

using Texts = std::vector<std::string>;

ChoiceQuestion only(const std::string& line, std::optional<TaskFormat> format = {}, const Texts& labels = {})
{
    const ChoiceTask task = parseChoiceTask(line, "task.jsonl", format, labels);
    return task.questions.size() == 1 ? task.questions.front() : ChoiceQuestion{};
}

const char* const kArc =
    R"({"id":"Mercury_1","question":{"stem":"Which is hot?","choices":[{"text":"ice","label":"A"},{"text":"fire","label":"B"}]},"answerKey":"B"})";

Tokenizer smallTokenizer()
{
    std::string text;
    for (int i = 0; i < 60; ++i)
        text +=
            "Question: Which is hot? Answer: the fire burns, the ice melts away " + std::to_string(i) + "\n";
    return Tokenizer(trainTokenizer(text, {.vocabularySize = 320, .userSymbols = {}, .threads = 1}));
}

} // namespace

class MultipleChoiceTest : public QObject
{
    Q_OBJECT
private slots:
    void arcAsPublishedAndAsExported()
    {
        for (
            const char* line :
            {kArc,
             R"({"id":"x","question":"Which is hot?","choices":{"text":["ice","fire"],"label":["A","B"]},"answerKey":"B"})"}) {
            const ChoiceTask task = parseChoiceTask(line, "arc");
            QCOMPARE(task.format, TaskFormat::Arc);
            const ChoiceQuestion& question = task.questions.front();
            QCOMPARE(question.contexts, Texts{"Question: Which is hot?\nAnswer:"});
            QCOMPARE(question.continuations, (Texts{" ice", " fire"}));
            QCOMPARE(question.lengths, (std::vector<double>{3, 4}));
            QCOMPARE(question.correct, 1);
        }
    }

    void openBookQaIsToldByItsIdsOrFields()
    {
        const std::string line =
            R"({"id":"7-980","question":{"stem":"The sun is","choices":[{"text":"a star","label":"A"},{"text":"été","label":"B"}]},"answerKey":"A"})";
        const ChoiceTask task = parseChoiceTask(line, "obqa");
        QCOMPARE(task.format, TaskFormat::OpenBookQa);
        QCOMPARE(task.questions.front().contexts, Texts{"The sun is"});
        QCOMPARE(task.questions.front().lengths, (std::vector<double>{6, 3})); // characters, not bytes
        const std::string exported =
            R"({"id":"q","question_stem":"The sun is","choices":{"text":["a","b"],"label":["A","B"]},"answerKey":" A"})";
        QCOMPARE(parseChoiceTask(exported, "obqa").format, TaskFormat::OpenBookQa);
        QCOMPARE(only(line, TaskFormat::Arc).contexts, Texts{"Question: The sun is\nAnswer:"});
    }

    void hellaSwagIsCleanedAsTheHarnessDoes()
    {
        const ChoiceQuestion question = only(
            R"({"ind":1,"activity_label":"Baking","ctx_a":"[header] How to bake [title] Get flour.","ctx_b":"a MAN","ctx":"","label":"2","endings":["mixes [substeps] it."," [title] Wait.","x","y  z"]})");
        QCOMPARE(question.contexts, Texts{"Baking: How to bake. Get flour. A man"});
        QCOMPARE(question.continuations, (Texts{" mixes it.", "  Wait.", " x", " y z"}));
        QCOMPARE(question.correct, 2);
    }

    void piqaTakesItsLabelsFromAnotherFile()
    {
        const std::string line = R"({"goal":"To open a jar","sol1":"twist it","sol2":"eat it"})";
        const ChoiceQuestion question = only(line, {}, {"1"});
        QCOMPARE(question.contexts, Texts{"Question: To open a jar\nAnswer:"});
        QCOMPARE(question.correct, 1);
        QCOMPARE(only(R"({"goal":"g","sol1":"a","sol2":"b","label":0})").correct, 0);
        MMFREE_EXPECT_ERROR((void)only(line), ErrorCode::InvalidFile, "task.jsonl, line 1", "label");
        MMFREE_EXPECT_ERROR((void)only(line, {}, {"2"}), ErrorCode::InvalidFile, "\"2\"", "0 or 1");
        MMFREE_EXPECT_ERROR((void)only(line, {}, {"0", "1"}), ErrorCode::InvalidFile,
                            "1 questions but 2 labels");
        MMFREE_EXPECT_ERROR((void)only(line + "\n" + line, {}, {"0"}), ErrorCode::InvalidFile, "line 2",
                            "labels file");
    }

    void winoGrandeScoresTheRestOfTheSentence()
    {
        const ChoiceQuestion question = only(
            R"({"qID":"q","sentence":"Ann thanked Eve because _ had helped.","option1":"Ann","option2":"Eve","answer":"2"})");
        QCOMPARE(question.contexts, (Texts{"Ann thanked Eve because Ann", "Ann thanked Eve because Eve"}));
        QCOMPARE(question.continuations, Texts{" had helped."});
        QCOMPARE(question.correct, 1);
    }

    void badLinesAreNamed()
    {
        using enum ErrorCode;
        MMFREE_EXPECT_ERROR((void)only("{"), InvalidFile, "task.jsonl, line 1", "not a JSON object");
        MMFREE_EXPECT_ERROR((void)only("[1]"), InvalidFile, "not a JSON object");
        MMFREE_EXPECT_ERROR((void)only("{\"a\":1}"), InvalidFile, "none of arc");
        MMFREE_EXPECT_ERROR((void)only(""), InvalidFile, "no question");
        MMFREE_EXPECT_ERROR((void)only(std::string(kArc) + "\n{\"id\":3,\"question\":4,\"answerKey\":\"A\"}"),
                            InvalidFile, "line 2", "question", "needed: string");
        MMFREE_EXPECT_ERROR(
            (void)only(R"({"question":"q","choices":{"text":["a"],"label":["A","B"]},"answerKey":"A"})"),
            InvalidFile, "choices");
        MMFREE_EXPECT_ERROR(
            (void)only(R"({"question":"q","choices":{"text":["a","b"],"label":["A","B"]},"answerKey":"C"})"),
            InvalidFile, "answerKey", "C");
        MMFREE_EXPECT_ERROR((void)only(R"({"sentence":"no blank","option1":"a","option2":"b","answer":"1"})"),
                            InvalidFile, "no _");
        MMFREE_EXPECT_ERROR((void)only(R"({"sentence":"a _","option1":"a","option2":"b","answer":"3"})"),
                            InvalidFile, "number 2");
        MMFREE_EXPECT_ERROR((void)only(R"({"goal":"g","sol1":"","sol2":"b","label":0})"), InvalidFile,
                            "empty choice");
        MMFREE_EXPECT_ERROR(
            (void)only(
                R"({"activity_label":"a","ctx_a":"b","ctx_b":"c","label":"99999","endings":["a","b"]})"),
            InvalidFile, "99999");
    }

    // The harness's definition, computed the slow way: whole text, one pass a choice.
    void scoresAreTheLogLikelihoodsOfTheContinuations()
    {
        const Tokenizer tokenizer = smallTokenizer();
        ChoiceTask task;
        Random random(3);
        const Texts words{"ice", "fire", "the fire burns", "melts away", "hot", "Which is"};
        for (int i = 0; i < 40; ++i) {
            ChoiceQuestion question;
            question.contexts = {"Question: " + words[random.below(6)] +
                                 "?\nAnswer:" + (i % 4 == 0 ? " " : "")};
            for (int choice = 0; choice < 4; ++choice) {
                const std::string& text = words[random.below(6)];
                question.continuations.push_back(" " + text + std::to_string(choice));
                question.lengths.push_back(static_cast<double>(text.size() + 1));
            }
            question.correct = static_cast<std::int64_t>(random.below(4));
            task.questions.push_back(question);
        }
        int right = 0, rightByLength = 0;
        const auto executor = std::make_shared<FakeExecutor>(tokenizer.size());
        for (const ChoiceQuestion& question : task.questions) {
            std::string context = question.contexts.front();
            const bool spaced = context.ends_with(' ');
            if (spaced)
                context.pop_back();
            std::vector<double> sums;
            for (const std::string& continuation : question.continuations) {
                const auto first = tokenizer.encode(context);
                const auto whole = tokenizer.encode(context + (spaced ? " " : "") + continuation);
                const auto state = executor->createState();
                double sum = 0.0;
                for (std::size_t i = 0; i + 1 < whole.size(); ++i) {
                    const auto logits =
                        executor->forward({std::span(whole).subspan(i, 1), LogitsMode::Last, nullptr}, *state)
                            .logits;
                    if (i + 1 >= first.size())
                        sum -= tokenLossNats(logits, whole[i + 1]);
                }
                sums.push_back(sum);
            }
            right += std::max_element(sums.begin(), sums.end()) - sums.begin() == question.correct;
            for (std::size_t i = 0; i < sums.size(); ++i)
                sums[i] /= question.lengths[i];
            rightByLength += std::max_element(sums.begin(), sums.end()) - sums.begin() == question.correct;
        }
        for (const std::size_t workers : {1, 3}) {
            std::vector<std::shared_ptr<InferenceExecutor>> executors;
            for (std::size_t i = 0; i < workers; ++i)
                executors.push_back(std::make_shared<FakeExecutor>(tokenizer.size()));
            const ChoiceResult result = evaluateChoices(executors, tokenizer, task, {});
            QCOMPARE(result.accuracy.count, 40);
            QCOMPARE(result.accuracy.value, right / 40.0);
            QCOMPARE(result.accuracyByLength.value().value, rightByLength / 40.0);
            QVERIFY(result.accuracy.low < result.accuracy.value &&
                    result.accuracy.value < result.accuracy.high);
        }
    }

    void subsetsRepeatAndStopsAreHonest()
    {
        QCOMPARE(chosenSubset(5, 0, 1).size(), std::size_t(5));
        QCOMPARE(chosenSubset(5, 9, 1).size(), std::size_t(5));
        const auto subset = chosenSubset(1000, 50, 7);
        QCOMPARE(subset.size(), std::size_t(50));
        QCOMPARE(chosenSubset(1000, 50, 7), subset);
        QVERIFY(chosenSubset(1000, 50, 8) != subset);
        QVERIFY(std::adjacent_find(subset.begin(), subset.end(), std::greater_equal<>()) == subset.end());

        const Tokenizer tokenizer = smallTokenizer();
        std::stop_source stop;
        stop.request_stop();
        const ChoiceResult result =
            evaluateChoices({std::make_shared<FakeExecutor>(tokenizer.size())}, tokenizer,
                            parseChoiceTask(kArc, "a"), {}, stop.get_token());
        QCOMPARE(result.accuracy.count, 0);
    }

    void intervalsCoverTheKnownCases()
    {
        const Estimate half = shareEstimate(0.5, 100); // Wilson: 0.404 .. 0.596
        QVERIFY(std::abs(half.low - 0.4038) < 1e-3 && std::abs(half.high - 0.5962) < 1e-3);
        const Estimate none = shareEstimate(0.0, 10); // 0 .. 0.278
        QVERIFY(none.low == 0.0 && std::abs(none.high - 0.2775) < 1e-3);
        QCOMPARE(shareEstimate(1.0, 0).count, 0);
        const Estimate mean = meanEstimate(std::vector<double>{0.2, 0.4, 0.6});
        QVERIFY(std::abs(mean.value - 0.4) < 1e-12 &&
                std::abs(mean.high - 0.4 - 1.96 * 0.2 / std::sqrt(3.0)) < 1e-4);
    }
};

QTEST_APPLESS_MAIN(MultipleChoiceTest)
#include "tst_multiple_choice.moc"
