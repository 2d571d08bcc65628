// A tensor that a backend reads in place (embedding, dense weights), after a look for NaN and infinity.
// Copied tensors are checked by ModelSource::floats and ::ternary; this is the same promise for borrowed
// ones.
#pragma once

#include "engine/core/error.h"
#include "engine/model/model_source.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

namespace mmfree
{

// Throws NumericFailure naming model, tensor and position. Reads the tensor once, a block at a time.
inline TensorView finiteView(const ModelSource& source, const std::string& name)
{
    const TensorView view = source.view(name);
    const std::int64_t count = elementCount(view.shape);
    std::vector<float> block(static_cast<std::size_t>(std::min<std::int64_t>(count, 1 << 14)));
    for (std::int64_t first = 0; first < count; first += static_cast<std::int64_t>(block.size())) {
        const auto size = std::min(block.size(), static_cast<std::size_t>(count - first));
        const std::span<float> values(block.data(), size);
        copyToFloat(view, first, values);
        const auto bad =
            std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
        if (bad == values.end())
            continue;
        throw Error(ErrorCode::NumericFailure, source.name() + ": tensor " + name + ": value " +
                                                   std::to_string(first + (bad - values.begin())) + " is " +
                                                   std::to_string(*bad) + ", needed: a finite number");
    }
    return view;
}

// A vector of a model in the operators' memory; adds its bytes.
template <class O>
[[nodiscard]] typename O::Floats loadFloats(O& ops, const ModelSource& source, const std::string& name,
                                            std::int64_t width, std::size_t& bytes)
{
    std::vector<float> values(static_cast<std::size_t>(width));
    source.floats(name, values);
    bytes += values.size() * sizeof(float);
    return ops.upload(values);
}

} // namespace mmfree
