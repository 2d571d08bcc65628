#include "widgets/views/plot/plot_table.h"

#include <QLocale>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

QString axisTitle(const PlotAxis& axis)
{
    return axis.unit.isEmpty() ? axis.title : QStringLiteral("%1 (%2)").arg(axis.title, axis.unit);
}

bool hasBand(const PlotSeries& series)
{
    return !series.low.empty() && series.low.size() == series.y.size() &&
           series.high.size() == series.y.size();
}

std::vector<double> allPlaces(const PlotContent& content)
{
    std::vector<double> places;
    for (const PlotSeries& series : content.series)
        places.insert(places.end(), series.x.begin(), series.x.end());
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    return places;
}

std::optional<double> lookUp(const std::vector<double>& x, const std::vector<double>& values, double place)
{
    const auto found = std::lower_bound(x.begin(), x.end(), place);
    const auto index = static_cast<std::size_t>(found - x.begin());
    if (found == x.end() || *found != place || index >= values.size())
        return std::nullopt;
    return values[index];
}

QString quoted(QString text)
{
    if (text.contains(QLatin1Char(',')) || text.contains(QLatin1Char('"')) ||
        text.contains(QLatin1Char('\n')))
        return QLatin1Char('"') + text.replace(QLatin1Char('"'), QLatin1String("\"\"")) + QLatin1Char('"');
    return text;
}

} // namespace

PlotTableModel::PlotTableModel(const PlotContent& content, QObject* parent)
    : QAbstractTableModel(parent)
    , m_content(content)
{
}

void PlotTableModel::rebuild()
{
    beginResetModel();
    m_places = allPlaces(m_content);
    m_columns.clear();
    for (const PlotSeries& series : m_content.series) {
        m_columns.append(
            {series.name.isEmpty() ? axisTitle(m_content.y) : series.name, &series.x, &series.y});
        if (hasBand(series)) {
            m_columns.append({tr("%1, low").arg(series.name), &series.x, &series.low});
            m_columns.append({tr("%1, high").arg(series.name), &series.x, &series.high});
        }
    }
    endResetModel();
}

int PlotTableModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_places.size());
}

int PlotTableModel::columnCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : 1 + static_cast<int>(m_columns.size());
}

std::optional<double> PlotTableModel::valueAt(const Column& column, double x) const
{
    return lookUp(*column.x, *column.values, x);
}

QVariant PlotTableModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || static_cast<std::size_t>(index.row()) >= m_places.size())
        return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant(Qt::AlignRight | Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    const double place = m_places[static_cast<std::size_t>(index.row())];
    if (index.column() == 0) {
        for (const auto& [value, text] : m_content.x.labels) {
            if (value == place)
                return text;
        }
        return plotNumber(place, 6);
    }
    const auto value = valueAt(m_columns.at(index.column() - 1), place);
    return value ? plotNumber(*value, 6) : QString();
}

QVariant PlotTableModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (role != Qt::DisplayRole || orientation != Qt::Horizontal)
        return {};
    return section == 0 ? axisTitle(m_content.x) : m_columns.value(section - 1).title;
}

QString plotCsv(const PlotContent& content)
{
    QStringList header{quoted(axisTitle(content.x))};
    for (const PlotSeries& series : content.series) {
        header << quoted(series.name.isEmpty() ? axisTitle(content.y) : series.name);
        if (hasBand(series))
            header << quoted(series.name + QStringLiteral(" low"))
                   << quoted(series.name + QStringLiteral(" high"));
    }
    QString csv = header.join(QLatin1Char(',')) + QLatin1Char('\n');
    const auto number = [](std::optional<double> value) {
        return value && std::isfinite(*value) ? QString::number(*value, 'g', 17) : QString();
    };
    for (const double place : allPlaces(content)) {
        QString label = number(place);
        for (const auto& [value, text] : content.x.labels) {
            if (value == place)
                label = quoted(text);
        }
        QStringList row{label};
        for (const PlotSeries& series : content.series) {
            row << number(lookUp(series.x, series.y, place));
            if (hasBand(series))
                row << number(lookUp(series.x, series.low, place))
                    << number(lookUp(series.x, series.high, place));
        }
        csv += row.join(QLatin1Char(',')) + QLatin1Char('\n');
    }
    return csv;
}

} // namespace mmfree::gui
