#include "engine/runtime/activation_trace.h"

#include <algorithm>

namespace mmfree
{

bool ProbeRequest::wants(std::int64_t layer, Quantity quantity) const
{
    return std::find(points.begin(), points.end(), std::pair(layer, quantity)) != points.end();
}

ProbeRequest ProbeRequest::everyLayer(std::int64_t layerCount, const std::vector<Quantity>& quantities)
{
    ProbeRequest request;
    for (std::int64_t layer = 0; layer < layerCount; ++layer) {
        for (const Quantity quantity : quantities)
            request.points.emplace_back(layer, quantity);
    }
    return request;
}

} // namespace mmfree
