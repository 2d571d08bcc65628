#include "widgets/views/transcript_view.h"

#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"

#include <QPushButton>
#include <QScrollBar>
#include <QVBoxLayout>

#include <algorithm>

namespace mmfree::gui
{

namespace
{

constexpr std::size_t kShownAtOnce = 60;
constexpr int kEndTolerance = 3 * kGrid; // pixels from the end that still count as the end

} // namespace

TranscriptView::TranscriptView(QWidget* parent)
    : QScrollArea(parent)
    , m_content(new QWidget)
    , m_layout(new QVBoxLayout(m_content))
    , m_newText(new QPushButton(themedIcon(QStringLiteral("down")), tr("New text"), this))
{
    setObjectName(QStringLiteral("transcript"));
    setAccessibleName(tr("Conversation"));
    setWidgetResizable(true);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setFocusPolicy(Qt::NoFocus); // its messages take the focus
    m_content->setObjectName(QStringLiteral("scrollContent"));
    m_layout->setContentsMargins(2 * kGrid, 2 * kGrid, 2 * kGrid, 2 * kGrid);
    m_layout->setSpacing(kGrid);
    m_layout->addStretch(1);
    setWidget(m_content);

    m_newText->setObjectName(QStringLiteral("newTextButton"));
    m_newText->setToolTip(tr("Go to the end of the conversation (End)"));
    m_newText->hide();
    connect(m_newText, &QPushButton::clicked, this, &TranscriptView::scrollToEnd);
    connect(verticalScrollBar(), &QScrollBar::valueChanged, this, &TranscriptView::onScrolled);
    connect(verticalScrollBar(), &QScrollBar::rangeChanged, this, &TranscriptView::onRangeChanged);
}

void TranscriptView::setEmptyState(QWidget* widget)
{
    m_emptyState = widget;
    m_layout->insertWidget(0, widget, 1);
    widget->setVisible(m_messages.empty());
}

void TranscriptView::setMessages(std::vector<Message> messages)
{
    // The keyboard stays where it was in the conversation.
    const MessageId focused = focusedMessage();
    const auto place = std::find_if(m_messages.begin(), m_messages.end(),
                                    [&](const Message& message) { return message.id == focused; });
    const std::ptrdiff_t focusIndex = place == m_messages.end() ? -1 : place - m_messages.begin();
    // Messages that stay keep their widgets, and the reader's place in them: another branch of the same
    // conversation begins with the same messages.
    const auto same = std::mismatch(m_messages.begin(), m_messages.end(), messages.begin(), messages.end(),
                                    [](const Message& a, const Message& b) { return a.id == b.id; });
    auto kept = static_cast<std::size_t>(same.first - m_messages.begin());
    if (kept < m_firstShown || messages.size() - kept > kShownAtOnce)
        kept = 0;
    const bool other = kept == 0;
    const std::size_t keptViews = other ? 0 : kept - m_firstShown;
    for (std::size_t index = keptViews; index < m_views.size(); ++index) {
        m_layout->removeWidget(m_views[index]);
        m_views[index]->deleteLater();
    }
    m_views.resize(keptViews);
    m_messages = std::move(messages);
    countMessages();
    if (other)
        m_firstShown = m_messages.size() > kShownAtOnce ? m_messages.size() - kShownAtOnce : 0;
    for (std::size_t index = m_firstShown + keptViews; index < m_messages.size(); ++index) {
        m_views.push_back(makeView(index));
        m_layout->insertWidget(m_layout->count() - 1, m_views.back());
    }
    if (m_emptyState)
        m_emptyState->setVisible(m_messages.empty());
    refreshViews();
    if (other || m_following)
        scrollToEnd();
    if (focusIndex >= 0 && !m_views.empty() && focusedMessage() == 0) {
        const auto last = static_cast<std::ptrdiff_t>(m_views.size()) - 1;
        const std::ptrdiff_t shown = focusIndex - static_cast<std::ptrdiff_t>(m_firstShown);
        MessageView* view = m_views[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(shown, 0, last))];
        view->show(); // the layout would do so later, too late for the keyboard
        view->setFocus();
    }
}

