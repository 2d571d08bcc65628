#include "engine/analysis/compare_runner.h"

#include "engine/analysis/compare_file.h"
#include "engine/analysis/compare_plan.h"
#include "engine/analysis/compare_setup.h"
#include "engine/analysis/machine_state.h"
#include "engine/analysis/parity.h"
#include "engine/core/child_process.h"
#include "engine/core/error.h"
#include "engine/core/random.h"
#include "engine/text/tokenizer.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <map>

namespace mmfree
{

namespace
{

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr int kMostWarmUps = 8;
constexpr double kSettledWithin = 0.03;
constexpr std::size_t kParityTokens = 32;

struct Stopped {
};

std::string isoTimeNow()
{
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[32];
    std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

// Of all threads of this process.
double processorSeconds()
{
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

bool lastThreeAgree(const std::vector<double>& seconds)
{
    if (seconds.size() < 3)
        return false;
    std::vector<double> last(seconds.end() - 3, seconds.end());
    std::sort(last.begin(), last.end());
    return last[2] - last[0] <= kSettledWithin * last[1];
}

class Comparison
{
public:
    Comparison(const CompareSetup& setup, const CompareHost& host, std::stop_token stop,
               const CompareObserver& observer, bool watch)
        : m_host(host)
        , m_stop(std::move(stop))
        , m_observer(observer)
        , m_watch(watch)
    {
        m_run.setup = setup;
        m_run.startedAt = isoTimeNow();
        m_run.environment = readEnvironment();
        m_run.commandLine = compareCommandLine(setup);
    }

    CompareRun run()
    {
        const CompareSetup& setup = m_run.setup;
        m_run.contenders = planComparison(setup, m_host.backends, m_run.environment);
        for (const auto& backend : m_host.backends) {
            for (const DeviceInfo& device : backend->devices()) {
                std::string line = backend->name() + ": " + device.name;
                for (const std::string& detail : device.details)
                    line += ", " + detail;
                m_run.devices.push_back(line + (device.usable ? "" : " (not usable: " + device.reason + ")"));
            }
        }
        if (const std::string driver = m_energy.gpuDriver(); !driver.empty())
            m_run.devices.push_back("NVIDIA driver " + driver);
        m_run.energy = m_energy.source();
        makePrompts();
        countWork();
        report({.kind = CompareEvent::Kind::Planned});
        try {
            std::vector<std::string> groups;
            for (const Contender& contender : setup.contenders) {
                if (std::find(groups.begin(), groups.end(), contender.group) == groups.end())
                    groups.push_back(contender.group);
            }
            for (const std::string& group : groups)
                runGroup(group);
            if (setup.ceilings)
                measureCeilingsInWorker();
        } catch (const Stopped&) {
            m_run.stopped = true;
            m_workers.clear(); // ends the processes
        }
        m_run.energy = m_energy.source();
        m_run.seconds = sinceStart();
        return std::move(m_run);
    }

private:
    using Kind = CompareEvent::Kind;

    [[nodiscard]] double sinceStart() const
    {
        return std::chrono::duration<double>(Clock::now() - m_start).count();
    }
    ContenderResult& result(int index) { return m_run.contenders[static_cast<std::size_t>(index)]; }

    void report(CompareEvent event)
    {
        if (!m_observer)
            return;
        event.share = m_workTotal > 0.0 ? std::min(1.0, m_workDone / m_workTotal) : 0.0;
        event.secondsLeft = secondsLeft();
        event.run = &m_run;
        m_observer(event);
    }

    // Work is counted in runs; a group's runs weigh as many as its contenders' warm-ups and rounds.
    void countWork()
    {
        for (const ContenderResult& contender : m_run.contenders) {
            if (contender.ran)
                m_workTotal += m_run.setup.repeats + 4;
        }
    }
    // From the mean duration of runs so far, once every contender of the present group has warmed up.
    [[nodiscard]] double secondsLeft() const
    {
        if (m_groupSecondsPerRound <= 0.0)
            return -1.0;
        return m_groupSecondsPerRound * m_roundsLeft;
    }

    // ---- prompts ----

    void makePrompts()
    {
        std::int64_t vocabulary = 0;
        std::vector<TokenId> text;
        std::shared_ptr<const ModelSource> reader;
        for (const ContenderResult& contender : m_run.contenders) {
            if (!contender.ran)
                continue;
            const auto source = openContender(contender.contender);
            const std::int64_t size = source->config().vocabularySize;
            vocabulary = vocabulary == 0 ? size : std::min(vocabulary, size);
            if (!reader && !source->text().tokenizerModel.empty())
                reader = source;
        }
        Workload& workload = m_run.setup.workload;
        if (vocabulary == 0)
            return; // nothing can run
        if (!workload.text.empty()) {
            text = tokensOf(workload.text, reader.get(), vocabulary);
            for (Pass& pass : workload.passes)
                pass.prompt = static_cast<std::int64_t>(text.size());
        }
        for (const Pass& pass : workload.passes) {
            if (!text.empty()) {
                m_prompts.push_back(text);
                continue;
            }
            Random random(workload.seed);
            std::vector<TokenId> tokens(static_cast<std::size_t>(pass.prompt));
            for (TokenId& token : tokens)
                token = static_cast<TokenId>(random.below(static_cast<std::uint64_t>(vocabulary)));
            m_prompts.push_back(std::move(tokens));
        }
    }

    // By the first model that brings a tokenizer; bytes where none does.
    static std::vector<TokenId> tokensOf(const std::string& text, const ModelSource* reader,
                                         std::int64_t vocabulary)
    {
        std::vector<TokenId> tokens;
        if (reader) {
            const Tokenizer tokenizer(reader->text().tokenizerModel, reader->name() + ": tokenizer.model");
            tokens = tokenizer.encode(text);
            if (tokenizer.bosId() >= 0)
                tokens.insert(tokens.begin(), tokenizer.bosId());
        } else {
            for (const char character : text)
                tokens.push_back(static_cast<TokenId>(static_cast<unsigned char>(character)));
        }
        for (TokenId& token : tokens)
            token = static_cast<TokenId>(token % vocabulary);
        if (tokens.empty())
            throw Error(ErrorCode::InvalidText, "the own text has 0 tokens, needed: at least 1");
        return tokens;
    }

    // ---- worker processes ----

    // The next message of a contender's process. Throws Stopped on a stop request, Error when the process
    // ended or reports one.
    Message receive(ChildProcess& child)
    {
        Message message;
        if (!child.channel().receive(message, m_stop)) {
            if (m_stop.stop_requested())
                throw Stopped();
            throw Error(ErrorCode::Unavailable, "its process ended by itself: " + child.finish(false));
        }
        return message;
    }
    // Answers up to the one of the given type; progress is reported on the way.
    std::pair<nlohmann::json, Message> answer(ChildProcess& child, const std::string& type,
                                              const CompareEvent& context)
    {
        for (;;) {
            Message message = receive(child);
            nlohmann::json json = nlohmann::json::parse(message.text);
            const std::string found = json.at("type");
            if (found == type)
                return {std::move(json), std::move(message)};
            if (found == "error")
                throw Error(ErrorCode::Unavailable, json.at("message"));
            if (found == "progress")
                reportProgress(json, context);
        }
    }
    void reportProgress(const nlohmann::json& json, CompareEvent event)
    {
        event.kind = Kind::Progress;
        event.tokenSeconds = json.at("tokenSeconds").get<std::vector<double>>();
        event.firstPosition = json.at("read").get<std::int64_t>() + json.at("first").get<std::int64_t>();
        event.position = event.firstPosition + static_cast<std::int64_t>(event.tokenSeconds.size());
        event.measuredBytes = json.at("measured");
        report(std::move(event));
    }

    // Runs `work` for a contender; its faults end the contender, not the comparison.
    template <class Work>
    bool guarded(int index, Work&& work)
    {
        try {
            if (m_stop.stop_requested())
                throw Stopped();
            work();
            return true;
        } catch (const Error& error) {
            result(index).reason = error.what();
        } catch (const nlohmann::json::exception& error) {
            result(index).reason =
                std::string("its process answered with something unreadable: ") + error.what();
        }
        result(index).ran = false;
        m_workers.erase(index);
        report({.kind = Kind::Failed, .contender = index, .text = result(index).reason});
        return false;
    }

    void load(int index)
    {
        report({.kind = Kind::Loading, .contender = index});
        auto child = std::make_unique<ChildProcess>(m_host.program, m_host.arguments);
        child->channel().send(
            {Json{{"do", "load"}, {"contender", contenderToJson(result(index).contender)}}.dump(), {}});
        const auto [json, message] = answer(*child, "loaded", {.contender = index});
        const ContenderResult loaded = contenderResultFromJson(json.at("result"), "loaded");
        ContenderResult& kept = result(index);
        kept.description = loaded.description;
        kept.modelHash = loaded.modelHash;
        kept.weightsPerToken = loaded.weightsPerToken;
        kept.weightBytesPerToken = loaded.weightBytesPerToken;
        kept.loadSeconds = loaded.loadSeconds;
        m_workers[index] = std::move(child);
        report({.kind = Kind::Loaded, .contender = index});
    }

    // One run of all passes. The first one of a contender also reads memory along the way.
    Repeat runOnce(int index, int round, int warmUp)
    {
        ChildProcess& child = *m_workers.at(index);
        const bool first = round < 0 && warmUp == 0;
        Json passes = Json::array();
        for (std::size_t i = 0; i < m_prompts.size(); ++i)
            passes.push_back({{"tokens", m_prompts[i]}, {"write", m_run.setup.workload.passes[i].write}});
        const CompareEvent context{.contender = index, .round = round, .warmUp = warmUp};
        CompareEvent begins = context;
        begins.kind = Kind::RunBegins;
        report(begins);

        const bool gpu = result(index).contender.backend == "cuda";
        const auto joulesNow = [&] {
            return gpu ? m_energy.gpuJoules(result(index).contender.options.device)
                       : m_energy.processorJoules();
        };
        const MachineState machine = readMachineState();
        const auto joulesBefore = joulesNow();
        const double began = sinceStart(), beside = processorSeconds();
        child.channel().send(
            {Json{{"do", "run"}, {"passes", std::move(passes)}, {"curve", first}, {"watch", m_watch}}.dump(),
             {}});
        const auto [json, message] = answer(child, "done", context);
        if (round >= 0) {
            m_run.roundSeconds += sinceStart() - began;
            m_run.besideSeconds += processorSeconds() - beside;
        }
        const auto joulesAfter = joulesNow();
        Repeat repeat = repeatFromJson(json.at("repeat"), "repeat");
        repeat.contender = index;
        repeat.round = round;
        repeat.startSeconds = began;
        repeat.clockMHz = machine.clockMHz;
        repeat.celsius = machine.celsius;
        repeat.load = machine.load;
        if (joulesBefore && joulesAfter)
            repeat.joules = *joulesAfter - *joulesBefore;
        ContenderResult measured = contenderResultFromJson(json.at("result"), "result");
        result(index).memory = measured.memory;
        result(index).output = std::move(measured.output);
        if (first)
            result(index).memoryCurve = std::move(measured.memoryCurve);
        m_workDone += round < 0 && warmUp >= 4 ? 0.0 : 1.0;
        CompareEvent done = context;
        done.kind = Kind::RunDone;
        report(done);
        return repeat;
    }

    void warmUp(int index)
    {
        std::vector<double> seconds;
        while (static_cast<int>(seconds.size()) < kMostWarmUps && !lastThreeAgree(seconds))
            seconds.push_back(runOnce(index, -1, static_cast<int>(seconds.size())).wallSeconds);
        ContenderResult& warmed = result(index);
        warmed.warmUps = static_cast<int>(seconds.size());
        warmed.settled = lastThreeAgree(seconds);
        if (warmed.warmUps < 4)
            m_workDone += 4 - warmed.warmUps;
        m_lastSeconds[index] = seconds.back();
    }

    // ---- groups and rounds ----

    [[nodiscard]] std::vector<int> runningOf(const std::string& group) const
    {
        std::vector<int> running;
        for (std::size_t i = 0; i < m_run.contenders.size(); ++i) {
            if (m_run.contenders[i].ran && m_run.contenders[i].contender.group == group)
                running.push_back(static_cast<int>(i));
        }
        return running;
    }

    void runGroup(const std::string& group)
    {
        m_groupSecondsPerRound = 0.0;
        for (const int index : runningOf(group))
            guarded(index, [&] { load(index); });
        for (const int index : runningOf(group))
            guarded(index, [&] { warmUp(index); });
        const std::vector<int> warmed = runningOf(group);
        if (!warmed.empty())
            m_energy.measureIdle(1.0, result(warmed.front()).contender.options.device);
        for (const int index : warmed)
            m_groupSecondsPerRound += m_lastSeconds[index];
        for (int round = 0; round < m_run.setup.repeats; ++round) {
            m_roundsLeft = m_run.setup.repeats - round;
            playRound(group, round);
        }
        m_run.rounds = std::max(m_run.rounds, m_run.setup.repeats);
        if (m_run.setup.parity)
            compareOutputs(group);
        m_workers.clear();
    }

    // A stop in the middle of a round drops that round, so that all have the same number.
    void playRound(const std::string& group, int round)
    {
        const std::vector<int> order = runningOf(group);
        std::vector<Repeat> repeats;
        for (std::size_t turn = 0; turn < order.size(); ++turn) {
            const int index = order[(turn + static_cast<std::size_t>(round)) % order.size()];
            guarded(index, [&] { repeats.push_back(runOnce(index, round, 0)); });
        }
        for (Repeat& repeat : repeats)
            m_run.repeats.push_back(std::move(repeat));
        m_run.rounds = std::max(m_run.rounds, round + 1);
    }

    // ---- parity ----

    LayerTrace traceOf(int index)
    {
        ChildProcess& child = *m_workers.at(index);
        const auto& prompt = m_prompts.front();
        const std::vector<TokenId> tokens(
            prompt.begin(),
            prompt.begin() + static_cast<std::ptrdiff_t>(std::min(kParityTokens, prompt.size())));
        child.channel().send({Json{{"do", "trace"}, {"tokens", tokens}}.dump(), {}});
        const auto [json, message] = answer(child, "trace", {.contender = index});
        LayerTrace trace{.layers = json.at("layers"),
                         .tokens = json.at("tokens"),
                         .width = json.at("width"),
                         .vocabulary = json.at("vocabulary")};
        const auto values = static_cast<std::size_t>(trace.layers * trace.tokens * trace.width);
        const auto logits = static_cast<std::size_t>(trace.tokens * trace.vocabulary);
        if (message.payload.size() != (values + logits) * sizeof(float))
            throw Error(ErrorCode::InvalidFile,
                        "a trace has " + std::to_string(message.payload.size()) +
                            " bytes, needed: " + std::to_string((values + logits) * sizeof(float)));
        trace.values.resize(values);
        trace.logits.resize(logits);
        std::memcpy(trace.values.data(), message.payload.data(), values * sizeof(float));
        std::memcpy(trace.logits.data(), message.payload.data() + values * sizeof(float),
                    logits * sizeof(float));
        return trace;
    }

    void compareOutputs(const std::string& group)
    {
        const std::vector<int> running = runningOf(group);
        if (running.size() < 2)
            return;
        report({.kind = Kind::Checking});
        const int baseline = baselineOf(m_run, running.front());
        std::optional<LayerTrace> reference;
        for (const int index : running) {
            if (index == baseline)
                continue;
            ParityResult& parity = result(index).parity;
            if (result(index).modelHash != result(baseline).modelHash) {
                parity.reason = "it runs another model than the baseline";
                continue;
            }
            if (!m_workers.contains(baseline))
                return;
            try {
                if (!reference)
                    reference = traceOf(baseline);
                parity = compareTraces(traceOf(index), *reference);
                parity.against = baseline;
            } catch (const Error& error) {
                parity.reason = error.what();
            } catch (const nlohmann::json::exception& error) {
                parity.reason = error.what();
            }
            const auto& mine = result(index).output;
            const auto& theirs = result(baseline).output;
            parity.comparedOutput = static_cast<std::int64_t>(std::min(mine.size(), theirs.size()));
            const auto [left, right] =
                std::mismatch(mine.begin(), mine.begin() + parity.comparedOutput, theirs.begin());
            if (left != mine.begin() + parity.comparedOutput)
                parity.firstOutputDifference = left - mine.begin();
        }
    }

    void measureCeilingsInWorker()
    {
        report({.kind = Kind::Checking});
        const Contender& baseline = m_run.setup.contenders[static_cast<std::size_t>(m_run.setup.baseline)];
        ChildProcess child(m_host.program, m_host.arguments);
        child.channel().send({Json{{"do", "ceilings"}, {"threads", baseline.options.threads}}.dump(), {}});
        try {
            const auto [json, message] = answer(child, "ceilings", {});
            m_run.ceilings = ceilingsFromJson(json.at("ceilings"), "ceilings");
        } catch (const Error&) {
            m_run.ceilings.reset(); // the roofline says that they were not measured
        } catch (const nlohmann::json::exception&) {
            m_run.ceilings.reset();
        }
    }

    const CompareHost& m_host;
    std::stop_token m_stop;
    const CompareObserver& m_observer;
    bool m_watch;
    Clock::time_point m_start = Clock::now();
    EnergyMeter m_energy;
    CompareRun m_run;
    std::vector<std::vector<TokenId>> m_prompts; // one a pass
    std::map<int, std::unique_ptr<ChildProcess>> m_workers;
    std::map<int, double> m_lastSeconds;
    double m_workTotal = 0.0, m_workDone = 0.0;
    double m_groupSecondsPerRound = 0.0;
    int m_roundsLeft = 0;
};

} // namespace

CompareRun runComparison(const CompareSetup& setup, const CompareHost& host, const std::stop_token& stop,
                         const CompareObserver& observer, bool watch)
{
    checkSetup(setup);
    return Comparison(setup, host, stop, observer, watch).run();
}

std::string compareCommandLine(const CompareSetup& setup)
{
    const auto quoted = [](const std::string& word) {
        std::string text(1, '\'');
        for (const char character : word) {
            if (character == '\'')
                text += "'\\'"; // ends the quotes, one escaped quote, and the next begins them again
            text += character;
        }
        text += '\'';
        return text;
    };
    std::string line = "mmfree compare";
    for (const Contender& contender : setup.contenders)
        line += " --contender " + quoted(contenderWords(contender));
    if (!setup.workload.text.empty()) {
        line += " --prompt " + quoted(setup.workload.text) + " --write " +
                std::to_string(setup.workload.passes.front().write);
    } else {
        line += " --passes ";
        for (std::size_t i = 0; i < setup.workload.passes.size(); ++i)
            line += (i ? "," : "") + std::to_string(setup.workload.passes[i].prompt) + "+" +
                    std::to_string(setup.workload.passes[i].write);
        line += " --seed " + std::to_string(setup.workload.seed);
    }
    line += " --repeats " + std::to_string(setup.repeats);
    if (setup.baseline > 0)
        line += " --baseline " + std::to_string(setup.baseline + 1);
    return line;
}

} // namespace mmfree
