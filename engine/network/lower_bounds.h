// The learned lower bounds of the forget gates, on the host (they are [layers, hidden], tiny beside
// everything else): LB = cumsum(softmax(parameters, dim=0), dim=0) - LB[0], arXiv:2406.02528 section 3.3.1 as
// the public code computes it; layer 0 gets 0. Used by the forward pass at load or once a training step, and
// by the backward pass.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace mmfree
{

// parameters [layers, width]; returns bounds [layers, width].
inline std::vector<float> lowerBoundsFromParameters(std::span<const float> parameters, std::int64_t layers,
                                                    std::int64_t width)
{
    std::vector<float> bounds(static_cast<std::size_t>(layers * width));
    for (std::int64_t channel = 0; channel < width; ++channel) {
        double largest = -INFINITY, sum = 0.0, running = 0.0;
        for (std::int64_t layer = 0; layer < layers; ++layer)
            largest = std::fmax(largest, parameters[layer * width + channel]);
        for (std::int64_t layer = 0; layer < layers; ++layer)
            sum += std::exp(parameters[layer * width + channel] - largest);
        for (std::int64_t layer = 1; layer < layers;
             ++layer) { // layer 0 stays 0: LB[0] is subtracted from all
            running += std::exp(parameters[layer * width + channel] - largest) / sum;
            bounds[layer * width + channel] = static_cast<float>(running);
        }
    }
    return bounds;
}

// dParameters [layers, width] += gradient of the above for dBounds [layers, width] (row 0 has no effect).
inline void lowerBoundsBackward(std::span<const float> parameters, std::span<const float> dBounds,
                                std::int64_t layers, std::int64_t width, std::span<float> dParameters)
{
    std::vector<double> softmax(layers), dSoftmax(layers);
    for (std::int64_t channel = 0; channel < width; ++channel) {
        double largest = -INFINITY, sum = 0.0;
        for (std::int64_t layer = 0; layer < layers; ++layer)
            largest = std::fmax(largest, parameters[layer * width + channel]);
        for (std::int64_t layer = 0; layer < layers; ++layer)
            sum += softmax[layer] = std::exp(parameters[layer * width + channel] - largest);
        double suffix = 0.0, weighted = 0.0; // softmax[0] cancels out of every bound
        for (std::int64_t layer = layers - 1; layer >= 0; --layer) {
            softmax[layer] /= sum;
            suffix += layer > 0 ? dBounds[layer * width + channel] : 0.0f;
            dSoftmax[layer] = layer > 0 ? suffix : 0.0;
            weighted += softmax[layer] * dSoftmax[layer];
        }
        for (std::int64_t layer = 0; layer < layers; ++layer)
            dParameters[layer * width + channel] +=
                static_cast<float>(softmax[layer] * (dSoftmax[layer] - weighted));
    }
}

} // namespace mmfree
