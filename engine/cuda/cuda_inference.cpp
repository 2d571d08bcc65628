#include "engine/cuda/cuda_inference.h"

#include "engine/cuda/elementwise_kernels.h"
#include "engine/network/inference_executor.h"

#include <algorithm>

namespace mmfree::cuda
{

namespace
{

// Up to this many tokens run one by one: a chunk costs as much as about this many single tokens.
constexpr std::int64_t kDecodeTokens = 6;
constexpr std::int64_t kPrefillChunk = 2048;
constexpr std::int64_t kLogitRows = 256;

} // namespace

struct CudaInference::State final : InferenceState {
    DeviceArray<float> hidden; // [layers, d]
    std::int64_t consumed = 0;
    [[nodiscard]] std::int64_t position() const override { return consumed; }
    [[nodiscard]] std::size_t bytes() const override { return hidden.bytes(); }
};

void CudaInference::Reader::copyOut(const float* source, std::span<float> host)
{
    checkCuda(cudaMemcpyAsync(host.data(), source, host.size_bytes(), cudaMemcpyDeviceToHost, stream));
    checkCuda(cudaStreamSynchronize(stream));
}

std::size_t CudaInference::Workspace::bytes() const
{
    return tokens.bytes() + x.bytes() + forgetPre.bytes() + candidatePre.bytes() + gate.bytes() +
           hidden.bytes() + glu.bytes() + quantized.bytes() + inverseScales.bytes() + codeSums.bytes();
}

CudaInference::CudaInference(std::shared_ptr<const ModelSource> source, int device, std::string deviceName)
    : m_source(std::move(source))
    , m_device(device)
    , m_info{.backend = "cuda", .description = std::move(deviceName) + ", 2-bit weights"}
    , m_weights(*m_source, m_stream)
    , m_plan(planDecode(m_weights.shape(), device))
    , m_exchange(static_cast<std::size_t>(m_weights.shape().exchangeFloats(m_plan.blocks)),
                 "exchange between multiprocessors")
    , m_logits(static_cast<std::size_t>(config().vocabularySize), "logits")
    , m_failure(1, "the decode status")
{
    clearExchange();
}

void CudaInference::clearExchange()
{
    m_failure.data()[0] = 0;
    m_firstTag = m_firstResidualTag = 1;
    checkCuda(cudaMemsetAsync(m_exchange.data(), 0, m_exchange.bytes(), m_stream.get()));
    m_stream.synchronize();
}

std::unique_ptr<InferenceState> CudaInference::createState()
{
    checkCuda(cudaSetDevice(m_device));
    auto state = std::make_unique<State>();
    state->hidden = DeviceArray<float>(static_cast<std::size_t>(config().layerCount * config().hiddenSize),
                                       "a sequence's state");
    reset(*state);
    return state;
}

ForwardResult CudaInference::forward(const ForwardRequest& request, InferenceState& inferenceState)
{
    auto& state = static_cast<State&>(inferenceState);
    if (request.tokens.empty())
        throw Error(ErrorCode::InvalidArgument, "a forward pass got 0 tokens, needed: at least 1");
    checkTokenIds(request.tokens, config().vocabularySize);
    checkCuda(cudaSetDevice(m_device));

    const auto count = static_cast<std::int64_t>(request.tokens.size());
    const bool probed = request.probe && !request.probe->empty();
    Reader reader{m_stream.get()};
    Probe probe(reader, request.probe, count);
    const bool single = count <= kDecodeTokens && (request.logits != LogitsMode::All || count == 1);
    if (single && !probed)
        decode(request.tokens, state, request.logits != LogitsMode::None);
    else
        prefill(request, state, probe);
    state.consumed += count;

    ForwardResult result{.logits = {}, .trace = probe.finish()};
    if (request.logits == LogitsMode::All && !(single && !probed))
        result.logits = m_manyLogitsHost;
    else if (request.logits != LogitsMode::None)
        result.logits = m_logits.span();
    return result;
}

void CudaInference::decode(std::span<const TokenId> tokens, State& state, bool logits)
{
    DecodeArguments arguments{
        .weights = m_weights.blocks(),
        .vectors = m_weights.vectors(),
        .scales = m_weights.scales(),
        .embedding = m_weights.embedding(),
        .embeddingType = m_weights.embeddingType(),
        .token = 0,
        .state = state.hidden.data(),
        .exchange = m_exchange.data(),
        .logits = nullptr,
        .failure = m_failure.data(),
    };
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        arguments.token = tokens[i];
        arguments.logits = logits && i + 1 == tokens.size() ? m_logits.data() : nullptr;
        arguments.firstTag = m_firstTag;
        arguments.firstResidualTag = m_firstResidualTag;
        launchDecode(m_plan, m_weights.shape(), arguments, m_stream.get());
        m_firstTag ^= static_cast<unsigned>(config().layerCount & 1);
        m_firstResidualTag ^= static_cast<unsigned>((config().layerCount + 1) & 1);
    }
    m_stream.synchronize();
    checkDecode();
}

