// What a running training process shows of itself in its run directory, and how others command it. The
// process that trains owns a RunJournal; windows and tools use the free functions. Everything goes through
// files, so that a window can close, come back and find the run again:
//   lock                 held (flock) while a process trains here; the kernel frees it however it ends
//   state.json           what the process does now; replaced atomically when that changes
//   events.jsonl         what happened at which step: starts, pauses, edits, checkpoints, stops
//   control-PID.jsonl    commands to the process PID, one a line, appended by anybody who may write there
//   samples.jsonl, layers.jsonl   texts, and statistics of the ternary weights
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mmfree
{

enum class RunStatus {
    Prepared, // described in run.json, never started
    Starting, // reads text, makes the model
    Running,
    Paused,      // loaded, waits for commands
    Finished,    // all steps done
    Stopped,     // by request, or early stopping: can go on
    Failed,      // by an error, see the message
    Interrupted, // its process ended without a word (killed, power loss)
};
[[nodiscard]] std::string runStatusName(RunStatus status); // "running"

struct RunState {
    RunStatus status = RunStatus::Prepared;
    std::int64_t process = 0; // id of the process that trains or trained
    std::int64_t step = 0;    // when the status changed
    std::string message;      // for people: why it stopped
};
// Says Interrupted when the process is gone without having said so. Throws InvalidFile for damaged files.
[[nodiscard]] RunState readRunState(const std::filesystem::path& runDirectory);
// Whether a process trains in this directory now.
[[nodiscard]] bool isRunAlive(const std::filesystem::path& runDirectory);

struct RunEvent {
    std::int64_t step = 0, unixSeconds = 0;
    std::string kind; // "started", "paused", "learning rate", "checkpoint", "sample prompts", "failed", ...
    std::string text; // for people
};
[[nodiscard]] RunEvent runEventFromJson(const nlohmann::json& line); // missing fields stay empty
[[nodiscard]] std::vector<RunEvent> readRunEvents(const std::filesystem::path& runDirectory);

struct RunSample {
    std::int64_t step = 0;
    std::string prompt, text;
};
[[nodiscard]] RunSample runSampleFromJson(const nlohmann::json& line);
[[nodiscard]] std::vector<RunSample> readRunSamples(const std::filesystem::path& runDirectory);

enum class RunCommandKind {
    Pause,
    Resume,
    Step,
    Stop,
    Checkpoint,
    Sample,
    LearningRateScale,
    SamplePrompts,
    Cadence
};
struct RunCommand {
    RunCommandKind kind = RunCommandKind::Pause;
    double scale = 1.0;               // LearningRateScale: factor on the schedule from the next step on
    std::vector<std::string> prompts; // SamplePrompts
    std::optional<std::int64_t> evaluateEvery, checkpointEvery, sampleEvery; // Cadence, steps
};
// Throws Unavailable when no process trains there, Io when the command cannot be written.
void sendRunCommand(const std::filesystem::path& runDirectory, const RunCommand& command);

class RunJournal
{
public:
    // Takes the lock. Throws Unavailable naming the process that trains in this directory already.
    explicit RunJournal(std::filesystem::path runDirectory);
    ~RunJournal();
    RunJournal(const RunJournal&) = delete;
    RunJournal& operator=(const RunJournal&) = delete;

    void setStatus(RunStatus status, std::int64_t step, const std::string& message = {});
    void addEvent(std::int64_t step, const std::string& kind, const std::string& text);
    void addSample(const RunSample& sample);
    void addLine(const char* file, const nlohmann::json& line); // appends to DIR/file; throws Io
    // Forgets lines of events, samples and layers beyond `step`: those steps are made again.
    void rewind(std::int64_t step);
    // Commands that came since the last call. Lines that are none are skipped with a message in `problems`.
    [[nodiscard]] std::vector<RunCommand> takeCommands(std::vector<std::string>& problems);
    void release(); // the lock; the directory is free for another process

private:
    std::filesystem::path m_directory, m_control;
    int m_lock = -1;
    std::uint64_t m_read = 0; // bytes of the control file taken so far
};

} // namespace mmfree
