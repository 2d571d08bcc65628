// How a ternary product is started with each kind of kernels: tiles of tokens and a rest on CPUs and GPUs, a
// reader, a compute and a writer kernel on pipelines.
#pragma once

#include "fpga/host/device_model.h"
#include "fpga/host/kernel_launcher.h"

#include <array>
#include <cstdint>

namespace mmfree::opencl
{

class TernaryProduct
{
public:
    explicit TernaryProduct(KernelLauncher& launcher)
        : m_launcher(launcher)
    {
    }
    // Work-groups over the rows and segments of a stage and `tiles` tiles of tokens.
    [[nodiscard]] std::array<std::size_t, 3> groupsOf(const TernaryStage& stage, std::int64_t tiles) const;

    // out[t, segment, row] (= or +=) (weights[segment, row] . quantized[segment, t]) * scale[segment] /
    // scales[segment, t].  quantized: [segments, tokens, padded columns] in MMFREE_SLOT order.
    void run(const TernaryStage& stage, cl_mem quantized, cl_mem scales, std::int64_t tokens, cl_mem out,
             bool accumulate);

private:
    void runPipeline(const TernaryStage& stage, cl_mem quantized, cl_mem scales, std::int64_t tokens,
                     cl_mem out, bool accumulate);
    void reserveStreams(std::size_t weightBytes, std::size_t sumBytes);

    KernelLauncher& m_launcher;
    ClMemory m_weightStream, m_sumStream; // only where channels are memory
    std::size_t m_weightStreamBytes = 0, m_sumStreamBytes = 0;
};

} // namespace mmfree::opencl
