#include "widgets/training/training_setup.h"

#include "engine/core/error.h"
#include "widgets/views/text_format.h"

#include <nlohmann/json.hpp>

#include <QDir>
#include <QFileInfo>
#include <QLocale>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr int kSoonMilliseconds = 250; // typing settles before work starts again

ModelConfig shapeOf(ModelPreset preset, Architecture architecture, qint64 pieces)
{
    ModelConfig config;
    switch (preset) {
    case ModelPreset::Published370M:
        return namedShape("370M", architecture);
    case ModelPreset::Published1300M:
        return namedShape("1.3B", architecture);
    case ModelPreset::Published2700M:
        return namedShape("2.7B", architecture);
    case ModelPreset::Small:
        config.hiddenSize = 256;
        config.layerCount = 4;
        break;
    case ModelPreset::Tiny:
    case ModelPreset::Custom:
        config.hiddenSize = 128;
        config.layerCount = 3;
        break;
    }
    config.architecture = architecture;
    config.vocabularySize = pieces;
    config.intermediateSize = defaultIntermediateSize(config.hiddenSize);
    if (architecture == Architecture::Transformer)
        config.headCount = config.keyValueHeadCount = config.hiddenSize / 64;
    return config;
}

// What goes with a preset; ours where the paper publishes none.
TrainingOptions optionsFor(ModelPreset preset, Architecture architecture, TrainingOptions options)
{
    const bool dense = architecture == Architecture::Transformer;
    options.schedule = LearningRateSchedule::Cosine;
    options.accumulate = 1;
    switch (preset) {
    case ModelPreset::Tiny:
    case ModelPreset::Custom:
        options.steps = 1200;
        options.batch = 8;
        options.length = 64;
        options.warmupSteps = 20;
        options.learningRate = dense ? 2e-3 : 6e-3;
        options.evaluateEvery = 50;
        options.checkpointEvery = 100;
        options.sampleEvery = 100;
        break;
    case ModelPreset::Small:
        options.steps = 4000;
        options.batch = 8;
        options.length = 128;
        options.warmupSteps = 100;
        options.learningRate = dense ? 1e-3 : 4e-3;
        options.evaluateEvery = 100;
        options.checkpointEvery = 200;
        options.sampleEvery = 200;
        break;
    default: // the paper's learning rates and schedule
        options.steps = 20'000;
        options.batch = 4;
        options.length = 512;
        options.accumulate = 8;
        options.warmupSteps = 1000;
        options.schedule = dense ? LearningRateSchedule::Cosine : LearningRateSchedule::Paper;
        options.learningRate = dense                                   ? 3e-4
                               : preset == ModelPreset::Published370M  ? 4e-3
                               : preset == ModelPreset::Published1300M ? 2.5e-3
                                                                       : 1.5e-3;
        options.evaluateEvery = 200;
        options.checkpointEvery = 500;
        options.sampleEvery = 500;
        break;
    }
    return options;
}

ChatTemplate defaultMarkup()
{
    ChatTemplate markup;
    markup.name = "turns";
    markup.userPrefix = "<user>";
    markup.assistantPrefix = "<assistant>";
    markup.assistantSuffix = "\n";
    markup.stopStrings = {"<user>", "\n"};
    return markup;
}

QString quoted(QString text)
{
    return QLatin1Char('\'') + text.replace(QLatin1Char('\''), QLatin1String("'\\''")) + QLatin1Char('\'');
}

} // namespace

TrainingSetup::TrainingSetup(QString cache, QString textShelf,
                             std::vector<std::shared_ptr<const Backend>> backends, QObject* parent)
    : QObject(parent)
    , m_cache(std::move(cache))
    , m_shelf(std::move(textShelf))
    , m_backends(std::move(backends))
    , m_inspectJob(m_pool)
    , m_tokenizerJob(m_pool)
    , m_compressJob(m_pool)
    , m_probeJob(m_pool)
    , m_baseJob(m_pool)
{
    m_values.options.samplePrompts = {"The ", "She said"};
    m_values.model = shapeOf(ModelPreset::Tiny, Architecture::MatMulFree, m_values.pieces);
    m_values.options = optionsFor(ModelPreset::Tiny, Architecture::MatMulFree, m_values.options);
    for (QTimer* timer : {&m_inspectSoon, &m_prepareSoon}) {
        timer->setSingleShot(true);
        timer->setInterval(kSoonMilliseconds);
    }
    connect(&m_inspectSoon, &QTimer::timeout, this, &TrainingSetup::inspect);
    connect(&m_prepareSoon, &QTimer::timeout, this, &TrainingSetup::prepare);
}

