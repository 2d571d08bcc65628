#include "widgets/compare/setup_panel.h"

#include "engine/analysis/compare_report.h"
#include "engine/analysis/compare_setup.h"
#include "engine/core/error.h"
#include "widgets/compare/contender_dialog.h"
#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_style.h"
#include "widgets/views/text_format.h"

#include <QComboBox>
#include <QFormLayout>
#include <QFrame>
#include <QLabel>
#include <QLocale>
#include <QMenu>
#include <QMessageBox>
#include <QPlainTextEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QSpinBox>
#include <QToolButton>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

constexpr int kWidth = 296;
constexpr const char* kOwnLengths = "lengths";
constexpr const char* kOwnText = "text";
constexpr const char* kPaper = "paper";

QString presetTitle(const std::string& key)
{
    if (key == "chat")
        return SetupPanel::tr("Chat");
    if (key == "long-read")
        return SetupPanel::tr("Long read");
    if (key == "long-write")
        return SetupPanel::tr("Long write");
    return SetupPanel::tr("Prefill sweep");
}

QToolButton* smallButton(const QString& icon, const QString& name)
{
    auto* button = new QToolButton;
    button->setIcon(themedIcon(icon));
    button->setIconSize({16, 16});
    button->setToolTip(name);
    button->setAccessibleName(name);
    return button;
}

} // namespace

SetupPanel::SetupPanel(QWidget* parent)
    : QWidget(parent)
{
    setObjectName(QStringLiteral("sidePanel"));
    setAttribute(Qt::WA_StyledBackground);
    setFixedWidth(kWidth);
    auto* title = new QLabel(tr("Compare"));
    setTextRole(title, TextRole::Title);
    m_add = new QToolButton;
    m_add->setObjectName(QStringLiteral("addContender"));
    m_add->setText(tr("Add"));
    m_add->setIcon(themedIcon(QStringLiteral("plus")));
    m_add->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    m_add->setPopupMode(QToolButton::InstantPopup);
    m_add->setAccessibleName(tr("Add a contender"));
    m_add->setMenu(new QMenu(m_add));
    connect(m_add->menu(), &QMenu::aboutToShow, this, &SetupPanel::fillAddMenu);
    auto* top = new QHBoxLayout;
    top->addWidget(title, 1);
    top->addWidget(m_add);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(kGrid + kGrid / 2, kGrid, kGrid + kGrid / 2, kGrid);
    layout->setSpacing(kGrid);
    layout->addLayout(top);
    layout->addWidget(buildCards(), 1);
    layout->addWidget(buildWorkload());
    layout->addWidget(buildRunRow());
}

QWidget* SetupPanel::buildCards()
{
    auto* content = new QWidget;
    content->setObjectName(QStringLiteral("scrollContent"));
    m_cards = new QVBoxLayout(content);
    m_cards->setContentsMargins(0, 0, 0, 0);
    m_cards->setSpacing(kGrid);
    m_cards->addStretch(1);
    auto* area = new QScrollArea;
    area->setWidgetResizable(true);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    area->setFocusPolicy(Qt::NoFocus);
    area->setWidget(content);
    return area;
}

