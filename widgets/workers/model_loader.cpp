#include "widgets/workers/model_loader.h"

#include <QCryptographicHash>
#include <QElapsedTimer>
#include <QFileInfo>

#include <nlohmann/json.hpp>

namespace mmfree::gui
{

namespace
{

constexpr qint64 kReportMilliseconds = 40;

// Weights are not read for this: path, size, time and configuration are enough to tell models apart, and a
// wrong "different" only costs reading a conversation again.
QString fingerprintOf(const ModelSource& source)
{
    QCryptographicHash hash(QCryptographicHash::Sha256);
    const QString path = QString::fromStdString(source.path().string());
    hash.addData(path.toUtf8());
    hash.addData(QByteArray::number(static_cast<qulonglong>(source.fileBytes())));
    hash.addData(QByteArray::number(QFileInfo(path).lastModified().toMSecsSinceEpoch()));
    hash.addData(QByteArray::fromStdString(modelConfigToJson(source.config()).dump()));
    return QString::fromLatin1(hash.result().toHex().left(32));
}

} // namespace

ModelLoader::ModelLoader(OpenFunction open, ListBackendsFunction listBackends, QObject* parent)
    : QObject(parent)
    , m_open(std::move(open))
    , m_listBackends(std::move(listBackends))
{
}

void ModelLoader::openModel(const OpenRequest& request)
{
    QElapsedTimer sinceReport;
    sinceReport.start();
    OpenRequest watched = request;
    watched.progress = [&](double share) {
        if (sinceReport.elapsed() < kReportMilliseconds)
            return;
        sinceReport.restart();
        emit openingProgressed(request.job, share);
    };
    try {
        if (request.stop.stop_requested())
            throw OpeningCancelled();
        LoadedModel model = load(watched);
        emit modelOpened(request.job, model);
    } catch (const OpeningCancelled&) {
        emit openingCancelled(request.job);
    } catch (...) {
        emit openingFailed(request.job, currentError());
    }
}

void ModelLoader::listBackends()
{
    emit backendsListed(m_listBackends());
}

LoadedModel ModelLoader::load(const OpenRequest& request)
{
    QElapsedTimer timer;
    timer.start();
    OpenedParts parts = m_open(request);
    const ModelSource& source = *parts.source;
    auto info = std::make_shared<ModelInfo>();
    info->name = QString::fromStdString(source.name());
    info->path = request.path;
    info->config = source.config();
    info->parameterCount = parameterCount(source.config());
    info->fileBytes = source.fileBytes();
    info->hasLatentWeights = source.hasLatentWeights();
    const ModelText& text = source.text();
    if (!text.tokenizerModel.empty()) {
        const std::string file = request.path.toStdString() + ": tokenizer.model";
        info->tokenizer = std::make_shared<const Tokenizer>(text.tokenizerModel, file);
        checkTokenizerMatches(*info->tokenizer, source.config(), file);
    }
    info->chatTemplate = text.chatTemplateJson.empty()
                             ? plainChatTemplate()
                             : parseChatTemplate(text.chatTemplateJson, source.name() + ": chat template");
    info->executor = parts.executor->info();
    const std::unique_ptr<InferenceState> state = parts.executor->createState();
    info->memory = parts.executor->memoryUse(state.get());
    info->fingerprint = fingerprintOf(source);
    info->openSeconds = static_cast<double>(timer.nsecsElapsed()) * 1e-9;
    return {std::move(info), std::move(parts.executor)};
}

} // namespace mmfree::gui
