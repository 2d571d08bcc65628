// A matrix to look at: zoom with the wheel and Ctrl or a pinch, drag to move, 0 fits, 1 is one pixel a cell,
// arrows move a cell cursor that reads values out, Shift selects a rectangle, Ctrl+C copies it. Cells come
// painted from HeatmapTiles; hover, cursor and selection are a layer above a kept picture, so that they never
// repaint cells.
#pragma once

#include "widgets/views/heatmap/heatmap_painter.h"

#include <QImage>
#include <QWidget>

#include <functional>
#include <memory>
#include <optional>

namespace mmfree::gui
{

struct HeatmapCell {
    qint64 row = -1, col = -1;
    [[nodiscard]] bool isValid() const { return row >= 0 && col >= 0; }
    friend bool operator==(const HeatmapCell&, const HeatmapCell&) = default;
};

struct HeatmapSelection {
    qint64 row = 0, col = 0, rows = 0, cols = 0; // rows == 0: nothing
    [[nodiscard]] bool isEmpty() const { return rows == 0 || cols == 0; }
    friend bool operator==(const HeatmapSelection&, const HeatmapSelection&) = default;
};

class HeatmapView : public QWidget
{
    Q_OBJECT
public:
    explicit HeatmapView(QWidget* parent = nullptr);
    ~HeatmapView() override;

    // Another matrix of the same size keeps the place looked at, any other one is fitted.
    void setData(std::shared_ptr<const HeatmapData> data);
    [[nodiscard]] std::shared_ptr<const HeatmapData> data() const { return m_data; }
    void setRange(HeatmapRange range);
    void setFrame(HeatmapFrame frame);
    [[nodiscard]] const HeatmapFrame& heatmapFrame() const { return m_frame; }
    // Square cells (weights), or rows and columns stretched separately (channels by tokens).
    void setSquareCells(bool square);
    // What the cursor's cell says, e.g. "cell (17, 203): +1 · latent 0.62". Default: row, column, value.
    void setReadout(std::function<QString(qint64 row, qint64 col)> readout);
    [[nodiscard]] QString readout(const HeatmapCell& cell) const;
    void setEmptyText(const QString& text); // shown without data
    // A thin line on these columns or rows (the shared token), -1: none.
    void setMarkedColumn(qint64 col);
    void setMarkedRow(qint64 row);

    [[nodiscard]] HeatmapTransform transform() const { return m_transform; }
    void setTransform(const HeatmapTransform& transform); // clamped to the matrix
    void fit();
    void zoomToCells(); // one pixel a cell
    void zoom(double factor, const QPointF& around);
    void showCell(const HeatmapCell& cell); // scrolls there

    [[nodiscard]] HeatmapCell cursorCell() const { return m_cursor; }
    void setCursorCell(const HeatmapCell& cell);
    [[nodiscard]] HeatmapSelection selection() const { return m_selection; }
    void setSelection(const HeatmapSelection& selection);
    [[nodiscard]] HeatmapCell cellAt(const QPointF& position) const; // invalid outside
    [[nodiscard]] QRectF rectOf(const HeatmapCell& cell) const;
    [[nodiscard]] QRectF plotRect() const;

    // Rows on lines, columns behind tabs; of the selection, else the cursor's cell. Empty above 4 million
    // cells.
    [[nodiscard]] QString selectionAsTsv() const;
    void copySelection();
    void paintTo(QPainter& painter, const QRectF& bounds) const; // the exports' way, complete

    [[nodiscard]] bool isSettled() const; // everything in sight is painted
    [[nodiscard]] int framesPainted() const
    {
        return m_framesPainted;
    } // cells were composed; hover does not count
    [[nodiscard]] QSize sizeHint() const override { return {640, 420}; }
    [[nodiscard]] QSize minimumSizeHint() const override { return {160, 120}; }

signals:
    void cursorMoved(qint64 row, qint64 col);
    void hovered(qint64 row, qint64 col); // -1, -1: left
    void cellClicked(qint64 row, qint64 col);
    void cellActivated(qint64 row, qint64 col); // Enter or a double click
    void rowActivated(qint64 row);              // its header was clicked
    void columnActivated(qint64 col);
    void selectionChanged();
    void transformChanged();
    void problem(const QString& text); // e.g. too much to copy
    void settled();

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    enum class Drag { None, Pan, Select, Minimap };
    void invalidate(); // the cells' picture
    void composeFrame();
    void paintOverlay(QPainter& painter);
    void paintReadout(QPainter& painter, const HeatmapCell& cell);
    void paintMinimap(QPainter& painter);
    [[nodiscard]] QRectF minimapRect() const; // empty when everything is in sight
    void centerOnMinimap(const QPointF& position);
    [[nodiscard]] HeatmapTransform clamped(HeatmapTransform transform) const;
    [[nodiscard]] HeatmapTransform fitted() const;
    void moveCursor(qint64 rows, qint64 cols, bool extend);
    void selectBetween(const HeatmapCell& from, const HeatmapCell& to);
    bool handleZoomKey(int key);
    bool handleMoveKey(QKeyEvent* event);

    std::shared_ptr<const HeatmapData> m_data;
    HeatmapTiles m_tiles;
    HeatmapFrame m_frame;
    HeatmapTransform m_transform;
    std::function<QString(qint64, qint64)> m_readout;
    QString m_emptyText;
    bool m_square = true;
    bool m_fitted = true; // follows the size of the widget
    HeatmapCell m_cursor, m_hover, m_anchor;
    HeatmapSelection m_selection;
    qint64 m_markedCol = -1, m_markedRow = -1;
    QImage m_picture; // cells, headers and legend; device pixels
    bool m_pictureValid = false;
    std::vector<TileKey> m_missing;
    int m_framesPainted = 0;
    Drag m_drag = Drag::None;
    QPointF m_pressed, m_last;
    bool m_moved = false;
};

} // namespace mmfree::gui
