#include "widgets/compare/compare_export.h"

#include "engine/analysis/compare_file.h"
#include "engine/analysis/compare_report.h"
#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "widgets/compare/memory_stack_view.h"
#include "widgets/compare/results_model.h"
#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_view.h"

#include <QBuffer>
#include <QFileInfo>
#include <QImage>
#include <QPageSize>
#include <QPainter>
#include <QPdfWriter>
#include <QSvgGenerator>
#include <QTextDocument>

#include <algorithm>

namespace mmfree::gui
{

namespace
{

constexpr QSize kPage(1120, 1584); // pixels of the report, the proportions of A4

QString htmlTable(const CompareRun& run)
{
    ResultsModel values, ratios;
    auto shared = std::make_shared<CompareRun>(run);
    values.setRun(shared);
    ratios.setRun(shared);
    ratios.setRatios(true);
    const ThemeColors& colors = themeColors();
    QString html =
        QStringLiteral("<table cellspacing='0' cellpadding='3' width='100%'><tr><th align='left'></th>");
    for (int column = 0; column < values.columnCount(); ++column)
        html +=
            QStringLiteral("<th align='right'>%1</th>")
                .arg(values.headerData(column, Qt::Horizontal, Qt::DisplayRole).toString().toHtmlEscaped());
    html += QStringLiteral("</tr>");
    for (int row = 0; row < values.rowCount(); ++row) {
        html += QStringLiteral("<tr><td>%1</td>")
                    .arg(values.headerData(row, Qt::Vertical, Qt::DisplayRole)
                             .toString()
                             .trimmed()
                             .toHtmlEscaped());
        for (int column = 0; column < values.columnCount(); ++column) {
            QString cell = values.index(row, column).data().toString().toHtmlEscaped();
            const QVariant ratio = ratios.index(row, column).data(ResultsModel::kValueRole);
            if (ratio.isValid())
                cell += QStringLiteral("<br><span style='color:%1'>%2</span>")
                            .arg(colors.muted.name(),
                                 ratios.index(row, column).data().toString().toHtmlEscaped());
            html += QStringLiteral("<td align='right'>%1</td>").arg(cell);
        }
        html += QStringLiteral("</tr>");
    }
    return html + QStringLiteral("</table>");
}

// Draws rich text at a width and returns its height.
double drawHtml(QPainter& painter, const QString& html, const QPointF& at, double width, double points)
{
    QTextDocument document;
    QFont font = painter.font();
    font.setPixelSize(static_cast<int>(points));
    document.setDefaultFont(font);
    document.setDefaultStyleSheet(
        QStringLiteral("body, td, th { color: %1; }").arg(themeColors().text.name()));
    document.setHtml(QStringLiteral("<body>%1</body>").arg(html));
    document.setTextWidth(width);
    painter.save();
    painter.translate(at);
    document.drawContents(&painter);
    painter.restore();
    return document.size().height();
}

QString footerHtml(const CompareRun& run)
{
    QString html;
    for (const std::string& warning : warningsOf(run))
        html += QStringLiteral("<p><b>%1</b></p>").arg(QString::fromStdString(warning).toHtmlEscaped());
    html += QStringLiteral("<p>%1</p><p>").arg(QString::fromStdString(methodText(run.setup)).toHtmlEscaped());
    for (const auto& [name, value] : environmentRows(run))
        html += QStringLiteral("<b>%1</b> %2 &nbsp; ")
                    .arg(QString::fromStdString(name).toHtmlEscaped(),
                         QString::fromStdString(value).toHtmlEscaped());
    return html + QStringLiteral("</p>");
}

void writeBytes(const QString& file, const QByteArray& bytes)
{
    writeFileAtomically(file.toStdString(),
                        std::string_view(bytes.constData(), static_cast<std::size_t>(bytes.size())));
}

QByteArray pdfOf(const ReportParts& parts)
{
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    {
        QPdfWriter writer(&buffer);
        writer.setPageSize(QPageSize(QPageSize::A4));
        writer.setPageMargins({0, 0, 0, 0});
        writer.setTitle(QString::fromStdString(titleOf(*parts.run)));
        writer.setResolution(144);
        QPainter painter(&writer);
        const double scale = std::min(writer.width() / static_cast<double>(kPage.width()),
                                      writer.height() / static_cast<double>(kPage.height()));
        painter.scale(scale, scale);
        paintReport(painter, QRectF(QPointF(), kPage), parts);
    }
    return bytes;
}

QByteArray svgOf(const ReportParts& parts)
{
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    {
        QSvgGenerator generator;
        generator.setOutputDevice(&buffer);
        generator.setSize(kPage);
        generator.setViewBox(QRect(QPoint(), kPage));
        generator.setTitle(QString::fromStdString(titleOf(*parts.run)));
        QPainter painter(&generator);
        paintReport(painter, QRectF(QPointF(), kPage), parts);
    }
    return bytes;
}

QByteArray pngOf(const ReportParts& parts)
{
    QImage image(kPage * 2, QImage::Format_ARGB32_Premultiplied);
    image.fill(themeColors().window);
    QPainter painter(&image);
    painter.scale(2.0, 2.0);
    paintReport(painter, QRectF(QPointF(), kPage), parts);
    painter.end();
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    if (!image.save(&buffer, "PNG"))
        throw Error(ErrorCode::Io, "the picture could not be encoded");
    return bytes;
}

} // namespace

void paintReport(QPainter& painter, const QRectF& page, const ReportParts& parts)
{
    const ThemeColors& colors = themeColors();
    const CompareRun& run = *parts.run;
    painter.setRenderHints(QPainter::Antialiasing | QPainter::TextAntialiasing |
                           QPainter::SmoothPixmapTransform);
    painter.fillRect(page, colors.window);
    const QRectF area = page.adjusted(48, 40, -48, -32);
    double y = area.top();
    y += drawHtml(painter,
                  QStringLiteral("<span style='font-size:22px; font-weight:600'>%1</span><br>%2 \u00b7 %3")
                      .arg(QString::fromStdString(titleOf(run)).toHtmlEscaped(),
                           QString::fromStdString(workloadText(run.setup.workload)).toHtmlEscaped(),
                           QString::fromStdString(run.startedAt)),
                  {area.left(), y}, area.width(), 13);
    y += 8;
    y += drawHtml(painter, htmlTable(run), {area.left(), y}, area.width(),
                  run.contenders.size() > 5 ? 9 : 11) +
         12;

    const double footer = 330.0;
    const double room = std::max(200.0, area.bottom() - footer - y);
    QList<QRectF> places;
    const double half = (area.width() - 16) / 2.0;
    const auto count = parts.plots.size() + 1;
    const auto rows = (count + 1) / 2;
    const double height = std::min(320.0, room / static_cast<double>(rows) - 8);
    for (qsizetype i = 0; i < count; ++i)
        places << QRectF(area.left() + static_cast<double>(i % 2) * (half + 16),
                         y + static_cast<double>(i / 2) * (height + 8), half, height);
    if (parts.memory) {
        QFont font = painter.font();
        font.setPixelSize(12);
        painter.save();
        painter.setFont(font);
        parts.memory->paintTo(painter, places[0]);
        painter.restore();
    }
    for (qsizetype i = 0; i < parts.plots.size(); ++i) {
        const QImage picture = parts.plots[i]->picture(2.0);
        if (picture.isNull())
            continue;
        const QSizeF size = QSizeF(picture.size()).scaled(places[i + 1].size(), Qt::KeepAspectRatio);
        painter.drawImage(QRectF(places[i + 1].topLeft(), size), picture);
    }
    y += static_cast<double>(rows) * (height + 8) + 8;
    painter.setPen(colors.border);
    painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
    drawHtml(painter, footerHtml(run), {area.left(), y + 4}, area.width(), 9);
}

void exportComparison(const ReportParts& parts, const QString& file)
{
    const QString suffix = QFileInfo(file).suffix().toLower();
    if (suffix == QLatin1String("json"))
        writeCompareRun(*parts.run, file.toStdString());
    else if (suffix == QLatin1String("csv"))
        writeBytes(file, QByteArray::fromStdString(compareCsv(*parts.run)));
    else if (suffix == QLatin1String("md"))
        writeBytes(file, QByteArray::fromStdString(compareMarkdown(*parts.run)));
    else if (suffix == QLatin1String("png"))
        writeBytes(file, pngOf(parts));
    else if (suffix == QLatin1String("svg"))
        writeBytes(file, svgOf(parts));
    else if (suffix == QLatin1String("pdf"))
        writeBytes(file, pdfOf(parts));
    else
        throw Error(ErrorCode::InvalidArgument, file.toStdString() + ": the ending is \"" +
                                                    suffix.toStdString() +
                                                    "\", needed: json, csv, md, png, svg or pdf");
}

} // namespace mmfree::gui
