// Random damage, from fixed seeds: spoiled tokenizer files, random bytes as text, as templates and as tokens
// to decode. Every input is either used or refused with an Error; nothing crashes, hangs or gives invalid
// UTF-8.
#include "engine/core/error.h"
#include "engine/text/chat_template.h"
#include "tests/unit/text/published_tokenizer.h"
#include "tests/unit/text/text_samples.h"

#include <QtTest>

#include <QElapsedTimer>

#include <algorithm>

using namespace mmfree;
using namespace mmfree::test;

namespace
{

Random seededRandom(std::uint64_t seed)
{
    return Random(seed, static_cast<std::uint64_t>(qEnvironmentVariableIntValue("MMFREE_FUZZ_SEED")));
}

std::string randomBytes(Random& random, std::size_t length)
{
    std::string bytes(length, '\0');
    for (char& byte : bytes)
        byte = static_cast<char>(random.bits());
    return bytes;
}

// One to eight changes: a bit, a byte, a run of bytes removed, doubled, overwritten or moved, the end cut
// off.
std::string spoil(std::string bytes, Random& random, std::size_t from)
{
    const std::uint64_t changes = 1 + random.below(8);
    for (std::uint64_t i = 0; i < changes && bytes.size() > from + 1; ++i) {
        const std::size_t at = from + random.below(bytes.size() - from);
        const std::size_t length = std::min<std::size_t>(1 + random.below(12), bytes.size() - at);
        switch (random.below(7)) {
        case 0:
            bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1u << random.below(8)));
            break;
        case 1:
            bytes[at] = static_cast<char>(random.bits());
            break;
        case 2:
            bytes.erase(at, length);
            break;
        case 3:
            bytes.insert(at, bytes.substr(at, length));
            break;
        case 4:
            bytes.replace(at, length, randomBytes(random, length));
            break;
        case 5:
            bytes.insert(from + random.below(bytes.size() - from), bytes.substr(at, length));
            break;
        default:
            if (random.below(10) == 0)
                bytes.resize(at);
            else
                bytes[at] = static_cast<char>(0xFF);
        }
    }
    return bytes;
}

// One to four bytes changed where they are: lengths stay, so that damage reaches the values behind them.
std::string spoilValues(std::string bytes, Random& random, std::size_t from)
{
    const std::uint64_t changes = 1 + random.below(4);
    for (std::uint64_t i = 0; i < changes; ++i) {
        char& byte = bytes[from + random.below(bytes.size() - from)];
        if (random.below(2) == 0)
            byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1u << random.below(8)));
        else
            byte = static_cast<char>(random.bits());
    }
    return bytes;
}

// Whatever the tokenizer gives must be in range, valid and the same both ways of decoding. Its own errors are
// fine.
void exercise(const Tokenizer& tokenizer, Random& random)
{
    const std::vector<std::string> texts{
        "the hidden state <user> 123\n  мир", "  ", "▁▁▁", "</s><s>", "日本😀é\t", std::string("a\0b", 3),
        "eeeeeeeeeeeeeeeeeeeeeeeeeee"};
    for (const std::string& text : texts) {
        try {
            for (const TokenId id : tokenizer.encode(text, random.below(2) == 0))
                QVERIFY(id >= 0 && id < tokenizer.size());
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::InvalidText);
        }
    }
    std::vector<TokenId> tokens(random.below(40));
    for (TokenId& token : tokens)
        token = static_cast<TokenId>(random.below(static_cast<std::uint64_t>(tokenizer.size())));
    const std::string whole = tokenizer.decode(tokens);
    QCOMPARE(findInvalidUtf8(whole), std::string_view::npos);
    IncrementalDecoder decoder(tokenizer);
    std::string parts;
    for (const TokenId token : tokens)
        parts += decoder.push(token);
    QCOMPARE(parts + decoder.flush(), whole);
}

} // namespace

class TextFuzzTest : public QObject
{
    Q_OBJECT
private slots:
    void spoiledTokenizerFiles_data();
    void spoiledTokenizerFiles();
    void randomBytesAreNoTokenizer();
    void randomBytesAsText();
    void randomCharactersAsTrainingText();
    void randomTokensDecodeToValidText();
    void spoiledChatTemplates();
};

void TextFuzzTest::spoiledTokenizerFiles_data()
{
    QTest::addColumn<QByteArray>("model");
    QTest::addColumn<int>("fromEnd"); // spoil only the last bytes, where the settings are; 0: anywhere
    QTest::addColumn<int>("rounds");
    const auto bytes = [](const std::string& model) { return QByteArray::fromStdString(model); };
    const std::string ours = exactTokenizerModel(), published = publishedStyleModel();
    const std::string unigram = publishedStyleModel("identity", "false", "unigram");
    QTest::newRow("ours") << bytes(ours) << 0 << 1500;
    QTest::newRow("ours, settings") << bytes(ours) << 200 << 1000;
    QTest::newRow("published") << bytes(published) << 0 << 1500;
    QTest::newRow("published, settings") << bytes(published) << 200 << 1000;
    QTest::newRow("unigram") << bytes(unigram) << 0 << 1000;
    QTest::newRow("unigram, settings") << bytes(unigram) << 200 << 500;
    QTest::newRow("character map") << bytes(publishedStyleModel("nmt_nfkc", "true")) << 0 << 500;
}

