// Where people write: grows with the text, counts tokens, sends or stops.
#pragma once

#include "engine/text/tokenizer.h"

#include <QFrame>
#include <QTimer>

#include <memory>

class QKeyEvent;
class QLabel;
class QPlainTextEdit;
class QToolButton;

namespace mmfree::gui
{

class Composer : public QFrame
{
    Q_OBJECT
public:
    enum class Mode { Disabled, Ready, Answering, Stopping };

    explicit Composer(QWidget* parent = nullptr);

    void addButton(QWidget* button);                               // left of the send button
    void setTokenizer(std::shared_ptr<const Tokenizer> tokenizer); // null: tokens are not counted
    void setMode(Mode mode);
    void setPlaceholder(const QString& text);
    void setNote(const QString& text); // beside the token count, e.g. the state's size
    [[nodiscard]] QString text() const;
    void setText(const QString& text);
    void beginEdit(const QString& text,
                   const QString& mark); // `mark` says what is edited; Esc or sending ends it
    void endEdit();
    [[nodiscard]] bool isEditing() const { return m_editing; }
    [[nodiscard]] QPlainTextEdit* editor() const { return m_editor; }

signals:
    void sendRequested(const QString& text);
    void stopRequested();
    void editCancelled();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void sendOrStop();
    void fitHeight();
    void countTokens();
    void updateButton();
    bool handleKey(QKeyEvent* event);

    QPlainTextEdit* m_editor;
    QLabel* m_count;
    QLabel* m_note;
    QLabel* m_editMark;
    QToolButton* m_button;
    QTimer m_countTimer;
    QTimer m_stoppingTimer; // "Stopping…" appears only when stopping takes noticeable time
    std::shared_ptr<const Tokenizer> m_tokenizer;
    Mode m_mode = Mode::Disabled;
    bool m_editing = false;
};

} // namespace mmfree::gui
