#include "engine/server/scheduler.h"

#include "engine/core/error.h"

#include <algorithm>
#include <span>
#include <utility>

namespace mmfree::server
{

namespace
{

using Clock = std::chrono::steady_clock;

constexpr std::size_t kChunkTokens = 128; // of a prompt in one turn; the longest others wait
constexpr std::size_t kKeptTurnEnds = 8;  // newest messages of a prompt whose states are kept
constexpr std::size_t kKeptEvery = 1024;  // tokens of a prompt without messages between kept states
// A round of everybody's turns aims at this, so that texts grow smoothly.
constexpr std::chrono::microseconds kRound{100'000}, kShortestTurn{2'000}, kLongestTurn{15'000};
constexpr std::uint64_t kChoiceSeedStep = 0x9E3779B97F4A7C15ull;

} // namespace

struct Scheduler::Run {
    std::shared_ptr<Job> job;
    Clock::time_point deadline;
    Usage usage;
    std::size_t promptIndex = 0;
    int choice = 0; // of this prompt
    // The prompt being read or answered:
    bool prompted = false;  // startPrompt was done
    bool answering = false; // the prompt is read
    std::unique_ptr<InferenceState> state;
    std::vector<TokenId> tokens;    // prompt and answer so far
    std::vector<std::size_t> cuts;  // numbers of prompt tokens whose states are kept, ascending
    std::vector<float> firstLogits; // [V] after the prompt, when several choices start there
    StateSnapshot afterPrompt;      // likewise
    std::unique_ptr<AnswerWriter> writer;
    std::unique_ptr<IncrementalDecoder> echoText; // of an echoed prompt with log-probabilities
    Delta echo;                                   // the prompt as the first part of each choice
    std::size_t echoCharacters = 0;

