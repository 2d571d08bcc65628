// A text as its tokens: one line that scrolls, or flowing lines (the token face). Each token may carry a
// value, drawn as background; low ones are underlined in dots besides, so that colour is not the only sign. A
// current token, a brushed range and hover; arrows, Shift and Enter work as the mouse does.
#pragma once

#include <QPair>
#include <QString>
#include <QWidget>

#include <limits>
#include <optional>
#include <vector>

namespace mmfree::gui
{

struct StripToken {
    QString text;         // as shown; line breaks and lone spaces get visible signs
    bool special = false; // a control token such as <s>: drawn as a chip with an outline
    float value = std::numeric_limits<float>::quiet_NaN(); // NaN: no background
    QString note; // in the tooltip, e.g. "keeps 12.4 % of layer 3's state"
};

class TokenStrip : public QWidget
{
    Q_OBJECT
public:
    enum class Layout { OneLine, Flowing };
    enum class Scale { Sequential, Diverging };

    explicit TokenStrip(Layout layout, QWidget* parent = nullptr);

    void setTokens(std::vector<StripToken> tokens); // current and range are kept where they still fit
    void setValues(const std::vector<float>& values,
                   const QStringList& notes = {}); // same tokens, other colours
    [[nodiscard]] const std::vector<StripToken>& tokens() const { return m_tokens; }
    // Values at `low` (0 for Diverging: -high) and `high` get the ends of the palette.
    void setScale(Scale scale, float low, float high);
    // Tokens with a value below get a dotted underline; nothing: none.
    void setUnderlineBelow(std::optional<float> limit);
    void setUnderlineAbove(std::optional<float> limit); // likewise, for values that grow with doubt
    void setEmptyText(const QString& text);

    [[nodiscard]] int current() const { return m_current; } // -1: none
    void setCurrent(int index);
    [[nodiscard]] QPair<int, int> range() const { return m_range; } // first and last, -1: none
    void setRange(int first, int last);
    [[nodiscard]] int tokenAt(const QPointF& position) const; // -1: none
    [[nodiscard]] QRectF rectOf(int index) const;             // its first piece, in the widget's coordinates

    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;
    [[nodiscard]] bool hasHeightForWidth() const override { return m_layout == Layout::Flowing; }
    [[nodiscard]] int heightForWidth(int width) const override;

signals:
    void currentChanged(int index);
    void activated(int index); // Enter or a double click
    void hovered(int index);   // -1: left
    void rangeChanged(int first, int last);
    void alternativeRequested(int step); // Up: -1, Down: +1

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    struct Placed {
        QRectF rect; // content coordinates
        QString shown;
    };
    void arrange();
    [[nodiscard]] double flow(double width, std::vector<Placed>* placed) const; // returns the height
    void scrollTo(int index);
    void moveTo(int index, bool extend);
    void drawToken(QPainter& painter, std::size_t index) const;
    [[nodiscard]] QString tooltipOf(int index) const;
    void announce();

    Layout m_layout;
    std::vector<StripToken> m_tokens;
    std::vector<Placed> m_placed;
    double m_offset = 0.0; // OneLine: scrolled by, pixels
    double m_contentWidth = 0.0;
    Scale m_scale = Scale::Sequential;
    float m_low = 0.0f, m_high = 1.0f;
    std::optional<float> m_underlineBelow, m_underlineAbove;
    QString m_emptyText;
    int m_current = -1, m_hover = -1, m_anchor = -1;
    QPair<int, int> m_range{-1, -1};
    bool m_brushing = false;
};

} // namespace mmfree::gui
