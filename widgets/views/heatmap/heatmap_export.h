// Files of what a widget paints: PNG, SVG and PDF through one painting function, complete or not at all
// (AtomicFile).
#pragma once

#include <QRectF>
#include <QString>

#include <functional>

class QPainter;
class QWidget;

namespace mmfree::gui
{

using PaintFunction = std::function<void(QPainter& painter, const QRectF& bounds)>;

// The kind follows the file's ending: .png (`scale` pixels a point), .svg or .pdf. Throws
// Error{InvalidArgument} for other endings and Error{Io} naming the path.
void exportPicture(const QString& path, const QString& title, const QSizeF& size, const PaintFunction& paint,
                   double scale = 2.0);

// Asks for a place and writes there; an empty return is success or a cancelled dialog, else what went wrong.
[[nodiscard]] QString exportPictureWithDialog(QWidget* parent, const QString& title,
                                              const QString& suggestedName, const QSizeF& size,
                                              const PaintFunction& paint);

} // namespace mmfree::gui
