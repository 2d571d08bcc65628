// Published figures of MatMul-free models on FPGAs. For the paper's core the arithmetic of our own pipeline
// (productCycles) is run with the paper's parameters. No number here is fitted to a published result; what
// the paper does not state and we assume is said beside each figure.
#include "fpga/planner/plan.h"

#include <cmath>

namespace mmfree::planner
{

namespace
{

// arXiv:2406.02528, first version, section on the FPGA implementation: one core at 60 MHz on a D5005 that
// "only receives 8 bits at a time from memory" takes 43 ms for a block; with the whole 512-bit interface it
// would be 64 times as fast, from which 62 tokens/s (370M) and 42 ms or 23.8 tokens/s (1.3B, d = 2048) are
// projected.
constexpr double kPaperClockHz = 60e6;
constexpr double kPaperWideReadBits = 512.0;
constexpr double kPaperNarrowReadBits = 8.0;
constexpr double kPaperLayers = 24.0;
constexpr double kPaperProducts = 3.0; // correction 1
constexpr double kBitsPerWeight = 2.0;

// One read a clock, one row at a time. Assumed: a row starts when the one before has left the adders, a tree
// of log2(weights a read) levels and the accumulator behind it.
ProductUnit paperUnit(double readBits)
{
    const double weights = readBits / kBitsPerWeight;
    return {.columnsPerCycle = weights, .rowsPerCycle = 1.0, .rowOverheadCycles = std::log2(weights) + 1.0};
}

double paperBlockSeconds(double hidden, double readBits)
{
    return kPaperProducts * productCycles(paperUnit(readBits), hidden, hidden) / kPaperClockHz;
}

} // namespace

std::vector<PublishedPoint> paperPoints()
{
    const std::string paper = "arXiv:2406.02528v1, FPGA implementation on a D5005";
    const double small = kPaperLayers * paperBlockSeconds(1024.0, kPaperWideReadBits),
                 large = kPaperLayers * paperBlockSeconds(2048.0, kPaperWideReadBits);
    const double narrow = 1e3 * paperBlockSeconds(1024.0, kPaperNarrowReadBits);
    const double layerProducts = (4.0 * 1024 * 1024 + 3.0 * 1024 * 2816) / (3.0 * 1024 * 1024);
    return {
        {.what = "370M, 24 blocks, 512-bit reads",
         .source = paper,
         .published = 62.0,
         .computed = 1.0 / small,
         .unit = "tokens/s",
         .note =
             "Correction 2: the figure belongs to d = 1024, the width of the 370M shape; the text names "
             "d = 512. Assumed by us: one read a clock, and rows that wait for the adder tree (9 clocks)."},
        {.what = "1.3B, 24 blocks, 512-bit reads",
         .source = paper,
         .published = 23.8,
         .computed = 1.0 / large,
         .unit = "tokens/s",
         .note = "The same assumptions at d = 2048; none was adjusted to this figure."},
        {.what = "1.3B, time of a token",
         .source = paper,
         .published = 42.0,
         .computed = 1e3 * large,
         .unit = "ms",
         .note =
             "Correction 1: the block is a step of three d x d products, not a full layer, which has four "
             "and the channel mixer."},
        {.what = "one block, 8-bit reads, as measured by the paper",
         .source = paper,
         .published = 43.0,
         .computed =
             1e3 * paperBlockSeconds(1024.0, kPaperWideReadBits) * kPaperWideReadBits / kPaperNarrowReadBits,
         .unit = "ms",
         .note =
             "The paper's own factor of 64 run backwards from the 512-bit core; its text names d = 512, the "
             "other figures need d = 1024 (correction 2). Why the measured core is slower than one read a "
             "clock the paper does not say; see the next line."},
        {.what = "one block, 8-bit reads at one a clock",
         .source = "computed here",
         .published = 0.0,
         .computed = narrow,
         .unit = "ms",
         .note =
             "What the assumptions above give for the narrow core: the measured 43 ms are about three clocks "
             "a read. The planner does not explain that factor."},
        {.what = "a full 370M layer with 512-bit reads",
         .source = "computed here",
         .published = 0.0,
         .computed = 1e3 * paperBlockSeconds(1024.0, kPaperWideReadBits) * layerProducts,
         .unit = "ms",
         .note = "Four d x d products, gate, up and down instead of three (correction 1)."},
    };
}

std::vector<PublishedPoint> measuredPoints()
{
    return {
        {.what = "370M on an Alveo U250",
         .source = "ternip (sifferman/ternip), SystemVerilog",
         .published = 86.0,
         .computed = 0.0,
         .unit = "tokens/s",
         .note = "as its authors report"},
        {.what = "370M with all weights on chip, several boards",
         .source = "TerEffic, arXiv:2502.16473",
         .published = 16300.0,
         .computed = 0.0,
         .unit = "tokens/s",
         .note = "no outside memory; 455 tokens/s per watt"},
        {.what = "2.7B on one board with HBM",
         .source = "TerEffic, arXiv:2502.16473",
         .published = 727.0,
         .computed = 0.0,
         .unit = "tokens/s",
         .note = "46 W"},
        {.what = "BitNet-style model on a KV260",
         .source = "TeLLMe, arXiv:2504.16266 and arXiv:2510.15926",
         .published = 25.0,
         .computed = 0.0,
         .unit = "tokens/s",
         .note = "5 W; another architecture (attention)"},
    };
}

} // namespace mmfree::planner
