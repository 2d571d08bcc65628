#include "widgets/views/compare_column.h"

#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/markdown_view.h"
#include "widgets/views/text_format.h"
#include "widgets/views/transcript_view.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QScrollBar>
#include <QTextCursor>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace mmfree::gui
{

namespace
{

void markWord(MarkdownView* view, qsizetype at)
{
    QList<QTextEdit::ExtraSelection> marks;
    if (at >= 0) {
        QTextCursor cursor(view->document());
        const int last = std::max(0, view->document()->characterCount() - 1);
        cursor.setPosition(std::min(static_cast<int>(at), last));
        cursor.movePosition(QTextCursor::EndOfWord, QTextCursor::KeepAnchor);
        if (!cursor.hasSelection())
            cursor.movePosition(QTextCursor::NextCharacter, QTextCursor::KeepAnchor);
        QTextEdit::ExtraSelection mark;
        mark.cursor = cursor;
        mark.format.setBackground(themeColors().warningSoft);
        mark.format.setForeground(themeColors().text);
        mark.format.setUnderlineStyle(QTextCharFormat::WaveUnderline);
        mark.format.setUnderlineColor(themeColors().warning);
        marks << mark;
    }
    view->setExtraSelections(marks);
}

} // namespace

qsizetype markFirstDifference(MarkdownView* shown, MarkdownView* other)
{
    const QString a = shown->toPlainText(), b = other->toPlainText();
    const auto [inA, inB] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    qsizetype at = inA - a.begin();
    if (inA == a.end() || inB == b.end())
        at = -1; // one may still be written
    markWord(shown, at);
    markWord(other, at);
    return at;
}

CompareColumn::CompareColumn(TranscriptView* first, QWidget* parent)
    : QWidget(parent)
    , m_first(first)
    , m_transcript(new TranscriptView(this))
    , m_name(new QLabel(this))
    , m_status(new QLabel(this))
    , m_difference(new QLabel(this))
    , m_choose(new QToolButton(this))
    , m_close(new QToolButton(this))
{
    setObjectName(QStringLiteral("compareColumn"));
    m_transcript->setObjectName(QStringLiteral("secondTranscript"));
    m_transcript->setAccessibleName(tr("Answers of the second model"));
    m_transcript->setBusy(true); // answers are worked with in the first column
    auto* header = new QWidget(this);
    header->setObjectName(QStringLiteral("pageHeader"));
    header->setAttribute(Qt::WA_StyledBackground);
    header->setFixedHeight(6 * kGrid);
    setTextRole(m_name, TextRole::Title);
    m_name->setTextFormat(Qt::PlainText);
    m_name->setMinimumWidth(40);
    m_name->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    setTextRole(m_status, TextRole::SmallMuted);
    m_status->setObjectName(QStringLiteral("secondStatus"));
    const auto dress = [](QToolButton* button, const char* name, const char* icon, const QString& text) {
        button->setObjectName(QLatin1String(name));
        button->setIcon(themedIcon(QLatin1String(icon)));
        button->setIconSize({18, 18});
        button->setToolTip(text);
        button->setAccessibleName(text);
    };
    dress(m_choose, "chooseSecond", "models", tr("Another second model or backend"));
    dress(m_close, "closeSecond", "close", tr("Ask one model only"));
    auto* row = new QHBoxLayout(header);
    row->setContentsMargins(2 * kGrid, 0, kGrid, 0);
    row->setSpacing(kGrid);
    row->addWidget(m_name, 1);
    row->addWidget(m_status);
    row->addWidget(m_choose);
    row->addWidget(m_close);
    m_difference->setObjectName(QStringLiteral("firstDifference"));
    setTextRole(m_difference, TextRole::Small);
    m_difference->setContentsMargins(2 * kGrid, kGrid / 2, 2 * kGrid, kGrid);
    m_difference->setWordWrap(true);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(header);
    layout->addWidget(m_transcript, 1);
    layout->addWidget(m_difference);
    connect(m_choose, &QToolButton::clicked, this, &CompareColumn::chooseRequested);
    connect(m_close, &QToolButton::clicked, this, &CompareColumn::closeRequested);
    lockScrolling();
}

// Both columns hold the same messages before the last; from there on their distance from the top is kept.
void CompareColumn::lockScrolling()
{
    QScrollBar* one = m_first->verticalScrollBar();
    QScrollBar* two = m_transcript->verticalScrollBar();
    const auto follow = [this](QScrollBar* from, QScrollBar* to) {
        if (m_scrolling || !isVisible())
            return;
        m_scrolling = true;
        // The ends belong together also when one answer is longer.
        if (from->value() >= from->maximum() - 2)
            to->setValue(to->maximum());
        else
            to->setValue(from->value());
        m_scrolling = false;
    };
    connect(one, &QScrollBar::valueChanged, this, [=] { follow(one, two); });
    connect(two, &QScrollBar::valueChanged, this, [=] { follow(two, one); });
}

void CompareColumn::setModelName(const QString& name, const QString& backend)
{
    m_name->setText(tr("%1 on %2").arg(name, backendTitle(backend)));
    m_name->setToolTip(m_name->text());
}

void CompareColumn::setStatus(const QString& text)
{
    m_status->setText(text);
}

void CompareColumn::setContinuesText(bool continues)
{
    m_transcript->setContinuesText(continues);
}

void CompareColumn::showAnswer(std::vector<Message> before, const Message& answer)
{
    m_answer = answer;
    before.push_back(answer);
    m_transcript->setMessages(std::move(before));
    m_difference->clear();
}

void CompareColumn::growAnswer(const Message& answer)
{
    m_answer = answer;
    m_transcript->setStreamedText(answer.id, answer.text);
}

void CompareColumn::finishAnswer(const Message& answer)
{
    m_answer = answer;
    m_transcript->updateMessage(answer);
}

void CompareColumn::clear()
{
    m_answer = {};
    m_transcript->setMessages({});
    m_difference->clear();
    m_status->clear();
}

QString CompareColumn::differenceText() const
{
    return m_difference->text();
}

void CompareColumn::markDifference(const Message& first, bool bothFinished, qint64 token)
{
    MessageView* shown = m_first->viewOf(first.id);
    MessageView* other = m_transcript->viewOf(m_answer.id);
    if (!shown || !other)
        return;
    markFirstDifference(shown->textView(), other->textView());
    // In the texts themselves, which Markdown may have changed.
    const auto [a, b] =
        std::mismatch(first.text.begin(), first.text.end(), m_answer.text.begin(), m_answer.text.end());
    const qsizetype at = a - first.text.begin();
    const bool differs = a != first.text.end() && b != m_answer.text.end();
    const bool ended = bothFinished && first.text.size() != m_answer.text.size();
    if (differs || ended) {
        m_difference->setText(token >= 0 ? tr("First difference at token %1, character %2")
                                               .arg(countText(token + 1), countText(at + 1))
                                         : tr("First difference at character %1").arg(countText(at + 1)));
    } else {
        m_difference->setText(bothFinished ? tr("Both answers are equal") : tr("Equal so far"));
    }
}

} // namespace mmfree::gui
