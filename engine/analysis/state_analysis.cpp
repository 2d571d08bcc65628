#include "engine/analysis/state_analysis.h"

#include "engine/core/random.h"
#include "engine/network/lower_bounds.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

namespace mmfree
{

namespace
{

constexpr int kClusters = 8;
constexpr int kClusterRounds = 12;

// Sum of |contribution| of each source to the state at `target`, not yet shares.
void holdWeights(const GateTrace& trace, std::int64_t target, std::span<const std::int32_t> channels,
                 std::vector<double>& kept, std::vector<double>& weights)
{
    const auto width = static_cast<std::size_t>(trace.channels);
    const std::size_t count = channels.empty() ? width : channels.size();
    const auto channel = [&](std::size_t i) {
        return channels.empty() ? i : static_cast<std::size_t>(channels[i]);
    };
    kept.assign(count, 1.0);
    weights.assign(static_cast<std::size_t>(target) + 2, 0.0);
    for (std::int64_t s = target; s >= 0; --s) {
        const float* candidate = trace.candidate.data() + static_cast<std::size_t>(s) * width;
        const float* forget = trace.forget.data() + static_cast<std::size_t>(s) * width;
        double sum = 0.0;
        for (std::size_t i = 0; i < count; ++i) {
            sum += std::fabs(kept[i] * candidate[channel(i)]);
            kept[i] *= forget[channel(i)];
        }
        weights[static_cast<std::size_t>(s) + 1] = sum;
    }
    if (!trace.before.empty()) {
        for (std::size_t i = 0; i < count; ++i)
            weights[0] += std::fabs(kept[i] * trace.before[channel(i)]);
    }
}

void toShares(std::vector<double>& weights)
{
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (double& weight : weights)
        weight = total > 0.0 ? weight / total : 0.0;
}

// Rows of h over time, each with mean 0 and length 1, so that courses are compared and not sizes.
std::vector<float> normalizedCourses(std::span<const float> hidden, std::int64_t tokens,
                                     std::int64_t channels)
{
    std::vector<float> courses(hidden.size());
    for (std::int64_t channel = 0; channel < channels; ++channel) {
        double mean = 0.0, squares = 0.0;
        for (std::int64_t t = 0; t < tokens; ++t)
            mean += hidden[static_cast<std::size_t>(t * channels + channel)];
        mean /= static_cast<double>(tokens);
        for (std::int64_t t = 0; t < tokens; ++t)
            squares += std::pow(hidden[static_cast<std::size_t>(t * channels + channel)] - mean, 2.0);
        const double scale = squares > 0.0 ? 1.0 / std::sqrt(squares) : 0.0;
        for (std::int64_t t = 0; t < tokens; ++t)
            courses[static_cast<std::size_t>(channel * tokens + t)] =
                static_cast<float>((hidden[static_cast<std::size_t>(t * channels + channel)] - mean) * scale);
    }
    return courses;
}

std::vector<std::int64_t> clusterOrder(std::span<const float> hidden, std::int64_t tokens,
                                       std::int64_t channels)
{
    const std::vector<float> courses = normalizedCourses(hidden, tokens, channels);
    const auto length = static_cast<std::size_t>(tokens);
    const auto clusters = static_cast<std::size_t>(std::min<std::int64_t>(kClusters, channels));
    Random random(1);
    std::vector<double> centers;
    for (std::size_t k = 0; k < clusters; ++k) {
        const auto pick = static_cast<std::size_t>(random.below(static_cast<std::uint64_t>(channels)));
        centers.insert(centers.end(), courses.begin() + static_cast<std::ptrdiff_t>(pick * length),
                       courses.begin() + static_cast<std::ptrdiff_t>((pick + 1) * length));
    }
    std::vector<std::size_t> cluster(static_cast<std::size_t>(channels));
    std::vector<double> distance(cluster.size());
    for (int round = 0; round < kClusterRounds; ++round) {
        for (std::size_t channel = 0; channel < cluster.size(); ++channel) {
            distance[channel] = std::numeric_limits<double>::infinity();
            for (std::size_t k = 0; k < clusters; ++k) {
                double sum = 0.0;
                for (std::size_t t = 0; t < length; ++t)
                    sum += std::pow(courses[channel * length + t] - centers[k * length + t], 2.0);
                if (sum < distance[channel]) {
                    distance[channel] = sum;
                    cluster[channel] = k;
                }
            }
        }
        std::vector<std::int64_t> members(clusters);
        std::vector<double> sums(centers.size());
        for (std::size_t channel = 0; channel < cluster.size(); ++channel) {
            ++members[cluster[channel]];
            for (std::size_t t = 0; t < length; ++t)
                sums[cluster[channel] * length + t] += courses[channel * length + t];
        }
        for (std::size_t k = 0; k < clusters; ++k) {
            for (std::size_t t = 0; members[k] > 0 && t < length; ++t)
                centers[k * length + t] = sums[k * length + t] / static_cast<double>(members[k]);
        }
    }
    std::vector<std::int64_t> order(cluster.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
        const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
        return std::pair(cluster[i], distance[i]) < std::pair(cluster[j], distance[j]);
    });
    return order;
}

} // namespace