QWidget* SetupPanel::buildWorkload()
{
    auto* box = new QWidget;
    m_workload = new QComboBox;
    m_workload->setObjectName(QStringLiteral("workload"));
    m_workload->setAccessibleName(tr("Workload"));
    for (const WorkloadPreset& preset : workloadPresets())
        m_workload->addItem(presetTitle(preset.key), QString::fromStdString(preset.key));
    m_workload->addItem(tr("Own lengths"), QString::fromLatin1(kOwnLengths));
    m_workload->addItem(tr("Own text"), QString::fromLatin1(kOwnText));
    m_workload->addItem(tr("Paper: memory and latency by size"), QString::fromLatin1(kPaper));
    m_read = new QSpinBox;
    m_write = new QSpinBox;
    m_repeats = new QSpinBox;
    m_read->setObjectName(QStringLiteral("readTokens"));
    m_write->setObjectName(QStringLiteral("writeTokens"));
    m_repeats->setObjectName(QStringLiteral("repeats"));
    m_read->setRange(1, 1 << 20);
    m_write->setRange(0, 1 << 20);
    m_repeats->setRange(1, 1000);
    m_repeats->setToolTip(tr("Rounds measured; 7 or more give a ratio with a useful interval"));
    for (QSpinBox* spin : {m_read, m_write, m_repeats}) {
        spin->setGroupSeparatorShown(true);
        spin->setKeyboardTracking(false);
    }
    m_text = new QPlainTextEdit;
    m_text->setObjectName(QStringLiteral("ownText"));
    m_text->setAccessibleName(tr("Own text"));
    m_text->setPlaceholderText(tr("The text that all contenders read"));
    m_text->setFixedHeight(72);
    m_text->setTabChangesFocus(true);
    m_workloadHint = new QLabel;
    m_workloadHint->setWordWrap(true);
    setTextRole(m_workloadHint, TextRole::SmallMuted);
    auto* form = new QFormLayout(box);
    form->setContentsMargins(0, 0, 0, 0);
    form->setVerticalSpacing(kGrid / 2);
    form->setHorizontalSpacing(kGrid);
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    form->addRow(m_workload);
    form->addRow(m_workloadHint);
    form->addRow(m_text);
    m_readLabel = new QLabel(tr("Tokens read"));
    m_readLabel->setBuddy(m_read);
    form->addRow(m_readLabel, m_read);
    form->addRow(tr("Tokens written"), m_write);
    form->addRow(tr("Rounds"), m_repeats);
    connect(m_workload, &QComboBox::currentIndexChanged, this, &SetupPanel::changeWorkload);
    for (QSpinBox* spin : {m_read, m_write, m_repeats})
        connect(spin, &QSpinBox::valueChanged, this, &SetupPanel::changeWorkload);
    connect(m_text, &QPlainTextEdit::textChanged, this, &SetupPanel::changeWorkload);
    return box;
}

QWidget* SetupPanel::buildRunRow()
{
    auto* box = new QWidget;
    m_run = new QPushButton(tr("Run"));
    m_run->setObjectName(QStringLiteral("runComparison"));
    m_run->setProperty("kind", QStringLiteral("primary"));
    m_run->setToolTip(tr("Run the comparison (F5)"));
    m_stop = new QPushButton(tr("Stop"));
    m_stop->setObjectName(QStringLiteral("stopComparison"));
    m_stop->setToolTip(tr("Stop; complete rounds are kept (Esc)"));
    m_stop->setEnabled(false);
    m_progress = new QProgressBar;
    m_progress->setRange(0, 1000);
    m_progress->setTextVisible(false);
    m_progress->setAccessibleName(tr("Progress"));
    m_state = new QLabel;
    m_state->setObjectName(QStringLiteral("compareState"));
    m_state->setWordWrap(true);
    m_state->setMinimumHeight(2 * fontMetrics().height());
    m_state->setAlignment(Qt::AlignTop);
    setTextRole(m_state, TextRole::SmallMuted);
    connect(m_run, &QPushButton::clicked, this, &SetupPanel::runAsked);
    connect(m_stop, &QPushButton::clicked, this, &SetupPanel::stopAsked);
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(kGrid);
    buttons->addWidget(m_run, 2);
    buttons->addWidget(m_stop, 1);
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(kGrid / 2);
    layout->addLayout(buttons);
    layout->addWidget(m_progress);
    layout->addWidget(m_state);
    return box;
}

