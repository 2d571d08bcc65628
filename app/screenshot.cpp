#include "app/screenshot.h"

#include "app/main_window.h"

#include "engine/core/atomic_file.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/pages/chat_page.h"
#include "widgets/workers/inference_service.h"

#include <QBuffer>
#include <QCoreApplication>
#include <QPixmap>
#include <QTextStream>
#include <QTimer>

namespace mmfree::app
{

namespace
{

constexpr int kSettleMilliseconds = 400; // layouts, the style sheet and batched text
constexpr int kLongestWaitMilliseconds = 60'000;

} // namespace

ScreenshotRun::ScreenshotRun(MainWindow& window, ScreenshotRequest request, QObject* parent)
    : QObject(parent)
    , m_window(window)
    , m_request(std::move(request))
{
    connect(&window.service(), &gui::InferenceService::modelOpened, this, &ScreenshotRun::modelReady);
    connect(&window.service(), &gui::InferenceService::openingFailed, this,
            [this](const QString& path, const gui::ErrorInfo& error) { fail(path + ": " + error.message); });
    connect(&window.chat(), &gui::ChatController::problem, this,
            [this](const QString& title, const QString& detail) { fail(title + ": " + detail); });
    connect(&window.chat(), &gui::ChatController::answerFinished, this,
            [this] { QTimer::singleShot(kSettleMilliseconds, this, &ScreenshotRun::takePicture); });
    if (!m_request.expectsModel)
        QTimer::singleShot(kSettleMilliseconds, this, &ScreenshotRun::takePicture);
}

void ScreenshotRun::modelReady()
{
    if (m_request.prompt.isEmpty())
        QTimer::singleShot(kSettleMilliseconds, this, &ScreenshotRun::takePicture);
    else
        m_window.chatPage().sendPrompt(m_request.prompt);
}

void ScreenshotRun::takePicture()
{
    if (!m_window.currentPage().isSettled() && m_waitedMilliseconds < kLongestWaitMilliseconds) {
        m_waitedMilliseconds += kSettleMilliseconds;
        QTimer::singleShot(kSettleMilliseconds, this, &ScreenshotRun::takePicture);
        return;
    }
    QByteArray png;
    QBuffer buffer(&png);
    buffer.open(QIODevice::WriteOnly);
    if (!m_window.grab().save(&buffer, "PNG")) {
        fail(tr("the picture could not be encoded"));
        return;
    }
    try {
        writeFileAtomically(m_request.file.toStdString(),
                            std::string_view(png.constData(), static_cast<std::size_t>(png.size())));
    } catch (const std::exception& error) {
        fail(QString::fromStdString(error.what()));
        return;
    }
    QCoreApplication::exit(0);
}

void ScreenshotRun::fail(const QString& message)
{
    QTextStream(stderr) << "mmfree-studio: " << message << Qt::endl;
    QCoreApplication::exit(1);
}

} // namespace mmfree::app
