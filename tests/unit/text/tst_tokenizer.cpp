// Encoding and decoding: exact round trips for our tokenizers, the Llama behaviour of published ones, special
// pieces, decoding token by token, untrusted model files, long texts.
#include "engine/core/error.h"
#include "tests/unit/text/published_tokenizer.h"
#include "tests/unit/text/text_samples.h"

#include <QtTest>

#include <QElapsedTimer>

#include <functional>
#include <sentencepiece_processor.h>

using namespace mmfree;
using namespace mmfree::test;

namespace
{

const std::vector<std::string>& trickyTexts()
{
    static const std::vector<std::string> texts{
        "",
        "a",
        " ",
        "  two  spaces   here    ",
        "line\nline\n\n\nlast",
        "\n",
        "\ttab\tand\r\nreturn",
        "emoji 😀👩‍👩‍👧‍👦 flags 🇩🇪",
        "Привет, мир! ё",
        "日本語 中文 한국어 عربى",
        "literal ▁ symbol ▁▁ and ▅ block",
        std::string("zero\0byte", 9),
        "<s> </s> <unk> <0x0A> <user> <user",
        "12345 3.14159 1e-6",
        "\xEF\xBB\xBF"
        "bom",
        "\x01\x02\x7F",
        "e\xCC\x81 combining, ﬁ ligature, Å ångström sign Å",
        "\xF4\x8F\xBF\xBF last character",
        "        deeply indented\n\t\tmixed",
    };
    return texts;
}

std::string randomText(Random& random, int length)
{
    static const std::vector<std::string> parts{" ",  "  ", "\n", "\t",     "the",         " gate", "мир",
                                                "😀",  "é",  "▁",  "<user>", "<s>",         "x",     "0",
                                                "日", "<",  ">",  "user",   "<assistant>", "\r",    "▅"};
    std::string text;
    for (int i = 0; i < length; ++i)
        text += parts[random.below(parts.size())];
    return text;
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

class TokenizerTest : public QObject
{
    Q_OBJECT
private slots:
    void decodeUndoesEncodeForOurTokenizers();
    void decodeUndoesEncodeForPublishedTokenizers();
    void encodesAsTheLibraryDoes();
    void decodesAsTheLibraryDoes();
    void cutsOfLongTextsChangeNothing();
    void specialPiecesAreFoundOnlyWhenAsked();
    void aSpaceIsAddedOnceAtTheStart();
    void userDefinedWhiteSpaceIsText();
    void piecesTellTheirBytes();
    void incrementalDecodingEqualsDecoding();
    void incrementalDecodingHoldsBackUnfinishedCharacters();
    void incrementalDecodingGoesOnBehindText();
    void controlPiecesShowWhenAsked();
    void refusesInvalidUtf8();
    void refusesIdsOutsideTheVocabulary();
    void refusesFilesThatAreNoModel();
    void readsModelsWithACharacterMap();
    void oneMegabyteTakesLittleTime_data();
    void oneMegabyteTakesLittleTime();
};

void TokenizerTest::decodeUndoesEncodeForOurTokenizers()
{
    const Tokenizer tokenizer(exactTokenizerModel());
    std::vector<std::string> texts = trickyTexts();
    Random random(11);
    for (int i = 0; i < 500; ++i)
        texts.push_back(randomText(random, static_cast<int>(random.below(40))));
    for (const std::string& text : texts) {
        QCOMPARE(tokenizer.decode(tokenizer.encode(text)), text);
        QCOMPARE(tokenizer.decode(tokenizer.encode(text, true), true), text);
    }
}

void TokenizerTest::decodeUndoesEncodeForPublishedTokenizers()
{
    const Tokenizer tokenizer(publishedStyleModel());
    for (const std::string& text : trickyTexts()) {
        if (text.find("▁") == std::string::npos) // U+2581 is a space to these tokenizers
            QCOMPARE(tokenizer.decode(tokenizer.encode(text)), text);
    }
}

void TokenizerTest::encodesAsTheLibraryDoes()
{
    for (const std::string& model :
         {exactTokenizerModel({}), publishedStyleModel(), publishedStyleModel("nmt_nfkc", "true"),
          publishedStyleModel("identity", "false", "unigram")}) {
        sentencepiece::SentencePieceProcessor library;
        QVERIFY(library.LoadFromSerializedProto(model).ok());
        const Tokenizer tokenizer(model);
        Random random(5);
        std::vector<std::string> texts = trickyTexts();
        for (int i = 0; i < 200; ++i)
            texts.push_back(randomText(random, 20));
        for (const std::string& text : texts) {
            if (tokenizer.startSpace() == Tokenizer::StartSpace::Keep && text.find("▁") != std::string::npos)
                continue; // kept exactly by us, a space to the library
            const std::vector<int> expected = library.EncodeAsIds(text);
            QCOMPARE(tokenizer.encode(text), std::vector<TokenId>(expected.begin(), expected.end()));
        }
    }
}

void TokenizerTest::decodesAsTheLibraryDoes()
{
    for (const std::string& model :
         {exactTokenizerModel(), publishedStyleModel(), publishedStyleModel("nmt_nfkc", "true"),
          publishedStyleModel("identity", "false", "unigram")}) {
        sentencepiece::SentencePieceProcessor library;
        QVERIFY(library.LoadFromSerializedProto(model).ok());
        const Tokenizer tokenizer(model);
        Random random(9);
        for (int i = 0; i < 2000; ++i) {
            std::vector<TokenId> tokens(random.below(30));
            for (TokenId& token : tokens)
                token = static_cast<TokenId>(random.below(static_cast<std::uint64_t>(tokenizer.size())));
            QCOMPARE(tokenizer.decode(tokens), library.DecodeIds({tokens.begin(), tokens.end()}));
        }
    }
}

void TokenizerTest::cutsOfLongTextsChangeNothing()
{
    std::string text = sampleText(6000);
    QVERIFY(text.size() > 3 * 65536); // several parts
    std::string noNewlines = text;
    std::replace(noNewlines.begin(), noNewlines.end(), '\n', ' ');
    for (const std::string& model : {exactTokenizerModel({}), publishedStyleModel(),
                                     publishedStyleModel("identity", "false", "unigram")}) {
        sentencepiece::SentencePieceProcessor library;
        QVERIFY(library.LoadFromSerializedProto(model).ok());
        const Tokenizer tokenizer(model);
        for (const std::string& each : {text, noNewlines}) {
            const std::vector<int> expected = library.EncodeAsIds(each);
            QVERIFY(tokenizer.encode(each) == std::vector<TokenId>(expected.begin(), expected.end()));
        }
    }
}

void TokenizerTest::specialPiecesAreFoundOnlyWhenAsked()
{
    const Tokenizer tokenizer(exactTokenizerModel({"<user>", "<user>:", "<assistant>"}));
    const TokenId user = tokenizer.specialId("<user>"), userColon = tokenizer.specialId("<user>:");
    QVERIFY(user > 2 && userColon > 2);
    QCOMPARE(tokenizer.specialId("<s>"), 1);
    QCOMPARE(tokenizer.specialId("<us"), -1);
    QCOMPARE(tokenizer.specialId("hidden"), -1);
    QCOMPARE(tokenizer.specialId(""), -1);

    const std::string text = "<s><user> hi<user>: </s><<user>>";
    const std::vector<TokenId> plain = tokenizer.encode(text);
    for (const TokenId id : plain)
        QVERIFY(!tokenizer.isControl(id) && (!tokenizer.isUserDefined(id) || tokenizer.piece(id) == "\n"));
    QCOMPARE(tokenizer.decode(plain), text);

    const std::vector<TokenId> parsed = tokenizer.encode(text, true);
    QCOMPARE(parsed[0], 1);
    QCOMPARE(parsed[1], user);
    QCOMPARE(std::count(parsed.begin(), parsed.end(), userColon), 1); // the longest piece wins
    QCOMPARE(std::count(parsed.begin(), parsed.end(), user), 2);
    QCOMPARE(std::count(parsed.begin(), parsed.end(), 2), 1);
    QCOMPARE(tokenizer.decode(parsed), std::string("<user> hi<user>: <<user>>"));
    QCOMPARE(tokenizer.decode(parsed, true), text);
}

void TokenizerTest::aSpaceIsAddedOnceAtTheStart()
{
    const Tokenizer tokenizer(publishedStyleModel("identity", "false", "bpe", "<user>"));
    const auto pieces = [&](const std::string& text) {
        std::string all;
        for (const TokenId id : tokenizer.encode(text, true))
            all += tokenizer.piece(id);
        return all;
    };
    QCOMPARE(pieces("model"), std::string("▁model"));
    QCOMPARE(pieces(" model"), std::string("▁▁model"));
    QCOMPARE(pieces("<s>model"), std::string("<s>▁model"));
    QCOMPARE(pieces("<s>model</s>model"), std::string("<s>▁model</s>model"));
    QCOMPARE(pieces("model</s> model"), std::string("▁model</s>▁model"));
    QCOMPARE(pieces("<user>model"), std::string("<user>model"));
    QCOMPARE(pieces("<s>"), std::string("<s>"));
    QCOMPARE(tokenizer.decode(tokenizer.encode("<s>model", true)), std::string("model"));
    // A text in two parts is the same text.
    std::vector<TokenId> parts = tokenizer.encode("the model");
    const std::vector<TokenId> rest = tokenizer.encode(" reads", false, false);
    parts.insert(parts.end(), rest.begin(), rest.end());
    QCOMPARE(parts, tokenizer.encode("the model reads"));
    QCOMPARE(tokenizer.decode(tokenizer.encode("<user>model", true)), std::string("<user>model"));
    QCOMPARE(tokenizer.decode(tokenizer.encode("a <user>model")), std::string("a <user>model"));
}

void TokenizerTest::userDefinedWhiteSpaceIsText()
{
    const Tokenizer tokenizer(exactTokenizerModel());
    const std::vector<TokenId> ids = tokenizer.encode("\n\n");
    QCOMPARE(ids.size(), std::size_t{2});
    QCOMPARE(ids[0], ids[1]);
    QVERIFY(tokenizer.isUserDefined(ids[0]));
    QCOMPARE(tokenizer.bytesOf(ids[0]), std::string("\n"));
}

void TokenizerTest::piecesTellTheirBytes()
{
    const Tokenizer tokenizer(publishedStyleModel());
    QCOMPARE(tokenizer.bytesOf(tokenizer.bosId()), std::string());
    std::array<bool, 256> seen{};
    for (TokenId id = 0; id < tokenizer.size(); ++id) {
        if (!tokenizer.isByte(id))
            continue;
        QCOMPARE(tokenizer.bytesOf(id).size(), std::size_t{1});
        const auto byte = static_cast<unsigned char>(tokenizer.bytesOf(id)[0]);
        QCOMPARE(QByteArray::fromStdString(tokenizer.piece(id)),
                 QByteArray("<0x") + QByteArray(1, char(byte)).toHex().toUpper() + ">");
        seen[byte] = true;
    }
    QVERIFY(std::all_of(seen.begin(), seen.end(), [](bool found) { return found; }));
    QCOMPARE(tokenizer.bytesOf(tokenizer.encode("the")[0]), std::string(" the"));
}

void TokenizerTest::incrementalDecodingEqualsDecoding()
{
    for (const std::string& model :
         {exactTokenizerModel(), publishedStyleModel(), publishedStyleModel("nmt_nfkc", "true")}) {
        const Tokenizer tokenizer(model);
        Random random(21);
        for (int i = 0; i < 3000; ++i) {
            std::vector<TokenId> tokens(random.below(25));
            for (TokenId& token : tokens) // two thirds bytes and control pieces
                token = static_cast<TokenId>(
                    random.below(random.below(3) == 0 ? static_cast<std::uint64_t>(tokenizer.size()) : 262));
            for (const bool showSpecial : {false, true}) {
                IncrementalDecoder decoder(tokenizer, true, showSpecial);
                std::string text;
                for (const TokenId token : tokens) {
                    const std::string part = decoder.push(token);
                    QCOMPARE(findInvalidUtf8(part), std::string_view::npos);
                    text += part;
                }
                text += decoder.flush();
                QCOMPARE(text, tokenizer.decode(tokens, showSpecial));
            }
        }
    }
}

void TokenizerTest::incrementalDecodingHoldsBackUnfinishedCharacters()
{
    const Tokenizer tokenizer(publishedStyleModel());
    const std::vector<TokenId> tokens = tokenizer.encode("😀!");
    QCOMPARE(tokens.size(), std::size_t{6}); // space, four bytes, "!"
    IncrementalDecoder decoder(tokenizer);
    for (std::size_t i = 0; i < 4; ++i)
        QCOMPARE(decoder.push(tokens[i]), std::string());
    QCOMPARE(decoder.push(tokens[4]), std::string("😀"));
    QCOMPARE(decoder.push(tokens[5]), std::string("!"));
    QCOMPARE(decoder.push(tokens[1]), std::string());
    QCOMPARE(decoder.push(tokens[2]), std::string());
    QCOMPARE(decoder.flush(), std::string("\uFFFD\uFFFD"));
    QCOMPARE(decoder.flush(), std::string());
}

void TokenizerTest::incrementalDecodingGoesOnBehindText()
{
    const Tokenizer tokenizer(publishedStyleModel());
    const TokenId the = tokenizer.encode("the")[0];
    QCOMPARE(IncrementalDecoder(tokenizer).push(the), std::string("the"));
    QCOMPARE(IncrementalDecoder(tokenizer, false).push(the), std::string(" the"));
    IncrementalDecoder afterBos(tokenizer);
    QCOMPARE(afterBos.push(tokenizer.bosId()), std::string());
    QCOMPARE(afterBos.push(the), std::string("the"));
    QCOMPARE(afterBos.push(the), std::string(" the"));
}

void TokenizerTest::controlPiecesShowWhenAsked()
{
    const Tokenizer tokenizer(publishedStyleModel());
    const TokenId the = tokenizer.encode("the")[0];
    const std::vector<TokenId> tokens{1, the, 2};
    QCOMPARE(tokenizer.decode(tokens), std::string("the"));
    QCOMPARE(tokenizer.decode(tokens, true), std::string("<s>the</s>"));
}

void TokenizerTest::refusesInvalidUtf8()
{
    const Tokenizer tokenizer(exactTokenizerModel());
    expectError(ErrorCode::InvalidText, "invalid byte at offset 4", [&] {
        (void)tokenizer.encode("good\xFF"
                               "bad");
    });
    expectError(ErrorCode::InvalidText, "invalid byte at offset 0",
                [&] { (void)tokenizer.encode("\xE2\x96", true); });
}

void TokenizerTest::refusesIdsOutsideTheVocabulary()
{
    const Tokenizer tokenizer(exactTokenizerModel());
    const std::vector<TokenId> high{5, 420}, low{-1};
    expectError(ErrorCode::InvalidArgument, "token id is 420, needed: 0 .. 419",
                [&] { (void)tokenizer.decode(high); });
    expectError(ErrorCode::InvalidArgument, "token id is -1", [&] { (void)tokenizer.decode(low); });
    expectError(ErrorCode::InvalidArgument, "token id is 420", [&] { (void)tokenizer.bytesOf(420); });
    expectError(ErrorCode::InvalidArgument, "token id is -7", [&] { (void)tokenizer.isControl(-7); });
}

void TokenizerTest::refusesFilesThatAreNoModel()
{
    const std::string good = exactTokenizerModel();
    const auto refuse = [](const std::string& bytes) {
        expectError(ErrorCode::InvalidFile, "here/tokenizer.model: not a usable SentencePiece model",
                    [&] { (void)Tokenizer(bytes, "here/tokenizer.model"); });
    };
    refuse("");
    refuse("garbage");
    refuse(std::string(1000, '\0'));
    refuse("{\"version\": \"1.0\", \"truncation\": null}");
    refuse("version https://git-lfs.github.com/spec/v1\n");
    refuse(good.substr(0, good.size() / 2)); // pieces are missing or cut
    refuse(good.substr(0, 100));
    refuse(std::string("\x0A\x03\x0A\x01\xFF", 5)); // a piece that is not UTF-8
    refuse(std::string("\x0A\x00", 2));             // an empty piece
    // A byte piece whose text stands in a field of the wrong kind, which the library skips; and one
    // misspelled.
    refuse(good + std::string("\x0A\x07\x0D"
                              "abcd\x18\x06",
                              9));
    refuse(good + std::string("\x0A\x06\x0A\x02"
                              "ab\x18\x06",
                              8));
    refuse(good + std::string("\x2A\x02\x18\x01", 4));     // a denormalizer
    refuse(good + std::string("\x1A\x02\x28\x00", 4));     // spaces not escaped
    refuse(good + std::string("\x12\x03\x98\x02\x00", 5)); // byte pieces without byte fallback
    QVERIFY(Tokenizer(good).size() == 420);
}

void TokenizerTest::readsModelsWithACharacterMap()
{
    const std::string good = publishedStyleModel("nmt_nfkc", "true");
    const Tokenizer tokenizer(good);
    QCOMPARE(tokenizer.decode(tokenizer.encode("  ﬁne   Ａ ")), std::string("fine A"));

    // A broken link in the map's table, here its root's, would send the library outside its memory.
    std::size_t root = good.find("nmt_nfkc");
    QVERIFY(root != std::string::npos);
    root += 8 + 1; // behind the name, the map's tag
    while ((static_cast<unsigned char>(good[root]) & 0x80u) != 0)
        ++root;    // its length
    root += 1 + 4; // and the table's length
    std::string broken = good;
    broken.replace(root, 4, "\xFF\xFF\xFF\x7F");
    expectError(ErrorCode::InvalidFile, "precompiled_charsmap has a link outside",
                [&] { (void)Tokenizer(broken); });
}

void TokenizerTest::oneMegabyteTakesLittleTime_data()
{
    QTest::addColumn<int>("kind");
    QTest::newRow("words") << 0;
    QTest::newRow("one letter") << 1;
    QTest::newRow("no white space") << 2;
    QTest::newRow("spaces") << 3;
    QTest::newRow("emoji") << 4;
    QTest::newRow("angle brackets, parsed") << 5;
    QTest::newRow("U+2581") << 6;
}

void TokenizerTest::oneMegabyteTakesLittleTime()
{
    QFETCH(int, kind);
    constexpr std::size_t kBytes = 1 << 20;
    Random random(2);
    std::string text;
    while (text.size() < kBytes) {
        switch (kind) {
        case 0:
            text += sampleText(800, random.bits());
            break;
        case 1:
            text += 'e';
            break;
        case 2:
            text += static_cast<char>('a' + random.below(26));
            break;
        case 3:
            text += ' ';
            break;
        case 4:
            text += "😀";
            break;
        case 5:
            text += "<user";
            break;
        case 6:
            text += "▁";
            break;
        }
    }
    for (const std::string& model : {exactTokenizerModel(), publishedStyleModel()}) {
        const Tokenizer tokenizer(model);
        QElapsedTimer timer;
        timer.start();
        const std::vector<TokenId> ids = tokenizer.encode(text, kind == 5);
        const qint64 elapsed = timer.elapsed();
        qInfo() << tokenizer.size() << "pieces," << ids.size() << "tokens," << elapsed << "ms";
        QVERIFY2(elapsed < 10000, qPrintable(QString("%1 ms").arg(elapsed)));
        if (kind != 6 || tokenizer.startSpace() == Tokenizer::StartSpace::Keep)
            QVERIFY(tokenizer.decode(ids) == text);
    }
}

QTEST_APPLESS_MAIN(TokenizerTest)
#include "tst_tokenizer.moc"
