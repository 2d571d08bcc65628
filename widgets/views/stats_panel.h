// What was measured for one answer, and what the model holds in memory.
#pragma once

#include "widgets/models/conversation.h"

#include <QWidget>

#include <optional>

class QFormLayout;
class QLabel;

namespace mmfree::gui
{

class StatsPanel : public QWidget
{
    Q_OBJECT
public:
    explicit StatsPanel(QWidget* parent = nullptr);

    void setStats(const std::optional<AnswerStats>& stats); // nothing: the hint is shown

private:
    QLabel* addRow(const QString& name, const QString& hint);

    QWidget* m_table;
    QFormLayout* m_form;
    QLabel* m_empty;
    QLabel *m_first, *m_prefill, *m_decode, *m_prompt, *m_generated, *m_sequence, *m_state, *m_weights,
        *m_model, *m_backend, *m_seed;
};

} // namespace mmfree::gui
