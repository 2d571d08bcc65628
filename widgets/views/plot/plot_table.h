// The numbers of a plot as a table: the same content for people and programs that cannot see lines. One row
// for every place on x that any series has; a band gives two more columns.
#pragma once

#include "widgets/views/plot/plot_canvas.h"

#include <QAbstractTableModel>

namespace mmfree::gui
{

class PlotTableModel : public QAbstractTableModel
{
    Q_OBJECT
public:
    explicit PlotTableModel(const PlotContent& content, QObject* parent = nullptr);

    void rebuild(); // after the content changed
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    struct Column {
        QString title;
        const std::vector<double>* x = nullptr; // borrowed from the content until the next rebuild()
        const std::vector<double>* values = nullptr;
    };
    [[nodiscard]] std::optional<double> valueAt(const Column& column, double x) const;

    const PlotContent& m_content;
    std::vector<double> m_places;
    QList<Column> m_columns;
};

// Comma-separated values with a header line, numbers in the C locale with all their digits.
[[nodiscard]] QString plotCsv(const PlotContent& content);

} // namespace mmfree::gui
