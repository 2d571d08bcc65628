#include "engine/cuda/cuda_weights.h"

#include "engine/network/lower_bounds.h"

#include <algorithm>
#include <vector>

namespace mmfree::cuda
{

namespace
{

constexpr std::int64_t kUint4PerBlock = kBlockBytes / 16;

DecodeShape shapeOf(const ModelConfig& config)
{
    return {.hidden = static_cast<int>(config.hiddenSize),
            .intermediate = static_cast<int>(config.intermediateSize),
            .vocabulary = static_cast<int>(config.vocabularySize),
            .layers = static_cast<int>(config.layerCount),
            .eps = config.rmsNormEps};
}

} // namespace

// Reads tensors one at a time through one device buffer as large as the largest matrix in neutral form.
class CudaWeights::Loader
{
public:
    Loader(CudaWeights& weights, const ModelSource& source, const Stream& stream)
        : m_weights(weights)
        , m_source(source)
        , m_stream(stream)
        , m_shape(weights.m_shape)
    {
        const std::int64_t rowBytes = ceilDivide(m_shape.hidden, 4);
        const std::int64_t largest = std::max<std::int64_t>(
            {2 * m_shape.intermediate * rowBytes, m_shape.hidden * ceilDivide(m_shape.intermediate, 4),
             m_shape.hidden * rowBytes, m_shape.vocabulary * rowBytes});
        m_codes = DeviceArray<std::uint8_t>(static_cast<std::size_t>(largest), "one unpacked weight matrix");
        m_vectors.resize(m_weights.m_vectors.size());
        m_scales.resize(m_weights.m_scales.size());
    }

    void load()
    {
        loadLowerBounds();
        for (std::int64_t layer = 0; layer < m_shape.layers; ++layer)
            loadLayer(layer);
        const std::int64_t d4 = m_shape.hidden4();
        const std::int64_t afterLayers = m_shape.layers * m_shape.layerVectorFloats();
        loadVector("model.norm.weight", afterLayers, m_shape.hidden);
        loadVector("lm_head.norm.weight", afterLayers + d4, m_shape.hidden);
        multiplyVector(afterLayers + d4, afterLayers);
        m_scales.back() = loadTernary("lm_head.weight", 0, 0, Phase::Head, 0);
        upload(m_vectors, m_weights.m_vectors);
        upload(m_scales, m_weights.m_scales);
        loadEmbedding();
        m_stream.synchronize();
    }

private:
    void loadLayer(std::int64_t layer)
    {
        const std::string prefix = "model.layers." + std::to_string(layer) + ".";
        const std::int64_t first = layer * m_shape.layerVectorFloats();
        const auto norm = [&](const char* name, LayerVector which, std::int64_t width) {
            loadVector(prefix + name, first + static_cast<int>(which) * m_shape.hidden4(), width);
        };
        norm("attn_norm.weight", LayerVector::AttentionNorm, m_shape.hidden);
        const auto product = [&](const char* name, LayerVector which, LayerVector outer) {
            norm(name, which, m_shape.hidden);
            multiplyVector(first + static_cast<int>(which) * m_shape.hidden4(),
                           first + static_cast<int>(outer) * m_shape.hidden4());
        };
        product("attn.f_proj.norm.weight", LayerVector::ForgetProduct, LayerVector::AttentionNorm);
        product("attn.i_proj.norm.weight", LayerVector::CandidateProduct, LayerVector::AttentionNorm);
        product("attn.g_proj.norm.weight", LayerVector::GateProduct, LayerVector::AttentionNorm);
        norm("attn.g_norm.weight", LayerVector::OutputGateNorm, m_shape.hidden);
        norm("attn.o_proj.norm.weight", LayerVector::OutputNorm, m_shape.hidden);
        norm("mlp_norm.weight", LayerVector::ChannelNorm, m_shape.hidden);
        product("mlp.gate_proj.norm.weight", LayerVector::GluProduct, LayerVector::ChannelNorm);
        norm("mlp.down_proj.norm.weight", LayerVector::DownNorm, m_shape.intermediate);

        float* scales = m_scales.data() + layer * kLayerScales;
        scales[0] = loadTernary(prefix + "attn.f_proj.weight", 0, layer, Phase::Mixer, 0);
        scales[1] = loadTernary(prefix + "attn.i_proj.weight", 0, layer, Phase::Mixer, 1);
        scales[2] = loadTernary(prefix + "attn.g_proj.weight", 0, layer, Phase::Mixer, 2);
        scales[3] = loadTernary(prefix + "attn.o_proj.weight", 0, layer, Phase::MixerOutput, 0);
        scales[4] = loadTernary(prefix + "mlp.gate_proj.weight", m_shape.intermediate, layer, Phase::Glu, 0);
        scales[5] = loadTernary(prefix + "mlp.down_proj.weight", 0, layer, Phase::GluOutput, 0);
    }

