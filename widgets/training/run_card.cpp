#include "widgets/training/run_card.h"

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"

#include <nlohmann/json.hpp>

#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QDialog>
#include <QDialogButtonBox>
#include <QDir>
#include <QDoubleValidator>
#include <QFileDialog>
#include <QFontDatabase>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QToolButton>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

QString numberText(const nlohmann::json& value)
{
    return value.is_number_float() ? QLocale::c().toString(value.get<double>(), 'g', 10)
                                   : QString::fromStdString(value.dump());
}

} // namespace

RunCard::RunCard(TrainingSetup* setup, QWidget* parent)
    : QWidget(parent)
    , m_setup(setup)
    , m_name(new QLineEdit)
    , m_schedule(new QComboBox)
    , m_prompts(new QPlainTextEdit)
{
    m_name->setAccessibleName(tr("Name of the run"));
    m_name->setObjectName(QStringLiteral("runName"));
    m_name->setMinimumWidth(28 * kGrid);
    auto* nameLabel = new QLabel(tr("&Name"));
    nameLabel->setBuddy(m_name);
    auto* command = new QPushButton(tr("Show &command line"));
    auto* import = new QPushButton(tr("&Import\u2026"));
    auto* exportButton = new QPushButton(tr("&Export\u2026"));
    auto* head = new QHBoxLayout;
    head->setSpacing(kGrid);
    head->addWidget(nameLabel);
    head->addWidget(m_name);
    head->addStretch(1);
    head->addWidget(command);
    head->addWidget(import);
    head->addWidget(exportButton);

    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(kGrid);
    grid->setVerticalSpacing(kGrid / 2);
    int place = 0;
    const auto field = [&](const char* key, const QString& name, const QString& hint) {
        addField(grid, place++, key, name, hint);
    };
    field("steps", tr("Steps"), tr("Updates of the whole run"));
    field("batch", tr("Batch"), tr("Sequences in one pass"));
    field("length", tr("Length"), tr("Tokens of one sequence"));
    field("accumulate", tr("Accumulate"), tr("Passes before each update: a larger batch in the same memory"));
    field("learningRate", tr("Learning rate"),
          tr("The highest of the schedule; the paper takes 4e-3 for 370M"));
    field("warmupSteps", tr("Warm-up steps"), tr("The learning rate rises from 0 over these"));
    field("finalLearningRateShare", tr("Final rate share"),
          tr("The cosine ends at this share of the learning rate"));
    field("clipNorm", tr("Clip norm"), tr("Gradients are scaled down to this length; 0: off"));
    field("beta1", tr("Beta 1"), tr("AdamW: how long the mean gradient remembers"));
    field("beta2", tr("Beta 2"), tr("AdamW: how long the mean square remembers"));
    field("adamEpsilon", tr("Epsilon"), tr("AdamW: keeps small gradients from dividing by 0"));
    field("weightDecay", tr("Weight decay"), tr("AdamW: pulls weight matrices towards 0"));
    field("evaluateEvery", tr("Validate every"), tr("Steps between looks at the validation text; 0: never"));
    field("checkpointEvery", tr("Checkpoint every"),
          tr("Steps between saves: what a power cut may cost; 0: only at the end"));
    field("keepCheckpoints", tr("Keep"), tr("Newest checkpoints kept, besides the best and pinned ones"));
    field("sampleEvery", tr("Sample every"), tr("Steps between sample texts; 0: never"));
    field("statisticsEvery", tr("Statistics every"),
          tr("Steps between looks at the ternary weights; 0: never"));
    field("earlyStopPatience", tr("Early stop after"), tr("Validations without a better one; 0: off"));
    field("earlyStopMinDelta", tr("Smallest gain"),
          tr("Nats per token a validation must gain to count as better"));
    field("explodeFactor", tr("Explode factor"),
          tr("A gradient this many times the usual one stops the run; 0: off"));
    field("seed", tr("Seed"), tr("Of the first weights and the order of the text"));
    for (int column = 0; column < 4; ++column)
        grid->setColumnStretch(column, 1);

    m_schedule->addItem(tr("Cosine"), static_cast<int>(LearningRateSchedule::Cosine));
    m_schedule->addItem(tr("The paper's: cosine, halved from the middle on"),
                        static_cast<int>(LearningRateSchedule::Paper));
    m_schedule->addItem(tr("Constant"), static_cast<int>(LearningRateSchedule::Constant));
    m_schedule->setAccessibleName(tr("Schedule of the learning rate"));
    auto* scheduleLabel = new QLabel(tr("Sche&dule"));
    scheduleLabel->setBuddy(m_schedule);
    auto* promptsLabel = new QLabel(tr("Samples c&ontinue (one a line)"));
    promptsLabel->setBuddy(m_prompts);
    m_prompts->setFixedHeight(7 * kGrid);
    m_prompts->setAccessibleName(tr("Prompts of the samples"));
    m_prompts->setTabChangesFocus(true);
    auto* bottom = new QGridLayout;
    bottom->setHorizontalSpacing(2 * kGrid);
    bottom->setVerticalSpacing(kGrid / 2);
    bottom->addWidget(scheduleLabel, 0, 0);
    bottom->addWidget(m_schedule, 1, 0, Qt::AlignTop);
    bottom->addWidget(promptsLabel, 0, 1);
    bottom->addWidget(m_prompts, 1, 1);
    bottom->setColumnStretch(0, 1);
    bottom->setColumnStretch(1, 2);

    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(2 * kGrid);
    layout->addLayout(head);
    layout->addLayout(grid);
    layout->addLayout(bottom);
    layout->addStretch(1);

    connect(m_name, &QLineEdit::editingFinished, this,
            [this] { m_setup->setName(m_name->text().simplified()); });
    connect(m_schedule, &QComboBox::activated, this, [this] {
        TrainingOptions options = m_setup->values().options;
        options.schedule = static_cast<LearningRateSchedule>(m_schedule->currentData().toInt());
        m_setup->setOptions(options);
    });
    connect(m_prompts, &QPlainTextEdit::textChanged, this, [this] {
        TrainingOptions options = m_setup->values().options;
        options.samplePrompts.clear();
        for (const QString& line : m_prompts->toPlainText().split(QLatin1Char('\n'))) {
            if (!line.isEmpty())
                options.samplePrompts.push_back(line.toStdString());
        }
        m_setup->setOptions(options);
    });
    connect(command, &QPushButton::clicked, this, &RunCard::showCommandLine);
    connect(import, &QPushButton::clicked, this, &RunCard::importRun);
    connect(exportButton, &QPushButton::clicked, this, &RunCard::exportRun);
    connect(setup, &TrainingSetup::changed, this, &RunCard::refresh);
    refresh();
}