std::vector<float> contribution(const GateTrace& trace, std::int64_t source, std::int64_t target)
{
    assert(source >= -1 && source <= target && target < trace.tokens);
    const auto width = static_cast<std::size_t>(trace.channels);
    std::vector<float> result(width);
    for (std::size_t channel = 0; channel < width; ++channel) {
        double value = source >= 0 ? trace.candidate[static_cast<std::size_t>(source) * width + channel]
                       : trace.before.empty() ? 0.0
                                              : trace.before[channel];
        for (std::int64_t t = source + 1; t <= target; ++t)
            value *= trace.forget[static_cast<std::size_t>(t) * width + channel];
        result[channel] = static_cast<float>(value);
    }
    return result;
}

std::vector<double> holdShares(const GateTrace& trace, std::int64_t target,
                               std::span<const std::int32_t> channels)
{
    assert(target >= 0 && target < trace.tokens);
    std::vector<double> kept, weights;
    holdWeights(trace, target, channels, kept, weights);
    toShares(weights);
    return weights;
}

std::vector<float> holdMap(const GateTrace& trace, std::span<const std::int32_t> channels,
                           const std::stop_token& stop, const std::function<void(std::int64_t)>& done)
{
    std::vector<float> map(static_cast<std::size_t>(trace.tokens * trace.tokens));
    std::vector<double> kept, weights;
    for (std::int64_t target = 0; target < trace.tokens; ++target) {
        if (stop.stop_requested())
            return {};
        holdWeights(trace, target, channels, kept, weights);
        toShares(weights);
        for (std::int64_t s = 0; s <= target; ++s)
            map[static_cast<std::size_t>(target * trace.tokens + s)] =
                static_cast<float>(weights[static_cast<std::size_t>(s) + 1]);
        if (done)
            done(target);
    }
    return map;
}

double halfLife(double forgetGate)
{
    if (forgetGate <= 0.0)
        return 0.0;
    if (forgetGate >= 1.0)
        return std::numeric_limits<double>::infinity();
    return std::log(0.5) / std::log(forgetGate);
}

std::vector<float> meanForgetGate(const GateTrace& trace)
{
    const auto width = static_cast<std::size_t>(trace.channels);
    std::vector<double> sums(width);
    for (std::int64_t t = 0; t < trace.tokens; ++t) {
        for (std::size_t channel = 0; channel < width; ++channel)
            sums[channel] += trace.forget[static_cast<std::size_t>(t) * width + channel];
    }
    std::vector<float> means(width);
    for (std::size_t channel = 0; channel < width; ++channel)
        means[channel] =
            static_cast<float>(sums[channel] / static_cast<double>(std::max<std::int64_t>(trace.tokens, 1)));
    return means;
}

std::vector<float> forgetGateBounds(const ModelSource& source)
{
    const std::int64_t layers = source.config().layerCount, width = source.config().hiddenSize;
    std::vector<float> parameters(static_cast<std::size_t>(layers * width));
    source.floats("model.lower_bounds", parameters);
    return lowerBoundsFromParameters(parameters, layers, width);
}

