#include "engine/analysis/tensor_statistics.h"

#include "engine/core/error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace mmfree
{

namespace
{

constexpr std::uint64_t kLowBits = 0x5555555555555555ull;
constexpr std::int64_t kBlock = 1 << 14; // elements converted at once

// Codes of a row in packed bytes: 0 is -1, 1 is 0, 2 is +1. Padding codes are 1.
TernaryCounts countRow(const std::uint8_t* codes, std::int64_t cols)
{
    TernaryCounts counts;
    const std::int64_t bytes = (cols + 3) / 4;
    std::int64_t i = 0;
    for (; i + 8 <= bytes; i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, codes + i, sizeof word);
        counts.zero += std::popcount(word & kLowBits);
        counts.plus += std::popcount((word >> 1) & kLowBits);
    }
    for (; i < bytes; ++i) {
        counts.zero += std::popcount(codes[i] & 0x55u);
        counts.plus += std::popcount((codes[i] >> 1) & 0x55u);
    }
    counts.zero -= bytes * 4 - cols;
    counts.minus = cols - counts.zero - counts.plus;
    return counts;
}

// Calls body(values, firstElement) for consecutive blocks of a tensor converted to f32.
template <class Body>
void forBlocks(const TensorView& view, Body&& body)
{
    const std::int64_t count = elementCount(view.shape);
    std::vector<float> block(static_cast<std::size_t>(std::min(count, kBlock)));
    for (std::int64_t first = 0; first < count; first += kBlock) {
        const auto width = static_cast<std::size_t>(std::min(kBlock, count - first));
        copyToFloat(view, first, {block.data(), width});
        body(std::span<const float>(block.data(), width), first);
    }
}

void requireFinite(std::span<const float> values, std::int64_t first, const std::string& name)
{
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!std::isfinite(values[i]))
            throw Error(ErrorCode::NumericFailure,
                        name + ": element " + std::to_string(first + static_cast<std::int64_t>(i)) + " is " +
                            std::to_string(values[i]) + ", needed: a finite number");
    }
}

void measureFloats(const TensorView& view, TensorStatistics& statistics)
{
    double sum = 0.0, squares = 0.0;
    double least = std::numeric_limits<double>::infinity(), greatest = -least;
    forBlocks(view, [&](std::span<const float> values, std::int64_t first) {
        requireFinite(values, first, statistics.name);
        for (const float value : values) {
            sum += value;
            squares += static_cast<double>(value) * value;
            least = std::min(least, static_cast<double>(value));
            greatest = std::max(greatest, static_cast<double>(value));
        }
    });
    const auto count = static_cast<double>(statistics.parameters);
    statistics.mean = sum / count;
    statistics.deviation = std::sqrt(std::max(0.0, squares / count - statistics.mean * statistics.mean));
    statistics.least = least;
    statistics.greatest = greatest;
}

std::int64_t differingFloats(const TensorView& a, const TensorView& b)
{
    std::int64_t differing = 0;
    std::vector<float> other(static_cast<std::size_t>(kBlock));
    forBlocks(a, [&](std::span<const float> values, std::int64_t first) {
        copyToFloat(b, first, {other.data(), values.size()});
        for (std::size_t i = 0; i < values.size(); ++i)
            differing += values[i] != other[i] ? 1 : 0;
    });
    return differing;
}

} // namespace

double TernaryCounts::entropyBits() const
{
    double bits = 0.0;
    for (const std::int64_t count : {minus, zero, plus}) {
        if (count > 0) {
            const double share = static_cast<double>(count) / static_cast<double>(total());
            bits -= share * std::log2(share);
        }
    }
    return bits;
}

double TensorStatistics::bitsPerWeight() const
{
    return parameters > 0 ? 8.0 * static_cast<double>(bytes) / static_cast<double>(parameters) : 0.0;
}

TernaryCounts countTernary(const TernaryTensor& tensor)
{
    TernaryCounts total;
    for (std::int64_t row = 0; row < tensor.rows; ++row) {
        const TernaryCounts counts = countRow(tensor.codes.data() + row * tensor.rowBytes(), tensor.cols);
        total.minus += counts.minus;
        total.zero += counts.zero;
        total.plus += counts.plus;
    }
    return total;
}

