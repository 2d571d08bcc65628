#include "engine/reference/reference_backend.h"

#include "engine/network/training_executor.h"
#include "engine/reference/reference_operators.h"

namespace mmfree::reference
{

static_assert(InferenceOperators<ReferenceOperators>);
static_assert(TrainingOperators<ReferenceOperators>);

namespace
{

ExecutorInfo referenceInfo()
{
    return {.backend = "reference", .description = "reference, scalar, 1 thread"};
}

} // namespace

std::vector<DeviceInfo> ReferenceBackend::devices() const
{
    return {{.name = "scalar reference",
             .memoryBytes = 0,
             .usable = true,
             .reason = {},
             .details = {"1 thread, for checking"}}};
}

std::unique_ptr<InferenceExecutor>
ReferenceBackend::createInference(std::shared_ptr<const ModelSource> source, const ExecutorOptions&) const
{
    return makeNetworkExecutor(std::make_unique<ReferenceOperators>(), std::move(source), referenceInfo());
}

std::unique_ptr<TrainingExecutor>
ReferenceBackend::createTraining(std::shared_ptr<const ParameterLayout> layout,
                                 std::span<const float> initial, const ExecutorOptions& options) const
{
    if (options.bitLinear == BitLinearStyle::Vanilla)
        throw Error(ErrorCode::Unavailable,
                    "the reference backend has no vanilla BitLinear, needed: the cuda backend");
    return makeNetworkTrainer(std::make_unique<ReferenceOperators>(), std::move(layout), initial,
                              referenceInfo());
}

} // namespace mmfree::reference
