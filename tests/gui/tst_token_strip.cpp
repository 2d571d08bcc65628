// TokenStrip: clicks, keys and brushing pick the tokens they stand on.
#include "widgets/theme/theme.h"
#include "widgets/views/token_strip.h"

#include <QApplication>
#include <QSignalSpy>
#include <QTest>

using namespace mmfree::gui;

namespace
{

std::vector<StripToken> words(int count)
{
    std::vector<StripToken> tokens{{.text = "<s>", .special = true, .note = {}}};
    for (int i = 1; i < count; ++i)
        tokens.push_back({.text = QStringLiteral(" word%1").arg(i), .note = {}});
    return tokens;
}

} // namespace

class TokenStripTest : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase() { applyTheme(*qApp, ThemeChoice::Light); }

    void everyTokenIsFoundWhereItIsDrawn()
    {
        for (const auto layout : {TokenStrip::Layout::OneLine, TokenStrip::Layout::Flowing}) {
            TokenStrip strip(layout);
            strip.resize(layout == TokenStrip::Layout::Flowing ? 300 : 4000, 400);
            auto tokens = words(40);
            tokens[7].text = "\n";
            tokens[8].text = " ";
            tokens[9].text = "";
            strip.setTokens(tokens);
            for (int i = 0; i < 40; ++i)
                QCOMPARE(strip.tokenAt(strip.rectOf(i).center()), i);
            QCOMPARE(strip.tokenAt({-5.0, -5.0}), -1);
            QCOMPARE(strip.tokenAt({2.0, 399.0}), -1);
        }
    }

    void flowingHeightGrowsAsTheWidthShrinks()
    {
        TokenStrip strip(TokenStrip::Layout::Flowing);
        strip.setTokens(words(60));
        QVERIFY(strip.heightForWidth(200) > strip.heightForWidth(800));
        strip.resize(300, strip.heightForWidth(300));
        QVERIFY(strip.rectOf(59).bottom() <= strip.height());
    }

    void clicksAndKeysMoveTheCurrentToken()
    {
        TokenStrip strip(TokenStrip::Layout::OneLine);
        strip.resize(400, 36);
        strip.setTokens(words(30));
        QSignalSpy changed(&strip, &TokenStrip::currentChanged), activated(&strip, &TokenStrip::activated),
            other(&strip, &TokenStrip::alternativeRequested);
        QTest::mouseClick(&strip, Qt::LeftButton, {}, strip.rectOf(2).center().toPoint());
        QCOMPARE(strip.current(), 2);
        QTest::keyClick(&strip, Qt::Key_Right);
        QTest::keyClick(&strip, Qt::Key_Left);
        QTest::keyClick(&strip, Qt::Key_End);
        QCOMPARE(strip.current(), 29);
        QVERIFY(strip.rectOf(29).right() <= 400.0); // scrolled into sight
        QTest::keyClick(&strip, Qt::Key_Return);
        QCOMPARE(activated.size(), 1);
        QTest::keyClick(&strip, Qt::Key_Down);
        QCOMPARE(other.value(0).value(0).toInt(), 1);
        QCOMPARE(changed.size(), 4);
        QVERIFY(strip.accessibleDescription().contains("word29"));
    }

    void shiftAndDraggingBrushARange()
    {
        TokenStrip strip(TokenStrip::Layout::OneLine);
        strip.resize(900, 36);
        strip.setTokens(words(12));
        strip.setCurrent(3);
        QTest::keyClick(&strip, Qt::Key_Right, Qt::ShiftModifier);
        QTest::keyClick(&strip, Qt::Key_Right, Qt::ShiftModifier);
        QCOMPARE(strip.range(), (QPair<int, int>{3, 5}));
        QTest::keyClick(&strip, Qt::Key_Escape);
        QCOMPARE(strip.range(), (QPair<int, int>{-1, -1}));
        QTest::mousePress(&strip, Qt::LeftButton, {}, strip.rectOf(6).center().toPoint());
        QTest::mouseMove(&strip, strip.rectOf(8).center().toPoint());
        QTest::mouseMove(&strip, strip.rectOf(4).center().toPoint());
        QTest::mouseRelease(&strip, Qt::LeftButton, {}, strip.rectOf(4).center().toPoint());
        QCOMPARE(strip.range(), (QPair<int, int>{4, 6}));
    }

    void valuesColourTokensAndLowOnesAreUnderlined()
    {
        TokenStrip strip(TokenStrip::Layout::OneLine);
        strip.resize(500, 36);
        strip.setTokens(words(5));
        const QImage plain = strip.grab().toImage();
        strip.setScale(TokenStrip::Scale::Sequential, 0.0f, 1.0f);
        strip.setValues({NAN, 0.05f, 0.5f, 1.0f, 0.09f});
        const QImage coloured = strip.grab().toImage();
        QVERIFY(plain != coloured);
        strip.setUnderlineBelow(0.1f);
        const QImage marked = strip.grab().toImage();
        const auto differs = [&](int token) {
            const QRect area = strip.rectOf(token).toRect();
            return marked.copy(area) != coloured.copy(area);
        };
        QVERIFY(differs(1) && differs(4));
        QVERIFY(!differs(2) && !differs(3));
    }

    void shorterTextsForgetWhatIsGone()
    {
        TokenStrip strip(TokenStrip::Layout::OneLine);
        strip.setTokens(words(10));
        strip.setCurrent(9);
        strip.setRange(7, 9);
        strip.setTokens(words(5));
        QCOMPARE(strip.current(), -1);
        QCOMPARE(strip.range(), (QPair<int, int>{-1, -1}));
        strip.setTokens({});
        QTest::keyClick(&strip, Qt::Key_Right);
        strip.grab();
    }
};

QTEST_MAIN(TokenStripTest)
#include "tst_token_strip.moc"
