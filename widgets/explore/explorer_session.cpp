#include "widgets/explore/explorer_session.h"

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFileInfo>
#include <QLocale>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace mmfree::gui
{

InferenceExecutor& ExplorerRunner::ready()
{
    if (!executor)
        executor = backend->createInference(source, {});
    return *executor;
}

LogitLens& ExplorerRunner::readyLens()
{
    if (!lens)
        lens = std::make_unique<LogitLens>(source);
    return *lens;
}

ExplorerSession::ExplorerSession(std::vector<std::shared_ptr<const Backend>> backends, QString cacheFolder,
                                 QObject* parent)
    : QObject(parent)
    , m_backends(std::move(backends))
    , m_cacheFolder(std::move(cacheFolder))
    , m_runnerThread(QStringLiteral("explorer"))
    , m_computeThread(QStringLiteral("explorer-compute"))
    , m_measureThread(QStringLiteral("explorer-statistics"))
{
    m_statisticsTimer.setSingleShot(true);
    m_statisticsTimer.setInterval(120);
    connect(&m_statisticsTimer, &QTimer::timeout, this, &ExplorerSession::statisticsChanged);
    for (JobThread* thread : {&m_runnerThread, &m_computeThread, &m_measureThread})
        connect(thread, &JobThread::busyChanged, this, &ExplorerSession::busyChanged);
}

ExplorerSession::~ExplorerSession() = default;

void ExplorerSession::fail(const ErrorInfo& error)
{
    emit problem(errorTitle(error.code), error.message);
}

void ExplorerSession::openModel(const QString& path)
{
    if (path == m_path && (m_source || m_openJob))
        return;
    m_path = path;
    m_computeThread.cancelAll();
    m_openJob = m_computeThread.run(
        [this, path](const JobControl&) -> std::function<void()> {
            std::shared_ptr<const ModelSource> source = mmfree::openModel(path.toStdString());
            std::shared_ptr<const Tokenizer> tokenizer;
            if (!source->text().tokenizerModel.empty())
                tokenizer = std::make_shared<const Tokenizer>(source->text().tokenizerModel,
                                                              source->name() + ": tokenizer.model");
            return [this, path, source, tokenizer] { adopt(path, source, tokenizer); };
        },
        [this, path](const ErrorInfo& error) {
            m_openJob = 0;
            m_path.clear();
            emit openingFailed(path, error);
        });
    emit busyChanged();
}

void ExplorerSession::adopt(const QString& path, std::shared_ptr<const ModelSource> source,
                            std::shared_ptr<const Tokenizer> tokenizer)
{
    m_openJob = 0;
    m_path = path;
    m_runnerThread.cancelAll();
    m_measureThread.cancelAll();
    m_captureJob = m_measureJob = m_referenceJob = 0;
    m_source = std::move(source);
    m_tokenizer = std::move(tokenizer);
    m_reference.reset();
    m_referencePath.clear();
    m_schema = tensorSchema(m_source->config());
    m_statistics.assign(m_schema.size(), std::nullopt);
    m_runner = std::make_shared<ExplorerRunner>();
    m_runner->source = m_source;
    m_capture.reset();
    m_wanted.clear();
    m_tokens.clear();
    m_token = -1;
    m_layer = std::min<int>(m_layer, static_cast<int>(m_source->config().layerCount) - 1);
    m_tensor = -1;
    emit modelChanged();
    const auto first = std::find_if(m_schema.begin(), m_schema.end(), [](const TensorSpec& spec) {
        return spec.role == TensorRole::TernaryWeight || spec.role == TensorRole::DenseWeight;
    });
    pickTensor(static_cast<int>(first - m_schema.begin()));
    if (!m_text.isEmpty())
        setText(std::exchange(m_text, QString()));
    if (!readCache())
        measure();
}

void ExplorerSession::setReference(const QString& path)
{
    if (!m_source || path == m_referencePath)
        return;
    m_referencePath = path;
    m_computeThread.cancel(m_referenceJob);
    if (path.isEmpty()) {
        m_reference.reset();
        emit referenceChanged();
        measure();
        return;
    }
    m_referenceJob = m_computeThread.run(
        [this, path, source = m_source](const JobControl&) -> std::function<void()> {
            std::shared_ptr<const ModelSource> reference = mmfree::openModel(path.toStdString());
            requireSameShape(*source, *reference);
            return [this, reference] {
                m_referenceJob = 0;
                m_reference = reference;
                emit referenceChanged();
                measure();
            };
        },
        [this](const ErrorInfo& error) {
            m_referenceJob = 0;
            m_referencePath.clear();
            fail(error);
        });
}

// In the background, tensor by tensor; the table fills as they come.
void ExplorerSession::measure()
{
    m_measureThread.cancelAll();
    m_measureJob = m_measureThread.run(
        [this, source = m_source,
         reference = m_reference](const JobControl& control) -> std::function<void()> {
            measureModel(*source, reference.get(), control.stop,
                         [&](const TensorStatistics& statistics, std::size_t index) {
                             control.report([this, statistics, index] {
                                 m_statistics[index] = statistics;
                                 if (!m_statisticsTimer.isActive())
                                     m_statisticsTimer.start();
                             });
                         });
            return [this] {
                m_measureJob = 0;
                writeCache();
                emit statisticsChanged();
            };
        },
        [this](const ErrorInfo& error) {
            m_measureJob = 0;
            fail(error);
        });
}

// The name changes with path, size, time and configuration of the model, as stored chat states do.
QString ExplorerSession::cacheFile() const
{
    if (m_cacheFolder.isEmpty() || m_source->path().empty())
        return {};
    QCryptographicHash hash(QCryptographicHash::Sha256);
    const QString path = QString::fromStdString(m_source->path().string());
    const QFileInfo info(path);
    hash.addData(info.absoluteFilePath().toUtf8());
    hash.addData(QByteArray::number(static_cast<qulonglong>(m_source->fileBytes())));
    if (info.isDir()) {
        const QFileInfoList files =
            QDir(path).entryInfoList({QStringLiteral("*.safetensors")}, QDir::Files, QDir::Name);
        for (const QFileInfo& file : files)
            hash.addData(QByteArray::number(file.lastModified().toMSecsSinceEpoch()));
    } else {
        hash.addData(QByteArray::number(info.lastModified().toMSecsSinceEpoch()));
    }
    hash.addData(QByteArray::fromStdString(modelConfigToJson(m_source->config()).dump()));
    return QDir(m_cacheFolder)
        .filePath(QString::fromLatin1(hash.result().toHex().left(32)) + QStringLiteral(".json"));
}

bool ExplorerSession::readCache()
{
    const QString file = cacheFile();
    if (file.isEmpty() || !QFileInfo::exists(file))
        return false;
    try {
        const nlohmann::json json = nlohmann::json::parse(readTextFile(file.toStdString()));
        std::vector<std::optional<TensorStatistics>> statistics;
        for (const nlohmann::json& tensor : json.at("tensors"))
            statistics.emplace_back(statisticsFromJson(tensor, file.toStdString()));
        if (statistics.size() != m_schema.size())
            return false;
        for (std::size_t i = 0; i < m_schema.size(); ++i) {
            if (statistics[i]->name != m_schema[i].name || statistics[i]->shape != m_schema[i].shape)
                return false;
        }
        m_statistics = std::move(statistics);
    } catch (const std::exception&) {
        return false; // a damaged cache is measured again and replaced
    }
    emit statisticsChanged();
    return true;
}

void ExplorerSession::writeCache() const
{
    const QString file = cacheFile();
    if (file.isEmpty() || m_reference)
        return;
    nlohmann::ordered_json tensors = nlohmann::ordered_json::array();
    for (const auto& statistics : m_statistics) {
        if (!statistics)
            return;
        tensors.push_back(statisticsToJson(*statistics));
    }
    try {
        QDir().mkpath(m_cacheFolder);
        writeFileAtomically(file.toStdString(), nlohmann::ordered_json{{"tensors", tensors}}.dump());
    } catch (const Error&) {
        // Only a cache: without it the next start measures again.
    }
}

int ExplorerSession::tensorIndex(const QString& name) const
{
    const std::string wanted = name.toStdString();
    for (std::size_t i = 0; i < m_schema.size(); ++i) {
        if (m_schema[i].name == wanted)
            return static_cast<int>(i);
    }
    return -1;
}

std::vector<TokenId> ExplorerSession::encode(const QString& text) const
{
    std::vector<TokenId> tokens;
    if (m_tokenizer) {
        if (m_tokenizer->bosId() >= 0)
            tokens.push_back(m_tokenizer->bosId());
        const std::vector<TokenId> words = m_tokenizer->encode(text.toStdString(), true);
        tokens.insert(tokens.end(), words.begin(), words.end());
    } else {
        const QStringList entries = text.split(QLatin1Char(','), Qt::SkipEmptyParts);
        for (const QString& entry : entries) {
            bool good = false;
            const int id = entry.trimmed().toInt(&good);
            if (!good || id < 0 || id >= config().vocabularySize)
                throw Error(ErrorCode::InvalidArgument,
                            "token id is \"" + entry.trimmed().toStdString() +
                                "\", needed: numbers from 0 to " +
                                std::to_string(config().vocabularySize - 1) +
                                " separated by commas (the model has no tokenizer)");
            tokens.push_back(id);
        }
    }
    if (tokens.size() > kMostTokens)
        throw Error(ErrorCode::InvalidArgument, "the text has " + std::to_string(tokens.size()) +
                                                    " tokens, needed: at most " +
                                                    std::to_string(kMostTokens));
    return tokens;
}

void ExplorerSession::setText(const QString& text)
{
    if (!m_source) {
        m_text = text;
        return;
    }
    try {
        std::vector<TokenId> tokens = encode(text);
        m_text = text;
        setTokens(std::move(tokens));
    } catch (...) {
        fail(currentError());
    }
}

void ExplorerSession::setTokens(std::vector<TokenId> tokens)
{
    if (tokens == m_tokens)
        return;
    m_runnerThread.cancel(m_captureJob);
    m_captureJob = 0;
    m_tokens = std::move(tokens);
    m_capture.reset();
    m_wanted.clear();
    m_token = m_tokens.empty() ? -1 : static_cast<int>(m_tokens.size()) - 1;
    m_range = {-1, -1};
    emit tokensChanged();
    emit tokenPicked(m_token);
}

QString ExplorerSession::tokenText(TokenId id) const
{
    if (!m_tokenizer)
        return QString::number(id); // no words, and ids are read better without grouping
    if (m_tokenizer->isControl(id) || m_tokenizer->isByte(id))
        return QString::fromStdString(m_tokenizer->piece(id));
    return QString::fromStdString(m_tokenizer->bytesOf(id));
}

bool ExplorerSession::isSpecial(TokenId id) const
{
    return m_tokenizer && (m_tokenizer->isControl(id) || m_tokenizer->isUserDefined(id));
}

void ExplorerSession::pickTensor(int index)
{
    if (index == m_tensor || index < 0 || index >= static_cast<int>(m_schema.size()))
        return;
    m_tensor = index;
    emit tensorPicked(index);
    if (m_schema[static_cast<std::size_t>(index)].layer >= 0)
        pickLayer(static_cast<int>(m_schema[static_cast<std::size_t>(index)].layer));
}

void ExplorerSession::pickLayer(int layer)
{
    if (!m_source || layer == m_layer || layer < 0 || layer >= config().layerCount)
        return;
    m_layer = layer;
    emit layerPicked(layer);
}

void ExplorerSession::pickToken(int token)
{
    if (token == m_token || token < -1 || token >= static_cast<int>(m_tokens.size()))
        return;
    m_token = token;
    emit tokenPicked(token);
}

bool ExplorerSession::has(const std::vector<TracePoint>& points) const
{
    return std::all_of(points.begin(), points.end(), [this](const TracePoint& point) {
        return traced(point.first, point.second) != nullptr;
    });
}

const TracedQuantity* ExplorerSession::traced(std::int64_t layer, Quantity quantity) const
{
    if (!m_capture)
        return nullptr;
    const auto entry = m_capture->trace.entries.find({layer, quantity});
    return entry == m_capture->trace.entries.end() ? nullptr : &entry->second;
}

std::shared_ptr<const Backend> ExplorerSession::backend() const
{
    // The CPU backend where there is one: it probes everything and leaves devices to the chat.
    std::shared_ptr<const Backend> found;
    for (const auto& candidate : m_backends) {
        if (candidate->supports(config().architecture, Work::Inference) &&
            (!found || candidate->name() == "cpu") && (!found || found->name() != "cpu"))
            found = candidate;
    }
    if (!found)
        throw Error(ErrorCode::Unavailable,
                    "no backend runs " + m_source->name() + ", needed: one that does");
    return found;
}

void ExplorerSession::request(const std::vector<TracePoint>& points, bool allowLarge)
{
    if (!m_source || m_tokens.empty())
        return;
    ProbeRequest probe;
    for (const TracePoint& point : points) {
        if (!traced(point.first, point.second) && !probe.wants(point.first, point.second))
            probe.points.push_back(point);
    }
    const bool running = m_captureJob != 0 &&
                         std::all_of(probe.points.begin(), probe.points.end(),
                                     [this](const TracePoint& point) { return m_wanted.contains(point); });
    if (probe.empty() || running)
        return;
    const std::uint64_t bytes = captureBytes(probe, config(), static_cast<std::int64_t>(m_tokens.size()));
    if (bytes > kAskBytes && !allowLarge) {
        emit captureRefused(bytes);
        return;
    }
    m_runnerThread.cancel(m_captureJob); // what was wanted before is not in sight any more
    m_wanted = std::set<TracePoint>(probe.points.begin(), probe.points.end());
    m_captureJob = run([this, probe, tokens = m_tokens](ExplorerRunner& runner,
                                                        const JobControl& control) -> std::function<void()> {
        auto captured = std::make_shared<std::optional<Capture>>(
            mmfree::capture(runner.ready(), tokens, probe, control.stop));
        return [this, captured] {
            m_captureJob = 0;
            if (!*captured)
                return;
            // A new object: views may still hold the one before.
            auto whole = std::make_shared<Capture>(std::move(**captured));
            if (m_capture)
                whole->trace.entries.merge(ActivationTrace(m_capture->trace).entries);
            m_capture = std::move(whole);
            emit captureChanged();
        };
    });
    emit busyChanged();
}

void ExplorerSession::pickRange(int first, int last)
{
    if (m_range == std::pair(first, last))
        return;
    m_range = {first, last};
    emit rangePicked(first, last);
}

void ExplorerSession::showTokenValues(const std::vector<float>& values, const QStringList& notes, float high)
{
    emit tokenValuesShown(values, notes, high);
}

void ExplorerSession::takeWritten(std::vector<TokenId> tokens, std::shared_ptr<Capture> captured)
{
    const bool atEnd =
        m_token + 1 >= static_cast<int>(m_tokens.size()); // the picked token follows the newest
    m_tokens = std::move(tokens);
    m_capture = std::move(captured);
    m_wanted.clear();
    emit tokensChanged();
    if (atEnd)
        pickToken(static_cast<int>(m_tokens.size()) - 1);
    emit captureChanged();
}

void ExplorerSession::writeOn(int count, const std::vector<TracePoint>& points)
{
    if (!m_source || m_tokens.empty())
        return;
    ProbeRequest probe;
    probe.points = points;
    m_runnerThread.cancel(m_captureJob);
    m_captureJob = run([this, probe, count, tokens = m_tokens](
                           ExplorerRunner& runner, const JobControl& control) -> std::function<void()> {
        InferenceExecutor& executor = runner.ready();
        const auto state = executor.createState();
        auto captured = std::make_shared<Capture>();
        std::vector<TokenId> pending = tokens;
        using Clock = std::chrono::steady_clock;
        auto shown = Clock::now();
        for (int written = 0; written <= count && !control.stop.stop_requested(); ++written) {
            const ForwardResult forward =
                executor.forward({.tokens = pending, .logits = LogitsMode::Last, .probe = &probe}, *state);
            for (const auto& [key, part] : forward.trace->entries) {
                TracedQuantity& entry = captured->trace.entries[key];
                entry.width = part.width;
                entry.tokens += part.tokens;
                entry.values.insert(entry.values.end(), part.values.begin(), part.values.end());
            }
            captured->tokens.insert(captured->tokens.end(), pending.begin(), pending.end());
            captured->logits.assign(forward.logits.begin(), forward.logits.end());
            pending = {static_cast<TokenId>(std::max_element(forward.logits.begin(), forward.logits.end()) -
                                            forward.logits.begin())};
            const bool last = written == count || pending.front() == executor.config().eosTokenId;
            if (!last && Clock::now() - shown > std::chrono::milliseconds(66)) {
                shown = Clock::now();
                control.report(
                    [this, copy = std::make_shared<Capture>(*captured)] { takeWritten(copy->tokens, copy); });
            }
            if (last)
                break;
        }
        return [this, captured] {
            m_captureJob = 0;
            takeWritten(captured->tokens, captured);
        };
    });
    emit busyChanged();
}

JobId ExplorerSession::run(std::function<std::function<void()>(ExplorerRunner&, const JobControl&)> work)
{
    std::shared_ptr<const Backend> backendToUse;
    try {
        backendToUse = backend();
    } catch (...) {
        fail(currentError());
        return 0;
    }
    return m_runnerThread.run(
        [work = std::move(work), runner = m_runner, backendToUse](const JobControl& control) {
            runner->backend = backendToUse;
            return work(*runner, control);
        },
        [this](const ErrorInfo& error) {
            m_captureJob = 0;
            fail(error);
        });
}

JobId ExplorerSession::compute(JobThread::Work work)
{
    return m_computeThread.run(std::move(work), [this](const ErrorInfo& error) { fail(error); });
}

void ExplorerSession::cancel(JobId job)
{
    m_runnerThread.cancel(job);
}

void ExplorerSession::cancelCompute(JobId job)
{
    m_computeThread.cancel(job);
}

void ExplorerSession::cancelAll()
{
    m_runnerThread.cancelAll();
    m_computeThread.cancelAll();
    m_measureThread.cancelAll();
    m_captureJob = m_measureJob = m_referenceJob = m_openJob = 0;
    emit busyChanged();
}

} // namespace mmfree::gui
