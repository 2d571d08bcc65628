#include "widgets/training/data_card.h"

#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/views/text_format.h"
#include "widgets/views/token_strip.h"

#include <QComboBox>
#include <QDir>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollArea>
#include <QSpinBox>
#include <QStackedWidget>
#include <QTabBar>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

constexpr std::size_t kPreviewBytes = 4000;
constexpr std::size_t kPreviewTokens = 600;
constexpr int kPathRole = Qt::UserRole + 1;

std::vector<StripToken> stripOf(const Tokenizer& tokenizer, std::span<const TokenId> ids)
{
    std::vector<StripToken> tokens;
    for (const TokenId id : ids) {
        StripToken token;
        token.special = tokenizer.isControl(id) || tokenizer.isUserDefined(id);
        token.text = token.special ? QString::fromStdString(tokenizer.piece(id))
                                   : QString::fromStdString(std::string(tokenizer.bytesView(id)));
        token.note = DataCard::tr("id %1").arg(id);
        tokens.push_back(token);
    }
    return tokens;
}

// The start of a text, cut between characters.
QString startOf(const std::string& text)
{
    std::size_t end = std::min(text.size(), kPreviewBytes);
    while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
        --end;
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(end));
}

QWidget* inScrollArea(QWidget* widget)
{
    auto* area = new QScrollArea;
    area->setWidgetResizable(true);
    area->setFrameShape(QFrame::NoFrame);
    area->setFocusPolicy(Qt::NoFocus);
    area->setWidget(widget);
    return area;
}

} // namespace

