#include "engine/server/api_server.h"

#include "engine/core/error.h"
#include "engine/server/access_rules.h"
#include "engine/server/answer_sender.h"
#include "engine/server/api_error.h"
#include "engine/server/api_request.h"
#include "engine/server/http_server.h"
#include "engine/server/prompt.h"
#include "engine/server/scheduler.h"
#include "engine/server/state_cache.h"

#include <nlohmann/json.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <variant>

namespace mmfree::server
{

namespace
{

using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;
using Headers = AnswerSender::Headers;

constexpr const char* kModelsPath = "/v1/models";
constexpr const char* kCompletionsPath = "/v1/completions";
constexpr const char* kChatPath = "/v1/chat/completions";

std::string randomId(const char* prefix)
{
    std::random_device random;
    std::string id = prefix;
    constexpr std::array<char, 17> kDigits = {"0123456789abcdef"};
    for (int word = 0; word < 3; ++word) {
        std::uint32_t bits = random();
        for (int digit = 0; digit < 8; ++digit, bits >>= 4u)
            id += kDigits[bits & 15u];
    }
    return id;
}

std::string urlDecoded(const std::string& text)
{
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto digit = [&](std::size_t at) {
            return std::isxdigit(static_cast<unsigned char>(text[at]));
        };
        if (text[i] == '%' && i + 2 < text.size() && digit(i + 1) && digit(i + 2)) {
            result += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
            i += 2;
        } else {
            result += text[i];
        }
    }
    return result;
}

// Runs tasks one after another on its own thread: reading large bodies must not hold up the connections.
class TaskThread
{
public:
    TaskThread()
        : m_thread([this] { work(); })
    {
    }
    ~TaskThread() { stop(); }

    void run(std::function<void()> task)
    {
        {
            const std::lock_guard lock(m_mutex);
            m_tasks.push_back(std::move(task));
        }
        m_changed.notify_one();
    }
    void stop()
    {
        {
            const std::lock_guard lock(m_mutex);
            m_stopping = true;
        }
        m_changed.notify_one();
        if (m_thread.joinable())
            m_thread.join();
    }

private:
    void work()
    {
        while (true) {
            std::unique_lock lock(m_mutex);
            m_changed.wait(lock, [this] { return m_stopping || !m_tasks.empty(); });
            if (m_tasks.empty())
                return; // what was asked before the stop is done
            const std::function<void()> task = std::move(m_tasks.front());
            m_tasks.pop_front();
            lock.unlock();
            task();
        }
    }

    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<std::function<void()>> m_tasks;
    bool m_stopping = false;
    std::thread m_thread;
};

void checkOptions(const ServedModel& model, const ServerOptions& options)
{
    if (!model.tokenizer)
        throw Error(ErrorCode::InvalidArgument,
                    model.name + ": the model has no tokenizer, needed: one to serve text");
    if (!isLoopback(options.host) && options.apiKey.empty())
        throw Error(ErrorCode::InvalidArgument,
                    "host is " + options.host +
                        ", which other machines reach, needed: an API key, or 127.0.0.1");
    if (options.apiKey.find_first_of(" \t\r\n") != std::string::npos)
        throw Error(ErrorCode::InvalidArgument, "the API key has white space, needed: none");
}

} // namespace

struct ApiServer::Implementation {
    ServedModel model;
    ServerOptions options;
    AccessRules access;
    RequestLimits limits;
    std::function<void(const RequestRecord&)> onRecord;
    std::string fingerprint;
    std::int64_t created = std::time(nullptr);
    std::mutex recordMutex;
    std::atomic<std::uint64_t> requests = 0, failed = 0;
    std::atomic<int> preparing = 0;
    StateCache cache;
    std::optional<Scheduler> scheduler;
    std::optional<TaskThread> preparation;
    std::optional<HttpServer> http;

    Implementation(ServedModel served, const ServerOptions& given,
                   std::function<void(const RequestRecord&)> callback);

    void record(const RequestRecord& entry);
    [[nodiscard]] std::optional<HttpResponse> refuse(const HttpRequest& request);
    [[nodiscard]] Headers pageHeaders(const HttpRequest& request) const;
    void handle(HttpRequest request, const std::shared_ptr<Exchange>& exchange);
    [[nodiscard]] HttpResponse answerAtOnce(const HttpRequest& request);
    [[nodiscard]] ordered_json modelJson() const;
    void checkModel(const std::string& name, const char* parameter) const;
    void generate(HttpRequest request, const std::shared_ptr<Exchange>& exchange);
    void prepare(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange,
                 const std::shared_ptr<Job>& job, Clock::time_point start);
};

