// The tensors of a model as a tree (model > layer > mixer > tensor) with numbers by column, and the proxy
// that sorts and filters it. Groups add up what is below them.
#pragma once

#include "widgets/explore/tensor_filter.h"

#include <QAbstractItemModel>
#include <QSortFilterProxyModel>

#include <memory>
#include <optional>
#include <vector>

namespace mmfree::gui
{

class TensorTreeModel : public QAbstractItemModel
{
    Q_OBJECT
public:
    enum Column { Name, Shape, Shares, Zero, Parameters, Bytes, Bits, Scale, DeadRows, Changed, ColumnCount };
    enum Role {
        SortRole = Qt::UserRole, // number or text to sort by
        TensorRole,              // place in the schema, -1: a group
        SharesRole,              // QList<double>: shares of -1, 0, +1; empty: not ternary or not measured
        BarRole,                 // 0..1: length of the bar behind a number; invalid: none
    };

    explicit TensorTreeModel(QObject* parent = nullptr);

    void setModel(const std::vector<TensorSpec>& schema, const QString& name);
    void setStatistics(const std::vector<std::optional<TensorStatistics>>& statistics);
    [[nodiscard]] QModelIndex indexOf(int tensor) const;
    [[nodiscard]] const std::vector<TensorSpec>& schema() const { return m_schema; }
    [[nodiscard]] const TensorStatistics* statisticsOf(int tensor) const; // null: not measured

    [[nodiscard]] QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
    [[nodiscard]] QModelIndex parent(const QModelIndex& child) const override;
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role = Qt::DisplayRole) const override;

private:
    struct Node {
        QString name;
        int tensor = -1;
        Node* parent = nullptr;
        int row = 0;
        std::vector<std::unique_ptr<Node>> children;
        TensorStatistics sum; // of all measured tensors below; of a tensor: itself
        bool measured = false;
        std::int64_t parameters = 0,
                     ternary = 0; // known without measuring; ternary: measured ternary weights
    };
    Node* child(Node* parent, const QString& name);
    void addUp(Node& node);
    [[nodiscard]] const Node* nodeOf(const QModelIndex& index) const;
    [[nodiscard]] QVariant display(const Node& node, int column) const;
    [[nodiscard]] QVariant sortValue(const Node& node, int column) const;

    std::unique_ptr<Node> m_root;
    std::vector<Node*> m_byTensor;
    std::vector<TensorSpec> m_schema;
    std::vector<std::optional<TensorStatistics>> m_statistics;
    std::int64_t m_largestParameters = 1;
    std::uint64_t m_largestBytes = 1;
};

class TensorTreeProxy : public QSortFilterProxyModel
{
    Q_OBJECT
public:
    explicit TensorTreeProxy(QObject* parent = nullptr);
    void setFilter(const TensorFilter& filter);
    [[nodiscard]] int shownTensors() const;

protected:
    [[nodiscard]] bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

private:
    TensorFilter m_filter;
};

} // namespace mmfree::gui
