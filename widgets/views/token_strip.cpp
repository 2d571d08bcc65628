#include "widgets/views/token_strip.h"

#include "widgets/theme/theme.h"
#include "widgets/views/heatmap/heatmap_palette.h"

#include <QAccessible>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QLocale>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace mmfree::gui
{

namespace
{

constexpr double kLineHeight = 28.0, kTokenHeight = 22.0, kMargin = 4.0;
constexpr double kPadding = 3.0; // left and right of a token's text
constexpr double kGap = 1.0;
constexpr double kSmallestWidth = 10.0;

// Spaces and breaks must be seen to be clicked.
QString visibleText(const StripToken& token)
{
    QString text = token.text;
    text.replace(QLatin1Char('\n'), QStringLiteral("\u21b5"));
    text.replace(QLatin1Char('\r'), QString());
    text.replace(QLatin1Char('\t'), QStringLiteral("\u21e5"));
    if (!text.isEmpty() && text.trimmed().isEmpty())
        text.replace(QLatin1Char(' '), QStringLiteral("\u2423"));
    return text.isEmpty() ? QStringLiteral("\u2205") : text;
}

} // namespace

TokenStrip::TokenStrip(Layout layout, QWidget* parent)
    : QWidget(parent)
    , m_layout(layout)
{
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setAccessibleName(tr("Tokens"));
    QSizePolicy policy(QSizePolicy::Expanding,
                       layout == Layout::OneLine ? QSizePolicy::Fixed : QSizePolicy::Preferred);
    policy.setHeightForWidth(layout == Layout::Flowing);
    setSizePolicy(policy);
}

void TokenStrip::setTokens(std::vector<StripToken> tokens)
{
    m_tokens = std::move(tokens);
    const int count = static_cast<int>(m_tokens.size());
    if (m_current >= count)
        m_current = -1;
    if (m_range.second >= count)
        m_range = {-1, -1};
    m_hover = m_anchor = -1;
    arrange();
    updateGeometry();
    update();
}

void TokenStrip::setValues(const std::vector<float>& values, const QStringList& notes)
{
    for (std::size_t i = 0; i < m_tokens.size(); ++i) {
        m_tokens[i].value = i < values.size() ? values[i] : std::numeric_limits<float>::quiet_NaN();
        m_tokens[i].note = notes.value(static_cast<qsizetype>(i));
    }
    update();
}

void TokenStrip::setScale(Scale scale, float low, float high)
{
    m_scale = scale;
    m_low = low;
    m_high = high > low ? high : low + 1e-9f;
    update();
}

void TokenStrip::setUnderlineBelow(std::optional<float> limit)
{
    m_underlineBelow = limit;
    update();
}

void TokenStrip::setUnderlineAbove(std::optional<float> limit)
{
    m_underlineAbove = limit;
    update();
}

void TokenStrip::setEmptyText(const QString& text)
{
    m_emptyText = text;
    update();
}

void TokenStrip::setCurrent(int index)
{
    if (index < -1 || index >= static_cast<int>(m_tokens.size()) || index == m_current)
        return;
    m_current = index;
    scrollTo(index);
    announce();
    update();
    emit currentChanged(index);
}

void TokenStrip::setRange(int first, int last)
{
    const QPair<int, int> range =
        first < 0 ? QPair<int, int>{-1, -1} : QPair<int, int>{std::min(first, last), std::max(first, last)};
    if (range == m_range || range.second >= static_cast<int>(m_tokens.size()))
        return;
    m_range = range;
    update();
    emit rangeChanged(range.first, range.second);
}

void TokenStrip::announce()
{
    if (m_current < 0)
        return;
    const StripToken& token = m_tokens[static_cast<std::size_t>(m_current)];
    QString text = tr("Token %1 of %2: %3").arg(m_current + 1).arg(m_tokens.size()).arg(visibleText(token));
    if (!token.note.isEmpty())
        text += QStringLiteral(", ") + token.note;
    setAccessibleDescription(text);
    QAccessibleEvent changed(this, QAccessible::DescriptionChanged);
    QAccessible::updateAccessibility(&changed);
}

double TokenStrip::flow(double width, std::vector<Placed>* placed) const
{
    const QFontMetricsF metrics(font());
    double x = kMargin, y = kMargin;
    for (const StripToken& token : m_tokens) {
        const QString shown = visibleText(token);
        const double needed = std::max(metrics.horizontalAdvance(shown) + 2.0 * kPadding, kSmallestWidth);
        if (m_layout == Layout::Flowing && x > kMargin && x + needed > width - kMargin) {
            x = kMargin;
            y += kLineHeight;
        }
        const double room =
            m_layout == Layout::Flowing ? std::min(needed, std::max(width - 2.0 * kMargin, 40.0)) : needed;
        if (placed)
            placed->push_back({QRectF(x, y + (kLineHeight - kTokenHeight) / 2.0, room, kTokenHeight), shown});
        x += room + kGap;
        if (m_layout == Layout::Flowing && token.text.contains(QLatin1Char('\n'))) {
            x = kMargin;
            y += kLineHeight;
        }
    }
    return y + kLineHeight + kMargin;
}

void TokenStrip::arrange()
{
    m_placed.clear();
    std::ignore = flow(width(), &m_placed);
    m_contentWidth = m_placed.empty() ? 0.0 : m_placed.back().rect.right() + kMargin;
    m_offset = std::clamp(m_offset, 0.0, std::max(0.0, m_contentWidth - width()));
}

QSize TokenStrip::sizeHint() const
{
    if (m_layout == Layout::OneLine)
        return {480, static_cast<int>(kLineHeight + 2.0 * kMargin)};
    const int wide = width() > 80 ? width() : 480;
    return {wide, heightForWidth(wide)};
}

QSize TokenStrip::minimumSizeHint() const
{
    return {80, static_cast<int>(kLineHeight + 2.0 * kMargin)};
}

int TokenStrip::heightForWidth(int width) const
{
    return m_layout == Layout::OneLine ? sizeHint().height()
                                       : static_cast<int>(std::ceil(flow(width, nullptr)));
}

QRectF TokenStrip::rectOf(int index) const
{
    if (index < 0 || index >= static_cast<int>(m_placed.size()))
        return {};
    return m_placed[static_cast<std::size_t>(index)].rect.translated(
        m_layout == Layout::OneLine ? -m_offset : 0.0, 0.0);
}

int TokenStrip::tokenAt(const QPointF& position) const
{
    const QPointF place = m_layout == Layout::OneLine ? position + QPointF(m_offset, 0.0) : position;
    // Rows are in order of y, tokens of x inside them.
    const auto after = std::partition_point(m_placed.begin(), m_placed.end(), [&](const Placed& placed) {
        const double bottom = placed.rect.bottom() + (kLineHeight - kTokenHeight) / 2.0;
        return bottom < place.y() ||
               (placed.rect.top() - 3.0 <= place.y() && placed.rect.right() + kGap < place.x());
    });
    if (after == m_placed.end() || !after->rect.adjusted(-kGap, -3.0, kGap, 3.0).contains(place))
        return -1;
    return static_cast<int>(after - m_placed.begin());
}

void TokenStrip::scrollTo(int index)
{
    if (m_layout != Layout::OneLine || index < 0 || index >= static_cast<int>(m_placed.size()))
        return;
    const QRectF rect = m_placed[static_cast<std::size_t>(index)].rect;
    const double margin = std::min(48.0, width() / 4.0);
    if (rect.left() < m_offset + margin)
        m_offset = rect.left() - margin;
    else if (rect.right() > m_offset + width() - margin)
        m_offset = rect.right() - width() + margin;
    m_offset = std::clamp(m_offset, 0.0, std::max(0.0, m_contentWidth - width()));
}

void TokenStrip::drawToken(QPainter& painter, std::size_t index) const
{
    const ThemeColors& colors = themeColors();
    const HeatmapPalette& palette = heatmapPalette();
    const StripToken& token = m_tokens[index];
    const QRectF rect = rectOf(static_cast<int>(index));
    const bool valued = std::isfinite(token.value);
    QColor ink = token.special ? colors.muted : colors.text;
    if (valued) {
        const QRgb color = m_scale == Scale::Diverging
                               ? palette.diverging(token.value / m_high)
                               : palette.sequential((token.value - m_low) / (m_high - m_low));
        painter.setPen(Qt::NoPen);
        painter.setBrush(QColor(color));
        painter.drawRoundedRect(rect, 3.0, 3.0);
        ink = HeatmapPalette::ink(color);
    } else if (!token.special) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(colors.raised);
        painter.drawRoundedRect(rect, 3.0, 3.0);
    }
    if (token.special) {
        painter.setPen(QPen(colors.control, 1.0, Qt::DotLine));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 3.0, 3.0);
    }
    const int number = static_cast<int>(index);
    if (m_range.first >= 0 && number >= m_range.first && number <= m_range.second) {
        painter.setPen(QPen(colors.accent, 2.0));
        painter.drawLine(rect.bottomLeft() + QPointF(0, 2), rect.bottomRight() + QPointF(kGap, 2));
        painter.drawLine(rect.topLeft() - QPointF(0, 2), rect.topRight() + QPointF(kGap, -2));
    }
    painter.setPen(ink);
    painter.drawText(
        rect.adjusted(kPadding, 0, -kPadding, 0), Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine,
        painter.fontMetrics().elidedText(m_placed[index].shown, Qt::ElideRight,
                                         static_cast<int>(std::ceil(rect.width() - 2.0 * kPadding)) + 1));
    if (valued && ((m_underlineBelow && token.value < *m_underlineBelow) ||
                   (m_underlineAbove && token.value > *m_underlineAbove))) {
        painter.setPen(QPen(ink, 1.5, Qt::DotLine));
        painter.drawLine(rect.bottomLeft() + QPointF(kPadding, -2),
                         rect.bottomRight() - QPointF(kPadding, 2));
    }
    if (number == m_hover || number == m_current) {
        painter.setPen(
            QPen(number == m_current ? colors.accent : colors.control, number == m_current ? 2.0 : 1.0));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5), 3.5, 3.5);
    }
}

