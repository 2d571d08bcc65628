#include "fpga/planner/board.h"

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "fpga/planner/board_files.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

namespace mmfree::planner
{

namespace
{

constexpr std::uint64_t kBoardFileLimit = 1u << 20;

class FieldReader
{
public:
    FieldReader(const nlohmann::json& json, const std::string& name)
        : m_json(json)
        , m_name(name)
    {
    }
    [[nodiscard]] double number(const char* field, double smallest, double largest)
    {
        const nlohmann::json& value = at(field);
        if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() < smallest ||
            value.get<double>() > largest) {
            std::string range = std::to_string(smallest) + " to " + std::to_string(largest);
            throw Error(ErrorCode::InvalidFile,
                        m_name + ": " + field + " is " + value.dump() + ", needed: a number from " + range);
        }
        return value.get<double>();
    }
    [[nodiscard]] std::int64_t count(const char* field, double smallest)
    {
        return static_cast<std::int64_t>(number(field, smallest, 1e15));
    }
    [[nodiscard]] std::string text(const char* field)
    {
        const nlohmann::json& value = at(field);
        if (!value.is_string() || value.get<std::string>().empty())
            throw Error(ErrorCode::InvalidFile,
                        m_name + ": " + field + " is " + value.dump() + ", needed: a text");
        return value.get<std::string>();
    }
    [[nodiscard]] std::vector<std::string> texts(const char* field)
    {
        const nlohmann::json& value = at(field);
        const bool good =
            value.is_array() && !value.empty() &&
            std::all_of(value.begin(), value.end(), [](const auto& v) { return v.is_string(); });
        if (!good)
            throw Error(ErrorCode::InvalidFile, m_name + ": " + field + " is " + value.dump() +
                                                    ", needed: a list of at least one text");
        return value.get<std::vector<std::string>>();
    }
    void rejectUnknown() const
    {
        for (const auto& [key, value] : m_json.items()) {
            if (!m_read.contains(key))
                throw Error(ErrorCode::InvalidFile, m_name + ": " + key + " is not a field of a board");
        }
    }

private:
    const nlohmann::json& at(const char* field)
    {
        m_read.insert(field);
        const auto found = m_json.find(field);
        if (found == m_json.end())
            throw Error(ErrorCode::InvalidFile, m_name + ": " + field + " is absent, needed");
        return *found;
    }
    const nlohmann::json& m_json;
    const std::string& m_name;
    std::set<std::string> m_read;
};

std::string lowerCase(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

} // namespace

Board parseBoard(std::string_view text, const std::string& name)
{
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object())
        throw Error(ErrorCode::InvalidFile, name + ": not a JSON object, needed: a board description");
    FieldReader fields(json, name);
    Board board;
    board.name = fields.text("name");
    board.chip = fields.text("chip");
    board.logicUnit = fields.text("logicUnit");
    board.logicUnits = fields.count("logicUnits", 1);
    board.dspBlocks = fields.count("dspBlocks", 0);
    board.onChipBytes = fields.count("onChipBytes", 1);
    board.memoryBytes = fields.count("memoryBytes", 1);
    board.memoryBanks = static_cast<int>(fields.number("memoryBanks", 1, 1024));
    board.memoryGBs = fields.number("memoryGBs", 1e-3, 1e5);
    board.portBits = static_cast<int>(fields.number("portBits", 2, 65536));
    board.cyclesPerRead = fields.number("cyclesPerRead", 0.01, 1e6);
    board.clockMHz = fields.number("clockMHz", 1, 2000);
    board.shellShare = fields.number("shellShare", 0, 0.99);
    board.priceUsd = fields.number("priceUsd", 0, 1e7);
    board.sources = fields.texts("sources");
    fields.rejectUnknown();
    return board;
}

Board loadBoard(const std::filesystem::path& file)
{
    return parseBoard(readTextFile(file, kBoardFileLimit), file.string());
}

const std::vector<Board>& builtInBoards()
{
    static const std::vector<Board> kBoards = [] {
        std::vector<Board> boards;
        for (const EmbeddedFile& file : boardFiles())
            boards.push_back(parseBoard(file.text, std::string(file.name)));
        return boards;
    }();
    return kBoards;
}

Board findBoard(const std::string& nameOrFile)
{
    std::string names;
    for (const Board& board : builtInBoards()) {
        if (lowerCase(board.name) == lowerCase(nameOrFile))
            return board;
        names += (names.empty() ? "" : ", ") + board.name;
    }
    if (nameOrFile.ends_with(".json"))
        return loadBoard(nameOrFile);
    throw Error(ErrorCode::InvalidArgument,
                "board is \"" + nameOrFile + "\", needed: a file ending in .json, or one of " + names);
}

} // namespace mmfree::planner
