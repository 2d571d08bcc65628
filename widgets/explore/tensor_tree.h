// The left panel of the explorer: filter field, tree of tensors with mini-bars, and what the filter has to
// say.
#pragma once

#include "widgets/explore/tensor_tree_model.h"

#include <QStyledItemDelegate>
#include <QWidget>

class QLabel;
class QLineEdit;
class QTreeView;

namespace mmfree::gui
{

class ExplorerSession;

// Draws shares of -1/0/+1 as a three-part bar and lengths behind numbers.
class TensorTreeDelegate : public QStyledItemDelegate
{
    Q_OBJECT
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
};

class TensorTree : public QWidget
{
    Q_OBJECT
public:
    explicit TensorTree(ExplorerSession* session, QWidget* parent = nullptr);

    [[nodiscard]] QTreeView* view() const { return m_view; }
    [[nodiscard]] QLineEdit* filterEdit() const { return m_filter; }
    [[nodiscard]] TensorTreeModel* model() const { return m_model; }
    [[nodiscard]] TensorTreeProxy* proxy() const { return m_proxy; }
    [[nodiscard]] QByteArray saveLayout() const;
    void restoreLayout(const QByteArray& layout);

signals:
    void opened(int tensor); // Enter or a double click

private:
    void showModel();
    void applyFilter();
    void select(int tensor);
    void updateNotice();

    ExplorerSession* m_session;
    TensorTreeModel* m_model;
    TensorTreeProxy* m_proxy;
    QLineEdit* m_filter;
    QTreeView* m_view;
    QLabel* m_notice;
};

} // namespace mmfree::gui