TrainingSetup::~TrainingSetup() = default;

QStringList TrainingSetup::shelf() const
{
    QStringList files;
    if (m_shelf.isEmpty())
        return files;
    for (const QFileInfo& file : QDir(m_shelf).entryInfoList({"*.txt"}, QDir::Files, QDir::Name)) {
        if (!file.fileName().contains(QLatin1String("held_out")) &&
            file.fileName().compare(QLatin1String("readme.txt"), Qt::CaseInsensitive) != 0)
            files << file.absoluteFilePath();
    }
    return files;
}

ChatTemplate TrainingSetup::markup() const
{
    if (!m_base.text.chatTemplateJson.empty()) {
        try {
            return parseChatTemplate(m_base.text.chatTemplateJson, "chat_template.json");
        } catch (const Error&) {
            return defaultMarkup(); // the base model's card says what is wrong with it
        }
    }
    return defaultMarkup();
}

void TrainingSetup::addFiles(const QStringList& paths)
{
    for (const QString& path : textFilesIn(paths)) {
        const QString full = QFileInfo(path).absoluteFilePath();
        if (!m_values.files.contains(full))
            m_values.files << full;
    }
    if (m_values.name.isEmpty() && !m_values.files.isEmpty())
        m_values.name =
            QFileInfo(m_values.files.first()).completeBaseName().replace(QLatin1Char('_'), QLatin1Char(' '));
    m_inspectSoon.start();
    emit changed();
}

void TrainingSetup::removeFile(const QString& path)
{
    m_values.files.removeAll(path);
    m_inspectSoon.start();
    emit changed();
}

void TrainingSetup::removeUnusable()
{
    for (const DataFileReport& file : std::as_const(m_data.files)) {
        if (!file.problem.isEmpty() || !file.duplicateOf.isEmpty())
            m_values.files.removeAll(file.path);
    }
    m_inspectSoon.start();
    emit changed();
}

void TrainingSetup::inspect()
{
    if (m_values.files.isEmpty()) {
        m_inspectJob.cancel();
        m_data = {};
        prepare();
        return;
    }
    m_inspectJob.start(
        [files = m_values.files, share = m_values.options.validationShare, cache = m_cache,
         turns = markup()](std::stop_token stop) { return inspectData(files, share, cache, turns, stop); },
        [this](DataReport report) {
            m_data = std::move(report);
            if (m_data.hasTurns && m_values.symbols.isEmpty() && m_values.baseModel.isEmpty())
                m_values.symbols = {QStringLiteral("<user>"), QStringLiteral("<assistant>")};
            prepare();
        });
    emit changed();
}

void TrainingSetup::prepare()
{
    forgetProbe();
    m_tokenizer = {};
    m_xz = 0.0;
    m_compressJob.cancel();
    m_tokenizerJob.cancel();
    if (!m_data.corpus) {
        emit changed();
        return;
    }
    std::string model;
    if (m_values.tokenizer == TokenizerChoice::BaseModel)
        model = m_base.text.tokenizerModel;
    const QString file = m_values.tokenizer == TokenizerChoice::File ? m_values.tokenizerFile : QString();
    if ((m_values.tokenizer == TokenizerChoice::BaseModel && model.empty()) ||
        (m_values.tokenizer == TokenizerChoice::File && file.isEmpty())) {
        emit changed();
        return;
    }
    m_tokenizerJob.start(
        [corpus = m_data.corpus, model, file, pieces = m_values.pieces,
         symbols = m_values.symbols](std::stop_token) {
            try {
                return prepareTokenizer(
                    corpus, file.isEmpty() ? model : openModel(file.toStdString())->text().tokenizerModel,
                    pieces, symbols);
            } catch (const std::exception& error) {
                TokenizerReport report;
                report.problem = QString::fromUtf8(error.what());
                return report;
            }
        },
        [this](TokenizerReport report) {
            m_tokenizer = std::move(report);
            if (m_tokenizer.tokenizer && m_values.baseModel.isEmpty())
                m_values.model.vocabularySize = m_tokenizer.tokenizer->size();
            compress();
            const bool small = estimateMemory(m_values.model, m_values.options).total() < (qint64{1} << 30);
            if (m_tokenizer.dataset && small)
                measure();
            emit changed();
        });
    emit changed();
}

