#include "widgets/views/token_face.h"

#include "engine/text/tokenizer.h"
#include "widgets/theme/theme.h"
#include "widgets/views/heatmap/heatmap_palette.h"
#include "widgets/views/token_strip.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPainter>
#include <QTimer>
#include <QVBoxLayout>

#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr int kHoverMilliseconds = 300;
constexpr double kDoubtful = 0.1; // probability below which a token is underlined

// Values at the two ends and the middle of the tint, as unsureness() maps them.
QStringList legendTexts(TokenMeasure measure)
{
    const QLocale locale;
    switch (measure) {
    case TokenMeasure::Probability:
        return {TokenFace::tr("100 %"), TokenFace::tr("50 %"), TokenFace::tr("0 %")};
    case TokenMeasure::Margin:
        return {TokenFace::tr("100 %"), TokenFace::tr("50 %"), TokenFace::tr("0 %")};
    case TokenMeasure::Surprisal:
        return {TokenFace::tr("0 nats"), locale.toString(4), TokenFace::tr("8 or more")};
    case TokenMeasure::Entropy:
        return {TokenFace::tr("0 nats"), locale.toString(2.5), TokenFace::tr("5 or more")};
    }
    return {};
}

// Where the dotted underline begins, on the scale of unsureness().
float doubtLimit(TokenMeasure measure)
{
    TracedToken token;
    token.logProbability = std::log(kDoubtful);
    token.entropyNats = -std::log(kDoubtful); // as unsure as among ten equal ones
    TokenAlternative first, second;
    first.logProbability = std::log(0.5f);
    second.logProbability = std::log(0.4f);
    token.alternatives = {first, second};
    return static_cast<float>(unsureness(token, measure));
}

QString percentText(double share)
{
    const double percent = share * 100.0;
    return TokenFace::tr("%1 %").arg(QLocale().toString(percent, 'f', percent < 10.0 ? 1 : 0));
}

} // namespace

// A bar of the tint with numbers under it.
class TokenLegend : public QWidget
{
public:
    explicit TokenLegend(QWidget* parent)
        : QWidget(parent)
    {
        setFixedSize(200, 32);
    }
    void setMeasure(TokenMeasure measure)
    {
        m_texts = legendTexts(measure);
        setAccessibleName(
            TokenFace::tr("Legend: no tint is %1, full tint is %2").arg(m_texts.value(0), m_texts.value(2)));
        update();
    }

protected:
    void paintEvent(QPaintEvent*) override
    {
        QPainter painter(this);
        const ThemeColors& colors = themeColors();
        const QRect bar(0, 2, width(), kGrid);
        for (int x = 0; x < bar.width(); ++x)
            painter.fillRect(x, bar.top(), 1, bar.height(),
                             QColor(heatmapPalette().sequential(static_cast<float>(x) /
                                                                static_cast<float>(bar.width() - 1))));
        painter.setPen(colors.border);
        painter.drawRect(bar.adjusted(0, 0, -1, -1));
        QFont small = font();
        small.setPointSizeF(8.0);
        painter.setFont(small);
        painter.setPen(colors.muted);
        const QRect texts(0, bar.bottom() + 2, width(), height() - bar.bottom() - 2);
        painter.drawText(texts, Qt::AlignLeft | Qt::AlignTop, m_texts.value(0));
        painter.drawText(texts, Qt::AlignHCenter | Qt::AlignTop, m_texts.value(1));
        painter.drawText(texts, Qt::AlignRight | Qt::AlignTop, m_texts.value(2));
    }

private:
    QStringList m_texts;
};

QString measureName(TokenMeasure measure)
{
    switch (measure) {
    case TokenMeasure::Probability:
        return TokenFace::tr("Probability");
    case TokenMeasure::Surprisal:
        return TokenFace::tr("Surprisal");
    case TokenMeasure::Entropy:
        return TokenFace::tr("Entropy");
    case TokenMeasure::Margin:
        return TokenFace::tr("Top-2 margin");
    }
    return {};
}

QString measureText(const TracedToken& token, TokenMeasure measure)
{
    const double value = measureOf(token, measure);
    if (measure == TokenMeasure::Probability || measure == TokenMeasure::Margin)
        return percentText(value);
    return std::isfinite(value) ? TokenFace::tr("%1 nats").arg(QLocale().toString(value, 'f', 2))
                                : TokenFace::tr("not among the kept alternatives");
}

QString pieceText(const QByteArray& bytes)
{
    const QString text = QString::fromUtf8(bytes);
    if (!text.contains(QChar::ReplacementCharacter))
        return text;
    QString shown;
    for (const char byte : bytes)
        shown += QStringLiteral("<%1>")
                     .arg(static_cast<uint>(static_cast<quint8>(byte)), 2, 16, QLatin1Char('0'))
                     .toUpper();
    return shown;
}

