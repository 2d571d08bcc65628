#include "widgets/training/control_bar.h"

#include "widgets/theme/theme.h"
#include "widgets/training/run_library.h"
#include "widgets/views/plot/plot_scale.h"
#include "widgets/views/text_format.h"

#include <QAction>
#include <QCheckBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QToolButton>
#include <QVBoxLayout>

#include <cmath>

namespace mmfree::gui
{

ControlBar::ControlBar(const RunActions& actions, QWidget* parent)
    : QFrame(parent)
    , m_actions(actions)
    , m_text(new QLabel)
    , m_progress(new QProgressBar)
    , m_keep(new QCheckBox(tr("&Goes on when the window closes")))
{
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(kGrid / 2);
    addStartButton(buttons, actions.start);
    for (QAction* action : {actions.pause, actions.step, actions.stop})
        addButton(buttons, action);
    buttons->addSpacing(2 * kGrid);
    for (QAction* action : {actions.checkpoint, actions.sample, actions.chat, actions.explore})
        addButton(buttons, action);
    buttons->addStretch(1);
    m_keep->setChecked(true);
    m_keep->setToolTip(
        tr("Training is a program of its own. Unticked, closing the window stops it with a checkpoint."));
    buttons->addWidget(m_keep);
    m_text->setObjectName(QStringLiteral("runProgress"));
    m_text->setAccessibleName(tr("Progress of the run"));
    setTextRole(m_text, TextRole::Small);
    m_text->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_progress->setTextVisible(false);
    m_progress->setAccessibleName(tr("Progress"));
    m_progress->setRange(0, 1000);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(2 * kGrid, kGrid, 2 * kGrid, kGrid);
    layout->setSpacing(kGrid / 2);
    layout->addWidget(m_progress);
    layout->addLayout(buttons);
    auto* foot = new QHBoxLayout;
    foot->setSpacing(2 * kGrid);
    foot->addWidget(m_text, 1);
    foot->addWidget(m_keep);
    layout->addLayout(foot);
}

void ControlBar::addButton(QHBoxLayout* layout, QAction* action)
{
    auto* button = new QToolButton;
    button->setDefaultAction(action);
    button->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    button->setFocusPolicy(Qt::StrongFocus);
    button->setObjectName(QStringLiteral("button_") + action->objectName());
    layout->addWidget(button);
    m_runButtons << button;
}

// The one button that matters most, in the accent's colour.
void ControlBar::addStartButton(QHBoxLayout* layout, QAction* action)
{
    auto* button = new QPushButton;
    button->setProperty("kind", "primary");
    button->setObjectName(QStringLiteral("button_") + action->objectName());
    const auto follow = [button, action] {
        button->setText(action->text());
        button->setToolTip(action->toolTip());
        button->setEnabled(action->isEnabled());
    };
    connect(action, &QAction::changed, button, follow);
    connect(button, &QPushButton::clicked, action, &QAction::trigger);
    follow();
    layout->addWidget(button);
}

bool ControlBar::keepsRunning() const
{
    return m_keep->isChecked();
}

void ControlBar::setKeepsRunning(bool keep)
{
    m_keep->setChecked(keep);
}

void ControlBar::show(const RunReader* reader, bool settingUp, bool setupReady, bool starting)
{
    const RunStatus status = reader ? reader->state().status : RunStatus::Prepared;
    const bool active = reader && isActive(status), paused = active && status == RunStatus::Paused;
    const bool canGoOn = reader && !active && status != RunStatus::Finished;
    m_actions.start->setText(settingUp ? tr("&Start") : tr("Go &on"));
    m_actions.start->setEnabled(!starting && (settingUp ? setupReady : paused || canGoOn));
    m_actions.pause->setEnabled(!settingUp && active && !paused);
    m_actions.step->setEnabled(!settingUp && active);
    m_actions.stop->setEnabled(!settingUp && active);
    m_actions.checkpoint->setEnabled(!settingUp && active);
    m_actions.sample->setEnabled(!settingUp && active && !reader->record().options.samplePrompts.empty());
    const bool hasWeights = reader && !reader->metrics().empty();
    m_actions.chat->setEnabled(!settingUp && hasWeights);
    m_actions.explore->setEnabled(!settingUp && hasWeights);
    m_progress->setVisible(!settingUp);
    for (QWidget* button : std::as_const(m_runButtons))
        button->setVisible(!settingUp);
    if (settingUp) {
        m_text->setText(setupReady ? tr("Everything is ready.")
                                   : tr("Start works when all four cards are green."));
        return;
    }
    if (!reader) {
        m_text->setText(tr("No run is chosen."));
        m_progress->setValue(0);
        return;
    }
    const auto& metrics = reader->metrics();
    const TrainingOptions& options = reader->record().options;
    QStringList parts;
    parts << (starting && !active ? tr("starting\u2026") : statusText(status));
    if (!metrics.empty()) {
        const StepMetrics& last = metrics.back();
        m_progress->setValue(static_cast<int>(1000 * last.step / std::max<std::int64_t>(1, options.steps)));
        parts << tr("step %1 of %2").arg(countText(last.step), countText(options.steps));
        parts << tr("loss %1").arg(plotNumber(last.loss));
        if (!std::isnan(reader->bestValidation()))
            parts << tr("best validation %1").arg(plotNumber(reader->bestValidation()));
        parts << rateText(reader->recentTokensPerSecond());
        const double tokens = static_cast<double>((options.steps - last.step) * options.batch *
                                                  options.length * options.accumulate);
        if (active && reader->recentTokensPerSecond() > 0.0)
            parts << tr("%1 left").arg(durationText(tokens / reader->recentTokensPerSecond()));
        else
            parts << tr("took %1").arg(durationText(last.elapsedSeconds));
    } else {
        m_progress->setValue(0);
    }
    if (!reader->state().message.empty() && !active)
        parts << QString::fromStdString(reader->state().message);
    if (paused && !reader->state().message.empty())
        parts << QString::fromStdString(reader->state().message);
    if (!reader->problem().isEmpty())
        parts << reader->problem();
    const QString text = parts.join(QStringLiteral("  \u00b7  "));
    m_text->setText(text);
    m_text->setToolTip(text);
}

} // namespace mmfree::gui
