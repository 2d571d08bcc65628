// Settings beside the chat by clicks and keys: markers, presets, system prompt, stop strings, the template
// with its preview; reading aloud, the caret, the floating inspector.
#include "tests/gui/window_fixture.h"

#include "widgets/actions/action_registry.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/theme/theme.h"
#include "widgets/views/markdown_view.h"
#include "widgets/views/message_bar.h"
#include "widgets/views/sentence_announcer.h"
#include "widgets/views/setting_marker.h"
#include "widgets/views/template_panel.h"
#include "widgets/views/token_strip.h"

#include <QApplication>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QElapsedTimer>
#include <QInputDialog>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTabWidget>
#include <QTest>
#include <QToolButton>

namespace mmfree
{

using namespace gui;
using test::WindowFixture;

namespace
{

SettingMarker* markerOf(const WindowFixture& window, const QString& setting)
{
    for (SettingMarker* marker : window.m_window->findChildren<SettingMarker*>()) {
        if (marker->accessibleName().startsWith(setting + ":"))
            return marker;
    }
    return nullptr;
}

} // namespace

class ChatSettingsTest : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase() { applyTheme(*static_cast<QApplication*>(qApp), ThemeChoice::Light); }

    void markersSayWhereAValueComesFrom()
    {
        WindowFixture window;
        window.open();
        SettingMarker* marker = markerOf(window, "Top-k");
        QVERIFY(marker);
        QCOMPARE(marker->text(), QString("model"));
        auto* box = window.child<QSpinBox>("topK");
        QCOMPARE(box->value(), 40);
        auto* presets = window.child<QComboBox>("presetBox");
        presets->setFocus();
        QTest::keyClicks(presets, "Precise");
        QTest::keyClick(presets, Qt::Key_Return);
        QCOMPARE(box->value(), 20);
        QCOMPARE(marker->text(), QString("preset"));
        box->setValue(7);
        QCOMPARE(marker->text(), QString("this chat"));
        window.click(marker);
        QCOMPARE(box->value(), 20);
        QCOMPARE(marker->text(), QString("preset"));
        // What this chat sets belongs to it alone; the preset is what new chats begin with.
        box->setValue(9);
        window.send("hello");
        QVERIFY(window.waitIdle());
        QCOMPARE(window.messages().last()->message().stats->sampling.topK, 9);
        window.press(Qt::Key_N, Qt::ControlModifier);
        QCOMPARE(window.child<QSpinBox>("topK")->value(), 20);
    }

    void presetsAreSavedUnderANameAndDeleted()
    {
        QTemporaryDir folder;
        {
            WindowFixture window(folder.path());
            window.open();
            window.child<QDoubleSpinBox>("temperature")->setValue(0.35);
            window.click(window.child<QToolButton>("savePreset"));
            auto* dialog = window.child<QInputDialog>("presetNameDialog");
            QVERIFY(dialog);
            dialog->setTextValue("Mine");
            dialog->accept();
            QCOMPARE(markerOf(window, "Temperature")->text(), QString("preset"));
            window.m_window->close();
        }
        WindowFixture window(folder.path());
        window.open();
        QCOMPARE(window.child<QComboBox>("presetBox")->currentText(), QString("Mine"));
        QCOMPARE(window.child<QDoubleSpinBox>("temperature")->value(), 0.35);
        window.click(window.child<QToolButton>("deletePreset"));
        QCOMPARE(window.child<QComboBox>("presetBox")->currentIndex(), 0);
        QCOMPARE(window.child<QDoubleSpinBox>("temperature")->value(), 0.8);
    }

    void settingsOfAChatComeBackWithIt()
    {
        QTemporaryDir folder;
        {
            WindowFixture window(folder.path());
            window.open();
            window.child<QSpinBox>("topK")->setValue(5);
            window.send("hello");
            QVERIFY(window.waitIdle());
            window.m_window->close();
        }
        WindowFixture window(folder.path());
        window.open();
        QCOMPARE(window.child<QSpinBox>("topK")->value(), 5);
        QCOMPARE(markerOf(window, "Top-k")->text(), QString("this chat"));
        window.click(window.child<QPushButton>("resetSampling"));
        QCOMPARE(window.child<QSpinBox>("topK")->value(), 40);
    }

