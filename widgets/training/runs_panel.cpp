#include "widgets/training/runs_panel.h"

#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_scale.h"
#include "widgets/views/text_format.h"

#include <nlohmann/json.hpp>

#include <QHBoxLayout>
#include <QHeaderView>
#include <QInputDialog>
#include <QLabel>
#include <QLocale>
#include <QMenu>
#include <QPushButton>
#include <QSortFilterProxyModel>
#include <QTableView>
#include <QTableWidget>
#include <QVBoxLayout>

#include <cmath>
#include <map>

namespace mmfree::gui
{

namespace
{

// "options.learningRate" -> "0.002" and so on, for comparing.
std::map<std::string, std::string> flatSettings(const QString& folder)
{
    std::map<std::string, std::string> flat;
    try {
        nlohmann::json json = runRecordToJson(readRunRecord(std::filesystem::path(folder.toStdU16String())));
        for (const char* own :
             {"name", "tags", "validationBytes", "validationTokens", "compressorBitsPerByte", "format"})
            json.erase(own);
        for (const auto& [pointer, value] : json.flatten().items()) {
            std::string key = pointer.substr(1);
            std::replace(key.begin(), key.end(), '/', '.');
            flat[key] = value.is_string() ? value.get<std::string>() : value.dump();
        }
    } catch (const std::exception& error) {
        flat["error"] = error.what();
    }
    return flat;
}

} // namespace

RunTableModel::RunTableModel(RunLibrary* library, QObject* parent)
    : QAbstractTableModel(parent)
    , m_library(library)
    , m_runs(library->runs())
{
    connect(library, &RunLibrary::changed, this, &RunTableModel::reload);
}

// The same runs keep their rows; another set resets the table.
void RunTableModel::reload()
{
    const QList<RunSummary>& now = m_library->runs();
    const bool sameRows =
        now.size() == m_runs.size() &&
        std::equal(now.begin(), now.end(), m_runs.begin(),
                   [](const RunSummary& a, const RunSummary& b) { return a.folder == b.folder; });
    if (sameRows) {
        m_runs = now;
        if (!m_runs.isEmpty())
            emit dataChanged(index(0, 0), index(static_cast<int>(m_runs.size()) - 1, ColumnCount - 1));
        return;
    }
    beginResetModel();
    m_runs = now;
    endResetModel();
}

int RunTableModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_runs.size());
}

int RunTableModel::columnCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : ColumnCount;
}

QVariant RunTableModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= m_runs.size())
        return {};
    const RunSummary& run = m_runs.at(index.row());
    if (role == kFolderRole)
        return run.folder;
    if (role == Qt::CheckStateRole && index.column() == Name)
        return m_ticked.contains(run.folder) ? Qt::Checked : Qt::Unchecked;
    if (role == Qt::ToolTipRole)
        return run.message.isEmpty() ? run.folder : run.message;
    if (role == kSortRole) {
        switch (index.column()) {
        case Best:
            return std::isnan(run.bestValidation) ? 1e300 : run.bestValidation;
        case Speed:
            return run.tokensPerSecond;
        case Changed:
            return run.changed;
        default:
            break;
        }
    }
    if (role != Qt::DisplayRole && role != kSortRole)
        return {};
    switch (index.column()) {
    case Name:
        return run.name;
    case Status:
        return run.steps > 0 && isActive(run.status)
                   ? tr("%1 %2 %").arg(statusText(run.status)).arg(100 * run.step / run.steps)
                   : statusText(run.status);
    case Best:
        return std::isnan(run.bestValidation) ? QStringLiteral("\u2013") : plotNumber(run.bestValidation);
    case Speed:
        return run.tokensPerSecond > 0.0 ? rateText(run.tokensPerSecond) : QStringLiteral("\u2013");
    case Changed:
        return QLocale().toString(run.changed, QLocale::ShortFormat);
    case Backend:
        return run.backend;
    case Tags:
        return run.tags.join(QStringLiteral(", "));
    default:
        return {};
    }
}

