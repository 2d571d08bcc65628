#include "widgets/explore/state_panels.h"

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "widgets/explore/matrix_panel.h"
#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_view.h"

#include <QCheckBox>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QTableWidget>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

QVBoxLayout* panelLayout(QWidget* panel)
{
    auto* layout = new QVBoxLayout(panel);
    layout->setContentsMargins(kGrid, kGrid, kGrid, kGrid);
    layout->setSpacing(kGrid);
    return layout;
}

QLabel* captionLabel()
{
    auto* label = new QLabel;
    setTextRole(label, TextRole::SmallMuted);
    label->setWordWrap(true);
    return label;
}

QDoubleSpinBox* thresholdBox(double value)
{
    auto* box = new QDoubleSpinBox;
    box->setRange(0.0, 100.0);
    box->setDecimals(3);
    box->setSingleStep(0.05);
    box->setValue(value);
    box->setAccessibleName(QObject::tr("Threshold"));
    return box;
}

QString percentText(double share)
{
    return QLocale().toString(100.0 * share, 'f', 1);
}

} // namespace

QString tokenWord(const ExplorerSession& session, int index)
{
    if (index < 0 || index >= static_cast<int>(session.tokens().size()))
        return {};
    QString word = session.tokenText(session.tokens()[static_cast<std::size_t>(index)]);
    word.replace(QLatin1Char('\n'), QStringLiteral("\u21b5"));
    return word.trimmed().isEmpty() ? QStringLiteral("\u2423") : word.trimmed();
}

// ---- hold map ----

