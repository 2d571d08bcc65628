#include "widgets/explore/what_if_view.h"

#include "engine/core/error.h"
#include "widgets/explore/matrix_panel.h"
#include "widgets/explore/state_panels.h"
#include "widgets/theme/theme.h"

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFrame>
#include <QGroupBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QLocale>
#include <QPushButton>
#include <QRegularExpression>
#include <QSplitter>
#include <QTableWidget>
#include <QToolButton>
#include <QUndoCommand>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <set>

namespace mmfree::gui
{

namespace
{

constexpr int kContinuation = 24;
constexpr std::size_t kShownTokens = 10;
constexpr int kDelayMilliseconds = 120; // several edits in a row are compared once

QToolButton* tool(const QString& text, const QString& hint)
{
    auto* button = new QToolButton;
    button->setText(text);
    button->setToolTip(hint);
    return button;
}

std::vector<double> probabilities(const std::vector<float>& logits)
{
    const double greatest = *std::max_element(logits.begin(), logits.end());
    std::vector<double> result(logits.size());
    double sum = 0.0;
    for (std::size_t i = 0; i < logits.size(); ++i)
        sum += result[i] = std::exp(logits[i] - greatest);
    for (double& value : result)
        value /= sum;
    return result;
}

} // namespace

std::vector<std::int32_t> parseChannels(const QString& text, std::int64_t width)
{
    static const QRegularExpression pattern(QStringLiteral("^\\s*(\\d{1,9})(?:\\s*-\\s*(\\d{1,9}))?\\s*$"));
    std::set<std::int32_t> channels;
    const QStringList entries = text.split(QLatin1Char(','), Qt::SkipEmptyParts);
    for (const QString& entry : entries) {
        const auto match = pattern.match(entry);
        const qint64 first = match.captured(1).toLongLong();
        const qint64 last = match.captured(2).isEmpty() ? first : match.captured(2).toLongLong();
        if (!match.hasMatch() || last < first || last >= width)
            throw Error(ErrorCode::InvalidArgument, "channels: \"" + entry.trimmed().toStdString() +
                                                        "\", needed: numbers or ranges from 0 to " +
                                                        std::to_string(width - 1));
        for (qint64 channel = first; channel <= last; ++channel)
            channels.insert(static_cast<std::int32_t>(channel));
    }
    if (channels.empty())
        throw Error(ErrorCode::InvalidArgument, "channels: none given, needed: for example 3, 17-20");
    return {channels.begin(), channels.end()};
}

class WhatIfView::EditCommand : public QUndoCommand
{
public:
    EditCommand(WhatIfView* view, const QString& text, WeightEdit edit)
        : QUndoCommand(text)
        , m_view(view)
        , m_edit(std::move(edit))
    {
    }
    void redo() override
    {
        m_view->m_edited->apply(m_edit);
        m_view->changed();
    }
    void undo() override
    {
        m_view->m_edited->revert(m_edit);
        m_view->changed();
    }

private:
    WhatIfView* m_view;
    WeightEdit m_edit;
};

WhatIfView::WhatIfView(ExplorerSession* session, QWidget* parent)
    : QWidget(parent)
    , m_session(session)
    , m_frame(new QFrame)
    , m_matrix(new MatrixPanel(tr("Edited weights")))
    , m_title(new QLabel)
    , m_banner(new QLabel)
    , m_numbers(new QLabel)
    , m_texts(new QLabel)
    , m_zero(tool(tr("Zero rows"), tr("Set the selected rows to 0")))
    , m_invert(tool(tr("Invert rows"), tr("Swap \u2212"
                                          "1 and +1 in the selected rows")))
    , m_random(tool(tr("Randomise"),
                    tr("Change this share of the selected cells (all without a selection) to another value")))
    , m_undoButton(tool(tr("Undo"), tr("Undo (Ctrl+Z)")))
    , m_redoButton(tool(tr("Redo"), tr("Redo (Ctrl+Shift+Z)")))
    , m_save(tool(tr("Save as\u2026"), tr("Write the modified copy as a packed model")))
    , m_discard(tool(tr("Discard"), tr("Forget all changes")))
    , m_share(new QDoubleSpinBox)
    , m_table(new QTableWidget(0, 4))
    , m_channels(new QLineEdit)
    , m_action(new QComboBox)
    , m_stateList(new QListWidget)
{
    setTextRole(m_title, TextRole::Title);
    setTextRole(m_banner, TextRole::Small);
    m_share->setRange(0.01, 100.0);
    m_share->setValue(5.0);
    m_share->setSuffix(tr(" %"));
    m_share->setAccessibleName(tr("Share to randomise"));
    m_undoButton->setShortcut(QKeySequence::Undo);
    m_redoButton->setShortcut(QKeySequence::Redo);
    int place = 0;
    for (QWidget* widget :
         std::initializer_list<QWidget*>{m_zero, m_invert, m_random, m_share, m_undoButton, m_redoButton})
        m_matrix->tools()->insertWidget(place++, widget);
    m_matrix->view()->setEmptyText(tr("Pick a ternary tensor in the tree."));
    m_frame->setObjectName(QStringLiteral("editFrame"));
    auto* frameLayout = new QVBoxLayout(m_frame);
    frameLayout->setContentsMargins(kGrid, kGrid, kGrid, kGrid);
    auto* bannerLine = new QHBoxLayout;
    bannerLine->addWidget(m_banner, 1);
    bannerLine->addWidget(m_save);
    bannerLine->addWidget(m_discard);
    frameLayout->addLayout(bannerLine);
    frameLayout->addWidget(m_matrix, 1);
    auto* left = new QWidget;
    auto* leftLayout = new QVBoxLayout(left);
    leftLayout->setContentsMargins(2 * kGrid, kGrid, kGrid, kGrid);
    leftLayout->setSpacing(kGrid);
    leftLayout->addWidget(m_title);
    leftLayout->addWidget(m_frame, 1);
    auto* right = new QWidget;
    auto* rightLayout = new QVBoxLayout(right);
    rightLayout->setContentsMargins(kGrid, kGrid, 2 * kGrid, kGrid);
    rightLayout->setSpacing(kGrid);
    rightLayout->addWidget(buildResults(), 2);
    rightLayout->addWidget(buildStateEdits(), 1);
    auto* splitter = new QSplitter(Qt::Horizontal);
    splitter->addWidget(left);
    splitter->addWidget(right);
    splitter->setStretchFactor(0, 3);
    splitter->setStretchFactor(1, 2);
    splitter->setChildrenCollapsible(false);
    right->setMinimumWidth(300);
    splitter->setSizes({620, 420});
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(splitter);

    m_delay.setSingleShot(true);
    m_delay.setInterval(kDelayMilliseconds);
    connect(&m_delay, &QTimer::timeout, this, &WhatIfView::compare);
    connect(m_matrix->view(), &HeatmapView::cellClicked, this, &WhatIfView::cycleCell);
    connect(m_matrix->view(), &HeatmapView::cellActivated, this, &WhatIfView::cycleCell);
    connect(m_zero, &QToolButton::clicked, this, &WhatIfView::zeroRows);
    connect(m_invert, &QToolButton::clicked, this, &WhatIfView::invertRows);
    connect(m_random, &QToolButton::clicked, this, [this] { randomize(m_share->value() / 100.0); });
    connect(m_undoButton, &QToolButton::clicked, &m_undo, &QUndoStack::undo);
    connect(m_redoButton, &QToolButton::clicked, &m_undo, &QUndoStack::redo);
    connect(&m_undo, &QUndoStack::canUndoChanged, m_undoButton, &QToolButton::setEnabled);
    connect(&m_undo, &QUndoStack::canRedoChanged, m_redoButton, &QToolButton::setEnabled);
    connect(m_discard, &QToolButton::clicked, this, &WhatIfView::discard);
    connect(m_save, &QToolButton::clicked, this, [this] {
        const QString path = QFileDialog::getSaveFileName(this, tr("Save the modified copy"),
                                                          QStringLiteral("modified.safetensors"),
                                                          tr("Packed models (*.safetensors)"));
        if (!path.isEmpty())
            saveTo(path);
    });
    connect(m_matrix, &MatrixPanel::problem, this, &WhatIfView::problem);
    m_undoButton->setEnabled(false);
    m_redoButton->setEnabled(false);

    connect(m_session, &ExplorerSession::modelChanged, this, [this] {
        m_undo.clear();
        m_stateEdits.clear();
        m_stateList->clear();
        m_edited = std::make_unique<EditedSource>(m_session->source());
        m_beforeOf.clear();
        m_stale = true;
        m_matrix->setData(nullptr);
        showBanner();
    });
    const auto renew = [this] {
        m_stale = true;
        if (isVisible())
            showTensor();
    };
    connect(m_session, &ExplorerSession::tensorPicked, this, renew);
    connect(m_session, &ExplorerSession::tokensChanged, this, [this] {
        if (isVisible())
            m_delay.start();
    });
    showBanner();
}

WhatIfView::~WhatIfView()
{
    m_undo.disconnect(this);
    m_undo.clear();
}

QWidget* WhatIfView::buildResults()
{
    auto* box = new QWidget;
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(kGrid);
    auto* title = new QLabel(tr("Next token"));
    setTextRole(title, TextRole::Title);
    m_table->setHorizontalHeaderLabels({tr("Token"), tr("Before"), tr("After"), tr("Change")});
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
    m_table->verticalHeader()->hide();
    m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_table->setAccessibleName(tr("Next tokens before and after"));
    m_numbers->setWordWrap(true);
    setTextRole(m_texts, TextRole::SmallMuted);
    m_texts->setWordWrap(true);
    m_texts->setTextFormat(Qt::PlainText);
    layout->addWidget(title);
    layout->addWidget(m_numbers);
    layout->addWidget(m_table, 1);
    layout->addWidget(m_texts);
    return box;
}

QWidget* WhatIfView::buildStateEdits()
{
    auto* box = new QWidget;
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(kGrid);
    auto* title = new QLabel(tr("Channels of the state"));
    setTextRole(title, TextRole::Title);
    m_channels->setPlaceholderText(tr("Channels, for example 3, 17-20"));
    m_channels->setAccessibleName(tr("Channels"));
    m_action->addItem(tr("Forget: nothing is carried over"));
    m_action->addItem(tr("Freeze: what is carried over stays"));
    m_action->setAccessibleName(tr("What happens to the channels"));
    auto* add = new QPushButton(tr("Add"));
    add->setToolTip(tr("In the picked layer, from the picked token on"));
    auto* remove = new QPushButton(tr("Remove"));
    auto* row = new QHBoxLayout;
    row->addWidget(m_channels, 1);
    row->addWidget(add);
    row->addWidget(remove);
    m_stateList->setAccessibleName(tr("Changes of the state"));
    layout->addWidget(title);
    layout->addWidget(m_action);
    layout->addLayout(row);
    layout->addWidget(m_stateList, 1);
    const auto addChannels = [this] {
        addStateEdit(m_channels->text(),
                     m_action->currentIndex() == 0 ? StateAction::Forget : StateAction::Freeze);
    };
    connect(add, &QPushButton::clicked, this, addChannels);
    connect(m_channels, &QLineEdit::returnPressed, this, addChannels);
    connect(remove, &QPushButton::clicked, this, [this] {
        const int index = m_stateList->currentRow();
        if (index < 0)
            return;
        delete m_stateList->takeItem(index);
        m_stateEdits.erase(m_stateEdits.begin() + index);
        changed();
    });
    return box;
}

void WhatIfView::showEvent(QShowEvent*)
{
    m_session->showTokenValues({}, {}, 1.0f);
    showTensor();
    if (m_beforeOf != m_session->tokens())
        m_delay.start();
}

// Reading a tensor may fail (a damaged checkpoint): said, never thrown into the event loop.
void WhatIfView::guarded(const std::function<void()>& act)
{
    try {
        act();
    } catch (...) {
        const ErrorInfo error = currentError();
        emit problem(errorTitle(error.code), error.message);
    }
}

bool WhatIfView::hasTernary() const
{
    return m_session->tensor() >= 0 &&
           m_session->schema()[static_cast<std::size_t>(m_session->tensor())].role ==
               TensorRole::TernaryWeight;
}

std::string WhatIfView::tensorName() const
{
    return m_session->schema()[static_cast<std::size_t>(m_session->tensor())].name;
}

void WhatIfView::showTensor()
{
    for (QWidget* widget : std::initializer_list<QWidget*>{m_zero, m_invert, m_random, m_share})
        widget->setEnabled(hasTernary());
    if (!m_stale || !m_edited)
        return;
    m_stale = false;
    if (!hasTernary()) {
        m_matrix->setData(nullptr);
        m_title->setText(tr("Only ternary tensors are edited"));
        return;
    }
    m_title->setText(QString::fromStdString(tensorName()));
    guarded([this] {
        m_matrix->setData(std::make_shared<TernaryData>(
            std::make_shared<const TernaryTensor>(m_edited->ternary(tensorName())), m_session->source()));
    });
    HeatmapFrame frame;
    frame.legendTitle = tr("Signs");
    m_matrix->setFrame(frame);
    m_matrix->setLine(
        tr("Click or Enter turns a cell: \u2212 \u2192 0 \u2192 +. Shift and drag selects rows."));
}

CellRange WhatIfView::chosenRows() const
{
    const HeatmapSelection selection = m_matrix->view()->selection();
    const HeatmapCell cursor = m_matrix->view()->cursorCell();
    const qint64 cols = m_matrix->view()->data() ? m_matrix->view()->data()->cols() : 0;
    if (!selection.isEmpty())
        return {selection.row, 0, selection.rows, cols};
    return {cursor.isValid() ? cursor.row : 0, 0, 1, cols};
}

void WhatIfView::push(const QString& text, WeightEdit edit)
{
    if (edit.cells.empty())
        return;
    m_undo.push(new EditCommand(this, text, std::move(edit)));
}

void WhatIfView::cycleCell(qint64 row, qint64 col)
{
    guarded([&] {
        if (hasTernary())
            push(tr("turn a weight"),
                 mmfree::cycleCell(m_edited->ternary(tensorName()), tensorName(), row, col));
    });
}

void WhatIfView::zeroRows()
{
    guarded([&] {
        if (hasTernary())
            push(tr("zero rows"), setCells(m_edited->ternary(tensorName()), tensorName(), chosenRows(), 0));
    });
}

void WhatIfView::invertRows()
{
    guarded([&] {
        if (hasTernary())
            push(tr("invert rows"), invertCells(m_edited->ternary(tensorName()), tensorName(), chosenRows()));
    });
}

void WhatIfView::randomize(double share)
{
    guarded([&] {
        if (!hasTernary())
            return;
        const TernaryTensor tensor = m_edited->ternary(tensorName());
        const HeatmapSelection area = m_matrix->view()->selection();
        const CellRange range = area.isEmpty() ? CellRange{0, 0, tensor.rows, tensor.cols}
                                               : CellRange{area.row, area.col, area.rows, area.cols};
        push(tr("randomise"), randomizeCells(tensor, tensorName(), range, share, m_seed++));
    });
}

void WhatIfView::addStateEdit(const QString& channels, StateAction action)
{
    if (!m_session->isOpen())
        return;
    try {
        if (!m_session->config().isTernary())
            throw Error(ErrorCode::InvalidArgument,
                        "the model is a Transformer, needed: a MatMul-free model, whose state has channels");
        StateEdit edit{m_session->layer(), parseChannels(channels, m_session->config().hiddenSize), action,
                       std::max(0, m_session->token())};
        m_stateList->addItem(
            (action == StateAction::Forget ? tr("Layer %1: forget channels %2 from \u201c%3\u201d on")
                                           : tr("Layer %1: freeze channels %2 from \u201c%3\u201d on"))
                .arg(m_session->layer())
                .arg(channels.simplified(), tokenWord(*m_session, static_cast<int>(edit.from))));
        m_stateEdits.push_back(std::move(edit));
        m_channels->clear();
        changed();
    } catch (...) {
        const ErrorInfo error = currentError();
        emit problem(errorTitle(error.code), error.message);
    }
}

void WhatIfView::changed()
{
    m_stale = true;
    if (isVisible())
        showTensor();
    showBanner();
    m_delay.start();
}

void WhatIfView::discard()
{
    m_undo.clear();
    m_stateEdits.clear();
    m_stateList->clear();
    if (m_session->isOpen())
        m_edited = std::make_unique<EditedSource>(m_session->source());
    changed();
}

void WhatIfView::showBanner()
{
    const qint64 cells = m_edited ? m_edited->changedCells() : 0;
    const bool modified = cells > 0 || !m_stateEdits.empty();
    m_save->setEnabled(cells > 0);
    m_discard->setEnabled(modified);
    m_banner->setText(
        cells > 0 ? tr("Modified copy: %1 weights differ from the file.").arg(QLocale().toString(cells))
        : !m_stateEdits.empty() ? tr("The weights are as in the file; the state is changed while reading.")
                                : tr("Edits are made on a copy in memory; the file stays as it is."));
    setStyleFlag(m_frame, "modified", modified ? QStringLiteral("true") : QStringLiteral("false"));
}

void WhatIfView::compare()
{
    if (!m_session->isOpen() || m_session->tokens().empty() || !isVisible())
        return;
    m_session->cancel(m_job);
    const bool weights = m_edited->changedCells() > 0;
    const bool again = m_beforeOf != m_session->tokens();
    m_job = m_session->run([this, tokens = m_session->tokens(), edits = m_stateEdits,
                            edited = weights ? m_edited->copy() : nullptr, again, known = m_before,
                            ternary = m_session->config().isTernary()](
                               ExplorerRunner& runner, const JobControl& control) -> std::function<void()> {
        const auto read = [&](InferenceExecutor& executor, const std::vector<StateEdit>& changes) {
            if (ternary)
                return runSteered(executor, tokens, changes, kContinuation, control.stop);
            SteeredRun run; // a dense model has no channels to steer
            if (const auto captured = mmfree::capture(executor, tokens, {}, control.stop)) {
                run.logits = captured->logits;
                run.lossNats = captured->lossNats;
                run.tokens = tokens;
            }
            return run;
        };
        auto before = std::make_shared<SteeredRun>(again ? read(runner.ready(), {}) : known);
        auto after = std::make_shared<SteeredRun>(*before);
        if (edited) {
            const auto executor = runner.backend->createInference(edited, {});
            *after = read(*executor, edits);
        } else if (!edits.empty()) {
            *after = read(runner.ready(), edits);
        }
        return [this, before, after, tokens] {
            m_job = 0;
            if (before->logits.empty() || after->logits.empty())
                return;
            m_before = *before;
            m_after = *after;
            m_beforeOf = tokens;
            m_divergence = klDivergence(m_before.logits, m_after.logits);
            showResults();
        };
    });
}

void WhatIfView::showResults()
{
    const QLocale locale;
    const std::vector<double> before = probabilities(m_before.logits), after = probabilities(m_after.logits);
    std::vector<TokenId> shown;
    for (const auto& list :
         {topTokens(m_before.logits, kShownTokens), topTokens(m_after.logits, kShownTokens)}) {
        for (const RankedToken& token : list) {
            if (std::find(shown.begin(), shown.end(), token.id) == shown.end())
                shown.push_back(token.id);
        }
    }
    m_table->setRowCount(static_cast<int>(shown.size()));
    for (int row = 0; row < m_table->rowCount(); ++row) {
        const TokenId id = shown[static_cast<std::size_t>(row)];
        const double b = 100.0 * before[static_cast<std::size_t>(id)],
                     a = 100.0 * after[static_cast<std::size_t>(id)];
        const QString change = (a - b >= 0.0 ? QStringLiteral("+") : QStringLiteral("\u2212")) +
                               locale.toString(std::fabs(a - b), 'f', 1);
        const QString word = m_session->tokenText(id).replace(QLatin1Char('\n'), QStringLiteral("\u21b5"));
        const QString texts[] = {word, tr("%1 %").arg(locale.toString(b, 'f', 1)),
                                 tr("%1 %").arg(locale.toString(a, 'f', 1)), change};
        for (int col = 0; col < 4; ++col) {
            auto* item = new QTableWidgetItem(texts[col]);
            if (col > 0)
                item->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
            m_table->setItem(row, col, item);
        }
    }
    m_numbers->setText(tr("Divergence (KL) of the next token %1 nats. Loss on the text %2 before, %3 after, "
                          "change %4 nats per token.")
                           .arg(locale.toString(m_divergence, 'g', 4),
                                locale.toString(m_before.lossNats, 'f', 4),
                                locale.toString(m_after.lossNats, 'f', 4),
                                locale.toString(m_after.lossNats - m_before.lossNats, 'f', 4)));
    const auto continuation = [this](const SteeredRun& run) {
        QString text;
        for (std::size_t i = m_beforeOf.size(); i < run.tokens.size(); ++i)
            text += m_session->tokenText(run.tokens[i]) +
                    (m_session->tokenizer() ? QString() : QStringLiteral(" "));
        return text.simplified();
    };
    if (m_before.tokens.size() > m_beforeOf.size())
        m_texts->setText(
            tr("Goes on before: %1\nand after: %2").arg(continuation(m_before), continuation(m_after)));
    else
        m_texts->clear();
}

void WhatIfView::saveTo(const QString& path)
{
    if (!m_edited)
        return;
    m_saveJob = m_session->compute(
        [this, path, edited = m_edited->copy()](const JobControl&) -> std::function<void()> {
            writePackedModel(*edited, path.toStdString(), TernaryPacking::TwoBit, edited->text());
            return [this, path] {
                m_saveJob = 0;
                m_banner->setText(tr("Saved as %1.").arg(path));
                emit saved(path);
            };
        });
}

bool WhatIfView::isSettled() const
{
    return !m_session->isOpen() || m_session->tokens().empty() ||
           (m_job == 0 && m_saveJob == 0 && !m_delay.isActive() && m_beforeOf == m_session->tokens() &&
            m_matrix->view()->isSettled());
}

} // namespace mmfree::gui
