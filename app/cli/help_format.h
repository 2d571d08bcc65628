// The look of --help: one line a flag with its kind of value and default, alternatives ("one of") first.
#pragma once

#include <CLI/CLI.hpp>

namespace mmfree::cli
{

class HelpFormatter final : public CLI::Formatter
{
public:
    HelpFormatter();
    std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
    std::string make_expanded(const CLI::App* group) const override;
    std::string make_option_opts(const CLI::Option* option) const override;
};

} // namespace mmfree::cli
