#include "widgets/training/tokenizer_card.h"

#include "widgets/theme/theme.h"
#include "widgets/views/text_format.h"

#include <QButtonGroup>
#include <QDir>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QLocale>
#include <QPushButton>
#include <QRadioButton>
#include <QRegularExpression>
#include <QSpinBox>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

QLabel* valueLabel(QFormLayout* form, const QString& name, const QString& hint)
{
    auto* label = new QLabel(name);
    setTextRole(label, TextRole::Muted);
    label->setToolTip(hint);
    auto* value = new QLabel(QStringLiteral("\u2013"));
    value->setAccessibleName(name);
    value->setToolTip(hint);
    form->addRow(label, value);
    return value;
}

} // namespace

TokenizerCard::TokenizerCard(TrainingSetup* setup, QWidget* parent)
    : QWidget(parent)
    , m_setup(setup)
    , m_choice(new QButtonGroup(this))
    , m_pieces(new QSpinBox)
    , m_symbols(new QLineEdit)
    , m_file(new QLineEdit)
    , m_browse(new QPushButton(tr("&Choose\u2026")))
    , m_list(new QListWidget)
{
    auto* train = new QRadioButton(tr("&Train one on this text"));
    auto* base = new QRadioButton(tr("The &starting model's"));
    auto* file = new QRadioButton(tr("Another &model's"));
    m_choice->addButton(train, static_cast<int>(TokenizerChoice::Train));
    m_choice->addButton(base, static_cast<int>(TokenizerChoice::BaseModel));
    m_choice->addButton(file, static_cast<int>(TokenizerChoice::File));
    m_pieces->setRange(260, 65536);
    m_pieces->setSingleStep(256);
    m_pieces->setGroupSeparatorShown(true);
    m_pieces->setFixedWidth(12 * kGrid);
    m_pieces->setAccessibleName(tr("Pieces"));
    m_pieces->setToolTip(
        tr("Words and parts of words the model knows, the 256 bytes included. More pieces: shorter "
           "texts, larger model."));
    m_symbols->setPlaceholderText(tr("e.g. <user> <assistant>"));
    m_symbols->setAccessibleName(tr("Markup kept whole"));
    m_file->setReadOnly(true);
    m_file->setPlaceholderText(tr("Model folder or packed file"));
    m_file->setAccessibleName(tr("Model whose tokenizer is used"));

    auto* choices = new QVBoxLayout;
    choices->setSpacing(kGrid);
    choices->addWidget(train);
    auto* trained = new QFormLayout;
    trained->setContentsMargins(3 * kGrid, 0, 0, kGrid);
    trained->addRow(tr("&Pieces"), m_pieces);
    trained->addRow(tr("Markup &kept whole"), m_symbols);
    choices->addLayout(trained);
    choices->addWidget(base);
    choices->addWidget(file);
    auto* chosen = new QHBoxLayout;
    chosen->setContentsMargins(3 * kGrid, 0, 0, 0);
    chosen->addWidget(m_file, 1);
    chosen->addWidget(m_browse);
    choices->addLayout(chosen);
    choices->addStretch(1);

    auto* statistics = new QFormLayout;
    statistics->setVerticalSpacing(kGrid);
    m_size = valueLabel(statistics, tr("Pieces"), tr("All of them, bytes and markup included"));
    m_compression =
        valueLabel(statistics, tr("Bytes a token"), tr("On the validation text: more is shorter"));
    m_tokens = valueLabel(statistics, tr("Tokens"), tr("To learn from and to check on"));
    m_roundTrip = valueLabel(statistics, tr("Round trip"), tr("Encoding and decoding gives the same text"));
    m_time = valueLabel(statistics, tr("Took"), tr("Training it and encoding the text"));
    auto* pieces = new QVBoxLayout;
    auto* listTitle = new QLabel(tr("Longest pieces learned"));
    setTextRole(listTitle, TextRole::Section);
    m_list->setAccessibleName(listTitle->text());
    m_list->setFlow(QListView::LeftToRight);
    m_list->setWrapping(true);
    m_list->setResizeMode(QListView::Adjust);
    m_list->setSpacing(2);
    m_list->setMinimumHeight(14 * kGrid);
    pieces->addLayout(statistics);
    pieces->addSpacing(2 * kGrid);
    pieces->addWidget(listTitle);
    pieces->addWidget(m_list, 1);

    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(4 * kGrid);
    layout->addLayout(choices, 1);
    layout->addLayout(pieces, 1);

    connect(m_choice, &QButtonGroup::idClicked, this, &TokenizerCard::apply);
    connect(m_pieces, &QSpinBox::valueChanged, this, &TokenizerCard::apply);
    connect(m_symbols, &QLineEdit::editingFinished, this, &TokenizerCard::apply);
    connect(m_browse, &QPushButton::clicked, this, [this] {
        const QString folder = QFileDialog::getExistingDirectory(this, tr("Model folder"), QDir::homePath());
        if (folder.isEmpty())
            return;
        m_file->setText(folder);
        m_choice->button(static_cast<int>(TokenizerChoice::File))->setChecked(true);
        apply();
    });
    connect(setup, &TrainingSetup::changed, this, &TokenizerCard::refresh);
    refresh();
}

