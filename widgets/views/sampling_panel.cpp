#include "widgets/views/sampling_panel.h"

#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"

#include <QDoubleSpinBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QRandomGenerator>
#include <QRegularExpressionValidator>
#include <QScrollArea>
#include <QSlider>
#include <QSpinBox>
#include <QToolButton>
#include <QVBoxLayout>

#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr int kSliderSteps = 1000;
constexpr int kFieldWidth = 72;

QLabel* makeLabel(const QString& name, const QString& hint, QWidget* parent)
{
    auto* label = new QLabel(name, parent);
    label->setToolTip(hint);
    return label;
}

} // namespace

SamplingPanel::SamplingPanel(QWidget* parent)
    : QWidget(parent)
{
    auto* content = new QWidget;
    content->setObjectName(QStringLiteral("scrollContent"));
    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins(2 * kGrid, 2 * kGrid, 2 * kGrid, 2 * kGrid);
    layout->setSpacing(kGrid / 2);

    addRealRow(layout, tr("Temperature"),
               tr("How freely tokens are drawn. 0 always takes the likeliest; 1 follows the model's own "
                  "probabilities; "
                  "above 1 becomes wild."),
               0.0, 2.0, 0.05, &SamplingOptions::temperature);
    m_topK = addIntegerRow(layout, QStringLiteral("topK"), tr("Top-k"),
                           tr("Only the k likeliest tokens can be drawn. 0 turns this off."), 0, 100000);
    addRealRow(
        layout, tr("Top-p"),
        tr("Only the likeliest tokens that together reach this probability can be drawn. 1 turns this off."),
        0.05, 1.0, 0.01, &SamplingOptions::topP);
    addRealRow(layout, tr("Min-p"),
               tr("Tokens less likely than this share of the likeliest one are left out. 0 turns this off."),
               0.0, 1.0, 0.01, &SamplingOptions::minP);
    addRealRow(layout, tr("Repetition penalty"),
               tr("Makes tokens of the last %1 less likely. 1 turns this off.")
                   .arg(SamplingOptions().repetitionWindow),
               1.0, 2.0, 0.01, &SamplingOptions::repetitionPenalty);
    addSeedRow(layout);
    m_maxTokens = addIntegerRow(layout, QStringLiteral("maxTokens"), tr("Longest answer, tokens"),
                                tr("The answer ends here at the latest; it can be continued."), 1, 1'000'000);

    m_reset = new QPushButton(themedIcon(QStringLiteral("reset")), tr("Reset to defaults"), content);
    m_reset->setObjectName(QStringLiteral("resetSampling"));
    connect(m_reset, &QPushButton::clicked, this, [this] {
        const std::uint64_t seed = m_settings.options.seed;
        m_settings = {};
        m_settings.options.seed = seed;
        showSettings();
        emit settingsChanged(m_settings);
    });
    layout->addSpacing(kGrid);
    layout->addWidget(m_reset, 0, Qt::AlignLeft);
    layout->addStretch(1);

    auto* area = new QScrollArea(this);
    area->setWidgetResizable(true);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    area->setFocusPolicy(Qt::NoFocus);
    area->setWidget(content);
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(0, 0, 0, 0);
    outer->addWidget(area);
    showSettings();
}

void SamplingPanel::addRealRow(QVBoxLayout* layout, const QString& name, const QString& hint, double minimum,
                               double maximum, double step, double SamplingOptions::*field)
{
    Row row;
    row.field = field;
    row.box = new QDoubleSpinBox(this);
    row.box->setRange(minimum, maximum);
    row.box->setDecimals(2);
    row.box->setSingleStep(step);
    row.box->setFixedWidth(kFieldWidth);
    row.box->setAlignment(Qt::AlignRight);
    row.box->setToolTip(hint);
    row.box->setAccessibleName(name);
    row.box->setAccessibleDescription(hint);
    row.slider = new QSlider(Qt::Horizontal, this);
    row.slider->setRange(0, kSliderSteps);
    row.slider->setPageStep(kSliderSteps / 10);
    row.slider->setToolTip(hint);
    row.slider->setAccessibleName(name);

    auto* top = new QHBoxLayout;
    top->addWidget(makeLabel(name, hint, this));
    top->addStretch(1);
    top->addWidget(row.box);
    layout->addLayout(top);
    layout->addWidget(row.slider);
    layout->addSpacing(kGrid / 2);

    connect(row.box, &QDoubleSpinBox::valueChanged, this, [this, field](double value) {
        m_settings.options.*field = value;
        changed();
    });
    connect(row.slider, &QSlider::valueChanged, this,
            [this, box = row.box, minimum, maximum, step](int position) {
                if (m_showing)
                    return;
                const double value = minimum + (maximum - minimum) * position / kSliderSteps;
                box->setValue(std::round(value / step) * step);
            });
    m_rows.push_back(row);
}

