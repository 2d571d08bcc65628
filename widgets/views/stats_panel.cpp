#include "widgets/views/stats_panel.h"

#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/sparkline.h"
#include "widgets/views/text_format.h"

#include <QFormLayout>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

namespace mmfree::gui
{

StatsPanel::StatsPanel(QWidget* parent)
    : QWidget(parent)
    , m_content(new QWidget)
    , m_form(new QFormLayout)
    , m_empty(new QLabel(tr("Speed and memory of the latest answer appear here."), this))
    , m_steps(new Sparkline(m_content))
    , m_reproduce(new QPushButton(themedIcon(QStringLiteral("copy")), tr("Reproduce"), m_content))
{
    m_form->setContentsMargins(0, 0, 0, 0);
    m_form->setHorizontalSpacing(2 * kGrid);
    m_form->setVerticalSpacing(kGrid);
    m_first = addRow(QStringLiteral("statFirst"), tr("Time to first token"),
                     tr("From sending to the first token of the answer"));
    m_prefill = addRow(QStringLiteral("statPrefill"), tr("Reading (prefill)"),
                       tr("Tokens of the prompt read per second"));
    m_decode = addRow(QStringLiteral("statDecode"), tr("Writing (decode)"),
                      tr("Tokens written per second, after the first"));
    m_median = addRow(QStringLiteral("statMedian"), tr("Median step"),
                      tr("Half of the tokens took at most this long"));
    m_p95 = addRow(QStringLiteral("statP95"), tr("95th percentile"),
                   tr("95 % of the tokens took at most this long"));
    m_prompt = addRow(QStringLiteral("statPrompt"), tr("Tokens read"),
                      tr("Tokens that had to be read for this answer; earlier ones were in the state"));
    m_generated = addRow(QStringLiteral("statGenerated"), tr("Tokens written"), tr("Tokens of this answer"));
    m_sequence =
        addRow(QStringLiteral("statSequence"), tr("Whole sequence"), tr("Tokens of the conversation so far"));
    m_state = addRow(QStringLiteral("statState"), tr("State"),
                     tr("Everything the model remembers of the conversation. A recurrent model's state has "
                        "this size whatever the length."));
    m_weights = addRow(QStringLiteral("statWeights"), tr("Weights"), tr("Memory of the packed weights"));
    m_work = addRow(QStringLiteral("statWork"), tr("Workspace"), tr("Memory for activations"));
    m_seed = addRow(QStringLiteral("statSeed"), tr("Seed"), tr("Repeats this answer with the same settings"));
    m_backend = addRow(QStringLiteral("statBackend"), tr("Backend"), tr("What computed the answer"));
    m_device = addRow(QStringLiteral("statDevice"), tr("Device"), tr("Instruction set, threads and packing"));
    m_model = addRow(QStringLiteral("statModel"), tr("Model"), tr("The model that wrote the answer"));
    m_build = addRow(QStringLiteral("statBuild"), tr("Build"), tr("Version of this program that wrote it"));
    m_empty->setWordWrap(true);
    setTextRole(m_empty, TextRole::Muted);
    m_steps->setObjectName(QStringLiteral("stepTimes"));
    m_steps->setToolTip(tr("Time of each decode step; click a spike for its token"));
    m_reproduce->setObjectName(QStringLiteral("reproduceButton"));
    m_reproduce->setToolTip(tr("Copy the command line that writes this answer again"));

    m_content->setObjectName(QStringLiteral("scrollContent"));
    auto* inner = new QVBoxLayout(m_content);
    inner->setContentsMargins(2 * kGrid, 2 * kGrid, 2 * kGrid, 2 * kGrid);
    inner->setSpacing(kGrid);
    inner->addWidget(m_steps);
    inner->addLayout(m_form);
    inner->addWidget(m_reproduce, 0, Qt::AlignLeft);
    inner->addStretch(1);
    auto* area = new QScrollArea(this);
    area->setWidgetResizable(true);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    area->setFocusPolicy(Qt::NoFocus);
    area->setWidget(m_content);
    m_empty->setContentsMargins(2 * kGrid, 2 * kGrid, 2 * kGrid, 0);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_empty);
    layout->addWidget(area, 1);
    // The first token has no step of its own.
    connect(m_steps, &Sparkline::stepChosen, this, [this](int step) {
        const qint64 before = m_message.stats->generatedTokens - m_message.stats->runTokens;
        emit stepChosen(m_message.id, static_cast<int>(before) + step + 1);
    });
    connect(m_reproduce, &QPushButton::clicked, this, [this] { emit reproduceRequested(m_message.id); });
    setMessage(std::nullopt);
}

QLabel* StatsPanel::addRow(const QString& objectName, const QString& name, const QString& hint)
{
    auto* label = new QLabel(name, m_content);
    setTextRole(label, TextRole::Muted);
    label->setToolTip(hint);
    auto* value = new QLabel(m_content);
    value->setObjectName(objectName);
    value->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    value->setTextInteractionFlags(Qt::TextSelectableByMouse);
    value->setToolTip(hint);
    value->setWordWrap(true);
    value->setAccessibleName(name);
    m_form->addRow(label, value);
    return value;
}

void StatsPanel::setMessage(const std::optional<Message>& message)
{
    const bool any = message && message->stats;
    m_content->setVisible(any);
    m_empty->setVisible(!any);
    if (!any)
        return;
    m_message = *message;
    const AnswerStats& stats = *m_message.stats;
    const QString none = QStringLiteral("\u2013");
    m_steps->setValues(stats.tokenMilliseconds);
    m_first->setText(secondsText(stats.timeToFirstTokenSeconds));
    m_prefill->setText(stats.prefillTokensPerSecond > 0.0 ? rateText(stats.prefillTokensPerSecond)
                                                          : tr("nothing to read"));
    m_decode->setText(stats.decodeTokensPerSecond > 0.0 ? rateText(stats.decodeTokensPerSecond) : none);
    m_median->setText(stats.tokenSecondsMedian > 0.0 ? secondsText(stats.tokenSecondsMedian) : none);
    m_p95->setText(stats.tokenSecondsP95 > 0.0 ? secondsText(stats.tokenSecondsP95) : none);
    m_prompt->setText(countText(stats.promptTokens));
    m_generated->setText(countText(stats.generatedTokens));
    m_sequence->setText(countText(stats.sequenceTokens));
    m_state->setText(bytesText(stats.stateBytes));
    m_weights->setText(bytesText(stats.weightBytes));
    m_work->setText(bytesText(stats.activationBytes));
    m_seed->setText(QString::number(stats.seed));
    m_backend->setText(backendTitle(stats.backend));
    m_device->setText(stats.device.isEmpty() ? none : stats.device);
    m_model->setText(stats.model);
    m_build->setText(stats.build.isEmpty() ? none : stats.build);
}

} // namespace mmfree::gui