void TokenizerCard::apply()
{
    static const QRegularExpression kSpace(QStringLiteral("\\s+"));
    const QStringList symbols = m_symbols->text().split(kSpace, Qt::SkipEmptyParts);
    const auto choice = static_cast<TokenizerChoice>(m_choice->checkedId());
    const SetupValues& now = m_setup->values();
    if (choice == now.tokenizer && m_file->text() == now.tokenizerFile && m_pieces->value() == now.pieces &&
        symbols == now.symbols)
        return;
    m_setup->setTokenizer(choice, m_file->text(), m_pieces->value(), symbols);
}

void TokenizerCard::refresh()
{
    const SetupValues& values = m_setup->values();
    const TokenizerReport& report = m_setup->tokenizer();
    const QSignalBlocker pieces(m_pieces), symbols(m_symbols);
    m_choice->button(static_cast<int>(values.tokenizer))->setChecked(true);
    m_choice->button(static_cast<int>(TokenizerChoice::BaseModel))->setEnabled(!values.baseModel.isEmpty());
    m_choice->button(static_cast<int>(TokenizerChoice::Train))->setEnabled(values.baseModel.isEmpty());
    m_choice->button(static_cast<int>(TokenizerChoice::File))->setEnabled(values.baseModel.isEmpty());
    m_pieces->setValue(static_cast<int>(values.pieces));
    m_pieces->setEnabled(values.tokenizer == TokenizerChoice::Train);
    m_symbols->setEnabled(values.tokenizer == TokenizerChoice::Train);
    if (!m_symbols->hasFocus())
        m_symbols->setText(values.symbols.join(QLatin1Char(' ')));
    const QString none = QStringLiteral("\u2013");
    const bool known = report.tokenizer != nullptr;
    m_size->setText(known ? countText(report.tokenizer->size()) : none);
    m_compression->setText(known ? QLocale().toString(report.bytesPerToken, 'f', 3) : none);
    m_tokens->setText(known ? tr("%1 and %2")
                                  .arg(countText(report.dataset->trainingTokens()),
                                       countText(report.dataset->validationTokens()))
                            : none);
    m_roundTrip->setText(
        known ? (report.roundTrip ? tr("exact") : tr("changes white space or unknown characters")) : none);
    m_time->setText(known ? secondsText(report.seconds) : none);
    if (report.tokenizer.get() == m_shown)
        return;
    m_shown = report.tokenizer.get();
    m_list->clear();
    for (const QString& piece : report.pieces)
        m_list->addItem(
            QString(piece).replace(QChar(0x2581), QChar(0x2423))); // SentencePiece's space, as an open box
}

} // namespace mmfree::gui