HoldPanel::HoldPanel(ExplorerSession* session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_activeOnly(new QCheckBox(tr("Only channels with |h| at least")))
    , m_threshold(thresholdBox(0.1))
    , m_caption(captionLabel())
    , m_matrix(new MatrixPanel(tr("Hold map")))
{
    m_matrix->view()->setSquareCells(true);
    m_matrix->view()->setEmptyText(
        tr("Shares of earlier tokens in the state appear when the text has been read."));
    QVBoxLayout* layout = panelLayout(this);
    auto* row = new QHBoxLayout;
    row->addWidget(m_activeOnly);
    row->addWidget(m_threshold);
    row->addStretch(1);
    layout->addLayout(row);
    layout->addWidget(m_caption);
    layout->addWidget(m_matrix, 1);
    connect(m_activeOnly, &QCheckBox::toggled, this, &HoldPanel::refresh);
    connect(m_threshold, &QDoubleSpinBox::valueChanged, this, &HoldPanel::refresh);
    m_matrix->view()->setReadout([this](qint64 target, qint64 source) {
        return tr("\u201c%1\u201d keeps %2 % of layer %3\u2019s state at \u201c%4\u201d")
            .arg(tokenWord(*m_session, static_cast<int>(source)),
                 percentText(static_cast<double>(m_matrix->view()->data()->at(target, source))),
                 QLocale().toString(m_session->layer()), tokenWord(*m_session, static_cast<int>(target)));
    });
    connect(m_matrix->view(), &HeatmapView::cellClicked, this,
            [this](qint64 target, qint64) { m_session->pickToken(static_cast<int>(target)); });
}

void HoldPanel::refresh()
{
    const int layer = m_session->layer(), token = m_session->token();
    const SharedCapture capture = m_session->captured();
    const bool ready = capture && m_session->traced(layer, Quantity::ForgetGate) &&
                       m_session->traced(layer, Quantity::Candidate) &&
                       token < static_cast<int>(capture->tokens.size());
    m_shares.clear();
    if (!ready || token < 0) {
        m_caption->setText(tr("Pick a token in the strip."));
        return;
    }
    std::vector<std::int32_t> channels;
    const TracedQuantity* hidden = m_session->traced(layer, Quantity::HiddenState);
    if (m_activeOnly->isChecked() && hidden) {
        for (std::int64_t channel = 0; channel < hidden->width; ++channel) {
            if (std::fabs(hidden->values[static_cast<std::size_t>(token * hidden->width + channel)]) >=
                static_cast<float>(m_threshold->value()))
                channels.push_back(static_cast<std::int32_t>(channel));
        }
    }
    const bool nothing = m_activeOnly->isChecked() && channels.empty();
    const GateTrace gates = gatesOf(*capture, layer);
    if (!nothing)
        m_shares = holdShares(gates, token, channels);
    std::vector<float> values(m_session->tokens().size(), std::nanf(""));
    QStringList notes(static_cast<qsizetype>(values.size()));
    float high = 0.0f;
    for (int s = 0; s <= token && !nothing; ++s) {
        values[static_cast<std::size_t>(s)] = static_cast<float>(m_shares[static_cast<std::size_t>(s) + 1]);
        high = std::max(high, values[static_cast<std::size_t>(s)]);
        notes[s] = tr("keeps %1 % of layer %2\u2019s state at \u201c%3\u201d")
                       .arg(percentText(m_shares[static_cast<std::size_t>(s) + 1]), QLocale().toString(layer),
                            tokenWord(*m_session, token));
    }
    m_session->showTokenValues(values, notes, high);
    m_caption->setText(
        nothing ? tr("No channel is active at \u201c%1\u201d with this threshold.")
                      .arg(tokenWord(*m_session, token))
                : tr("The strip shows how much of layer %1\u2019s state at \u201c%2\u201d stems from each "
                     "earlier token, "
                     "over %3 channels. Exact within the layer: what a token brought there from layers below "
                     "is not "
                     "traced further.")
                      .arg(QLocale().toString(layer), tokenWord(*m_session, token),
                           QLocale().toString(channels.empty() ? static_cast<int>(gates.channels)
                                                               : static_cast<int>(channels.size()))));
    m_matrix->view()->setMarkedRow(token);
    if (m_mapOf != capture || m_mapLayer != layer || m_mapChannels != channels) {
        m_mapChannels = channels;
        rebuildMatrix();
    }
}

void HoldPanel::rebuildMatrix()
{
    m_session->cancelCompute(m_job);
    m_job = 0;
    const SharedCapture capture = m_session->captured();
    const int layer = m_session->layer();
    m_mapOf = capture;
    m_mapLayer = layer;
    const auto tokens = static_cast<qint64>(capture->tokens.size());
    if (tokens > kMostTokens) {
        m_matrix->setData(nullptr);
        m_matrix->view()->setEmptyText(
            tr("The matrix is made for up to %1 tokens; this text has %2. The strip works for any length.")
                .arg(QLocale().toString(kMostTokens), QLocale().toString(tokens)));
        return;
    }
    m_job = m_session->compute([this, capture, layer, tokens, channels = m_mapChannels](
                                   const JobControl& control) -> std::function<void()> {
        const auto map =
            std::make_shared<std::vector<float>>(holdMap(gatesOf(*capture, layer), channels, control.stop));
        return [this, map, tokens] {
            m_job = 0;
            if (map->empty())
                return;
            float high = 1e-3f; // the diagonal is near 1 everywhere; colours are for what is kept
            for (qint64 t = 1; t < tokens; ++t) {
                for (qint64 s = 0; s < t; ++s)
                    high = std::max(high, (*map)[static_cast<std::size_t>(t * tokens + s)]);
            }
            m_matrix->setData(std::make_shared<MatrixData>(HeatmapKind::Sequential, tokens, tokens, *map,
                                                           HeatmapRange{0.0f, high}));
            HeatmapFrame frame;
            frame.rowLabel =
                frame.colLabel = [this](qint64 i) { return tokenWord(*m_session, static_cast<int>(i)); };
            frame.rowHeaderWidth = 72;
            frame.colHeaderHeight = 60;
            frame.legendTitle = tr("share of the state");
            m_matrix->setFrame(frame);
            m_matrix->view()->setMarkedRow(m_session->token());
        };
    });
}

// ---- half-lives ----

namespace
{
constexpr double kShortest = -4.0; // log2 of the first bin's edge, tokens
}

HalfLifePanel::HalfLifePanel(ExplorerSession* session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_strip(new MatrixPanel(tr("Half-lives by layer")))
    , m_plot(new PlotView(tr("Half-lives of the layer")))
    , m_caption(captionLabel())
{
    m_strip->view()->setSquareCells(false);
    m_plot->setMode(PlotMode::Bars);
    m_plot->setYAxis(
        {.title = tr("Channels"), .unit = {}, .scale = PlotScale::Linear, .labels = {}, .fromZero = true});
    QVBoxLayout* layout = panelLayout(this);
    layout->addWidget(m_caption);
    layout->addWidget(m_strip, 1);
    layout->addWidget(m_plot, 1);
    m_strip->view()->setReadout([this](qint64 layer, qint64 bin) {
        const QLocale locale;
        return tr("layer %1: %2 channels with half-lives from %3 to %4 tokens")
            .arg(locale.toString(layer),
                 locale.toString(static_cast<qint64>(m_strip->view()->data()->at(layer, bin))),
                 locale.toString(edgeOf(static_cast<int>(bin)), 'g', 3),
                 locale.toString(edgeOf(static_cast<int>(bin) + 1), 'g', 3));
    });
    connect(m_strip->view(), &HeatmapView::cellClicked, this,
            [this](qint64 layer, qint64) { m_session->pickLayer(static_cast<int>(layer)); });
    connect(m_plot, &PlotView::pointActivated, this, [this](double x) {
        const int layer = m_session->layer();
        if (!m_session->traced(layer, Quantity::ForgetGate) || !m_session->traced(layer, Quantity::Candidate))
            return;
        const int bin = std::clamp(static_cast<int>(std::floor((x - kShortest) * 2.0 + 1e-6)), 0, kBins - 1);
        std::vector<std::int32_t> channels;
        const std::vector<float> gates = meanForgetGate(gatesOf(*m_session->captured(), layer));
        for (std::size_t channel = 0; channel < gates.size(); ++channel) {
            if (binOf(mmfree::halfLife(gates[channel])) == bin)
                channels.push_back(static_cast<std::int32_t>(channel));
        }
        const QLocale locale;
        emit channelsChosen(channels, tr("half-life %1 to %2 tokens")
                                          .arg(locale.toString(edgeOf(bin), 'g', 3),
                                               locale.toString(edgeOf(bin + 1), 'g', 3)));
    });
}

int HalfLifePanel::binOf(double halfLife)
{
    if (!(halfLife > 0.0))
        return 0;
    if (std::isinf(halfLife))
        return kBins - 1;
    return std::clamp(static_cast<int>(std::floor((std::log2(halfLife) - kShortest) * 2.0)), 0, kBins - 1);
}

double HalfLifePanel::edgeOf(int bin)
{
    return bin == 0 ? 0.0 : std::exp2(kShortest + bin / 2.0);
}

void HalfLifePanel::refresh()
{
    if (!m_session->captured())
        return;
    const ModelConfig& config = m_session->config();
    if (m_boundsOf != m_session->source().get()) {
        m_bounds = forgetGateBounds(*m_session->source());
        m_boundsOf = m_session->source().get();
    }
    const auto layers = static_cast<qint64>(config.layerCount);
    const auto width = static_cast<std::size_t>(config.hiddenSize);
    std::vector<float> strip(static_cast<std::size_t>(layers * kBins), std::nanf(""));
    const auto boundLife = [this, width](qint64 layer, double share) { // of the layer's bounds
        std::vector<float> bounds(
            m_bounds.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(layer) * width),
            m_bounds.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(layer + 1) * width));
        const auto place =
            bounds.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(width - 1));
        std::nth_element(bounds.begin(), place, bounds.end());
        return mmfree::halfLife(*place);
    };
    m_counts.assign(kBins, 0);
    float high = 1.0f;
    int measured = 0;
    for (qint64 layer = 0; layer < layers; ++layer) {
        const TracedQuantity* forget = m_session->traced(layer, Quantity::ForgetGate);
        if (!forget)
            continue;
        ++measured;
        const GateTrace gates{.tokens = forget->tokens,
                              .channels = forget->width,
                              .forget = forget->values,
                              .candidate = {},
                              .before = {}};
        for (int bin = 0; bin < kBins; ++bin)
            strip[static_cast<std::size_t>(layer * kBins + bin)] = 0.0f;
        for (const float gate : meanForgetGate(gates)) {
            const int bin = binOf(mmfree::halfLife(gate));
            float& count = strip[static_cast<std::size_t>(layer * kBins + bin)];
            high = std::max(high, ++count);
            if (layer == m_session->layer())
                ++m_counts[static_cast<std::size_t>(bin)];
        }
    }
    m_strip->setData(std::make_shared<MatrixData>(HeatmapKind::Sequential, layers, kBins, strip,
                                                  HeatmapRange{0.0f, high}));
    HeatmapFrame frame;
    frame.rowHeaderWidth = 96;
    frame.rowLabel = [boundLife](qint64 layer) {
        return tr("%1 \u00b7 floor %2")
            .arg(QLocale().toString(layer), QLocale().toString(boundLife(layer, 0.5), 'g', 2));
    };
    frame.colLabel = [](qint64 bin) {
        const double edge = edgeOf(static_cast<int>(bin));
        return QLocale().toString(edge, edge < 10.0 ? 'g' : 'f', edge < 10.0 ? 2 : 0);
    };
    frame.legendTitle = tr("channels");
    m_strip->setFrame(frame);
    m_strip->view()->setMarkedRow(m_session->layer());

    PlotSeries bars;
    bars.name = tr("Channels");
    for (int bin = 0; bin < kBins; ++bin) {
        bars.x.push_back(kShortest + bin / 2.0);
        bars.y.push_back(m_counts[static_cast<std::size_t>(bin)]);
    }
    QList<std::pair<double, QString>> labels;
    for (int octave = -4; octave <= 12; octave += 2)
        labels.append({static_cast<double>(octave), QLocale().toString(std::exp2(octave), 'g', 4)});
    m_plot->setTitle(tr("Half-lives in layer %1").arg(m_session->layer()));
    m_plot->setXAxis({.title = tr("log2 of tokens until half is forgotten")});
    m_plot->setSeries({bars});
    QList<PlotMarker> markers;
    const double floor = boundLife(m_session->layer(), 0.5);
    if (floor > 0.0 && std::isfinite(floor))
        markers.append(
            {std::log2(floor), tr("lower bound"),
             tr("Half of the channels cannot forget faster than %1 tokens: their gate's lower bound.")
                 .arg(QLocale().toString(floor, 'g', 3))});
    m_plot->setMarkers(markers);
    m_caption->setText(
        tr("Tokens until half of a channel\u2019s state is forgotten at its mean forget gate over this text. "
           "%1 of %2 layers read. The floor is the half-life at the median lower bound. Enter on a bar shows "
           "its channels.")
            .arg(measured)
            .arg(layers));
}