void TokenStrip::paintEvent(QPaintEvent* event)
{
    QPainter painter(this);
    const ThemeColors& colors = themeColors();
    if (m_tokens.empty()) {
        painter.setPen(colors.muted);
        painter.drawText(rect().adjusted(8, 0, -8, 0), Qt::AlignVCenter | Qt::AlignLeft, m_emptyText);
    }
    painter.setRenderHint(QPainter::Antialiasing);
    const QRectF dirty = QRectF(event->rect()).adjusted(-4, -4, 4, 4);
    for (std::size_t i = 0; i < m_placed.size(); ++i) {
        if (rectOf(static_cast<int>(i)).intersects(dirty))
            drawToken(painter, i);
    }
    if (m_layout == Layout::OneLine) { // fade where more follows
        for (const bool left : {true, false}) {
            const bool more = left ? m_offset > 0.5 : m_offset < m_contentWidth - width() - 0.5;
            if (!more)
                continue;
            painter.setPen(Qt::NoPen);
            QLinearGradient fade(left ? 0.0 : width(), 0.0, left ? 24.0 : width() - 24.0, 0.0);
            QColor solid = palette().color(backgroundRole());
            fade.setColorAt(0.0, solid);
            solid.setAlpha(0);
            fade.setColorAt(1.0, solid);
            painter.fillRect(QRectF(left ? 0.0 : width() - 24.0, 0.0, 24.0, height()), fade);
        }
    }
    if (hasFocus()) {
        painter.setPen(QPen(colors.accent, 1.5));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 4.0, 4.0);
    }
}

