#include "widgets/views/token_details.h"

#include "widgets/theme/theme.h"
#include "widgets/views/token_face.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QLocale>
#include <QPainter>
#include <QPushButton>
#include <QStyledItemDelegate>
#include <QTreeWidget>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr int kPopoverRows = 10;
constexpr int kMostRows = 50;
constexpr int kShareRole = Qt::UserRole + 1;
constexpr int kRemovedRole = Qt::UserRole + 2;
constexpr int kIdRole = Qt::UserRole + 3;

QString percentText(double share)
{
    const double percent = share * 100.0;
    return TokenDetails::tr("%1 %").arg(QLocale().toString(percent, 'f',
                                                           percent < 0.1    ? 3
                                                           : percent < 10.0 ? 1
                                                                            : 0));
}

// The probability as a bar with its number; grey when a stage removed the token.
class BarDelegate : public QStyledItemDelegate
{
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override
    {
        const ThemeColors& colors = themeColors();
        painter->save();
        if (option.state & QStyle::State_Selected)
            painter->fillRect(option.rect, colors.accentSoft);
        const double share = index.data(kShareRole).toDouble();
        const bool removed = index.data(kRemovedRole).toBool();
        const QRect area = option.rect.adjusted(4, 5, -52, -5);
        const int width = std::max(1, static_cast<int>(std::lround(share * area.width())));
        painter->fillRect(QRect(area.left(), area.top(), width, area.height()),
                          removed ? colors.control : colors.accent);
        if (removed) // hatched, so that grey is not the only sign
            painter->fillRect(QRect(area.left(), area.top(), width, area.height()),
                              QBrush(colors.surface, Qt::BDiagPattern));
        painter->setPen(removed ? colors.muted : colors.text);
        painter->drawText(option.rect.adjusted(0, 0, -4, 0), Qt::AlignRight | Qt::AlignVCenter,
                          percentText(share));
        painter->restore();
    }
};

} // namespace

QString stageText(SamplerStage stage)
{
    switch (stage) {
    case SamplerStage::Kept:
        return {};
    case SamplerStage::Excluded:
        return TokenDetails::tr("excluded by the model");
    case SamplerStage::Greedy:
        return TokenDetails::tr("removed by temperature 0");
    case SamplerStage::TopK:
        return TokenDetails::tr("removed by top-k");
    case SamplerStage::TopP:
        return TokenDetails::tr("removed by top-p");
    case SamplerStage::MinP:
        return TokenDetails::tr("removed by min-p");
    }
    return {};
}

std::vector<TokenAlternative> resampled(const std::vector<TokenAlternative>& alternatives,
                                        const SamplingOptions& options)
{
    if (alternatives.empty())
        return {};
    // The kept ones are a small vocabulary of their own. What probability is left is spread over tokens just
    // below the least of them, so that top-p counts about the same.
    constexpr double kMostOthers = 4096;
    std::vector<float> logits;
    double sum = 0.0, least = 0.0;
    for (const TokenAlternative& other : alternatives) {
        logits.push_back(other.logProbability);
        const double share = std::exp(static_cast<double>(other.logProbability));
        sum += share;
        if (share > 0.0)
            least = least == 0.0 ? share : std::min(least, share);
    }
    const double rest = 1.0 - sum;
    if (rest > 1e-6 && least > 0.0) {
        const double count = std::min(std::ceil(rest / least), kMostOthers);
        const auto each = static_cast<float>(std::log(std::min(rest / count, least)));
        logits.insert(logits.end(), static_cast<std::size_t>(count), each);
    }
    SamplingOptions plain = options;
    plain.repetitionPenalty = 1.0;
    TokenDetail detail;
    std::vector<TokenAlternative> result = alternatives;
    try {
        Sampler sampler(plain);
        (void)sampler.sampleExplained(logits, {}, static_cast<int>(logits.size()), &detail);
    } catch (const std::exception&) {
        return result; // none of them can be drawn
    }
    for (const TokenAlternative& found : detail.alternatives) {
        if (static_cast<std::size_t>(found.id) >= result.size())
            continue;
        TokenAlternative& target = result[static_cast<std::size_t>(found.id)];
        target.removedBy = found.removedBy;
        target.drawProbability = found.drawProbability;
    }
    return result;
}

