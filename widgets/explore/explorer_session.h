// What all views of the explorer look at: a model, its statistics, a reference checkpoint, a text, and the
// picked tensor, layer, token. Reads and runs the model on threads of its own, with an executor of its own
// that is made when something is first captured, so that the chat goes on undisturbed. Lives in the window's
// thread.
#pragma once

#include "engine/analysis/inspection.h"
#include "engine/analysis/logit_lens.h"
#include "engine/analysis/tensor_statistics.h"
#include "widgets/workers/job_thread.h"

#include <QTimer>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace mmfree::gui
{

using TracePoint = std::pair<std::int64_t, Quantity>;
using SharedCapture = std::shared_ptr<const Capture>;

// Lives on the runner thread: the executor and what is derived from the model once.
struct ExplorerRunner {
    std::shared_ptr<const ModelSource> source;
    std::shared_ptr<const Backend> backend;
    std::unique_ptr<InferenceExecutor> executor;
    std::unique_ptr<LogitLens> lens;
    [[nodiscard]] InferenceExecutor& ready();
    [[nodiscard]] LogitLens& readyLens();
};

class ExplorerSession : public QObject
{
    Q_OBJECT
public:
    // `backends`: those of the application; `cacheFolder`: statistics are kept there, empty: nowhere.
    ExplorerSession(std::vector<std::shared_ptr<const Backend>> backends, QString cacheFolder,
                    QObject* parent = nullptr);
    ~ExplorerSession() override;

    void openModel(const QString& path);
    void setReference(const QString& path); // empty: none
    [[nodiscard]] bool isOpen() const { return m_source != nullptr; }
    [[nodiscard]] bool isOpening() const { return m_openJob != 0; }
    [[nodiscard]] const QString& path() const { return m_path; }
    [[nodiscard]] const std::shared_ptr<const ModelSource>& source() const { return m_source; }
    [[nodiscard]] const std::shared_ptr<const ModelSource>& reference() const { return m_reference; }
    [[nodiscard]] const ModelConfig& config() const { return m_source->config(); }
    [[nodiscard]] const std::shared_ptr<const Tokenizer>& tokenizer() const { return m_tokenizer; }

    [[nodiscard]] const std::vector<TensorSpec>& schema() const { return m_schema; }
    // By place in the schema; nothing yet when not measured.
    [[nodiscard]] const std::vector<std::optional<TensorStatistics>>& statistics() const
    {
        return m_statistics;
    }
    [[nodiscard]] bool isMeasuring() const { return m_measureJob != 0; }
    [[nodiscard]] int tensorIndex(const QString& name) const; // -1: not there

    // The text captures are made of. Without tokenizer: numbers separated by commas.
    void setText(const QString& text);
    void setTokens(std::vector<TokenId> tokens);
    [[nodiscard]] const QString& text() const { return m_text; }
    [[nodiscard]] const std::vector<TokenId>& tokens() const { return m_tokens; }
    [[nodiscard]] QString tokenText(TokenId id) const;
    [[nodiscard]] bool isSpecial(TokenId id) const;
    [[nodiscard]] std::vector<TokenId> encode(const QString& text) const; // BOS first; throws Error

    // What is picked.
    [[nodiscard]] int tensor() const { return m_tensor; } // place in the schema, -1: none
    void pickTensor(int index);
    [[nodiscard]] int layer() const { return m_layer; }
    void pickLayer(int layer);
    [[nodiscard]] int token() const { return m_token; } // -1: none
    void pickToken(int token);

    [[nodiscard]] std::pair<int, int> range() const { return m_range; } // brushed tokens, -1: none
    void pickRange(int first, int last);

    // Captures of the present text. What is there is kept until the text or the model changes.
    [[nodiscard]] SharedCapture captured() const { return m_capture; } // null: nothing yet
    [[nodiscard]] bool has(const std::vector<TracePoint>& points) const;
    [[nodiscard]] const TracedQuantity* traced(std::int64_t layer,
                                               Quantity quantity) const; // null: not captured
    // Captures what is missing; `captured()` grows and captureChanged is emitted. Above `kAskBytes` only when
    // `allowLarge`, else captureRefused tells the size.
    void request(const std::vector<TracePoint>& points, bool allowLarge = false);
    static constexpr std::uint64_t kAskBytes = std::uint64_t{256} << 20;
    static constexpr int kMostTokens = 4096;
    [[nodiscard]] bool isCapturing() const { return m_captureJob != 0; }
    // Lets the model write up to `count` tokens behind the text, always the most probable, while `points` are
    // captured; text and capture grow together at most 15 times a second.
    void writeOn(int count, const std::vector<TracePoint>& points);
    // What the shared token strip shows besides the words: a value (NaN: none) and a note a token.
    void showTokenValues(const std::vector<float>& values, const QStringList& notes, float high);

    // Other work on the runner's thread, with its executor, or on a thread for things that need none.
    JobId run(std::function<std::function<void()>(ExplorerRunner&, const JobControl&)> work);
    JobId compute(JobThread::Work work);
    void cancel(JobId job); // of run()
    void cancelCompute(JobId job);
    void cancelAll(); // Esc
    [[nodiscard]] bool isBusy() const { return m_runnerThread.isBusy() || m_computeThread.isBusy(); }
    [[nodiscard]] std::shared_ptr<const Backend> backend() const; // that runs this model; throws Error

signals:
    void modelChanged();
    void openingFailed(const QString& path, const mmfree::gui::ErrorInfo& error);
    void referenceChanged();
    void statisticsChanged();
    void tokensChanged();
    void captureChanged();
    void captureRefused(quint64 bytes);
    void tokenValuesShown(const std::vector<float>& values, const QStringList& notes, float high);
    void tensorPicked(int index);
    void layerPicked(int layer);
    void tokenPicked(int token);
    void rangePicked(int first, int last);
    void busyChanged();
    void problem(const QString& title, const QString& detail);

private:
    void adopt(const QString& path, std::shared_ptr<const ModelSource> source,
               std::shared_ptr<const Tokenizer> tokenizer);
    void measure();
    [[nodiscard]] QString cacheFile() const; // empty: no cache
    bool readCache();
    void writeCache() const;
    void takeWritten(std::vector<TokenId> tokens, std::shared_ptr<Capture> captured);
    void fail(const ErrorInfo& error);

    std::vector<std::shared_ptr<const Backend>> m_backends;
    QString m_cacheFolder, m_path, m_referencePath, m_text;
    std::shared_ptr<const ModelSource> m_source, m_reference;
    std::shared_ptr<const Tokenizer> m_tokenizer;
    std::vector<TensorSpec> m_schema;
    std::vector<std::optional<TensorStatistics>> m_statistics;
    std::vector<TokenId> m_tokens;
    std::pair<int, int> m_range{-1, -1};
    int m_tensor = -1, m_layer = 0, m_token = -1;
    std::shared_ptr<Capture> m_capture;
    std::set<TracePoint> m_wanted;            // being captured
    std::shared_ptr<ExplorerRunner> m_runner; // touched on the runner thread
    JobId m_openJob = 0, m_measureJob = 0, m_captureJob = 0, m_referenceJob = 0;
    QTimer m_statisticsTimer;
    JobThread m_runnerThread, m_computeThread, m_measureThread;
};

} // namespace mmfree::gui
