// A plot: lines with bands or bars over titled axes, with crosshair, zoom, brush, markers, export and a table
// of the same numbers. Give it content as often as you like: it redraws at most once a frame. GUI thread.
//
// Wheel zooms x, Shift+wheel y, a drag with the left button shows that range of x, with the middle one pans,
// a double click shows all. Keys: arrows move the crosshair (Shift: by 10), Ctrl+arrows pan, + and - zoom x
// (with Alt: y), 0 or Home shows all, T the table, Enter activates the point at the crosshair.
#pragma once

#include "widgets/views/plot/plot_types.h"

#include <QTimer>
#include <QWidget>

#include <memory>
#include <optional>

class QMenu;
class QStackedLayout;
class QTableView;

namespace mmfree::gui
{

class PlotCanvas;
class PlotLink;
class PlotTableModel;
struct PlotContent;

class PlotView : public QWidget
{
    Q_OBJECT
public:
    explicit PlotView(const QString& title, QWidget* parent = nullptr);
    ~PlotView() override;

    void setTitle(const QString& title);
    void setXAxis(const PlotAxis& axis);
    void setYAxis(const PlotAxis& axis);
    void setMode(PlotMode mode);
    void setEmptyText(const QString& text);
    void setSeries(QList<PlotSeries> series);
    void setMarkers(QList<PlotMarker> markers); // ascending places
    // One crosshair and one range of x for all plots of a link; borrowed, must outlive this or be unset.
    void setLink(PlotLink* link);

    void showX(std::optional<PlotRange> range); // values of x; nothing: all
    void setTableShown(bool shown);
    [[nodiscard]] bool isTableShown() const;
    void flush(); // draws pending content now instead of with the next frame

    [[nodiscard]] QString title() const;
    [[nodiscard]] const QList<PlotSeries>& series() const;
    [[nodiscard]] const PlotAxis& xAxis() const;
    [[nodiscard]] const PlotAxis& yAxis() const;
    [[nodiscard]] PlotRange xRange() const; // shown now, values
    [[nodiscard]] PlotRange yRange() const;
    [[nodiscard]] std::optional<double> crosshair() const;
    [[nodiscard]] QString crosshairText() const; // "Step 420: A training 3.21"; empty: none
    [[nodiscard]] PlotCanvas& canvas() const { return *m_canvas; }
    [[nodiscard]] QTableView& table() const { return *m_table; }
    [[nodiscard]] QString csv() const;

    // Write a file; return what went wrong, empty: nothing. PNG at twice the size on the screen.
    [[nodiscard]] QString exportPng(const QString& file);
    [[nodiscard]] QString exportSvg(const QString& file);
    [[nodiscard]] QString exportCsv(const QString& file);
    [[nodiscard]] QImage picture(double scale);
    void addMenuActions(QMenu& menu); // what the context menu shows, for pages with their own menus

signals:
    void xShownByUser(std::optional<mmfree::gui::PlotRange> range);
    void brushed(mmfree::gui::PlotRange range);
    void pointActivated(double x);
    void crosshairMoved(std::optional<double> x);
    void exportFailed(const QString& reason);

protected:
    void contextMenuEvent(QContextMenuEvent* event) override;
    void changeEvent(QEvent* event) override;
    void showEvent(QShowEvent* event) override;

private:
    void schedule();
    void connectCanvas();
    void askAndExport(const QString& filter, const QString& suffix,
                      QString (PlotView::*write)(const QString&));
    void describe();

    std::unique_ptr<PlotContent> m_content;
    PlotCanvas* m_canvas;
    QTableView* m_table;
    PlotTableModel* m_tableModel;
    QStackedLayout* m_stack;
    PlotLink* m_link = nullptr;
    QTimer m_frame;
};

} // namespace mmfree::gui
