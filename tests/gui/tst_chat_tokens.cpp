// The token face by clicks and keys: tints, popover, branches from a token, the shared selection, Reproduce.
#include "tests/gui/window_fixture.h"

#include "app/model_opening.h"
#include "tests/support/test_files.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/chat/reproduce.h"
#include "widgets/selection/selection_bus.h"
#include "widgets/store/conversation_store.h"
#include "widgets/theme/theme.h"
#include "widgets/views/message_bar.h"
#include "widgets/views/token_details.h"
#include "widgets/views/token_face.h"
#include "widgets/views/token_strip.h"
#include "widgets/workers/inference_service.h"

#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QProcess>
#include <QPushButton>
#include <QSignalSpy>
#include <QTabWidget>
#include <QTest>
#include <QToolButton>
#include <QTreeWidget>

#include <cmath>

namespace mmfree
{

using namespace gui;
using test::WindowFixture;

class ChatTokensTest : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase() { applyTheme(*static_cast<QApplication*>(qApp), ThemeChoice::Light); }

    void controlTShowsTokensOfAllAnswersAndOfOne()
    {
        WindowFixture window;
        window.open();
        window.send("hello");
        QVERIFY(window.waitIdle());
        window.send("one");
        QVERIFY(window.waitIdle());
        window.press(Qt::Key_T, Qt::ControlModifier); // the composer has the keyboard: all
        QVERIFY(window.messages().at(1)->tokenFace());
        QVERIFY(window.messages().at(3)->tokenFace());
        QVERIFY(!window.messages().at(0)->tokenFace());
        window.messages().at(1)->setFocus();
        window.press(Qt::Key_T, Qt::ControlModifier);
        QVERIFY(!window.messages().at(1)->tokenFace());
        QVERIFY(window.messages().at(3)->tokenFace());
        window.click(window.messages().at(3)->findChild<QToolButton*>("tokensButton"));
        QVERIFY(!window.messages().at(3)->tokenFace());
        // The tokens spell the text.
        QString text;
        const TokenTrace trace = window.m_window->chat().tokens(window.messages().at(3)->messageId());
        for (const TracedToken& token : trace.tokens)
            text += QString::fromUtf8(trace.piece(token.id));
        QCOMPARE(text.trimmed(), window.messages().at(3)->message().text);
    }

    void tokensAreKeptAndNoneWhenTurnedOff()
    {
        QTemporaryDir folder;
        MessageId answer = 0;
        {
            WindowFixture window(folder.path());
            window.open();
            window.send("hello");
            QVERIFY(window.waitIdle());
            answer = window.messages().last()->messageId();
            window.set("alternatives", 0);
            window.send("one");
            QVERIFY(window.waitIdle());
            QVERIFY(window.m_window->chat().tokens(window.messages().last()->messageId()).tokens.empty());
            window.m_window->close();
        }
        WindowFixture window(folder.path());
        window.open();
        const TokenTrace trace = window.m_window->chat().tokens(answer);
        QVERIFY(trace.tokens.size() > 3);
        QVERIFY(trace.tokens.front().alternatives.size() >= 20);
        QVERIFY(window.m_window->chat().store()->tokenBytes() > 0);
    }

    void keysMoveOverTokensAndEnterPinsThePopover()
    {
        WindowFixture window;
        window.open();
        window.send("hello");
        QVERIFY(window.waitIdle());
        window.press(Qt::Key_T, Qt::ControlModifier);
        MessageView* view = window.messages().last();
        TokenStrip* strip = view->tokenFace()->strip();
        strip->setFocus();
        QSignalSpy picked(window.m_window->findChild<SelectionBus*>(), &SelectionBus::changed);
        window.press(Qt::Key_Right);
        window.press(Qt::Key_Right);
        QCOMPARE(strip->current(), 1);
        const Selection selection = window.m_window->findChild<SelectionBus*>()->current();
        QCOMPARE(selection.message, view->messageId());
        QCOMPARE(selection.token, 1);
        QCOMPARE(selection.conversation, window.m_window->chat().currentConversation());
        QCOMPARE(selection.model, QString("/models/pocket"));
        QVERIFY(picked.count() >= 2);
        window.press(Qt::Key_Return);
        auto* popover = window.child<TokenDetails>("tokenPopover");
        QVERIFY(popover->isVisible() && popover->isPinned());
        auto* list = popover->findChild<QTreeWidget*>("alternatives");
        QVERIFY(list->topLevelItemCount() >= 20);
        QVERIFY(list->hasFocus());
        QVERIFY(list->topLevelItem(0)->text(0).contains("written"));
        QVERIFY2(list->topLevelItem(5)->text(2).contains("removed by top-p"),
                 qPrintable(list->topLevelItem(5)->text(2)));
        window.press(Qt::Key_Escape);
        QVERIFY(!popover->isVisible());
        QVERIFY(strip->hasFocus());
    }

