// Access to the golden vectors and the measures that judge agreement with them (tests/golden/README.md).
#pragma once

#include "engine/core/types.h"
#include "engine/model/safetensors.h"
#include "tests/support/test_files.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace mmfree::test
{

inline std::vector<float> goldenFloats(const SafetensorsFile& file, const std::string& name)
{
    const TensorView& tensor = file.require(name);
    std::vector<float> values(static_cast<std::size_t>(elementCount(tensor.shape)));
    copyToFloat(tensor, 0, values);
    return values;
}

inline std::vector<TokenId> goldenTokens(const SafetensorsFile& file)
{
    const TensorView& tensor = file.require("input_ids");
    std::vector<TokenId> tokens(static_cast<std::size_t>(elementCount(tensor.shape)));
    std::memcpy(tokens.data(), tensor.bytes.data(), tensor.bytes.size());
    return tokens;
}

// ||a - b|| / ||b||
inline double relativeError(std::span<const float> a, std::span<const float> b)
{
    double difference = 0.0, norm = 0.0;
    for (std::size_t i = 0; i < b.size(); ++i) {
        difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
        norm += std::pow(static_cast<double>(b[i]), 2);
    }
    return std::sqrt(difference / std::max(norm, 1e-300));
}

// Normalised mean squared error, relativeError squared.
inline double nmse(std::span<const float> a, std::span<const float> b)
{
    return std::pow(relativeError(a, b), 2);
}

// Mean KL(b || a) in nats over rows of `width` logits, and the share of rows with the same arg-max.
struct LogitAgreement {
    double meanKl = 0.0;
    double topOne = 0.0;
};
inline LogitAgreement compareLogits(std::span<const float> a, std::span<const float> b, std::size_t width)
{
    LogitAgreement result;
    const std::size_t rows = b.size() / width;
    const auto logSum = [&](std::span<const float> row) {
        double largest = row[0], sum = 0.0;
        for (const float value : row)
            largest = std::max<double>(largest, value);
        for (const float value : row)
            sum += std::exp(value - largest);
        return largest + std::log(sum);
    };
    for (std::size_t r = 0; r < rows; ++r) {
        const auto rowA = a.subspan(r * width, width), rowB = b.subspan(r * width, width);
        const double sumA = logSum(rowA), sumB = logSum(rowB);
        std::size_t topA = 0, topB = 0;
        for (std::size_t i = 0; i < width; ++i) {
            result.meanKl +=
                std::exp(rowB[i] - sumB) * ((rowB[i] - sumB) - (rowA[i] - sumA)) / static_cast<double>(rows);
            topA = rowA[i] > rowA[topA] ? i : topA;
            topB = rowB[i] > rowB[topB] ? i : topB;
        }
        result.topOne += (topA == topB ? 1.0 : 0.0) / static_cast<double>(rows);
    }
    return result;
}

} // namespace mmfree::test
