#include "engine/cuda/dense_inference.h"

#include "engine/network/finite_view.h"
#include "engine/network/inference_executor.h"

#include <algorithm>

namespace mmfree::cuda
{

namespace
{

constexpr std::int64_t kPrefillChunk = 2048;
constexpr std::int64_t kLogitRows = 256;
constexpr std::int64_t kFirstCapacity = 256; // positions a cache starts with
constexpr std::size_t kStagingBytes = std::size_t{64} << 20;

} // namespace

// One allocation [layers, 2, capacity, stride] of bf16 keys (rotated) and values.
struct DenseInference::State final : InferenceState {
    DeviceArray<Half> cache;
    std::int64_t capacity = 0, consumed = 0, stride = 0;
    cudaGraphExec_t graph = nullptr; // decodes one token of this state
    std::int64_t graphWorkspace = -1;

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() override { dropGraph(); }
    void dropGraph()
    {
        if (graph)
            cudaGraphExecDestroy(graph);
        graph = nullptr;
    }
    [[nodiscard]] std::int64_t position() const override { return consumed; }
    [[nodiscard]] std::size_t bytes() const override { return cache.bytes(); }
    [[nodiscard]] Half* keys(std::int64_t layer) { return cache.data() + 2 * layer * capacity * stride; }
    [[nodiscard]] Half* values(std::int64_t layer) { return keys(layer) + capacity * stride; }
};

void DenseInference::Reader::copyOut(const float* source, std::span<float> host)
{
    checkCuda(cudaMemcpyAsync(host.data(), source, host.size_bytes(), cudaMemcpyDeviceToHost, stream));
    checkCuda(cudaStreamSynchronize(stream));
}

// Reads tensors one at a time through a device buffer and stores them as bf16.
class DenseInference::Loader
{
public:
    Loader(DenseInference& target, const ModelSource& source)
        : m_target(target)
        , m_source(source)
        , m_staging(kStagingBytes, "weights on their way")
    {
    }

    void load()
    {
        matrix("model.embed_tokens.weight", m_target.m_embeddings, 0);
        for (std::size_t n = 0; n < m_target.m_layers.size(); ++n) {
            const std::string prefix = "model.layers." + std::to_string(n) + ".";
            Layer& layer = m_target.m_layers[n];
            const std::int64_t d = m_target.m_shape.width(), kv = m_target.m_shape.keyValueWidth();
            vector(prefix + "input_layernorm.weight", layer.inputNorm);
            vector(prefix + "post_attention_layernorm.weight", layer.postNorm);
            matrix(prefix + "self_attn.q_proj.weight", layer.queryKeyValue, 0);
            matrix(prefix + "self_attn.k_proj.weight", layer.queryKeyValue, d);
            matrix(prefix + "self_attn.v_proj.weight", layer.queryKeyValue, d + kv);
            matrix(prefix + "self_attn.o_proj.weight", layer.attentionOut, 0);
            matrix(prefix + "mlp.gate_proj.weight", layer.gateUp, 0);
            matrix(prefix + "mlp.up_proj.weight", layer.gateUp, layer.gateUp.rows / 2);
            matrix(prefix + "mlp.down_proj.weight", layer.down, 0);
        }
        vector("model.norm.weight", m_target.m_norm);
        if (!m_target.config().tieEmbeddings)
            matrix("lm_head.weight", m_target.m_head, 0);
    }

private:
    void vector(const std::string& name, float* out)
    {
        std::vector<float> values(static_cast<std::size_t>(m_target.config().hiddenSize));
        m_source.floats(name, values);
        checkCuda(cudaMemcpy(out, values.data(), values.size() * sizeof(float), cudaMemcpyHostToDevice));
    }

