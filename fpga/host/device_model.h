// A MatMul-free model in device memory: packed weights, norms, embedding. Uploaded once, then constant.
#pragma once

#include "engine/model/model_source.h"
#include "fpga/host/kernel_launcher.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace mmfree::opencl
{

// One to three ternary matrices of equal shape (segments), computed by one launch.
struct TernaryStage {
    ClMemory weights; // [segments, rowsPerSegment, blocks * MMFREE_BLOCK_BYTES] 2-bit codes
    cl_float4 scales{};
    int rowsPerSegment = 0, segments = 1, blocks = 0;
};

// Packs matrices of one shape below each other, rows padded to whole blocks, and uploads them. `next(n)`
// gives matrix n of `count`.
[[nodiscard]] TernaryStage uploadStage(KernelLauncher& launcher, int count,
                                       const std::function<TernaryTensor(int)>& next,
                                       const std::string& what);

struct DeviceLayer {
    ClMemory norms;                             // f32, at the offsets below
    TernaryStage gates, mixerOut, gateUp, down; // gates: f, i, g
};

// Offsets in floats of DeviceLayer::norms.
struct NormOffsets {
    int attnNorm = 0, gateInner = 0, gNorm = 0, mixerInner = 0, mlpNorm = 0, gateUpInner = 0, downInner = 0,
        lowerBound = 0, total = 0;
    explicit NormOffsets(const ModelConfig& config);
};

struct DeviceModel {
    // Throws OutOfMemory (needed and present bytes) before anything is uploaded, and the source's errors.
    DeviceModel(KernelLauncher& launcher, const ModelSource& source, std::int64_t chunkTokens);

    std::vector<DeviceLayer> layers;
    NormOffsets offsets;
    ClMemory embedding; // [V, d] in tableType
    int tableType = 0;
    ClMemory headNorms; // final norm [d], then the head's own norm [d]
    TernaryStage head;
    std::size_t bytes = 0;
};

// Columns padded to whole blocks.
[[nodiscard]] std::int64_t paddedColumns(std::int64_t columns);

} // namespace mmfree::opencl
