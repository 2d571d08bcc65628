// An FPGA board as the planner sees it: what it offers, and where the numbers come from. Built-in boards are
// the files of resources/boards; users add their own in the same form.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace mmfree::planner
{

struct Board {
    std::string name, chip;
    std::string logicUnit;       // "LUT" or "ALM"
    std::int64_t logicUnits = 0; // of the whole chip
    std::int64_t dspBlocks = 0;
    std::int64_t onChipBytes = 0;     // block and ultra RAM
    std::int64_t memoryBytes = 0;     // on the board
    int memoryBanks = 1;              // channels that can be read at once
    double memoryGBs = 0.0;           // all banks together, 1e9 bytes a second, peak
    int portBits = 512;               // one read of one bank
    double cyclesPerRead = 1.0;       // kernel clocks between reads a port accepts; 1: fully pipelined
    double clockMHz = 0.0;            // assumed for the kernels; not a property of the chip alone
    double shellShare = 0.0;          // logic the vendor's shell takes, 0..1
    double priceUsd = 0.0;            // 0: not stated
    std::vector<std::string> sources; // documents the numbers are from; what is assumed is said so
};

// Throws InvalidFile naming `name`, the field, the value found and the value needed.
[[nodiscard]] Board parseBoard(std::string_view json, const std::string& name);
[[nodiscard]] Board loadBoard(const std::filesystem::path& file);

[[nodiscard]] const std::vector<Board>& builtInBoards();

// A built-in board by name (case does not matter) or a file. Throws InvalidArgument listing the names.
[[nodiscard]] Board findBoard(const std::string& nameOrFile);

} // namespace mmfree::planner
