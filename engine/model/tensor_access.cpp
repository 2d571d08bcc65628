// See tensor_access.h.
#include "engine/model/tensor_access.h"

#include "engine/core/error.h"
#include "engine/model/json_reader.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace mmfree
{

SchemaIndex::SchemaIndex(const ModelConfig& config)
{
    for (TensorSpec& spec : tensorSchema(config)) {
        std::string name = spec.name;
        m_specs.emplace(std::move(name), std::move(spec));
    }
}

const TensorSpec& SchemaIndex::spec(const std::string& name) const
{
    const auto found = m_specs.find(name);
    if (found == m_specs.end())
        throw Error(ErrorCode::InvalidArgument, "tensor " + printable(name) + " is not part of this model");
    return found->second;
}

const TensorSpec& SchemaIndex::ternarySpec(const std::string& name) const
{
    const TensorSpec& found = spec(name);
    if (found.role != TensorRole::TernaryWeight)
        throw Error(ErrorCode::InvalidArgument, "tensor " + printable(name) + " is not a ternary weight");
    return found;
}

void copyFinite(const TensorView& tensor, std::span<float> out, const std::string& what)
{
    const std::int64_t count = elementCount(tensor.shape);
    if (static_cast<std::int64_t>(out.size()) != count)
        throw Error(ErrorCode::InvalidArgument, what + " has " + std::to_string(count) +
                                                    " values, room was given for " +
                                                    std::to_string(out.size()));
    copyToFloat(tensor, 0, out);
    // The bits of |x| order like |x|, with infinity and NaN above every finite number: no branch per value.
    std::uint32_t largest = 0;
    for (const float value : out)
        largest = std::max(largest, std::bit_cast<std::uint32_t>(value) & 0x7FFFFFFFu);
    if (largest < 0x7F800000u)
        return;
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (!std::isfinite(out[i]))
            throw Error(ErrorCode::NumericFailure, what + ": value " + std::to_string(i) + " is " +
                                                       std::to_string(out[i]) + ", needed: a finite number");
    }
}

std::string describeModel(const ModelConfig& config)
{
    return std::string(config.isTernary() ? "MatMul-free (hgrn_bit)" : "dense (llama)") + " model with " +
           std::to_string(config.layerCount) + (config.layerCount == 1 ? " layer" : " layers");
}

} // namespace mmfree