void TrainingSetup::compress()
{
    m_compressJob.start(
        [corpus = m_data.corpus](std::stop_token stop) { return gui::xzBitsPerByte(*corpus, stop); },
        [this](double bits) {
            m_xz = bits;
            emit changed();
        });
}

void TrainingSetup::setTokenizer(TokenizerChoice choice, const QString& file, qint64 pieces,
                                 const QStringList& symbols)
{
    m_values.tokenizer = choice;
    m_values.tokenizerFile = file;
    m_values.pieces = pieces;
    m_values.symbols = symbols;
    m_prepareSoon.start();
    emit changed();
}

void TrainingSetup::setPreset(ModelPreset preset, Architecture architecture)
{
    const bool sameShape = preset == ModelPreset::Custom;
    m_values.preset = preset;
    m_values.baseModel.clear();
    if (sameShape) {
        m_values.model.architecture = architecture;
        if (architecture == Architecture::Transformer)
            m_values.model.headCount = m_values.model.keyValueHeadCount =
                std::max<qint64>(1, m_values.model.hiddenSize / 64);
        else
            m_values.model.headCount = m_values.model.keyValueHeadCount = 1;
        setModel(m_values.model);
        return;
    }
    const qint64 pieces = preset == ModelPreset::Tiny ? 1024 : preset == ModelPreset::Small ? 4096 : 32000;
    m_values.model = shapeOf(preset, architecture, pieces);
    m_values.options = optionsFor(preset, architecture, m_values.options);
    if (m_values.tokenizer == TokenizerChoice::BaseModel)
        m_values.tokenizer = TokenizerChoice::Train;
    if (m_values.pieces != pieces) {
        m_values.pieces = pieces;
        m_prepareSoon.start();
    } else if (m_tokenizer.tokenizer) {
        m_values.model.vocabularySize = m_tokenizer.tokenizer->size();
    }
    forgetProbe();
    if (m_tokenizer.dataset && preset <= ModelPreset::Small)
        measure();
    emit changed();
}

void TrainingSetup::setModel(const ModelConfig& config)
{
    m_values.model = config;
    if (m_tokenizer.tokenizer)
        m_values.model.vocabularySize = m_tokenizer.tokenizer->size();
    forgetProbe();
    emit changed();
}

void TrainingSetup::setBaseModel(const QString& path)
{
    m_values.baseModel = path;
    m_base = {};
    if (path.isEmpty()) {
        setPreset(m_values.preset, m_values.model.architecture);
        return;
    }
    m_baseJob.start(
        [path](std::stop_token) {
            BaseModel base;
            try {
                const auto source = openModel(path.toStdString());
                base.config = source->config();
                base.text = source->text();
                if (base.text.tokenizerModel.empty())
                    base.problem = TrainingSetup::tr("%1 has no tokenizer").arg(path);
            } catch (const std::exception& error) {
                base.problem = QString::fromUtf8(error.what());
            }
            return base;
        },
        [this](BaseModel base) {
            m_base = std::move(base);
            if (m_base.problem.isEmpty()) {
                m_values.model = m_base.config;
                m_values.preset = ModelPreset::Custom;
                m_values.tokenizer = TokenizerChoice::BaseModel;
                // Further training begins where large steps would undo what was learned.
                m_values.options.learningRate = std::min(m_values.options.learningRate, 1e-3);
                inspect(); // turns are written with the model's own markup
            }
            emit changed();
        });
    emit changed();
}

void TrainingSetup::setOptions(const TrainingOptions& options)
{
    const bool split = options.validationShare != m_values.options.validationShare;
    const bool shape = options.batch != m_values.options.batch || options.length != m_values.options.length;
    m_values.options = options;
    if (split)
        m_inspectSoon.start();
    if (shape)
        forgetProbe();
    emit changed();
}