void TranscriptView::appendMessage(const Message& message)
{
    m_messages.push_back(message);
    countMessages();
    m_views.push_back(makeView(m_messages.size() - 1));
    m_layout->insertWidget(m_layout->count() - 1, m_views.back());
    if (m_emptyState)
        m_emptyState->hide();
    refreshViews();
    if (message.role == ChatRole::User)
        scrollToEnd(); // the reader's own message brings them to the end
}

void TranscriptView::updateMessage(const Message& message)
{
    const auto found = std::find_if(m_messages.begin(), m_messages.end(),
                                    [&](const Message& other) { return other.id == message.id; });
    if (found == m_messages.end())
        return;
    *found = message;
    refreshViews();
    noteNewText();
}

void TranscriptView::setStreamedText(MessageId id, const QString& text)
{
    for (std::size_t shown = m_views.size(); shown-- > 0;) {
        if (m_views[shown]->messageId() == id) {
            m_messages[m_firstShown + shown].text = text;
            m_views[shown]->setStreamedText(text);
            noteNewText();
            return;
        }
    }
}

void TranscriptView::setContinuesText(bool continuesText)
{
    if (m_continuesText == continuesText)
        return;
    m_continuesText = continuesText;
    refreshViews();
}

void TranscriptView::setBusy(bool busy)
{
    if (m_busy == busy)
        return;
    m_busy = busy;
    refreshViews();
}

MessageView* TranscriptView::makeView(std::size_t index)
{
    auto* view = new MessageView(m_content);
    view->setMessage(m_messages[index], contextOf(index));
    connect(view, &MessageView::copyRequested, this, &TranscriptView::copyRequested);
    connect(view, &MessageView::editRequested, this, &TranscriptView::editRequested);
    connect(view, &MessageView::regenerateRequested, this, &TranscriptView::regenerateRequested);
    connect(view, &MessageView::continueRequested, this, &TranscriptView::continueRequested);
    connect(view, &MessageView::siblingRequested, this, &TranscriptView::siblingRequested);
    connect(view, &MessageView::tokensRequested, this, &TranscriptView::tokensRequested);
    connect(view, &MessageView::deleteRequested, this, &TranscriptView::deleteRequested);
    connect(view, &MessageView::reproduceRequested, this, &TranscriptView::reproduceRequested);
    connect(view, &MessageView::tokenPicked, this, &TranscriptView::tokenPicked);
    connect(view, &MessageView::tokenActivated, this, &TranscriptView::tokenActivated);
    connect(view, &MessageView::tokenHovered, this, &TranscriptView::tokenHovered);
    connect(view, &MessageView::alternativeRequested, this, &TranscriptView::alternativeRequested);
    connect(view, &MessageView::measureChosen, this, &TranscriptView::measureChosen);
    view->setCaretMode(m_caretMode);
    emit viewMade(view);
    return view;
}

void TranscriptView::refreshViews()
{
    for (std::size_t shown = 0; shown < m_views.size(); ++shown)
        m_views[shown]->setMessage(m_messages[m_firstShown + shown], contextOf(m_firstShown + shown));
}

void TranscriptView::countMessages()
{
    m_ordinals.clear();
    m_userTotal = m_answerTotal = 0;
    for (const Message& message : m_messages)
        m_ordinals.push_back(message.role == ChatRole::User ? ++m_userTotal : ++m_answerTotal);
}

MessageContext TranscriptView::contextOf(std::size_t index) const
{
    const bool own = m_messages[index].role == ChatRole::User;
    MessageContext context;
    context.continuesText = m_continuesText;
    context.busy = m_busy;
    context.isLast = index + 1 == m_messages.size();
    context.ordinal = m_ordinals[index];
    context.total = own ? m_userTotal : m_answerTotal;
    context.isLastUser = own && context.ordinal == context.total;
    return context;
}

void TranscriptView::setCaretMode(bool on)
{
    m_caretMode = on;
    for (MessageView* view : m_views)
        view->setCaretMode(on);
}

