// An answer as its tokens, tinted by how sure the model was, with a legend in numbers. The reader chooses the
// measure; hover, click and keys pick a token. Takes the place of a message's text.
#pragma once

#include "widgets/models/token_trace.h"

#include <QWidget>

class QComboBox;
class QLabel;

namespace mmfree::gui
{

class TokenLegend;
class TokenStrip;

[[nodiscard]] QString measureName(TokenMeasure measure);                           // "Probability"
[[nodiscard]] QString measureText(const TracedToken& token, TokenMeasure measure); // "62 %", "1.4 nats"
[[nodiscard]] QString pieceText(const QByteArray& bytes); // as text; bytes that are none as <C3>

class TokenFace : public QWidget
{
    Q_OBJECT
public:
    explicit TokenFace(QWidget* parent = nullptr);

    void setTrace(const TokenTrace& trace);
    [[nodiscard]] const TokenTrace& trace() const { return m_trace; }
    void setMeasure(TokenMeasure measure);
    [[nodiscard]] TokenMeasure measure() const { return m_measure; }
    [[nodiscard]] int current() const;
    void setCurrent(int token);
    [[nodiscard]] QRect rectOf(int token) const; // in this widget's coordinates
    [[nodiscard]] TokenStrip* strip() const { return m_strip; }

signals:
    void measureChosen(mmfree::gui::TokenMeasure measure);
    void currentChanged(int token);
    void activated(int token); // Enter, click
    void hovered(int token);   // after 300 ms over it; -1: left
    void alternativeRequested(int step);

private:
    void showValues();

    TokenTrace m_trace;
    TokenMeasure m_measure = TokenMeasure::Probability;
    TokenStrip* m_strip;
    QComboBox* m_box;
    TokenLegend* m_legend;
    QLabel* m_hint;
    class QTimer* m_hoverTimer;
    int m_hovered = -1;
};

} // namespace mmfree::gui
