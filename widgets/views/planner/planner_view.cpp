#include "widgets/views/planner/planner_view.h"

#include "widgets/theme/theme.h"
#include "widgets/views/share_bar_delegate.h"
#include "widgets/views/text_format.h"
#include "widgets/views/view_parts.h"

#include <QComboBox>
#include <QFileDialog>
#include <QGridLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QScrollArea>
#include <QSlider>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

constexpr int kPublishedShapes = 4;
constexpr int kResultsWidth = 880;
constexpr int kControlsWidth = 296;
constexpr int kNoteRole = Qt::UserRole + 1;

QString shortNumber(double value)
{
    return QLocale().toString(value, 'f', value < 10 ? 2 : value < 100 ? 1 : 0);
}

QString fitLine(bool fits, const QString& what, const QString& needed, const QString& present)
{
    return (fits ? PlannerView::tr("\u2713 %1: %2 of %3") : PlannerView::tr("\u2717 %1: %2 of %3, too much"))
        .arg(what, needed, present);
}

} // namespace

PlannerView::PlannerView(QWidget* parent)
    : QWidget(parent)
    , m_boards(planner::builtInBoards())
{
    for (const char* shape : {"370M", "1.3B", "2.7B", "13B"})
        m_shapes.push_back(namedShape(shape));
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    m_controls = buildControls();
    layout->addWidget(m_controls);
    m_results = buildResults();
    layout->addWidget(m_results, 1);
    boardChosen();
}

QWidget* PlannerView::buildControls()
{
    auto* panel = new QWidget;
    panel->setObjectName(QStringLiteral("sidePanel"));
    panel->setAttribute(Qt::WA_StyledBackground);
    panel->setFixedWidth(kControlsWidth);
    m_boardBox = new QComboBox;
    m_boardBox->setObjectName(QStringLiteral("plannerBoard"));
    m_boardBox->setAccessibleName(tr("Board"));
    for (const planner::Board& board : m_boards)
        m_boardBox->addItem(QString::fromStdString(board.name));
    m_shapeBox = new QComboBox;
    m_shapeBox->setObjectName(QStringLiteral("plannerShape"));
    m_shapeBox->setAccessibleName(tr("Model shape"));
    for (const char* shape : {"370M", "1.3B", "2.7B", "13B"})
        m_shapeBox->addItem(QString::fromLatin1(shape));
    auto* open = new QPushButton(tr("Board file\u2026"));
    open->setToolTip(tr("A board description of your own, JSON with the fields of resources/boards"));
    connect(open, &QPushButton::clicked, this, [this] {
        const QString file = QFileDialog::getOpenFileName(this, tr("Open a board description"), {},
                                                          tr("Boards (*.json);;All files (*)"));
        if (!file.isEmpty())
            m_problem->setText(addBoard(file));
        m_problem->setVisible(!m_problem->text().isEmpty());
    });
    m_boardText = makeLabel(TextRole::SmallMuted, {}, true);
    m_problem = makeLabel(TextRole::Small, {}, true);
    m_problem->setObjectName(QStringLiteral("plannerProblem"));
    m_problem->hide();

    auto* sliders = new QGridLayout;
    sliders->setVerticalSpacing(kGrid / 2);
    m_rows = addSlider(sliders, tr("Rows each clock"),
                       tr("Rows of 128 columns that are computed at once (MMFREE_PIPELINE_ROWS)"), 0, 8);
    m_clock = addSlider(sliders, tr("Kernel clock"), tr("What the placed and routed kernels reach"), 5, 60);
    m_efficiency = addSlider(sliders, tr("Memory efficiency"),
                             tr("Share of the peak bandwidth that long bursts reach"), 10, 100);
    m_rows.slider->setObjectName(QStringLiteral("plannerRows"));
    m_rows.slider->setValue(2);
    m_efficiency.slider->setValue(80);

    auto* layout = new QVBoxLayout(panel);
    layout->setContentsMargins(2 * kGrid, 2 * kGrid, 2 * kGrid, 2 * kGrid);
    layout->setSpacing(kGrid);
    layout->addWidget(makeLabel(TextRole::Section, tr("Board")));
    layout->addWidget(m_boardBox);
    layout->addWidget(m_boardText);
    layout->addWidget(open);
    layout->addWidget(m_problem);
    layout->addSpacing(kGrid);
    layout->addWidget(makeLabel(TextRole::Section, tr("Model shape")));
    layout->addWidget(m_shapeBox);
    layout->addSpacing(kGrid);
    layout->addWidget(makeLabel(TextRole::Section, tr("Core")));
    layout->addLayout(sliders);
    layout->addStretch(1);
    connect(m_boardBox, &QComboBox::currentIndexChanged, this, &PlannerView::boardChosen);
    connect(m_shapeBox, &QComboBox::currentIndexChanged, this, &PlannerView::update);
    return panel;
}

