#include "widgets/training/sample_strip.h"

#include "widgets/theme/theme.h"

#include <QFrame>
#include <QGridLayout>
#include <QLabel>
#include <QLocale>
#include <QScrollBar>
#include <QTimer>
#include <QVBoxLayout>

#include <cstdlib>

namespace mmfree::gui
{

namespace
{

constexpr int kCardWidth = 30 * kGrid;
constexpr int kCardHeight = 17 * kGrid;
constexpr qsizetype kMostSteps = 60; // cards a row; the oldest make room

} // namespace

SampleStrip::SampleStrip(QWidget* parent)
    : QScrollArea(parent)
    , m_content(new QWidget)
    , m_grid(new QGridLayout(m_content))
{
    m_content->setObjectName(QStringLiteral("scrollContent"));
    setWidgetResizable(true);
    setFrameShape(QFrame::NoFrame);
    setAccessibleName(tr("Samples over the steps"));
    m_grid->setContentsMargins(0, kGrid, 0, kGrid);
    m_grid->setSpacing(kGrid);
    m_grid->setAlignment(Qt::AlignLeft | Qt::AlignTop);
    setWidget(m_content);
    show(nullptr);
}

void SampleStrip::addCard(const RunSample& sample, int row, int column)
{
    auto* card = new QFrame;
    card->setObjectName(QStringLiteral("card"));
    card->setFixedSize(kCardWidth, kCardHeight);
    auto* step = new QLabel(tr("step %1").arg(QLocale().toString(static_cast<qlonglong>(sample.step))));
    setTextRole(step, TextRole::SmallMuted);
    auto* text = new QLabel(QStringLiteral("<b>%1</b>%2")
                                .arg(QString::fromStdString(sample.prompt).toHtmlEscaped(),
                                     QString::fromStdString(sample.text)
                                         .toHtmlEscaped()
                                         .replace(QLatin1Char('\n'), QStringLiteral(" \u21b5 "))));
    text->setTextFormat(Qt::RichText);
    text->setWordWrap(true);
    text->setAlignment(Qt::AlignLeft | Qt::AlignTop);
    text->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    text->setAccessibleName(tr("Sample at step %1").arg(sample.step));
    text->setToolTip(text->text());
    setTextRole(text, TextRole::Small);
    auto* layout = new QVBoxLayout(card);
    layout->setContentsMargins(kGrid, kGrid / 2, kGrid, kGrid / 2);
    layout->setSpacing(2);
    layout->addWidget(step);
    layout->addWidget(text, 1);
    m_grid->addWidget(card, row, column);
    m_cards << card;
}

void SampleStrip::show(const RunReader* reader)
{
    const QString folder = reader ? reader->folder() : QString();
    const std::size_t count = reader ? reader->samples().size() : 0;
    if (folder == m_folder && count == m_shown && !m_cards.isEmpty())
        return;
    const bool atEnd = horizontalScrollBar()->value() >= horizontalScrollBar()->maximum() - kGrid;
    qDeleteAll(m_cards);
    m_cards.clear();
    m_prompts.clear();
    m_steps.clear();
    m_folder = folder;
    m_shown = count;
    if (count == 0) {
        auto* hint = new QLabel(
            tr("Samples appear here as the run writes them. \u201cSample now\u201d asks for some at once."));
        setTextRole(hint, TextRole::Muted);
        m_grid->addWidget(hint, 0, 0);
        m_cards << hint;
        return;
    }
    for (const RunSample& sample : reader->samples()) {
        if (!m_steps.contains(sample.step))
            m_steps << sample.step;
        const QString prompt = QString::fromStdString(sample.prompt);
        if (!m_prompts.contains(prompt))
            m_prompts << prompt;
    }
    if (m_steps.size() > kMostSteps)
        m_steps = m_steps.mid(m_steps.size() - kMostSteps);
    for (const RunSample& sample : reader->samples()) {
        const qsizetype column = m_steps.indexOf(sample.step);
        if (column >= 0)
            addCard(sample, static_cast<int>(m_prompts.indexOf(QString::fromStdString(sample.prompt))),
                    static_cast<int>(column));
    }
    if (atEnd)
        QTimer::singleShot(0, this,
                           [this] { horizontalScrollBar()->setValue(horizontalScrollBar()->maximum()); });
}

void SampleStrip::goTo(qint64 step)
{
    qsizetype best = -1;
    for (qsizetype i = 0; i < m_steps.size(); ++i) {
        if (best < 0 || std::abs(m_steps.at(i) - step) < std::abs(m_steps.at(best) - step))
            best = i;
    }
    if (best >= 0)
        horizontalScrollBar()->setValue(static_cast<int>(best) * (kCardWidth + kGrid));
}

} // namespace mmfree::gui
