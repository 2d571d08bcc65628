// A comparison written by hand, so that every derived number can be checked by hand.
#pragma once

#include "engine/analysis/compare_types.h"

namespace mmfree::test
{

// A (ternary, baseline) and B (dense, emulated) over two rounds of one pass "4 read, 2 written"; C did not
// run. A: prefill 0.4 s and 0.2 s; tokens 10, 20 ms and 30, 40 ms. B: everything twice as long.
[[nodiscard]] CompareRun exampleRun();

} // namespace mmfree::test
