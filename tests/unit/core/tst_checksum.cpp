// Checksum: independent of how bytes arrive, different for any small change.
#include "engine/core/checksum.h"
#include "engine/core/error.h"
#include "tests/support/test_files.h"

#include <QTest>

#include <fstream>
#include <set>

using namespace mmfree;

class ChecksumTest : public QObject
{
    Q_OBJECT

private slots:
    void doesNotDependOnTheCuts()
    {
        std::string text;
        for (int i = 0; i < 1000; ++i)
            text += static_cast<char>(i * 37 % 251);
        const std::string whole = checksumText(text);
        for (const std::size_t step : {1u, 3u, 8u, 13u, 999u}) {
            Checksum sum;
            for (std::size_t at = 0; at < text.size(); at += step)
                sum.add(std::as_bytes(std::span(text).subspan(at, std::min(step, text.size() - at))));
            QCOMPARE(sum.text(), whole);
        }
    }

    void everySmallChangeShows()
    {
        const std::string text(100, 'a');
        std::set<std::string> sums{checksumText(text), checksumText(""), checksumText(text + '\0'),
                                   checksumText(text.substr(1))};
        for (std::size_t i = 0; i < text.size(); ++i) {
            for (const int bit : {1, 128}) {
                std::string changed = text;
                changed[i] = static_cast<char>(changed[i] ^ bit);
                sums.insert(checksumText(changed));
            }
        }
        QCOMPARE(sums.size(), std::size_t{204});
        std::string swapped = "12345678abcdefgh";
        const std::string before = checksumText(swapped);
        std::swap_ranges(swapped.begin(), swapped.begin() + 8, swapped.begin() + 8);
        QVERIFY(checksumText(swapped) != before);
    }

    void filesAreSummedAndMissingOnesNamed()
    {
        const test::TemporaryFolder folder;
        std::ofstream(folder.path() / "a") << "hello";
        QCOMPARE(fileChecksum(folder.path() / "a"), checksumText("hello"));
        try {
            (void)fileChecksum(folder.path() / "none");
            QFAIL("no error");
        } catch (const Error& error) {
            QVERIFY(std::string(error.what()).find("none") != std::string::npos);
        }
    }
};

QTEST_GUILESS_MAIN(ChecksumTest)
#include "tst_checksum.moc"
