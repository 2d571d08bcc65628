#include "fpga/host/opencl_executor.h"

#include "engine/core/error.h"
#include "engine/network/operators.h"
#include "fpga/host/environment.h"
#include "fpga/shared/kernel_constants.h"

#include <algorithm>
#include <string>

namespace mmfree::opencl
{

namespace
{

constexpr std::int64_t kChunkTokens = 128; // tokens of one pass; bounds the workspaces

template <class T>
std::span<std::byte> writableBytes(std::vector<T>& values)
{
    return std::as_writable_bytes(std::span(values));
}

static_assert(kBitLinearEps == MMFREE_BIT_LINEAR_EPS);

// Groups of the kernels that give each column a work-item.
std::int64_t columnGroups(std::int64_t columns)
{
    return (columns + MMFREE_COLUMN_ITEMS - 1) / MMFREE_COLUMN_ITEMS;
}

constexpr std::int64_t kMostFusedLanes = 32, kLeastFusedLanes = 4;

// Local memory a fused kernel is given: a row of floats and its int8 form.
std::size_t fusedLocalBytes(std::int64_t padded)
{
    return static_cast<std::size_t>(padded) * (sizeof(float) + 1);
}

LocalMemory localRow(std::int64_t padded)
{
    return {static_cast<std::size_t>(padded) * sizeof(float)};
}

LocalMemory localQuantized(std::int64_t padded)
{
    return {static_cast<std::size_t>(padded)};
}

int asInt(std::int64_t value)
{
    return static_cast<int>(value);
}

} // namespace

class OpenClExecutor::State final : public InferenceState
{
public:
    [[nodiscard]] std::int64_t position() const override { return consumed; }
    [[nodiscard]] std::size_t bytes() const override { return size; }
    ClMemory hidden; // [layers, d] f32
    std::size_t size = 0;
    std::int64_t consumed = 0;
};

OpenClExecutor::OpenClExecutor(const ClDevice& device, std::shared_ptr<const ModelSource> source, int threads)
    : m_config(source->config())
    , m_launcher(device, threads)
    , m_product(m_launcher)
    , m_model(m_launcher, *source, kChunkTokens)
{
    const std::int64_t longest = paddedColumns(std::max(m_config.hiddenSize, m_config.intermediateSize));
    const std::size_t needed = fusedLocalBytes(longest) + m_launcher.parameters().fusedScratchBytes;
    m_fused = m_launcher.parameters().fusedItems >= kMostFusedLanes && needed <= device.localMemoryBytes &&
              environmentText("MMFREE_OPENCL_FUSED") != "off";
}

ExecutorInfo OpenClExecutor::info() const
{
    const ClDevice& device = m_launcher.device();
    return {.backend = "opencl",
            .description = "OpenCL, " + device.info.name + " (" + device.platformName + "), " +
                           std::to_string(m_launcher.computeUnits()) + " compute units, " +
                           std::string(variantName(m_launcher.parameters().variant)) +
                           " kernels, 2-bit weights"};
}

std::unique_ptr<InferenceState> OpenClExecutor::createState()
{
    auto state = std::make_unique<State>();
    state->size = static_cast<std::size_t>(m_config.layerCount * m_config.hiddenSize) * sizeof(float);
    state->hidden = m_launcher.allocate(state->size, "a recurrent state");
    m_launcher.fillZero(state->hidden.get(), state->size);
    return state;
}

void OpenClExecutor::checkRequest(const ForwardRequest& request) const
{
    if (request.tokens.empty())
        throw Error(ErrorCode::InvalidArgument, "a forward pass got 0 tokens, needed: at least 1");
    for (std::size_t i = 0; i < request.tokens.size(); ++i) {
        if (request.tokens[i] < 0 || request.tokens[i] >= m_config.vocabularySize) {
            throw Error(ErrorCode::InvalidArgument,
                        "token " + std::to_string(i) + " is " + std::to_string(request.tokens[i]) +
                            ", needed: 0 to " + std::to_string(m_config.vocabularySize - 1));
        }
    }
    if (!request.probe)
        return;
    for (const auto& [layer, quantity] : request.probe->points) {
        if (quantity == Quantity::AttentionWeights) {
            throw Error(ErrorCode::Unavailable,
                        "AttentionWeights of layer " + std::to_string(layer) +
                            " cannot be probed: a MatMul-free model has no attention");
        }
    }
}

ForwardResult OpenClExecutor::forward(const ForwardRequest& request, InferenceState& inferenceState)
{
    auto& state = static_cast<State&>(inferenceState);
    checkRequest(request);
    const auto count = static_cast<std::int64_t>(request.tokens.size());
    const std::int64_t V = m_config.vocabularySize, d = m_config.hiddenSize;
    const std::int64_t wantedRows = request.logits == LogitsMode::All    ? count
                                    : request.logits == LogitsMode::Last ? 1
                                                                         : 0;
    m_logits.resize(static_cast<std::size_t>(wantedRows * V));
    std::unique_ptr<ProbeCapture> capture;
    if (request.probe && !request.probe->empty())
        capture = std::make_unique<ProbeCapture>(m_launcher, *request.probe, count);
    const bool allNorms = capture && capture->wants(m_config.layerCount, Quantity::FinalNorm);

    for (std::int64_t row = 0; row < count; row += kChunkTokens) {
        const std::int64_t rows = std::min(kChunkTokens, count - row);
        reserve(rows);
        m_launcher.write(m_work.tokens.get(), 0,
                         std::as_bytes(request.tokens.subspan(static_cast<std::size_t>(row),
                                                              static_cast<std::size_t>(rows))));
        embed(rows);
        if (capture)
            capture->setRows(row, rows);
        runLayers(rows, state, capture.get());
        const bool all = request.logits == LogitsMode::All,
                   last = request.logits == LogitsMode::Last && row + rows == count;
        if (!all && !last && !allNorms)
            continue;
        const std::int64_t headRows = all || allNorms ? rows : 1;
        runHead(rows - headRows, headRows);
        if (capture)
            capture->take(m_config.layerCount, Quantity::FinalNorm, m_work.normed.get(), d);
        const std::int64_t copied = all ? rows : last ? 1 : 0;
        if (copied > 0) {
            m_launcher.read(
                m_logitsDevice.get(), static_cast<std::size_t>((headRows - copied) * V) * sizeof(float),
                std::as_writable_bytes(std::span(m_logits).subspan(
                    static_cast<std::size_t>(all ? row * V : 0), static_cast<std::size_t>(copied * V))));
        }
    }
    m_launcher.finish();
    state.consumed += count;
    return {.logits = m_logits, .trace = capture ? capture->finish() : nullptr};
}

void OpenClExecutor::reserve(std::int64_t tokens)
{
    if (tokens <= m_work.capacity)
        return;
    const std::int64_t d = m_config.hiddenSize, I = m_config.intermediateSize;
    m_work = {};
    const auto array = [&](std::int64_t elements, const char* what) {
        const auto bytes = static_cast<std::size_t>(elements) * sizeof(float);
        m_work.bytes += bytes;
        return m_launcher.allocate(bytes, what);
    };
    const std::int64_t quantizedColumns = std::max(3 * paddedColumns(d), paddedColumns(I));
    m_work.tokens = array(tokens, "token ids");
    m_work.x = array(tokens * d, "layer inputs");                             // [T, d]
    m_work.normed = array(tokens * std::max(3 * d, I), "normed activations"); // [3, T, d] or [T, I]
    m_work.quantized = array((tokens * quantizedColumns + 1) / 2, "quantised activations"); // int16 or int8
    m_work.scales = array(3 * tokens, "activation scales");                                 // [3, T]
    m_work.gates = array(tokens * 3 * d, "gates");                                          // [T, 3d]
    m_work.hidden = array(tokens * d, "hidden states");                                     // [T, d]
    m_work.gateUp = array(tokens * 2 * I, "channel mixer activations");                     // [T, 2I]
    m_work.probe = array(tokens * d, "probed activations");                                 // [T, d]
    m_work.capacity = tokens;
}

void OpenClExecutor::reserveLogits(std::int64_t rows)
{
    if (rows <= m_logitRows)
        return;
    m_logitRows = 0;
    m_logitsDevice = m_launcher.allocate(
        static_cast<std::size_t>(rows * m_config.vocabularySize) * sizeof(float), "logits");
    m_logitRows = rows;
}

// Single work-item kernels loop over tokens themselves.
std::array<std::size_t, 3> OpenClExecutor::workGroups(std::int64_t first, std::int64_t second) const
{
    if (m_launcher.parameters().variant == Variant::Pipeline)
        return {1, 1, 1};
    return {static_cast<std::size_t>(first), static_cast<std::size_t>(second), 1};
}

void OpenClExecutor::embed(std::int64_t count)
{
    m_launcher.run("embed", workGroups(columnGroups(m_config.hiddenSize), count), m_work.tokens.get(),
                   m_model.embedding.get(), m_model.tableType, asInt(m_config.hiddenSize), asInt(count),
                   m_work.x.get());
}

void OpenClExecutor::product(const TernaryStage& stage, std::int64_t tokens, cl_mem out, bool accumulate)
{
    m_product.run(stage, m_work.quantized.get(), m_work.scales.get(), tokens, out, accumulate);
}

// About one group a compute unit: every group computes the row anew, and more of them share a unit's local
// memory.
OpenClExecutor::FusedShape OpenClExecutor::fusedShape(const TernaryStage& stage) const
{
    const std::int64_t items = m_launcher.parameters().fusedItems;
    const std::int64_t words = stage.blocks * (MMFREE_BLOCK_BYTES / 16);
    std::int64_t lanes = kMostFusedLanes;
    while (lanes > kLeastFusedLanes && lanes > words)
        lanes /= 2;
    const std::int64_t slots = items / lanes, rows = stage.rowsPerSegment;
    const std::int64_t most = std::max<std::int64_t>(1, m_launcher.computeUnits() / stage.segments);
    const std::int64_t perItem = (rows + most * slots - 1) / (most * slots);
    const std::int64_t groups = (rows + slots * perItem - 1) / (slots * perItem);
    return {asInt(lanes),
            asInt(perItem),
            {static_cast<std::size_t>(groups), 1, static_cast<std::size_t>(stage.segments)}};
}

void OpenClExecutor::fusedNormProduct(const TernaryStage& stage, cl_mem norms, int outerOffset,
                                      int innerOffset, cl_mem out)
{
    const std::int64_t d = m_config.hiddenSize, padded = paddedColumns(d);
    const FusedShape shape = fusedShape(stage);
    m_launcher.run("fused_norm_product", shape.groups, m_work.x.get(), norms, outerOffset, innerOffset,
                   m_config.rmsNormEps, asInt(d), asInt(padded), stage.weights.get(), stage.scales,
                   stage.rowsPerSegment, shape.lanes, shape.rowsPerItem, out, localRow(padded),
                   localQuantized(padded));
}

void OpenClExecutor::runFusedLayer(std::int64_t n, State& state)
{
    const DeviceLayer& layer = m_model.layers[static_cast<std::size_t>(n)];
    const NormOffsets& at = m_model.offsets;
    const std::int64_t d = m_config.hiddenSize, I = m_config.intermediateSize;
    const std::int64_t padded = paddedColumns(d), gluPadded = paddedColumns(I);
    const float eps = m_config.rmsNormEps;
    const int bound = n > 0 ? at.lowerBound : -1;
    const cl_mem norms = layer.norms.get(), x = m_work.x.get(), gates = m_work.gates.get(),
                 gateUp = m_work.gateUp.get();

    fusedNormProduct(layer.gates, norms, at.attnNorm, at.gateInner, gates);
    const FusedShape outShape = fusedShape(layer.mixerOut), downShape = fusedShape(layer.down);
    m_launcher.run("fused_gate_product", outShape.groups, gates, state.hidden.get(), m_nextHidden.get(),
                   asInt(n * d), norms, bound, at.gNorm, at.mixerInner, eps, asInt(d), asInt(padded),
                   layer.mixerOut.weights.get(), layer.mixerOut.scales, layer.mixerOut.rowsPerSegment,
                   outShape.lanes, outShape.rowsPerItem, x, localRow(padded), localQuantized(padded));
    fusedNormProduct(layer.gateUp, norms, at.mlpNorm, at.gateUpInner, gateUp);
    m_launcher.run("fused_swiglu_product", downShape.groups, gateUp, norms, at.downInner, asInt(I),
                   asInt(gluPadded), layer.down.weights.get(), layer.down.scales, layer.down.rowsPerSegment,
                   downShape.lanes, downShape.rowsPerItem, x, localRow(gluPadded), localQuantized(gluPadded));
}

void OpenClExecutor::runLayers(std::int64_t count, State& state, ProbeCapture* capture)
{
    if (!m_fused || count != 1 || capture) {
        for (std::int64_t n = 0; n < m_config.layerCount; ++n)
            runLayer(n, count, state, capture);
        return;
    }
    if (!m_nextHidden)
        m_nextHidden = m_launcher.allocate(state.size, "the next recurrent state");
    for (std::int64_t n = 0; n < m_config.layerCount; ++n)
        runFusedLayer(n, state);
    std::swap(state.hidden, m_nextHidden); // all layers wrote theirs
}

void OpenClExecutor::runLayer(std::int64_t n, std::int64_t count, State& state, ProbeCapture* capture)
{
    const DeviceLayer& layer = m_model.layers[static_cast<std::size_t>(n)];
    const NormOffsets& at = m_model.offsets;
    const std::int64_t d = m_config.hiddenSize, I = m_config.intermediateSize;
    const int width = asInt(d), padded = asInt(paddedColumns(d)), glu = asInt(I),
              gluPadded = asInt(paddedColumns(I));
    const int tokens = asInt(count), firstToken = 0;
    const float eps = m_config.rmsNormEps;
    const cl_mem norms = layer.norms.get(), x = m_work.x.get(), q = m_work.quantized.get(),
                 scales = m_work.scales.get(), normed = m_work.normed.get(), gates = m_work.gates.get(),
                 hidden = m_work.hidden.get(), gateUp = m_work.gateUp.get();
    if (capture)
        capture->take(n, Quantity::BlockInput, x, d);

    // Token mixer: MLGRU
    m_launcher.run("norm_quantize", workGroups(count, 3), x, firstToken, norms, at.attnNorm, at.gateInner,
                   eps, width, padded, tokens, 3, normed, q, scales);
    product(layer.gates, count, gates, false);
    if (capture) {
        capture->takeQuantized(n, q, d, m_launcher.parameters().variant);
        if (capture->wants(n, Quantity::OutputGate)) {
            m_launcher.run("rms_norm", workGroups(count), gates, 3 * width, 2 * width, norms, at.gNorm, eps,
                           width, tokens, m_work.probe.get());
            capture->take(n, Quantity::OutputGate, m_work.probe.get(), d);
        }
    }
    const int bound = n > 0 ? at.lowerBound : -1, stateOffset = asInt(n * d);
    m_launcher.run("gates_scan", workGroups(columnGroups(d)), gates, norms, bound, tokens, width,
                   state.hidden.get(), stateOffset, hidden);
    m_launcher.run("gate_quantize", workGroups(count), gates, hidden, norms, at.gNorm, at.mixerInner, eps,
                   width, padded, tokens, normed, q, scales);
    if (capture) {
        capture->take(n, Quantity::ForgetGate, gates, d, 3 * d);
        capture->take(n, Quantity::Candidate, gates, d, 3 * d, d);
        capture->take(n, Quantity::HiddenState, hidden, d);
        capture->take(n, Quantity::MixerOutput, normed, d);
    }
    product(layer.mixerOut, count, x, true);
    if (capture)
        capture->take(n, Quantity::MixerResidual, x, d);

    // Channel mixer: GLU
    m_launcher.run("norm_quantize", workGroups(count), x, firstToken, norms, at.mlpNorm, at.gateUpInner, eps,
                   width, padded, tokens, 1, normed, q, scales);
    product(layer.gateUp, count, gateUp, false);
    m_launcher.run("swiglu_quantize", workGroups(count), gateUp, norms, at.downInner, glu, gluPadded, tokens,
                   normed, q, scales);
    if (capture)
        capture->take(n, Quantity::GluActivation, normed, I);
    product(layer.down, count, x, true);
    if (capture)
        capture->take(n, Quantity::BlockOutput, x, d);
}

void OpenClExecutor::runHead(std::int64_t firstRow, std::int64_t rows)
{
    reserveLogits(rows);
    const int width = asInt(m_config.hiddenSize), padded = asInt(paddedColumns(m_config.hiddenSize));
    m_launcher.run("norm_quantize", workGroups(rows), m_work.x.get(), asInt(firstRow),
                   m_model.headNorms.get(), 0, width, m_config.rmsNormEps, width, padded, asInt(rows), 1,
                   m_work.normed.get(), m_work.quantized.get(), m_work.scales.get());
    product(m_model.head, rows, m_logitsDevice.get(), false);
}

StateSnapshot OpenClExecutor::snapshot(const InferenceState& inferenceState)
{
    const auto& state = static_cast<const State&>(inferenceState);
    StateSnapshot snapshot{
        .position = state.consumed,
        .values = std::vector<float>(static_cast<std::size_t>(m_config.layerCount * m_config.hiddenSize))};
    m_launcher.read(state.hidden.get(), 0, writableBytes(snapshot.values));
    return snapshot;
}

void OpenClExecutor::restore(const StateSnapshot& snapshot, InferenceState& inferenceState)
{
    auto& state = static_cast<State&>(inferenceState);
    const std::int64_t needed = m_config.layerCount * m_config.hiddenSize;
    const auto found = static_cast<std::int64_t>(snapshot.values.size());
    if (snapshot.position < 0 || found != needed) {
        throw Error(ErrorCode::InvalidArgument,
                    "state snapshot at position " + std::to_string(snapshot.position) + " holds " +
                        std::to_string(found) + " values, needed: " + std::to_string(needed));
    }
    m_launcher.write(state.hidden.get(), 0, std::as_bytes(std::span(snapshot.values)));
    state.consumed = snapshot.position;
}

void OpenClExecutor::reset(InferenceState& inferenceState)
{
    auto& state = static_cast<State&>(inferenceState);
    m_launcher.fillZero(state.hidden.get(), state.size);
    state.consumed = 0;
}

MemoryUse OpenClExecutor::memoryUse(const InferenceState* state) const
{
    const auto logits = static_cast<std::size_t>(m_logitRows * m_config.vocabularySize) * sizeof(float);
    return {.weightBytes = m_model.bytes,
            .stateBytes = state ? state->bytes() : 0,
            .activationBytes = m_work.bytes + logits};
}

std::vector<TokenId> OpenClExecutor::decodeGreedy(TokenId first, std::int64_t count,
                                                  InferenceState& inferenceState)
{
    auto& state = static_cast<State&>(inferenceState);
    checkRequest({.tokens = {&first, 1}, .logits = LogitsMode::None, .probe = nullptr});
    reserve(1);
    reserveLogits(1);
    m_launcher.write(m_work.tokens.get(), 0, std::as_bytes(std::span(&first, 1)));
    std::vector<TokenId> tokens(static_cast<std::size_t>(std::max<std::int64_t>(count, 0)));
    if (tokens.empty())
        return tokens;
    const ClMemory chosen = m_launcher.allocate(tokens.size() * sizeof(TokenId), "chosen tokens");
    for (std::int64_t n = 0; n < count; ++n) {
        embed(1);
        runLayers(1, state, nullptr);
        runHead(0, 1);
        m_launcher.run("top_k", {1, 1, 1}, m_logitsDevice.get(), asInt(m_config.vocabularySize), 1,
                       m_work.tokens.get(), m_work.scales.get());
        m_launcher.copy(m_work.tokens.get(), chosen.get(), sizeof(TokenId),
                        static_cast<std::size_t>(n) * sizeof(TokenId));
        ++state.consumed;
    }
    m_launcher.read(chosen.get(), 0, writableBytes(tokens));
    return tokens;
}

std::vector<OpenClExecutor::RankedToken> OpenClExecutor::topLogits(std::int64_t k)
{
    const std::int64_t limited = std::clamp<std::int64_t>(k, 1, m_config.vocabularySize);
    reserveLogits(1);
    const std::size_t count = static_cast<std::size_t>(limited);
    const ClMemory ids = m_launcher.allocate(count * sizeof(TokenId), "token ids");
    const ClMemory values = m_launcher.allocate(count * sizeof(float), "logits");
    m_launcher.run("top_k", {1, 1, 1}, m_logitsDevice.get(), asInt(m_config.vocabularySize), asInt(limited),
                   ids.get(), values.get());
    std::vector<TokenId> tokens(count);
    std::vector<float> logits(count);
    m_launcher.read(ids.get(), 0, writableBytes(tokens));
    m_launcher.read(values.get(), 0, writableBytes(logits));
    std::vector<RankedToken> ranked(count);
    for (std::size_t i = 0; i < count; ++i)
        ranked[i] = {tokens[i], logits[i]};
    return ranked;
}

} // namespace mmfree::opencl