    void stopStringsAndTheSystemPromptReachTheModel()
    {
        WindowFixture window;
        window.open();
        window.m_control->setDefaultAnswer("one two three four");
        auto* stops = window.child<QPlainTextEdit>("stopStrings");
        QCOMPARE(stops->toPlainText(), QString("<user>")); // the model's own
        stops->setFocus();
        stops->selectAll();
        QTest::keyClicks(stops, " three");
        QTRY_COMPARE(markerOf(window, "Stop strings")->text(), QString("this chat"));
        window.send("hello");
        QVERIFY(window.waitIdle());
        QCOMPARE(window.lastText(), QString("one two"));
        QCOMPARE(window.messages().last()->message().status, MessageStatus::Complete);
        const qint64 without = window.messages().last()->message().stats->sequenceTokens;
        window.press(Qt::Key_N, Qt::ControlModifier);
        auto* prompt = window.child<QPlainTextEdit>("systemPrompt");
        prompt->setFocus();
        QTest::keyClicks(prompt, "Once upon a time there was a small house.");
        QTRY_COMPARE(markerOf(window, "System prompt")->text(), QString("this chat"));
        window.set("maxTokens", 2);
        window.send("hello");
        QVERIFY(window.waitIdle());
        QVERIFY(window.messages().last()->message().stats->sequenceTokens > without);
    }

    void aHalfTypedTemplateFreezesNothingAndTheLastGoodOneStays()
    {
        WindowFixture window;
        window.open();
        window.child<QTabWidget>("inspector")->setCurrentIndex(1);
        auto* editor = window.child<QPlainTextEdit>("templateEditor");
        auto* strip = window.child<TokenStrip>("templatePreview");
        auto* error = window.child<QLabel>("templateError");
        QTRY_VERIFY(!strip->tokens().empty());
        const auto chips = [&] {
            return std::count_if(strip->tokens().begin(), strip->tokens().end(),
                                 [](const StripToken& token) { return token.special; });
        };
        QTRY_VERIFY(chips() >= 4); // BOS, two <user>, <assistant>
        const QString good = editor->toPlainText();
        editor->setFocus();
        editor->moveCursor(QTextCursor::End);
        QElapsedTimer typing;
        typing.start();
        QTest::keyClicks(editor, "{{%[[[[[");
        QTRY_VERIFY(error->isVisible());
        QVERIFY2(error->text().contains("not JSON"), qPrintable(error->text()));
        QVERIFY(chips() >= 4);
        QCOMPARE(window.m_window->chat().layers().value("chatTemplate").toString(), good);
        // Large and deep nonsense: the window goes on.
        editor->setPlainText(QString(QString(100, QLatin1Char('[')) + "\n").repeated(1000));
        QTRY_VERIFY(error->isVisible() && !window.m_window->findChild<TemplatePanel*>()->isWorking());
        QString changed = good;
        changed.replace("\"user_suffix\": \"\"", "\"user_suffix\": \" ten\"");
        QVERIFY(changed != good);
        editor->setPlainText(changed);
        QTRY_COMPARE(window.m_window->chat().layers().value("chatTemplate").toString(), changed);
        QVERIFY(!error->isVisible());
        QCOMPARE(markerOf(window, "Chat template")->text(), QString("this chat"));
        window.click(markerOf(window, "Chat template"));
        QTRY_COMPARE(editor->toPlainText(), good);
    }

