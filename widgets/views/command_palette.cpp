#include "widgets/views/command_palette.h"

#include "widgets/actions/action_registry.h"
#include "widgets/theme/theme.h"

#include <QApplication>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QPainter>
#include <QPointer>
#include <QRegularExpression>
#include <QSortFilterProxyModel>
#include <QStandardItemModel>
#include <QStyledItemDelegate>
#include <QTimer>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

constexpr int kActionRole = Qt::UserRole + 1;
constexpr int kKeysRole = Qt::UserRole + 2;

class CommandDelegate : public QStyledItemDelegate
{
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override
    {
        const ThemeColors& colors = themeColors();
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        if (option.state & QStyle::State_Selected) {
            painter->setPen(Qt::NoPen);
            painter->setBrush(colors.accentSoft);
            painter->drawRoundedRect(option.rect.adjusted(kGrid / 2, 0, -kGrid / 2, 0), 6, 6);
        }
        const QRect inner = option.rect.adjusted(2 * kGrid, 0, -2 * kGrid, 0);
        painter->setPen(colors.text);
        painter->drawText(inner, Qt::AlignLeft | Qt::AlignVCenter, index.data().toString());
        painter->setPen(colors.muted);
        painter->drawText(inner, Qt::AlignRight | Qt::AlignVCenter, index.data(kKeysRole).toString());
        painter->restore();
    }

    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const override
    {
        return {200, option.fontMetrics.height() + 2 * kGrid};
    }
};

} // namespace

CommandPalette::CommandPalette(const ActionRegistry& registry, QWidget* parent)
    : QDialog(parent, Qt::Popup | Qt::FramelessWindowHint)
    , m_search(new QLineEdit(this))
    , m_list(new QListView(this))
    , m_items(new QStandardItemModel(this))
    , m_filtered(new QSortFilterProxyModel(this))
{
    setObjectName(QStringLiteral("commandPalette"));
    setAccessibleName(tr("Command palette"));
    for (QAction* action : registry.actions()) {
        if (!action->isEnabled() || action->objectName() == QLatin1String("help.palette"))
            continue;
        auto* item = new QStandardItem(
            tr("%1: %2").arg(ActionRegistry::category(action), ActionRegistry::plainText(action)));
        item->setData(QVariant::fromValue<QObject*>(action), kActionRole);
        item->setData(action->shortcut().toString(QKeySequence::NativeText), kKeysRole);
        item->setEditable(false);
        m_items->appendRow(item);
    }
    m_filtered->setSourceModel(m_items);
    m_filtered->setFilterCaseSensitivity(Qt::CaseInsensitive);
    m_list->setModel(m_filtered);
    m_list->setItemDelegate(new CommandDelegate(m_list));
    m_list->setFocusPolicy(Qt::NoFocus);
    m_list->setAccessibleName(tr("Matching commands"));
    m_search->setPlaceholderText(tr("Type a command"));
    m_search->setAccessibleName(tr("Command"));
    m_search->installEventFilter(this);

    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(kGrid / 2, kGrid / 2, kGrid / 2, kGrid);
    layout->setSpacing(kGrid / 2);
    layout->addWidget(m_search);
    layout->addWidget(m_list);
    setFixedSize(520, 380);
    connect(m_search, &QLineEdit::textChanged, this, &CommandPalette::filter);
    connect(m_search, &QLineEdit::returnPressed, this, &CommandPalette::runSelected);
    connect(m_list, &QListView::clicked, this, &CommandPalette::runSelected);
    filter({});
}

void CommandPalette::showEvent(QShowEvent* event)
{
    QDialog::showEvent(event);
    m_search->setFocus();
}

void CommandPalette::filter(const QString& text)
{
    // "sw th" finds "Switch theme": every word must occur, in order.
    QStringList words;
    for (const QString& word : text.split(QLatin1Char(' '), Qt::SkipEmptyParts))
        words << QRegularExpression::escape(word);
    m_filtered->setFilterRegularExpression(
        QRegularExpression(words.join(QStringLiteral(".*")), QRegularExpression::CaseInsensitiveOption));
    m_list->setCurrentIndex(m_filtered->index(0, 0));
}

void CommandPalette::runSelected()
{
    const QModelIndex index = m_list->currentIndex();
    QPointer<QObject> object = index.data(kActionRole).value<QObject*>();
    accept();
    if (auto* action = qobject_cast<QAction*>(object.data()))
        QTimer::singleShot(0, action, [action] { action->trigger(); });
}

bool CommandPalette::eventFilter(QObject* watched, QEvent* event)
{
    if (watched == m_search && event->type() == QEvent::KeyPress) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        if (key == Qt::Key_Up || key == Qt::Key_Down || key == Qt::Key_PageUp || key == Qt::Key_PageDown) {
            QApplication::sendEvent(m_list, event);
            return true;
        }
    }
    return QDialog::eventFilter(watched, event);
}

} // namespace mmfree::gui
