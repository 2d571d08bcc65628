#include "widgets/views/conversation_panel.h"

#include "widgets/models/conversation_list_model.h"
#include "widgets/models/conversation_sections.h"
#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"

#include <QAction>
#include <QHBoxLayout>
#include <QInputDialog>
#include <QKeyEvent>
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
        if (index.data(ConversationSections::IsHeadingRole).toBool()) {
            paintHeading(painter, option, index);
            painter->restore();
            return;
        }
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
        const QString snippet = index.data(ConversationListModel::SnippetRole).toString();
        const QRect titleLine =
            snippet.isEmpty() ? titleRect : titleRect.adjusted(0, 0, 0, -titleRect.height() / 2 + 2);
        painter->drawText(titleLine, Qt::AlignLeft | Qt::AlignVCenter,
                          QFontMetrics(titleFont).elidedText(title, Qt::ElideRight, titleLine.width()));
        if (!snippet.isEmpty()) {
            painter->setFont(small);
            painter->setPen(colors.muted);
            painter->drawText(inner.adjusted(0, inner.height() / 2 - 2, 0, 0),
                              Qt::AlignLeft | Qt::AlignVCenter,
                              QFontMetrics(small).elidedText(snippet, Qt::ElideRight, inner.width()));
        }
        painter->restore();
    }

    static void paintHeading(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index)
    {
        const ThemeColors& colors = themeColors();
        const QRect row = option.rect.adjusted(kGrid / 2, 1, -kGrid / 2, -1);
        if (option.state & (QStyle::State_MouseOver | QStyle::State_Selected)) {
            painter->setPen(Qt::NoPen);
            painter->setBrush(option.state & QStyle::State_Selected ? colors.accentSoft : colors.raised);
            painter->drawRoundedRect(row, 6, 6);
        }
        const bool folded = index.data(ConversationSections::FoldedRole).toBool();
        const bool folder = !index.data(ConversationSections::FolderRole).toString().isEmpty();
        const QRect inner = row.adjusted(kGrid / 2, 0, -kGrid, 0);
        const QRect mark(inner.left(), inner.center().y() - 6, 12, 12);
        themedIcon(folded ? QStringLiteral("chevron-right") : QStringLiteral("chevron-down"),
                   QPalette::PlaceholderText)
            .paint(painter, mark);
        int left = mark.right() + kGrid / 2;
        if (folder) {
            themedIcon(QStringLiteral("folder"), QPalette::PlaceholderText)
                .paint(painter, QRect(left, inner.center().y() - 7, 14, 14));
            left += 14 + kGrid / 2;
        }
        QFont font = option.font;
        font.setPointSizeF(option.font.pointSizeF() * 0.9);
        font.setWeight(QFont::DemiBold);
        painter->setFont(font);
        painter->setPen(colors.muted);
        const QString count = QLocale().toString(index.data(ConversationSections::CountRole).toInt());
        painter->drawText(inner, Qt::AlignRight | Qt::AlignVCenter, count);
        const int width = inner.right() - left - QFontMetrics(font).horizontalAdvance(count) - kGrid;
        painter->drawText(QRect(left, inner.top(), width, inner.height()), Qt::AlignLeft | Qt::AlignVCenter,
                          QFontMetrics(font).elidedText(index.data().toString(), Qt::ElideRight, width));
    }

    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override
    {
        const bool snippet = !index.data(ConversationListModel::SnippetRole).toString().isEmpty();
        const bool heading = index.data(ConversationSections::IsHeadingRole).toBool();
        const int height = option.fontMetrics.height();
        return {120, snippet ? 2 * height + 2 * kGrid : heading ? height + kGrid : height + 2 * kGrid};
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
    , m_sections(new ConversationSections(model, this))
    , m_more(new QToolButton(this))
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

    m_more->setObjectName(QStringLiteral("chatListMenu"));
    m_more->setIcon(themedIcon(QStringLiteral("more")));
    m_more->setIconSize({18, 18});
    m_more->setPopupMode(QToolButton::InstantPopup);
    m_more->setToolTip(tr("Import and export"));
    m_more->setAccessibleName(tr("Import and export"));

    m_search->setObjectName(QStringLiteral("chatSearch"));
    m_search->setPlaceholderText(tr("Search"));
    m_search->setAccessibleName(tr("Search all chats"));
    m_search->setClearButtonEnabled(true);
    m_search->addAction(themedIcon(QStringLiteral("search"), QPalette::PlaceholderText),
                        QLineEdit::LeadingPosition);

    m_list->setObjectName(QStringLiteral("chatList"));
    m_list->setAccessibleName(tr("Chats"));
    m_list->setModel(m_sections);
    m_list->setItemDelegate(new ConversationDelegate(m_list));
    m_list->setEditTriggers(QAbstractItemView::NoEditTriggers); // F2 is an action of the window
    m_list->installEventFilter(this);
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
    header->addWidget(m_more);
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
                const ConversationId id = m_sections->idAt(index.row());
                if (m_settingCurrent || id == 0)
                    return;
                m_current = id;
                emit conversationChosen(id);
            });
    connect(m_list, &QListView::clicked, this, &ConversationPanel::toggleSection);
    auto* removeKey = new QShortcut(QKeySequence::Delete, m_list, nullptr, nullptr, Qt::WidgetShortcut);
    connect(removeKey, &QShortcut::activated, this, &ConversationPanel::removeRequested);
    connect(m_list, &QListView::customContextMenuRequested, this, &ConversationPanel::showContextMenu);
    connect(m_sections, &QAbstractItemModel::modelReset, this, [this] { setCurrent(m_current); });
    connect(model, &QAbstractItemModel::modelReset, this, &ConversationPanel::updateEmptyText);
    connect(model, &QAbstractItemModel::rowsInserted, this, &ConversationPanel::updateEmptyText);
    connect(model, &QAbstractItemModel::rowsRemoved, this, &ConversationPanel::updateEmptyText);
    updateEmptyText();
}