TernaryCounts countTernary(const TernaryTensor& tensor, std::int64_t firstRow, std::int64_t firstCol,
                           std::int64_t rows, std::int64_t cols)
{
    TernaryCounts counts;
    const std::int64_t end = firstCol + cols;
    // Whole bytes in the middle are counted by words, what sticks out by cells.
    const std::int64_t from = std::min((firstCol + 3) / 4 * 4, end), until = std::max(end / 4 * 4, from);
    for (std::int64_t row = firstRow; row < firstRow + rows; ++row) {
        const auto count = [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t col = first; col < last; ++col) {
                const int value = tensor.at(row, col);
                ++(value < 0 ? counts.minus : value > 0 ? counts.plus : counts.zero);
            }
        };
        count(firstCol, from);
        const TernaryCounts middle =
            countRow(tensor.codes.data() + row * tensor.rowBytes() + from / 4, until - from);
        counts.minus += middle.minus;
        counts.zero += middle.zero;
        counts.plus += middle.plus;
        count(until, end);
    }
    return counts;
}

TernaryProfile profileOf(const TernaryTensor& tensor)
{
    TernaryProfile profile;
    const auto rows = static_cast<std::size_t>(tensor.rows), cols = static_cast<std::size_t>(tensor.cols);
    profile.rowBalance.resize(rows);
    profile.rowZeros.resize(rows);
    std::vector<std::int32_t> plus(cols), minus(cols);
    std::vector<std::int8_t> values(cols);
    for (std::size_t row = 0; row < rows; ++row) {
        tensor.unpackRow(static_cast<std::int64_t>(row), values);
        std::int64_t balance = 0, used = 0;
        for (std::size_t col = 0; col < cols; ++col) {
            plus[col] += values[col] > 0;
            minus[col] += values[col] < 0;
            balance += values[col];
            used += values[col] != 0;
        }
        profile.rowBalance[row] =
            static_cast<float>(static_cast<double>(balance) / static_cast<double>(cols));
        profile.rowZeros[row] =
            static_cast<float>(1.0 - static_cast<double>(used) / static_cast<double>(cols));
        profile.deadRows += used == 0;
    }
    profile.colBalance.resize(cols);
    profile.colZeros.resize(cols);
    for (std::size_t col = 0; col < cols; ++col) {
        const auto height = static_cast<double>(rows);
        profile.colBalance[col] = static_cast<float>((plus[col] - minus[col]) / height);
        profile.colZeros[col] = static_cast<float>(1.0 - (plus[col] + minus[col]) / height);
        profile.deadCols += plus[col] + minus[col] == 0;
    }
    return profile;
}

double Histogram::binWidth() const
{
    return counts.empty() ? 0.0 : (high - low) / static_cast<double>(counts.size());
}

std::int64_t Histogram::total() const
{
    std::int64_t sum = 0;
    for (const std::int64_t count : counts)
        sum += count;
    return sum;
}

namespace
{

void addToHistogram(std::span<const float> values, Histogram& histogram)
{
    const double perUnit = static_cast<double>(histogram.counts.size()) / (histogram.high - histogram.low);
    const auto last = static_cast<double>(histogram.counts.size() - 1);
    for (const float value : values) {
        const double bin = std::clamp(std::floor((value - histogram.low) * perUnit), 0.0, last);
        ++histogram.counts[static_cast<std::size_t>(bin)];
    }
}

Histogram emptyHistogram(int bins, double low, double high)
{
    if (bins < 1 || !(high > low))
        throw Error(ErrorCode::InvalidArgument, "histogram of " + std::to_string(bins) + " bins from " +
                                                    std::to_string(low) + " to " + std::to_string(high) +
                                                    ", needed: at least 1 bin and a range");
    return {low, high, std::vector<std::int64_t>(static_cast<std::size_t>(bins))};
}

} // namespace

Histogram histogramOf(std::span<const float> values, int bins, double low, double high)
{
    Histogram histogram = emptyHistogram(bins, low, high);
    requireFinite(values, 0, "histogram");
    addToHistogram(values, histogram);
    return histogram;
}

Histogram latentHistogram(const TensorView& latent, int bins, double low, double high,
                          const std::string& name)
{
    Histogram histogram = emptyHistogram(bins, low, high);
    forBlocks(latent, [&](std::span<const float> values, std::int64_t first) {
        requireFinite(values, first, name);
        addToHistogram(values, histogram);
    });
    return histogram;
}

Histogram latentHistogram(const TensorView& latent, int bins, const std::string& name)
{
    double limit = 0.0;
    forBlocks(latent, [&](std::span<const float> values, std::int64_t first) {
        requireFinite(values, first, name);
        for (const float value : values)
            limit = std::max(limit, std::fabs(static_cast<double>(value)));
    });
    if (limit == 0.0)
        limit = 1.0;
    return latentHistogram(latent, bins, -limit, limit, name);
}