    void continueFromHereMakesABranch()
    {
        WindowFixture window;
        window.open();
        window.m_control->setDefaultAnswer("one two three four five six");
        window.send("count");
        QVERIFY(window.waitIdle());
        window.press(Qt::Key_T, Qt::ControlModifier);
        TokenStrip* strip = window.messages().last()->tokenFace()->strip();
        strip->setFocus();
        window.press(Qt::Key_Right);
        window.press(Qt::Key_Right);
        window.press(Qt::Key_Return);
        auto* popover = window.child<TokenDetails>("tokenPopover");
        window.press(Qt::Key_Down); // the second likeliest
        window.click(popover->findChild<QPushButton*>("continueFromHere"));
        QVERIFY(window.waitIdle());
        QVERIFY(!popover->isVisible());
        QCOMPARE(window.messages().last()->message().siblings, 2);
        QVERIFY(window.lastText() != QString("one two three four five six"));
        QVERIFY2(window.lastText().endsWith("six"), qPrintable(window.lastText()));
        // The branch has its tokens too, and the old one comes back.
        QVERIFY(window.messages().last()->message().sibling == 2);
        window.press(Qt::Key_Left, Qt::AltModifier);
        QCOMPARE(window.lastText(), QString("one two three four five six"));
        window.m_window->chat().continueFrom(window.messages().last()->messageId(), 2, 300, false);
        QVERIFY(!window.m_window->chat().isBusy());
        QCOMPARE(window.messages().last()->message().siblings, 3);
    }

    void hoverShowsThePopoverAfterAMoment()
    {
        WindowFixture window;
        window.open();
        window.send("hello");
        QVERIFY(window.waitIdle());
        window.press(Qt::Key_T, Qt::ControlModifier);
        TokenStrip* strip = window.messages().last()->tokenFace()->strip();
        QTRY_VERIFY(strip->width() > 100 && strip->rectOf(1).isValid());
        auto* popover = window.child<TokenDetails>("tokenPopover");
        QMouseEvent move(QEvent::MouseMove, strip->rectOf(1).center(),
                         strip->mapToGlobal(strip->rectOf(1).center()), Qt::NoButton, {}, {});
        QApplication::sendEvent(strip, &move);
        QVERIFY(!popover->isVisible());
        QTRY_VERIFY(popover->isVisible());
        QVERIFY(!popover->isPinned());
        QCOMPARE(popover->token(), 1);
        QEvent leave(QEvent::Leave);
        QApplication::sendEvent(strip, &leave);
        QTRY_VERIFY(!popover->isVisible());
    }

    void theMeasureChangesAllTintsAndIsRemembered()
    {
        QTemporaryDir folder;
        {
            WindowFixture window(folder.path());
            window.open();
            window.send("hello");
            QVERIFY(window.waitIdle());
            window.press(Qt::Key_T, Qt::ControlModifier);
            auto* box = window.messages().last()->findChild<QComboBox*>("tokenMeasure");
            QCOMPARE(box->count(), 4);
            box->setFocus();
            QTest::keyClick(box, Qt::Key_Down);
            QTest::keyClick(box, Qt::Key_Down);
            QCOMPARE(window.messages().last()->tokenFace()->measure(), TokenMeasure::Entropy);
            window.m_window->close();
        }
        WindowFixture window(folder.path());
        window.open();
        window.press(Qt::Key_T, Qt::ControlModifier);
        QCOMPARE(window.messages().last()->tokenFace()->measure(), TokenMeasure::Entropy);
    }

