#include "widgets/pages/explore_page.h"

#include "widgets/actions/action_registry.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/explore/activations_view.h"
#include "widgets/explore/distribution_view.h"
#include "widgets/explore/explorer_session.h"
#include "widgets/explore/flow_view.h"
#include "widgets/explore/state_panels.h"
#include "widgets/explore/state_view.h"
#include "widgets/explore/tensor_tree.h"
#include "widgets/explore/weights_view.h"
#include "widgets/explore/what_if_view.h"
#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/empty_state.h"
#include "widgets/views/message_bar.h"
#include "widgets/views/token_strip.h"
#include "widgets/workers/inference_service.h"

#include <QAction>
#include <QDataStream>
#include <QDir>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QMenu>
#include <QProgressBar>
#include <QSplitter>
#include <QStackedLayout>
#include <QTabBar>
#include <QTabWidget>
#include <QToolButton>
#include <QTreeView>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

// Names for showView(), in the order of the tabs.
const QStringList kViews{QStringLiteral("weights"),     QStringLiteral("distribution"),
                         QStringLiteral("activations"), QStringLiteral("state"),
                         QStringLiteral("flow"),        QStringLiteral("whatif")};

} // namespace

ExplorePage::ExplorePage(const PageContext& context, QWidget* parent)
    : Page(parent)
    , m_context(context)
    , m_session(new ExplorerSession(context.backends,
                                    context.dataFolder.isEmpty()
                                        ? QString()
                                        : QDir(context.dataFolder).filePath(QStringLiteral("statistics")),
                                    this))
    , m_stack(new QStackedLayout(this))
    , m_empty(new EmptyState)
{
    m_content = buildMain();
    m_stack->addWidget(m_empty);
    m_stack->addWidget(m_content);
    addActions();
    connectSession();
    m_empty->setTexts(
        tr("Look inside a model"),
        tr("Open a model to see its weights, states and gates. The explorer follows the model of the chat."));
}

ExplorePage::~ExplorePage() = default;

QWidget* ExplorePage::buildMain()
{
    m_tree = new TensorTree(m_session);
    auto* right = new QWidget;
    auto* layout = new QVBoxLayout(right);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);

    auto* header = new QFrame;
    header->setObjectName(QStringLiteral("pageHeader"));
    auto* line = new QHBoxLayout(header);
    line->setContentsMargins(2 * kGrid, kGrid / 2, 2 * kGrid, kGrid / 2);
    line->setSpacing(kGrid);
    m_name = new QLabel;
    setTextRole(m_name, TextRole::Muted);
    m_badge = new QLabel;
    setTextRole(m_badge, TextRole::SmallMuted);
    m_busy = new QProgressBar;
    m_busy->setRange(0, 0);
    m_busy->setTextVisible(false);
    m_busy->setFixedWidth(72);
    m_busy->setAccessibleName(tr("The explorer is working"));
    m_compare = new QToolButton;
    m_compare->setText(tr("Compare with\u2026"));
    m_compare->setPopupMode(QToolButton::InstantPopup);
    m_compare->setToolTip(
        tr("A reference checkpoint of the same shape: differences in the tree and the Weights view"));
    line->addWidget(m_name, 1);
    line->addWidget(m_badge);
    line->addWidget(m_busy);
    line->addWidget(m_compare);
    layout->addWidget(header);

    m_tabs = new QTabWidget;
    m_tabs->setDocumentMode(true);
    m_weights = new WeightsView(m_session);
    m_tabs->addTab(m_weights, tr("Weights"));
    m_distribution = new DistributionView(m_session);
    m_tabs->addTab(m_distribution, tr("Distribution"));
    m_activations = new ActivationsView(m_session);
    m_tabs->addTab(m_activations, tr("Activations"));
    m_state = new StateView(m_session);
    m_tabs->addTab(m_state, tr("State"));
    m_flow = new FlowView(m_session);
    m_tabs->addTab(m_flow, tr("Flow"));
    m_whatIf = new WhatIfView(m_session);
    m_tabs->addTab(m_whatIf, tr("What if"));
    layout->addWidget(m_tabs, 1);
    layout->addWidget(m_textPanel = buildTextPanel());
    m_textPanel->setVisible(false);
    connect(m_tabs, &QTabWidget::currentChanged, this, [this](int index) {
        m_textPanel->setVisible(index > 1); // weights and their distribution need no text
    });

    m_splitter = new QSplitter(Qt::Horizontal);
    m_splitter->addWidget(m_tree);
    m_splitter->addWidget(right);
    m_splitter->setStretchFactor(1, 1);
    m_tree->setMinimumWidth(248);
    m_splitter->setSizes({368, 900});
    m_splitter->setChildrenCollapsible(false);
    return m_splitter;
}

