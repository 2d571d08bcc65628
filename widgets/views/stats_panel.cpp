#include "widgets/views/stats_panel.h"

#include "widgets/theme/theme.h"
#include "widgets/views/text_format.h"

#include <QFormLayout>
#include <QLabel>
#include <QVBoxLayout>

namespace mmfree::gui
{

StatsPanel::StatsPanel(QWidget* parent)
    : QWidget(parent)
    , m_table(new QWidget(this))
    , m_form(new QFormLayout(m_table))
    , m_empty(new QLabel(tr("Speed and memory of the latest answer appear here."), this))
{
    m_form->setContentsMargins(0, 0, 0, 0);
    m_form->setHorizontalSpacing(2 * kGrid);
    m_form->setVerticalSpacing(kGrid);
    m_first = addRow(tr("Time to first token"), tr("From sending to the first token of the answer"));
    m_prefill = addRow(tr("Reading (prefill)"), tr("Tokens of the prompt read per second"));
    m_decode = addRow(tr("Writing (decode)"), tr("Tokens written per second, after the first"));
    m_prompt = addRow(tr("Tokens read"),
                      tr("Tokens that had to be read for this answer; earlier ones were in the state"));
    m_generated = addRow(tr("Tokens written"), tr("Tokens of this answer"));
    m_sequence = addRow(tr("Whole sequence"), tr("Tokens of the conversation so far"));
    m_state = addRow(tr("State"),
                     tr("Everything the model remembers of the conversation. A recurrent model's state has "
                        "this size whatever the length."));
    m_weights = addRow(tr("Weights"), tr("Memory of the packed weights"));
    m_seed = addRow(tr("Seed"), tr("Repeats this answer with the same settings"));
    m_backend = addRow(tr("Backend"), tr("What computed the answer"));
    m_model = addRow(tr("Model"), tr("The model that wrote the answer"));
    m_empty->setWordWrap(true);
    setTextRole(m_empty, TextRole::Muted);

    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(2 * kGrid, 2 * kGrid, 2 * kGrid, 2 * kGrid);
    layout->addWidget(m_empty);
    layout->addWidget(m_table);
    layout->addStretch(1);
    setStats(std::nullopt);
}

QLabel* StatsPanel::addRow(const QString& name, const QString& hint)
{
    auto* label = new QLabel(name, m_table);
    setTextRole(label, TextRole::Muted);
    label->setToolTip(hint);
    auto* value = new QLabel(m_table);
    value->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    value->setTextInteractionFlags(Qt::TextSelectableByMouse);
    value->setToolTip(hint);
    value->setWordWrap(true);
    value->setAccessibleName(name);
    m_form->addRow(label, value);
    return value;
}

void StatsPanel::setStats(const std::optional<AnswerStats>& stats)
{
    m_table->setVisible(stats.has_value());
    m_empty->setVisible(!stats);
    if (!stats)
        return;
    m_first->setText(secondsText(stats->timeToFirstTokenSeconds));
    m_prefill->setText(stats->prefillTokensPerSecond > 0.0 ? rateText(stats->prefillTokensPerSecond)
                                                           : tr("nothing to read"));
    m_decode->setText(stats->decodeTokensPerSecond > 0.0 ? rateText(stats->decodeTokensPerSecond)
                                                         : QStringLiteral("\u2013"));
    m_prompt->setText(countText(stats->promptTokens));
    m_generated->setText(countText(stats->generatedTokens));
    m_sequence->setText(countText(stats->sequenceTokens));
    m_state->setText(bytesText(stats->stateBytes));
    m_weights->setText(bytesText(stats->weightBytes));
    m_seed->setText(QString::number(stats->seed));
    m_backend->setText(backendTitle(stats->backend));
    m_model->setText(stats->model);
}

} // namespace mmfree::gui
