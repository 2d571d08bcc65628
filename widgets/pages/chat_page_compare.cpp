// "Ask both" on the chat page: choosing a second model or backend, its column, the first difference.
#include "widgets/pages/chat_page.h"

#include "widgets/chat/chat_controller.h"
#include "widgets/chat/second_chat.h"
#include "widgets/pages/page_context.h"
#include "widgets/theme/icon.h"
#include "widgets/views/compare_column.h"
#include "widgets/views/composer.h"
#include "widgets/views/message_bar.h"
#include "widgets/views/text_format.h"
#include "widgets/views/transcript_view.h"
#include "widgets/workers/inference_service.h"

#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QLabel>
#include <QMenu>
#include <QSplitter>
#include <QToolButton>

#include <algorithm>

namespace mmfree::gui
{

namespace
{

// Index of the first token that differs; -1: none does as far as both go.
qint64 firstDifferentToken(const TokenTrace& one, const TokenTrace& two)
{
    const std::size_t count = std::min(one.tokens.size(), two.tokens.size());
    for (std::size_t i = 0; i < count; ++i) {
        if (one.piece(one.tokens[i].id) != two.piece(two.tokens[i].id))
            return static_cast<qint64>(i);
    }
    return one.tokens.size() == two.tokens.size() ? -1 : static_cast<qint64>(count);
}

} // namespace

void ChatPage::buildCompare()
{
    m_askBoth = new QToolButton;
    m_askBoth->setObjectName(QStringLiteral("askBothButton"));
    m_askBoth->setDefaultAction(m_actions["chat.askBoth"]);
    m_askBoth->setIconSize({18, 18});
    m_askBoth->setAccessibleName(tr("Ask both"));
    m_askBoth->setPopupMode(QToolButton::MenuButtonPopup);
    m_secondMenu = new QMenu(m_askBoth);
    m_secondMenu->setObjectName(QStringLiteral("secondMenu"));
    m_askBoth->setMenu(m_secondMenu);
    m_composer->addButton(m_askBoth);
    connect(m_secondMenu, &QMenu::aboutToShow, this, &ChatPage::fillSecondMenu);

    m_column = new CompareColumn(m_transcript);
    m_column->hide();
    connect(m_column, &CompareColumn::closeRequested, this, [this] {
        if (m_second)
            m_second->stop();
        m_column->hide();
        m_column->clear();
        delete std::exchange(m_second, nullptr);
        updateActivity();
    });
    connect(m_column, &CompareColumn::chooseRequested, this, &ChatPage::showSecondMenu);
}

// The open model on every backend that can run it, then other models.
void ChatPage::fillSecondMenu()
{
    m_secondMenu->clear();
    const auto model = m_service->model();
    if (model) {
        m_secondMenu->addSection(tr("%1 on").arg(model->name));
        for (const auto& backend : m_context->backends) {
            if (!backend->supports(model->config.architecture, Work::Inference))
                continue;
            const std::vector<DeviceInfo> devices = backend->devices();
            const bool usable = std::any_of(devices.begin(), devices.end(),
                                            [](const DeviceInfo& device) { return device.usable; });
            const QString name = QString::fromStdString(backend->name());
            QAction* action = m_secondMenu->addAction(
                usable ? backendTitle(name)
                       : tr("%1: %2").arg(backendTitle(name),
                                          devices.empty() ? tr("no device")
                                                          : QString::fromStdString(devices.front().reason)));
            action->setObjectName(QStringLiteral("second.") + name);
            action->setEnabled(usable);
            connect(action, &QAction::triggered, this,
                    [this, path = model->path, name] { openSecond(path, name); });
        }
    }
    m_secondMenu->addSection(tr("Another model"));
    if (!m_context->bundledModel.isEmpty()) {
        QAction* bundled = m_secondMenu->addAction(themedIcon(QStringLiteral("models")), tr("Bundled model"));
        bundled->setObjectName(QStringLiteral("second.bundled"));
        connect(bundled, &QAction::triggered, this, [this] { openSecond(m_context->bundledModel, {}); });
    }
    QAction* folder = m_secondMenu->addAction(themedIcon(QStringLiteral("folder")), tr("Model folder\u2026"));
    connect(folder, &QAction::triggered, this, [this] {
        const QString path =
            QFileDialog::getExistingDirectory(this, tr("Open a second model"), QDir::homePath());
        if (!path.isEmpty())
            openSecond(path, {});
    });
    QAction* file = m_secondMenu->addAction(themedIcon(QStringLiteral("file")), tr("Packed model\u2026"));
    connect(file, &QAction::triggered, this, [this] {
        const QString path = QFileDialog::getOpenFileName(this, tr("Open a second model"), QDir::homePath(),
                                                          tr("Models (*.safetensors);;All files (*)"));
        if (!path.isEmpty())
            openSecond(path, {});
    });
}

void ChatPage::showSecondMenu()
{
    fillSecondMenu();
    m_secondMenu->popup(m_askBoth->mapToGlobal(QPoint(0, -m_secondMenu->sizeHint().height())));
}

void ChatPage::openSecond(const QString& path, const QString& backend)
{
    if (!m_second) {
        m_second = new SecondChat(m_controller, m_context->openModel, this);
        connectSecond();
    }
    m_column->clear();
    m_column->setModelName(QFileInfo(path).completeBaseName(), backend);
    m_column->setStatus(tr("opening\u2026"));
    m_column->show();
    m_second->openModel(path, backend);
}

void ChatPage::connectSecond()
{
    connect(m_second, &SecondChat::modelOpened, this, [this] {
        const auto model = m_second->model();
        m_column->setModelName(model->name, QString::fromStdString(model->executor.backend));
        m_column->setContinuesText(model->continuesText());
        m_column->setStatus(tr("ready"));
        updateActivity();
        if (std::exchange(m_askWhenOpen, false))
            askBoth();
    });
    connect(m_second, &SecondChat::openingFailed, this, [this](const QString& path, const ErrorInfo& error) {
        m_askWhenOpen = false;
        m_column->setStatus(tr("not opened"));
        m_messages->showMessage(MessageBar::Severity::Error,
                                tr("%1 was not opened as second model: %2")
                                    .arg(QFileInfo(path).fileName(), errorTitle(error.code)),
                                error.message);
    });
    connect(m_second, &SecondChat::started, this, [this](const Message& answer) {
        std::vector<Message> before = m_controller->messages();
        if (!before.empty() && before.back().role == ChatRole::Assistant)
            before.pop_back();
        m_column->showAnswer(std::move(before), answer);
    });
    connect(m_second, &SecondChat::grew, this, [this](const Message& answer) {
        m_column->growAnswer(answer);
        m_column->setStatus(rateText(m_second->tokensPerSecond()));
    });
    connect(m_second, &SecondChat::finished, this, [this](const Message& answer) {
        m_column->finishAnswer(answer);
        m_column->setStatus(m_second->tokensPerSecond() > 0.0 ? rateText(m_second->tokensPerSecond())
                                                              : tr("done"));
        updateDifference();
        updateActivity();
    });
    connect(m_second, &SecondChat::failed, this, [this](const ErrorInfo& error) {
        m_column->setStatus(errorTitle(error.code));
        m_messages->showMessage(MessageBar::Severity::Error, tr("The second model stopped"), error.message);
    });
    connect(m_controller, &ChatController::answerFinished, m_second, [this] { updateDifference(); });
    connect(m_controller, &ChatController::textGrew, m_second, [this] {
        const GenerationProgress& progress = m_controller->progress();
        if (progress.tokens > 1 && progress.secondsSinceFirstToken > 0.0)
            m_firstRate->setText(
                rateText(static_cast<double>(progress.tokens - 1) / progress.secondsSinceFirstToken));
    });
}

void ChatPage::askBoth()
{
    if (!m_second || !m_second->model()) {
        m_askWhenOpen = true;
        if (!m_second || !m_second->isOpening())
            showSecondMenu();
        return;
    }
    const QString text = m_composer->text();
    if (m_controller->isBusy() || m_second->isBusy() || m_composer->isEditing() || text.trimmed().isEmpty())
        return;
    send(text);
    m_second->ask();
}

void ChatPage::updateDifference()
{
    if (!m_second || m_second->answer().id == 0)
        return;
    const Message* first = nullptr;
    for (const Message& message : m_controller->messages()) {
        if (message.role == ChatRole::Assistant && message.parent == m_second->answer().parent)
            first = &message;
    }
    if (!first)
        return;
    const bool both = !m_second->isBusy() && !m_controller->isAnsweringHere();
    const qint64 token =
        firstDifferentToken(m_controller->tokens(first->id), m_controller->tokens(m_second->answer().id));
    m_column->markDifference(*first, both, token);
}

} // namespace mmfree::gui
