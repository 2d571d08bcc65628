// The chat page's commands: one table, each with its id, words, keys and act.
#include "widgets/pages/chat_page.h"

#include "widgets/actions/action_registry.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/models/conversation_list_model.h"
#include "widgets/pages/page_context.h"
#include "widgets/theme/theme.h"
#include "widgets/views/composer.h"
#include "widgets/views/conversation_panel.h"
#include "widgets/views/message_bar.h"
#include "widgets/views/sentence_announcer.h"
#include "widgets/views/transcript_view.h"

#include <QCloseEvent>
#include <QSplitter>
#include <QVBoxLayout>

#include <functional>

namespace mmfree::gui
{

struct ChatPage::Command {
    ActionSpec spec;
    std::function<void()> act;
};

void ChatPage::addActions(ActionRegistry* actions)
{
    const QString chat = tr("Chat");
    const auto keys = [](const QString& text) { return QList<QKeySequence>{QKeySequence(text)}; };
    const auto current = [this] { return m_controller->currentConversation(); };
    const auto inList = [this] { m_actions["view.chatList"]->setChecked(true); };
    const std::vector<Command> commands{
        {{"chat.new", chat, tr("&New chat"), "plus", keys(tr("Ctrl+N")), {}},
         [this] {
             m_list->clearSearch();
             m_controller->newConversation();
             startWorking();
         }},
        {{"chat.find", chat, tr("&Search chats"), "search", keys(tr("Ctrl+F")), {}, this},
         [this, inList] {
             inList();
             m_list->focusSearch();
         }},
        {{"chat.rename", chat, tr("Re&name chat"), "edit", keys(tr("F2")), {}, this},
         [this, inList] {
             inList();
             m_list->renameCurrent();
         }},
        {{"chat.pin", chat, tr("&Pin or unpin chat"), "pin", keys(tr("Ctrl+Shift+K")),
          tr("Keep this chat at the top of the list"), this},
         [this, current] {
             const int row = m_controller->conversations()->rowOf(current());
             if (row >= 0)
                 m_controller->setPinned(current(), !m_controller->conversations()->at(row).pinned);
         }},
        {{"chat.moveToFolder",
          chat,
          tr("&Move to folder\u2026"),
          "folder",
          keys(tr("Ctrl+Shift+M")),
          {},
          this},
         [this, inList] {
             inList();
             m_list->askFolder();
         }},
        {{"chat.delete", chat, tr("&Delete chat"), "trash", keys(tr("Ctrl+Shift+D")), {}, this},
         [this, current] { m_controller->deleteConversation(current()); }},
        {{"chat.exportMarkdown", chat, tr("Export as Mark&down\u2026"), "file", {}, {}, this},
         [this] { exportChat(QStringLiteral("md"), false); }},
        {{"chat.exportHtml", chat, tr("Export as &HTML\u2026"), "file", {}, {}, this},
         [this] { exportChat(QStringLiteral("html"), false); }},
        {{"chat.exportPdf", chat, tr("Export as PD&F\u2026"), "file", {}, {}, this},
         [this] { exportChat(QStringLiteral("pdf"), false); }},
        {{"chat.exportJson",
          chat,
          tr("Export as &JSON\u2026"),
          "file",
          {},
          tr("With all branches and settings; can be imported again"),
          this},
         [this] { exportChat(QStringLiteral("json"), false); }},
        {{"chat.exportAll", chat, tr("Export all chats as JSON\u2026"), "file", {}, {}, this},
         [this] { exportChat(QStringLiteral("json"), true); }},
        {{"chat.import", chat, tr("&Import chats (JSON)\u2026"), "folder", {}, {}, this},
         [this] { importChats(); }},
        {{"chat.stop", chat, tr("S&top"), "stop", keys(tr("Esc")),
          tr("Stop the answer; what was written stays"), this},
         [this] { stopRunning(); }},
        {{"chat.regenerate", chat, tr("&Regenerate answer"), "regenerate", keys(tr("Ctrl+R")), {}, this},
         [this] { m_controller->regenerate(); }},
        {{"chat.continue",
          chat,
          tr("&Continue answer"),
          "continue",
          {QKeySequence(tr("Ctrl+Return")), QKeySequence(tr("Ctrl+Enter"))},
          {},
          this},
         [this] { m_controller->continueAnswer(); }},
        {{"chat.edit", chat, tr("&Edit last message"), "edit", keys(tr("Ctrl+E")), {}, this},
         [this] { editLast(); }},
        {{"chat.previousSibling", chat, tr("Previous &version"), "chevron-left", keys(tr("Alt+Left")),
          tr("Show the version of this message that was written before"), this},
         [this] { m_controller->showSibling(pointedMessage(), -1); }},
        {{"chat.nextSibling", chat, tr("Next v&ersion"), "chevron-right", keys(tr("Alt+Right")), {}, this},
         [this] { m_controller->showSibling(pointedMessage(), +1); }},
        {{"chat.deleteMessage", chat, tr("De&lete message"), "trash", keys(tr("Ctrl+Shift+Del")),
          tr("Delete the message with the keyboard focus, else the last, and what follows"), this},
         [this] {
             const qint64 focused = m_transcript->focusedMessage();
             const auto& all = m_controller->messages();
             m_controller->deleteMessage(focused != 0 || all.empty() ? focused : all.back().id);
         }},
        {{"chat.copy", chat, tr("C&opy last answer"), "copy", keys(tr("Ctrl+Shift+C")), {}, this},
         [this] {
             if (const Message* answer = m_controller->message(lastMessage(false)))
                 copyText(answer->text);
         }},
        {{"chat.reproduce", chat, tr("Copy command line (Re&produce)"), "copy", keys(tr("Ctrl+Shift+R")),
          tr("The exact command that writes the last answer again"), this},
         [this] {
             const Message* focused = m_controller->message(m_transcript->focusedMessage());
             const bool answer = focused && focused->role == ChatRole::Assistant;
             copyReproduce(answer ? focused->id : lastMessage(false));
         }},
        {{"chat.tokens", chat, tr("Show to&kens"), "tokens", keys(tr("Ctrl+T")),
          tr("Tint tokens by how sure the model was: of the focused answer, else of all"), this},
         [this] { toggleTokens(); }},
        {{"chat.askBoth", chat, tr("Ask &both"), "columns", keys(tr("Ctrl+Shift+Return")),
          tr("Ask a second model or backend the same, side by side"), this},
         [this] { askBoth(); }},
        {{"chat.previousMessage", chat, tr("Previous message"), "chevron-up", keys(tr("Ctrl+Up")), {}, this},
         [this] { m_transcript->focusNeighbour(-1); }},
        {{"chat.nextMessage", chat, tr("Ne&xt message"), "chevron-down", keys(tr("Ctrl+Down")), {}, this},
         [this] { m_transcript->focusNeighbour(+1); }},
    };
    for (const Command& command : commands) {
        QAction* action = actions->add(command.spec);
        m_actions.insert(command.spec.id, action);
        connect(action, &QAction::triggered, this, command.act);
    }
    struct Toggle {
        ActionSpec spec;
        bool on;
        std::function<void(bool)> act;
    };
    const QString view = tr("View");
    const std::vector<Toggle> toggles{
        {{"chat.caret",
          chat,
          tr("C&aret in answers"),
          {},
          keys(tr("F7")),
          tr("Move a text cursor through messages with the keyboard"),
          this},
         false,
         [this](bool on) { m_transcript->setCaretMode(on); }},
        {{"chat.readReplies",
          chat,
          tr("Read replies alo&ud"),
          {},
          {},
          tr("Tell the screen reader what the model writes, sentence by sentence"),
          this},
         false,
         [this](bool on) { m_announcer->setEnabled(on); }},
        {{"view.chatList", view, tr("Chat &list"), "sidebar", keys(tr("Ctrl+B")),
          tr("Show or hide the list of chats")},
         true,
         [this](bool on) { m_list->setVisible(on); }},
        {{"view.inspector", view, tr("&Inspector"), "inspector", keys(tr("Ctrl+I")),
          tr("Show or hide sampling, template, token and statistics")},
         true,
         [this](bool on) { (m_floating ? m_floating : m_inspectorPanel)->setVisible(on); }},
        {{"view.floatInspector",
          view,
          tr("Floa&ting inspector"),
          {},
          keys(tr("Ctrl+Shift+I")),
          tr("The inspector as a window of its own"),
          this},
         false,
         [this](bool on) { floatInspector(on); }},
    };
    for (const Toggle& toggle : toggles) {
        QAction* action = actions->add(toggle.spec);
        action->setCheckable(true);
        action->setChecked(toggle.on);
        m_actions.insert(toggle.spec.id, action);
        connect(action, &QAction::toggled, this, toggle.act);
    }
}

QStringList ChatPage::menuActions() const
{
    return {"chat.stop",
            "chat.regenerate",
            "chat.continue",
            "",
            "chat.askBoth",
            "chat.edit",
            "chat.deleteMessage",
            "chat.previousSibling",
            "chat.nextSibling",
            "",
            "chat.copy",
            "chat.reproduce",
            "chat.tokens",
            "",
            "chat.find",
            "chat.rename",
            "chat.pin",
            "chat.moveToFolder",
            "chat.delete",
            "",
            "chat.exportMarkdown",
            "chat.exportHtml",
            "chat.exportPdf",
            "chat.exportJson",
            "chat.exportAll",
            "chat.import",
            "",
            "chat.previousMessage",
            "chat.nextMessage",
            "chat.caret",
            "chat.readReplies",
            "view.floatInspector"};
}

void ChatPage::floatInspector(bool floating)
{
    if (floating == (m_floating != nullptr))
        return;
    if (floating) {
        m_floating = new QWidget(window(), Qt::Tool);
        m_floating->setObjectName(QStringLiteral("floatingInspector"));
        m_floating->setWindowTitle(tr("Inspector"));
        m_floating->installEventFilter(this);
        auto* layout = new QVBoxLayout(m_floating);
        layout->setContentsMargins(0, 0, 0, 0);
        const QSize size = m_inspectorPanel->size();
        layout->addWidget(m_inspectorPanel);
        m_floating->resize(std::max(size.width(), 320), std::max(size.height(), 480));
        m_floating->move(mapToGlobal(QPoint(width() - m_floating->width() - 4 * kGrid, 8 * kGrid)));
        m_inspectorPanel->show();
        m_floating->setVisible(m_actions["view.inspector"]->isChecked());
    } else {
        m_splitter->addWidget(m_inspectorPanel);
        m_splitter->setStretchFactor(2, 0);
        m_inspectorPanel->setVisible(m_actions["view.inspector"]->isChecked());
        m_floating->removeEventFilter(this);
        m_floating->deleteLater();
        m_floating = nullptr;
    }
}

bool ChatPage::eventFilter(QObject* watched, QEvent* event)
{
    // Closing the floating window puts the inspector back.
    if (watched == m_floating && event->type() == QEvent::Close)
        m_actions["view.floatInspector"]->setChecked(false);
    return Page::eventFilter(watched, event);
}

} // namespace mmfree::gui
