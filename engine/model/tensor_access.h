// Shared by the kinds of ModelSource: looking tensors up by schema, checking finite values. Internal to this
// room.
#pragma once

#include "engine/core/types.h"
#include "engine/model/model_config.h"

#include <map>
#include <span>
#include <string>

namespace mmfree
{

// Specs by name. Unknown names throw InvalidArgument: callers take names from the schema.
class SchemaIndex
{
public:
    explicit SchemaIndex(const ModelConfig& config);
    [[nodiscard]] const TensorSpec& spec(const std::string& name) const;
    [[nodiscard]] bool contains(const std::string& name) const { return m_specs.count(name) != 0; }
    [[nodiscard]] const std::map<std::string, TensorSpec>& specs() const { return m_specs; }

    // The spec, after checking that its role is TernaryWeight (InvalidArgument otherwise).
    [[nodiscard]] const TensorSpec& ternarySpec(const std::string& name) const;

private:
    std::map<std::string, TensorSpec> m_specs;
};

// Converts the whole tensor to f32; throws NumericFailure naming `what` and the index of the first NaN or
// infinity, InvalidArgument when `out` has another size.
void copyFinite(const TensorView& tensor, std::span<float> out, const std::string& what);

// "MatMul-free model with 24 layers", for messages.
[[nodiscard]] std::string describeModel(const ModelConfig& config);

} // namespace mmfree
