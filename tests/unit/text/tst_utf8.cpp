// UTF-8 checks: what is accepted, where the first error is found, and how unfinished characters are held
// back.
#include "engine/text/tokenizer.h"
#include "engine/text/utf8.h"

#include <QtTest>

#include <string>

using namespace mmfree;

class Utf8Test : public QObject
{
    Q_OBJECT
private slots:
    void acceptsEveryCharacter();
    void findsTheFirstInvalidByte_data();
    void findsTheFirstInvalidByte();
    void holdsBackAnUnfinishedCharacter();
    void replacesEachInvalidByteOnce();
};

namespace
{

std::string encodeCharacter(unsigned code)
{
    const auto byte = [](unsigned value) { return static_cast<char>(value); };
    if (code < 0x80)
        return {byte(code)};
    if (code < 0x800)
        return {byte(0xC0 | code >> 6), byte(0x80 | (code & 63))};
    if (code < 0x10000)
        return {byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 63)), byte(0x80 | (code & 63))};
    return {byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 63)), byte(0x80 | (code >> 6 & 63)),
            byte(0x80 | (code & 63))};
}

} // namespace

void Utf8Test::acceptsEveryCharacter()
{
    for (unsigned code = 0; code <= 0x10FFFF; ++code) {
        const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
        const bool valid = findInvalidUtf8(encodeCharacter(code)) == std::string_view::npos;
        if (valid == surrogate)
            QFAIL(qPrintable(QString("U+%1 is judged wrongly").arg(code, 4, 16)));
    }
}

void Utf8Test::findsTheFirstInvalidByte_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<int>("offset");
    QTest::newRow("empty") << QByteArray() << -1;
    QTest::newRow("ascii longer than a block") << QByteArray("0123456789abcdef!") << -1;
    QTest::newRow("zero byte") << QByteArray("a\0b", 3) << -1;
    QTest::newRow("lone continuation") << QByteArray("abcdefgh\x80") << 8;
    QTest::newRow("overlong slash") << QByteArray("\xC0\xAF") << 0;
    QTest::newRow("overlong three bytes") << QByteArray("x\xE0\x80\xAF") << 1;
    QTest::newRow("overlong four bytes") << QByteArray("xy\xF0\x80\x80\xAF") << 2;
    QTest::newRow("surrogate") << QByteArray("\xED\xA0\x80") << 0;
    QTest::newRow("above U+10FFFF") << QByteArray("\xF4\x90\x80\x80") << 0;
    QTest::newRow("F5") << QByteArray("\xF5\x80\x80\x80") << 0;
    QTest::newRow("ends inside a character") << QByteArray("12345678\xF0\x9F\x98") << 8;
    QTest::newRow("Latin-1") << QByteArray("caf\xE9 au lait") << 3;
}

void Utf8Test::findsTheFirstInvalidByte()
{
    QFETCH(QByteArray, text);
    QFETCH(int, offset);
    const std::size_t found = findInvalidUtf8({text.data(), static_cast<std::size_t>(text.size())});
    QCOMPARE(found, offset < 0 ? std::string_view::npos : static_cast<std::size_t>(offset));
}

void Utf8Test::holdsBackAnUnfinishedCharacter()
{
    std::string pending, text;
    for (const char byte : std::string("\xF0\x9F\x98\x80")) {
        QVERIFY(text.empty());
        pending += byte;
        moveCompleteUtf8(pending, text);
    }
    QCOMPARE(text, std::string("\xF0\x9F\x98\x80"));
    QVERIFY(pending.empty());
}

void Utf8Test::replacesEachInvalidByteOnce()
{
    std::string pending = "a\xE2\x96"
                          "b\xF0\x9F",
                text;
    moveCompleteUtf8(pending, text);
    QCOMPARE(text, std::string("a\xEF\xBF\xBD\xEF\xBF\xBD"
                               "b"));
    QCOMPARE(pending, std::string("\xF0\x9F"));
    moveAllUtf8(pending, text);
    QCOMPARE(text, std::string("a\xEF\xBF\xBD\xEF\xBF\xBD"
                               "b\xEF\xBF\xBD\xEF\xBF\xBD"));
    QVERIFY(pending.empty());
}

QTEST_APPLESS_MAIN(Utf8Test)
#include "tst_utf8.moc"
