#include "fpga/host/device_model.h"

#include "engine/core/error.h"
#include "engine/network/lower_bounds.h"
#include "fpga/shared/kernel_constants.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace mmfree::opencl
{

namespace
{

// So that offsets of a chunk stay in int32 and integer sums far from its limits.
constexpr std::int64_t kMaxColumns = std::int64_t{1} << 21;

std::size_t stageBytes(std::int64_t rows, std::int64_t cols)
{
    return static_cast<std::size_t>(rows * (paddedColumns(cols) / 4));
}

// Refuses before the upload what cannot fit, so that the message speaks of the model and not of a buffer.
void checkSize(const KernelLauncher& launcher, const ModelConfig& config, const NormOffsets& offsets,
               std::size_t tableBytes, std::int64_t chunkTokens)
{
    const std::int64_t d = config.hiddenSize, I = config.intermediateSize, V = config.vocabularySize;
    const ClDevice& device = launcher.device();
    const std::int64_t built = launcher.parameters().maxColumns;
    const std::int64_t limit = built > 0 ? built : kMaxColumns, longest = std::max(d, I);
    if (paddedColumns(longest) > limit) {
        throw Error(ErrorCode::Unavailable, "a layer of this model has " + std::to_string(longest) +
                                                " columns, needed by these OpenCL kernels: at most " +
                                                std::to_string(limit));
    }
    const std::array<std::size_t, 5> buffers{stageBytes(3 * d, d), stageBytes(2 * I, d), stageBytes(d, I),
                                             stageBytes(V, d), tableBytes};
    const std::size_t layerBytes = buffers[0] + stageBytes(d, d) + buffers[1] + buffers[2] +
                                   static_cast<std::size_t>(offsets.total) * sizeof(float);
    const auto workspace = static_cast<std::size_t>(chunkTokens * (12 * d + 6 * I) + V) *
                           sizeof(float); // as the executor allocates
    const std::size_t needed =
        static_cast<std::size_t>(config.layerCount) * layerBytes + buffers[3] + buffers[4] + workspace;
    const std::size_t largest = *std::max_element(buffers.begin(), buffers.end());
    const std::size_t present = device.info.memoryBytes;
    if ((present > 0 && needed > present) ||
        (device.largestAllocation > 0 && largest > device.largestAllocation)) {
        throw Error(ErrorCode::OutOfMemory, "OpenCL device \"" + device.info.name + "\" has " +
                                                std::to_string(present) + " bytes of memory (at most " +
                                                std::to_string(device.largestAllocation) +
                                                " in one buffer), needed: " + std::to_string(needed) +
                                                " (largest buffer " + std::to_string(largest) + ")");
    }
}

TernaryStage uploadNamed(KernelLauncher& launcher, const ModelSource& source,
                         const std::vector<std::string>& names)
{
    const auto tensorName = [&](int n) { return names[static_cast<std::size_t>(n)] + ".weight"; };
    TernaryStage stage = uploadStage(
        launcher, static_cast<int>(names.size()), [&](int n) { return source.ternary(tensorName(n)); },
        names.front());
    for (int n = 0; n < static_cast<int>(names.size()); ++n)
        source.release(tensorName(n));
    return stage;
}

class NormWriter
{
public:
    NormWriter(const ModelSource& source, int total)
        : m_source(source)
        , m_values(static_cast<std::size_t>(total))
    {
    }
    void load(const std::string& name, int offset, std::int64_t width)
    {
        m_source.floats(name, std::span(m_values).subspan(static_cast<std::size_t>(offset),
                                                          static_cast<std::size_t>(width)));
    }
    void copy(std::span<const float> values, int offset)
    {
        std::copy(values.begin(), values.end(), m_values.begin() + offset);
    }
    [[nodiscard]] ClMemory upload(KernelLauncher& launcher) const
    {
        return launcher.upload(std::as_bytes(std::span(m_values)), "norm weights");
    }

private:
    const ModelSource& m_source;
    std::vector<float> m_values;
};

int tableTypeOf(DType dtype)
{
    if (dtype == DType::F16)
        return MMFREE_TABLE_F16;
    return dtype == DType::BF16 ? MMFREE_TABLE_BF16 : MMFREE_TABLE_F32;
}

DeviceLayer uploadLayer(KernelLauncher& launcher, const ModelSource& source, const NormOffsets& offsets,
                        std::int64_t n, std::span<const float> bounds)
{
    const std::string prefix = "model.layers." + std::to_string(n) + ".";
    const std::int64_t d = source.config().hiddenSize, I = source.config().intermediateSize;
    NormWriter norms(source, offsets.total);
    norms.load(prefix + "attn_norm.weight", offsets.attnNorm, d);
    norms.load(prefix + "attn.f_proj.norm.weight", offsets.gateInner, d);
    norms.load(prefix + "attn.i_proj.norm.weight", offsets.gateInner + static_cast<int>(d), d);
    norms.load(prefix + "attn.g_proj.norm.weight", offsets.gateInner + static_cast<int>(2 * d), d);
    norms.load(prefix + "attn.g_norm.weight", offsets.gNorm, d);
    norms.load(prefix + "attn.o_proj.norm.weight", offsets.mixerInner, d);
    norms.load(prefix + "mlp_norm.weight", offsets.mlpNorm, d);
    norms.load(prefix + "mlp.gate_proj.norm.weight", offsets.gateUpInner, d);
    norms.load(prefix + "mlp.down_proj.norm.weight", offsets.downInner, I);
    norms.copy(bounds, offsets.lowerBound);
    DeviceLayer layer;
    layer.norms = norms.upload(launcher);
    layer.gates = uploadNamed(launcher, source,
                              {prefix + "attn.f_proj", prefix + "attn.i_proj", prefix + "attn.g_proj"});
    layer.mixerOut = uploadNamed(launcher, source, {prefix + "attn.o_proj"});
    layer.gateUp = uploadNamed(launcher, source, {prefix + "mlp.gate_proj"});
    layer.down = uploadNamed(launcher, source, {prefix + "mlp.down_proj"});
    return layer;
}

} // namespace

std::int64_t paddedColumns(std::int64_t columns)
{
    return (columns + MMFREE_BLOCK_COLS - 1) / MMFREE_BLOCK_COLS * MMFREE_BLOCK_COLS;
}

TernaryStage uploadStage(KernelLauncher& launcher, int count, const std::function<TernaryTensor(int)>& next,
                         const std::string& what)
{
    TernaryStage stage;
    AlignedBuffer<std::uint8_t> packed;
    std::uint8_t* target = nullptr;
    for (int n = 0; n < count; ++n) {
        const TernaryTensor tensor = next(n);
        const auto rowBytes = static_cast<std::size_t>(paddedColumns(tensor.cols) / 4);
        const auto tensorRowBytes = static_cast<std::size_t>(tensor.rowBytes());
        if (n == 0) {
            packed = AlignedBuffer<std::uint8_t>(static_cast<std::size_t>(count * tensor.rows) * rowBytes);
            std::fill(packed.span().begin(), packed.span().end(), std::uint8_t{MMFREE_PADDING_CODES});
            stage.rowsPerSegment = static_cast<int>(tensor.rows);
            stage.segments = count;
            stage.blocks = static_cast<int>(rowBytes / MMFREE_BLOCK_BYTES);
            target = packed.data();
        }
        assert(tensor.rows == stage.rowsPerSegment);
        for (std::size_t row = 0; row < static_cast<std::size_t>(tensor.rows); ++row, target += rowBytes)
            std::copy_n(tensor.codes.data() + row * tensorRowBytes, tensorRowBytes, target);
        stage.scales.s[n] = tensor.scale;
    }
    stage.weights = launcher.upload(std::as_bytes(packed.span()), what);
    return stage;
}

NormOffsets::NormOffsets(const ModelConfig& config)
{
    const int d = static_cast<int>(config.hiddenSize), I = static_cast<int>(config.intermediateSize);
    gateInner = attnNorm + d;
    gNorm = gateInner + 3 * d;
    mixerInner = gNorm + d;
    mlpNorm = mixerInner + d;
    gateUpInner = mlpNorm + d;
    downInner = gateUpInner + d;
    lowerBound = downInner + I;
    total = lowerBound + d;
}

DeviceModel::DeviceModel(KernelLauncher& launcher, const ModelSource& source, std::int64_t chunkTokens)
    : offsets(source.config())
{
    const ModelConfig& config = source.config();
    const TensorView table = source.view("model.embeddings.weight");
    checkSize(launcher, config, offsets, table.bytes.size(), chunkTokens);
    tableType = tableTypeOf(table.dtype);
    embedding = launcher.upload(table.bytes, "the embedding table");
    source.release("model.embeddings.weight");

    const std::int64_t d = config.hiddenSize;
    std::vector<float> parameters(static_cast<std::size_t>(config.layerCount * d));
    source.floats("model.lower_bounds", parameters);
    const std::vector<float> bounds = lowerBoundsFromParameters(parameters, config.layerCount, d);
    bytes = table.bytes.size();
    for (std::int64_t n = 0; n < config.layerCount; ++n) {
        layers.push_back(uploadLayer(
            launcher, source, offsets, n,
            std::span(bounds).subspan(static_cast<std::size_t>(n * d), static_cast<std::size_t>(d))));
        bytes += static_cast<std::size_t>(offsets.total) * sizeof(float);
    }
    NormWriter norms(source, static_cast<int>(2 * d));
    norms.load("model.norm.weight", 0, d);
    norms.load("lm_head.norm.weight", static_cast<int>(d), d);
    headNorms = norms.upload(launcher);
    head = uploadNamed(launcher, source, {"lm_head"});
    bytes += static_cast<std::size_t>(2 * d) * sizeof(float) + stageBytes(config.vocabularySize, d);
    bytes += static_cast<std::size_t>(config.layerCount) *
             (stageBytes(4 * d, d) + stageBytes(2 * config.intermediateSize, d) +
              stageBytes(d, config.intermediateSize));
}

} // namespace mmfree::opencl