QWidget* ExplorePage::buildTextPanel()
{
    auto* panel = new QFrame;
    panel->setObjectName(QStringLiteral("sidePanel"));
    auto* layout = new QVBoxLayout(panel);
    layout->setContentsMargins(2 * kGrid, kGrid, 2 * kGrid, kGrid);
    layout->setSpacing(kGrid / 2);
    m_text = new QLineEdit;
    m_text->setObjectName(QStringLiteral("explorerText"));
    m_text->setAccessibleName(tr("Text to look at"));
    m_text->setPlaceholderText(tr("Text to look at; Enter reads it"));
    auto* messages = new QToolButton;
    messages->setText(tr("From chat"));
    messages->setPopupMode(QToolButton::InstantPopup);
    messages->setToolTip(tr("Take a message of the open conversation"));
    m_messages = new QMenu(messages);
    messages->setMenu(m_messages);
    auto* row = new QHBoxLayout;
    row->setSpacing(kGrid);
    row->addWidget(m_text, 1);
    row->addWidget(messages);
    m_followChat = new QToolButton;
    m_followChat->setText(tr("Follow chat"));
    m_followChat->setCheckable(true);
    m_followChat->setToolTip(tr("Read along while the chat writes, at most 15 times a second"));
    m_followChat->setVisible(m_context.chat != nullptr);
    row->addWidget(m_followChat);
    m_followTimer.setSingleShot(true);
    m_followTimer.setInterval(66);
    m_strip = new TokenStrip(TokenStrip::Layout::OneLine);
    m_strip->setEmptyText(tr("The text's tokens appear here."));
    layout->addLayout(row);
    layout->addWidget(m_strip);
    connect(m_text, &QLineEdit::returnPressed, this, &ExplorePage::applyText);
    connect(m_messages, &QMenu::aboutToShow, this, &ExplorePage::fillMessages);
    connect(&m_followTimer, &QTimer::timeout, this, [this] { read(m_written); });
    if (m_context.chat)
        connect(m_context.chat, &ChatController::textGrew, this, [this](qint64, const QString& text) {
            m_written = text;
            if (m_followChat->isChecked() && isVisible() && !m_followTimer.isActive())
                m_followTimer.start();
        });
    return panel;
}

