#include "widgets/views/heatmap/heatmap_export.h"

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"

#include <QBuffer>
#include <QCoreApplication>
#include <QFileDialog>
#include <QFileInfo>
#include <QImage>
#include <QPainter>
#include <QPdfWriter>
#include <QSvgGenerator>

namespace mmfree::gui
{

namespace
{

QByteArray asPng(const QSizeF& size, double scale, const PaintFunction& paint)
{
    QImage image((size * scale).toSize(), QImage::Format_RGB32);
    if (image.isNull())
        throw Error(ErrorCode::OutOfMemory, "a picture of " + std::to_string(size.width() * scale) + " x " +
                                                std::to_string(size.height() * scale) +
                                                " pixels is too large");
    image.setDevicePixelRatio(scale);
    image.fill(Qt::white);
    QPainter painter(&image);
    paint(painter, QRectF(QPointF(0, 0), size));
    painter.end();
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    image.save(&buffer, "PNG");
    return bytes;
}

QByteArray asSvg(const QString& title, const QSizeF& size, const PaintFunction& paint)
{
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QSvgGenerator generator;
    generator.setOutputDevice(&buffer);
    generator.setTitle(title);
    generator.setSize(size.toSize());
    generator.setViewBox(QRectF(QPointF(0, 0), size));
    QPainter painter(&generator);
    paint(painter, QRectF(QPointF(0, 0), size));
    painter.end();
    return bytes;
}

QByteArray asPdf(const QString& title, const QSizeF& size, const PaintFunction& paint)
{
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QPdfWriter writer(&buffer);
    writer.setTitle(title);
    writer.setResolution(96);
    writer.setPageSize(QPageSize(size * 72.0 / 96.0, QPageSize::Point));
    writer.setPageMargins(QMarginsF(0, 0, 0, 0));
    QPainter painter(&writer);
    paint(painter, QRectF(QPointF(0, 0), size));
    painter.end();
    return bytes;
}

} // namespace

void exportPicture(const QString& path, const QString& title, const QSizeF& size, const PaintFunction& paint,
                   double scale)
{
    const QString ending = QFileInfo(path).suffix().toLower();
    QByteArray bytes;
    if (ending == QLatin1String("png"))
        bytes = asPng(size, scale, paint);
    else if (ending == QLatin1String("svg"))
        bytes = asSvg(title, size, paint);
    else if (ending == QLatin1String("pdf"))
        bytes = asPdf(title, size, paint);
    else
        throw Error(ErrorCode::InvalidArgument, path.toStdString() + ": the ending is \"" +
                                                    ending.toStdString() + "\", needed: png, svg or pdf");
    writeFileAtomically(path.toStdString(),
                        std::string_view(bytes.constData(), static_cast<std::size_t>(bytes.size())));
}

QString exportPictureWithDialog(QWidget* parent, const QString& title, const QString& suggestedName,
                                const QSizeF& size, const PaintFunction& paint)
{
    const QString path = QFileDialog::getSaveFileName(
        parent, QCoreApplication::translate("export", "Save picture"), suggestedName,
        QCoreApplication::translate("export", "Pictures (*.png *.svg *.pdf)"));
    if (path.isEmpty())
        return {};
    try {
        exportPicture(path, title, size, paint);
    } catch (const std::exception& error) {
        return QString::fromStdString(error.what());
    }
    return {};
}

} // namespace mmfree::gui
