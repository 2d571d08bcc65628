#include "widgets/chat/chat_controller.h"

#include "widgets/models/conversation_list_model.h"
#include "widgets/store/conversation_export.h"
#include "widgets/store/conversation_store.h"
#include "widgets/workers/inference_service.h"

#include <QJsonDocument>

#include <algorithm>

namespace mmfree::gui
{

namespace
{

constexpr int kSaveMilliseconds = 250;

} // namespace

ChatController::ChatController(InferenceService* service, ConversationStore* store, QObject* parent)
    : QObject(parent)
    , m_service(service)
    , m_store(store)
    , m_list(new ConversationListModel(this))
{
    connect(service, &InferenceService::textArrived, this, &ChatController::onText);
    connect(service, &InferenceService::generationFinished, this, &ChatController::onFinished);
    connect(service, &InferenceService::generationFailed, this, &ChatController::onFailed);
    connect(service, &InferenceService::modelOpened, this, &ChatController::activityChanged);
    connect(service, &InferenceService::modelOpened, this, &ChatController::settingsChanged);
    connect(service, &InferenceService::readingProgressed, this,
            [this](JobId job, qint64 done, qint64 total) {
                if (job == m_answer.job && isAnsweringHere())
                    emit readingProgressed(done, total);
            });
    connect(m_list, &ConversationListModel::renamed, this, [this](ConversationId id, const QString& title) {
        guarded([&] { m_store->rename(id, title); });
    });
    m_saveTimer.setInterval(kSaveMilliseconds);
    connect(&m_saveTimer, &QTimer::timeout, this, &ChatController::saveAnswer);
    m_draftTimer.setInterval(kSaveMilliseconds);
    m_draftTimer.setSingleShot(true);
    connect(&m_draftTimer, &QTimer::timeout, this, &ChatController::saveDraft);
    readPresets();
    search({});
}

ChatController::~ChatController()
{
    saveDraft();
    if (!isBusy())
        return;
    m_service->stopGenerating();
    m_answer.message.status = MessageStatus::Stopped;
    saveAnswer();
}

ChatController::Activity ChatController::activity() const
{
    if (isBusy())
        return m_answer.stopping  ? Activity::Stopping
               : m_answer.reading ? Activity::Reading
                                  : Activity::Writing;
    return m_service->model() ? Activity::Idle : Activity::NoModel;
}

bool ChatController::guarded(const std::function<void()>& storeWork)
{
    try {
        storeWork();
        return true;
    } catch (const StoreError& error) {
        emit problem(tr("The chat could not be saved"), QString::fromStdString(error.what()));
        return false;
    }
}

void ChatController::search(const QString& text)
{
    m_search = text;
    guarded([&] { m_list->setConversations(m_store->conversations(text.trimmed())); });
}

void ChatController::newConversation()
{
    saveDraft();
    m_current = 0;
    m_messages.clear();
    guarded([&] {
        m_draft = m_store->draft(0);
        m_settings = {m_defaultPreset, chatSettingsFromJson(m_store->settings(0)).values};
    });
    emit conversationOpened();
    emit settingsChanged();
    emit activityChanged();
}

void ChatController::openConversation(ConversationId id)
{
    if (id == 0 || id == m_current)
        return;
    saveDraft();
    if (!guarded([&] {
            std::vector<Message> messages = m_store->shownMessages(id);
            m_settings = chatSettingsFromJson(m_store->settings(id));
            m_draft = m_store->draft(id);
            m_messages = std::move(messages);
            m_current = id;
        }))
        return;
    if (isAnsweringHere())
        replaceShown(m_answer.message); // what arrived since it was last stored
    emit conversationOpened();
    emit settingsChanged();
    emit activityChanged();
}

void ChatController::reload()
{
    guarded([&] { m_messages = m_store->shownMessages(m_current); });
    emit conversationOpened();
    emit activityChanged();
}

void ChatController::openLatest(ConversationId preferred)
{
    const int row = m_list->rowOf(preferred);
    if (row >= 0)
        openConversation(preferred);
    else
        newConversation();
}

void ChatController::deleteConversation(ConversationId id)
{
    const int row = m_list->rowOf(id);
    if (row < 0)
        return;
    const QString title = m_list->data(m_list->index(row), Qt::DisplayRole).toString();
    if (m_answer.job != 0 && m_answer.conversation == id)
        stop();
    if (!guarded([&] { m_store->setDeleted(id, true); }))
        return;
    m_list->remove(id);
    if (id == m_current) {
        const ConversationId next = m_list->idAt(std::min(row, m_list->rowCount() - 1));
        if (next != 0)
            openConversation(next);
        else
            newConversation();
    }
    emit conversationDeleted(id, title);
}

void ChatController::restoreConversation(ConversationId id)
{
    if (guarded([&] { m_store->setDeleted(id, false); })) {
        refreshSummary(id);
        openConversation(id);
    }
}

void ChatController::setPinned(ConversationId id, bool pinned)
{
    guarded([&] { m_store->setPinned(id, pinned); });
    refreshSummary(id);
}

void ChatController::setFolder(ConversationId id, const QString& folder)
{
    guarded([&] { m_store->setFolder(id, folder.simplified()); });
    refreshSummary(id);
}

void ChatController::renameFolder(const QString& folder, const QString& to)
{
    guarded([&] { m_store->renameFolder(folder, to.simplified()); });
    search(m_search);
}

ConversationId ChatController::importConversations(const QByteArray& json)
{
    ConversationId last = 0;
    try {
        for (const ExportedConversation& imported : conversationsFromJson(json))
            last = m_store->importConversation(imported.summary, imported.settings, imported.messages,
                                               imported.leaf);
    } catch (const std::exception& error) {
        emit problem(tr("The chats could not be imported"), QString::fromStdString(error.what()));
    }
    search(m_search);
    openConversation(last);
    return last;
}

void ChatController::setDraft(const QString& text)
{
    if (text == m_draft)
        return;
    m_draft = text;
    m_draftChanged = true;
    if (!m_draftTimer.isActive())
        m_draftTimer.start();
}

QString ChatController::draft()
{
    return m_draft;
}

void ChatController::saveDraft()
{
    m_draftTimer.stop();
    if (std::exchange(m_draftChanged, false))
        guarded([&] { m_store->setDraft(m_current, m_draft); });
}

SettingLayers ChatController::layers() const
{
    SettingLayers layers;
    const auto model = m_service->model();
    layers.model = modelDefaults(model ? model->chatTemplate : plainChatTemplate());
    for (const auto& [name, values] : m_presets) {
        if (name == m_settings.preset) {
            layers.presetName = name;
            layers.preset = values;
        }
    }
    layers.chat = m_settings.values;
    return layers;
}

void ChatController::setChatValue(const QString& field, const QJsonValue& value)
{
    QJsonObject values = m_settings.values;
    if (value.isUndefined())
        values.remove(field);
    else
        values.insert(field, value);
    if (checkedLayer(values) != values || values == m_settings.values)
        return;
    m_settings.values = values;
    storeSettings();
}

void ChatController::resetChatValues()
{
    m_settings.values = {};
    storeSettings();
}

void ChatController::choosePreset(const QString& name)
{
    m_settings.preset = name;
    m_defaultPreset = name;
    storeSettings();
}

void ChatController::savePreset(const QString& name)
{
    const SettingLayers now = layers();
    QJsonObject values = now.preset;
    for (auto field = now.chat.begin(); field != now.chat.end(); ++field)
        values.insert(field.key(), field.value());
    if (!guarded([&] { m_store->setPreset(name, QJsonDocument(values).toJson(QJsonDocument::Compact)); }))
        return;
    readPresets();
    m_settings = {name, {}};
    m_defaultPreset = name;
    storeSettings();
}

void ChatController::deletePreset(const QString& name)
{
    guarded([&] { m_store->removePreset(name); });
    readPresets();
    if (m_settings.preset == name)
        m_settings.preset.clear();
    if (m_defaultPreset == name)
        m_defaultPreset.clear();
    storeSettings();
}

QStringList ChatController::presetNames() const
{
    QStringList names;
    for (const auto& [name, values] : m_presets)
        names << name;
    return names;
}

void ChatController::readPresets()
{
    // Presets of the program, unless one of the reader's has the same name.
    m_presets = {{tr("Precise"), {{"temperature", 0.2}, {"topK", 20}, {"topP", 0.9}}},
                 {tr("Creative"), {{"temperature", 1.1}, {"topK", 0}, {"topP", 0.98}, {"minP", 0.02}}},
                 {tr("Always the likeliest"), {{"temperature", 0.0}, {"repetitionPenalty", 1.0}}}};
    guarded([&] {
        for (const auto& [name, json] : m_store->presets()) {
            const QJsonObject values = checkedLayer(QJsonDocument::fromJson(json).object());
            const auto same = std::find_if(m_presets.begin(), m_presets.end(),
                                           [&](const auto& other) { return other.first == name; });
            if (same != m_presets.end())
                same->second = values;
            else
                m_presets.emplace_back(name, values);
        }
    });
}

void ChatController::storeSettings()
{
    guarded([&] { m_store->setSettings(m_current, chatSettingsToJson(m_settings)); });
    emit settingsChanged();
}

const Message* ChatController::message(MessageId id) const
{
    const std::size_t index = indexOf(id);
    return index < m_messages.size() ? &m_messages[index] : nullptr;
}

std::size_t ChatController::indexOf(MessageId message) const
{
    const auto found = std::find_if(m_messages.begin(), m_messages.end(),
                                    [&](const Message& other) { return other.id == message; });
    return static_cast<std::size_t>(found - m_messages.begin());
}

void ChatController::showSibling(MessageId message, int step)
{
    if (isAnsweringHere() || indexOf(message) == m_messages.size())
        return;
    bool moved = false;
    guarded([&] {
        const std::vector<MessageId> all = m_store->siblings(message);
        const auto self = std::find(all.begin(), all.end(), message);
        const auto target = self - all.begin() + step;
        if (self == all.end() || target < 0 || target >= static_cast<std::ptrdiff_t>(all.size()))
            return;
        m_store->showLeaf(m_current, m_store->newestLeafBelow(all[static_cast<std::size_t>(target)]));
        moved = true;
    });
    if (moved)
        reload();
}

void ChatController::deleteMessage(MessageId message)
{
    const std::size_t index = indexOf(message);
    if (isAnsweringHere() || index == m_messages.size())
        return;
    const bool own = m_messages[index].role == ChatRole::User;
    if (!guarded([&] {
            m_removed.push_back({m_current, message, m_store->deleteMessage(m_current, message)});
        }))
        return;
    reload();
    emit messageDeleted(message, own);
}

void ChatController::restoreMessage(MessageId message)
{
    const auto found = std::find_if(m_removed.rbegin(), m_removed.rend(),
                                    [&](const Removed& other) { return other.message == message; });
    if (found == m_removed.rend() || (isBusy() && m_answer.conversation == found->conversation))
        return;
    const Removed removed = *found;
    m_removed.erase(std::next(found).base());
    if (!guarded([&] { m_store->restoreMessage(removed.conversation, removed.message, removed.leaf); }))
        return;
    if (removed.conversation == m_current)
        reload();
    else
        openConversation(removed.conversation);
}

void ChatController::refreshSummary(ConversationId id)
{
    guarded([&] {
        if (m_search.isEmpty() || m_list->rowOf(id) >= 0)
            m_list->upsert(m_store->conversation(id));
    });
}

} // namespace mmfree::gui