// A block that waited in vain (a device shared with something that starves it) leaves the exchange half
// filled.
void CudaInference::checkDecode()
{
    if (m_failure.data()[0] == 0)
        return;
    clearExchange();
    throw Error(ErrorCode::Unavailable, "CUDA: a decode step found no answer from one of " +
                                            std::to_string(m_plan.blocks) +
                                            " thread blocks, needed: all of them running at once");
}

void CudaInference::prefill(const ForwardRequest& request, State& state, Probe& probe)
{
    const auto total = static_cast<std::int64_t>(request.tokens.size());
    const std::int64_t d = config().hiddenSize, vocabulary = config().vocabularySize;
    const std::int64_t chunk = request.logits == LogitsMode::All ? kLogitRows : kPrefillChunk;
    if (request.logits == LogitsMode::All) {
        m_manyLogitsHost.resize(static_cast<std::size_t>(total * vocabulary));
        if (m_manyLogits.size() == 0)
            m_manyLogits = DeviceArray<float>(static_cast<std::size_t>(kLogitRows * vocabulary), "logits");
    }
    reserve(std::min(total, chunk));
    for (std::int64_t row = 0; row < total; row += chunk) {
        const std::int64_t count = std::min(chunk, total - row);
        checkCuda(cudaMemcpyAsync(m_workspace.tokens.data(), request.tokens.data() + row,
                                  static_cast<std::size_t>(count) * sizeof(TokenId), cudaMemcpyHostToDevice,
                                  m_stream.get()));
        launchEmbed(m_workspace.tokens.data(), count, m_weights.embedding(), m_weights.embeddingType(), d,
                    m_workspace.x.data(), m_stream.get());
        probe.setFirstRow(row);
        for (std::int64_t layer = 0; layer < config().layerCount; ++layer)
            prefillLayer(layer, count, state, probe);
        if (probe.wants(config().layerCount, Quantity::FinalNorm)) {
            launchRmsNorm(m_workspace.x.data(), m_weights.finalNorm(), config().rmsNormEps, count, d,
                          m_workspace.hidden.data(), m_stream.get());
            probe.capture(config().layerCount, Quantity::FinalNorm, m_workspace.hidden.data(), count, d);
        }
        if (request.logits == LogitsMode::All) {
            head(m_workspace.x.data(), count, m_manyLogits.data());
            Reader{m_stream.get()}.copyOut(
                m_manyLogits.data(),
                std::span(m_manyLogitsHost).subspan(row * vocabulary, count * vocabulary));
        } else if (request.logits == LogitsMode::Last && row + count == total) {
            head(m_workspace.x.data() + (count - 1) * d, 1, m_logits.data());
        }
    }
    m_stream.synchronize();
}

void CudaInference::prefillLayer(std::int64_t layer, std::int64_t count, State& state, Probe& probe)
{
    const std::int64_t d = config().hiddenSize;
    probe.capture(layer, Quantity::BlockInput, m_workspace.x.data(), count, d);
    mixer(layer, count, state.hidden.data() + layer * d, probe);
    probe.capture(layer, Quantity::MixerResidual, m_workspace.x.data(), count, d);
    glu(layer, count, probe);
    probe.capture(layer, Quantity::BlockOutput, m_workspace.x.data(), count, d);
}

