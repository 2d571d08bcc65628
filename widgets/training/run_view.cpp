#include "widgets/training/run_view.h"

#include "widgets/theme/theme.h"
#include "widgets/training/adjust_panel.h"
#include "widgets/training/run_charts.h"
#include "widgets/training/sample_strip.h"
#include "widgets/training/ternary_strip.h"

#include <QDateTime>
#include <QFontDatabase>
#include <QLocale>
#include <QPlainTextEdit>
#include <QScrollBar>
#include <QSplitter>
#include <QTabWidget>
#include <QVBoxLayout>

namespace mmfree::gui
{

RunView::RunView(QWidget* parent)
    : QWidget(parent)
    , m_splitter(new QSplitter(Qt::Vertical))
    , m_charts(new RunCharts)
    , m_tabs(new QTabWidget)
    , m_samples(new SampleStrip)
    , m_ternary(new TernaryStrip)
    , m_adjust(new AdjustPanel)
    , m_log(new QPlainTextEdit)
{
    m_log->setReadOnly(true);
    m_log->setMaximumBlockCount(3000);
    m_log->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    m_log->setAccessibleName(tr("Log"));
    m_tabs->setObjectName(QStringLiteral("runTabs"));
    m_tabs->addTab(m_samples, tr("Samples"));
    m_tabs->addTab(m_ternary, tr("Ternary weights"));
    m_tabs->addTab(m_adjust, tr("Adjust"));
    m_tabs->addTab(m_log, tr("Log"));
    m_splitter->addWidget(m_charts);
    m_splitter->addWidget(m_tabs);
    m_splitter->setStretchFactor(0, 3);
    m_splitter->setStretchFactor(1, 1);
    m_splitter->setSizes({420, 190});
    m_splitter->setChildrenCollapsible(false);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(2 * kGrid, 2 * kGrid, 2 * kGrid, kGrid);
    layout->addWidget(m_splitter);
    connect(m_charts, &RunCharts::stepActivated, this, [this](qint64 step) {
        m_samples->goTo(step);
        emit stepActivated(step);
    });
    connect(m_charts, &RunCharts::problem, this, &RunView::problem);
    connect(m_ternary, &TernaryStrip::tensorActivated, this, &RunView::tensorActivated);
    connect(m_adjust, &AdjustPanel::commandAsked, this, &RunView::commandAsked);
}

QWidget* RunView::tabs() const
{
    return m_tabs;
}

void RunView::show(const QList<const RunReader*>& readers)
{
    const RunReader* main = readers.isEmpty() ? nullptr : readers.first();
    m_charts->show(readers);
    m_samples->show(main);
    m_ternary->show(main);
    m_adjust->show(main);
    showLog(main);
}

// Events first in time, then what the process printed; only what is new is added.
void RunView::showLog(const RunReader* reader)
{
    const QString folder = reader ? reader->folder() : QString();
    const std::size_t events = reader ? reader->events().size() : 0;
    const qsizetype lines = reader ? reader->log().size() : 0;
    if (folder != m_shownFolder || events < m_shownEvents || lines < m_shownLines) {
        m_log->clear();
        m_shownFolder = folder;
        m_shownEvents = 0;
        m_shownLines = 0;
    }
    if (!reader)
        return;
    for (; m_shownEvents < events; ++m_shownEvents) {
        const RunEvent& event = reader->events()[m_shownEvents];
        const QString time = QLocale().toString(QDateTime::fromSecsSinceEpoch(event.unixSeconds).time(),
                                                QStringLiteral("HH:mm:ss"));
        m_log->appendPlainText(
            QStringLiteral("%1  %2  %3  %4")
                .arg(time, QLocale().toString(static_cast<qlonglong>(event.step)).rightJustified(8),
                     QString::fromStdString(event.kind).leftJustified(14),
                     QString::fromStdString(event.text)));
    }
    for (; m_shownLines < lines; ++m_shownLines)
        m_log->appendPlainText(reader->log().at(m_shownLines));
}

bool RunView::showTab(const QString& name)
{
    static const QStringList kNames{"samples", "ternary", "adjust", "log"};
    const qsizetype index = kNames.indexOf(name);
    if (index < 0)
        return false;
    m_tabs->setCurrentIndex(static_cast<int>(index));
    return true;
}

} // namespace mmfree::gui
