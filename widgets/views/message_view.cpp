#include "widgets/views/message_view.h"

#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/markdown_view.h"
#include "widgets/views/text_format.h"

#include <QDeadlineTimer>
#include <QElapsedTimer>
#include <QEnterEvent>
#include <QFocusEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

namespace mmfree::gui
{

MessageView::MessageView(QWidget* parent)
    : QFrame(parent)
    , m_author(new QLabel(this))
    , m_footer(new QLabel(this))
    , m_text(new MarkdownView(this))
{
    setObjectName(QStringLiteral("messageView"));
    setFocusPolicy(Qt::StrongFocus);
    setMaximumWidth(kReadingWidth + 4 * kGrid);
    setTextRole(m_author, TextRole::Section);
    setTextRole(m_footer, TextRole::SmallMuted);
    m_footer->setWordWrap(true);
    m_footer->setTextInteractionFlags(Qt::TextSelectableByMouse);

    auto* header = new QHBoxLayout;
    header->setSpacing(kGrid / 4);
    header->addWidget(m_author);
    header->addStretch(1);
    m_copy = addButton(QStringLiteral("copyButton"), QStringLiteral("copy"), tr("Copy this message"));
    m_edit = addButton(QStringLiteral("editButton"), QStringLiteral("edit"), tr("Edit and send again"));
    m_regenerate = addButton(QStringLiteral("regenerateButton"), QStringLiteral("regenerate"),
                             tr("Write another answer"));
    m_continue =
        addButton(QStringLiteral("continueButton"), QStringLiteral("continue"), tr("Continue this answer"));
    for (QToolButton* button : {m_copy, m_edit, m_regenerate, m_continue})
        header->addWidget(button);

    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(2 * kGrid - 2, kGrid - 2, 2 * kGrid - 2, kGrid);
    layout->setSpacing(kGrid / 2);
    layout->addLayout(header);
    layout->addWidget(m_text);
    layout->addWidget(m_footer);

    m_text->installEventFilter(this);
    connect(m_copy, &QToolButton::clicked, this, [this] { emit copyRequested(m_message.text); });
    connect(m_edit, &QToolButton::clicked, this, [this] { emit editRequested(m_message.id); });
    connect(m_regenerate, &QToolButton::clicked, this, [this] { emit regenerateRequested(m_message.id); });
    connect(m_continue, &QToolButton::clicked, this, [this] { emit continueRequested(m_message.id); });
}

QToolButton* MessageView::addButton(const QString& name, const QString& icon, const QString& text)
{
    auto* button = new QToolButton(this);
    button->setObjectName(name);
    button->setIcon(themedIcon(icon, QPalette::PlaceholderText));
    button->setIconSize({16, 16});
    button->setToolTip(text);
    button->setAccessibleName(text);
    QSizePolicy policy = button->sizePolicy();
    policy.setRetainSizeWhenHidden(true); // the row keeps its height when the mouse comes and goes
    button->setSizePolicy(policy);
    button->installEventFilter(this);
    return button;
}

void MessageView::setMessage(const Message& message, const MessageContext& context)
{
    m_message = message;
    m_context = context;
    const bool own = message.role == ChatRole::User;
    setStyleFlag(this, "author", own ? QStringLiteral("user") : QStringLiteral("assistant"));
    if (own)
        m_author->setText(context.continuesText ? tr("Your text") : tr("You"));
    else
        m_author->setText(message.stats && !message.stats->model.isEmpty() ? message.stats->model
                          : context.continuesText                          ? tr("Continuation")
                                                                           : tr("Model"));
    render();
    updateButtons();
    updateFooter();
    updateAccessibleName();
}

void MessageView::setStreamedText(const QString& text)
{
    m_message.text = text;
    // Long answers take longer to lay out: spend at most a fifth of the time on it.
    const qint64 now = QDeadlineTimer::current(Qt::PreciseTimer).deadline();
    if (static_cast<double>(now - m_lastRender) * 1e-3 < 5.0 * m_renderSeconds)
        return;
    render();
}

void MessageView::render()
{
    QElapsedTimer timer;
    timer.start();
    // What a text model wrote stays as it is, also when a chat model is open now.
    const bool continued = m_message.stats ? m_message.stats->continuesText : m_context.continuesText;
    const bool markdown = m_message.role == ChatRole::Assistant && !continued;
    m_text->setContent(m_message.text, markdown);
    const bool waiting = m_message.status == MessageStatus::Streaming && m_message.text.isEmpty();
    m_text->setPlaceholderText(waiting ? tr("Reading\u2026") : QString());
    m_renderSeconds = static_cast<double>(timer.nsecsElapsed()) * 1e-9;
    m_lastRender = QDeadlineTimer::current(Qt::PreciseTimer).deadline();
}

void MessageView::updateButtons()
{
    const bool own = m_message.role == ChatRole::User;
    const bool near = underMouse() || hasFocus() || isAncestorOf(focusWidget()) || m_context.isLast;
    const bool idle = !m_context.busy;
    m_copy->setVisible(near && !m_message.text.isEmpty());
    m_edit->setVisible(near && idle && own && m_context.isLastUser);
    m_regenerate->setVisible(near && idle && !own && m_context.isLast);
    m_continue->setVisible(near && idle && !own && m_context.isLast);
    // Only the columns this kind of message ever uses keep their place.
    for (QToolButton* button : {m_edit, m_regenerate, m_continue}) {
        QSizePolicy policy = button->sizePolicy();
        policy.setRetainSizeWhenHidden((button == m_edit) == own);
        button->setSizePolicy(policy);
    }
}

void MessageView::updateFooter()
{
    QStringList parts;
    switch (m_message.status) {
    case MessageStatus::Stopped:
        parts << tr("Stopped");
        break;
    case MessageStatus::Interrupted:
        parts << tr("Interrupted: the program ended while this was written");
        break;
    case MessageStatus::LengthLimit:
        parts << tr("Length limit reached");
        break;
    case MessageStatus::ContextFull:
        parts << tr("The model's context is full");
        break;
    case MessageStatus::Complete:
    case MessageStatus::Streaming:
        break;
    }
    if (m_message.stats)
        parts << statsLine(*m_message.stats);
    m_footer->setText(parts.join(QStringLiteral(" \u00b7 ")));
    m_footer->setVisible(!parts.isEmpty());
}

void MessageView::updateAccessibleName()
{
    QString state = tr("finished");
    if (m_message.status == MessageStatus::Streaming)
        state = tr("being written");
    else if (m_message.status == MessageStatus::Stopped)
        state = tr("stopped");
    const QString place =
        m_message.role == ChatRole::User
            ? tr("Your message %1 of %2").arg(m_context.ordinal).arg(m_context.total)
            : tr("Reply %1 of %2, %3").arg(m_context.ordinal).arg(m_context.total).arg(state);
    setAccessibleName(place);
    setAccessibleDescription(m_message.text.left(4000));
    m_text->setAccessibleName(place);
}

void MessageView::enterEvent(QEnterEvent* event)
{
    QFrame::enterEvent(event);
    updateButtons();
}

void MessageView::leaveEvent(QEvent* event)
{
    QFrame::leaveEvent(event);
    updateButtons();
}

void MessageView::focusInEvent(QFocusEvent* event)
{
    QFrame::focusInEvent(event);
    updateButtons();
}

void MessageView::focusOutEvent(QFocusEvent* event)
{
    QFrame::focusOutEvent(event);
    updateButtons();
}

bool MessageView::eventFilter(QObject* watched, QEvent* event)
{
    if (event->type() == QEvent::FocusIn || event->type() == QEvent::FocusOut)
        QMetaObject::invokeMethod(this, &MessageView::updateButtons, Qt::QueuedConnection);
    return QFrame::eventFilter(watched, event);
}

} // namespace mmfree::gui
