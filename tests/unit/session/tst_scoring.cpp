// Scoring: each token after the first is predicted exactly once, windows start fresh, memory is bounded.
#include "engine/session/session.h"
#include "tests/unit/session/fake_executor.h"

#include <QtTest>

#include <cmath>

using namespace mmfree;
using namespace mmfree::test;

namespace
{

std::vector<TokenId> someTokens(std::size_t count, std::int64_t vocabulary)
{
    Random random(6);
    std::vector<TokenId> tokens(count);
    for (TokenId& token : tokens)
        token = static_cast<TokenId>(random.below(static_cast<std::uint64_t>(vocabulary)));
    return tokens;
}

// The definition: window by window, one token at a time.
double slowScore(FakeExecutor& executor, const std::vector<TokenId>& tokens, std::size_t window)
{
    double total = 0.0;
    std::size_t predicted = 0;
    for (std::size_t start = 0; start + 1 < tokens.size(); start += window - 1) {
        const auto state = executor.createState();
        for (std::size_t i = start; i + 1 < std::min(tokens.size(), start + window); ++i, ++predicted) {
            const auto logits =
                executor.forward({std::span(tokens).subspan(i, 1), LogitsMode::Last, nullptr}, *state).logits;
            double sum = 0.0;
            for (const float logit : logits)
                sum += std::exp(static_cast<double>(logit));
            total += std::log(sum) - static_cast<double>(logits[static_cast<std::size_t>(tokens[i + 1])]);
        }
    }
    return predicted == tokens.size() - 1 ? total / static_cast<double>(predicted) : -1.0;
}

} // namespace

class ScoringTest : public QObject
{
    Q_OBJECT
private slots:
    void matchesTheDefinition_data();
    void matchesTheDefinition();
    void aUniformModelScoresTheLogOfTheVocabulary();
    void readsInChunks();
    void stopsAndReportsProgress();
    void refusesBadInput();
};

void ScoringTest::matchesTheDefinition_data()
{
    QTest::addColumn<int>("count");
    QTest::addColumn<int>("window");
    for (const int count : {2, 3, 7, 64, 1300}) {
        for (const int window : {2, 3, 8, 513, 600, 5000})
            QTest::addRow("%d tokens, window %d", count, window) << count << window;
    }
}

void ScoringTest::matchesTheDefinition()
{
    QFETCH(int, count);
    QFETCH(int, window);
    FakeExecutor executor(11);
    const std::vector<TokenId> tokens = someTokens(static_cast<std::size_t>(count), 11);
    const ScoreResult score = scoreTokens(executor, tokens, window, 1000);
    QCOMPARE(score.tokens, std::int64_t{count - 1});
    const double expected = slowScore(executor, tokens, static_cast<std::size_t>(window));
    QVERIFY(std::abs(score.lossNatsPerToken - expected) < 1e-12 * std::abs(expected));
    QVERIFY(std::abs(score.perplexity - std::exp(expected)) < 1e-9 * score.perplexity);
    QVERIFY(std::abs(score.bitsPerByte - expected * (count - 1) / std::log(2.0) / 1000) < 1e-12);
    if (window >= count)
        QCOMPARE(scoreTokens(executor, tokens, 0, 0).lossNatsPerToken, score.lossNatsPerToken);
}

void ScoringTest::aUniformModelScoresTheLogOfTheVocabulary()
{
    class Uniform : public FakeExecutor
    {
    public:
        using FakeExecutor::FakeExecutor;
        ForwardResult forward(const ForwardRequest& request, InferenceState&) override
        {
            m_zeros.assign(request.tokens.size() * 8, 0.25f);
            return {m_zeros, nullptr};
        }
        std::vector<float> m_zeros;
    };
    Uniform executor(8);
    const ScoreResult score = scoreTokens(executor, someTokens(100, 8), 0, 99);
    QVERIFY(std::abs(score.lossNatsPerToken - std::log(8.0)) < 1e-12);
    QVERIFY(std::abs(score.perplexity - 8.0) < 1e-9);
    QVERIFY(std::abs(score.bitsPerByte - 3.0) < 1e-12);
    QCOMPARE(scoreTokens(executor, someTokens(100, 8), 0, 0).bitsPerByte, 0.0);
}

void ScoringTest::readsInChunks()
{
    FakeExecutor executor(11);
    (void)scoreTokens(executor, someTokens(1300, 11), 0, 0);
    QCOMPARE(executor.m_callSizes, (std::vector<std::size_t>{512, 512, 275}));
}

void ScoringTest::stopsAndReportsProgress()
{
    FakeExecutor executor(11);
    const std::vector<TokenId> tokens = someTokens(2049, 11);
    std::stop_source source;
    std::vector<double> seen;
    const ScoreResult score = scoreTokens(executor, tokens, 0, 0, source.get_token(), [&](double share) {
        seen.push_back(share);
        if (seen.size() == 2)
            source.request_stop();
    });
    QCOMPARE(seen, (std::vector<double>{0.25, 0.5}));
    QCOMPARE(score.tokens, std::int64_t{1024});
    QVERIFY(score.lossNatsPerToken > 0.0);
    const ScoreResult none = scoreTokens(executor, tokens, 0, 0, source.get_token());
    QCOMPARE(none.tokens, std::int64_t{0});
    QCOMPARE(none.lossNatsPerToken, 0.0);
}

void ScoringTest::refusesBadInput()
{
    FakeExecutor executor(11);
    const auto refuse = [&](const std::vector<TokenId>& tokens, std::int64_t window, const char* message) {
        try {
            (void)scoreTokens(executor, tokens, window, 0);
            QFAIL("accepted");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::InvalidArgument);
            QVERIFY2(QString(error.what()).contains(message), error.what());
        }
    };
    refuse({}, 0, "text has 0 tokens");
    refuse({1}, 0, "text has 1 tokens, needed: at least 2");
    refuse({1, 2}, 1, "window is 1");
    refuse({1, 2}, -5, "window is -5");
    refuse({1, 11}, 0, "token id is 11, needed: 0 .. 10");
    refuse({-1, 1}, 0, "token id is -1");
}

QTEST_APPLESS_MAIN(ScoringTest)
#include "tst_scoring.moc"
