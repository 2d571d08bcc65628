#include "widgets/views/message_view.h"

#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/markdown_view.h"
#include "widgets/views/text_format.h"
#include "widgets/views/token_face.h"

#include <QAction>
#include <QDeadlineTimer>
#include <QElapsedTimer>
#include <QEnterEvent>
#include <QFocusEvent>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLocale>
#include <QMenu>
#include <QToolButton>
#include <QVBoxLayout>

namespace mmfree::gui
{

MessageView::MessageView(QWidget* parent)
    : QFrame(parent)
    , m_author(new QLabel(this))
    , m_footer(new QLabel(this))
    , m_text(new MarkdownView(this))
    , m_siblings(new QWidget(this))
    , m_verdict(new QWidget(this))
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
    header->addSpacing(kGrid);
    buildSiblings();
    header->addWidget(m_siblings);
    header->addStretch(1);
    m_copy = addButton(QStringLiteral("copyButton"), QStringLiteral("copy"), tr("Copy this message"));
    m_edit = addButton(QStringLiteral("editButton"), QStringLiteral("edit"),
                       tr("Edit (Ctrl+E edits the last message of yours)"));
    m_regenerate = addButton(QStringLiteral("regenerateButton"), QStringLiteral("regenerate"),
                             tr("Write another answer"));
    m_continue =
        addButton(QStringLiteral("continueButton"), QStringLiteral("continue"), tr("Continue this answer"));
    m_tokensButton =
        addButton(QStringLiteral("tokensButton"), QStringLiteral("tokens"), tr("Show as tokens (Ctrl+T)"));
    m_tokensButton->setCheckable(true);
    m_more = addButton(QStringLiteral("moreButton"), QStringLiteral("more"), tr("More"));
    for (QToolButton* button : {m_copy, m_edit, m_regenerate, m_continue, m_tokensButton, m_more})
        header->addWidget(button);
    buildMenu();

    m_verdictIcon = new QLabel(m_verdict);
    m_verdictText = new QLabel(m_verdict);
    m_verdictText->setObjectName(QStringLiteral("verdict"));
    m_verdictText->setWordWrap(true);
    setTextRole(m_verdictText, TextRole::Small);
    auto* verdictRow = new QHBoxLayout(m_verdict);
    verdictRow->setContentsMargins(0, 0, 0, 0);
    verdictRow->setSpacing(kGrid / 2);
    verdictRow->addWidget(m_verdictIcon, 0, Qt::AlignTop);
    verdictRow->addWidget(m_verdictText, 1);
    m_verdict->hide();

    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(2 * kGrid - 2, kGrid - 2, 2 * kGrid - 2, kGrid);
    layout->setSpacing(kGrid / 2);
    layout->addLayout(header);
    layout->addWidget(m_text);
    layout->addWidget(m_verdict);
    layout->addWidget(m_footer);

    m_text->installEventFilter(this);
    connect(m_copy, &QToolButton::clicked, this, [this] { emit copyRequested(m_message.text); });
    connect(m_edit, &QToolButton::clicked, this, [this] { emit editRequested(m_message.id); });
    connect(m_regenerate, &QToolButton::clicked, this, [this] { emit regenerateRequested(m_message.id); });
    connect(m_continue, &QToolButton::clicked, this, [this] { emit continueRequested(m_message.id); });
    connect(m_tokensButton, &QToolButton::clicked, this,
            [this](bool shown) { emit tokensRequested(m_message.id, shown); });
}

void MessageView::buildSiblings()
{
    const auto arrow = [this](const QString& name, const QString& icon, const QString& text) {
        auto* button = new QToolButton(m_siblings);
        button->setObjectName(name);
        button->setIcon(themedIcon(icon, QPalette::PlaceholderText));
        button->setIconSize({14, 14});
        button->setToolTip(text);
        button->setAccessibleName(text);
        return button;
    };
    m_previous = arrow(QStringLiteral("previousSibling"), QStringLiteral("chevron-left"),
                       tr("Previous version (Alt+Left)"));
    m_next =
        arrow(QStringLiteral("nextSibling"), QStringLiteral("chevron-right"), tr("Next version (Alt+Right)"));
    m_siblingText = new QLabel(m_siblings);
    m_siblingText->setObjectName(QStringLiteral("siblingText"));
    setTextRole(m_siblingText, TextRole::SmallMuted);
    auto* row = new QHBoxLayout(m_siblings);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    row->addWidget(m_previous);
    row->addWidget(m_siblingText);
    row->addWidget(m_next);
    connect(m_previous, &QToolButton::clicked, this, [this] { emit siblingRequested(m_message.id, -1); });
    connect(m_next, &QToolButton::clicked, this, [this] { emit siblingRequested(m_message.id, +1); });
}