void ExplorePage::addActions()
{
    ActionRegistry* actions = m_context.actions;
    if (!actions)
        return;
    const QString category = tr("Explore");
    connect(actions->add({"explore.filter",
                          category,
                          tr("&Filter tensors"),
                          "search",
                          {QKeySequence(tr("Ctrl+L"))},
                          {},
                          this}),
            &QAction::triggered, this, [this] {
                m_tree->filterEdit()->setFocus(Qt::ShortcutFocusReason);
                m_tree->filterEdit()->selectAll();
            });
    connect(actions->add({"explore.stop", category, tr("&Stop reading and measuring"), "stop", {}, {}, this}),
            &QAction::triggered, this, &ExplorePage::stopRunning);
    QAction* file = actions->add(
        {"explore.compareFile", category, tr("Compare with a packed &model\u2026"), "file", {}, {}, this});
    QAction* folder = actions->add({"explore.compareFolder",
                                    category,
                                    tr("Compare with a &checkpoint folder\u2026"),
                                    "folder",
                                    {},
                                    {},
                                    this});
    QAction* none =
        actions->add({"explore.compareNone", category, tr("Compare with &nothing"), "close", {}, {}, this});
    connect(file, &QAction::triggered, this, [this] { chooseReference(false); });
    connect(folder, &QAction::triggered, this, [this] { chooseReference(true); });
    connect(none, &QAction::triggered, this, [this] { m_session->setReference({}); });
    auto* menu = new QMenu(m_compare);
    menu->addActions({folder, file, none});
    m_compare->setMenu(menu);
}

QStringList ExplorePage::menuActions() const
{
    return {"explore.filter",        "explore.stop",        "",
            "explore.compareFolder", "explore.compareFile", "explore.compareNone"};
}

void ExplorePage::connectSession()
{
    connect(m_session, &ExplorerSession::modelChanged, this, &ExplorePage::showModel);
    connect(m_session, &ExplorerSession::openingFailed, this,
            [this](const QString& path, const ErrorInfo& error) {
                m_stack->setCurrentWidget(m_empty);
                m_empty->setTexts(errorTitle(error.code), path + QStringLiteral("\n") + error.message);
            });
    connect(m_session, &ExplorerSession::problem, this, &ExplorePage::report);
    connect(m_session, &ExplorerSession::busyChanged, this, &ExplorePage::updateBusy);
    connect(m_session, &ExplorerSession::captureChanged, this, &ExplorePage::updateBusy);
    connect(m_session, &ExplorerSession::tokensChanged, this, &ExplorePage::fillStrip);
    connect(m_session, &ExplorerSession::referenceChanged, this, [this] {
        m_compare->setText(
            m_session->reference()
                ? tr("Compared with %1").arg(QString::fromStdString(m_session->reference()->name()))
                : tr("Compare with\u2026"));
    });
    connect(m_session, &ExplorerSession::tokenPicked, m_strip, &TokenStrip::setCurrent);
    connect(m_strip, &TokenStrip::currentChanged, m_session, &ExplorerSession::pickToken);
    for (const auto signal :
         {&ExplorerSession::tensorPicked, &ExplorerSession::layerPicked, &ExplorerSession::tokenPicked})
        connect(m_session, signal, this, &ExplorePage::publish);
    connect(m_strip, &TokenStrip::rangeChanged, m_session, &ExplorerSession::pickRange);
    connect(m_session, &ExplorerSession::tokenValuesShown, this,
            [this](const std::vector<float>& values, const QStringList& notes, float high) {
                m_strip->setScale(TokenStrip::Scale::Sequential, 0.0f, high);
                m_strip->setValues(values, notes);
            });
    connect(m_weights, &WeightsView::problem, this, &ExplorePage::report);
    connect(m_activations, &ActivationsView::problem, this, &ExplorePage::report);
    connect(m_state, &StateView::problem, this, &ExplorePage::report);
    connect(m_whatIf, &WhatIfView::problem, this, &ExplorePage::report);
    connect(m_weights, &WeightsView::cellPicked, this, [this](qint64 row, qint64 col) {
        m_row = row;
        m_column = col;
        publish();
    });
    connect(m_tree, &TensorTree::opened, this, [this] {
        m_tabs->setCurrentWidget(m_weights);
        m_weights->setFocus();
    });
    if (m_context.service)
        connect(m_context.service, &InferenceService::modelOpened, this, [this] {
            if (isVisible())
                openServiceModel();
        });
    if (m_context.selection)
        connect(m_context.selection, &SelectionBus::changed, this, &ExplorePage::follow);
    updateBusy();
}