    [[nodiscard]] const ApiRequest& request() const { return job->request; }
    [[nodiscard]] const Prompt& prompt() const { return job->prompts[promptIndex]; }
    [[nodiscard]] int choiceIndex() const
    {
        return static_cast<int>(promptIndex) * request().choices + choice;
    }
    [[nodiscard]] bool scoresPrompt() const { return request().echo && request().topLogprobs >= 0; }
};

Scheduler::Scheduler(std::shared_ptr<InferenceExecutor> executor, std::shared_ptr<const Tokenizer> tokenizer,
                     StateCache& cache, SchedulerOptions options)
    : m_executor(std::move(executor))
    , m_tokenizer(std::move(tokenizer))
    , m_cache(cache)
    , m_options(options)
    , m_thread([this] { work(); })
{
}

Scheduler::~Scheduler()
{
    stop();
}

void Scheduler::submit(std::shared_ptr<Job> job)
{
    bool accepted = false;
    {
        const std::lock_guard lock(m_mutex);
        accepted = !m_stopping;
        if (accepted)
            m_submitted.push_back(job);
    }
    m_changed.notify_one();
    if (!accepted)
        job->listener->onFailed({503, "server_error", "the server is shutting down"});
}

void Scheduler::wake()
{
    {
        const std::lock_guard lock(m_mutex);
        m_woken = true;
    }
    m_changed.notify_one();
}

void Scheduler::stop()
{
    {
        const std::lock_guard lock(m_mutex);
        m_stopping = true;
    }
    m_changed.notify_one();
    if (m_thread.joinable())
        m_thread.join();
}

SchedulerStats Scheduler::stats() const
{
    const std::lock_guard lock(m_mutex);
    SchedulerStats stats;
    stats.active = m_activeCount;
    stats.waiting = static_cast<int>(m_submitted.size());
    stats.promptTokens = m_promptTokens;
    stats.cachedTokens = m_cachedTokens;
    stats.completionTokens = m_completionTokens;
    return stats;
}

// False: the scheduler ends. `idle`: nobody could take a turn in the last round.
bool Scheduler::waitForWork(bool idle)
{
    std::unique_lock lock(m_mutex);
    const auto ready = [&] {
        const bool admits =
            !m_submitted.empty() && m_active.size() < static_cast<std::size_t>(m_options.mostActive);
        return m_stopping || m_woken || admits || (!m_active.empty() && !idle);
    };
    if (m_active.empty()) {
        m_changed.wait(lock, ready);
    } else {
        // A reader that never comes back is found by the time limit of its job; the first active one is the
        // oldest.
        m_changed.wait_until(lock, m_active.front()->deadline, ready);
    }
    m_woken = false;
    admit();
    return !m_stopping;
}

void Scheduler::admit()
{
    while (!m_submitted.empty() && m_active.size() < static_cast<std::size_t>(m_options.mostActive)) {
        auto run = std::make_unique<Run>();
        run->job = std::move(m_submitted.front());
        run->deadline = Clock::now() + m_options.longestJob;
        m_submitted.pop_front();
        m_active.push_back(std::move(run));
    }
    m_activeCount = static_cast<int>(m_active.size());
}

void Scheduler::work()
{
    bool idle = false;
    while (waitForWork(idle)) {
        idle = true;
        const std::chrono::microseconds turn =
            std::clamp(kRound / static_cast<int>(std::max<std::size_t>(m_active.size(), 1)), kShortestTurn,
                       kLongestTurn);
        for (auto run = m_active.begin(); run != m_active.end();) {
            const Job& job = *(*run)->job;
            const bool late = Clock::now() > (*run)->deadline;
            if (!job.cancelled && !late && !job.listener->wantsMore()) {
                ++run;
                continue;
            }
            idle = false;
            if (takeTurn(**run, turn)) {
                ++run;
                continue;
            }
            run = m_active.erase(run);
            const std::lock_guard lock(m_mutex);
            m_activeCount = static_cast<int>(m_active.size());
        }
    }
    const ApiError shutDown(503, "server_error", "the server is shutting down");
    for (const auto& run : m_active)
        run->job->listener->onFailed(shutDown);
    m_active.clear();
    std::deque<std::shared_ptr<Job>> left;
    {
        const std::lock_guard lock(m_mutex);
        left.swap(m_submitted);
        m_activeCount = 0;
    }
    for (const auto& job : left)
        job->listener->onFailed(shutDown);
}

bool Scheduler::takeTurn(Run& run, std::chrono::microseconds length)
{
    if (run.job->cancelled)
        return false;
    GenerationListener& listener = *run.job->listener;
    if (Clock::now() > run.deadline) {
        listener.onFailed({504, "server_error",
                           "the request took more than " + std::to_string(m_options.longestJob.count()) +
                               " seconds, the server's limit"});
        return false;
    }
    const Clock::time_point end = Clock::now() + length;
    try {
        do {
            if (!advance(run)) {
                listener.onFinished(run.usage);
                return false;
            }
        } while (Clock::now() < end && !run.job->cancelled);
        if (run.writer) {
            Delta delta = run.writer->takeDelta();
            if (!delta.text.empty() || !delta.tokens.empty())
                listener.onDelta(run.choiceIndex(), std::move(delta));
        }
        return true;
    } catch (...) {
        listener.onFailed(currentApiError());
        return false;
    }
}

// One call of the model. False: everything asked is written.
bool Scheduler::advance(Run& run)
{
    if (run.promptIndex == run.job->prompts.size())
        return false;
    if (!run.prompted)
        startPrompt(run);
    if (!run.answering)
        readChunk(run);
    else
        writeToken(run);
    return true;
}

void Scheduler::startPrompt(Run& run)
{
    const Prompt& prompt = run.prompt();
    const ModelConfig& config = m_executor->config();
    const auto length = static_cast<std::int64_t>(prompt.tokens.size());
    if (config.architecture == Architecture::Transformer && config.maxPositions > 0 &&
        length > config.maxPositions)
        throw badRequest("the prompt has " + std::to_string(length) + " tokens, needed: at most " +
                             std::to_string(config.maxPositions) + ", the model's context",
                         run.request().chat ? "messages" : "prompt", "context_length_exceeded");
    run.prompted = true;
    run.choice = 0;
    run.tokens = prompt.tokens;
    run.state = m_executor->createState();
    run.cuts.clear();
    for (std::size_t at = kKeptEvery; at < prompt.tokens.size(); at += kKeptEvery)
        run.cuts.push_back(at);
    for (std::size_t i = 0; i < prompt.turnEnds.size(); ++i) {
        if (i == 0 || i + kKeptTurnEnds >= prompt.turnEnds.size())
            run.cuts.push_back(prompt.turnEnds[i]);
    }
    run.cuts.push_back(prompt.tokens.size() - 1); // the last token gives the logits
    std::sort(run.cuts.begin(), run.cuts.end());
    run.usage.promptTokens += length;
    m_promptTokens += static_cast<std::uint64_t>(length);

    run.echo = {};
    if (run.scoresPrompt()) {
        run.echoText = std::make_unique<IncrementalDecoder>(*m_tokenizer);
        run.echoCharacters = 0;
        reportEcho(run, 0, 1, {});
        return; // every token's logits are asked for, so every token is read
    }
    if (run.request().echo)
        run.echo.text = m_tokenizer->decode(prompt.tokens);
    if (const auto known = m_cache.find(prompt.tokens, prompt.tokens.size() - 1)) {
        m_executor->restore(*known, *run.state);
        run.usage.cachedTokens += known->position;
        m_cachedTokens += static_cast<std::uint64_t>(known->position);
    }
}

void Scheduler::readChunk(Run& run)
{
    const auto begin = static_cast<std::size_t>(run.state->position());
    const std::size_t total = run.prompt().tokens.size();
    std::size_t end = std::min(begin + kChunkTokens, total);
    const auto cut = std::upper_bound(run.cuts.begin(), run.cuts.end(), begin);
    if (cut != run.cuts.end())
        end = std::min(end, *cut);
    ForwardRequest request;
    request.tokens = std::span<const TokenId>(run.tokens).subspan(begin, end - begin);
    const bool last = end == total;
    request.logits = run.scoresPrompt() ? LogitsMode::All : last ? LogitsMode::Last : LogitsMode::None;
    const ForwardResult result = m_executor->forward(request, *run.state);
    std::span<const float> logits = result.logits;
    if (run.scoresPrompt()) {
        const auto vocabulary = static_cast<std::size_t>(m_executor->config().vocabularySize);
        reportEcho(run, begin + 1, std::min(end + 1, total), logits);
        logits = logits.last(vocabulary);
    }
    if (!last) {
        if (cut != run.cuts.end() && end == *cut)
            keepState(run, std::make_shared<const std::vector<TokenId>>(
                               run.tokens.begin(), run.tokens.begin() + static_cast<std::ptrdiff_t>(end)));
        return;
    }
    run.answering = true;
    run.firstLogits.assign(logits.begin(), logits.end());
    if (run.request().choices > 1)
        run.afterPrompt = m_executor->snapshot(*run.state);
    startChoice(run);
}

// Adds the prompt's tokens `begin` .. `end` to the echo. `logits`: [end - begin or more, V], row i predicts
// token begin + i; empty: nothing predicts them.
void Scheduler::reportEcho(Run& run, std::size_t begin, std::size_t end, std::span<const float> logits)
{
    const auto vocabulary = static_cast<std::size_t>(m_executor->config().vocabularySize);
    for (std::size_t i = begin; i < end; ++i) {
        const TokenId id = run.tokens[i];
        TokenReport report;
        if (logits.empty())
            report.id = id;
        else
            report = reportToken(logits.subspan((i - begin) * vocabulary, vocabulary), id,
                                 run.request().topLogprobs);
        report.characterOffset = run.echoCharacters;
        std::string text = run.echoText->push(id);
        if (i + 1 == run.tokens.size())
            text += run.echoText->flush();
        run.echoCharacters += characterCount(text);
        run.echo.text += text;
        if (i >= run.prompt().addedAtStart) // the client did not write the start token
            run.echo.tokens.push_back(std::move(report));
    }
}

void Scheduler::startChoice(Run& run)
{
    const ModelConfig& config = m_executor->config();
    const Prompt& prompt = run.prompt();
    AnswerWriter::Start start;
    if (config.architecture == Architecture::Transformer && config.maxPositions > 0) {
        // The last token written need not be read.
        start.room = config.maxPositions - static_cast<std::int64_t>(prompt.tokens.size()) + 1;
    }
    run.tokens = prompt.tokens;
    start.seed =
        run.request().sampling.seed + kChoiceSeedStep * static_cast<std::uint64_t>(run.choiceIndex());
    start.charactersBefore = characterCount(run.echo.text);
    run.writer = std::make_unique<AnswerWriter>(run.request(), start, *m_tokenizer, config, prompt.tokens);
    if (run.request().echo)
        run.job->listener->onDelta(run.choiceIndex(), run.echo);
    if (!run.writer->finished())
        run.tokens.push_back(run.writer->draw(run.firstLogits, run.tokens));
    if (run.writer->finished())
        finishChoice(run);
}

void Scheduler::writeToken(Run& run)
{
    const auto position = static_cast<std::size_t>(run.state->position());
    ForwardRequest request;
    request.tokens = std::span<const TokenId>(run.tokens).subspan(position);
    const ForwardResult result = m_executor->forward(request, *run.state);
    run.tokens.push_back(run.writer->draw(result.logits, run.tokens));
    if (run.writer->finished())
        finishChoice(run);
}

// Sends the rest, keeps what a next request can build on, and goes to the next choice or prompt.
void Scheduler::finishChoice(Run& run)
{
    AnswerWriter& writer = *run.writer;
    GenerationListener& listener = *run.job->listener;
    run.usage.completionTokens += writer.count();
    m_completionTokens += static_cast<std::uint64_t>(writer.count());
    Delta rest = writer.takeDelta();
    if (!rest.text.empty() || !rest.tokens.empty())
        listener.onDelta(run.choiceIndex(), std::move(rest));
    listener.onChoiceFinished(run.choiceIndex(), writer.finishReason());

    const std::size_t promptLength = run.prompt().tokens.size();
    if (writer.count() > 0 && writer.tokensSpellText()) {
        run.tokens.resize(run.tokens.size() - writer.endTokens());
        const auto tokens = std::make_shared<const std::vector<TokenId>>(run.tokens);
        if (static_cast<std::size_t>(run.state->position()) <= tokens->size())
            keepState(run, tokens);
        m_cache.storeAnswer(tokens, promptLength, tokens->size(), writer.text());
    }
    run.writer.reset();
    ++run.choice;
    if (run.choice < run.request().choices) {
        m_executor->restore(run.afterPrompt, *run.state);
        startChoice(run);
        return;
    }
    run.state.reset();
    run.prompted = run.answering = false;
    ++run.promptIndex;
}

void Scheduler::keepState(Run& run, const SharedTokens& tokens)
{
    m_cache.store(tokens, m_executor->snapshot(*run.state));
}

} // namespace mmfree::server