TokenDetails::TokenDetails(Kind kind, QWidget* parent)
    : QFrame(parent)
    , m_kind(kind)
    , m_title(new QLabel(this))
    , m_facts(new QLabel(this))
    , m_note(new QLabel(this))
    , m_list(new QTreeWidget(this))
    , m_actions(new QWidget(this))
    , m_continue(new QPushButton(tr("Continue from here"), m_actions))
    , m_force(new QPushButton(tr("Force and stop"), m_actions))
    , m_explore(new QPushButton(tr("Explore the state here"), m_actions))
{
    setObjectName(kind == Kind::Popover ? QStringLiteral("tokenPopover") : QStringLiteral("tokenPanel"));
    setAccessibleName(tr("Token"));
    setTextRole(m_title, TextRole::Title);
    m_title->setTextFormat(Qt::PlainText);
    setTextRole(m_facts, TextRole::SmallMuted);
    m_facts->setWordWrap(true);
    m_facts->setTextInteractionFlags(Qt::TextSelectableByMouse);
    setTextRole(m_note, TextRole::SmallMuted);
    m_note->setWordWrap(true);

    m_list->setObjectName(QStringLiteral("alternatives"));
    m_list->setAccessibleName(tr("Alternatives"));
    m_list->setColumnCount(3);
    m_list->setHeaderLabels({tr("Token"), tr("Probability"), tr("Sampler")});
    m_list->setRootIsDecorated(false);
    m_list->setUniformRowHeights(true);
    m_list->setItemDelegateForColumn(1, new BarDelegate(m_list));
    m_list->header()->setStretchLastSection(true);
    m_list->header()->setSectionsMovable(false);
    m_list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_list->installEventFilter(this);

    m_continue->setObjectName(QStringLiteral("continueFromHere"));
    m_force->setObjectName(QStringLiteral("forceAndStop"));
    m_explore->setObjectName(QStringLiteral("exploreState"));
    m_continue->setToolTip(
        tr("A new branch: the answer up to here, the marked token, and what the model says "
           "then (Enter)"));
    m_force->setToolTip(tr("A new branch that ends with the marked token"));
    auto* buttons = new QVBoxLayout(m_actions);
    buttons->setContentsMargins(0, 0, 0, 0);
    buttons->setSpacing(kGrid / 2);
    auto* first = new QHBoxLayout;
    first->addWidget(m_continue);
    first->addWidget(m_force);
    buttons->addLayout(first);
    buttons->addWidget(m_explore);

    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(2 * kGrid, kGrid + kGrid / 2, 2 * kGrid, kGrid + kGrid / 2);
    layout->setSpacing(kGrid / 2);
    layout->addWidget(m_title);
    layout->addWidget(m_facts);
    layout->addWidget(m_list, 1);
    layout->addWidget(m_note);
    layout->addWidget(m_actions);
    const auto ask = [this](bool writeOn) {
        if (m_token >= 0)
            emit continueRequested(m_token, chosenAlternative(), writeOn);
    };
    connect(m_continue, &QPushButton::clicked, this, [ask] { ask(true); });
    connect(m_force, &QPushButton::clicked, this, [ask] { ask(false); });
    connect(m_explore, &QPushButton::clicked, this, [this] { emit exploreRequested(m_token); });
    if (kind == Kind::Popover) {
        setAttribute(Qt::WA_StyledBackground);
        setFixedWidth(420);
        setPinned(false);
    }
    setToken({}, -1);
}

void TokenDetails::setToken(const TokenTrace& trace, int token)
{
    const auto count = static_cast<int>(trace.tokens.size());
    m_token = token >= 0 && token < count ? token : -1;
    m_trace = {};
    if (m_token >= 0) {
        m_trace.tokens = {trace.tokens[static_cast<std::size_t>(m_token)]};
        const TracedToken& one = m_trace.tokens.front();
        m_trace.pieces.insert(one.id, trace.piece(one.id));
        for (const TokenAlternative& other : one.alternatives)
            m_trace.pieces.insert(other.id, trace.piece(other.id));
    }
    showToken();
}

void TokenDetails::setOptions(const std::optional<SamplingOptions>& options)
{
    if (m_options == options)
        return;
    m_options = options;
    showToken();
}

void TokenDetails::setPinned(bool pinned)
{
    m_pinned = pinned;
    m_actions->setVisible(m_kind == Kind::Panel || pinned);
    m_list->setFocusPolicy(m_kind == Kind::Panel || pinned ? Qt::StrongFocus : Qt::NoFocus);
    setFocusProxy(m_list);
    showToken();
    if (m_kind == Kind::Popover)
        resize(width(), pinned ? 440 : 330);
}

void TokenDetails::setCanBranch(bool can)
{
    m_canBranch = can;
    updateButtons();
}

void TokenDetails::updateButtons()
{
    m_continue->setEnabled(m_canBranch && m_token >= 0);
    m_force->setEnabled(m_canBranch && m_token >= 0);
    m_explore->setEnabled(m_token >= 0);
}

