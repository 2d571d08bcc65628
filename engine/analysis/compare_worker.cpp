#include "engine/analysis/compare_worker.h"

#include "engine/analysis/ceiling_probe.h"
#include "engine/analysis/compare_file.h"
#include "engine/analysis/compare_setup.h"
#include "engine/analysis/process_memory.h"
#include "engine/analysis/sequence_run.h"
#include "engine/core/child_process.h"
#include "engine/core/error.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <unistd.h>

namespace mmfree
{

namespace
{

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr int kCurvePoints = 96; // memory readings along a pass of the memory run

double threadSeconds()
{
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Listens on a thread of its own, so that the other end's close ends the process in the middle of any work.
class RequestQueue
{
public:
    explicit RequestQueue(MessageChannel& channel)
        : m_listener([this, &channel] { listen(channel); })
    {
    }
    ~RequestQueue() { m_listener.detach(); } // it waits in read(); the process ends with it

    Message next()
    {
        std::unique_lock lock(m_mutex);
        m_arrived.wait(lock, [this] { return !m_messages.empty(); });
        Message message = std::move(m_messages.front());
        m_messages.pop_front();
        return message;
    }

private:
    void listen(MessageChannel& channel)
    {
        try {
            for (Message message; channel.receive(message);) {
                const std::lock_guard lock(m_mutex);
                m_messages.push_back(std::move(message));
                m_arrived.notify_one();
            }
        } catch (const std::exception&) {
            // A broken connection is an end like any other.
        }
        _exit(0); // the parent is gone or done; nothing here is worth keeping
    }

    std::mutex m_mutex;
    std::condition_variable m_arrived;
    std::deque<Message> m_messages;
    std::thread m_listener;
};

// Ten times a second tells the parent how far a pass is. Costs what its thread's clock says.
class Watcher
{
public:
    Watcher(MessageChannel& channel, const PassProgress& progress, std::int64_t residentBefore)
        : m_channel(channel)
        , m_progress(progress)
        , m_residentBefore(residentBefore)
        , m_thread([this](const std::stop_token& stop) { watch(stop); })
    {
    }
    double finish() // processor seconds it took
    {
        m_thread.request_stop();
        m_thread.join();
        return m_seconds;
    }

private:
    void watch(const std::stop_token& stop)
    {
        std::mutex mutex;
        std::condition_variable_any timer;
        std::unique_lock lock(mutex);
        const double begin = threadSeconds(); // what a thread's start costs came before the pass
        std::int64_t sent = 0;
        for (;;) {
            timer.wait_for(lock, stop, std::chrono::milliseconds(100), [] { return false; });
            if (stop.stop_requested())
                break;
            const std::int64_t written = m_progress.written.load(std::memory_order_acquire);
            if (written < sent)
                sent = 0; // the next pass has begun
            const auto* first = m_progress.tokenSeconds.data();
            const Json report{{"type", "progress"},
                              {"read", m_progress.read.load()},
                              {"first", sent},
                              {"tokenSeconds", std::vector<double>(first + sent, first + written)},
                              {"measured", residentBytesNow() - m_residentBefore}};
            sent = written;
            try {
                m_channel.send({report.dump(), {}});
            } catch (const Error&) {
                break; // the listener ends the process
            }
        }
        m_seconds = threadSeconds() - begin;
    }

    MessageChannel& m_channel;
    const PassProgress& m_progress;
    std::int64_t m_residentBefore;
    double m_seconds = 0.0;
    std::jthread m_thread;
};

class Worker
{
public:
    Worker(MessageChannel& channel, const std::vector<std::shared_ptr<const Backend>>& backends)
        : m_channel(channel)
        , m_backends(backends)
        , m_before(readProcessMemory())
    {
    }

    void serve(const Message& request)
    {
        try {
            const nlohmann::json json = nlohmann::json::parse(request.text);
            const std::string what = json.at("do");
            if (what == "load")
                load(contenderFromJson(json.at("contender"), "contender"));
            else if (what == "run")
                run(json);
            else if (what == "trace")
                trace(json.at("tokens").get<std::vector<TokenId>>());
            else if (what == "ceilings")
                m_channel.send({Json{{"type", "ceilings"},
                                     {"ceilings", ceilingsToJson(measureCeilings(json.at("threads")))}}
                                    .dump(),
                                {}});
            else
                throw Error(ErrorCode::InvalidArgument, "request is \"" + what + "\"");
        } catch (const Error& error) {
            fail(error.what());
        } catch (const std::bad_alloc&) {
            fail("not enough memory");
        } catch (const std::exception& error) {
            fail(error.what());
        }
    }

private:
    void fail(const std::string& message)
    {
        const Json json{{"type", "error"}, {"message", message}};
        m_channel.send({json.dump(-1, ' ', false, Json::error_handler_t::replace), {}});
    }

    void load(const Contender& contender)
    {
        m_onDevice = contender.backend == "cuda";
        m_device = contender.options.device;
        if (m_onDevice) {
            m_energy.emplace();
            m_deviceBefore = m_energy->gpuUsedBytes(m_device);
        }
        std::shared_ptr<const Backend> backend;
        for (const auto& candidate : m_backends) {
            if (candidate->name() == contender.backend)
                backend = candidate;
        }
        if (!backend)
            throw Error(ErrorCode::Unavailable, "this build has no backend \"" + contender.backend + "\"");
        const auto start = Clock::now();
        m_source = openContender(contender);
        m_executor = backend->createInference(m_source, contender.options);
        const std::chrono::duration<double> passed = Clock::now() - start;

        ContenderResult result{.contender = contender, .ran = true};
        result.description = m_executor->info().description;
        result.modelName = m_source->name();
        result.modelHash = modelHash(*m_source, contender);
        result.ternary = m_source->config().isTernary();
        result.parameters = parameterCount(m_source->config());
        const TokenTraffic traffic = tokenTraffic(*m_source, m_executor->memoryUse(nullptr));
        result.weightsPerToken = traffic.weights;
        result.weightBytesPerToken = traffic.bytes;
        result.loadSeconds = passed.count();
        trimHeap();
        const Json json{{"type", "loaded"}, {"result", contenderResultToJson(result)}};
        m_channel.send({json.dump(-1, ' ', false, Json::error_handler_t::replace), {}});
    }

    // Parts of this process's memory with a state of the given sequence.
    [[nodiscard]] MemoryParts memoryParts(const InferenceState& state)
    {
        const MemoryUse use = m_executor->memoryUse(&state);
        MemoryParts parts{.weights = static_cast<std::int64_t>(use.weightBytes),
                          .state = static_cast<std::int64_t>(use.stateBytes),
                          .activations = static_cast<std::int64_t>(use.activationBytes)};
        const std::int64_t known = parts.weights + parts.state + parts.activations;
        const ProcessMemory now = readProcessMemory();
        const std::int64_t grown = now.residentBytes - m_before.residentBytes;
        const auto used = m_onDevice ? m_energy->gpuUsedBytes(m_device) : std::nullopt;
        if (used && m_deviceBefore) {
            parts.measured = *used - *m_deviceBefore;
            parts.host = grown;
        } else {
            parts.measured = grown;
            const std::int64_t held = now.heapBytes - m_before.heapBytes + now.fileBytes - m_before.fileBytes;
            parts.other = std::max<std::int64_t>(0, held - known);
        }
        parts.rest = parts.measured - parts.explained();
        return parts;
    }

    void run(const nlohmann::json& json)
    {
        if (!m_executor)
            throw Error(ErrorCode::InvalidArgument, "run came before load");
        const bool curve = json.at("curve"), watch = json.at("watch");
        Repeat repeat;
        std::vector<TokenId> output;
        std::vector<MemoryPoint> points;
        MemoryParts memory;
        std::int64_t longest = -1;
        const auto start = Clock::now();
        for (const nlohmann::json& pass : json.at("passes")) {
            const auto tokens = pass.at("tokens").get<std::vector<TokenId>>();
            const std::int64_t write = pass.at("write");
            const std::int64_t length = static_cast<std::int64_t>(tokens.size()) + write;
            m_progress.written = 0;
            m_progress.tokenSeconds.reserve(static_cast<std::size_t>(write));
            std::optional<Watcher> watcher;
            m_progress.tokenSeconds.assign(static_cast<std::size_t>(write), 0.0);
            if (watch)
                watcher.emplace(m_channel, m_progress, m_before.residentBytes);
            const bool takesPoints = curve && length > longest;
            const std::int64_t stride = std::max<std::int64_t>(1, length / kCurvePoints);
            std::int64_t due = 0;
            if (takesPoints)
                points.clear();
            PassOutcome outcome =
                runPass(*m_executor, tokens, write, m_progress,
                        takesPoints ? [&](std::int64_t position, const InferenceState& state) {
                            if (position >= due || position == length) {
                                points.push_back(
                                    {position, static_cast<std::int64_t>(state.bytes()),
                                     residentBytesNow() - m_before.residentBytes});
                                due = position + stride;
                            }
                        } : std::function<void(std::int64_t, const InferenceState&)>());
            if (watcher)
                repeat.watchSeconds += watcher->finish();
            if (length > longest) {
                memory = memoryParts(*outcome.state);
                longest = length;
            }
            if (!outcome.output.empty())
                output = std::move(outcome.output);
            repeat.passes.push_back(std::move(outcome.timing));
        }
        repeat.wallSeconds = std::chrono::duration<double>(Clock::now() - start).count();
        ContenderResult result;
        result.memory = memory;
        result.memoryCurve = std::move(points);
        result.output = std::move(output);
        m_channel.send({Json{{"type", "done"},
                             {"repeat", repeatToJson(repeat)},
                             {"result", contenderResultToJson(result)}}
                            .dump(),
                        {}});
    }

    // Payload: [layers, tokens, width] outputs of the layers, then [tokens, vocabulary] logits, f32.
    void trace(const std::vector<TokenId>& tokens)
    {
        if (!m_executor)
            throw Error(ErrorCode::InvalidArgument, "trace came before load");
        const ModelConfig& config = m_executor->config();
        const ProbeRequest probe = ProbeRequest::everyLayer(config.layerCount, {Quantity::BlockOutput});
        const auto state = m_executor->createState();
        const ForwardResult result =
            m_executor->forward({.tokens = tokens, .logits = LogitsMode::All, .probe = &probe}, *state);
        Message message;
        message.text = Json{{"type", "trace"},
                            {"layers", config.layerCount},
                            {"tokens", tokens.size()},
                            {"width", config.hiddenSize},
                            {"vocabulary", config.vocabularySize}}
                           .dump();
        const auto append = [&](std::span<const float> values) {
            const auto bytes = std::as_bytes(values);
            message.payload.insert(message.payload.end(), bytes.begin(), bytes.end());
        };
        for (std::int64_t layer = 0; layer < config.layerCount; ++layer)
            append(result.trace->entries.at({layer, Quantity::BlockOutput}).values);
        append(result.logits);
        m_channel.send(message);
    }

    MessageChannel& m_channel;
    const std::vector<std::shared_ptr<const Backend>>& m_backends;
    ProcessMemory m_before; // before anything of the contender was touched
    bool m_onDevice = false;
    int m_device = 0;
    std::optional<EnergyMeter> m_energy;
    std::optional<long long> m_deviceBefore;
    std::shared_ptr<const ModelSource> m_source;
    std::unique_ptr<InferenceExecutor> m_executor;
    PassProgress m_progress;
};

} // namespace

int runCompareWorker(const std::vector<std::shared_ptr<const Backend>>& backends)
{
    MessageChannel channel(STDIN_FILENO);
    Worker worker(channel, backends);
    RequestQueue requests(channel);
    try {
        for (;;)
            worker.serve(requests.next());
    } catch (const std::exception&) {
        return 1; // the other end does not listen any more
    }
}

} // namespace mmfree
