#include "engine/analysis/intervals.h"

#include <algorithm>
#include <cmath>

namespace mmfree
{

namespace
{
constexpr double kZ = 1.959963984540054; // 97.5 % quantile of the normal distribution
}

Estimate shareEstimate(double share, std::int64_t count)
{
    if (count <= 0)
        return {};
    const auto n = static_cast<double>(count);
    const double z2 = kZ * kZ;
    const double centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    const double half = kZ / (1.0 + z2 / n) * std::sqrt(share * (1.0 - share) / n + z2 / (4.0 * n * n));
    return {share, std::max(0.0, centre - half), std::min(1.0, centre + half), count};
}

Estimate meanEstimate(std::span<const double> values)
{
    if (values.empty())
        return {};
    const auto n = static_cast<double>(values.size());
    double sum = 0.0, squares = 0.0;
    for (const double value : values)
        sum += value;
    const double mean = sum / n;
    for (const double value : values)
        squares += (value - mean) * (value - mean);
    const double half = values.size() < 2 ? 1.0 : kZ * std::sqrt(squares / (n - 1.0) / n);
    return {mean, std::max(0.0, mean - half), std::min(1.0, mean + half),
            static_cast<std::int64_t>(values.size())};
}

} // namespace mmfree