    void measuresAreWhatTheyAreCalled()
    {
        TracedToken token;
        token.logProbability = std::log(0.25);
        token.entropyNats = 1.5;
        TokenAlternative first, second;
        first.logProbability = std::log(0.5f);
        second.logProbability = std::log(0.25f);
        token.alternatives = {first, second};
        QVERIFY(std::abs(measureOf(token, TokenMeasure::Probability) - 0.25) < 1e-9);
        QVERIFY(std::abs(measureOf(token, TokenMeasure::Surprisal) - std::log(4.0)) < 1e-9);
        QCOMPARE(measureOf(token, TokenMeasure::Entropy), 1.5);
        QVERIFY(std::abs(measureOf(token, TokenMeasure::Margin) - 0.25) < 1e-6);
    }

    void storedTokensThatAreDamagedAreRefused()
    {
        TokenTrace trace;
        TracedToken token;
        token.id = 3;
        token.alternatives.push_back({4, -1.0f, 0.5f, SamplerStage::TopP, true});
        trace.tokens = {token, token};
        trace.pieces = {{3, "abc"}, {4, "\xc3"}};
        const QByteArray bytes = serializeTrace(trace);
        QCOMPARE(parseTrace(bytes)->tokens, trace.tokens);
        QCOMPARE(parseTrace(bytes)->piece(4), QByteArray("\xc3"));
        for (qsizetype cut = 0; cut < bytes.size(); cut += 3)
            QVERIFY(!parseTrace(bytes.left(cut)));
        QVERIFY(!parseTrace(QByteArray(100, '\xff')));
    }

    void stagesFollowTheSlidersWithoutTheModel()
    {
        std::vector<TokenAlternative> kept;
        for (const float p : {0.5f, 0.3f, 0.15f, 0.05f})
            kept.push_back(
                {static_cast<TokenId>(kept.size() + 10), std::log(p), p, SamplerStage::Kept, false});
        SamplingOptions options;
        options.topK = 2;
        options.topP = 1.0;
        const auto two = resampled(kept, options);
        QCOMPARE(two[1].removedBy, SamplerStage::Kept);
        QCOMPARE(two[2].removedBy, SamplerStage::TopK);
        QCOMPARE(two[2].id, 12);
        options.temperature = 0.0;
        QCOMPARE(resampled(kept, options)[1].removedBy, SamplerStage::Greedy);
        QVERIFY(resampled({}, options).empty());
    }

    void theCopiedCommandLineWritesTheSameAnswer()
    {
        const QString bundled =
            QString::fromStdString((test::sourceFolder() / "resources/demo/dictionary.safetensors").string());
        WindowFixture window({}, app::openModelParts);
        window.open(bundled);
        window.set("maxTokens", 24);
        window.send("The door opened and it's \"him\"");
        QVERIFY(window.waitIdle());
        const auto run = [](const QString& command) {
            QString line = command;
            line.replace(0, 6, QString::fromStdString(test::program("mmfree").string()));
            QProcess shell;
            shell.start("/bin/sh", {"-c", line + " --quiet"});
            shell.waitForFinished(60'000);
            return QString::fromUtf8(shell.readAllStandardOutput()).chopped(1);
        };
        window.press(Qt::Key_R, Qt::ControlModifier | Qt::ShiftModifier);
        const QString first = QApplication::clipboard()->text();
        QVERIFY2(first.startsWith("mmfree generate ") && first.contains("--prompt "), qPrintable(first));
        QCOMPARE(run(first), window.lastText());
        // A second turn is given as tokens; so is what was continued.
        window.send(" Then he");
        QVERIFY(window.waitIdle());
        window.press(Qt::Key_R, Qt::ControlModifier | Qt::ShiftModifier);
        QCOMPARE(run(QApplication::clipboard()->text()), window.lastText());
        const QString before = window.lastText();
        window.press(Qt::Key_Return, Qt::ControlModifier);
        QVERIFY(window.waitIdle());
        window.press(Qt::Key_R, Qt::ControlModifier | Qt::ShiftModifier);
        QCOMPARE(before + run(QApplication::clipboard()->text()), window.lastText());
    }

    void shellQuotingHoldsForAnyText()
    {
        for (const QString& text : {QString("a b"), QString("it's"), QString("$HOME `x` \"y\" \\"),
                                    QString("line\nbreak"), QString("-x"), QString("*?")}) {
            QProcess shell;
            shell.start("/bin/sh", {"-c", "printf %s " + shellQuoted(text)});
            QVERIFY(shell.waitForFinished());
            QCOMPARE(QString::fromUtf8(shell.readAllStandardOutput()), text);
        }
    }
};

} // namespace mmfree

QTEST_MAIN(mmfree::ChatTokensTest)
#include "tst_chat_tokens.moc"
