#include "widgets/views/plot/plot_view.h"

#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_canvas.h"
#include "widgets/views/plot/plot_link.h"
#include "widgets/views/plot/plot_table.h"

#include <QContextMenuEvent>
#include <QEvent>
#include <QHeaderView>
#include <QMenu>
#include <QStackedLayout>
#include <QTableView>

namespace mmfree::gui
{

namespace
{

constexpr int kFrameMilliseconds = 33;

} // namespace

PlotView::PlotView(const QString& title, QWidget* parent)
    : QWidget(parent)
    , m_content(std::make_unique<PlotContent>())
    , m_canvas(new PlotCanvas(*m_content, this))
    , m_table(new QTableView(this))
    , m_tableModel(new PlotTableModel(*m_content, this))
    , m_stack(new QStackedLayout(this))
{
    m_content->title = title;
    m_table->setModel(m_tableModel);
    m_table->setAlternatingRowColors(true);
    m_table->setShowGrid(false);
    m_table->verticalHeader()->hide();
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setTabKeyNavigation(false);
    m_stack->setContentsMargins(0, 0, 0, 0);
    m_stack->addWidget(m_canvas);
    m_stack->addWidget(m_table);
    setFocusProxy(m_canvas);
    m_frame.setSingleShot(true);
    m_frame.setInterval(kFrameMilliseconds);
    connect(&m_frame, &QTimer::timeout, this, &PlotView::flush);
    connectCanvas();
    describe();
}

PlotView::~PlotView()
{
    // They ask for the content until they are gone, for instance when a visible plot is closed.
    delete m_table;
    delete m_tableModel;
    delete m_canvas;
}

void PlotView::connectCanvas()
{
    connect(m_canvas, &PlotCanvas::xShownByUser, this, [this](std::optional<PlotRange> range) {
        if (m_link)
            m_link->showRange(this, range);
        emit xShownByUser(range);
    });
    connect(m_canvas, &PlotCanvas::crosshairMovedByUser, this, [this](std::optional<double> x) {
        if (m_link)
            m_link->moveCrosshair(this, x);
        emit crosshairMoved(x);
    });
    connect(m_canvas, &PlotCanvas::brushed, this, &PlotView::brushed);
    connect(m_canvas, &PlotCanvas::pointActivated, this, &PlotView::pointActivated);
    connect(m_canvas, &PlotCanvas::tableAsked, this, [this] { setTableShown(!isTableShown()); });
}

void PlotView::describe()
{
    m_canvas->setAccessibleName(tr("Plot: %1").arg(m_content->title));
    m_table->setAccessibleName(tr("Table: %1").arg(m_content->title));
    setAccessibleName(m_content->title);
}

void PlotView::setTitle(const QString& title)
{
    m_content->title = title;
    describe();
    schedule();
}

void PlotView::setXAxis(const PlotAxis& axis)
{
    m_content->x = axis;
    schedule();
}

void PlotView::setYAxis(const PlotAxis& axis)
{
    m_content->y = axis;
    schedule();
}

void PlotView::setMode(PlotMode mode)
{
    m_content->mode = mode;
    schedule();
}

void PlotView::setEmptyText(const QString& text)
{
    m_content->emptyText = text;
    schedule();
}

void PlotView::setSeries(QList<PlotSeries> series)
{
    m_content->series = std::move(series);
    // The table's columns point into the content.
    m_tableModel->rebuild();
    schedule();
}

void PlotView::setMarkers(QList<PlotMarker> markers)
{
    m_content->markers = std::move(markers);
    schedule();
}

void PlotView::setLink(PlotLink* link)
{
    if (m_link)
        disconnect(m_link, nullptr, this, nullptr);
    m_link = link;
    if (!link)
        return;
    connect(link, &PlotLink::crosshairMoved, this, [this](QObject* origin, std::optional<double> x) {
        if (origin != this)
            m_canvas->setCrosshair(x);
    });
    connect(link, &PlotLink::rangeShown, this, [this](QObject* origin, std::optional<PlotRange> range) {
        if (origin != this)
            m_canvas->setShownX(range);
    });
}

void PlotView::showX(std::optional<PlotRange> range)
{
    m_canvas->setShownX(range);
}

void PlotView::setTableShown(bool shown)
{
    const bool hadFocus = m_canvas->hasFocus() || m_table->hasFocus();
    if (shown)
        m_tableModel->rebuild();
    m_stack->setCurrentWidget(shown ? static_cast<QWidget*>(m_table) : m_canvas);
    setFocusProxy(m_stack->currentWidget());
    if (hadFocus)
        m_stack->currentWidget()->setFocus();
}

bool PlotView::isTableShown() const
{
    return m_stack->currentWidget() == m_table;
}

void PlotView::schedule()
{
    if (!m_frame.isActive())
        m_frame.start();
}

void PlotView::flush()
{
    m_frame.stop();
    m_canvas->refresh();
}

QString PlotView::title() const
{
    return m_content->title;
}

const QList<PlotSeries>& PlotView::series() const
{
    return m_content->series;
}

const PlotAxis& PlotView::xAxis() const
{
    return m_content->x;
}

const PlotAxis& PlotView::yAxis() const
{
    return m_content->y;
}

PlotRange PlotView::xRange() const
{
    return m_canvas->xRange();
}

PlotRange PlotView::yRange() const
{
    return m_canvas->yRange();
}

std::optional<double> PlotView::crosshair() const
{
    return m_canvas->crosshair();
}

QString PlotView::crosshairText() const
{
    return m_canvas->crosshairText();
}

QString PlotView::csv() const
{
    return plotCsv(*m_content);
}

void PlotView::changeEvent(QEvent* event)
{
    QWidget::changeEvent(event);
    switch (event->type()) {
    case QEvent::PaletteChange:
    case QEvent::StyleChange:
    case QEvent::FontChange:
    case QEvent::LocaleChange:
        schedule();
        break;
    default:
        break;
    }
}

void PlotView::showEvent(QShowEvent* event)
{
    QWidget::showEvent(event);
    if (m_frame.isActive())
        flush();
}

void PlotView::contextMenuEvent(QContextMenuEvent* event)
{
    QMenu menu(this);
    addMenuActions(menu);
    menu.exec(event->globalPos());
}

} // namespace mmfree::gui
