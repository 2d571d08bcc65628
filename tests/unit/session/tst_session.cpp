// A session over a scripted executor: reading in chunks, generating, stopping, snapshots, bookkeeping.
#include "engine/session/session.h"
#include "tests/unit/session/fake_executor.h"
#include "tests/unit/text/published_tokenizer.h"

#include <QtTest>

#include <memory>

using namespace mmfree;
using namespace mmfree::test;

namespace
{

std::shared_ptr<const Tokenizer> tokenizer()
{
    static const auto shared = [] {
        std::string text;
        for (int i = 0; i < 20; ++i)
            text += "the cat sat on the mat and the dog ran to the man in the park\n";
        TokenizerTrainingOptions options;
        options.vocabularySize = 300;
        options.userSymbols = {"<user>"};
        return std::make_shared<const Tokenizer>(trainTokenizer(text, options));
    }();
    return shared;
}

struct Fixture {
    std::shared_ptr<FakeExecutor> executor = std::make_shared<FakeExecutor>(300);
    Session session{executor, tokenizer()};

    // The model will say `text` (and then `more`) after what was appended so far.
    void willSay(const std::string& text, const std::vector<TokenId>& more = {})
    {
        std::vector<TokenId> answer = tokenizer()->encode(text);
        answer.insert(answer.end(), more.begin(), more.end());
        executor->say(static_cast<std::int64_t>(session.tokens().size()), answer);
    }
};

GenerateOptions greedy(std::int64_t maxTokens, std::vector<std::string> stops = {})
{
    GenerateOptions options;
    options.sampling.temperature = 0.0;
    options.sampling.repetitionPenalty = 1.0;
    options.maxTokens = maxTokens;
    options.stopStrings = std::move(stops);
    return options;
}

void expectError(ErrorCode code, const QString& mentioned, const std::function<void()>& act)
{
    try {
        act();
        QFAIL("accepted");
    } catch (const Error& error) {
        QCOMPARE(error.code(), code);
        QVERIFY2(QString(error.what()).contains(mentioned), error.what());
    }
}

} // namespace

class SessionTest : public QObject
{
    Q_OBJECT
private slots:
    void everyTokenBringsItsAlternatives();
    void checkpointsTakenWhileWritingGoOnTheSame();
    void quantilesOfTheStepTimes();
    void aContinuedTextFinishesItsCharacter();
    void appendTextStartsWithBosOnlyOnce();
    void textInPartsIsTheSameText();
    void generatesTextTokenByToken();
    void continuesWhereItEnded();
    void endsAtEos();
    void goesPastEosWhenTold();
    void endsAtAStopStringOverSeveralTokens();
    void releasesHeldBackTextAtTheEnd();
    void endsAtAControlTokenNamedAsStopString();
    void neverSplitsACharacter();
    void unfinishedCharacterAtTheEndIsReplaced();
    void readsInChunksAndReportsProgress();
    void stopsWhileReading();
    void stopsWithinOneToken();
    void aStoppedGenerationCanGoOn();
    void snapshotContinuesExactly();
    void restoreRefusesContradictions();
    void resetForgetsEverything();
    void countsAndTimes();
    void stopsWhenTheContextIsFull();
    void worksWithoutATokenizer();
    void keepsTokensWhenTheExecutorFails();
    void refusesBadInput();
    void refusesATokenizerOfAnotherSize();
    void namesEveryStopReason();
};

void SessionTest::appendTextStartsWithBosOnlyOnce()
{
    Fixture f;
    f.session.appendText("the cat", false);
    f.session.appendText(" sat</s>", true);
    QCOMPARE(f.session.tokens().front(), tokenizer()->bosId());
    QCOMPARE(std::count(f.session.tokens().begin(), f.session.tokens().end(), tokenizer()->bosId()), 1);
    QCOMPARE(f.session.tokens().back(), tokenizer()->eosId());
    QCOMPARE(tokenizer()->decode(f.session.tokens()), std::string("the cat sat"));
    f.session.reset();
    expectError(ErrorCode::InvalidText, "offset 1", [&] { f.session.appendText("a\xFF", false); });
    QVERIFY(f.session.tokens().empty());
}

