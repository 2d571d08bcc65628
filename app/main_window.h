// The shell: rail, pages, menus, status bar, message bar, and the threads that pages' workers run on. Wires
// pages to workers; knows no backend (it gets functions that open models).
#pragma once

#include "app/pages.h"
#include "app/settings.h"

#include "widgets/workers/inference_types.h"

#include <QMainWindow>
#include <QThread>

#include <memory>

class QLabel;
class QMenu;
class QProgressBar;
class QPushButton;
class QStackedWidget;

namespace mmfree::gui
{
class ActionRegistry;
class ActivityRail;
class ChatController;
class ChatPage;
class ConversationStore;
class InferenceService;
class InferenceWorker;
class MessageBar;
class ModelLoader;
class Page;
class SelectionBus;
} // namespace mmfree::gui

namespace mmfree::app
{

class LocalServer;
class ServerDialog;

struct WindowSetup {
    QString dataFolder; // settings and chats
    gui::OpenFunction openModel;
    gui::ListBackendsFunction listBackends;
    std::vector<std::shared_ptr<const Backend>> backends; // best first
    QString resourceFolder;                               // files that come with the program; empty: none
    QString bundledModel;                                 // opened at the first start; empty: none
    bool rememberChanges = true; // false: nothing is written to the settings (screenshots)
};

class MainWindow : public QMainWindow
{
    Q_OBJECT
public:
    explicit MainWindow(WindowSetup setup, QWidget* parent = nullptr);
    ~MainWindow() override;

    // `model` empty: the newest recent one that still exists, else the bundled one.
    void openInitialModel(const QString& model);
    void openModel(const QString& path);
    [[nodiscard]] QStringList pageIds() const;
    // "explore" or "explore/state"; false: there is no such page, or no such part of it.
    bool showPage(const QString& name);
    [[nodiscard]] const gui::Page& currentPage() const;
    void setTheme(gui::ThemeChoice choice);
    void setLanguage(gui::LanguageChoice choice);

    [[nodiscard]] gui::ActionRegistry& actions() { return *m_actions; }
    [[nodiscard]] gui::InferenceService& service() { return *m_service; }
    [[nodiscard]] gui::ChatController& chat() { return *m_chat; }
    [[nodiscard]] gui::ChatPage& chatPage() { return *m_pageList.chat; }
    [[nodiscard]] gui::SelectionBus& selection() { return *m_selection; }
    [[nodiscard]] gui::MessageBar& messageBar() { return *m_messageBar; }

protected:
    void changeEvent(QEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void closeEvent(QCloseEvent* event) override;

private:
    void startWorkers();
    void buildActions();
    void buildPages();
    void buildMenus();
    void buildStatusBar();
    void connectService();
    void chooseModelFolder();
    void chooseModelFile();
    void rebuildRecentMenu();
    void updateStatus();
    void cyclePane(int step);
    void showPalette();
    void showHelp();
    void showServer();
    void showAbout();
    void saveSettings();

    WindowSetup m_setup;
    SettingsFile m_settingsFile;
    Settings m_settings;
    QThread m_loaderThread, m_inferenceThread;
    gui::ModelLoader* m_loader = nullptr;     // lives in m_loaderThread
    gui::InferenceWorker* m_worker = nullptr; // lives in m_inferenceThread
    gui::InferenceService* m_service = nullptr;
    std::unique_ptr<gui::ConversationStore> m_store;
    gui::ChatController* m_chat = nullptr;
    gui::SelectionBus* m_selection = nullptr;
    gui::ActionRegistry* m_actions = nullptr;
    gui::MessageBar* m_messageBar = nullptr;
    gui::ActivityRail* m_rail = nullptr;
    QStackedWidget* m_pages = nullptr;
    Pages m_pageList;
    LocalServer* m_server = nullptr; // made with its dialog
    ServerDialog* m_serverDialog = nullptr;
    QMenu* m_recentMenu = nullptr;
    QLabel *m_modelLabel = nullptr, *m_backendLabel = nullptr, *m_stateLabel = nullptr,
           *m_memoryLabel = nullptr, *m_speedLabel = nullptr;
    QProgressBar* m_progress = nullptr;
    QPushButton* m_cancelOpening = nullptr;
};

} // namespace mmfree::app
