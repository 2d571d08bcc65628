// Runs the open model on its own thread: reads a conversation, streams an answer, keeps states of earlier
// messages so that nothing is read twice. Receives value requests, emits value results tagged with the job's
// id.
#pragma once

#include "widgets/workers/inference_types.h"

#include <QElapsedTimer>
#include <QObject>

#include <list>
#include <memory>
#include <optional>

namespace mmfree::gui
{

struct PromptPlan;

class InferenceWorker : public QObject
{
    Q_OBJECT
public:
    explicit InferenceWorker(QObject* parent = nullptr);
    ~InferenceWorker() override;

public slots:
    void installModel(const mmfree::gui::LoadedModel& model); // an empty one closes the model
    void generate(const mmfree::gui::GenerateRequest& request);

signals:
    void readingProgressed(quint64 job, qint64 done, qint64 total);
    void textArrived(const mmfree::gui::GenerationProgress& progress);
    void generationFinished(quint64 job, const mmfree::gui::GenerationOutcome& outcome);
    void generationFailed(quint64 job, const mmfree::gui::ErrorInfo& error);

private:
    struct KeptState {
        std::uint64_t key = 0;
        SessionSnapshot snapshot;
    };

    GenerationOutcome run(const GenerateRequest& request);
    // Appends what has to be read, on top of the nearest state. Returns the key of the prompt.
    std::uint64_t preparePrompt(const AnswerTask& task);
    void prepareExactTokens(const AnswerTask& task);
    std::uint64_t restoreLongestPrefix(const PromptPlan& plan,
                                       const std::shared_ptr<const StateRecord>& stored,
                                       std::size_t& nextPiece);
    [[nodiscard]] std::shared_ptr<const StateRecord> storable(std::uint64_t key,
                                                              const SessionSnapshot& snapshot) const;
    void keep(std::uint64_t key, SessionSnapshot snapshot);
    [[nodiscard]] const SessionSnapshot* kept(std::uint64_t key);

    std::shared_ptr<const ModelInfo> m_info;
    std::unique_ptr<Session> m_session;
    std::optional<ErrorInfo> m_installError; // why there is no session for m_info
    std::list<KeptState> m_kept;             // most recently used first, within kKeptStateBytes
};

} // namespace mmfree::gui
