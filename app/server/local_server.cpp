#include "app/server/local_server.h"

#include "engine/core/error.h"
#include "engine/model/model_source.h"

#include <QTimer>

#include <utility>

namespace mmfree::app
{

namespace
{

constexpr int kReportMilliseconds = 250;
constexpr std::size_t kKeptRecords = 500; // between two reports
constexpr std::chrono::seconds kGrace{3};

} // namespace

LocalServerWorker::LocalServerWorker(gui::OpenFunction open)
    : m_open(std::move(open))
    , m_timer(new QTimer(this))
{
    m_timer->setInterval(kReportMilliseconds);
    connect(m_timer, &QTimer::timeout, this, &LocalServerWorker::report);
}

LocalServerWorker::~LocalServerWorker() = default;

void LocalServerWorker::start(const LocalServerRequest& request)
{
    try {
        const gui::OpenedParts parts = m_open(request.model);
        const ModelText& text = parts.source->text();
        if (text.tokenizerModel.empty())
            throw Error(ErrorCode::InvalidText,
                        request.name.toStdString() +
                            ": the model has no tokenizer.model, needed: one to serve text");
        server::ServedModel model;
        model.name = request.name.toStdString();
        model.executor = parts.executor;
        model.tokenizer = std::make_shared<const Tokenizer>(text.tokenizerModel);
        checkTokenizerMatches(*model.tokenizer, model.executor->config(), model.name);
        if (!text.chatTemplateJson.empty())
            model.chatTemplate = parseChatTemplate(text.chatTemplateJson, model.name + ": chat template");
        model.version = MMFREE_VERSION;
        server::ServerOptions options;
        options.port = request.port;
        options.apiKey = request.apiKey.toStdString();
        m_api = std::make_unique<server::ApiServer>(std::move(model), options,
                                                    [this](const server::RequestRecord& record) {
                                                        const std::lock_guard lock(m_recordMutex);
                                                        if (m_records.size() < kKeptRecords)
                                                            m_records.push_back(record);
                                                    });
        m_timer->start();
        emit started(QString::fromStdString(m_api->address()));
    } catch (...) {
        emit failed(gui::currentError());
    }
}

void LocalServerWorker::stop()
{
    m_timer->stop();
    if (m_api) {
        m_api->stop(kGrace);
        report();
        m_api.reset();
    }
    emit stopped();
}

void LocalServerWorker::report()
{
    LocalServerActivity current;
    current.stats = m_api->stats();
    {
        const std::lock_guard lock(m_recordMutex);
        current.records.swap(m_records);
    }
    emit activity(current);
}

LocalServer::LocalServer(gui::OpenFunction open, QObject* parent)
    : QObject(parent)
    , m_worker(new LocalServerWorker(std::move(open)))
{
    qRegisterMetaType<LocalServerActivity>();
    m_thread.setObjectName(QStringLiteral("local server"));
    m_worker->moveToThread(&m_thread);
    connect(&m_thread, &QThread::finished, m_worker, &QObject::deleteLater);
    connect(m_worker, &LocalServerWorker::started, this,
            [this](const QString& address) { setState(State::On, address); });
    connect(m_worker, &LocalServerWorker::stopped, this, [this] { setState(State::Off); });
    connect(m_worker, &LocalServerWorker::failed, this, [this](const gui::ErrorInfo& error) {
        setState(State::Off);
        emit failed(error);
    });
    connect(m_worker, &LocalServerWorker::activity, this, &LocalServer::activity);
    m_thread.start();
}

LocalServer::~LocalServer()
{
    QMetaObject::invokeMethod(m_worker, &LocalServerWorker::stop);
    m_thread.quit();
    m_thread.wait();
}

void LocalServer::start(const LocalServerRequest& request)
{
    if (m_state != State::Off)
        return;
    m_modelName = request.name;
    setState(State::Starting);
    QMetaObject::invokeMethod(m_worker, [worker = m_worker, request] { worker->start(request); });
}

void LocalServer::stop()
{
    if (m_state != State::On)
        return;
    setState(State::Stopping);
    QMetaObject::invokeMethod(m_worker, &LocalServerWorker::stop);
}

void LocalServer::setState(State state, const QString& address)
{
    m_state = state;
    m_address = address;
    emit stateChanged();
}

} // namespace mmfree::app
