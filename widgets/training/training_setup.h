// What a training run to be is made of, and whether it is complete: data, tokenizer, model and options, with
// the background work that checks and measures them. The four cards show and edit it; no widgets here.
#pragma once

#include "widgets/training/background_job.h"
#include "widgets/training/setup_work.h"
#include "widgets/workers/inference_types.h"

#include <QObject>
#include <QTimer>

#include <array>

namespace mmfree::gui
{

enum class SetupPart { Data, Tokenizer, Model, Run };
inline constexpr std::array kSetupParts{SetupPart::Data, SetupPart::Tokenizer, SetupPart::Model,
                                        SetupPart::Run};

enum class TokenizerChoice { Train, BaseModel, File };
enum class ModelPreset { Tiny, Small, Published370M, Published1300M, Published2700M, Custom };

struct SetupValues {
    QString name;
    QStringList files; // as dropped; folders are opened up
    TokenizerChoice tokenizer = TokenizerChoice::Train;
    QString tokenizerFile;
    qint64 pieces = 1024;
    QStringList symbols;
    ModelPreset preset = ModelPreset::Tiny;
    ModelConfig model;
    QString baseModel; // trained further; empty: fresh weights
    TrainingOptions options;
    QString backend = QStringLiteral("auto");
    int threads = 0;
};

// State of one card.
struct PartStatus {
    enum class Kind { Empty, Working, Problem, Ready };
    Kind kind = Kind::Empty;
    QString line; // what is there, or what is wrong
};

class TrainingSetup : public QObject
{
    Q_OBJECT
public:
    // `cache`: folder for text made of question/answer files. `textShelf`: folder of sample texts, may be
    // empty.
    TrainingSetup(QString cache, QString textShelf, std::vector<std::shared_ptr<const Backend>> backends,
                  QObject* parent = nullptr);
    ~TrainingSetup() override;

    [[nodiscard]] const SetupValues& values() const { return m_values; }
    [[nodiscard]] const DataReport& data() const { return m_data; }
    [[nodiscard]] const TokenizerReport& tokenizer() const { return m_tokenizer; }
    [[nodiscard]] const ProbeReport& probe() const { return m_probe; }
    [[nodiscard]] double xzBitsPerByte() const { return m_xz; } // 0: not known yet
    [[nodiscard]] PartStatus status(SetupPart part) const;
    [[nodiscard]] bool isReady() const; // every part
    [[nodiscard]] bool isWorking() const;
    [[nodiscard]] QStringList shelf() const; // sample texts
    [[nodiscard]] const std::vector<std::shared_ptr<const Backend>>& backends() const { return m_backends; }

    void addFiles(const QStringList& paths);
    void removeFile(const QString& path);
    void removeUnusable();
    void setTokenizer(TokenizerChoice choice, const QString& file, qint64 pieces, const QStringList& symbols);
    void setPreset(ModelPreset preset, Architecture architecture);
    void setModel(const ModelConfig& config); // by hand
    void setBaseModel(const QString& path);   // empty: fresh weights
    void setOptions(const TrainingOptions& options);
    void setExecution(const QString& backend, int threads);
    void setName(const QString& name);
    void measure();                         // the two-second probe
    void takeFrom(const RunRecord& record); // clones settings, or an imported run.json

    [[nodiscard]] RunRecord record() const; // of the run to be
    [[nodiscard]] QByteArray tokenizerModel() const;
    // A shell command that makes the same run; model.json stands for its configuration.
    [[nodiscard]] QString commandLine() const;
    // Rows of batch 0 exactly as the model sees them: ids, as [batch][length].
    [[nodiscard]] std::vector<std::vector<TokenId>> firstBatch() const;

signals:
    void changed();

private:
    void inspect();
    void prepare(); // the tokenizer
    void compress();
    void forgetProbe();
    [[nodiscard]] ChatTemplate markup() const;
    [[nodiscard]] RunSource source() const;
    [[nodiscard]] PartStatus modelStatus() const;
    [[nodiscard]] PartStatus runStatus() const;

    struct BaseModel {
        QString problem;
        ModelConfig config;
        ModelText text;
    };

    QString m_cache, m_shelf;
    std::vector<std::shared_ptr<const Backend>> m_backends;
    SetupValues m_values;
    DataReport m_data;
    TokenizerReport m_tokenizer;
    ProbeReport m_probe;
    BaseModel m_base;
    double m_xz = 0.0;
    QTimer m_prepareSoon, m_inspectSoon;
    JobPool m_pool;
    BackgroundJob<DataReport> m_inspectJob;
    BackgroundJob<TokenizerReport> m_tokenizerJob;
    BackgroundJob<double> m_compressJob;
    BackgroundJob<ProbeReport> m_probeJob;
    BackgroundJob<BaseModel> m_baseJob;
};

} // namespace mmfree::gui
