// The drawing of a plot: Qt Charts draws the series, this class the grid, the texts, markers and the
// crosshair around them, and turns mouse, wheel and keys into ranges. Used by PlotView alone, which owns the
// content.
#pragma once

#include "widgets/views/plot/plot_scale.h"
#include "widgets/views/plot/plot_types.h"

#include <QtCharts/QChartView>

#include <optional>
#include <vector>

class QAreaSeries;
class QLineSeries;
class QValueAxis;

namespace mmfree::gui
{

struct PlotContent {
    QString title;
    PlotAxis x, y;
    QList<PlotSeries> series;
    QList<PlotMarker> markers;
    PlotMode mode = PlotMode::Lines;
    QString emptyText;
};

class PlotCanvas : public QChartView
{
    Q_OBJECT
public:
    PlotCanvas(const PlotContent& content, QWidget* parent);

    void refresh(); // content, size or theme changed: puts the visible part into the chart
    void setShownX(std::optional<PlotRange> range); // values; nothing: all
    void setCrosshair(std::optional<double> x);

    [[nodiscard]] std::optional<PlotRange> shownX() const { return m_xShown; }
    [[nodiscard]] std::optional<double> crosshair() const { return m_crosshair; }
    [[nodiscard]] PlotRange xRange() const; // of the axes now, values
    [[nodiscard]] PlotRange yRange() const;
    [[nodiscard]] QRectF plotArea() const { return m_area; }
    [[nodiscard]] qsizetype drawnPoints() const; // handed to the chart, all series
    [[nodiscard]] bool isEmpty() const;
    [[nodiscard]] QString crosshairText() const; // "Step 420: A training 3.21, B validation 3.4"; empty: none
    void fit();
    void zoom(Qt::Orientation axis, double factor, double place); // place: 0..1 along the axis, stays put
    void pan(double share);                                       // of the shown range of x

signals:
    void xShownByUser(std::optional<mmfree::gui::PlotRange> range);
    void crosshairMovedByUser(std::optional<double> x);
    void brushed(mmfree::gui::PlotRange range); // values of x; the plot shows it already
    void pointActivated(double x);              // clicked, or Enter at the crosshair
    void tableAsked();

protected:
    void drawBackground(QPainter* painter, const QRectF& rect) override;
    void drawForeground(QPainter* painter, const QRectF& rect) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;

private:
    struct Drawn {
        QLineSeries* line = nullptr;
        QLineSeries *lower = nullptr, *upper = nullptr;
        QAreaSeries* band = nullptr;
    };
    struct LegendEntry {
        int series = 0;
        QRectF place;
    };

    void matchSeriesCount();
    void updateRanges();
    void updateLayout();
    void drawSeries(int index);
    void drawBars(int index);
    void layOutLegend();
    void paintAxes(QPainter& painter);
    void paintLegend(QPainter& painter);
    void paintMarkers(QPainter& painter);
    void paintLetters(QPainter& painter);
    void paintCrosshair(QPainter& painter);
    [[nodiscard]] int styleOf(int index) const;
    [[nodiscard]] double barWidth() const;
    [[nodiscard]] PlotRange fittedX() const;
    [[nodiscard]] PlotRange fittedY() const;
    [[nodiscard]] double xAt(double pixel) const; // value
    [[nodiscard]] QPointF pixelOf(double xCoordinate, double yCoordinate) const;
    [[nodiscard]] std::optional<std::size_t> nearest(const PlotSeries& series, double x) const;
    [[nodiscard]] QStringList crosshairLines() const;
    void moveCrosshairByUser(std::optional<double> x);
    void stepCrosshair(int points);
    void showXByUser(std::optional<PlotRange> range);

    const PlotContent& m_content;
    QValueAxis *m_xAxis, *m_yAxis;
    std::vector<Drawn> m_drawn;
    QList<LegendEntry> m_legend;
    QRectF m_area;                               // of the plot, pixels
    PlotRange m_x, m_y;                          // shown coordinates
    std::optional<PlotRange> m_xShown, m_yShown; // chosen by the user, values of x and coordinates of y
    std::optional<double> m_crosshair;           // value of x
    std::optional<QPointF> m_pressed;            // left button, pixels
    std::optional<double> m_brushEnd;            // pixels
    QPointF m_panned;                            // last place of the middle button
};

} // namespace mmfree::gui
