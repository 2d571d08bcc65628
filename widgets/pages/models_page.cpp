#include "widgets/pages/models_page.h"

#include "widgets/actions/action_registry.h"
#include "widgets/pages/page_context.h"
#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/empty_state.h"
#include "widgets/views/text_format.h"
#include "widgets/views/view_parts.h"
#include "widgets/workers/inference_service.h"

#include <QAction>
#include <QFileInfo>
#include <QFormLayout>
#include <QGridLayout>
#include <QHeaderView>
#include <QLabel>
#include <QListWidget>
#include <QLocale>
#include <QPushButton>
#include <QScrollArea>
#include <QStackedLayout>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

constexpr int kPathRole = Qt::UserRole + 1;
constexpr int kDetailsWidth = 960;

void clearRows(QFormLayout* form)
{
    while (form->rowCount() > 0)
        form->removeRow(0);
}

void addRow(QFormLayout* form, const QString& name, const QString& value, const QString& hint = {})
{
    auto* label = new QLabel(name);
    setTextRole(label, TextRole::Muted);
    auto* text = new QLabel(value);
    text->setTextInteractionFlags(Qt::TextSelectableByMouse);
    text->setTextFormat(Qt::PlainText);
    text->setWordWrap(true);
    text->setAccessibleName(name);
    label->setToolTip(hint);
    text->setToolTip(hint);
    form->addRow(label, text);
}

QString roleText(TensorRole role)
{
    switch (role) {
    case TensorRole::Embedding:
        return ModelsPage::tr("embedding");
    case TensorRole::Norm:
        return ModelsPage::tr("norm");
    case TensorRole::LowerBounds:
        return ModelsPage::tr("forget lower bounds");
    case TensorRole::TernaryWeight:
        return ModelsPage::tr("ternary");
    case TensorRole::DenseWeight:
        return ModelsPage::tr("dense");
    }
    return {};
}

qint64 countOf(const Shape& shape)
{
    return static_cast<qint64>(elementCount(shape));
}

} // namespace

ModelsPage::ModelsPage(const PageContext& context, QWidget* parent)
    : Page(parent)
    , m_service(context.service)
    , m_buttons(new QVBoxLayout)
    , m_recent(new QListWidget)
    , m_noRecent(new QLabel(tr("Models you open are listed here.")))
    , m_stack(new QStackedLayout)
    , m_empty(new EmptyState)
{
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(buildSidePanel());
    m_stack->addWidget(m_empty);
    m_stack->addWidget(buildDetails());
    layout->addLayout(m_stack, 1);
    m_empty->setTexts(tr("No model is open"), tr("Open one to see what it is made of and where it can run."));
    connect(m_service, &InferenceService::modelOpened, this, &ModelsPage::showModel);
    connect(m_service, &InferenceService::backendsListed, this, &ModelsPage::showBackends);
    showModel();
}

QWidget* ModelsPage::buildSidePanel()
{
    auto* panel = new QWidget;
    panel->setObjectName(QStringLiteral("sidePanel"));
    panel->setAttribute(Qt::WA_StyledBackground);
    panel->setFixedWidth(248);
    auto* title = new QLabel(tr("Models"));
    setTextRole(title, TextRole::Title);
    auto* recentTitle = new QLabel(tr("Recent"));
    setTextRole(recentTitle, TextRole::Section);
    m_recent->setObjectName(QStringLiteral("recentModels"));
    m_recent->setAccessibleName(tr("Recent models"));
    m_recent->setTextElideMode(Qt::ElideMiddle);
    m_recent->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    connect(m_recent, &QListWidget::itemActivated, this,
            [this](const QListWidgetItem* item) { emit modelChosen(item->data(kPathRole).toString()); });
    m_buttons->setSpacing(kGrid);
    auto* layout = new QVBoxLayout(panel);
    layout->setContentsMargins(kGrid + kGrid / 2, kGrid + 5, kGrid + kGrid / 2, kGrid);
    layout->setSpacing(kGrid);
    layout->addWidget(title);
    layout->addLayout(m_buttons);
    layout->addSpacing(kGrid);
    layout->addWidget(recentTitle);
    m_noRecent->setWordWrap(true);
    setTextRole(m_noRecent, TextRole::SmallMuted);
    layout->addWidget(m_noRecent);
    layout->addWidget(m_recent, 1);
    layout->addStretch();
    setRecentModels({});
    return panel;
}

