#include "widgets/views/sentence_announcer.h"

#include <QAccessible>
#include <QRegularExpression>
#include <QWidget>

namespace mmfree::gui
{

SentenceAnnouncer::SentenceAnnouncer(QWidget* parent)
    : QObject(parent)
    , m_voice(new QWidget(parent))
{
    m_voice->setObjectName(QStringLiteral("announcer"));
    m_voice->setFixedSize(0, 0);
}

void SentenceAnnouncer::start()
{
    m_told = 0;
}

void SentenceAnnouncer::follow(const QString& text)
{
    if (!m_enabled)
        return;
    // A sentence has ended when something follows its mark: "3." may become "3.5".
    static const QRegularExpression kEnd(
        QStringLiteral("[.!?\u2026\u3002\uff01\uff1f][\"'\u201d\u2019)]*\\s|\\n"));
    for (;;) {
        const QRegularExpressionMatch end = kEnd.match(text, m_told);
        if (!end.hasMatch())
            return;
        announce(text.mid(m_told, end.capturedEnd() - m_told));
        m_told = end.capturedEnd();
    }
}

void SentenceAnnouncer::finish(const QString& text)
{
    follow(text);
    if (m_enabled)
        announce(text.mid(m_told));
    m_told = text.size();
}

void SentenceAnnouncer::announce(const QString& sentence)
{
    const QString plain = sentence.simplified();
    if (plain.isEmpty())
        return;
    m_voice->setAccessibleName(plain);
    QAccessibleEvent alert(m_voice, QAccessible::Alert);
    QAccessible::updateAccessibility(&alert);
    emit announced(plain);
}

} // namespace mmfree::gui