// ---- brush and match ----

MatchPanel::MatchPanel(ExplorerSession* session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_threshold(thresholdBox(0.2))
    , m_offOutside(new QCheckBox(tr("Off just before and after")))
    , m_caption(captionLabel())
    , m_table(new QTableWidget(0, 3))
    , m_progress(new QProgressBar)
    , m_search(new QPushButton(tr("Find in a text file\u2026")))
    , m_show(new QPushButton(tr("Show these channels")))
{
    m_table->setHorizontalHeaderLabels({tr("On"), tr("Where"), tr("Text")});
    m_table->horizontalHeader()->setStretchLastSection(true);
    m_table->verticalHeader()->hide();
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_table->setAccessibleName(tr("Places where the same channels are on"));
    m_progress->setTextVisible(false);
    m_progress->hide();
    QVBoxLayout* layout = panelLayout(this);
    auto* row = new QHBoxLayout;
    row->addWidget(new QLabel(tr("|h| at least")));
    row->addWidget(m_threshold);
    row->addWidget(m_offOutside);
    row->addStretch(1);
    layout->addLayout(row);
    layout->addWidget(m_caption);
    layout->addWidget(m_table, 1);
    layout->addWidget(m_progress);
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(m_show);
    buttons->addWidget(m_search);
    buttons->addStretch(1);
    layout->addLayout(buttons);
    connect(m_threshold, &QDoubleSpinBox::valueChanged, this, &MatchPanel::refresh);
    connect(m_offOutside, &QCheckBox::toggled, this, &MatchPanel::refresh);
    connect(m_search, &QPushButton::clicked, this, &MatchPanel::chooseFile);
    connect(m_session, &ExplorerSession::busyChanged, this, [this] {
        if (!m_session->isBusy()) { // stopped
            m_job = 0;
            m_progress->hide();
        }
    });
    connect(m_show, &QPushButton::clicked, this,
            [this] { emit channelsChosen(m_channels, tr("on over the brushed tokens")); });
    connect(m_table, &QTableWidget::cellDoubleClicked, this, [this](int line, int) {
        const int token = m_table->item(line, 0)->data(Qt::UserRole).toInt();
        if (token >= 0)
            m_session->pickToken(token);
    });
}

void MatchPanel::setThreshold(double threshold)
{
    m_threshold->setValue(threshold);
}

void MatchPanel::addRow(const QString& place, const QString& text, double on, int token)
{
    const int line = m_table->rowCount();
    m_table->insertRow(line);
    auto* share = new QTableWidgetItem(tr("%1 %").arg(percentText(on)));
    share->setData(Qt::UserRole, token);
    m_table->setItem(line, 0, share);
    m_table->setItem(line, 1, new QTableWidgetItem(place));
    m_table->setItem(line, 2, new QTableWidgetItem(text));
}

void MatchPanel::refresh()
{
    m_channels.clear();
    m_table->setRowCount(0);
    const auto [first, last] = m_session->range();
    const TracedQuantity* hidden = m_session->traced(m_session->layer(), Quantity::HiddenState);
    m_search->setEnabled(false);
    m_show->setEnabled(false);
    if (first < 0 || !hidden || last >= hidden->tokens) {
        m_caption->setText(tr("Brush tokens in the strip: drag over them, or Shift and the arrow keys."));
        return;
    }
    const auto threshold = static_cast<float>(m_threshold->value());
    m_channels = channelsOn(hidden->values, hidden->tokens, hidden->width, first, last, threshold,
                            m_offOutside->isChecked());
    m_caption->setText(tr("%n channels of layer %1 are on from \u201c%2\u201d to \u201c%3\u201d.", nullptr,
                          static_cast<int>(m_channels.size()))
                           .arg(m_session->layer())
                           .arg(tokenWord(*m_session, first), tokenWord(*m_session, last)));
    m_search->setEnabled(!m_channels.empty());
    m_show->setEnabled(!m_channels.empty());
    const std::vector<int> counts =
        countOn(hidden->values, hidden->tokens, hidden->width, m_channels, threshold);
    std::vector<float> values(counts.begin(), counts.end());
    values.resize(m_session->tokens().size());
    QStringList notes;
    for (const int count : counts)
        notes << tr("%1 of %2 brushed channels are on").arg(count).arg(m_channels.size());
    m_session->showTokenValues(values, notes, std::max(1.0f, static_cast<float>(m_channels.size())));
    const auto matches =
        findMatches(counts, static_cast<std::int64_t>(m_channels.size()), last - first + 1, 0.5, 50);
    for (const StateMatch& match : matches) {
        QString words;
        for (std::int64_t t = match.first; t <= match.last; ++t)
            words += m_session->tokenText(m_session->tokens()[static_cast<std::size_t>(t)]);
        addRow(tr("here, token %1").arg(match.first), words.simplified(), match.on,
               static_cast<int>(match.first));
    }
    m_table->resizeColumnToContents(0);
    m_table->resizeColumnToContents(1);
}

void MatchPanel::chooseFile()
{
    const QString path =
        QFileDialog::getOpenFileName(this, tr("Text to search"), {}, tr("Texts (*.txt *.md);;All files (*)"));
    if (!path.isEmpty())
        searchFile(path);
}

// Window by window with a fresh state, as scoring does.
void MatchPanel::searchFile(const QString& path)
{
    const auto [first, last] = m_session->range();
    if (m_channels.empty() || first < 0)
        return;
    refresh(); // the rows of this text first
    m_session->cancel(m_job);
    m_progress->setRange(0, 1000);
    m_progress->setValue(0);
    m_progress->show();
    const auto threshold = static_cast<float>(m_threshold->value());
    m_job = m_session->run([this, path, threshold, length = last - first + 1, channels = m_channels,
                            layer = m_session->layer(), tokenizer = m_session->tokenizer()](
                               ExplorerRunner& runner, const JobControl& control) -> std::function<void()> {
        constexpr std::size_t kWindow = 512;
        if (!tokenizer)
            throw Error(ErrorCode::InvalidArgument,
                        "the model has no tokenizer, needed: one that reads text");
        const std::vector<TokenId> tokens = tokenizer->encode(readTextFile(path.toStdString(), 8u << 20));
        ProbeRequest probe;
        probe.points = {{layer, Quantity::HiddenState}};
        struct Found {
            std::size_t token;
            double on;
            QString text;
        };
        auto found = std::make_shared<std::vector<Found>>();
        for (std::size_t begin = 0; begin < tokens.size() && !control.stop.stop_requested();
             begin += kWindow) {
            const std::span<const TokenId> window =
                std::span(tokens).subspan(begin, std::min(kWindow, tokens.size() - begin));
            const auto captured = mmfree::capture(runner.ready(), window, probe, control.stop);
            if (!captured)
                break;
            const TracedQuantity& hidden = captured->trace.entries.at({layer, Quantity::HiddenState});
            const std::vector<int> counts =
                countOn(hidden.values, hidden.tokens, hidden.width, channels, threshold);
            for (const StateMatch& match :
                 findMatches(counts, static_cast<std::int64_t>(channels.size()), length, 0.6, 20)) {
                const auto from = static_cast<std::size_t>(std::max<std::int64_t>(match.first - 8, 0));
                const auto until = std::min(window.size(), static_cast<std::size_t>(match.last) + 9);
                found->push_back(
                    {begin + static_cast<std::size_t>(match.first), match.on,
                     QString::fromStdString(tokenizer->decode(window.subspan(from, until - from)))
                         .simplified()});
            }
            control.report([this, share = static_cast<double>(begin) / static_cast<double>(tokens.size())] {
                m_progress->setValue(static_cast<int>(share * 1000.0));
            });
        }
        return [this, found] {
            m_job = 0;
            m_progress->hide();
            std::stable_sort(found->begin(), found->end(),
                             [](const Found& a, const Found& b) { return a.on > b.on; });
            found->resize(std::min<std::size_t>(found->size(), 200));
            for (const Found& match : *found)
                addRow(tr("file, token %1").arg(QLocale().toString(static_cast<qlonglong>(match.token))),
                       match.text, match.on, -1);
            m_table->resizeColumnToContents(1);
        };
    });
}

// ---- a second text or checkpoint ----

TwinPanel::TwinPanel(ExplorerSession* session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_text(new QLineEdit)
    , m_caption(captionLabel())
{
    m_text->setPlaceholderText(tr("Another text for B; Enter reads it"));
    m_text->setAccessibleName(tr("Text B"));
    QVBoxLayout* layout = panelLayout(this);
    layout->addWidget(m_text);
    layout->addWidget(m_caption);
    layout->addStretch(1);
    showWhat();
    connect(m_text, &QLineEdit::returnPressed, this, [this] { setOtherText(m_text->text()); });
    const auto forget = [this] {
        m_session->cancel(m_job);
        m_job = 0;
        m_captured.reset();
        m_points.clear();
        showWhat();
        emit changed();
    };
    connect(m_session, &ExplorerSession::referenceChanged, this, forget);
    connect(m_session, &ExplorerSession::modelChanged, this, forget);
    connect(m_session, &ExplorerSession::tokensChanged, this, [this, forget] {
        if (m_text->text().isEmpty() && m_captured)
            forget(); // the checkpoint reads the same text
    });
}

void TwinPanel::setOtherText(const QString& text)
{
    m_text->setText(text);
    m_session->cancel(m_job);
    m_job = 0;
    m_captured.reset();
    m_points.clear();
    showWhat();
    emit changed();
}

void TwinPanel::showWhat()
{
    const QString reference =
        m_session->reference() ? QString::fromStdString(m_session->reference()->name()) : QString();
    m_caption->setText(
        !m_text->text().isEmpty() ? tr("B is the text above, read by the same model. A\u2212"
                                       "B compares tokens at the same place.")
        : reference.isEmpty()
            ? tr("A is the text in the strip. Give a second text here, or choose a checkpoint with "
                 "\u201c"
                 "Compare with\u2026\u201d above: it reads the same text as B. Then switch to B or "
                 "A\u2212"
                 "B.")
            : tr("B is the same text, read by %1.").arg(reference));
}

void TwinPanel::demand(const std::vector<TracePoint>& points)
{
    if (points == m_points || m_session->tokens().empty())
        return;
    const bool byText = !m_text->text().isEmpty();
    if (!byText && !m_session->reference())
        return;
    m_points = points;
    std::vector<TokenId> tokens = m_session->tokens();
    if (byText) {
        try {
            tokens = m_session->encode(m_text->text());
        } catch (...) {
            emit m_session->problem(tr("Text B cannot be read"), currentError().message);
            return;
        }
    }
    ProbeRequest probe;
    probe.points = points;
    m_session->cancel(m_job);
    m_job = m_session->run([this, probe, tokens, reference = byText ? nullptr : m_session->reference()](
                               ExplorerRunner& runner, const JobControl& control) -> std::function<void()> {
        std::unique_ptr<InferenceExecutor> other;
        if (reference)
            other = runner.backend->createInference(reference, {});
        auto captured = std::make_shared<std::optional<Capture>>(
            mmfree::capture(other ? *other : runner.ready(), tokens, probe, control.stop));
        return [this, captured] {
            m_job = 0;
            if (*captured)
                m_captured = std::make_shared<const Capture>(std::move(**captured));
            emit changed();
        };
    });
}

} // namespace mmfree::gui
