// Frame times of the chat page's transcript: a conversation of 1,000 messages (opening, scrolling, one more
// message) and an answer of 10,000 tokens while it streams, and the time from a program's start to the first
// token of a model. Run by hand: bench_chat [MODEL]. Prints medians and 95th percentiles in milliseconds.
#include "app/main_window.h"
#include "app/model_opening.h"
#include "app/resource_paths.h"

#include "widgets/chat/chat_controller.h"
#include "widgets/pages/chat_page.h"
#include "widgets/theme/theme.h"
#include "widgets/views/token_face.h"
#include "widgets/views/transcript_view.h"
#include "widgets/workers/inference_service.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QImage>
#include <QScrollBar>
#include <QTemporaryDir>
#include <QTextStream>
#include <QTimer>

#include <algorithm>
#include <functional>

using namespace mmfree;
using namespace mmfree::gui;

namespace
{

QTextStream out(stdout);

class Times
{
public:
    void measure(const std::function<void()>& work)
    {
        QElapsedTimer timer;
        timer.start();
        work();
        m_milliseconds.push_back(static_cast<double>(timer.nsecsElapsed()) * 1e-6);
    }
    void print(const char* name)
    {
        std::sort(m_milliseconds.begin(), m_milliseconds.end());
        const auto at = [this](double share) {
            return m_milliseconds[static_cast<std::size_t>(share *
                                                           static_cast<double>(m_milliseconds.size() - 1))];
        };
        out << name << ": median " << at(0.5) << " ms, p95 " << at(0.95) << " ms, worst "
            << m_milliseconds.back() << " ms (" << m_milliseconds.size() << " frames)" << Qt::endl;
    }

private:
    std::vector<double> m_milliseconds;
};

// One frame as the window system would ask for it.
void frame(QWidget& widget, QImage& image)
{
    QCoreApplication::processEvents();
    widget.render(&image);
}

Message message(MessageId id, bool own, const QString& text)
{
    Message made;
    made.id = id;
    made.parent = id - 1;
    made.role = own ? ChatRole::User : ChatRole::Assistant;
    made.text = text;
    made.created = QDateTime::currentDateTime();
    return made;
}

QString paragraph(int number)
{
    return QStringLiteral(
               "Paragraph %1 says that the **quick** brown fox jumps over the lazy dog, and that a "
               "recurrent model keeps a `state` of constant size.\n\n")
        .arg(number);
}

void thousandMessages(TranscriptView& view, QImage& image)
{
    std::vector<Message> messages;
    for (int i = 1; i <= 1000; ++i)
        messages.push_back(message(i, i % 2 == 1, paragraph(i) + paragraph(i)));
    Times open, scroll, append;
    open.measure([&] {
        view.setMessages(messages);
        frame(view, image);
    });
    open.print("1,000 messages, open to first frame");
    QScrollBar* bar = view.verticalScrollBar();
    for (int i = 0; i < 400; ++i) {
        scroll.measure([&] {
            bar->setValue(bar->value() - 120);
            frame(view, image);
        });
    }
    scroll.print("1,000 messages, scroll up by 120 pixels");
    view.scrollToEnd();
    for (int i = 0; i < 20; ++i) {
        append.measure([&] {
            view.appendMessage(message(1001 + i, i % 2 == 0, paragraph(i)));
            frame(view, image);
        });
    }
    append.print("1,000 messages, one more");
}

void longAnswer(TranscriptView& view, QImage& image)
{
    view.setMessages({message(1, true, "Write a long text"), message(2, false, {})});
    QString text;
    Times stream;
    for (int tokens = 0, number = 0; tokens < 10'000; tokens += 40) {
        for (int i = 0; i < 40; i += 24)
            text += paragraph(++number).left(150) + (number % 5 == 0 ? QStringLiteral("\n\n") : QString());
        stream.measure([&] {
            view.setStreamedText(2, text);
            frame(view, image);
        });
    }
    stream.print("10,000 tokens streaming, every 40 tokens");
    Times finish;
    finish.measure([&] {
        Message done = message(2, false, text);
        done.status = MessageStatus::Complete;
        view.updateMessage(done);
        frame(view, image);
    });
    finish.print("10,000 tokens, the finished answer");

    TokenTrace trace;
    for (int i = 0; i < 10'000; ++i) {
        TracedToken token;
        token.id = i % 500;
        token.logProbability = -0.01 * (i % 400);
        token.alternatives.resize(20);
        trace.tokens.push_back(token);
        trace.pieces.insert(token.id, QByteArray(" word").append(QByteArray::number(token.id)));
    }
    Times face, scroll;
    face.measure([&] {
        view.viewOf(2)->setTokens(trace, TokenMeasure::Probability);
        frame(view, image);
    });
    face.print("10,000 tokens, show the token face");
    for (int i = 0; i < 100; ++i) {
        scroll.measure([&] {
            view.verticalScrollBar()->setValue(view.verticalScrollBar()->value() - 120);
            frame(view, image);
        });
    }
    scroll.print("10,000 tokens, scroll the token face");
}

void firstToken(const QString& model)
{
    QTemporaryDir folder;
    QElapsedTimer timer;
    timer.start();
    app::WindowSetup setup;
    setup.dataFolder = folder.path();
    setup.openModel = app::openModelParts;
    setup.listBackends = [] { return std::vector<BackendSummary>(); };
    setup.rememberChanges = false;
    app::MainWindow window(setup);
    window.show();
    QEventLoop loop;
    QObject::connect(&window.service(), &InferenceService::modelOpened, &loop,
                     [&] { window.chatPage().sendPrompt("Once"); });
    QObject::connect(&window.chat(), &ChatController::textGrew, &loop, &QEventLoop::quit);
    QObject::connect(&window.service(), &InferenceService::openingFailed, &loop,
                     [&](const QString& path, const ErrorInfo& error) {
                         out << path << ": " << error.message << Qt::endl;
                         loop.quit();
                     });
    QTimer::singleShot(60'000, &loop, &QEventLoop::quit);
    window.openModel(model);
    loop.exec();
    out << "window, model and first token: " << timer.elapsed() << " ms" << Qt::endl;
}

} // namespace

int main(int argc, char** argv)
{
    qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication application(argc, argv);
    applyTheme(application, ThemeChoice::Light);
    TranscriptView view;
    view.resize(900, 700);
    view.show();
    QImage image(view.size(), QImage::Format_ARGB32_Premultiplied);
    thousandMessages(view, image);
    longAnswer(view, image);
    firstToken(argc > 1 ? QString::fromLocal8Bit(argv[1]) : app::bundledModel());
    return 0;
}
