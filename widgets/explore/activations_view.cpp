#include "widgets/explore/activations_view.h"

#include "widgets/explore/matrix_panel.h"
#include "widgets/explore/state_panels.h"
#include "widgets/theme/theme.h"
#include "widgets/views/heatmap/heatmap_palette.h"

#include <QComboBox>
#include <QCoreApplication>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLocale>
#include <QMessageBox>
#include <QPainter>
#include <QSignalBlocker>
#include <QSplitter>
#include <QStyledItemDelegate>
#include <QTableWidget>
#include <QVBoxLayout>

#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr std::size_t kLensTokens = 4;

// Colours cells by probability; the style sheet would leave an item's own background out.
class LensDelegate : public QStyledItemDelegate
{
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override
    {
        const QColor color = index.data(Qt::UserRole).value<QColor>();
        painter->save();
        painter->fillRect(option.rect, color);
        if (option.state & QStyle::State_Selected) {
            painter->setPen(QPen(themeColors().accent, 2.0));
            painter->drawRect(option.rect.adjusted(1, 1, -1, -1));
        }
        painter->setPen(HeatmapPalette::ink(color.rgb()));
        const QRect place = option.rect.adjusted(kGrid, 0, -kGrid, 0);
        painter->drawText(
            place, Qt::AlignVCenter | Qt::AlignLeft,
            option.fontMetrics.elidedText(index.data().toString(), Qt::ElideRight, place.width()));
        painter->restore();
    }
};

} // namespace

QString quantityTitle(Quantity quantity)
{
    switch (quantity) {
    case Quantity::BlockInput:
        return QCoreApplication::translate("Quantity", "Block input");
    case Quantity::QuantizedInput:
        return QCoreApplication::translate("Quantity", "Quantised input (int8)");
    case Quantity::ForgetGate:
        return QCoreApplication::translate("Quantity", "Forget gate");
    case Quantity::Candidate:
        return QCoreApplication::translate("Quantity", "Candidate");
    case Quantity::HiddenState:
        return QCoreApplication::translate("Quantity", "State");
    case Quantity::OutputGate:
        return QCoreApplication::translate("Quantity", "Output gate");
    case Quantity::MixerOutput:
        return QCoreApplication::translate("Quantity", "Mixer output");
    case Quantity::MixerResidual:
        return QCoreApplication::translate("Quantity", "After the mixer");
    case Quantity::GluActivation:
        return QCoreApplication::translate("Quantity", "GLU activation");
    case Quantity::BlockOutput:
        return QCoreApplication::translate("Quantity", "Block output");
    case Quantity::AttentionWeights:
        return QCoreApplication::translate("Quantity", "Attention");
    case Quantity::FinalNorm:
        return QCoreApplication::translate("Quantity", "Final norm");
    }
    return {};
}