void TokenDetails::showToken()
{
    m_list->clear();
    updateButtons();
    const bool any = m_token >= 0;
    m_list->setVisible(any);
    m_actions->setVisible(any && (m_kind == Kind::Panel || m_pinned));
    if (!any) {
        m_title->setText(tr("No token is selected"));
        m_facts->setText(tr("Show an answer as tokens (Ctrl+T) and pick one."));
        m_note->hide();
        return;
    }
    const TracedToken& token = m_trace.tokens.front();
    m_written = token.id;
    const auto shownPiece = [&](TokenId id) {
        const QByteArray piece = m_trace.piece(id);
        return piece.isEmpty()
                   ? tr("(end or control token)")
                   : QStringLiteral("\u201c%1\u201d")
                         .arg(pieceText(piece).replace(QLatin1Char('\n'), QStringLiteral("\u21b5")));
    };
    m_title->setText(shownPiece(token.id));
    const QByteArray bytes = m_trace.piece(token.id);
    QStringList facts{tr("Token %1, id %2").arg(QLocale().toString(m_token + 1)).arg(token.id)};
    if (std::isfinite(token.logProbability))
        facts << tr("rank %1").arg(QLocale().toString(token.rank + 1))
              << tr("log-probability %1").arg(QLocale().toString(token.logProbability, 'f', 3));
    facts << tr("entropy %1 nats").arg(QLocale().toString(token.entropyNats, 'f', 2));
    if (!bytes.isEmpty())
        facts << tr("bytes %1").arg(QString::fromLatin1(bytes.toHex(' ').toUpper()));
    if (token.forced)
        facts << tr("chosen by you");
    m_facts->setText(facts.join(QStringLiteral(" \u00b7 ")));

    const std::vector<TokenAlternative> alternatives =
        m_options ? resampled(token.alternatives, *m_options) : token.alternatives;
    const int limit = m_kind == Kind::Popover && !m_pinned ? kPopoverRows : kMostRows;
    for (const TokenAlternative& other : alternatives) {
        const bool written = other.id == token.id;
        if (m_list->topLevelItemCount() >= limit && !written)
            continue;
        const double share = std::exp(static_cast<double>(other.logProbability));
        QString stage = stageText(other.removedBy);
        if (other.removedBy == SamplerStage::Kept)
            stage = tr("drawn with %1").arg(percentText(static_cast<double>(other.drawProbability)));
        if (other.penalized)
            stage += tr(", penalised as a repetition");
        auto* item = new QTreeWidgetItem(
            {written ? tr("%1 (written)").arg(shownPiece(other.id)) : shownPiece(other.id), QString(),
             stage});
        item->setData(0, kIdRole, other.id);
        item->setData(1, kShareRole, share);
        item->setData(1, kRemovedRole, other.removedBy != SamplerStage::Kept);
        item->setData(1, Qt::AccessibleTextRole, percentText(share));
        if (written) {
            QFont bold = m_list->font();
            bold.setWeight(QFont::DemiBold);
            item->setFont(0, bold);
        }
        m_list->addTopLevelItem(item);
        if (written)
            m_list->setCurrentItem(item);
    }
    const int width = std::max(m_list->viewport()->width(), 240);
    m_list->setColumnWidth(0, width * 30 / 100);
    m_list->setColumnWidth(1, width * 34 / 100);
    m_note->setText(m_options
                        ? tr("Worked out again for the present settings; the repetition penalty is as it "
                             "was when the token was written.")
                        : tr("The model's own probabilities; what the sampler did is at the right."));
    m_note->setVisible(m_kind == Kind::Panel || m_pinned);
}

TokenId TokenDetails::chosenAlternative() const
{
    const QTreeWidgetItem* item = m_list->currentItem();
    return item ? static_cast<TokenId>(item->data(0, kIdRole).toInt()) : m_written;
}

void TokenDetails::chooseAlternative(TokenId id)
{
    for (int row = 0; row < m_list->topLevelItemCount(); ++row) {
        if (m_list->topLevelItem(row)->data(0, kIdRole).toInt() == id)
            m_list->setCurrentItem(m_list->topLevelItem(row));
    }
}

void TokenDetails::moveAlternative(int step)
{
    const int count = m_list->topLevelItemCount();
    if (count == 0)
        return;
    const int row = std::clamp(m_list->indexOfTopLevelItem(m_list->currentItem()) + step, 0, count - 1);
    m_list->setCurrentItem(m_list->topLevelItem(row));
}

void TokenDetails::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Escape && m_kind == Kind::Popover)
        emit closeRequested();
    else
        QFrame::keyPressEvent(event);
}

bool TokenDetails::eventFilter(QObject* watched, QEvent* event)
{
    if (watched == m_list && event->type() == QEvent::KeyPress) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        if ((key == Qt::Key_Return || key == Qt::Key_Enter) && m_continue->isEnabled()) {
            emit continueRequested(m_token, chosenAlternative(), true);
            return true;
        }
        if (key == Qt::Key_Escape && m_kind == Kind::Popover) {
            emit closeRequested();
            return true;
        }
    }
    if (watched == m_list && event->type() == QEvent::ShortcutOverride && m_kind == Kind::Popover &&
        static_cast<QKeyEvent*>(event)->key() == Qt::Key_Escape) {
        event->accept();
        return true;
    }
    return QFrame::eventFilter(watched, event);
}

} // namespace mmfree::gui
