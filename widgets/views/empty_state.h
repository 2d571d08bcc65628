// What a page shows while it has nothing: one line of what this is, one of what to do, and buttons that do
// it.
#pragma once

#include <QWidget>

class QAction;
class QHBoxLayout;
class QLabel;
class QLayout;
class QVBoxLayout;

namespace mmfree::gui
{

class EmptyState : public QWidget
{
    Q_OBJECT
public:
    explicit EmptyState(QWidget* parent = nullptr);

    void setTexts(const QString& title, const QString& body);
    void setActions(const QList<QAction*>& actions);     // as buttons, the first is the main one
    void setSuggestions(const QStringList& suggestions); // texts to start with

signals:
    void suggestionChosen(const QString& text);

private:
    void clear(QLayout* layout);

    QLabel *m_title, *m_body;
    QHBoxLayout* m_actions;
    QVBoxLayout* m_suggestions;
};

} // namespace mmfree::gui
