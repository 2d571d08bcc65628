#include "widgets/explore/flow_view.h"

#include "widgets/explore/state_panels.h"
#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_view.h"

#include <QComboBox>
#include <QCoreApplication>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLocale>
#include <QMouseEvent>
#include <QPainter>
#include <QPushButton>
#include <QScrollArea>
#include <QSignalBlocker>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr double kBoxHeight = 40.0, kBoxGap = 14.0;

struct StationText {
    const char* id;
    const char* title;
    const char* text;
};

const StationText kTexts[] = {
    {"block_input", QT_TRANSLATE_NOOP("Flow", "Input of the block"),
     QT_TRANSLATE_NOOP("Flow", "The token\u2019s vector as the layer below left it. In layer 0 it is the "
                               "token\u2019s row of the embedding table.")},
    {"mixer_norm", QT_TRANSLATE_NOOP("Flow", "RMSNorm"),
     QT_TRANSLATE_NOOP("Flow", "The vector is divided by its root mean square and weighted per channel, so "
                               "that its size no longer matters.")},
    {"quantized_input", QT_TRANSLATE_NOOP("Flow", "Rounded to 8 bits"),
     QT_TRANSLATE_NOOP("Flow", "Normed once more and rounded to whole numbers from \u2212"
                               "128 to 127. The "
                               "largest value becomes 127; one factor for the "
                               "whole token is kept to scale back.")},
    {"forget_projection", QT_TRANSLATE_NOOP("Flow", "Forget projection"),
     QT_TRANSLATE_NOOP("Flow", "A ternary matrix: each output adds the inputs with weight +1, subtracts "
                               "those with \u2212"
                               "1 and skips those with 0. The "
                               "sums are exact whole numbers; one multiplication an output scales them.")},
    {"forget_gate", QT_TRANSLATE_NOOP("Flow", "Forget gate f"),
     QT_TRANSLATE_NOOP("Flow", "A sigmoid, lifted to the layer\u2019s learned lower bound: how much of the "
                               "old state each channel keeps, from 0 to 1.")},
    {"candidate_projection", QT_TRANSLATE_NOOP("Flow", "Input projection"),
     QT_TRANSLATE_NOOP(
         "Flow", "The second ternary product of the same rounded input, again without multiplications.")},
    {"candidate", QT_TRANSLATE_NOOP("Flow", "Candidate c"),
     QT_TRANSLATE_NOOP(
         "Flow",
         "What this token would like to write into the state: silu of the projection, times 1 \u2212 f.")},
    {"hidden_state", QT_TRANSLATE_NOOP("Flow", "State h"),
     QT_TRANSLATE_NOOP("Flow", "h = f \u00b7 h(before) + c. One number a channel is all the layer remembers "
                               "of the whole text; its size never grows.")},
    {"output_gate_projection", QT_TRANSLATE_NOOP("Flow", "Gate projection"),
     QT_TRANSLATE_NOOP("Flow", "A third ternary product of the input decides what of the state is shown.")},
    {"output_gate", QT_TRANSLATE_NOOP("Flow", "Output gate"),
     QT_TRANSLATE_NOOP("Flow", "The gate projection after its RMSNorm.")},
    {"mixer_output", QT_TRANSLATE_NOOP("Flow", "Gated state"),
     QT_TRANSLATE_NOOP("Flow", "The output gate times silu of the state, channel by channel.")},
    {"output_projection", QT_TRANSLATE_NOOP("Flow", "Output projection"),
     QT_TRANSLATE_NOOP("Flow", "The fourth ternary product mixes the channels of the gated state.")},
    {"mixer_residual", QT_TRANSLATE_NOOP("Flow", "After the token mixer"),
     QT_TRANSLATE_NOOP("Flow", "The projection is added to the block\u2019s input. Nothing is lost: the "
                               "layer only adds to the stream.")},
    {"glu_projection", QT_TRANSLATE_NOOP("Flow", "GLU: gate and up"),
     QT_TRANSLATE_NOOP("Flow", "After another norm and rounding, one wide ternary product gives a gate and a "
                               "value for each inner channel.")},
    {"glu_activation", QT_TRANSLATE_NOOP("Flow", "GLU activation"),
     QT_TRANSLATE_NOOP("Flow", "silu of the gate times the value, on the wide inner channels.")},
    {"down_projection", QT_TRANSLATE_NOOP("Flow", "GLU: down"),
     QT_TRANSLATE_NOOP(
         "Flow", "The last ternary product brings the inner channels back to the width of the stream.")},
    {"block_output", QT_TRANSLATE_NOOP("Flow", "Output of the block"),
     QT_TRANSLATE_NOOP("Flow", "The sum goes to the next layer, or after the last one through the final norm "
                               "and the ternary head to the next token.")},
};

