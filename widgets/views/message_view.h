// One message of the transcript: author, text (or its tokens), what can be done with it, its siblings, and
// what was measured.
#pragma once

#include "widgets/models/conversation.h"
#include "widgets/models/token_trace.h"

#include <QFrame>

class QAction;
class QLabel;
class QToolButton;

namespace mmfree::gui
{

class MarkdownView;
class TokenFace;

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
    // Shows the tokens in place of the text; nothing: the text again.
    void setTokens(const std::optional<TokenTrace>& trace, TokenMeasure measure);
    [[nodiscard]] TokenFace* tokenFace() const { return m_tokens; } // null: the text is shown
    void setCaretMode(bool on);                                     // the keyboard moves a caret in the text
    // Checked against a list of facts: one sentence under the text; empty: nothing.
    void setVerdict(const QString& text, const QString& icon);
    [[nodiscard]] MarkdownView* textView() const { return m_text; }
    [[nodiscard]] MessageId messageId() const { return m_message.id; }
    [[nodiscard]] const Message& message() const { return m_message; }

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
    void tokenHovered(qint64 message, int token); // -1: left
    void alternativeRequested(qint64 message, int step);
    void measureChosen(mmfree::gui::TokenMeasure measure);

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void buildSiblings();
    void buildMenu();
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
    QToolButton *m_copy, *m_edit, *m_regenerate, *m_continue, *m_tokensButton, *m_more;
    QWidget* m_siblings;
    QToolButton *m_previous, *m_next;
    QLabel* m_siblingText;
    TokenFace* m_tokens = nullptr;
    QWidget* m_verdict;
    QLabel *m_verdictIcon, *m_verdictText;
    QAction *m_reproduce, *m_delete;
    bool m_caretMode = false;
    double m_renderSeconds = 0.0;
    qint64 m_lastRender = 0; // milliseconds of a steady clock
};

} // namespace mmfree::gui
