// The chat page's logic without widgets: which conversation is shown, what is being written, what is stored
// when. An answer goes on when the reader looks at another conversation; what arrives is stored every 250 ms.
#pragma once

#include "widgets/models/conversation.h"
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
    [[nodiscard]] ConversationId currentConversation() const { return m_current; }
    [[nodiscard]] const std::vector<Message>& messages() const
    {
        return m_messages;
    } // of the current conversation
    [[nodiscard]] Activity activity() const;
    [[nodiscard]] bool isBusy() const { return m_answer.job != 0; }
    [[nodiscard]] bool isAnsweringHere() const { return isBusy() && m_answer.conversation == m_current; }
    [[nodiscard]] const GenerationProgress& progress() const { return m_answer.progress; }

    // Where the options of the next answer come from; called at each send.
    void setOptionsSource(std::function<GenerateOptions()> source) { m_optionsSource = std::move(source); }

    void search(const QString& text);
    void newConversation();
    void openConversation(ConversationId id);
    void openLatest(ConversationId preferred);
    void deleteConversation(ConversationId id); // undoable until the program ends
    void restoreConversation(ConversationId id);

    void send(const QString& text);
    void editLastUserMessage(const QString& text); // a new branch; the old one is kept
    void regenerate();
    void continueAnswer();
    void stop();

    [[nodiscard]] bool canRegenerate() const;
    [[nodiscard]] bool canContinue() const;
    [[nodiscard]] bool canEdit() const;

signals:
    void conversationOpened(); // messages() is another list now
    void messageAppended(const mmfree::gui::Message& message);
    void messageChanged(const mmfree::gui::Message& message);
    void textGrew(qint64 message, const QString& text);
    void activityChanged();
    void readingProgressed(qint64 done, qint64 total);
    void answerFinished(const mmfree::gui::Message& message);
    void conversationDeleted(qint64 id, const QString& title);
    void problem(const QString& title, const QString& detail);

private:
    struct Answer {
        JobId job = 0;
        ConversationId conversation = 0;
        Message message;
        QString textBefore; // when an answer is continued
        AnswerStats before; // what it had measured until then
        quint64 seed = 0;
        bool stopping = false;
        bool reading = true;
        GenerationProgress progress;
    };

    void startAnswer(MessageId parent);
    void runAnswer(Message message, const QString& textBefore);
    [[nodiscard]] std::vector<ChatTurn> turnsBefore(MessageId message) const;
    void onText(const GenerationProgress& progress);
    void onFinished(JobId job, const GenerationOutcome& outcome);
    void onFailed(JobId job, const ErrorInfo& error);
    void replaceShown(const Message& message);
    void saveAnswer();
    void refreshSummary(ConversationId id);
    bool guarded(const std::function<void()>& storeWork); // a store error becomes problem()

    InferenceService* m_service;
    ConversationStore* m_store;
    ConversationListModel* m_list;
    std::function<GenerateOptions()> m_optionsSource;
    ConversationId m_current = 0; // 0: a new one, not stored before its first message
    std::vector<Message> m_messages;
    QString m_search;
    Answer m_answer;
    QTimer m_saveTimer;
};

} // namespace mmfree::gui