QString translated(const char* text)
{
    return QCoreApplication::translate("Flow", text);
}

const StationText& textOf(const std::string& id)
{
    for (const StationText& text : kTexts) {
        if (id == text.id)
            return text;
    }
    return kTexts[0];
}

double rootMeanSquare(const std::vector<float>& values)
{
    double squares = 0.0;
    for (const float value : values)
        squares += static_cast<double>(value) * value;
    return values.empty() ? 0.0 : std::sqrt(squares / static_cast<double>(values.size()));
}

} // namespace

FlowDiagram::FlowDiagram(QWidget* parent)
    : QWidget(parent)
{
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleName(tr("Stations of the block"));
    setMinimumWidth(240);
}

void FlowDiagram::setBoxes(std::vector<Box> boxes)
{
    m_boxes = std::move(boxes);
    m_current = std::clamp(m_current, 0, std::max(0, static_cast<int>(m_boxes.size()) - 1));
    setMinimumHeight(
        static_cast<int>(2 * kGrid + static_cast<double>(m_boxes.size()) * (kBoxHeight + kBoxGap)));
    update();
}

void FlowDiagram::setCurrent(int index)
{
    if (index < 0 || index >= static_cast<int>(m_boxes.size()) || index == m_current)
        return;
    m_current = index;
    setAccessibleDescription(m_boxes[static_cast<std::size_t>(index)].title + QStringLiteral(", ") +
                             m_boxes[static_cast<std::size_t>(index)].number);
    update();
    emit currentChanged(index);
}

QRectF FlowDiagram::rectOf(int index) const
{
    return {kGrid, kGrid + index * (kBoxHeight + kBoxGap), width() - 2.0 * kGrid, kBoxHeight};
}

void FlowDiagram::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const ThemeColors& colors = themeColors();
    QFont small = font();
    small.setPointSizeF(9.0);
    for (int i = 0; i < static_cast<int>(m_boxes.size()); ++i) {
        const Box& box = m_boxes[static_cast<std::size_t>(i)];
        const QRectF rect = rectOf(i);
        if (i > 0) { // the pipe from the box above
            const QPointF from(rect.center().x(), rect.top() - kBoxGap), to(rect.center().x(), rect.top());
            painter.setPen(QPen(colors.control, 2.0));
            painter.drawLine(from, to);
            painter.drawLine(to, to + QPointF(-4, -5));
            painter.drawLine(to, to + QPointF(4, -5));
        }
        const bool here = i == m_current;
        painter.setPen(QPen(here ? colors.accent : colors.control, here ? 2.0 : 1.0));
        painter.setBrush(here ? colors.accentSoft : box.projection ? colors.raised : colors.surface);
        painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), box.projection ? 2.0 : kRadius,
                                box.projection ? 2.0 : kRadius);
        QFont title = small;
        title.setWeight(here ? QFont::DemiBold : QFont::Medium);
        painter.setFont(title);
        painter.setPen(colors.text);
        painter.drawText(rect.adjusted(12, 3, -12, -kBoxHeight / 2.0), Qt::AlignLeft | Qt::AlignVCenter,
                         box.title);
        painter.setFont(small);
        painter.setPen(colors.muted);
        painter.drawText(rect.adjusted(12, kBoxHeight / 2.0 - 2, -12, -3), Qt::AlignLeft | Qt::AlignVCenter,
                         painter.fontMetrics().elidedText(box.number, Qt::ElideRight,
                                                          static_cast<int>(rect.width()) - 24));
    }
    if (hasFocus()) {
        painter.setPen(QPen(colors.accent, 1.5));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 4.0, 4.0);
    }
}

void FlowDiagram::mousePressEvent(QMouseEvent* event)
{
    for (int i = 0; i < static_cast<int>(m_boxes.size()); ++i) {
        if (rectOf(i).contains(event->position()))
            setCurrent(i);
    }
}

void FlowDiagram::keyPressEvent(QKeyEvent* event)
{
    switch (event->key()) {
    case Qt::Key_Down:
    case Qt::Key_Right:
        setCurrent(m_current + 1);
        return;
    case Qt::Key_Up:
    case Qt::Key_Left:
        setCurrent(m_current - 1);
        return;
    case Qt::Key_Home:
        setCurrent(0);
        return;
    case Qt::Key_End:
        setCurrent(static_cast<int>(m_boxes.size()) - 1);
        return;
    default:
        QWidget::keyPressEvent(event);
    }
}

