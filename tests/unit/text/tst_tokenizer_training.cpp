// Training a tokenizer: exact round trips, determinism, and clear refusals.
#include "engine/core/error.h"
#include "tests/unit/text/text_samples.h"

#include <QtTest>

#include <QElapsedTimer>
#include <QRegularExpression>
#include <QTemporaryFile>

#include <algorithm>
#include <functional>
#include <iostream>
#include <unistd.h>

using namespace mmfree;
using namespace mmfree::test;

class TokenizerTrainingTest : public QObject
{
    Q_OBJECT
private slots:
    void givesTheSizeAndIdsAskedFor();
    void isTheSameEveryTime();
    void learnsFromAParagraph();
    void namesTheLargestVocabularyThatWorks();
    void namesTheSmallestVocabularyThatWorks();
    void learnsFromLinesOfAnyLength();
    void skipsNothingAroundReservedCharacters();
    void keepsSpacesThatAreRareInTheText();
    void keepsUserSymbolsWhole();
    void withoutByteFallbackEveryCharacterOfTheTextIsThere();
    void refusesBadInput_data();
    void refusesBadInput();
    void writesNothingToStandardError();
};

namespace
{

TokenizerTrainingOptions sizeOnly(std::int64_t vocabularySize)
{
    TokenizerTrainingOptions options;
    options.vocabularySize = vocabularySize;
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

void TokenizerTrainingTest::givesTheSizeAndIdsAskedFor()
{
    TokenizerTrainingOptions options;
    options.vocabularySize = 500;
    const Tokenizer tokenizer(trainTokenizer(sampleText(), options));
    QCOMPARE(tokenizer.size(), std::int64_t{500});
    QCOMPARE(tokenizer.unknownId(), 0);
    QCOMPARE(tokenizer.bosId(), 1);
    QCOMPARE(tokenizer.eosId(), 2);
    QVERIFY(tokenizer.isControl(1) && tokenizer.isControl(2));
    QCOMPARE(tokenizer.piece(3), std::string("\n"));
    // It has learned something: words of the text are single tokens.
    QCOMPARE(tokenizer.encode(" hidden").size(), std::size_t{1});
    QVERIFY(tokenizer.encode(sampleText()).size() * 2 < sampleText().size());
}

void TokenizerTrainingTest::isTheSameEveryTime()
{
    TokenizerTrainingOptions options;
    options.vocabularySize = 600;
    options.threads = 1;
    const std::string text = sampleText(3000);
    const std::string first = trainTokenizer(text, options);
    const Tokenizer one(first);
    QVERIFY(trainTokenizer(text, options) == first);
    options.threads = 3; // only recorded in the model, changes no piece
    const Tokenizer other(trainTokenizer(text, options));
    for (TokenId id = 0; id < one.size(); ++id)
        QCOMPARE(other.piece(id), one.piece(id));
}

void TokenizerTrainingTest::learnsFromAParagraph()
{
    const std::string text =
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age "
        "of foolishness.";
    TokenizerTrainingOptions options;
    options.vocabularySize = 300;
    const Tokenizer tokenizer(trainTokenizer(text, options));
    QCOMPARE(tokenizer.decode(tokenizer.encode(text)), text);
    const Tokenizer tiny(trainTokenizer("a", sizeOnly(262)));
    QCOMPARE(tiny.decode(tiny.encode("a b")), std::string("a b"));
}

void TokenizerTrainingTest::namesTheLargestVocabularyThatWorks()
{
    const std::string text = "one two three two one\n";
    TokenizerTrainingOptions options;
    options.vocabularySize = 4096;
    std::int64_t most = 0;
    try {
        (void)trainTokenizer(text, options);
        QFAIL("accepted");
    } catch (const Error& error) {
        QCOMPARE(error.code(), ErrorCode::InvalidArgument);
        const QRegularExpressionMatch match =
            QRegularExpression("vocabulary size is 4096, needed: at most (\\d+)").match(error.what());
        QVERIFY2(match.hasMatch(), error.what());
        most = match.captured(1).toLongLong();
    }
    options.vocabularySize = most;
    QCOMPARE(Tokenizer(trainTokenizer(text, options)).size(), most);
    options.vocabularySize = most + 1;
    expectError(ErrorCode::InvalidArgument, "at most " + QString::number(most),
                [&] { (void)trainTokenizer(text, options); });
}

void TokenizerTrainingTest::namesTheSmallestVocabularyThatWorks()
{
    std::string letters;
    for (int i = 0; i < 60; ++i)
        letters += std::string{static_cast<char>(0xD0), static_cast<char>(0x80 + i)};
    TokenizerTrainingOptions options;
    options.vocabularySize = 300;
    expectError(ErrorCode::InvalidArgument, "vocabulary size is 300, needed: at least 321",
                [&] { (void)trainTokenizer(letters, options); });
    options.vocabularySize = 321;
    QCOMPARE(Tokenizer(trainTokenizer(letters, options)).size(), std::int64_t{321});
    options.vocabularySize = 100;
    expectError(ErrorCode::InvalidArgument, "vocabulary size is 100, needed: 262 ..",
                [&] { (void)trainTokenizer(letters, options); });
}

void TokenizerTrainingTest::learnsFromLinesOfAnyLength()
{
    std::string oneLine = sampleText(3000);
    std::replace(oneLine.begin(), oneLine.end(), '\n', ' ');
    TokenizerTrainingOptions options;
    options.vocabularySize = 500;
    const Tokenizer tokenizer(trainTokenizer(oneLine, options));
    QCOMPARE(tokenizer.encode(" hidden").size(), std::size_t{1});

    // 200,000 characters without a space: longer than the library's positions.
    std::string noSpace;
    Random random(3);
    while (noSpace.size() < 200000)
        noSpace += random.below(2) == 0 ? "abra" : "кадабра";
    QElapsedTimer timer;
    timer.start();
    options.vocabularySize = 290;
    const Tokenizer solid(trainTokenizer(noSpace, options));
    QVERIFY2(timer.elapsed() < 20000, qPrintable(QString("%1 ms").arg(timer.elapsed())));
    QCOMPARE(solid.decode(solid.encode(noSpace)), noSpace);
}

void TokenizerTrainingTest::skipsNothingAroundReservedCharacters()
{
    // Every line has U+2585, which the library reserves; its other words are still learned.
    std::string text;
    for (int i = 0; i < 50; ++i)
        text += "▅ wonderful ▅▅ bars ▅\n";
    TokenizerTrainingOptions options;
    options.vocabularySize = 290;
    const Tokenizer tokenizer(trainTokenizer(text, options));
    QCOMPARE(tokenizer.encode(" wonderful").size(), std::size_t{1});
    QCOMPARE(tokenizer.decode(tokenizer.encode(text)), text);
}

void TokenizerTrainingTest::keepsSpacesThatAreRareInTheText()
{
    std::string text;
    for (int i = 0; i < 20000; ++i)
        text += i % 3 == 0 ? "日本" : "語";
    const Tokenizer tokenizer(trainTokenizer(text, sizeOnly(280)));
    QCOMPARE(tokenizer.decode(tokenizer.encode(" 日 本  ")), std::string(" 日 本  "));
    const Tokenizer once(trainTokenizer(text + " " + text, sizeOnly(280)));
    QCOMPARE(once.decode(once.encode(" 日 本  ")), std::string(" 日 本  "));
}

void TokenizerTrainingTest::keepsUserSymbolsWhole()
{
    const std::vector<std::string> symbols{"<user>", "a,b", "\"q\"", "ключ", "<user>:"};
    const Tokenizer tokenizer(exactTokenizerModel(symbols));
    for (const std::string& symbol : symbols) {
        const std::vector<TokenId> ids = tokenizer.encode(symbol, true);
        QCOMPARE(ids.size(), std::size_t{1});
        QVERIFY(tokenizer.isUserDefined(ids[0]));
        QCOMPARE(tokenizer.piece(ids[0]), symbol);
        QCOMPARE(tokenizer.decode(ids), symbol);
    }
}

void TokenizerTrainingTest::withoutByteFallbackEveryCharacterOfTheTextIsThere()
{
    const std::string text = sampleText() + "rare: ß\n";
    TokenizerTrainingOptions options;
    options.vocabularySize = 200;
    options.byteFallback = false;
    const Tokenizer tokenizer(trainTokenizer(text, options));
    QCOMPARE(tokenizer.decode(tokenizer.encode(text)), text);
    const std::vector<TokenId> ids = tokenizer.encode("日");
    QCOMPARE(ids, std::vector<TokenId>{tokenizer.unknownId()});
}

void TokenizerTrainingTest::refusesBadInput_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("symbol");
    QTest::addColumn<int>("threads");
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("mentioned");
    const auto invalidText = static_cast<int>(ErrorCode::InvalidText);
    const auto invalidArgument = static_cast<int>(ErrorCode::InvalidArgument);
    QTest::newRow("empty") << QByteArray("") << QByteArray() << 2 << invalidText << "no characters";
    QTest::newRow("newlines") << QByteArray("\n\n\n") << QByteArray() << 2 << invalidText << "no characters";
    QTest::newRow("only reserved") << QByteArray("▅\n▅") << QByteArray() << 2 << invalidText
                                   << "no characters";
    QTest::newRow("Latin-1") << QByteArray("caf\xE9") << QByteArray() << 2 << invalidText << "offset 3";
    QTest::newRow("space in symbol") << QByteArray("a") << QByteArray("a b") << 2 << invalidArgument << "a b";
    QTest::newRow("byte name") << QByteArray("a") << QByteArray("<0x0A>") << 2 << invalidArgument << "<0x0A>";
    QTest::newRow("reserved name") << QByteArray("a") << QByteArray("</s>") << 2 << invalidArgument << "</s>";
    QTest::newRow("not UTF-8") << QByteArray("a") << QByteArray("\xFF") << 2 << invalidArgument << "UTF-8";
    QTest::newRow("no threads") << QByteArray("a") << QByteArray() << 0 << invalidArgument << "threads is 0";
    QTest::newRow("many threads") << QByteArray("a") << QByteArray() << 129 << invalidArgument
                                  << "threads is 129";
}

void TokenizerTrainingTest::refusesBadInput()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, symbol);
    QFETCH(int, threads);
    QFETCH(int, code);
    QFETCH(QString, mentioned);
    TokenizerTrainingOptions options;
    options.vocabularySize = 300;
    options.threads = threads;
    if (!symbol.isEmpty())
        options.userSymbols = {symbol.toStdString()};
    expectError(static_cast<ErrorCode>(code), mentioned,
                [&] { (void)trainTokenizer(text.toStdString(), options); });
}

void TokenizerTrainingTest::writesNothingToStandardError()
{
    QTemporaryFile file;
    QVERIFY(file.open());
    std::fflush(stderr);
    const int saved = dup(STDERR_FILENO);
    QVERIFY(saved >= 0 && dup2(file.handle(), STDERR_FILENO) >= 0);
    (void)exactTokenizerModel();
    try {
        (void)trainTokenizer("a b c", sizeOnly(5000));
    } catch (const Error&) { // expected
    }
    try {
        (void)Tokenizer("garbage");
    } catch (const Error&) { // expected
    }
    std::cerr.flush();
    std::fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    file.seek(0);
    QCOMPARE(file.readAll(), QByteArray());
}

QTEST_APPLESS_MAIN(TokenizerTrainingTest)
#include "tst_tokenizer_training.moc"
