#include "widgets/explore/weights_view.h"

#include "widgets/explore/matrix_panel.h"
#include "widgets/explore/tensor_filter.h"
#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_view.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QSignalBlocker>
#include <QSplitter>
#include <QStandardItemModel>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>
#include <numeric>

namespace mmfree::gui
{

WeightsView::WeightsView(ExplorerSession* session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_matrix(new MatrixPanel(tr("Weights")))
    , m_profilePlot(new PlotView(tr("Profile")))
    , m_mode(new QComboBox)
    , m_sort(new QComboBox)
    , m_minus(new QToolButton)
    , m_plus(new QToolButton)
    , m_title(new QLabel)
{
    setTextRole(m_title, TextRole::Title);
    m_mode->setAccessibleName(tr("What is shown"));
    m_mode->setObjectName(QStringLiteral("weightMode"));
    m_sort->setAccessibleName(tr("Order of rows"));
    m_sort->addItems({tr("Rows as they are"), tr("Rows by balance"), tr("Rows by zeros")});
    m_minus->setText(QStringLiteral("\u2212"));
    m_plus->setText(QStringLiteral("+"));
    for (QToolButton* button : {m_minus, m_plus}) {
        button->setCheckable(true);
        button->setChecked(true);
        button->setMinimumWidth(28);
    }
    m_minus->setToolTip(tr("Show weights of \u2212"
                           "1"));
    m_plus->setToolTip(tr("Show weights of +1"));
    QHBoxLayout* tools = m_matrix->tools();
    for (QComboBox* box : {m_mode, m_sort}) // may be narrower than their longest text
        box->setMinimumWidth(56);
    int place = 0;
    for (QWidget* widget : std::initializer_list<QWidget*>{m_mode, m_sort, m_minus, m_plus})
        tools->insertWidget(place++, widget);
    m_matrix->view()->setReadout([this](qint64 row, qint64 col) { return readout(row, col); });
    m_matrix->view()->setEmptyText(tr("Pick a tensor in the tree."));
    m_profilePlot->setMinimumHeight(140);
    m_profilePlot->hide();

    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(2 * kGrid, kGrid, 2 * kGrid, kGrid);
    layout->setSpacing(kGrid);
    layout->addWidget(m_title);
    auto* splitter = new QSplitter(Qt::Vertical);
    splitter->addWidget(m_matrix);
    splitter->addWidget(m_profilePlot);
    splitter->setStretchFactor(0, 3);
    splitter->setStretchFactor(1, 1);
    layout->addWidget(splitter, 1);

    connect(m_mode, &QComboBox::currentIndexChanged, this, [this] {
        m_stale = true;
        reload();
    });
    connect(m_sort, &QComboBox::currentIndexChanged, this, &WeightsView::showData);
    connect(m_minus, &QToolButton::toggled, this, &WeightsView::showData);
    connect(m_plus, &QToolButton::toggled, this, &WeightsView::showData);
    const auto renew = [this] {
        m_stale = true;
        fillModes();
        if (isVisible())
            reload();
    };
    connect(m_session, &ExplorerSession::tensorPicked, this, renew);
    connect(m_session, &ExplorerSession::referenceChanged, this, renew);
    connect(m_matrix->view(), &HeatmapView::cursorMoved, this, [this](qint64 row, qint64 col) {
        updateLine();
        emit cellPicked(matrixRow(row), col);
    });
    connect(m_matrix->view(), &HeatmapView::selectionChanged, this, &WeightsView::updateLine);
    connect(m_matrix->view(), &HeatmapView::rowActivated, this, [this](qint64 row) {
        std::vector<float> values(static_cast<std::size_t>(m_matrix->view()->data()->cols()));
        m_matrix->view()->data()->read(row, 0, values);
        showProfile(tr("Row %1").arg(QLocale().toString(matrixRow(row))), tr("Column"),
                    {values.begin(), values.end()});
    });
    connect(m_matrix->view(), &HeatmapView::columnActivated, this, [this](qint64 col) {
        std::vector<double> values;
        for (qint64 row = 0; row < m_matrix->view()->data()->rows(); ++row)
            values.push_back(m_matrix->view()->data()->at(row, col));
        showProfile(tr("Column %1").arg(QLocale().toString(col)), tr("Row"), std::move(values));
    });
    connect(m_matrix, &MatrixPanel::problem, this, &WeightsView::problem);
}

void WeightsView::showEvent(QShowEvent*)
{
    reload();
}

void WeightsView::setMode(WeightMode mode)
{
    const int index = m_mode->findData(static_cast<int>(mode));
    if (index >= 0)
        m_mode->setCurrentIndex(index);
}

// Modes that the tensor and the model have; others say in their tooltip what they need.
void WeightsView::fillModes()
{
    const int tensor = m_session->tensor();
    if (tensor < 0)
        return;
    const QSignalBlocker blocker(m_mode);
    const int wanted = m_mode->currentData().isValid() ? m_mode->currentData().toInt() : 0;
    const TensorSpec& spec = m_session->schema()[static_cast<std::size_t>(tensor)];
    const bool ternary = spec.role == TensorRole::TernaryWeight;
    m_mode->clear();
    const auto add = [&](const QString& name, WeightMode mode, bool enabled, const QString& needs) {
        m_mode->addItem(name, static_cast<int>(mode));
        auto* model = static_cast<QStandardItemModel*>(m_mode->model());
        QStandardItem* item = model->item(m_mode->count() - 1);
        item->setEnabled(enabled);
        if (!enabled)
            item->setToolTip(needs);
    };
    if (ternary) {
        const bool latents = m_session->source()->hasLatentWeights();
        const QString latentNeeds = tr("Needs a training checkpoint: packed files hold no latent weights.");
        add(tr("Signs"), WeightMode::Signs, true, {});
        add(tr("Latent weights"), WeightMode::Latent, latents, latentNeeds);
        add(tr("Margin to flip"), WeightMode::Margin, latents, latentNeeds);
        add(tr("Difference"), WeightMode::Difference, m_session->reference() != nullptr,
            tr("Needs a reference checkpoint (Compare with\u2026)."));
        add(tr("Packed bytes"), WeightMode::PackedBytes, true, {});
    } else {
        add(tr("Values"), WeightMode::Values, true, {});
    }
    int index = m_mode->findData(wanted);
    if (index < 0 || !static_cast<QStandardItemModel*>(m_mode->model())->item(index)->isEnabled())
        index = 0;
    m_mode->setCurrentIndex(index);
    m_sort->setEnabled(ternary);
    m_minus->setVisible(ternary);
    m_plus->setVisible(ternary);
}

void WeightsView::reload()
{
    const int tensor = m_session->tensor();
    if (!m_stale || tensor < 0)
        return;
    m_stale = false;
    m_session->cancelCompute(m_job);
    const TensorSpec spec = m_session->schema()[static_cast<std::size_t>(tensor)];
    const auto mode = static_cast<WeightMode>(m_mode->currentData().toInt());
    m_title->setText(QString::fromStdString(spec.name));
    m_job =
        m_session->compute([this, spec, mode, tensor, source = m_session->source(),
                            reference = m_session->reference()](const JobControl&) -> std::function<void()> {
            const auto picture =
                std::make_shared<WeightPicture>(makeWeightPicture(source, reference, spec, mode));
            return [this, picture, tensor] {
                m_job = 0;
                m_shown = tensor;
                take(*picture);
            };
        });
}

void WeightsView::take(const WeightPicture& picture)
{
    m_picture = picture;
    m_profilePlot->hide();
    showData();
}

void WeightsView::showData()
{
    if (!m_picture.data || m_shown < 0)
        return;
    std::shared_ptr<const HeatmapData> shown = m_picture.data;
    const bool signs = shown->kind() == HeatmapKind::Ternary;
    m_minus->setEnabled(signs);
    m_plus->setEnabled(signs);
    if (signs && !(m_minus->isChecked() && m_plus->isChecked()))
        shown = std::make_shared<MaskedData>(shown, m_minus->isChecked(), m_plus->isChecked());
    m_order.clear();
    const TernaryProfile& profile = m_picture.profile;
    if (m_picture.ternary && m_sort->currentIndex() > 0) {
        const std::vector<float>& key = m_sort->currentIndex() == 1 ? profile.rowBalance : profile.rowZeros;
        m_order.resize(key.size());
        std::iota(m_order.begin(), m_order.end(), 0);
        std::stable_sort(m_order.begin(), m_order.end(), [&](qint64 a, qint64 b) {
            return key[static_cast<std::size_t>(a)] > key[static_cast<std::size_t>(b)];
        });
        shown = std::make_shared<ReorderedRows>(shown, m_order);
    }
    m_matrix->setData(shown);
    HeatmapFrame frame;
    frame.rowTitle = tr("outputs");
    frame.colTitle = tr("inputs");
    if (!m_order.empty())
        frame.rowLabel = [this](qint64 row) { return QLocale().toString(matrixRow(row)); };
    if (m_picture.ternary) {
        for (std::size_t row = 0; row < profile.rowBalance.size(); ++row)
            frame.rowProfile.push_back(
                profile.rowBalance[static_cast<std::size_t>(matrixRow(static_cast<qint64>(row)))]);
        if (shown->cols() == m_picture.ternary->cols)
            frame.colProfile = profile.colZeros;
    }
    frame.legendTitle = m_mode->currentText();
    const TensorSpec& spec = m_session->schema()[static_cast<std::size_t>(m_shown)];
    m_matrix->setFrame(frame);
    m_matrix->setFileName(QString::fromStdString(spec.name));
    updateLine();
}

qint64 WeightsView::matrixRow(qint64 shown) const
{
    return m_order.empty() ? shown : m_order[static_cast<std::size_t>(shown)];
}

QString WeightsView::readout(qint64 row, qint64 col) const
{
    const HeatmapData& shown = *m_matrix->view()->data();
    const QLocale locale;
    const qint64 r = matrixRow(row);
    const QString place = tr("cell (%1, %2)").arg(locale.toString(r), locale.toString(col));
    static const QString kSigns[3] = {QStringLiteral("\u2212"
                                                     "1"),
                                      QStringLiteral("0"), QStringLiteral("+1")};
    const float value = shown.at(row, col);
    switch (shown.kind()) {
    case HeatmapKind::Transitions:
        return tr("%1: %2 \u2192 %3")
            .arg(place, kSigns[static_cast<int>(value) / 3], kSigns[static_cast<int>(value) % 3]);
    case HeatmapKind::Ternary: {
        QString text = tr("%1: %2").arg(place, kSigns[m_picture.ternary->at(r, col) + 1]);
        if (m_session->source()->hasLatentWeights() && m_session->tensor() == m_shown) {
            const TensorView view =
                m_session->source()->view(m_session->schema()[static_cast<std::size_t>(m_shown)].name);
            float latent = 0.0f;
            copyToFloat(view, r * shown.cols() + col, {&latent, 1});
            text += tr(" \u00b7 latent %1 \u00b7 margin %2")
                        .arg(locale.toString(static_cast<double>(latent), 'g', 4),
                             locale.toString(marginToFlip(latent, m_picture.scale), 'g', 3));
        }
        return text;
    }
    default:
        break;
    }
    if (static_cast<WeightMode>(m_mode->currentData().toInt()) == WeightMode::PackedBytes) {
        QString weights;
        for (qint64 k = col * 4; k < std::min<qint64>(col * 4 + 4, m_picture.ternary->cols); ++k)
            weights += QLatin1Char(' ') + kSigns[m_picture.ternary->at(r, k) + 1];
        return tr("byte (%1, %2): 0x%3 \u00b7 weights%4")
            .arg(locale.toString(r), locale.toString(col),
                 QString::number(static_cast<int>(value), 16).rightJustified(2, QLatin1Char('0')), weights);
    }
    return tr("%1: %2").arg(place, locale.toString(static_cast<double>(value), 'g', 5));
}

// Of the selection, the cursor's cell, or the whole tensor.
void WeightsView::updateLine()
{
    const HeatmapView* view = m_matrix->view();
    if (!view->data())
        return;
    const QLocale locale;
    const HeatmapSelection area = view->selection();
    const auto counted = [&](const TernaryCounts& counts, const QString& what) {
        const auto percent = [&](std::int64_t part) {
            return locale.toString(100.0 * static_cast<double>(part) / static_cast<double>(counts.total()),
                                   'f', 1);
        };
        return tr("%1: \u2212"
                  "1 %2 % \u00b7 0 %3 % \u00b7 +1 %4 % of %5 weights \u00b7 entropy %6 bits")
            .arg(what, percent(counts.minus), percent(counts.zero), percent(counts.plus),
                 locale.toString(static_cast<qint64>(counts.total())),
                 locale.toString(counts.entropyBits(), 'f', 3));
    };
    if (!area.isEmpty()) {
        const QString what =
            tr("%1 \u00d7 %2 selected").arg(locale.toString(area.rows), locale.toString(area.cols));
        if (m_picture.ternary && view->data()->cols() == m_picture.ternary->cols) {
            TernaryCounts counts;
            for (qint64 row = area.row; row < area.row + area.rows; ++row) {
                const TernaryCounts line =
                    countTernary(*m_picture.ternary, matrixRow(row), area.col, 1, area.cols);
                counts.minus += line.minus;
                counts.zero += line.zero;
                counts.plus += line.plus;
            }
            m_matrix->setLine(counted(counts, what));
            return;
        }
        double sum = 0.0, squares = 0.0;
        std::vector<float> values(static_cast<std::size_t>(area.cols));
        for (qint64 row = area.row; row < area.row + area.rows; ++row) {
            view->data()->read(row, area.col, values);
            for (const float value : values) {
                sum += value;
                squares += static_cast<double>(value) * value;
            }
        }
        const double count = static_cast<double>(area.rows * area.cols), mean = sum / count;
        m_matrix->setLine(
            tr("%1: mean %2, deviation %3")
                .arg(what, locale.toString(mean, 'g', 5),
                     locale.toString(std::sqrt(std::max(0.0, squares / count - mean * mean)), 'g', 5)));
        return;
    }
    if (view->cursorCell().isValid()) {
        m_matrix->setLine(readout(view->cursorCell().row, view->cursorCell().col));
        return;
    }
    if (m_picture.ternary)
        m_matrix->setLine(
            counted(countTernary(*m_picture.ternary), tr("Whole matrix")) +
            tr(" \u00b7 scale %1").arg(locale.toString(static_cast<double>(m_picture.scale), 'g', 4)));
    else
        m_matrix->setLine(
            tr("%1 \u00d7 %2 values")
                .arg(locale.toString(view->data()->rows()), locale.toString(view->data()->cols())));
}

void WeightsView::showProfile(const QString& title, const QString& axis, std::vector<double> values)
{
    PlotSeries series;
    series.name = title;
    series.x.resize(values.size());
    std::iota(series.x.begin(), series.x.end(), 0.0);
    series.y = std::move(values);
    m_profilePlot->setTitle(title);
    m_profilePlot->setXAxis({.title = axis});
    m_profilePlot->setYAxis({.title = m_mode->currentText()});
    m_profilePlot->setSeries({series});
    m_profilePlot->show();
}

bool WeightsView::isSettled() const
{
    return m_session->tensor() < 0 || (m_job == 0 && !m_stale && m_matrix->view()->isSettled());
}

} // namespace mmfree::gui