ApiServer::Implementation::Implementation(ServedModel served, const ServerOptions& given,
                                          std::function<void(const RequestRecord&)> callback)
    : model(std::move(served))
    , options(given)
    , access{given.apiKey, given.allowedHosts, given.allowedOrigins}
    , onRecord(std::move(callback))
    , fingerprint("mmfree_" + model.version + "_" + model.executor->info().backend)
    , cache(given.cacheBytes)
{
    limits.vocabularySize = model.executor->config().vocabularySize;
    limits.mostTokens = options.mostTokens;
    limits.defaultMaxTokens = std::min(options.defaultMaxTokens, options.mostTokens);
    HttpLimits httpLimits;
    httpLimits.bodyBytes = options.bodyBytes;
    httpLimits.connections = options.connections;
    httpLimits.unreadTime = options.unreadTime;
    httpLimits.headerTime = options.headerTime;
    httpLimits.bodyTime = 2 * options.headerTime;
    HttpHandlers handlers;
    handlers.refuse = [this](const HttpRequest& request) { return refuse(request); };
    handlers.handle = [this](HttpRequest request, const std::shared_ptr<Exchange>& exchange) {
        handle(std::move(request), exchange);
    };
    handlers.errorBody = [this](int status, const std::string& message) {
        record({.method = "-", .path = "-", .status = status});
        return ApiError(status, status < 500 ? "invalid_request_error" : "server_error", message).toJson();
    };
    scheduler.emplace(model.executor, model.tokenizer, cache,
                      SchedulerOptions{options.mostActive, options.requestTime});
    preparation.emplace();
    http.emplace(options.host, options.port, httpLimits, std::move(handlers));
}

void ApiServer::Implementation::record(const RequestRecord& entry)
{
    ++requests;
    if (entry.status < 200 || entry.status >= 400)
        ++failed;
    if (!onRecord)
        return;
    const std::lock_guard lock(recordMutex);
    onRecord(entry);
}

// What lets a page of an allowed origin read the answer.
Headers ApiServer::Implementation::pageHeaders(const HttpRequest& request) const
{
    if (request.origin.empty() || !originAllowed(access, request.origin, request.host))
        return {};
    return {{"Access-Control-Allow-Origin", request.origin}, {"Vary", "Origin"}};
}

std::optional<HttpResponse> ApiServer::Implementation::refuse(const HttpRequest& request)
{
    // A browser asks first, without the key, whether a page may send what it wants to send.
    const bool preflight = request.method == "OPTIONS" && !request.origin.empty();
    AccessRules rules = access;
    if (preflight)
        rules.apiKey.clear();
    if (std::optional<ApiError> error =
            checkAccess(rules, {request.host, request.origin, request.authorization})) {
        record({.method = request.method, .path = request.path, .status = error->httpStatus()});
        HttpResponse response;
        response.status = error->httpStatus();
        response.headers = pageHeaders(request);
        if (response.status == 401)
            response.headers.emplace_back("WWW-Authenticate", "Bearer");
        response.body = error->toJson();
        return response;
    }
    return std::nullopt;
}

ordered_json ApiServer::Implementation::modelJson() const
{
    return {{"id", model.name}, {"object", "model"}, {"created", created}, {"owned_by", "mmfree"}};
}

void ApiServer::Implementation::checkModel(const std::string& name, const char* parameter) const
{
    if (name.empty() || name == model.name)
        return;
    throw ApiError(404, "invalid_request_error",
                   "the model \"" + name.substr(0, 100) + "\" is not here, needed: \"" + model.name + "\"",
                   parameter, "model_not_found");
}

HttpResponse ApiServer::Implementation::answerAtOnce(const HttpRequest& request)
{
    HttpResponse response;
    response.headers = pageHeaders(request);
    const bool generating = request.path == kCompletionsPath || request.path == kChatPath;
    const bool reading = request.path == kModelsPath || request.path.starts_with("/v1/models/") ||
                         request.path == "/health" || request.path == "/";
    if (!generating && !reading)
        throw ApiError(404, "invalid_request_error",
                       request.method + " " + request.path.substr(0, 100) +
                           " is not here, needed: /v1/models, /v1/completions or /v1/chat/completions",
                       {}, "unknown_url");
    if (request.method == "OPTIONS") {
        response.status = 204;
        response.contentType.clear();
        response.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
        response.headers.emplace_back("Access-Control-Allow-Headers", "Authorization, Content-Type");
        return response;
    }
    const bool readable = request.method == "GET" || request.method == "HEAD";
    if (generating || !readable)
        throw ApiError(405, "invalid_request_error",
                       "the method is " + request.method.substr(0, 20) +
                           ", needed: " + (generating ? "POST" : "GET"),
                       {}, "method_not_allowed");
    ordered_json body;
    if (request.path == kModelsPath) {
        body = {{"object", "list"}, {"data", ordered_json::array({modelJson()})}};
    } else if (request.path == "/health") {
        body = {{"status", "ok"}};
    } else if (request.path == "/") {
        body = {{"server", "mmfree " + model.version},
                {"model", model.name},
                {"endpoints", {kModelsPath, kCompletionsPath, kChatPath}}};
    } else {
        checkModel(urlDecoded(request.path.substr(std::string("/v1/models/").size())), "model");
        body = modelJson();
    }
    response.body = body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    return response;
}