std::vector<float> meanChange(std::span<const float> hidden, std::int64_t tokens, std::int64_t channels)
{
    const auto width = static_cast<std::size_t>(channels);
    std::vector<double> sums(width);
    for (std::size_t t = 0; t < static_cast<std::size_t>(tokens); ++t) {
        for (std::size_t channel = 0; channel < width; ++channel) {
            const float before = t > 0 ? hidden[(t - 1) * width + channel] : 0.0f;
            sums[channel] += std::fabs(hidden[t * width + channel] - before);
        }
    }
    std::vector<float> result(width);
    for (std::size_t channel = 0; channel < width; ++channel)
        result[channel] =
            static_cast<float>(sums[channel] / static_cast<double>(std::max<std::int64_t>(tokens, 1)));
    return result;
}

std::vector<std::int64_t> orderChannels(const GateTrace& trace, std::span<const float> hidden,
                                        ChannelOrder order)
{
    std::vector<std::int64_t> result(static_cast<std::size_t>(trace.channels));
    std::iota(result.begin(), result.end(), 0);
    if (order == ChannelOrder::Cluster && trace.tokens > 0)
        return clusterOrder(hidden, trace.tokens, trace.channels);
    if (order == ChannelOrder::HalfLife || order == ChannelOrder::Change) {
        const std::vector<float> key = order == ChannelOrder::HalfLife
                                           ? meanForgetGate(trace)
                                           : meanChange(hidden, trace.tokens, trace.channels);
        std::stable_sort(result.begin(), result.end(), [&](std::int64_t a, std::int64_t b) {
            return key[static_cast<std::size_t>(a)] > key[static_cast<std::size_t>(b)];
        });
    }
    return result;
}

std::vector<std::int32_t> channelsOn(std::span<const float> hidden, std::int64_t tokens,
                                     std::int64_t channels, std::int64_t first, std::int64_t last,
                                     float threshold, bool offOutside)
{
    std::vector<std::int32_t> result;
    const auto on = [&](std::int64_t t, std::int64_t channel) {
        return std::fabs(hidden[static_cast<std::size_t>(t * channels + channel)]) >= threshold;
    };
    for (std::int64_t channel = 0; channel < channels; ++channel) {
        bool selected = true;
        for (std::int64_t t = first; selected && t <= last; ++t)
            selected = on(t, channel);
        if (selected && offOutside)
            selected =
                (first == 0 || !on(first - 1, channel)) && (last + 1 >= tokens || !on(last + 1, channel));
        if (selected)
            result.push_back(static_cast<std::int32_t>(channel));
    }
    return result;
}

std::vector<int> countOn(std::span<const float> hidden, std::int64_t tokens, std::int64_t channels,
                         std::span<const std::int32_t> selected, float threshold)
{
    std::vector<int> counts(static_cast<std::size_t>(tokens));
    for (std::int64_t t = 0; t < tokens; ++t) {
        for (const std::int32_t channel : selected)
            counts[static_cast<std::size_t>(t)] +=
                std::fabs(hidden[static_cast<std::size_t>(t * channels + channel)]) >= threshold ? 1 : 0;
    }
    return counts;
}

std::vector<StateMatch> findMatches(std::span<const int> counts, std::int64_t selected, std::int64_t length,
                                    double least, std::size_t limit)
{
    std::vector<StateMatch> windows;
    const auto tokens = static_cast<std::int64_t>(counts.size());
    for (std::int64_t first = 0; selected > 0 && first + length <= tokens; ++first) {
        std::int64_t sum = 0;
        for (std::int64_t t = first; t < first + length; ++t)
            sum += counts[static_cast<std::size_t>(t)];
        const double on = static_cast<double>(sum) / static_cast<double>(selected * length);
        if (on >= least)
            windows.push_back({first, first + length - 1, on});
    }
    std::stable_sort(windows.begin(), windows.end(),
                     [](const StateMatch& a, const StateMatch& b) { return a.on > b.on; });
    std::vector<StateMatch> result;
    for (const StateMatch& window : windows) {
        if (result.size() == limit)
            break;
        const bool free = std::none_of(result.begin(), result.end(), [&](const StateMatch& taken) {
            return window.first <= taken.last && taken.first <= window.last;
        });
        if (free)
            result.push_back(window);
    }
    return result;
}

} // namespace mmfree
