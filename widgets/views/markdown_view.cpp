#include "widgets/views/markdown_view.h"

#include "widgets/theme/theme.h"

#include <QDesktopServices>
#include <QEvent>
#include <QFontDatabase>
#include <QMessageBox>
#include <QTextBlock>
#include <QTextCursor>
#include <QTextDocument>
#include <QTextTable>
#include <QWheelEvent>

namespace mmfree::gui
{

MarkdownView::MarkdownView(QWidget* parent)
    : QTextBrowser(parent)
{
    setFrameShape(QFrame::NoFrame);
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setOpenLinks(false);
    setUndoRedoEnabled(false);
    setWordWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    setTextInteractionFlags(Qt::TextBrowserInteraction);
    setFocusPolicy(Qt::ClickFocus); // the message around it is the stop for the Tab key
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    document()->setDocumentMargin(0);
    viewport()->setAutoFillBackground(false);
    connect(this, &QTextBrowser::anchorClicked, this, &MarkdownView::openLink);
}

void MarkdownView::setContent(const QString& text, bool markdown)
{
    if (text == m_text && markdown == m_markdown)
        return;
    m_text = text;
    m_markdown = markdown;
    if (markdown) {
        document()->setMarkdown(text, QTextDocument::MarkdownFeatures(QTextDocument::MarkdownDialectGitHub) |
                                          QTextDocument::MarkdownNoHTML);
        styleBlocks();
    } else {
        document()->setPlainText(text);
        QTextCursor cursor(document());
        cursor.select(QTextCursor::Document);
        QTextBlockFormat format;
        format.setLineHeight(135, QTextBlockFormat::ProportionalHeight);
        cursor.mergeBlockFormat(format);
    }
    fitHeight();
}

// Qt leaves code blocks unmarked and unwrapped, which would cut long lines off.
void MarkdownView::styleBlocks()
{
    const ThemeColors& colors = themeColors();
    QFont codeFont = QFontDatabase::systemFont(QFontDatabase::FixedFont);
    for (QTextBlock block = document()->begin(); block.isValid(); block = block.next()) {
        QTextCursor cursor(block);
        QTextBlockFormat format = block.blockFormat();
        const bool code = format.hasProperty(QTextFormat::BlockCodeFence) ||
                          format.hasProperty(QTextFormat::BlockCodeLanguage);
        if (code) {
            format.setBackground(colors.code);
            format.setNonBreakableLines(false);
            format.setLeftMargin(kGrid);
            format.setRightMargin(kGrid);
            cursor.select(QTextCursor::BlockUnderCursor);
            QTextCharFormat characters;
            characters.setFontFamilies({codeFont.family()});
            cursor.mergeCharFormat(characters);
        } else if (!cursor.currentTable()) {
            format.setLineHeight(135, QTextBlockFormat::ProportionalHeight);
        } else {
            format.setTopMargin(0);
            format.setBottomMargin(0);
        }
        QTextCursor(block).setBlockFormat(format);
    }
    for (QTextFrame* frame : document()->rootFrame()->childFrames()) {
        auto* table = qobject_cast<QTextTable*>(frame);
        if (!table)
            continue;
        QTextTableFormat format = table->format();
        format.setBorder(1);
        format.setBorderCollapse(true);
        format.setBorderBrush(colors.border);
        format.setBorderStyle(QTextFrameFormat::BorderStyle_Solid);
        format.setCellPadding(kGrid - 2);
        format.setCellSpacing(0);
        format.setTopMargin(kGrid);
        format.setBottomMargin(kGrid);
        table->setFormat(format);
        // Qt puts an empty paragraph into the first cell and leaves its heading unmarked.
        const QTextTableCell first = table->cellAt(0, 0);
        QTextCursor cursor = first.firstCursorPosition();
        if (cursor.block().text().isEmpty() && cursor.block() != first.lastCursorPosition().block())
            cursor.deleteChar();
        QTextCharFormat bold;
        bold.setFontWeight(QFont::Bold);
        cursor = first.firstCursorPosition();
        cursor.setPosition(first.lastCursorPosition().position(), QTextCursor::KeepAnchor);
        cursor.mergeCharFormat(bold);
    }
}

void MarkdownView::fitHeight()
{
    document()->setTextWidth(viewport()->width());
    const int height = qMax(qCeil(document()->size().height()), fontMetrics().lineSpacing());
    if (height != this->height() || height != minimumHeight())
        setFixedHeight(height);
}

QVariant MarkdownView::loadResource(int, const QUrl&)
{
    return {};
}

QSize MarkdownView::sizeHint() const
{
    return {kReadingWidth, height()};
}
QSize MarkdownView::minimumSizeHint() const
{
    return {80, minimumHeight()};
}

void MarkdownView::resizeEvent(QResizeEvent* event)
{
    QTextBrowser::resizeEvent(event);
    fitHeight();
}

void MarkdownView::wheelEvent(QWheelEvent* event)
{
    event->ignore();
} // the transcript scrolls

void MarkdownView::changeEvent(QEvent* event)
{
    QTextBrowser::changeEvent(event);
    if (event->type() == QEvent::PaletteChange && m_markdown && document())
        styleBlocks();
}

void MarkdownView::openLink(const QUrl& link)
{
    // What a model writes is not to be trusted: only the web, and only after the full address was seen.
    if (link.scheme() != QLatin1String("https") && link.scheme() != QLatin1String("http"))
        return;
    const auto answer = QMessageBox::question(window(), tr("Open this link?"), link.toString());
    if (answer == QMessageBox::Yes)
        QDesktopServices::openUrl(link);
}

} // namespace mmfree::gui
