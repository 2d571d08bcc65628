#include "widgets/theme/icon.h"

#include "widgets/theme/theme.h"

#include <QFile>
#include <QGuiApplication>
#include <QIconEngine>
#include <QPainter>
#include <QSvgRenderer>

static void registerResourceFiles()
{
    Q_INIT_RESOURCE(studio);
}

namespace mmfree::gui
{

namespace
{

class ThemedIconEngine : public QIconEngine
{
public:
    ThemedIconEngine(QString name, QPalette::ColorRole normal, bool accentWhenOn)
        : m_name(std::move(name))
        , m_normal(normal)
        , m_accentWhenOn(accentWhenOn)
    {
        QFile file(QStringLiteral(":/icons/%1.svg").arg(m_name));
        if (file.open(QIODevice::ReadOnly))
            m_source = file.readAll();
        Q_ASSERT_X(!m_source.isEmpty(), "themedIcon", qPrintable(m_name));
    }

    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State state) override
    {
        const QPalette palette = QGuiApplication::palette();
        QColor color =
            palette.color(mode == QIcon::Disabled ? QPalette::Disabled : QPalette::Active, m_normal);
        if (m_accentWhenOn && state == QIcon::On && mode != QIcon::Disabled)
            color = palette.color(QPalette::Highlight);
        QByteArray colored = m_source;
        colored.replace("#000", color.name().toLatin1());
        QSvgRenderer renderer(colored);
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        painter->setOpacity(color.alphaF());
        const int side = qMin(rect.width(), rect.height());
        QRect square(0, 0, side, side);
        square.moveCenter(rect.center());
        renderer.render(painter, square);
        painter->restore();
    }

    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override
    {
        return scaledPixmap(size, mode, state, 1.0);
    }

    QPixmap scaledPixmap(const QSize& size, QIcon::Mode mode, QIcon::State state, qreal) override
    {
        QPixmap result(size);
        result.fill(Qt::transparent);
        QPainter painter(&result);
        paint(&painter, QRect(QPoint(0, 0), size), mode, state);
        return result;
    }

    [[nodiscard]] QIconEngine* clone() const override { return new ThemedIconEngine(*this); }

private:
    QString m_name;
    QPalette::ColorRole m_normal;
    bool m_accentWhenOn;
    QByteArray m_source;
};

} // namespace

void initializeIcons()
{
    registerResourceFiles();
}

QIcon themedIcon(const QString& name, QPalette::ColorRole normal, bool accentWhenOn)
{
    initializeIcons();
    return QIcon(new ThemedIconEngine(name, normal, accentWhenOn));
}

QIcon applicationIcon()
{
    initializeIcons();
    return QIcon(QStringLiteral(":/icons/app.svg"));
}

} // namespace mmfree::gui
