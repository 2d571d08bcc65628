// Numbers about the tensors of a model: shares of -1/0/+1, scales, dead rows, balance, latent histograms,
// differences of two checkpoints. Used by `mmfree inspect` and the explorer; reads a ModelSource, runs
// nothing.
#pragma once

#include "engine/model/model_source.h"

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace mmfree
{

// How many weights are -1, 0 and +1.
struct TernaryCounts {
    std::int64_t minus = 0, zero = 0, plus = 0;
    [[nodiscard]] std::int64_t total() const { return minus + zero + plus; }
    // Shannon entropy of the three shares, bits per weight, 0 .. 1.585.
    [[nodiscard]] double entropyBits() const;
    friend bool operator==(const TernaryCounts&, const TernaryCounts&) = default;
};

struct TensorStatistics {
    std::string name;
    TensorRole role = TensorRole::Norm;
    Shape shape;
    std::int64_t layer = -1;
    std::int64_t parameters = 0;
    std::uint64_t bytes = 0; // as the source stores it; not from disk: as a 2-bit or f32 tensor
    [[nodiscard]] double bitsPerWeight() const;

    // Ternary tensors; zeros otherwise.
    TernaryCounts counts;
    double scale = 0.0;
    std::int64_t deadRows = 0; // outputs all of whose weights are 0
    std::int64_t deadCols = 0; // inputs that no output uses
    // Others (and the latents of ternary tensors where the source has them).
    double mean = 0.0, deviation = 0.0, least = 0.0, greatest = 0.0;
    // Against a reference: weights whose ternary value (others: whose value) differs; -1: not compared.
    std::int64_t changed = -1;
};

// Counts of a rectangle of a ternary matrix (inside it).
[[nodiscard]] TernaryCounts countTernary(const TernaryTensor& tensor, std::int64_t firstRow,
                                         std::int64_t firstCol, std::int64_t rows, std::int64_t cols);
[[nodiscard]] TernaryCounts countTernary(const TernaryTensor& tensor);

struct TernaryProfile {
    std::vector<float> rowBalance; // [rows] (plus - minus) / cols
    std::vector<float> rowZeros;   // [rows] share of zeros
    std::vector<float> colBalance; // [cols]
    std::vector<float> colZeros;   // [cols]
    std::int64_t deadRows = 0, deadCols = 0;
};
[[nodiscard]] TernaryProfile profileOf(const TernaryTensor& tensor);

// Counts of finite values in equal bins over [low, high]; the last bin holds `high` itself.
struct Histogram {
    double low = 0.0, high = 0.0;
    std::vector<std::int64_t> counts;
    [[nodiscard]] double binWidth() const;
    [[nodiscard]] std::int64_t total() const;
};
// Symmetric around 0 over all values of a tensor in any float dtype (a constant 0: [-1, 1]). `bins` >= 1;
// throws NumericFailure for values that are not finite. The second form takes the range; values outside it
// are counted in the first and last bin.
[[nodiscard]] Histogram latentHistogram(const TensorView& latent, int bins, const std::string& name);
[[nodiscard]] Histogram latentHistogram(const TensorView& latent, int bins, double low, double high,
                                        const std::string& name);
[[nodiscard]] Histogram histogramOf(std::span<const float> values, int bins, double low, double high);

// Latent weights rounded to 0 lie between -edge and +edge, edge = scale / 2 (round half to even: the edge is
// 0).
[[nodiscard]] inline double roundingEdge(double scale)
{
    return 0.5 * scale;
}
// How far a latent weight is from the edge where its ternary value changes, in units of the latent; >= 0.
[[nodiscard]] double marginToFlip(double latent, double scale);

// [3 * (from + 1) + (to + 1)] counts weights that go from one value to another. Shapes must match
// (InvalidArgument).
using Transitions = std::array<std::int64_t, 9>;
[[nodiscard]] Transitions countTransitions(const TernaryTensor& from, const TernaryTensor& to);

// One tensor. `reference` may be null; it must have the same configuration.
[[nodiscard]] TensorStatistics measureTensor(const ModelSource& source, const TensorSpec& spec,
                                             const ModelSource* reference);

// All tensors in schema order; `done(statistics, index)` after each. Stops early when asked. Throws
// InvalidArgument naming both shapes when the reference is another architecture or size.
std::vector<TensorStatistics>
measureModel(const ModelSource& source, const ModelSource* reference, const std::stop_token& stop,
             const std::function<void(const TensorStatistics&, std::size_t)>& done = {});
void requireSameShape(const ModelSource& source, const ModelSource& reference);

// Bytes a tensor takes where the source keeps it.
[[nodiscard]] std::uint64_t storedBytes(const ModelSource& source, const TensorSpec& spec,
                                        const TernaryTensor* ternary);

[[nodiscard]] const char* tensorRoleName(TensorRole role); // "ternary weight"

[[nodiscard]] nlohmann::ordered_json statisticsToJson(const TensorStatistics& statistics);
// Throws InvalidFile naming `name` for anything that is not what statisticsToJson writes.
[[nodiscard]] TensorStatistics statisticsFromJson(const nlohmann::json& json, const std::string& name);

} // namespace mmfree
