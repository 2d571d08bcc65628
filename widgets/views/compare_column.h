// The second column of "Ask both": who answers, how fast, where the two answers part, and the answers
// themselves, scrolling with the first column.
#pragma once

#include "widgets/models/conversation.h"

#include <QWidget>

class QLabel;
class QToolButton;

namespace mmfree::gui
{

class MarkdownView;
class TranscriptView;

class CompareColumn : public QWidget
{
    Q_OBJECT
public:
    explicit CompareColumn(TranscriptView* first, QWidget* parent = nullptr);

    void setModelName(const QString& name, const QString& backend);
    void setStatus(const QString& text); // "opening", "412 tok/s"
    void setContinuesText(bool continues);
    // The conversation up to the question, then the second answer.
    void showAnswer(std::vector<Message> before, const Message& answer);
    void growAnswer(const Message& answer);
    void finishAnswer(const Message& answer);
    void clear();
    // The first place where the two texts differ is marked in both; both finished and equal: said so.
    // `token`: index of the first token that differs, -1: not known.
    void markDifference(const Message& first, bool bothFinished, qint64 token);
    [[nodiscard]] TranscriptView* transcript() const { return m_transcript; }
    [[nodiscard]] QString differenceText() const;

signals:
    void closeRequested();
    void chooseRequested();

private:
    void lockScrolling();

    TranscriptView* m_first;
    TranscriptView* m_transcript;
    QLabel *m_name, *m_status, *m_difference;
    QToolButton *m_choose, *m_close;
    Message m_answer;
    bool m_scrolling = false;
};

// Marks the word at which `shown` and `other` part, in both; -1: they are equal as far as both go.
qsizetype markFirstDifference(MarkdownView* shown, MarkdownView* other);

} // namespace mmfree::gui