void TokenStrip::resizeEvent(QResizeEvent*)
{
    arrange();
}

void TokenStrip::changeEvent(QEvent* event)
{
    if (event->type() == QEvent::FontChange || event->type() == QEvent::StyleChange) {
        arrange();
        updateGeometry();
    }
    QWidget::changeEvent(event);
}

QString TokenStrip::tooltipOf(int index) const
{
    const StripToken& token = m_tokens[static_cast<std::size_t>(index)];
    QString text = tr("Token %1: %2").arg(QLocale().toString(index), visibleText(token));
    if (!token.note.isEmpty())
        text += QLatin1Char('\n') + token.note;
    return text;
}

bool TokenStrip::event(QEvent* event)
{
    if (event->type() == QEvent::ToolTip) {
        auto* help = static_cast<QHelpEvent*>(event);
        const int index = tokenAt(help->pos());
        if (index >= 0)
            QToolTip::showText(help->globalPos(), tooltipOf(index), this, rectOf(index).toRect());
        else
            QToolTip::hideText();
        return true;
    }
    return QWidget::event(event);
}

void TokenStrip::moveTo(int index, bool extend)
{
    if (m_tokens.empty())
        return;
    index = std::clamp(index, 0, static_cast<int>(m_tokens.size()) - 1);
    if (extend) {
        if (m_anchor < 0)
            m_anchor = m_current >= 0 ? m_current : index;
        setRange(m_anchor, index);
    } else {
        m_anchor = index;
    }
    setCurrent(index);
}