double marginToFlip(double latent, double scale)
{
    return std::fabs(std::fabs(latent) - roundingEdge(scale));
}

Transitions countTransitions(const TernaryTensor& from, const TernaryTensor& to)
{
    if (from.rows != to.rows || from.cols != to.cols)
        throw Error(ErrorCode::InvalidArgument, "matrices are " + shapeText({from.rows, from.cols}) +
                                                    " and " + shapeText({to.rows, to.cols}) +
                                                    ", needed: the same shape");
    // Counted by pairs of bytes would need 64K tables; by row the unpacked form is fast enough.
    Transitions counts{};
    std::vector<std::int8_t> a(static_cast<std::size_t>(from.cols)), b(a.size());
    for (std::int64_t row = 0; row < from.rows; ++row) {
        from.unpackRow(row, a);
        to.unpackRow(row, b);
        for (std::size_t col = 0; col < a.size(); ++col)
            ++counts[static_cast<std::size_t>(3 * (a[col] + 1) + b[col] + 1)];
    }
    return counts;
}

std::uint64_t storedBytes(const ModelSource& source, const TensorSpec& spec, const TernaryTensor* ternary)
{
    if (!ternary || (source.hasLatentWeights() && !source.path().empty()))
        return source.view(spec.name).bytes.size();
    const bool base3 = !source.path().empty() && !ternary->storage.empty(); // unpacked from the denser form
    const std::int64_t rowBytes = base3 ? base3RowBytes(ternary->cols) : ternary->rowBytes();
    return static_cast<std::uint64_t>(ternary->rows * rowBytes) + sizeof(float);
}

TensorStatistics measureTensor(const ModelSource& source, const TensorSpec& spec,
                               const ModelSource* reference)
{
    TensorStatistics statistics;
    statistics.name = spec.name;
    statistics.role = spec.role;
    statistics.shape = spec.shape;
    statistics.layer = spec.layer;
    statistics.parameters = elementCount(spec.shape);
    if (spec.role != TensorRole::TernaryWeight) {
        const TensorView view = source.view(spec.name);
        statistics.bytes = view.bytes.size();
        measureFloats(view, statistics);
        if (reference) {
            statistics.changed = differingFloats(view, reference->view(spec.name));
            reference->release(spec.name);
        }
        source.release(spec.name);
        return statistics;
    }
    const TernaryTensor tensor = source.ternary(spec.name);
    statistics.scale = tensor.scale;
    statistics.bytes = storedBytes(source, spec, &tensor);
    std::vector<std::uint8_t> used(static_cast<std::size_t>(tensor.rowBytes()));
    for (std::int64_t row = 0; row < tensor.rows; ++row) {
        const std::uint8_t* codes = tensor.codes.data() + row * tensor.rowBytes();
        const TernaryCounts counts = countRow(codes, tensor.cols);
        statistics.counts.minus += counts.minus;
        statistics.counts.zero += counts.zero;
        statistics.counts.plus += counts.plus;
        statistics.deadRows += counts.zero == tensor.cols;
        for (std::size_t i = 0; i < used.size(); ++i) // a code that is not 1 marks its column
            used[i] |= static_cast<std::uint8_t>(codes[i] ^ 0x55u);
    }
    for (std::int64_t col = 0; col < tensor.cols; ++col)
        statistics.deadCols += ((used[static_cast<std::size_t>(col / 4)] >> (2 * (col % 4))) & 3) == 0;
    if (source.hasLatentWeights() && !source.path().empty()) {
        measureFloats(source.view(spec.name), statistics);
        source.release(spec.name);
    }
    if (reference) {
        const Transitions moved = countTransitions(reference->ternary(spec.name), tensor);
        statistics.changed = statistics.parameters - moved[0] - moved[4] - moved[8];
    }
    return statistics;
}

void requireSameShape(const ModelSource& source, const ModelSource& reference)
{
    const auto text = [](const ModelConfig& config) {
        return std::to_string(config.layerCount) + " layers, hidden size " +
               std::to_string(config.hiddenSize) + ", width " + std::to_string(config.intermediateSize) +
               ", vocabulary " + std::to_string(config.vocabularySize) +
               (config.isTernary() ? ", MatMul-free" : ", Transformer");
    };
    const ModelConfig &a = source.config(), &b = reference.config();
    const bool same = a.architecture == b.architecture && a.layerCount == b.layerCount &&
                      a.hiddenSize == b.hiddenSize && a.intermediateSize == b.intermediateSize &&
                      a.vocabularySize == b.vocabularySize && a.keyValueHeadCount == b.keyValueHeadCount &&
                      a.headCount == b.headCount && a.tieEmbeddings == b.tieEmbeddings;
    if (!same)
        throw Error(ErrorCode::InvalidArgument, "reference " + reference.name() + " has " + text(b) +
                                                    ", needed: the shape of " + source.name() + ", " +
                                                    text(a));
}

