#include "widgets/compare/history_panel.h"

#include "engine/analysis/compare_file.h"
#include "engine/analysis/compare_report.h"
#include "widgets/compare/results_model.h"
#include "widgets/theme/theme.h"
#include "widgets/views/message_bar.h"
#include "widgets/views/plot/plot_view.h"
#include "widgets/workers/inference_types.h"

#include <QFileDialog>
#include <QHeaderView>
#include <QInputDialog>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QPushButton>
#include <QSplitter>
#include <QStackedWidget>
#include <QTreeWidget>
#include <QVBoxLayout>

#include <algorithm>
#include <map>

namespace mmfree::gui
{

namespace
{

constexpr int kIdRole = Qt::UserRole + 1;

QString timeText(const QString& iso)
{
    const QDateTime time = QDateTime::fromString(iso, Qt::ISODate);
    return time.isValid() ? QLocale().toString(time.toLocalTime(), QLocale::ShortFormat) : iso;
}

} // namespace

HistoryPanel::HistoryPanel(ComparisonStore& store, MessageBar* messages, QWidget* parent)
    : QWidget(parent)
    , m_store(store)
    , m_messages(messages)
    , m_filter(new QLineEdit)
    , m_list(new QTreeWidget)
    , m_difference(new QTreeWidget)
    , m_open(new QPushButton(tr("Open")))
    , m_pin(new QPushButton(tr("Pin")))
    , m_tag(new QPushButton(tr("Tags\u2026")))
    , m_remove(new QPushButton(tr("Delete")))
    , m_below(new QStackedWidget)
    , m_overTime(new PlotView(tr("Writing speed over time")))
{
    m_filter->setObjectName(QStringLiteral("historyFilter"));
    m_filter->setPlaceholderText(tr("Find in titles, machines and tags"));
    m_filter->setAccessibleName(tr("Find comparisons"));
    m_filter->setClearButtonEnabled(true);
    connect(m_filter, &QLineEdit::textChanged, this, &HistoryPanel::refresh);

    m_list->setObjectName(QStringLiteral("historyList"));
    m_list->setAccessibleName(tr("Kept comparisons"));
    m_list->setHeaderLabels({tr("When"), tr("Comparison"), tr("Machine"), tr("Rounds"), tr("Tags")});
    m_list->setRootIsDecorated(false);
    m_list->setUniformRowHeights(true);
    m_list->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_list->header()->setSectionResizeMode(1, QHeaderView::Stretch);
    m_list->header()->setStretchLastSection(false);
    m_list->header()->resizeSection(2, 120);
    connect(m_list, &QTreeWidget::itemSelectionChanged, this, &HistoryPanel::showChosen);
    connect(m_list, &QTreeWidget::itemActivated, this,
            [this](const QTreeWidgetItem* item) { emit openAsked(item->data(0, kIdRole).toLongLong()); });

    m_difference->setObjectName(QStringLiteral("differenceTable"));
    m_difference->setAccessibleName(tr("Difference of two comparisons"));
    m_difference->setHeaderLabels({tr("Metric"), tr("A: older"), tr("B: newer"), tr("B to A")});
    m_difference->header()->setSectionResizeMode(0, QHeaderView::Stretch);
    m_difference->header()->setStretchLastSection(false);
    m_overTime->setXAxis({tr("Comparison"), {}, PlotScale::Linear, {}, false});
    m_overTime->setYAxis({tr("Writing speed"), tr("tokens/s"), PlotScale::Linear, {}, true});
    m_overTime->setEmptyText(
        tr("Choose two comparisons to see their difference, more to see speeds over time."));
    m_below->addWidget(m_overTime);
    m_below->addWidget(m_difference);

    auto* import = new QPushButton(tr("Import\u2026"));
    import->setToolTip(tr("Bring in run files, also of other machines"));
    connect(import, &QPushButton::clicked, this, &HistoryPanel::chooseImport);
    connect(m_open, &QPushButton::clicked, this, [this] {
        if (!chosen().isEmpty())
            emit openAsked(chosen().first());
    });
    connect(m_pin, &QPushButton::clicked, this, &HistoryPanel::pinChosen);
    connect(m_tag, &QPushButton::clicked, this, &HistoryPanel::editTags);
    connect(m_remove, &QPushButton::clicked, this, &HistoryPanel::removeChosen);
    auto* top = new QHBoxLayout;
    top->setSpacing(kGrid);
    top->addWidget(m_filter, 1);
    for (QPushButton* button : {m_open, m_pin, m_tag, import, m_remove})
        top->addWidget(button);
    auto* split = new QSplitter(Qt::Horizontal);
    split->addWidget(m_list);
    split->addWidget(m_below);
    split->setStretchFactor(0, 3);
    split->setStretchFactor(1, 2);
    split->setChildrenCollapsible(false);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(kGrid, kGrid, kGrid, kGrid);
    layout->setSpacing(kGrid);
    layout->addLayout(top);
    layout->addWidget(split, 1);
    refresh();
}

bool HistoryPanel::guarded(const std::function<void()>& work)
{
    try {
        work();
        return true;
    } catch (...) {
        const ErrorInfo error = currentError();
        if (m_messages)
            m_messages->showMessage(MessageBar::Severity::Error, errorTitle(error.code), error.message);
    }
    return false;
}

void HistoryPanel::refresh()
{
    const QList<qint64> before = chosen();
    const QSignalBlocker blocker(m_list);
    m_list->clear();
    guarded([this, &before] {
        for (const StoredComparison& run : m_store.list(m_filter->text().trimmed())) {
            auto* item = new QTreeWidgetItem(
                {(run.pinned ? tr("\u2605 %1") : QStringLiteral("%1")).arg(timeText(run.started)), run.title,
                 run.machine, QLocale().toString(run.rounds), run.tags});
            item->setData(0, kIdRole, run.id);
            item->setToolTip(1, run.title);
            item->setToolTip(2, run.machine);
            item->setTextAlignment(3, Qt::AlignRight | Qt::AlignVCenter);
            m_list->addTopLevelItem(item);
            item->setSelected(before.contains(run.id));
        }
    });
    for (const int column : {0, 3, 4})
        m_list->resizeColumnToContents(column);
    showChosen();
}

QList<qint64> HistoryPanel::chosen() const
{
    QList<qint64> ids;
    for (int row = 0; row < m_list->topLevelItemCount(); ++row) {
        if (m_list->topLevelItem(row)->isSelected())
            ids << m_list->topLevelItem(row)->data(0, kIdRole).toLongLong();
    }
    return ids;
}

void HistoryPanel::showChosen()
{
    const QList<qint64> ids = chosen();
    m_open->setEnabled(ids.size() == 1);
    for (QPushButton* button : {m_pin, m_tag, m_remove})
        button->setEnabled(!ids.isEmpty());
    m_difference->clear();
    m_overTime->setSeries({});
    m_below->setCurrentWidget(ids.size() == 2 ? static_cast<QWidget*>(m_difference) : m_overTime);
    if (ids.size() == 2)
        guarded([&] { showDifference(ids[1], ids[0]); }); // the list has the newest first
    else if (ids.size() > 2)
        guarded([&] { showOverTime(ids); });
}

void HistoryPanel::showDifference(qint64 a, qint64 b)
{
    CompareRun first = m_store.load(a), second = m_store.load(b);
    if (first.startedAt > second.startedAt)
        std::swap(first, second);
    const RunDifference difference = diffRuns(first, second);
    QTreeWidgetItem* group = nullptr;
    for (const RunDifference::Row& row : difference.rows) {
        const QString contender = QString::fromStdString(row.contender);
        if (!group || group->text(0) != contender) {
            group = new QTreeWidgetItem(m_difference, {contender});
            group->setFirstColumnSpanned(true);
            group->setExpanded(true);
        }
        for (const Metric& metric : compareMetrics()) {
            if (metric.key != row.metric)
                continue;
            auto* item =
                new QTreeWidgetItem(group, {metricTitle(metric).trimmed(),
                                            row.a ? metricValueText(metric, row.a->median) : QString(),
                                            row.b ? metricValueText(metric, row.b->median) : QString(),
                                            row.ratio ? ratioValueText(*row.ratio) : QString()});
            for (int column = 1; column < 4; ++column)
                item->setTextAlignment(column, Qt::AlignRight | Qt::AlignVCenter);
            if (row.ratio && !row.ratio->clear())
                item->setForeground(3, themeColors().muted);
        }
    }
    for (const std::string& note : difference.notes) {
        auto* item = new QTreeWidgetItem(m_difference, {QString::fromStdString(note)});
        item->setFirstColumnSpanned(true);
        item->setForeground(0, themeColors().muted);
    }
    for (int column = 1; column < 4; ++column)
        m_difference->resizeColumnToContents(column);
}

void HistoryPanel::showOverTime(const QList<qint64>& ids)
{
    std::map<QString, PlotSeries> byContender;
    QList<std::pair<double, QString>> places;
    double place = 0.0;
    for (auto id = ids.rbegin(); id != ids.rend(); ++id, place += 1.0) { // oldest first
        const CompareRun run = m_store.load(*id);
        places << std::pair(place, timeText(QString::fromStdString(run.startedAt)));
        for (std::size_t i = 0; i < run.contenders.size(); ++i) {
            const auto samples = roundSamples(run, "decode", static_cast<int>(i));
            if (samples.empty())
                continue;
            const Quantile quantile = quantileOf(samples);
            QString name = QString::fromStdString(contenderName(run.contenders[i].contender));
            if (run.contenders[i].emulated)
                name = tr("%1 (emulated)").arg(name);
            PlotSeries& series = byContender[name];
            series.name = name;
            if (!series.x.empty() && series.x.back() == place)
                continue; // two of one name in a run
            series.x.push_back(place);
            series.y.push_back(quantile.median);
            series.low.push_back(quantile.p5);
            series.high.push_back(quantile.p95);
        }
    }
    QList<PlotSeries> series;
    for (auto& [name, one] : byContender)
        series << one;
    PlotAxis axis{tr("Comparison"), {}, PlotScale::Linear, places, false};
    m_overTime->setXAxis(axis);
    m_overTime->setSeries(series);
}

void HistoryPanel::importFile(const QString& path)
{
    guarded([&] {
        const CompareRun run = readCompareRun(path.toStdString());
        const qint64 id = m_store.add(run, tr("imported"));
        refresh();
        for (int row = 0; row < m_list->topLevelItemCount(); ++row)
            m_list->topLevelItem(row)->setSelected(m_list->topLevelItem(row)->data(0, kIdRole).toLongLong() ==
                                                   id);
    });
}

void HistoryPanel::chooseImport()
{
    const QStringList files = QFileDialog::getOpenFileNames(this, tr("Import run files"), {},
                                                            tr("Run files (*.json);;All files (*)"));
    for (const QString& file : files)
        importFile(file);
}

void HistoryPanel::pinChosen()
{
    guarded([this] {
        const QList<qint64> ids = chosen();
        bool all = true;
        for (const StoredComparison& run : m_store.list())
            all = all && (run.pinned || !ids.contains(run.id));
        for (const qint64 id : ids)
            m_store.setPinned(id, !all);
    });
    refresh();
}

void HistoryPanel::editTags()
{
    const QList<qint64> ids = chosen();
    if (ids.isEmpty())
        return;
    bool accepted = false;
    const QString tags =
        QInputDialog::getText(this, tr("Tags"), tr("Words to find these comparisons by:"), QLineEdit::Normal,
                              m_list->currentItem() ? m_list->currentItem()->text(4) : QString(), &accepted);
    if (!accepted)
        return;
    guarded([&] {
        for (const qint64 id : ids)
            m_store.setTags(id, tags.trimmed());
    });
    refresh();
}

void HistoryPanel::removeChosen()
{
    const QList<qint64> ids = chosen();
    if (!guarded([&] {
            for (const qint64 id : ids)
                m_store.setDeleted(id, true);
        }))
        return;
    refresh();
    if (!m_messages)
        return;
    m_messages->showAction(MessageBar::Severity::Information,
                           tr("%n comparison(s) deleted", nullptr, static_cast<int>(ids.size())), tr("Undo"),
                           10'000, [this, ids] {
                               guarded([&] {
                                   for (const qint64 id : ids)
                                       m_store.setDeleted(id, false);
                               });
                               refresh();
                           });
}

} // namespace mmfree::gui