PlannerView::SliderRow PlannerView::addSlider(QGridLayout* grid, const QString& name, const QString& hint,
                                              int least, int most)
{
    SliderRow row{new QSlider(Qt::Horizontal), new QLabel};
    auto* label = new QLabel(name);
    label->setToolTip(hint);
    row.slider->setRange(least, most);
    row.slider->setPageStep(std::max(1, (most - least) / 8));
    row.slider->setAccessibleName(name);
    row.slider->setToolTip(hint);
    row.value->setAlignment(Qt::AlignRight);
    setTextRole(row.value, TextRole::Muted);
    const int line = grid->rowCount();
    grid->addWidget(label, line, 0);
    grid->addWidget(row.value, line, 1);
    grid->addWidget(row.slider, line + 1, 0, 1, 2);
    connect(row.slider, &QSlider::valueChanged, this, &PlannerView::update);
    return row;
}

QWidget* PlannerView::buildResults()
{
    auto* content = new QWidget;
    content->setObjectName(QStringLiteral("scrollContent"));
    content->setMaximumWidth(kResultsWidth);
    auto* banner = new QFrame;
    banner->setObjectName(QStringLiteral("hintBar"));
    auto* tag = makeLabel(TextRole::Section, tr("Projection"));
    auto* notice =
        makeLabel(TextRole::Body,
                  tr("Calculated from the board's data sheet and the loops of the kernels. Nothing was built "
                     "or run on this board."),
                  true);
    auto* bannerLayout = new QHBoxLayout(banner);
    bannerLayout->setContentsMargins(2 * kGrid, kGrid, 2 * kGrid, kGrid);
    bannerLayout->setSpacing(2 * kGrid);
    bannerLayout->addWidget(tag);
    bannerLayout->addWidget(notice, 1);

    m_rate = makeLabel(TextRole::Display);
    m_rate->setObjectName(QStringLiteral("plannerRate"));
    m_bound = makeLabel(TextRole::Muted, {}, true);
    m_fit = makeLabel(TextRole::Body, {}, true);
    m_fit->setObjectName(QStringLiteral("plannerFit"));
    m_sources = makeLabel(TextRole::SmallMuted, {}, true);
    m_sources->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_stages = makeTable({tr("Stage"), tr("Cycles a token"), tr("Share"), tr("Bound by")},
                         tr("Projected cycles by stage"));
    m_stages->setObjectName(QStringLiteral("plannerStages"));
    m_stages->setItemDelegateForColumn(2, new ShareBarDelegate(m_stages));
    m_stages->header()->setSectionResizeMode(0, QHeaderView::ResizeToContents);
    m_stages->header()->setSectionResizeMode(1, QHeaderView::ResizeToContents);
    m_stages->header()->setSectionResizeMode(2, QHeaderView::Stretch);
    m_stages->header()->setSectionResizeMode(3, QHeaderView::ResizeToContents);

    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins(3 * kGrid, 2 * kGrid, 3 * kGrid, 3 * kGrid);
    layout->setSpacing(kGrid);
    layout->addWidget(banner);
    layout->addSpacing(kGrid);
    layout->addWidget(m_rate);
    layout->addWidget(m_bound);
    layout->addWidget(m_fit);
    layout->addSpacing(kGrid);
    layout->addWidget(makeLabel(TextRole::Section, tr("Where the time of a token goes (projection)")));
    layout->addWidget(m_stages);
    layout->addWidget(m_sources);
    layout->addSpacing(kGrid);
    layout->addWidget(buildPublished());
    layout->addStretch(1);
    auto* area = new QScrollArea;
    area->setWidgetResizable(true);
    area->setFocusPolicy(Qt::NoFocus);
    area->setWidget(content);
    return area;
}

