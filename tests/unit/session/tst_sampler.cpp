// Sampling: each stage by itself against hand-computed values, their order, the distribution drawn, and bad
// input.
#include "engine/core/error.h"
#include "engine/session/sampler.h"

#include <QtTest>

#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <new>

using namespace mmfree;

namespace
{

std::size_t allocations = 0; // counted by the operators below

// Everything off: draws from the plain softmax.
SamplingOptions plainOptions()
{
    SamplingOptions options;
    options.temperature = 1.0;
    options.topK = 0;
    options.topP = 1.0;
    options.minP = 0.0;
    options.repetitionPenalty = 1.0;
    return options;
}

std::vector<float> logarithms(const std::vector<double>& probabilities)
{
    std::vector<float> logits;
    for (const double p : probabilities)
        logits.push_back(static_cast<float>(std::log(p)) + 3.0f); // a constant changes nothing
    return logits;
}

std::map<TokenId, double> shares(const SamplingOptions& options, const std::vector<float>& logits,
                                 const std::vector<TokenId>& recent = {}, int draws = 20000)
{
    Sampler sampler(options);
    std::map<TokenId, double> counts;
    for (int i = 0; i < draws; ++i)
        counts[sampler.sample(logits, recent).id] += 1.0 / draws;
    return counts;
}

void compareShares(const std::map<TokenId, double>& found, const std::map<TokenId, double>& expected)
{
    QCOMPARE(found.size(), expected.size());
    for (const auto& [id, share] : expected) {
        const double difference = std::abs(found.at(id) - share);
        QVERIFY2(difference < 0.015,
                 qPrintable(QString("token %1: %2, expected %3").arg(id).arg(found.at(id)).arg(share)));
    }
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();

} // namespace

void* operator new(std::size_t size)
{
    ++allocations;
    if (void* memory = std::malloc(size))
        return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept
{
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept
{
    std::free(memory);
}

class SamplerTest : public QObject
{
    Q_OBJECT
private slots:
    void explainsWhichStageRemovedWhat();
    void explainingChangesNoDraw();
    void explainsTheChosenOneEvenWhenItIsFarDown();
    void greedyTakesTheLowestIdAmongEquals();
    void drawsFromTheSoftmax();
    void temperatureSharpens();
    void topKKeepsTheBest();
    void topPKeepsTheSmallestSetThatReachesIt();
    void topPCountsWhatTopKLeft();
    void minPComparesWithTheBest();
    void stagesGiveTheSameWhetherSortedOrNot();
    void repetitionPenaltyLowersRecentTokensOnce();
    void repetitionWindowLooksBackOnlySoFar();
    void logProbabilityIsThatOfTheUnmodifiedSoftmax();
    void isDeterministicForASeed();
    void excludedTokensAreNeverDrawn();
    void extremeValuesStayFinite();
    void allocatesNothingAfterTheFirstToken();
    void refusesBadLogits();
    void refusesBadOptions_data();
    void refusesBadOptions();
};

void SamplerTest::greedyTakesTheLowestIdAmongEquals()
{
    SamplingOptions options = plainOptions();
    options.temperature = 0.0;
    QCOMPARE(Sampler(options).sample(std::array{1.0f, 3.0f, 3.0f, -2.0f}, {}).id, 1);
}

void SamplerTest::drawsFromTheSoftmax()
{
    compareShares(shares(plainOptions(), logarithms({0.1, 0.2, 0.3, 0.4})),
                  {{0, 0.1}, {1, 0.2}, {2, 0.3}, {3, 0.4}});
}

void SamplerTest::temperatureSharpens()
{
    SamplingOptions options = plainOptions();
    options.temperature = 0.5; // squares the odds: 1 : 4
    compareShares(shares(options, logarithms({1.0 / 3, 2.0 / 3})), {{0, 0.2}, {1, 0.8}});
}

void SamplerTest::topKKeepsTheBest()
{
    SamplingOptions options = plainOptions();
    options.topK = 2;
    compareShares(shares(options, logarithms({0.1, 0.2, 0.3, 0.4})), {{2, 3.0 / 7}, {3, 4.0 / 7}});
    compareShares(shares(options, logarithms({0.25, 0.25, 0.25, 0.25})),
                  {{0, 0.5}, {1, 0.5}}); // ties: lowest ids
    options.topK = 100;
    compareShares(shares(options, logarithms({0.4, 0.6})), {{0, 0.4}, {1, 0.6}});
}

void SamplerTest::topPKeepsTheSmallestSetThatReachesIt()
{
    SamplingOptions options = plainOptions();
    options.topP = 0.6; // 0.4 is too little, 0.4 + 0.3 reaches it
    compareShares(shares(options, logarithms({0.1, 0.2, 0.3, 0.4})), {{2, 3.0 / 7}, {3, 4.0 / 7}});
    options.topP = 1e-9;
    compareShares(shares(options, logarithms({0.1, 0.2, 0.3, 0.4})), {{3, 1.0}});
}

void SamplerTest::topPCountsWhatTopKLeft()
{
    SamplingOptions options = plainOptions();
    options.topK = 2;
    options.topP = 0.55; // of 3/7 and 4/7 the first reaches it
    compareShares(shares(options, logarithms({0.1, 0.2, 0.3, 0.4})), {{3, 1.0}});
}

void SamplerTest::minPComparesWithTheBest()
{
    SamplingOptions options = plainOptions();
    options.minP = 0.6;
    compareShares(shares(options, logarithms({0.1, 0.2, 0.3, 0.4})), {{2, 3.0 / 7}, {3, 4.0 / 7}});
    options.temperature = 2.0; // after temperature 0.2 stands at sqrt(0.5) of the best
    compareShares(shares(options, logarithms({0.05, 0.2, 0.3, 0.45})),
                  {{1, 0.2763}, {2, 0.3384}, {3, 0.4145}}); // (sqrt 0.2 : sqrt 0.3 : sqrt 0.45) shares
}

void SamplerTest::stagesGiveTheSameWhetherSortedOrNot()
{
    Random random(8);
    std::vector<float> logits(500);
    for (float& logit : logits)
        logit = static_cast<float>(random.normal() * 3.0);
    SamplingOptions lazy = plainOptions();
    lazy.topP = 0.9;
    SamplingOptions sorted = lazy;
    sorted.topK = 500; // sorts everything, keeps everything
    Sampler one(lazy), other(sorted);
    for (int i = 0; i < 500; ++i)
        QCOMPARE(one.sample(logits, {}).id, other.sample(logits, {}).id);
}

void SamplerTest::repetitionPenaltyLowersRecentTokensOnce()
{
    SamplingOptions options = plainOptions();
    options.temperature = 0.0;
    options.repetitionPenalty = 2.0;
    const std::array positive{3.0f, 2.0f, -5.0f}, negative{-1.0f, -1.9f, -5.0f};
    QCOMPARE(Sampler(options).sample(positive, {}).id, 0);
    const std::array<TokenId, 3> seen{0, 0, 0}; // 3 / 2 < 2, however often it was seen
    QCOMPARE(Sampler(options).sample(positive, seen).id, 1);
    QCOMPARE(Sampler(options).sample(negative, seen).id, 1); // -1 * 2 < -1.9
    const std::array close{3.0f, 1.4f, -5.0f};               // once: 1.5 still wins
    QCOMPARE(Sampler(options).sample(close, seen).id, 0);
}

void SamplerTest::repetitionWindowLooksBackOnlySoFar()
{
    SamplingOptions options = plainOptions();
    options.temperature = 0.0;
    options.repetitionPenalty = 2.0;
    options.repetitionWindow = 2;
    const std::array logits{3.0f, 2.0f, -5.0f};
    const std::array<TokenId, 3> far{0, 2, 2}, near{2, 0, 2};
    QCOMPARE(Sampler(options).sample(logits, far).id, 0);
    QCOMPARE(Sampler(options).sample(logits, near).id, 1);
    options.repetitionWindow = 0;
    QCOMPARE(Sampler(options).sample(logits, near).id, 0);
}

void SamplerTest::logProbabilityIsThatOfTheUnmodifiedSoftmax()
{
    SamplingOptions options;
    options.temperature = 0.3;
    options.topK = 1;
    options.repetitionPenalty = 1.3;
    const std::array<TokenId, 1> recent{1};
    const SampledToken token = Sampler(options).sample(logarithms({0.1, 0.6, 0.3}), recent);
    QCOMPARE(token.id, 1);
    QVERIFY(std::abs(token.logProbability - std::log(0.6)) < 1e-6);
}

void SamplerTest::isDeterministicForASeed()
{
    std::vector<float> logits(1000, 0.0f);
    SamplingOptions options;
    options.seed = 42;
    Sampler one(options), same(options);
    options.seed = 43;
    Sampler other(options);
    int different = 0;
    for (int i = 0; i < 100; ++i) {
        const TokenId id = one.sample(logits, {}).id;
        QCOMPARE(same.sample(logits, {}).id, id);
        different += other.sample(logits, {}).id != id ? 1 : 0;
    }
    QVERIFY(different > 50);
}

void SamplerTest::excludedTokensAreNeverDrawn()
{
    const std::vector<float> logits{-kInfinity, 1.0f, -kInfinity, 1.0f};
    compareShares(shares(plainOptions(), logits, {0, 0}), {{1, 0.5}, {3, 0.5}});
    SamplingOptions options;
    options.topK = 4;
    compareShares(shares(options, logits, {0, 2}), {{1, 0.5}, {3, 0.5}});
}

void SamplerTest::extremeValuesStayFinite()
{
    const float largest = std::numeric_limits<float>::max();
    for (const double temperature : {1e-300, 1e-6, 1.0, 100.0}) {
        for (const double penalty : {1e-300, 1e-3, 1e300}) {
            SamplingOptions options = plainOptions();
            options.temperature = temperature;
            options.repetitionPenalty = penalty;
            options.topP = 0.99;
            const std::vector<float> logits{largest, -largest, 0.0f, 1e-30f};
            const std::array<TokenId, 4> recent{0, 1, 2, 3};
            const SampledToken token = Sampler(options).sample(logits, recent);
            QVERIFY(token.id >= 0 && token.id < 4);
            QVERIFY(std::isfinite(token.logProbability));
        }
    }
}

void SamplerTest::allocatesNothingAfterTheFirstToken()
{
    std::vector<float> logits(32000);
    Random random(1);
    for (float& logit : logits)
        logit = static_cast<float>(random.normal());
    const std::vector<TokenId> recent{1, 2, 3};
    for (const int topK : {0, 40}) {
        SamplingOptions options;
        options.topK = topK;
        options.minP = 0.01;
        Sampler sampler(options);
        (void)sampler.sample(logits, recent);
        const std::size_t before = allocations;
        for (int i = 0; i < 20; ++i)
            (void)sampler.sample(logits, recent);
        QCOMPARE(allocations, before);
    }
}

void SamplerTest::refusesBadLogits()
{
    const auto refuse = [](const std::vector<float>& logits, ErrorCode code, const char* message) {
        try {
            (void)Sampler(plainOptions()).sample(logits, {});
            QFAIL("accepted");
        } catch (const Error& error) {
            QCOMPARE(error.code(), code);
            QVERIFY2(QString(error.what()).contains(message), error.what());
        }
    };
    refuse({1.0f, std::numeric_limits<float>::quiet_NaN()}, ErrorCode::NumericFailure,
           "logit of token 1 is NaN");
    refuse({kInfinity, 1.0f}, ErrorCode::NumericFailure, "logit of token 0 is infinite");
    refuse({-kInfinity, -kInfinity}, ErrorCode::NumericFailure, "none of 2 logits is finite");
    refuse({}, ErrorCode::InvalidArgument, "number of logits is 0");
    const std::vector<TokenId> outside{2};
    SamplingOptions options;
    try {
        (void)Sampler(options).sample(std::array{1.0f, 2.0f}, outside);
        QFAIL("accepted");
    } catch (const Error& error) {
        QVERIFY2(QString(error.what()).contains("token id is 2, needed: 0 .. 1"), error.what());
    }
}

void SamplerTest::refusesBadOptions_data()
{
    QTest::addColumn<QString>("field");
    QTest::addColumn<double>("value");
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for (const auto& [field, values] : std::map<const char*, std::vector<double>>{
             {"temperature", {-0.1, 100.5, nan}},
             {"topK", {-1}},
             {"topP", {0.0, -1.0, 1.1, nan}},
             {"minP", {-0.1, 1.5, nan}},
             {"repetitionPenalty", {0.0, -1.0, nan, std::numeric_limits<double>::infinity()}},
             {"repetitionWindow", {-1}}}) {
        for (const double value : values)
            QTest::addRow("%s %g", field, value) << QString(field) << value;
    }
}

void SamplerTest::refusesBadOptions()
{
    QFETCH(QString, field);
    QFETCH(double, value);
    SamplingOptions options;
    if (field == "temperature")
        options.temperature = value;
    else if (field == "topK")
        options.topK = static_cast<int>(value);
    else if (field == "topP")
        options.topP = value;
    else if (field == "minP")
        options.minP = value;
    else if (field == "repetitionPenalty")
        options.repetitionPenalty = value;
    else
        options.repetitionWindow = static_cast<int>(value);
    try {
        Sampler sampler(options);
        QFAIL("accepted");
    } catch (const Error& error) {
        QCOMPARE(error.code(), ErrorCode::InvalidArgument);
        QVERIFY2(QString(error.what()).startsWith(field + " is "), error.what());
    }
}

void SamplerTest::explainsWhichStageRemovedWhat()
{
    SamplingOptions options = plainOptions();
    options.topK = 5;
    options.topP = 0.85;
    options.minP = 0.3;
    std::vector<float> logits = logarithms({0.4, 0.25, 0.15, 0.1, 0.05, 0.05});
    logits.push_back(-std::numeric_limits<float>::infinity());
    Sampler sampler(options);
    TokenDetail detail;
    const SampledToken sampled = sampler.sampleExplained(logits, {}, 7, &detail);
    QCOMPARE(detail.alternatives.size(), std::size_t(7));
    // Top-k leaves five (of the equal ones the lower id), top-p of those 0.4 + 0.25 + 0.15 + 0.1 of 0.95,
    // min-p what has at least 0.3 of 0.4.
    const SamplerStage expected[] = {SamplerStage::Kept,    SamplerStage::Kept, SamplerStage::Kept,
                                     SamplerStage::MinP,    SamplerStage::TopP, SamplerStage::TopK,
                                     SamplerStage::Excluded};
    double drawn = 0.0;
    for (std::size_t i = 0; i < 7; ++i) {
        QCOMPARE(detail.alternatives[i].id, static_cast<TokenId>(i));
        QCOMPARE(detail.alternatives[i].removedBy, expected[i]);
        drawn += static_cast<double>(detail.alternatives[i].drawProbability);
    }
    QVERIFY(std::abs(drawn - 1.0) < 1e-6);
    QVERIFY(std::abs(detail.alternatives[0].drawProbability - 0.5f) < 1e-5f);
    QVERIFY(std::abs(std::exp(detail.alternatives[1].logProbability) - 0.25f) < 1e-5f);
    double entropy = 0.0;
    for (const double p : {0.4, 0.25, 0.15, 0.1, 0.05, 0.05})
        entropy -= p * std::log(p);
    QVERIFY(std::abs(detail.entropyNats - entropy) < 1e-5);
    QCOMPARE(detail.rank, static_cast<std::int64_t>(sampled.id));

    options.temperature = 0.0;
    options.repetitionPenalty = 4.0;
    Sampler greedy(options);
    const std::vector<TokenId> recent{0};
    QCOMPARE(greedy.sampleExplained(logits, recent, 3, &detail).id, 1);
    QVERIFY(detail.alternatives[0].penalized && !detail.alternatives[1].penalized);
    QCOMPARE(detail.alternatives[0].removedBy, SamplerStage::Greedy);
    QCOMPARE(detail.alternatives[1].drawProbability, 1.0f);
    QCOMPARE(detail.rank, std::int64_t(1));
}

void SamplerTest::explainingChangesNoDraw()
{
    SamplingOptions options;
    options.seed = 11;
    Sampler plain(options), explained(options);
    Random random(3);
    std::vector<float> logits(200);
    std::vector<TokenId> recent;
    for (int step = 0; step < 50; ++step) {
        for (float& logit : logits)
            logit = static_cast<float>(3.0 * random.normal());
        TokenDetail detail;
        const SampledToken a = plain.sample(logits, recent);
        const SampledToken b = explained.sampleExplained(logits, recent, 20, &detail);
        QCOMPARE(a.id, b.id);
        QCOMPARE(a.logProbability, b.logProbability);
        const auto chosen = std::find_if(detail.alternatives.begin(), detail.alternatives.end(),
                                         [&](const TokenAlternative& other) { return other.id == b.id; });
        QVERIFY(chosen != detail.alternatives.end());
        QCOMPARE(chosen->removedBy, SamplerStage::Kept);
        QVERIFY(chosen->drawProbability > 0.0f);
        recent.push_back(a.id);
    }
}

void SamplerTest::explainsTheChosenOneEvenWhenItIsFarDown()
{
    SamplingOptions options = plainOptions();
    options.repetitionPenalty = 1e6; // all but the last token are penalised to nothing
    std::vector<float> logits(10, 5.0f);
    logits[9] = 1.0f;
    std::vector<TokenId> recent{0, 1, 2, 3, 4, 5, 6, 7, 8};
    options.temperature = 0.01;
    TokenDetail detail;
    Sampler sampler(options);
    QCOMPARE(sampler.sampleExplained(logits, recent, 2, &detail).id, 9);
    QCOMPARE(detail.rank, std::int64_t(9));
    QCOMPARE(detail.alternatives.size(), std::size_t(3));
    QCOMPARE(detail.alternatives.back().id, 9);
    QCOMPARE(detail.alternatives[0].id, 0);
}

QTEST_APPLESS_MAIN(SamplerTest)
#include "tst_sampler.moc"
