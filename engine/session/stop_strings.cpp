#include "engine/session/stop_strings.h"

#include "engine/core/error.h"
#include "engine/text/tokenizer.h"

#include <algorithm>
#include <utility>

namespace mmfree
{

StopStrings::StopStrings(std::vector<std::string> strings)
    : m_strings(std::move(strings))
{
    for (std::size_t i = 0; i < m_strings.size(); ++i) {
        const std::string which = "stopStrings[" + std::to_string(i) + "]";
        if (m_strings[i].empty())
            throw Error(ErrorCode::InvalidArgument, which + " is empty, needed: at least one character");
        if (findInvalidUtf8(m_strings[i]) != std::string_view::npos)
            throw Error(ErrorCode::InvalidArgument, which + " is not UTF-8");
    }
}

std::string StopStrings::push(std::string_view text)
{
    if (m_found)
        return {};
    m_held += text;
    std::size_t firstEnd = std::string::npos, begin = 0;
    for (const std::string& stop : m_strings) {
        const std::size_t at = m_held.find(stop);
        if (at == std::string::npos)
            continue;
        const std::size_t end = at + stop.size();
        if (end < firstEnd || (end == firstEnd && at < begin)) {
            firstEnd = end;
            begin = at;
        }
    }
    m_found = firstEnd != std::string::npos;
    std::size_t visible = begin;
    if (!m_found) {
        std::size_t longestStart = 0;
        for (const std::string& stop : m_strings) {
            std::size_t length = std::min(stop.size() - 1, m_held.size());
            while (length > longestStart && !m_held.ends_with(std::string_view(stop).substr(0, length)))
                --length;
            longestStart = std::max(longestStart, length);
        }
        visible = m_held.size() - longestStart;
    }
    std::string released = m_held.substr(0, visible);
    m_held.erase(0, visible);
    if (m_found)
        m_held.clear();
    return released;
}

std::string StopStrings::flush()
{
    return std::exchange(m_held, {});
}

} // namespace mmfree