QSpinBox* SamplingPanel::addIntegerRow(QVBoxLayout* layout, const QString& objectName, const QString& name,
                                       const QString& hint, int minimum, int maximum)
{
    auto* box = new QSpinBox(this);
    box->setObjectName(objectName);
    box->setRange(minimum, maximum);
    box->setFixedWidth(kFieldWidth);
    box->setAlignment(Qt::AlignRight);
    box->setToolTip(hint);
    box->setAccessibleName(name);
    box->setAccessibleDescription(hint);
    auto* row = new QHBoxLayout;
    row->addWidget(makeLabel(name, hint, this));
    row->addStretch(1);
    row->addWidget(box);
    layout->addLayout(row);
    layout->addSpacing(kGrid);
    connect(box, &QSpinBox::valueChanged, this, &SamplingPanel::changed);
    return box;
}

void SamplingPanel::addSeedRow(QVBoxLayout* layout)
{
    const QString hint =
        tr("The same seed, text and settings give the same answer. Locked: it stays; open: every "
           "answer draws a new one.");
    m_seed = new QLineEdit(this);
    m_seed->setObjectName(QStringLiteral("seed"));
    m_seed->setAccessibleName(tr("Seed"));
    m_seed->setToolTip(hint);
    m_seed->setAlignment(Qt::AlignRight);
    m_seed->setValidator(
        new QRegularExpressionValidator(QRegularExpression(QStringLiteral("\\d{1,19}")), m_seed));
    m_dice = new QToolButton(this);
    m_dice->setObjectName(QStringLiteral("seedDice"));
    m_dice->setIcon(themedIcon(QStringLiteral("dice")));
    m_dice->setToolTip(tr("Draw a new seed"));
    m_dice->setAccessibleName(tr("Draw a new seed"));
    m_lock = new QToolButton(this);
    m_lock->setObjectName(QStringLiteral("seedLock"));
    m_lock->setCheckable(true);
    m_lock->setAccessibleName(tr("Keep this seed"));
    auto* row = new QHBoxLayout;
    row->setSpacing(kGrid / 2);
    row->addWidget(makeLabel(tr("Seed"), hint, this));
    row->addSpacing(kGrid);
    row->addWidget(m_seed, 1);
    row->addWidget(m_dice);
    row->addWidget(m_lock);
    layout->addLayout(row);
    layout->addSpacing(kGrid);

    connect(m_seed, &QLineEdit::textEdited, this, [this](const QString& text) {
        m_settings.options.seed = text.toULongLong();
        m_settings.seedLocked = true; // who types a seed wants it used
        changed();
        showSettings();
    });
    connect(m_dice, &QToolButton::clicked, this, &SamplingPanel::rollSeed);
    connect(m_lock, &QToolButton::toggled, this, [this](bool locked) {
        m_settings.seedLocked = locked;
        changed();
        showSettings();
    });
}

void SamplingPanel::setSettings(const SamplingSettings& settings)
{
    m_settings = settings;
    showSettings();
}

void SamplingPanel::rollSeed()
{
    m_settings.options.seed = QRandomGenerator::global()->generate();
    showSettings();
    emit settingsChanged(m_settings);
}

void SamplingPanel::showSettings()
{
    m_showing = true;
    for (const Row& row : m_rows) {
        const double value = m_settings.options.*row.field;
        row.box->setValue(value);
        const double share = (value - row.box->minimum()) / (row.box->maximum() - row.box->minimum());
        row.slider->setValue(static_cast<int>(std::lround(share * kSliderSteps)));
    }
    m_topK->setValue(m_settings.options.topK);
    m_maxTokens->setValue(m_settings.maxTokens);
    const QString seed = QString::number(m_settings.options.seed);
    if (m_seed->text().isEmpty() || m_seed->text().toULongLong() != m_settings.options.seed)
        m_seed->setText(seed);
    m_lock->setChecked(m_settings.seedLocked);
    m_lock->setIcon(themedIcon(m_settings.seedLocked ? QStringLiteral("lock") : QStringLiteral("unlock")));
    m_lock->setToolTip(m_settings.seedLocked ? tr("The seed is kept for all answers")
                                             : tr("Every answer draws a new seed"));
    SamplingSettings defaults;
    if (!m_settings.seedLocked)
        defaults.options.seed = m_settings.options.seed; // changes by itself
    m_reset->setEnabled(!(m_settings == defaults));
    m_showing = false;
}

void SamplingPanel::changed()
{
    if (m_showing)
        return;
    m_settings.options.topK = m_topK->value();
    m_settings.maxTokens = m_maxTokens->value();
    showSettings();
    emit settingsChanged(m_settings);
}

} // namespace mmfree::gui
