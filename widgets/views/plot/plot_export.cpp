// Pictures and numbers of a PlotView for elsewhere, and its context menu.
#include "widgets/views/plot/plot_canvas.h"
#include "widgets/views/plot/plot_view.h"

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"

#include <QApplication>
#include <QBuffer>
#include <QClipboard>
#include <QDir>
#include <QFileDialog>
#include <QImage>
#include <QMenu>
#include <QPainter>
#include <QSvgGenerator>

#include <filesystem>

namespace mmfree::gui
{

namespace
{

// Returns what went wrong; empty: nothing.
QString writeBytes(const QString& file, const QByteArray& bytes)
{
    try {
        writeFileAtomically(std::filesystem::path(file.toStdU16String()),
                            std::string_view(bytes.constData(), static_cast<std::size_t>(bytes.size())));
    } catch (const Error& error) {
        return QString::fromUtf8(error.what());
    }
    return {};
}

QString fileNameFor(const QString& title)
{
    QString name;
    for (const QChar letter : title)
        name += letter.isLetterOrNumber() ? letter.toLower() : QLatin1Char('-');
    return name.isEmpty() ? QStringLiteral("plot") : name;
}

} // namespace

QImage PlotView::picture(double scale)
{
    flush();
    const QRect source = m_canvas->viewport()->rect();
    QImage image(source.size() * scale, QImage::Format_RGB32);
    image.setDevicePixelRatio(scale);
    QPainter painter(&image);
    painter.setRenderHint(QPainter::Antialiasing);
    m_canvas->render(&painter, QRectF(QPointF(), source.size()), source);
    return image;
}

QString PlotView::exportPng(const QString& file)
{
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    if (!picture(2.0).save(&buffer, "PNG"))
        return tr("The picture could not be made.");
    return writeBytes(file, bytes);
}

QString PlotView::exportSvg(const QString& file)
{
    flush();
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    {
        const QRect source = m_canvas->viewport()->rect();
        QSvgGenerator generator;
        generator.setOutputDevice(&buffer);
        generator.setSize(source.size());
        generator.setViewBox(source);
        generator.setTitle(title());
        QPainter painter(&generator);
        m_canvas->render(&painter, source, source);
    }
    return writeBytes(file, bytes);
}

QString PlotView::exportCsv(const QString& file)
{
    return writeBytes(file, csv().toUtf8());
}

void PlotView::askAndExport(const QString& filter, const QString& suffix,
                            QString (PlotView::*write)(const QString&))
{
    const QString proposal = QDir::home().filePath(fileNameFor(title()) + suffix);
    const QString file = QFileDialog::getSaveFileName(this, tr("Export %1").arg(title()), proposal, filter);
    if (file.isEmpty())
        return;
    const QString problem = (this->*write)(file);
    if (!problem.isEmpty())
        emit exportFailed(problem);
}

void PlotView::addMenuActions(QMenu& menu)
{
    connect(menu.addAction(tr("&Show all")), &QAction::triggered, this, [this] { m_canvas->fit(); });
    const auto scale = [&](const QString& text, PlotScale now, auto apply) {
        QAction* action = menu.addAction(text);
        action->setCheckable(true);
        action->setChecked(now == PlotScale::Logarithmic);
        connect(action, &QAction::toggled, this, apply);
    };
    if (xAxis().labels.isEmpty()) {
        scale(tr("Logarithmic &x axis"), xAxis().scale, [this](bool on) {
            PlotAxis axis = xAxis();
            axis.scale = on ? PlotScale::Logarithmic : PlotScale::Linear;
            setXAxis(axis);
            m_canvas->fit();
        });
    }
    scale(tr("Logarithmic &y axis"), yAxis().scale, [this](bool on) {
        PlotAxis axis = yAxis();
        axis.scale = on ? PlotScale::Logarithmic : PlotScale::Linear;
        setYAxis(axis);
        m_canvas->fit();
    });
    QAction* table = menu.addAction(tr("Show as &table"));
    table->setCheckable(true);
    table->setChecked(isTableShown());
    connect(table, &QAction::toggled, this, &PlotView::setTableShown);
    menu.addSeparator();
    connect(menu.addAction(tr("Copy &picture")), &QAction::triggered, this,
            [this] { QApplication::clipboard()->setImage(picture(2.0)); });
    connect(menu.addAction(tr("Copy &numbers")), &QAction::triggered, this,
            [this] { QApplication::clipboard()->setText(csv()); });
    menu.addSeparator();
    connect(menu.addAction(tr("Export as PN&G\u2026")), &QAction::triggered, this,
            [this] { askAndExport(tr("Pictures (*.png)"), QStringLiteral(".png"), &PlotView::exportPng); });
    connect(menu.addAction(tr("Export as S&VG\u2026")), &QAction::triggered, this, [this] {
        askAndExport(tr("Vector pictures (*.svg)"), QStringLiteral(".svg"), &PlotView::exportSvg);
    });
    connect(menu.addAction(tr("Export as &CSV\u2026")), &QAction::triggered, this,
            [this] { askAndExport(tr("Tables (*.csv)"), QStringLiteral(".csv"), &PlotView::exportCsv); });
}

} // namespace mmfree::gui
