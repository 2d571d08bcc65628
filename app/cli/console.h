// What every subcommand prints with: progress on stderr (only when it is a terminal), sizes and times for
// people, JSON for programs.
#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace mmfree::cli
{

[[nodiscard]] bool stderrIsTerminal();
[[nodiscard]] bool stdinIsTerminal();

[[nodiscard]] std::string bytesText(std::uint64_t bytes);           // "748.2 MB"
[[nodiscard]] std::string countText(std::int64_t count);            // "374,108,160"
[[nodiscard]] std::string numberText(double value, int digits = 4); // significant digits
[[nodiscard]] std::string durationText(double seconds);             // "3 h 12 min", "4.2 s"

// Two-space indented JSON and a newline on stdout. Text that is not UTF-8 (file names) is shown with U+FFFD.
void printJson(const nlohmann::ordered_json& value);

// A line that is redrawn in place at most ten times a second; does nothing when stderr is not a terminal.
class ProgressLine
{
public:
    explicit ProgressLine(std::string label);
    ~ProgressLine(); // removes the line
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    void update(double share, const std::string& detail = {}); // share 0..1 of the work
    void clear();                                              // before something else is printed

private:
    std::string m_label;
    bool m_enabled;
    bool m_shown = false;
    std::chrono::steady_clock::time_point m_last;
};

} // namespace mmfree::cli