void TrainingSetup::setExecution(const QString& backend, int threads)
{
    m_values.backend = backend;
    m_values.threads = threads;
    forgetProbe();
    emit changed();
}

void TrainingSetup::setName(const QString& name)
{
    m_values.name = name;
    emit changed();
}

void TrainingSetup::forgetProbe()
{
    m_probeJob.cancel();
    m_probe = {};
}

void TrainingSetup::measure()
{
    if (!m_tokenizer.dataset)
        return;
    m_probe = {};
    m_probeJob.start(
        [config = m_values.model, options = m_values.options, source = source(),
         dataset = m_tokenizer.dataset, backends = m_backends](std::stop_token stop) {
            return probeSpeed(config, options, source, dataset, backends, stop);
        },
        [this](ProbeReport report) {
            m_probe = std::move(report);
            emit changed();
        });
    emit changed();
}

void TrainingSetup::takeFrom(const RunRecord& record)
{
    m_values.name = QString::fromStdString(record.name);
    m_values.files.clear();
    for (const RunSource::File& file : record.source.dataFiles)
        m_values.files << QString::fromStdString(file.path);
    m_values.options = record.options;
    m_values.options.learningRateEdits.clear();
    m_values.options.overfitBatch = false;
    m_values.preset = ModelPreset::Custom;
    if (record.model)
        m_values.model = *record.model;
    m_values.pieces = m_values.model.vocabularySize;
    m_values.symbols.clear();
    for (const std::string& symbol : record.source.symbols)
        m_values.symbols << QString::fromStdString(symbol);
    m_values.tokenizer = TokenizerChoice::Train;
    m_values.backend = QString::fromStdString(record.source.backend);
    m_values.threads = record.source.threads;
    m_values.baseModel.clear();
    m_base = {};
    if (!record.source.baseModel.empty())
        setBaseModel(QString::fromStdString(record.source.baseModel));
    inspect();
}

bool TrainingSetup::isWorking() const
{
    return m_inspectJob.isRunning() || m_tokenizerJob.isRunning() || m_probeJob.isRunning() ||
           m_baseJob.isRunning() || m_inspectSoon.isActive() || m_prepareSoon.isActive();
}

PartStatus TrainingSetup::modelStatus() const
{
    using Kind = PartStatus::Kind;
    if (m_baseJob.isRunning())
        return {Kind::Working, tr("Opening the model\u2026")};
    if (!m_base.problem.isEmpty())
        return {Kind::Problem, m_base.problem};
    try {
        validateModelConfig(m_values.model, "model");
    } catch (const Error& error) {
        return {Kind::Problem, QString::fromUtf8(error.what())};
    }
    if (m_tokenizer.tokenizer && m_tokenizer.tokenizer->size() != m_values.model.vocabularySize)
        return {Kind::Problem,
                tr("The model has %1 pieces, the tokenizer %2")
                    .arg(countText(m_values.model.vocabularySize), countText(m_tokenizer.tokenizer->size()))};
    const qint64 needed = estimateMemory(m_values.model, m_values.options).total(),
                 there = machineMemoryBytes();
    if (needed > there)
        return {Kind::Problem,
                tr("Needs %1 of memory; this machine has %2").arg(bytesText(needed), bytesText(there))};
    if (!m_probe.problem.isEmpty())
        return {Kind::Problem, m_probe.problem};
    const QString parameters = tr("%1 parameters").arg(compactCountText(parameterCount(m_values.model)));
    if (m_probeJob.isRunning())
        return {Kind::Ready, tr("%1 \u00b7 measuring\u2026").arg(parameters)};
    if (m_probe.tokensPerSecond > 0.0)
        return {Kind::Ready,
                QStringLiteral("%1 \u00b7 %2").arg(parameters, rateText(m_probe.tokensPerSecond))};
    return {Kind::Ready, parameters};
}

