// Published figures of MatMul-free models on FPGAs. For the paper's core the same arithmetic as for our own
// is run with the paper's parameters; what the text of the paper does not give is said to be derived.
#include "fpga/planner/plan.h"

namespace mmfree::planner
{

namespace
{

// arXiv:2406.02528 (first version, section on the FPGA implementation): one core at 60 MHz on a D5005 that
// "only receives 8 bits at a time from memory"; a block takes 43 ms; a wider (512-bit) read would be 64 times
// as fast. 8 bits are four weights.
constexpr double kPaperClockHz = 60e6;
constexpr double kPaperReadBits = 8.0;
constexpr double kPaperWideReadBits = 512.0;
constexpr double kPaperProducts = 3.0;  // correction 1
constexpr double kPaperHidden = 1024.0; // correction 2
constexpr double kPaperLayers = 24.0;

// Clocks between two reads. The paper does not state it; it is the one number derived here, from its 43 ms:
// 0.043 s * 60 MHz / (3 * 1024^2 weights / 4 weights a read) = 3.28.
constexpr double kPaperCyclesPerRead = 3.28;

double paperBlockSeconds(double hidden, double readBits)
{
    const double weights = kPaperProducts * hidden * hidden;
    const double reads = weights / (readBits / 2.0);
    return reads * kPaperCyclesPerRead / kPaperClockHz;
}

} // namespace

std::vector<PublishedPoint> paperPoints()
{
    const std::string paper = "arXiv:2406.02528, FPGA implementation on a D5005";
    const double token = kPaperLayers * paperBlockSeconds(kPaperHidden, kPaperWideReadBits);
    return {
        {.what = "block of one core, 60 MHz, 8-bit reads",
         .source = paper,
         .published = 43.0,
         .computed = 1e3 * paperBlockSeconds(kPaperHidden, kPaperReadBits),
         .unit = "ms",
         .note = "Correction 1: the published block is a step of three d x d products, not a full layer "
                 "(which has "
                 "four and the channel mixer). The read price of 3.28 clocks is derived from this very "
                 "figure, so "
                 "this line shows consistency, not prediction."},
        {.what = "24 blocks with 512-bit reads",
         .source = paper,
         .published = 62.0,
         .computed = 1.0 / token,
         .unit = "tokens/s",
         .note = "Correction 2: 62 tokens/s (the 43 ms of a block times 24 layers, read 64 times as wide) "
                 "belongs to "
                 "d = 1024, the 370M shape with its 24 layers; the text names d = 512 beside the 43 ms."},
        {.what = "a full 370M layer on the same core, 8-bit reads",
         .source = "computed here",
         .published = 0.0,
         .computed = 1e3 * paperBlockSeconds(kPaperHidden, kPaperReadBits) *
                     (4.0 * 1024 * 1024 + 3.0 * 1024 * 2816) / (3.0 * 1024 * 1024),
         .unit = "ms",
         .note =
             "What the paper's core would need for a whole layer (four d x d products, gate, up and down)."},
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