QWidget* SetupPanel::makeCard(int index)
{
    const Contender& contender = m_setup.contenders[static_cast<std::size_t>(index)];
    const ContenderResult* plan =
        static_cast<std::size_t>(index) < m_plan.size() ? &m_plan[static_cast<std::size_t>(index)] : nullptr;
    auto* card = new QFrame;
    card->setObjectName(QStringLiteral("card"));
    auto* letter = new QLabel(QStringLiteral("<span style='color:%1; font-weight:600'>%2</span>")
                                  .arg(seriesColor(index, themeColors().dark).name(), seriesLetter(index)));
    auto* name = new QLabel(QString::fromStdString(contenderName(contender)));
    name->setTextFormat(Qt::PlainText);
    name->setWordWrap(true);
    auto* star = smallButton(QStringLiteral("check"), tr("Compare the others with this one"));
    star->setIcon({});
    star->setText(index == m_setup.baseline ? QStringLiteral("\u2605") : QStringLiteral("\u2606"));
    star->setObjectName(QStringLiteral("baseline%1").arg(index));
    auto* change = smallButton(QStringLiteral("edit"), tr("Change"));
    auto* remove = smallButton(QStringLiteral("close"), tr("Remove"));
    remove->setObjectName(QStringLiteral("remove%1").arg(index));
    connect(star, &QToolButton::clicked, this, [this, index] {
        m_setup.baseline = index;
        changed();
    });
    connect(change, &QToolButton::clicked, this, [this, index] { edit(index); });
    connect(remove, &QToolButton::clicked, this, [this, index] {
        m_setup.contenders.erase(m_setup.contenders.begin() + index);
        if (m_setup.baseline >= index && m_setup.baseline > 0)
            --m_setup.baseline;
        changed();
    });
    auto* top = new QHBoxLayout;
    top->setSpacing(kGrid / 2);
    top->addWidget(letter, 0, Qt::AlignTop);
    top->addWidget(name, 1);
    for (QToolButton* button : {star, change, remove})
        top->addWidget(button, 0, Qt::AlignTop);
    auto* layout = new QVBoxLayout(card);
    layout->setContentsMargins(kGrid, kGrid / 2, kGrid / 2, kGrid);
    layout->setSpacing(0);
    layout->addLayout(top);

    QStringList facts;
    if (index == m_setup.baseline)
        facts << tr("baseline");
    if (!contender.matched.empty())
        facts << tr("as many %1").arg(QString::fromStdString(contender.matched));
    if (plan && plan->emulated)
        facts << tr("emulated");
    if (plan && plan->parameters > 0)
        facts << tr("%1 parameters").arg(compactCountText(plan->parameters));
    if (plan && plan->ran)
        facts << tr("needs %1")
                     .arg(QLocale().formattedDataSize(plan->plan.total(), 1, QLocale::DataSizeSIFormat));
    auto* about = new QLabel(facts.join(QStringLiteral(" \u00b7 ")));
    about->setWordWrap(true);
    setTextRole(about, TextRole::SmallMuted);
    layout->addWidget(about);
    if (plan && !plan->ran) {
        auto* reason = new QLabel(tr("\u26a0 Cannot run: %1").arg(QString::fromStdString(plan->reason)));
        reason->setObjectName(QStringLiteral("reason%1").arg(index));
        reason->setTextFormat(Qt::PlainText);
        reason->setWordWrap(true);
        setTextRole(reason, TextRole::Small);
        layout->addWidget(reason);
    }
    if (plan)
        card->setToolTip(QString::fromStdString(plan->arithmetic));
    card->setEnabled(!m_running);
    return card;
}

void SetupPanel::rebuildCards()
{
    while (m_cards->count() > 1) {
        QLayoutItem* item = m_cards->takeAt(0);
        item->widget()->hide();
        item->widget()->deleteLater(); // its button may be the one being clicked
        delete item;
    }
    for (int index = 0; index < static_cast<int>(m_setup.contenders.size()); ++index)
        m_cards->insertWidget(index, makeCard(index));
}

void SetupPanel::fillAddMenu()
{
    QMenu* menu = m_add->menu();
    menu->clear();
    if (!m_model.isEmpty()) {
        for (const char* backend : {"cpu", "cuda", "opencl", "reference"}) {
            const QString name = QString::fromLatin1(backend);
            menu->addAction(tr("The open model on %1").arg(backendTitle(name)), this, [this, name] {
                Contender contender;
                contender.model = m_model.toStdString();
                contender.backend = name.toStdString();
                addContender(contender);
            });
        }
        menu->addSeparator();
    }
    menu->addAction(tr("Dense baseline, same number of parameters"), this, [this] { addDense(false); });
    menu->addAction(tr("Dense baseline, same number of bytes"), this, [this] { addDense(true); });
    menu->addSeparator();
    menu->addAction(tr("Other model, shape or backend\u2026"), this, [this] {
        Contender contender;
        contender.shape = "370M";
        ContenderDialog dialog(contender, this);
        if (dialog.exec() == QDialog::Accepted)
            addContender(dialog.contender());
    });
}

void SetupPanel::addContender(const Contender& contender)
{
    m_setup.contenders.push_back(contender);
    changed();
}

void SetupPanel::addDense(bool byBytes)
{
    for (const Contender& contender : m_setup.contenders) {
        try {
            const ModelConfig config = openContender(contender)->config();
            if (!config.isTernary())
                continue;
            addContender(
                denseOpponent(contender, config, byBytes ? DenseMatch::Bytes : DenseMatch::Parameters));
            return;
        } catch (const Error&) {
            continue; // its card says what is wrong with it; the next one may do
        }
    }
    QMessageBox::information(this, tr("Dense baseline"),
                             tr("Add a MatMul-free contender first: the dense one takes its size from it."));
}

void SetupPanel::edit(int index)
{
    ContenderDialog dialog(m_setup.contenders[static_cast<std::size_t>(index)], this);
    if (dialog.exec() != QDialog::Accepted)
        return;
    m_setup.contenders[static_cast<std::size_t>(index)] = dialog.contender();
    changed();
}

