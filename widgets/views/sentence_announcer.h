// Tells screen readers what an answer says, sentence by sentence as it is written, never token by token.
#pragma once

#include <QObject>
#include <QString>

class QWidget;

namespace mmfree::gui
{

class SentenceAnnouncer : public QObject
{
    Q_OBJECT
public:
    explicit SentenceAnnouncer(QWidget* parent);

    void setEnabled(bool enabled) { m_enabled = enabled; }
    void start();                     // a new answer
    void follow(const QString& text); // its text so far
    void finish(const QString& text); // the rest of it, whatever it ends with

signals:
    void announced(const QString& sentence);

private:
    void announce(const QString& sentence);

    QWidget* m_voice; // invisible; its name is what is read
    qsizetype m_told = 0;
    bool m_enabled = false;
};

} // namespace mmfree::gui
