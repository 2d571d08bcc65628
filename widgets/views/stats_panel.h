// What was measured for one answer: speed, step times as a sparkline, tokens, memory, and where it ran.
#pragma once

#include "widgets/models/conversation.h"

#include <QWidget>

#include <optional>

class QFormLayout;
class QLabel;
class QPushButton;

namespace mmfree::gui
{

class Sparkline;

class StatsPanel : public QWidget
{
    Q_OBJECT
public:
    explicit StatsPanel(QWidget* parent = nullptr);

    void setMessage(const std::optional<Message>& message); // without stats: the hint is shown

signals:
    void stepChosen(qint64 message, int token); // a step of the sparkline was clicked
    void reproduceRequested(qint64 message);

private:
    QLabel* addRow(const QString& objectName, const QString& name, const QString& hint);

    QWidget* m_content;
    QFormLayout* m_form;
    QLabel* m_empty;
    Sparkline* m_steps;
    QLabel *m_first, *m_prefill, *m_decode, *m_median, *m_p95, *m_prompt, *m_generated, *m_sequence, *m_state,
        *m_weights, *m_work, *m_model, *m_backend, *m_device, *m_seed, *m_build;
    QPushButton* m_reproduce;
    Message m_message;
};

} // namespace mmfree::gui
