#include "fpga/host/ternary_product.h"

#include "fpga/shared/kernel_constants.h"

#include <algorithm>
#include <array>

namespace mmfree::opencl
{

std::array<std::size_t, 3> TernaryProduct::groupsOf(const TernaryStage& stage, std::int64_t tiles) const
{
    const int rowsPerGroup = m_launcher.parameters().rowsPerGroup;
    const int rowGroups = (stage.rowsPerSegment + rowsPerGroup - 1) / rowsPerGroup;
    return {static_cast<std::size_t>(rowGroups), static_cast<std::size_t>(tiles),
            static_cast<std::size_t>(stage.segments)};
}

void TernaryProduct::run(const TernaryStage& stage, cl_mem quantized, cl_mem scales, std::int64_t tokens,
                         cl_mem out, bool accumulate)
{
    const KernelParameters& parameters = m_launcher.parameters();
    if (parameters.variant == Variant::Pipeline) {
        runPipeline(stage, quantized, scales, tokens, out, accumulate);
        return;
    }
    const std::int64_t tiles = parameters.tokensPerTile > 1 ? tokens / parameters.tokensPerTile : 0;
    const std::int64_t tiled = tiles * parameters.tokensPerTile;
    const auto start = [&](const char* name, std::int64_t first, std::int64_t groups) {
        m_launcher.run(name, groupsOf(stage, groups), stage.weights.get(), quantized, scales, stage.scales,
                       stage.blocks, stage.rowsPerSegment, stage.segments, static_cast<int>(tokens),
                       static_cast<int>(first), out, accumulate ? 1 : 0);
    };
    if (tiles > 0)
        start("ternary_product_tile", 0, tiles);
    if (tiled < tokens)
        start("ternary_product", tiled, tokens - tiled);
}

// The pipeline computes one token and one segment at a time.
void TernaryProduct::runPipeline(const TernaryStage& stage, cl_mem quantized, cl_mem scales,
                                 std::int64_t tokens, cl_mem out, bool accumulate)
{
    const KernelParameters& parameters = m_launcher.parameters();
    const int rows = stage.rowsPerSegment, blocks = stage.blocks, add = accumulate ? 1 : 0;
    const int groups = (rows + parameters.rowsPerGroup - 1) / parameters.rowsPerGroup;
    const bool memory = parameters.channelMode == MMFREE_CHANNELS_MEMORY;
    if (memory) {
        const auto rowSlots =
            static_cast<std::size_t>(groups) * static_cast<std::size_t>(parameters.rowsPerGroup);
        reserveStreams(rowSlots * static_cast<std::size_t>(blocks) * MMFREE_BLOCK_BYTES,
                       rowSlots * sizeof(cl_int));
    }
    const cl_mem weights = stage.weights.get(), weightStream = m_weightStream.get(),
                 sumStream = m_sumStream.get();
    for (int t = 0; t < static_cast<int>(tokens); ++t) {
        for (int segment = 0; segment < stage.segments; ++segment) {
            const int scaleIndex = segment * static_cast<int>(tokens) + t, firstRow = segment * rows;
            const int firstValue = scaleIndex * blocks * MMFREE_BLOCK_COLS;
            const int firstOut = (t * stage.segments + segment) * rows;
            const float matrixScale = stage.scales.s[segment];
            std::array<KernelLauncher::Task, 3> tasks{};
            if (memory) {
                tasks = {
                    m_launcher.task("read_weights", weights, firstRow, rows, blocks, groups, weightStream),
                    m_launcher.task("ternary_lanes", quantized, firstValue, blocks, groups, weightStream,
                                    sumStream),
                    m_launcher.task("write_rows", scales, scaleIndex, matrixScale, rows, groups, out,
                                    firstOut, add, sumStream)};
            } else {
                tasks = {m_launcher.task("read_weights", weights, firstRow, rows, blocks, groups),
                         m_launcher.task("ternary_lanes", quantized, firstValue, blocks, groups),
                         m_launcher.task("write_rows", scales, scaleIndex, matrixScale, rows, groups, out,
                                         firstOut, add)};
            }
            m_launcher.runTasks(tasks, !memory);
        }
    }
}

void TernaryProduct::reserveStreams(std::size_t weightBytes, std::size_t sumBytes)
{
    if (weightBytes > m_weightStreamBytes)
        m_weightStream = m_launcher.allocate(weightBytes, "the stream of weights");
    if (sumBytes > m_sumStreamBytes)
        m_sumStream = m_launcher.allocate(sumBytes, "the stream of sums");
    m_weightStreamBytes = std::max(weightBytes, m_weightStreamBytes);
    m_sumStreamBytes = std::max(sumBytes, m_sumStreamBytes);
}

} // namespace mmfree::opencl
