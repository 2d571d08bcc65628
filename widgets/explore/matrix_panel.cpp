#include "widgets/explore/matrix_panel.h"

#include "engine/analysis/npy_file.h"
#include "engine/core/error.h"
#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/heatmap/heatmap_export.h"
#include "widgets/views/heatmap/heatmap_table_model.h"
#include "widgets/workers/inference_types.h"

#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QMenu>
#include <QStackedLayout>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

void exportNpy(const QString& path, const HeatmapData& data)
{
    const bool integers = data.kind() == HeatmapKind::Ternary || data.kind() == HeatmapKind::Transitions;
    NpyWriter writer(path.toStdString(), integers ? DType::I8 : DType::F32, {data.rows(), data.cols()});
    std::vector<float> row(static_cast<std::size_t>(data.cols()));
    std::vector<std::int8_t> codes(integers ? row.size() : 0);
    for (qint64 r = 0; r < data.rows(); ++r) {
        data.read(r, 0, row);
        if (integers) {
            std::transform(row.begin(), row.end(), codes.begin(),
                           [](float value) { return static_cast<std::int8_t>(value); });
            writer.write(codes);
        } else {
            writer.write(row);
        }
    }
    writer.finish();
}

void exportCsv(const QString& path, const HeatmapData& data, const HeatmapFrame& frame)
{
    constexpr qint64 kLimit = qint64{16} << 20;
    if (data.rows() * data.cols() > kLimit)
        throw Error(ErrorCode::InvalidArgument,
                    "the matrix has " + std::to_string(data.rows() * data.cols()) +
                        " cells, needed: at most " + std::to_string(kLimit) + " for CSV; NPY takes any size");
    const auto quoted = [](QString text) {
        return QLatin1Char('"') + text.replace(QLatin1Char('"'), QStringLiteral("\"\"")) + QLatin1Char('"');
    };
    AtomicFile file(path.toStdString());
    QString header;
    for (qint64 col = 0; col < data.cols(); ++col)
        header += QLatin1Char(',') + (frame.colLabel ? quoted(frame.colLabel(col)) : QString::number(col));
    file.write((header + QLatin1Char('\n')).toStdString());
    std::vector<float> row(static_cast<std::size_t>(data.cols()));
    for (qint64 r = 0; r < data.rows(); ++r) {
        data.read(r, 0, row);
        QString line = frame.rowLabel ? quoted(frame.rowLabel(r)) : QString::number(r);
        for (const float value : row)
            line += QLatin1Char(',') + QString::number(static_cast<double>(value), 'g', 9);
        file.write((line + QLatin1Char('\n')).toStdString());
    }
    file.commit();
}

} // namespace

MatrixPanel::MatrixPanel(const QString& name, QWidget* parent)
    : QWidget(parent)
    , m_fileName(name)
    , m_view(new HeatmapView)
    , m_table(new QTableView)
    , m_tableModel(new HeatmapTableModel(this))
    , m_tools(new QHBoxLayout)
    , m_stack(new QStackedLayout)
    , m_line(new QLabel)
    , m_tableButton(new QToolButton)
{
    m_view->setAccessibleName(name);
    m_table->setAccessibleName(tr("%1 as a table").arg(name));
    m_table->setModel(m_tableModel);
    m_table->horizontalHeader()->setDefaultSectionSize(76);
    m_table->verticalHeader()->setDefaultSectionSize(26);
    setTextRole(m_line, TextRole::Small);
    m_line->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_line->setMinimumHeight(20);

    m_tableButton->setText(tr("Table"));
    m_tableButton->setToolTip(tr("The same numbers as a table"));
    m_tableButton->setCheckable(true);
    auto* more = new QToolButton;
    more->setText(tr("View"));
    more->setToolTip(tr("Fit, zoom, copy and export"));
    more->setPopupMode(QToolButton::InstantPopup);
    auto* menu = new QMenu(more);
    more->setMenu(menu);
    connect(menu->addAction(tr("Fit the whole matrix\t0")), &QAction::triggered, m_view, &HeatmapView::fit);
    connect(menu->addAction(tr("One pixel a cell\t1")), &QAction::triggered, m_view,
            &HeatmapView::zoomToCells);
    connect(menu->addAction(tr("Copy the selection\tCtrl+C")), &QAction::triggered, m_view,
            &HeatmapView::copySelection);
    menu->addSeparator();
    connect(menu->addAction(tr("Export\u2026")), &QAction::triggered, this, &MatrixPanel::askAndExport);
    m_tools->setContentsMargins(0, 0, 0, 0);
    m_tools->setSpacing(kGrid / 2);
    m_tools->addStretch(1);
    m_tools->addWidget(m_tableButton);
    m_tools->addWidget(more);
    m_stack->addWidget(m_view);
    m_stack->addWidget(m_table);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(kGrid / 2);
    layout->addLayout(m_tools);
    layout->addLayout(m_stack, 1);
    layout->addWidget(m_line);

    connect(m_tableButton, &QToolButton::toggled, this, &MatrixPanel::setTableShown);
    connect(m_view, &HeatmapView::problem, this,
            [this](const QString& text) { emit problem(tr("This cannot be copied"), text); });
}

void MatrixPanel::setData(std::shared_ptr<const HeatmapData> matrix)
{
    m_view->setData(std::move(matrix));
    if (isTableShown())
        refreshTable();
}

void MatrixPanel::setFrame(const HeatmapFrame& frame)
{
    m_view->setFrame(frame);
    if (isTableShown())
        refreshTable();
}

void MatrixPanel::refreshTable()
{
    m_tableModel->setData(m_view->data(), m_view->heatmapFrame().rowLabel, m_view->heatmapFrame().colLabel);
}

void MatrixPanel::setLine(const QString& text)
{
    m_line->setText(text);
}

QString MatrixPanel::line() const
{
    return m_line->text();
}

void MatrixPanel::setTableShown(bool shown)
{
    if (shown)
        refreshTable();
    else
        m_tableModel->setData(nullptr);
    m_tableButton->setChecked(shown);
    m_stack->setCurrentWidget(shown ? static_cast<QWidget*>(m_table) : m_view);
}

bool MatrixPanel::isTableShown() const
{
    return m_stack->currentWidget() == m_table;
}

void MatrixPanel::exportTo(const QString& path)
{
    if (!m_view->data())
        throw Error(ErrorCode::InvalidArgument, "there is nothing to export yet");
    const QString ending = QFileInfo(path).suffix().toLower();
    if (ending == QLatin1String("npy"))
        exportNpy(path, *m_view->data());
    else if (ending == QLatin1String("csv"))
        exportCsv(path, *m_view->data(), m_view->heatmapFrame());
    else
        exportPicture(path, m_fileName, m_view->size(),
                      [this](QPainter& painter, const QRectF& bounds) { m_view->paintTo(painter, bounds); });
}

void MatrixPanel::askAndExport()
{
    const QString path = QFileDialog::getSaveFileName(
        this, tr("Export"), m_fileName + QStringLiteral(".png"),
        tr("Picture (*.png);;Drawing (*.svg *.pdf);;NumPy array (*.npy);;Table (*.csv)"));
    if (path.isEmpty())
        return;
    try {
        exportTo(path);
    } catch (...) {
        const ErrorInfo error = currentError();
        emit problem(errorTitle(error.code), error.message);
    }
}

} // namespace mmfree::gui
