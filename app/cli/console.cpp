#include "app/cli/console.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <sys/ioctl.h>
#include <unistd.h>

namespace mmfree::cli
{

namespace
{

int terminalWidth()
{
    winsize size{};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
        return size.ws_col;
    return 80;
}

} // namespace

bool stderrIsTerminal()
{
    return isatty(STDERR_FILENO) == 1;
}
bool stdinIsTerminal()
{
    return isatty(STDIN_FILENO) == 1;
}

std::string numberText(double value, int digits)
{
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.*g", digits, value);
    return text.data();
}

std::string bytesText(std::uint64_t bytes)
{
    if (bytes < 1000)
        return std::to_string(bytes) + " bytes";
    const std::array<const char*, 5> units{"kB", "MB", "GB", "TB", "PB"};
    double value = static_cast<double>(bytes) / 1000.0;
    std::size_t unit = 0;
    while (value >= 1000.0 && unit + 1 < units.size()) {
        value /= 1000.0;
        ++unit;
    }
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.1f %s", value, units[unit]);
    return text.data();
}

std::string countText(std::int64_t count)
{
    std::string digits = std::to_string(count);
    const std::ptrdiff_t first = count < 0 ? 1 : 0;
    for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > first; at -= 3)
        digits.insert(static_cast<std::size_t>(at), ",");
    return digits;
}

std::string durationText(double seconds)
{
    std::array<char, 64> text{};
    if (seconds < 60.0)
        std::snprintf(text.data(), text.size(), "%.1f s", seconds);
    else if (seconds < 3600.0)
        std::snprintf(text.data(), text.size(), "%d min %02d s", static_cast<int>(seconds) / 60,
                      static_cast<int>(seconds) % 60);
    else
        std::snprintf(text.data(), text.size(), "%lld h %02d min", static_cast<long long>(seconds / 3600.0),
                      static_cast<int>(seconds / 60.0) % 60);
    return text.data();
}

void printJson(const nlohmann::ordered_json& value)
{
    std::cout << value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

ProgressLine::ProgressLine(std::string label)
    : m_label(std::move(label))
    , m_enabled(stderrIsTerminal())
{
}

ProgressLine::~ProgressLine()
{
    clear();
}

void ProgressLine::update(double share, const std::string& detail)
{
    const auto now = std::chrono::steady_clock::now();
    if (!m_enabled || (m_shown && now - m_last < std::chrono::milliseconds(100)))
        return;
    m_last = now;
    m_shown = true;
    const double inRange = std::clamp(share, 0.0, 1.0);
    constexpr int kBarWidth = 24;
    const int filled = static_cast<int>(inRange * kBarWidth);
    std::string text = m_label + " [" + std::string(static_cast<std::size_t>(filled), '#') +
                       std::string(static_cast<std::size_t>(kBarWidth - filled), '.') + "] " +
                       std::to_string(static_cast<int>(inRange * 100.0)) + " %";
    if (!detail.empty())
        text += "  " + detail;
    const auto width = static_cast<std::size_t>(terminalWidth() - 1);
    if (text.size() > width)
        text.resize(width);
    std::cerr << '\r' << text << "\033[K" << std::flush;
}

void ProgressLine::clear()
{
    if (m_shown)
        std::cerr << "\r\033[K" << std::flush;
    m_shown = false;
}

} // namespace mmfree::cli
