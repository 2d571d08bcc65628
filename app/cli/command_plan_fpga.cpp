// `mmfree plan-fpga`: what the OpenCL pipeline would do on an FPGA board, projected from its data sheet.
#include "app/cli/command.h"
#include "app/cli/console.h"
#include "engine/model/model_source.h"
#include "fpga/planner/plan.h"

#include <iomanip>
#include <iostream>

namespace mmfree::cli
{

namespace
{

struct PlanFpgaOptions {
    std::string model, shape = "370M", board;
    planner::PlanOptions plan;
    bool published = false, json = false;
};

nlohmann::ordered_json planJson(const planner::Board& board, const planner::Plan& plan)
{
    nlohmann::ordered_json stages = nlohmann::ordered_json::array();
    for (const planner::StagePlan& stage : plan.stages) {
        stages.push_back({{"stage", stage.name},
                          {"calls", stage.calls},
                          {"cycles", stage.cycles()},
                          {"computeCycles", stage.computeCycles},
                          {"memoryCycles", stage.memoryCycles},
                          {"overheadCycles", stage.overheadCycles},
                          {"boundBy", stage.memoryBound() ? "memory" : "compute"}});
    }
    return {{"board", board.name},
            {"projection", true},
            {"clockMHz", plan.clockMHz},
            {"tokensPerSecond", plan.tokensPerSecond},
            {"cyclesPerToken", plan.cyclesPerToken},
            {"boundBy", plan.boundBy()},
            {"bandwidthShare", plan.bandwidthShare},
            {"weightBytes", plan.weightBytes},
            {"modelBytes", plan.modelBytes},
            {"onChipBytes", plan.onChipBytes},
            {"logicNeeded", plan.logicNeeded},
            {"logicAvailable", plan.logicAvailable},
            {"fits", plan.fits()},
            {"fitsLogic", plan.fitsLogic},
            {"fitsOnChip", plan.fitsOnChip},
            {"fitsMemory", plan.fitsMemory},
            {"weightsFitOnChip", plan.weightsFitOnChip},
            {"stages", stages},
            {"sources", board.sources}};
}

nlohmann::ordered_json pointsJson(const std::vector<planner::PublishedPoint>& points)
{
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const planner::PublishedPoint& point : points) {
        const auto orNull = [](double value) {
            return value > 0.0 ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
        };
        list.push_back({{"what", point.what},
                        {"source", point.source},
                        {"published", orNull(point.published)},
                        {"computed", orNull(point.computed)},
                        {"unit", point.unit},
                        {"note", point.note}});
    }
    return list;
}

std::string whatDoesNotFit(const planner::Plan& plan)
{
    std::string text;
    const auto add = [&](bool fits, const char* what) {
        if (!fits)
            text += (text.empty() ? "" : ", ") + std::string(what);
    };
    add(plan.fitsLogic, "logic");
    add(plan.fitsOnChip, "on-chip memory");
    add(plan.fitsMemory, "board memory");
    return text.empty() ? "fits" : "too little " + text;
}

void printStages(const planner::Board& board, const planner::Plan& plan)
{
    std::cout << board.name << " (" << board.chip << ") at " << numberText(plan.clockMHz) << " MHz\n"
              << "  " << std::left << std::setw(32) << "stage" << std::right << std::setw(14)
              << "cycles a token" << std::setw(8) << "share"
              << "  bound by\n";
    for (const planner::StagePlan& stage : plan.stages) {
        std::cout << "  " << std::left << std::setw(32) << stage.name << std::right << std::setw(14)
                  << static_cast<std::int64_t>(stage.cycles()) << std::setw(7)
                  << numberText(100.0 * stage.cycles() / plan.cyclesPerToken, 3) << "%  "
                  << (stage.memoryBound() ? "memory" : "compute") << '\n';
    }
    std::cout << "  Projected decode  " << numberText(plan.tokensPerSecond) << " tokens/s, "
              << numberText(100.0 * plan.bandwidthShare, 3) << " % of the memory's "
              << numberText(board.memoryGBs) << " GB/s\n"
              << "  Weights           " << bytesText(static_cast<std::uint64_t>(plan.weightBytes))
              << " read a token; model " << bytesText(static_cast<std::uint64_t>(plan.modelBytes)) << " of "
              << bytesText(static_cast<std::uint64_t>(board.memoryBytes)) << '\n'
              << "  On chip           " << bytesText(static_cast<std::uint64_t>(plan.onChipBytes))
              << " of buffers, chip has " << bytesText(static_cast<std::uint64_t>(board.onChipBytes))
              << (plan.weightsFitOnChip ? "; all weights would fit too" : "") << '\n'
              << "  Logic             " << plan.logicNeeded << " of " << plan.logicAvailable << " usable "
              << board.logicUnit << "s (estimate): " << whatDoesNotFit(plan) << '\n';
    for (const std::string& source : board.sources)
        std::cout << "  Source: " << source << '\n';
}

void printOverview(const std::vector<planner::Board>& boards, const ModelConfig& config,
                   const PlanFpgaOptions& options)
{
    for (const planner::Board& board : boards) {
        const planner::Plan plan = planner::planDecode(config, board, options.plan);
        std::cout << "  " << std::left << std::setw(13) << board.name << std::right << std::setw(10)
                  << numberText(plan.tokensPerSecond) << " tokens/s, bound by " << plan.boundBy() << ", "
                  << whatDoesNotFit(plan) << '\n';
    }
}

void printPoints(const std::string& title, const std::vector<planner::PublishedPoint>& points)
{
    std::cout << title << '\n';
    for (const planner::PublishedPoint& point : points) {
        std::cout << "  " << point.what << ": ";
        if (point.published > 0.0)
            std::cout << "published " << numberText(point.published) << ' ' << point.unit;
        if (point.published > 0.0 && point.computed > 0.0)
            std::cout << ", ";
        if (point.computed > 0.0)
            std::cout << "computed " << numberText(point.computed) << ' ' << point.unit;
        std::cout << " (" << point.source << ")\n    " << point.note << '\n';
    }
}

int runPlanFpga(const PlanFpgaOptions& options)
{
    const ModelConfig config =
        options.model.empty() ? namedShape(options.shape) : openModel(options.model)->config();
    const std::vector<planner::Board> boards =
        options.board.empty() ? planner::builtInBoards() : std::vector{planner::findBoard(options.board)};
    if (options.json) {
        nlohmann::ordered_json plans = nlohmann::ordered_json::array();
        for (const planner::Board& board : boards)
            plans.push_back(planJson(board, planner::planDecode(config, board, options.plan)));
        printJson({{"notice", planner::kProjectionNotice},
                   {"plans", plans},
                   {"paper", pointsJson(planner::paperPoints())},
                   {"measuredByOthers", pointsJson(planner::measuredPoints())}});
        return kExitSuccess;
    }
    std::cout << planner::kProjectionNotice << '\n';
    if (options.board.empty())
        printOverview(boards, config, options);
    else
        printStages(boards.front(), planner::planDecode(config, boards.front(), options.plan));
    if (options.published) {
        printPoints("The paper's core, from its own parameters:", planner::paperPoints());
        printPoints("Measured by others:", planner::measuredPoints());
    }
    return kExitSuccess;
}

} // namespace