// The paper's core from the paper's parameters, and what others measured, to stand beside projections.
QWidget* PlannerView::buildPublished()
{
    auto* box = new QWidget;
    m_published =
        makeTable({tr("Published elsewhere"), tr("Published"), tr("Computed here")}, tr("Published figures"));
    m_published->setObjectName(QStringLiteral("plannerPublished"));
    m_published->header()->setSectionResizeMode(0, QHeaderView::Stretch);
    m_published->header()->setSectionResizeMode(1, QHeaderView::ResizeToContents);
    m_published->header()->setSectionResizeMode(2, QHeaderView::ResizeToContents);
    auto* note = makeLabel(TextRole::SmallMuted, {}, true);
    note->setMinimumHeight(4 * kGrid);
    for (const auto& points : {planner::paperPoints(), planner::measuredPoints()}) {
        for (const planner::PublishedPoint& point : points) {
            const QString unit = QString::fromStdString(point.unit);
            const auto text = [&unit](double value) {
                return value > 0.0 ? tr("%1 %2").arg(shortNumber(value), unit) : QString();
            };
            auto* item = new QTreeWidgetItem(
                {QString::fromStdString(point.what), text(point.published), text(point.computed)});
            const QString detail =
                tr("%1. %2").arg(QString::fromStdString(point.source), QString::fromStdString(point.note));
            item->setData(0, kNoteRole, detail);
            for (int column = 0; column < 3; ++column)
                item->setToolTip(column, detail);
            for (int column : {1, 2})
                item->setTextAlignment(column, Qt::AlignRight | Qt::AlignVCenter);
            m_published->addTopLevelItem(item);
        }
    }
    connect(m_published, &QTreeWidget::currentItemChanged, note, [note](const QTreeWidgetItem* item) {
        note->setText(item ? item->data(0, kNoteRole).toString() : QString());
    });
    fitRows(m_published);
    m_published->setCurrentItem(m_published->topLevelItem(0));
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(kGrid);
    layout->addWidget(
        makeLabel(TextRole::Section,
                  tr("The paper's core from the paper's own parameters, and boards others measured")));
    layout->addWidget(m_published);
    layout->addWidget(note);
    return box;
}

void PlannerView::setOpenModel(const QString& name, const ModelConfig& config)
{
    if (m_shapeBox->count() > kPublishedShapes) {
        m_shapeBox->removeItem(kPublishedShapes);
        m_shapes.resize(kPublishedShapes);
    }
    if (name.isEmpty() || !config.isTernary())
        return;
    m_shapes.push_back(config);
    m_shapeBox->addItem(tr("%1 (open)").arg(name));
}

QString PlannerView::addBoard(const QString& file)
{
    try {
        m_boards.push_back(planner::loadBoard(file.toStdString()));
    } catch (const std::exception& error) {
        return QString::fromStdString(error.what());
    }
    m_boardBox->addItem(QString::fromStdString(m_boards.back().name));
    m_boardBox->setCurrentIndex(m_boardBox->count() - 1);
    return {};
}