PartStatus TrainingSetup::runStatus() const
{
    using Kind = PartStatus::Kind;
    try {
        validateTrainingOptions(m_values.options);
    } catch (const Error& error) {
        return {Kind::Problem, QString::fromUtf8(error.what())};
    }
    if (m_tokenizer.dataset && m_tokenizer.dataset->trainingTokens() <= m_values.options.length)
        return {Kind::Problem, tr("The text has %1 tokens, a sequence %2")
                                   .arg(countText(m_tokenizer.dataset->trainingTokens()),
                                        countText(m_values.options.length))};
    if (m_values.model.maxPositions > 0 && m_values.options.length > m_values.model.maxPositions)
        return {Kind::Problem,
                tr("A sequence has %1 tokens, the model takes %2")
                    .arg(countText(m_values.options.length), countText(m_values.model.maxPositions))};
    const qint64 tokens = m_values.options.steps * m_values.options.batch * m_values.options.length *
                          m_values.options.accumulate;
    QString line =
        tr("%1 steps \u00b7 %2 tokens").arg(countText(m_values.options.steps), compactCountText(tokens));
    if (m_probe.tokensPerSecond > 0.0)
        line += QStringLiteral(" \u00b7 ") +
                tr("about %1").arg(durationText(static_cast<double>(tokens) / m_probe.tokensPerSecond));
    return {Kind::Ready, line};
}

PartStatus TrainingSetup::status(SetupPart part) const
{
    using Kind = PartStatus::Kind;
    switch (part) {
    case SetupPart::Data: {
        if (m_values.files.isEmpty())
            return {Kind::Empty, tr("Drop text files here, or take a sample")};
        if (m_inspectJob.isRunning() || m_inspectSoon.isActive())
            return {Kind::Working, tr("Reading\u2026")};
        qint64 bytes = 0, used = 0;
        for (const DataFileReport& file : m_data.files) {
            if (!file.problem.isEmpty())
                return {Kind::Problem, file.problem};
            bytes += file.duplicateOf.isEmpty() ? file.bytes : 0;
            used += file.duplicateOf.isEmpty() ? 1 : 0;
        }
        if (!m_data.corpus)
            return {Kind::Problem, tr("No text is left for training")};
        return {Kind::Ready, used == 1 ? tr("1 file \u00b7 %1").arg(bytesText(bytes))
                                       : tr("%1 files \u00b7 %2").arg(countText(used), bytesText(bytes))};
    }
    case SetupPart::Tokenizer:
        if (m_tokenizerJob.isRunning() || m_prepareSoon.isActive())
            return {Kind::Working, m_values.tokenizer == TokenizerChoice::Train ? tr("Training\u2026")
                                                                                : tr("Encoding\u2026")};
        if (!m_tokenizer.problem.isEmpty())
            return {Kind::Problem, m_tokenizer.problem};
        if (m_values.tokenizer == TokenizerChoice::File && m_values.tokenizerFile.isEmpty())
            return {Kind::Empty, tr("Choose a model that has one")};
        if (!m_tokenizer.tokenizer)
            return {Kind::Empty, tr("Waits for data")};
        return {Kind::Ready, tr("%1 pieces \u00b7 %2 bytes a token")
                                 .arg(countText(m_tokenizer.tokenizer->size()),
                                      QLocale().toString(m_tokenizer.bytesPerToken, 'f', 2))};
    case SetupPart::Model:
        return modelStatus();
    case SetupPart::Run:
        return runStatus();
    }
    return {};
}

bool TrainingSetup::isReady() const
{
    return std::all_of(kSetupParts.begin(), kSetupParts.end(),
                       [this](SetupPart part) { return status(part).kind == PartStatus::Kind::Ready; });
}

RunSource TrainingSetup::source() const
{
    RunSource source;
    source.dataFiles = m_data.described;
    source.baseModel = m_values.baseModel.toStdString();
    for (const QString& symbol : m_values.symbols)
        source.symbols.push_back(symbol.toStdString());
    // A fresh model that learned from turns can be talked to in them; what people ask is read, not learned.
    if (m_data.hasTurns && m_values.baseModel.isEmpty()) {
        source.chatTemplate = turnsTemplateFile(m_cache).toStdString();
        source.lossOnAnswers = true;
    }
    source.backend = m_values.backend.toStdString();
    source.threads = m_values.threads;
    return source;
}

RunRecord TrainingSetup::record() const
{
    RunRecord record;
    record.name = m_values.name.toStdString();
    record.options = m_values.options;
    record.model = m_values.model;
    record.source = source();
    record.validationBytes = m_tokenizer.validationBytes;
    record.validationTokens = m_tokenizer.dataset ? m_tokenizer.dataset->validationTokens() : 0;
    record.compressorBitsPerByte = m_xz;
    return record;
}