    void matrix(const std::string& name, const Matrix& out, std::int64_t firstRow)
    {
        const TensorView view = finiteView(m_source, name);
        const std::int64_t rows = view.shape[0], cols = view.shape[1];
        const std::size_t rowBytes = view.bytes.size() / static_cast<std::size_t>(rows);
        const std::int64_t perCopy =
            std::max<std::int64_t>(1, static_cast<std::int64_t>(m_staging.bytes() / rowBytes));
        if (rowBytes > m_staging.bytes())
            m_staging = DeviceArray<std::byte>(rowBytes, "weights on their way");
        for (std::int64_t row = 0; row < rows; row += perCopy) {
            const std::int64_t count = std::min(perCopy, rows - row);
            checkCuda(cudaMemcpyAsync(
                m_staging.data(), view.bytes.data() + static_cast<std::size_t>(row) * rowBytes,
                static_cast<std::size_t>(count) * rowBytes, cudaMemcpyHostToDevice, m_target.m_stream.get()));
            launchToHalf(m_staging.data(), view.dtype, count, cols,
                         out.data + (firstRow + row) * paddedWidth(cols), m_target.m_stream.get());
            m_target.m_stream.synchronize(); // before the staging buffer is filled again
        }
        m_source.release(name);
    }

    DenseInference& m_target;
    const ModelSource& m_source;
    DeviceArray<std::byte> m_staging;
};

DenseInference::DenseInference(std::shared_ptr<const ModelSource> source, int device,
                               const std::string& deviceName)
    : m_source(std::move(source))
    , m_device(device)
    , m_info{.backend = "cuda", .description = deviceName + ", bf16 weights"}
    , m_shape{config().headCount, config().keyValueHeadCount, config().headSize()}
    , m_products(m_stream.get())
    , m_step(1, "the decode step")
    , m_stepHost(1, "the decode step")
    , m_logits(static_cast<std::size_t>(config().vocabularySize), "logits")
{
    const auto limit = [](const std::string& what, std::int64_t value, std::int64_t largest) {
        if (value > largest)
            throw Error(ErrorCode::Unavailable, "CUDA: " + what + " is " + std::to_string(value) +
                                                    ", needed: at most " + std::to_string(largest));
    };
    limit("hidden_size", config().hiddenSize, kWidestTrainingRow);
    limit("intermediate_size", config().intermediateSize, 2 * kWidestTrainingRow);
    limit("hidden_size / num_attention_heads", m_shape.headSize, kWidestHead);
    checkCuda(cudaDeviceGetAttribute(&m_multiprocessors, cudaDevAttrMultiProcessorCount, m_device));
    m_layers.resize(static_cast<std::size_t>(config().layerCount));
    Placer count(nullptr);
    placeWeights(count);
    m_weightMemory = DeviceArray<std::byte>(count.bytes(), "the weights of " + m_source->name());
    Placer placer(m_weightMemory.data());
    placeWeights(placer);
    Loader(*this, *m_source).load();
    reserve(1);
}

DenseInference::~DenseInference()
{
    cudaSetDevice(m_device);
    cudaStreamSynchronize(m_stream.get());
}

void DenseInference::placeWeights(Placer& placer)
{
    const std::int64_t d = config().hiddenSize, I = config().intermediateSize, V = config().vocabularySize;
    const auto matrix = [&](Matrix& out, std::int64_t rows, std::int64_t cols) {
        out.rows = rows;
        out.cols = cols;
        placer(out.data, rows * paddedWidth(cols));
    };
    matrix(m_embeddings, V, d);
    for (Layer& layer : m_layers) {
        placer(layer.inputNorm, ceilDivide(d, 4) * 4);
        placer(layer.postNorm, ceilDivide(d, 4) * 4);
        matrix(layer.queryKeyValue, d + 2 * m_shape.keyValueWidth(), d);
        matrix(layer.attentionOut, d, d);
        matrix(layer.gateUp, 2 * I, d);
        matrix(layer.down, d, I);
    }
    placer(m_norm, ceilDivide(d, 4) * 4);
    if (!config().tieEmbeddings)
        matrix(m_head, V, d);
}

void DenseInference::placeWorkspace(Placer& placer, std::int64_t tokens)
{
    const std::int64_t d = config().hiddenSize, I = config().intermediateSize, V = config().vocabularySize;
    const std::int64_t mixed = paddedWidth(d + 2 * m_shape.keyValueWidth());
    placer(m_tokens, tokens);
    placer(m_x, tokens * d);
    placer(m_normed, tokens * paddedWidth(d));
    placer(m_queryKeyValue, tokens * mixed);
    placer(m_attended, tokens * paddedWidth(d));
    placer(m_gateUp, tokens * paddedWidth(2 * I));
    placer(m_glu, tokens * paddedWidth(I));
    placer(m_probed, tokens * std::max(d, I));
    placer(m_mixed, mixed);
    placer(m_attendedOne, d);
    placer(m_gluOne, I);
    placer(m_partial, m_shape.heads * kAttentionParts * (m_shape.headSize + 2));
    placer(m_logitsOne, V);
}

void DenseInference::reserve(std::int64_t tokens)
{
    if (tokens <= m_capacity)
        return;
    m_capacity = 0;
    ++m_workspaceVersion;
    m_workspace = {};
    Placer count(nullptr);
    placeWorkspace(count, tokens);
    m_workspace = DeviceArray<std::byte>(count.bytes(), "a chunk of " + std::to_string(tokens) + " tokens");
    Placer placer(m_workspace.data());
    placeWorkspace(placer, tokens);
    m_capacity = tokens;
}

std::unique_ptr<InferenceState> DenseInference::createState()
{
    checkCuda(cudaSetDevice(m_device));
    auto state = std::make_unique<State>();
    state->stride = paddedWidth(m_shape.keyValueWidth());
    return state;
}

// The cache doubles when it is full; what it holds moves along. Rotary angles reach as far as the cache.
void DenseInference::growCache(State& state, std::int64_t positions)
{
    if (positions > m_rotaryPositions) {
        const std::int64_t reach = std::max(positions, std::max(2 * m_rotaryPositions, kFirstCapacity));
        m_stream.synchronize();
        m_rotaryPositions = 0;
        m_rotary = {};
        m_rotary =
            DeviceArray<float2>(static_cast<std::size_t>(reach * m_shape.headSize / 2), "rotary positions");
        launchRotaryTable(0, reach, m_shape.headSize, config().ropeTheta, m_rotary.data(), m_stream.get());
        m_rotaryPositions = reach;
        ++m_workspaceVersion;
    }
    if (positions <= state.capacity)
        return;
    std::int64_t capacity = std::max({positions, 2 * state.capacity, kFirstCapacity});
    if (config().maxPositions > 0)
        capacity = std::max(positions, std::min(capacity, config().maxPositions));
    DeviceArray<Half> grown(static_cast<std::size_t>(2 * config().layerCount * capacity * state.stride),
                            "a key/value cache of " + std::to_string(capacity) + " positions");
    const auto pitch = [&](std::int64_t rows) {
        return static_cast<std::size_t>(rows * state.stride) * sizeof(Half);
    };
    if (state.consumed > 0)
        checkCuda(cudaMemcpy2DAsync(grown.data(), pitch(capacity), state.cache.data(), pitch(state.capacity),
                                    pitch(state.consumed), static_cast<std::size_t>(2 * config().layerCount),
                                    cudaMemcpyDeviceToDevice, m_stream.get()));
    m_stream.synchronize();
    state.dropGraph();
    state.cache = std::move(grown);
    state.capacity = capacity;
}

void DenseInference::check(const ForwardRequest& request, const State& state) const
{
    const auto count = static_cast<std::int64_t>(request.tokens.size());
    if (count == 0)
        throw Error(ErrorCode::InvalidArgument, "a forward pass got 0 tokens, needed: at least 1");
    checkTokenIds(request.tokens, config().vocabularySize);
    const std::int64_t end = state.consumed + count;
    if (config().maxPositions > 0 && end > config().maxPositions) {
        throw Error(ErrorCode::InvalidArgument, "the sequence would reach position " + std::to_string(end) +
                                                    ", needed: at most max_position_embeddings = " +
                                                    std::to_string(config().maxPositions));
    }
    if (!request.probe)
        return;
    const auto& points = request.probe->points;
    const bool maps = std::any_of(points.begin(), points.end(), [](const auto& point) {
        return point.second == Quantity::AttentionWeights;
    });
    if (maps && (state.consumed != 0 || count > kForwardChunk)) {
        throw Error(ErrorCode::InvalidArgument,
                    "attention maps of " + std::to_string(count) + " tokens from position " +
                        std::to_string(state.consumed) + ", needed: at most " +
                        std::to_string(kForwardChunk) + " tokens from position 0");
    }
}

ForwardResult DenseInference::forward(const ForwardRequest& request, InferenceState& inferenceState)
{
    auto& state = static_cast<State&>(inferenceState);
    check(request, state);
    checkCuda(cudaSetDevice(m_device));
    const auto count = static_cast<std::int64_t>(request.tokens.size());
    growCache(state, state.consumed + count);
    const bool probed = request.probe && !request.probe->empty();
    Reader reader{m_stream.get()};
    Probe probe(reader, request.probe, count);
    const bool single = count == 1 && !probed;
    if (single)
        decode(request.tokens.front(), state, request.logits != LogitsMode::None);
    else
        prefill(request, state, probe);
    state.consumed += single ? 1 : 0; // prefill advances by chunks

    ForwardResult result{.logits = {}, .trace = probe.finish()};
    if (request.logits == LogitsMode::All && !single)
        result.logits = m_manyLogitsHost;
    else if (request.logits != LogitsMode::None)
        result.logits = m_logits.span();
    return result;
}

// ---- one token ----

void DenseInference::decode(TokenId token, State& state, bool)
{
    *m_stepHost.data() = {.token = token, .position = static_cast<std::int32_t>(state.consumed)};
    if (!state.graph || state.graphWorkspace != m_workspaceVersion)
        captureDecode(state);
    checkCuda(cudaGraphLaunch(state.graph, m_stream.get()));
    m_stream.synchronize();
}

void DenseInference::captureDecode(State& state)
{
    state.dropGraph();
    checkCuda(cudaStreamBeginCapture(m_stream.get(), cudaStreamCaptureModeThreadLocal));
    cudaGraph_t graph = nullptr;
    try {
        queueDecode(state);
    } catch (...) {
        cudaStreamEndCapture(m_stream.get(), &graph);
        if (graph)
            cudaGraphDestroy(graph);
        throw;
    }
    checkCuda(cudaStreamEndCapture(m_stream.get(), &graph));
    const cudaError_t status = cudaGraphInstantiate(&state.graph, graph, 0);
    cudaGraphDestroy(graph);
    checkCuda(status);
    state.graphWorkspace = m_workspaceVersion;
}

void DenseInference::queueDecode(State& state)
{
    const cudaStream_t stream = m_stream.get();
    const float eps = config().rmsNormEps;
    const std::int64_t d = config().hiddenSize;
    const auto matVec = [&](const float* x, const float* weight, const Matrix& matrix, float* out,
                            MatVecMode mode) {
        launchMatVec({.x = x,
                      .norm = weight,
                      .eps = eps,
                      .weights = matrix.data,
                      .rows = matrix.rows,
                      .cols = matrix.cols,
                      .out = out},
                     mode, m_multiprocessors, stream);
    };
    checkCuda(cudaMemcpyAsync(m_step.data(), m_stepHost.data(), sizeof(DecodeStep), cudaMemcpyHostToDevice,
                              stream));
    launchDecodeEmbed(m_step.data(), m_embeddings.data, d, m_x, stream);
    for (std::int64_t n = 0; n < config().layerCount; ++n) {
        const Layer& layer = m_layers[static_cast<std::size_t>(n)];
        matVec(m_x, layer.inputNorm, layer.queryKeyValue, m_mixed, MatVecMode::Store);
        launchDecodeAttention({.step = m_step.data(),
                               .queryKeyValue = m_mixed,
                               .keys = state.keys(n),
                               .values = state.values(n),
                               .stride = state.stride,
                               .rotary = m_rotary.data(),
                               .shape = m_shape,
                               .partial = m_partial,
                               .out = m_attendedOne},
                              stream);
        matVec(m_attendedOne, nullptr, layer.attentionOut, m_x, MatVecMode::Add);
        matVec(m_x, layer.postNorm, layer.gateUp, m_gluOne, MatVecMode::SwiGlu);
        matVec(m_gluOne, nullptr, layer.down, m_x, MatVecMode::Add);
    }
    matVec(m_x, m_norm, head(), m_logitsOne, MatVecMode::Store);
    checkCuda(cudaMemcpyAsync(m_logits.data(), m_logitsOne,
                              static_cast<std::size_t>(config().vocabularySize) * sizeof(float),
                              cudaMemcpyDeviceToHost, stream));
}

// ---- many tokens ----

void DenseInference::norm(const float* x, const float* weight, std::int64_t count)
{
    launchHalfNorm({.x = x,
                    .weight = weight,
                    .eps = config().rmsNormEps,
                    .tokens = count,
                    .width = config().hiddenSize,
                    .groups = static_cast<int>(rowGroups(config().hiddenSize, count, m_multiprocessors)),
                    .out = m_normed},
                   m_stream.get());
}

void DenseInference::product(const Matrix& matrix, const Half* x, std::int64_t count, Half* out)
{
    const std::int64_t stride = paddedWidth(matrix.cols);
    m_products.multiply({.transposeB = true,
                         .rows = count,
                         .cols = matrix.rows,
                         .inner = matrix.cols,
                         .strideA = stride,
                         .strideB = stride,
                         .strideD = paddedWidth(matrix.rows)},
                        x, matrix.data, out);
}

void DenseInference::productFloat(const Matrix& matrix, const Half* x, std::int64_t count, float* out,
                                  bool add)
{
    const std::int64_t stride = paddedWidth(matrix.cols);
    m_products.multiply({.transposeB = true,
                         .rows = count,
                         .cols = matrix.rows,
                         .inner = matrix.cols,
                         .strideA = stride,
                         .strideB = stride,
                         .strideD = matrix.rows,
                         .floatOutput = true,
                         .accumulate = add},
                        x, matrix.data, out);
}

void DenseInference::captureHalf(std::int64_t layer, Quantity quantity, const Half* values,
                                 std::int64_t count, std::int64_t width, Probe& probe)
{
    if (!probe.wants(layer, quantity))
        return;
    launchHalfToFloat(values, count, width, paddedWidth(width), m_probed, m_stream.get());
    probe.capture(layer, quantity, m_probed, count, width);
}

void DenseInference::prefill(const ForwardRequest& request, State& state, Probe& probe)
{
    const auto total = static_cast<std::int64_t>(request.tokens.size());
    const std::int64_t d = config().hiddenSize, V = config().vocabularySize, L = config().layerCount;
    const bool all = request.logits == LogitsMode::All;
    const std::int64_t chunk = all ? kLogitRows : kPrefillChunk;
    if (all) {
        m_manyLogitsHost.resize(static_cast<std::size_t>(total * V));
        if (m_manyLogits.size() == 0)
            m_manyLogits = DeviceArray<float>(static_cast<std::size_t>(kLogitRows * V), "logits");
    }
    reserve(std::min(total, chunk));
    const std::int64_t start = state.consumed;
    try {
        for (std::int64_t row = 0; row < total; row += chunk) {
            const std::int64_t count = std::min(chunk, total - row);
            const bool last = row + count == total;
            checkCuda(cudaMemcpyAsync(m_tokens, request.tokens.data() + row,
                                      static_cast<std::size_t>(count) * sizeof(TokenId),
                                      cudaMemcpyHostToDevice, m_stream.get()));
            launchEmbedHalf(m_tokens, count, m_embeddings.data, d, m_x, m_stream.get());
            probe.setFirstRow(row);
            for (std::int64_t layer = 0; layer < L; ++layer)
                prefillLayer(layer, count, state, probe);
            state.consumed += count;
            norm(m_x, m_norm, count);
            captureHalf(L, Quantity::FinalNorm, m_normed, count, d, probe);
            if (all) {
                productFloat(head(), m_normed, count, m_manyLogits.data(), false);
                Reader{m_stream.get()}.copyOut(m_manyLogits.data(),
                                               std::span(m_manyLogitsHost).subspan(row * V, count * V));
            } else if (request.logits == LogitsMode::Last && last) {
                productFloat(head(), m_normed + (count - 1) * paddedWidth(d), 1, m_logitsOne, false);
                Reader{m_stream.get()}.copyOut(m_logitsOne, m_logits.span());
            }
        }
        m_stream.synchronize();
    } catch (...) {
        state.consumed = start; // what was written after it is never read
        throw;
    }
}

void DenseInference::prefillLayer(std::int64_t layer, std::int64_t count, State& state, Probe& probe)
{
    const std::int64_t d = config().hiddenSize, I = config().intermediateSize;
    const Layer& weights = m_layers[static_cast<std::size_t>(layer)];
    probe.capture(layer, Quantity::BlockInput, m_x, count, d);
    norm(m_x, weights.inputNorm, count);
    product(weights.queryKeyValue, m_normed, count, m_queryKeyValue);
    attend(layer, count, state, probe);
    captureHalf(layer, Quantity::MixerOutput, m_attended, count, d, probe);
    productFloat(weights.attentionOut, m_attended, count, m_x, true);
    probe.capture(layer, Quantity::MixerResidual, m_x, count, d);

    norm(m_x, weights.postNorm, count);
    product(weights.gateUp, m_normed, count, m_gateUp);
    launchSwiGluHalf(m_gateUp, count, I, m_glu, m_stream.get());
    captureHalf(layer, Quantity::GluActivation, m_glu, count, I, probe);
    productFloat(weights.down, m_glu, count, m_x, true);
    probe.capture(layer, Quantity::BlockOutput, m_x, count, d);
}

// Rotates, stores keys and values in the cache, attends.
void DenseInference::attend(std::int64_t layer, std::int64_t count, State& state, Probe& probe)
{
    const cudaStream_t stream = m_stream.get();
    const std::int64_t width = m_shape.width(), keyValueWidth = m_shape.keyValueWidth();
    const std::int64_t mixed = paddedWidth(width + 2 * keyValueWidth), stride = paddedWidth(width);
    launchRotaryHalf(m_queryKeyValue, count, count, mixed, m_shape.heads + m_shape.keyValueHeads,
                     m_shape.headSize, m_rotary.data() + state.consumed * (m_shape.headSize / 2), false,
                     stream);
    const auto store = [&](const Half* source, Half* cache) {
        checkCuda(cudaMemcpy2DAsync(cache + state.consumed * state.stride,
                                    static_cast<std::size_t>(state.stride) * sizeof(Half), source,
                                    static_cast<std::size_t>(mixed) * sizeof(Half),
                                    static_cast<std::size_t>(keyValueWidth) * sizeof(Half),
                                    static_cast<std::size_t>(count), cudaMemcpyDeviceToDevice, stream));
    };
    store(m_queryKeyValue + width, state.keys(layer));
    store(m_queryKeyValue + width + keyValueWidth, state.values(layer));
    launchAttention({.queries = {m_queryKeyValue, mixed, 0},
                     .keys = {state.keys(layer), state.stride, 0},
                     .values = {state.values(layer), state.stride, 0},
                     .out = {m_attended, stride, 0},
                     .logSums = nullptr,
                     .shape = m_shape,
                     .batch = 1,
                     .length = count,
                     .first = state.consumed},
                    stream);
    if (!probe.wants(layer, Quantity::AttentionWeights))
        return;
    DeviceArray<float> weights(static_cast<std::size_t>(count * m_shape.heads * count), "an attention map");
    launchAttentionWeights(m_queryKeyValue, state.keys(layer), mixed, state.stride, count, m_shape,
                           weights.data(), stream);
    probe.capture(layer, Quantity::AttentionWeights, weights.data(), count, m_shape.heads * count);
}

// ---- state ----

// [layers, 2, position, key/value width] f32
StateSnapshot DenseInference::snapshot(const InferenceState& inferenceState)
{
    checkCuda(cudaSetDevice(m_device));
    const auto& state = static_cast<const State&>(inferenceState);
    const std::int64_t width = m_shape.keyValueWidth(), caches = 2 * config().layerCount;
    StateSnapshot snapshot{.position = state.consumed, .values = {}};
    snapshot.values.resize(static_cast<std::size_t>(caches * state.consumed * width));
    std::vector<std::uint16_t> halves(static_cast<std::size_t>(state.consumed * state.stride));
    std::size_t at = 0;
    for (std::int64_t cache = 0; cache < caches && state.consumed > 0; ++cache) {
        checkCuda(cudaMemcpyAsync(halves.data(), state.cache.data() + cache * state.capacity * state.stride,
                                  halves.size() * sizeof(std::uint16_t), cudaMemcpyDeviceToHost,
                                  m_stream.get()));
        m_stream.synchronize();
        for (std::int64_t t = 0; t < state.consumed; ++t) {
            for (std::int64_t i = 0; i < width; ++i)
                snapshot.values[at++] =
                    bfloat16ToFloat(halves[static_cast<std::size_t>(t * state.stride + i)]);
        }
    }
    return snapshot;
}

void DenseInference::restore(const StateSnapshot& snapshot, InferenceState& inferenceState)
{
    checkCuda(cudaSetDevice(m_device));
    auto& state = static_cast<State&>(inferenceState);
    const std::int64_t width = m_shape.keyValueWidth(), caches = 2 * config().layerCount;
    const std::int64_t needed = caches * snapshot.position * width;
    if (snapshot.position < 0 || static_cast<std::int64_t>(snapshot.values.size()) != needed) {
        throw Error(ErrorCode::InvalidArgument, "state snapshot at position " +
                                                    std::to_string(snapshot.position) + " holds " +
                                                    std::to_string(snapshot.values.size()) +
                                                    " values, needed: " + std::to_string(needed));
    }
    growCache(state, snapshot.position);
    std::vector<std::uint16_t> halves(static_cast<std::size_t>(snapshot.position * state.stride), 0);
    std::size_t at = 0;
    for (std::int64_t cache = 0; cache < caches && snapshot.position > 0; ++cache) {
        for (std::int64_t t = 0; t < snapshot.position; ++t) {
            for (std::int64_t i = 0; i < width; ++i)
                halves[static_cast<std::size_t>(t * state.stride + i)] =
                    floatToBfloat16(snapshot.values[at++]);
        }
        checkCuda(cudaMemcpyAsync(state.cache.data() + cache * state.capacity * state.stride, halves.data(),
                                  halves.size() * sizeof(std::uint16_t), cudaMemcpyHostToDevice,
                                  m_stream.get()));
        m_stream.synchronize();
    }
    state.consumed = snapshot.position;
}

void DenseInference::reset(InferenceState& inferenceState)
{
    static_cast<State&>(inferenceState).consumed = 0;
}

MemoryUse DenseInference::memoryUse(const InferenceState* state) const
{
    return {.weightBytes = m_weightMemory.bytes(),
            .stateBytes = state ? state->bytes() : 0,
            .activationBytes =
                m_workspace.bytes() + m_products.bytes() + m_manyLogits.bytes() + m_rotary.bytes()};
}

} // namespace mmfree::cuda