QFormLayout* ModelsPage::addCard(QVBoxLayout* layout, const QString& title)
{
    auto* card = new QFrame;
    card->setObjectName(QStringLiteral("card"));
    auto* heading = new QLabel(title);
    setTextRole(heading, TextRole::Section);
    auto* inner = new QVBoxLayout(card);
    inner->setContentsMargins(2 * kGrid, kGrid + kGrid / 2, 2 * kGrid, 2 * kGrid);
    inner->setSpacing(kGrid);
    inner->addWidget(heading);
    auto* form = new QFormLayout;
    form->setHorizontalSpacing(3 * kGrid);
    form->setVerticalSpacing(kGrid / 2);
    inner->addLayout(form);
    inner->addStretch(1);
    layout->addWidget(card);
    return form;
}

QWidget* ModelsPage::buildDetails()
{
    auto* content = new QWidget;
    content->setObjectName(QStringLiteral("scrollContent"));
    content->setMaximumWidth(kDetailsWidth);
    m_name = new QLabel;
    setTextRole(m_name, TextRole::Display);
    m_path = new QLabel;
    setTextRole(m_path, TextRole::Muted);
    m_path->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_path->setWordWrap(true);

    auto* left = new QVBoxLayout;
    auto* right = new QVBoxLayout;
    m_shape = addCard(left, tr("Model"));
    m_memory = addCard(right, tr("Size and memory"));
    auto* cards = new QHBoxLayout;
    cards->setSpacing(2 * kGrid);
    cards->addLayout(left, 1);
    cards->addLayout(right, 1);

    m_backends =
        makeTable({tr("Backend"), tr("Device"), tr("Memory"), tr("State")}, tr("Backends and devices"));
    m_backends->setObjectName(QStringLiteral("backendTable"));
    m_backends->header()->setSectionResizeMode(1, QHeaderView::Stretch);
    m_backends->header()->setSectionResizeMode(3, QHeaderView::ResizeToContents);
    connect(m_backends, &QTreeWidget::itemActivated, this, [this](const QTreeWidgetItem* item) {
        if (item->data(0, kPathRole + 1).toBool())
            emit backendChosen(item->data(0, kPathRole).toString());
    });
    auto* backendsTitle =
        new QLabel(tr("Where it can run \u00b7 press Enter on a row to run the model there"));
    setTextRole(backendsTitle, TextRole::Section);
    m_tensors = makeTable({tr("Tensor"), tr("Shape"), tr("Kind"), tr("Parameters")}, tr("Tensors"));
    m_tensors->setObjectName(QStringLiteral("tensorTable"));
    m_tensors->header()->setSectionResizeMode(0, QHeaderView::Stretch);
    auto* tensorsTitle = new QLabel(tr("Tensors"));
    setTextRole(tensorsTitle, TextRole::Section);

    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins(3 * kGrid, 3 * kGrid, 3 * kGrid, 3 * kGrid);
    layout->setSpacing(kGrid);
    layout->addWidget(m_name);
    layout->addWidget(m_path);
    layout->addSpacing(kGrid);
    layout->addLayout(cards);
    layout->addSpacing(kGrid);
    layout->addWidget(backendsTitle);
    layout->addWidget(m_backends);
    layout->addSpacing(kGrid);
    layout->addWidget(tensorsTitle);
    layout->addWidget(m_tensors);
    layout->addStretch(1);
    auto* area = new QScrollArea;
    area->setWidgetResizable(true);
    area->setFocusPolicy(Qt::NoFocus);
    area->setWidget(content);
    return area;
}

QList<QWidget*> ModelsPage::panes() const
{
    return {m_recent->parentWidget(), m_stack->currentWidget()};
}

void ModelsPage::setActions(QAction* openFolder, QAction* openFile)
{
    for (QAction* action : {openFolder, openFile}) {
        auto* button = new QPushButton(action->icon(), ActionRegistry::plainText(action));
        button->setToolTip(action->toolTip());
        connect(button, &QPushButton::clicked, action, &QAction::trigger);
        m_buttons->addWidget(button);
    }
    m_empty->setActions({openFolder, openFile});
}

void ModelsPage::setRecentModels(const QStringList& paths)
{
    m_recent->clear();
    for (const QString& path : paths) {
        auto* item = new QListWidgetItem(QFileInfo(path).fileName(), m_recent);
        item->setToolTip(path);
        item->setData(kPathRole, path);
    }
    m_recent->setVisible(!paths.isEmpty());
    m_noRecent->setVisible(paths.isEmpty());
}

