#include "widgets/explore/tensor_tree_model.h"

#include <QLocale>

#include <algorithm>
#include <functional>

namespace mmfree::gui
{

namespace
{

double percentOf(std::int64_t part, std::int64_t whole)
{
    return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0;
}

} // namespace

TensorTreeModel::TensorTreeModel(QObject* parent)
    : QAbstractItemModel(parent)
    , m_root(std::make_unique<Node>())
{
}

TensorTreeModel::Node* TensorTreeModel::child(Node* parent, const QString& name)
{
    for (const auto& node : parent->children) {
        if (node->tensor < 0 && node->name == name)
            return node.get();
    }
    auto node = std::make_unique<Node>();
    node->name = name;
    node->parent = parent;
    node->row = static_cast<int>(parent->children.size());
    parent->children.push_back(std::move(node));
    return parent->children.back().get();
}

void TensorTreeModel::setModel(const std::vector<TensorSpec>& schema, const QString& name)
{
    beginResetModel();
    m_schema = schema;
    m_statistics.assign(schema.size(), std::nullopt);
    m_root = std::make_unique<Node>();
    m_byTensor.clear();
    m_largestParameters = 1;
    m_largestBytes = 1;
    Node* top = schema.empty() ? m_root.get() : child(m_root.get(), name);
    for (std::size_t i = 0; i < schema.size(); ++i) {
        const TensorSpec& spec = schema[i];
        const QString full = QString::fromStdString(spec.name);
        Node* group = top;
        if (spec.layer >= 0) {
            group = child(top, tr("Layer %1").arg(spec.layer));
            if (full.contains(QLatin1String(".attn")))
                group = child(group, tr("MLGRU"));
            else if (full.contains(QLatin1String("self_attn")) ||
                     full.contains(QLatin1String("input_layernorm")))
                group = child(group, tr("Attention"));
            else
                group = child(group, tr("GLU"));
        }
        auto node = std::make_unique<Node>();
        node->name = tensorType(spec);
        node->tensor = static_cast<int>(i);
        node->parent = group;
        node->row = static_cast<int>(group->children.size());
        node->parameters = elementCount(spec.shape);
        m_largestParameters = std::max(m_largestParameters, node->parameters);
        m_byTensor.push_back(node.get());
        group->children.push_back(std::move(node));
    }
    addUp(*m_root);
    endResetModel();
}

void TensorTreeModel::addUp(Node& node)
{
    if (node.tensor >= 0) {
        const auto& statistics = m_statistics[static_cast<std::size_t>(node.tensor)];
        node.measured = statistics.has_value();
        if (statistics) {
            node.sum = *statistics;
            node.ternary = statistics->role == mmfree::TensorRole::TernaryWeight ? statistics->parameters : 0;
            m_largestBytes = std::max(m_largestBytes, statistics->bytes);
        }
        return;
    }
    node.sum = {};
    node.parameters = node.ternary = 0;
    node.measured = !node.children.empty();
    bool compared = !node.children.empty();
    std::int64_t changed = 0;
    for (const auto& below : node.children) {
        addUp(*below);
        node.parameters += below->parameters;
        node.ternary += below->ternary;
        node.measured = node.measured && below->measured;
        node.sum.parameters += below->sum.parameters;
        node.sum.bytes += below->sum.bytes;
        node.sum.deadRows += below->sum.deadRows;
        node.sum.counts.minus += below->sum.counts.minus;
        node.sum.counts.zero += below->sum.counts.zero;
        node.sum.counts.plus += below->sum.counts.plus;
        compared = compared && below->sum.changed >= 0;
        changed += std::max<std::int64_t>(below->sum.changed, 0);
    }
    node.sum.changed = compared ? changed : -1;
}

void TensorTreeModel::setStatistics(const std::vector<std::optional<TensorStatistics>>& statistics)
{
    if (statistics.size() != m_schema.size())
        return;
    m_statistics = statistics;
    addUp(*m_root);
    const std::function<void(const QModelIndex&)> announce = [&](const QModelIndex& parent) {
        const int rows = rowCount(parent);
        if (rows == 0)
            return;
        emit dataChanged(index(0, 0, parent), index(rows - 1, ColumnCount - 1, parent));
        for (int row = 0; row < rows; ++row)
            announce(index(row, 0, parent));
    };
    announce({});
}

const TensorStatistics* TensorTreeModel::statisticsOf(int tensor) const
{
    const auto& statistics = m_statistics[static_cast<std::size_t>(tensor)];
    return statistics ? &*statistics : nullptr;
}

QModelIndex TensorTreeModel::indexOf(int tensor) const
{
    if (tensor < 0 || tensor >= static_cast<int>(m_byTensor.size()))
        return {};
    Node* node = m_byTensor[static_cast<std::size_t>(tensor)];
    return createIndex(node->row, 0, node);
}

const TensorTreeModel::Node* TensorTreeModel::nodeOf(const QModelIndex& index) const
{
    return index.isValid() ? static_cast<const Node*>(index.internalPointer()) : m_root.get();
}

QModelIndex TensorTreeModel::index(int row, int column, const QModelIndex& parent) const
{
    if (parent.isValid() && parent.column() != 0)
        return {};
    const Node* node = nodeOf(parent);
    if (row < 0 || row >= static_cast<int>(node->children.size()) || column < 0 || column >= ColumnCount)
        return {};
    return createIndex(row, column, node->children[static_cast<std::size_t>(row)].get());
}

QModelIndex TensorTreeModel::parent(const QModelIndex& child) const
{
    if (!child.isValid())
        return {};
    Node* parent = nodeOf(child)->parent;
    return !parent || parent == m_root.get() ? QModelIndex() : createIndex(parent->row, 0, parent);
}

int TensorTreeModel::rowCount(const QModelIndex& parent) const
{
    return parent.column() > 0 ? 0 : static_cast<int>(nodeOf(parent)->children.size());
}

int TensorTreeModel::columnCount(const QModelIndex&) const
{
    return ColumnCount;
}

QVariant TensorTreeModel::display(const Node& node, int column) const
{
    const QLocale locale;
    switch (column) {
    case Name:
        return node.name;
    case Shape: {
        if (node.tensor < 0)
            return {};
        QStringList sizes;
        for (const std::int64_t size : m_schema[static_cast<std::size_t>(node.tensor)].shape)
            sizes << locale.toString(static_cast<qint64>(size));
        return sizes.join(QStringLiteral(" \u00d7 "));
    }
    case Parameters:
        return locale.toString(static_cast<qint64>(node.parameters));
    default:
        break;
    }
    if (!node.measured)
        return column == Bytes ? QVariant(QStringLiteral("\u2026")) : QVariant();
    switch (column) {
    case Bytes:
        return locale.formattedDataSize(static_cast<qint64>(node.sum.bytes), 1, QLocale::DataSizeIecFormat);
    case Bits:
        return locale.toString(node.sum.bitsPerWeight(), 'f', 2);
    case Changed:
        return node.sum.changed >= 0
                   ? tr("%1 %").arg(locale.toString(percentOf(node.sum.changed, node.sum.parameters), 'f', 1))
                   : QVariant();
    case Zero:
        return node.ternary > 0
                   ? tr("%1 %").arg(locale.toString(percentOf(node.sum.counts.zero, node.ternary), 'f', 1))
                   : QVariant();
    case Scale:
        return node.tensor >= 0 && node.ternary > 0 ? locale.toString(node.sum.scale, 'g', 3) : QVariant();
    case DeadRows:
        return node.ternary > 0 ? locale.toString(static_cast<qint64>(node.sum.deadRows)) : QVariant();
    default:
        return {};
    }
}

QVariant TensorTreeModel::sortValue(const Node& node, int column) const
{
    switch (column) {
    case Name:
        return node.row; // the order of the model
    case Shape:
    case Parameters:
        return static_cast<qlonglong>(node.parameters);
    case Bytes:
        return static_cast<qulonglong>(node.sum.bytes);
    case Bits:
        return node.sum.bitsPerWeight();
    case Shares:
    case Zero:
        return node.ternary > 0 ? percentOf(node.sum.counts.zero, node.ternary) : -1.0;
    case Scale:
        return node.tensor >= 0 ? node.sum.scale : -1.0;
    case DeadRows:
        return static_cast<qlonglong>(node.sum.deadRows);
    case Changed:
        return node.sum.changed >= 0 ? percentOf(node.sum.changed, node.sum.parameters) : -1.0;
    default:
        return {};
    }
}

QVariant TensorTreeModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid())
        return {};
    const Node& node = *nodeOf(index);
    switch (role) {
    case Qt::DisplayRole:
        return display(node, index.column());
    case Qt::TextAlignmentRole:
        return index.column() == Name ? QVariant(Qt::AlignLeft | Qt::AlignVCenter)
                                      : QVariant(Qt::AlignRight | Qt::AlignVCenter);
    case Qt::ToolTipRole:
        if (index.column() == Name && node.tensor >= 0)
            return QString::fromStdString(m_schema[static_cast<std::size_t>(node.tensor)].name);
        [[fallthrough]];
    case Qt::AccessibleTextRole:
        if (index.column() == Shares && node.ternary > 0)
            return tr("minus %1 %, zero %2 %, plus %3 %")
                .arg(QLocale().toString(percentOf(node.sum.counts.minus, node.ternary), 'f', 1),
                     QLocale().toString(percentOf(node.sum.counts.zero, node.ternary), 'f', 1),
                     QLocale().toString(percentOf(node.sum.counts.plus, node.ternary), 'f', 1));
        return {};
    case SortRole:
        return sortValue(node, index.column());
    case TensorRole:
        return node.tensor;
    case SharesRole: {
        if (node.ternary == 0)
            return {};
        const double whole = static_cast<double>(node.ternary);
        return QVariant::fromValue(QList<double>{static_cast<double>(node.sum.counts.minus) / whole,
                                                 static_cast<double>(node.sum.counts.zero) / whole,
                                                 static_cast<double>(node.sum.counts.plus) / whole});
    }
    case BarRole:
        if (node.tensor < 0)
            return {};
        if (index.column() == Parameters)
            return static_cast<double>(node.parameters) / static_cast<double>(m_largestParameters);
        if (index.column() == Bytes && node.measured)
            return static_cast<double>(node.sum.bytes) / static_cast<double>(m_largestBytes);
        if (index.column() == Changed && node.sum.changed >= 0)
            return percentOf(node.sum.changed, node.sum.parameters) / 100.0;
        return {};
    default:
        return {};
    }
}