MessageView* TranscriptView::viewOf(MessageId message) const
{
    const auto found = std::find_if(m_views.begin(), m_views.end(),
                                    [&](const MessageView* view) { return view->messageId() == message; });
    return found == m_views.end() ? nullptr : *found;
}

MessageId TranscriptView::focusedMessage() const
{
    for (const MessageView* view : m_views) {
        if (view->hasFocus() || view->isAncestorOf(view->window()->focusWidget()))
            return view->messageId();
    }
    return 0;
}

void TranscriptView::showOlder()
{
    if (m_firstShown == 0)
        return;
    m_keepFromBottom = verticalScrollBar()->maximum() - verticalScrollBar()->value();
    const std::size_t first = m_firstShown > kShownAtOnce ? m_firstShown - kShownAtOnce : 0;
    const int start = m_emptyState ? 1 : 0;
    std::vector<MessageView*> older;
    for (std::size_t index = first; index < m_firstShown; ++index) {
        older.push_back(makeView(index));
        m_layout->insertWidget(start + static_cast<int>(index - first), older.back());
    }
    m_views.insert(m_views.begin(), older.begin(), older.end());
    m_firstShown = first;
}

void TranscriptView::onScrolled(int value)
{
    if (isAtEnd()) {
        m_following = true;
        m_newText->hide();
    } else if (verticalScrollBar()->maximum() == m_lastMaximum) {
        m_following = false; // moved by the reader, not by growing text
    }
    if (value < 2 * kGrid && m_firstShown > 0 && m_keepFromBottom < 0)
        QMetaObject::invokeMethod(this, &TranscriptView::showOlder, Qt::QueuedConnection);
}

void TranscriptView::onRangeChanged(int, int maximum)
{
    const bool following = m_following;
    if (m_keepFromBottom >= 0) {
        verticalScrollBar()->setValue(maximum - m_keepFromBottom);
        m_keepFromBottom = -1;
    } else if (following) {
        verticalScrollBar()->setValue(maximum);
    }
    m_following = following;
    m_lastMaximum = maximum;
}

bool TranscriptView::isAtEnd() const
{
    return verticalScrollBar()->value() >= verticalScrollBar()->maximum() - kEndTolerance;
}

void TranscriptView::scrollToEnd()
{
    m_following = true;
    m_newText->hide();
    verticalScrollBar()->setValue(verticalScrollBar()->maximum());
}

void TranscriptView::noteNewText()
{
    if (m_following || isAtEnd())
        return;
    placeNewTextButton();
    m_newText->show();
    m_newText->raise();
}

void TranscriptView::placeNewTextButton()
{
    m_newText->adjustSize();
    m_newText->move((width() - m_newText->width()) / 2, height() - m_newText->height() - 2 * kGrid);
}

void TranscriptView::focusNeighbour(int step)
{
    if (m_views.empty())
        return;
    const auto focused = std::find_if(m_views.begin(), m_views.end(), [](const MessageView* view) {
        return view->hasFocus() || view->isAncestorOf(view->window()->focusWidget());
    });
    auto target = static_cast<std::ptrdiff_t>(m_views.size()) - 1;
    if (focused != m_views.end())
        target = std::clamp<std::ptrdiff_t>(focused - m_views.begin() + step, 0, target);
    MessageView* view = m_views[static_cast<std::size_t>(target)];
    view->setFocus(Qt::ShortcutFocusReason);
    ensureWidgetVisible(view, 0, 2 * kGrid);
}

void TranscriptView::resizeEvent(QResizeEvent* event)
{
    QScrollArea::resizeEvent(event);
    // Running text stays in a column of readable width in the middle.
    const int column = kReadingWidth + 4 * kGrid;
    const int side = std::max(2 * kGrid, (width() - column) / 2);
    const int scrollBar = width() - viewport()->width(); // must not move the column off the composer's
    m_layout->setContentsMargins(side, 2 * kGrid, side - scrollBar, 2 * kGrid);
    placeNewTextButton();
}

} // namespace mmfree::gui
