#include "app/server/server_dialog.h"

#include "widgets/theme/theme.h"
#include "widgets/views/text_format.h"

#include <QApplication>
#include <QClipboard>
#include <QEvent>
#include <QFontDatabase>
#include <QFormLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QTableWidget>
#include <QTime>
#include <QVBoxLayout>

namespace mmfree::app
{

using namespace gui;

namespace
{

constexpr int kShownRequests = 200;

QString exampleFor(const QString& address, const QString& key)
{
    QString text = QStringLiteral("curl %1/v1/chat/completions \\\n").arg(address);
    if (!key.isEmpty())
        text += QStringLiteral("  -H 'Authorization: Bearer %1' \\\n").arg(key);
    return text + QStringLiteral("  -H 'Content-Type: application/json' \\\n"
                                 "  -d '{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}], "
                                 "\"stream\": true}'");
}

} // namespace

ServerDialog::ServerDialog(LocalServer* server, quint16 port,
                           std::function<std::optional<LocalServerRequest>()> modelToServe, QWidget* parent)
    : QDialog(parent)
    , m_server(server)
    , m_modelToServe(std::move(modelToServe))
    , m_status(new QLabel(this))
    , m_totals(new QLabel(this))
    , m_switch(new QPushButton(this))
    , m_copy(new QPushButton(tr("&Copy"), this))
    , m_port(new QSpinBox(this))
    , m_key(new QLineEdit(this))
    , m_example(new QPlainTextEdit(this))
    , m_requests(new QTableWidget(0, 6, this))
{
    setWindowTitle(tr("Local server"));
    resize(680, 560);
    auto* intro = new QLabel(
        tr("Lets programs of this machine use the open model through the interface of OpenAI: "
           "/v1/models, /v1/completions and /v1/chat/completions. Other machines cannot reach it."),
        this);
    intro->setWordWrap(true);
    setTextRole(intro, TextRole::Muted);
    setTextRole(m_status, TextRole::Section);
    m_status->setWordWrap(true);
    m_status->setObjectName(QStringLiteral("serverStatus"));
    m_switch->setObjectName(QStringLiteral("serverSwitch"));
    m_switch->setProperty("kind", "primary");
    m_port->setRange(1024, 65535);
    m_port->setValue(port);
    m_port->setObjectName(QStringLiteral("serverPort"));
    m_port->setAccessibleName(tr("Port"));
    m_key->setEchoMode(QLineEdit::PasswordEchoOnEdit);
    m_key->setPlaceholderText(tr("none: every program of this machine may ask"));
    m_key->setAccessibleName(tr("API key"));
    m_key->setObjectName(QStringLiteral("serverKey"));
    m_example->setReadOnly(true);
    m_example->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    m_example->setFixedHeight(13 * kGrid);
    m_example->setAccessibleName(tr("How to call it"));
    m_example->setObjectName(QStringLiteral("serverExample"));
    setTextRole(m_totals, TextRole::SmallMuted);
    m_requests->setHorizontalHeaderLabels(
        {tr("Time"), tr("Request"), tr("Status"), tr("Read"), tr("Written"), tr("Took")});
    m_requests->horizontalHeader()->setSectionResizeMode(1, QHeaderView::Stretch);
    m_requests->verticalHeader()->hide();
    m_requests->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_requests->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_requests->setShowGrid(false);
    m_requests->setAccessibleName(tr("Requests"));
    m_requests->setObjectName(QStringLiteral("serverRequests"));

    auto* top = new QHBoxLayout;
    top->addWidget(m_status, 1);
    top->addWidget(m_switch, 0, Qt::AlignTop);
    auto* form = new QFormLayout;
    form->addRow(tr("&Port"), m_port);
    form->addRow(tr("API &key"), m_key);
    auto* callRow = new QHBoxLayout;
    auto* callTitle = new QLabel(tr("How to call it"), this);
    setTextRole(callTitle, TextRole::Section);
    callRow->addWidget(callTitle, 1);
    callRow->addWidget(m_copy);
    auto* requestsTitle = new QLabel(tr("Requests"), this);
    setTextRole(requestsTitle, TextRole::Section);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(2 * kGrid, 2 * kGrid, 2 * kGrid, 2 * kGrid);
    layout->setSpacing(kGrid);
    layout->addWidget(intro);
    layout->addLayout(top);
    layout->addLayout(form);
    layout->addLayout(callRow);
    layout->addWidget(m_example);
    layout->addWidget(requestsTitle);
    layout->addWidget(m_requests, 1);
    layout->addWidget(m_totals);

    connect(m_switch, &QPushButton::clicked, this, &ServerDialog::toggle);
    connect(m_copy, &QPushButton::clicked, this,
            [this] { QApplication::clipboard()->setText(m_example->toPlainText()); });
    connect(m_port, &QSpinBox::valueChanged, this, &ServerDialog::showState);
    connect(m_key, &QLineEdit::textChanged, this, &ServerDialog::showState);
    connect(server, &LocalServer::stateChanged, this, &ServerDialog::showState);
    connect(server, &LocalServer::failed, this, [this](const ErrorInfo& error) {
        m_problem = error.message;
        showState();
    });
    connect(server, &LocalServer::activity, this, &ServerDialog::showActivity);
    showState();
}

quint16 ServerDialog::port() const
{
    return static_cast<quint16>(m_port->value());
}

void ServerDialog::changeEvent(QEvent* event)
{
    QDialog::changeEvent(event);
    if (event->type() == QEvent::LanguageChange)
        showState();
}

void ServerDialog::toggle()
{
    m_problem.clear();
    if (m_server->state() == LocalServer::State::On) {
        m_server->stop();
        return;
    }
    std::optional<LocalServerRequest> request = m_modelToServe();
    if (!request) {
        showState();
        return;
    }
    request->port = port();
    request->apiKey = m_key->text();
    m_server->start(*request);
}

void ServerDialog::showState()
{
    const LocalServer::State state = m_server->state();
    const bool off = state == LocalServer::State::Off;
    const bool hasModel = m_modelToServe().has_value();
    switch (state) {
    case LocalServer::State::Off:
        m_status->setText(!m_problem.isEmpty() ? tr("Not started: %1").arg(m_problem)
                          : hasModel           ? tr("Off")
                                               : tr("Off: open a model first"));
        break;
    case LocalServer::State::Starting:
        m_status->setText(tr("Opening the model for the server…"));
        break;
    case LocalServer::State::On:
        m_status->setText(tr("%1 at %2/v1").arg(m_server->modelName(), m_server->address()));
        break;
    case LocalServer::State::Stopping:
        m_status->setText(tr("Ending, requests in progress have some seconds…"));
        break;
    }
    m_switch->setText(state == LocalServer::State::On ? tr("&Switch off") : tr("&Switch on"));
    m_switch->setEnabled((off && hasModel) || state == LocalServer::State::On);
    m_port->setEnabled(off);
    m_key->setEnabled(off);
    const QString address =
        off ? QStringLiteral("http://127.0.0.1:%1").arg(m_port->value()) : m_server->address();
    m_example->setPlainText(exampleFor(address, m_key->text()));
    showActivity({m_latest.stats, {}});
}

void ServerDialog::showActivity(const LocalServerActivity& activity)
{
    m_latest.stats = activity.stats;
    for (const server::RequestRecord& record : activity.records)
        addRecord(record);
    const server::ServerStats& stats = activity.stats;
    const QLocale locale;
    m_totals->setText(
        tr("Requests: %1 · in progress: %2 · tokens read: %3, known from before: %4, written: %5")
            .arg(locale.toString(static_cast<qulonglong>(stats.requests)),
                 locale.toString(stats.active + stats.waiting),
                 locale.toString(static_cast<qulonglong>(stats.promptTokens - stats.cachedTokens)),
                 locale.toString(static_cast<qulonglong>(stats.cachedTokens)),
                 locale.toString(static_cast<qulonglong>(stats.completionTokens))));
}

void ServerDialog::addRecord(const server::RequestRecord& record)
{
    while (m_requests->rowCount() >= kShownRequests)
        m_requests->removeRow(m_requests->rowCount() - 1);
    m_requests->insertRow(0);
    const QLocale locale;
    const QStringList texts{
        locale.toString(QTime::currentTime(), QLocale::ShortFormat),
        QString::fromStdString(record.method + " " + record.path),
        record.status == 0 ? tr("client left") : QString::number(record.status),
        locale.toString(static_cast<qlonglong>(record.promptTokens - record.cachedTokens)),
        locale.toString(static_cast<qlonglong>(record.completionTokens)),
        secondsText(record.seconds)};
    for (int column = 0; column < texts.size(); ++column)
        m_requests->setItem(0, column, new QTableWidgetItem(texts.at(column)));
}

} // namespace mmfree::app