void CudaInference::mixer(std::int64_t layer, std::int64_t count, float* state, Probe& probe)
{
    const std::int64_t d = config().hiddenSize;
    const float eps = config().rmsNormEps;
    Workspace& w = m_workspace;
    const QuantizedView forgetInput = quantizedView(0, d), candidateInput = quantizedView(1, d),
                        gateInput = quantizedView(2, d);
    launchNormQuantize({.x = w.x.data(),
                        .outer = m_weights.vector(layer, LayerVector::AttentionNorm),
                        .product = {m_weights.vector(layer, LayerVector::ForgetProduct),
                                    m_weights.vector(layer, LayerVector::CandidateProduct),
                                    m_weights.vector(layer, LayerVector::GateProduct)},
                        .out = {forgetInput, candidateInput, gateInput},
                        .count = 3,
                        .tokens = count,
                        .width = d,
                        .eps = eps},
                       m_stream.get());
    if (probe.wants(layer, Quantity::QuantizedInput)) {
        launchReadQuantized(forgetInput, count, d, w.hidden.data(), m_stream.get());
        probe.capture(layer, Quantity::QuantizedInput, w.hidden.data(), count, d);
    }
    const auto product = [&](int which, const QuantizedView& input, LayerScale scale, float* out) {
        return gemm(layer, Phase::Mixer, which, input, m_weights.scale(layer, scale), count, out,
                    GemmOutput::Store);
    };
    const TernaryGemmArguments products[3] = {
        product(0, forgetInput, LayerScale::Forget, w.forgetPre.data()),
        product(1, candidateInput, LayerScale::Candidate, w.candidatePre.data()),
        product(2, gateInput, LayerScale::Gate, w.gate.data()),
    };
    launchTernaryGemms(products, m_stream.get());

    const bool gatesWanted =
        probe.wants(layer, Quantity::ForgetGate) || probe.wants(layer, Quantity::Candidate);
    launchGatesAndScan({.forgetPre = w.forgetPre.data(),
                        .candidatePre = w.candidatePre.data(),
                        .lower = m_weights.vector(layer, LayerVector::LowerBound),
                        .state = state,
                        .hidden = w.hidden.data(),
                        .forget = gatesWanted ? w.forgetPre.data() : nullptr,
                        .candidate = gatesWanted ? w.candidatePre.data() : nullptr,
                        .batch = 1,
                        .length = count,
                        .width = d},
                       m_stream.get());
    captureGates(layer, count, probe);

    const QuantizedView outputInput = quantizedView(0, d);
    launchGateNormQuantize(w.gate.data(), m_weights.vector(layer, LayerVector::OutputGateNorm),
                           w.hidden.data(), m_weights.vector(layer, LayerVector::OutputNorm), outputInput,
                           count, d, eps, m_stream.get());
    launchTernaryGemm(gemm(layer, Phase::MixerOutput, 0, outputInput,
                           m_weights.scale(layer, LayerScale::Output), count, w.x.data(), GemmOutput::Add),
                      m_stream.get());
}

// What the fused kernels never store is made once more with the unfused ones, into buffers that are free by
// now.
void CudaInference::captureGates(std::int64_t layer, std::int64_t count, Probe& probe)
{
    const std::int64_t d = config().hiddenSize;
    const float eps = config().rmsNormEps;
    Workspace& w = m_workspace;
    probe.capture(layer, Quantity::ForgetGate, w.forgetPre.data(), count, d);
    probe.capture(layer, Quantity::Candidate, w.candidatePre.data(), count, d);
    probe.capture(layer, Quantity::HiddenState, w.hidden.data(), count, d);
    const float* weight = m_weights.vector(layer, LayerVector::OutputGateNorm);
    if (probe.wants(layer, Quantity::OutputGate)) {
        launchRmsNorm(w.gate.data(), weight, eps, count, d, w.forgetPre.data(), m_stream.get());
        probe.capture(layer, Quantity::OutputGate, w.forgetPre.data(), count, d);
    }
    if (probe.wants(layer, Quantity::MixerOutput)) {
        launchNormAndGate(w.gate.data(), weight, eps, w.hidden.data(), count, d, w.forgetPre.data(),
                          m_stream.get());
        probe.capture(layer, Quantity::MixerOutput, w.forgetPre.data(), count, d);
    }
}

void CudaInference::glu(std::int64_t layer, std::int64_t count, Probe& probe)
{
    const std::int64_t d = config().hiddenSize, intermediate = config().intermediateSize;
    const float eps = config().rmsNormEps;
    Workspace& w = m_workspace;
    const QuantizedView input = quantizedView(0, d);
    launchNormQuantize({.x = w.x.data(),
                        .outer = m_weights.vector(layer, LayerVector::ChannelNorm),
                        .product = {m_weights.vector(layer, LayerVector::GluProduct)},
                        .out = {input},
                        .count = 1,
                        .tokens = count,
                        .width = d,
                        .eps = eps},
                       m_stream.get());
    launchTernaryGemm(gemm(layer, Phase::Glu, 0, input, m_weights.scale(layer, LayerScale::Glu), count,
                           w.glu.data(), GemmOutput::SwiGlu),
                      m_stream.get());
    probe.capture(layer, Quantity::GluActivation, w.glu.data(), count, intermediate);

    const QuantizedView downInput = quantizedView(0, intermediate);
    launchNormQuantize({.x = w.glu.data(),
                        .outer = nullptr,
                        .product = {m_weights.vector(layer, LayerVector::DownNorm)},
                        .out = {downInput},
                        .count = 1,
                        .tokens = count,
                        .width = intermediate,
                        .eps = eps},
                       m_stream.get());
    launchTernaryGemm(gemm(layer, Phase::GluOutput, 0, downInput, m_weights.scale(layer, LayerScale::Down),
                           count, w.x.data(), GemmOutput::Add),
                      m_stream.get());
}