QByteArray TrainingSetup::tokenizerModel() const
{
    return m_tokenizer.tokenizer ? QByteArray::fromStdString(m_tokenizer.tokenizer->modelBytes())
                                 : QByteArray();
}

QString TrainingSetup::commandLine() const
{
    QStringList words{QStringLiteral("mmfree train")};
    words << (m_values.baseModel.isEmpty() ? QStringLiteral("--config model.json")
                                           : QStringLiteral("--model ") + quoted(m_values.baseModel));
    words << QStringLiteral("--data");
    for (const RunSource::File& file : m_data.described)
        words << quoted(QString::fromStdString(file.path));
    if (m_values.tokenizer == TokenizerChoice::Train && m_values.baseModel.isEmpty())
        words << QStringLiteral("--vocab %1").arg(m_values.model.vocabularySize);
    for (const QString& symbol : m_values.symbols)
        words << QStringLiteral("--symbol ") + quoted(symbol);
    const TrainingOptions& o = m_values.options;
    const auto number = [](double value) { return QString::number(value, 'g', 10); };
    const char* schedule = o.schedule == LearningRateSchedule::Constant ? "constant"
                           : o.schedule == LearningRateSchedule::Paper  ? "paper"
                                                                        : "cosine";
    if (m_data.hasTurns && m_values.baseModel.isEmpty())
        words << QStringLiteral("--chat-template ") + quoted(turnsTemplateFile(m_cache))
              << QStringLiteral("--loss-on answers");
    words << QStringLiteral("--run RUN") << QStringLiteral("--steps %1").arg(o.steps)
          << QStringLiteral("--batch %1").arg(o.batch) << QStringLiteral("--length %1").arg(o.length)
          << QStringLiteral("--accumulate %1").arg(o.accumulate)
          << QStringLiteral("--learning-rate ") + number(o.learningRate)
          << QStringLiteral("--lr-schedule ") + QLatin1String(schedule)
          << QStringLiteral("--warmup-steps %1").arg(o.warmupSteps)
          << QStringLiteral("--final-lr-share ") + number(o.finalLearningRateShare)
          << QStringLiteral("--beta1 ") + number(o.beta1) << QStringLiteral("--beta2 ") + number(o.beta2)
          << QStringLiteral("--adam-eps ") + number(o.adamEpsilon)
          << QStringLiteral("--weight-decay ") + number(o.weightDecay)
          << QStringLiteral("--clip-norm ") + number(o.clipNorm) << QStringLiteral("--seed %1").arg(o.seed)
          << QStringLiteral("--validation-share ") + number(o.validationShare)
          << QStringLiteral("--evaluate-every %1").arg(o.evaluateEvery)
          << QStringLiteral("--checkpoint-every %1").arg(o.checkpointEvery)
          << QStringLiteral("--keep-checkpoints %1").arg(o.keepCheckpoints);
    for (const std::string& prompt : o.samplePrompts)
        words << QStringLiteral("--sample-prompt ") + quoted(QString::fromStdString(prompt));
    if (!o.samplePrompts.empty())
        words << QStringLiteral("--sample-every %1").arg(o.sampleEvery);
    words << QStringLiteral("--backend ") + m_values.backend
          << QStringLiteral("--threads %1").arg(m_values.threads);
    return words.join(QStringLiteral(" \\\n  "));
}

std::vector<std::vector<TokenId>> TrainingSetup::firstBatch() const
{
    std::vector<std::vector<TokenId>> rows;
    if (!m_tokenizer.dataset)
        return rows;
    const TrainingOptions& options = m_values.options;
    std::vector<TokenId> inputs, targets;
    try {
        m_tokenizer.dataset->drawBatch(options.seed, 0, options.batch, options.length, inputs, targets);
    } catch (const Error&) {
        return rows; // the run's card says that the text is too short
    }
    for (std::int64_t row = 0; row < options.batch; ++row)
        rows.emplace_back(inputs.begin() + row * options.length, inputs.begin() + (row + 1) * options.length);
    return rows;
}

} // namespace mmfree::gui