void SessionTest::textInPartsIsTheSameText()
{
    // Of the kind the published models have: it puts a space before a text.
    const auto published = std::make_shared<const Tokenizer>(publishedStyleModel());
    const auto executor = std::make_shared<FakeExecutor>(published->size());
    Session whole(executor, published), parts(executor, published);
    whole.appendText("the model reads\nslowly", false);
    for (const char* part : {"", "the", " model reads", "\n", "slowly"})
        parts.appendText(part, false);
    QCOMPARE(parts.tokens(), whole.tokens());
    QCOMPARE(published->decode(parts.tokens()), std::string("the model reads\nslowly"));
}

void SessionTest::generatesTextTokenByToken()
{
    Fixture f;
    f.session.appendText("the dog", false);
    f.willSay(" ran to the park");
    const std::vector<TokenId> answer = tokenizer()->encode(" ran to the park");
    std::string joined;
    std::vector<TokenId> seen;
    const GenerationResult result = f.session.generate(
        greedy(static_cast<std::int64_t>(answer.size())), {}, [&](const GeneratedToken& token) {
            joined += token.text;
            seen.push_back(token.id);
            QVERIFY(token.logProbability <= 0.0 && token.logProbability > -1e-6);
        });
    QCOMPARE(result.text, std::string(" ran to the park"));
    QCOMPARE(joined, result.text);
    QCOMPARE(result.tokens, answer);
    QCOMPARE(seen, answer);
    QCOMPARE(result.reason, StopReason::MaxTokens);
    QCOMPARE(tokenizer()->decode(f.session.tokens()), std::string("the dog ran to the park"));
}

void SessionTest::continuesWhereItEnded()
{
    Fixture whole, parts;
    GenerateOptions options = greedy(10);
    options.stopAtEos = false;
    for (Fixture* f : {&whole, &parts})
        f->session.appendText("the mat", false);
    const std::vector<TokenId> expected = whole.session.generate(options).tokens;
    options.maxTokens = 4;
    std::vector<TokenId> found = parts.session.generate(options).tokens;
    options.maxTokens = 6;
    for (const TokenId id : parts.session.generate(options).tokens)
        found.push_back(id);
    QCOMPARE(found, expected);
    QCOMPARE(parts.session.tokens(), whole.session.tokens());
}

void SessionTest::endsAtEos()
{
    Fixture f;
    f.session.appendText("the", false);
    const std::size_t before = f.session.tokens().size();
    f.willSay(" man", {tokenizer()->eosId()});
    const GenerationResult result = f.session.generate(greedy(50));
    QCOMPARE(result.reason, StopReason::EndOfSequence);
    QCOMPARE(result.text, std::string(" man"));
    QCOMPARE(result.tokens.back(), tokenizer()->eosId());
    QCOMPARE(f.session.tokens().size(), before + result.tokens.size());
    const SessionSnapshot snapshot = f.session.snapshot();
    QCOMPARE(snapshot.consumed, static_cast<std::int64_t>(snapshot.tokens.size()) - 1); // EOS is pending
}

void SessionTest::goesPastEosWhenTold()
{
    Fixture f;
    f.session.appendText("the", false);
    f.willSay(" man", {tokenizer()->eosId()});
    GenerateOptions options = greedy(10);
    options.stopAtEos = false;
    QCOMPARE(f.session.generate(options).tokens.size(), std::size_t{10});
}

void SessionTest::endsAtAStopStringOverSeveralTokens()
{
    Fixture f;
    f.session.appendText("the cat", false);
    f.willSay(" sat on\n\nQ: and more");
    std::string joined;
    const GenerationResult result = f.session.generate(
        greedy(50, {"\nQ:", "zzz"}), {}, [&](const GeneratedToken& token) { joined += token.text; });
    QCOMPARE(result.reason, StopReason::StopString);
    QCOMPARE(result.text, std::string(" sat on\n"));
    QCOMPARE(joined, result.text);
    QVERIFY(tokenizer()->decode(f.session.tokens()).ends_with("Q:")); // nothing was generated behind it

    Fixture marked; // a user-defined piece, seen as text
    marked.session.appendText("the cat", false);
    marked.willSay(" sat", {tokenizer()->specialId("<user>")});
    const GenerationResult cut = marked.session.generate(greedy(50, {"<user>"}));
    QCOMPARE(cut.reason, StopReason::StopString);
    QCOMPARE(cut.text, std::string(" sat"));
}

