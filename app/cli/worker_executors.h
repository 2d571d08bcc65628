// Executors for questions that do not depend on each other: on the CPU one single-threaded one for each
// thread, which is faster than sharing the work of a token; elsewhere one.
#pragma once

#include "app/cli/model_options.h"

namespace mmfree::cli
{

[[nodiscard]] std::vector<std::shared_ptr<InferenceExecutor>>
createWorkerExecutors(const std::shared_ptr<const ModelSource>& source, const ExecutionFlags& flags);

} // namespace mmfree::cli
