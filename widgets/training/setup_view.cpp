#include "widgets/training/setup_view.h"

#include "widgets/theme/icon.h"
#include "widgets/theme/theme.h"
#include "widgets/training/data_card.h"
#include "widgets/training/model_card.h"
#include "widgets/training/run_card.h"
#include "widgets/training/setup_header.h"
#include "widgets/training/tokenizer_card.h"

#include <QButtonGroup>
#include <QDragEnterEvent>
#include <QHBoxLayout>
#include <QMimeData>
#include <QScrollArea>
#include <QStackedWidget>
#include <QUrl>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

QWidget* scrolled(QWidget* card)
{
    auto* area = new QScrollArea;
    area->setWidgetResizable(true);
    area->setFrameShape(QFrame::NoFrame);
    area->setFocusPolicy(Qt::NoFocus);
    card->setObjectName(QStringLiteral("scrollContent"));
    area->setWidget(card);
    return area;
}

} // namespace

SetupView::SetupView(TrainingSetup* setup, const QString& bundledModel, QWidget* parent)
    : QWidget(parent)
    , m_setup(setup)
    , m_bodies(new QStackedWidget)
{
    setAcceptDrops(true);
    auto* headers = new QHBoxLayout;
    headers->setSpacing(kGrid);
    auto* group = new QButtonGroup(this);
    const QStringList titles{tr("Data"), tr("Tokenizer"), tr("Model"), tr("Run")};
    for (const SetupPart part : kSetupParts) {
        auto* header = new SetupHeader(static_cast<int>(part) + 1, titles.at(static_cast<int>(part)));
        group->addButton(header, static_cast<int>(part));
        headers->addWidget(header, 1);
        m_headers << header;
    }
    connect(group, &QButtonGroup::idToggled, this, [this](int id, bool on) {
        if (on)
            m_bodies->setCurrentIndex(id);
    });
    auto* texts = new DataCard(setup);
    auto* tokenizer = new TokenizerCard(setup);
    auto* model = new ModelCard(setup, bundledModel);
    auto* run = new RunCard(setup);
    connect(run, &RunCard::problem, this, &SetupView::problem);
    for (QWidget* card : QList<QWidget*>{texts, tokenizer, model, run})
        m_bodies->addWidget(scrolled(card));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(2 * kGrid, 2 * kGrid, 2 * kGrid, kGrid);
    layout->setSpacing(2 * kGrid);
    layout->addLayout(headers);
    layout->addWidget(m_bodies, 1);
    m_headers.first()->setChecked(true);
    connect(setup, &TrainingSetup::changed, this, &SetupView::refresh);
    refresh();
}

void SetupView::refresh()
{
    for (const SetupPart part : kSetupParts)
        m_headers.at(static_cast<int>(part))->setStatus(m_setup->status(part));
}

void SetupView::showPart(SetupPart part)
{
    m_headers.at(static_cast<int>(part))->setChecked(true);
}

SetupPart SetupView::part() const
{
    return static_cast<SetupPart>(m_bodies->currentIndex());
}

void SetupView::dragEnterEvent(QDragEnterEvent* event)
{
    if (event->mimeData()->hasUrls())
        event->acceptProposedAction();
}

void SetupView::dropEvent(QDropEvent* event)
{
    QStringList paths;
    for (const QUrl& url : event->mimeData()->urls()) {
        if (url.isLocalFile())
            paths << url.toLocalFile();
    }
    if (paths.isEmpty())
        return;
    event->acceptProposedAction();
    m_setup->addFiles(paths);
    showPart(SetupPart::Data);
}

} // namespace mmfree::gui