void RunCard::addField(QGridLayout* grid, int place, const char* key, const QString& name,
                       const QString& hint)
{
    auto* label = new QLabel(name);
    setTextRole(label, TextRole::Small);
    auto* edit = new QLineEdit;
    edit->setObjectName(QLatin1String("option_") + QLatin1String(key));
    edit->setAccessibleName(name);
    edit->setAccessibleDescription(hint);
    auto* reset = new QToolButton;
    reset->setIcon(themedIcon(QStringLiteral("reset")));
    reset->setFixedSize(3 * kGrid, 3 * kGrid);
    reset->setAccessibleName(tr("Reset %1").arg(name));
    const QString standard = numberText(trainingOptionsToJson(TrainingOptions()).at(key));
    const QString full = tr("%1. Default: %2").arg(hint, standard);
    for (QWidget* widget : QList<QWidget*>{label, edit})
        widget->setToolTip(full);
    reset->setToolTip(tr("Back to %1").arg(standard));
    label->setBuddy(edit);
    auto* row = new QHBoxLayout;
    row->setSpacing(2);
    row->addWidget(edit, 1);
    row->addWidget(reset);
    auto* cell = new QVBoxLayout;
    cell->setSpacing(2);
    cell->addWidget(label);
    cell->addLayout(row);
    grid->addLayout(cell, place / 4, place % 4);
    connect(edit, &QLineEdit::editingFinished, this, [this, edit, key] {
        bool good = false;
        const double value = QLocale::c().toDouble(edit->text().trimmed(), &good);
        if (good)
            setField(key, value);
        else
            refresh(); // what is no number goes back to what was
    });
    connect(reset, &QToolButton::clicked, this,
            [this, key] { setField(key, trainingOptionsToJson(TrainingOptions()).at(key).get<double>()); });
    m_fields.append({key, edit, reset});
}