void ApiServer::Implementation::handle(HttpRequest request, const std::shared_ptr<Exchange>& exchange)
{
    const bool generating = request.path == kCompletionsPath || request.path == kChatPath;
    if (generating && request.method == "POST") {
        generate(std::move(request), exchange);
        return;
    }
    HttpResponse response;
    try {
        response = answerAtOnce(request);
    } catch (...) {
        const ApiError error = currentApiError();
        response = {error.httpStatus(), "application/json", pageHeaders(request), error.toJson()};
        if (response.status == 405)
            response.headers.emplace_back("Allow", generating ? "POST, OPTIONS" : "GET, HEAD, OPTIONS");
    }
    record({.method = request.method.substr(0, 20), .path = request.path, .status = response.status});
    exchange->respond(std::move(response));
}

void ApiServer::Implementation::generate(HttpRequest request, const std::shared_ptr<Exchange>& exchange)
{
    const auto job = std::make_shared<Job>();
    const Clock::time_point start = Clock::now();
    exchange->whenGone([this, job, start, path = request.path] {
        job->cancelled = true;
        scheduler->wake();
        const std::chrono::duration<double> seconds = Clock::now() - start;
        record({.method = "POST", .path = path, .status = 0, .seconds = seconds.count()});
    });
    exchange->whenDrained([this] { scheduler->wake(); });
    ++preparing;
    preparation->run([this, job, start, exchange, waiting = std::move(request)] {
        if (!job->cancelled)
            prepare(waiting, exchange, job, start);
        --preparing;
    });
}

// On the preparation thread: reads the body and hands the job to the scheduler.
void ApiServer::Implementation::prepare(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange,
                                        const std::shared_ptr<Job>& job, Clock::time_point start)
{
    const auto done = [this, start, path = request.path](int status, const Usage& usage) {
        const std::chrono::duration<double> seconds = Clock::now() - start;
        record({"POST", path, status, usage.promptTokens, usage.cachedTokens, usage.completionTokens,
                seconds.count()});
    };
    try {
        const std::string type = request.contentType.substr(0, request.contentType.find(';'));
        if (type != "application/json")
            throw ApiError(415, "invalid_request_error",
                           "Content-Type is \"" + type.substr(0, 100) + "\", needed: application/json");
        const bool chat = request.path == kChatPath;
        job->request = parseApiRequest(request.body, chat, limits);
        checkModel(job->request.model, "model");
        if (chat) {
            job->prompts.push_back(
                chatPrompt(model.chatTemplate, *model.tokenizer, job->request.messages, cache));
            for (const std::string& stop : model.chatTemplate.stopStrings)
                job->request.stopStrings.push_back(stop);
        }
        for (const auto& prompt : job->request.prompts) {
            if (const auto* text = std::get_if<std::string>(&prompt))
                job->prompts.push_back(textPrompt(*model.tokenizer, *text));
            else
                job->prompts.push_back({std::get<std::vector<TokenId>>(prompt), 0, {}});
        }
        AnswerIdentity identity{randomId(chat ? "chatcmpl-" : "cmpl-"), model.name, fingerprint,
                                std::time(nullptr)};
        job->listener = std::make_shared<AnswerSender>(
            exchange,
            AnswerFormat(std::move(identity), chat, job->request.topLogprobs >= 0,
                         job->request.streaming.includeUsage, model.tokenizer),
            job->request, pageHeaders(request), done);
        scheduler->submit(job);
    } catch (...) {
        const ApiError error = currentApiError();
        exchange->respond({error.httpStatus(), "application/json", pageHeaders(request), error.toJson()});
        done(error.httpStatus(), {});
    }
}

ApiServer::ApiServer(ServedModel model, const ServerOptions& options,
                     std::function<void(const RequestRecord&)> record)
{
    checkOptions(model, options);
    m_implementation = std::make_unique<Implementation>(std::move(model), options, std::move(record));
}

ApiServer::~ApiServer()
{
    stop(std::chrono::milliseconds(0));
}

std::string ApiServer::address() const
{
    const std::string& host = m_implementation->options.host;
    const bool six = host.find(':') != std::string::npos;
    return "http://" + (six ? "[" + host + "]" : host) + ":" + std::to_string(port());
}

std::uint16_t ApiServer::port() const
{
    return m_implementation->http->port();
}

ServerStats ApiServer::stats() const
{
    const Implementation& my = *m_implementation;
    const SchedulerStats scheduler = my.scheduler->stats();
    ServerStats stats;
    stats.connections = my.http->connections();
    stats.active = scheduler.active;
    stats.waiting = scheduler.waiting + my.preparing;
    stats.requests = my.requests;
    stats.failed = my.failed;
    stats.promptTokens = scheduler.promptTokens;
    stats.cachedTokens = scheduler.cachedTokens;
    stats.completionTokens = scheduler.completionTokens;
    stats.cacheBytes = my.cache.bytes();
    return stats;
}

void ApiServer::stop(std::chrono::milliseconds grace)
{
    Implementation& my = *m_implementation;
    my.http->stopListening();
    (void)my.http->waitUntilQuiet(grace);
    my.preparation->stop();
    my.scheduler->stop(); // what is left gets its error
    constexpr std::chrono::milliseconds kLastWords{500};
    (void)my.http->waitUntilQuiet(kLastWords);
    my.http->stop();
}

} // namespace mmfree::server