void ConversationPanel::setActions(QAction* newChat, const QList<QAction*>& forOne,
                                   const QList<QAction*>& forAll)
{
    m_new->setDefaultAction(newChat);
    m_new->setAccessibleName(tr("New chat"));
    m_contextActions = forOne;
    m_more->addActions(forAll);
}

void ConversationPanel::setCurrent(ConversationId id)
{
    if (id != m_current)
        m_sections->unfoldFor(id);
    m_current = id;
    m_settingCurrent = true;
    const int row = m_sections->rowOf(id);
    if (row >= 0)
        m_list->setCurrentIndex(m_sections->index(row));
    else
        m_list->selectionModel()->clear();
    m_settingCurrent = false;
}

ConversationId ConversationPanel::current() const
{
    return m_sections->idAt(m_list->currentIndex().row());
}

void ConversationPanel::toggleSection(const QModelIndex& index)
{
    if (!index.data(ConversationSections::IsHeadingRole).toBool())
        return;
    const int row = index.row();
    m_sections->setFolded(row, !index.data(ConversationSections::FoldedRole).toBool());
    m_settingCurrent = true;
    m_list->setCurrentIndex(m_sections->index(row));
    m_settingCurrent = false;
}

bool ConversationPanel::eventFilter(QObject* watched, QEvent* event)
{
    if (watched == m_list && event->type() == QEvent::KeyPress) {
        const QModelIndex index = m_list->currentIndex();
        const int key = static_cast<QKeyEvent*>(event)->key();
        const bool folded = index.data(ConversationSections::FoldedRole).toBool();
        const bool toggles = key == Qt::Key_Return || key == Qt::Key_Enter || key == Qt::Key_Space ||
                             (key == Qt::Key_Left && !folded) || (key == Qt::Key_Right && folded);
        if (index.data(ConversationSections::IsHeadingRole).toBool() && toggles) {
            toggleSection(index);
            return true;
        }
    }
    return QWidget::eventFilter(watched, event);
}

void ConversationPanel::askFolder()
{
    const ConversationId id = m_current;
    if (id == 0)
        return;
    auto* dialog = new QInputDialog(this);
    dialog->setObjectName(QStringLiteral("folderDialog"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setWindowTitle(tr("Move to a folder"));
    dialog->setLabelText(tr("Folder (empty: none)"));
    dialog->setComboBoxEditable(true);
    dialog->setComboBoxItems(QStringList{QString()} + m_sections->folders());
    const int row = m_model->rowOf(id);
    dialog->setTextValue(row >= 0 ? m_model->at(row).folder : QString());
    connect(dialog, &QInputDialog::textValueSelected, this,
            [this, id](const QString& folder) { emit folderChosen(id, folder); });
    dialog->open();
}

void ConversationPanel::askFolderName(const QString& folder)
{
    auto* dialog = new QInputDialog(this);
    dialog->setObjectName(QStringLiteral("folderNameDialog"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setWindowTitle(tr("Rename the folder"));
    dialog->setLabelText(tr("Name of the folder"));
    dialog->setTextValue(folder);
    connect(dialog, &QInputDialog::textValueSelected, this, [this, folder](const QString& name) {
        if (!name.simplified().isEmpty() && name != folder)
            emit folderRenamed(folder, name);
    });
    dialog->open();
}

void ConversationPanel::renameCurrent()
{
    setCurrent(m_current);
    if (current() != 0)
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
    const QModelIndex index = m_list->indexAt(position);
    if (!index.isValid())
        return;
    QMenu menu(this);
    const QString folder = index.data(ConversationSections::FolderRole).toString();
    if (!index.data(ConversationSections::IsHeadingRole).toBool()) {
        menu.addActions(m_contextActions);
    } else if (!folder.isEmpty()) {
        connect(menu.addAction(tr("Rename the folder\u2026")), &QAction::triggered, this,
                [this, folder] { askFolderName(folder); });
        connect(menu.addAction(tr("Dissolve the folder, keep its chats")), &QAction::triggered, this,
                [this, folder] { emit folderRenamed(folder, {}); });
    } else {
        return;
    }
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