QVariant TensorTreeModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return section == Name ? QVariant(Qt::AlignLeft | Qt::AlignVCenter)
                               : QVariant(Qt::AlignRight | Qt::AlignVCenter);
    static const char* const kNames[ColumnCount] = {
        QT_TR_NOOP("Tensor"),     QT_TR_NOOP("Shape"),  QT_TR_NOOP("\u2212 0 +"), QT_TR_NOOP("Zero"),
        QT_TR_NOOP("Parameters"), QT_TR_NOOP("Bytes"),  QT_TR_NOOP("Bits"),       QT_TR_NOOP("Scale"),
        QT_TR_NOOP("Dead rows"),  QT_TR_NOOP("Changed")};
    static const char* const kHints[ColumnCount] = {
        QT_TR_NOOP("Name of the tensor"),
        QT_TR_NOOP("Outputs by inputs"),
        QT_TR_NOOP("Shares of the weights \u2212"
                   "1, 0 and +1"),
        QT_TR_NOOP("Share of zeros"),
        QT_TR_NOOP("Number of weights"),
        QT_TR_NOOP("Bytes as stored"),
        QT_TR_NOOP("Stored bits per weight"),
        QT_TR_NOOP("What \u2212"
                   "1 and +1 stand for"),
        QT_TR_NOOP("Outputs all of whose weights are 0"),
        QT_TR_NOOP("Weights that differ from the reference checkpoint")};
    if (role == Qt::DisplayRole)
        return tr(kNames[section]);
    if (role == Qt::ToolTipRole)
        return tr(kHints[section]);
    return {};
}

