// Stop strings: what is shown, what is held back, and that the cut of the text into pieces does not matter.
#include "engine/core/error.h"
#include "engine/core/random.h"
#include "engine/session/stop_strings.h"

#include <QtTest>

using namespace mmfree;

class StopStringsTest : public QObject
{
    Q_OBJECT
private slots:
    void holdsBackOnlyWhatCouldBecomeAStop();
    void endsAtTheFirstCompleteStop();
    void releasesAFalseStart();
    void withoutStopsNothingIsHeld();
    void cutsDoNotMatter();
    void refusesEmptyAndInvalidStrings();
};

void StopStringsTest::holdsBackOnlyWhatCouldBecomeAStop()
{
    StopStrings stops({"<user>"});
    QCOMPARE(stops.push("hello <"), std::string("hello "));
    QCOMPARE(stops.push("us"), std::string());
    QCOMPARE(stops.push("er> more"), std::string());
    QVERIFY(stops.found());
    QCOMPARE(stops.push("even more"), std::string());
    QCOMPARE(stops.flush(), std::string());
}

void StopStringsTest::endsAtTheFirstCompleteStop()
{
    StopStrings several({"abcd", "bc"});
    QCOMPARE(several.push("xabcd"), std::string("xa"));
    QVERIFY(several.found());
    StopStrings nested({"c", "abc"}); // both complete at once: the longer one
    QCOMPARE(nested.push("xabcx"), std::string("x"));
    QVERIFY(nested.found());
}

void StopStringsTest::releasesAFalseStart()
{
    StopStrings stops({"aab"});
    QCOMPARE(stops.push("aa"), std::string());
    QCOMPARE(stops.push("a"), std::string("a")); // "aa" may still be the start
    QCOMPARE(stops.push("c"), std::string("aac"));
    QCOMPARE(stops.push("aa"), std::string());
    QCOMPARE(stops.flush(), std::string("aa"));
    QVERIFY(!stops.found());
}

void StopStringsTest::withoutStopsNothingIsHeld()
{
    StopStrings stops({});
    QCOMPARE(stops.push("anything"), std::string("anything"));
    QCOMPARE(stops.flush(), std::string());
}

void StopStringsTest::cutsDoNotMatter()
{
    Random random(4);
    const auto letters = [&random](std::uint64_t length) {
        std::string text;
        for (std::uint64_t i = 0; i < length; ++i)
            text += static_cast<char>('a' + random.below(2));
        return text;
    };
    for (int round = 0; round < 3000; ++round) {
        std::vector<std::string> strings;
        for (std::uint64_t i = 0; i < 1 + random.below(3); ++i)
            strings.push_back(letters(1 + random.below(5)));
        const std::string text = letters(random.below(20));

        StopStrings whole(strings), pieces(strings);
        std::string expected = whole.push(text), shown;
        expected += whole.flush();
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t length = 1 + random.below(4);
            shown += pieces.push(std::string_view(text).substr(at, length));
            at += length;
        }
        shown += pieces.flush();
        QCOMPARE(shown, expected);
        QCOMPARE(pieces.found(), whole.found());
        if (whole.found()) {
            const bool ends = std::any_of(strings.begin(), strings.end(), [&](const std::string& stop) {
                return text.compare(expected.size(), stop.size(), stop) == 0;
            });
            QVERIFY(ends);
        } else {
            QCOMPARE(shown, text);
        }
    }
}

void StopStringsTest::refusesEmptyAndInvalidStrings()
{
    const auto refuse = [](std::vector<std::string> strings, const char* message) {
        try {
            StopStrings stops(std::move(strings));
            QFAIL("accepted");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::InvalidArgument);
            QVERIFY2(QString(error.what()).contains(message), error.what());
        }
    };
    refuse({"a", ""}, "stopStrings[1] is empty");
    refuse({"\xC3"}, "stopStrings[0] is not UTF-8");
}

QTEST_APPLESS_MAIN(StopStringsTest)
#include "tst_stop_strings.moc"
