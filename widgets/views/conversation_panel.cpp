#include "widgets/views/conversation_panel.h"

#include "widgets/models/conversation_list_model.h"
#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"

#include <QAction>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QMenu>
#include <QPainter>
#include <QShortcut>
#include <QStyledItemDelegate>
#include <QToolButton>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

// One row: title, and when it was last written at the right.
class ConversationDelegate : public QStyledItemDelegate
{
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override
    {
        const ThemeColors& colors = themeColors();
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        const QRect row = option.rect.adjusted(kGrid / 2, 1, -kGrid / 2, -1);
        const bool selected = option.state & QStyle::State_Selected;
        if (selected || option.state & QStyle::State_MouseOver) {
            painter->setPen(Qt::NoPen);
            painter->setBrush(selected ? colors.accentSoft : colors.raised);
            painter->drawRoundedRect(row, 6, 6);
        }
        QFont small = option.font;
        small.setPointSizeF(option.font.pointSizeF() * 0.85);
        const QString when = index.data(ConversationListModel::UpdatedRole).toString();
        const int whenWidth = QFontMetrics(small).horizontalAdvance(when);
        const QRect inner = row.adjusted(kGrid, 0, -kGrid, 0);
        painter->setFont(small);
        painter->setPen(colors.muted);
        painter->drawText(inner, Qt::AlignRight | Qt::AlignVCenter, when);
        QFont titleFont = option.font;
        titleFont.setWeight(selected ? QFont::Medium : QFont::Normal);
        painter->setFont(titleFont);
        painter->setPen(colors.text);
        const QRect titleRect = inner.adjusted(0, 0, -whenWidth - kGrid, 0);
        const QString title = index.data().toString();
        painter->drawText(titleRect, Qt::AlignLeft | Qt::AlignVCenter,
                          QFontMetrics(titleFont).elidedText(title, Qt::ElideRight, titleRect.width()));
        painter->restore();
    }

    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const override
    {
        return {120, option.fontMetrics.height() + 2 * kGrid};
    }

    void updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                              const QModelIndex&) const override
    {
        editor->setGeometry(option.rect.adjusted(kGrid / 2, 0, -kGrid / 2, 0));
    }
};

} // namespace

ConversationPanel::ConversationPanel(ConversationListModel* model, QWidget* parent)
    : QWidget(parent)
    , m_model(model)
    , m_new(new QToolButton(this))
    , m_search(new QLineEdit(this))
    , m_list(new QListView(this))
    , m_empty(new QLabel(this))
{
    setObjectName(QStringLiteral("sidePanel"));
    setAttribute(Qt::WA_StyledBackground);
    auto* title = new QLabel(tr("Chats"), this);
    setTextRole(title, TextRole::Title);
    m_new->setObjectName(QStringLiteral("newChatButton"));
    m_new->setToolButtonStyle(Qt::ToolButtonIconOnly);
    m_new->setIconSize({18, 18});

    m_search->setObjectName(QStringLiteral("chatSearch"));
    m_search->setPlaceholderText(tr("Search"));
    m_search->setAccessibleName(tr("Search all chats"));
    m_search->setClearButtonEnabled(true);
    m_search->addAction(themedIcon(QStringLiteral("search"), QPalette::PlaceholderText),
                        QLineEdit::LeadingPosition);

    m_list->setObjectName(QStringLiteral("chatList"));
    m_list->setAccessibleName(tr("Chats"));
    m_list->setModel(model);
    m_list->setItemDelegate(new ConversationDelegate(m_list));
    m_list->setEditTriggers(QAbstractItemView::NoEditTriggers); // F2 is an action of the window
    m_list->setUniformItemSizes(true);
    m_list->setMouseTracking(true);
    m_list->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_list->setContextMenuPolicy(Qt::CustomContextMenu);

    m_empty->setWordWrap(true);
    m_empty->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    setTextRole(m_empty, TextRole::SmallMuted);
    m_empty->setContentsMargins(kGrid / 2, kGrid / 2, kGrid / 2, 0);

    auto* header = new QHBoxLayout;
    header->addWidget(title);
    header->addStretch(1);
    header->addWidget(m_new);
    auto* top = new QVBoxLayout;
    top->setContentsMargins(kGrid + kGrid / 2, kGrid, kGrid + kGrid / 2, kGrid);
    top->setSpacing(kGrid);
    top->addLayout(header);
    top->addWidget(m_search);
    top->addWidget(m_empty);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addLayout(top);
    layout->addWidget(m_list, 1);
    setTabOrder(m_new, m_search);
    setTabOrder(m_search, m_list);

    m_searchTimer.setSingleShot(true);
    m_searchTimer.setInterval(150);
    connect(m_search, &QLineEdit::textChanged, &m_searchTimer, qOverload<>(&QTimer::start));
    connect(&m_searchTimer, &QTimer::timeout, this, [this] { emit searchChanged(m_search->text()); });
    connect(m_list->selectionModel(), &QItemSelectionModel::currentChanged, this,
            [this](const QModelIndex& index) {
                if (!m_settingCurrent && index.isValid())
                    emit conversationChosen(m_model->idAt(index.row()));
            });
    auto* removeKey = new QShortcut(QKeySequence::Delete, m_list, nullptr, nullptr, Qt::WidgetShortcut);
    connect(removeKey, &QShortcut::activated, this, &ConversationPanel::removeRequested);
    connect(m_list, &QListView::customContextMenuRequested, this, &ConversationPanel::showContextMenu);
    connect(model, &QAbstractItemModel::modelReset, this, &ConversationPanel::updateEmptyText);
    connect(model, &QAbstractItemModel::rowsInserted, this, &ConversationPanel::updateEmptyText);
    connect(model, &QAbstractItemModel::rowsRemoved, this, &ConversationPanel::updateEmptyText);
    updateEmptyText();
}

void ConversationPanel::setActions(QAction* newChat, QAction* rename, QAction* remove)
{
    m_new->setDefaultAction(newChat);
    m_new->setAccessibleName(tr("New chat"));
    m_contextActions = {rename, remove};
}

void ConversationPanel::setCurrent(ConversationId id)
{
    m_settingCurrent = true;
    const int row = m_model->rowOf(id);
    if (row >= 0)
        m_list->setCurrentIndex(m_model->index(row));
    else
        m_list->selectionModel()->clear();
    m_settingCurrent = false;
}

ConversationId ConversationPanel::current() const
{
    return m_model->idAt(m_list->currentIndex().row());
}

void ConversationPanel::renameCurrent()
{
    if (m_list->currentIndex().isValid())
        m_list->edit(m_list->currentIndex());
}

void ConversationPanel::focusSearch()
{
    m_search->setFocus(Qt::ShortcutFocusReason);
    m_search->selectAll();
}

QString ConversationPanel::searchText() const
{
    return m_search->text();
}

void ConversationPanel::clearSearch()
{
    m_search->clear();
    m_searchTimer.stop();
    emit searchChanged({});
}

void ConversationPanel::showContextMenu(const QPoint& position)
{
    if (!m_list->indexAt(position).isValid())
        return;
    QMenu menu(this);
    menu.addActions(m_contextActions);
    menu.exec(m_list->viewport()->mapToGlobal(position));
}

void ConversationPanel::updateEmptyText()
{
    const bool empty = m_model->rowCount() == 0;
    m_empty->setVisible(empty);
    m_empty->setText(m_search->text().isEmpty()
                         ? tr("Chats are kept here as you write.")
                         : tr("No chat contains \u201c%1\u201d.").arg(m_search->text()));
}

} // namespace mmfree::gui
