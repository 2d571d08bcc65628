// The messages of a conversation, in reading order. Follows the end only while the reader is at the end;
// older messages become widgets when they are scrolled to.
#pragma once

#include "widgets/views/message_view.h"

#include <QScrollArea>

class QPushButton;
class QVBoxLayout;

namespace mmfree::gui
{

class TranscriptView : public QScrollArea
{
    Q_OBJECT
public:
    explicit TranscriptView(QWidget* parent = nullptr);

    void setEmptyState(QWidget* widget); // shown while there are no messages; taken over
    void setMessages(std::vector<Message> messages);
    void appendMessage(const Message& message);
    void updateMessage(const Message& message);
    void setStreamedText(MessageId id, const QString& text);
    void setContinuesText(bool continuesText);
    void setBusy(bool busy);
    void focusNeighbour(int step); // -1 previous, +1 next message
    void scrollToEnd();
    void setCaretMode(bool on);
    [[nodiscard]] MessageView* viewOf(MessageId message) const; // null: none yet, or not here
    [[nodiscard]] const std::vector<MessageView*>& views() const { return m_views; }
    [[nodiscard]] MessageId focusedMessage() const; // 0: the keyboard is elsewhere
    [[nodiscard]] bool isAtEnd() const;
    [[nodiscard]] const std::vector<Message>& messages() const { return m_messages; }

signals:
    void copyRequested(const QString& text);
    void editRequested(qint64 message);
    void regenerateRequested(qint64 message);
    void continueRequested(qint64 message);
    void siblingRequested(qint64 message, int step);
    void tokensRequested(qint64 message, bool shown);
    void deleteRequested(qint64 message);
    void reproduceRequested(qint64 message);
    void tokenPicked(qint64 message, int token);
    void tokenActivated(qint64 message, int token);
    void tokenHovered(qint64 message, int token);
    void alternativeRequested(qint64 message, int step);
    void measureChosen(mmfree::gui::TokenMeasure measure);
    void viewMade(mmfree::gui::MessageView* view); // a message became a widget

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    MessageView* makeView(std::size_t index);
    void refreshViews(); // contexts depend on the neighbours
    void countMessages();
    [[nodiscard]] MessageContext contextOf(std::size_t index) const;
    void showOlder();
    void onScrolled(int value);
    void onRangeChanged(int minimum, int maximum);
    void noteNewText();
    void placeNewTextButton();

    std::vector<Message> m_messages;
    std::vector<MessageView*> m_views; // of the messages from m_firstShown on
    std::size_t m_firstShown = 0;
    QWidget* m_content;
    QVBoxLayout* m_layout;
    QWidget* m_emptyState = nullptr;
    QPushButton* m_newText;
    bool m_following = true;
    bool m_continuesText = false;
    bool m_busy = false;
    bool m_caretMode = false;
    std::vector<int> m_ordinals; // of each message among those of its author
    int m_userTotal = 0, m_answerTotal = 0;
    int m_lastMaximum = 0;
    int m_keepFromBottom = -1; // while older messages are put in front
};

} // namespace mmfree::gui