ActivationsView::ActivationsView(ExplorerSession* session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_matrix(new MatrixPanel(tr("Activations")))
    , m_view(new QComboBox)
    , m_quantity(new QComboBox)
    , m_layer(new QComboBox)
    , m_lens(new QTableWidget)
    , m_lensCaption(new QLabel)
{
    m_view->setAccessibleName(tr("View"));
    m_view->addItems({tr("Channels \u00d7 tokens"), tr("Layers \u00d7 tokens")});
    m_quantity->setAccessibleName(tr("Quantity"));
    m_layer->setAccessibleName(tr("Layer"));
    m_view->setMinimumWidth(152);
    m_quantity->setMinimumWidth(112);
    m_layer->setMinimumWidth(92);
    int place = 0;
    for (QWidget* widget : std::initializer_list<QWidget*>{m_view, m_quantity, m_layer})
        m_matrix->tools()->insertWidget(place++, widget);
    m_matrix->view()->setSquareCells(false);
    m_matrix->view()->setEmptyText(tr("The text is being read\u2026"));
    m_lens->setAccessibleName(tr("Next tokens by layer"));
    m_lens->setItemDelegate(new LensDelegate(m_lens));
    m_lens->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_lens->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_lens->setColumnCount(static_cast<int>(kLensTokens));
    QStringList titles;
    for (std::size_t i = 0; i < kLensTokens; ++i)
        titles << tr("%1.").arg(i + 1);
    m_lens->setHorizontalHeaderLabels(titles);
    m_lens->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
    m_lens->horizontalHeader()->setMinimumSectionSize(76);
    setTextRole(m_lensCaption, TextRole::SmallMuted);
    m_lensCaption->setWordWrap(true);

    auto* right = new QWidget;
    auto* rightLayout = new QVBoxLayout(right);
    rightLayout->setContentsMargins(kGrid, kGrid, 2 * kGrid, kGrid);
    rightLayout->setSpacing(kGrid);
    auto* title = new QLabel(tr("What each layer would say next"));
    setTextRole(title, TextRole::Title);
    rightLayout->addWidget(title);
    rightLayout->addWidget(m_lensCaption);
    rightLayout->addWidget(m_lens, 1);
    auto* left = new QWidget;
    auto* leftLayout = new QVBoxLayout(left);
    leftLayout->setContentsMargins(2 * kGrid, kGrid, kGrid, kGrid);
    leftLayout->addWidget(m_matrix);
    auto* splitter = new QSplitter(Qt::Horizontal);
    splitter->addWidget(left);
    splitter->addWidget(right);
    splitter->setStretchFactor(0, 3);
    splitter->setStretchFactor(1, 2);
    splitter->setChildrenCollapsible(false);
    right->setMinimumWidth(300);
    splitter->setSizes({560, 480});
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(splitter);

    m_matrix->view()->setReadout([this](qint64 row, qint64 col) {
        const QLocale locale;
        const QString value =
            locale.toString(static_cast<double>(m_matrix->view()->data()->at(row, col)), 'g', 5);
        const QString word = tokenWord(*m_session, static_cast<int>(col));
        return m_view->currentIndex() == 1
                   ? tr("layer %1 at \u201c%2\u201d: root mean square %3")
                         .arg(locale.toString(row), word, value)
                   : tr("channel %1 at \u201c%2\u201d: %3").arg(locale.toString(row), word, value);
    });
    const auto renew = [this] {
        m_stale = true;
        if (isVisible())
            demand();
    };
    const auto renewLens = [this, renew] {
        m_lensStale = true;
        renew();
    };
    connect(m_session, &ExplorerSession::modelChanged, this, [this] {
        m_matrix->setData(nullptr);
        m_lens->setRowCount(0);
        m_large = false;
        showModel();
    });
    connect(m_session, &ExplorerSession::tokensChanged, this, renewLens);
    connect(m_session, &ExplorerSession::captureChanged, this, renewLens);
    connect(m_session, &ExplorerSession::layerPicked, this, [this, renew](int layer) {
        const QSignalBlocker blocker(m_layer);
        m_layer->setCurrentIndex(layer);
        renew();
    });
    connect(m_session, &ExplorerSession::tokenPicked, this, [this](int token) {
        m_matrix->view()->setMarkedColumn(token);
        m_lensStale = true;
        if (isVisible())
            demandLens();
    });
    connect(m_session, &ExplorerSession::captureRefused, this, [this](quint64 bytes) {
        if (!isVisible())
            return;
        const auto answer =
            QMessageBox::question(this, tr("A large capture"),
                                  tr("Reading this text takes %1 of memory for what is shown. Go on?")
                                      .arg(QLocale().formattedDataSize(static_cast<qint64>(bytes))));
        if (answer == QMessageBox::Yes) {
            m_large = true;
            demand();
        }
    });
    connect(m_view, &QComboBox::currentIndexChanged, this, [this, renew](int index) {
        m_layer->setEnabled(index == 0);
        renew();
    });
    connect(m_quantity, &QComboBox::currentIndexChanged, this, renew);
    connect(m_layer, &QComboBox::currentIndexChanged, m_session, &ExplorerSession::pickLayer);
    connect(m_matrix->view(), &HeatmapView::cursorMoved, this, [this](qint64 row, qint64 col) {
        m_session->pickToken(static_cast<int>(col));
        if (m_view->currentIndex() == 1)
            m_session->pickLayer(static_cast<int>(row));
        m_matrix->setLine(m_matrix->view()->readout({row, col}));
    });
    connect(m_matrix, &MatrixPanel::problem, this, &ActivationsView::problem);
}

void ActivationsView::setQuantity(Quantity quantity)
{
    const int index = m_quantity->findData(static_cast<int>(quantity));
    if (index >= 0)
        m_quantity->setCurrentIndex(index);
}

void ActivationsView::setAllLayers(bool all)
{
    m_view->setCurrentIndex(all ? 1 : 0);
}

void ActivationsView::showModel()
{
    const QSignalBlocker layerBlocker(m_layer), quantityBlocker(m_quantity);
    m_layer->clear();
    for (std::int64_t layer = 0; layer < m_session->config().layerCount; ++layer)
        m_layer->addItem(tr("Layer %1").arg(layer));
    m_layer->setCurrentIndex(m_session->layer());
    m_quantity->clear();
    for (int i = 0; i < kQuantityCount; ++i) {
        const auto quantity = static_cast<Quantity>(i);
        if (quantityExists(quantity, m_session->config().architecture) && quantity != Quantity::FinalNorm &&
            quantity != Quantity::AttentionWeights)
            m_quantity->addItem(quantityTitle(quantity), i);
    }
    m_stale = m_lensStale = true;
}

Quantity ActivationsView::quantity() const
{
    return static_cast<Quantity>(m_quantity->currentData().toInt());
}

std::vector<TracePoint> ActivationsView::neededPoints() const
{
    std::vector<TracePoint> points;
    for (std::int64_t layer = 0; layer < m_session->config().layerCount; ++layer) {
        points.emplace_back(layer, Quantity::BlockOutput); // the lens
        if (quantity() != Quantity::BlockOutput &&
            (m_view->currentIndex() == 1 || layer == m_session->layer()))
            points.emplace_back(layer, quantity());
    }
    return points;
}

void ActivationsView::showEvent(QShowEvent*)
{
    m_session->showTokenValues({}, {}, 1.0f);
    demand();
}

void ActivationsView::demand()
{
    if (!m_session->isOpen() || m_session->tokens().empty() || m_quantity->count() == 0)
        return;
    if (!m_session->has(neededPoints())) {
        m_session->request(neededPoints(), m_large);
        return;
    }
    if (m_stale)
        rebuild();
    demandLens();
}

void ActivationsView::rebuild()
{
    m_stale = false;
    m_session->cancelCompute(m_job);
    const bool all = m_view->currentIndex() == 1;
    m_job = m_session->compute([this, capture = m_session->captured(), what = quantity(),
                                layer = m_session->layer(), all, layers = m_session->config().layerCount](
                                   const JobControl&) -> std::function<void()> {
        std::vector<float> values;
        qint64 rows = 0, tokens = 0;
        if (all) {
            for (std::int64_t n = 0; n < layers; ++n) {
                const TracedQuantity& traced = capture->trace.entries.at({n, what});
                tokens = traced.tokens;
                ++rows;
                for (std::int64_t t = 0; t < traced.tokens; ++t) {
                    double squares = 0.0;
                    for (std::int64_t i = 0; i < traced.width; ++i)
                        squares +=
                            std::pow(traced.values[static_cast<std::size_t>(t * traced.width + i)], 2.0);
                    values.push_back(
                        static_cast<float>(std::sqrt(squares / static_cast<double>(traced.width))));
                }
            }
        } else {
            const TracedQuantity& traced = capture->trace.entries.at({layer, what});
            rows = traced.width;
            tokens = traced.tokens;
            values.resize(traced.values.size());
            for (std::int64_t t = 0; t < tokens; ++t) {
                for (std::int64_t i = 0; i < rows; ++i)
                    values[static_cast<std::size_t>(i * tokens + t)] =
                        traced.values[static_cast<std::size_t>(t * rows + i)];
            }
        }
        const bool gate = what == Quantity::ForgetGate;
        const HeatmapRange range = all    ? robustSequentialRange(values)
                                   : gate ? HeatmapRange{0.0f, 1.0f}
                                          : robustDivergingRange(values);
        const HeatmapKind kind = all || gate ? HeatmapKind::Sequential : HeatmapKind::Diverging;
        const auto shown = std::make_shared<const MatrixData>(kind, rows, tokens, std::move(values), range);
        return [this, shown, all, what] {
            m_job = 0;
            m_matrix->setData(shown);
            HeatmapFrame frame;
            if (all)
                frame.rowLabel = [](qint64 row) { return tr("layer %1").arg(row); };
            frame.colLabel = [this](qint64 col) { return tokenWord(*m_session, static_cast<int>(col)); };
            frame.colHeaderHeight = 64;
            frame.legendTitle =
                all ? tr("%1, root mean square").arg(quantityTitle(what)) : quantityTitle(what);
            m_matrix->setFrame(frame);
            m_matrix->setFileName(quantityTitle(what));
            m_matrix->view()->setMarkedColumn(m_session->token());
        };
    });
}

// Through the final norm and the head, on the runner's thread.
void ActivationsView::demandLens()
{
    const int token = m_session->token();
    if (!m_lensStale || token < 0 || !m_session->isOpen())
        return;
    const ModelConfig& config = m_session->config();
    std::vector<float> rows;
    for (std::int64_t layer = 0; layer < config.layerCount; ++layer) {
        const TracedQuantity* output = m_session->traced(layer, Quantity::BlockOutput);
        if (!output || token >= output->tokens)
            return;
        const float* row = output->values.data() + token * output->width;
        rows.insert(rows.end(), row, row + output->width);
    }
    m_lensStale = false;
    m_session->cancel(m_lensJob);
    m_lensJob =
        m_session->run([this, rows, vocabulary = static_cast<std::size_t>(config.vocabularySize)](
                           ExplorerRunner& runner, const JobControl& control) -> std::function<void()> {
            const std::vector<float> logits = runner.readyLens().logits(rows, control.stop);
            std::vector<std::vector<RankedToken>> ranked;
            for (std::size_t first = 0; first < logits.size(); first += vocabulary)
                ranked.push_back(topTokens(std::span(logits).subspan(first, vocabulary), kLensTokens));
            return [this, ranked] {
                m_lensJob = 0;
                showLens(ranked);
            };
        });
}

void ActivationsView::showLens(const std::vector<std::vector<RankedToken>>& rows)
{
    const HeatmapPalette& palette = heatmapPalette();
    m_lens->setRowCount(static_cast<int>(rows.size()));
    QStringList layers;
    for (std::size_t row = 0; row < rows.size(); ++row) {
        layers << tr("layer %1").arg(row);
        for (std::size_t i = 0; i < rows[row].size(); ++i) {
            const RankedToken& token = rows[row][i];
            const QString word =
                m_session->tokenText(token.id).replace(QLatin1Char('\n'), QStringLiteral("\u21b5"));
            auto* item = new QTableWidgetItem(
                token.probability < 0.01
                    ? tr("%1  <1 %").arg(word)
                    : tr("%1  %2 %").arg(word, QLocale().toString(100.0 * token.probability, 'f', 0)));
            item->setToolTip(tr("token %1, probability %2 %, logit %3")
                                 .arg(QLocale().toString(token.id),
                                      QLocale().toString(100.0 * token.probability, 'g', 4),
                                      QLocale().toString(static_cast<double>(token.logit), 'g', 4)));
            const QRgb color = palette.sequential(static_cast<float>(token.probability) * 0.8f);
            item->setData(Qt::UserRole, QColor(color));
            m_lens->setItem(static_cast<int>(row), static_cast<int>(i), item);
        }
    }
    m_lens->setVerticalHeaderLabels(layers);
    m_lensCaption->setText(tr("Behind \u201c%1\u201d: each layer\u2019s output through the final norm and "
                              "the head. The last row is what the model says.")
                               .arg(tokenWord(*m_session, m_session->token())));
}

bool ActivationsView::isSettled() const
{
    if (!m_session->isOpen() || m_session->tokens().empty())
        return true;
    return !m_session->isCapturing() && m_job == 0 && m_lensJob == 0 && !m_stale &&
           m_matrix->view()->isSettled();
}

} // namespace mmfree::gui
