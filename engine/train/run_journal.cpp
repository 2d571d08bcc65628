#include "engine/train/run_journal.h"

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace mmfree
{

namespace fs = std::filesystem;
using nlohmann::json;

namespace
{

constexpr std::uint64_t kLargestState = 1u << 20;

const std::pair<RunStatus, const char*> kStatusNames[] = {
    {RunStatus::Prepared, "prepared"}, {RunStatus::Starting, "starting"},
    {RunStatus::Running, "running"},   {RunStatus::Paused, "paused"},
    {RunStatus::Finished, "finished"}, {RunStatus::Stopped, "stopped"},
    {RunStatus::Failed, "failed"},     {RunStatus::Interrupted, "interrupted"},
};
const std::pair<RunCommandKind, const char*> kCommandNames[] = {
    {RunCommandKind::Pause, "pause"},
    {RunCommandKind::Resume, "resume"},
    {RunCommandKind::Step, "step"},
    {RunCommandKind::Stop, "stop"},
    {RunCommandKind::Checkpoint, "checkpoint"},
    {RunCommandKind::Sample, "sample"},
    {RunCommandKind::LearningRateScale, "learningRateScale"},
    {RunCommandKind::SamplePrompts, "samplePrompts"},
    {RunCommandKind::Cadence, "cadence"},
};

template <class Value, std::size_t size>
const char* nameOf(const std::pair<Value, const char*> (&names)[size], Value value)
{
    for (const auto& [known, name] : names) {
        if (known == value)
            return name;
    }
    return "";
}

template <class Value, std::size_t size>
std::optional<Value> valueOf(const std::pair<Value, const char*> (&names)[size], const json& name)
{
    for (const auto& [known, text] : names) {
        if (name == text)
            return known;
    }
    return std::nullopt;
}

bool isRunning(RunStatus status)
{
    return status == RunStatus::Starting || status == RunStatus::Running || status == RunStatus::Paused;
}

// Appends one line in one write, so that writers do not mix.
void appendLine(const fs::path& file, const std::string& text)
{
    const std::string line = text + "\n";
    const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    const bool written =
        descriptor >= 0 && write(descriptor, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    const int error = errno;
    if (descriptor >= 0)
        close(descriptor);
    if (!written)
        throw Error(ErrorCode::Io, "cannot write " + file.string() + ": " + std::strerror(error));
}

// Every complete JSON object of a file of lines; a line that a crash cut off is left out.
std::vector<json> readLines(const fs::path& file)
{
    std::vector<json> lines;
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        json entry = json::parse(line, nullptr, false);
        if (entry.is_object())
            lines.push_back(std::move(entry));
    }
    return lines;
}

template <class Value>
Value field(const json& object, const char* name, Value fallback)
{
    const auto found = object.find(name);
    if (found == object.end())
        return fallback;
    try {
        return found->template get<Value>();
    } catch (const json::exception&) {
        return fallback;
    }
}

std::int64_t stepOf(const json& line)
{
    return field<std::int64_t>(line, "step", 0);
}

// Throws std::runtime_error with what is wrong.
RunCommand parseCommand(const json& line)
{
    const auto kind = valueOf(kCommandNames, line.value("command", json()));
    if (!kind)
        throw std::runtime_error("unknown command " + line.dump());
    RunCommand command{.kind = *kind, .scale = field(line, "scale", 1.0), .prompts = {}};
    if (!std::isfinite(command.scale) || command.scale < 0.0 || command.scale > 1e6)
        throw std::runtime_error("scale is " + line.value("scale", json()).dump() + ", needed: 0 to 1e6");
    command.prompts = field(line, "prompts", std::vector<std::string>());
    const auto cadence = [&](const char* name, std::optional<std::int64_t>& out) {
        if (!line.contains(name))
            return;
        out = field<std::int64_t>(line, name, -1);
        if (*out < 0)
            throw std::runtime_error(std::string(name) + " is " + line.at(name).dump() +
                                     ", needed: at least 0");
    };
    cadence("evaluateEvery", command.evaluateEvery);
    cadence("checkpointEvery", command.checkpointEvery);
    cadence("sampleEvery", command.sampleEvery);
    return command;
}

fs::path controlFile(const fs::path& directory, std::int64_t process)
{
    return directory / ("control-" + std::to_string(process) + ".jsonl");
}

} // namespace

std::string runStatusName(RunStatus status)
{
    return nameOf(kStatusNames, status);
}

bool isRunAlive(const fs::path& runDirectory)
{
    const int descriptor = open((runDirectory / "lock").c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    const bool taken = flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(descriptor); // frees the lock if we got it
    return taken;
}

RunState readRunState(const fs::path& runDirectory)
{
    const fs::path file = runDirectory / "state.json";
    // The lock first: a process that ends writes its last state before it lets go.
    const bool alive = isRunAlive(runDirectory);
    std::error_code error;
    RunState state;
    if (!fs::exists(file, error)) {
        const bool began = fs::exists(runDirectory / "metrics.jsonl", error);
        state.status = began ? (alive ? RunStatus::Running : RunStatus::Interrupted) : RunStatus::Prepared;
        return state;
    }
    const json object = json::parse(readTextFile(file, kLargestState), nullptr, false);
    const auto status =
        object.is_object() ? valueOf(kStatusNames, object.value("status", json())) : std::nullopt;
    if (!status)
        throw Error(ErrorCode::InvalidFile, file.string() +
                                                " holds no status of a run, needed: e.g. {\"status\": "
                                                "\"running\"}");
    state = {.status = *status,
             .process = field<std::int64_t>(object, "process", 0),
             .step = stepOf(object),
             .message = field(object, "message", std::string())};
    if (isRunning(state.status) && !alive)
        state.status = RunStatus::Interrupted;
    return state;
}

RunEvent runEventFromJson(const json& line)
{
    return {.step = stepOf(line),
            .unixSeconds = field<std::int64_t>(line, "time", 0),
            .kind = field(line, "kind", std::string()),
            .text = field(line, "text", std::string())};
}

RunSample runSampleFromJson(const json& line)
{
    return {stepOf(line), field(line, "prompt", std::string()), field(line, "text", std::string())};
}

std::vector<RunEvent> readRunEvents(const fs::path& runDirectory)
{
    std::vector<RunEvent> events;
    for (const json& line : readLines(runDirectory / "events.jsonl"))
        events.push_back(runEventFromJson(line));
    return events;
}

std::vector<RunSample> readRunSamples(const fs::path& runDirectory)
{
    std::vector<RunSample> samples;
    for (const json& line : readLines(runDirectory / "samples.jsonl"))
        samples.push_back(runSampleFromJson(line));
    return samples;
}

void sendRunCommand(const fs::path& runDirectory, const RunCommand& command)
{
    const RunState state = readRunState(runDirectory);
    if (!isRunning(state.status)) {
        throw Error(ErrorCode::Unavailable, runDirectory.string() + " is " + runStatusName(state.status) +
                                                ", needed for commands: a process that trains there");
    }
    json line{{"command", nameOf(kCommandNames, command.kind)}};
    if (command.kind == RunCommandKind::LearningRateScale)
        line["scale"] = command.scale;
    if (command.kind == RunCommandKind::SamplePrompts)
        line["prompts"] = command.prompts;
    if (command.evaluateEvery)
        line["evaluateEvery"] = *command.evaluateEvery;
    if (command.checkpointEvery)
        line["checkpointEvery"] = *command.checkpointEvery;
    if (command.sampleEvery)
        line["sampleEvery"] = *command.sampleEvery;
    appendLine(controlFile(runDirectory, state.process), line.dump());
}

RunJournal::RunJournal(fs::path runDirectory)
    : m_directory(std::move(runDirectory))
    , m_control(controlFile(m_directory, getpid()))
{
    const fs::path lock = m_directory / "lock";
    m_lock = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (m_lock < 0)
        throw Error(ErrorCode::Io, "cannot create " + lock.string() + ": " + std::strerror(errno));
    if (flock(m_lock, LOCK_EX | LOCK_NB) != 0) {
        close(m_lock);
        m_lock = -1;
        throw Error(ErrorCode::Unavailable, m_directory.string() + " is trained by process " +
                                                std::to_string(readRunState(m_directory).process) +
                                                " already, needed: one at a time");
    }
    // Commands to processes that are gone, this number's included, concern nobody.
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(m_directory, error)) {
        if (entry.path().filename().string().starts_with("control-"))
            fs::remove(entry.path(), error);
    }
}

RunJournal::~RunJournal()
{
    release();
}

void RunJournal::release()
{
    if (m_lock < 0)
        return;
    std::error_code error;
    fs::remove(m_control, error);
    close(m_lock);
    m_lock = -1;
}

void RunJournal::setStatus(RunStatus status, std::int64_t step, const std::string& message)
{
    const json object{{"status", runStatusName(status)},
                      {"process", static_cast<std::int64_t>(getpid())},
                      {"step", step},
                      {"message", message}};
    writeFileAtomically(m_directory / "state.json", object.dump() + "\n");
}

void RunJournal::addLine(const char* file, const json& line)
{
    // Text from a model or a file name may hold broken UTF-8: replaced, never an exception.
    appendLine(m_directory / file, line.dump(-1, ' ', false, json::error_handler_t::replace));
}

void RunJournal::addEvent(std::int64_t step, const std::string& kind, const std::string& text)
{
    addLine("events.jsonl", {{"time", static_cast<std::int64_t>(std::time(nullptr))},
                             {"step", step},
                             {"kind", kind},
                             {"text", text}});
}

void RunJournal::addSample(const RunSample& sample)
{
    addLine("samples.jsonl", {{"step", sample.step}, {"prompt", sample.prompt}, {"text", sample.text}});
}

void RunJournal::rewind(std::int64_t step)
{
    for (const char* name : {"events.jsonl", "samples.jsonl", "layers.jsonl"}) {
        const fs::path file = m_directory / name;
        std::error_code error;
        if (!fs::exists(file, error))
            continue;
        std::string kept;
        for (const json& line : readLines(file)) {
            if (stepOf(line) <= step)
                kept += line.dump() + "\n";
        }
        writeFileAtomically(file, kept);
    }
}

std::vector<RunCommand> RunJournal::takeCommands(std::vector<std::string>& problems)
{
    std::vector<RunCommand> commands;
    std::error_code error;
    const std::uintmax_t size = fs::file_size(m_control, error);
    if (error || size <= m_read)
        return commands;
    std::ifstream stream(m_control, std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(m_read));
    std::string text(static_cast<std::size_t>(std::min<std::uintmax_t>(size - m_read, kLargestState)), '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
        const json line = json::parse(text.substr(begin, end - begin), nullptr, false);
        begin = end + 1;
        try {
            if (!line.is_object())
                throw std::runtime_error("a line that is no JSON object");
            commands.push_back(parseCommand(line));
        } catch (const std::exception& problem) {
            problems.push_back(m_control.string() + ": " + problem.what());
        }
    }
    // A line without an end is either still being written or longer than any command.
    m_read += begin > 0 ? begin : (text.size() >= kLargestState ? text.size() : 0);
    return commands;
}

} // namespace mmfree
