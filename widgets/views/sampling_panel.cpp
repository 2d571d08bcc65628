#include "widgets/views/sampling_panel.h"

#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/setting_marker.h"
#include "widgets/views/text_format.h"

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QHBoxLayout>
#include <QInputDialog>
#include <QJsonArray>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
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
constexpr int kTextMilliseconds = 300; // from the last key to taking a text over

QString stopsToText(const QJsonArray& stops)
{
    QStringList lines;
    for (const QJsonValue& stop : stops)
        lines << stop.toString().replace(QLatin1Char('\n'), QLatin1String("\\n"));
    return lines.join(QLatin1Char('\n'));
}

QJsonArray stopsFromText(const QString& text)
{
    QJsonArray stops;
    for (QString line : text.split(QLatin1Char('\n'), Qt::SkipEmptyParts))
        stops.append(line.replace(QLatin1String("\\n"), QLatin1String("\n")));
    return stops;
}

QToolButton* makeButton(const QString& objectName, const QString& icon, const QString& name, QWidget* parent)
{
    auto* button = new QToolButton(parent);
    button->setObjectName(objectName);
    button->setIcon(themedIcon(icon));
    button->setToolTip(name);
    button->setAccessibleName(name);
    return button;
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

    addPresets(layout);
    addReal(layout, QStringLiteral("temperature"), tr("Temperature"),
            tr("How freely tokens are drawn. 0 always takes the likeliest; 1 follows the model's own "
               "probabilities; above 1 becomes wild."),
            0.0, 2.0, 0.05);
    addWhole(layout, QStringLiteral("topK"), tr("Top-k"),
             tr("Only the k likeliest tokens can be drawn. 0 turns this off."), 0, 100000);
    addReal(
        layout, QStringLiteral("topP"), tr("Top-p"),
        tr("Only the likeliest tokens that together reach this probability can be drawn. 1 turns this off."),
        0.05, 1.0, 0.01);
    addReal(layout, QStringLiteral("minP"), tr("Min-p"),
            tr("Tokens less likely than this share of the likeliest one are left out. 0 turns this off."),
            0.0, 1.0, 0.01);
    addReal(layout, QStringLiteral("repetitionPenalty"), tr("Repetition penalty"),
            tr("Makes recent tokens less likely. 1 turns this off."), 1.0, 2.0, 0.01);
    addWhole(layout, QStringLiteral("repetitionWindow"), tr("Penalty looks back"),
             tr("Tokens that the repetition penalty looks back. 0 turns it off."), 0, 100000);
    addSeed(layout);
    addWhole(layout, QStringLiteral("maxTokens"), tr("Longest answer"),
             tr("Tokens. The answer ends here at the latest; it can be continued."), 1, 1'000'000);
    addText(layout, QStringLiteral("systemPrompt"), tr("System prompt"),
            tr("What the model reads before the conversation."), tr("None"), 3);
    addText(layout, QStringLiteral("stopStrings"), tr("Stop strings"),
            tr("One a line. The answer ends before the first that it writes; \\n stands for a line break."),
            tr("None"), 2);
    addWhole(layout, QStringLiteral("alternatives"), tr("Alternatives kept"),
             tr("So many other tokens the model considered are kept with each token of an answer, for the "
                "token face. 0 keeps none."),
             0, 200);

    m_reset = new QPushButton(themedIcon(QStringLiteral("reset")), tr("Reset this chat's settings"), content);
    m_reset->setObjectName(QStringLiteral("resetSampling"));
    connect(m_reset, &QPushButton::clicked, this, &SamplingPanel::resetRequested);
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

    m_textTimer.setSingleShot(true);
    m_textTimer.setInterval(kTextMilliseconds);
    connect(&m_textTimer, &QTimer::timeout, this, &SamplingPanel::sendTexts);
    m_layers.model = modelDefaults(plainChatTemplate());
    showLayers();
}

void SamplingPanel::addPresets(QVBoxLayout* layout)
{
    m_presets = new QComboBox(this);
    m_presets->setObjectName(QStringLiteral("presetBox"));
    m_presets->setAccessibleName(tr("Preset"));
    m_presets->setToolTip(tr("Settings under a name. What this chat sets itself goes before it."));
    m_presets->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    auto* save = makeButton(QStringLiteral("savePreset"), QStringLiteral("plus"),
                            tr("Save these settings as a preset"), this);
    m_deletePreset =
        makeButton(QStringLiteral("deletePreset"), QStringLiteral("trash"), tr("Delete this preset"), this);
    auto* row = new QHBoxLayout;
    row->setSpacing(kGrid / 2);
    row->addWidget(m_presets, 1);
    row->addWidget(save);
    row->addWidget(m_deletePreset);
    layout->addLayout(row);
    layout->addSpacing(kGrid);
    connect(m_presets, &QComboBox::activated, this,
            [this](int index) { emit presetChosen(m_presets->itemData(index).toString()); });
    connect(save, &QToolButton::clicked, this, &SamplingPanel::askPresetName);
    connect(m_deletePreset, &QToolButton::clicked, this,
            [this] { emit deletePresetRequested(m_presets->currentData().toString()); });
    setPresets({}, {});
}