    void statisticsAreShownWithTheAnswer()
    {
        WindowFixture window;
        window.open();
        window.send("hello");
        QVERIFY(window.waitIdle());
        window.child<QTabWidget>("inspector")->setCurrentIndex(3);
        for (const char* name :
             {"statFirst", "statDecode", "statMedian", "statP95", "statGenerated", "statState", "statWeights",
              "statWork", "statSeed", "statBackend", "statDevice", "statModel"})
            QVERIFY2(!window.child<QLabel>(name)->text().isEmpty() &&
                         window.child<QLabel>(name)->text() != QString::fromUtf8("–"),
                     name);
        const AnswerStats stats = *window.messages().last()->message().stats;
        QCOMPARE(stats.tokenMilliseconds.size(), static_cast<std::size_t>(stats.runTokens) - 1);
        QVERIFY(stats.tokenSecondsMedian > 0.0 && stats.tokenSecondsP95 >= stats.tokenSecondsMedian);
        QCOMPARE(*statsFromJson(statsToJson(stats)), stats);
    }

    void repliesAreReadSentenceBySentence()
    {
        WindowFixture window;
        window.open();
        window.m_control->setDefaultAnswer("The quick fox. It jumps over 3.5 dogs! And then");
        window.m_window->actions().action("chat.readReplies")->trigger();
        QSignalSpy said(window.m_window->findChild<SentenceAnnouncer*>(), &SentenceAnnouncer::announced);
        window.send("hello");
        QVERIFY(window.waitIdle());
        QStringList sentences;
        for (const auto& call : said)
            sentences << call.first().toString();
        QCOMPARE(sentences, (QStringList{"The quick fox.", "It jumps over 3.5 dogs!", "And then"}));
        QVERIFY2(window.messages().last()->accessibleName().startsWith("Reply 1 of 1, finished"),
                 qPrintable(window.messages().last()->accessibleName()));
    }

    void f7PutsACaretIntoAnswers()
    {
        WindowFixture window;
        window.open();
        window.send("hello");
        QVERIFY(window.waitIdle());
        window.press(Qt::Key_F7);
        MarkdownView* text = window.messages().last()->textView();
        text->setFocus();
        QVERIFY(text->textInteractionFlags() & Qt::TextSelectableByKeyboard);
        QTest::keyClick(text, Qt::Key_Right, Qt::ShiftModifier);
        QTest::keyClick(text, Qt::Key_Right, Qt::ShiftModifier);
        QCOMPARE(text->textCursor().selectedText(), QString("Th"));
        window.press(Qt::Key_F7);
        QVERIFY(!(text->textInteractionFlags() & Qt::TextSelectableByKeyboard));
    }

    void controlUpAndDownGoThroughMessages()
    {
        WindowFixture window;
        window.open();
        window.send("hello");
        QVERIFY(window.waitIdle());
        window.press(Qt::Key_Up, Qt::ControlModifier);
        QVERIFY(window.messages().at(1)->hasFocus());
        window.press(Qt::Key_Up, Qt::ControlModifier);
        QVERIFY(window.messages().at(0)->hasFocus());
        window.press(Qt::Key_Down, Qt::ControlModifier);
        QVERIFY(window.messages().at(1)->hasFocus());
    }

    void theInspectorFloatsAndComesBack()
    {
        WindowFixture window;
        window.open();
        window.press(Qt::Key_I, Qt::ControlModifier | Qt::ShiftModifier);
        auto* floating = window.child<QWidget>("floatingInspector");
        QVERIFY(floating && floating->isVisible());
        QVERIFY(floating->isAncestorOf(window.child<QTabWidget>("inspector")));
        window.child<QSpinBox>("topK")->setValue(11);
        floating->close();
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
        QVERIFY(!window.child<QWidget>("floatingInspector"));
        QVERIFY(window.child<QWidget>("chatSplitter")->isAncestorOf(window.child<QTabWidget>("inspector")));
        QCOMPARE(window.child<QSpinBox>("topK")->value(), 11);
    }
};

} // namespace mmfree

QTEST_MAIN(mmfree::ChatSettingsTest)
#include "tst_chat_settings.moc"