void TextFuzzTest::spoiledTokenizerFiles()
{
    QFETCH(QByteArray, model);
    QFETCH(int, fromEnd);
    QFETCH(int, rounds);
    Random random = seededRandom(static_cast<std::uint64_t>(model.size() + fromEnd));
    const std::string good = model.toStdString();
    const std::size_t from = fromEnd == 0 ? 0 : good.size() - static_cast<std::size_t>(fromEnd);
    int used = 0;
    for (int round = 0; round < rounds; ++round) {
        const std::string bytes =
            round % 4 == 0 ? spoil(good, random, from) : spoilValues(good, random, from);
        try {
            const Tokenizer tokenizer(bytes, "spoiled.model");
            ++used;
            exercise(tokenizer, random);
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::InvalidFile);
            QVERIFY(QString(error.what()).startsWith("spoiled.model: "));
        }
        if (QTest::currentTestFailed())
            return;
    }
    qInfo() << used << "of" << rounds << "were still usable";
    QVERIFY(used > 0 && used < rounds);
}

void TextFuzzTest::randomBytesAreNoTokenizer()
{
    Random random = seededRandom(12);
    for (int round = 0; round < 3000; ++round) {
        try {
            const Tokenizer tokenizer(randomBytes(random, random.below(300)));
            exercise(tokenizer, random);
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::InvalidFile);
        }
    }
}

void TextFuzzTest::randomBytesAsText()
{
    const Tokenizer tokenizer(exactTokenizerModel());
    Random random = seededRandom(13);
    for (int round = 0; round < 3000; ++round) {
        const std::string text = spoil(sampleText(2, random.bits()), random, 0);
        const std::size_t offset = findInvalidUtf8(text);
        try {
            const bool parse = random.below(2) == 0;
            const std::string back = tokenizer.decode(tokenizer.encode(text, parse), true);
            QCOMPARE(offset, std::string_view::npos);
            QCOMPARE(back, text);
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::InvalidText);
            QVERIFY(QString(error.what()).endsWith("offset " + QString::number(offset)));
        }
    }
}

void TextFuzzTest::randomCharactersAsTrainingText()
{
    Random random = seededRandom(14);
    for (int round = 0; round < 150; ++round) {
        std::string bytes = random.below(4) == 0 ? spoil(sampleText(6, random.bits()), random, 0)
                                                 : randomBytes(random, 1 + random.below(400));
        std::string text;
        for (const char byte : bytes) { // mostly valid: bytes as Latin-1 characters, some left as they are
            const auto value = static_cast<unsigned char>(byte);
            if (value < 0x80 || round % 10 == 0)
                text += byte;
            else
                text += {static_cast<char>(0xC0 | value >> 6), static_cast<char>(0x80 | (value & 0x3F))};
        }
        TokenizerTrainingOptions options;
        options.vocabularySize = 262 + static_cast<std::int64_t>(random.below(150));
        options.byteFallback = random.below(4) != 0;
        try {
            const Tokenizer tokenizer(trainTokenizer(text, options));
            QCOMPARE(tokenizer.size(), options.vocabularySize);
            if (options.byteFallback)
                QVERIFY(tokenizer.decode(tokenizer.encode(text)) == text);
        } catch (const Error& error) {
            QVERIFY(error.code() == ErrorCode::InvalidText || error.code() == ErrorCode::InvalidArgument);
            if (error.code() == ErrorCode::InvalidArgument)
                QVERIFY2(QString(error.what()).contains("needed: at "), error.what());
        }
    }
}

void TextFuzzTest::randomTokensDecodeToValidText()
{
    for (const std::string& model : {exactTokenizerModel(), publishedStyleModel()}) {
        const Tokenizer tokenizer(model);
        Random random = seededRandom(15);
        for (int round = 0; round < 2000; ++round)
            exercise(tokenizer, random);
    }
}

void TextFuzzTest::spoiledChatTemplates()
{
    ChatTemplate form;
    form.userPrefix = "<user>";
    form.stopStrings = {"<user>", "é\n"};
    const std::string good = chatTemplateToJson(form);
    Random random = seededRandom(16);
    int used = 0;
    for (int round = 0; round < 5000; ++round) {
        try {
            const ChatTemplate parsed = parseChatTemplate(spoil(good, random, 0), "t.json");
            ++used;
            QVERIFY(parseChatTemplate(chatTemplateToJson(parsed), "t.json") == parsed);
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::InvalidConfig);
            QVERIFY(QString(error.what()).startsWith("t.json: "));
        }
    }
    QVERIFY(used > 0);
}

QTEST_APPLESS_MAIN(TextFuzzTest)
#include "tst_text_fuzz.moc"
