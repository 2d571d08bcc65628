// "Ask both": a second model, or the same on another backend, answers what the first was asked, with the same
// seed and settings. Its answer is kept as another version beside the first one's. Owns the threads it runs
// on; lives in the window's thread.
#pragma once

#include "widgets/models/conversation.h"
#include "widgets/workers/inference_types.h"

#include <QObject>
#include <QPointer>
#include <QThread>
#include <QTimer>

namespace mmfree::gui
{

class ChatController;
class InferenceService;

class SecondChat : public QObject
{
    Q_OBJECT
public:
    SecondChat(ChatController* first, OpenFunction open, QObject* parent = nullptr);
    ~SecondChat() override;

    void openModel(const QString& path, const QString& backend);
    [[nodiscard]] std::shared_ptr<const ModelInfo> model() const; // null: none yet
    [[nodiscard]] bool isOpening() const;
    [[nodiscard]] bool isBusy() const { return m_job != 0; }
    [[nodiscard]] const Message& answer() const { return m_answer; } // the latest
    [[nodiscard]] double tokensPerSecond() const { return m_rate; }  // while it writes and after

    // Answers what the first model is answering now. Nothing happens without a model or while it writes.
    void ask();
    void stop();

signals:
    void openingStarted();
    void modelOpened();
    void openingFailed(const QString& path, const mmfree::gui::ErrorInfo& error);
    void started(const mmfree::gui::Message& answer);
    void grew(const mmfree::gui::Message& answer);
    void finished(const mmfree::gui::Message& answer);
    void failed(const mmfree::gui::ErrorInfo& error);

private:
    void onText(const GenerationProgress& progress);
    void onFinished(JobId job, const GenerationOutcome& outcome);

    QPointer<ChatController> m_first; // the window may end it first
    QThread m_loaderThread, m_inferenceThread;
    InferenceService* m_service;
    JobId m_job = 0;
    Message m_answer;
    AnswerStats m_settings;
    double m_rate = 0.0;
    QTimer m_saveTimer;
};

} // namespace mmfree::gui