bool RunTableModel::setData(const QModelIndex& index, const QVariant& value, int role)
{
    if (!index.isValid() || role != Qt::CheckStateRole)
        return false;
    const QString& folder = m_runs.at(index.row()).folder;
    if (value.toInt() == Qt::Checked)
        m_ticked.insert(folder);
    else
        m_ticked.remove(folder);
    emit dataChanged(index, index, {Qt::CheckStateRole});
    emit tickedChanged();
    return true;
}

Qt::ItemFlags RunTableModel::flags(const QModelIndex& index) const
{
    Qt::ItemFlags flags = QAbstractTableModel::flags(index);
    return index.column() == Name ? flags | Qt::ItemIsUserCheckable : flags;
}

QVariant RunTableModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (role != Qt::DisplayRole || orientation != Qt::Horizontal)
        return {};
    const QStringList titles{tr("Run"),     tr("Status"),  tr("Best"), tr("Speed"),
                             tr("Changed"), tr("Backend"), tr("Tags")};
    return titles.value(section);
}

RunsPanel::RunsPanel(RunLibrary* library, QWidget* parent)
    : QWidget(parent)
    , m_library(library)
    , m_model(new RunTableModel(library, this))
    , m_sorted(new QSortFilterProxyModel(this))
    , m_table(new QTableView)
    , m_differencesTitle(new QLabel)
    , m_differences(new QTableWidget)
{
    setObjectName(QStringLiteral("sidePanel"));
    setAttribute(Qt::WA_StyledBackground);
    setMinimumWidth(30 * kGrid);
    m_sorted->setSourceModel(m_model);
    m_sorted->setSortRole(RunTableModel::kSortRole);
    m_table->setModel(m_sorted);
    m_table->setObjectName(QStringLiteral("runsTable"));
    m_table->setAccessibleName(tr("Runs"));
    m_table->setSortingEnabled(true);
    m_table->sortByColumn(RunTableModel::Changed, Qt::DescendingOrder);
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setSelectionMode(QAbstractItemView::SingleSelection);
    m_table->setShowGrid(false);
    m_table->verticalHeader()->hide();
    m_table->setTabKeyNavigation(false);
    m_table->setContextMenuPolicy(Qt::CustomContextMenu);
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_table->horizontalHeader()->setHighlightSections(false);
    auto* title = new QLabel(tr("Runs"));
    setTextRole(title, TextRole::Title);
    auto* fresh = new QPushButton(themedIcon(QStringLiteral("plus")), tr("&New run"));
    fresh->setObjectName(QStringLiteral("newRun"));
    auto* head = new QHBoxLayout;
    head->addWidget(title);
    head->addStretch(1);
    head->addWidget(fresh);
    setTextRole(m_differencesTitle, TextRole::Section);
    m_differences->setAccessibleName(tr("Differences of settings"));
    m_differences->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_differences->verticalHeader()->hide();
    m_differences->setShowGrid(false);
    m_differences->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(kGrid, 2 * kGrid, kGrid, kGrid);
    layout->setSpacing(kGrid);
    layout->addLayout(head);
    layout->addWidget(m_table, 2);
    layout->addWidget(m_differencesTitle);
    layout->addWidget(m_differences, 1);

    connect(fresh, &QPushButton::clicked, this, &RunsPanel::newRunAsked);
    connect(m_table, &QTableView::customContextMenuRequested, this, &RunsPanel::showMenu);
    connect(m_table->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            [this](const QModelIndex& index) {
                const QString folder = index.data(RunTableModel::kFolderRole).toString();
                if (folder.isEmpty() || folder == m_current)
                    return;
                m_current = folder;
                emit currentChanged(folder);
            });
    connect(m_model, &QAbstractItemModel::modelReset, this, [this] { setCurrent(m_current); });
    connect(m_model, &RunTableModel::tickedChanged, this, [this] {
        showDifferences();
        emit tickedChanged();
    });
    showDifferences();
}

QString RunsPanel::current() const
{
    return m_current;
}

