#include "widgets/compare/memory_stack_view.h"

#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_style.h"

#include <QHelpEvent>
#include <QLocale>
#include <QPainter>
#include <QToolTip>

#include <algorithm>

namespace mmfree::gui
{

namespace
{

constexpr double kRowHeight = 30.0, kLegendHeight = 40.0, kTitleHeight = 24.0, kLabelWidth = 26.0,
                 kValueWidth = 78.0;

QString sizeOf(qint64 bytes)
{
    return QLocale().formattedDataSize(bytes, 1, QLocale::DataSizeSIFormat);
}

} // namespace

MemoryStackView::MemoryStackView(QWidget* parent)
    : QWidget(parent)
{
    setAccessibleName(tr("Memory of each contender"));
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

void MemoryStackView::setBars(std::vector<MemoryBar> bars)
{
    m_bars = std::move(bars);
    QStringList lines;
    for (const MemoryBar& bar : m_bars)
        lines << describe(bar);
    setAccessibleDescription(lines.join(QLatin1Char('\n')));
    updateGeometry();
    update();
}

QSize MemoryStackView::sizeHint() const
{
    return {360,
            static_cast<int>(kTitleHeight + kLegendHeight + kRowHeight * static_cast<double>(m_bars.size())) +
                2 * kGrid};
}

std::vector<MemoryStackView::Segment> MemoryStackView::segmentsOf(const MemoryBar& bar)
{
    const bool dark = themeColors().dark;
    const ThemeColors& colors = themeColors();
    std::vector<Segment> segments{
        {tr("weights"), bar.parts.weights, seriesColor(0, dark), false},
        {bar.ternary ? tr("state") : tr("KV cache"), bar.parts.state, seriesColor(1, dark), false},
        {tr("activations"), bar.parts.activations, seriesColor(2, dark), false},
        {tr("other"), bar.parts.other, seriesColor(3, dark), false},
        {bar.parts.rest >= 0 ? tr("unexplained") : tr("reserved, not touched"), std::abs(bar.parts.rest),
         colors.muted, true},
    };
    return segments;
}

QString MemoryStackView::describe(const MemoryBar& bar)
{
    if (!bar.note.isEmpty())
        return tr("%1: %2").arg(bar.label, bar.note);
    QStringList parts;
    for (const Segment& segment : segmentsOf(bar))
        parts << tr("%1 %2").arg(segment.name, sizeOf(segment.bytes));
    return tr("%1: measured %2 = %3").arg(bar.label, sizeOf(bar.parts.measured), parts.join(tr(" + ")));
}

QRectF MemoryStackView::rowRect(const QRectF& bounds, std::size_t index) const
{
    const double room = bounds.height() - kTitleHeight - kLegendHeight;
    const double height =
        std::min(kRowHeight, room / static_cast<double>(std::max<std::size_t>(1, m_bars.size())));
    return {bounds.left(), bounds.top() + kTitleHeight + height * static_cast<double>(index), bounds.width(),
            height};
}

void MemoryStackView::paintTo(QPainter& painter, const QRectF& bounds) const
{
    const ThemeColors& colors = themeColors();
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    QFont bold = painter.font();
    bold.setWeight(QFont::DemiBold);
    const QFont plain = painter.font();
    painter.setFont(bold);
    painter.setPen(colors.text);
    painter.drawText(QRectF(bounds.left(), bounds.top(), bounds.width(), kTitleHeight),
                     Qt::AlignLeft | Qt::AlignVCenter, tr("Memory now"));
    painter.setFont(plain);
    qint64 most = 1;
    for (const MemoryBar& bar : m_bars)
        most = std::max(
            {most, static_cast<qint64>(bar.parts.measured), static_cast<qint64>(bar.parts.explained())});
    for (std::size_t i = 0; i < m_bars.size(); ++i) {
        const MemoryBar& bar = m_bars[i];
        const QRectF row = rowRect(bounds, i);
        painter.setPen(seriesColor(static_cast<int>(i), colors.dark));
        painter.setFont(bold);
        painter.drawText(row.adjusted(0, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter,
                         seriesLetter(static_cast<int>(i)));
        painter.setFont(plain);
        const QRectF track = row.adjusted(kLabelWidth, 6, -kValueWidth, -6);
        if (!bar.note.isEmpty() || !bar.known) {
            painter.setPen(colors.muted);
            const QString text = bar.note.isEmpty() ? tr("not measured yet") : bar.note;
            const QRectF place = row.adjusted(kLabelWidth, 0, 0, 0);
            painter.drawText(
                place, Qt::AlignLeft | Qt::AlignVCenter,
                painter.fontMetrics().elidedText(text, Qt::ElideRight, static_cast<int>(place.width())));
            continue;
        }
        double left = track.left();
        for (const Segment& segment : segmentsOf(bar)) {
            const double width =
                track.width() * static_cast<double>(segment.bytes) / static_cast<double>(most);
            // Reserved memory lies inside the computed parts, at their end.
            const double begin = segment.hatched && bar.parts.rest < 0 ? left - width : left;
            const QRectF part(begin, track.top(), width, track.height());
            if (segment.hatched) {
                painter.fillRect(part, QBrush(bar.parts.rest < 0 ? colors.surface : segment.color,
                                              bar.parts.rest < 0 ? Qt::BDiagPattern : Qt::Dense5Pattern));
                painter.setPen(QPen(segment.color, 1.0));
                painter.drawRect(part);
            } else {
                painter.fillRect(part, segment.color);
            }
            if (!(segment.hatched && bar.parts.rest < 0))
                left += width;
        }
        painter.setPen(colors.text);
        painter.drawText(row.adjusted(0, 0, 0, 0), Qt::AlignRight | Qt::AlignVCenter,
                         sizeOf(bar.parts.measured));
    }
    // Legend: names of the parts, the same order as in the bars.
    QFont small = plain;
    small.setPointSizeF(std::max(7.0, plain.pointSizeF() - 1.0));
    painter.setFont(small);
    constexpr double kLine = 18.0;
    double x = bounds.left(), y = bounds.bottom() - kLegendHeight;
    const std::pair<QString, int> names[] = {{tr("weights"), 0},
                                             {tr("state / KV"), 1},
                                             {tr("activations"), 2},
                                             {tr("other"), 3},
                                             {tr("unexplained"), -1}};
    for (const auto& [name, style] : names) {
        const double width = painter.fontMetrics().horizontalAdvance(name);
        if (x > bounds.left() && x + 14 + width > bounds.right()) {
            x = bounds.left();
            y += kLine;
        }
        const QRectF box(x, y + 4, 10, 10);
        if (style >= 0) {
            painter.fillRect(box, seriesColor(style, colors.dark));
        } else {
            painter.fillRect(box, QBrush(colors.muted, Qt::Dense5Pattern));
            painter.setPen(colors.muted);
            painter.drawRect(box);
        }
        painter.setPen(colors.muted);
        painter.drawText(QRectF(x + 14, y, width + 4, kLine), Qt::AlignLeft | Qt::AlignVCenter, name);
        x += 14 + width + 12;
    }
    painter.restore();
}

void MemoryStackView::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    paintTo(painter, QRectF(rect()).adjusted(kGrid, 0, -kGrid, 0));
}

bool MemoryStackView::event(QEvent* event)
{
    if (event->type() == QEvent::ToolTip) {
        auto* help = static_cast<QHelpEvent*>(event);
        for (std::size_t i = 0; i < m_bars.size(); ++i) {
            if (rowRect(rect(), i).contains(help->pos())) {
                QToolTip::showText(help->globalPos(), describe(m_bars[i]), this);
                return true;
            }
        }
        QToolTip::hideText();
        return true;
    }
    return QWidget::event(event);
}

} // namespace mmfree::gui
