// Chats at the left, the conversation in the middle with the composer under it, the inspector at the right.
// Wires the chat controller to views: chat_page_actions.cpp has the commands, chat_page_tokens.cpp the token
// face, chat_page_files.cpp import and export.
#pragma once

#include "widgets/models/token_trace.h"
#include "widgets/pages/page.h"

#include <QHash>
#include <QSet>

#include <memory>

class QLabel;
class QMenu;
class QSplitter;
class QTabWidget;
class QTimer;
class QToolButton;

namespace mmfree::gui
{

class ActionRegistry;
class ChatController;
class CompareColumn;
class Composer;
class ConversationPanel;
class EmptyState;
class FactChecker;
class InferenceService;
class MessageBar;
class MessageView;
class SamplingPanel;
class SecondChat;
class SelectionBus;
class SentenceAnnouncer;
class StatsPanel;
class TemplatePanel;
class TokenDetails;
class TranscriptView;
struct Message;
struct PageContext;
struct Selection;

class ChatPage : public Page
{
    Q_OBJECT
public:
    explicit ChatPage(const PageContext& context, QWidget* parent = nullptr);
    ~ChatPage() override;

    [[nodiscard]] QString id() const override { return QStringLiteral("chat"); }
    [[nodiscard]] QString title() const override { return tr("Chat"); }
    [[nodiscard]] QString iconName() const override { return QStringLiteral("chat"); }
    [[nodiscard]] QList<QWidget*> panes() const override;
    [[nodiscard]] QStringList menuActions() const override;
    [[nodiscard]] QByteArray saveLayout() const override;
    void restoreLayout(const QByteArray& layout) override;
    bool showView(const QString& name) override; // sampling, template, token, stats, tokens
    void startWorking() override;                // keyboard focus to the composer

    void setOpenActions(const QList<QAction*>& actions); // offered while no model is open
    void stopRunning();
    void sendPrompt(const QString& text);

signals:
    void undoableDeletion(qint64 conversation, const QString& title);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    struct Command;
    void buildLayout();
    [[nodiscard]] QWidget* buildMiddle();
    void buildInspector();
    void addActions(ActionRegistry* actions);
    void connectController();
    void connectViews();
    void connectSettings();
    void showConversation();
    void updateActivity();
    void updateModel();
    void updateEmptyState();
    void updateStats();
    void updateSettings();
    void send(const QString& text);
    void beginEdit(qint64 message);
    void endEdit();
    void editLast();
    void floatInspector(bool floating);
    [[nodiscard]] qint64 lastMessage(bool own) const; // 0: none
    [[nodiscard]] qint64 pointedMessage() const;      // the focused one, else the last with siblings
    [[nodiscard]] QString stateNote() const;

    void connectTokens();
    void toggleTokens();
    void showTokens(qint64 message, bool shown);
    void refreshTokens(qint64 message);
    void prepareView(MessageView* view);
    void setMeasure(TokenMeasure measure);
    void pickToken(qint64 message, int token);
    void hoverToken(qint64 message, int token);
    void pinToken(qint64 message, int token);
    void placePopover(qint64 message, int token);
    void hidePopover();
    void followSelection(const Selection& selection, QObject* origin);
    void updateTokenPanel();

    void buildCompare();
    void fillSecondMenu();
    void showSecondMenu();
    void openSecond(const QString& path, const QString& backend); // empty backend: the best
    void connectSecond();
    void askBoth();
    void updateDifference();

    void updateVerdicts();
    void showVerdict(MessageView* view);

    void copyText(const QString& text);
    void copyReproduce(qint64 message);
    void exportChat(const QString& format, bool all);
    void writeExport(const QString& file, const QByteArray& bytes);
    void importChats();

    std::unique_ptr<const PageContext> m_context;
    InferenceService* m_service;
    ChatController* m_controller;
    MessageBar* m_messages;
    SelectionBus* m_selection;
    ConversationPanel* m_list;
    TranscriptView* m_transcript;
    Composer* m_composer;
    EmptyState* m_empty;
    SentenceAnnouncer* m_announcer;
    QWidget* m_hint;
    QLabel* m_hintText;
    QLabel* m_title;
    QTabWidget* m_inspector;
    QWidget* m_inspectorPanel;
    SamplingPanel* m_sampling;
    TemplatePanel* m_template;
    TokenDetails* m_tokenPanel;
    StatsPanel* m_stats;
    QSplitter* m_splitter;
    QWidget* m_floating = nullptr; // window of the inspector while it floats
    TokenDetails* m_popover;
    CompareColumn* m_column = nullptr;
    SecondChat* m_second = nullptr; // null: one model is asked
    QToolButton* m_askBoth = nullptr;
    QMenu* m_secondMenu = nullptr;
    QLabel* m_firstRate = nullptr; // tokens per second of the first column while two are asked
    bool m_askWhenOpen = false;
    FactChecker* m_facts;
    QTimer* m_tokenTimer; // redraws the tokens of an answer that is written, at most twice a second
    QList<QAction*> m_openActions;
    QHash<QString, QAction*> m_actions; // by id
    qint64 m_editing = 0;               // message in the composer; 0: none
    TokenMeasure m_measure = TokenMeasure::Probability;
    bool m_allTokens = false;
    QSet<qint64> m_tokenMessages; // shown as tokens
    qint64 m_popoverMessage = 0;
    qint64 m_tokenMessage = 0; // the selected token
    int m_token = -1;
};

} // namespace mmfree::gui
