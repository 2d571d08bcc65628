// A heatmap with what every view of the explorer needs around it: a button row that the view fills, fit and
// 1:1, a table twin, export (PNG, SVG, PDF, NPY, CSV) and a line for the cell or selection.
#pragma once

#include "widgets/views/heatmap/heatmap_view.h"

#include <QWidget>

class QHBoxLayout;
class QLabel;
class QStackedLayout;
class QTableView;
class QToolButton;

namespace mmfree::gui
{

class HeatmapTableModel;

class MatrixPanel : public QWidget
{
    Q_OBJECT
public:
    explicit MatrixPanel(const QString& name, QWidget* parent = nullptr); // accessible name, and files' names

    [[nodiscard]] HeatmapView* view() const { return m_view; }
    [[nodiscard]] QTableView* table() const { return m_table; }
    [[nodiscard]] QHBoxLayout* tools() const { return m_tools; } // the view's own controls go in front
    void setData(std::shared_ptr<const HeatmapData> matrix);
    void setFrame(const HeatmapFrame& frame);
    void setLine(const QString& text); // under the matrix
    [[nodiscard]] QString line() const;
    void setTableShown(bool shown);
    [[nodiscard]] bool isTableShown() const;
    void setFileName(const QString& name) { m_fileName = name; } // without ending
    void exportTo(const QString& path);                          // by ending; throws Error

signals:
    void problem(const QString& title, const QString& detail);

private:
    void askAndExport();
    void refreshTable();

    QString m_fileName;
    HeatmapView* m_view;
    QTableView* m_table;
    HeatmapTableModel* m_tableModel;
    QHBoxLayout* m_tools;
    QStackedLayout* m_stack;
    QLabel* m_line;
    QToolButton* m_tableButton;
};

} // namespace mmfree::gui
