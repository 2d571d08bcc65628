// The server inside the window: opens the model once more for itself, on its own thread, so that chats and
// programs do not wait for each other. Off until started.
#pragma once

#include "engine/server/api_server.h"
#include "widgets/workers/inference_types.h"

#include <QObject>
#include <QThread>

#include <memory>
#include <mutex>
#include <vector>

class QTimer;

namespace mmfree::app
{

struct LocalServerRequest {
    gui::OpenRequest model;
    QString name; // of the model, for clients
    quint16 port = 8080;
    QString apiKey; // empty: none
};

struct LocalServerActivity {
    server::ServerStats stats;
    std::vector<server::RequestRecord> records; // since the last activity, oldest first
};

class LocalServerWorker;

class LocalServer : public QObject
{
    Q_OBJECT
public:
    enum class State { Off, Starting, On, Stopping };

    explicit LocalServer(gui::OpenFunction open, QObject* parent = nullptr);
    ~LocalServer() override;

    void start(const LocalServerRequest& request);
    void stop(); // requests in progress have a few seconds
    [[nodiscard]] State state() const { return m_state; }
    [[nodiscard]] const QString& address() const
    {
        return m_address;
    } // "http://127.0.0.1:8080"; empty: not on
    [[nodiscard]] const QString& modelName() const { return m_modelName; }

signals:
    void stateChanged();
    void failed(const mmfree::gui::ErrorInfo& error);
    void activity(const mmfree::app::LocalServerActivity& activity);

private:
    void setState(State state, const QString& address = {});

    QThread m_thread;
    LocalServerWorker* m_worker; // lives in m_thread
    State m_state = State::Off;
    QString m_address, m_modelName;
};

// The part on the server's own thread.
class LocalServerWorker : public QObject
{
    Q_OBJECT
public:
    explicit LocalServerWorker(gui::OpenFunction open);
    ~LocalServerWorker() override;

public slots:
    void start(const mmfree::app::LocalServerRequest& request);
    void stop();

signals:
    void started(const QString& address);
    void stopped();
    void failed(const mmfree::gui::ErrorInfo& error);
    void activity(const mmfree::app::LocalServerActivity& activity);

private:
    void report();

    gui::OpenFunction m_open;
    std::unique_ptr<server::ApiServer> m_api;
    QTimer* m_timer;
    std::mutex m_recordMutex;
    std::vector<server::RequestRecord> m_records; // guarded by m_recordMutex
};

} // namespace mmfree::app

Q_DECLARE_METATYPE(mmfree::app::LocalServerRequest)
Q_DECLARE_METATYPE(mmfree::app::LocalServerActivity)