void addPlanFpgaCommand(CommandLine& line)
{
    CLI::App* added = addCommand<PlanFpgaOptions>(
        line, "plan-fpga", "Project decode speed and fit on FPGA boards",
        [](CLI::App& command, PlanFpgaOptions& options) {
            CLI::Option* shape = command.add_option(
                "--shape", options.shape, "370M, 1.3B, 2.7B, 13B, or layers,hidden,GLU width,vocabulary");
            command.add_option("--model", options.model, "The shape of this model instead")->excludes(shape);
            command.add_option(
                "--board", options.board,
                "D5005, U250, U280, U50, KV260, Arty A7-35T or a .json file; all when left out");
            command
                .add_option("--rows", options.plan.rowsPerCycle,
                            "Rows of 128 columns computed each clock (kernel parameter MMFREE_PIPELINE_ROWS)")
                ->check(CLI::Range(1, 4096));
            command.add_option("--clock", options.plan.clockMHz, "Kernel clock in MHz; 0: the board file's")
                ->check(CLI::Range(0.0, 2000.0));
            command
                .add_option("--memory-efficiency", options.plan.memoryEfficiency,
                            "Share of the peak bandwidth that long bursts reach")
                ->check(CLI::Range(0.01, 1.0));
            command.add_flag("--published", options.published,
                             "Also the paper's figures recomputed and what others measured");
            command.add_flag("--json", options.json, "Print JSON");
        },
        runPlanFpga);
    added->footer(
        "Every number is a projection: cycles of the kernels' loops and the data sheet's bandwidth. No "
        "board was used.");
}

} // namespace mmfree::cli
