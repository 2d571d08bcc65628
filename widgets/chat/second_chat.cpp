#include "widgets/chat/second_chat.h"

#include "widgets/chat/answer_stats.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/workers/inference_service.h"
#include "widgets/workers/inference_worker.h"
#include "widgets/workers/model_loader.h"

namespace mmfree::gui
{

namespace
{

constexpr int kSaveMilliseconds = 250;

} // namespace

SecondChat::SecondChat(ChatController* first, OpenFunction open, QObject* parent)
    : QObject(parent)
    , m_first(first)
{
    auto* loader = new ModelLoader(std::move(open), [] { return std::vector<BackendSummary>(); });
    auto* worker = new InferenceWorker;
    loader->moveToThread(&m_loaderThread);
    worker->moveToThread(&m_inferenceThread);
    connect(&m_loaderThread, &QThread::finished, loader, &QObject::deleteLater);
    connect(&m_inferenceThread, &QThread::finished, worker, &QObject::deleteLater);
    m_loaderThread.setObjectName(QStringLiteral("second model loader"));
    m_inferenceThread.setObjectName(QStringLiteral("second inference"));
    m_service = new InferenceService(loader, worker, this);
    connect(m_service, &InferenceService::openingStarted, this, &SecondChat::openingStarted);
    connect(m_service, &InferenceService::modelOpened, this, &SecondChat::modelOpened);
    connect(m_service, &InferenceService::openingFailed, this, &SecondChat::openingFailed);
    connect(m_service, &InferenceService::textArrived, this, &SecondChat::onText);
    connect(m_service, &InferenceService::generationFinished, this, &SecondChat::onFinished);
    connect(m_service, &InferenceService::generationFailed, this, [this](JobId job, const ErrorInfo& error) {
        if (job != m_job)
            return;
        m_job = 0;
        m_saveTimer.stop();
        m_answer.status = MessageStatus::Stopped;
        m_first->storeSecondAnswer(m_answer);
        emit finished(m_answer);
        emit failed(error);
    });
    m_saveTimer.setInterval(kSaveMilliseconds);
    connect(&m_saveTimer, &QTimer::timeout, this, [this] { m_first->storeSecondAnswer(m_answer); });
    m_loaderThread.start();
    m_inferenceThread.start();
}

SecondChat::~SecondChat()
{
    if (isBusy() && m_first) {
        m_answer.status = MessageStatus::Stopped;
        m_first->storeSecondAnswer(m_answer);
    }
    m_service->stopGenerating();
    for (QThread* thread : {&m_loaderThread, &m_inferenceThread}) {
        thread->quit();
        thread->wait();
    }
}

void SecondChat::openModel(const QString& path, const QString& backend)
{
    m_service->openModel(path, backend);
}

std::shared_ptr<const ModelInfo> SecondChat::model() const
{
    return m_service->model();
}

bool SecondChat::isOpening() const
{
    return m_service->isOpening();
}

void SecondChat::ask()
{
    if (!model() || isBusy() || m_service->isGenerating() || !m_first->isAnsweringHere())
        return;
    AnswerTask task = m_first->runningTask();
    // Its own template, unless the reader chose one.
    const SettingLayers layers = m_first->layers();
    const auto own = [&](const char* field) {
        return layers.originOf(QLatin1String(field)) == SettingOrigin::Model;
    };
    if (own("chatTemplate") && own("systemPrompt") && own("stopStrings"))
        task.chatTemplate.reset();
    m_answer = m_first->addSecondAnswer();
    if (m_answer.id == 0)
        return;
    m_settings = m_first->runningSettings();
    m_rate = 0.0;
    m_job = m_service->generate(std::move(task));
    m_saveTimer.start();
    emit started(m_answer);
}

void SecondChat::stop()
{
    m_service->stopGenerating();
}

void SecondChat::onText(const GenerationProgress& progress)
{
    if (progress.job != m_job)
        return;
    m_answer.text += progress.newText;
    if (progress.tokens > 1 && progress.secondsSinceFirstToken > 0.0)
        m_rate = static_cast<double>(progress.tokens - 1) / progress.secondsSinceFirstToken;
    if (!progress.tokenChunk.isEmpty())
        m_first->storeSecondTokens(m_answer.id, progress.tokenChunk);
    emit grew(m_answer);
}

void SecondChat::onFinished(JobId job, const GenerationOutcome& outcome)
{
    if (job != m_job)
        return;
    m_job = 0;
    m_saveTimer.stop();
    m_answer.text = outcome.text;
    m_answer.status = statusFor(outcome.reason);
    m_answer.stats = answerStats(m_settings, outcome, *model());
    m_rate = outcome.stats.decodeTokensPerSecond();
    m_first->storeSecondAnswer(m_answer);
    emit finished(m_answer);
}

} // namespace mmfree::gui
