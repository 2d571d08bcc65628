#include "fpga/planner/plan.h"

#include "engine/core/error.h"

#include <algorithm>
#include <cmath>

namespace mmfree::planner
{

namespace
{

constexpr std::int64_t kBlockColumns = 128; // fpga/shared/kernel_constants.h: MMFREE_BLOCK_COLS
constexpr double kPipelineFill = 150.0;     // clocks until the first result of a stage: memory and adder tree
constexpr double kUsableShare = 0.8;        // of logic and on-chip memory, as designs that still route
constexpr int kChannelDepth = 64;           // MMFREE_CHANNEL_DEPTH

std::int64_t padded(std::int64_t columns)
{
    return (columns + kBlockColumns - 1) / kBlockColumns * kBlockColumns;
}

// Clocks to read `bytes`: the banks' bandwidth, or the pace at which the ports accept reads.
double readCycles(double bytes, const Board& board, double clockMHz, double efficiency)
{
    const double bytesPerCycle = board.memoryGBs * 1e9 * efficiency / (clockMHz * 1e6);
    const double portBytes = board.portBits / 8.0 * board.memoryBanks / board.cyclesPerRead;
    return bytes / std::min(bytesPerCycle, portBytes);
}

class Planner
{
public:
    Planner(const Board& board, const PlanOptions& options, double clockMHz)
        : m_board(board)
        , m_options(options)
        , m_clockMHz(clockMHz)
    {
    }
    // `segments` matrices [rows, cols]: a block of rowsPerCycle rows each clock; first the activations are
    // loaded on chip.
    void product(const std::string& name, std::int64_t calls, std::int64_t rows, std::int64_t cols,
                 std::int64_t segments)
    {
        const double cycles = productCycles({.columnsPerCycle = static_cast<double>(kBlockColumns),
                                             .rowsPerCycle = static_cast<double>(m_options.rowsPerCycle)},
                                            static_cast<double>(rows), static_cast<double>(cols));
        const double bytes = static_cast<double>(segments * rows * padded(cols) / 4);
        const auto times = static_cast<double>(calls);
        m_plan.stages.push_back(
            {name, calls, times * static_cast<double>(segments) * cycles,
             times * readCycles(bytes, m_board, m_clockMHz, m_options.memoryEfficiency),
             times * static_cast<double>(segments) * (static_cast<double>(padded(cols)) + kPipelineFill)});
        m_plan.weightBytes += calls * static_cast<std::int64_t>(bytes);
    }
    // Passes of one value a clock over rows of `width`, as the loops of pipeline_rows.cl.
    void passes(const std::string& name, std::int64_t calls, std::int64_t width, std::int64_t count)
    {
        const auto times = static_cast<double>(calls);
        m_plan.stages.push_back({name, calls, times * static_cast<double>(width * count), 0.0,
                                 times * static_cast<double>(count) * kPipelineFill});
    }
    Plan take() { return std::move(m_plan); }

private:
    const Board& m_board;
    const PlanOptions& m_options;
    double m_clockMHz;
    Plan m_plan;
};

void checkOptions(const ModelConfig& config, const PlanOptions& options)
{
    if (!config.isTernary())
        throw Error(ErrorCode::InvalidConfig,
                    "the planner knows MatMul-free models only, this one is a Transformer");
    if (options.rowsPerCycle < 1 || options.rowsPerCycle > 4096) {
        throw Error(ErrorCode::InvalidArgument,
                    "rows per cycle is " + std::to_string(options.rowsPerCycle) + ", needed: 1 to 4096");
    }
    const bool clockGood = options.clockMHz >= 0.0 && options.clockMHz <= 2000.0;
    const bool shareGood = options.memoryEfficiency > 0.0 && options.memoryEfficiency <= 1.0;
    if (!clockGood || !shareGood || !(options.logicPerLane > 0.0)) {
        throw Error(ErrorCode::InvalidArgument,
                    "clock " + std::to_string(options.clockMHz) + " MHz, memory efficiency " +
                        std::to_string(options.memoryEfficiency) + ", logic per lane " +
                        std::to_string(options.logicPerLane) + "; needed: 0 to 2000 MHz, 0 to 1, above 0");
    }
}

void planStages(Planner& planner, const ModelConfig& config)
{
    const std::int64_t L = config.layerCount, d = config.hiddenSize, I = config.intermediateSize;
    planner.passes("embedding", 1, d, 1);
    planner.passes("norm and quantise for f, i, g", L, d,
                   3 + 3 * 3); // load, rms, norm; per product rms, max, write
    planner.product("f, i, g products", L, d, d, 3);
    planner.passes("gates and MLGRU step", L, d, 1);
    planner.passes("output norm, gate, quantise", L, d, 3 + 3);
    planner.product("o product", L, d, d, 1);
    planner.passes("norm and quantise for gate, up", L, d, 3 + 3);
    planner.product("gate and up product", L, 2 * I, d, 1);
    planner.passes("SwiGLU and quantise", L, I, 1 + 3);
    planner.product("down product", L, d, I, 1);
    planner.passes("final norm and quantise", 1, d, 3 + 3);
    planner.product("head", 1, config.vocabularySize, d, 1);
}

// A lane is a select of +q, 0 or -q (about 9 LUTs of 6 inputs) and its share of the adder tree with registers
// (about 11): our estimate of logicPerLane; an ALM does the work of about two LUTs.
void planResources(Plan& plan, const ModelConfig& config, const Board& board, const PlanOptions& options)
{
    const double lanes = static_cast<double>(options.rowsPerCycle * kBlockColumns);
    const double perLane = board.logicUnit == "ALM" ? options.logicPerLane / 2.0 : options.logicPerLane;
    const double control =
        board.logicUnit == "ALM" ? 15000.0 : 30000.0; // readers, writer, row kernels: estimate
    plan.logicNeeded = static_cast<std::int64_t>(lanes * perLane + control);
    plan.logicAvailable = static_cast<std::int64_t>(static_cast<double>(board.logicUnits) *
                                                    (1.0 - board.shellShare) * kUsableShare);
    const std::int64_t longest = padded(std::max(config.hiddenSize, config.intermediateSize));
    const std::int64_t rowBuffers =
        4 * longest * static_cast<std::int64_t>(sizeof(float)); // one a row kernel
    const std::int64_t channels = kChannelDepth * options.rowsPerCycle * (kBlockColumns / 4 + 4);
    plan.onChipBytes = longest + rowBuffers + channels;
    const std::int64_t norms = config.layerCount * (9 * config.hiddenSize + config.intermediateSize) *
                               static_cast<std::int64_t>(sizeof(float));
    plan.modelBytes = plan.weightBytes + config.vocabularySize * config.hiddenSize * 2 + norms;
    const auto usableOnChip =
        static_cast<std::int64_t>(static_cast<double>(board.onChipBytes) * kUsableShare);
    plan.fitsLogic = plan.logicNeeded <= plan.logicAvailable;
    plan.fitsOnChip = plan.onChipBytes <= usableOnChip;
    plan.fitsMemory = plan.modelBytes <= board.memoryBytes;
    plan.weightsFitOnChip = plan.weightBytes + plan.onChipBytes <= usableOnChip;
}

} // namespace

double productCycles(const ProductUnit& unit, double rows, double cols)
{
    return std::ceil(rows / unit.rowsPerCycle) *
           (std::ceil(cols / unit.columnsPerCycle) + unit.rowOverheadCycles);
}

std::string Plan::boundBy() const
{
    double memory = 0.0, compute = 0.0;
    for (const StagePlan& stage : stages)
        (stage.memoryBound() ? memory : compute) += stage.cycles();
    return memory > compute ? "memory" : "compute";
}

Plan planDecode(const ModelConfig& config, const Board& board, const PlanOptions& options)
{
    checkOptions(config, options);
    const double clockMHz = options.clockMHz > 0.0 ? options.clockMHz : board.clockMHz;
    Planner planner(board, options, clockMHz);
    planStages(planner, config);
    Plan plan = planner.take();
    plan.clockMHz = clockMHz;
    for (const StagePlan& stage : plan.stages)
        plan.cyclesPerToken += stage.cycles();
    plan.tokensPerSecond = clockMHz * 1e6 / plan.cyclesPerToken;
    plan.bandwidthShare =
        plan.tokensPerSecond * static_cast<double>(plan.weightBytes) / (board.memoryGBs * 1e9);
    planResources(plan, config, board, options);
    return plan;
}

} // namespace mmfree::planner