TokenFace::TokenFace(QWidget* parent)
    : QWidget(parent)
    , m_strip(new TokenStrip(TokenStrip::Layout::Flowing, this))
    , m_box(new QComboBox(this))
    , m_legend(new TokenLegend(this))
    , m_hint(new QLabel(tr("Dotted underline: below 10 %"), this))
    , m_hoverTimer(new QTimer(this))
{
    m_strip->setObjectName(QStringLiteral("tokenFaceStrip"));
    m_strip->setScale(TokenStrip::Scale::Sequential, 0.0f, 1.0f);
    m_strip->setEmptyText(tr("No tokens were kept for this message."));
    m_box->setObjectName(QStringLiteral("tokenMeasure"));
    m_box->setAccessibleName(tr("Tint tokens by"));
    m_box->setToolTip(tr("What the tint of a token shows"));
    for (int i = 0; i < kTokenMeasureCount; ++i)
        m_box->addItem(measureName(static_cast<TokenMeasure>(i)));
    setTextRole(m_hint, TextRole::SmallMuted);

    auto* row = new QHBoxLayout;
    row->setSpacing(2 * kGrid);
    row->addWidget(m_box);
    row->addWidget(m_legend, 0, Qt::AlignBottom);
    row->addWidget(m_hint, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(kGrid / 2);
    layout->addWidget(m_strip);
    layout->addLayout(row);

    m_hoverTimer->setSingleShot(true);
    m_hoverTimer->setInterval(kHoverMilliseconds);
    connect(m_hoverTimer, &QTimer::timeout, this, [this] { emit hovered(m_hovered); });
    connect(m_box, &QComboBox::activated, this, [this](int index) {
        setMeasure(static_cast<TokenMeasure>(index));
        emit measureChosen(m_measure);
    });
    connect(m_strip, &TokenStrip::currentChanged, this, &TokenFace::currentChanged);
    connect(m_strip, &TokenStrip::activated, this, &TokenFace::activated);
    connect(m_strip, &TokenStrip::alternativeRequested, this, &TokenFace::alternativeRequested);
    connect(m_strip, &TokenStrip::hovered, this, [this](int token) {
        m_hovered = token;
        if (token < 0) {
            m_hoverTimer->stop();
            emit hovered(-1);
        } else {
            m_hoverTimer->start();
        }
    });
    setMeasure(m_measure);
}

void TokenFace::setTrace(const TokenTrace& trace)
{
    m_trace = trace;
    std::vector<StripToken> tokens;
    tokens.reserve(trace.tokens.size());
    for (const TracedToken& token : trace.tokens) {
        StripToken shown;
        const QByteArray piece = trace.piece(token.id);
        shown.special = piece.isEmpty();
        shown.text = shown.special ? tr("end") : pieceText(piece);
        tokens.push_back(std::move(shown));
    }
    m_strip->setTokens(std::move(tokens));
    showValues();
}

void TokenFace::setMeasure(TokenMeasure measure)
{
    m_measure = measure;
    m_box->setCurrentIndex(static_cast<int>(measure));
    m_legend->setMeasure(measure);
    m_strip->setUnderlineAbove(doubtLimit(measure));
    switch (measure) {
    case TokenMeasure::Probability:
        m_hint->setText(tr("Dotted underline: below 10 %"));
        break;
    case TokenMeasure::Surprisal:
        m_hint->setText(tr("Dotted underline: above 2.3 nats"));
        break;
    case TokenMeasure::Entropy:
        m_hint->setText(tr("Dotted underline: above 2.3 nats"));
        break;
    case TokenMeasure::Margin:
        m_hint->setText(tr("Dotted underline: below 10 %"));
        break;
    }
    showValues();
}

void TokenFace::showValues()
{
    std::vector<float> values;
    QStringList notes;
    values.reserve(m_trace.tokens.size());
    for (const TracedToken& token : m_trace.tokens) {
        values.push_back(static_cast<float>(unsureness(token, m_measure)));
        notes << (token.forced ? tr("%1: %2, chosen by you") : tr("%1: %2"))
                     .arg(measureName(m_measure), measureText(token, m_measure));
    }
    m_strip->setValues(values, notes);
}

int TokenFace::current() const
{
    return m_strip->current();
}

void TokenFace::setCurrent(int token)
{
    m_strip->setCurrent(token);
}

QRect TokenFace::rectOf(int token) const
{
    return m_strip->rectOf(token).toRect().translated(m_strip->pos());
}

} // namespace mmfree::gui
