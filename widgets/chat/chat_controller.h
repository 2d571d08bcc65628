// The chat page's logic without widgets: which conversation is shown, what is being written, what is stored
// when. An answer goes on when the reader looks at another conversation; what arrives is stored every 250 ms.
#pragma once

#include "widgets/models/chat_settings.h"
#include "widgets/models/conversation.h"
#include "widgets/models/token_trace.h"
#include "widgets/workers/inference_types.h"

#include <QObject>
#include <QTimer>

#include <functional>

namespace mmfree::gui
{

class ConversationListModel;
class ConversationStore;
class InferenceService;

class ChatController : public QObject
{
    Q_OBJECT
public:
    enum class Activity { NoModel, Idle, Reading, Writing, Stopping };

    ChatController(InferenceService* service, ConversationStore* store, QObject* parent = nullptr);
    ~ChatController() override;

    [[nodiscard]] ConversationListModel* conversations() const { return m_list; }
    [[nodiscard]] ConversationStore* store() const { return m_store; }
    [[nodiscard]] ConversationId currentConversation() const { return m_current; }
    [[nodiscard]] const std::vector<Message>& messages() const
    {
        return m_messages;
    }                                                         // of the current conversation
    [[nodiscard]] const Message* message(MessageId id) const; // null: not shown
    [[nodiscard]] Activity activity() const;
    [[nodiscard]] bool isBusy() const { return m_answer.job != 0; }
    [[nodiscard]] bool isAnsweringHere() const { return isBusy() && m_answer.conversation == m_current; }
    [[nodiscard]] const GenerationProgress& progress() const { return m_answer.progress; }

    void search(const QString& text);
    void newConversation();
    void openConversation(ConversationId id);
    void openLatest(ConversationId preferred);
    void deleteConversation(ConversationId id); // undoable until the program ends
    void restoreConversation(ConversationId id);
    void setPinned(ConversationId id, bool pinned);
    void setFolder(ConversationId id, const QString& folder);
    void renameFolder(const QString& folder, const QString& to); // empty: its chats are in none
    ConversationId importConversations(const QByteArray& json);  // the last one is opened; 0: see problem()

    // What is typed and not sent yet belongs to its chat and survives the end of the program.
    void setDraft(const QString& text);
    [[nodiscard]] QString draft();

    // Layers of the current conversation's settings.
    [[nodiscard]] SettingLayers layers() const;
    [[nodiscard]] const ChatSettings& settings() const { return m_settings; }
    void setChatValue(const QString& field, const QJsonValue& value); // undefined: as the preset or model
    void resetChatValues();
    void choosePreset(const QString& name); // empty: none
    void savePreset(const QString& name);   // with what holds now beyond the model's defaults
    void deletePreset(const QString& name);
    [[nodiscard]] QStringList presetNames() const;
    void setDefaultPreset(const QString& name) { m_defaultPreset = name; } // of new chats
    [[nodiscard]] const QString& defaultPreset() const { return m_defaultPreset; }

    void send(const QString& text);
    void editMessage(MessageId message, const QString& text); // a new branch; the old one is kept
    void regenerate(MessageId message = 0);                   // an answer, 0: the last
    void continueAnswer();
    // A branch of an answer: its first `token` tokens, then `alternative`, then what the model says; with
    // `writeOn` false nothing more.
    void continueFrom(MessageId message, std::size_t token, TokenId alternative, bool writeOn);
    void stop();
    void showSibling(MessageId message, int step); // +1 next, -1 previous
    void deleteMessage(MessageId message);         // and what follows; undoable
    void restoreMessage(MessageId message);        // the one deleted last with this id

    [[nodiscard]] bool canRegenerate() const;
    [[nodiscard]] bool canContinue() const;
    [[nodiscard]] bool canEdit() const;

    // For a second model that answers the same: what the first is asked now, and a place for its answer, a
    // version beside the first one's. The place has id 0 when it could not be stored.
    [[nodiscard]] const AnswerTask& runningTask() const { return m_answer.task; }
    [[nodiscard]] const AnswerStats& runningSettings() const { return m_answer.settings; }
    [[nodiscard]] Message addSecondAnswer();
    void storeSecondAnswer(const Message& answer);
    void storeSecondTokens(MessageId answer, const QByteArray& chunk);

    [[nodiscard]] TokenTrace tokens(MessageId message); // stored ones and those that just arrived
    // The command line that writes the last run of an answer again; empty and `reason` where it cannot.
    [[nodiscard]] QString reproduceCommand(MessageId message, QString* reason = nullptr);

signals:
    void conversationOpened(); // messages() is another list now
    void messageAppended(const mmfree::gui::Message& message);
    void messageChanged(const mmfree::gui::Message& message);
    void textGrew(qint64 message, const QString& text);
    void tokensGrew(qint64 message);
    void activityChanged();
    void readingProgressed(qint64 done, qint64 total);
    void answerFinished(const mmfree::gui::Message& message);
    void conversationDeleted(qint64 id, const QString& title);
    void messageDeleted(qint64 message, bool own);
    void settingsChanged();
    void problem(const QString& title, const QString& detail);

private:
    struct Answer {
        JobId job = 0;
        ConversationId conversation = 0;
        Message message;
        QString textBefore;                // when an answer is continued
        std::optional<AnswerStats> before; // what it had measured until then
        AnswerStats settings;              // how it is drawn
        AnswerTask task;                   // without what belongs to the first model only
        bool stopping = false;
        bool reading = true;
        bool hasPromptState = false;
        std::vector<QByteArray> unsavedTokens;
        std::vector<Checkpoint> unsavedCheckpoints;
        GenerationProgress progress;
    };
    // Where a run begins when it is known token by token.
    struct ExactStart {
        std::vector<TokenId> tokens;
        std::int64_t continued = 0;
        std::shared_ptr<const StateRecord> state;
    };

    void startAnswer(MessageId parent);
    void runAnswer(Message message, const QString& textBefore, const std::optional<ExactStart>& exact = {});
    [[nodiscard]] std::optional<ExactStart> exactStart(MessageId message, std::size_t tokenCount);
    [[nodiscard]] std::optional<StateRecord> promptStateOfSibling(MessageId message, const AnswerTask& task);
    [[nodiscard]] std::vector<ChatTurn> turnsBefore(MessageId message) const;
    [[nodiscard]] std::size_t indexOf(MessageId message) const; // messages().size(): not shown
    void reload();
    void onText(const GenerationProgress& progress);
    void onFinished(JobId job, const GenerationOutcome& outcome);
    void onFailed(JobId job, const ErrorInfo& error);
    void replaceShown(const Message& message);
    void saveAnswer();
    void saveDraft();
    void storeSettings();
    void readPresets();
    void refreshSummary(ConversationId id);
    bool guarded(const std::function<void()>& storeWork); // a store error becomes problem()

    InferenceService* m_service;
    ConversationStore* m_store;
    ConversationListModel* m_list;
    ConversationId m_current = 0; // 0: a new one, not stored before its first message
    std::vector<Message> m_messages;
    QString m_search;
    ChatSettings m_settings;
    QString m_defaultPreset;
    std::vector<std::pair<QString, QJsonObject>> m_presets;
    struct Removed {
        ConversationId conversation = 0;
        MessageId message = 0, leaf = 0;
    };
    std::vector<Removed> m_removed;
    Answer m_answer;
    QTimer m_saveTimer;
    QString m_draft;
    bool m_draftChanged = false;
    QTimer m_draftTimer;
};

} // namespace mmfree::gui