void SetupPanel::usePaperPreset()
{
    const Contender first = m_setup.contenders.empty() ? Contender() : m_setup.contenders.front();
    const int repeats = m_setup.repeats;
    m_setup = paperSetup(first.backend, {.threads = first.options.threads, .device = first.options.device});
    m_setup.repeats = repeats;
    changed();
}

void SetupPanel::changeWorkload()
{
    if (m_showing)
        return;
    const QString key = m_workload->currentData().toString();
    if (key == QLatin1String(kPaper) && m_setup.workload.name != kPaper) {
        usePaperPreset();
        return;
    }
    const bool wasPaper = m_setup.workload.name == kPaper && key != QLatin1String(kPaper);
    if (wasPaper) {
        m_setup.title.clear();
        for (Contender& contender : m_setup.contenders)
            contender.group.clear();
    }
    const bool chosen = sender() == m_workload;
    Workload& workload = m_setup.workload;
    if (key == QLatin1String(kOwnLengths) || key == QLatin1String(kOwnText) || key == QLatin1String(kPaper)) {
        workload.name = key == QLatin1String(kPaper) ? std::string(kPaper) : key.toStdString();
        workload.passes = {{m_read->value(), m_write->value()}};
        workload.text = key == QLatin1String(kOwnText) ? m_text->toPlainText().toStdString() : std::string();
    } else if (chosen) {
        workload = workloadByKey(key.toStdString());
    }
    if (!chosen && (sender() == m_read || sender() == m_write)) {
        workload.passes = {{m_read->value(), m_write->value()}};
        if (key != QLatin1String(kOwnText) && key != QLatin1String(kPaper))
            workload.name = kOwnLengths; // other lengths than the preset's
    }
    m_setup.repeats = m_repeats->value();
    changed();
}

void SetupPanel::showWorkload()
{
    m_showing = true;
    const Workload& workload = m_setup.workload;
    int index = m_workload->findData(QString::fromStdString(workload.name));
    if (index < 0)
        index = m_workload->findData(QString::fromLatin1(workload.text.empty() ? kOwnLengths : kOwnText));
    m_workload->setCurrentIndex(index);
    const bool text = m_workload->currentData().toString() == QLatin1String(kOwnText);
    const bool one = workload.passes.size() == 1;
    m_text->setVisible(text);
    m_read->setVisible(!text);
    m_readLabel->setVisible(!text);
    m_read->setEnabled(one);
    m_write->setEnabled(one);
    m_read->setValue(static_cast<int>(std::max<std::int64_t>(1, workload.passes.back().prompt)));
    m_write->setValue(static_cast<int>(workload.passes.back().write));
    m_repeats->setValue(m_setup.repeats);
    if (text && m_text->toPlainText().toStdString() != workload.text)
        m_text->setPlainText(QString::fromStdString(workload.text));
    m_workloadHint->setVisible(!one);
    m_workloadHint->setText(one ? QString()
                                : tr("Prompts of %1 to %2 tokens, nothing written")
                                      .arg(workload.passes.front().prompt)
                                      .arg(workload.passes.back().prompt));
    m_showing = false;
}

bool SetupPanel::canRun() const
{
    const bool textMissing = m_workload->currentData().toString() == QLatin1String(kOwnText) &&
                             m_text->toPlainText().trimmed().isEmpty();
    return !m_running && !m_setup.contenders.empty() && !textMissing;
}

void SetupPanel::changed()
{
    m_plan.clear();
    rebuildCards();
    showWorkload();
    m_run->setEnabled(canRun());
    emit setupChanged();
}

void SetupPanel::setSetup(const CompareSetup& setup)
{
    m_setup = setup;
    changed();
}

void SetupPanel::showPlan(const std::vector<ContenderResult>& results)
{
    m_plan = results;
    rebuildCards();
}

void SetupPanel::setRunning(bool running)
{
    m_running = running;
    m_run->setEnabled(canRun());
    m_stop->setEnabled(running);
    for (QWidget* widget :
         std::initializer_list<QWidget*>{m_add, m_workload, m_read, m_write, m_repeats, m_text})
        widget->setEnabled(!running);
    if (!running)
        showWorkload();
    rebuildCards();
}

void SetupPanel::showProgress(double share, double secondsLeft, const QString& what)
{
    m_progress->setValue(static_cast<int>(1000.0 * share));
    QString text = what;
    if (secondsLeft >= 0.0)
        text = tr("%1 \u00b7 %2 left").arg(what, secondsText(secondsLeft));
    m_state->setText(text);
}

} // namespace mmfree::gui