void SessionTest::releasesHeldBackTextAtTheEnd()
{
    Fixture f;
    f.session.appendText("the cat", false);
    f.willSay(" sat\nQ", {tokenizer()->eosId()});
    std::string joined;
    const GenerationResult result = f.session.generate(
        greedy(50, {"\nQ: stop"}), {}, [&](const GeneratedToken& token) { joined += token.text; });
    QCOMPARE(result.reason, StopReason::EndOfSequence);
    QCOMPARE(result.text, std::string(" sat\nQ"));
    QCOMPARE(joined, result.text);
}

void SessionTest::endsAtAControlTokenNamedAsStopString()
{
    Fixture f;
    f.session.appendText("the cat", false);
    f.willSay(" sat", {tokenizer()->eosId()});
    GenerateOptions options = greedy(50, {"</s>"});
    options.stopAtEos = false;
    const GenerationResult result = f.session.generate(options);
    QCOMPARE(result.reason, StopReason::StopString);
    QCOMPARE(result.text, std::string(" sat"));
}

void SessionTest::neverSplitsACharacter()
{
    Fixture f;
    f.session.appendText("the", false);
    const std::string answer = "😀 é привет";
    f.willSay(answer, {tokenizer()->eosId()});
    std::string joined;
    const GenerationResult result = f.session.generate(greedy(100), {}, [&](const GeneratedToken& token) {
        QCOMPARE(findInvalidUtf8(token.text), std::string_view::npos);
        joined += token.text;
    });
    QCOMPARE(result.text, answer);
    QCOMPARE(joined, answer);
}

void SessionTest::unfinishedCharacterAtTheEndIsReplaced()
{
    Fixture f;
    f.session.appendText("the", false);
    f.willSay("a😀");
    const GenerationResult result = f.session.generate(greedy(3)); // "a" and two of four bytes
    QCOMPARE(result.text, std::string("a\uFFFD\uFFFD"));
}

void SessionTest::readsInChunksAndReportsProgress()
{
    Fixture f;
    f.session.append(std::vector<TokenId>(1200, 5));
    std::vector<std::pair<std::int64_t, std::int64_t>> seen;
    f.session.prefill({}, [&](std::int64_t done, std::int64_t total) { seen.emplace_back(done, total); });
    QCOMPARE(seen,
             (std::vector<std::pair<std::int64_t, std::int64_t>>{{512, 1199}, {1024, 1199}, {1199, 1199}}));
    QCOMPARE(f.executor->m_callSizes, (std::vector<std::size_t>{512, 512, 175}));
    f.session.prefill(); // nothing left but the newest
    QCOMPARE(f.executor->m_callSizes.size(), std::size_t{3});
    const GenerationResult after = f.session.generate(greedy(3));
    QCOMPARE(after.stats.promptTokens, std::int64_t{1});

    Fixture direct; // without prefill the same follows
    direct.session.append(std::vector<TokenId>(1200, 5));
    const GenerationResult result = direct.session.generate(greedy(3));
    QCOMPARE(result.tokens, after.tokens);
    QCOMPARE(result.stats.promptTokens, std::int64_t{1200});
}

void SessionTest::stopsWhileReading()
{
    Fixture f;
    f.session.append(std::vector<TokenId>(3000, 5));
    std::stop_source source;
    int calls = 0;
    f.session.prefill(source.get_token(), [&](std::int64_t, std::int64_t) {
        if (++calls == 2)
            source.request_stop();
    });
    QCOMPARE(calls, 2);
    QCOMPARE(f.session.snapshot().consumed, std::int64_t{1024});
    QCOMPARE(f.session.tokens().size(), std::size_t{3000});
    const GenerationResult none = f.session.generate(greedy(3), source.get_token());
    QCOMPARE(none.reason, StopReason::Cancelled);
    QVERIFY(none.tokens.empty() && none.text.empty());
    QCOMPARE(none.stats.timeToFirstTokenSeconds, 0.0);

    Fixture whole;
    whole.session.append(std::vector<TokenId>(3000, 5));
    QCOMPARE(f.session.generate(greedy(3)).tokens, whole.session.generate(greedy(3)).tokens);
}

