// Shares and means with 95 % intervals, as every measurement of answers reports them.
#pragma once

#include <cstdint>
#include <span>

namespace mmfree
{

struct Estimate {
    double value = 0.0;
    double low = 0.0, high = 0.0; // 95 % interval
    std::int64_t count = 0;       // independent observations; 0: nothing was measured, the rest is 0
};

// Wilson's interval around a share of `count` independent observations. `share` may be a mean of shares
// (several questions about one word are one observation).
[[nodiscard]] Estimate shareEstimate(double share, std::int64_t count);
// Normal interval around the mean of independent values, kept inside 0 .. 1.
[[nodiscard]] Estimate meanEstimate(std::span<const double> values);

} // namespace mmfree
