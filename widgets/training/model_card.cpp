#include "widgets/training/model_card.h"

#include "widgets/theme/theme.h"
#include "widgets/views/text_format.h"

#include <QComboBox>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

enum StartChoice { kFresh, kBundled, kChoose, kChosen };

QSpinBox* sizeBox(const QString& name, const QString& hint, int low, int high, int step)
{
    auto* box = new QSpinBox;
    box->setRange(low, high);
    box->setSingleStep(step);
    box->setGroupSeparatorShown(true);
    box->setFixedWidth(12 * kGrid);
    box->setAccessibleName(name);
    box->setToolTip(hint);
    return box;
}

QLabel* estimate(QFormLayout* form, const QString& name, const QString& hint)
{
    auto* label = new QLabel(name);
    setTextRole(label, TextRole::Muted);
    label->setToolTip(hint);
    auto* value = new QLabel;
    value->setAccessibleName(name);
    value->setToolTip(hint);
    form->addRow(label, value);
    return value;
}

} // namespace

ModelCard::ModelCard(TrainingSetup* setup, const QString& bundledModel, QWidget* parent)
    : QWidget(parent)
    , m_setup(setup)
    , m_start(new QComboBox)
    , m_preset(new QComboBox)
    , m_architecture(new QComboBox)
    , m_backend(new QComboBox)
    , m_layers(sizeBox(tr("Layers"), tr("Blocks, one after another"), 1, 4096, 1))
    , m_hidden(sizeBox(tr("Hidden size"), tr("Width of the state and of everything between blocks"), 16,
                       65536, 64))
    , m_intermediate(sizeBox(tr("GLU width"), tr("Inner width of the channel mixer"), 16, 262144, 64))
    , m_threads(sizeBox(tr("Threads"), tr("Processor threads; 0: all cores"), 0, 1024, 1))
    , m_measure(new QPushButton(tr("&Measure for two seconds")))
{
    m_start->addItem(tr("New weights"), kFresh);
    if (!bundledModel.isEmpty())
        m_start->addItem(tr("The bundled model, trained further"), kBundled);
    m_start->addItem(tr("Another model, trained further\u2026"), kChoose);
    m_start->setObjectName(QStringLiteral("startFrom"));
    m_preset->addItem(tr("Tiny: about a minute on two cores"), static_cast<int>(ModelPreset::Tiny));
    m_preset->addItem(tr("Small: some minutes"), static_cast<int>(ModelPreset::Small));
    m_preset->addItem(tr("Published 370M"), static_cast<int>(ModelPreset::Published370M));
    m_preset->addItem(tr("Published 1.3B"), static_cast<int>(ModelPreset::Published1300M));
    m_preset->addItem(tr("Published 2.7B"), static_cast<int>(ModelPreset::Published2700M));
    m_preset->addItem(tr("Custom"), static_cast<int>(ModelPreset::Custom));
    m_preset->setObjectName(QStringLiteral("modelPreset"));
    m_architecture->addItem(tr("MatMul-free (ternary, MLGRU)"), static_cast<int>(Architecture::MatMulFree));
    m_architecture->addItem(tr("Dense (Transformer++)"), static_cast<int>(Architecture::Transformer));
    m_architecture->setObjectName(QStringLiteral("modelArchitecture"));
    m_backend->addItem(tr("The fastest that trains this model"), QStringLiteral("auto"));
    for (const auto& backend : setup->backends()) {
        const QString name = QString::fromStdString(backend->name());
        if (backend->supports(Architecture::MatMulFree, Work::Training) ||
            backend->supports(Architecture::Transformer, Work::Training))
            m_backend->addItem(backendTitle(name), name);
    }
    for (auto [box, name] : {std::pair{m_start, tr("Start from")},
                             {m_preset, tr("Shape")},
                             {m_architecture, tr("Architecture")},
                             {m_backend, tr("Backend")}}) {
        box->setAccessibleName(name);
        box->setMinimumWidth(32 * kGrid);
    }
    auto* form = new QFormLayout;
    form->setVerticalSpacing(kGrid);
    form->addRow(tr("&Start from"), m_start);
    form->addRow(tr("S&hape"), m_preset);
    form->addRow(tr("&Architecture"), m_architecture);
    form->addRow(tr("&Layers"), m_layers);
    form->addRow(tr("Hi&dden size"), m_hidden);
    form->addRow(tr("&GLU width"), m_intermediate);
    form->addRow(tr("&Backend"), m_backend);
    form->addRow(tr("&Threads"), m_threads);

    auto* title = new QLabel(tr("Estimates"));
    setTextRole(title, TextRole::Section);
    auto* estimates = new QFormLayout;
    estimates->setVerticalSpacing(kGrid);
    estimates->setHorizontalSpacing(3 * kGrid);
    m_parameters = estimate(estimates, tr("Parameters"), tr("Numbers that are learned"));
    m_memory = estimate(estimates, tr("Memory"), tr("All parts together, beside what this machine has"));
    m_weights =
        estimate(estimates, tr("Weights and gradients"), tr("32-bit latents, their ternary copy, gradients"));
    m_optimizer = estimate(estimates, tr("Optimiser"), tr("AdamW's two moments"));
    m_activations = estimate(estimates, tr("Activations"), tr("Grows with batch and length"));
    m_speed = estimate(estimates, tr("Speed"), tr("Measured with this model, batch and text"));
    m_time = estimate(estimates, tr("First 1,000 steps"), tr("At the measured speed"));
    m_where = estimate(estimates, tr("Measured on"), tr("What computed the probe"));
    for (QLabel* label : {m_where, m_speed})
        label->setWordWrap(true);
    auto* right = new QVBoxLayout;
    right->addWidget(title);
    right->addLayout(estimates);
    right->addSpacing(kGrid);
    right->addWidget(m_measure, 0, Qt::AlignLeft);
    right->addStretch(1);
    auto* left = new QVBoxLayout;
    left->addLayout(form);
    left->addStretch(1);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(4 * kGrid);
    layout->addLayout(left, 1);
    layout->addLayout(right, 1);

    connect(m_start, &QComboBox::activated, this, [this, bundledModel](int index) {
        switch (m_start->itemData(index).toInt()) {
        case kFresh:
            m_setup->setBaseModel({});
            return;
        case kBundled:
            m_setup->setBaseModel(bundledModel);
            return;
        case kChoose: {
            const QString folder = QFileDialog::getExistingDirectory(
                this, tr("Model or run to train further"), QDir::homePath());
            if (!folder.isEmpty())
                m_setup->setBaseModel(folder);
            refresh();
            return;
        }
        default:
            return;
        }
    });
    const auto preset = [this] {
        m_setup->setPreset(static_cast<ModelPreset>(m_preset->currentData().toInt()),
                           static_cast<Architecture>(m_architecture->currentData().toInt()));
    };
    connect(m_preset, &QComboBox::activated, this, preset);
    connect(m_architecture, &QComboBox::activated, this, preset);
    for (QSpinBox* box : {m_layers, m_hidden, m_intermediate})
        connect(box, &QSpinBox::valueChanged, this, &ModelCard::applyShape);
    const auto execution = [this] {
        m_setup->setExecution(m_backend->currentData().toString(), m_threads->value());
    };
    connect(m_backend, &QComboBox::activated, this, execution);
    connect(m_threads, &QSpinBox::valueChanged, this, execution);
    connect(m_measure, &QPushButton::clicked, setup, &TrainingSetup::measure);
    connect(setup, &TrainingSetup::changed, this, &ModelCard::refresh);
    refresh();
}

