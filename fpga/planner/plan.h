// Projects how a MatMul-free model would decode on an FPGA board with the pipeline of fpga/kernels: cycles a
// token by stage, what bounds each, what fits. A calculation from the kernels' loops and the board's data
// sheet, with the weights spread over all memory banks. NOT a measurement; every text made from it says so.
#pragma once

#include "engine/model/model_config.h"
#include "fpga/planner/board.h"

#include <string>
#include <string_view>
#include <vector>

namespace mmfree::planner
{

// Said wherever a number of this room is shown.
inline constexpr std::string_view kProjectionNotice =
    "Projection from data sheets and the kernels' loops; nothing was built or run on this board.";

struct PlanOptions {
    int rowsPerCycle = 4;          // MMFREE_PIPELINE_ROWS: rows of 128 columns taken each clock
    double clockMHz = 0.0;         // 0: the board's
    double memoryEfficiency = 0.8; // of the peak bandwidth, for long bursts
    double logicPerLane = 20.0;    // LUTs (ALMs: half) of one select-and-add lane; an estimate, see plan.cpp
};

// How a core takes a matrix apart: `rowsPerCycle` rows of `columnsPerCycle` columns each clock, and clocks
// that pass between one group of rows and the next.
struct ProductUnit {
    double columnsPerCycle = 128.0; // MMFREE_BLOCK_COLS
    double rowsPerCycle = 4.0;      // MMFREE_PIPELINE_ROWS
    double rowOverheadCycles = 0.0; // 0: groups of rows follow each other without a gap, as in fpga/kernels
};

// Clocks of one [rows, cols] product when the weights arrive in time.
[[nodiscard]] double productCycles(const ProductUnit& unit, double rows, double cols);

struct StagePlan {
    std::string name;            // "f, i, g products"
    std::int64_t calls = 1;      // a token
    double computeCycles = 0.0;  // of all calls
    double memoryCycles = 0.0;   // reading the weights
    double overheadCycles = 0.0; // loading activations, pipeline fill
    [[nodiscard]] bool memoryBound() const { return memoryCycles > computeCycles; }
    [[nodiscard]] double cycles() const
    {
        return (computeCycles > memoryCycles ? computeCycles : memoryCycles) + overheadCycles;
    }
};

struct Plan {
    std::vector<StagePlan> stages;
    double clockMHz = 0.0;
    double cyclesPerToken = 0.0, tokensPerSecond = 0.0;
    double bandwidthShare = 0.0;  // weight bytes a second of the board's peak
    std::int64_t weightBytes = 0; // read a token: all layers and the head, 2 bits a weight
    std::int64_t modelBytes = 0;  // weights, embedding (16 bit), norms
    std::int64_t onChipBytes = 0; // buffers of the kernels
    std::int64_t logicNeeded = 0, logicAvailable = 0;
    bool fitsLogic = false, fitsOnChip = false, fitsMemory = false;
    bool weightsFitOnChip = false; // a design without outside memory would be possible
    [[nodiscard]] bool fits() const { return fitsLogic && fitsOnChip && fitsMemory; }
    [[nodiscard]] std::string boundBy() const; // "memory" or "compute", of most cycles
};

// Throws InvalidConfig for a Transformer, InvalidArgument for options out of range.
[[nodiscard]] Plan planDecode(const ModelConfig& config, const Board& board, const PlanOptions& options);

// A number published elsewhere, beside what this room computes (0: it computes nothing for it).
struct PublishedPoint {
    std::string what, source;
    double published = 0.0, computed = 0.0;
    std::string unit, note;
};

// The paper's own figures from the paper's own parameters, with the two corrections they need.
[[nodiscard]] std::vector<PublishedPoint> paperPoints();
// What others measured on boards; to stand beside projections.
[[nodiscard]] std::vector<PublishedPoint> measuredPoints();

} // namespace mmfree::planner
