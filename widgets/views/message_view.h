// One message of the transcript: author, text, what can be done with it, and what was measured.
#pragma once

#include "widgets/models/conversation.h"

#include <QFrame>

class QLabel;
class QToolButton;

namespace mmfree::gui
{

class MarkdownView;

struct MessageContext {
    bool continuesText = false; // plain text model: no Markdown, other names
    bool isLast = false;        // last of the transcript
    bool isLastUser = false;
    bool busy = false; // an answer is being written somewhere
    int ordinal = 1;   // "Reply 2 of 3"
    int total = 1;
};

class MessageView : public QFrame
{
    Q_OBJECT
public:
    explicit MessageView(QWidget* parent = nullptr);

    void setMessage(const Message& message, const MessageContext& context);
    void setStreamedText(const QString& text); // cheap path while an answer is written
    [[nodiscard]] MessageId messageId() const { return m_message.id; }
    [[nodiscard]] const Message& message() const { return m_message; }

signals:
    void copyRequested(const QString& text);
    void editRequested(qint64 message);
    void regenerateRequested(qint64 message);
    void continueRequested(qint64 message);

protected:
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    QToolButton* addButton(const QString& name, const QString& icon, const QString& text);
    void updateButtons();
    void updateFooter();
    void updateAccessibleName();
    void render();

    Message m_message;
    MessageContext m_context;
    QLabel* m_author;
    QLabel* m_footer;
    MarkdownView* m_text;
    QToolButton *m_copy, *m_edit, *m_regenerate, *m_continue;
    double m_renderSeconds = 0.0;
    qint64 m_lastRender = 0; // milliseconds of a steady clock
};

} // namespace mmfree::gui
