// What a contender will need, computed from its configuration before anything is loaded, and whether that
// fits.
#pragma once

#include "engine/analysis/compare_types.h"
#include "engine/model/model_source.h"

#include <memory>
#include <string>
#include <vector>

namespace mmfree
{

// `source`: only described, no weights are read from a random one. State and activations for the workload's
// longest pass. Exact to a few percent for the cpu backend, an estimate by the same rules for others.
[[nodiscard]] MemoryPlan planMemory(const ModelSource& source, const Contender& contender,
                                    const Workload& workload);

// Tokens that a key-value cache has room for after a pass: it starts with what the first chunk needs and
// doubles when it is full.
[[nodiscard]] std::int64_t cacheCapacity(const Pass& pass);

struct MemoryBudget {
    std::int64_t total = 0, free = 0;
    double share = 0.9;     // of `free` that may be used
    std::int64_t taken = 0; // by contenders already planned into the same group
};
struct Fit {
    bool fits = false;
    std::string arithmetic; // "weights 85.6 MB + state 98.3 kB + ... = 95.1 MB; ..."
};
[[nodiscard]] Fit fitMemory(const MemoryPlan& plan, const MemoryBudget& budget, bool ternary);

// Everything known before running: architecture, availability, plan, arithmetic. Contenders that cannot run
// have ran = false and a reason; the others have ran = true, meaning that they will. Never throws for a
// contender's own faults, they are its reason.
[[nodiscard]] std::vector<ContenderResult>
planComparison(const CompareSetup& setup, const std::vector<std::shared_ptr<const Backend>>& backends,
               const Environment& environment);

[[nodiscard]] std::string sizeText(std::int64_t bytes); // "748.2 MB", units of 1000

} // namespace mmfree