    // Uploads one tensor and packs it; secondRow > 0: its rows from there on are the second interleaved
    // matrix.
    float loadTernary(const std::string& name, std::int64_t secondRow, std::int64_t layer, Phase phase,
                      int which)
    {
        const TernaryTensor tensor = m_source.ternary(name);
        checkCuda(cudaMemcpyAsync(m_codes.data(), tensor.codes.data(),
                                  static_cast<std::size_t>(tensor.rows * tensor.rowBytes()),
                                  cudaMemcpyHostToDevice, m_stream.get()));
        void* packed = const_cast<uint4*>(m_weights.blocks(layer, phase));
        const PackedShape shape = m_shape.packed(phase);
        launchPackTernary(m_codes.data(), tensor.rowBytes(), 0, shape, which, packed, m_stream.get());
        if (secondRow > 0)
            launchPackTernary(m_codes.data(), tensor.rowBytes(), secondRow, shape, which + 1, packed,
                              m_stream.get());
        m_stream.synchronize();
        m_source.release(name);
        return tensor.scale;
    }

    void loadVector(const std::string& name, std::int64_t offset, std::int64_t width)
    {
        m_source.floats(name, std::span(m_vectors).subspan(offset, width));
    }

    void multiplyVector(std::int64_t offset, std::int64_t by)
    {
        for (std::int64_t i = 0; i < m_shape.hidden; ++i)
            m_vectors[offset + i] *= m_vectors[by + i];
    }

    void loadLowerBounds()
    {
        const std::int64_t d = m_shape.hidden;
        std::vector<float> parameters(static_cast<std::size_t>(m_shape.layers * d));
        m_source.floats("model.lower_bounds", parameters);
        const std::vector<float> bounds = lowerBoundsFromParameters(parameters, m_shape.layers, d);
        for (std::int64_t layer = 0; layer < m_shape.layers; ++layer) {
            const std::int64_t offset = layer * m_shape.layerVectorFloats() +
                                        static_cast<int>(LayerVector::LowerBound) * m_shape.hidden4();
            std::copy_n(bounds.begin() + layer * d, d, m_vectors.begin() + offset);
        }
    }

    void loadEmbedding()
    {
        const TensorView view = m_source.view("model.embeddings.weight");
        m_weights.m_embeddingType = view.dtype;
        m_weights.m_embedding = DeviceArray<std::byte>(view.bytes.size(), "the embedding table");
        checkCuda(cudaMemcpyAsync(m_weights.m_embedding.data(), view.bytes.data(), view.bytes.size(),
                                  cudaMemcpyHostToDevice, m_stream.get()));
        m_stream.synchronize();
        m_source.release("model.embeddings.weight");
    }

    void upload(const std::vector<float>& host, DeviceArray<float>& device)
    {
        checkCuda(cudaMemcpyAsync(device.data(), host.data(), host.size() * sizeof(float),
                                  cudaMemcpyHostToDevice, m_stream.get()));
        m_stream.synchronize();
    }

    CudaWeights& m_weights;
    const ModelSource& m_source;
    const Stream& m_stream;
    const DecodeShape m_shape;
    DeviceArray<std::uint8_t> m_codes;
    std::vector<float> m_vectors, m_scales;
};

CudaWeights::CudaWeights(const ModelSource& source, const Stream& stream)
    : m_shape(shapeOf(source.config()))
{
    const std::int64_t blocks = m_shape.layers * m_shape.layerBlocks() + m_shape.packed(Phase::Head).blocks();
    m_blocks =
        DeviceArray<uint4>(static_cast<std::size_t>(blocks * kUint4PerBlock), "packed ternary weights");
    m_vectors = DeviceArray<float>(
        static_cast<std::size_t>(m_shape.layers * m_shape.layerVectorFloats() + 4 * m_shape.hidden4()),
        "norm vectors");
    m_scales =
        DeviceArray<float>(static_cast<std::size_t>(m_shape.layers * kLayerScales + 1), "weight scales");
    Loader(*this, source, stream).load();
}

const uint4* CudaWeights::blocks(std::int64_t layer, Phase phase) const
{
    if (phase == Phase::Head)
        layer = m_shape.layers;
    return m_blocks.data() +
           (layer * m_shape.layerBlocks() + m_shape.phaseFirstBlock(phase)) * kUint4PerBlock;
}

const float* CudaWeights::vector(std::int64_t layer, LayerVector which) const
{
    return m_vectors.data() + layer * m_shape.layerVectorFloats() +
           static_cast<int>(which) * m_shape.hidden4();
}

const float* CudaWeights::finalNorm() const
{
    return m_vectors.data() + m_shape.layers * m_shape.layerVectorFloats();
}
const float* CudaWeights::headProduct() const
{
    return finalNorm() + m_shape.hidden4();
}

const float* CudaWeights::scale(std::int64_t layer, LayerScale which) const
{
    return m_scales.data() + layer * kLayerScales + static_cast<int>(which);
}
const float* CudaWeights::headScale() const
{
    return m_scales.data() + m_shape.layers * kLayerScales;
}

} // namespace mmfree::cuda