void RunsPanel::setCurrent(const QString& folder)
{
    m_current = folder;
    for (int row = 0; row < m_sorted->rowCount(); ++row) {
        const QModelIndex index = m_sorted->index(row, 0);
        if (index.data(RunTableModel::kFolderRole).toString() == folder) {
            m_table->selectionModel()->setCurrentIndex(index, QItemSelectionModel::ClearAndSelect |
                                                                  QItemSelectionModel::Rows);
            return;
        }
    }
    m_table->clearSelection();
}

QStringList RunsPanel::ticked() const
{
    return m_model->ticked();
}

void RunsPanel::showMenu(const QPoint& position)
{
    const QModelIndex index = m_table->indexAt(position);
    const QString folder = index.data(RunTableModel::kFolderRole).toString();
    const RunSummary* run = m_library->find(folder);
    if (!run)
        return;
    QMenu menu(this);
    const auto add = [&](const QString& text, bool enabled, auto act) {
        QAction* action = menu.addAction(text);
        action->setEnabled(enabled);
        connect(action, &QAction::triggered, this, act);
    };
    add(tr("&Chat with it"), run->hasCheckpoint, [this, folder] { emit openAsked(folder); });
    add(tr("Use its &settings for a new run"), true, [this, folder] { emit cloneAsked(folder); });
    menu.addSeparator();
    add(tr("Export &packed model\u2026"), run->hasCheckpoint,
        [this, folder] { emit exportAsked(folder, true); });
    add(tr("Export &Hugging Face folder\u2026"), run->hasCheckpoint,
        [this, folder] { emit exportAsked(folder, false); });
    menu.addSeparator();
    add(tr("&Rename and tag\u2026"), true, [this, folder] { rename(folder); });
    add(tr("&Delete"), !isActive(run->status), [this, folder] { emit removeAsked(folder); });
    menu.exec(m_table->viewport()->mapToGlobal(position));
}

void RunsPanel::rename(const QString& folder)
{
    const RunSummary* run = m_library->find(folder);
    if (!run)
        return;
    bool good = false;
    const QString now = run->tags.isEmpty()
                            ? run->name
                            : run->name + QStringLiteral(" #") + run->tags.join(QStringLiteral(" #"));
    const QString text = QInputDialog::getText(this, tr("Rename the run"), tr("Name, then tags with #:"),
                                               QLineEdit::Normal, now, &good);
    QStringList parts = text.split(QLatin1Char('#'));
    for (QString& part : parts)
        part = part.simplified();
    if (!good || parts.first().isEmpty())
        return;
    QStringList tags = parts.mid(1);
    tags.removeAll(QString());
    m_library->rename(folder, parts.first(), tags);
}

void RunsPanel::showDifferences()
{
    const QStringList folders = m_model->ticked();
    m_differences->clear();
    m_differences->setVisible(folders.size() > 1);
    m_differencesTitle->setText(
        folders.size() > 1 ? tr("What differs")
                           : tr("Tick runs to lay their curves over each other and to see what differs."));
    m_differencesTitle->setWordWrap(true);
    if (folders.size() < 2)
        return;
    std::map<std::string, QStringList> values;
    QStringList titles{tr("Setting")};
    for (qsizetype column = 0; column < folders.size(); ++column) {
        const RunSummary* run = m_library->find(folders.at(column));
        titles << (run ? run->name : folders.at(column));
        for (const auto& [key, value] : flatSettings(folders.at(column))) {
            QStringList& row = values[key];
            while (row.size() < column)
                row << QStringLiteral("\u2013");
            row << QString::fromStdString(value);
        }
    }
    m_differences->setColumnCount(static_cast<int>(titles.size()));
    m_differences->setHorizontalHeaderLabels(titles);
    m_differences->setRowCount(0);
    for (auto& [key, row] : values) {
        while (row.size() < folders.size())
            row << QStringLiteral("\u2013");
        if (row.count(row.first()) == row.size())
            continue;
        const int place = m_differences->rowCount();
        m_differences->insertRow(place);
        m_differences->setItem(place, 0, new QTableWidgetItem(QString::fromStdString(key)));
        for (qsizetype column = 0; column < row.size(); ++column)
            m_differences->setItem(place, static_cast<int>(column) + 1, new QTableWidgetItem(row.at(column)));
    }
}

} // namespace mmfree::gui
