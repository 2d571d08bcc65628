// Chats at the left, the conversation in the middle with the composer under it, the inspector at the right.
#pragma once

#include "widgets/pages/page.h"
#include "widgets/views/sampling_panel.h"

class QLabel;
class QMenu;
class QSplitter;
class QTabWidget;

namespace mmfree::gui
{

class ActionRegistry;
class ChatController;
struct PageContext;
class Composer;
class ConversationPanel;
class EmptyState;
class InferenceService;
class StatsPanel;
class TranscriptView;

class ChatPage : public Page
{
    Q_OBJECT
public:
    explicit ChatPage(const PageContext& context, QWidget* parent = nullptr);

    [[nodiscard]] QString id() const override { return QStringLiteral("chat"); }
    [[nodiscard]] QString title() const override { return tr("Chat"); }
    [[nodiscard]] QString iconName() const override { return QStringLiteral("chat"); }
    [[nodiscard]] QList<QWidget*> panes() const override;

    void setSampling(const SamplingSettings& settings);
    [[nodiscard]] const SamplingSettings& sampling() const;
    void setOpenActions(const QList<QAction*>& actions); // offered while no model is open
    [[nodiscard]] QStringList menuActions() const override;
    [[nodiscard]] QByteArray saveLayout() const override;
    void restoreLayout(const QByteArray& layout) override;
    void startWorking() override; // keyboard focus to the composer
    void stopRunning();
    void sendPrompt(const QString& text);

signals:
    void undoableDeletion(qint64 conversation, const QString& title);

private:
    void buildLayout();
    void addActions(ActionRegistry* actions);
    void connectController();
    void showConversation();
    void updateActivity();
    void updateModel();
    void updateEmptyState();
    void updateStats();
    void copyLastAnswer();
    void editLast();
    void copyText(const QString& text);
    [[nodiscard]] QString stateNote() const;

    InferenceService* m_service;
    ChatController* m_controller;
    ConversationPanel* m_list;
    TranscriptView* m_transcript;
    Composer* m_composer;
    EmptyState* m_empty;
    QWidget* m_hint;
    QLabel* m_hintText;
    QLabel* m_title;
    QTabWidget* m_inspector;
    QWidget* m_inspectorPanel;
    SamplingPanel* m_sampling;
    StatsPanel* m_stats;
    QSplitter* m_splitter;
    QList<QAction*> m_openActions;
    QAction *m_new, *m_rename, *m_delete, *m_find, *m_stop, *m_regenerate, *m_continue, *m_edit, *m_copy,
        *m_previous, *m_next, *m_showList, *m_showInspector;
};

} // namespace mmfree::gui
