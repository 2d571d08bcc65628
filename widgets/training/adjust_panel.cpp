#include "widgets/training/adjust_panel.h"

#include "widgets/theme/theme.h"
#include "widgets/training/run_library.h"

#include <QDoubleSpinBox>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

QSpinBox* cadenceBox(const QString& name)
{
    auto* box = new QSpinBox;
    box->setRange(0, 1'000'000);
    box->setSpecialValueText(AdjustPanel::tr("never"));
    box->setSuffix(AdjustPanel::tr(" steps"));
    box->setFixedWidth(14 * kGrid);
    box->setAccessibleName(name);
    return box;
}

} // namespace

AdjustPanel::AdjustPanel(QWidget* parent)
    : QWidget(parent)
    , m_state(new QLabel)
    , m_scale(new QDoubleSpinBox)
    , m_prompts(new QPlainTextEdit)
    , m_evaluate(cadenceBox(tr("Validate every")))
    , m_checkpoint(cadenceBox(tr("Save every")))
    , m_sample(cadenceBox(tr("Sample every")))
{
    setTextRole(m_state, TextRole::Muted);
    m_state->setWordWrap(true);
    m_scale->setRange(0.0, 100.0);
    m_scale->setDecimals(3);
    m_scale->setSingleStep(0.1);
    m_scale->setValue(1.0);
    m_scale->setPrefix(QStringLiteral("\u00d7 "));
    m_scale->setFixedWidth(14 * kGrid);
    m_scale->setAccessibleName(tr("Factor on the learning rate"));
    m_scale->setObjectName(QStringLiteral("rateScale"));
    m_prompts->setAccessibleName(tr("Prompts of the samples, one a line"));
    m_prompts->setTabChangesFocus(true);
    m_prompts->setFixedHeight(8 * kGrid);
    const auto button = [this](const QString& text, const char* name) {
        auto* made = new QPushButton(text);
        made->setObjectName(QLatin1String(name));
        m_buttons << made;
        return made;
    };
    auto* applyScale = button(tr("&Change the rate"), "applyRate");
    auto* applyPrompts = button(tr("Change &prompts"), "applyPrompts");
    auto* applyCadence = button(tr("Change &how often"), "applyCadence");
    auto* form = new QFormLayout;
    form->setVerticalSpacing(kGrid);
    form->addRow(tr("Learning rate"), m_scale);
    form->addRow(QString(), applyScale);
    form->addRow(tr("Validate every"), m_evaluate);
    form->addRow(tr("Save every"), m_checkpoint);
    form->addRow(tr("Sample every"), m_sample);
    form->addRow(QString(), applyCadence);
    auto* right = new QVBoxLayout;
    auto* promptsLabel = new QLabel(tr("Samples continue (one a line)"));
    promptsLabel->setBuddy(m_prompts);
    right->addWidget(promptsLabel);
    right->addWidget(m_prompts);
    right->addWidget(applyPrompts, 0, Qt::AlignLeft);
    right->addWidget(m_state);
    right->addStretch(1);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, kGrid, 0, kGrid);
    layout->setSpacing(4 * kGrid);
    layout->addLayout(form);
    layout->addLayout(right, 1);

    connect(applyScale, &QPushButton::clicked, this, [this] {
        emit commandAsked({.kind = RunCommandKind::LearningRateScale, .scale = m_scale->value()});
    });
    connect(applyPrompts, &QPushButton::clicked, this, [this] {
        RunCommand command{.kind = RunCommandKind::SamplePrompts};
        for (const QString& line : m_prompts->toPlainText().split(QLatin1Char('\n'), Qt::SkipEmptyParts))
            command.prompts.push_back(line.toStdString());
        emit commandAsked(command);
    });
    connect(applyCadence, &QPushButton::clicked, this, [this] {
        RunCommand command{.kind = RunCommandKind::Cadence};
        command.evaluateEvery = m_evaluate->value();
        command.checkpointEvery = m_checkpoint->value();
        command.sampleEvery = m_sample->value();
        emit commandAsked(command);
    });
    show(nullptr);
}

void AdjustPanel::show(const RunReader* reader)
{
    const bool active = reader && isActive(reader->state().status);
    for (QPushButton* button : std::as_const(m_buttons))
        button->setEnabled(active);
    m_state->setText(
        active ? tr("Changes hold from the next step on, are marked on the curves and kept with the run: "
                    "resumed from before, it makes them again.")
               : tr("Changes can be made while the run is running or paused."));
    if (!reader)
        return;
    const TrainingOptions& options = reader->record().options;
    if (reader->folder() != m_folder || options.samplePrompts != m_shownPrompts) {
        m_shownPrompts = options.samplePrompts;
        QStringList prompts;
        for (const std::string& prompt : options.samplePrompts)
            prompts << QString::fromStdString(prompt);
        m_prompts->setPlainText(prompts.join(QLatin1Char('\n')));
    }
    if (reader->folder() == m_folder)
        return;
    m_folder = reader->folder();
    m_scale->setValue(options.learningRateEdits.empty() ? 1.0 : options.learningRateEdits.back().scale);
    m_evaluate->setValue(static_cast<int>(options.evaluateEvery));
    m_checkpoint->setValue(static_cast<int>(options.checkpointEvery));
    m_sample->setValue(static_cast<int>(options.sampleEvery));
}

} // namespace mmfree::gui
