// The child's side of a comparison: one contender in a process of its own, told what to do over standard
// input. Started by the runner through a program that calls runCompareWorker(), never by people.
#pragma once

#include "engine/runtime/backend.h"

#include <memory>
#include <vector>

namespace mmfree
{

// Serves requests until the other end closes, then ends the process. Returns the exit code when the
// connection breaks. Messages are JSON objects with "do": "load", "run", "trace" or "ceilings".
int runCompareWorker(const std::vector<std::shared_ptr<const Backend>>& backends);

} // namespace mmfree