void SamplingPanel::askPresetName()
{
    auto* dialog = new QInputDialog(this);
    dialog->setObjectName(QStringLiteral("presetNameDialog"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setWindowTitle(tr("Save a preset"));
    dialog->setLabelText(tr("Name of the preset"));
    dialog->setTextValue(m_presets->currentData().toString());
    connect(dialog, &QInputDialog::textValueSelected, this, [this](const QString& name) {
        if (!name.simplified().isEmpty())
            emit savePresetRequested(name.simplified());
    });
    dialog->open();
}

void SamplingPanel::setPresets(const QStringList& names, const QString& current)
{
    m_presets->clear();
    m_presets->addItem(tr("No preset"), QString());
    for (const QString& name : names)
        m_presets->addItem(name, name);
    m_presets->setCurrentIndex(std::max(0, m_presets->findData(current)));
    m_deletePreset->setEnabled(m_presets->currentIndex() > 0);
}

QHBoxLayout* SamplingPanel::addHeading(QVBoxLayout* layout, const QString& field, const QString& name,
                                       const QString& hint, SettingMarker*& marker)
{
    auto* label = new QLabel(name, this);
    label->setToolTip(hint);
    marker = new SettingMarker(name, this);
    connect(marker, &SettingMarker::resetRequested, this,
            [this, field] { emit valueChanged(field, QJsonValue(QJsonValue::Undefined)); });
    auto* row = new QHBoxLayout;
    row->setSpacing(kGrid / 2);
    row->addWidget(label);
    row->addWidget(marker);
    row->addStretch(1);
    layout->addLayout(row);
    return row;
}

void SamplingPanel::addReal(QVBoxLayout* layout, const QString& name, const QString& title,
                            const QString& hint, double minimum, double maximum, double step)
{
    Field field;
    field.name = name;
    QHBoxLayout* row = addHeading(layout, name, title, hint, field.marker);
    field.real = new QDoubleSpinBox(this);
    field.real->setObjectName(name);
    field.real->setRange(minimum, maximum);
    field.real->setDecimals(2);
    field.real->setSingleStep(step);
    field.real->setFixedWidth(kFieldWidth);
    field.real->setAlignment(Qt::AlignRight);
    field.real->setToolTip(hint);
    field.real->setAccessibleName(title);
    field.real->setAccessibleDescription(hint);
    field.slider = new QSlider(Qt::Horizontal, this);
    field.slider->setRange(0, kSliderSteps);
    field.slider->setPageStep(kSliderSteps / 10);
    field.slider->setToolTip(hint);
    field.slider->setAccessibleName(title);
    row->addWidget(field.real);
    layout->addWidget(field.slider);
    layout->addSpacing(kGrid / 2);
    connect(field.real, &QDoubleSpinBox::valueChanged, this, [this, name](double value) {
        if (!m_showing)
            emit valueChanged(name, value);
    });
    connect(field.slider, &QSlider::valueChanged, this,
            [this, box = field.real, minimum, maximum, step](int position) {
                if (m_showing)
                    return;
                const double value = minimum + (maximum - minimum) * position / kSliderSteps;
                box->setValue(std::round(value / step) * step);
            });
    m_fields.push_back(field);
}

void SamplingPanel::addWhole(QVBoxLayout* layout, const QString& name, const QString& title,
                             const QString& hint, int minimum, int maximum)
{
    Field field;
    field.name = name;
    QHBoxLayout* row = addHeading(layout, name, title, hint, field.marker);
    field.whole = new QSpinBox(this);
    field.whole->setObjectName(name);
    field.whole->setRange(minimum, maximum);
    field.whole->setFixedWidth(kFieldWidth);
    field.whole->setAlignment(Qt::AlignRight);
    field.whole->setToolTip(hint);
    field.whole->setAccessibleName(title);
    field.whole->setAccessibleDescription(hint);
    row->addWidget(field.whole);
    layout->addSpacing(kGrid);
    connect(field.whole, &QSpinBox::valueChanged, this, [this, name](int value) {
        if (!m_showing)
            emit valueChanged(name, value);
    });
    m_fields.push_back(field);
}

void SamplingPanel::addText(QVBoxLayout* layout, const QString& name, const QString& title,
                            const QString& hint, const QString& placeholder, int lines)
{
    Field field;
    field.name = name;
    addHeading(layout, name, title, hint, field.marker);
    field.text = new QPlainTextEdit(this);
    field.text->setObjectName(name);
    field.text->setPlaceholderText(placeholder);
    field.text->setToolTip(hint);
    field.text->setAccessibleName(title);
    field.text->setAccessibleDescription(hint);
    field.text->setTabChangesFocus(true);
    field.text->setFixedHeight(lines * fontMetrics().lineSpacing() + 2 * kGrid);
    layout->addWidget(field.text);
    layout->addSpacing(kGrid);
    connect(field.text, &QPlainTextEdit::textChanged, this, [this] {
        if (!m_showing)
            m_textTimer.start();
    });
    m_fields.push_back(field);
}

void SamplingPanel::addSeed(QVBoxLayout* layout)
{
    const QString hint =
        tr("The same seed, text and settings give the same answer. Locked: it stays; open: every "
           "answer draws a new one.");
    QHBoxLayout* row = addHeading(layout, QStringLiteral("seed"), tr("Seed"), hint, m_seedMarker);
    m_seed = new QLineEdit(this);
    m_seed->setObjectName(QStringLiteral("seed"));
    m_seed->setAccessibleName(tr("Seed"));
    m_seed->setToolTip(hint);
    m_seed->setAlignment(Qt::AlignRight);
    m_seed->setMinimumWidth(kFieldWidth);
    m_seed->setValidator(
        new QRegularExpressionValidator(QRegularExpression(QStringLiteral("\\d{1,19}")), m_seed));
    m_dice =
        makeButton(QStringLiteral("seedDice"), QStringLiteral("dice"), tr("Draw a seed and keep it"), this);
    m_lock = makeButton(QStringLiteral("seedLock"), QStringLiteral("unlock"), tr("Keep this seed"), this);
    m_lock->setCheckable(true);
    row->addWidget(m_seed, 1);
    row->addWidget(m_dice);
    row->addWidget(m_lock);
    layout->addSpacing(kGrid);

    connect(m_seed, &QLineEdit::textEdited, this, [this](const QString& text) {
        emit valueChanged(QStringLiteral("seed"), // who types a seed wants it used
                          text.isEmpty() ? QJsonValue(QJsonValue::Undefined) : QJsonValue(text));
    });
    connect(m_dice, &QToolButton::clicked, this, [this] {
        emit valueChanged(QStringLiteral("seed"), QString::number(QRandomGenerator::global()->generate()));
    });
    connect(m_lock, &QToolButton::clicked, this, [this](bool locked) {
        emit valueChanged(QStringLiteral("seed"), locked ? QJsonValue(QString::number(m_latestSeed))
                                                         : QJsonValue(QJsonValue::Undefined));
    });
}

void SamplingPanel::setLayers(const SettingLayers& layers)
{
    m_layers = layers;
    showLayers();
}

void SamplingPanel::setLatestSeed(quint64 seed)
{
    m_latestSeed = seed;
    showLayers();
}

void SamplingPanel::setTokenBytes(qint64 bytes)
{
    for (const Field& field : m_fields) {
        if (field.name == QLatin1String("alternatives"))
            field.whole->setToolTip(tr("%1\nToken data of all chats: %2")
                                        .arg(field.whole->accessibleDescription(), bytesText(bytes)));
    }
}

void SamplingPanel::sendTexts()
{
    m_textTimer.stop();
    for (const Field& field : m_fields) {
        if (!field.text)
            continue;
        const QString text = field.text->toPlainText();
        const QJsonValue value =
            field.name == QLatin1String("stopStrings") ? QJsonValue(stopsFromText(text)) : QJsonValue(text);
        if (value != m_layers.value(field.name))
            emit valueChanged(field.name, value);
    }
}

void SamplingPanel::showLayers()
{
    m_showing = true;
    for (const Field& field : m_fields) {
        const QJsonValue value = m_layers.value(field.name);
        field.marker->setOrigin(m_layers.originOf(field.name), m_layers.presetName);
        if (field.real) {
            if (std::abs(field.real->value() - value.toDouble()) > 1e-9)
                field.real->setValue(value.toDouble());
            const double span = field.real->maximum() - field.real->minimum();
            field.slider->setValue(static_cast<int>(
                std::lround((field.real->value() - field.real->minimum()) / span * kSliderSteps)));
        } else if (field.whole) {
            field.whole->setValue(value.toInt());
        } else {
            const bool stops = field.name == QLatin1String("stopStrings");
            // What is being typed is not replaced by what it was a moment ago.
            if (m_textTimer.isActive() && field.text->hasFocus())
                continue;
            const bool same = stops ? stopsFromText(field.text->toPlainText()) == value.toArray()
                                    : field.text->toPlainText() == value.toString();
            if (!same)
                field.text->setPlainText(stops ? stopsToText(value.toArray()) : value.toString());
        }
    }
    const QJsonValue seed = m_layers.value(QStringLiteral("seed"));
    const bool locked = seed.isString();
    m_seedMarker->setOrigin(m_layers.originOf(QStringLiteral("seed")), m_layers.presetName);
    m_seed->setPlaceholderText(tr("random"));
    if (m_seed->text() != seed.toString())
        m_seed->setText(seed.toString());
    m_lock->setChecked(locked);
    m_lock->setIcon(themedIcon(locked ? QStringLiteral("lock") : QStringLiteral("unlock")));
    m_lock->setToolTip(locked ? tr("The seed is kept for all answers of this chat")
                              : tr("Every answer draws a new seed. Press to keep the latest."));
    m_reset->setEnabled(!m_layers.chat.isEmpty());
    m_showing = false;
}

} // namespace mmfree::gui