void RunCard::setField(const std::string& key, double value)
{
    nlohmann::json options = trainingOptionsToJson(m_setup->values().options);
    nlohmann::json& field = options.at(key);
    if (field.is_number_float())
        field = value;
    else if (std::abs(value) < 9e15)
        field = static_cast<std::int64_t>(value);
    m_setup->setOptions(trainingOptionsFromJson(options, "options"));
}

void RunCard::refresh()
{
    const SetupValues& values = m_setup->values();
    if (!m_name->hasFocus())
        m_name->setText(values.name);
    m_schedule->setCurrentIndex(m_schedule->findData(static_cast<int>(values.options.schedule)));
    QStringList prompts;
    for (const std::string& prompt : values.options.samplePrompts)
        prompts << QString::fromStdString(prompt);
    if (!m_prompts->hasFocus() && m_prompts->toPlainText() != prompts.join(QLatin1Char('\n'))) {
        const QSignalBlocker blocker(m_prompts);
        m_prompts->setPlainText(prompts.join(QLatin1Char('\n')));
    }
    const nlohmann::json options = trainingOptionsToJson(values.options),
                         standard = trainingOptionsToJson(TrainingOptions());
    for (const Field& field : m_fields) {
        auto* edit = static_cast<QLineEdit*>(field.editor);
        const QString text = numberText(options.at(field.key));
        if (edit->text() != text && !(edit->hasFocus() && edit->isModified()))
            edit->setText(text);
        field.reset->setEnabled(options.at(field.key) != standard.at(field.key));
    }
}

void RunCard::showCommandLine()
{
    auto* dialog = new QDialog(this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setWindowTitle(tr("The same run on the command line"));
    auto* text =
        new QPlainTextEdit(m_setup->commandLine() + QStringLiteral("\n\n# model.json\n") +
                           QString::fromStdString(modelConfigToJson(m_setup->values().model).dump(2)));
    text->setReadOnly(true);
    text->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    text->setAccessibleName(tr("Command line"));
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close);
    QPushButton* copy = buttons->addButton(tr("&Copy"), QDialogButtonBox::ActionRole);
    connect(copy, &QPushButton::clicked, dialog,
            [text] { QApplication::clipboard()->setText(text->toPlainText()); });
    connect(buttons, &QDialogButtonBox::rejected, dialog, &QDialog::close);
    auto* layout = new QVBoxLayout(dialog);
    layout->addWidget(text);
    layout->addWidget(buttons);
    dialog->resize(80 * kGrid, 60 * kGrid);
    dialog->open();
}

void RunCard::importRun()
{
    const QString file =
        QFileDialog::getOpenFileName(this, tr("Settings of a run"), QDir::homePath(), tr("Runs (*.json)"));
    if (file.isEmpty())
        return;
    try {
        const nlohmann::json json = nlohmann::json::parse(readTextFile(file.toStdString()), nullptr, false);
        if (!json.is_object())
            throw Error(ErrorCode::InvalidFile,
                        file.toStdString() + " is no JSON object, needed: a run.json");
        m_setup->takeFrom(runRecordFromJson(json, file.toStdString()));
    } catch (const std::exception& error) {
        emit problem(tr("The settings were not read"), QString::fromUtf8(error.what()));
    }
}

void RunCard::exportRun()
{
    const QString file = QFileDialog::getSaveFileName(this, tr("Save the settings"),
                                                      QDir::home().filePath("run.json"), tr("Runs (*.json)"));
    if (file.isEmpty())
        return;
    try {
        writeFileAtomically(file.toStdString(), runRecordToJson(m_setup->record()).dump(2) + "\n");
    } catch (const std::exception& error) {
        emit problem(tr("The settings were not saved"), QString::fromUtf8(error.what()));
    }
}

} // namespace mmfree::gui
