#include "widgets/explore/state_view.h"

#include "widgets/explore/matrix_panel.h"
#include "widgets/explore/state_panels.h"
#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_view.h"

#include <QCheckBox>
#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QMessageBox>
#include <QSignalBlocker>
#include <QSlider>
#include <QSplitter>
#include <QTabWidget>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr int kPlayMilliseconds = 250;
constexpr int kWrittenTokens = 48;

// One value of a quantity at (token, channel). `contribution` [channels]: product of later gates, for
// Contribution.
std::vector<float> quantityValues(const Capture& capture, std::int64_t layer, StateQuantity quantity,
                                  std::int64_t target)
{
    const auto values = [&](Quantity what) -> const std::vector<float>& {
        return capture.trace.entries.at({layer, what}).values;
    };
    switch (quantity) {
    case StateQuantity::Hidden:
        return values(Quantity::HiddenState);
    case StateQuantity::ForgetGate:
        return values(Quantity::ForgetGate);
    case StateQuantity::Candidate:
        return values(Quantity::Candidate);
    case StateQuantity::OutputGate:
        return values(Quantity::OutputGate);
    case StateQuantity::Change: {
        const TracedQuantity& hidden = capture.trace.entries.at({layer, Quantity::HiddenState});
        std::vector<float> result = hidden.values;
        for (std::size_t i = result.size(); i-- > static_cast<std::size_t>(hidden.width);)
            result[i] -= hidden.values[i - static_cast<std::size_t>(hidden.width)];
        return result;
    }
    case StateQuantity::Contribution:
        break;
    }
    // What each token left in the state at `target`.
    const GateTrace gates = gatesOf(capture, layer);
    const auto width = static_cast<std::size_t>(gates.channels);
    std::vector<float> result(static_cast<std::size_t>(gates.tokens) * width);
    std::vector<double> kept(width, 1.0);
    for (std::int64_t s = std::min(target, gates.tokens - 1); s >= 0; --s) {
        for (std::size_t channel = 0; channel < width; ++channel) {
            const std::size_t place = static_cast<std::size_t>(s) * width + channel;
            result[place] = static_cast<float>(kept[channel] * gates.candidate[place]);
            kept[channel] *= gates.forget[place];
        }
    }
    return result;
}

} // namespace