const planner::Board& PlannerView::board() const
{
    return m_boards.at(static_cast<std::size_t>(m_boardBox->currentIndex()));
}

void PlannerView::boardChosen()
{
    m_clock.slider->setValue(qRound(board().clockMHz / 10.0));
    m_boardText->setText(tr("%1 \u00b7 %2 %3s \u00b7 %4 on chip \u00b7 %5 at %6 GB/s in %7 banks")
                             .arg(QString::fromStdString(board().chip), countText(board().logicUnits),
                                  QString::fromStdString(board().logicUnit), bytesText(board().onChipBytes),
                                  bytesText(board().memoryBytes), shortNumber(board().memoryGBs))
                             .arg(board().memoryBanks));
    QStringList sources;
    for (const std::string& source : board().sources)
        sources << QString::fromStdString(source);
    m_sources->setText(tr("Sources: %1").arg(sources.join(QStringLiteral(". "))));
    update();
}

void PlannerView::update()
{
    if (!m_stages || m_shapeBox->currentIndex() < 0)
        return;
    planner::PlanOptions options;
    options.rowsPerCycle = 1 << m_rows.slider->value();
    options.clockMHz = 10.0 * m_clock.slider->value();
    options.memoryEfficiency = m_efficiency.slider->value() / 100.0;
    m_rows.value->setText(countText(options.rowsPerCycle));
    m_clock.value->setText(tr("%1 MHz").arg(QLocale().toString(options.clockMHz, 'f', 0)));
    m_efficiency.value->setText(tr("%1 %").arg(m_efficiency.slider->value()));
    m_plan = planner::planDecode(m_shapes.at(static_cast<std::size_t>(m_shapeBox->currentIndex())), board(),
                                 options);
    m_rate->setText(tr("%1 tokens/s, projected").arg(shortNumber(m_plan.tokensPerSecond)));
    m_bound->setText((m_plan.boundBy() == "memory" ? tr("Bound by memory: %1 % of %2 GB/s are weights")
                                                   : tr("Bound by the core: %1 % of %2 GB/s are used"))
                         .arg(shortNumber(100.0 * m_plan.bandwidthShare), shortNumber(board().memoryGBs)));
    showFit(board());
    showStages();
}

void PlannerView::showFit(const planner::Board& board)
{
    const QString unit = QString::fromStdString(board.logicUnit);
    QStringList lines{fitLine(m_plan.fitsLogic, tr("Logic (estimate)"), countText(m_plan.logicNeeded),
                              tr("%1 usable %2s").arg(countText(m_plan.logicAvailable), unit)),
                      fitLine(m_plan.fitsOnChip, tr("Buffers on the chip"), bytesText(m_plan.onChipBytes),
                              bytesText(board.onChipBytes)),
                      fitLine(m_plan.fitsMemory, tr("Model in the board's memory"),
                              bytesText(m_plan.modelBytes), bytesText(board.memoryBytes))};
    if (m_plan.weightsFitOnChip)
        lines << tr("\u2713 All weights would fit on the chip: a design without outside memory is possible");
    m_fit->setText(lines.join(QLatin1Char('\n')));
}

void PlannerView::showStages()
{
    m_stages->clear();
    for (const planner::StagePlan& stage : m_plan.stages) {
        const double share = stage.cycles() / m_plan.cyclesPerToken;
        auto* item =
            new QTreeWidgetItem({QString::fromStdString(stage.name), countText(qRound64(stage.cycles())),
                                 tr("%1 %").arg(QLocale().toString(100.0 * share, 'f', 1)),
                                 stage.memoryBound() ? tr("memory") : tr("core")});
        item->setData(2, ShareBarDelegate::kShareRole, share);
        item->setTextAlignment(1, Qt::AlignRight | Qt::AlignVCenter);
        m_stages->addTopLevelItem(item);
    }
    fitRows(m_stages);
}

} // namespace mmfree::gui