std::vector<TensorStatistics>
measureModel(const ModelSource& source, const ModelSource* reference, const std::stop_token& stop,
             const std::function<void(const TensorStatistics&, std::size_t)>& done)
{
    if (reference)
        requireSameShape(source, *reference);
    std::vector<TensorStatistics> result;
    for (const TensorSpec& spec : tensorSchema(source.config())) {
        if (stop.stop_requested())
            break;
        result.push_back(measureTensor(source, spec, reference));
        if (done)
            done(result.back(), result.size() - 1);
    }
    return result;
}

const char* tensorRoleName(TensorRole role)
{
    switch (role) {
    case TensorRole::Embedding:
        return "embedding";
    case TensorRole::Norm:
        return "norm";
    case TensorRole::LowerBounds:
        return "lower bounds";
    case TensorRole::TernaryWeight:
        return "ternary weight";
    case TensorRole::DenseWeight:
        return "dense weight";
    }
    return "";
}

nlohmann::ordered_json statisticsToJson(const TensorStatistics& statistics)
{
    nlohmann::ordered_json json{{"name", statistics.name},
                                {"role", tensorRoleName(statistics.role)},
                                {"layer", statistics.layer},
                                {"shape", statistics.shape},
                                {"parameters", statistics.parameters},
                                {"bytes", statistics.bytes},
                                {"bitsPerWeight", statistics.bitsPerWeight()}};
    if (statistics.role == TensorRole::TernaryWeight) {
        json["minus"] = statistics.counts.minus;
        json["zero"] = statistics.counts.zero;
        json["plus"] = statistics.counts.plus;
        json["entropyBits"] = statistics.counts.entropyBits();
        json["scale"] = statistics.scale;
        json["deadRows"] = statistics.deadRows;
        json["deadCols"] = statistics.deadCols;
    }
    if (statistics.greatest > statistics.least || statistics.role != TensorRole::TernaryWeight) {
        json["mean"] = statistics.mean;
        json["deviation"] = statistics.deviation;
        json["least"] = statistics.least;
        json["greatest"] = statistics.greatest;
    }
    if (statistics.changed >= 0)
        json["changed"] = statistics.changed;
    return json;
}

TensorStatistics statisticsFromJson(const nlohmann::json& json, const std::string& name)
{
    try {
        TensorStatistics statistics;
        statistics.name = json.at("name").get<std::string>();
        const auto role = json.at("role").get<std::string>();
        bool known = false;
        for (const TensorRole candidate : {TensorRole::Embedding, TensorRole::Norm, TensorRole::LowerBounds,
                                           TensorRole::TernaryWeight, TensorRole::DenseWeight}) {
            if (role == tensorRoleName(candidate)) {
                statistics.role = candidate;
                known = true;
            }
        }
        if (!known)
            throw Error(ErrorCode::InvalidFile, name + ": role is \"" + role + "\", needed: a known one");
        statistics.layer = json.at("layer").get<std::int64_t>();
        statistics.shape = json.at("shape").get<Shape>();
        statistics.parameters = json.at("parameters").get<std::int64_t>();
        statistics.bytes = json.at("bytes").get<std::uint64_t>();
        statistics.counts.minus = json.value("minus", std::int64_t{0});
        statistics.counts.zero = json.value("zero", std::int64_t{0});
        statistics.counts.plus = json.value("plus", std::int64_t{0});
        statistics.scale = json.value("scale", 0.0);
        statistics.deadRows = json.value("deadRows", std::int64_t{0});
        statistics.deadCols = json.value("deadCols", std::int64_t{0});
        statistics.mean = json.value("mean", 0.0);
        statistics.deviation = json.value("deviation", 0.0);
        statistics.least = json.value("least", 0.0);
        statistics.greatest = json.value("greatest", 0.0);
        statistics.changed = json.value("changed", std::int64_t{-1});
        return statistics;
    } catch (const nlohmann::json::exception& error) {
        throw Error(ErrorCode::InvalidFile, name + ": " + error.what());
    }
}

} // namespace mmfree