StateView::StateView(ExplorerSession* session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_matrix(new MatrixPanel(tr("State")))
    , m_lines(new PlotView(tr("Gates of a channel")))
    , m_layer(new QComboBox)
    , m_quantity(new QComboBox)
    , m_sort(new QComboBox)
    , m_which(new QComboBox)
    , m_head(new QComboBox)
    , m_perRow(new QCheckBox(tr("Scale per row")))
    , m_scrub(new QSlider(Qt::Horizontal))
    , m_play(new QToolButton)
    , m_write(new QToolButton)
    , m_caption(new QLabel)
    , m_side(new QTabWidget)
    , m_hold(new HoldPanel(session))
    , m_halfLife(new HalfLifePanel(session))
    , m_match(new MatchPanel(session))
    , m_twin(new TwinPanel(session))
    , m_player(new QTimer(this))
{
    m_layer->setAccessibleName(tr("Layer"));
    m_quantity->setAccessibleName(tr("Quantity"));
    m_quantity->addItems({tr("State h"), tr("Forget gate f"), tr("Candidate c"), tr("Output gate"),
                          tr("Change of h"), tr("Left at the picked token")});
    m_sort->setAccessibleName(tr("Order of channels"));
    m_sort->addItems({tr("By index"), tr("By half-life"), tr("By change"), tr("By cluster")});
    m_sort->setCurrentIndex(1);
    m_which->setAccessibleName(tr("Text or checkpoint"));
    m_which->addItems({tr("A"), tr("B"), tr("A \u2212 B")});
    m_head->setAccessibleName(tr("Attention head"));
    m_play->setText(tr("Play"));
    m_play->setCheckable(true);
    m_play->setToolTip(tr("Walk through the tokens"));
    m_write->setText(tr("Write on"));
    m_write->setToolTip(
        tr("Let the model write %1 tokens more and follow its state live").arg(kWrittenTokens));
    m_scrub->setAccessibleName(tr("Token"));
    setTextRole(m_caption, TextRole::SmallMuted);
    m_caption->setWordWrap(true);
    m_matrix->view()->setSquareCells(false);
    m_matrix->view()->setEmptyText(tr("The text is being read\u2026"));

    QHBoxLayout* tools = m_matrix->tools();
    const std::pair<QComboBox*, int> widths[] = {
        {m_layer, 88}, {m_quantity, 104}, {m_sort, 116}, {m_which, 76}, {m_head, 96}};
    for (const auto& [box, width] : widths) { // not as wide as their longest text
        box->setMinimumWidth(width);
        box->setMaximumWidth(width + 72);
    }
    int place = 0;
    for (QWidget* widget : std::initializer_list<QWidget*>{m_layer, m_quantity, m_head, m_sort, m_which})
        tools->insertWidget(place++, widget);
    auto* scrub = new QHBoxLayout;
    scrub->setSpacing(kGrid);
    scrub->addWidget(m_play);
    scrub->addWidget(m_scrub, 1);
    scrub->addWidget(m_write);
    scrub->addWidget(m_perRow);
    auto* left = new QWidget;
    auto* leftLayout = new QVBoxLayout(left);
    leftLayout->setContentsMargins(2 * kGrid, kGrid, kGrid, kGrid);
    leftLayout->setSpacing(kGrid);
    auto* vertical = new QSplitter(Qt::Vertical);
    vertical->addWidget(m_matrix);
    vertical->addWidget(m_lines);
    vertical->setStretchFactor(0, 3);
    vertical->setStretchFactor(1, 1);
    m_lines->setMinimumHeight(120);
    leftLayout->addWidget(vertical, 1);
    leftLayout->addLayout(scrub);
    leftLayout->addWidget(m_caption);
    m_side->setDocumentMode(true);
    m_side->addTab(m_hold, tr("Hold map"));
    m_side->addTab(m_halfLife, tr("Half-life"));
    m_side->addTab(m_match, tr("Match"));
    m_side->addTab(m_twin, tr("A and B"));
    auto* splitter = new QSplitter(Qt::Horizontal);
    splitter->addWidget(left);
    splitter->addWidget(m_side);
    splitter->setStretchFactor(0, 3);
    splitter->setStretchFactor(1, 2);
    splitter->setChildrenCollapsible(false);
    m_side->setMinimumWidth(300);
    splitter->setSizes({620, 420});
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(splitter);

    m_matrix->view()->setReadout([this](qint64 row, qint64 col) {
        const QLocale locale;
        const double value = m_matrix->view()->data()->at(row, col);
        if (!m_session->config().isTernary())
            return tr("\u201c%1\u201d looks at \u201c%2\u201d: %3 %")
                .arg(tokenWord(*m_session, static_cast<int>(row)),
                     tokenWord(*m_session, static_cast<int>(col)), locale.toString(100.0 * value, 'f', 1));
        return tr("channel %1 at \u201c%2\u201d: %3")
            .arg(locale.toString(static_cast<qint64>(m_order[static_cast<std::size_t>(row)])),
                 tokenWord(*m_session, static_cast<int>(col)), locale.toString(value, 'g', 4));
    });
    const auto renew = [this] {
        m_stale = true;
        if (isVisible())
            demand();
    };
    connect(m_session, &ExplorerSession::modelChanged, this, [this] {
        m_only.clear();
        m_large = false;
        m_matrix->setData(nullptr);
        showModel();
    });
    connect(m_session, &ExplorerSession::tokensChanged, this, [this, renew] {
        const QSignalBlocker blocker(m_scrub);
        m_scrub->setRange(0, std::max(0, static_cast<int>(m_session->tokens().size()) - 1));
        renew();
    });
    connect(m_session, &ExplorerSession::captureChanged, this, [this, renew] { renew(); });
    connect(m_session, &ExplorerSession::layerPicked, this, [this, renew](int layer) {
        const QSignalBlocker blocker(m_layer);
        m_layer->setCurrentIndex(layer);
        m_only.clear();
        renew();
    });
    connect(m_session, &ExplorerSession::tokenPicked, this, [this, renew](int token) {
        const QSignalBlocker blocker(m_scrub);
        m_scrub->setValue(token);
        m_matrix->view()->setMarkedColumn(m_session->isOpen() && m_session->config().isTernary() ? token
                                                                                                 : -1);
        m_matrix->view()->setMarkedRow(m_session->isOpen() && !m_session->config().isTernary() ? token : -1);
        if (!isVisible())
            return;
        if (m_side->currentWidget() == m_hold && m_session->isOpen() && m_session->config().isTernary())
            m_hold->refresh();
        if (m_quantity->currentIndex() == static_cast<int>(StateQuantity::Contribution))
            renew();
    });
    connect(m_session, &ExplorerSession::rangePicked, this, [this] {
        if (isVisible() && m_side->currentWidget() == m_match)
            m_match->refresh();
    });
    connect(m_session, &ExplorerSession::captureRefused, this, [this](quint64 bytes) {
        if (!isVisible())
            return;
        m_caption->setText(
            tr("This capture takes %1.").arg(QLocale().formattedDataSize(static_cast<qint64>(bytes))));
        const auto answer =
            QMessageBox::question(this, tr("A large capture"),
                                  tr("Reading this text takes %1 of memory for what is shown. Go on?")
                                      .arg(QLocale().formattedDataSize(static_cast<qint64>(bytes))));
        if (answer == QMessageBox::Yes) {
            m_large = true;
            demand();
        }
    });
    for (QComboBox* box : {m_quantity, m_sort, m_which, m_head})
        connect(box, &QComboBox::currentIndexChanged, this, renew);
    connect(m_perRow, &QCheckBox::toggled, this, renew);
    connect(m_layer, &QComboBox::currentIndexChanged, m_session, &ExplorerSession::pickLayer);
    connect(m_side, &QTabWidget::currentChanged, this, [this] {
        m_session->showTokenValues({}, {}, 1.0f);
        demand();
    });
    connect(m_scrub, &QSlider::valueChanged, m_session, &ExplorerSession::pickToken);
    connect(m_play, &QToolButton::toggled, this,
            [this](bool on) { on ? m_player->start(kPlayMilliseconds) : m_player->stop(); });
    connect(m_player, &QTimer::timeout, this, [this] {
        const int last = static_cast<int>(m_session->tokens().size()) - 1;
        if (m_session->token() >= last)
            m_play->setChecked(false);
        else
            m_session->pickToken(m_session->token() + 1);
    });
    connect(m_write, &QToolButton::clicked, this,
            [this] { m_session->writeOn(kWrittenTokens, neededPoints()); });
    connect(m_matrix->view(), &HeatmapView::cursorMoved, this, [this](qint64 row, qint64 col) {
        showChannel(row);
        if (m_session->config().isTernary())
            m_session->pickToken(static_cast<int>(col));
        m_matrix->setLine(m_matrix->view()->readout(m_matrix->view()->cursorCell()));
    });
    connect(m_matrix->view(), &HeatmapView::hovered, this, [this](qint64 row, qint64) {
        if (row >= 0)
            showChannel(row);
    });
    connect(m_halfLife, &HalfLifePanel::channelsChosen, this, &StateView::showOnly);
    connect(m_match, &MatchPanel::channelsChosen, this, &StateView::showOnly);
    connect(m_twin, &TwinPanel::changed, this, [this, renew] { renew(); });
    connect(m_matrix, &MatrixPanel::problem, this, &StateView::problem);
}

void StateView::setQuantity(StateQuantity quantity)
{
    m_quantity->setCurrentIndex(static_cast<int>(quantity));
}

bool StateView::showPanel(const QString& name)
{
    const qsizetype index = QStringList{QStringLiteral("hold"), QStringLiteral("halflife"),
                                        QStringLiteral("match"), QStringLiteral("twin")}
                                .indexOf(name);
    if (index >= 0)
        m_side->setCurrentIndex(static_cast<int>(index));
    return index >= 0;
}

void StateView::showModel()
{
    const QSignalBlocker blocker(m_layer), headBlocker(m_head);
    m_layer->clear();
    for (std::int64_t layer = 0; layer < m_session->config().layerCount; ++layer)
        m_layer->addItem(tr("Layer %1").arg(layer));
    m_layer->setCurrentIndex(m_session->layer());
    const bool ternary = m_session->config().isTernary();
    for (QWidget* widget :
         std::initializer_list<QWidget*>{m_quantity, m_sort, m_which, m_perRow, m_side, m_lines, m_write})
        widget->setVisible(ternary);
    m_head->setVisible(!ternary);
    m_head->clear();
    m_head->addItem(tr("Mean of heads"));
    for (std::int64_t head = 0; !ternary && head < m_session->config().headCount; ++head)
        m_head->addItem(tr("Head %1").arg(head));
    m_matrix->view()->setSquareCells(!ternary);
    m_stale = true;
}

void StateView::showEvent(QShowEvent*)
{
    demand();
}

void StateView::hideEvent(QHideEvent*)
{
    m_play->setChecked(false);
    m_session->showTokenValues({}, {}, 1.0f);
}

std::vector<TracePoint> StateView::neededPoints() const
{
    const int layer = m_session->layer();
    if (!m_session->config().isTernary())
        return {{layer, Quantity::AttentionWeights}};
    std::vector<TracePoint> points{
        {layer, Quantity::HiddenState}, {layer, Quantity::ForgetGate}, {layer, Quantity::Candidate}};
    if (m_quantity->currentIndex() == static_cast<int>(StateQuantity::OutputGate))
        points.emplace_back(layer, Quantity::OutputGate);
    if (m_side->currentWidget() == m_halfLife) { // the strip shows every layer
        for (std::int64_t other = 0; other < m_session->config().layerCount; ++other) {
            if (other != layer)
                points.emplace_back(other, Quantity::ForgetGate);
        }
    }
    return points;
}

void StateView::demand()
{
    if (!m_session->isOpen() || m_session->tokens().empty())
        return;
    const std::vector<TracePoint> points = neededPoints();
    const bool ternary = m_session->config().isTernary();
    if (!ternary && m_session->tokens().size() > 512) {
        m_matrix->setData(nullptr);
        m_matrix->view()->setEmptyText(
            tr("Attention maps are captured for up to 512 tokens; this text has %1.")
                .arg(QLocale().toString(static_cast<qlonglong>(m_session->tokens().size()))));
        m_stale = false;
        return;
    }
    if (!m_session->has(points)) {
        m_session->request(points, m_large);
        return;
    }
    if (ternary && m_which->currentIndex() > 0)
        m_twin->demand(points);
    if (m_stale)
        ternary ? rebuild() : rebuildAttention();
    if (!ternary)
        return;
    if (m_side->currentWidget() == m_hold)
        m_hold->refresh();
    else if (m_side->currentWidget() == m_halfLife)
        m_halfLife->refresh();
    else if (m_side->currentWidget() == m_match)
        m_match->refresh();
}

void StateView::rebuild()
{
    m_stale = false;
    m_session->cancelCompute(m_job);
    const int layer = m_session->layer(), target = m_session->token();
    const auto quantity = static_cast<StateQuantity>(m_quantity->currentIndex());
    const auto order = static_cast<ChannelOrder>(m_sort->currentIndex());
    const int which = m_which->currentIndex();
    const SharedCapture a = m_session->captured(), b = m_twin->captured();
    if (which > 0 && !b) {
        m_job = 0;
        m_matrix->setData(nullptr);
        m_matrix->view()->setEmptyText(tr("There is no B yet: see \u201c"
                                          "A and B\u201d at the right."));
        return;
    }
    m_job = m_session->compute([this, a, b, which, layer, target, quantity, order, only = m_only,
                                perRow = m_perRow->isChecked()](const JobControl&) -> std::function<void()> {
        const TracedQuantity& hidden = a->trace.entries.at({layer, Quantity::HiddenState});
        std::vector<std::int64_t> channels = orderChannels(gatesOf(*a, layer), hidden.values, order);
        if (!only.empty())
            std::erase_if(channels, [&](std::int64_t channel) {
                return !std::binary_search(only.begin(), only.end(), static_cast<std::int32_t>(channel));
            });
        const std::vector<float> valuesA =
            which == 1 ? std::vector<float>() : quantityValues(*a, layer, quantity, target);
        const std::vector<float> valuesB =
            which == 0 ? std::vector<float>() : quantityValues(*b, layer, quantity, target);
        const auto width = static_cast<std::size_t>(hidden.width);
        const std::size_t tokens = which == 0   ? valuesA.size() / width
                                   : which == 1 ? valuesB.size() / width
                                                : std::min(valuesA.size(), valuesB.size()) / width;
        std::vector<float> values(channels.size() * tokens);
        for (std::size_t row = 0; row < channels.size(); ++row) {
            float greatest = 1e-9f;
            for (std::size_t t = 0; t < tokens; ++t) {
                const std::size_t place = t * width + static_cast<std::size_t>(channels[row]);
                const float value = which == 0   ? valuesA[place]
                                    : which == 1 ? valuesB[place]
                                                 : valuesA[place] - valuesB[place];
                values[row * tokens + t] = value;
                greatest = std::max(greatest, std::fabs(value));
            }
            for (std::size_t t = 0; perRow && t < tokens; ++t)
                values[row * tokens + t] /= greatest;
        }
        const bool gate = quantity == StateQuantity::ForgetGate && which != 2;
        const HeatmapRange range = perRow ? HeatmapRange{gate ? 0.0f : -1.0f, 1.0f}
                                   : gate ? HeatmapRange{0.0f, 1.0f}
                                          : robustDivergingRange(values);
        auto shown = std::make_shared<const MatrixData>(
            gate ? HeatmapKind::Sequential : HeatmapKind::Diverging, static_cast<qint64>(channels.size()),
            static_cast<qint64>(tokens), std::move(values), range);
        return [this, shown, channels] {
            m_job = 0;
            takeMatrix(shown, channels);
        };
    });
}

// [tokens, heads * context] rows of each head's softmax.
void StateView::rebuildAttention()
{
    m_stale = false;
    const TracedQuantity& maps = *m_session->traced(m_session->layer(), Quantity::AttentionWeights);
    const auto tokens = maps.tokens, heads = m_session->config().headCount;
    const int chosen = m_head->currentIndex() - 1; // -1: mean
    std::vector<float> values(static_cast<std::size_t>(tokens * tokens));
    for (std::int64_t t = 0; t < tokens; ++t) {
        for (std::int64_t head = 0; head < heads; ++head) {
            if (chosen >= 0 && head != chosen)
                continue;
            for (std::int64_t s = 0; s < tokens; ++s)
                values[static_cast<std::size_t>(t * tokens + s)] +=
                    maps.values[static_cast<std::size_t>(t * maps.width + head * tokens + s)] /
                    (chosen >= 0 ? 1.0f : static_cast<float>(heads));
        }
    }
    m_matrix->setData(std::make_shared<MatrixData>(HeatmapKind::Sequential, tokens, tokens, std::move(values),
                                                   HeatmapRange{0.0f, 1.0f}));
    HeatmapFrame frame;
    frame.rowLabel = frame.colLabel = [this](qint64 i) { return tokenWord(*m_session, static_cast<int>(i)); };
    frame.rowHeaderWidth = 88;
    frame.colHeaderHeight = 72;
    frame.legendTitle = tr("attention");
    m_matrix->setFrame(frame);
    m_matrix->view()->setMarkedRow(m_session->token());
    m_caption->setText(tr("A dense model has no recurrent state: it looks at all earlier tokens again. Rows "
                          "are tokens, columns the "
                          "tokens they look at; a row sums to 1. Its cache grows with the text."));
}

void StateView::takeMatrix(std::shared_ptr<const HeatmapData> shown, std::vector<std::int64_t> order)
{
    m_order = std::move(order);
    m_matrix->setData(std::move(shown));
    HeatmapFrame frame;
    frame.rowLabel = [this](qint64 row) {
        return QLocale().toString(static_cast<qint64>(m_order[static_cast<std::size_t>(row)]));
    };
    const bool other = m_which->currentIndex() == 1;
    frame.colLabel = [this, other, b = m_twin->captured()](qint64 col) {
        if (other && b)
            return m_session->tokenText(b->tokens[static_cast<std::size_t>(col)]).trimmed();
        return tokenWord(*m_session, static_cast<int>(col));
    };
    frame.rowHeaderWidth = 44;
    frame.colHeaderHeight = 64;
    frame.legendTitle = m_quantity->currentText();
    m_matrix->setFrame(frame);
    m_matrix->setFileName(tr("layer %1 %2").arg(m_session->layer()).arg(m_quantity->currentText()));
    m_matrix->view()->setMarkedColumn(m_session->token());
    QString text = m_only.empty()
                       ? tr("Channels are rows, tokens columns.")
                       : tr("%n channels: %1.", nullptr, static_cast<int>(m_only.size())).arg(m_onlyText) +
                             QStringLiteral(" <a href=\"all\">") + tr("Show all") + QStringLiteral("</a>");
    disconnect(m_caption, &QLabel::linkActivated, this, nullptr);
    connect(m_caption, &QLabel::linkActivated, this, [this] { showOnly({}, {}); });
    m_caption->setText(text);
    if (!m_order.empty() && !m_matrix->view()->cursorCell().isValid())
        showChannel(0);
}

void StateView::showOnly(const std::vector<std::int32_t>& channels, const QString& what)
{
    m_only = channels;
    std::sort(m_only.begin(), m_only.end());
    m_onlyText = what;
    m_stale = true;
    demand();
}

// f, h and c of the row's channel over the tokens.
void StateView::showChannel(qint64 row)
{
    if (!m_session->config().isTernary() || row < 0 || row >= static_cast<qint64>(m_order.size()))
        return;
    const std::int64_t channel = m_order[static_cast<std::size_t>(row)];
    QList<PlotSeries> series;
    const std::pair<Quantity, QString> what[] = {{Quantity::HiddenState, tr("state h")},
                                                 {Quantity::ForgetGate, tr("forget gate f")},
                                                 {Quantity::Candidate, tr("candidate c")}};
    for (const auto& [quantity, name] : what) {
        const TracedQuantity* traced = m_session->traced(m_session->layer(), quantity);
        if (!traced)
            return;
        PlotSeries line;
        line.name = name;
        for (std::int64_t t = 0; t < traced->tokens; ++t) {
            line.x.push_back(static_cast<double>(t));
            line.y.push_back(traced->values[static_cast<std::size_t>(t * traced->width + channel)]);
        }
        series.append(line);
    }
    m_lines->setTitle(tr("Channel %1 of layer %2").arg(channel).arg(m_session->layer()));
    m_lines->setXAxis({.title = tr("Token")});
    m_lines->setSeries(series);
}

bool StateView::isSettled() const
{
    if (!m_session->isOpen() || m_session->tokens().empty())
        return true;
    return !m_session->isCapturing() && m_job == 0 && !m_stale && m_matrix->view()->isSettled() &&
           m_hold->isSettled() && m_twin->isSettled() && m_match->isSettled();
}

} // namespace mmfree::gui
