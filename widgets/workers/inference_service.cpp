#include "widgets/workers/inference_service.h"

#include "widgets/workers/inference_worker.h"
#include "widgets/workers/model_loader.h"

namespace mmfree::gui
{

InferenceService::InferenceService(ModelLoader* loader, InferenceWorker* worker, QObject* parent)
    : QObject(parent)
{
    connect(this, &InferenceService::openRequested, loader, &ModelLoader::openModel);
    connect(this, &InferenceService::backendsRequested, loader, &ModelLoader::listBackends);
    connect(this, &InferenceService::installRequested, worker, &InferenceWorker::installModel);
    connect(this, &InferenceService::generateRequested, worker, &InferenceWorker::generate);

    connect(loader, &ModelLoader::modelOpened, this, &InferenceService::takeModel);
    connect(loader, &ModelLoader::openingProgressed, this, [this](JobId job, double share) {
        if (job == m_openJob)
            emit openingProgressed(share);
    });
    connect(loader, &ModelLoader::openingFailed, this, [this](JobId job, const ErrorInfo& error) {
        if (job != m_openJob)
            return;
        m_openJob = 0;
        emit openingFailed(m_openPath, error);
    });
    connect(loader, &ModelLoader::backendsListed, this, [this](const std::vector<BackendSummary>& backends) {
        m_backends = backends;
        emit backendsListed();
    });

    connect(worker, &InferenceWorker::readingProgressed, this, [this](JobId job, qint64 done, qint64 total) {
        if (job == m_generateJob)
            emit readingProgressed(job, done, total);
    });
    connect(worker, &InferenceWorker::textArrived, this, [this](const GenerationProgress& progress) {
        if (progress.job == m_generateJob)
            emit textArrived(progress);
    });
    connect(worker, &InferenceWorker::generationFinished, this,
            [this](JobId job, const GenerationOutcome& outcome) {
                if (job != m_generateJob)
                    return;
                m_generateJob = 0;
                emit generationFinished(job, outcome);
            });
    connect(worker, &InferenceWorker::generationFailed, this, [this](JobId job, const ErrorInfo& error) {
        if (job != m_generateJob)
            return;
        m_generateJob = 0;
        emit generationFailed(job, error);
    });
}

InferenceService::~InferenceService()
{
    m_stop.request_stop();
    m_openStop.request_stop();
}

void InferenceService::openModel(const QString& path, const QString& backend)
{
    m_openStop.request_stop(); // a newer wish: nobody waits for the older one
    m_openStop = std::stop_source();
    m_openJob = m_nextJob++;
    m_openPath = path;
    emit openingStarted(path);
    emit openRequested({m_openJob, path, backend, m_openStop.get_token(), {}});
}

void InferenceService::cancelOpening()
{
    if (m_openJob == 0)
        return;
    m_openJob = 0; // what the loader still brings is dropped
    m_openStop.request_stop();
    emit openingCancelled();
}

void InferenceService::listBackends()
{
    emit backendsRequested();
}

void InferenceService::takeModel(JobId job, const LoadedModel& model)
{
    if (job != m_openJob)
        return;
    m_openJob = 0;
    stopGenerating(); // ends first: the worker handles requests in order
    m_model = model.info;
    emit installRequested(model);
    emit modelOpened();
}

JobId InferenceService::generate(AnswerTask task)
{
    Q_ASSERT(m_generateJob == 0);
    m_stop = std::stop_source();
    m_generateJob = m_nextJob++;
    emit generateRequested({m_generateJob, std::move(task), m_stop.get_token()});
    return m_generateJob;
}

void InferenceService::stopGenerating()
{
    if (m_generateJob != 0)
        m_stop.request_stop();
}

} // namespace mmfree::gui