void CudaInference::head(const float* x, std::int64_t count, float* logits)
{
    const QuantizedView input = quantizedView(0, config().hiddenSize);
    launchNormQuantize({.x = x,
                        .outer = m_weights.finalNorm(),
                        .product = {m_weights.headProduct()},
                        .out = {input},
                        .count = 1,
                        .tokens = count,
                        .width = config().hiddenSize,
                        .eps = config().rmsNormEps},
                       m_stream.get());
    launchTernaryGemm(gemm(0, Phase::Head, 0, input, m_weights.headScale(), count, logits, GemmOutput::Store),
                      m_stream.get());
}

TernaryGemmArguments CudaInference::gemm(std::int64_t layer, Phase phase, int which,
                                         const QuantizedView& input, const float* scale, std::int64_t count,
                                         float* out, GemmOutput mode) const
{
    return {.packed = m_weights.blocks(layer, phase),
            .shape = m_weights.shape().packed(phase),
            .which = which,
            .input = input,
            .scale = scale,
            .tokens = count,
            .out = out,
            .mode = mode};
}

QuantizedView CudaInference::quantizedView(int which, std::int64_t width)
{
    const std::int64_t stride = ceilDivide(width, kStepColumns) * kStepColumns;
    Workspace& w = m_workspace;
    return {.values = w.quantized.data() + which * w.capacity * stride,
            .inverseScales = w.inverseScales.data() + which * w.capacity,
            .codeSums = w.codeSums.data() + which * w.capacity,
            .stride = stride};
}

void CudaInference::reserve(std::int64_t count)
{
    if (count <= m_workspace.capacity)
        return;
    m_workspace = Workspace{};
    Workspace grown;
    const auto rows = static_cast<std::size_t>(count);
    const auto d = static_cast<std::size_t>(config().hiddenSize);
    const DecodeShape& shape = m_weights.shape();
    const auto padded = static_cast<std::size_t>(
        std::max(3 * shape.packed(Phase::Mixer).paddedCols(), shape.packed(Phase::GluOutput).paddedCols()));
    const std::string purpose = "a chunk of " + std::to_string(count) + " tokens";
    grown.tokens = DeviceArray<TokenId>(rows, purpose);
    for (DeviceArray<float>* array :
         {&grown.x, &grown.forgetPre, &grown.candidatePre, &grown.gate, &grown.hidden})
        *array = DeviceArray<float>(rows * d, purpose);
    grown.glu = DeviceArray<float>(rows * static_cast<std::size_t>(config().intermediateSize), purpose);
    grown.quantized = DeviceArray<std::int8_t>(rows * padded, purpose);
    grown.inverseScales = DeviceArray<float>(3 * rows, purpose);
    grown.codeSums = DeviceArray<std::int32_t>(3 * rows, purpose);
    grown.capacity = count;
    m_workspace = std::move(grown);
}

StateSnapshot CudaInference::snapshot(const InferenceState& inferenceState)
{
    checkCuda(cudaSetDevice(m_device));
    const auto& state = static_cast<const State&>(inferenceState);
    StateSnapshot snapshot{.position = state.consumed, .values = std::vector<float>(state.hidden.size())};
    Reader{m_stream.get()}.copyOut(state.hidden.data(), snapshot.values);
    return snapshot;
}

void CudaInference::restore(const StateSnapshot& snapshot, InferenceState& inferenceState)
{
    checkCuda(cudaSetDevice(m_device));
    auto& state = static_cast<State&>(inferenceState);
    if (snapshot.position < 0 || snapshot.values.size() != state.hidden.size()) {
        throw Error(ErrorCode::InvalidArgument,
                    "state snapshot at position " + std::to_string(snapshot.position) + " holds " +
                        std::to_string(snapshot.values.size()) +
                        " values, needed: " + std::to_string(state.hidden.size()));
    }
    checkCuda(cudaMemcpyAsync(state.hidden.data(), snapshot.values.data(), state.hidden.bytes(),
                              cudaMemcpyHostToDevice, m_stream.get()));
    m_stream.synchronize();
    state.consumed = snapshot.position;
}

void CudaInference::reset(InferenceState& inferenceState)
{
    checkCuda(cudaSetDevice(m_device));
    auto& state = static_cast<State&>(inferenceState);
    checkCuda(cudaMemsetAsync(state.hidden.data(), 0, state.hidden.bytes(), m_stream.get()));
    m_stream.synchronize();
    state.consumed = 0;
}

MemoryUse CudaInference::memoryUse(const InferenceState* state) const
{
    return {.weightBytes = m_weights.bytes(),
            .stateBytes = state ? state->bytes() : 0,
            .activationBytes = m_workspace.bytes() + m_exchange.bytes() + m_manyLogits.bytes()};
}

} // namespace mmfree::cuda