void ExplorePage::showEvent(QShowEvent*)
{
    m_wasShown = true;
    // A checkpoint picked on another page goes before the model of the chat.
    if (m_context.selection && !m_context.selection->current().checkpoint.isEmpty())
        m_session->openModel(m_context.selection->current().checkpoint);
    else
        openServiceModel();
}

void ExplorePage::openServiceModel()
{
    if (m_context.service && m_context.service->model())
        m_session->openModel(m_context.service->model()->path);
}

void ExplorePage::showModel()
{
    const ModelConfig& config = m_session->config();
    const QLocale locale;
    m_name->setText(tr("%1 \u00b7 %2 layers \u00b7 hidden size %3 \u00b7 %4 parameters")
                        .arg(QString::fromStdString(m_session->source()->name()),
                             locale.toString(static_cast<qint64>(config.layerCount)),
                             locale.toString(static_cast<qint64>(config.hiddenSize)),
                             locale.toString(static_cast<qint64>(parameterCount(config)))));
    m_stack->setCurrentWidget(m_content);
    if (m_session->tokens().empty()) {
        m_text->setText(
            m_session->tokenizer()
                ? QStringLiteral("The man with the red hair looked at the dog, and the dog looked at "
                                 "the man with the red hair.")
                : QStringLiteral("1, 17, 203, 44, 9, 17, 203, 44, 5, 99, 17, 203"));
        applyText();
    }
}

void ExplorePage::applyText()
{
    m_session->setText(m_text->text());
}

// The field shows one line; the session reads the text as it is.
void ExplorePage::read(const QString& text)
{
    m_text->setText(text.simplified());
    m_session->setText(text);
}

void ExplorePage::fillStrip()
{
    std::vector<StripToken> tokens;
    for (const TokenId id : m_session->tokens())
        tokens.push_back({.text = m_session->tokenText(id), .special = m_session->isSpecial(id), .note = {}});
    m_strip->setTokens(std::move(tokens));
    m_strip->setCurrent(m_session->token());
}

void ExplorePage::fillMessages()
{
    m_messages->clear();
    if (m_context.chat) {
        for (const Message& message : m_context.chat->messages()) {
            const QString title = titleFromText(message.text);
            QAction* action =
                m_messages->addAction((message.role == ChatRole::User ? tr("You: %1") : tr("Model: %1"))
                                          .arg(QString(title).replace('&', "&&")));
            connect(action, &QAction::triggered, this, [this, text = message.text] { read(text); });
        }
    }
    if (m_messages->isEmpty())
        m_messages->addAction(tr("The open conversation has no messages"))->setEnabled(false);
}

void ExplorePage::follow(const Selection& selection, QObject* origin)
{
    if (origin == this)
        return;
    const QString model = selection.checkpoint.isEmpty() ? selection.model : selection.checkpoint;
    m_following = true;
    if (!model.isEmpty() && model != m_session->path() && m_wasShown)
        m_session->openModel(model);
    if (m_session->isOpen()) {
        m_session->pickTensor(m_session->tensorIndex(selection.tensor));
        if (selection.layer >= 0)
            m_session->pickLayer(selection.layer);
        if (!selection.text.isEmpty() && selection.text != m_session->text()) {
            read(selection.text);
        }
        if (selection.token >= 0)
            m_session->pickToken(static_cast<int>(selection.token));
    }
    m_following = false;
}

void ExplorePage::publish()
{
    if (!m_context.selection || m_following || !m_session->isOpen())
        return;
    Selection selection = m_context.selection->current();
    selection.model = m_session->path();
    selection.layer = m_session->layer();
    selection.token = m_session->token();
    selection.text = m_session->text();
    selection.row = m_row;
    selection.column = m_column;
    if (m_session->tensor() >= 0)
        selection.tensor =
            QString::fromStdString(m_session->schema()[static_cast<std::size_t>(m_session->tensor())].name);
    m_context.selection->publish(selection, this);
}