void SessionTest::stopsWithinOneToken()
{
    Fixture f;
    f.session.appendText("the", false);
    std::stop_source source;
    int tokens = 0;
    GenerateOptions options = greedy(100);
    options.stopAtEos = false;
    const GenerationResult result =
        f.session.generate(options, source.get_token(), [&](const GeneratedToken&) {
            if (++tokens == 5)
                source.request_stop();
        });
    QCOMPARE(result.reason, StopReason::Cancelled);
    QCOMPARE(result.tokens.size(), std::size_t{5});
    QCOMPARE(tokens, 5);

    // From another thread's point of view: a request during a forward pass lets that one token out.
    std::stop_source other;
    f.executor->m_onForward = [&] { other.request_stop(); };
    QCOMPARE(f.session.generate(options, other.get_token()).tokens.size(), std::size_t{1});
}

void SessionTest::aStoppedGenerationCanGoOn()
{
    Fixture stopped, whole;
    GenerateOptions options = greedy(8);
    options.stopAtEos = false;
    for (Fixture* f : {&stopped, &whole})
        f->session.appendText("the", false);
    std::stop_source source;
    std::vector<TokenId> found =
        stopped.session
            .generate(options, source.get_token(), [&](const GeneratedToken&) { source.request_stop(); })
            .tokens;
    QCOMPARE(found.size(), std::size_t{1});
    options.maxTokens = 7;
    for (const TokenId id : stopped.session.generate(options).tokens)
        found.push_back(id);
    options.maxTokens = 8;
    QCOMPARE(found, whole.session.generate(options).tokens);
}

void SessionTest::snapshotContinuesExactly()
{
    Fixture f;
    GenerateOptions options;
    options.maxTokens = 20;
    options.sampling.seed = 5;
    f.session.appendText("the cat sat", false);
    (void)f.session.generate(options);
    f.session.appendText(" on the mat", false);
    const SessionSnapshot snapshot = f.session.snapshot();
    const GenerationResult first = f.session.generate(options);
    const std::vector<TokenId> tokens = f.session.tokens();
    f.session.restore(snapshot);
    QCOMPARE(f.session.tokens(), snapshot.tokens);
    const GenerationResult again = f.session.generate(options);
    QCOMPARE(again.tokens, first.tokens);
    QCOMPARE(again.text, first.text);
    QCOMPARE(f.session.tokens(), tokens);

    Session other(f.executor, tokenizer()); // a second session over the same model
    other.restore(snapshot);
    QCOMPARE(other.generate(options).tokens, first.tokens);
}

void SessionTest::restoreRefusesContradictions()
{
    Fixture f;
    f.session.appendText("the cat sat", false);
    (void)f.session.generate(greedy(3));
    const SessionSnapshot good = f.session.snapshot();
    const auto refuse = [&](const QString& mentioned, const std::function<void(SessionSnapshot&)>& spoil) {
        SessionSnapshot bad = good;
        spoil(bad);
        expectError(ErrorCode::InvalidArgument, mentioned, [&] { f.session.restore(bad); });
        const SessionSnapshot now = f.session.snapshot();
        QCOMPARE(now.tokens, good.tokens);
        QCOMPARE(now.state.values, good.state.values);
    };
    refuse("consumed",
           [](SessionSnapshot& s) { s.consumed = static_cast<std::int64_t>(s.tokens.size()) + 1; });
    refuse("consumed -1", [](SessionSnapshot& s) { s.consumed = -1; });
    refuse("state at", [](SessionSnapshot& s) { ++s.state.position; });
    refuse("token id 300", [](SessionSnapshot& s) { s.tokens[1] = 300; });
    refuse("wrong size", [](SessionSnapshot& s) { s.state.values.clear(); });
}

void SessionTest::resetForgetsEverything()
{
    Fixture f, fresh;
    f.session.appendText("the dog", false);
    (void)f.session.generate(greedy(5));
    f.session.reset();
    QVERIFY(f.session.tokens().empty());
    for (Fixture* each : {&f, &fresh})
        each->session.appendText("the man", false);
    QCOMPARE(f.session.generate(greedy(5)).tokens, fresh.session.generate(greedy(5)).tokens);
    QCOMPARE(f.session.memoryUse().stateBytes, sizeof(float) * 2);
}

