// A MatMul-free model's weights on a device: packed ternary blocks of all layers and the head in one
// allocation, norm vectors, scales and the embedding table in its stored precision. Made once from a
// ModelSource; constant after.
#pragma once

#include "engine/cuda/decode_kernel.h"
#include "engine/cuda/device_memory.h"
#include "engine/model/model_source.h"

namespace mmfree::cuda
{

class CudaWeights
{
public:
    // Packs on `stream` and waits. Throws OutOfMemory with needed and free bytes, or the source's errors.
    CudaWeights(const ModelSource& source, const Stream& stream);

    [[nodiscard]] const DecodeShape& shape() const { return m_shape; }
    [[nodiscard]] const uint4* blocks() const { return m_blocks.data(); }
    [[nodiscard]] const uint4* blocks(std::int64_t layer, Phase phase) const; // Head: layer is ignored
    [[nodiscard]] const float* vectors() const { return m_vectors.data(); }
    [[nodiscard]] const float* vector(std::int64_t layer, LayerVector which) const;
    [[nodiscard]] const float* finalNorm() const;
    [[nodiscard]] const float* headProduct() const;
    [[nodiscard]] const float* scales() const { return m_scales.data(); }
    [[nodiscard]] const float* scale(std::int64_t layer, LayerScale which) const;
    [[nodiscard]] const float* headScale() const;
    [[nodiscard]] const void* embedding() const { return m_embedding.data(); }
    [[nodiscard]] DType embeddingType() const { return m_embeddingType; }
    [[nodiscard]] std::size_t bytes() const
    {
        return m_blocks.bytes() + m_vectors.bytes() + m_scales.bytes() + m_embedding.bytes();
    }

private:
    class Loader;

    DecodeShape m_shape;
    DeviceArray<uint4> m_blocks;        // 32 per 512-byte block
    DeviceArray<float> m_vectors;       // see DecodeArguments::vectors
    DeviceArray<float> m_scales;        // [layers, 6] and the head's
    DeviceArray<std::byte> m_embedding; // [V, d] in m_embeddingType
    DType m_embeddingType = DType::F32;
};

} // namespace mmfree::cuda
