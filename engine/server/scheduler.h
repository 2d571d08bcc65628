// Runs the model for many requests at once on one thread: requests take turns, each turn a chunk of prompt or
// a few tokens, so that every client's text grows whatever the others ask. A reader that does not keep up is
// skipped until it has. States of prompts and answers are kept for the next request of the same conversation.
#pragma once

#include "engine/server/answer_writer.h"
#include "engine/server/api_error.h"
#include "engine/server/api_request.h"
#include "engine/server/prompt.h"
#include "engine/server/state_cache.h"

#include "engine/runtime/backend.h"
#include "engine/text/tokenizer.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace mmfree::server
{

struct Usage {
    std::int64_t promptTokens = 0;
    std::int64_t cachedTokens = 0; // of the prompt, not read because their state was kept
    std::int64_t completionTokens = 0;
};

// Gets the results of one job, on the scheduler's thread. After onFinished or onFailed nothing more comes.
class GenerationListener
{
public:
    virtual ~GenerationListener() = default;
    [[nodiscard]] virtual bool wantsMore() const = 0; // false: what was sent is not read yet
    virtual void onDelta(int choice, Delta delta) = 0;
    virtual void onChoiceFinished(int choice, const char* reason) = 0;
    virtual void onFinished(const Usage& usage) = 0;
    virtual void onFailed(const ApiError& error) = 0;
};

struct Job {
    ApiRequest request;
    std::vector<Prompt> prompts; // choices of prompt p are p * request.choices ...
    std::shared_ptr<GenerationListener> listener;
    std::atomic<bool> cancelled = false; // set by whoever lost interest; the job then ends without a word
};

struct SchedulerOptions {
    int mostActive = 64;                  // jobs taking turns; further ones wait
    std::chrono::seconds longestJob{600}; // then it fails
};

struct SchedulerStats {
    int active = 0, waiting = 0;
    std::uint64_t promptTokens = 0, cachedTokens = 0, completionTokens = 0; // since the start
};

class Scheduler
{
public:
    // Takes the executor over: nobody else may use it until the scheduler is gone. Borrows the cache.
    Scheduler(std::shared_ptr<InferenceExecutor> executor, std::shared_ptr<const Tokenizer> tokenizer,
              StateCache& cache, SchedulerOptions options);
    ~Scheduler(); // stops

    // From any thread:
    void submit(std::shared_ptr<Job> job);
    void wake(); // a listener wants more again, or a job was cancelled
    void stop(); // fails what is left; returns when the thread has ended
    [[nodiscard]] SchedulerStats stats() const;

private:
    struct Run; // a job in progress

    void work();
    [[nodiscard]] bool waitForWork(bool idle);
    void admit();
    [[nodiscard]] bool takeTurn(Run& run, std::chrono::microseconds length); // false: the job is done
    [[nodiscard]] bool advance(Run& run);
    void startPrompt(Run& run);
    void readChunk(Run& run);
    void reportEcho(Run& run, std::size_t begin, std::size_t end, std::span<const float> logits);
    void startChoice(Run& run);
    void writeToken(Run& run);
    void finishChoice(Run& run);
    void keepState(Run& run, const SharedTokens& tokens);

    const std::shared_ptr<InferenceExecutor> m_executor;
    const std::shared_ptr<const Tokenizer> m_tokenizer;
    StateCache& m_cache;
    const SchedulerOptions m_options;

    mutable std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<std::shared_ptr<Job>> m_submitted; // guarded by m_mutex, as the next three
    bool m_stopping = false;
    bool m_woken = false;
    int m_activeCount = 0;
    std::atomic<std::uint64_t> m_promptTokens = 0, m_cachedTokens = 0, m_completionTokens = 0;
    std::list<std::unique_ptr<Run>> m_active; // of the thread
    std::thread m_thread;
};

} // namespace mmfree::server
