// Watches text that arrives in pieces for strings that end it. Text that could be the start of one is held
// back until it is known not to be. Where the text ends does not depend on how it was cut into pieces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mmfree
{

class StopStrings
{
public:
    // Throws InvalidArgument for an empty or non-UTF-8 string, naming its index.
    explicit StopStrings(std::vector<std::string> strings);

    // Text that is certainly visible. Once a stop string is complete (the first to be so; the longest of
    // those that end together), found() is true, the text before it has been returned, and nothing more
    // comes.
    [[nodiscard]] std::string push(std::string_view text);
    [[nodiscard]] std::string flush(); // what is held back: no more text will come
    [[nodiscard]] bool found() const { return m_found; }

private:
    std::vector<std::string> m_strings;
    std::string m_held; // shorter than the longest stop string
    bool m_found = false;
};

} // namespace mmfree
