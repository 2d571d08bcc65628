// The token face on the chat page: which answers show it, the popover, the Token tab, the shared selection.
#include "widgets/pages/chat_page.h"

#include "widgets/chat/chat_controller.h"
#include "widgets/pages/page_context.h"
#include "widgets/selection/selection_bus.h"
#include "widgets/store/conversation_store.h"
#include "widgets/theme/theme.h"
#include "widgets/views/message_view.h"
#include "widgets/views/token_details.h"
#include "widgets/views/token_face.h"
#include "widgets/views/token_strip.h"
#include "widgets/views/transcript_view.h"
#include "widgets/workers/inference_service.h"

#include <QScrollBar>
#include <QTabWidget>
#include <QTimer>

namespace mmfree::gui
{

void ChatPage::connectTokens()
{
    m_tokenTimer->setSingleShot(true);
    m_tokenTimer->setInterval(500);
    connect(m_tokenTimer, &QTimer::timeout, this, [this] {
        for (const qint64 message : std::as_const(m_tokenMessages))
            if (m_controller->isAnsweringHere() && message == lastMessage(false))
                refreshTokens(message);
    });
    connect(m_controller, &ChatController::tokensGrew, this, [this](qint64 message) {
        if (m_tokenMessages.contains(message) && !m_tokenTimer->isActive())
            m_tokenTimer->start();
    });
    connect(m_controller, &ChatController::answerFinished, this, [this](const Message& message) {
        if (m_tokenMessages.contains(message.id))
            refreshTokens(message.id);
        updateTokenPanel();
    });
    connect(m_transcript, &TranscriptView::viewMade, this, &ChatPage::prepareView);
    connect(m_transcript, &TranscriptView::tokensRequested, this, &ChatPage::showTokens);
    connect(m_transcript, &TranscriptView::measureChosen, this, &ChatPage::setMeasure);
    connect(m_transcript, &TranscriptView::tokenPicked, this, &ChatPage::pickToken);
    connect(m_transcript, &TranscriptView::tokenHovered, this, &ChatPage::hoverToken);
    connect(m_transcript, &TranscriptView::tokenActivated, this, &ChatPage::pinToken);
    connect(m_transcript, &TranscriptView::alternativeRequested, this, [this](qint64 message, int step) {
        if (!m_popover->isVisible() && message == m_tokenMessage)
            hoverToken(message, m_token);
        m_popover->moveAlternative(step);
    });
    connect(m_transcript->verticalScrollBar(), &QScrollBar::valueChanged, this, &ChatPage::hidePopover);
    for (TokenDetails* details : {m_popover, m_tokenPanel}) {
        const bool popover = details == m_popover;
        connect(details, &TokenDetails::continueRequested, this,
                [this, popover](int token, TokenId alternative, bool writeOn) {
                    const qint64 message = popover ? m_popoverMessage : m_tokenMessage;
                    hidePopover();
                    m_controller->continueFrom(message, static_cast<std::size_t>(token), alternative,
                                               writeOn);
                });
        connect(details, &TokenDetails::exploreRequested, this, [this, popover](int token) {
            const qint64 message = popover ? m_popoverMessage : m_tokenMessage;
            hidePopover();
            pickToken(message, token);
            if (m_context->showPage)
                m_context->showPage(QStringLiteral("explore"));
        });
    }
    connect(m_popover, &TokenDetails::closeRequested, this, [this] {
        const qint64 message = m_popoverMessage;
        hidePopover();
        if (MessageView* view = m_transcript->viewOf(message); view && view->tokenFace())
            view->tokenFace()->strip()->setFocus(Qt::OtherFocusReason);
    });
    connect(m_selection, &SelectionBus::changed, this, &ChatPage::followSelection);
}

void ChatPage::toggleTokens()
{
    const Message* focused = m_controller->message(m_transcript->focusedMessage());
    if (focused && focused->role == ChatRole::Assistant) {
        showTokens(focused->id, !m_tokenMessages.contains(focused->id));
        return;
    }
    m_allTokens = m_tokenMessages.isEmpty() && !m_allTokens;
    for (const Message& message : m_controller->messages()) {
        if (message.role == ChatRole::Assistant)
            showTokens(message.id, m_allTokens);
    }
}

void ChatPage::showTokens(qint64 message, bool shown)
{
    if (shown)
        m_tokenMessages.insert(message);
    else
        m_tokenMessages.remove(message);
    hidePopover();
    refreshTokens(message);
}

void ChatPage::refreshTokens(qint64 message)
{
    MessageView* view = m_transcript->viewOf(message);
    if (!view)
        return; // prepareView() does it when it is made
    if (!m_tokenMessages.contains(message)) {
        view->setTokens({}, m_measure);
        return;
    }
    view->setTokens(m_controller->tokens(message), m_measure);
    if (message == m_tokenMessage)
        view->tokenFace()->setCurrent(m_token);
}

void ChatPage::prepareView(MessageView* view)
{
    showVerdict(view);
    if (m_allTokens && view->message().role == ChatRole::Assistant)
        m_tokenMessages.insert(view->messageId());
    if (m_tokenMessages.contains(view->messageId())) {
        const qint64 message = view->messageId();
        view->setTokens(m_controller->tokens(message), m_measure);
    }
}

void ChatPage::setMeasure(TokenMeasure measure)
{
    m_measure = measure;
    for (MessageView* view : m_transcript->views()) {
        if (view->tokenFace())
            view->tokenFace()->setMeasure(measure);
    }
}

void ChatPage::pickToken(qint64 message, int token)
{
    if (token < 0 || (message == m_tokenMessage && token == m_token))
        return;
    m_tokenMessage = message;
    m_token = token;
    updateTokenPanel();
    if (m_popover->isVisible() && !m_popover->isPinned())
        hoverToken(message, token);
    Selection selection = m_selection->current();
    if (const auto model = m_service->model())
        selection.model = model->path;
    selection.conversation = m_controller->currentConversation();
    selection.message = message;
    selection.token = token;
    selection.text.clear();
    m_selection->publish(selection, this);
}

void ChatPage::updateTokenPanel()
{
    const MessageView* view = m_transcript->viewOf(m_tokenMessage);
    if (view && view->tokenFace())
        m_tokenPanel->setToken(view->tokenFace()->trace(), m_token);
    else
        m_tokenPanel->setToken({}, -1);
    m_tokenPanel->setCanBranch(m_controller->canRegenerate());
}

void ChatPage::hoverToken(qint64 message, int token)
{
    if (m_popover->isVisible() && m_popover->isPinned())
        return;
    MessageView* view = m_transcript->viewOf(message);
    if (token < 0 || !view || !view->tokenFace()) {
        hidePopover();
        return;
    }
    m_popover->setPinned(false);
    m_popover->setToken(view->tokenFace()->trace(), token);
    m_popoverMessage = message;
    placePopover(message, token);
}

void ChatPage::pinToken(qint64 message, int token)
{
    MessageView* view = m_transcript->viewOf(message);
    if (!view || !view->tokenFace())
        return;
    const bool moved = m_popover->isVisible() && m_popoverMessage == message && m_popover->token() == token;
    const TokenId marked = moved ? m_popover->chosenAlternative() : 0;
    m_popover->setPinned(true);
    m_popover->setCanBranch(m_controller->canRegenerate());
    m_popover->setToken(view->tokenFace()->trace(), token);
    m_popoverMessage = message;
    placePopover(message, token);
    if (moved)
        m_popover->chooseAlternative(marked);
    m_popover->setFocus(Qt::PopupFocusReason);
}

// Under the token, inside the page; above it where there is no room.
void ChatPage::placePopover(qint64 message, int token)
{
    MessageView* view = m_transcript->viewOf(message);
    TokenFace* face = view->tokenFace();
    const QRect at = face->rectOf(token).translated(face->mapTo(this, QPoint(0, 0)));
    const int x = std::clamp(at.left(), kGrid, std::max(kGrid, width() - m_popover->width() - kGrid));
    int y = at.bottom() + kGrid / 2;
    if (y + m_popover->height() > height() - kGrid)
        y = std::max(kGrid, at.top() - m_popover->height() - kGrid / 2);
    m_popover->move(x, y);
    m_popover->show();
    m_popover->raise();
}

void ChatPage::hidePopover()
{
    m_popover->hide();
}

void ChatPage::resizeEvent(QResizeEvent* event)
{
    Page::resizeEvent(event);
    hidePopover();
}

// A token picked on another page is shown here, in its message.
void ChatPage::followSelection(const Selection& selection, QObject* origin)
{
    if (origin == this || selection.message == 0 || selection.token < 0 ||
        selection.conversation != m_controller->currentConversation())
        return;
    m_tokenMessage = selection.message;
    m_token = static_cast<int>(selection.token);
    MessageView* view = m_transcript->viewOf(selection.message);
    if (view && view->tokenFace())
        view->tokenFace()->setCurrent(m_token);
    updateTokenPanel();
}

} // namespace mmfree::gui