void ModelsPage::showModel()
{
    const auto model = m_service->model();
    m_stack->setCurrentIndex(model ? 1 : 0);
    if (!model)
        return;
    const ModelConfig& config = model->config;
    m_name->setText(model->name);
    m_path->setText(model->path);

    clearRows(m_shape);
    addRow(m_shape, tr("Architecture"),
           config.isTernary() ? tr("MatMul-free (MLGRU, GLU, ternary weights)")
                              : tr("Transformer++ (dense)"));
    addRow(m_shape, tr("Parameters"),
           tr("%1 (%2)").arg(compactCountText(model->parameterCount), countText(model->parameterCount)));
    addRow(m_shape, tr("Layers"), countText(config.layerCount));
    addRow(m_shape, tr("Hidden size"), countText(config.hiddenSize));
    addRow(m_shape, tr("GLU width"), countText(config.intermediateSize));
    addRow(m_shape, tr("Vocabulary"), countText(config.vocabularySize));
    if (!config.isTernary()) {
        addRow(m_shape, tr("Heads"),
               tr("%1, %2 for keys and values").arg(config.headCount).arg(config.keyValueHeadCount));
        addRow(m_shape, tr("Longest text"),
               config.maxPositions > 0 ? tr("%1 tokens").arg(countText(config.maxPositions))
                                       : tr("unlimited"));
    } else {
        addRow(m_shape, tr("Longest text"), tr("unlimited"));
    }

    clearRows(m_memory);
    addRow(m_memory, tr("On disk"), bytesText(static_cast<qint64>(model->fileBytes)));
    addRow(m_memory, tr("Stored weights"),
           model->hasLatentWeights ? tr("latent, packed when opened") : tr("packed ternary"));
    addRow(m_memory, tr("Weights in memory"), bytesText(static_cast<qint64>(model->memory.weightBytes)));
    addRow(m_memory, tr("Bits per parameter"),
           QLocale().toString(8.0 * static_cast<double>(model->memory.weightBytes) /
                                  static_cast<double>(model->parameterCount),
                              'f', 2),
           tr("All weights in memory, embedding and output head included"));
    addRow(m_memory, tr("State"),
           config.isTernary()
               ? tr("%1, whatever the length").arg(bytesText(static_cast<qint64>(model->memory.stateBytes)))
               : tr("%1, grows with the text").arg(bytesText(static_cast<qint64>(model->memory.stateBytes))));
    addRow(m_memory, tr("Workspace"), bytesText(static_cast<qint64>(model->memory.activationBytes)));
    addRow(m_memory, tr("Opened in"), secondsText(model->openSeconds));
    addRow(m_memory, tr("Runs on"), QString::fromStdString(model->executor.description));

    addRow(m_shape, tr("Tokenizer"),
           model->tokenizer ? tr("SentencePiece, %1 pieces").arg(countText(model->tokenizer->size()))
                            : tr("none"));
    addRow(m_shape, tr("Chat template"),
           model->continuesText() ? tr("none: the model continues text")
                                  : QString::fromStdString(model->chatTemplate.name));
    showTensors(config);
    m_service->listBackends();
}

void ModelsPage::showTensors(const ModelConfig& config)
{
    m_tensors->clear();
    for (const TensorSpec& spec : tensorSchema(config)) {
        auto* item = new QTreeWidgetItem({QString::fromStdString(spec.name),
                                          QString::fromStdString(shapeText(spec.shape)), roleText(spec.role),
                                          countText(countOf(spec.shape))});
        item->setTextAlignment(3, Qt::AlignRight | Qt::AlignVCenter);
        m_tensors->addTopLevelItem(item);
    }
    for (int column : {1, 2, 3})
        m_tensors->resizeColumnToContents(column);
    fitRows(m_tensors, 12);
}

void ModelsPage::showBackends()
{
    m_backends->clear();
    const auto model = m_service->model();
    for (const BackendSummary& backend : m_service->backends()) {
        for (const DeviceInfo& device : backend.devices) {
            const bool here =
                model && QString::fromStdString(model->executor.backend) == backend.name && device.usable;
            const QString state = here            ? tr("in use")
                                  : device.usable ? tr("ready")
                                                  : QString::fromStdString(device.reason);
            QStringList details{QString::fromStdString(device.name)};
            for (const std::string& detail : device.details)
                details << QString::fromStdString(detail);
            auto* item = new QTreeWidgetItem(
                {backendTitle(backend.name), details.join(QStringLiteral(" \u00b7 ")),
                 device.memoryBytes > 0 ? bytesText(static_cast<qint64>(device.memoryBytes)) : QString(),
                 state});
            item->setIcon(0, themedIcon(device.usable ? QStringLiteral("check") : QStringLiteral("minus"),
                                        QPalette::PlaceholderText));
            item->setData(0, kPathRole, backend.name);
            item->setData(0, kPathRole + 1, device.usable);
            for (int column = 0; column < 4; ++column)
                item->setToolTip(column, details.join(QLatin1Char('\n')));
            m_backends->addTopLevelItem(item);
        }
    }
    for (int column : {0, 2})
        m_backends->resizeColumnToContents(column);
    fitRows(m_backends, 6);
}

} // namespace mmfree::gui
