// The window with the real backends and real model files: open, write, stop, reopen, and files that are bad.
#include "tests/gui/window_fixture.h"

#include "app/model_opening.h"

#include "tests/gui/small_model.h"
#include "tests/support/test_files.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/theme/theme.h"
#include "widgets/views/message_bar.h"
#include "widgets/workers/inference_service.h"

#include <QApplication>
#include <QFile>
#include <QSpinBox>
#include <QTest>

namespace mmfree
{

using namespace gui;
using test::WindowFixture;
using test::writeSmallModel;

class WindowEndToEndTest : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase()
    {
        applyTheme(*static_cast<QApplication*>(qApp), ThemeChoice::Light);
        writeSmallModel(m_models.filePath("small"));
    }

    void aRealModelWritesAndReopensWithItsState()
    {
        QTemporaryDir data;
        QString answer;
        {
            WindowFixture window(data.path(), app::openModelParts);
            window.open(m_models.filePath("small"));
            QVERIFY2(window.m_window->service().model(), qPrintable(window.m_window->messageBar().detail()));
            window.child<QSpinBox>("maxTokens")->setValue(24);
            window.send("the fox runs");
            QVERIFY(window.waitIdle());
            answer = window.lastText();
            QVERIFY(!answer.isEmpty());
            const AnswerStats stats = window.messages().last()->message().stats.value();
            QVERIFY(stats.generatedTokens > 0 && stats.generatedTokens <= 24);
            QCOMPARE(stats.stateBytes, 2 * 64 * qint64(sizeof(float)));
            window.m_window->close();
        }
        WindowFixture window(data.path(), app::openModelParts);
        window.open(m_models.filePath("small"));
        QCOMPARE(window.lastText(), answer);
        window.send(" over");
        QVERIFY(window.waitIdle());
        QVERIFY(window.messages().last()->message().stats->promptTokens <
                8); // the past came from the stored state
    }

    // The transcript a first user makes: the bundled model asked for a word, then for its opposite; a chat
    // found again.
    void theBundledModelIsChattedWithByClicksAndKeys()
    {
        const QString bundled =
            QString::fromStdString((test::sourceFolder() / "resources/demo/dictionary.safetensors").string());
        WindowFixture window({}, app::openModelParts);
        window.open(bundled);
        QVERIFY2(window.m_window->service().model(), qPrintable(window.m_window->messageBar().detail()));
        window.set("maxTokens", 48);
        window.set("temperature", 0.0);
        const QStringList questions{"hello", "What does ascend mean?", "And its opposite?",
                                    "What is the capital of Norway?", "Who are you?"};
        QStringList transcript;
        for (const QString& question : questions) {
            window.send(question);
            QVERIFY(window.waitIdle());
            transcript << question << window.lastText();
        }
        qInfo().noquote() << "transcript:" << transcript.join(QStringLiteral(" | "));
        QCOMPARE(window.messages().size(), 10);
        QCOMPARE(transcript.at(3), QString("ascend (verb): travel up."));
        QCOMPARE(transcript.at(5), QString("The opposite of ascend is descend."));
        QCOMPARE(transcript.at(7), QString("The capital of Norway is Oslo."));
        const AnswerStats stats = window.messages().last()->message().stats.value();
        QVERIFY(stats.generatedTokens > 0 && stats.generatedTokens <= 48);
        QVERIFY(stats.decodeTokensPerSecond > 0.0);
        window.press(Qt::Key_N, Qt::ControlModifier); // a new chat; the old one stays in the list
        QCOMPARE(window.messages().size(), 0);
    }

    void theSameSeedRepeatsTheAnswer()
    {
        WindowFixture window({}, app::openModelParts);
        window.open(m_models.filePath("small"));
        window.set("maxTokens", 24);
        window.set("seed", "5");
        window.send("the hill");
        QVERIFY(window.waitIdle());
        const QString first = window.lastText();
        window.press(Qt::Key_R, Qt::ControlModifier);
        QVERIFY(window.waitIdle());
        QCOMPARE(window.lastText(), first);
    }

    void aTruncatedModelIsNamedAndTheOpenOneStays()
    {
        writeSmallModel(m_models.filePath("cut"));
        QFile weights(m_models.filePath("cut/model.safetensors"));
        QVERIFY(weights.resize(weights.size() / 2));
        WindowFixture window({}, app::openModelParts);
        window.open(m_models.filePath("small"));
        window.open(m_models.filePath("cut"));
        QVERIFY(window.m_window->messageBar().isVisible());
        QVERIFY2(window.m_window->messageBar().detail().contains("model.safetensors"),
                 qPrintable(window.m_window->messageBar().detail()));
        QCOMPARE(window.m_window->service().model()->name, QString("small"));
    }

private:
    QTemporaryDir m_models;
};

} // namespace mmfree

QTEST_MAIN(mmfree::WindowEndToEndTest)
#include "tst_window_end_to_end.moc"
