#include "widgets/explore/tensor_tree.h"

#include "widgets/explore/explorer_session.h"
#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/heatmap/heatmap_palette.h"

#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QPainter>
#include <QTreeView>
#include <QVBoxLayout>

namespace mmfree::gui
{

void TensorTreeDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                               const QModelIndex& index) const
{
    const QVariant bar = index.data(TensorTreeModel::BarRole);
    const QVariant shares = index.data(TensorTreeModel::SharesRole);
    QStyledItemDelegate::paint(painter, option, index);
    painter->save();
    const ThemeColors& colors = themeColors();
    if (bar.isValid()) { // a line under the number, as long as its share of the largest
        const double length = (option.rect.width() - 16) * bar.toDouble();
        QRectF line(option.rect.right() - 8.0 - length, option.rect.bottom() - 3.0, length, 2.0);
        painter->fillRect(line, colors.accent);
    }
    if (index.column() == TensorTreeModel::Shares && shares.isValid()) {
        const HeatmapPalette& palette = heatmapPalette();
        const auto parts = shares.value<QList<double>>();
        const QRectF area(option.rect.left() + 8.0, option.rect.center().y() - 5.0,
                          option.rect.width() - 16.0, 11.0);
        double x = area.left();
        for (int i = 0; i < 3; ++i) {
            const QRectF part(x, area.top(), area.width() * parts[i], area.height());
            const QColor color =
                i == 1 ? colors.border : QColor(palette.diverging(static_cast<float>(i - 1)));
            painter->fillRect(part, color);
            if (i != 1 && part.width() > 10.0) { // the sign besides the colour
                painter->setPen(QPen(HeatmapPalette::ink(color.rgb()), 1.2));
                const QPointF center = part.center();
                painter->drawLine(center - QPointF(3, 0), center + QPointF(3, 0));
                if (i == 2)
                    painter->drawLine(center - QPointF(0, 3), center + QPointF(0, 3));
            }
            x += part.width();
        }
    }
    painter->restore();
}

TensorTree::TensorTree(ExplorerSession* session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_model(new TensorTreeModel(this))
    , m_proxy(new TensorTreeProxy(this))
    , m_filter(new QLineEdit)
    , m_view(new QTreeView)
    , m_notice(new QLabel)
{
    setObjectName(QStringLiteral("sidePanel"));
    setAttribute(Qt::WA_StyledBackground);
    m_proxy->setSourceModel(m_model);
    m_view->setModel(m_proxy);
    m_view->setItemDelegate(new TensorTreeDelegate(m_view));
    m_view->setUniformRowHeights(true);
    m_view->setSortingEnabled(true);
    m_view->sortByColumn(TensorTreeModel::Name, Qt::AscendingOrder);
    m_view->setAccessibleName(tr("Tensors"));
    m_view->setObjectName(QStringLiteral("tensorTree"));
    m_view->setIndentation(12);
    m_view->header()->setStretchLastSection(false);
    const int widths[TensorTreeModel::ColumnCount] = {152, 116, 68, 62, 96, 84, 56, 72, 80, 76};
    for (int column = 0; column < TensorTreeModel::ColumnCount; ++column)
        m_view->header()->resizeSection(column, widths[column]);
    m_view->header()->moveSection(TensorTreeModel::Shares, 1); // seen also in a narrow panel
    m_filter->setPlaceholderText(tr("Filter: zero>60 type:f_proj layer:3-5"));
    m_filter->setClearButtonEnabled(true);
    m_filter->setAccessibleName(tr("Filter tensors"));
    m_filter->setToolTip(tr("Words that all must hold. Numbers: %1 with > < >= <= =. "
                            "Kinds: type:f_proj, layer:3-5, name:part. A word alone is part of the name.")
                             .arg(TensorFilter::columns().join(QStringLiteral(", "))));
    m_filter->setObjectName(QStringLiteral("tensorFilter"));
    setTextRole(m_notice, TextRole::SmallMuted);
    m_notice->setWordWrap(true);

    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(kGrid, kGrid, kGrid, kGrid);
    layout->setSpacing(kGrid);
    layout->addWidget(m_filter);
    layout->addWidget(m_view, 1);
    layout->addWidget(m_notice);

    connect(m_filter, &QLineEdit::textChanged, this, &TensorTree::applyFilter);
    connect(m_session, &ExplorerSession::modelChanged, this, &TensorTree::showModel);
    connect(m_session, &ExplorerSession::statisticsChanged, this, [this] {
        m_model->setStatistics(m_session->statistics());
        m_view->setColumnHidden(TensorTreeModel::Changed, m_session->reference() == nullptr);
        updateNotice();
    });
    connect(m_session, &ExplorerSession::tensorPicked, this, &TensorTree::select);
    connect(m_view->selectionModel(), &QItemSelectionModel::currentChanged, this,
            [this](const QModelIndex& index) {
                const int tensor = index.siblingAtColumn(0).data(TensorTreeModel::TensorRole).toInt();
                if (index.isValid() && tensor >= 0)
                    m_session->pickTensor(tensor);
            });
    connect(m_view, &QTreeView::activated, this, [this](const QModelIndex& index) {
        const int tensor = index.siblingAtColumn(0).data(TensorTreeModel::TensorRole).toInt();
        if (index.isValid() && tensor >= 0)
            emit opened(tensor);
    });
    m_view->setColumnHidden(TensorTreeModel::Changed, true);
}

void TensorTree::showModel()
{
    m_model->setModel(m_session->schema(), QString::fromStdString(m_session->source()->name()));
    m_view->expandToDepth(0);
    updateNotice();
}

void TensorTree::select(int tensor)
{
    const QModelIndex index = m_proxy->mapFromSource(m_model->indexOf(tensor));
    if (!index.isValid() || m_view->currentIndex().siblingAtColumn(0) == index)
        return;
    m_view->setCurrentIndex(index); // opens its parents
    m_view->scrollTo(index);
}

void TensorTree::applyFilter()
{
    const TensorFilter filter(m_filter->text());
    m_proxy->setFilter(filter);
    if (!filter.isEmpty())
        m_view->expandAll();
    setStyleFlag(m_filter, "invalid", filter.error().isEmpty() ? QString() : QStringLiteral("true"));
    m_notice->setText(filter.error());
    if (filter.error().isEmpty())
        updateNotice();
}

void TensorTree::updateNotice()
{
    const auto& statistics = m_session->statistics();
    const auto measured =
        std::count_if(statistics.begin(), statistics.end(), [](const auto& s) { return s.has_value(); });
    const int shown = m_proxy->shownTensors();
    QString text = m_filter->text().isEmpty()
                       ? tr("%n tensors", nullptr, static_cast<int>(statistics.size()))
                       : tr("%1 of %n tensors", nullptr, static_cast<int>(statistics.size())).arg(shown);
    if (static_cast<std::size_t>(measured) < statistics.size())
        text += tr(" \u00b7 measured %1").arg(measured);
    m_notice->setText(text);
}

QByteArray TensorTree::saveLayout() const
{
    return m_view->header()->saveState();
}

void TensorTree::restoreLayout(const QByteArray& layout)
{
    if (!layout.isEmpty())
        m_view->header()->restoreState(layout);
    m_view->setColumnHidden(TensorTreeModel::Changed, m_session->reference() == nullptr);
}

} // namespace mmfree::gui