FlowView::FlowView(ExplorerSession* session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_diagram(new FlowDiagram)
    , m_layer(new QComboBox)
    , m_step(new QLabel)
    , m_title(new QLabel)
    , m_text(new QLabel)
    , m_counts(new QLabel)
    , m_total(new QLabel)
    , m_plot(new PlotView(tr("Values")))
    , m_back(new QPushButton(tr("Back")))
    , m_next(new QPushButton(tr("Next")))
    , m_open(new QPushButton(tr("Open the tensor")))
{
    m_layer->setAccessibleName(tr("Layer"));
    setTextRole(m_step, TextRole::SmallMuted);
    setTextRole(m_title, TextRole::Display);
    setTextRole(m_total, TextRole::SmallMuted);
    m_text->setWordWrap(true);
    m_counts->setWordWrap(true);
    m_total->setWordWrap(true);
    m_text->setMaximumWidth(kReadingWidth);
    m_next->setProperty("kind", QStringLiteral("primary"));
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setWidget(m_diagram);
    scroll->setMinimumWidth(272);
    scroll->setMaximumWidth(340);
    auto* right = new QVBoxLayout;
    right->setSpacing(kGrid);
    auto* top = new QHBoxLayout;
    top->addWidget(m_step);
    top->addStretch(1);
    top->addWidget(m_layer);
    right->addLayout(top);
    right->addWidget(m_title);
    right->addWidget(m_text);
    right->addWidget(m_counts);
    right->addWidget(m_plot, 1);
    right->addWidget(m_total);
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(m_back);
    buttons->addWidget(m_next);
    buttons->addStretch(1);
    buttons->addWidget(m_open);
    right->addLayout(buttons);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(2 * kGrid, kGrid, 2 * kGrid, kGrid);
    layout->setSpacing(2 * kGrid);
    layout->addWidget(scroll);
    layout->addLayout(right, 1);

    connect(m_diagram, &FlowDiagram::currentChanged, this, [this, scroll](int index) {
        scroll->ensureVisible(0, static_cast<int>(m_diagram->rectOf(index).center().y()), 0, 80);
        showStation();
    });
    connect(m_back, &QPushButton::clicked, this, [this] { goTo(m_diagram->current() - 1); });
    connect(m_next, &QPushButton::clicked, this, [this] { goTo(m_diagram->current() + 1); });
    connect(m_open, &QPushButton::clicked, this, [this] {
        const Station& station = m_stations[static_cast<std::size_t>(m_diagram->current())];
        m_session->pickTensor(m_session->tensorIndex(QString::fromStdString(station.tensor)));
    });
    const auto renew = [this] {
        m_stale = true;
        if (isVisible())
            demand();
    };
    connect(m_session, &ExplorerSession::modelChanged, this, [this] {
        const QSignalBlocker blocker(m_layer);
        m_layer->clear();
        for (std::int64_t layer = 0; layer < m_session->config().layerCount; ++layer)
            m_layer->addItem(tr("Layer %1").arg(layer));
        m_layer->setCurrentIndex(m_session->layer());
        m_stations.clear();
        m_stale = true;
    });
    connect(m_session, &ExplorerSession::tokensChanged, this, renew);
    connect(m_session, &ExplorerSession::captureChanged, this, renew);
    connect(m_session, &ExplorerSession::tokenPicked, this, renew);
    connect(m_session, &ExplorerSession::layerPicked, this, [this, renew](int layer) {
        const QSignalBlocker blocker(m_layer);
        m_layer->setCurrentIndex(layer);
        renew();
    });
    connect(m_layer, &QComboBox::currentIndexChanged, m_session, &ExplorerSession::pickLayer);
    showStation();
}

void FlowView::goTo(int station)
{
    m_diagram->setCurrent(station);
}

void FlowView::showEvent(QShowEvent*)
{
    m_session->showTokenValues({}, {}, 1.0f);
    demand();
}

void FlowView::demand()
{
    if (!m_session->isOpen() || m_session->token() < 0)
        return;
    const ProbeRequest request = blockWalkRequest(m_session->layer(), m_session->config());
    if (!m_session->has(request.points)) {
        m_session->request(request.points);
        return;
    }
    if (!m_stale)
        return;
    m_stale = false;
    m_session->cancelCompute(m_job);
    m_job = m_session->compute([this, source = m_session->source(), capture = m_session->captured(),
                                layer = m_session->layer(),
                                token = m_session->token()](const JobControl&) -> std::function<void()> {
        auto stations = std::make_shared<std::vector<Station>>(blockWalk(*source, *capture, layer, token));
        return [this, stations] {
            m_job = 0;
            take(std::move(*stations));
        };
    });
}

void FlowView::take(std::vector<Station> stations)
{
    m_stations = std::move(stations);
    const QLocale locale;
    std::vector<FlowDiagram::Box> boxes;
    OperationCounts total;
    for (const Station& station : m_stations) {
        FlowDiagram::Box box{
            translated(textOf(station.id).title), {}, station.kind == StationKind::Projection};
        if (box.projection) {
            box.number = tr("%1 additions and subtractions")
                             .arg(locale.toString(static_cast<qint64>(station.counts.additions +
                                                                      station.counts.subtractions)));
            total.additions += station.counts.additions;
            total.subtractions += station.counts.subtractions;
            total.skips += station.counts.skips;
        } else {
            box.number = tr("%1 values, root mean square %2")
                             .arg(locale.toString(static_cast<qlonglong>(station.values.size())),
                                  locale.toString(rootMeanSquare(station.values), 'g', 3));
        }
        boxes.push_back(box);
    }
    m_diagram->setBoxes(std::move(boxes));
    m_total->setText(total.replaced() > 0
                         ? tr("The block\u2019s six ternary products take %1 additions, %2 subtractions and "
                              "%3 skips for this token, where "
                              "a dense block of the same shape takes %4 multiplications.")
                               .arg(locale.toString(static_cast<qint64>(total.additions)),
                                    locale.toString(static_cast<qint64>(total.subtractions)),
                                    locale.toString(static_cast<qint64>(total.skips)),
                                    locale.toString(static_cast<qint64>(total.replaced())))
                         : tr("A dense block: every weight of its projections is one multiplication."));
    showStation();
}

void FlowView::showStation()
{
    const int index = m_diagram->current();
    const int count = static_cast<int>(m_stations.size());
    m_back->setEnabled(index > 0 && count > 0);
    m_next->setEnabled(index + 1 < count);
    if (count == 0) {
        m_title->setText(tr("A token\u2019s walk through a block"));
        m_text->setText(tr("Give a text below and pick one of its tokens."));
        m_plot->setVisible(false);
        m_open->setVisible(false);
        m_counts->clear();
        return;
    }
    const Station& station = m_stations[static_cast<std::size_t>(index)];
    const StationText& text = textOf(station.id);
    const QLocale locale;
    m_step->setText(tr("Token \u201c%1\u201d in layer %2 \u00b7 station %3 of %4")
                        .arg(tokenWord(*m_session, m_session->token()))
                        .arg(m_session->layer())
                        .arg(index + 1)
                        .arg(count));
    m_title->setText(translated(text.title));
    m_text->setText(translated(text.text));
    m_open->setVisible(!station.tensor.empty());
    m_plot->setVisible(!station.values.empty());
    if (station.kind == StationKind::Projection) {
        m_counts->setText(tr("%1 additions, %2 subtractions and %3 skips replace %4 multiplications. Scale "
                             "of the weights: %5.")
                              .arg(locale.toString(static_cast<qint64>(station.counts.additions)),
                                   locale.toString(static_cast<qint64>(station.counts.subtractions)),
                                   locale.toString(static_cast<qint64>(station.counts.skips)),
                                   locale.toString(static_cast<qint64>(station.counts.replaced())),
                                   locale.toString(station.scale, 'g', 4)));
        return;
    }
    QStringList first;
    for (std::size_t i = 0; i < std::min<std::size_t>(6, station.values.size()); ++i)
        first << locale.toString(static_cast<double>(station.values[i]), 'g', 3);
    QString numbers = tr("First channels: %1, \u2026").arg(first.join(QStringLiteral("  ")));
    if (station.scale > 0.0)
        numbers += tr(" Scaled by %1 before rounding.").arg(locale.toString(station.scale, 'g', 4));
    m_counts->setText(numbers);
    PlotSeries series;
    series.name = translated(text.title);
    for (std::size_t i = 0; i < station.values.size(); ++i) {
        series.x.push_back(static_cast<double>(i));
        series.y.push_back(station.values[i]);
    }
    m_plot->setTitle(translated(text.title));
    m_plot->setXAxis({.title = tr("Channel")});
    m_plot->setYAxis({.title = tr("Value")});
    m_plot->setSeries({series});
}

bool FlowView::isSettled() const
{
    return !m_session->isOpen() || m_session->token() < 0 ||
           (!m_stale && m_job == 0 && !m_session->isCapturing());
}

} // namespace mmfree::gui