void MessageView::buildMenu()
{
    auto* menu = new QMenu(m_more);
    m_reproduce =
        menu->addAction(themedIcon(QStringLiteral("copy")), tr("Copy the command line that reproduces it"));
    m_reproduce->setObjectName(QStringLiteral("reproduceAction"));
    menu->addSeparator();
    m_delete =
        menu->addAction(themedIcon(QStringLiteral("trash")), tr("Delete this message and what follows"));
    m_delete->setObjectName(QStringLiteral("deleteAction"));
    m_more->setMenu(menu);
    m_more->setPopupMode(QToolButton::InstantPopup);
    connect(m_reproduce, &QAction::triggered, this, [this] { emit reproduceRequested(m_message.id); });
    connect(m_delete, &QAction::triggered, this, [this] { emit deleteRequested(m_message.id); });
}

void MessageView::setTokens(const std::optional<TokenTrace>& trace, TokenMeasure measure)
{
    m_tokensButton->setChecked(trace.has_value());
    if (!trace) {
        if (m_tokens) {
            m_tokens->hide();
            m_tokens->deleteLater();
            m_tokens = nullptr;
            m_text->show();
        }
        return;
    }
    if (!m_tokens) {
        m_tokens = new TokenFace(this);
        m_tokens->setObjectName(QStringLiteral("tokenFace"));
        auto* column = static_cast<QVBoxLayout*>(layout());
        column->insertWidget(column->indexOf(m_text), m_tokens);
        m_text->hide();
        connect(m_tokens, &TokenFace::currentChanged, this,
                [this](int token) { emit tokenPicked(m_message.id, token); });
        connect(m_tokens, &TokenFace::activated, this,
                [this](int token) { emit tokenActivated(m_message.id, token); });
        connect(m_tokens, &TokenFace::hovered, this,
                [this](int token) { emit tokenHovered(m_message.id, token); });
        connect(m_tokens, &TokenFace::alternativeRequested, this,
                [this](int step) { emit alternativeRequested(m_message.id, step); });
        connect(m_tokens, &TokenFace::measureChosen, this, &MessageView::measureChosen);
    }
    m_tokens->setMeasure(measure);
    m_tokens->setTrace(*trace);
}

void MessageView::setCaretMode(bool on)
{
    if (m_caretMode == on)
        return;
    m_caretMode = on;
    const Qt::TextInteractionFlags flags = Qt::TextBrowserInteraction;
    m_text->setTextInteractionFlags(on ? flags | Qt::TextSelectableByKeyboard : flags);
    m_text->setFocusPolicy(on ? Qt::StrongFocus : Qt::ClickFocus);
    m_text->setCursorWidth(on ? 2 : 1);
    if (on)
        m_text->moveCursor(QTextCursor::Start); // new text leaves it at the end
}

void MessageView::setVerdict(const QString& text, const QString& icon)
{
    m_verdict->setVisible(!text.isEmpty());
    m_verdictText->setText(text);
    if (!text.isEmpty())
        m_verdictIcon->setPixmap(themedIcon(icon).pixmap(QSize(16, 16), devicePixelRatioF()));
}

void MessageView::keyPressEvent(QKeyEvent* event)
{
    // Enter goes into the text: its caret, or the first token.
    if ((event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) && hasFocus() && m_tokens) {
        m_tokens->setFocus(Qt::OtherFocusReason);
        return;
    }
    QFrame::keyPressEvent(event);
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
    m_edit->setVisible(near && idle);
    m_regenerate->setVisible(near && idle && !own);
    m_continue->setVisible(near && idle && !own && m_context.isLast);
    m_tokensButton->setVisible(!own && (near || m_tokens));
    m_more->setVisible(near);
    m_delete->setEnabled(idle);
    m_reproduce->setVisible(!own);
    m_siblings->setVisible(m_message.siblings > 1);
    m_siblingText->setText(tr("%1/%2").arg(m_message.sibling).arg(m_message.siblings));
    m_siblingText->setAccessibleName(tr("Version %1 of %2").arg(m_message.sibling).arg(m_message.siblings));
    m_previous->setEnabled(idle && m_message.sibling > 1);
    m_next->setEnabled(idle && m_message.sibling < m_message.siblings);
    // Only the columns this kind of message ever uses keep their place.
    for (QToolButton* button : {m_regenerate, m_continue, m_tokensButton}) {
        QSizePolicy policy = button->sizePolicy();
        policy.setRetainSizeWhenHidden(!own && (button != m_continue || m_context.isLast));
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
    QString place = m_message.role == ChatRole::User
                        ? tr("Your message %1 of %2").arg(m_context.ordinal).arg(m_context.total)
                        : tr("Reply %1 of %2, %3").arg(m_context.ordinal).arg(m_context.total).arg(state);
    if (m_message.stats)
        place += tr(", %1 tokens").arg(QLocale().toString(m_message.stats->generatedTokens));
    if (m_message.siblings > 1)
        place += tr(", version %1 of %2").arg(m_message.sibling).arg(m_message.siblings);
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
