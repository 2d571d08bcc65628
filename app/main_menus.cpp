// The shell's own actions, menus and dialogs.
#include "app/main_window.h"

#ifdef MMFREE_WITH_SERVER
#include "app/server/server_dialog.h"
#endif

#include "widgets/actions/action_registry.h"
#include "widgets/pages/chat_page.h"
#include "widgets/pages/models_page.h"
#include "widgets/theme/icon.h"
#include "widgets/views/activity_rail.h"
#include "widgets/views/command_palette.h"
#include "widgets/views/shortcuts_dialog.h"
#include "widgets/workers/inference_service.h"

#include <QActionGroup>
#include <QDir>
#include <QFileDialog>
#include <QMenuBar>
#include <QMessageBox>
#include <QStackedWidget>

namespace mmfree::app
{

using namespace gui;

void MainWindow::buildActions()
{
    const QString model = tr("Model");
    const QString view = tr("View");
    const QString help = tr("Help");
    connect(m_actions->add({"model.openFolder",
                            model,
                            tr("&Open model folder\u2026"),
                            "folder",
                            {QKeySequence(tr("Ctrl+O"))},
                            {}}),
            &QAction::triggered, this, &MainWindow::chooseModelFolder);
    connect(m_actions->add({"model.openFile",
                            model,
                            tr("Open &packed model\u2026"),
                            "file",
                            {QKeySequence(tr("Ctrl+Shift+O"))},
                            {}}),
            &QAction::triggered, this, &MainWindow::chooseModelFile);
    if (!m_setup.bundledModel.isEmpty())
        connect(m_actions->add({"model.openBundled", model, tr("Open &bundled model"), "models", {}, {}}),
                &QAction::triggered, this, [this] { openModel(m_setup.bundledModel); });

    auto* pageGroup = new QActionGroup(this);
    for (int index = 0; index < m_pageList.inOrder.size(); ++index) {
        Page* page = m_pageList.inOrder.at(index);
        QAction* action = m_actions->add({QStringLiteral("page.") + page->id(),
                                          tr("Go to"),
                                          page->title(),
                                          {},
                                          {QKeySequence(tr("Ctrl+%1").arg(index + 1))},
                                          {}});
        action->setIcon(themedIcon(page->iconName(), QPalette::PlaceholderText, true));
        action->setCheckable(true);
        pageGroup->addAction(action);
        connect(action, &QAction::triggered, this, [this, page] {
            m_pages->setCurrentWidget(page);
            page->startWorking();
        });
        m_rail->addPage(action);
    }

    auto* themes = new QActionGroup(this);
    const std::pair<ThemeChoice, QString> choices[] = {{ThemeChoice::System, tr("Theme: &system")},
                                                       {ThemeChoice::Light, tr("Theme: &light")},
                                                       {ThemeChoice::Dark, tr("Theme: &dark")}};
    for (const auto& [choice, text] : choices) {
        QAction* action =
            m_actions->add({QStringLiteral("view.theme.") + themeName(choice), view, text, {}, {}, {}});
        action->setCheckable(true);
        action->setChecked(choice == m_settings.theme);
        themes->addAction(action);
        connect(action, &QAction::triggered, this, [this, picked = choice] { setTheme(picked); });
    }
    auto* languages = new QActionGroup(this);
    // Each language by its own name, so that it is found again in any other.
    const std::pair<LanguageChoice, QString> spoken[] = {
        {LanguageChoice::System, tr("Language: &as the system")},
        {LanguageChoice::English, QStringLiteral("&English")},
        {LanguageChoice::Russian, QString::fromUtf8("&Русский")}};
    for (const auto& [choice, text] : spoken) {
        QAction* action =
            m_actions->add({QStringLiteral("view.language.") + languageName(choice), view, text, {}, {}, {}});
        action->setCheckable(true);
        action->setChecked(choice == m_settings.language);
        languages->addAction(action);
        connect(action, &QAction::triggered, this, [this, picked = choice] { setLanguage(picked); });
    }
    connect(m_actions->add({"view.nextPane", view, tr("Next pane"), {}, {QKeySequence(tr("F6"))}, {}}),
            &QAction::triggered, this, [this] { cyclePane(+1); });
    connect(m_actions->add(
                {"view.previousPane", view, tr("Previous pane"), {}, {QKeySequence(tr("Shift+F6"))}, {}}),
            &QAction::triggered, this, [this] { cyclePane(-1); });
    QAction* full =
        m_actions->add({"view.fullScreen", view, tr("&Full screen"), {}, {QKeySequence(tr("F11"))}, {}});
    full->setCheckable(true);
    connect(full, &QAction::toggled, this, [this](bool on) { on ? showFullScreen() : showNormal(); });
    connect(
        m_actions->add(
            {"help.palette", help, tr("&Command palette\u2026"), {}, {QKeySequence(tr("Ctrl+Shift+P"))}, {}}),
        &QAction::triggered, this, &MainWindow::showPalette);
    connect(m_actions->add(
                {"help.shortcuts", help, tr("&Help and shortcuts"), "help", {QKeySequence(tr("F1"))}, {}}),
            &QAction::triggered, this, &MainWindow::showHelp);
    connect(m_actions->add({"help.about", help, tr("&About MatMul-Free Studio"), {}, {}, {}}),
            &QAction::triggered, this, &MainWindow::showAbout);
#ifdef MMFREE_WITH_SERVER
    connect(m_actions->add({"app.server",
                            tr("Program"),
                            tr("&Local server\u2026"),
                            {},
                            {},
                            tr("Let other programs of this machine use the open model")}),
            &QAction::triggered, this, &MainWindow::showServer);
#endif
    connect(m_actions->add({"app.quit", tr("Program"), tr("&Quit"), {}, {QKeySequence(tr("Ctrl+Q"))}, {}}),
            &QAction::triggered, this, &QWidget::close);
    m_pageList.models->setActions(m_actions->action("model.openFolder"), m_actions->action("model.openFile"));
    m_pageList.chat->setOpenActions(
        {m_actions->action("model.openFolder"), m_actions->action("model.openFile")});
}

void MainWindow::buildMenus()
{
    const auto add = [this](QMenu* menu, const QStringList& ids) {
        for (const QString& id : ids) {
            if (id.isEmpty())
                menu->addSeparator();
            else
                menu->addAction(m_actions->action(id));
        }
    };
    QMenu* file = menuBar()->addMenu(tr("&File"));
    add(file, {"chat.new", "", "model.openFolder", "model.openFile"});
    m_recentMenu = file->addMenu(tr("&Recent models"));
    if (!m_setup.bundledModel.isEmpty())
        add(file, {"model.openBundled"});
#ifdef MMFREE_WITH_SERVER
    add(file, {"", "app.server"});
#endif
    add(file, {"", "app.quit"});
    for (const Page* page : std::as_const(m_pageList.inOrder)) {
        if (!page->menuActions().isEmpty())
            add(menuBar()->addMenu(QLatin1Char('&') + page->title()), page->menuActions());
    }
    QMenu* view = menuBar()->addMenu(tr("&View"));
    for (const QString& id : pageIds())
        view->addAction(m_actions->action(QStringLiteral("page.") + id));
    add(view, {"", "view.chatList", "view.inspector", "", "view.theme.system", "view.theme.light",
               "view.theme.dark", "", "view.language.system", "view.language.en", "view.language.ru", "",
               "view.nextPane", "view.previousPane", "view.fullScreen"});
    QMenu* help = menuBar()->addMenu(tr("&Help"));
    add(help, {"help.palette", "help.shortcuts", "", "help.about"});
    rebuildRecentMenu();
    connect(m_recentMenu, &QMenu::aboutToShow, this, &MainWindow::rebuildRecentMenu);
}

void MainWindow::rebuildRecentMenu()
{
    m_recentMenu->clear();
    for (const QString& path : std::as_const(m_settings.recentModels)) {
        QAction* action =
            m_recentMenu->addAction(QString(path).replace(QLatin1Char('&'), QLatin1String("&&")));
        connect(action, &QAction::triggered, this, [this, path] { openModel(path); });
    }
    m_recentMenu->menuAction()->setEnabled(!m_settings.recentModels.isEmpty());
}

void MainWindow::chooseModelFolder()
{
    const QString folder =
        QFileDialog::getExistingDirectory(this, tr("Open a model folder"), QDir::homePath());
    if (!folder.isEmpty())
        openModel(folder);
}

void MainWindow::chooseModelFile()
{
    const QString file = QFileDialog::getOpenFileName(this, tr("Open a packed model"), QDir::homePath(),
                                                      tr("Models (*.safetensors);;All files (*)"));
    if (!file.isEmpty())
        openModel(file);
}

void MainWindow::showPalette()
{
    auto* palette = new CommandPalette(*m_actions, this);
    palette->setAttribute(Qt::WA_DeleteOnClose);
    palette->move(mapToGlobal(QPoint((width() - palette->width()) / 2, 10 * kGrid)));
    palette->show();
}

void MainWindow::showHelp()
{
    auto* dialog = new ShortcutsDialog(*m_actions, this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->open();
}

#ifdef MMFREE_WITH_SERVER
void MainWindow::showServer()
{
    if (!m_serverDialog) {
        m_server = new LocalServer(m_setup.openModel, this);
        const auto modelToServe = [this]() -> std::optional<LocalServerRequest> {
            const auto model = m_service->model();
            if (!model)
                return std::nullopt;
            LocalServerRequest request;
            request.model.path = model->path;
            request.model.backend = m_settings.backend;
            request.name = QFileInfo(model->name).completeBaseName();
            return request;
        };
        m_serverDialog = new ServerDialog(m_server, m_settings.serverPort, modelToServe, this);
        connect(m_service, &InferenceService::modelOpened, m_serverDialog, &ServerDialog::showState);
        connect(m_serverDialog, &QDialog::finished, this,
                [this] { m_settings.serverPort = m_serverDialog->port(); });
    }
    m_serverDialog->show();
    m_serverDialog->raise();
    m_serverDialog->activateWindow();
}
#endif

void MainWindow::showAbout()
{
    QMessageBox::about(
        this, tr("About MatMul-Free Studio"),
        tr("<h3>MatMul-Free Studio %1</h3><p>Chat with, inspect and train language models without matrix "
           "multiplication (arXiv 2406.02528).</p><p>Free software under the GNU GPL, version 3 or "
           "later.</p>")
            .arg(QStringLiteral(MMFREE_VERSION)));
}

} // namespace mmfree::app
