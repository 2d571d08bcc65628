// How many operations a second this processor can do at best, from registers alone: the flat roofs of a
// roofline chart. One multiplication and one addition count as two operations, for floats and for int8.
#pragma once

#include "engine/analysis/compare_types.h"

namespace mmfree
{

// Takes about a second and, for the bandwidth, up to a quarter of the free memory. `threads` 0: all cores.
[[nodiscard]] Ceilings measureCeilings(int threads);

} // namespace mmfree
