#include "engine/cpu/cpu_backend.h"

#include "engine/core/error.h"
#include "engine/cpu/cpu_features.h"
#include "engine/cpu/cpu_operators.h"
#include "engine/network/inference_executor.h"
#include "engine/network/training_executor.h"

#include <unistd.h>

namespace mmfree::cpu
{

static_assert(InferenceOperators<CpuOperators>);
static_assert(TrainingOperators<CpuOperators>);

namespace
{

void checkOptions(const ExecutorOptions& options)
{
    if (options.device != 0) {
        throw Error(ErrorCode::InvalidArgument,
                    "device is " + std::to_string(options.device) + ", needed: 0 (the cpu backend has one)");
    }
}

std::string threadsText(int threads)
{
    return std::to_string(threads) + (threads == 1 ? " thread" : " threads");
}

} // namespace

std::vector<DeviceInfo> CpuBackend::devices() const
{
    std::string variants;
    for (const KernelTable* kernels : usableKernels())
        variants += (variants.empty() ? "" : ", ") + std::string(kernels->name);
    const long pages = sysconf(_SC_PHYS_PAGES), pageBytes = sysconf(_SC_PAGESIZE);
    const bool known = pages > 0 && pageBytes > 0;
    return {{.name = processorName(),
             .memoryBytes = known ? static_cast<std::size_t>(pages) * static_cast<std::size_t>(pageBytes) : 0,
             .usable = true,
             .reason = {},
             .details = {threadsText(availableCores()), "instruction sets: " + variants}}};
}

std::unique_ptr<InferenceExecutor> CpuBackend::createInference(std::shared_ptr<const ModelSource> source,
                                                               const ExecutorOptions& options) const
{
    checkOptions(options);
    auto operators =
        std::make_unique<CpuOperators>(chooseKernels(options.isa), options.threads, options.packing);
    std::string description =
        std::string("CPU, ") + operators->kernels().name + ", " + threadsText(operators->threadCount());
    if (source->config().isTernary())
        description += options.packing == WeightPacking::Base3 ? ", 1.67-bit weights" : ", 2-bit weights";
    return makeNetworkExecutor(std::move(operators), std::move(source),
                               {.backend = name(), .description = description});
}

std::unique_ptr<TrainingExecutor> CpuBackend::createTraining(std::shared_ptr<const ParameterLayout> layout,
                                                             std::span<const float> initial,
                                                             const ExecutorOptions& options) const
{
    checkOptions(options);
    if (options.bitLinear == BitLinearStyle::Vanilla)
        throw Error(ErrorCode::Unavailable,
                    "the cpu backend has no vanilla BitLinear, needed: the cuda backend");
    auto operators =
        std::make_unique<CpuOperators>(chooseKernels(options.isa), options.threads, WeightPacking::TwoBit);
    const std::string description =
        std::string("CPU, ") + operators->kernels().name + ", " + threadsText(operators->threadCount());
    return makeNetworkTrainer(std::move(operators), std::move(layout), initial,
                              {.backend = name(), .description = description});
}

} // namespace mmfree::cpu
