// Read-only text of one message: Markdown or plain, as tall as its text, never loading anything from files or
// network.
#pragma once

#include <QTextBrowser>

namespace mmfree::gui
{

class MarkdownView : public QTextBrowser
{
    Q_OBJECT
public:
    explicit MarkdownView(QWidget* parent = nullptr);

    void setContent(const QString& text, bool markdown);
    [[nodiscard]] const QString& content() const { return m_text; }

    QVariant loadResource(int type, const QUrl& name) override; // always nothing
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void resizeEvent(QResizeEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void styleBlocks();
    void fitHeight();
    void openLink(const QUrl& link);

    QString m_text;
    bool m_markdown = false;
};

} // namespace mmfree::gui