DataCard::DataCard(TrainingSetup* setup, QWidget* parent)
    : QWidget(parent)
    , m_setup(setup)
    , m_files(new QTreeWidget)
    , m_shelf(new QComboBox)
    , m_remove(new QPushButton(themedIcon(QStringLiteral("minus")), tr("&Remove")))
    , m_removeUnusable(new QPushButton(tr("Remove &unusable")))
    , m_share(new QDoubleSpinBox)
    , m_split(new QLabel)
    , m_previewLine(new QLabel)
    , m_previewKind(new QTabBar)
    , m_previews(new QStackedWidget)
    , m_text(new QPlainTextEdit)
    , m_tokens(new TokenStrip(TokenStrip::Layout::Flowing))
    , m_batch(new TokenStrip(TokenStrip::Layout::Flowing))
    , m_row(new QSpinBox)
{
    auto* add = new QPushButton(themedIcon(QStringLiteral("file")), tr("Add &files\u2026"));
    auto* folder = new QPushButton(themedIcon(QStringLiteral("folder")), tr("Add f&older\u2026"));
    m_shelf->setAccessibleName(tr("Sample texts"));
    m_shelf->setObjectName(QStringLiteral("textShelf"));
    m_shelf->setMinimumWidth(26 * kGrid);
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(kGrid);
    buttons->addWidget(add);
    buttons->addWidget(folder);
    buttons->addWidget(m_shelf);
    buttons->addStretch(1);
    buttons->addWidget(m_removeUnusable);
    buttons->addWidget(m_remove);

    m_files->setHeaderLabels({tr("File"), tr("Size"), tr("Lines"), tr("Encoding"), tr("State")});
    m_files->setRootIsDecorated(false);
    m_files->setAlternatingRowColors(true);
    m_files->setAccessibleName(tr("Text files"));
    m_files->setObjectName(QStringLiteral("dataFiles"));
    m_files->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_files->header()->setStretchLastSection(true);
    m_files->header()->setSectionResizeMode(0, QHeaderView::ResizeToContents);
    m_files->setMinimumHeight(13 * kGrid);
    m_files->setMaximumHeight(20 * kGrid);

    m_share->setRange(0.0, 50.0);
    m_share->setDecimals(1);
    m_share->setSuffix(tr(" %"));
    m_share->setFixedWidth(10 * kGrid);
    m_share->setAccessibleName(tr("Share kept for validation"));
    auto* shareLabel = new QLabel(tr("Kept for &validation"));
    shareLabel->setBuddy(m_share);
    setTextRole(m_split, TextRole::Muted);
    auto* split = new QHBoxLayout;
    split->setSpacing(kGrid);
    split->addWidget(shareLabel);
    split->addWidget(m_share);
    split->addWidget(m_split, 1);

    m_previewKind->addTab(tr("As text"));
    m_previewKind->addTab(tr("As tokens"));
    m_previewKind->addTab(tr("Batch 0 as the model sees it"));
    m_previewKind->setAccessibleName(tr("Preview"));
    m_previewKind->setObjectName(QStringLiteral("dataPreview"));
    setTextRole(m_previewLine, TextRole::SmallMuted);
    m_row->setPrefix(tr("Row "));
    m_row->setAccessibleName(tr("Row of the batch"));
    m_row->setFixedWidth(10 * kGrid);
    m_text->setReadOnly(true);
    m_text->setPlaceholderText(
        tr("Drop text files or folders anywhere on this page, or take a sample text."));
    m_text->setAccessibleName(tr("Text"));
    m_tokens->setAccessibleName(tr("Tokens"));
    m_batch->setAccessibleName(tr("Batch 0"));
    m_tokens->setEmptyText(tr("The tokenizer is not ready yet"));
    m_batch->setEmptyText(tr("The tokenizer is not ready yet, or the text is shorter than a sequence"));
    m_previews->addWidget(m_text);
    m_previews->addWidget(inScrollArea(m_tokens));
    m_previews->addWidget(inScrollArea(m_batch));
    m_previews->setMinimumHeight(16 * kGrid);
    auto* previewHead = new QHBoxLayout;
    previewHead->addWidget(m_previewKind);
    previewHead->addStretch(1);
    previewHead->addWidget(m_previewLine);
    previewHead->addWidget(m_row);

    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(kGrid);
    layout->addLayout(buttons);
    layout->addWidget(m_files);
    layout->addLayout(split);
    layout->addSpacing(kGrid);
    layout->addLayout(previewHead);
    layout->addWidget(m_previews, 1);

    connect(add, &QPushButton::clicked, this, &DataCard::chooseFiles);
    connect(folder, &QPushButton::clicked, this, &DataCard::chooseFolder);
    connect(m_shelf, &QComboBox::activated, this, [this](int index) {
        const QString file = m_shelf->itemData(index).toString();
        m_shelf->setCurrentIndex(0);
        if (!file.isEmpty())
            m_setup->addFiles({file});
    });
    connect(m_remove, &QPushButton::clicked, this, [this] {
        for (const QTreeWidgetItem* item : m_files->selectedItems())
            m_setup->removeFile(item->data(0, kPathRole).toString());
    });
    connect(m_removeUnusable, &QPushButton::clicked, setup, &TrainingSetup::removeUnusable);
    connect(m_files, &QTreeWidget::itemSelectionChanged, this,
            [this] { m_remove->setEnabled(!m_files->selectedItems().isEmpty()); });
    connect(m_share, &QDoubleSpinBox::valueChanged, this, [this](double percent) {
        TrainingOptions options = m_setup->values().options;
        options.validationShare = percent / 100.0;
        m_setup->setOptions(options);
    });
    connect(m_previewKind, &QTabBar::currentChanged, this, [this](int index) {
        m_previews->setCurrentIndex(index);
        refreshPreview();
    });
    connect(m_row, &QSpinBox::valueChanged, this, [this] {
        m_shownShape = 0;
        refreshPreview();
    });
    connect(setup, &TrainingSetup::changed, this, &DataCard::refresh);
    fillShelf();
    refresh();
}

void DataCard::fillShelf()
{
    m_shelf->addItem(tr("Take a sample text\u2026"));
    for (const QString& file : m_setup->shelf())
        m_shelf->addItem(QFileInfo(file).completeBaseName().replace(QLatin1Char('_'), QLatin1Char(' ')),
                         file);
    m_shelf->setEnabled(m_shelf->count() > 1);
}

void DataCard::chooseFiles()
{
    m_setup->addFiles(
        QFileDialog::getOpenFileNames(this, tr("Text to learn from"), QDir::homePath(),
                                      tr("Text and turns (*.txt *.md *.text *.jsonl);;All files (*)")));
}