TensorTreeProxy::TensorTreeProxy(QObject* parent)
    : QSortFilterProxyModel(parent)
{
    setSortRole(TensorTreeModel::SortRole);
    setRecursiveFilteringEnabled(true);
    setDynamicSortFilter(true);
}

void TensorTreeProxy::setFilter(const TensorFilter& filter)
{
    m_filter = filter;
    invalidateFilter();
}

bool TensorTreeProxy::filterAcceptsRow(int row, const QModelIndex& parent) const
{
    if (m_filter.isEmpty())
        return true;
    const auto* model = static_cast<const TensorTreeModel*>(sourceModel());
    const int tensor = model->index(row, 0, parent).data(TensorTreeModel::TensorRole).toInt();
    return tensor >= 0 &&
           m_filter.accepts(model->schema()[static_cast<std::size_t>(tensor)], model->statisticsOf(tensor));
}

int TensorTreeProxy::shownTensors() const
{
    const std::function<int(const QModelIndex&)> count = [&](const QModelIndex& parent) {
        int sum = 0;
        for (int row = 0; row < rowCount(parent); ++row) {
            const QModelIndex at = index(row, 0, parent);
            sum += at.data(TensorTreeModel::TensorRole).toInt() >= 0 ? 1 : count(at);
        }
        return sum;
    };
    return count({});
}

} // namespace mmfree::gui