void TokenStrip::mousePressEvent(QMouseEvent* event)
{
    if (event->button() != Qt::LeftButton)
        return;
    const int index = tokenAt(event->position());
    if (index < 0) {
        setRange(-1, -1);
        return;
    }
    const bool extend = event->modifiers() & Qt::ShiftModifier;
    if (!extend)
        setRange(-1, -1);
    moveTo(index, extend);
    m_brushing = true;
}

void TokenStrip::mouseMoveEvent(QMouseEvent* event)
{
    const int index = tokenAt(event->position());
    if (m_brushing && index >= 0 && index != m_current)
        moveTo(index, true);
    if (index != m_hover) {
        m_hover = index;
        update();
        emit hovered(index);
    }
}

void TokenStrip::mouseReleaseEvent(QMouseEvent*)
{
    m_brushing = false;
}

void TokenStrip::mouseDoubleClickEvent(QMouseEvent* event)
{
    const int index = tokenAt(event->position());
    if (index >= 0)
        emit activated(index);
}

void TokenStrip::leaveEvent(QEvent*)
{
    if (m_hover < 0)
        return;
    m_hover = -1;
    update();
    emit hovered(-1);
}

void TokenStrip::wheelEvent(QWheelEvent* event)
{
    if (m_layout == Layout::Flowing || m_contentWidth <= width()) {
        event->ignore();
        return;
    }
    const QPoint delta = event->angleDelta();
    m_offset =
        std::clamp(m_offset - 0.5 * (std::abs(delta.x()) > std::abs(delta.y()) ? delta.x() : delta.y()), 0.0,
                   std::max(0.0, m_contentWidth - width()));
    update();
    event->accept();
}

void TokenStrip::keyPressEvent(QKeyEvent* event)
{
    const bool extend = event->modifiers() & Qt::ShiftModifier;
    switch (event->key()) {
    case Qt::Key_Left:
        moveTo(m_current < 0 ? 0 : m_current - 1, extend);
        return;
    case Qt::Key_Right:
        moveTo(m_current + 1, extend);
        return;
    case Qt::Key_Home:
        moveTo(0, extend);
        return;
    case Qt::Key_End:
        moveTo(static_cast<int>(m_tokens.size()) - 1, extend);
        return;
    case Qt::Key_Up:
        emit alternativeRequested(-1);
        return;
    case Qt::Key_Down:
        emit alternativeRequested(+1);
        return;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (m_current >= 0)
            emit activated(m_current);
        return;
    case Qt::Key_Escape:
        if (m_range.first >= 0) {
            setRange(-1, -1);
            return;
        }
        break;
    default:
        break;
    }
    QWidget::keyPressEvent(event);
}

} // namespace mmfree::gui
