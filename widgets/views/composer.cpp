#include "widgets/views/composer.h"

#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/text_format.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QPlainTextEdit>
#include <QScrollBar>
#include <QTextBlock>
#include <QToolButton>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

constexpr int kMostLines = 8;
constexpr qsizetype kCountedCharacters = 200'000; // counting more would hold up typing
constexpr int kStoppingLabelDelay = 100;          // milliseconds

} // namespace

Composer::Composer(QWidget* parent)
    : QFrame(parent)
    , m_editor(new QPlainTextEdit(this))
    , m_count(new QLabel(this))
    , m_note(new QLabel(this))
    , m_editMark(new QLabel(this))
    , m_button(new QToolButton(this))
{
    setObjectName(QStringLiteral("composerFrame"));
    m_editor->setObjectName(QStringLiteral("composerEditor"));
    m_editor->setAccessibleName(tr("Message"));
    m_editor->setTabChangesFocus(true);
    m_editor->setFrameShape(QFrame::NoFrame);
    m_editor->setVerticalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    m_editor->document()->setDocumentMargin(2);
    m_editor->viewport()->setAutoFillBackground(false);
    m_editor->installEventFilter(this);
    setFocusProxy(m_editor);

    setTextRole(m_count, TextRole::SmallMuted);
    m_count->setObjectName(QStringLiteral("tokenCount"));
    setTextRole(m_note, TextRole::SmallMuted);
    setTextRole(m_editMark, TextRole::SmallMuted);
    m_editMark->hide();

    m_button->setObjectName(QStringLiteral("sendButton"));
    m_button->setIconSize({18, 18});
    m_button->setFixedSize(34, 34);

    auto* bottom = new QHBoxLayout;
    bottom->setSpacing(kGrid);
    bottom->addWidget(m_count);
    bottom->addWidget(m_note);
    bottom->addWidget(m_editMark);
    bottom->addStretch(1);
    bottom->addWidget(m_button);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(kGrid + kGrid / 2, kGrid, kGrid, kGrid);
    layout->setSpacing(kGrid / 2);
    layout->addWidget(m_editor);
    layout->addLayout(bottom);

    m_countTimer.setSingleShot(true);
    m_countTimer.setInterval(120);
    m_stoppingTimer.setSingleShot(true);
    m_stoppingTimer.setInterval(kStoppingLabelDelay);
    connect(&m_countTimer, &QTimer::timeout, this, &Composer::countTokens);
    connect(&m_stoppingTimer, &QTimer::timeout, this, [this] { setNote(tr("Stopping\u2026")); });
    connect(m_editor, &QPlainTextEdit::textChanged, this, [this] {
        fitHeight();
        updateButton();
        m_countTimer.start();
    });
    connect(m_button, &QToolButton::clicked, this, &Composer::sendOrStop);
    fitHeight();
    updateButton();
    countTokens();
}

void Composer::setTokenizer(std::shared_ptr<const Tokenizer> tokenizer)
{
    m_tokenizer = std::move(tokenizer);
    countTokens();
}

void Composer::setMode(Mode mode)
{
    if (m_mode == mode)
        return;
    m_mode = mode;
    if (mode == Mode::Stopping)
        m_stoppingTimer.start();
    else
        m_stoppingTimer.stop();
    updateButton();
}

void Composer::setPlaceholder(const QString& text)
{
    m_editor->setPlaceholderText(text);
}
void Composer::setNote(const QString& text)
{
    m_note->setText(text);
}
QString Composer::text() const
{
    return m_editor->toPlainText();
}

void Composer::setText(const QString& text)
{
    m_editor->setPlainText(text);
    m_editor->moveCursor(QTextCursor::End);
}

void Composer::addButton(QWidget* button)
{
    auto* bottom = static_cast<QHBoxLayout*>(static_cast<QVBoxLayout*>(layout())->itemAt(1)->layout());
    bottom->insertWidget(bottom->count() - 1, button);
}

