#include "app/cli/help_format.h"

namespace mmfree::cli
{

HelpFormatter::HelpFormatter()
{
    column_width(32);
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const
{
    if (mode == CLI::AppFormatMode::Sub)
        return make_expanded(app);
    return make_description(app) + make_usage(app, std::move(name)) + make_positionals(app) +
           make_subcommands(app, mode) + make_groups(app, mode) + "\n" + make_footer(app);
}

// A group of alternatives: its name and its flags.
std::string HelpFormatter::make_expanded(const CLI::App* group) const
{
    std::string text = "\n" + group->get_group() + ":\n";
    for (const CLI::Option* option : group->get_options()) {
        if (option != group->get_help_ptr())
            text += make_option(option, false);
    }
    return text;
}

// "COUNT=8": the kind of value (ranges are in the description or in the message of a wrong value) and the
// default.
std::string HelpFormatter::make_option_opts(const CLI::Option* option) const
{
    if (option->get_type_size() == 0)
        return {};
    std::string type = option->get_type_name();
    type = type.substr(0, type.find(':')); // without the range
    if (type == "INT" || type == "UINT")
        type = "N";
    else if (type == "FLOAT")
        type = "X";
    else if (type == "ENUM")
        type = "NAME";
    std::string text = " " + type;
    const std::string defaultValue = option->get_default_str();
    if (!defaultValue.empty() && defaultValue != "[]")
        text += "=" + defaultValue;
    if (option->get_expected_max() == CLI::detail::expected_max_vector_size)
        text += " ...";
    return text;
}

} // namespace mmfree::cli