void ModelCard::applyShape()
{
    ModelConfig config = m_setup->values().model;
    config.layerCount = m_layers->value();
    if (config.hiddenSize != m_hidden->value() &&
        m_intermediate->value() == defaultIntermediateSize(config.hiddenSize))
        config.intermediateSize = defaultIntermediateSize(m_hidden->value());
    else
        config.intermediateSize = m_intermediate->value();
    config.hiddenSize = m_hidden->value();
    if (config.architecture == Architecture::Transformer)
        config.headCount = config.keyValueHeadCount = std::max<qint64>(1, config.hiddenSize / 64);
    m_setup->setPreset(ModelPreset::Custom, config.architecture);
    m_setup->setModel(config);
}

void ModelCard::refresh()
{
    const SetupValues& values = m_setup->values();
    const ModelConfig& model = values.model;
    for (QSpinBox* box : {m_layers, m_hidden, m_intermediate, m_threads})
        box->blockSignals(true);
    const bool further = !values.baseModel.isEmpty();
    const int chosen = m_start->findData(kChosen);
    const bool bundled = further && m_start->findData(kBundled) >= 0 && chosen < 0 &&
                         m_start->currentData().toInt() == kBundled;
    if (chosen >= 0)
        m_start->removeItem(chosen);
    if (further && !bundled) {
        m_start->addItem(tr("%1, trained further").arg(QFileInfo(values.baseModel).fileName()), kChosen);
        m_start->setCurrentIndex(m_start->findData(kChosen));
    } else if (!further) {
        m_start->setCurrentIndex(m_start->findData(kFresh));
    }
    m_preset->setCurrentIndex(m_preset->findData(static_cast<int>(values.preset)));
    m_architecture->setCurrentIndex(m_architecture->findData(static_cast<int>(model.architecture)));
    m_layers->setValue(static_cast<int>(model.layerCount));
    m_hidden->setValue(static_cast<int>(model.hiddenSize));
    m_intermediate->setValue(static_cast<int>(model.intermediateSize));
    m_threads->setValue(values.threads);
    m_backend->setCurrentIndex(std::max(0, m_backend->findData(values.backend)));
    for (QWidget* widget : QList<QWidget*>{m_preset, m_architecture, m_layers, m_hidden, m_intermediate})
        widget->setEnabled(!further);
    for (QSpinBox* box : {m_layers, m_hidden, m_intermediate, m_threads})
        box->blockSignals(false);

    const MemoryEstimate memory = estimateMemory(model, values.options);
    const ProbeReport& probe = m_setup->probe();
    m_parameters->setText(tr("%1 (%2 of them ternary)").arg(countText(parameterCount(model)), [&] {
        qint64 ternary = 0, all = 0;
        for (const TensorSpec& spec : tensorSchema(model)) {
            const qint64 count = elementCount(spec.shape);
            all += count;
            ternary += spec.role == TensorRole::TernaryWeight ? count : 0;
        }
        return QLocale().toString(100.0 * static_cast<double>(ternary) /
                                      static_cast<double>(std::max<qint64>(all, 1)),
                                  'f', 0) +
               tr(" %");
    }()));
    m_memory->setText(tr("%1 of %2").arg(bytesText(memory.total()), bytesText(machineMemoryBytes())));
    m_weights->setText(bytesText(memory.weights + memory.gradients));
    m_optimizer->setText(bytesText(memory.moments));
    m_activations->setText(probe.activationBytes > 0
                               ? tr("%1 (measured)").arg(bytesText(probe.activationBytes))
                               : bytesText(memory.activations));
    const bool measured = probe.tokensPerSecond > 0.0;
    const QString none = QStringLiteral("\u2013");
    m_speed->setText(measured ? rateText(probe.tokensPerSecond) : none);
    const double tokens = 1000.0 * static_cast<double>(values.options.batch * values.options.length *
                                                       values.options.accumulate);
    m_time->setText(measured ? durationText(tokens / probe.tokensPerSecond) : none);
    m_where->setText(measured ? probe.backend : none);
    m_measure->setEnabled(m_setup->tokenizer().dataset != nullptr);
}

} // namespace mmfree::gui