void SessionTest::countsAndTimes()
{
    Fixture f;
    f.session.append(std::vector<TokenId>(600, 7));
    GenerateOptions options = greedy(6);
    options.stopAtEos = false;
    const GenerationStats stats = f.session.generate(options).stats;
    QCOMPARE(stats.promptTokens, std::int64_t{600});
    QCOMPARE(stats.generatedTokens, std::int64_t{6});
    QCOMPARE(stats.tokenSeconds.size(), std::size_t{5});
    QVERIFY(stats.prefillSeconds > 0.0 && stats.timeToFirstTokenSeconds >= stats.prefillSeconds);
    QVERIFY(stats.decodeSeconds > 0.0);
    QCOMPARE(stats.decodeTokensPerSecond(), 5.0 / stats.decodeSeconds);
    QCOMPARE(stats.prefillTokensPerSecond(), 600.0 / stats.prefillSeconds);
    QCOMPARE(GenerationStats().decodeTokensPerSecond(), 0.0);
    QCOMPARE(GenerationStats().prefillTokensPerSecond(), 0.0);
}

void SessionTest::stopsWhenTheContextIsFull()
{
    Fixture f;
    f.executor->m_config.architecture = Architecture::Transformer;
    f.executor->m_config.maxPositions = 16;
    f.session.append(std::vector<TokenId>(10, 7));
    GenerateOptions options = greedy(100);
    options.stopAtEos = false;
    const GenerationResult result = f.session.generate(options);
    QCOMPARE(result.reason, StopReason::ContextFull);
    QCOMPARE(result.tokens.size(), std::size_t{7}); // positions 10 .. 15 are read, the last token is not
    expectError(ErrorCode::InvalidArgument, "past the last position",
                [&] { (void)f.session.generate(options); });

    Fixture exact;
    exact.executor->m_config = f.executor->m_config;
    exact.session.append(std::vector<TokenId>(10, 7));
    options.maxTokens = 7;
    QCOMPARE(exact.session.generate(options).reason, StopReason::MaxTokens);
}

void SessionTest::worksWithoutATokenizer()
{
    const auto executor = std::make_shared<FakeExecutor>(50);
    Session session(executor, nullptr);
    QVERIFY(!session.tokenizer());
    session.append(std::vector<TokenId>{1, 2, 3});
    executor->say(3, {4, 5, executor->m_config.eosTokenId});
    const GenerationResult result = session.generate(greedy(10));
    QCOMPARE(result.tokens, (std::vector<TokenId>{4, 5, executor->m_config.eosTokenId}));
    QCOMPARE(result.reason, StopReason::EndOfSequence);
    QVERIFY(result.text.empty());
    expectError(ErrorCode::InvalidArgument, "no tokenizer", [&] { session.appendText("a", false); });
    expectError(ErrorCode::InvalidArgument, "no tokenizer",
                [&] { (void)session.generate(greedy(1, {"stop"})); });
}

void SessionTest::keepsTokensWhenTheExecutorFails()
{
    Fixture f;
    f.session.appendText("the", false);
    const std::size_t before = f.session.tokens().size();
    int calls = 0;
    f.executor->m_onForward = [&] {
        if (++calls == 3)
            throw Error(ErrorCode::Unavailable, "device lost");
    };
    GenerateOptions options = greedy(10);
    options.stopAtEos = false;
    expectError(ErrorCode::Unavailable, "device lost", [&] { (void)f.session.generate(options); });
    const SessionSnapshot snapshot = f.session.snapshot();
    QCOMPARE(snapshot.tokens.size(), before + 2);
    QCOMPARE(snapshot.consumed, snapshot.state.position);
}

void SessionTest::refusesBadInput()
{
    Fixture f;
    expectError(ErrorCode::InvalidArgument, "no token is pending",
                [&] { (void)f.session.generate(greedy(1)); });
    expectError(ErrorCode::InvalidArgument, "token id is 300, needed: 0 .. 299", [&] {
        f.session.append(std::vector<TokenId>{1, 300});
    });
    expectError(ErrorCode::InvalidArgument, "token id is -1",
                [&] { f.session.append(std::vector<TokenId>{-1}); });
    QVERIFY(f.session.tokens().empty());
    f.session.appendText("the", false);
    expectError(ErrorCode::InvalidArgument, "maxTokens is 0", [&] { (void)f.session.generate(greedy(0)); });
    expectError(ErrorCode::InvalidArgument, "stopStrings[0] is empty",
                [&] { (void)f.session.generate(greedy(1, {""})); });
    GenerateOptions options = greedy(1);
    options.sampling.topP = 2.0;
    expectError(ErrorCode::InvalidArgument, "topP is 2", [&] { (void)f.session.generate(options); });
    QVERIFY(f.executor->m_callSizes.empty());
}