void DataCard::chooseFolder()
{
    const QString folder = QFileDialog::getExistingDirectory(this, tr("Folder of texts"), QDir::homePath());
    if (!folder.isEmpty())
        m_setup->addFiles({folder});
}

void DataCard::refresh()
{
    refreshFiles();
    const DataReport& report = m_setup->data();
    const QSignalBlocker blocker(m_share);
    m_share->setValue(100.0 * m_setup->values().options.validationShare);
    m_split->setText(report.corpus
                         ? tr("%1 to learn from, %2 to check on; the last part of each file")
                               .arg(bytesText(static_cast<qint64>(report.corpus->training.size())),
                                    bytesText(static_cast<qint64>(report.corpus->validation.size())))
                         : QString());
    refreshPreview();
}

void DataCard::refreshFiles()
{
    const DataReport& report = m_setup->data();
    QStringList selected;
    for (const QTreeWidgetItem* item : m_files->selectedItems())
        selected << item->data(0, kPathRole).toString();
    m_files->clear();
    bool unusable = false;
    for (const QString& path : m_setup->values().files) {
        const auto found = std::find_if(report.files.begin(), report.files.end(),
                                        [&](const DataFileReport& file) { return file.path == path; });
        auto* item = new QTreeWidgetItem(m_files, {QFileInfo(path).fileName()});
        item->setData(0, kPathRole, path);
        item->setToolTip(0, path);
        if (found == report.files.end()) {
            item->setText(4, tr("reading\u2026"));
        } else {
            item->setText(1, bytesText(found->bytes));
            item->setText(2, countText(found->lines));
            item->setText(3, found->encoding);
            const bool bad = !found->problem.isEmpty() || !found->duplicateOf.isEmpty();
            unusable = unusable || bad;
            item->setText(4, !found->problem.isEmpty() ? found->problem
                             : !found->duplicateOf.isEmpty()
                                 ? tr("same as %1, used once").arg(QFileInfo(found->duplicateOf).fileName())
                             : found->turns > 0 ? tr("%1 turns").arg(countText(found->turns))
                                                : tr("good"));
            item->setToolTip(4, item->text(4));
            if (!found->problem.isEmpty())
                item->setForeground(4, themeColors().danger);
        }
        item->setSelected(selected.contains(path));
    }
    m_remove->setEnabled(!m_files->selectedItems().isEmpty());
    m_removeUnusable->setVisible(unusable);
}

void DataCard::refreshPreview()
{
    const auto corpus = m_setup->data().corpus;
    const auto& tokenizer = m_setup->tokenizer().tokenizer;
    m_row->setVisible(m_previewKind->currentIndex() == 2);
    m_row->setRange(0, static_cast<int>(m_setup->values().options.batch) - 1);
    const qint64 shape = m_setup->values().options.batch * 1'000'000 + m_setup->values().options.length;
    if (corpus.get() != m_shownCorpus) {
        m_shownCorpus = corpus.get();
        m_text->setPlainText(corpus ? startOf(corpus->training) : QString());
    }
    if (tokenizer.get() != m_shownTokenizer || shape != m_shownShape) {
        m_shownTokenizer = tokenizer.get();
        m_shownShape = shape;
        std::vector<StripToken> start, row;
        if (tokenizer && corpus) {
            std::vector<TokenId> ids =
                encodeTrainingText(*tokenizer, startOf(corpus->training).toStdString(), "training text");
            ids.resize(std::min(ids.size(), kPreviewTokens));
            start = stripOf(*tokenizer, ids);
            const auto rows = m_setup->firstBatch();
            if (static_cast<std::size_t>(m_row->value()) < rows.size())
                row = stripOf(*tokenizer, rows.at(static_cast<std::size_t>(m_row->value())));
        }
        m_tokens->setTokens(std::move(start));
        m_batch->setTokens(std::move(row));
    }
    const TrainingOptions& options = m_setup->values().options;
    m_previewLine->setText(
        m_previewKind->currentIndex() == 2
            ? tr("%1 rows of %2 tokens, drawn from seed %3")
                  .arg(countText(options.batch), countText(options.length), QString::number(options.seed))
            : QString());
}

} // namespace mmfree::gui
