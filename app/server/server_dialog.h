// Switches the local server on and off, says how to call it and shows what it is asked. Closing the dialog
// leaves the server as it is.
#pragma once

#include "app/server/local_server.h"

#include <QDialog>

#include <functional>
#include <optional>

class QLabel;
class QLineEdit;
class QPlainTextEdit;
class QPushButton;
class QSpinBox;
class QTableWidget;

namespace mmfree::app
{

class ServerDialog : public QDialog
{
    Q_OBJECT
public:
    // `modelToServe`: what to open; nothing: no model is open.
    ServerDialog(LocalServer* server, quint16 port,
                 std::function<std::optional<LocalServerRequest>()> modelToServe, QWidget* parent = nullptr);

    [[nodiscard]] quint16 port() const;
    void showState(); // again, when another model was opened

protected:
    void changeEvent(QEvent* event) override;

private:
    void toggle();
    void showActivity(const LocalServerActivity& activity);
    void addRecord(const server::RequestRecord& record);

    LocalServer* m_server;
    std::function<std::optional<LocalServerRequest>()> m_modelToServe;
    QLabel *m_status, *m_totals;
    QPushButton *m_switch, *m_copy;
    QSpinBox* m_port;
    QLineEdit* m_key;
    QPlainTextEdit* m_example;
    QTableWidget* m_requests;
    QString m_problem;
    LocalServerActivity m_latest;
};

} // namespace mmfree::app