void SessionTest::refusesATokenizerOfAnotherSize()
{
    expectError(ErrorCode::InvalidConfig, "tokenizer has 300 tokens, needed: 301",
                [] { Session session(std::make_shared<FakeExecutor>(301), tokenizer()); });
    ModelConfig config;
    config.vocabularySize = 299;
    expectError(ErrorCode::InvalidConfig, "some/folder: tokenizer has 300 tokens, needed: 299",
                [&] { checkTokenizerMatches(*tokenizer(), config, "some/folder"); });
    config.vocabularySize = 300;
    checkTokenizerMatches(*tokenizer(), config, "some/folder");
}

void SessionTest::namesEveryStopReason()
{
    QCOMPARE(stopReasonName(StopReason::EndOfSequence), "end of sequence");
    QCOMPARE(stopReasonName(StopReason::StopString), "stop string");
    QCOMPARE(stopReasonName(StopReason::MaxTokens), "token limit");
    QCOMPARE(stopReasonName(StopReason::Cancelled), "cancelled");
    QCOMPARE(stopReasonName(StopReason::ContextFull), "context full");
}

void SessionTest::everyTokenBringsItsAlternatives()
{
    Fixture plain, detailed;
    GenerateOptions options = greedy(12);
    options.sampling.temperature = 1.0;
    plain.session.appendText("the cat", false);
    detailed.session.appendText("the cat", false);
    const GenerationResult without =
        plain.session.generate(options, {}, [](const GeneratedToken& token) { QVERIFY(!token.detail); });
    options.alternatives = 5;
    std::size_t seen = 0;
    const GenerationResult with = detailed.session.generate(options, {}, [&](const GeneratedToken& token) {
        QVERIFY(token.detail);
        QVERIFY(token.detail->alternatives.size() >= 5);
        ++seen;
    });
    QCOMPARE(with.tokens, without.tokens);
    QCOMPARE(seen, with.tokens.size());
}

void SessionTest::checkpointsTakenWhileWritingGoOnTheSame()
{
    Fixture fixture;
    fixture.session.appendText("the cat", false);
    std::vector<SessionSnapshot> checkpoints;
    const GenerationResult whole = fixture.session.generate(
        greedy(40), {}, [&](const GeneratedToken&) { checkpoints.push_back(fixture.session.snapshot()); });
    for (const std::size_t at : {std::size_t(0), std::size_t(20)}) {
        Fixture other;
        other.session.restore(checkpoints[at]);
        const auto left = static_cast<std::int64_t>(whole.tokens.size() - at - 1);
        const GenerationResult rest = other.session.generate(greedy(left));
        QCOMPARE(rest.tokens, std::vector<TokenId>(whole.tokens.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                                                   whole.tokens.end()));
    }
}

void SessionTest::quantilesOfTheStepTimes()
{
    GenerationStats stats;
    QCOMPARE(stats.tokenSecondsQuantile(0.5), 0.0);
    for (int i = 100; i >= 1; --i)
        stats.tokenSeconds.push_back(i);
    QCOMPARE(stats.tokenSecondsQuantile(0.5), 50.0);
    QCOMPARE(stats.tokenSecondsQuantile(0.95), 95.0);
    QCOMPARE(stats.tokenSecondsQuantile(1.0), 100.0);
    QCOMPARE(stats.tokenSecondsQuantile(0.0), 1.0);
}

void SessionTest::aContinuedTextFinishesItsCharacter()
{
    // Two byte tokens make one character; the second is written by another call than the first.
    const std::vector<TokenId> bytes = tokenizer()->encode("\xc3\xa9");
    QVERIFY(bytes.size() >= 2);
    Fixture fixture;
    fixture.session.appendText("the cat", false);
    fixture.session.append(std::vector<TokenId>(bytes.begin(), bytes.end() - 1));
    fixture.executor->say(static_cast<std::int64_t>(fixture.session.tokens().size()), {bytes.back()});
    GenerateOptions options = greedy(1);
    options.continuedTokens = static_cast<std::int64_t>(bytes.size()) - 1;
    QCOMPARE(QByteArray::fromStdString(fixture.session.generate(options).text), QByteArray("\xc3\xa9"));
    options.continuedTokens = 1000;
    expectError(ErrorCode::InvalidArgument, "continuedTokens is 1000",
                [&] { (void)fixture.session.generate(options); });
}

QTEST_APPLESS_MAIN(SessionTest)
#include "tst_session.moc"
