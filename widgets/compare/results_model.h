// The results of a comparison as a table: metrics by contenders, as values or as ratios to the baseline. The
// numbers are those of engine/analysis; this only words them.
#pragma once

#include "engine/analysis/compare_statistics.h"

#include <QAbstractTableModel>

#include <memory>

namespace mmfree::gui
{

class ResultsModel : public QAbstractTableModel
{
    Q_OBJECT
public:
    using QAbstractTableModel::QAbstractTableModel;

    static constexpr int kValueRole =
        Qt::UserRole + 1; // double: the median, or the ratio when ratios are shown

    void setRun(std::shared_ptr<const CompareRun> run);
    void setRatios(bool ratios);
    [[nodiscard]] bool showsRatios() const { return m_ratios; }
    [[nodiscard]] const CompareRun* run() const { return m_run.get(); }

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    [[nodiscard]] QString cellText(std::size_t metric, const MetricValue& cell) const;

    std::shared_ptr<const CompareRun> m_run;
    std::vector<std::vector<MetricValue>> m_table;
    bool m_ratios = false;
};

// Words for values of the metrics in the user's locale and language.
[[nodiscard]] QString metricTitle(const Metric& metric);
[[nodiscard]] QString metricExplanation(const Metric& metric);
[[nodiscard]] QString metricValueText(const Metric& metric, double value);
[[nodiscard]] QString ratioValueText(const Ratio& ratio);
[[nodiscard]] QString contenderLabel(const CompareRun& run, int index); // letter, name, "emulated" mark
// Short, for charts, which put the letter before it: "CPU", "OpenCL (emulated)", "dense, CPU".
[[nodiscard]] QString contenderPlotName(const ContenderResult& result);

} // namespace mmfree::gui