void ExplorePage::updateBusy()
{
    m_busy->setVisible(m_session->isBusy());
    std::uint64_t bytes = 0;
    if (const SharedCapture capture = m_session->captured()) {
        for (const auto& [point, traced] : capture->trace.entries)
            bytes += traced.values.size() * sizeof(float);
    }
    const QString size = QLocale().formattedDataSize(static_cast<qint64>(bytes));
    m_badge->setText(m_session->isCapturing() ? tr("Capturing\u2026")
                     : bytes > 0              ? tr("Captured %1").arg(size)
                                              : QString());
}

void ExplorePage::chooseReference(bool folder)
{
    const QString path =
        folder ? QFileDialog::getExistingDirectory(this, tr("Checkpoint to compare with"))
               : QFileDialog::getOpenFileName(this, tr("Model to compare with"), {},
                                              tr("Packed models (*.safetensors);;All files (*)"));
    if (!path.isEmpty())
        m_session->setReference(path);
}

void ExplorePage::report(const QString& title, const QString& detail)
{
    if (m_context.messages)
        m_context.messages->showMessage(MessageBar::Severity::Error, title, detail);
}

QList<QWidget*> ExplorePage::panes() const
{
    if (m_stack->currentWidget() != m_content)
        return {m_empty};
    QList<QWidget*> result{m_tree->view(), m_tabs->tabBar(), m_tabs->currentWidget()};
    if (m_textPanel->isVisible())
        result << m_text << m_strip;
    return result;
}

QByteArray ExplorePage::saveLayout() const
{
    QByteArray bytes;
    QDataStream stream(&bytes, QIODevice::WriteOnly);
    stream << m_splitter->saveState() << m_tree->saveLayout() << qint32(m_tabs->currentIndex());
    return bytes;
}

void ExplorePage::restoreLayout(const QByteArray& layout)
{
    if (layout.isEmpty())
        return;
    QByteArray splitter, tree;
    qint32 tab = 0;
    QDataStream stream(layout);
    stream >> splitter >> tree >> tab;
    if (stream.status() != QDataStream::Ok)
        return;
    m_splitter->restoreState(splitter);
    m_tree->restoreLayout(tree);
    if (tab >= 0 && tab < m_tabs->count())
        m_tabs->setCurrentIndex(tab);
}

bool ExplorePage::showView(const QString& name)
{
    // "state/match": a panel of the State tab.
    const QString part = name.section(QLatin1Char('/'), 1);
    const qsizetype index = kViews.indexOf(name.section(QLatin1Char('/'), 0, 0));
    if (index < 0)
        return false;
    if (!part.isEmpty() && (m_tabs->widget(static_cast<int>(index)) != m_state || !m_state->showPanel(part)))
        return false;
    m_tabs->setCurrentIndex(static_cast<int>(index));
    return true;
}

bool ExplorePage::isSettled() const
{
    if (m_session->isOpening() || m_session->isMeasuring() || m_session->isBusy())
        return false;
    const QWidget* shown = m_tabs->currentWidget();
    return (shown != m_weights || m_weights->isSettled()) &&
           (shown != m_distribution || m_distribution->isSettled()) &&
           (shown != m_activations || m_activations->isSettled()) &&
           (shown != m_state || m_state->isSettled()) && (shown != m_flow || m_flow->isSettled()) &&
           (shown != m_whatIf || m_whatIf->isSettled());
}

void ExplorePage::startWorking()
{
    if (m_stack->currentWidget() == m_content)
        m_tree->view()->setFocus(Qt::OtherFocusReason);
    else
        setFocus(Qt::OtherFocusReason);
}

// Esc stops, unless what has the focus used it.
void ExplorePage::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Escape && m_session->isBusy())
        stopRunning();
    else
        Page::keyPressEvent(event);
}

void ExplorePage::stopRunning()
{
    m_session->cancelAll();
}

} // namespace mmfree::gui