void Composer::beginEdit(const QString& text, const QString& mark)
{
    m_editing = true;
    m_editMark->setText(mark);
    setText(text);
    m_editMark->show();
    m_note->hide();
    m_editor->setFocus();
    updateButton();
}

void Composer::endEdit()
{
    m_editing = false;
    m_editMark->hide();
    m_note->show();
    m_editor->clear();
}

void Composer::sendOrStop()
{
    if (m_mode == Mode::Answering) {
        emit stopRequested();
    } else if (m_mode == Mode::Ready && !text().trimmed().isEmpty()) {
        emit sendRequested(text());
    }
}

void Composer::updateButton()
{
    const bool stop = m_mode == Mode::Answering || m_mode == Mode::Stopping;
    m_button->setIcon(
        themedIcon(stop ? QStringLiteral("stop") : QStringLiteral("send"), QPalette::HighlightedText));
    m_button->setEnabled(m_mode == Mode::Answering || (m_mode == Mode::Ready && !text().trimmed().isEmpty()));
    const QString name = stop ? tr("Stop (Esc)") : tr("Send (Enter)");
    m_button->setToolTip(name);
    m_button->setAccessibleName(stop ? tr("Stop") : tr("Send"));
}

void Composer::fitHeight()
{
    const int line = m_editor->fontMetrics().lineSpacing();
    int lines = 0;
    for (QTextBlock block = m_editor->document()->begin(); block.isValid() && lines < kMostLines;
         block = block.next())
        lines += qMax(1, block.layout() ? block.layout()->lineCount() : 1);
    const int margins = 2 * static_cast<int>(m_editor->document()->documentMargin()) + 4;
    m_editor->setFixedHeight(qBound(1, lines, kMostLines) * line + margins);
}

void Composer::countTokens()
{
    m_count->setVisible(m_tokenizer && !m_editor->document()->isEmpty());
    if (!m_count->isVisibleTo(this)) {
        m_count->clear();
        return;
    }
    const QString written = text();
    if (written.size() > kCountedCharacters) {
        m_count->setText(tr("%1 of text").arg(bytesText(written.toUtf8().size())));
        return;
    }
    try {
        const auto tokens = static_cast<qint64>(m_tokenizer->encode(written.toStdString()).size());
        m_count->setText(tokens == 1 ? tr("1 token") : tr("%1 tokens").arg(countText(tokens)));
    } catch (const std::exception& error) {
        m_count->setText(QString::fromStdString(error.what()));
    }
}

bool Composer::handleKey(QKeyEvent* event)
{
    const bool enter = event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter;
    if (enter && !(event->modifiers() & Qt::ShiftModifier)) {
        if (m_mode == Mode::Ready)
            sendOrStop();
        return true;
    }
    if (event->key() == Qt::Key_Escape && m_editing && m_mode != Mode::Answering) {
        endEdit();
        emit editCancelled();
        return true;
    }
    return false;
}

bool Composer::eventFilter(QObject* watched, QEvent* event)
{
    if (watched == m_editor) {
        if (event->type() == QEvent::ShortcutOverride && m_editing && m_mode != Mode::Answering &&
            static_cast<QKeyEvent*>(event)->key() == Qt::Key_Escape) {
            event->accept(); // here Esc ends editing; the window's own Esc would not
            return true;
        }
        if (event->type() == QEvent::KeyPress && handleKey(static_cast<QKeyEvent*>(event)))
            return true;
        if (event->type() == QEvent::FocusIn || event->type() == QEvent::FocusOut)
            setStyleFlag(this, "active", event->type() == QEvent::FocusIn ? "true" : "false");
    }
    return QFrame::eventFilter(watched, event);
}

void Composer::resizeEvent(QResizeEvent* event)
{
    QFrame::resizeEvent(event);
    fitHeight();
}

} // namespace mmfree::gui
