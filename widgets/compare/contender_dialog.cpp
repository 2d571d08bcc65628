#include "widgets/compare/contender_dialog.h"

#include "engine/analysis/compare_setup.h"
#include "engine/core/error.h"
#include "widgets/theme/theme.h"
#include "widgets/views/text_format.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

enum Kind { kModel, kTernaryShape, kDenseShape };

} // namespace

ContenderDialog::ContenderDialog(const Contender& contender, QWidget* parent)
    : QDialog(parent)
    , m_given(contender)
    , m_name(new QLineEdit(QString::fromStdString(contender.name)))
    , m_what(
          new QLineEdit(QString::fromStdString(contender.model.empty() ? contender.shape : contender.model)))
    , m_isa(new QLineEdit(QString::fromStdString(contender.options.isa)))
    , m_kind(new QComboBox)
    , m_backend(new QComboBox)
    , m_packing(new QComboBox)
    , m_threads(new QSpinBox)
    , m_device(new QSpinBox)
    , m_seed(new QSpinBox)
    , m_problem(new QLabel)
    , m_buttons(new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel))
{
    setWindowTitle(tr("Contender"));
    m_name->setPlaceholderText(QString::fromStdString(contenderName(contender)));
    m_kind->addItem(tr("Model on disk"));
    m_kind->addItem(tr("Random weights, MatMul-free"));
    m_kind->addItem(tr("Random weights, dense Transformer++"));
    m_kind->setCurrentIndex(!contender.model.empty() ? kModel
                            : contender.dense        ? kDenseShape
                                                     : kTernaryShape);
    m_what->setMinimumWidth(320);
    for (const char* backend : {"cpu", "cuda", "opencl", "reference"})
        m_backend->addItem(backendTitle(QString::fromLatin1(backend)), QString::fromLatin1(backend));
    m_backend->setCurrentIndex(std::max(0, m_backend->findData(QString::fromStdString(contender.backend))));
    m_packing->addItems(
        {tr("Best for the backend"), tr("2 bits a weight"), tr("1.67 bits a weight (base 3)")});
    m_packing->setCurrentIndex(static_cast<int>(contender.options.packing));
    m_threads->setRange(0, 1024);
    m_threads->setSpecialValueText(tr("all cores"));
    m_threads->setValue(contender.options.threads);
    m_device->setRange(0, 63);
    m_device->setValue(contender.options.device);
    m_seed->setRange(0, 1'000'000);
    m_seed->setValue(static_cast<int>(std::min<std::uint64_t>(contender.seed, 1'000'000)));
    m_isa->setPlaceholderText(tr("the best"));
    m_problem->setWordWrap(true);
    m_problem->setMinimumHeight(2 * m_problem->fontMetrics().height());

    auto* browse = new QPushButton(tr("Choose\u2026"));
    connect(browse, &QPushButton::clicked, this, &ContenderDialog::chooseModel);
    auto* what = new QHBoxLayout;
    what->addWidget(m_what, 1);
    what->addWidget(browse);
    auto* form = new QFormLayout;
    form->setHorizontalSpacing(2 * kGrid);
    form->setVerticalSpacing(kGrid);
    form->addRow(tr("&Name"), m_name);
    form->addRow(tr("&Kind"), m_kind);
    auto* whatLabel = new QLabel(tr("&Shape or path"));
    whatLabel->setBuddy(m_what);
    form->addRow(whatLabel, what);
    form->addRow(tr("&Backend"), m_backend);
    form->addRow(tr("&Device"), m_device);
    form->addRow(tr("&Threads"), m_threads);
    form->addRow(tr("&Packing"), m_packing);
    form->addRow(tr("&Instruction set"), m_isa);
    form->addRow(tr("S&eed of random weights"), m_seed);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(2 * kGrid, 2 * kGrid, 2 * kGrid, 2 * kGrid);
    layout->setSpacing(2 * kGrid);
    layout->addLayout(form);
    layout->addWidget(m_problem);
    layout->addWidget(m_buttons);
    connect(m_buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(m_buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(m_what, &QLineEdit::textChanged, this, &ContenderDialog::check);
    connect(m_kind, &QComboBox::currentIndexChanged, this, &ContenderDialog::check);
    connect(m_kind, &QComboBox::currentIndexChanged, browse,
            [browse](int kind) { browse->setVisible(kind == kModel); });
    browse->setVisible(m_kind->currentIndex() == kModel);
    check();
}

Contender ContenderDialog::contender() const
{
    Contender contender = m_given;
    const std::string what = m_what->text().trimmed().toStdString();
    const int kind = m_kind->currentIndex();
    contender.name = m_name->text().trimmed().toStdString();
    contender.model = kind == kModel ? what : std::string();
    contender.shape = kind == kModel ? std::string() : what;
    contender.dense = kind == kDenseShape;
    if (!contender.dense || contender.shape != m_given.shape)
        contender.matched.clear(); // another shape is matched to nobody
    contender.backend = m_backend->currentData().toString().toStdString();
    contender.options.device = m_device->value();
    contender.options.threads = m_threads->value();
    contender.options.packing = static_cast<WeightPacking>(m_packing->currentIndex());
    contender.options.isa = m_isa->text().trimmed().toStdString();
    contender.seed = static_cast<std::uint64_t>(m_seed->value());
    return contender;
}

void ContenderDialog::check()
{
    QString problem;
    try {
        const Contender edited = contender();
        if (edited.model.empty() && edited.shape.empty())
            problem =
                tr("Give a shape (370M, or layers,hidden,GLU width,vocabulary) or the path of a model.");
        else if (edited.model.empty())
            (void)shapeConfig(edited);
    } catch (const Error& error) {
        problem = QString::fromUtf8(error.what());
    }
    m_problem->setText(problem);
    setTextRole(m_problem, TextRole::Small);
    m_buttons->button(QDialogButtonBox::Ok)->setEnabled(problem.isEmpty());
}

void ContenderDialog::chooseModel()
{
    const QString path = QFileDialog::getExistingDirectory(this, tr("Choose a model folder"), m_what->text());
    if (!path.isEmpty())
        m_what->setText(path);
}

} // namespace mmfree::gui
