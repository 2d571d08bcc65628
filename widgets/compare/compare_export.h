// Writes a finished comparison to files: run file, CSV, Markdown, pictures of the charts and a one-page
// report.
#pragma once

#include "engine/analysis/compare_types.h"

#include <QList>
#include <QString>

class QPainter;
class QRectF;

namespace mmfree::gui
{

class MemoryStackView;
class PlotView;

// What the report shows of the page.
struct ReportParts {
    const CompareRun* run = nullptr;
    const MemoryStackView* memory = nullptr;
    QList<PlotView*> plots;
};

// By the ending of the file: .json, .csv, .md, .png, .svg or .pdf. Throws Error: InvalidArgument for another
// ending, Io when it cannot be written. The old file stays until the new one is complete.
void exportComparison(const ReportParts& parts, const QString& file);

// Title, table, charts, warnings, method and environment; the same on paper and in pictures.
void paintReport(QPainter& painter, const QRectF& page, const ReportParts& parts);

} // namespace mmfree::gui
