// The window's side of the workers: hands out job ids, sends requests, drops results that nobody waits for
// any more. Lives in the window's thread; the threads themselves belong to the application.
#pragma once

#include "widgets/workers/inference_types.h"

#include <QObject>

#include <stop_token>

namespace mmfree::gui
{

class InferenceWorker;
class ModelLoader;

class InferenceService : public QObject
{
    Q_OBJECT
public:
    InferenceService(ModelLoader* loader, InferenceWorker* worker, QObject* parent = nullptr);
    ~InferenceService() override;

    [[nodiscard]] std::shared_ptr<const ModelInfo> model() const { return m_model; } // null: none open
    [[nodiscard]] bool isOpening() const { return m_openJob != 0; }
    [[nodiscard]] bool isGenerating() const { return m_generateJob != 0; }
    [[nodiscard]] const std::vector<BackendSummary>& backends() const { return m_backends; }

    void openModel(const QString& path, const QString& backend = {});
    void cancelOpening(); // ends within one tensor; the open model stays
    void listBackends();

    // Starts an answer and returns its job. Only one at a time.
    JobId generate(AnswerTask task);
    void stopGenerating(); // ends within one token; generationFinished still arrives with the partial text

signals:
    void openingStarted(const QString& path);
    void openingProgressed(double share); // of the weights, 0 to 1
    void openingCancelled();
    void modelOpened();
    void openingFailed(const QString& path, const mmfree::gui::ErrorInfo& error);
    void backendsListed();
    void readingProgressed(quint64 job, qint64 done, qint64 total);
    void textArrived(const mmfree::gui::GenerationProgress& progress);
    void generationFinished(quint64 job, const mmfree::gui::GenerationOutcome& outcome);
    void generationFailed(quint64 job, const mmfree::gui::ErrorInfo& error);

    // Towards the workers.
    void openRequested(const mmfree::gui::OpenRequest& request);
    void backendsRequested();
    void installRequested(const mmfree::gui::LoadedModel& model);
    void generateRequested(const mmfree::gui::GenerateRequest& request);

private:
    void takeModel(JobId job, const LoadedModel& model);

    std::shared_ptr<const ModelInfo> m_model;
    std::vector<BackendSummary> m_backends;
    std::stop_source m_stop, m_openStop;
    QString m_openPath;
    JobId m_nextJob = 1;
    JobId m_openJob = 0;
    JobId m_generateJob = 0;
};

} // namespace mmfree::gui
