#include "app/cli/worker_executors.h"

#include "engine/core/thread_pool.h"

namespace mmfree::cli
{

std::vector<std::shared_ptr<InferenceExecutor>>
createWorkerExecutors(const std::shared_ptr<const ModelSource>& source, const ExecutionFlags& flags)
{
    ExecutionFlags single = flags;
    single.options.threads = 1;
    std::vector<std::shared_ptr<InferenceExecutor>> executors{createExecutor(source, single)};
    if (executors.front()->info().backend != "cpu")
        return {createExecutor(source, flags)};
    const int workers = flags.options.threads > 0 ? flags.options.threads : availableCores();
    while (static_cast<int>(executors.size()) < workers)
        executors.push_back(createExecutor(source, single));
    return executors;
}

} // namespace mmfree::cli
