// What the application gives every page: services, the shared selection, the list of backends, places of
// files, and ways to reach the shell. Pages take what they need; none of it names a concrete backend.
#pragma once

#include "widgets/workers/inference_types.h"

#include <QString>

#include <functional>
#include <memory>
#include <vector>

namespace mmfree::gui
{

class ActionRegistry;
class ChatController;
class InferenceService;
class MessageBar;
class SelectionBus;

struct PageContext {
    InferenceService* service = nullptr; // the model that is open for chat
    ChatController* chat = nullptr;
    ActionRegistry* actions = nullptr;
    SelectionBus* selection = nullptr;
    MessageBar* messages = nullptr;

    // Opens a model on the calling thread (a worker's) for an executor of the page's own; throws Error.
    OpenFunction openModel;
    // Best first; also those that cannot be used here (their devices() say why). Safe to call from any
    // thread.
    std::vector<std::shared_ptr<const Backend>> backends;

    QString dataFolder;     // of this user: settings, chats, runs, caches
    QString resourceFolder; // files that come with the program; empty: none
    QString bundledModel;   // empty: none came along
    QString programFile;    // this program, for child processes

    std::function<void(const QString& path)> openForChat; // makes it the model of the chat page
    std::function<void(const QString& pageId)> showPage;
};

} // namespace mmfree::gui
