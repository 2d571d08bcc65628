#include "widgets/views/message_bar.h"

#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"

#include <QAccessible>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QToolButton>
#include <QVBoxLayout>

namespace mmfree::gui
{

MessageBar::MessageBar(QWidget* parent)
    : QFrame(parent)
    , m_icon(new QLabel(this))
    , m_title(new QLabel(this))
    , m_detail(new QLabel(this))
    , m_action(new QPushButton(this))
    , m_close(new QToolButton(this))
{
    setObjectName(QStringLiteral("messageBar"));
    QFont bold = m_title->font();
    bold.setWeight(QFont::DemiBold);
    m_title->setFont(bold);
    m_title->setTextFormat(Qt::PlainText);
    m_title->setWordWrap(true);
    m_detail->setWordWrap(true);
    m_detail->setTextFormat(Qt::PlainText);
    m_detail->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    m_action->setObjectName(QStringLiteral("messageBarAction"));
    m_close->setObjectName(QStringLiteral("messageBarClose"));
    m_close->setIcon(themedIcon(QStringLiteral("close")));
    m_close->setAccessibleName(tr("Close this message"));
    m_close->setToolTip(tr("Close this message"));

    auto* texts = new QVBoxLayout;
    texts->setSpacing(kGrid / 4);
    texts->addWidget(m_title);
    texts->addWidget(m_detail);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(2 * kGrid, kGrid, kGrid, kGrid);
    layout->setSpacing(kGrid + kGrid / 2);
    layout->addWidget(m_icon, 0, Qt::AlignTop);
    layout->addLayout(texts, 1);
    layout->addWidget(m_action, 0, Qt::AlignVCenter);
    layout->addWidget(m_close, 0, Qt::AlignTop);

    m_timer.setSingleShot(true);
    connect(&m_timer, &QTimer::timeout, this, &MessageBar::clear);
    connect(m_close, &QToolButton::clicked, this, &MessageBar::clear);
    connect(m_action, &QPushButton::clicked, this, [this] {
        const std::function<void()> callback = std::move(m_callback);
        clear();
        if (callback)
            callback();
    });
    hide();
}

void MessageBar::showMessage(Severity severity, const QString& title, const QString& detail, int milliseconds)
{
    m_callback = {};
    m_action->hide();
    present(severity, title, detail, milliseconds);
}

void MessageBar::showAction(Severity severity, const QString& title, const QString& actionText,
                            int milliseconds, std::function<void()> action)
{
    m_callback = std::move(action);
    m_action->setText(actionText);
    m_action->setAccessibleName(actionText);
    m_action->show();
    present(severity, title, {}, milliseconds);
}

void MessageBar::present(Severity severity, const QString& title, const QString& detail, int milliseconds)
{
    static constexpr const char* kNames[] = {"information", "warning", "error"};
    static constexpr const char* kIcons[] = {"info", "warning", "error"};
    const auto index = static_cast<std::size_t>(severity);
    setStyleFlag(this, "severity", QString::fromLatin1(kNames[index]));
    m_icon->setPixmap(
        themedIcon(QString::fromLatin1(kIcons[index])).pixmap(QSize(18, 18), devicePixelRatioF()));
    m_title->setText(title);
    m_detail->setText(detail);
    m_detail->setVisible(!detail.isEmpty());
    setAccessibleName(title);
    setAccessibleDescription(detail);
    show();
    if (milliseconds > 0)
        m_timer.start(milliseconds);
    else
        m_timer.stop();
    QAccessibleEvent announcement(this, QAccessible::Alert);
    QAccessible::updateAccessibility(&announcement);
}

void MessageBar::clear()
{
    m_timer.stop();
    m_callback = {};
    hide();
}

QString MessageBar::title() const
{
    return m_title->text();
}
QString MessageBar::detail() const
{
    return m_detail->text();
}

} // namespace mmfree::gui
